//! Apache James.
//!
//! The HELO is written raw, and the reverse name as Java's resolver gives it, or the address itself.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (EHLO client.example) ([192.0.2.10])
    //           by mx9.relay.example (JAMES SMTP Server 3.8.1) with ESMTPS ID -140762169
    //           for <bob@relay.example>;
    //           Mon, 23 Nov 2026 22:05:00 +0000 (UTC)
    Rule::peer(
        "smtp",
        r"from (?<rdns>.+) \((?:HELO|EHLO) (?<helo>.*)\) \(\[",
        r"\]\) by ",
        r" \(JAMES [^()]*\) with @protocol@(?: \([^()]*\))? ID (?<id>[0-9A-Za-z-]+)(?: for @path@)?; @date@",
    ),
];
