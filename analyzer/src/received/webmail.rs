//! Web mail: SquirrelMail and its kin, Horde and IMP, Roundcube.
//!
//! The peer is the browser's, which the web server saw; what a proxy or the browser said of it is anybody's word.

use super::grammar::Rule;

const AFTER: &str = r" with (?<with>HTTPS?|HTTPU?)(?: \(HTTP/[^()]*\))?; @date@";

pub(super) const RULES: &[Rule] = &[
    // from 192.0.2.10 (SquirrelMail authenticated user alice)
    //     by webmail.relay.example with HTTP; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer(
        "squirrelmail",
        r"from \[?",
        r"\]?(?: \(proxying for [^()]*\))? \((?:SquirrelMail|NaSMail|[A-Za-z]+Mail) authenticated user (?<auth>.*)\);? by ",
        AFTER,
    ),
    // from mail.sender.example ([192.0.2.10]) (SquirrelMail authenticated user alice); by webmail.relay.example with HTTP; …
    Rule::peer(
        "squirrelmail-name",
        r"from (?<rdns>@name@) \(\[",
        r"\]\) \((?:SquirrelMail|NaSMail|[A-Za-z]+Mail) authenticated user (?<auth>.*)\);? by ",
        AFTER,
    ),
    // from client.isp.example (client.isp.example [192.0.2.10]) by webmail.relay.example (Horde Framework) with HTTP; Mon, …
    // from 192.0.2.10 ([192.0.2.10]) as user alice@relay.example by webmail.relay.example with HTTP; Mon, 23 Nov 2026 …:
    // Horde believes the field X-Forwarded-For of the browser's request, so the line states no peer.
    Rule::unstated(
        "horde",
        r"from @host@ \([^()]*\) by ",
        concat!(
            r" (?:\((?:Horde|IMP)[^()]*\) with (?<with>HTTPS?)|with (?<protocol>HTTPS?) \((?:Horde|IMP|Internet)[^()]*\))",
            r"(?: for <[^<>\x20\t]*>)?; @date@"
        ),
    ),
    Rule::unstated("imp", r"from @host@ \([^()]*\) as user (?<auth>[^\x20\t()]+) by ", AFTER),
    // from [192.0.2.10] (via [198.51.100.20]) by webmail.relay.example with HTTP (HTTP/1.1 POST); Mon, 23 Nov 2026 …: with
    // a proxy the address in front is what the proxy's header says, so the line states no peer.
    Rule::unstated("roundcube", r"from (?:@name@ )?\[[0-9A-Fa-f.:]+\](?: \(via [^()]*\))? by ", AFTER),
    // from 192.0.2.10 by bay1.webmail.example with HTTP; Mon, 23 Nov 2026 22:05:00 GMT: what a client said, or a forger.
    Rule::unstated("bare", r"from [0-9A-Fa-f.:]+ by ", AFTER),
];
