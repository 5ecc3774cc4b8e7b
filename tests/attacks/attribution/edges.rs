//! A10 to A12: mail that innocent hosts pass on, addresses written in odd ways, and headers without end.

use super::*;

/// A forwarder's address, and the names that it and `mx1.example.net` write.
const FORWARDER: &str = "26.5.5.5";

/// Mail of `number`'s sender that the forwarder passed on to a trap, with a rewritten sender.
fn forwarded(sender: &str, number: usize) -> String {
    let top = String::from_utf8(harness::message(FORWARDER, number)).unwrap();
    let original = FORMS[1].line("forwarder.example", &Session::of(&format!("26.51.100.{number}")));
    let (top, rest) = top.split_once("Subject:").unwrap();
    format!("Return-Path: <{sender}>\n{top}{}Subject:{rest}", String::from_utf8(original).unwrap())
}

fn forwarder_topology(declared: bool) -> Topology {
    let relay = |name: &str, host: &str, address: &str| Relay {
        name: name.to_owned(),
        hosts: vec![HostPattern::new(host)],
        networks: vec![address.parse::<IpAddr>().unwrap().into()],
        dialect: Some(Dialect::Postfix),
        handovers: Vec::new(),
    };
    let mut relays = vec![relay("mx1", "mx1.example.net", "10.9.0.10")];
    relays.extend(declared.then(|| relay("forwarder", "forwarder.example", FORWARDER)));
    Topology { relays, top: vec![0], boundary: Boundary::Headers }
}

