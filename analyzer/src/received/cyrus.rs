//! Cyrus lmtpd: delivery on the last host. It writes the LHLO as it came.

use super::grammar::{Handover, Rule};

const AFTER: &str = r" (?:\(Cyrus [^()]*\) )?with (?<with>LMTP[SA]*); @date@";

pub(super) const RULES: &[Rule] = &[
    // from mx1.relay.example (mx1.relay.example [203.0.113.10])
    //      by store1.relay.example (Cyrus v2.4.17) with LMTPA; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "lmtp",
        r"from (?<helo>.+) \((?:(?<rdns>.+) )?\[",
        r"\]\)(?: \(using [^()]*(?:\([^()]*\))?[^()]*\))?(?: \(User authenticated as (?<auth>[^\x20\t()]+)[^()]*\))? by ",
        AFTER,
    ),
    // from store1.relay.example ([unix socket]) by store1.relay.example (Cyrus v2.4.17) with LMTPA; Mon, 23 Nov 2026 …
    Rule::handover("lmtp-local", Handover::Lmtp, r"from (?<helo>[^\x20\t()]+) \(\[unix socket\]\) by ", AFTER),
];
