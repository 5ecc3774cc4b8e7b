//! Exim, by `dnslists`: as a daemon, and as `exim -bh` shows it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::network::{LISTED, Network, PAGE, SERVERS, UNLISTED, alone, mount, run};
use crate::resolvers::Resolver;
use crate::smtp::{greets, refuses_backscatter, refuses_what_is_listed};

const PORT: u16 = 2525;

/// The user that Debian's Exim looks for before it reads its settings.
const USER: &str = "Debian-exim";

/// Exim as `tests/run` unpacked it, or as it is installed.
fn program() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/clients/exim/usr/sbin/exim4");
    let found = [unpacked, "/usr/sbin/exim4".into()].into_iter().find(|path| path.exists());
    found.expect("no Exim: tests/run unpacks it")
}

/// Exim on its own settings, in a network where its user exists; the command.
fn exim(network: &Network) -> Command {
    for (file, line) in
        [("/etc/passwd", "x:64999:64999::/nonexistent:/usr/sbin/nologin\n"), ("/etc/group", "x:64999:\n")]
    {
        let mut text = fs::read_to_string(file).unwrap();
        if !text.contains(&format!("{USER}:")) {
            text += &format!("{USER}:{line}");
            mount(&network.write(&file[1..], &text), file);
        }
    }
    let config = network.write("exim/exim.conf", include_str!("settings/exim.conf"));
    fs::create_dir_all(network.path("exim/spool")).unwrap();
    run(Command::new("chown").arg("-R").arg(format!("{USER}:{USER}")).arg(network.path("exim")));
    // Exim reads no settings that others may write.
    run(Command::new("chown").arg("root:root").arg(&config));
    let mut command = Command::new(program());
    command.arg("-C").arg(config);
    command
}

#[test]
fn dnslists() {
    alone(|network| {
        let _resolving = Resolver::Unbound.start(network, SERVERS[0]);
        let mut exim = network.daemon("exim", exim(network).arg("-bdf"));
        exim.wait("Exim", || greets(PORT));
        refuses_what_is_listed(PORT, 550);
        refuses_backscatter(PORT, 550);
    });
}

/// How an administrator tries his settings: a session from an address that he names.
#[test]
fn dnslists_tried_by_hand() {
    alone(|network| {
        let _resolving = Resolver::Unbound.start(network, SERVERS[0]);
        let session = |address: &str| {
            let mut command = exim(network);
            command.args(["-bh", address]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut exim = command.spawn().unwrap();
            let dialogue =
                "EHLO mail.sender.example\r\nMAIL FROM:<a@sender.example>\r\nRCPT TO:<b@receiver.example>\r\nQUIT\r\n";
            exim.stdin.take().unwrap().write_all(dialogue.as_bytes()).unwrap();
            let output = exim.wait_with_output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
        };
        for (listed, unlisted) in LISTED.into_iter().zip(UNLISTED) {
            let said = session(listed);
            assert!(said.contains(&format!("550 {PAGE}{listed}\r\n")), "{said}");
            let said = session(unlisted);
            assert!(said.contains("250 Accepted") && !said.contains("550"), "{said}");
        }
    });
}
