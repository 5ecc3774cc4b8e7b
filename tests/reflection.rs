//! Does reflected mail ever list its reflector as a spammer, and does dressing spam as reflected mail escape all lists?
//!
//! `tests/corpus/nature` holds reflected mail written from the documentation of the software that sends such,
//! `tests/corpus/dressed` spam that is dressed as it.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{Arrival, HOUR, Stamps, Unit, UnitKey, unit_of};
use firsthand_analyzer::listing::replay_all;
use firsthand_analyzer::nature::{Cause, Nature, Reason};
use firsthand_analyzer::received::Dialect;
use firsthand_analyzer::sample::{Envelope, Sample};
use firsthand_analyzer::score::{List, Policy, Registry, Tier, Trap, Trust};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::{Verdict, judge};
use firsthand_server::intake::files::{Found, Split, Unreadable, for_each_message};
use harness::{Service, TOKEN, reversed, settings};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

fn corpus(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(folder)
}

/// Every message below a folder with its file's name and its folder's.
fn messages(folder: &str) -> Vec<(String, String, Vec<u8>)> {
    let mut found = Vec::new();
    let taken = for_each_message(&[corpus(folder)], Split::Mbox, &mut |Found { place, message }| {
        let path = Path::new(&place);
        let name = |path: Option<&std::ffi::OsStr>| path.unwrap().to_str().unwrap().to_owned();
        if !place.ends_with(".md") && !place.ends_with(".tsv") {
            found.push((name(path.parent().unwrap().file_name()), name(path.file_name()), message));
        }
        Ok::<(), Unreadable>(())
    });
    assert!(taken.is_ok());
    found
}

/// The relay that took every message of both corpora.
fn topology() -> Topology {
    let relay = Relay {
        name: "mx1".to_owned(),
        hosts: vec![HostPattern::new("mx1.traps.example")],
        networks: vec!["10.9.0.10/32".parse().unwrap()],
        dialect: Some(Dialect::Postfix),
        handovers: Vec::new(),
    };
    Topology::new(vec![relay], Boundary::Headers)
}

fn judged(message: &[u8]) -> Verdict {
    judge(&Sample { message, envelope: None, observed_peer: None }, &topology())
}

/// Six pristine traps in as many domains, that never send.
fn registry() -> Registry {
    let trap = |number: usize| {
        let domain = format!("d{number}.example");
        (format!("t{number}"), Trap { domain, tier: Tier::Pristine, sends: false, accepts_reports: false })
    };
    Registry {
        traps: (0..6).map(trap).collect(),
        feeds: [("own".to_owned(), Trust::Own)].into(),
        ..Registry::default()
    }
}

fn unit(verdict: &Verdict, trap: usize, at: i64) -> UnitKey {
    let trap = format!("t{trap}");
    let arrival = Arrival { feed: "own", trap: &trap, at, stamps: Stamps::Ignored, may_list: true };
    unit_of(verdict, &arrival).unwrap()
}

/// The lists in which an origin is after these units.
fn lists(units: impl IntoIterator<Item = UnitKey>, now: i64) -> Vec<List> {
    let mut counted: BTreeMap<UnitKey, u16> = BTreeMap::new();
    for key in units {
        let samples = counted.entry(key).or_default();
        *samples = samples.saturating_add(1);
    }
    let Some(origin) = counted.keys().next().map(|key| key.origin) else { return Vec::new() };
    let units: Vec<Unit> =
        counted.into_iter().map(|(key, samples)| Unit { newest: key.hour * HOUR, key, samples }).collect();
    replay_all(origin, &units, &registry(), &Policy::default(), now).into_iter().map(|(list, _)| list).collect()
}

