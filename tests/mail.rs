//! Does mail that comes by LMTP and SMTP become what it proves, exactly once, whoever sends it and however?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::{PATIENCE, Service, message, settings};
use hickory_proto::rr::RecordType;

/// Two more feeds, which hand in from this machine: one that reads headers, and one that sees the peer.
const FEEDS: &str = "[[feed]]\nname = \"read\"\ntoken = \"a-token-for-tests-two\"\nrelays = [\"mx1\"]\nnetworks = [\"127.0.0.1\"]\n\
                     [[feed]]\nname = \"seen\"\ntoken = \"a-token-for-tests-three\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.1\"]\n";

/// A service with three traps, these feeds, and these channels.
fn service(intakes: &str) -> Service {
    Service::start(&(settings(3) + FEEDS + intakes))
}

/// Where a channel of this kind listens, the `number`th of its kind.
fn door(service: &Service, kind: &str, number: usize) -> SocketAddr {
    let what = format!(": {kind} on ");
    let lines = service.announced.iter().filter_map(|line| line.split_once(&what));
    lines
        .map(|(_, address)| address)
        .filter(|address| !address.starts_with("unix:"))
        .nth(number)
        .unwrap()
        .parse()
        .unwrap()
}

/// A client of SMTP or LMTP.
struct Client<S: Read + Write>(BufReader<S>);

impl Client<TcpStream> {
    /// One that has connected and was told nothing yet.
    fn silent(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    fn new(server: SocketAddr) -> Self {
        let mut client = Self::silent(server);
        assert!(client.reply().starts_with("220 "));
        client
    }
}

impl<S: Read + Write> Client<S> {
    fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(octets.as_ref()).unwrap();
    }

    /// The last line of the next reply; empty if the connection has ended.
    fn reply(&mut self) -> String {
        loop {
            let mut line = String::new();
            match self.0.read_line(&mut line) {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) if line.as_bytes().get(3) == Some(&b'-') => {}
                Ok(_) => return line.trim_end().to_owned(),
            }
        }
    }

    /// Says one line; the reply.
    fn say(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n"));
        self.reply()
    }

    /// The replies to lines that are said at once, codes only.
    fn codes(&mut self, lines: &[&str]) -> Vec<String> {
        self.send(lines.iter().map(|line| format!("{line}\r\n")).collect::<String>());
        lines.iter().map(|_| self.reply().split(' ').next().unwrap().to_owned()).collect()
    }

    /// Sends a message to one recipient; what is said at its end.
    fn deliver(&mut self, recipient: &str, message: &[u8]) -> String {
        for line in ["MAIL FROM:<spam@sender.example>", &format!("RCPT TO:<{recipient}>")] {
            let said = self.say(line);
            assert!(said.starts_with("250 "), "{said}");
        }
        assert!(self.say("DATA").starts_with("354 "));
        self.send([&stuffed(message)[..], b".\r\n"].concat());
        self.reply()
    }
}

/// A message as a client sends it, but for the end.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(message).replace("\r\n", "\n").replace("\n.", "\n..").replace('\n', "\r\n");
    text.into_bytes()
}

/// Spam that names others than whoever sent it.
fn spam(number: usize) -> Vec<u8> {
    format!(
        "Received: from [26.66.66.66] (unknown [26.66.66.66])\n\tby mx1.example.net (Postfix) with ESMTP id {number:010X}\n\
         \tfor <trap@d0.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\nX-Originating-IP: [26.66.66.66]\nSubject: {number}\n\n\
         .body\n"
    )
    .into_bytes()
}

/// Of the ledger: a number.
fn count(service: &Service, query: &str) -> i64 {
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    ledger.query_row(query, [], |row| row.get(0)).unwrap()
}

fn facts(service: &Service) -> i64 {
    count(service, "SELECT count(*) FROM facts")
}

