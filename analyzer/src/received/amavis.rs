//! amavis (and amavisd-new) as an SMTP content filter.
//!
//! It calls itself `localhost` unless told otherwise, and its client is the MTA on the same host.

use super::grammar::{Handover, Rule};

const AFTER: &str = concat!(
    r" \(@host@ \[(?:IPv6:)?[0-9A-Fa-f.:]+\]\) \(amavis(?:d-new)?, (?:port [0-9]+|unix socket)\) with @protocol@",
    r"(?: id @id@)?(?: for @path@(?:, ?@path@)*)?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mx1.relay.example ([127.0.0.1])
    //  by localhost (mx1.relay.example [127.0.0.1]) (amavis, port 10024) with ESMTP
    //  id 2zaZ7IxXypf6 for <b09@lab.example>; Mon, 23 Nov 2026 22:20:17 +0000 (UTC)
    Rule::peer("filter", r"from (?<helo>[^\x20\t()]+) \(\[(?:IPv6:)?", r"\]\) by ", AFTER),
    // from mx1.relay.example ([unix socket]) by localhost (mx1.relay.example [127.0.0.1]) (amavis, unix socket) with LMTP …
    Rule::handover("filter-local", Handover::Lmtp, r"from (?<helo>[^\x20\t()]+) \(\[unix socket\]\) by ", AFTER),
];
