//! The ledger keeps each sample once, and takes evidence back as if it had never come.

use std::path::Path;

use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, UNITS_LIMIT, Unit, UnitKey, sample_id};
use firsthand_analyzer::nature::Nature;

use super::*;

const NOW: i64 = 500_000 * HOUR;

fn origin(text: &str) -> Origin {
    Origin::parse(text).unwrap()
}

fn fact(feed: &str, trap: &str, from: &str, number: u32, hour: i64) -> Fact {
    let unit = UnitKey {
        origin: origin(from),
        feed: feed.into(),
        trap: trap.into(),
        nature: Nature::Direct,
        null_sender: false,
        hour,
    };
    Fact {
        sample: sample_id(feed, trap, &number.to_le_bytes(), None),
        arrived: hour * HOUR * 1000,
        feed: feed.into(),
        trap: trap.into(),
        unit: Ok(unit),
        verdict: "{}".into(),
        proof: "[]".into(),
        framed: vec!["victim.example".into()],
    }
}

fn sorted(ledger: &Ledger, from: &str) -> Vec<Unit> {
    let mut units = ledger.units(origin(from)).unwrap();
    units.sort_by(|one, other| one.key.cmp(&other.key));
    units
}

fn origins(ledger: &Ledger) -> Vec<String> {
    ledger.origins_after("", 100).unwrap()
}

fn published(version: Version) -> Publication {
    Publication { at: version.at, version: Some(version), ..Publication::default() }
}

async fn record_all(folder: &Path, facts: &[Fact]) -> Ledger {
    let ledger = Ledger::open(folder).unwrap();
    for fact in facts {
        ledger.record(fact.clone()).await.unwrap();
    }
    ledger
}

/// G9, C04: a repeat counts once, whatever came between, and after the ledger was opened again.
#[tokio::test]
async fn a_sample_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let one = fact("own", "t1", "192.0.2.1", 1, 9);
    assert_eq!(ledger.record(one.clone()).await.unwrap(), Recorded::New);
    assert_eq!(ledger.record(one.clone()).await.unwrap(), Recorded::Known("counted".to_owned()));
    assert_eq!(ledger.take_touched().into_keys().collect::<Vec<_>>(), [origin("192.0.2.1")]);
    ledger.record(fact("own", "t1", "192.0.2.1", 2, 9)).await.unwrap();
    let units = sorted(&ledger, "192.0.2.1");
    assert_eq!((units.len(), units[0].samples), (1, 2));
    assert_eq!(ledger.framed("victim.example").unwrap().unwrap().samples, 2);
    assert!(matches!(Ledger::open(folder.path()), Err(LedgerError::InUse(_))));
    let beside = Ledger::look(folder.path()).unwrap();
    assert_eq!(sorted(&beside, "192.0.2.1"), units);
    assert!(matches!(beside.record(one.clone()).await, Err(LedgerError::Closed)));
}

/// C04: a unit stops counting at its limit, a flood of one trap included.
#[tokio::test]
async fn a_unit_counts_to_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let facts: Vec<Fact> = (0..300).map(|number| fact("own", "t1", "192.0.2.1", number, 9)).collect();
    let ledger = record_all(folder.path(), &facts).await;
    assert_eq!(sorted(&ledger, "192.0.2.1")[0].samples, 300);
    // A flood that came before, told short.
    let beside = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    beside.execute("UPDATE units SET samples = ?1", [SAMPLES_LIMIT - 1]).unwrap();
    for number in 300..303 {
        ledger.record(fact("own", "t1", "192.0.2.1", number, 9)).await.unwrap();
    }
    assert_eq!(sorted(&ledger, "192.0.2.1")[0].samples, SAMPLES_LIMIT);
}