/// The origins that anything counts against.
fn origins(service: &Service) -> Vec<String> {
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let mut query = ledger.prepare("SELECT DISTINCT origin FROM units ORDER BY origin").unwrap();
    let origins = query.query_map([], |row| row.get(0)).unwrap();
    origins.map(Result::unwrap).collect()
}

fn metric(service: &Service, name: &str) -> f64 {
    let text = service.get("/metrics").1;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap_or_default()
}

/// From an MTA of ours to DNS: over TCP and a Unix socket, IPv4 and IPv6, by the peer that XFORWARD states or by the headers.
#[test]
fn what_comes_by_lmtp_is_listed() {
    let service = service(
        "[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\", \"unix:lmtp\"]\nfeed = \"seen\"\n\
         [[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"read\"\n\
         [[intake]]\nkind = \"smtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n",
    );
    let mut seen = Client::new(door(&service, "lmtp", 0));
    assert!(seen.say("LHLO mx1.example.net").starts_with("250 "));
    for trap in 0..3 {
        assert_eq!(seen.say("XFORWARD NAME=x ADDR=26.1.2.3 PORT=4000 PROTO=ESMTP HELO=[26.66.66.66]"), "250 2.0.0 Ok");
        assert_eq!(seen.deliver(&format!("trap@d{trap}.example"), &spam(trap)), "250 2.0.0 Ok: taken");
    }
    let path = service.folder.path().join("lmtp");
    assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let mut unix = Client(BufReader::new(UnixStream::connect(&path).unwrap()));
    assert!(unix.reply().starts_with("220 ") && unix.say("LHLO x").starts_with("250 "));
    for trap in 0..3 {
        unix.say("XFORWARD ADDR=IPV6:2a01:4f8:0:1::7");
        assert!(unix.deliver(&format!("trap@d{trap}.example"), &spam(trap)).starts_with("250 "));
    }
    let mut read = Client::new(door(&service, "lmtp", 1));
    read.say("LHLO x");
    for trap in 0..3 {
        read.say("XFORWARD ADDR=26.1.2.5");
        assert!(read.deliver(&format!("trap@d{trap}.example"), &message("26.1.2.5", trap)).starts_with("250 "));
    }
    read.say("XFORWARD ADDR=26.1.2.6");
    assert!(read.deliver("trap@d0.example", &message("26.1.2.7", 9)).starts_with("250 "));
    let mut smtp = Client::new(door(&service, "smtp", 0));
    smtp.say("EHLO x");
    for trap in 0..3 {
        smtp.say("XFORWARD ADDR=26.1.2.8");
        assert!(smtp.deliver(&format!("trap@d{trap}.example"), &spam(trap)).starts_with("250 "));
    }
    // A hop inside the machine, and none at all: nobody was seen.
    for stated in ["ADDR=127.0.0.1", "ADDR=[UNAVAILABLE]", "HELO=x"] {
        smtp.say(&format!("XFORWARD {stated}"));
        assert!(smtp.deliver("trap@d0.example", &spam(100)).starts_with("250 "));
    }
    // That is what an operator sees who forgot to let the MTA state it.
    assert_eq!(service.log().matches("came without the peer that its MTA saw").count(), 1, "{}", service.log());
    for listed in ["26.1.2.3", "26.1.2.5", "26.1.2.8"] {
        service.wait(listed, |service| service.lists(listed));
    }
    let six = format!("{}{}bl.example.", "0.".repeat(16), "1.0.0.0.0.0.0.0.8.f.4.0.1.0.a.2.");
    service.wait("the /64", |service| service.ask(&six, RecordType::A).1 == ["127.0.0.2"]);
    assert_eq!(origins(&service), ["26.1.2.3", "26.1.2.5", "26.1.2.8", "2a01:4f8:0:1::/64"]);
    assert_eq!(metric(&service, "firsthand_samples_total{verdict=\"contradicted\"}"), 1.0);
    assert!(!service.lists("26.66.66.66"));
}

