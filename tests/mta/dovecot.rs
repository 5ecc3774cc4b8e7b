//! Dovecot behind Postfix: a Sieve script that hands on a copy.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::FIRSTHAND;
use crate::harness::alone::run;
use crate::postfix;
use crate::world::{World, alone, recipe_file};

const PORT: u16 = 2525;

/// The user of the mailboxes.
const USER: &str = "vmail";

/// What Postfix needs beside its lab's settings: traps' mail goes to Dovecot.
const MAIN: &str = "relay_domains = traps.example, old-shop.example, club.example\nrelay_recipient_maps =\n\
                    relay_transport = lmtp:inet:127.0.0.1:2424\nsmtpd_recipient_restrictions = permit_mynetworks,\n \
                    reject_unauth_destination,\n check_recipient_access inline:{traps.example=permit, \
                    old-shop.example=permit, club.example=permit},\n reject_rbl_client bl.example=127.0.0.2\n";

/// A file of the recipe, with the places of this test.
fn placed(world: &World, name: &str) -> String {
    let folder = world.path("dovecot");
    recipe_file("dovecot-sieve", name)
        .replace("/usr/bin/firsthand", FIRSTHAND)
        .replace("/etc/firsthand/traps.token", folder.join("traps.token").to_str().unwrap())
        .replace("/etc/dovecot", folder.to_str().unwrap())
}

#[test]
fn by_sieve() {
    alone("dovecot-sieve", |world| {
        world.add_users(&[USER]);
        let settings = include_str!("settings/dovecot.conf").to_owned() + &placed(world, "dovecot.conf");
        let config = world.write("dovecot/dovecot.conf", &settings);
        let script = world.write("dovecot/traps.sieve", &placed(world, "traps.sieve"));
        let program = world.write("dovecot/sieve-pipe/firsthand-submit", &placed(world, "firsthand-submit"));
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        world.write("dovecot/traps.token", "a-token-for-tests-only\n");
        world.give_folder(&world.path("mail"), USER);
        run(Command::new("sievec").arg("-c").arg(&config).arg(&script));
        let mut dovecot = world.daemon("dovecot", Command::new("dovecot").arg("-F").arg("-c").arg(&config));
        dovecot.wait("Dovecot", || TcpStream::connect("127.0.0.1:2424").is_ok());
        let _running = postfix::start(world, MAIN, "");
        world.lists_the_guilty_only(PORT, 554);
        // The copy is a copy: the mailboxes have their mail.
        let kept = fs::read_dir(world.path("mail/sales@traps.example/Maildir/new")).unwrap().count();
        assert!(kept >= 10, "{kept}");
    });
}
