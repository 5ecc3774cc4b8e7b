//! A wall clock that is wrong.

use std::time::Duration;

use hickory_proto::rr::RecordType;

use crate::harness::{Service, message, reversed, settings};
use crate::load::{Load, open};
use crate::shim::Shim;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// So short that a day ends every listing.
const POLICY: &str = "[policy]\nhalf-life = \"6h\"\nhard-limit = \"12h\"\n";

const LISTED: &str = "83.70.211.36";

/// Set forward by a day and back by an hour, while it runs and between two starts: every acknowledged sample counts once, the
/// log tells, and the zone is right when the clock is, without hands.
#[test]
fn a_wrong_clock_loses_nothing() {
    let (mut service, shim) = Shim::start(&(settings(3) + POLICY));
    let load = Load::default();
    for trap in 0..3 {
        let message = message(LISTED, 900_000 + trap);
        assert_eq!(service.submit(&format!("trap@d{trap}.example"), &message).unwrap().0, 202);
    }
    service.wait("a listing", is_listed);
    load.run(&service, || {
        let set = |seconds: i64, lists: bool| {
            std::thread::sleep(Duration::from_millis(200));
            shim.set_clock_ahead(seconds);
            service.wait(&format!("ahead by {seconds} s"), |service| is_listed(service) == lists);
        };
        set(DAY, false);
        set(0, true);
        // The evidence is of an hour that is still to come, in which it lists again.
        set(-HOUR, false);
        set(0, true);
    });
    assert!(load.acknowledged() > 40);
    load.check(&service, 3, "while it ran");
    let log = service.log();
    for told in ["was set forward by 1day", "was set back by 1day", "was set back by 1h", "was set forward by 1h"] {
        // A second may pass between the looks.
        let count = log.lines().filter(|line| line.contains(told) || line.contains(&less(told))).count();
        assert_eq!(count, 1, "{told}: {log}");
    }
    // Between two starts.
    for (seconds, lists) in [(DAY, false), (0, true), (-HOUR, false), (0, true)] {
        service.kill();
        shim.set_clock_ahead(seconds);
        service.restart();
        service.wait(&format!("started ahead by {seconds} s"), |service| is_listed(service) == lists);
        load.run(&service, || std::thread::sleep(Duration::from_millis(200)));
        load.check(&service, 3, &format!("started ahead by {seconds} s"));
    }
    let log = service.log();
    assert!(log.contains("ahead of the wall clock, which was set back since"), "{log}");
    let wrong: i64 = open(&service)
        .query_row("SELECT count(*) FROM journal WHERE previous >= serial", [], |row| row.get(0))
        .unwrap();
    assert_eq!(wrong, 0, "a serial that does not rise");
    load.send_all_again(&service, 3);
}

/// What a step may be told as, if it was looked at a second late.
fn less(told: &str) -> String {
    told.replace("1day", "23h 59m 59s").replace("1h", "59m 59s")
}

/// At the moment in which a clock is set, the publisher was last heard of at another time: SERVFAIL.
fn is_listed(service: &Service) -> bool {
    service.ask(&reversed(LISTED), RecordType::A).1 == ["127.0.0.2"]
}