/// RFC 2033 §4.2: a reply for each recipient, when each sample is durable; the traps of a domain that is one are one sample.
#[test]
fn each_recipient_is_answered() {
    let quota = "[[feed]]\nname = \"few\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.1\"]\nquota = \"3/d\"\n\
                 [[trap]]\naddress = \"@all.example\"\n[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"few\"\n";
    let service = service(quota);
    let mut client = Client::new(door(&service, "lmtp", 0));
    let said = client.codes(&[
        "LHLO x",
        "XFORWARD ADDR=26.1.2.3",
        "MAIL FROM:<> SIZE=99 BODY=8BITMIME SMTPUTF8",
        "RCPT TO:<trap@d0.example>",
        "RCPT TO:<nobody@d0.example>",
        "RCPT TO:<@relay.example:Trap@D1.example>",
        "RCPT TO:<a@all.example>",
        "RCPT TO:<\u{e4}@all.example>",
        "RCPT TO:<trap@d2.example>",
        "DATA",
    ]);
    assert_eq!(said, ["250", "250", "250", "250", "550", "250", "250", "250", "452", "354"]);
    client.send(b"Subject: \xc3\xa4\r\n\r\n\xff\0\r\n.\r\nNOOP\r\n");
    let replies: Vec<String> = (0..5).map(|_| client.reply()).collect();
    assert_eq!(replies[..4], ["250 2.0.0 Ok: taken"; 4].map(String::from));
    assert_eq!(replies[4], "250 2.0.0 Ok");
    assert_eq!(facts(&service), 3);
    let refused = |why: &str| metric(&service, &format!("firsthand_samples_refused_total{{why=\"{why}\"}}"));
    assert_eq!((refused("unknown-trap"), refused("over-quota")), (1.0, 1.0));
    // Nobody is accepted: no message.
    let said = client.codes(&["MAIL FROM:<>", "RCPT TO:<trap@d2.example>", "DATA", "RSET"]);
    assert_eq!(said, ["250", "452", "503", "250"]);
    assert!(client.say("MAIL FROM:<> SIZE=60000000").starts_with("552 5.3.4"));
    assert!(client.say("QUIT").starts_with("221 ") && client.reply().is_empty());
}

/// RFC 2920 and RFC 3030: messages that come without waiting for answers, and in chunks, are answered in order.
#[test]
fn pipelined_and_in_chunks() {
    let service = service("[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n");
    let mut client = Client::new(door(&service, "lmtp", 0));
    let mut all = b"LHLO x\r\n".to_vec();
    for number in 0..50 {
        all.extend(
            format!("XFORWARD ADDR=26.1.2.3\r\nMAIL FROM:<>\r\nRCPT TO:<trap@d{}.example>\r\nDATA\r\n", number % 3)
                .bytes(),
        );
        all.extend(stuffed(&spam(number)));
        all.extend(b".\r\n");
    }
    all.extend(
        b"MAIL FROM:<>\r\nRCPT TO:<trap@d0.example>\r\nBDAT 13\r\nSubject: x\r\n\nBDAT 7 LAST\r\n\r\n.\r\nxxQUIT\r\n",
    );
    client.send(&all);
    assert!(client.reply().starts_with("250 "));
    for _ in 0..50 {
        let said: Vec<String> = (0..5).map(|_| client.reply()[..3].to_owned()).collect();
        assert_eq!(said, ["250", "250", "250", "354", "250"]);
    }
    let said: Vec<String> = (0..5).map(|_| client.reply()).collect();
    assert_eq!(said[2..4], ["250 2.0.0 Ok", "250 2.0.0 Ok: taken"].map(String::from));
    assert!(said[4].starts_with("221 "));
    assert_eq!((facts(&service), origins(&service)), (51, vec!["26.1.2.3".to_owned()]));
}