/// Each message of our own corpus is recognised, as what it is; none ever counts for `spam`.
#[test]
fn real_software_is_recognised_and_never_spam() {
    let mut other = Vec::new();
    let mut direct = Vec::new();
    let all = messages("nature");
    assert!(all.len() > 200, "{}", all.len());
    let mut kinds: HashMap<String, usize> = HashMap::new();
    for (kind, name, message) in &all {
        let expected = Nature::parse(kind).unwrap();
        let verdict = judged(message);
        *kinds.entry(kind.clone()).or_default() += 1;
        let place = format!("{kind}/{name}: {} ({:?})", verdict.nature().name(), verdict.recognised.grounds);
        match verdict.nature() {
            found if found == expected => {}
            Nature::Direct => direct.push(place),
            _ => other.push(place),
        }
        if verdict.nature().is_reflected() {
            let found = lists((0..6).map(|trap| unit(&verdict, trap, HOUR)), HOUR);
            let wanted = if verdict.null_sender { List::Backscatter } else { List::Mixed };
            assert_eq!(found, [wanted], "{kind}/{name}");
        }
    }
    for kind in ["auto-reply", "challenge", "confirmation", "list-notice", "virus-notice", "receipt"] {
        assert!(kinds[kind] >= 10, "{kind}: {}", kinds[kind]);
    }
    // What was read once must not be lost.
    assert!(direct.len() * 1000 <= all.len() * 35, "read as direct:\n{}", direct.join("\n"));
    assert!(other.len() * 100 <= all.len() * 5, "of another kind:\n{}", other.join("\n"));
}

/// Reasons of bounces as those who wrote them meant them.
#[test]
fn bounces_say_why() {
    let table = std::fs::read_to_string(corpus("nature/bounce/reasons.tsv")).unwrap();
    let wanted: HashMap<&str, &str> = table.lines().filter_map(|line| line.split_once('\t')).collect();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (_, name, message) in messages("nature/bounce") {
        let Some(wanted) = wanted.get(name.as_str()) else { continue };
        asked += 1;
        let reason = judged(&message).recognised.bounce.map(|bounce| bounce.reason);
        if reason.map(Reason::name) != Some(*wanted) {
            wrong.push(format!("{name}: {wanted}, read as {reason:?}"));
        }
    }
    assert!(asked >= 50);
    assert!(wrong.len() * 100 <= asked * 15, "{}", wrong.join("\n"));
}

/// B05: whatever spam is dressed as, six traps that get it list its sender somewhere, and nobody else.
#[test]
fn dressed_spam_escapes_no_list() {
    let all = messages("dressed");
    assert_eq!(all.len(), 200);
    let spammer = "198.51.100.7".parse().unwrap();
    let mut found: BTreeMap<List, usize> = BTreeMap::new();
    for (_, name, message) in &all {
        let verdict = judged(message);
        assert_eq!(verdict.origin, Ok(spammer), "{name}");
        assert!(verdict.framed.iter().all(|framed| framed != "198.51.100.7"), "{name}");
        let lists = lists((0..6).map(|trap| unit(&verdict, trap, HOUR)), HOUR);
        assert!(!lists.is_empty(), "{name} escapes: {:?}", verdict.recognised);
        for list in lists {
            *found.entry(list).or_default() += 1;
        }
    }
    // One campaign with every dress, each trap getting its share of them.
    let campaign = all.iter().enumerate().map(|(number, (_, _, message))| unit(&judged(message), number % 6, HOUR));
    let campaign = lists(campaign, HOUR);
    assert!(campaign.contains(&List::Backscatter) && campaign.len() > 1, "{campaign:?}");
    println!("dressed spam is listed in: {found:?}");
}

/// A dress that is put on for a quarter of the mail, or less, changes nothing.
#[test]
fn a_little_dressing_is_no_dress() {
    let plain = judged(b"Received: from x (unknown [198.51.100.7])\n\tby mx1.traps.example (Postfix) with ESMTP id 1;\n\tMon, 1 Jan 2024 00:00:00 +0000 (UTC)\nSubject: pills\n\nbuy\n");
    let bounce =
        judged(&messages("dressed").into_iter().find(|(_, name, _)| name.starts_with("bounce-null")).unwrap().2);
    assert_eq!((plain.nature(), bounce.nature()), (Nature::Direct, Nature::Bounce));
    let hour = |dressed: usize| {
        let one_trap = move |trap: usize| (0..dressed + 1).map(move |number| (trap, number));
        let keys: Vec<UnitKey> = (0..6)
            .flat_map(one_trap)
            .map(|(trap, number)| unit(if number == 0 { &plain } else { &bounce }, trap, HOUR))
            .collect();
        lists(keys, HOUR)
    };
    assert!(hour(3).contains(&List::Spam));
    assert_eq!(hour(4), [List::Backscatter, List::Mixed]);
}

