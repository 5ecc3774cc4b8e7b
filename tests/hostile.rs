//! Is what hostile mail costs bounded in memory and time? (A12)
//!
//! Each kind is twice as large as the last in turn, so that a cost that grows faster than its input is seen; the bounds are
//! far above what is measured, and far below what an unbounded reader would take.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::topology::{Boundary, Relay, Topology};
use firsthand_analyzer::trust::Reason;
use firsthand_analyzer::verdict::judge;
use nix::sys::resource::{UsageWho, getrusage};

const FIRSTHAND: &str = env!("CARGO_BIN_EXE_firsthand");

/// The most memory that any run of the program may take here, in KiB: a message at its limit, and as much again.
const MEMORY: i64 = 220 << 10;

/// The longest that one message may take in a debug build.
const PATIENCE: Duration = Duration::from_secs(20);

fn topology() -> Topology {
    let relay = Relay {
        name: "mx1".to_owned(),
        hosts: Vec::new(),
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        dialect: None,
        handovers: Vec::new(),
    };
    Topology::new(vec![relay], Boundary::Headers)
}

fn line(tail: &str) -> String {
    format!("Received: from x.example (unknown [10.0.0.1]) by mx1.example (Postfix) with ESMTP id 4T3X{tail}\n")
}

/// Lines that give the grammars as much to do as they can.
fn slow_lines(size: usize) -> Vec<String> {
    let pieces = [
        " [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000 (x",
        " ([1.1.1.1]) by x",
        " by x with SMTP; Mon, 1 Jan 2024 00:00:00 +0000",
        " (HELO x) ([1.1.1.1])",
        "\"\\",
        "((",
        " helo= ident=",
        "; ",
        "a",
        " ",
    ];
    let starts = ["from x", "from x (y", "from [1.1.1.1] (helo=", "(qmail 1", "by x", ""];
    let mut lines = Vec::new();
    for piece in pieces {
        for start in starts {
            lines.push(format!("Received: {start}{}\n", piece.repeat(size / piece.len())));
        }
    }
    // Once took minutes: each host has a comment behind it, and nothing reads the line but for looking at it.
    lines.push(format!(
        "Received: from a (a.b [192.0.2.1]) (Client x{}{}) with ESMTP id 2; Mon, 23 Nov 2026 22:02:47 +0000\n",
        ") by a.b (Postfix) with ESMTP id 2 for <\"".repeat(63),
        "x".repeat(size * 9 / 10)
    ));
    lines.push(format!(
        "Received: from a ([192.0.2.1]) by b with SMTP; Mon, 23 Nov 2026 22:02:47 +0000{}x\n",
        " ".repeat(size)
    ));
    let date = "; Mon, 23 Nov 2026 22:02:47 +0000\n\t";
    lines.push(format!("Received: from a ([192.0.2.1]) by b with SMTP{}\n", date.repeat(size / date.len())));
    lines.push(format!("Received: from a ([192.0.2.1]) by b with SMTP{}\n", "\n\t".repeat(size / 2)));
    lines
}

#[test]
fn long_lines_cost_little() {
    for line in slow_lines(100 << 10).iter().chain(&slow_lines(60 << 10)) {
        let began = Instant::now();
        judge(&Sample { message: line.as_bytes(), envelope: None, observed_peer: None }, &topology());
        assert!(began.elapsed() < PATIENCE, "{:?} for {}…", began.elapsed(), &line[..60]);
    }
}

#[test]
fn many_fields_and_long_headers_are_refused() {
    let refused = |message: &[u8]| {
        let began = Instant::now();
        let verdict = judge(&Sample { message, envelope: None, observed_peer: None }, &topology());
        assert!(began.elapsed() < PATIENCE);
        verdict.origin == Err(Reason::TooLarge)
    };
    assert!(refused(&b"X: y\n".repeat(10_001)));
    assert!(!refused(&b"X: y\n".repeat(10_000)));
    assert!(refused(line("; Mon, 23 Nov 2026 22:02:47 +0000").repeat(201).as_bytes()));
    assert!(refused(&[b"X: ".as_slice(), &vec![b'x'; 600 << 10], b"\n"].concat()));
    assert!(refused(&vec![b'x'; (50 << 20) + 1]));
    // The whole header block full of lines that are slow to read: a full one of each kind.
    for slow in slow_lines(60 << 10) {
        let message = line("; Mon, 23 Nov 2026 22:02:47 +0000") + &slow.repeat(8);
        assert!(!refused(message.as_bytes()));
    }
    // Parts within parts, as deep as they go, are body to the analyzer.
    let deep: String =
        (0..20_000).map(|depth| format!("Content-Type: multipart/mixed; boundary=b{depth}\n\n--b{depth}\n")).collect();
    assert!(!refused(deep.as_bytes()));
}

/// A message of 200 MB, by file, by pipe and as a request: refused, within bounds, and what follows is answered.
#[test]
fn a_huge_message_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.eml");
    let mut file = std::fs::File::create(&path).unwrap();
    let part = vec![b'x'; 1 << 20];
    file.write_all(b"Subject: x\n\n").unwrap();
    for _ in 0..200 {
        file.write_all(&part).unwrap();
    }
    drop(file);
    let analyze = |arguments: &[&str]| {
        let mut command = Command::new(FIRSTHAND);
        command.args(["analyze"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let began = Instant::now();
    let output = analyze(&["--relay", "10.0.0.0/8", "--json", path.to_str().unwrap()]).wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"reason\":\"too-large\""));

    let mut child = analyze(&["--jsonl", "-"]);
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        input.write_all(b"{\"id\":\"huge\",\"message\":\"").unwrap();
        for _ in 0..200 {
            input.write_all(&part).unwrap();
        }
        input.write_all(b"\",\"relays\":[]}\n{\"id\":\"next\",\"message\":\"\",\"relays\":[]}\n").unwrap();
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let answers: Vec<serde_json::Value> =
        output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!((&answers[0]["id"], &answers[0]["reason"]), (&"huge".into(), &"too-large".into()));
    assert_eq!((&answers[1]["id"], &answers[1]["reason"]), (&"next".into(), &"no-received".into()));
    assert!(began.elapsed() < 6 * PATIENCE);
    let most = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(most < MEMORY, "{most} KiB");
}
