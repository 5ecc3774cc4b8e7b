//! Is every acknowledged sample there once, and no other, however often the process is killed? (G9)
//!
//! `FIRSTHAND_KILLS` sets how often; the suite kills 8 times.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{Service, message, settings};
use rusqlite::{Connection, OpenFlags};

const CLIENTS: usize = 4;

#[test]
fn kill_at_random_moments_under_load() {
    let kills: usize = std::env::var("FIRSTHAND_KILLS").map_or(8, |text| text.parse().unwrap());
    let mut service = Service::start(&settings(3));
    let (next, acknowledged, sent) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()), Mutex::new(BTreeSet::new()));
    for round in 0..kills {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let trap = format!("trap@d{}.example", number % 3);
                        let message = message(&format!("26.0.{}.{}", number / 250 % 250, number % 250), number);
                        // Every fifth comes twice: it must count once.
                        for _ in 0..1 + usize::from(number % 5 == 0) {
                            let answer = service.submit(&trap, &message);
                            if let Ok((202, body)) = answer {
                                let id = body["sample"].as_str().unwrap().to_owned();
                                acknowledged.lock().unwrap().insert(id);
                            }
                        }
                        sent.lock().unwrap().insert((trap, message));
                    }
                });
            }
            // The clock's nanoseconds are random enough for a moment.
            let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
            std::thread::sleep(Duration::from_millis(100 + u64::from(nanos % 400)));
            // Ended by its id while the clients go on; they see broken connections, which count for nothing.
            let ended = std::process::Command::new("kill").args(["-9", &service.id().to_string()]).status().unwrap();
            assert!(ended.success());
            std::thread::sleep(Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
        });
        service.kill_and_restart();
        check(&service, &acknowledged.lock().unwrap(), next.load(Ordering::Relaxed), round);
    }
    // What was not acknowledged is sent again, and then everything is there once.
    for (trap, message) in sent.lock().unwrap().iter() {
        assert_eq!(service.submit(trap, message).unwrap().0, 202);
    }
    let (facts, distinct, counted) = counts(&service);
    assert_eq!((facts, distinct, counted), (sent.lock().unwrap().len(), facts, facts));
    assert!(facts > 20 * kills, "only {facts} samples: that was no load");
}

fn check(service: &Service, acknowledged: &BTreeSet<String>, sent: usize, round: usize) {
    let kept = kept(service);
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "round {round}: acknowledged but lost: {lost:?}");
    let (facts, distinct, counted) = counts(service);
    assert!(
        facts == distinct && counted == facts && facts <= sent,
        "round {round}: {facts} {distinct} {counted} {sent}"
    );
}

fn open(service: &Service) -> Connection {
    Connection::open_with_flags(service.ledger(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

fn kept(service: &Service) -> BTreeSet<String> {
    let connection = open(service);
    let mut statement = connection.prepare("SELECT lower(hex(sample)) FROM facts").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// Facts, distinct samples, and what the units sum to.
fn counts(service: &Service) -> (usize, usize, usize) {
    let sql = "SELECT (SELECT count(*) FROM facts), (SELECT count(DISTINCT sample) FROM facts), (SELECT coalesce(sum(samples), 0) FROM units)";
    let (facts, distinct, counted): (i64, i64, i64) =
        open(service).query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    (facts as usize, distinct as usize, counted as usize)
}