/// A10. A real mailbox forwards into traps, and the forwarder stands where the spammer should. `check` names it by its
/// rewritten senders; declared as a relay, the walk goes through it; undeclared, the quorum keeps one alias from listing
/// it. A spammer who writes such marks is named too, which changes nothing about its evidence.
#[test]
fn a10_forwarders_into_traps() {
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for number in 0..50 {
        let sender = format!("SRS0=AbCd=TT=d{number}.example=bob@forwarder.example");
        fs::write(mail.join(format!("{number}.eml")), forwarded(&sender, number)).unwrap();
    }
    let config = folder.path().join("firsthand.toml");
    let firsthand = |arguments: &[&str]| {
        let output = Command::new(FIRSTHAND).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (config_path, mail_path) = (config.to_str().unwrap(), mail.to_str().unwrap());
    fs::write(&config, harness::settings(1)).unwrap();
    let report = firsthand(&["check", "--config", config_path, "--samples", mail_path]);
    assert!(report.contains("Origin 26.5.5.5 looks like a forwarder: 50 of its 50"), "{report}");
    assert!(report.contains("of 50 domains"), "{report}");
    let relay = "[[relay]]\nname = \"forwarder\"\nhosts = [\"forwarder.example\"]\nnetworks = [\"26.5.5.5/32\"]\ndialect = \"postfix\"\n";
    fs::write(&config, harness::settings(1) + relay).unwrap();
    let report = firsthand(&["check", "--config", config_path, "--samples", mail_path]);
    assert!(!report.contains("looks like a forwarder") && report.contains("fits this mail"), "{report}");
    let verdicts = firsthand(&["analyze", "--config", config_path, "--feed", "traps", "--json", mail_path]);
    assert_eq!(verdicts.lines().count(), 50);
    assert!(verdicts.lines().all(|line| line.contains("\"origin\":\"26.51.100.")), "{verdicts}");

    let named = |senders: &dyn Fn(usize) -> String| {
        let mut survey = Survey::default();
        for number in 0..50 {
            survey.add(forwarded(&senders(number), number).as_bytes(), Some(&forwarder_topology(false)));
        }
        let forwarders: Vec<String> =
            survey.forwarders().iter().map(|forwarder| forwarder.origin.to_string()).collect();
        forwarders
    };
    // As forwarders write it: with another separator, in small letters, or what a forwarder before them rewrote.
    for first in
        ["SRS0+", "SRS0-", "srs0=", "SRS1=HHH=first.example==", "SRS1=HHH=first.example=+", "SRS1+HHH=first.example=-"]
    {
        let sender = |number| format!("{first}AbCd=TT=d{number}.example=bob@forwarder.example");
        assert_eq!(named(&sender), [FORWARDER], "{first}");
    }
    // A quarter of honest mail of its own, or no rewriting at all: no name is taken in vain.
    let mostly = |number: usize| match number % 4 {
        0 => format!("bob{number}@own.example"),
        _ => format!("SRS0=AbCd=TT=d{number}.example=bob@forwarder.example"),
    };
    assert_eq!(named(&mostly), [""; 0]);
    assert_eq!(named(&|number| format!("bob@d{number}.example")), [""; 0]);

    // The forwarder's blame, as long as nobody declares it: one alias lists nobody, nor do many of one domain.
    let verdict =
        judged(forwarded("SRS0=a=b=c.example=bob@forwarder.example", 1).as_bytes(), &forwarder_topology(false));
    assert_eq!(verdict.origin, Ok(address(FORWARDER)));
    let alias = |traps: usize| (0..10_000).map(move |number| (number % traps, number as i64 / 1000));
    let hits = |traps| alias(traps).map(|(trap, hour)| witnessed(&verdict, trap, START + hour));
    assert_eq!(lists(hits(1), &six_traps(), FORWARDER, START + 10), []);
    assert_eq!(lists(hits(2), &six_traps(), FORWARDER, START + 10), []);
    let two_domains = registry(&["a.example", "a.example", "a.example", "b.example", "b.example", "b.example"]);
    assert_eq!(lists(hits(6), &two_domains, FORWARDER, START + 10), []);
    // Marks of forwarding, with which a spammer gains no mercy.
    assert_eq!(lists(hits(3), &six_traps(), FORWARDER, START + 10), [List::Spam]);
}

/// What the catalogue's literals must come to: an address, `special` (no mail comes from there), or `refused`.
const WRITTEN: &str = "
203.0.113.9=203.0.113.9                     ::ffff:203.0.113.9=203.0.113.9            ::FFFF:CB00:7109=203.0.113.9
0:0:0:0:0:ffff:cb00:7109=203.0.113.9        0:0:0:0:0:FFFF:203.0.113.9=203.0.113.9    ::ffff:0:203.0.113.9=special
2001:db8:9::9=2001:db8:9::9                 2001:DB8:0009:0:0:0:0:9=2001:db8:9::9     2001:db8:9:0:0:0:0.0.0.9=2001:db8:9::9
2001:db8:9::0:9=2001:db8:9::9               2001:db8:9:1:0:5efe:203.0.113.9=2001:db8:9:1:0:5efe:cb00:7109
2002:cb00:7109::1=special                   64:ff9b::203.0.113.9=special              64:ff9b:1::203.0.113.9=special
2001:0:cb00:7109::1=special                 ::203.0.113.9=special                     ::1=special
::=special                                  fe80::1=special                           fc00::203.0.113.9=special
fec0::1=special                             ff02::1=special                           100::1=special
5f00::1=special                             ::ffff:10.0.0.1=special                   4000::1=special
10.1.2.3=special                            100.64.0.1=special                        0.0.0.0=special
255.255.255.255=special                     169.254.169.254=special                   192.88.99.1=special
198.18.0.1=special                          224.0.0.1=special                         192.0.0.170=special
203.0.113.09=refused                        203.000.113.9=refused                     010.1.1.1=refused
0313.0.0161.011=refused                     0xcb.0.113.9=refused                      0xcb007109=refused
3405803785=refused                          203.0.29449=refused                       203.29449=refused
1.2.3=refused                               203.0.113=refused                         203.0.113.=refused
203.0.113.9.=refused                        203.0.113.9.25=refused                    .203.0.113.9=refused
203.0.113.256=refused                       203.0.113.-9=refused                      203.0.113.+9=refused
203.0.113.9/32=refused                      203.0.113.9%1=refused                     203,0,113,9=refused
203.0..113.9=refused                        2٠3.0.113.9=refused                       ２03.0.113.9=refused
fe80::1%eth0=refused                        2001:db8:9::9%1=refused                   2001:db8:9::9/64=refused
2001:db8::9::9=refused                      2001:db8:9:0:0:0:0:0:9=refused            2001:db8:9=refused
2001:db8:00009::9=refused                   2001:db8:9:::9=refused                    :2001:db8:9::9=refused
::ffff:203.0.113.09=refused                 ::ffff:203.0.113=refused                  ::fffff:203.0.113.9=refused
2001:db8:g::9=refused                       [203.0.113.9]=refused                     203.0.113.9,=refused
";

/// A11. A client with a hand in what is written makes one address look like another: octal, short, mapped, embedded,
/// scoped. There is one form, and one reading: what is not an address in full is refused, a mapped one is the IPv4
/// address, and an embedded one is never the host that it names.
#[test]
fn a11_address_syntax() {
    let table: Vec<(&str, &str)> = WRITTEN.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect();
    assert!(table.len() >= 60, "{}", table.len());
    for (text, expected) in &table {
        let read = parse_address(text);
        match *expected {
            "refused" => assert_eq!(read, None, "{text}"),
            "special" => assert!(read.is_some(), "{text}"),
            canonical => assert_eq!(read, Some(address(canonical)), "{text}"),
        }
        assert_eq!(read.map(Origin::from), Origin::parse(text).filter(|_| !text.ends_with("/64")), "{text}");
        // In the place of TCP-info, where a relay of ours could be made to write it so.
        for form in &FORMS {
            let line = form.line("mx1.example", &Session::of(text));
            let message = [inner(), line, b"\n".to_vec()].concat();
            for declared in [Some(form.mta), None] {
                let origin = judged(&message, &chain(declared)).origin;
                let right = match *expected {
                    // Brackets around a peer are the MTA's own in some of these forms.
                    "refused" if text.starts_with('[') => origin.is_err() || origin == Ok(address(VICTIM)),
                    "refused" | "special" => origin.is_err(),
                    canonical => origin == Ok(address(canonical)) || origin.is_err(),
                };
                assert!(right, "{origin:?}: {}", message.escape_ascii());
                let unspoiled = form.mta == Dialect::Postfix && text.is_ascii();
                assert!(!unspoiled || (origin.is_ok() == expected.contains(['.', ':'])), "{text}: {origin:?}");
            }
        }
        // From the channel.
        if let Some(peer) = read {
            let channel = Topology { boundary: Boundary::Channel, ..chain(None) };
            let origin =
                judge(&Sample { message: b"\nbuy\n", envelope: None, observed_peer: Some(peer) }, &channel).origin;
            let expected = if *expected == "special" { Err(Reason::SpecialPurpose) } else { Ok(address(expected)) };
            assert_eq!(origin, expected, "{text}");
        }
    }
    let service = Service::start(&harness::settings(1));
    let bearer = format!("Bearer {TOKEN}");
    for (text, expected) in table.iter().filter(|(text, _)| text.is_ascii()) {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Firsthand-Trap", "trap@d0.example"),
            ("Firsthand-Observed-Peer", text),
        ];
        let (status, _) = service.submit_with(&headers, &harness::message("26.1.2.3", 1)).unwrap();
        assert_eq!(status, if *expected == "refused" { 400 } else { 202 }, "{text}");
    }
}

