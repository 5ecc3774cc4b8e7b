//! Scalix.
//!
//! The peer stands behind a blank where it has no name. What it does to blanks in a HELO is not known, so it is taken to
//! hold any byte.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from client.sender.example (mail.sender.example [192.0.2.10])
    //     by mail.relay.example (Scalix SMTP Relay 11.4.1.11929)
    //     via ESMTP; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)
    Rule::peer(
        "smtp",
        r"from (?<helo>.+) \((?:(?<rdns>.+) )?[ \t]*\[?",
        r"\]?\) by ",
        r" \(Scalix SMTP Relay [^()]*\) via (?<with>E?SMTP); @date@",
    )
    .only_ipv4(),
];
