//! Stalwart.
//!
//! The HELO is a valid host name or address literal. The reverse name is not confirmed, and nothing checks its bytes.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (mail.sender.example [192.0.2.10] (AS64500 Example Networks, SE))
    //     (using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)
    //     by mx8.relay.example (Stalwart SMTP) with ESMTPS id 2F00000012345678;
    //     Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "smtp",
        r"from (?<helo>[^\x20\t()]+) \((?<rdns>.+) \[(?:IPv6:)?",
        r"\](?: \(AS[0-9][^()]*\))?\)(?: \(using [^()]*\))?(?: \(Authenticated sender: [^\x20\t()]+\))? by ",
        r" \(Stalwart[^()]*\) with @protocol@ id @id@(?: for @path@)?; @date@",
    ),
];