/// What only looks like the end of a message is in it: each of these is one sample, of whoever sent it.
#[test]
fn smuggled_mail_is_one_sample_of_its_sender() {
    let service = service("[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n");
    let ends = [
        "\n.\n",
        "\n.\r\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\r\n.\r\r\n",
        "\r\n\0.\r\n",
        "\n\n.\r\n",
        "\r\n.\0\r\n",
        "\r\r\n\r.\r\n",
        "\r\n. \r\n",
        "\r\n..\r\n",
    ];
    let mut client = Client::new(door(&service, "lmtp", 0));
    client.say("LHLO x");
    for (number, end) in ends.iter().enumerate() {
        for trap in 0..3 {
            let address = format!("26.1.{number}.3");
            client.say(&format!("XFORWARD ADDR={address}"));
            let smuggled = "XFORWARD ADDR=26.66.66.66\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<trap@d1.example>\r\nDATA\r\n\
                            Subject: smuggled\r\n\r\nx";
            client.codes(&["MAIL FROM:<>", &format!("RCPT TO:<trap@d{trap}.example>"), "DATA"]);
            client.send(format!("Subject: {number}\r\n\r\nx{end}{smuggled}\r\n.\r\n"));
            assert!(client.reply().starts_with("250 "));
            // Nothing more is said than what was asked.
            assert_eq!(client.say("NOOP"), "250 2.0.0 Ok", "{end:?}");
        }
        assert_eq!(facts(&service), 3 * (number as i64 + 1), "{end:?}");
    }
    let all: Vec<String> = (0..ends.len()).map(|number| format!("26.1.{number}.3")).collect();
    let mut found = origins(&service);
    found.sort_by_key(|origin| origin.split('.').nth(2).unwrap().parse::<usize>().unwrap());
    assert_eq!(found, all);
    // A bare LF among commands ends the session, whatever stands behind it.
    assert!(client.say("NOOP x\nXFORWARD ADDR=26.66.66.66").starts_with("521 "));
    assert!(client.reply().is_empty());
}

/// A client that no feed names is told so, and nothing is taken from it.
#[test]
fn strangers_bring_nothing_to_a_listener_of_ours() {
    let elsewhere = "[[feed]]\nname = \"far\"\nboundary = \"channel\"\nnetworks = [\"10.1.1.0/24\"]\n";
    let lmtp = "[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"far\"\n";
    let service = service(&format!("{elsewhere}{lmtp}{lmtp}proxies = [\"127.0.0.1\"]\n"));
    for _ in 0..3 {
        let mut client = Client::silent(door(&service, "lmtp", 0));
        assert_eq!(client.reply(), "421 4.7.1 Nothing is taken from here");
        assert!(client.reply().is_empty());
    }
    assert_eq!(service.log().matches("was turned away").count(), 1, "{}", service.log());
    let proxied = |header: &str| {
        let mut client = Client::silent(door(&service, "lmtp", 1));
        client.send(header);
        client.reply()
    };
    assert!(proxied("PROXY TCP4 10.1.1.7 127.0.0.1 4000 24\r\n").starts_with("220 "));
    assert!(proxied("PROXY TCP4 10.1.2.7 127.0.0.1 4000 24\r\n").starts_with("421 4.7.1 "));
    // From a proxy there must be one.
    assert_eq!(proxied("LHLO x\r\n"), "");
    let refused = metric(&service, "firsthand_samples_refused_total{why=\"unknown-client\"}");
    assert_eq!(refused, 4.0);
}

const TRAP_SERVER: &str = "[[intake]]\nkind = \"trap-server\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n\
                           hostname = \"mx.d0.example\"\n";