/// G5: adding and withdrawing a feed equals never having had it; what it sends later does not count either.
#[tokio::test]
async fn a_withdrawn_feed_never_was() {
    let (with, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let own: Vec<Fact> =
        (0..20).map(|n| fact("own", &format!("t{}", n % 3), "192.0.2.1", n, 9 + i64::from(n % 2))).collect();
    let liar: Vec<Fact> = (0..40)
        .map(|n| fact("liar", &format!("t{}", n % 5), ["192.0.2.1", "203.0.113.9"][n as usize % 2], n, 9))
        .collect();
    let mixed: Vec<Fact> = own
        .iter()
        .zip(&liar)
        .flat_map(|(one, other)| [one.clone(), other.clone()])
        .chain(liar[20..].to_vec())
        .collect();
    let ledger = record_all(with.path(), &mixed).await;
    let clean = record_all(without.path(), &own).await;
    ledger.take_touched();
    let withdrawal = Withdrawal { feed: Some("liar".into()), ..Withdrawal::default() };
    let retract = Correction::Retract { withdrawal, reason: "it lies".into() };
    let outcome = ledger.correct(retract, "tester", NOW).await.unwrap();
    assert_eq!((outcome.number, outcome.samples, outcome.origins), (Some(1), 40, 2));
    assert_eq!(ledger.take_touched().len(), 2);
    ledger.record(fact("liar", "t9", "203.0.113.9", 99, 10)).await.unwrap();
    assert_eq!(sorted(&ledger, "192.0.2.1"), sorted(&clean, "192.0.2.1"));
    assert_eq!(sorted(&ledger, "203.0.113.9"), []);
    assert_eq!(origins(&ledger), origins(&clean));
    // It was a mistake: everything counts again, what came meanwhile as well.
    let outcome = ledger.correct(Correction::Restore { withdrawal: 1 }, "tester", NOW).await.unwrap();
    assert_eq!(outcome.samples, 41);
    assert_eq!(sorted(&ledger, "203.0.113.9").iter().map(|unit| unit.samples).sum::<u16>(), 21);
    let trail = ledger.audit(0, 9).unwrap();
    assert_eq!(trail.iter().map(|entry| entry.who.as_str()).collect::<Vec<_>>(), ["tester", "tester"]);
    assert_eq!(trail[0].what["asked"]["reason"], "it lies");
}

#[tokio::test]
async fn versions_and_listings_survive() {
    let folder = tempfile::tempdir().unwrap();
    let change = |origin: &str| Change {
        list: SPAM.into(),
        origin: origin.into(),
        since: NOW,
        until: NOW + 99,
        framing_cost: 2,
    };
    {
        let ledger = Ledger::open(folder.path()).unwrap();
        let versions = [
            Version {
                previous: 0,
                serial: 7,
                at: NOW,
                additions: vec![change("192.0.2.1"), change("192.0.2.2")],
                deletions: vec![],
            },
            Version { previous: 7, serial: 8, at: NOW + 1, additions: vec![], deletions: vec![change("192.0.2.2")] },
        ];
        tokio::task::spawn_blocking(move || {
            versions.into_iter().for_each(|version| ledger.publish(published(version)).unwrap())
        })
        .await
        .unwrap();
    }
    let ledger = Ledger::look(folder.path()).unwrap();
    assert_eq!(ledger.serial().unwrap(), 8);
    let changes = ledger.changes_after(0).unwrap().unwrap();
    let end = |address: &str| changes.ends[&(SPAM.to_owned(), address.to_owned())];
    assert_eq!((changes.serial, end("192.0.2.1"), end("192.0.2.2")), (8, Some(NOW + 99), None));
    assert_eq!(ledger.changes_after(7).unwrap().unwrap().ends.len(), 1);
    assert_eq!(ledger.changes_after(6).unwrap(), None);
    assert_eq!(ledger.published_after(&(String::new(), String::new()), 9).unwrap(), [change("192.0.2.1")]);
    assert_eq!(ledger.least_framing_cost(SPAM).unwrap(), Some(2));
    assert_eq!(ledger.listings(origin("192.0.2.2")).unwrap(), [(change("192.0.2.2"), Some(NOW + 1))]);
}

/// What is past its time goes, but not what a standing listing is replayed from, nor its proof.
#[tokio::test]
async fn the_past_is_dropped_but_not_what_stands_on_it() {
    let folder = tempfile::tempdir().unwrap();
    // 72 h, the day that presumes hours to be reflected, and the two that a clock may be ahead.
    let old = NOW / HOUR - 150;
    let facts = [
        fact("own", "t1", "192.0.2.1", 1, old),
        fact("own", "t1", "192.0.2.2", 2, old),
        fact("own", "t1", "192.0.2.3", 3, old + 99),
        fact("own", "t1", "192.0.2.4", 4, old + 10),
    ];
    let ledger = record_all(folder.path(), &facts).await;
    let listed =
        Change { list: SPAM.into(), origin: "192.0.2.1".into(), since: NOW - HOUR, until: NOW + HOUR, framing_cost: 1 };
    let kept = ledger.clone();
    tokio::task::spawn_blocking(move || {
        let version = Version { previous: 0, serial: 1, at: NOW, additions: vec![listed], deletions: vec![] };
        kept.publish(published(version)).unwrap();
        kept.purge(NOW, 72 * HOUR).unwrap();
    })
    .await
    .unwrap();
    assert_eq!(origins(&ledger), ["192.0.2.1", "192.0.2.3", "192.0.2.4"]);
    assert_eq!(ledger.counts().unwrap(), (3, 3));
}

/// F05: the registry id tells nothing of the address to whoever lacks the ledger's key.
#[test]
fn registry_ids_are_keyed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (Ledger::open(one.path()).unwrap(), Ledger::open(other.path()).unwrap());
    assert_eq!(one.trap_id("a@b.example"), one.trap_id("a@b.example"));
    assert_ne!(one.trap_id("a@b.example"), one.trap_id("b@b.example"));
    assert_ne!(one.trap_id("a@b.example"), other.trap_id("a@b.example"));
}

