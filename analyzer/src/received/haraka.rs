//! Haraka.
//!
//! The HELO is one word, raw. The reverse name is not confirmed; its parentheses are escaped (`\)`), its spaces and
//! brackets are not. Text at the start of a message that begins with white space becomes a continuation of this line.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (mail.sender.example [192.0.2.10])
    //     by mx6.relay.example (Haraka/3.3.4) with ESMTPSA id F8F2A87B-1EBD-4097-9985-7E3BBB6673F0.1
    //     envelope-from <alice@sender.example>
    //     tls TLS_AES_256_GCM_SHA384 (authenticated bits=0);
    //     Mon, 23 Nov 2026 22:14:53 +0000
    Rule::peer(
        "smtp",
        r"from (?<helo>[^\x20\t]+) \((?:(?<rdns>(?:[^()\\]|\\.)*) )?\[(?:IPv6:)?",
        r"\]\) by ",
        concat!(
            r" \(Haraka(?:/[^()]*)?\) with @protocol@ id @id@ envelope-from (?<from>@path@)",
            r"(?: tls [^\x20\t();]+)?(?: \((?:version|cipher)=[^()]*\))?(?: \((?<auth>authenticated)[^()]*\))?(?: \((?:version|cipher)=[^()]*\))?; @date@"
        ),
    ),
];
