//! Momentum, before that Ecelerity.
//!
//! The peer and its port stand in the first brackets, before the HELO, behind a reverse name
//! of which it is not known what bytes it can hold.
//! Of an IPv6 address the port could not be told from the last group, so none is read.

use super::grammar::Rule;

const AFTER: &str = concat!(
    r"(?: \(envelope-from (?<from>@path@)\))? \((?:ecelerity|momentum) (?:[^()]|\([^()]*\))*\) with (?<with>[A-Za-z]+)",
    r#"(?: \(cipher=(?:[^()"]|"[^"]*")*\))? id (?<id>[0-9A-Za-z/-]+)(?: for (?:@path@|@mailbox@))?; @date@"#
);

pub(super) const RULES: &[Rule] = &[
    // from ([192.0.2.10:53798] helo=mail.sender.example) by mta1.relay.example (envelope-from <a@sender.example>)
    //     (ecelerity 4.2.1 r(Core:4.2.1)) with ESMTPS (cipher=AES256-SHA) id 5A/F0-04030-76FF6054
    //     for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("port-inside", r"from (?:(?<rdns>.+) )?\(\[", r"(?::[0-9]+)?\](?: helo=(?<helo>.*))?\) by ", AFTER)
        .only_ipv4(),
    // from ([2001:db8::10:53798] helo=mail.sender.example) by …: which peer, nobody can tell.
    Rule::unstated(
        "port-inside-ipv6",
        r"from (?:(?<rdns>.+) )?\(\[[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*\](?: helo=(?<helo>.*))?\) by ",
        AFTER,
    ),
    // from ([2001:db8::10]:53798 helo=mail.sender.example) by mta1.relay.example (ecelerity 4.2.1 r(Core:4.2.1)) with …
    Rule::peer("port-outside", r"from (?:(?<rdns>.+) )?\(\[", r"\]:[0-9]+(?: helo=(?<helo>.*))?\) by ", AFTER),
];
