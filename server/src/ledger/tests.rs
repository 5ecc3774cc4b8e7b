//! The ledger keeps each sample once, and takes evidence back as if it had never come.

use std::path::Path;

use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, Unit, UnitKey, sample_id};
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
        sample: sample_id(feed, trap, &number.to_le_bytes()),
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
    assert_eq!(ledger.record(one.clone()).await.unwrap(), Recorded::Known);
    assert_eq!(ledger.take_touched().into_iter().collect::<Vec<_>>(), [origin("192.0.2.1")]);
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
    assert_eq!(ledger.withdraw(withdrawal, NOW).await.unwrap(), 40);
    assert_eq!(ledger.take_touched().len(), 2);
    ledger.record(fact("liar", "t9", "203.0.113.9", 99, 10)).await.unwrap();
    assert_eq!(sorted(&ledger, "192.0.2.1"), sorted(&clean, "192.0.2.1"));
    assert_eq!(sorted(&ledger, "203.0.113.9"), []);
    assert_eq!(ledger.origins().unwrap(), clean.origins().unwrap());
}

#[tokio::test]
async fn versions_and_listings_survive() {
    let folder = tempfile::tempdir().unwrap();
    let change = |origin: &str| Change { list: SPAM.into(), origin: origin.into(), since: NOW, until: NOW + 99 };
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
        tokio::task::spawn_blocking(move || versions.into_iter().for_each(|version| ledger.publish(version).unwrap()))
            .await
            .unwrap();
    }
    let ledger = Ledger::look(folder.path()).unwrap();
    assert_eq!(ledger.published().unwrap(), (8, vec![change("192.0.2.1")]));
    assert_eq!(ledger.listings(origin("192.0.2.2")).unwrap(), [(change("192.0.2.2"), Some(NOW + 1))]);
}

/// What is past its time goes, but not what a standing listing is replayed from, nor its proof.
#[tokio::test]
async fn the_past_is_dropped_but_not_what_stands_on_it() {
    let folder = tempfile::tempdir().unwrap();
    // 72 h and the day that presumes hours to be reflected.
    let old = NOW / HOUR - 100;
    let facts = [
        fact("own", "t1", "192.0.2.1", 1, old),
        fact("own", "t1", "192.0.2.2", 2, old),
        fact("own", "t1", "192.0.2.3", 3, old + 99),
    ];
    let ledger = record_all(folder.path(), &facts).await;
    let listed = Change { list: SPAM.into(), origin: "192.0.2.1".into(), since: NOW - HOUR, until: NOW + HOUR };
    let kept = ledger.clone();
    tokio::task::spawn_blocking(move || {
        kept.publish(Version { previous: 0, serial: 1, at: NOW, additions: vec![listed], deletions: vec![] }).unwrap();
        kept.purge(NOW, 72 * HOUR).unwrap();
    })
    .await
    .unwrap();
    assert_eq!(ledger.origins().unwrap(), [origin("192.0.2.1"), origin("192.0.2.3")].into());
    assert_eq!(ledger.counts().unwrap(), (2, 2));
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