/// How large the stream of [`a12_endless_headers`] is, in MiB.
const STREAM: usize = 200;

/// A12. The sender writes a header without end, to push the trusted lines out of what is read, or to take the memory.
/// The trusted lines stand first and the header is capped: up to the cap the origin is named, past it the sample is
/// refused, and neither program nor service takes more than a message's worth of memory.
#[test]
fn a12_endless_headers() {
    for form in &FORMS {
        let topology = chain(Some(form.mta));
        let room = HEADER_LIMIT - trusted(form).len() - 200;
        for filling in ["X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n", " folded\n", "\tx\n"] {
            let first = if filling.starts_with('X') { "" } else { "X: y\n" };
            let full = [trusted(form), first.into(), filling.repeat(room / filling.len()).into()].concat();
            assert!(is_attacker(&judged(&full, &topology)), "{form:?} {filling:?}");
            let over = [full, filling.repeat(300 / filling.len() + 1).into_bytes()].concat();
            assert_eq!(judged(&over, &topology).origin, Err(Reason::TooLarge), "{form:?} {filling:?}");
        }
        let many = [trusted(form), FORMS[1].line("mx1.example", &Session::of(VICTIM)).repeat(198)].concat();
        assert!(is_attacker(&judged(&many, &topology)));
        let more = [many, FORMS[1].line("mx1.example", &Session::of(VICTIM))].concat();
        assert_eq!(judged(&more, &topology).origin, Err(Reason::TooLarge));
    }
    let streams = [
        "X: y\n",
        "X",
        " folded\n",
        "Received: from v ([203.0.113.9]) by mx1.example; Mon, 1 Jan 2024 00:00:00 +0000\n",
    ];
    for stream in streams {
        let piece = stream.repeat((1 << 20) / stream.len());
        let output = bounded(&["analyze", "--relay", RELAYS[0], "--json", "-"], move |input| {
            let top = FORMS[1].line("mx1.example", &Session::of(ATTACKER));
            // The program may have had enough and gone.
            let _ = input.write_all(&[top.as_slice(), b"X: y"].concat());
            for _ in 0..STREAM {
                if input.write_all(piece.as_bytes()).is_err() {
                    return;
                }
            }
        });
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(
            told.contains("\"reason\":\"too-large\""),
            "{stream:?} {told} {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    // As a request; what comes after it is answered.
    let service = Service::start(&harness::settings(1));
    let mut stream = TcpStream::connect(service.http).unwrap();
    stream.set_write_timeout(Some(harness::PATIENCE)).unwrap();
    let head = format!(
        "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nFirsthand-Trap: trap@d0.example\r\nContent-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
        STREAM << 20
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = "X: y\n".repeat((1 << 20) / 5);
    let sent = (0..STREAM).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count();
    assert!(sent < STREAM, "all of it was read");
    let (status, body) = service.submit("trap@d0.example", &harness::message("26.1.2.3", 1)).unwrap();
    assert_eq!((status, &body["verdict"]["origin"]), (202, &"26.1.2.3".into()));
    assert_eq!(metric(&service, "firsthand_samples_refused_total{why=\"too-large\"}"), 1);
    let memory = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    let most: u32 = most.split(' ').next().unwrap().parse().unwrap();
    assert!(most < 220 << 10, "{most} KiB");
}
