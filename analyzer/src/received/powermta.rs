//! PowerMTA.
//!
//! The peer stands in parentheses without brackets, and the sender behind the date. What it does to blanks in a HELO is
//! not known, so it is taken to hold any byte.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (192.0.2.10) by mta1.relay.example (PowerMTA(TM) v3.2r4) id h0abc12345 for
    //  <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (envelope-from <alice@sender.example>)
    Rule::peer(
        "smtp",
        r"from (?<helo>.+) \(",
        r"\) by ",
        concat!(
            r" \(PowerMTA(?:[^()]|\([^()]*\))*\)(?: with @protocol@)?(?: id @id@)?(?: for @path@)?; @date@",
            r"(?:\(envelope-from (?<from>@path@)\))?"
        ),
    )
    .only_ipv4(),
];
