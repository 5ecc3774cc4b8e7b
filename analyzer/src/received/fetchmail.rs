//! fetchmail and getmail: mail taken from a mailbox on another host.
//!
//! The line names the host that was polled, never a peer; the next line is that host's.

use super::grammar::{Handover, Rule};

pub(super) const RULES: &[Rule] = &[
    // from mail.relay.example [203.0.113.10] by localhost with POP3 (fetchmail-6.4.16)
    //     for <alice@localhost> (single-drop); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)
    Rule::handover(
        "fetchmail",
        Handover::Fetchmail,
        r"from (?<helo>@host@) (?:\[[^\[\]]*\] |\((?:@name@ )?\[[0-9A-Fa-f.:%]+\]\) )?by ",
        concat!(
            r" with (?<with>[A-Za-z0-9]+) \(fetchmail-[^()\x20\t]+(?: [^()]*)?\)",
            r"(?: for (?:@path@|@mailbox@))?(?: \((?:single-drop|multi-drop|by default)\))?;? @date@"
        ),
    ),
    // from mail.relay.example by home.relay.example with POP3 getmail6 msgid:0000123 for <alice@home.relay.example>;
    //  23 Nov 2026 22:05:00 -0000
    Rule::handover(
        "getmail",
        Handover::Fetchmail,
        r"from (?<helo>@host@) (?:\[[^\[\]]*\] |\((?:@name@ )?\[[0-9A-Fa-f.:%]+\]\) )?by ",
        r" with (?<with>[A-Za-z0-9-]+)(?: \(getmail[^()]*\)| getmail[^\x20\t;]*)(?: msgid:[^\x20\t;]*)?(?: for (?:@path@|@mailbox@))?; @date@",
    ),
];
