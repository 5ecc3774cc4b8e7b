//! hMailServer.
//!
//! What it does to a strange HELO is not documented beyond that it takes one word.

use super::grammar::Rule;

const AFTER: &str = r"(?: with (?<with>E?SMTP[SA]*|hMailServer))?(?: \(version=[^()]*\))?[ \t]+; @date@";

pub(super) const RULES: &[Rule] = &[
    // from client.example (mail.sender.example [192.0.2.10])
    //     by mail.relay.example with ESMTPS (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256)
    //     ; Mon, 23 Nov 2026 22:05:00 +0000
    // from client.example ([192.0.2.10]) by mail.relay.example with hMailServer ; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("smtp", r"from (?<helo>[^\x20\t]+) \((?:(?<rdns>.+) )?\[(?:IPv6:)?", r"\]\) by ", AFTER),
];
