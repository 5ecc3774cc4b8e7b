//! MailEnable.
//!
//! What it does to blanks in a HELO is not known, so it is taken to hold any byte; it may be missing.

use super::grammar::Rule;

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example ([192.0.2.10]) by mail.relay.example with MailEnable ESMTP; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("smtp", r"from (?:(?<helo>.+) )?\(\[", r"\]\) by ", r" with MailEnable (?<with>E?SMTPA?); @date@"),
];