/// G9, C03: past the bound of an origin and feed, what is kept is what was newest, whatever the order; and a withdrawal
/// brings back what had made way.
#[tokio::test]
async fn a_feed_fills_only_its_own_bound() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut facts: Vec<Fact> = (0..6).map(|n| fact("own", &format!("t{n}"), "192.0.2.1", n, 9)).collect();
    // One trap of the liar's fills its bound over and over.
    let liar = (0..1100u32).map(|n| fact("liar", &format!("t{}", n % 7), "192.0.2.1", n, 10 + i64::from(n / 7)));
    facts.extend(liar);
    let ledger = record_all(one.path(), &facts).await;
    facts.reverse();
    let turned = record_all(other.path(), &facts).await;
    let units = sorted(&ledger, "192.0.2.1");
    assert_eq!(units, sorted(&turned, "192.0.2.1"));
    assert_eq!(units.iter().filter(|unit| unit.key.feed == "own").count(), 6);
    assert_eq!(units.iter().filter(|unit| unit.key.feed == "liar").count(), UNITS_LIMIT);
    let withdrawal = Withdrawal { trap: Some("t3".into()), ..Withdrawal::default() };
    let retract = Correction::Retract { withdrawal, reason: String::new() };
    ledger.correct(retract, "tester", NOW).await.unwrap();
    let without: Vec<Fact> = facts.iter().filter(|fact| fact.trap != "t3").cloned().collect();
    let never = tempfile::tempdir().unwrap();
    let never = record_all(never.path(), &without).await;
    assert_eq!(sorted(&ledger, "192.0.2.1"), sorted(&never, "192.0.2.1"));
}