/// The trap server knows the peer itself, or by a proxy that is named, and from nobody else.
#[test]
fn the_trap_server_knows_its_peer() {
    let service = service(&format!(
        "{TRAP_SERVER}{TRAP_SERVER}proxies = [\"127.0.0.1\"]\n{TRAP_SERVER}xclient = [\"127.0.0.1\"]\n"
    ));
    let (plain, proxied, stated) =
        (door(&service, "trap-server", 0), door(&service, "trap-server", 1), door(&service, "trap-server", 2));
    let header = |source: [u8; 4]| {
        let addresses = [&source[..], &[127, 0, 0, 1, 15, 160, 0, 25, 4, 0, 1, 0]].concat();
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &[0, addresses.len() as u8], &addresses].concat()
    };
    for trap in 0..3 {
        let recipient = format!("trap@d{trap}.example");
        let mut client = Client::silent(proxied);
        client.send(format!("PROXY TCP4 26.1.2.3 192.0.2.25 {trap} 25\r\n"));
        assert_eq!(client.reply(), "220 mx.d0.example ESMTP");
        assert!(client.say("HELO [26.66.66.66]").starts_with("250 "));
        // Nobody speaks for others behind it.
        assert!(client.say("XCLIENT ADDR=26.66.66.66").starts_with("500 "));
        assert!(client.say("XFORWARD ADDR=26.66.66.66").starts_with("500 "));
        assert!(client.say("PROXY TCP4 26.66.66.66 192.0.2.25 1 25").starts_with("500 "));
        assert_eq!(client.deliver(&recipient, &spam(trap)), "250 2.0.0 Ok: taken");
        let mut client = Client::silent(proxied);
        client.send([&header([26, 1, 2, 4])[..], b"EHLO x\r\n"].concat());
        assert!(client.reply().starts_with("220 ") && client.reply().starts_with("250 "));
        assert!(client.deliver(&recipient, &spam(trap)).starts_with("250 "));
        let mut client = Client::new(stated);
        assert!(client.say("EHLO x").starts_with("250 XCLIENT"));
        assert!(client.say("XCLIENT ADDR=26.1.2.5 NAME=[UNAVAILABLE]").starts_with("220 "));
        assert!(client.say("EHLO x").starts_with("250 "));
        assert!(client.say("XCLIENT ADDR=26.66.66.66").starts_with("503 "));
        assert!(client.deliver(&recipient, &spam(trap)).starts_with("250 "));
    }
    let mut client = Client::new(plain);
    for (line, code) in [
        ("PROXY TCP4 26.66.66.66 192.0.2.25 1 25", "500 "),
        ("EHLO x", "250 CHUNKING"),
        ("XCLIENT ADDR=26.66.66.66", "500 "),
        ("VRFY trap@d0.example", "252 "),
        ("EXPN trap@d0.example", "500 "),
    ] {
        assert!(client.say(line).starts_with(code), "{line}");
    }
    // The peer is this machine, which is none that could be listed.
    assert!(client.deliver("trap@d0.example", &spam(7)).starts_with("250 "));
    for begin in ["EHLO x\r\n", "PROXY TCP4 26.66.66.66\r\n", "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"] {
        let mut client = Client::silent(proxied);
        client.send(begin);
        assert_eq!(client.reply(), "", "{begin:?}");
    }
    for listed in ["26.1.2.3", "26.1.2.4", "26.1.2.5"] {
        service.wait(listed, |service| service.lists(listed));
    }
    assert_eq!(origins(&service), ["26.1.2.3", "26.1.2.4", "26.1.2.5"]);
}