/// B01, over HTTP and DNS: 10,000 bounces of one server, one in a hundred mangled beyond recognition.
#[test]
fn ten_thousand_bounces_list_no_spammer() {
    const BOUNCES: usize = 10_000;
    const SERVER: &str = "26.1.2.3";
    let service = Service::start(&settings(20));
    let bounces = messages("nature/bounce");
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= BOUNCES {
                        return;
                    }
                    let mangled = number % 100 == 7;
                    let (sender, sample) = if mangled {
                        ("someone@uni.example", harness::message(SERVER, number))
                    } else {
                        ("", bounce_from(SERVER, number, &bounces[number % bounces.len()].2))
                    };
                    let bearer = format!("Bearer {TOKEN}");
                    let trap = format!("trap@d{}.example", number % 20);
                    let sender = format!("<{sender}>");
                    let headers = [
                        ("Authorization", bearer.as_str()),
                        ("Firsthand-Trap", &trap),
                        ("Firsthand-Mail-From", &sender),
                    ];
                    let (status, body) = service.submit_with(&headers, &sample).unwrap();
                    assert_eq!((status, &body["verdict"]["origin"]), (202, &SERVER.into()), "{body}");
                    assert_eq!(body["verdict"]["nature"] == "direct", mangled, "{body}");
                }
            });
        }
    });
    let zone = |list: &str| reversed(SERVER).replace("bl.example.", &format!("{list}bl.example."));
    service.wait("the server to be in backscatter", |service| {
        service.ask(&zone("backscatter."), RecordType::A).1 == ["127.0.0.5"]
    });
    assert_eq!(service.ask(&zone(""), RecordType::A).0, ResponseCode::NXDomain);
    assert_eq!(service.ask(&zone("spam."), RecordType::A).0, ResponseCode::NXDomain);
    let (_, texts) = service.ask(&zone("backscatter."), RecordType::TXT);
    assert!(texts[0].starts_with("Listed in backscatter") && texts[0].contains(SERVER), "{texts:?}");

    // The administrator reads why, and what to change; whom the returned mail names is framed, and not listed.
    let output = service.run("why", &["--json", SERVER]);
    let why: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(why["score"], 0.0, "{why}");
    assert!(why["lists"]["backscatter"]["traps"].as_u64().unwrap() >= 20, "{why}");
    let causes: Vec<&str> =
        why["causes"].as_array().unwrap().iter().map(|cause| cause["cause"].as_str().unwrap()).collect();
    assert!(causes.contains(&"full-mailbox") && causes.contains(&"unavailable-mailbox"), "{causes:?}");
    let text = String::from_utf8(service.run("why", &[SERVER]).stdout).unwrap();
    assert!(text.contains("listed in backscatter") && text.contains("null sender only"), "{text}");
    for mta in ["Postfix:", "Exim:", "Sendmail:", "Exchange:"] {
        assert!(text.contains(mta), "{text}");
    }
    assert_eq!((&why["listed"], &why["listed_in"][0]), (&false.into(), &"backscatter".into()));
    let (_, page) = service.get(&format!("/address/{SERVER}"));
    assert!(page.contains("null sender only") && page.contains("smtpd_recipient_restrictions"), "{page}");
    assert!(!page.contains("stolen mailbox password"), "{page}");
}

