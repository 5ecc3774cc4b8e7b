//! CommuniGate Pro.
//!
//! The peer stands first, in brackets, before anything that the client can write; or behind its name, where that name
//! was verified. Mail from its rules, lists and pipes names no peer.

use super::grammar::{Handover, Rule};

const AFTER: &str = concat!(
    r" \(CommuniGate Pro [^()]*\) with (?<with>[A-Za-z0-9]+)(?: id (?<id>[0-9]+))?",
    r"(?: for (?:@path@|@mailbox@))?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from [192.0.2.10] (account alice@relay.example HELO client.example)
    //   by mail.relay.example (CommuniGate Pro SMTP 6.2.5) with ESMTPSA id 19467966 for bob@relay.example; Mon, 23 Nov 2026 …
    Rule::peer(
        "address",
        r"from \[",
        r"\](?: \((?:account (?<auth>[^\x20\t()]+))? ?(?:(?:HELO|EHLO) (?<helo>.*)|\[[0-9A-Fa-f.:]+\](?: [a-z]+)?)?\))? by ",
        AFTER,
    ),
    // from mail.sender.example ([192.0.2.10] verified) by mail.relay.example (CommuniGate Pro SMTP 5.1.13) with ESMTPS id …
    Rule::peer("name", r"from (?<name>@name@) \((?:account (?<auth>[^\x20\t()]+) )?\[", r"\](?: [a-z]+)?\) by ", AFTER),
    // from <list-admin@relay.example> by mail.relay.example (CommuniGate Pro RULES 3.3.2) with RULES id 1450363; Mon, …
    Rule::handover("local", Handover::Pickup, r"(?:from (?:@path@|[^\x20\t()\[\]]+) )?by ", AFTER),
];
