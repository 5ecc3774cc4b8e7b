//! RFC 5321 §4.4, for MTAs without a dialect of their own here.
//!
//! `From-domain` is the client's word, `TCP-info` the relay's, an address literal in its brackets. Nothing in this form
//! tells which MTA wrote it or what that MTA does to a strange HELO, so it is read only in its plainest shape: a HELO of
//! one word of name characters or an address literal, as §4.1.1.1 has it, one address in the place of TCP-info, no quotes,
//! brackets or dots in comments, the whole line. An MTA that lets blanks stand in a HELO and leaves TCP-info out breaks
//! the section twice, and must not be declared `general`.

use super::grammar::Rule;

/// The clauses and comments of §4.4 in any order, and the date.
macro_rules! after {
    () => {
        concat!(
            r#"(?: \(\[[0-9A-Fa-f.:]+\]\))?(?:[ \t]*(?:via [A-Za-z0-9._-]+|with (?:(?<with>[A-Za-z0-9._/-]+)(?: ESMTPA?| SMTP)?|\[[^\[\]<>"]*\])"#,
            r#"|(?i:id) <?(?<id>[^\x20\t;()\[\]<>",]+)>?|for <?[^\x20\t;()\[\]<>"]+>?|from <?(?<from>[^\x20\t;()\[\]<>"]+)>?"#,
            r#"|\(envelope-from <?(?<sender>[^\x20\t()\[\]<>"]*)>?\)|\((?<auth>authenticated) as [^\x20\t()\[\]<>"]+\)"#,
            r#"|\([^()\[\]<>"]*(?:\([^()\[\]<>"]*\)[^()\[\]<>"]*)*\)|,))*[ \t]*;[ \t]*@date@"#
        )
    };
}

/// What closes TCP-info, comments that cannot hold an address, and `by`.
macro_rules! to_by {
    ($close:literal) => {
        concat!(
            $close,
            r#"(?:[ \t]*\((?:AUTH: (?<auth>[A-Za-z0-9-]+) [^\x20\t()\[\]<>"]+|using (?:TLS|SSL)[A-Za-z0-9./]* with cipher [A-Za-z0-9_-]+ \([0-9/]+ bits\)|[^()\[\]<>".:]*)\))*;?[ \t]*[Bb][Yy] "#
        )
    };
}

/// `from` and the client's word for itself, which may be missing.
macro_rules! from_domain {
    () => {
        r"[Ff][Rr][Oo][Mm] (?<helo>@host@|\[IPv6:[0-9A-Fa-f.:]+\]) "
    };
}

/// The name in front of the literal in TCP-info.
macro_rules! before_literal {
    () => {
        r"(?:Not Verified|unverified|(?<rdns>unknown|localhost|[A-Za-z0-9_-]+\.@name@))?[ \t]*"
    };
}

pub(super) const RULES: &[Rule] = &[
    // from client.example (mail.sender.example [192.0.2.10]) by mx9.relay.example with ESMTP id n13si5973036wej.22;
    //         Mon, 23 Nov 2026 22:05:00 +0000
    // from [10.0.0.5] (mail.sender.example [192.0.2.10]) by …: the literal in front is the From-domain, the client's word.
    Rule::peer(
        "tcp-info",
        concat!(from_domain!(), r"\(", before_literal!(), r"\["),
        to_by!(r#"\](?::[0-9]+)?(?: @name@| "(?:HELO|EHLO) @host@"(?: [A-Za-z-]+)?)? ?\)"#),
        after!(),
    )
    .only_ipv4(),
    // from client.example (mail.sender.example [IPv6:2001:db8::10]) by …: without the tag (RFC 5321 §4.1.3) a number that
    // follows an IPv6 address could be a port, and nobody could tell.
    Rule::peer(
        "tcp-info-ipv6",
        concat!(from_domain!(), r"\(", before_literal!(), r"\[IPv6:"),
        to_by!(r"\](?::[0-9]+)?(?: @name@)? ?\)"),
        after!(),
    ),
    // from client.example ([192.0.2.10:4321] helo=mail.sender.example) by mx9.relay.example with ESMTP id 12; Mon, 23 Nov …
    Rule::peer(
        "helo-inside",
        r"[Ff][Rr][Oo][Mm] @host@ \(\[",
        to_by!(r"(?:[.:][0-9]+)?\](?: helo=(?<helo>@host@))?\)"),
        after!(),
    )
    .only_ipv4(),
    // from [192.0.2.10] by mx9.relay.example with ESMTP; Mon, 23 Nov 2026 22:05:00 +0000: what a client said, or a forger.
    Rule::unstated("bare", r"[Ff][Rr][Oo][Mm] (?<helo>@host@|\[IPv6:[0-9A-Fa-f.:]+\]) [Bb][Yy] ", after!()),
    // The same with a date that lacks its zone, or has nothing but a date.
    Rule::unstated(
        "no-zone",
        r"[Ff][Rr][Oo][Mm] (?<helo>@host@|\[IPv6:[0-9A-Fa-f.:]+\]) [Bb][Yy] ",
        r#"(?: (?:via|with|id|for) [^\x20\t;()\[\]"]+| \([^()\[\]<>"]*\))*;[ \t]*@any-date@"#,
    ),
];
