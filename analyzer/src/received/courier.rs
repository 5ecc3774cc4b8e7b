//! Courier.
//!
//! White space and controls in the HELO become `_`; parentheses and brackets stay, so that `foo_([198.51.100.9])` is the
//! client's word. The reverse name is confirmed, but nothing checks its bytes; only `HELO` and `EHLO`, which no name server
//! of the Internet confirms, are none, so that a HELO in that place is not taken for one. An ident answer is written raw. Text at
//! the start of a message that begins with white space becomes a continuation of this line.

use super::grammar::{Handover, Rule};

const AFTER: &str = r" with @protocol@(?: \([^()]*\))?(?: id @id@)?; @date@(?: ?id (?<id2>[0-9A-F.]+))?";

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (mail.sender.example [::ffff:192.0.2.10]) (AUTH: LOGIN alice, TLS: TLSv1.3,256bits,TLS_AES…)
    //   by mx5.relay.example with ESMTPSA
    //   id 00000000009B00F4.000000006B04BB6B.00002D1A; Mon, 23 Nov 2026 22:17:15 +0000
    Rule::peer(
        "esmtpd",
        r"from (?<helo>[^\x20\t]+) \((?:(?<rdns>.{1,3}|.{5,}|[^HE].{3}|H[^E].{2}|HE[^L].|HEL[^O]|E[^H].{2}|EH[^L].|EHL[^O]) )?[ \t]*\[",
        r"\]\)(?: \((?:IDENT: (?<ident>.*)|AUTH: (?<auth>[^\x20\t,()]+)(?: .*)?|(?:SSL|TLS): .*)\))? by ",
        AFTER,
    ),
    // from localhost (localhost [127.0.0.1])
    //   (uid 1000)
    //   by mx5.relay.example with local; Mon, 23 Nov 2026 22:17:15 +0000
    //   id 000000DB.43735815.00001E11
    // by mx5.relay.example with local id 0000…; Mon, 23 Nov 2026 22:17:15 +0000
    Rule::handover(
        "local",
        Handover::Pickup,
        r"(?:from (?<ident>[^\x20\t()\[\]]+) (?:\(localhost \[(?:::ffff:)?127\.0\.0\.1\]\) )?)?(?:\(uid [0-9]+\) )?(?:\(envelope-from [^()]*\) )?by ",
        r" with (?:local|dsn)(?: id @id@)?; @date@(?: ?id (?<id2>[0-9A-F.]+))?",
    ),
];
