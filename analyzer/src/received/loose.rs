//! Lines of MTAs that none here knows, for claims and for looking at: never believed.
//!
//! A relay cannot be declared so, and no walk takes such a reading. It tells whom a claim names, and shows an operator what
//! a strange line seems to say.

use super::grammar::Rule;

/// Anything to the line's end, with an id and a sender if there is one.
const AFTER: &str = concat!(
    r"(?:[ \t].*?\(envelope-from <?(?<from>[^\x20\t<>()]*)>?\))?",
    r"(?:[ \t].*?[ \t](?i:id)[ \t]+<?(?<id>[^\x20\t;()<>,]+)>?|[ \t]+(?i:id)[ \t]+<?(?<id2>[^\x20\t;()<>,]+)>?)?.*"
);

/// Comments and words without an address, and `by`.
macro_rules! to_by {
    ($close:literal) => {
        concat!($close, r"(?:[^\[\]]*[ \t;,)])?(?i:by) ")
    };
}

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (host.sender.example [192.0.2.10]) at noon by mx.relay.example (Strange 1.0) …
    Rule::peer(
        "tcp-info",
        r"(?i:from)(?: (?<helo>[^\x20\t()]+))? ?\((?:(?<rdns>[^\x20\t()\[\]]+) ?)?\[(?i:IPv6:)?",
        to_by!(r"(?:[.:][0-9]+)?\][^()\[\]]*\)"),
        AFTER,
    ),
    // from mail.sender.example (alice@192.0.2.10:4321) by mx.relay.example …
    Rule::peer(
        "bare-address",
        r"(?i:from)(?: (?<name>[^\x20\t()]+))? ?\((?:(?<ident>[^\x20\t()@]+)@)?[ \t]*",
        to_by!(r"(?::[0-9]+)?[ \t]*\)"),
        AFTER,
    ),
    // from mail.sender.example [192.0.2.10] by mx.relay.example …
    Rule::peer("bracketed", r"(?i:from) (?<helo>[^\x20\t()\[\]]+) ?\[(?i:IPv6:)?", to_by!(r"\]"), AFTER),
    // from mail.sender.example (HELO client.example) (alice@[192.0.2.10]) by mx.relay.example …
    Rule::peer(
        "helo-between",
        r"(?i:from) (?<rdns>[^\x20\t()]+) \((?i:HELO|EHLO)[ \t=]*(?<helo>[^()]*)\) [\[(](?:(?<ident>[^\x20\t()@]+)@)?\[?",
        to_by!(r"[\])]*"),
        AFTER,
    ),
    // from [192.0.2.10] (helo=client.example) by mx.relay.example …
    Rule::peer(
        "helo-behind",
        r"(?i:from) \[?",
        to_by!(r"\]? \((?:(?i:HELO|EHLO)[ \t=]*)(?<helo>[^()\x20\t]*)[^()]*\)"),
        AFTER,
    ),
    // from mail.sender.example(192.0.2.10), claiming to be "client.example" via SMTP by mx.relay.example, id smtpd12; …
    Rule::peer(
        "claiming",
        r"(?i:from) (?<rdns>[^\x20\t()]+)\(",
        to_by!(r#"\), claiming to be "(?<helo>[^"]*)""#),
        AFTER,
    ),
];
