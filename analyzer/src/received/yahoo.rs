//! Yahoo.
//!
//! Its edge writes as qmail-smtpd does, with `EHLO` besides `HELO`; its own hosts pass mail on by NNFMP, and its web mail
//! by HTTP, in lines where the address in front is not told apart from a client's word.

use super::grammar::{Handover, Rule};

pub(super) const RULES: &[Rule] = &[
    // from 192.0.2.10  (EHLO mail.sender.example) (192.0.2.10)
    //   by mta1001.mail.bf1.yahoo.com with SMTPs; Mon, 23 Nov 2026 22:05:00 +0000
    // from unknown (HELO client) (alice@192.0.2.10 with login) by smtp101.mail.bf1.yahoo.com with SMTP; 23 Nov 2026 …
    Rule::peer(
        "edge",
        r"from (?<rdns>[^\x20\t()]+) \((?:EHLO|HELO) (?<helo>[^()]*)\) \((?:(?<ident>[^\x20\t()]*)@)?",
        r"(?: with (?<auth>login|plain|xymcookie|oauth2?))?\) by ",
        r" with (?<with>E?SMTP[Ss]?); @date@",
    ),
    // from 192.0.2.10 (EHLO mail.sender.example)
    //  by atlas125.free.mail.bf1.yahoo.com with SMTPs; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "edge-first",
        r"from ",
        r" \((?:EHLO|HELO) (?<helo>[^()]*)\) by ",
        r" with (?<with>E?SMTP[Ss]?); @date@",
    ),
    // by hermes--production-bf1-7f8b (Yahoo Inc. Hermes SMTP Server) with ESMTPA ID 0123456789abcdef; Mon, 23 Nov 2026 …
    Rule::handover(
        "hermes",
        Handover::Internal,
        r"by ",
        r" \((?:Yahoo Inc\.|Oath|VZM) Hermes SMTP Server\) with @protocol@ ID @id@; @date@",
    ),
    // from [192.0.2.20] by nm5.bullet.mail.bf1.yahoo.com with NNFMP; 23 Nov 2026 22:05:00 -0000
    Rule::handover("nnfmp", Handover::Internal, r"from \[[0-9A-Fa-f.:]+\] by ", r" with (?<with>NNFMP); @date@"),
    // from [192.0.2.20] by web12345.mail.bf1.yahoo.com via HTTP; Mon, 23 Nov 2026 22:05:00 PST
    Rule::unstated("web", r"from \[[0-9A-Fa-f.:]+\] by ", r" via (?<with>HTTP); @date@"),
    // from sonic.gate.mail.bf1.yahoo.com by sonic315.consmr.mail.bf2.yahoo.com with HTTP; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover(
        "sonic",
        Handover::Internal,
        r"from (?<helo>[A-Za-z0-9.-]*[A-Za-z][A-Za-z0-9.-]*) by ",
        r" with (?<with>HTTP); @date@",
    ),
];
