//! Clients that hand in samples as fast as they are taken, over HTTP and by LMTP in turn where the service listens for it, and
//! remember which were acknowledged.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use firsthand_analyzer::evidence::sample_id;
use rusqlite::{Connection, OpenFlags};

use crate::harness::{self, PATIENCE, Service, message};

const CLIENTS: usize = 4;

/// Settings with three traps, whose mail comes over HTTP and by LMTP.
pub(crate) fn settings() -> String {
    let settings =
        harness::settings(3).replacen("relays = [\"mx1\"]", "relays = [\"mx1\"]\nnetworks = [\"127.0.0.1\"]", 1);
    settings + "[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"traps\"\n"
}

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
    /// The registry ids of the traps.
    traps: OnceLock<Vec<String>>,
}

/// Where the service takes mail by LMTP, if it does.
fn lmtp(service: &Service) -> Option<&str> {
    service.announced.iter().find_map(|line| line.split_once("lmtp on ")).map(|(_, address)| address)
}

/// Hands one message in by LMTP; the reply to its end, or what broke it off.
fn deliver(address: &str, trap: &str, message: &[u8]) -> io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    stream.get_ref().set_read_timeout(Some(PATIENCE))?;
    let mut reply = |said: &[u8]| -> io::Result<String> {
        stream.get_mut().write_all(said)?;
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    };
    let recipient = format!("RCPT TO:<{trap}>\r\n");
    for said in ["", "LHLO mx1.example.net\r\n", "MAIL FROM:<a@sender.example>\r\n", &recipient, "DATA\r\n"] {
        let answer = reply(said.as_bytes())?;
        if answer.starts_with(['4', '5']) {
            return Ok(answer);
        }
    }
    reply(&[message, b".\r\n"].concat())
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
        // While it can be asked.
        self.id(service, 0, b"");
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
        let mut message = message(&format!("26.0.{}.{}", number / 250 % 250, number % 250), number);
        let lmtp = lmtp(service).filter(|_| number.is_multiple_of(2));
        if lmtp.is_some() {
            message = String::from_utf8(message).unwrap().replace('\n', "\r\n").into_bytes();
        }
        // Every fifth comes twice: it must count once.
        for _ in 0..1 + usize::from(number.is_multiple_of(5)) {
            let forbidden = self.forbidden.load(Ordering::SeqCst);
            let answer = match lmtp {
                Some(address) => deliver(address, &trap, &message).map(|reply| match reply.starts_with("250") {
                    true => Ok(self.id(service, number % 3, &message)),
                    false => Err(reply.trim_end().to_owned()),
                }),
                None => service.submit(&trap, &message).map(|(status, body)| match status {
                    202 => Ok(body["sample"].as_str().unwrap().to_owned()),
                    status => Err(format!("{status} {}", body["error"])),
                }),
            };
            match answer {
                Ok(Ok(id)) => {
                    if forbidden {
                        self.wrongly.lock().unwrap().push(id.clone());
                    }
                    self.acknowledged.lock().unwrap().insert(id);
                }
                Ok(Err(refused)) => drop(self.refused.lock().unwrap().insert(refused)),
                // The service is gone, and comes again.
                Err(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        self.sent.lock().unwrap().insert((trap, message));
    }

    /// The id of a sample of the feed `traps`, as the service makes it.
    fn id(&self, service: &Service, trap: usize, message: &[u8]) -> String {
        let ids = self.traps.get_or_init(|| {
            let of_trap = |trap: usize| {
                let output = service.run("trap", &["id", &format!("trap@d{trap}.example")]);
                String::from_utf8(output.stdout).unwrap().trim().to_owned()
            };
            (0..3).map(of_trap).collect()
        });
        sample_id("traps", &ids[trap], message, None).iter().map(|octet| format!("{octet:02x}")).collect()
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
