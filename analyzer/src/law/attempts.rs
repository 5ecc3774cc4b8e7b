//! Lines that a sender can bring about and that once named a stranger, or nobody although they state the peer.
//!
//! Each names its peer or, where it says `wrong`, nobody.

use super::origin;
use crate::received::Dialect;
use crate::trust::Reason;

macro_rules! lines {
    ($($name:ident $reason:literal $declared:expr, $peer:expr, [$($part:expr),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            let line = [$($part),*].concat();
            let peer: Result<_, Reason> = Ok($peer.parse().unwrap());
            let origin = origin(line.as_bytes(), $declared);
            let refused = origin.is_err() && $reason.starts_with("wrong");
            assert!(refused || origin == peer, "{origin:?}: {line}");
        }
    )*};
}

const P: &str = "198.51.100.7";
const FAKE: &str = "Mon, 1 Jan 2024 00:00:00 +0000";
const TAIL: &str = "Mon, 23 Nov 2026 22:02:47 +0000";

lines! {
    imail_helo "wrong: IMail's HELO may hold blanks"
        Some(Dialect::IMail), P, [
            "from x [203.0.113.9] by mx1.example (SMTPD32-8.00) id A1; ",
            FAKE,
            " [198.51.100.7] by mx1.example\n  (SMTPD32-8.00) id AD7FA80134; ",
            TAIL,
        ];
    qmail_subject "wrong: the subject of a certificate may hold parentheses, and the reading of qpsmtpd remains"
        Some(Dialect::Qmail), P, [
            "from h.example (HELO x) (198.51.100.7)\n  de/crypted with TLSv1.3: C [256/256] DN=x (HELO y) \
            (203.0.113.9) by mx1.example (qpsmtpd/0.94) with SMTP; ",
            FAKE,
            "\n  by mx1.example with ESMTPS; 23 Nov 2026 22:02:47 -0000",
        ];
    qmail_ident_of_a_relay_client "wrong: where the address is left out, a user or ident answer stands in its place"
        Some(Dialect::Qmail), P, [
            "from unknown (HELO x) (203.0.113.9)\n  by mx1.example with ESMTPA; 23 Nov 2026 22:02:47 -0000",
        ];
    general_goes_on "wrong: a declared general reading need not account for the whole line"
        Some(Dialect::General), P, [
            "from x (203.0.113.9) by mx1.example; ",
            FAKE,
            " (198.51.100.7) by mx1.example with ESMTP id 12; ",
            TAIL,
        ];
    ironport_helo "wrong: what IronPort does to parentheses in a HELO is not known"
        Some(Dialect::IronPort), P, [
            "from unknown (HELO x) ([203.0.113.9]) by mx1.example with SMTP; 1 Jan 2024 00:00:00 +0000 (y) \
            ([198.51.100.7])\n  by mx1.example with ESMTP; 23 Nov 2026 22:05:00 +0000",
        ];
    mdaemon_bare_helo "wrong: where MDaemon leaves the peer out, a HELO of two words stands as HELO and peer"
        Some(Dialect::MDaemon), P, [
            "from x [203.0.113.9] by mx1.example (MDaemon PRO v10.1.1)\n\twith ESMTP id md50001483616.msg\n\tfor \
            <trap@d.example>; ",
            TAIL,
        ];
    mdaemon_helo "wrong: what MDaemon does to blanks in a HELO is not known"
        Some(Dialect::MDaemon), P, [
            "from x ([203.0.113.9]) by mx1.example (MDaemon PRO v20) with SMTP id 1; ",
            FAKE,
            " ([198.51.100.7]) by mx1.example (MDaemon PRO v20)\n\twith ESMTP id 1; ",
            TAIL,
        ];
    nemesis_helo "wrong: what Nemesis does to blanks in a HELO is not known"
        Some(Dialect::Exim), P, [
            "from x ([203.0.113.9]) by mx1.example (a1) with SMTP (Nemesis) id 1; ",
            FAKE,
            " ([198.51.100.7]) by mx1.example (mrweb004 [203.0.113.12]) with ESMTPSA (Nemesis) id 0M5u99; ",
            TAIL,
        ];
    exim_3_helo "wrong: Exim 3 with junk allowed copies a HELO raw"
        Some(Dialect::Exim), P, [
            "from h.example (x) [203.0.113.9] by mx1.example with smtp (Exim 3.35) id 1; ",
            FAKE,
            " (y) [198.51.100.7]\n\tby mx1.example with esmtp (Exim 3.35 #1 (Debian))\n\tid 1xVc9P-000710-23; ",
            TAIL,
        ];
    exim_local_smtp_helo "wrong: a local user's HELO makes a line of Exim 4 one of Exim 3, with a peer"
        Some(Dialect::Exim), P, [
            "from bob (helo=x) [203.0.113.9] ()\n\tby mx1.example with local-esmtp (Exim 4.96)\n\t(envelope-from \
            <a@d.example>)\n\tid 1xVc9P-000710-23\n\tfor trap@d.example;\n\t",
            TAIL,
        ];
    exim_local_smtp_helo_undeclared "wrong: the same, and the whole line is read so"
        None, P, [
            "from bob (helo=x) [203.0.113.9] ()\n\tby mx1.example with local-esmtp (Exim 4.96)\n\t(envelope-from \
            <a@d.example>)\n\tid 1xVc9P-000710-23\n\tfor trap@d.example;\n\t",
            TAIL,
        ];
    exchange_5_reverse_name "wrong: a reverse name of odd bytes hides the true reading"
        Some(Dialect::Exchange), P, [
            "from ([203.0.113.9]) by mx1.example with Microsoft SMTPSVC(6.0.1.1); ",
            FAKE,
            " (a b.example [198.51.100.7]) by mx1.example with SMTP (Microsoft Exchange Internet Mail Service \
            Version 5.5.2653.13)\n\tid ABCD1234; ",
            TAIL,
        ];
    exchange_scope "wrong: an address with a zone has no reading, and a HELO has"
        Some(Dialect::Exchange), P, [
            "from x (203.0.113.9) by mx1.example with Microsoft SMTP Server id 14.3; ",
            FAKE,
            " (fe80::1%4) by mx1.example (10.1.1.4) with Microsoft SMTP Server id 14.3.123.3; ",
            TAIL,
        ];
    opensmtpd_login "wrong: a login name with a blank hides the true reading, and holds another"
        Some(Dialect::OpenSmtpd), P, [
            "from x (h.example [198.51.100.7])\n\tby mx1.example (OpenSMTPD) with ESMTPSA id b75f7b21 \
            (TLSv1.3:C:256:NO) auth=yes user=x [203.0.113.9]) by mx1.example (OpenSMTPD) with SMTP id 1; ",
            FAKE,
            "\n\tfor <trap@d.example>;\n\t",
            TAIL,
        ];
    opensmtpd_reverse_name "wrong: an IPv6 address without brackets is not read, and a reverse name before it is"
        Some(Dialect::OpenSmtpd), "2001:db8:7::7", [
            "from x (y [203.0.113.9]) by mx1.example (OpenSMTPD) with SMTP id 1; ",
            FAKE,
            " 2001:db8:7::7)\n\tby mx1.example (OpenSMTPD) with ESMTP id b75f7b21\n\tfor <trap@d.example>;\n\t",
            TAIL,
        ];
    cyrus_lhlo "wrong: Cyrus writes an LHLO as it came"
        Some(Dialect::Cyrus), P, [
            "from x ([203.0.113.9]) by mx1.example (Cyrus v2) with LMTP; ",
            FAKE,
            " (h.example [198.51.100.7])\n\t by mx1.example (Cyrus v2.4.17) with LMTPA; ",
            TAIL,
        ];
    merak_helo "wrong: what Merak does to blanks in a HELO is not known"
        Some(Dialect::IMail), P, [
            "from x ([203.0.113.9]) by mx1.example (Merak 8) with SMTP id 1; ",
            FAKE,
            " ([198.51.100.7])\n\tby mx1.example (Merak 8.9.1) with ASMTP id EDA37003\n\tfor <trap@d.example>;\n\t",
            TAIL,
        ];
    lsmtp_helo "wrong: what LSMTP does to blanks in a HELO is not known"
        Some(Dialect::ListServer), P, [
            "from x (203.0.113.9) by mx1.example (LSMTP) with SMTP id 1; ",
            FAKE,
            " (198.51.100.7) by mx1.example\n          (LSMTP for Windows NT v1.1b) with SMTP id\n          \
            <2.0009C5FC@mx1.example>; ",
            TAIL,
        ];
    lsmtp_reverse_name "wrong: LSMTP writes a reverse name in parentheses, which may look like an address"
        Some(Dialect::ListServer), P, [
            "from x (203.0.113.9) by mx1.example\n          (LSMTP for Windows NT v1.1b) with SMTP id\n          \
            <2.0009C5FC@mx1.example>; ",
            TAIL,
        ];
    lsmtp_reverse_name_undeclared "wrong: the same where nothing is declared"
        None, P, [
            "from x (203.0.113.9) by mx1.example\n          (LSMTP for Windows NT v1.1b) with SMTP id\n          \
            <2.0009C5FC@mx1.example>; ",
            TAIL,
        ];
    horde_forwarded_for "wrong: Horde writes what X-Forwarded-For says, where the browser sends one"
        Some(Dialect::Webmail), P, [
            "from v.example (v.example [203.0.113.9]) by\n mx1.example (Horde Framework) with HTTP; ",
            TAIL,
        ];
    horde_forwarded_for_undeclared "wrong: the same where nothing is declared"
        None, P, [
            "from v.example (v.example [203.0.113.9]) by\n mx1.example (Horde Framework) with HTTP; ",
            TAIL,
        ];
    momentum_port "wrong: a port behind an IPv6 address in the same brackets is read as its last group"
        Some(Dialect::Momentum), "2001:db8::1:2:3:4", [
            "from [2001:db8::1:2:3:4] ([2001:db8::1:2:3:4:2525] helo=x)\n\tby mx1.example (ecelerity 4.2.1 \
            r(Core:4.2.1)) with ESMTP\n\tid 5A/F0-04030-76FF6054; ",
            TAIL,
        ];
    momentum_reverse_name "wrong: which bytes of a reverse name Momentum writes is not known"
        Some(Dialect::Momentum), P, [
            "from x ([203.0.113.9] helo=y) by mx1.example (ecelerity 4 r(x)) with SMTP id 1; ",
            FAKE,
            " ([198.51.100.7:5379] helo=x)\n\tby mx1.example (ecelerity 4.2.1 r(Core:4.2.1)) with ESMTP\n\tid \
            5A/F0-04030-76FF6054; ",
            TAIL,
        ];
    absorbed_by_tls_version "wrong: OpenSMTPD's `TLS version=` takes up any line to its semicolon"
        None, P, [
            "from x (y [203.0.113.9]) by mx1.example (OpenSMTPD) with SMTP id 1; TLS version= [198.51.100.7] by \
            mx1.example\n  (SMTPD32-8.00) id AD7FA80134; ",
            TAIL,
        ];
    absorbed_by_ident "wrong: Courier's `(IDENT: ` takes up any line to its last `) by `, and Courier writes no tag"
        None, P, [
            "from x (y [203.0.113.9]) (IDENT: ([198.51.100.7]) by mx1.example with ESMTP id 12; ",
            TAIL,
        ];
    absorbed_by_ident_of_cyrus "wrong: the same in a line of Cyrus 3"
        None, P, [
            "from x (y [203.0.113.9]) (IDENT: ([198.51.100.7])\n\t by mx1.example with LMTP; ",
            TAIL,
        ];
    absorbed_by_a_comment "wrong: a comment after the date takes up any line that ends in a client's parenthesis"
        None, P, [
            "from x (y [203.0.113.9]) by mx1.example (Postfix) with ESMTP id 1; ",
            FAKE,
            " ( (198.51.100.7) by mx1.example (PowerMTA v5.0r1) id h1; ",
            TAIL,
            " (envelope-from <\")\"@d.example>)",
        ];
    a_fold_behind_a_date "wrong: an MTA that folds by width can fold behind a client's date"
        None, P, [
            "from x ([203.0.113.9]) by mx1.example with LMTP id 1; ",
            FAKE,
            "\n ([198.51.100.7]) by mx1.example (mrweb004 [203.0.113.12]) with ESMTPSA\n (Nemesis) id 0M5u99; ",
            TAIL,
        ];
    xmail_authenticated_helo "wrong: general takes a HELO of one word for TCP-info"
        None, P, [
            "from ([203.0.113.9])\r\n\tby mx1.example with [XMail 1.27 ESMTP Server]\r\n\tid <S72E> for \
            <trap@d.example> from <a@d.example>;\r\n\t",
            TAIL,
        ];
    unverified_helo "wrong: the same, with a comment that holds no address behind it"
        None, P, [
            "from ([203.0.113.9]) (unverified) by mx1.example\n (Content Technologies SMTPRS 4.2) with SMTP id x1;\n ",
            TAIL,
        ];
    general_literal_first "wrong: general takes the peer for a From-domain and the HELO behind it for TCP-info"
        None, P, [
            "from [198.51.100.7] (203.0.113.9) by mx1.example with ESMTP id 12; ",
            TAIL,
        ];
    a_helo_behind_the_peer "wrong: `HELO` is read as a reverse name, and `general` does not count where a dialect is declared"
        Some(Dialect::Google), P, [
            "from [198.51.100.7] (HELO [203.0.113.9]) by mx1.example with ESMTP id 12; ",
            TAIL,
        ];
    a_helo_behind_the_peer_of_courier "wrong: the same, and Courier's reverse name holds any bytes"
        Some(Dialect::Courier), P, [
            "from [198.51.100.7] (HELO [203.0.113.9]) by mx1.example with ESMTP id 12; ",
            TAIL,
        ];
    a_mixed_local_part "wrong: a local part of a quoted string and a word hides the true reading of Exim"
        Some(Dialect::Exchange), P, [
            "from [198.51.100.7] (helo=x)\n\tby mx1.example with esmtp (Exim 4.96)\n\t(envelope-from <\"x \
            ([203.0.113.9]) by mx1.example with Microsoft SMTPSVC(6.0.1.1); ",
            FAKE,
            " \".b@d.example>)\n\tid 1xVc9P-000710-23\n\tfor trap@d.example;\n\t",
            TAIL,
        ];
    exim_mixed_local_part "refused: any sender can take this address and is never listed"
        Some(Dialect::Exim), P, [
            "from [198.51.100.7] (helo=x)\n\tby mx1.example with esmtp (Exim 4.96)\n\t(envelope-from \
            <\"a\".b@d.example>)\n\tid 1xVc9P-000710-23\n\tfor trap@d.example;\n\t",
            TAIL,
        ];
    sendmail_mixed_local_part "refused: the same by the recipient, at a trap that is a whole domain"
        Some(Dialect::Sendmail), P, [
            "from x ([198.51.100.7])\n\tby mx1.example (8.17.1.9/8.17.1.9) with ESMTP id 6AN\n\tfor \
            <\"a\".b@d.example>; ",
            TAIL,
        ];
    a_crowd "refused: a recipient of many addresses makes the line of any MTA crowded"
        Some(Dialect::Postfix), P, [
            "from x (unknown [198.51.100.7])\n\tby mx1.example (Postfix) with ESMTP id 4T3X\n\tfor <\"",
            &" [1.1.1.1]".repeat(80),
            "\"@d.example>; ",
            TAIL,
        ];
    exim_long_sender "refused: Exim takes commands of 16 KiB, and a longer line than 8 KiB is not read"
        Some(Dialect::Exim), P, [
            "from [198.51.100.7] (helo=x)\n\tby mx1.example with esmtp (Exim 4.96)\n\t(envelope-from <",
            &"a".repeat(9_000),
            "@d.example>)\n\tid 1xVc9P-000710-23\n\tfor trap@d.example;\n\t",
            TAIL,
        ];
}
