//! Lotus, IBM and HCL Domino.
//!
//! What it does to a strange HELO is not documented, so it is taken to hold any byte.

use super::grammar::{Handover, Rule};

const AFTER: &str = concat!(
    r" \((?:Lotus|IBM|HCL) (?:Domino|SMTP)(?:[^()]|\([^()]*\))*\)(?: with @protocol@)?(?: \([^()]*\))?",
    r"(?: id (?<id>[0-9A-Za-z.:-]+))?(?: for @path@)?[ \t]*; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10])
    //           by DOMINO1.relay.example (IBM Domino Release 9.0.1FP3) with ESMTP id 2026112322050000-1234 ;
    //           Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("smtp", r"from (?:(?<helo>.+) )?\((?:(?<rdns>.+) )?\[(?:IPv6:)?", r"\]\) by ", AFTER),
    // by DOMINO1.relay.example (IBM Domino Release 9.0.1FP3) id 2026112322050000-1234 ; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover("local", Handover::Pickup, r"by ", AFTER),
];
