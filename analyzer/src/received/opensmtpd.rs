//! OpenSMTPD.
//!
//! It refuses every HELO that is no valid name or address literal. The reverse name is not confirmed and may be another's
//! name or another's address in text; nothing promises which bytes it can hold, so it is taken to hold any.

use super::grammar::{Handover, Rule};

const AFTER: &str = concat!(
    r" \(OpenSMTPD[^()]*\) with @protocol@ id @id@;?(?: \((?:TLS|SSL)[^()]*\)| TLS version=[A-Za-z0-9.]+ cipher=[A-Za-z0-9_-]+ bits=[0-9]+ verify=[A-Z]+;)?",
    r"(?: auth=(?:no|yes(?: user=(?<auth>.+?))?))?;?(?: for @path@)?;? @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (<unknown> [192.0.2.11])
    //     by mx4.relay.example (OpenSMTPD) with ESMTPS id b75f7b21 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)
    //     for <h03@lab.example>; Mon, 23 Nov 2026 22:12:33 +0000 (UTC)
    Rule::peer("smtp", r"from (?<helo>[^\x20\t()]+) \((?:<unknown>|(?<rdns>.+)) \[?(?:IPv6:)?", r"\]?\);? by ", AFTER),
    // from localhost (mx4.relay.example [local]) by mx4.relay.example (OpenSMTPD) with ESMTPA id 1e2a9eaa; Mon, 23 Nov …
    Rule::handover("local", Handover::Pickup, r"from (?<helo>[^\x20\t()]+) \([^\x20\t()]+ \[local\]\);? by ", AFTER),
    // With `mask-src`: by mx4.relay.example (OpenSMTPD) with ESMTP id a0bd3bf3 for <m01@lab.example>; Mon, 23 Nov 2026 …
    Rule::unstated("masked", r"by ", AFTER),
];
