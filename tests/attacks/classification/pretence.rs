//! B05 to B08: dressed spam, honest notifications at traps that send, callouts, and reports as weapons.

use super::*;

/// What the spam calls itself: the envelope's sender and the header.
const DRESSES: [(&str, &str); 20] = [
    ("", ""),
    ("", "From: MAILER-DAEMON@x.example\n"),
    ("", "Auto-Submitted: auto-replied\n"),
    ("", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"),
    ("", "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n"),
    ("a@x.example", "From: MAILER-DAEMON@x.example\n"),
    ("MAILER-DAEMON@x.example", "From: Mail Delivery System <MAILER-DAEMON@x.example>\n"),
    ("a@x.example", "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n"),
    ("a@x.example", "X-Failed-Recipients: trap@d0.example\n"),
    ("a@x.example", "Auto-Submitted: auto-replied\n"),
    ("a@x.example", "Auto-Submitted: auto-generated\nIn-Reply-To: <1@d0.example>\n"),
    ("a@x.example", "Precedence: auto_reply\n"),
    ("a@x.example", "X-Autoreply: yes\n"),
    ("a@x.example", "X-TMDA-Challenge: 1\n"),
    ("a@x.example", "X-List-Administrivia: yes\nPrecedence: bulk\n"),
    ("a@x.example", "X-Amavis-Alert: INFECTED\n"),
    ("a@x.example", "X-MSMail-Receipt: 1\n"),
    ("a@x.example", "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n"),
    ("a@x.example", "Auto-Submitted: no\nX-Autoreply: no\n"),
    ("a@x.example", "List-Id: <x.x.example>\nPrecedence: list\n"),
];

/// What it says.
const TEXTS: [(&str, &str); 10] = [
    ("Buy", "Buy now."),
    ("Undelivered Mail Returned to Sender", "Buy now: http://x.example/"),
    ("failure notice", "Hi. This is the qmail-send program at x.example. Buy."),
    ("Out of Office", "I am away. Buy meanwhile."),
    ("Delivery Status Notification (Failure)", "--b\nContent-Type: text/plain\n\nBuy.\n--b--"),
    (
        "Returned mail: see transcript for details",
        "--b\nContent-Type: text/html\n\n<b>Buy</b>\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; trap@d0.example\nAction: failed\nStatus: 5.0.0\n\n--b--",
    ),
    (
        "Read: your order",
        "--b\nContent-Type: text/plain\n\nBuy.\n\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; a@x.example\nDisposition: automatic-action/MDN-sent-automatically; displayed\n\n--b--",
    ),
    ("Please confirm your subscription", "http://x.example/confirm?token=0123456789abcdef0123 Buy."),
    (
        "Abuse report",
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n--b\nContent-Type: message/rfc822\n\nSubject: Buy\n\nBuy.\n--b--",
    ),
    (
        "Your message awaits moderator approval",
        "Your mail to 'x' is being held until the list moderator can review it.",
    ),
];

/// B05. The spammer dresses its spam as a bounce, an answer, a receipt, a report; or dresses each message otherwise, trap
/// by trap and hour by hour, to stay under every quorum. What it says it is moves it from one list to another and out of
/// none: whatever has the null sender is in `backscatter`, the rest in `mixed`, undressed in `spam`. Real bounces stay
/// out of `spam`.
#[test]
fn b05_spam_in_a_dress() {
    let registry = six_traps();
    let mut dressed: BTreeMap<(Nature, bool), Verdict> = BTreeMap::new();
    let mut number = 0;
    for (sender, fields) in DRESSES {
        for (subject, body) in TEXTS {
            let spam = message(ATTACKER, &format!("{fields}Subject: {subject}\n"), body);
            let verdict = judged_from(&spam, sender);
            let held = lists((0..6).map(|trap| witnessed(&verdict, trap, START)), &registry, ATTACKER, START);
            let expected = match (verdict.nature().is_reflected(), verdict.null_sender) {
                (false, _) => List::Spam,
                (true, true) => List::Backscatter,
                (true, false) => List::Mixed,
            };
            assert_eq!(held, [expected], "{sender:?} {fields} {subject}");
            // Nothing but the null sender or a whole report buys the other list for what claims to be a bounce.
            let by_the_book = verdict.recognised.bounce.is_some_and(|bounce| bounce.standard);
            assert!(expected != List::Backscatter || sender.is_empty() || by_the_book, "{fields} {subject}");
            dressed.insert((verdict.nature(), verdict.null_sender), verdict);
            number += 1;
        }
    }
    assert_eq!(number, 200);
    assert!(dressed.len() >= 8, "{:?}", dressed.keys());
    for number in 0..200 {
        let bounce = judged_from(&dsn(VICTIM, number), "");
        assert_eq!(bounce.nature(), Nature::Bounce);
        let held = lists((0..6).map(|trap| witnessed(&bounce, trap, START)), &registry, VICTIM, START);
        assert_eq!(held, [List::Backscatter]);
    }

    // The wardrobe as a whole: six traps, each hit at least once in the last hour, and before that as the spammer likes.
    let wardrobe: Vec<Verdict> = dressed.into_values().collect();
    let config = Config { cases: 3_000, failure_persistence: None, ..Config::default() };
    let dress = || any::<prop::sample::Index>();
    let case =
        (prop::array::uniform6(dress()), prop::collection::vec((0..6_usize, 0..30_i64, dress(), 1..40_usize), 0..12));
    let result = TestRunner::new(config).run(&case, |(last, before)| {
        let now = START + 30;
        let mut keys: Vec<UnitKey> =
            (0..6).map(|trap| witnessed(&wardrobe[last[trap].index(wardrobe.len())], trap, now)).collect();
        for (trap, hour, dress, times) in before {
            let key = witnessed(&wardrobe[dress.index(wardrobe.len())], trap, START + hour);
            keys.extend(std::iter::repeat_n(key, times));
        }
        prop_assert!(!lists(keys, &registry, ATTACKER, now).is_empty());
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}

/// B06. A legitimate server tells a trap that sends that its own mail failed, or answers it; and the attacker gets such
/// answers sent to it in thousands. Only where nobody ever sends is reflection proven: elsewhere reflected mail is kept
/// and weighs nothing, in no list, and does not hide the spam that the same trap gets either.
#[test]
fn b06_notifications_to_a_trap_that_sends() {
    let mut sending = six_traps();
    sending.traps.values_mut().for_each(|trap| trap.sends = true);
    let mut one_sends = six_traps();
    one_sends.traps.values_mut().take(4).for_each(|trap| trap.sends = true);
    let reflected = FAMILIES.into_iter().filter(|(nature, ..)| nature.is_reflected());
    for (_, _, fields, body) in reflected {
        for sender in ["", "a@u.example"] {
            let verdict = judged_from(&message(VICTIM, fields, body), sender);
            let hits = || (0..6_000).map(|number| witnessed(&verdict, number % 6, START + number as i64 / 1_000));
            assert!(verdict.nature().is_reflected(), "{fields}");
            for list in List::ALL {
                assert_eq!(value(hits().filter(|key| key.hour == START), list, &sending), 0.0, "{fields}");
            }
            assert_eq!(lists(hits(), &sending, VICTIM, START + 6), [], "{fields}");
            // Two traps that never send are no quorum, whatever four that do have got.
            assert_eq!(lists(hits(), &one_sends, VICTIM, START + 6), [], "{fields}");
        }
    }
    let spam = judged_from(&plain(ATTACKER, 1), "a@shop.example");
    assert_eq!(lists((0..3).map(|trap| witnessed(&spam, trap, START)), &sending, ATTACKER, START), [List::Spam]);

    let sends =
        |text: String| text.replace(".example\"\n[[trap]]", ".example\"\nsends = true\n[[trap]]") + "sends = true\n";
    let service = Service::start(&sends(harness::settings(3)));
    let bearer = format!("Bearer {TOKEN}");
    for trap in 0..3 {
        let trap = format!("trap@d{trap}.example");
        let headers = [("Authorization", bearer.as_str()), ("Firsthand-Trap", &trap), ("Firsthand-Mail-From", "<>")];
        let head = String::from_utf8(harness::message("26.1.2.3", 1)).unwrap();
        let report = String::from_utf8(dsn(VICTIM, 1)).unwrap();
        let (_, report) = report.split_once("(UTC)\n").unwrap();
        let sample = format!("{}{report}", head.split("Subject:").next().unwrap());
        let (status, body) = service.submit_with(&headers, sample.as_bytes()).unwrap();
        assert_eq!((status, &body["verdict"]["nature"]), (202, &"bounce".into()));
        service.submit(&trap, &harness::message("26.1.2.4", 1)).unwrap();
    }
    service.wait("the sender to be listed", |service| service.lists("26.1.2.4"));
    let why = service.run("why", &["--json", "26.1.2.3"]);
    let why: serde_json::Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!(why["listed_in"], serde_json::json!([]), "{why}");
    for list in List::ALL {
        assert_eq!(why["lists"][list.name()]["traps"], 0, "{why}");
    }
    let kept: u32 = rusqlite::Connection::open(service.ledger())
        .unwrap()
        .query_row("SELECT count(*) FROM facts WHERE origin = '26.1.2.3'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept, 3);
}

/// B07. A server checks a forged sender by a callout: MAIL, RCPT, and no DATA. A sample is a message: a channel that had
/// none has nothing to hand in, and what it might send instead is refused or proves nobody by its header.
#[test]
fn b07_sender_callouts() {
    let service = Service::start(&harness::settings(3));
    let bearer = format!("Bearer {TOKEN}");
    for trap in 0..3 {
        let trap = format!("trap@d{trap}.example");
        for sender in ["<>", "<postmaster@u.example>"] {
            for message in ["", "\r\n", "\n", ".\r\n", "MAIL FROM:<>\r\nRCPT TO:<trap@d0.example>\r\nQUIT\r\n"] {
                let headers = [
                    ("Authorization", bearer.as_str()),
                    ("Firsthand-Trap", &trap),
                    ("Firsthand-Mail-From", sender),
                    ("Firsthand-Observed-Peer", "26.1.2.3"),
                ];
                let (status, body) = service.submit_with(&headers, message.as_bytes()).unwrap();
                assert!(status == 400 || body["evidence"] == "unattributed", "{message:?}: {status} {body}");
            }
        }
    }
    let why = service.run("why", &["--json", "26.1.2.3"]);
    let why: serde_json::Value = serde_json::from_slice(&why.stdout).unwrap();
    assert_eq!(
        (&why["lists"]["mixed"]["traps"], &why["lists"]["backscatter"]["traps"]),
        (&0.into(), &0.into()),
        "{why}"
    );
}

/// B07, where the channel itself tells the peer (`boundary = "channel"`): an empty message is a session without DATA.
#[test]
fn b07_a_channel_has_no_sample_without_a_message() {
    let service = Service::start(&harness::settings(3).replace("relays = [\"mx1\"]", "boundary = \"channel\""));
    let bearer = format!("Bearer {TOKEN}");
    for message in ["", "\r\n", "\n"] {
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Firsthand-Trap", "trap@d0.example"),
            ("Firsthand-Mail-From", "<>"),
            ("Firsthand-Observed-Peer", "26.1.2.3"),
        ];
        let (status, body) = service.submit_with(&headers, message.as_bytes()).unwrap();
        assert!(status == 400 || body["evidence"] != "counted", "{message:?}: {status} {body}");
    }
}

/// B08. The attacker gets a thousand hits made in a minute, so that our reports to the victim's provider do the damage.
/// There are no reports: the running program never opens a connection, and no command of it writes to anybody.
#[test]
fn b08_no_reports_are_sent() {
    let service = Service::start(&harness::settings(6));
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let service = &service;
            scope.spawn(move || {
                for number in (worker..1_000).step_by(8) {
                    let trap = format!("trap@d{}.example", number % 6);
                    assert_eq!(service.submit(&trap, &harness::message("26.1.2.3", number)).unwrap().0, 202);
                }
            });
        }
    });
    service.wait("the victim of all this to be listed", |service| service.lists("26.1.2.3"));
    // Every socket that the program holds has one of the two ports that it listens on: it asked nobody for anything.
    let own = [service.dns.port(), service.http.port()];
    let held: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", service.id()))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned))
        .collect();
    let mut seen = 0;
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let sockets = std::fs::read_to_string(format!("/proc/{}/net/{table}", service.id())).unwrap();
        for socket in sockets.lines().skip(1) {
            let words: Vec<&str> = socket.split_whitespace().collect();
            if held.iter().any(|inode| inode == words[9]) {
                let port = u16::from_str_radix(words[1].rsplit(':').next().unwrap(), 16).unwrap();
                assert!(own.contains(&port), "{socket}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "{seen}");
    // Only `submit` connects to anything, and only to the service.
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![source];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for reach in
                ["TcpStream::connect", "UnixStream::connect", "Command::new(\"", "hyper_util::client", "client::conn"]
            {
                // `submit` hands samples to the service, the operator's commands reach its socket, and a start asks whether
                // somebody listens at a path where it is to listen itself.
                let known = ["command/submit/service.rs", "command/operator.rs", "connections/mod.rs"];
                let known = known.iter().any(|known| path.ends_with(known));
                assert!(!code.contains(reach) || known, "{}: {reach}", path.display());
            }
        }
    }
    let help = String::from_utf8(std::process::Command::new(harness::FIRSTHAND).arg("--help").output().unwrap().stdout)
        .unwrap();
    assert!(!help.contains("report"), "{help}");
}
