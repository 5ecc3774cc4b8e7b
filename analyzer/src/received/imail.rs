//! IMail and Merak (IceWarp).
//!
//! IMail writes the peer in brackets without parentheses, behind a HELO that may hold blanks.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example [192.0.2.10] by mail.relay.example
    //   (SMTPD32-7.12) id AD7FA80134; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "smtpd32",
        r"from (?<helo>.+)\[(?:IPv6:)?",
        r"\] by ",
        r"(?: with @protocol@)? \(SMTPD(?:32)?[^()]*\)(?: id (?<id>[0-9A-Za-z]+))?(?: for @path@)?; @date@",
    ),
    // from mail.sender.example ([192.0.2.10])
    //         by mail.relay.example (Merak 4.4.2) with ESMTP id EDA37003; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "merak",
        r"from (?:(?<helo>.+) )?\((?:(?<rdns>.+) )?\[(?:IPv6:)?",
        r"\]\) by ",
        r" \((?:Merak|IceWarp)[^()]*\) with (?<with>[A-Za-z]+)(?: \([^()]*\))? id @id@(?: for @path@)?; @date@",
    ),
];