/// What a stranger is told, with every setting. The postmaster is always there (RFC 5321 §4.5.1), and is no trap.
#[test]
fn a_trap_server_as_its_operator_wants_it() {
    let behind = |more: &str| format!("{TRAP_SERVER}proxies = [\"127.0.0.1\"]\n{more}");
    let service = service(&format!(
        "[[trap]]\naddress = \"@all.example\"\n{}{}{}",
        behind(""),
        behind("unknown-recipients = \"accept\"\n"),
        behind("action = \"reject\"\ngreeting-delay = \"1s\"\nrcpt-delay = \"1s\"\n"),
    ));
    let connect = |number| {
        let mut client = Client::silent(door(&service, "trap-server", number));
        client.send(b"PROXY TCP4 26.1.2.3 192.0.2.25 4000 25\r\n");
        assert!(client.reply().starts_with("220 "));
        client.say("HELO x");
        client
    };
    let mut strict = connect(0);
    let said = strict.codes(&[
        "mail from:a@b SIZE=x",
        "RCPT TO:trap@d0.example",
        "RCPT TO:<nobody@d0.example>",
        "RCPT TO:<Postmaster>",
        "RCPT TO:<trap@d1.example>",
        "DATA",
    ]);
    assert_eq!(said, ["250", "250", "550", "250", "250", "354"]);
    strict.send(b"Subject: x\r\n\r\nx\r\n.\r\n");
    assert_eq!((strict.reply().as_str(), facts(&service)), ("250 2.0.0 Ok: taken", 2));
    // A recipient without a message is no evidence (ATTACKS B07), nor is what the postmaster of a whole domain is told.
    strict.codes(&["MAIL FROM:<>", "RCPT TO:<trap@d0.example>", "RSET"]);
    assert_eq!(strict.deliver("postmaster@all.example", &spam(1)), "250 2.0.0 Ok: taken");
    assert_eq!(facts(&service), 2);
    assert_eq!(strict.deliver("anybody@all.example", &spam(1)), "250 2.0.0 Ok: taken");
    assert_eq!(facts(&service), 3);

    // Hit or miss, a stranger sees the same, and as late.
    let mut quiet = connect(1);
    let mut answers = |recipient: &str, number| {
        let began = Instant::now();
        let said = quiet.codes(&["MAIL FROM:<a@b.example>", &format!("RCPT TO:<{recipient}>"), "DATA"]);
        quiet.send([&stuffed(&spam(number))[..], b".\r\n"].concat());
        (said, quiet.reply(), began.elapsed())
    };
    let (hit, miss) = (answers("trap@d0.example", 2), answers("nobody@nowhere.example", 3));
    assert_eq!((&hit.0, &hit.1), (&miss.0, &miss.1));
    assert_eq!(hit.1, "250 2.0.0 Ok: taken");
    for (_, _, took) in [&hit, &miss] {
        assert!(took.as_millis() >= 250, "{took:?}");
    }
    assert_eq!(facts(&service), 4);

    let began = Instant::now();
    let mut rejecting = connect(2);
    assert_eq!(rejecting.deliver("trap@d2.example", &spam(4)), "550 5.7.1 Not wanted");
    assert!(began.elapsed() > Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(facts(&service), 5);
}

/// What is durable is said to be; what could not be made so is not, and counts once when it comes again.
#[test]
fn a_ledger_that_cannot_write_is_told() {
    let service = service("[[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n");
    let mut client = Client::new(door(&service, "lmtp", 0));
    client.0.get_ref().set_read_timeout(Some(3 * PATIENCE)).unwrap();
    client.say("LHLO x");
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    ledger.busy_timeout(PATIENCE).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    client.say("XFORWARD ADDR=26.1.2.3");
    assert_eq!(client.deliver("trap@d0.example", &spam(1))[..9], *"451 4.3.0");
    ledger.execute_batch("ROLLBACK").unwrap();
    client.say("XFORWARD ADDR=26.1.2.3");
    assert_eq!(client.deliver("trap@d0.example", &spam(1))[..9], *"250 2.0.0");
    assert_eq!((facts(&service), count(&service, "SELECT sum(samples) FROM units")), (1, 1));
}

/// Ends a process of this test when the test ends.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        signal(self.0, "KILL");
    }
}

fn signal(id: u32, name: &str) {
    assert!(id > 1, "a process of this test, never a group");
    let _ = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).status();
}

