//! Postfix, by its own restrictions and by postscreen.

use std::fs;
use std::process::Command;

use crate::network::{Daemon, Network, SERVERS, alone, run};
use crate::resolvers::{Resolver, Resolving};
use crate::smtp::{greets, refuses_backscatter, refuses_what_is_listed};

/// Where smtpd listens, and where postscreen does, in `settings/master.cf`.
const SMTPD: u16 = 2525;
const POSTSCREEN: u16 = 2526;

/// Starts Postfix on its own settings and queue, and the resolver that it asks.
fn start(network: &Network) -> (Resolving, Daemon) {
    let resolving = Resolver::Unbound.start(network, SERVERS[0]);
    let config = network.write("postfix/etc/main.cf", include_str!("settings/main.cf"));
    network.write("postfix/etc/master.cf", include_str!("settings/master.cf"));
    for folder in ["queue", "data"] {
        fs::create_dir(network.path("postfix").join(folder)).unwrap();
    }
    run(Command::new("chown").arg("postfix").arg(network.path("postfix/data")));
    let mut command = Command::new("postfix");
    let mut postfix = network.daemon("postfix", command.arg("-c").arg(config.parent().unwrap()).arg("start-fg"));
    postfix.wait("Postfix", || greets(SMTPD));
    (resolving, postfix)
}

#[test]
fn reject_rbl_client() {
    alone(|network| {
        let _running = start(network);
        refuses_what_is_listed(SMTPD, 554);
        refuses_backscatter(SMTPD, 554);
    });
}

/// It looks while it lets the client wait, and waits no longer for an answer: 550, where smtpd has 554.
#[test]
fn postscreen() {
    alone(|network| {
        let _running = start(network);
        refuses_what_is_listed(POSTSCREEN, 550);
    });
}
