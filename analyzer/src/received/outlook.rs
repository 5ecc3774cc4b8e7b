//! Exchange Online (Microsoft 365, outlook.com).
//!
//! Addresses stand in parentheses without brackets, IPv6 as well as IPv4. Most of its lines are hops between its own
//! hosts over addresses of its own networks, which are declared as a relay's like any other; steps inside one host
//! (`mapi`, or over a link-local address) name no peer.

use super::exchange::AFTER_SERVER;
use super::grammar::{Handover, Rule};

/// `with HTTPS via DB7PR04CA0102.EURPRD04.PROD.OUTLOOK.COM; date`
const AFTER_HTTPS: &str = r"(?: \([0-9A-Fa-f.:%]+\))? with (?<with>HTTPS?)(?: via @name@)?(?: id @id@)?; @date@";

pub(super) const RULES: &[Rule] = &[
    // from mail.sender.example (192.0.2.10) by DB5EUR01FT019.mail.protection.outlook.com (10.152.4.240) with Microsoft SMTP
    //  Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.3412.21 via Frontend Transport;
    //  Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("smtp", r"from (?:(?<helo>.+) )?\(", r"\) by ", AFTER_SERVER),
    // from DB5PR04MB1234.eurprd04.prod.outlook.com (2603:10a6:7:6d::29) by DB5PR04MB4321.eurprd04.prod.outlook.com with HTTPS
    //  via DB7PR04CA0102.EURPRD04.PROD.OUTLOOK.COM; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::peer("https", r"from (?<helo>@name@) \(", r"\) by ", AFTER_HTTPS),
    // from DB5PR04MB1234.eurprd04.prod.outlook.com ([fe80::d82c%5]) by DB5PR04MB4321.eurprd04.prod.outlook.com
    //  ([fe80::d82c%9]) with Microsoft SMTP Server id 15.20.3412.024; Mon, 23 Nov 2026 22:05:00 +0000
    Rule::handover(
        "link-local",
        Handover::Internal,
        r"from (?<helo>@name@) \(\[?(?i:fe80):[0-9A-Fa-f:]+%[0-9]+\]?\) by ",
        r" \(\[?[0-9A-Fa-f.:%]+\]?\) with (?:Microsoft SMTP Server|mapi)(?: \([^()]*\))? id @id@(?: via [A-Za-z]+ Transport)?; @date@",
    ),
];
