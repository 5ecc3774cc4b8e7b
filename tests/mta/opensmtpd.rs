//! OpenSMTPD, by LMTP. It asks no list, so that nobody is refused here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::alone::run;
use crate::sender::greets;
use crate::world::{OWN, World, alone, recipe_file};

const PORT: u16 = 2525;

/// OpenSMTPD as `tests/run` unpacked it.
fn unpacked() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/clients/opensmtpd");
    assert!(folder.exists(), "no OpenSMTPD: tests/run unpacks it");
    folder
}

/// Puts what it needs where it looks for it, in this test alone.
fn install(world: &World) {
    world.add_users(&["opensmtpd", "opensmtpq"]);
    for folder in ["/usr/libexec", "/var/lib", "/var/spool"] {
        run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755", "tmpfs", folder]));
    }
    run(Command::new("cp").arg("-a").arg(unpacked().join("usr/libexec/opensmtpd")).arg("/usr/libexec/"));
    for (folder, owner, mode) in [
        ("/var/lib/opensmtpd/empty", "root:root", "755"),
        ("/var/spool/smtpd", "root:root", "711"),
        ("/var/spool/smtpd/offline", "root:opensmtpq", "770"),
        ("/var/spool/smtpd/purge", "opensmtpq:root", "700"),
        ("/var/spool/smtpd/temporary", "opensmtpq:root", "700"),
        ("/var/spool/smtpd/incoming", "opensmtpq:root", "700"),
        ("/var/spool/smtpd/queue", "opensmtpq:root", "700"),
        ("/var/spool/smtpd/corrupt", "opensmtpq:root", "700"),
    ] {
        fs::create_dir_all(folder).unwrap();
        run(Command::new("chown").args([owner, folder]));
        run(Command::new("chmod").args([mode, folder]));
    }
}

#[test]
fn by_lmtp() {
    alone("opensmtpd-lmtp", |world| {
        install(world);
        let listen: String =
            OWN.map(|address| format!("listen on {address} port {PORT} hostname mx1.traps.example\n")).concat();
        let config = world.write("opensmtpd/smtpd.conf", &(listen + &recipe_file("opensmtpd-lmtp", "smtpd.conf")));
        let program = unpacked().join("usr/sbin/smtpd");
        let mut smtpd = world.daemon("opensmtpd", Command::new(program).arg("-d").arg("-f").arg(config));
        smtpd.wait("OpenSMTPD", || greets(PORT));
        world.write_to_traps(PORT);
        world.lists_nobody_else();
        assert!(!world.mta_log().contains("result=\"PermFail\""), "{}", world.mta_log());
    });
}
