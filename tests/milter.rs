//! What does the milter take, what does it tell the MTA, and does anybody else's mail suffer from it?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use harness::{PATIENCE, Service, settings};
use hickory_proto::rr::RecordType;
use rustix::process::{Pid, Signal, kill_process};

/// All that version 6 of the protocol offers; the actions of Postfix and Sendmail.
const PROTOCOL: u32 = 0x1f_ffff;
const ACTIONS: u32 = 0x1ff;

/// An MTA's side of the protocol.
struct Mta<S>(S);

impl<S: Read + Write> Mta<S> {
    fn begin(stream: S) -> Self {
        let mut mta = Self(stream);
        mta.send(b'O', &[6, ACTIONS, PROTOCOL].map(u32::to_be_bytes).concat());
        assert_eq!(mta.reply().remove(0), b'O');
        mta
    }

    fn send(&mut self, command: u8, data: &[u8]) {
        self.0.write_all(&packet(command, data)).unwrap();
    }

    /// A reply's command and data.
    fn reply(&mut self) -> Vec<u8> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).unwrap();
        let mut reply = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut reply).unwrap();
        reply
    }

    /// A client has connected: IPv6 as Sendmail writes it. With macros, as MTAs send them.
    fn client(&mut self, peer: &str) {
        self.send(b'D', b"Cj\0mx.example.net\0{daemon_name}\0mx\0");
        let (family, tag) = if peer.contains(':') { ('6', "IPv6:") } else { ('4', "") };
        self.send(b'C', format!("mail.sender.example\0{family}\0\x19{tag}{peer}\0").as_bytes());
    }

    /// The envelope; what is said to DATA.
    fn envelope(&mut self, recipients: &[&str]) -> char {
        self.send(b'D', b"Mi\0queue-id\0{mail_addr}\0a@sender.example\0");
        self.send(b'M', b"<a@sender.example>\0SIZE=1000\0BODY=8BITMIME\0");
        for recipient in recipients {
            self.send(b'R', format!("<{recipient}>\0NOTIFY=NEVER\0").as_bytes());
        }
        self.send(b'D', b"Ti\0queue-id\0");
        self.send(b'T', b"");
        char::from(self.reply()[0])
    }

    /// The header and the body; all that is said then, but that the samples are being kept.
    fn content(&mut self, number: usize) -> Vec<String> {
        // A Received line that a client forged below what the MTA writes.
        self.send(
            b'L',
            b"Received\0 from x (unknown [26.9.9.9])\n\tby mx1.example.net (Postfix) with ESMTP id 1;\n\tMon, 23 Nov 2026 22:02:47 +0000\0",
        );
        self.send(b'L', format!("Subject\0 {number}\0").as_bytes());
        self.send(b'E', b"body\r\n");
        self.last_replies()
    }

    fn last_replies(&mut self) -> Vec<String> {
        let mut replies = Vec::new();
        loop {
            let reply = self.reply();
            let more = matches!(reply[0], b'p' | b'-');
            if reply[0] != b'p' {
                replies.push(String::from_utf8_lossy(&reply).trim_end_matches('\0').to_owned());
            }
            if !more {
                return replies;
            }
        }
    }

    /// A message for these recipients, from its envelope to what becomes of it.
    fn message(&mut self, recipients: &[&str], number: usize) -> Vec<String> {
        match self.envelope(recipients) {
            'c' => self.content(number),
            other => vec![other.to_string()],
        }
    }

    /// Whether the other side has closed.
    fn is_closed(&mut self) -> bool {
        // Closed with bytes of ours unread, it may be reset.
        self.0.read(&mut [0]).is_ok_and(|read| read == 0) || self.0.write_all(&packet(b'A', b"")).is_err()
    }
}

