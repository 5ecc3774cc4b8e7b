//! Clients that hand in samples as fast as they are taken, and remember which were acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::harness::{Service, message};

const CLIENTS: usize = 4;

/// What was handed in, and what of it was acknowledged.
#[derive(Default)]
pub(crate) struct Load {
    next: AtomicUsize,
    acknowledged: Mutex<BTreeSet<String>>,
    sent: Mutex<BTreeSet<(String, Vec<u8>)>>,
    /// Whether what is handed in from now on must not be acknowledged.
    forbidden: AtomicBool,
    wrongly: Mutex<Vec<String>>,
    refused: Mutex<BTreeSet<String>>,
}

/// Tells the clients to stop when it goes.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Load {
    /// Hands in samples until `meanwhile` has ended.
    pub(crate) fn run(&self, service: &Service, meanwhile: impl FnOnce()) {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        self.hand_in(service);
                    }
                });
            }
            // Also where it fails.
            let _stop = Stop(&stop);
            meanwhile();
        });
    }

    fn hand_in(&self, service: &Service) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let trap = format!("trap@d{}.example", number % 3);
        let message = message(&format!("26.0.{}.{}", number / 250 % 250, number % 250), number);
        // Every fifth comes twice: it must count once.
        for _ in 0..1 + usize::from(number.is_multiple_of(5)) {
            let forbidden = self.forbidden.load(Ordering::SeqCst);
            match service.submit(&trap, &message) {
                Ok((202, body)) => {
                    let id = body["sample"].as_str().unwrap().to_owned();
                    if forbidden {
                        self.wrongly.lock().unwrap().push(id.clone());
                    }
                    self.acknowledged.lock().unwrap().insert(id);
                }
                Ok((status, body)) => drop(self.refused.lock().unwrap().insert(format!("{status} {}", body["error"]))),
                // The service is gone, and comes again.
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        self.sent.lock().unwrap().insert((trap, message));
    }

    /// From now on nothing may be acknowledged, but what was handed in before.
    pub(crate) fn forbid(&self) {
        self.forbidden.store(true, Ordering::SeqCst);
    }

    /// Whatever is handed in may be acknowledged again.
    pub(crate) fn allow(&self) {
        self.forbidden.store(false, Ordering::SeqCst);
    }

    /// How many were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Which were acknowledged.
    pub(crate) fn acknowledged_ids(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// How refusals were answered.
    pub(crate) fn refused(&self) -> BTreeSet<String> {
        self.refused.lock().unwrap().clone()
    }

    /// G9: every acknowledged sample is there once and counted once, and nothing else is but what was sent, and `others` that
    /// somebody else handed in.
    pub(crate) fn check(&self, service: &Service, others: usize, when: &str) {
        assert_eq!(*self.wrongly.lock().unwrap(), [""; 0], "{when}: acknowledged though it must not be");
        let kept = kept_in(&service.ledger());
        let acknowledged = self.acknowledged.lock().unwrap();
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "{when}: acknowledged but lost: {lost:?}");
        let (facts, distinct, counted) = counts(service);
        let sent = self.next.load(Ordering::Relaxed) + others;
        assert!(facts == distinct && counted == facts && facts <= sent, "{when}: {facts} {distinct} {counted} {sent}");
    }

    /// What was not acknowledged is sent again, with the rest, and then everything is there once, with `others` that somebody
    /// else handed in. How many these are.
    pub(crate) fn send_all_again(&self, service: &Service, others: usize) -> usize {
        let sent = self.sent.lock().unwrap();
        for (trap, message) in sent.iter() {
            assert_eq!(service.submit(trap, message).unwrap().0, 202);
        }
        let (facts, distinct, counted) = counts(service);
        assert_eq!((facts, distinct, counted), (sent.len() + others, facts, facts));
        facts
    }
}

/// The ledger beside its service.
pub(crate) fn open(service: &Service) -> Connection {
    Connection::open_with_flags(service.ledger(), OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

/// The samples that a ledger's file holds.
pub(crate) fn kept_in(path: &Path) -> BTreeSet<String> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
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
