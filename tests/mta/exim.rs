//! Exim: by LMTP, and by a pipe.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::FIRSTHAND;
use crate::harness::alone::{Daemon, run};
use crate::sender::{greets, offer_mail};
use crate::world::{INNOCENT, World, alone, recipe_file};

const PORT: u16 = 2525;

/// The user that Debian's Exim looks for before it reads its settings.
const USER: &str = "Debian-exim";

/// Exim as `tests/run` unpacked it, or as it is installed.
fn program() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/clients/exim/usr/sbin/exim4");
    let found = [unpacked, "/usr/sbin/exim4".into()].into_iter().find(|path| path.exists());
    found.expect("no Exim: tests/run unpacks it")
}

/// Starts Exim on the lab's settings and a recipe's parts, in which `from` is written `to`.
fn start(world: &World, recipe: &str, changes: &[(&str, &str)]) -> Daemon {
    world.add_users(&[USER]);
    let mut text = include_str!("settings/exim.conf").to_owned();
    for part in ["acl", "router", "transport"] {
        text = text.replace(&format!("{{{part}}}"), &recipe_file(recipe, &format!("{part}.conf")));
    }
    text = text.replace("{program}", program().to_str().unwrap());
    for (from, to) in changes {
        text = text.replace(from, to);
    }
    let config = world.write("exim/exim.conf", &text);
    world.give_folder(&world.path("exim/spool"), USER);
    world.give_folder(&world.path("exim"), USER);
    // Exim reads no settings that others may write.
    run(Command::new("chown").arg("root:root").arg(&config));
    let mut command = Command::new(program());
    let mut exim = world.daemon("exim", command.arg("-C").arg(config).args(["-bdf", "-q2s"]));
    exim.wait("Exim", || greets(PORT));
    exim
}

/// What Firsthand does not take in the end is told to nobody. Without retry rules Exim gives up at once.
fn gives_up_silently(world: &World) {
    assert!(world.service.run("feed", &["pause", "traps"]).status.success());
    assert_eq!(offer_mail(INNOCENT[0], &["late@club.example"], PORT).code, 250);
    world.wait_for_mta("error ignored");
    let log = world.mta_log();
    assert!(log.contains(" ** late@club.example") && !log.contains("<= <> R="), "{log}");
}

#[test]
fn by_lmtp() {
    alone("exim-lmtp", |world| {
        let _running = start(world, "exim-lmtp", &[]);
        world.lists_the_guilty_only(PORT, 550);
        assert!(
            !world.mta_log().contains("Completed with errors") && !world.mta_log().contains(" ** "),
            "{}",
            world.mta_log()
        );
        gives_up_silently(world);
    });
}

#[test]
fn by_pipe() {
    alone("exim-pipe", |world| {
        let token = world.write("traps.token", "a-token-for-tests-only\n");
        let _running = start(
            world,
            "exim-pipe",
            &[("/usr/bin/firsthand", FIRSTHAND), ("/etc/firsthand/traps.token", token.to_str().unwrap())],
        );
        world.lists_the_guilty_only(PORT, 550);
        assert!(!world.mta_log().contains(" ** "), "{}", world.mta_log());
        gives_up_silently(world);
    });
}
