//! Dovecot's LMTP service. Its client is a relay of ours, normally.
//!
//! The LHLO is a valid name or an address literal, or `unknown`. Text at the start of a message that begins with white
//! space becomes a continuation of this very line, which is why reading stops after the date.

use super::grammar::{Handover, Rule};

const AFTER: &str = r"(?: \(Dovecot\))? with (?<with>LMTPS?A?|ESMTPS?A?) id @id@(?: \(envelope-from (?<from>@path@)\))?(?: for @path@)?[ \t]*; @date@";

pub(super) const RULES: &[Rule] = &[
    // from mx1.relay.example ([203.0.113.10]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
    //     by store1.relay.example with LMTPS id wOzeGeO7BGsXLQAA0K08BQ
    //     (envelope-from <alice@sender.example>) for <i01@lab.example>; Mon, 23 Nov 2026 22:19:15 +0000
    Rule::peer(
        "lmtp",
        r"from (?<helo>[^\x20\t()]+) \(\[",
        r"\]\)(?: \(using [^()]*(?:\([^()]*\))?[^()]*\))? by ",
        AFTER,
    ),
    // from mx1.relay.example by store1.relay.example with LMTP id wOzeGeO7BGsXLQAA0K08BQ for <i01@lab.example>; Mon, 23 …
    Rule::handover("lmtp-local", Handover::Lmtp, r"from (?<helo>[^\x20\t()]+) by ", AFTER),
];
