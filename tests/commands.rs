//! Do the commands tell a person what the analyzer knows?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "harness/mod.rs"]
mod harness;

use std::fs;
use std::process::Command;

use harness::{FIRSTHAND, Service, message, settings};
use serde_json::Value;

fn firsthand(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(FIRSTHAND).args(arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

fn postfix(from: &str, by: &str) -> String {
    format!(
        "Received: from x.example (unknown [{from}])\n\tby {by} (Postfix) with ESMTP id 4T3X; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n"
    )
}

/// Every reason that a walk over lines can end with, with the number of the line that is shown for it.
#[test]
fn a_refusal_names_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let (edge, inner) = (postfix("26.1.2.3", "mx1.example"), postfix("10.9.0.10", "mx1.example"));
    let cases = [
        ("no-received", String::new(), None),
        ("top-line-not-ours", postfix("26.1.2.3", "mx9.example"), Some(1)),
        ("unreadable-line", edge.replace("(Postfix)", "(Postfux 1"), Some(1)),
        ("broken-chain", inner.clone() + &postfix("26.1.2.3", "mx9.example"), Some(2)),
        ("broken-chain", inner.clone(), Some(1)),
        (
            "ambiguous-line",
            "Received: from a b ([26.1.2.3]) by mx1.example with Microsoft SMTPSVC(6.0); Mon, 23 Nov 2026 22:02:47 +0000\n".to_owned(),
            Some(1),
        ),
        ("no-peer", edge.replace("[26.1.2.3]", "[unknown]"), Some(1)),
        ("local-origin", postfix("127.0.0.1", "mx1.example") + &edge, Some(1)),
        ("special-purpose", postfix("192.168.7.7", "mx1.example") + &edge, Some(1)),
        ("malformed-header", inner + "this is no field\n" + &edge, Some(1)),
    ];
    for (reason, lines, cause) in cases {
        let path = folder.path().join("mail.eml");
        fs::write(&path, format!("{lines}Subject: x\n\nbody\n")).unwrap();
        let arguments = |json: &'static str| {
            ["analyze", "--relay", "10.9.0.0/24", "--relay-host", "mx1.example", json, path.to_str().unwrap()]
        };
        let (_, json) = firsthand(&arguments("--json"));
        let verdict: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(verdict["reason"], *reason, "{lines}");
        assert_eq!(verdict["cause"]["line"].as_u64(), cause, "{reason}: {verdict}");
        let (_, text) = firsthand(&arguments("--dialect=auto"));
        assert!(text.contains(&format!("no origin ({reason}): ")), "{text}");
        assert_eq!(cause.is_some(), text.contains("\n  line "), "{text}");
    }
}

/// E11: nothing that a stranger wrote reaches a terminal as anything but text.
#[test]
fn no_escape_reaches_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.eml");
    let hostile = "x\x1b[31m\x07\u{9b}2J\u{202e}";
    let lines = postfix("26.1.2.3", "mx1.example")
        + &format!("Received: from {hostile} ({hostile} [26.9.9.9]) by {hostile} with SMTP id 1; {hostile}\n")
        + &format!(
            "Received: from {hostile} (unknown [26.9.9.9]) by mx2.example (Postfix) with SMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000\n"
        );
    fs::write(&path, lines.clone() + "\n").unwrap();
    let clean = |text: &str| assert!(!text.contains(['\x1b', '\x07', '\u{9b}', '\u{202e}']), "{text:?}");
    clean(&firsthand(&["analyze", "--relay", "10.9.0.0/24", path.to_str().unwrap()]).1);
    clean(&firsthand(&["received", path.to_str().unwrap()]).1);
    fs::write(&path, lines.split_once('\n').unwrap().1.split_once('\n').unwrap().1).unwrap();
    clean(&firsthand(&["analyze", "--relay", "10.9.0.0/24", path.to_str().unwrap()]).1);
    clean(&firsthand(&["check", "--samples", path.to_str().unwrap()]).1);
}