fn packet(command: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap().to_be_bytes();
    [&length[..], &[command], data].concat()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn mta(address: SocketAddr) -> Mta<TcpStream> {
    Mta::begin(connect(address))
}

/// Three traps, and a milter of each action for a feed with these settings more.
fn with_milters(feed: &str) -> String {
    let mut text = settings(3);
    text += &format!("[[feed]]\nname = \"mx\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.1\"]\n{feed}\n");
    for (number, action) in ["accept", "discard", "reject"].into_iter().enumerate() {
        let listen = format!("\"127.0.0.1:0\", \"unix:milter{number}\"");
        text += &format!("[[intake]]\nkind = \"milter\"\nlisten = [{listen}]\nfeed = \"mx\"\naction = {action:?}\n");
    }
    text
}

/// Where the milters listen, in the order of the settings.
fn milters(service: &Service) -> Vec<SocketAddr> {
    let said = service.announced.iter().filter_map(|line| line.split_once(": milter on ")?.1.parse().ok());
    said.collect()
}

fn refused(service: &Service, why: &str) -> u64 {
    let metrics = service.get("/metrics").1;
    let line = format!("firsthand_samples_refused_total{{why=\"{why}\"}} ");
    metrics.lines().find_map(|metric| metric.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

/// The client of the connect step is the origin, IPv4 and IPv6, over TCP and a Unix socket, each in its connection or one after
/// the other; what it forged is a claim.
#[test]
fn mail_to_traps_lists_the_client() {
    let service = Service::start(&with_milters(""));
    let mut over_tcp = mta(milters(&service)[0]);
    let stream = UnixStream::connect(service.folder.path().join("milter0")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut local = Mta::begin(stream);
    over_tcp.client("26.1.2.3");
    local.client("2a01:4f8:0:1::7");
    for trap in 0..3 {
        let recipients = [&*format!("trap@d{trap}.example"), "me@company.example"];
        assert_eq!(over_tcp.message(&recipients, trap), ["a"]);
        assert_eq!(local.message(&recipients, trap), ["a"]);
    }
    // The next client on the same connection, with one message for all traps, one of them twice.
    over_tcp.send(b'K', b"");
    over_tcp.client("26.1.2.4");
    let recipients = ["TRAP@d0.example", "trap@d1.example", "@a.example,@b.example:trap@d2.example", "trap@d1.example"];
    assert_eq!(over_tcp.message(&recipients, 9), ["a"]);
    over_tcp.send(b'Q', b"");
    assert!(over_tcp.is_closed());
    for listed in ["26.1.2.3", "26.1.2.4"] {
        service.wait("the client to be listed", |service| service.lists(listed));
    }
    let nibbles = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.8.f.4.0.1.0.a.2.bl.example.";
    service.wait("the /64 to be listed", |service| service.ask(nibbles, RecordType::A).1 == ["127.0.0.2"]);
    assert!(!service.lists("26.9.9.9"));
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 9"), "{metrics}");
}

/// What becomes of a message, by who gets it; other people's is not read.
#[test]
fn each_action() {
    let service = Service::start(&with_milters(""));
    let refusal = "y550 5.7.1 Message refused";
    let actions =
        [("a", vec!["a"]), ("d", vec!["-<trap@d0.example>", "a"]), (refusal, vec!["-<trap@d0.example>", "a"])];
    for (number, (alone, mixed)) in actions.into_iter().enumerate() {
        let mut mta = mta(milters(&service)[number]);
        mta.client("26.1.2.3");
        assert_eq!(mta.envelope(&["me@company.example", "you@company.example"]), 'a');
        mta.send(b'A', b"");
        assert_eq!(mta.message(&["trap@d0.example"], number * 2), [alone]);
        assert_eq!(mta.message(&["trap@d0.example", "me@company.example"], number * 2 + 1), mixed);
        // A message that ends before its time is none.
        assert_eq!(mta.envelope(&["trap@d0.example"]), 'c');
        mta.send(b'L', b"Subject\0 never\0");
        mta.send(b'A', b"");
        assert_eq!(mta.envelope(&["me@company.example"]), 'a');
    }
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 6"), "{metrics}");
}

/// Who is a trap is asked anew for each recipient, on connections that are open as well.
#[test]
fn a_reload_is_heeded() {
    let service = Service::start(&with_milters(""));
    let mut mta = mta(milters(&service)[0]);
    mta.client("26.1.2.3");
    assert_eq!(mta.envelope(&["late@d3.example"]), 'a');
    mta.send(b'A', b"");
    let settings = std::fs::read_to_string(service.config()).unwrap();
    std::fs::write(service.config(), settings.clone() + "[[trap]]\naddress = \"@d3.example\"\n").unwrap();
    assert!(service.run("reload", &[]).status.success());
    assert_eq!(mta.message(&["late@d3.example"], 1), ["a"]);
    assert_eq!(mta.message(&["Later@D3.example"], 1), ["a"]);
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 1"), "{metrics}");
    assert!(metrics.contains("firsthand_samples_repeated_total 1"), "{metrics}");
    std::fs::write(service.config(), settings).unwrap();
    assert!(service.run("reload", &[]).status.success());
    assert_eq!(mta.envelope(&["late@d3.example"]), 'a');
}

/// What cannot be kept comes again where it is for traps alone; other people's mail never waits for us.
#[test]
fn what_cannot_be_kept() {
    let service = Service::start(&with_milters("quota = \"2/d\""));
    for (number, address) in milters(&service).into_iter().enumerate() {
        let mut mta = mta(address);
        mta.client("26.1.2.3");
        if number == 0 {
            // Of two traps one is over the quota, so that neither is answered for.
            assert_eq!(mta.message(&["trap@d0.example"], 1), ["a"]);
            assert_eq!(mta.message(&["trap@d0.example", "trap@d1.example"], 2), ["t"]);
        }
        assert_eq!(mta.message(&["trap@d0.example"], 3), ["t"]);
        assert_eq!(mta.message(&["trap@d0.example", "me@company.example"], 4), ["a"]);
    }
    assert_eq!(refused(&service, "over-quota"), 7);
    assert_eq!(service.log().matches("without its sample").count(), 1, "{}", service.log());
}

/// While the ledger cannot write, the MTA is told that we are still there, and then to try again.
#[test]
fn a_ledger_that_does_not_write() {
    let service = Service::start(&with_milters(""));
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let addresses = milters(&service);
    let ask = |recipients: &'static [&'static str]| {
        let mut mta = mta(addresses[1]);
        mta.client("26.1.2.3");
        assert_eq!(mta.envelope(recipients), 'c');
        mta.send(b'E', b"body");
        std::thread::spawn(move || (char::from(mta.reply()[0]), mta.last_replies()))
    };
    let (alone, mixed) = (ask(&["trap@d0.example"]), ask(&["trap@d1.example", "me@company.example"]));
    assert_eq!(mixed.join().unwrap(), ('p', vec!["a".to_owned()]));
    assert_eq!(alone.join().unwrap(), ('p', vec!["t".to_owned()]));
    ledger.execute_batch("ROLLBACK").unwrap();
    assert_eq!(refused(&service, "not-durable"), 2);
    let mut mta = mta(addresses[1]);
    mta.client("26.1.2.3");
    service.wait("the ledger to write again", |_| true);
    assert_eq!(mta.message(&["trap@d0.example"], 5), ["d"]);
}

/// Garbage, lengths without end, a message without end, clients that send a byte at a time or go away: each harms itself.
#[test]
fn hostile_and_slow_mtas() {
    let service = Service::start(&with_milters(""));
    let address = milters(&service)[0];
    let mut slow = connect(address);
    let offer = packet(b'O', &[6, ACTIONS, PROTOCOL].map(u32::to_be_bytes).concat());
    let said = [
        offer.clone(),
        packet(b'C', b"x\x004\0\x1926.1.2.3\0"),
        packet(b'M', b"<>\0"),
        packet(b'R', b"<trap@d0.example>\0"),
        packet(b'T', b""),
        packet(b'L', b"Subject\0 slow\0"),
        packet(b'E', b"body"),
    ]
    .concat();
    let (begun, rest) = said.split_at(said.len() / 2);
    begun.iter().for_each(|byte| slow.write_all(&[*byte]).unwrap());
    for garbage in [
        b"\xff\xff\xff\xff".to_vec(),
        b"EHLO mail.sender.example\r\n".to_vec(),
        [offer.clone(), packet(b'C', b"x")].concat(),
        [offer.clone(), packet(b'E', b"")].concat(),
        [offer.clone(), b"\0\0\0\0".to_vec()].concat(),
    ] {
        let mut mta = Mta(connect(address));
        mta.0.write_all(&garbage).unwrap();
        if garbage.starts_with(&offer) {
            mta.reply();
        }
        assert!(mta.is_closed());
    }
    // One that goes away in the midst of a packet, and one that says nothing more.
    connect(address).write_all(&offer[..7]).unwrap();
    let silent = connect(address);
    silent.shutdown(std::net::Shutdown::Write).unwrap();
    // A field of a megabyte is no packet; a body that is too long is not asked for to its end, and delivered.
    let mut mta = mta(address);
    mta.client("26.1.2.3");
    assert_eq!(mta.envelope(&["trap@d0.example"]), 'c');
    let piece = vec![b'x'; 65_535];
    let mut pieces = 0;
    loop {
        mta.send(b'B', &piece);
        pieces += 1;
        match mta.reply()[0] {
            b'c' => assert!(pieces * piece.len() < 51 << 20),
            said => break assert_eq!(char::from(said), 'a'),
        }
    }
    assert!(pieces * piece.len() > 50 << 20);
    assert_eq!(refused(&service, "too-large"), 1);
    // The next message of the same client is taken.
    mta.send(b'A', b"");
    assert_eq!(mta.message(&["trap@d0.example"], 1), ["a"]);
    assert_eq!(mta.envelope(&["trap@d0.example"]), 'c');
    mta.0.write_all(&(1_u32 << 24).to_be_bytes()).unwrap();
    assert!(mta.is_closed());
    rest.iter().for_each(|byte| slow.write_all(&[*byte]).unwrap());
    let mut slow = Mta(slow);
    assert_eq!([slow.reply()[0], slow.reply()[0]], *b"Oc");
    assert_eq!(slow.last_replies(), ["a"]);
    assert_eq!(service.log().matches("is not the milter protocol").count(), 1, "{}", service.log());
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    assert!(peak.is_some_and(|peak: u64| peak < 300 << 10), "{status}");
}

/// Whoever is in no feed's networks brings nothing.
#[test]
fn strangers_are_turned_away() {
    let elsewhere = with_milters("").replace("networks = [\"127.0.0.1\"]", "networks = [\"127.0.0.9\"]");
    let service = Service::start(&elsewhere);
    for _ in 0..3 {
        assert!(Mta(connect(milters(&service)[0])).is_closed());
    }
    assert_eq!(service.log().matches("it comes from no `networks`").count(), 1, "{}", service.log());
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_refused_total{why=\"unknown-client\"} 3"), "{metrics}");
}

/// What a milter sees lacks the line that its MTA will write, so that the first line is its sender's: a feed that reads headers
/// takes nothing from it, though the client is in its networks.
#[test]
fn a_feed_that_reads_headers_takes_nothing_from_a_milter() {
    let text = with_milters("").replace("feed = \"mx\"\n", "").replace(", \"unix:milter0\"", "");
    let text = text.replace(", \"unix:milter1\"", "").replace(", \"unix:milter2\"", "");
    let text = text.replace("networks = [\"127.0.0.1\"]", "networks = [\"127.0.0.9\"]");
    let text = text.replacen("relays = [\"mx1\"]", "relays = [\"mx1\"]\nnetworks = [\"127.0.0.1\"]", 1);
    let service = Service::start(&text);
    assert!(Mta(connect(milters(&service)[0])).is_closed());
    assert!(service.log().contains("boundary = \\\"channel\\\"") || service.log().contains("boundary = \"channel\""));
}

/// Mail that people wanted counts for them, and is never withheld.
#[test]
fn wanted_mail_goes_on() {
    let service = Service::start(&with_milters("kind = \"wanted\""));
    let mut mta = mta(milters(&service)[1]);
    mta.client("26.1.2.3");
    assert_eq!(mta.message(&["me@company.example", "trap@d0.example"], 1), ["a"]);
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"attributed\"} 2"), "{metrics}");
}

/// A service that stops ends what it began, and no more.
#[test]
fn a_stop_ends_messages_that_have_begun() {
    let mut service = Service::start(&with_milters(""));
    let address = milters(&service)[0];
    let (mut idle, mut busy) = (mta(address), mta(address));
    idle.client("26.1.2.3");
    busy.client("26.1.2.4");
    assert_eq!(busy.envelope(&["trap@d0.example"]), 'c');
    let process = Pid::from_raw(i32::try_from(service.id()).unwrap()).unwrap();
    kill_process(process, Signal::TERM).unwrap();
    assert!(idle.is_closed());
    let began = Instant::now();
    assert_eq!(busy.content(1), ["a"]);
    assert!(busy.is_closed() && began.elapsed() < Duration::from_secs(5));
    service.wait_for_end();
    service.restart();
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let facts: i64 = ledger.query_row("SELECT count(*) FROM facts", [], |row| row.get(0)).unwrap();
    assert_eq!(facts, 1);
}
