//! Sendmail 8.
//!
//! The HELO is cut at white space, parentheses and semicolons; brackets pass. The reverse name may be another's,
//! unconfirmed (`may be forged`); ident answers are reduced to a few characters. A peer without a name stands as
//! `([192.0.2.1])`, and with an empty HELO as `(from [192.0.2.1])`, in the place of the local user.

use super::grammar::{Handover, Rule};

/// `(8.17.1.9/8.17.1.9/Debian-2) with ESMTPS id … (version=TLSv1.3 …) for <…>; date`
const AFTER: &str = concat!(
    r" \((?:V8/cf|(?:[A-Za-z]+[0-9.]*/[A-Za-z]* ?|[A-Za-z/]+)?[0-9]+\.[0-9.]+[^()/]*(?:/[^()]+)?)\)",
    r"(?: with @protocol@(?:/[A-Za-z]+)?)?(?: id @id@)?",
    r"(?: \((?:version=|using )[^()]*(?:\([^()]*\))?[^()]*\))?(?: for (?:@path@|@mailbox@))?; @date@@sender@"
);

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (IDENT:alice@host.sender.example [192.0.2.15] (may be forged)) (authenticated bits=0)
    //     by mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM9uL9030574
    //     for <h02@lab.example>; Mon, 23 Nov 2026 22:09:56 GMT
    Rule::peer(
        "smtp",
        r"from (?<helo>[^\x20\t();]+) \((?<login>[A-Za-z0-9._+/=:~@-]+)?[ \t]*\[(?:IPv6:)?",
        r"\](?: \(may be forged\))?\)(?: \((?<auth>authenticated)(?: as [^()\x20\t]+)?(?: [^()\x20\t]+)?(?: \([0-9]+ bits\)| bits=[0-9]+)?\))? by ",
        AFTER,
    ),
    // (from [192.0.2.11]) by mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with SMTP id 6AN…; Mon, 23 Nov 2026 22:09:56 GMT
    Rule::peer("empty-helo", r"\(from \[(?:IPv6:)?", r"\]\) by ", AFTER),
    // (from root@localhost) by mx3.relay.example (8.17.1.9/8.17.1.9/Submit) id 6AN… for bob; Mon, 23 Nov 2026 22:09:56 GMT
    Rule::handover("local", Handover::Pickup, r"\(from (?<ident>[^\x20\t()\[\]]+)\) by ", AFTER),
    // from localhost (localhost) by mx3.relay.example (8.17.1.9/8.17.1.9) id 6AN…; Mon, 23 Nov 2026 22:09:56 GMT
    // from localhost (root@localhost) by mx3.relay.example (8.9.3) with ESMTP id 6AN…; Mon, 23 Nov 2026 22:09:56 GMT
    Rule::handover(
        "generated",
        Handover::Pickup,
        r"from (?<helo>@name@) \((?:(?<ident>[A-Za-z0-9._+/=:~-]+)@)?localhost\) by ",
        AFTER,
    ),
    // from mail.sender.example by mx3.relay.example (8.12.10/8.9.3) with ESMTP id k7U…; Wed, 30 Aug 2006 13:17:58 GMT
    Rule::unstated("bare", r"from (?<helo>@name@) by ", AFTER),
];
