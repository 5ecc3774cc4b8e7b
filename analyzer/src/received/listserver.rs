//! List servers: LISTSERV and its LSMTP, bulk_mailer, Ecartis. ezmlm hands on through qmail, Mailman through its MTA.
//!
//! A list server that writes a line of its own took the message from the host it runs on; the line names no peer.

use super::grammar::{Handover, Rule, Source};

pub(super) const RULES: &[Rule] = &[
    // from LISTS.RELAY.EXAMPLE by LISTS.RELAY.EXAMPLE (LISTSERV-TCP/IP release 16.0) with spool id 431549
    //           for NEWS@LISTS.RELAY.EXAMPLE; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover(
        "listserv",
        Handover::Pickup,
        r"from (?<helo>@name@) by ",
        r" \(LISTSERV[^()]*\) with (?<with>spool|NJE)(?: id @id@)?(?: for @mailbox@)?; @date@",
    ),
    // from ntls (mail.sender.example) by lists.relay.example (LSMTP for Windows NT v1.1b) with SMTP id
    //  <2.0009C5FC@lists.relay.example>; Mon, 23 Nov 2026 22:05:00 +0000: what stands in parentheses is the reverse name,
    // which may look like an address.
    Rule::unstated("lsmtp", r"from (?<helo>.+) by ", r" \(LSMTP[^()]*\) with @protocol@ id @id@; @date@"),
    // by lists.relay.example (bulk_mailer v1.13); Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover("bulk-mailer", Handover::Pickup, r"by ", r" \((?:bulk_mailer|ulkbay_ailermay) [^()]*\); @date@"),
    // with ECARTIS (v1.0.0; list news); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)
    Rule::nameless(
        "ecartis",
        Source::Handover(Handover::Pickup),
        r"with (?:ECARTIS|LISTAR) \([^()]*\); @date@@comments@",
    ),
];
