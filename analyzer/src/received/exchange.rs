//! Microsoft's SMTP service (Exchange 2000 and 2003, IIS) and Exchange Server 2007 and later.
//!
//! What these do to a strange HELO is not documented, so it is taken to hold any byte: a HELO that imitates the rest of
//! the line makes it ambiguous, never wrong.

use super::grammar::{Handover, Rule};

const AFTER_SMTPSVC: &str =
    r"(?: over TLS secured channel)? with (?<with>Microsoft SMTPSVC)(?:[ \t]*\([0-9.]+\))?; @date@";
pub(super) const AFTER_SERVER: &str = concat!(
    r"(?: \(\[?[0-9A-Fa-f.:%]+\]?\))? with (?<with>Microsoft SMTP Server)(?: \((?:TLS|SSL|version=)[^()]*\))?(?: id @id@)?",
    r"(?: via (?:Frontend|Mailbox|Hub|Edge|[A-Za-z]+) Transport)?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mars.relay.example ([10.2.0.25]) by MAIL01.CORP.RELAY.EXAMPLE with Microsoft SMTPSVC(6.0.3790.1830);
    //      Tue, 25 Mar 2008 04:41:14 +0800
    Rule::peer("smtpsvc", r"from (?:(?<helo>.+) )?\(\[", r"\](?: RDNS failed)?\) by ", AFTER_SMTPSVC),
    // from mail pickup service by MAIL01.CORP.RELAY.EXAMPLE with Microsoft SMTPSVC; Tue, 16 Mar 2004 18:12:31 -0800
    Rule::handover("pickup", Handover::Pickup, r"from mail pickup service by ", AFTER_SMTPSVC),
    // Exchange 5: from mail.sender.example (mail.sender.example [192.0.2.10]) by MAIL01.relay.example with SMTP (Microsoft
    //  Exchange Internet Mail Service Version 5.5.2653.13) id ABCD1234; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "mail-service",
        r"from (?:(?<helo>.+) )?\((?:(?<rdns>.+) )?\[",
        r"\]\) by ",
        r" with (?<with>SMTP) \(Microsoft Exchange [^()]*\) id @id@; @date@",
    ),
    // by MAIL01.relay.example with Internet Mail Service (5.5.2653.19) id <YQ1SVA26>; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover(
        "store",
        Handover::Internal,
        r"by ",
        r" with (?:Internet Mail Service|Microsoft Exchange) \([^()]*\) id @id@; @date@",
    ),
    // from mail.sender.example (192.0.2.10) by EDGE1.relay.example (10.1.1.4) with Microsoft SMTP Server (TLS) id
    //  14.3.123.3; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("server", r"from (?:(?<helo>.+) )?\(\[?", r"\]?\) by ", AFTER_SERVER),
    // from MAIL01.CORP.RELAY.EXAMPLE ([fe80::a5d5%14]) by MAIL02.CORP.RELAY.EXAMPLE ([fe80::1%12]) with mapi id 14.03.0123.003;
    //  Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover(
        "mapi",
        Handover::Internal,
        r"from (?<helo>@name@) \([ \t]*\[?[0-9A-Fa-f.:%]+\]?\) by ",
        r"(?: \([ \t]*\[?[0-9A-Fa-f.:%]+\]?\))? with (?<with>mapi)(?: id @id@)?(?: via [A-Za-z]+ Transport)?; @date@",
    ),
];
