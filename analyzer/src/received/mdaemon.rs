//! MDaemon, as far as its format is documented.
//!
//! It leaves the peer out of some lines, and nothing in them tells which; there a HELO of two words would stand as HELO and
//! peer. So its lines prove no peer, and a feed behind it should tell the peer by its channel.

use super::grammar::{Handover, Rule};

const AFTER: &str = concat!(
    r"(?: \((?:IPv6:)?[0-9A-Fa-f.:]+\))?(?: via TCP)?(?: with (?<with>[A-Za-z0-9]+))?(?: \((?:SSL|Cipher [^()]*)\))?",
    r" \(MDaemon[^()]*\)(?: with (?<protocol>[A-Za-z0-9]+))?(?: \([^()]*\))?(?: id @id@)?(?: for (?:@path@|@mailbox@))?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10]) by mail.relay.example (MDaemon PRO v20.0.3)
    //         with ESMTP id md50004804310.msg for <alice@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000
    // from [10.0.0.5] by mail.relay.example (MDaemon PRO v11.0.3) with ESMTP id md50004804310.msg; Mon, 23 Nov 2026 …
    Rule::unstated("smtp", r"from (?<helo>.+) by ", AFTER),
    // by mail.relay.example (MDaemon PRO v11.0.3) with DomainPOP id md50004804310.msg; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover("local", Handover::Fetchmail, r"by ", AFTER),
];
