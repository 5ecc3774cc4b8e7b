//! qmail-smtpd and those that write as it does: netqmail, notqmail, s/qmail, qmail-ldap, and the Perl daemon qpsmtpd.
//!
//! qmail-smtpd writes `?` for every byte of a name, HELO or ident answer that is not one of a few (`safeput`), so that
//! none holds a parenthesis. qpsmtpd writes the HELO raw, but one word of it; the reverse name comes as the tcp server
//! hands it over, with any byte. qmail-queue adds a line of its own on top, which names no host: it tells by uid who
//! called it, and for `from network` that was qmail-smtpd, whose line comes next.

use super::grammar::{Handover, Rule, Source};

/// `with (… encrypted) ESMTPSA; 23 Nov 2026 22:05:00 -0000`
macro_rules! after {
    ($protocol:literal) => {
        concat!(
            r"(?: \((?:qmail-ldap[^()]*|qp [0-9]+|route-mx|WP-SMTPD)\))? with ",
            r"(?:\([^()]* encrypted\) |[A-Za-z0-9_-]+ encrypted )?(?:compressed )?",
            $protocol,
            r"(?: \([^()]*\))?(?: for <[^()<>\x20\t]*>)?; @date@"
        )
    };
}

/// `from unknown (HELO ?10.1.2.3?) (`; the safe bytes of all kin, among them blanks and brackets.
macro_rules! before {
    () => {
        concat!(
            r"from (?<name>[A-Za-z0-9.@%+/=:?_\[\]\x20-]+) (?:\(HELO (?<helo>[A-Za-z0-9.@%+/=:?_\[\]\x20-]*)\) )?",
            r"\("
        )
    };
}

const BETWEEN: &str = r"\]?\)(?: \(envelope-sender (?<sender><[^()<>]*>)\))?(?: de/crypted with .*)? by ";

pub(super) const RULES: &[Rule] = &[
    // from unknown (HELO ?10.1.2.3?) (192.0.2.10)
    //   by mx7.relay.example with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) ESMTPS; 23 Nov 2026 22:05:00 -0000
    // qmail-ldap: from mail.sender.example ([192.0.2.10]) (envelope-sender <a@sender.example>) by … (qmail-ldap-1.03) with …
    Rule::peer("smtpd", concat!(before!(), r"\[?"), BETWEEN, after!(r"(?<with>(?:UTF8)?E?SMTPS?|QMTP|QMQP)")),
    // from unknown (HELO ?10.1.2.3?) (alice@192.0.2.10)
    //   by mx7.relay.example with ESMTPA; 23 Nov 2026 22:05:00 -0000
    //
    // Of a client that logged in, some patches write the login alone, `(alice)`, and a login may be `alice@192.0.2.10`.
    Rule::unstated(
        "smtpd-login",
        concat!(before!(), r"(?<ident>[A-Za-z0-9.@%+/=:?_\[\]\x20-]*)", r"\)(?: de/crypted with .*)? by "),
        after!(r"(?<with>(?:UTF8)?E?SMTPS?A[A-Z]*)"),
    ),
    // from unknown (HELO ?10.1.2.3?) (alice@192.0.2.10)
    //   by mx7.relay.example with SMTP; 23 Nov 2026 22:05:00 -0000
    Rule::peer(
        "smtpd-ident",
        concat!(before!(), r"(?<ident>[A-Za-z0-9.@%+/=:?_\[\]\x20-]*)@\[?"),
        BETWEEN,
        after!(r"(?<with>(?:UTF8)?E?SMTPS?|QMTP|QMQP)"),
    ),
    // from mail.sender.example (HELO client.example) (192.0.2.10)
    //   (smtp-auth username alice, mechanism plain)
    //   by mx7.relay.example (qpsmtpd/0.94) with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) ESMTPSA; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "qpsmtpd",
        r"from (?<rdns>.*) \(HELO (?<helo>[^\x20\t]*)\) \((?:(?<ident>[^\x20\t()]*)@)?",
        r"\)(?: \(smtp-auth username (?<auth>.*), mechanism [^()]*\))? by ",
        r" \(qpsmtpd/[^()]*\) with (?:\([^()]* encrypted\) )?@protocol@[ \t]*(?:\([^()]* encrypted\)[ \t]*)?; @date@",
    ),
    // from mail.sender.example (EHLO client.example) [192.0.2.10] by mx7.relay.example (mp003) with SMTP; 23 Nov 2026 …
    Rule::peer(
        "bracketed",
        r"from (?<rdns>[A-Za-z0-9.@%+/=:?_-]+) \((?:HELO|EHLO) (?<helo>[A-Za-z0-9.@%+/=:?_\[\]-]*)\) \[",
        r"\] by ",
        r" \(mp[0-9]+\) with (?<with>E?SMTP[A-Z]*); @date@",
    ),
    // (qmail 10681 invoked from network); 23 Nov 2026 22:05:00 -0000
    Rule::nameless(
        "queue-network",
        Source::Continued,
        r"\(qmail [0-9]+ (?:messnum [0-9]+ )?invoked from network[^()]*\); @date@@comments@",
    ),
    // (qmail 10681 invoked by uid 404); 23 Nov 2026 22:05:00 -0000
    Rule::nameless(
        "queue-local",
        Source::Handover(Handover::Pickup),
        r"\((?:qmail|qmail-queue|indimail|indimail-mta|nullmailer) (?:[^()]* )?invoked (?:by uid [0-9]+|by alias|for bounce)[^()]*\); @date@@comments@",
    ),
    // from 192.0.2.10 by mx7.relay.example (envelope-from <a@sender.example>, uid 502) with qmail-scanner-1.24 (clamdscan: …
    Rule::handover(
        "scanner",
        Handover::Pickup,
        r"from [^\x20\t()]+ by ",
        r"(?: \(envelope-from [^\x20\t()]+, uid [0-9]+\)| by uid [0-9]+)? with qmail-scanner-[0-9a-z.]+ \(.*\); @date@",
    ),
];
