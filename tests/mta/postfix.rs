//! Postfix: by LMTP, and by milter.

use std::fs;
use std::process::Command;

use crate::harness::alone::{Daemon, run};
use crate::sender::{greets, offer_mail};
use crate::world::{GUILTY, INNOCENT, TRAP_DOMAINS, USER, World, alone, recipe_file};

const PORT: u16 = 2525;

/// Starts Postfix on the lab's settings and a recipe's lines.
pub(crate) fn start(world: &World, main: &str, master: &str) -> Daemon {
    let config = world.write("postfix/etc/main.cf", &(include_str!("settings/postfix-main.cf").to_owned() + main));
    world.write("postfix/etc/master.cf", &(include_str!("settings/postfix-master.cf").to_owned() + master));
    for folder in ["queue", "data"] {
        fs::create_dir_all(world.path("postfix").join(folder)).unwrap();
    }
    run(Command::new("chown").arg("postfix").arg(world.path("postfix/data")));
    let mut command = Command::new("postfix");
    let mut postfix = world.daemon("postfix", command.arg("-c").arg(config.parent().unwrap()).arg("start-fg"));
    postfix.wait("Postfix", || greets(PORT));
    postfix
}

#[test]
fn by_lmtp() {
    alone("postfix-lmtp", |world| {
        const FILTER: &str = "traps-never-bounce";
        let filter = world.write(&format!("postfix/{FILTER}"), &recipe_file("postfix-lmtp", FILTER));
        let main = recipe_file("postfix-lmtp", "main.cf");
        let main = main.replace(&format!("/etc/postfix/{FILTER}"), filter.to_str().unwrap());
        // What is put off is given up at once.
        let main = main + "maximal_queue_lifetime = 0\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n";
        let _running = start(world, &main, &recipe_file("postfix-lmtp", "master.cf"));
        world.lists_the_guilty_only(PORT, 554);
        let log = world.mta_log();
        assert!(log.contains("postfix/lmtp") && log.contains("status=sent"), "{log}");
        assert!(!log.contains("status=bounced"), "{log}");
        // What Firsthand does not take in the end is told to nobody.
        assert!(world.service.run("feed", &["pause", "traps"]).status.success());
        assert_eq!(offer_mail(INNOCENT[0], &["LATE@Traps.example"], PORT).code, 250);
        world.wait_for_mta("status=expired");
        let log = world.mta_log();
        let id = log.lines().find(|line| line.contains("status=expired")).and_then(|line| line.split(": ").nth(1));
        world.wait_for_mta(&format!("{}: removed", id.unwrap()));
        let log = world.mta_log();
        assert!(log.contains("4.2.1") && !log.contains("non-delivery notification"), "{log}");
    });
}

#[test]
fn by_milter() {
    alone("postfix-milter", |world| {
        let _running = start(world, &recipe_file("postfix-milter", "main.cf"), "");
        world.lists_the_guilty_only(PORT, 554);
        // What goes to a person as well as to a trap reaches the person.
        let both = [USER, &format!("both@{}", TRAP_DOMAINS[0])];
        let taken = world.samples();
        let answer = offer_mail(INNOCENT[0], &both, PORT);
        assert_eq!((answer.code, world.samples()), (250, taken + 1), "{answer:?}");
        let log = world.mta_log();
        assert!(log.contains(&format!("to=<{USER}>")) && !log.contains("to=<both@"), "{log}");
        // Of mail to people it is told nothing.
        let answer = offer_mail(INNOCENT[0], &[USER], PORT);
        assert_eq!((answer.code, world.samples()), (250, taken + 1), "{answer:?}");
        assert!(GUILTY.iter().all(|guilty| world.is_listed(guilty)));
    });
}