/// Mail that comes all through an upgrade, by a Unix socket that stays where it is: nothing that was acknowledged is lost.
#[test]
fn an_upgrade_loses_no_mail() {
    let service = service("[[intake]]\nkind = \"lmtp\"\nlisten = [\"unix:lmtp\"]\nfeed = \"seen\"\n");
    let path = service.folder.path().join("lmtp");
    let inode = || std::os::unix::fs::MetadataExt::ino(&fs::symlink_metadata(&path).unwrap());
    let before = inode();
    let stop = AtomicBool::new(false);
    let deliver = |number: usize| -> Option<()> {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
        let mut client = Client(BufReader::new(stream));
        if !client.reply().starts_with("220 ") {
            return None;
        }
        let whole = format!(
            "LHLO x\r\nXFORWARD ADDR=26.1.2.3\r\nMAIL FROM:<>\r\nRCPT TO:<trap@d0.example>\r\nDATA\r\nSubject: {number}\r\n\r\nx\r\n.\r\n"
        );
        client.0.get_mut().write_all(whole.as_bytes()).ok()?;
        (0..6).map(|_| client.reply()).last().filter(|said| said.starts_with("250 2.0.0")).map(drop)
    };
    let taken = AtomicUsize::new(0);
    let (mut idle, _last) = thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..5_000 {
                taken.fetch_add(usize::from(deliver(number).is_some()), Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let more = |service: &Service| {
            let before = taken.load(Ordering::Relaxed);
            service.wait("more mail", |_| taken.load(Ordering::Relaxed) > before + 10);
        };
        let mut idle = Client(BufReader::new(UnixStream::connect(&path).unwrap()));
        assert!(idle.reply().starts_with("220 "));
        more(&service);
        signal(service.id(), "USR2");
        service.wait("the successor", |service| service.log().contains("has taken over"));
        let log = service.log();
        let line = log.lines().find(|line| line.contains("has taken over")).unwrap();
        let id = line.rsplit("successor=").next().unwrap().split(|c: char| !c.is_ascii_digit()).next().unwrap();
        let last = Ended(id.parse().unwrap());
        more(&service);
        stop.store(true, Ordering::Relaxed);
        (idle, last)
    });
    // Whoever has nothing to say is told to come again.
    assert_eq!(idle.reply(), "421 4.3.2 Closing; come again");
    // What was kept without being said may be more, never less.
    let taken = taken.into_inner() as i64;
    assert!(facts(&service) >= taken, "{} of {taken}", facts(&service));
    assert_eq!(inode(), before);
    assert!(deliver(200_000).is_some());
}

/// What the README tells to write is what the program takes: all its settings of samples together are a whole file, of which
/// nothing but its number of traps is warned of.
#[test]
fn the_readme_is_sound() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let chapter = |heading: &str| readme.split(heading).nth(1).unwrap().split("\n## ").next().unwrap();
    let chapters = chapter("\n## Declare your own\n").to_owned() + chapter("\n## Get samples in\n");
    let blocks: Vec<&str> = chapters.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 9, "{blocks:?}");
    let settings = blocks.concat();
    for line in settings.lines().filter_map(|line| line.strip_prefix("token-file = \"")) {
        let name = line.split('"').next().unwrap();
        fs::write(folder.path().join(name), format!("a-token-for-tests-only-{name}\n")).unwrap();
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    let make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=mx1 -keyout server.key -out server.pem";
    let made = Command::new("openssl").args(make.split(' ')).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let config = folder.path().join("firsthand.toml");
    fs::write(&config, settings).unwrap();
    let output = Command::new(harness::FIRSTHAND).args(["check", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    // What this machine lacks has no line.
    let warned = said.lines().filter(|line| line.contains("firsthand.toml:") && !line.contains("policy.trap"));
    let warned: Vec<&str> = warned.filter(|line| !line.contains(": intake.") && !line.contains(": good;")).collect();
    assert!(output.status.success() && warned.is_empty(), "{said}");
}
