//! Google: Gmail and Workspace.
//!
//! Between its own hosts it writes lines without `from`, by an address of its own; they name no peer. At its edge the
//! peer stands as RFC 5321 §4.4 has it. In a HELO it writes `?` for what is not a letter, digit or
//! one of a few marks: `?IPV6:2001:db8::1?`.

use super::grammar::{Handover, Rule};

/// `with ESMTPS id a1b2si123456qkc.123.2026.11.23.22.05.00 for <…> (version=TLS1_3 …) (Google Transport Security); date`
const AFTER: &str = concat!(
    r" with (?<with>(?:UTF8)?E?SMTP[A-Z]*) id (?<id>[0-9A-Za-z_.-]+)(?: \(num_hops = [0-9]+\))?(?: for @path@)?(?: @tls@)?(?: for @path@)?",
    r"(?: \(Google Transport Security\))?; @date@"
);

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (mail.sender.example. [192.0.2.10])
    //         by mx.google.com with ESMTPS id n13si5973036wej.22.2026.11.23.22.05.00
    //         for <alice@relay.example>
    //         (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
    //         Mon, 23 Nov 2026 14:05:00 -0800 (PST)
    Rule::peer(
        "edge",
        r"from (?<helo>[^\x20\t()]+) \((?<rdns>[A-Za-z0-9_-]+\.@name@)?[ \t]*\[(?:IPv6:)?",
        r"\]\) by ",
        AFTER,
    ),
    // by 2002:a19:c1cd:0:0:0:0:0 with SMTP id r196csp1333505lff; Mon, 23 Nov 2026 14:05:00 -0800 (PST)
    Rule::handover(
        "internal",
        Handover::Internal,
        r"by ",
        r" with (?<with>SMTP|HTTP|POP3?|HTTPREST)(?: id (?<id>[0-9A-Za-z-]+))?(?: for @path@)?; @date@",
    ),
    // by mail-wm1-x341.google.com with SMTP id a1b2so123456wmc.0 for <alice@relay.example>; Mon, 23 Nov 2026 14:05:00 -0800
    Rule::handover(
        "submission",
        Handover::Internal,
        r"by ",
        r" with (?<with>SMTP|HTTP) id (?<id>[0-9A-Za-z-]+\.[0-9.]+)(?: for @path@)?; @date@",
    ),
    // from 123456789 named unknown by gmailapi.google.com with HTTPREST; Mon, 23 Nov 2026 14:05:00 -0800
    Rule::handover(
        "api",
        Handover::Internal,
        r"from [0-9A-Za-z.-]+ named [^\x20\t()\[\]]+ by ",
        r" with (?<with>HTTPREST)(?: id @id@)?; @date@",
    ),
];
