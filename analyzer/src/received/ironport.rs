//! IronPort, now Cisco Email Security Appliance.
//!
//! It writes no product tag. The reverse name, or `unknown`, stands first, the HELO between, the peer last.
//! What it does to parentheses in a HELO is not known, so it is taken to hold any byte.

use super::grammar::Rule;

const AFTER: &str = r" with (?<with>(?:UTF8)?E?SMTP[SA]*(?:/(?:TLS|SSL)[A-Za-z0-9_./-]*)?)(?: id @id@)?; @date@";

pub(super) const RULES: &[Rule] = &[
    // from unknown (HELO mail.sender.example) ([192.0.2.10])
    //   by esa1.relay.example with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "smtp",
        r"from (?<rdns>[^\x20\t()\[\]]+) \((?:HELO|EHLO) (?<helo>.*)\) \((?:(?<ident>[^\x20\t()@]*)@)?\[(?:IPv6:)?",
        r"\]\) by ",
        AFTER,
    ),
    // from mail.sender.example ([192.0.2.10]) by esa1.relay.example with ESMTP/TLS/…; 23 Nov 2026 22:05:00 +0000
    Rule::peer("same-name", r"from (?<name>@name@) \(\[(?:IPv6:)?", r"\]\) by ", AFTER),
];
