//! Critical Path's messaging server.
//!
//! The peer stands in parentheses without brackets; the tag is a bare version. What it does to blanks in a HELO is not
//! known, so it is taken to hold any byte.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (192.0.2.10) by mx9.relay.example (7.0.030.2) (authenticated as alice@relay.example)
    //         id 414B418B002D65F1 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "smtp",
        r"from (?<name>.+) \(",
        r"\) by ",
        concat!(
            r" \([0-9]\.[0-9]\.[0-9]+(?:\.[0-9]+)?\)(?: \((?<auth>authenticated) as [^\x20\t()]+\))? id (?<id>[0-9A-F]+)",
            r"(?: for (?:@path@|@mailbox@))?; @date@"
        ),
    )
    .only_ipv4(),
];
