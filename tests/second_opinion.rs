//! Where does mail-parser, a well-kept library that reads Received lines, name another peer than we do on our own traces,
//! and who is right?
//!
//! The truth is the peer that each session really had. Every difference is listed here by its trace; a new one fails the
//! test, and so does one that went away.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "harness/traces.rs"]
mod harness;

use std::collections::BTreeMap;

use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::verdict::{judge, one_line};
use harness::traces;
use mail_parser::{Host, MessageParser};

#[test]
fn mail_parser_differs_where_it_is_listed() {
    let mut differences: BTreeMap<String, String> = BTreeMap::new();
    for trace in traces() {
        let verdict = judge(&Sample { message: &trace.message, envelope: None, observed_peer: None }, &trace.topology);
        let Some(boundary) = verdict.path.last().filter(|_| verdict.origin.is_ok()) else { continue };
        let message = MessageParser::default().parse(&trace.message).unwrap();
        let lines: Vec<_> = message.header_values("Received").filter_map(|value| value.as_received()).collect();
        let theirs = lines.get(boundary.line - 1).and_then(|line| {
            let literal = line.from().and_then(|host| match host {
                Host::IpAddr(address) => Some(*address),
                Host::Name(_) => None,
            });
            line.from_ip.or(literal)
        });
        let theirs = theirs.map_or_else(|| "nobody".to_owned(), |peer| peer.to_canonical().to_string());
        let ours = verdict.origin.unwrap().to_string();
        if theirs != ours {
            // Ours is the truth in every one of them.
            assert_eq!(Some(&ours), trace.truth.as_ref(), "{}", trace.id);
            let line = one_line(&verdict.proof[boundary.line - 1].bytes, 400);
            differences.insert(trace.id, format!("mail-parser: {theirs}; we, rightly: {ours}; {line}"));
        }
    }
    let listed = include_str!("corpus/second-opinion.txt");
    let now: String = differences.iter().map(|(id, theirs)| format!("{id}: {theirs}\n")).collect();
    let (listed, now): (Vec<&str>, Vec<&str>) =
        (listed.lines().filter(|line| !line.starts_with('#')).collect(), now.lines().collect());
    assert_eq!(listed, now, "differences with mail-parser; in all of them we are right");
}
