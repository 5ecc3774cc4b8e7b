//! Postfix.
//!
//! The HELO never holds white space, parentheses, angle brackets, quotes, semicolons, backslashes or `@`: Postfix
//! writes `?` for each. Its square brackets stay, so `[198.51.100.9]` in front is the client's word. The reverse name is
//! `unknown` or a valid host name. A certificate's subject, a login name and the recipient may hold anything.

use super::grammar::{Handover, Rule};

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (unknown [192.0.2.10])
    //     (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519)
    //     (Client CN "client.example", Issuer "CA" (not verified))
    //     (Authenticated sender: bob)
    //     by mx1.relay.example (Postfix) with ESMTPSA id D992E99656A
    //     for <h02@lab.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)
    Rule::peer(
        "smtpd",
        r#"from (?<helo>[^\x20\t<>()\\";@]+) \((?<rdns>@name@) \[(?:IPv6:)?"#,
        r"\]\)(?: \((?:using|Client|No client|Authenticated sender:) (?:.*Authenticated sender: (?<auth>.+)|.*)\))?[ \t]*by ",
        concat!(
            r" \(Postfix(?:[^()]|\([^()]*\))*\)(?: with @protocol@)? id @id@",
            r"(?:[ \t]*for @path@)?; @date@@sender@"
        ),
    ),
    // by mx1.relay.example (Postfix, from userid 1000) id 4T3Xyz1234; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)
    Rule::handover(
        "pickup",
        Handover::Pickup,
        r"by ",
        r" \(Postfix[^()]*, from userid [0-9]+\) id @id@(?: for @path@)?; @date@",
    ),
    // by mx1.relay.example (Postfix) id 4T3Xyz1234; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)
    Rule::handover(
        "generated",
        Handover::Pickup,
        r"by ",
        r" \(Postfix(?:[^(),]|\([^()]*\))*\) id @id@(?: for @path@)?; @date@",
    ),
    // from mail.sender.example (unknown [unknown]) by mx1.relay.example (Postfix) with ESMTP id 4T3; Mon, 23 Nov 2026 …
    Rule::unstated(
        "unknown-peer",
        r#"from (?<helo>[^\x20\t<>()\\";@]+) \((?<rdns>@name@) \[unknown\]\) by "#,
        r" \(Postfix(?:[^()]|\([^()]*\))*\) with @protocol@ id @id@(?: for @path@)?; @date@",
    ),
];
