//! Forged Received lines in the shapes of the MTAs of the world, each naming a victim as the peer.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::mail::date;
use crate::traps::Feed;

/// How many shapes there are.
pub(crate) const SHAPES: usize = 16;

/// A forged line, in one of the shapes.
pub(crate) fn forged_line(shape: usize, victim: IpAddr, name: &str, recipient: &str, at: i64) -> String {
    let then = at - 4;
    let (date, by) = (date(then), "mx.relay.example");
    let stamp = Timestamp::from_second(then).expect("a time of the world");
    let plain = stamp.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    let id = format!("{:08X}", at & 0xFFFF_FFFF);
    let ours = Feed::Own.relay();
    let line = match shape % SHAPES {
        0 => format!(
            "from {name} ({name} [{victim}])\n\tby {by} (Postfix) with ESMTPS id {id}\n\tfor <{recipient}>; {date}"
        ),
        // As our own relay would have written it, had the victim come.
        1 => format!(
            "from {name} ({name} [{victim}])\n\tby {ours} (Postfix) with ESMTP id {id}\n\tfor <{recipient}>; {date}"
        ),
        2 => format!(
            "from {name} ([{victim}])\n\tby {by} with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\
             \t(envelope-from <offers@shop.example>)\n\tid 1r6abc-000abc-2x\n\tfor {recipient};\n\t{plain}"
        ),
        3 => format!(
            "from {name} ({name} [{victim}])\n\tby {by} (8.17.1/8.17.1) with ESMTPS id 3ANM2l0x{id}\n\
             \tfor <{recipient}>; {plain}"
        ),
        4 => format!(
            "from unknown (HELO {name}) ({victim})\n  by {by} with SMTP; {}",
            stamp.strftime("%d %b %Y %H:%M:%S -0000")
        ),
        5 => format!(
            "from {name} ({victim}) by EX01.relay.example (10.0.0.5)\n with Microsoft SMTP Server (version=TLS1_2, \
             cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\n 15.1.2507.35; {plain}"
        ),
        6 => format!(
            "from {name} ({name}. [{victim}])\n        by mx.google.com with ESMTPS id a1-20020a{id}si12345abc.1.2026.11.23\n\
             \x20       for <{recipient}>\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\n        {}",
            stamp.strftime("%a, %d %b %Y %H:%M:%S +0000 (PST)")
        ),
        7 => format!(
            "from {name} ({name} [::ffff:{victim}])\n  by {by} with ESMTP; {plain}\n  id 00000000000A1B2C.{id}.00000001"
        ),
        8 => format!(
            "from {name} ({name} [{victim}])\n\tby {by} (OpenSMTPD) with ESMTP id {id}\n\tfor <{recipient}>;\n\t{date}"
        ),
        9 => format!(
            "from {name} ({name} [{victim}])\n\tby {by} (Haraka/3.0.2) with ESMTPS id {id}.1\n\
             \tenvelope-from <offers@shop.example>;\n\t{plain}"
        ),
        10 => format!(
            "from {name} ({victim}) by {by} id h{id} for <{recipient}>; {plain} (envelope-from <offers@shop.example>)"
        ),
        11 => {
            format!("from unknown (HELO {name}) ([{victim}])\n  by {by} with ESMTP/TLS/TLS_AES_256_GCM_SHA384; {plain}")
        }
        12 => format!(
            "from {name} ({name} [{victim}])\n by {by} (MDaemon PRO v21.5.2)\n\
             \x20with ESMTP id md50001{id}.msg\n for <{recipient}>; {plain}"
        ),
        13 => format!(
            "from {victim}  (EHLO {name}) ({victim})\n  by mta4001.mail.example with SMTPs\n\
             \x20 (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256);\n  {plain}"
        ),
        14 => format!(
            "from [{victim}] (HELO {name})\n  by {by} (CommuniGate Pro SMTP 6.2.14)\n\
             \x20 with ESMTP id {id} for {recipient}; {plain}"
        ),
        // A webmail's line, and a field that some filters believe.
        _ => format!(
            "from {victim} (SquirrelMail authenticated user anna)\n\tby {by} with HTTP;\n\
             \t{plain}\nX-Originating-IP: [{victim}]"
        ),
    };
    format!("Received: {line}\n")
}
