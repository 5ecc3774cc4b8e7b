//! Exim 3, which ended in 2002 and is seen in old mail.
//!
//! Unlike its successors it writes the HELO in front of the peer, raw where junk is allowed; so it is a dialect of its own,
//! and no relay of today is read by it.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from c30.client.example (client.example) [198.51.100.30] (alice) by mx2.relay.example with esmtp (Exim 3.35 …
    Rule::peer(
        "smtp",
        r"from (?<rdns>@name@) (?:\((?<helo>.*)\) )?\[",
        r"(?:\.[0-9]+)?\](?: \((?<ident>.*)\))? by ",
        r" with (?<with>[A-Za-z0-9-]+) \(Exim [123]\.(?:[^()]|\([^()]*\))*\) id @id@(?: for (?:@path@|@mailbox@))?; @date@",
    ),
];