/// F01: an address that asks again waits longer; whoever asks for others waits for the operator, in one place.
#[tokio::test]
async fn removals_by_self_service_wait_longer_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let ask = |proven: bool| Correction::AskRemoval { origin: origin("192.0.2.1"), proven };
    let mut now = NOW;
    let mut delays = Vec::new();
    for _ in 0..11 {
        let effective = ledger.correct(ask(true), "itself", now).await.unwrap().effective.unwrap();
        // Asking while one waits changes nothing.
        if effective > now {
            let again = ledger.correct(ask(true), "itself", now + 1).await.unwrap();
            assert_eq!((again.effective, again.origins), (Some(effective), 0));
        }
        delays.push((effective - now) / HOUR);
        now = effective + 2;
    }
    assert_eq!(delays, [0, 6, 12, 24, 48, 72, 72, 72, 72, 72, 72]);
    let first = ledger.correct(ask(false), "somebody", now).await.unwrap();
    let second = ledger.correct(ask(false), "somebody", now + 9).await.unwrap();
    assert_eq!((first.number, first.effective), (second.number, None));
    assert_eq!(ledger.requests(9).unwrap().len(), 1);
    let granted = Correction::AnswerRemoval { removal: first.number.unwrap(), granted: true };
    assert_eq!(ledger.correct(granted.clone(), "op", now + 20).await.unwrap().effective, Some(now + 20));
    assert!(ledger.correct(granted, "op", now + 20).await.unwrap().refused.is_some());
    assert_eq!(ledger.requests(9).unwrap(), []);
    let newest = ledger.removals(origin("192.0.2.1"), now).unwrap().into_iter().map(|removal| removal.asked).max();
    assert_eq!(newest, Some(now));
}

/// A ledger of the first version is brought up to date, with its units counted anew.
#[tokio::test]
async fn the_tables_of_the_first_version_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    drop(record_all(folder.path(), &[fact("own", "t1", "192.0.2.1", 1, 9)]).await);
    // The writer ends when its last caller is gone.
    std::thread::sleep(std::time::Duration::from_millis(200));
    let old = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    old.execute_batch(
        "DROP TABLE units; DROP TABLE removals; DROP TABLE exemptions; DROP TABLE traps; DROP TABLE pending;
         DROP TABLE brake; DROP TABLE audit; DROP INDEX listings_due; DROP INDEX listings_by_cost;
         DROP INDEX listings_ended; ALTER TABLE listings DROP COLUMN framing_cost;
         ALTER TABLE withdrawals DROP COLUMN reason; ALTER TABLE withdrawals DROP COLUMN work;
         ALTER TABLE withdrawals DROP COLUMN fact; DROP TABLE recounts; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let ledger = Ledger::open(folder.path()).unwrap();
    let units = sorted(&ledger, "192.0.2.1");
    assert_eq!((units.len(), units[0].samples, units[0].newest), (1, 1, 9 * HOUR));
}

/// What leaves nobody a way to tell what the disk holds breaks the ledger off: whoever opened it is told once, and every
/// write fails from then on. A full disk does not, nor does a lock.
#[tokio::test]
async fn a_failed_disk_breaks_the_ledger_off() {
    use rusqlite::ffi;
    static TOLD: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    let tell = |_: &LedgerError| {
        TOLD.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    };
    let ledger = Ledger::open_and_tell(folder.path(), tell).unwrap();
    let after = |code| {
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        matches!(ledger.shared.heed(error.into()), LedgerError::Broken { .. })
    };
    for code in [ffi::SQLITE_FULL, ffi::SQLITE_BUSY, ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_READONLY] {
        assert!(!after(code), "{code}");
    }
    ledger.record(fact("own", "t1", "192.0.2.1", 1, 9)).await.unwrap();
    for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CORRUPT] {
        assert!(after(code), "{code}");
    }
    assert_eq!(TOLD.load(std::sync::atomic::Ordering::SeqCst), 1);
    // One may have been on its way to the writer; the next finds it gone.
    for number in 2..4 {
        assert!(ledger.record(fact("own", "t1", "192.0.2.1", number, 9)).await.is_err());
    }
    drop(ledger);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let again = Ledger::open(folder.path()).unwrap();
    assert_eq!(
        again.record(fact("own", "t1", "192.0.2.1", 1, 9)).await.unwrap(),
        Recorded::Known("counted".to_owned())
    );
}

