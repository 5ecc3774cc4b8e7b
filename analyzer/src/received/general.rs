//! RFC 5321 §4.4, for MTAs without a dialect of their own here.
//!
//! `From-domain` is the client's word, `TCP-info` the relay's. Nothing in this form tells which MTA wrote it or what
//! that MTA does to a strange HELO, so it is read only in its plainest shape: names of name characters, one TCP-info,
//! clauses without quotes, brackets or nested comments, nothing after the date. Where the client gave an address
//! literal, the line states two addresses, and they must agree.

use super::grammar::Rule;

/// The clauses and comments of §4.4 in any order, and the end of the line.
const AFTER: &str = concat!(
    r#"(?: (?:via [A-Za-z0-9._-]+|with (?<with>[A-Za-z0-9._/-]+)|id <?(?<id>[^\x20\t;()\[\]<>"]+)>?"#,
    r#"|for <?[^\x20\t;()\[\]<>"]+>?|from <?(?<from>[^\x20\t;()\[\]<>"]+)>?"#,
    r#"|\((?:envelope-from <(?<sender>[^\x20\t()\[\]<>"]*)>|[^()\[\]<>"]*)\)))*;[ \t]*@date@[ \t]*(?:\([A-Za-z0-9 +-]*\))?[ \t]*\z"#
);

const AFTER_CLAIM: &str = r#"(?: (?:via|with|id|for) [^\x20\t;()\[\]"]+| \([^()\[\]<>"]*\))*;[ \t]*@any-date@(?:[ \t]*\([A-Za-z0-9 +-]*\))?[ \t]*\z"#;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (host.sender.example [192.0.2.10]) by mx9.relay.example with ESMTP id n13si5973036wej.22;
    //         Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "tcp-info",
        r"[Ff][Rr][Oo][Mm] (?<helo>@host@|\[IPv6:[0-9A-Fa-f.:]+\]) \((?:(?<rdns>@name@) )?\[(?:IPv6:)?",
        r"\]\) [Bb][Yy] ",
        AFTER,
    ),
    // from [10.0.0.5] (host.sender.example [192.0.2.10]) by …: the literal is the client's, or the relay's and the rest
    // the client's. Both are readings.
    Rule::peer(
        "literal",
        r"[Ff][Rr][Oo][Mm] \[(?:IPv6:)?",
        r"\] \((?:@name@ )?\[(?:IPv6:)?[0-9A-Fa-f.:]+\]\) [Bb][Yy] ",
        AFTER,
    ),
    // from [192.0.2.10] by mx9.relay.example with ESMTP; Mon, 23 Nov 2026 22:05:00: what a client said, or a forger.
    Rule::unstated("bare", r"[Ff][Rr][Oo][Mm] (?<helo>@host@|\[IPv6:[0-9A-Fa-f.:]+\]) [Bb][Yy] ", AFTER_CLAIM),
];