/// A bounce of our corpus as our relay would have taken it from `server`.
fn bounce_from(server: &str, number: usize, bounce: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bounce);
    let ours = String::from_utf8(harness::message(server, number)).unwrap();
    let ours = ours.split("Subject:").next().unwrap();
    let rest = text.split_once("(UTC)\n").unwrap().1;
    format!("{ours}{rest}").into_bytes()
}

/// The lists have zones and codes of their own, with test entries (RFC 5782 §5), and another code where one is set.
#[test]
fn lists_have_zones_and_codes_of_their_own() {
    let service = Service::start(&(settings(3) + "[zone]\nmixed-code = \"127.0.0.30\"\n"));
    let answers = |name: &str| service.ask(name, RecordType::A).1;
    assert_eq!(answers("2.0.0.127.bl.example."), ["127.0.0.2"]);
    assert_eq!(answers("2.0.0.127.backscatter.bl.example."), ["127.0.0.5"]);
    assert_eq!(answers("5.0.0.127.backscatter.bl.example."), ["127.0.0.5"]);
    assert_eq!(answers("30.0.0.127.mixed.bl.example."), ["127.0.0.30"]);
    assert_eq!(service.ask("5.0.0.127.bl.example.", RecordType::A).0, ResponseCode::NXDomain);
    for trap in 0..3 {
        let trap = format!("trap@d{trap}.example");
        let vacation = [harness::message("26.1.2.3", 1), b"x\n".to_vec()].concat();
        let vacation =
            String::from_utf8(vacation).unwrap().replace("Subject: 1", "Subject: Re: x\nAuto-Submitted: auto-replied");
        let (_, body) = service.submit(&trap, vacation.as_bytes()).unwrap();
        assert_eq!(body["verdict"]["nature"], "auto-reply", "{body}");
        assert_eq!(body["verdict"]["reflected_by"], Cause::AutoResponder.name());
        assert_eq!(body["verdict"]["grounds"][0], "automatic: Auto-Submitted: auto-replied");
    }
    // With a sender of its own it is in `mixed`, which anybody may use for scoring and nobody for blocking.
    let name = reversed("26.1.2.3").replace("bl.example.", "mixed.bl.example.");
    service.wait("the responder to be in mixed", |service| service.ask(&name, RecordType::A).1 == ["127.0.0.30"]);
    assert!(!service.lists("26.1.2.3"));
}

/// B06: what answers a trap that sends proves nothing; B04: a report is direct but where reports are accepted.
#[test]
fn traps_that_send_or_accept_reports_prove_nothing_by_them() {
    let mut text = settings(3) + "[[trap]]\naddress = \"trap@d3.example\"\n[zone]\n";
    text = text.replace(
        "address = \"trap@d0.example\"",
        "address = \"trap@d0.example\"\nsends = true\naccepts-reports = true",
    );
    let service = Service::start(&text);
    let report = "Subject: report\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n\n--b--\n";
    let bearer = format!("Bearer {TOKEN}");
    for trap in 0..3 {
        let trap = format!("trap@d{trap}.example");
        let head = |peer: &str| {
            String::from_utf8(harness::message(peer, 1)).unwrap().split("Subject:").next().unwrap().to_owned()
        };
        let sent = head("26.1.2.3") + report;
        assert_eq!(service.submit(&trap, sent.as_bytes()).unwrap().1["verdict"]["nature"], "abuse-report");
        let headers = [("Authorization", bearer.as_str()), ("Firsthand-Trap", &trap), ("Firsthand-Mail-From", "<>")];
        let bounce = head("26.1.2.4") + "Subject: failure notice\n\nHi. This is the qmail-send program at a.example.\n";
        assert_eq!(service.submit_with(&headers, bounce.as_bytes()).unwrap().1["verdict"]["nature"], "bounce");
    }
    let why = |address: &str| -> serde_json::Value {
        serde_json::from_slice(&service.run("why", &["--json", address]).stdout).unwrap()
    };
    assert_eq!(why("26.1.2.3")["lists"]["spam"]["traps"], 2);
    assert_eq!(why("26.1.2.4")["lists"]["backscatter"]["traps"], 2);
    assert_eq!(why("26.1.2.4")["lists"]["spam"]["traps"], 0);
}