/// What adds nothing when it comes may add something when it comes again: its relay is declared since, or a withdrawal that
/// took it does not take what comes now. It counts once.
#[tokio::test]
async fn a_sample_that_counted_for_nothing_may_count_later() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    let one = fact("own", "t1", "192.0.2.1", 1, 9);
    let vain = Fact { unit: Err("top-line-not-ours"), ..one.clone() };
    assert_eq!(ledger.record(vain.clone()).await.unwrap(), Recorded::New);
    assert_eq!(ledger.record(vain.clone()).await.unwrap(), Recorded::Known("top-line-not-ours".to_owned()));
    assert_eq!(ledger.record(one.clone()).await.unwrap(), Recorded::New);
    for again in [&one, &vain, &one] {
        assert_eq!(ledger.record(again.clone()).await.unwrap(), Recorded::Known("counted".to_owned()));
    }
    assert_eq!(sorted(&ledger, "192.0.2.1").iter().map(|unit| unit.samples).collect::<Vec<_>>(), [1]);
    assert_eq!(ledger.framed("victim.example").unwrap().unwrap().samples, 1);

    let retract = async |withdrawal: Withdrawal| {
        let correction = Correction::Retract { withdrawal, reason: "a test".to_owned() };
        ledger.correct(correction, "tester", 10 * HOUR).await.unwrap();
    };
    let hour = |hour: i64| Some(hour * HOUR * 1000);
    retract(Withdrawal { since: hour(8), until: hour(10), ..Withdrawal::default() }).await;
    assert_eq!(sorted(&ledger, "192.0.2.1"), []);
    assert_eq!(ledger.record(one.clone()).await.unwrap(), Recorded::Known("withdrawn".to_owned()));
    let later = fact("own", "t1", "192.0.2.1", 1, 12);
    assert_eq!(ledger.record(later.clone()).await.unwrap(), Recorded::New);
    assert_eq!(sorted(&ledger, "192.0.2.1").len(), 1);
    // What is withdrawn by name stays so.
    retract(Withdrawal { sample: Some(later.sample), ..Withdrawal::default() }).await;
    assert_eq!(ledger.record(later).await.unwrap(), Recorded::Known("withdrawn".to_owned()));
    assert_eq!(sorted(&ledger, "192.0.2.1"), []);
}

/// Whoever reads an older state, as a backup does for minutes, does not keep a ledger from being opened.
#[tokio::test]
async fn a_reader_does_not_hold_up_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(folder.path()).unwrap();
    ledger.record(fact("own", "t1", "192.0.2.1", 1, 9)).await.unwrap();
    let reader = rusqlite::Connection::open(folder.path().join("ledger.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM facts;").unwrap();
    ledger.record(fact("own", "t1", "192.0.2.1", 2, 9)).await.unwrap();
    drop(ledger);
    std::thread::sleep(std::time::Duration::from_millis(200));
    let log = folder.path().join("ledger.sqlite-wal");
    let before = std::fs::read(&log).unwrap();
    let began = std::time::Instant::now();
    let ledger = Ledger::open(folder.path()).unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
    assert_eq!(std::fs::read(&log).unwrap(), before);
    assert_eq!(
        ledger.record(fact("own", "t1", "192.0.2.1", 2, 9)).await.unwrap(),
        Recorded::Known("counted".to_owned())
    );
    assert_eq!(ledger.record(fact("own", "t1", "192.0.2.1", 3, 9)).await.unwrap(), Recorded::New);
    let seen: i64 = reader.query_row("SELECT count(*) FROM facts", [], |row| row.get(0)).unwrap();
    assert_eq!(seen, 1);
    drop(reader);
    assert_eq!(sorted(&ledger, "192.0.2.1")[0].samples, 3);
}
