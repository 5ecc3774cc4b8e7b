//! XMail. Its HELO is one word, raw.

use super::grammar::Rule;

const AFTER: &str = r"(?: \(\[?[0-9A-Fa-f.:]+\]?:[0-9]+\))? with \[XMail [^\[\]]*\] id @id@(?: for @path@)?(?: from (?<from>@path@))?; @date@";

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10]:23198) by mx9.relay.example with [XMail 1.27 ESMTP Server]
    //     id <S72E> for <bob@relay.example> from <a@sender.example>; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("smtp", r"from (?<helo>[^\x20\t]+) \((?:(?<rdns>.+) )?\[?", r"\]?:[0-9]+\) by ", AFTER),
    // Of a client that logged in: from client.example by mx9.relay.example with [XMail 1.27 ESMTP Server] id <S72E>; Mon, …
    Rule::unstated("login", r"from (?<helo>[^\x20\t]+) by ", AFTER),
];