/// What the message says in a bounce's own envelope decides nothing about an origin: two servers, one evidence each.
#[test]
fn the_returned_message_is_no_evidence() {
    let service = Service::start(&settings(3));
    let bearer = format!("Bearer {TOKEN}");
    for trap in 0..3 {
        let trap = format!("trap@d{trap}.example");
        let headers = [("Authorization", bearer.as_str()), ("Firsthand-Trap", &trap), ("Firsthand-Mail-From", "<>")];
        let head =
            String::from_utf8(harness::message("26.1.2.3", 1)).unwrap().split("Subject:").next().unwrap().to_owned();
        let bounce = head
            + "From: MAILER-DAEMON@uni.example\nSubject: failure notice\n\nHi. This is the qmail-send program at uni.example.\n\n\
               <a@uni.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n\
               Return-Path: <trap@d0.example>\nReceived: (qmail 1 invoked from network); 1 Jan 2024 00:00:00 -0000\n\
               Received: from victim.example.org (26.51.100.25)\n  by uni.example with SMTP; 1 Jan 2024 00:00:00 -0000\n\
               From: trap@d0.example\nSubject: spam\n\nbuy\n";
        let (_, body) = service.submit_with(&headers, bounce.as_bytes()).unwrap();
        let verdict = &body["verdict"];
        assert_eq!((&verdict["origin"], &verdict["nature"]), (&"26.1.2.3".into(), &"bounce".into()));
        assert_eq!(
            verdict["bounce"],
            serde_json::json!({"standard": false, "reason": "user-unknown", "returned": "message"})
        );
        assert_eq!(verdict["returned_claims"][1]["from"][0], "26.51.100.25", "{verdict}");
        assert!(verdict["framed"].as_array().unwrap().contains(&"26.51.100.25".into()), "{verdict}");
        assert_eq!(verdict["claims"], serde_json::json!([]));
    }
    let why: serde_json::Value =
        serde_json::from_slice(&service.run("why", &["--json", "26.51.100.25"]).stdout).unwrap();
    assert_eq!(
        (&why["framed"]["samples"], &why["lists"]["mixed"]["score"], &why["listed"]),
        (&3.into(), &0.0.into(), &false.into())
    );
}

/// What is slow to read is not read: each of these cost hundreds of milliseconds once.
#[test]
fn no_text_costs_more_than_its_length() {
    let head = "From: a@b.example\nSubject: x\nAuto-Submitted: auto-replied\n\n";
    for body in
        ["To:\nB:\n".repeat(2400), "To: a\nx: b\n".repeat(2000), "From: a\n\n".repeat(2000), "http://a/".repeat(2000)]
    {
        let message = format!("{head}{body}");
        judged(message.as_bytes());
        let began = cpu_time();
        for _ in 0..10 {
            judged(message.as_bytes());
        }
        // In a debug build; the bound is for what is quadratic.
        assert!((cpu_time() - began).as_millis() < 1500, "{:?}: {}", cpu_time() - began, &body[..20]);
    }
}

/// The CPU time of this thread.
fn cpu_time() -> std::time::Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// An origin is judged by its own envelope (`<>`), however the channel writes the null sender.
#[test]
fn null_senders() {
    let message = harness::message("26.1.2.3", 1);
    let origin = Origin::from("26.1.2.3".parse::<std::net::IpAddr>().unwrap());
    for (sender, null) in [("", true), ("<>", true), (" ", true), ("a@b.example", false)] {
        let envelope = Envelope { mail_from: sender.to_owned(), rcpt_to: Vec::new() };
        let sample = Sample { message: &message, envelope: Some(&envelope), observed_peer: None };
        let mut topology = topology();
        topology.relays[0].hosts = vec![HostPattern::new("mx1.example.net")];
        let verdict = judge(&sample, &topology);
        assert_eq!((verdict.null_sender, verdict.origin.map(Origin::from)), (null, Ok(origin)), "{sender:?}");
    }
}
