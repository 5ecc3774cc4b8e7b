//! Nemesis, the fork of Exim at 1&1, GMX and WEB.DE.
//!
//! What it does to blanks in a HELO is not known, so it is taken to hold any byte; the brackets behind `by` hold an address
//! of its own.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10]) by smtp.relay.example (mrweb004 [203.0.113.12]) with ESMTPSA
    //  (Nemesis) id 0M5u99-1Y5SBn46rB; Mon, 23 Nov 2026 22:05:00 +0100
    Rule::peer(
        "smtp",
        r"from (?<helo>.+) \(\[",
        r"\]\) by ",
        r" \([A-Za-z0-9-]+(?: \[[0-9A-Fa-f.:]+\])?\) with (?<with>[A-Za-z]+) \(Nemesis\),? id @id@(?: for @path@)?; @date@",
    ),
    // from [192.0.2.10] (helo=client.example) by mx.relay.example with ESMTP (Nemesis), id 0MKpdM-1CkRpr14PF-000608; Mon, …
    Rule::peer(
        "address",
        r"from \[",
        r"\] \(helo=(?<helo>.*)\) by ",
        r" with (?<with>[A-Za-z]+) \(Nemesis\),? id @id@(?: for @path@)?; @date@",
    ),
];
