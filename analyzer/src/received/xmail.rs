//! XMail.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10]:23198) by mx9.relay.example with [XMail 1.27 ESMTP Server]
    //     id <S72E> for <bob@relay.example> from <a@sender.example>; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "smtp",
        r"from (?<helo>[^\x20\t()]+) \((?:(?<rdns>.+) )?\[?",
        r"\]?:[0-9]+\) by ",
        r"(?: \(\[?[0-9A-Fa-f.:]+\]?:[0-9]+\))? with \[XMail [^\[\]]*\] id @id@(?: for @path@)?(?: from (?<from>@path@))?; @date@",
    ),
];