#[test]
fn relays_are_learnt_from_samples_and_fit_them() {
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail");
    fs::create_dir(&mail).unwrap();
    for number in 1..=9 {
        let lines = postfix("10.9.0.10", "store.example") + &postfix(&format!("26.1.2.{number}"), "mx1.example");
        fs::write(mail.join(format!("{number}.eml")), lines + "\nbody\n").unwrap();
    }
    let (code, learnt) = firsthand(&["check", "--samples", mail.to_str().unwrap()]);
    assert_eq!(code, 0);
    for line in [
        "hosts = [\"mx1.example\"]",
        "networks = [\"10.9.0.10/32\"]",
        "dialect = \"postfix\"",
        "relays = [\"store.example\"]",
    ] {
        assert!(learnt.contains(line), "{line} is not in {learnt}");
    }
    // What was learnt is settings that load and fit the mail.
    let config = folder.path().join("firsthand.toml");
    fs::write(folder.path().join("traps.token"), "a-token-for-tests-only\n").unwrap();
    let learnt = learnt.replace("networks = [] ", "networks = [\"10.9.0.20/32\"] ");
    fs::write(&config, &learnt).unwrap();
    let config = config.to_str().unwrap();
    let (code, report) = firsthand(&["check", "--config", config, "--samples", mail.to_str().unwrap()]);
    assert!(code == 0 && report.contains("fits this mail"), "{report}");
    // And settings that do not fit are told what to write.
    fs::write(config, learnt.replace("dialect = \"postfix\"", "dialect = \"exim\"")).unwrap();
    let (code, report) = firsthand(&["check", "--config", config, "--samples", mail.to_str().unwrap()]);
    assert!(code == 1 && report.contains("dialect = \"postfix\""), "{report}");
}

/// What an intake would miss on this machine is told before a service is started, and does not make the settings wrong.
#[test]
fn check_tells_what_an_intake_would_miss() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("firsthand.toml");
    let intakes = "[[intake]]\nkind = \"lmtp\"\nlisten = [\"unix:run/lmtp\"]\nsocket-group = \"no-such-group\"\nfeed = \"traps\"\n\
                   [[intake]]\nkind = \"maildir\"\npath = \"Maildir\"\ntrap = \"trap@d0.example\"\nfeed = \"traps\"\n";
    fs::write(&config, settings(3) + intakes).unwrap();
    let told = || {
        let output =
            Command::new(FIRSTHAND).args(["check", "--config"]).arg(&config).current_dir(folder.path()).output();
        let output = output.unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, lacks) = told();
    assert_eq!(code, 0);
    for flaw in ["run for \"unix:", "there is no group \"no-such-group\"", "Maildir/new: No such file", "Maildir/cur: "]
    {
        assert!(lacks.contains(flaw), "{flaw}: {lacks}");
    }
    for path in ["run", "Maildir/new", "Maildir/cur"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    let (_, lacks) = told();
    assert_eq!(lacks.matches("intake.").count(), 1, "{lacks}");
}

/// A proof is kept bit for bit and replayed; one that today's grammar reads otherwise is said to be so.
#[test]
fn a_proof_is_replayed() {
    let mut service = Service::start(&settings(3));
    for trap in 0..3 {
        assert_eq!(service.submit(&format!("trap@d{trap}.example"), &message("26.51.100.25", trap)).unwrap().0, 202);
    }
    let told = |service: &Service| {
        let output = service.run("why", &["--proof", "26.51.100.25"]);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = told(&service);
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches("read the same today").count(), 3, "{text}");
    assert!(text.contains("| Received: from mail.sender.example (unknown [26.51.100.25])"), "{text}");
    service.kill();
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    ledger
        .execute(
            "UPDATE facts SET proof = replace(proof, '\"peer\":\"26.51.100.25\"', '\"peer\":\"26.51.100.99\"')",
            [],
        )
        .unwrap();
    drop(ledger);
    let (code, text) = told(&service);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("READ OTHERWISE TODAY: today it states 26.51.100.25"), "{text}");
}
