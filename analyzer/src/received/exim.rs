//! Exim, with its stock `received_header_text` (and the one of Debian and cPanel, which is the same).
//!
//! The peer stands in the first brackets, before anything that the client can write: after `from `, either at once or
//! behind a reverse name in which DNS leaves only name characters. HELO, ident and the sender follow it unescaped.

use super::grammar::{Handover, Rule};

/// `with esmtps (TLS1.3) tls TLS_… (Exim 4.96) (envelope-from <…>) id … for …; date`
const AFTER: &str = concat!(
    r"(?: \(envelope-from @path@\))? with (?<with>[A-Za-z0-9-]+)(?: \([^()]*\))?(?: tls [A-Za-z0-9_:-]+)?(?: \([^()]*\))?",
    r" \((?:[A-Za-z]+ )*Exim(?:[^()]|\([^()]*\))*\),?(?: \([0-9]+\))?",
    r"(?: \(envelope-from (?<from>@path@)\))? id @id@(?: \(envelope-from @path@\))?(?: for (?:@path@|@mailbox@))?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from [192.0.2.11] (helo=client.example ident=alice) by mx2.relay.example with esmtp (Exim 4.96)
    //     (envelope-from <alice@sender.example>) id 1xVc9P-000710-23 for h02@lab.example; Mon, 23 Nov 2026 22:04:39 +0000
    Rule::peer(
        "address",
        r"from \[",
        r"\](?::[0-9]+)?(?: \((?:(?:port=[0-9]+ )?(?:helo=|HELO )(?<helo>.*?)(?: ident=(?<ident>.*))?|ident=.*)\))? by ",
        AFTER,
    ),
    // from c30.client.example ([198.51.100.30] helo=client.example ident=alice) by mx2.relay.example with esmtp (Exim 4.96) …
    Rule::peer(
        "name",
        r"from (?<name>@name@) \(\[",
        r"\](?::[0-9]+)?(?: port=[0-9]+)?(?: helo=(?<helo>.*?))?(?: ident=(?<ident>.*))?\) by ",
        AFTER,
    ),
    // from root by mx2.relay.example with local (Exim 4.96) (envelope-from <root@mx2.relay.example>) id 1xV…; Mon, 23 …
    Rule::handover("local", Handover::Pickup, r"from (?<ident>[^\x20\t()\[\]]+) by ", AFTER),
    // from alice (helo=client.example) by mx2.relay.example with local-esmtp (Exim 4.96) id 1xV…; Mon, 23 Nov 2026 …
    Rule::handover("local-smtp", Handover::Pickup, r"from (?<ident>[^\x20\t()\[\]]+) \(helo=(?<helo>.*)\) by ", AFTER),
    // Lines of a message that Exim itself made: by mx2.relay.example with local …
    Rule::handover("generated", Handover::Pickup, r"by ", AFTER),
];
