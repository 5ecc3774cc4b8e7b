//! Whole lines as each MTA writes them, rule by rule, and what each of them states.
//!
//! The forms are real and the names invented. The peer is always the same, and so is the address with which clients
//! and strangers try to pass for it; the other addresses are the relay's own.

use std::collections::BTreeSet;

use super::Dialect::*;
use super::*;
use crate::sample::Header;

/// The peer of every line that states one over IPv4.
const PEER: &str = "198.51.100.7";
/// The peer of every line that states one over IPv6.
const PEER6: &str = "2001:db8::7";

/// A line of each form: its dialect, the rule that reads it, the line with its folds, and what it states.
#[rustfmt::skip]
const LINES: &[(Dialect, &str, &str, &str)] = &[
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2z9v\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (unknown [198.51.100.7])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\n\t(No client certificate requested)\n\tby mx1.relay.example (Postfix) with ESMTPS id D123E45678A\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256\n\t client-signature RSA-PSS (2048 bits) client-digest SHA256)\n\t(Client CN \"mail.sender.example\", Issuer \"Sender CA\" (not verified))\n\tby mx1.relay.example (Postfix) with ESMTPS id D123E45678B\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\t(using TLSv1 with cipher DHE-RSA-AES256-SHA (256/256 bits))\n\t(Client CN \"x, (verified OK)? (z [203.0.113.9]) by mx1.relay.example\", Issuer \"Sender CA\" (verified OK))\n\tby mx1.relay.example (Postfix) with ESMTP id 8A1C22F0D4\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from [10.0.0.5] (client.isp.example [198.51.100.7])\n\t(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n\t(Client did not present a certificate)\n\t(Authenticated sender: alice@relay.example)\n\tby mx1.relay.example (Postfix) with ESMTPSA id 4T3AbC1dE2z9w\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from [10.0.0.5] (client.isp.example [198.51.100.7])\n\t(Authenticated sender: bob ([203.0.113.9]) by y@mx1.relay.example)\n\tby mx1.relay.example (Postfix) with ESMTPA id 4T3AbC1dE2z9x\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [IPv6:2001:db8::7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2z9y\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER6),
    (Postfix, "smtpd", "from [203.0.113.9] (unknown [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2za0\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from foo?[203.0.113.9]??by?mx1.relay.example??Postfix (unknown [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2za1\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from unknown (unknown [198.51.100.7])\n\tby mx1.relay.example (Postfix) with SMTP id 4T3AbC1dE2za2\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix) with UTF8SMTPS id 4T3AbC1dE2za3;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2za4\n\tfor <\"x ([203.0.113.9]) by y\"@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix (Debian/GNU)) with ESMTP id 0F2B71C4E5\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 23:05:00 +0100 (CET)", PEER),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix/3.5.9) with SMTP id 0F2B71C4E6\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (GMT)\n\t(envelope-from alice@sender.example)", PEER),
    (Postfix, "pickup", "by mx1.relay.example (Postfix, from userid 1000)\n\tid 4T3AbC1dE2zb0; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (Postfix, "pickup", "by mx1.relay.example (Postfix/3.5.9, from userid 33)\n\tid 0F2B71C4E7\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (Postfix, "generated", "by mx1.relay.example (Postfix)\n\tid 4T3AbC1dE2zb1; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (Postfix, "generated", "by mx1.relay.example (Postfix (Debian/GNU)) id 0F2B71C4E8\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (Postfix, "unknown-peer", "from mail.sender.example (unknown [unknown])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2zb2\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "unstated"),
    (Postfix, "unknown-peer", "from [203.0.113.9] (unknown [unknown])\n\tby mx1.relay.example (Postfix) with SMTP id 4T3AbC1dE2zb3\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "unstated"),
    (Exim, "address", "from [198.51.100.7] (helo=mail.sender.example)\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [198.51.100.7] (helo=[203.0.113.9])\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [198.51.100.7]\n\tby mx2.relay.example with smtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [198.51.100.7] (ident=alice)\n\tby mx2.relay.example with smtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [198.51.100.7] (helo=mail.sender.example ident=root@x [203.0.113.9]) by mx1.relay.example (Postfix))\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [198.51.100.7] (helo=foo [203.0.113.9]) by mx1.relay.example (Postfix))\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "address", "from [2001:db8::7] (helo=mail.sender.example)\n\tby mx2.relay.example with esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.97)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-00000001234-23AB;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Exim, "address", "from [198.51.100.7] (port=52314 helo=mail.sender.example)\n\tby mx2.relay.example with esmtpsa (TLSv1:AES256-SHA:256)\n\t(Exim 4.60)\n\t(envelope-from <alice@sender.example>)\n\tid 1GAbCd-0001Ef-9K\n\tfor bob@relay.example; Mon, 23 Nov 2026 16:05:00 -0600", PEER),
    (Exim, "address", "from [198.51.100.7]:52314 (helo=mail.sender.example)\n\tby mx2.relay.example with esmtpa (Exim 4.94.2)\n\t(envelope-from <\"a by [203.0.113.9] with\"@sender.example>)\n\tid 1xAbCd-000123-24\n\tfor bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "name", "from mail.sender.example ([198.51.100.7])\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "name", "from mail.sender.example ([198.51.100.7] helo=[203.0.113.9])\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "name", "from mail.sender.example\n\t([198.51.100.7] helo=client.sender.example ident=alice)\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "name", "from mail.sender.example ([2001:db8::7])\n\tby mx2.relay.example with utf8esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-25\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Exim, "name", "from mail.sender.example ([198.51.100.7]:52314 helo=client.sender.example)\n\tby mx2.relay.example with esmtps (TLS1.2:ECDHE_RSA_AES_256_GCM_SHA384:256)\n\t(Exim 4.80)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-26\n\tfor bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "name", "from mail.sender.example ([198.51.100.7] ident=mail)\n\tby mx2.relay.example with esmtp (Exim 3.35 #1 (Debian))\n\tid 18AbCd-0001Ef-00\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim3, "smtp", "from mail.sender.example (client.sender.example) [198.51.100.7] (alice)\n\tby mx2.relay.example with esmtp (Exim 3.35 #1 (Debian))\n\tid 18AbCd-0001Ef-00; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim3, "smtp", "from mail.sender.example (client.sender.example) [198.51.100.7]\n\tby mx2.relay.example with smtp (Exim 3.12 #1)\n\tid 18AbCd-0001Ef-01; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Nemesis, "address", "from [198.51.100.7] (helo=client.example)\n\tby mx.relay.example with ESMTP (Nemesis),\n\tid 0MKpdM-1CkRpr14PF-000608; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Nemesis, "smtp", "from mail.sender.example ([198.51.100.7]) by smtp.relay.example (mrweb004\n [192.0.2.12]) with ESMTPSA (Nemesis) id 0MAbcd-1AbCdE12fG-00abcD; Mon, 23 Nov\n 2026 22:05:00 +0100", PEER),
    (Nemesis, "smtp", "from [203.0.113.9] ([198.51.100.7]) by smtp.relay.example (mrweb004) with\n ESMTPA (Nemesis), id 0MAbcd-1AbCdE12fH-00abcE; Mon, 23 Nov 2026 22:05:00 +0100", PEER),
    (Exim, "local", "from bob by mx2.relay.example with local (Exim 4.96)\n\t(envelope-from <bob@mx2.relay.example>)\n\tid 1xAbCd-000123-27\n\tfor carol@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Exim, "generated", "by mx2.relay.example with local (Exim 4.96)\n\tid 1xAbCd-000123-28\n\tfor carol@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Sendmail, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example (mail.bank.example [198.51.100.7] (may be forged))\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example (alice@mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example (IDENT:root@mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.9.3/8.9.3) with ESMTP id WAA12345\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 15:05:00 -0800 (PST)", PEER),
    (Sendmail, "smtp", "from mail.sender.example (rootx203.0.113.9bymx1.relay.examplePostfix@mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example ([198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with SMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from [IPv6:2001:db8::9] ([198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from [203.0.113.9] (mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example (mail.sender.example [IPv6:2001:db8:0:0:0:0:0:7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER6),
    (Sendmail, "smtp", "from client.sender.example (mail.sender.example [198.51.100.7])\n\t(authenticated bits=0)\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTPSA id 6ANM5uAb012375\n\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 verify=NO);\n\tMon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from client.sender.example (mail.sender.example [198.51.100.7])\n\t(authenticated as alice DIGEST-MD5 (0 bits))\n\tby mx3.relay.example (8.11.6/8.11.6) with ESMTP id gANM5uA01234\n\t(using TLSv1/SSLv3 with cipher EDH-RSA-DES-CBC3-SHA (168 bits) verified NO);\n\tMon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.13.8+Sun/8.13.8) with ESMTP id kANM5uAb012376; Mon, 23 Nov 2026 22:05:00 +0000 (GMT)", PEER),
    (Sendmail, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (AIX4.3/UCB 8.8.8/8.8.8) with ESMTP id WAA30577; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Sendmail, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7]) by mx3.relay.example (8.12.10/8.12.10/SuSE Linux 0.7) with ESMTP id kANM5uAb012378 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Sendmail, "empty-helo", "(from [198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with SMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER),
    (Sendmail, "empty-helo", "(from [IPv6:2001:db8:0:0:0:0:0:7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with SMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT", PEER6),
    (Sendmail, "local", "(from root@localhost)\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Submit) id 6ANM5uAb012380\n\tfor bob; Mon, 23 Nov 2026 22:05:00 GMT", "pickup"),
    (Sendmail, "local", "(from bob@localhost)\n\tby mx3.relay.example (8.9.3/8.9.3) id WAA30581;\n\tMon, 23 Nov 2026 23:05:00 +0100 (MET)", "pickup"),
    (Sendmail, "generated", "from localhost (localhost)\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) id 6ANM5uAb012382;\n\tMon, 23 Nov 2026 22:05:00 GMT", "pickup"),
    (Sendmail, "generated", "from localhost (root@localhost)\n\tby mx3.relay.example (8.9.3/8.9.3) with ESMTP id WAA30583\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Sendmail, "bare", "from mail.sender.example by mx3.relay.example (8.12.10/8.9.3)\n\twith ESMTP id kANM5uAb012384; Mon, 23 Nov 2026 22:05:00 GMT", "unstated"),
    (OpenSmtpd, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTP id a1b2c3e0\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (OpenSmtpd, "smtp", "from mail.sender.example (<unknown> [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id a1b2c3d1 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (OpenSmtpd, "smtp", "from [203.0.113.9] (client.isp.example [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPSA id a1b2c3d2 (TLSv1.3:AEAD-AES256-GCM-SHA384:256:NO) auth=yes user=alice\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (OpenSmtpd, "smtp", "from mail.sender.example (203.0.113.9 [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTP id a1b2c3d3\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (OpenSmtpd, "smtp", "from mail.sender.example (mail.sender.example [2001:db8::7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTP id a1b2c3d4\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER6),
    (OpenSmtpd, "smtp", "from mail.sender.example (mail.sender.example [IPv6:2001:db8::7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id a1b2c3d5 (TLSv1.2:ECDHE-RSA-CHACHA20-POLY1305:256:YES);\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER6),
    (OpenSmtpd, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7]);\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id a1b2c3d6;\n\tTLS version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO;\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (OpenSmtpd, "local", "from localhost (mx4.relay.example [local])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPA id 2b3c4d5e\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (OpenSmtpd, "local", "from localhost (mx4.relay.example [local]);\n\tby mx4.relay.example (OpenSMTPD) with ESMTPA id 2b3c4d5f;\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (OpenSmtpd, "masked", "\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id 1a2b3c4d (TLSv1.3:AEAD-AES256-GCM-SHA384:256:NO);\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "unstated"),
    (OpenSmtpd, "masked", "\n\tby mx4.relay.example (OpenSMTPD) with ESMTPSA id 1a2b3c4e (TLSv1.3:AEAD-AES256-GCM-SHA384:256:NO) auth=yes user=alice\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "unstated"),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [::ffff:198.51.100.7])\n  by mx5.relay.example with ESMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example ([::ffff:198.51.100.7])\n  by mx5.relay.example with SMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n  by mx5.relay.example with UTF8SMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [2001:db8::7])\n  (TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx5.relay.example with ESMTPS\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Courier, "esmtpd", "from [203.0.113.9] (client.isp.example [::ffff:198.51.100.7])\n  (AUTH: LOGIN alice, TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx5.relay.example with ESMTPSA\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from [203.0.113.9] ([198.51.100.7])\n  (AUTH: PLAIN alice@relay.example)\n  by mx5.relay.example with ESMTPA\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from foo_([203.0.113.9]) ([::ffff:198.51.100.7])\n  by mx5.relay.example with ESMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example (client.example_([203.0.113.9]).sender.example [::ffff:198.51.100.7])\n  by mx5.relay.example with ESMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [::ffff:198.51.100.7])\n  (IDENT: alice)\n  by mx5.relay.example with SMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n  by mx5.relay.example with esmtp; Mon, 23 Nov 2026 22:05:00 +0000\n  id 00400001.6B04BB6B.00000123", PEER),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [::ffff:198.51.100.7])\n  (SSL: TLS1.2,128bits,ECDHE_RSA_AES_128_GCM_SHA256)\n  by mx5.relay.example with ESMTPS; Mon, 23 Nov 2026 22:05:00 +0000\n  id 0000000000400002.000000006B04BB6C.00000124", PEER),
    (Courier, "local", "by mx5.relay.example with local\n  id 0000000000400105.000000006B04BB6C.0000012B; Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Courier, "local", "from alice (uid 1000)\n  by mx5.relay.example with local; Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Haraka, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from mail.sender.example ([198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with SMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from mail.sender.example (mail.sender.example [2001:db8::7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTPS id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>\n\ttls TLS_AES_256_GCM_SHA384;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Haraka, "smtp", "from [203.0.113.9] (client.isp.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTPSA id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>\n\ttls TLS_AES_256_GCM_SHA384 (authenticated bits=0);\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from foo([203.0.113.9]) ([198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from mail.sender.example (client.example \\([203.0.113.9]\\).sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka) with ESMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.2\n\tenvelope-from <>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Haraka, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/2.8.28) with ESMTPS id 01234567-89AB-4CDE-8F01-23456789ABCD.3\n\tenvelope-from <\"a ([203.0.113.9]) b\"@sender.example>\n\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 verify=FAIL);\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Dovecot, "lmtp", "from mx1.relay.example ([198.51.100.7])\n\tby store1.relay.example with LMTP\n\tid AbCdEfG1234567890hIjKQ\n\t(envelope-from <alice@sender.example>)\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Dovecot, "lmtp", "from mx1.relay.example ([2001:db8::7])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n\tby store1.relay.example with LMTPS\n\tid AbCdEfG1234567890hIjKQ\n\t(envelope-from <alice@sender.example>)\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Dovecot, "lmtp", "from [203.0.113.9] ([198.51.100.7])\n\tby store1.relay.example (Dovecot) with LMTP id +bCdEfG1234567890hIjKR:P1\n\t; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Dovecot, "lmtp-local", "from mx1.relay.example\n\tby store1.relay.example with LMTP\n\tid AbCdEfG1234567890hIjKQ\n\t(envelope-from <alice@sender.example>)\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "lmtp"),
    (Dovecot, "lmtp-local", "from mx1.relay.example\n\tby store1.relay.example (Dovecot) with LMTP id AbCdEfG1234567890hIjKS\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "lmtp"),
    (Cyrus, "lmtp", "from mx1.relay.example (mx1.relay.example [198.51.100.7])\n\t by store1.relay.example (Cyrus v2.4.17) with LMTPA;\n\t Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Cyrus, "lmtp", "from [203.0.113.9] ([198.51.100.7])\n\t by store1.relay.example with LMTP;\n\t Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Cyrus, "lmtp", "from mx1.relay.example (mx1.relay.example [2001:db8::7])\n\t (using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n\t by store1.relay.example (Cyrus 3.6.1) with LMTPSA;\n\t Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Cyrus, "lmtp-local", "from store1.relay.example ([unix socket])\n\t by store1.relay.example (Cyrus v2.2.12-1.2) with LMTPA;\n\t Mon, 23 Nov 2026 22:05:00 +0000", "lmtp"),
    (Cyrus, "lmtp-local", "from store1.relay.example ([unix socket])\n\t by store1.relay.example with LMTPA;\n\t Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "lmtp"),
    (Amavis, "filter", "from mx1.relay.example ([127.0.0.1])\n by localhost (mx1.relay.example [127.0.0.1]) (amavis, port 10024) with ESMTP\n id AbC1dEfGhIj6 for <bob@relay.example>;\n Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "127.0.0.1"),
    (Amavis, "filter", "from mx1.relay.example ([198.51.100.7])\n\tby localhost (av1.relay.example [10.0.0.5]) (amavisd-new, port 10024)\n\twith LMTP id AbCdEF5ghIjk; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Amavis, "filter", "from [203.0.113.9] ([IPv6:2001:db8::7])\n by av1.relay.example (av1.relay.example [IPv6:2001:db8::25]) (amavis, port 10026) with ESMTPS\n id AbC1dEfGhIj7 for <bob@relay.example>;\n Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER6),
    (Amavis, "filter-local", "from mx1.relay.example ([unix socket])\n by localhost (mx1.relay.example [127.0.0.1]) (amavis, unix socket) with LMTP\n id AbC1dEfGhIj8 for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "lmtp"),
    (Qmail, "smtpd-ident", "from mail.sender.example (HELO client.example) (alice@198.51.100.7)\n  by mx7.relay.example with SMTP; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd", "from mail.sender.example (198.51.100.7)\n  by mx7.relay.example with SMTP; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd", "from unknown (HELO ?203.0.113.9?) (198.51.100.7)\n  by 0 with SMTP; 3 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd-login", "from unknown (HELO ?10.0.0.5?) (alice@relay.example@198.51.100.7)\n  by mx7.relay.example with ESMTPA; 23 Nov 2026 22:05:00 -0000", "unstated"),
    (Qmail, "smtpd", "from mail.sender.example (HELO client.sender.example) (198.51.100.7)\n  by mx7.relay.example with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) ESMTPS; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd", "from unknown (HELO [203.0.113.9]) (::ffff:198.51.100.7)\n  by mx7.relay.example with UTF8ESMTPS; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd", "from mail.sender.example (HELO client.sender.example) (2001:db8::7)\n  by mx7.relay.example with ESMTP; 23 Nov 2026 22:05:00 -0000", PEER6),
    (Qmail, "smtpd-login", "from unknown (HELO localhost) (alice@198.51.100.7)\n  de/crypted with TLSv1.3: TLS_AES_256_GCM_SHA384 [256/256] DN=none\n  by mx7.relay.example with ESMTPSA; 23 Nov 2026 22:05:00 -0000", "unstated"),
    (Qmail, "smtpd-ident", "from mail.sender.example (HELO [203.0.113.9]) (alice@[198.51.100.7])\n          (envelope-sender <alice@sender.example>)\n          by mx7.relay.example (qmail-ldap-1.03) with SMTP\n          for <bob@relay.example>; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "smtpd", "from mail.sender.example ([198.51.100.7])\n          (envelope-sender <alice@sender.example>)\n          by mx7.relay.example (qmail-ldap-1.03) with DHE-RSA-AES256-SHA encrypted compressed SMTP\n          for <bob@relay.example>; 23 Nov 2026 22:05:00 -0000", PEER),
    (Qmail, "qpsmtpd", "from mail.sender.example (HELO client.sender.example) (198.51.100.7)\n  by mx7.relay.example (qpsmtpd/0.32) with ESMTP; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Qmail, "qpsmtpd", "from Unknown (HELO [203.0.113.9]) (198.51.100.7)\n by mx7.relay.example (qpsmtpd/0.96) with ESMTPSA (ECDHE-RSA-AES128-GCM-SHA256 encrypted); Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Qmail, "qpsmtpd", "from mail.sender.example (HELO x)y(z) (198.51.100.7)\n    (smtp-auth username alice, mechanism plain)\n  by mx7.relay.example (qpsmtpd/0.94) with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) ESMTPSA; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Qmail, "qpsmtpd", "from mail.sender.example (HELO mail.sender.example) (2001:db8::7)\n by mx7.relay.example (qpsmtpd/0.95) with ESMTP ; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Qmail, "bracketed", "from mail.sender.example (EHLO client.sender.example) [198.51.100.7]\n  by mx7.relay.example (mp003) with SMTP; 23 Nov 2026 23:05:00 +0100", PEER),
    (Qmail, "bracketed", "from mail.sender.example (HELO [203.0.113.9]) [198.51.100.7]\n  by mx7.relay.example (mp012) with SMTP; 23 Nov 2026 23:05:00 +0100", PEER),
    (Qmail, "queue-network", "(qmail 10681 invoked from network); 23 Nov 2026 22:05:00 -0000", "continued"),
    (Qmail, "queue-network", "(qmail 10681 messnum 9012 invoked from network); 23 Nov 2026 22:05:00 -0000 (UTC)", "continued"),
    (Qmail, "queue-local", "(qmail 10682 invoked by uid 404); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "queue-local", "(qmail 10683 invoked by alias); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "queue-local", "(qmail 10684 invoked for bounce); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "queue-local", "(qmail invoked by alias); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "queue-local", "(indimail-mta 10685 invoked by uid 555); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "queue-local", "(nullmailer pid 10686 invoked by uid 1000);\n\tMon, 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "scanner", "from 198.51.100.7 by mx7.relay.example (envelope-from <alice@sender.example>, uid 502) with qmail-scanner-1.25st\n (clamdscan: 0.90.1/2000. spamassassin: 3.1.0.\n Clear:RC:0(198.51.100.7):SA:0(0.4/5.0):.\n Processed in 0.412 secs); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Qmail, "scanner", "from alice@sender.example by mx7.relay.example by uid 502 with qmail-scanner-1.20rc3\n (uvscan: v4.3.20/v4400. Clear:RC:1:.\n Processed in 0.233 secs); 23 Nov 2026 22:05:00 -0000", "pickup"),
    (Exchange, "smtpsvc", "from mail.sender.example ([198.51.100.7]) by MAIL01.CORP.RELAY.EXAMPLE with Microsoft SMTPSVC(6.0.3790.4675);\n\t Mon, 23 Nov 2026 14:05:00 -0800", PEER),
    (Exchange, "smtpsvc", "from [203.0.113.9] ([198.51.100.7] RDNS failed) by mail01.relay.example over TLS secured channel with Microsoft SMTPSVC(10.0.14393.4169);\n\t Tue, 3 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "smtpsvc", "from mail.sender.example ([198.51.100.7]) by mail01.relay.example  with Microsoft SMTPSVC(5.5.1877.447.44);\n\t Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "smtpsvc", "from  ([198.51.100.7]) by mail01.relay.example with Microsoft SMTPSVC(5.0.2195.6713);\n\t Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "pickup", "from mail pickup service by MAIL01.CORP.RELAY.EXAMPLE with Microsoft SMTPSVC;\n\t Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Exchange, "mail-service", "from mail.sender.example (mail.sender.example [198.51.100.7]) by MAIL01.relay.example with SMTP (Microsoft Exchange Internet Mail Service Version 5.5.2653.13)\n\tid ABCD1234; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "mail-service", "from [203.0.113.9] ([198.51.100.7]) by MAIL01.relay.example with SMTP (Microsoft Exchange Server Internet Mail Connector Version 4.0.994.63)\n\tid 12ABCDEF; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "store", "by MAIL01.relay.example with Internet Mail Service (5.5.2653.19)\n\tid <AB1CDE23>; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Exchange, "store", "by MAIL01.relay.example with Microsoft Exchange (IMC 4.0.838.14)\n\tid <01DD1234.56789AB0@MAIL01.relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Exchange, "server", "from mail.sender.example (198.51.100.7) by EDGE1.relay.example\n (10.1.1.4) with Microsoft SMTP Server id 8.3.137.0; Mon, 23 Nov\n 2026 22:05:00 +0000", PEER),
    (Exchange, "server", "from mail.sender.example (198.51.100.7) by EDGE1.relay.example (10.1.1.4) with\n Microsoft SMTP Server (TLS) id 14.3.123.3; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "server", "from [203.0.113.9] (2001:db8::7) by EDGE1.relay.example\n (2001:db8::25) with Microsoft SMTP Server (version=TLS1_2,\n cipher=TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P256) id 15.1.2507.6 via Frontend\n Transport; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Exchange, "server", "from MAIL01.relay.example ([198.51.100.7]) by MAIL02.relay.example\n ([fe80::1%12]) with Microsoft SMTP Server id 15.00.0847.030 via Mailbox\n Transport; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exchange, "mapi", "from MAIL01.CORP.RELAY.EXAMPLE ([fe80::a5d5%14]) by\n MAIL02.CORP.RELAY.EXAMPLE ([fe80::1%12]) with mapi id 14.03.0123.003; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Exchange, "mapi", "from MAIL01.CORP.RELAY.EXAMPLE ([198.51.100.7]) by MAIL02.CORP.RELAY.EXAMPLE ([10.2.0.25]) with mapi; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Exchange, "mapi", "from MAIL01.CORP.RELAY.EXAMPLE ( [fe80::4ccf]) by\n MAIL02.CORP.RELAY.EXAMPLE ( [::1]) with mapi id 14.03.0439.000; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Outlook, "smtp", "from mail.sender.example (198.51.100.7) by\n DB5EUR01FT019.mail.protection.outlook.example (10.152.4.240) with Microsoft SMTP\n Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\n 15.20.3412.21 via Frontend Transport; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Outlook, "smtp", "from [203.0.113.9] (198.51.100.7) by\n DB5EUR01FT019.mail.protection.outlook.example (10.152.4.240) with Microsoft SMTP\n Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id\n 15.20.3412.21 via Frontend Transport; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Outlook, "smtp", "from DB5PR04MB1234.prod.outlook.example (2001:db8::7) by\n DB5PR04MB4321.prod.outlook.example (2001:db8:1::15) with Microsoft SMTP Server\n (TLS) id 15.1.466.19 via Mailbox Transport; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Outlook, "https", "from DB5PR04MB1234.prod.outlook.example (2001:db8::7) by\n DB5PR04MB4321.prod.outlook.example with HTTPS via\n DB7PR04CA0102.PROD.OUTLOOK.EXAMPLE; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Outlook, "https", "from DB5PR04MB1234.prod.outlook.example (198.51.100.7) by\n DB5PR04MB4321.prod.outlook.example with HTTPS; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Outlook, "link-local", "from DB5PR04MB1234.prod.outlook.example ([fe80::d82c%5]) by\n DB5PR04MB4321.prod.outlook.example ([fe80::d82c%9]) with Microsoft SMTP Server\n id 15.20.3412.024; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Outlook, "link-local", "from DB5PR04MB1234.prod.outlook.example ([fe80::d82c%5]) by\n DB5PR04MB4321.prod.outlook.example ([fe80::d82c%9]) with mapi id\n 15.20.3412.024; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (Google, "edge", "from mail.sender.example (mail.sender.example. [198.51.100.7])\n        by mx.google.example with ESMTPS id b12si1234567cde.3.2026.11.23.14.05.00\n        for <bob@relay.example>\n        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER),
    (Google, "edge", "from mail.sender.example ([198.51.100.7])\n        by mx.google.example with SMTP id b12si1234568cde.4.2026.11.23.14.05.00\n        for <bob@relay.example>;\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER),
    (Google, "edge", "from mail.sender.example ( [198.51.100.7])\n        by mx.google.example with ESMTPS id a12sm1234567bcd.1.2026.11.23.14.05.00\n        (version=TLSv1/SSLv3 cipher=RC4-MD5);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER),
    (Google, "edge", "from [203.0.113.9] (client.isp.example. [198.51.100.7])\n        by smtp.google.example with ESMTPSA id a12sm1234568bcd.2.2026.11.23.14.05.00\n        for <bob@relay.example>\n        (version=TLSv1.2 cipher=ECDHE-RSA-AES128-GCM-SHA256 bits=128/128);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER),
    (Google, "edge", "from ?IPV6:2001:db8::9? ([2001:db8::7])\n        by smtp.google.example with ESMTPSA id a1b2c3d4e5f6a-0123456789absm1234567b8c.9.2026.11.23.14.05.00\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER6),
    (Google, "edge", "from mail-sor-f41.sender.example (mail-sor-f41.sender.example. [198.51.100.7])\n        by mx.google.example with SMTPS id a12sor123456bcd.0.2026.11.23.14.05.00\n        for <bob@relay.example>\n        (Google Transport Security);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", PEER),
    (Google, "internal", "by 2001:db8:c1cd:0:0:0:0:0 with SMTP id c123csp1234567def;\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", "internal"),
    (Google, "internal", "by 10.0.0.5 with HTTP id c12mr1234568def;\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", "internal"),
    (Google, "submission", "by mail-wm1-x341.google.example with SMTP id a12so123456bcd.0\n        for <bob@relay.example>; Mon, 23 Nov 2026 14:05:00 -0800 (PST)", "internal"),
    (Google, "submission", "by 10.0.0.5 with SMTP id d12mr12345678efg.12.1795471500000;\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)", "internal"),
    (Google, "api", "from 123456789 named unknown by gmailapi.google.example with HTTPREST;\n\tMon, 23 Nov 2026 14:05:00 -0800", "internal"),
    (Yahoo, "edge", "from 198.51.100.7  (EHLO mail.sender.example) (198.51.100.7)\n  by mta1001.mail.bf1.yahoo.example with SMTPs; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Yahoo, "edge", "from 127.0.0.1  (EHLO [203.0.113.9]) (198.51.100.7)\n  by mta1001.mail.bf1.yahoo.example with SMTPS; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Yahoo, "edge", "from mail.sender.example (HELO client.sender.example) (198.51.100.7)\n  by mta1001.mail.bf1.yahoo.example with SMTP; Mon, 23 Nov 2026 14:05:00 -0800", PEER),
    (Yahoo, "edge", "from unknown (HELO ?203.0.113.9?) (alice@sender.example@198.51.100.7 with login)\n  by smtp101.mail.bf1.yahoo.example with SMTP; 23 Nov 2026 22:05:00 -0000", PEER),
    (Yahoo, "edge", "from 2001:db8::7 (EHLO mail.sender.example) (2001:db8::7)\n  by mta1001.mail.bf1.yahoo.example with SMTPs; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Yahoo, "edge-first", "from 198.51.100.7 (EHLO mail.sender.example)\n by atlas125.free.mail.bf1.yahoo.example with SMTPs; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Yahoo, "edge-first", "from 2001:db8::7 (EHLO mail.sender.example)\n by atlas125.free.mail.bf1.yahoo.example with SMTP; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Yahoo, "hermes", "by hermes--production-bf1-7f8b (Yahoo Inc. Hermes SMTP Server) with ESMTPA ID 0123456789abcdef0123456789abcdef;\n          Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "internal"),
    (Yahoo, "hermes", "by smtp402.mail.gq1.yahoo.example (Oath Hermes SMTP Server) with ESMTPA ID 0123456789abcdef0123456789abcdee;\n          Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "internal"),
    (Yahoo, "nnfmp", "from [198.51.100.7] by nm5.bullet.mail.bf1.yahoo.example with NNFMP; 23 Nov 2026 22:05:00 -0000", "internal"),
    (Yahoo, "web", "from [198.51.100.7] by web12345.mail.bf1.yahoo.example via HTTP; Mon, 23 Nov 2026 14:05:00 PST", "unstated"),
    (Yahoo, "sonic", "from sonic.gate.mail.bf1.yahoo.example by sonic315.consmr.mail.bf2.yahoo.example with HTTP; Mon, 23 Nov 2026 22:05:00 +0000", "internal"),
    (IronPort, "smtp", "from unknown (HELO mail.sender.example) ([198.51.100.7])\n  by esa1.relay.example with ESMTP; 23 Nov 2026 22:05:00 +0000", PEER),
    (IronPort, "smtp", "from mail.sender.example (HELO [203.0.113.9]) ([198.51.100.7])\n  by esa1.relay.example with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 23 Nov 2026 14:05:00 -0800", PEER),
    (IronPort, "smtp", "from mail.sender.example (HELO client.sender.example) ([IPv6:2001:db8::7])\n  by esa1.relay.example with SMTP; 23 Nov 2026 22:05:00 +0000", PEER6),
    (IronPort, "smtp", "from mail.sender.example (HELO client.sender.example) (alice@[198.51.100.7])\n  by esa1.relay.example with ESMTP/TLS/TLS_AES_256_GCM_SHA384; 23 Nov 2026 22:05:00 +0000", PEER),
    (IronPort, "same-name", "from mail.sender.example ([198.51.100.7])\n  by esa1.relay.example with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 23 Nov 2026 14:05:00 -0800", PEER),
    (IronPort, "same-name", "from mail.sender.example ([198.51.100.7])\n  by esa1.relay.example with ESMTP; 23 Nov 2026 22:05:00 +0000", PEER),
    (Domino, "smtp", "from mail.sender.example ([198.51.100.7])\n          by DOMINO1.relay.example (IBM Domino Release 9.0.1FP3)\n          with ESMTP id 2026112322050000-1234 ;\n          Mon, 23 Nov 2026 22:05:00 +0000 ", PEER),
    (Domino, "smtp", "from [203.0.113.9] ([198.51.100.7])\n          by DOMINO1.relay.example (Lotus Domino Release 6.5.5 HF456)\n          with SMTP id 2026112322050000-1234 ;\n          Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Domino, "smtp", "from mail.sender.example. ([IPv6:2001:db8::7])\n          by DOMINO1.relay.example (HCL Domino Release 14.0FP4)\n          with ESMTP id 2026112322050000-1234 ;\n          Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Domino, "smtp", "from mail.sender.example ([198.51.100.7]) by DOMINO1.relay.example (Lotus SMTP MTA v4.6.1 (569.2 2-6-1999)) with SMTP id 49256762.00512A5B; Mon, 23 Nov 2026 22:05:00 +0900", PEER),
    (Domino, "local", "by DOMINO1.relay.example (IBM Domino Release 9.0.1FP3)\n          id 2026112322050000-1235 ;\n          Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (CommuniGate, "address", "from [198.51.100.7] (HELO mail.sender.example)\n  by mail.relay.example (CommuniGate Pro SMTP 5.1.13)\n  with ESMTP id 12345678; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "address", "from [198.51.100.7] (HELO [203.0.113.9])\n  by mail.relay.example (CommuniGate Pro SMTP 6.2.14 _community_)\n  with SMTP id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "address", "from [198.51.100.7] (account alice@relay.example HELO client.isp.example)\n  by mail.relay.example (CommuniGate Pro SMTP 6.2.5)\n  with ESMTPSA id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "address", "from [2001:db8::7] (account alice@relay.example)\n  by mail.relay.example (CommuniGate Pro SMTP 6.4.1j)\n  with ESMTPA id 12345678; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (CommuniGate, "address", "from [198.51.100.7] (account alice@relay.example)\n  by mail.relay.example (CommuniGate Pro WEBUSER 5.1.13)\n  with HTTP id 12345679 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "name", "from mail.sender.example ([198.51.100.7] verified)\n  by mail.relay.example (CommuniGate Pro SMTP 5.1.13)\n  with ESMTPS id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "name", "from mail.sender.example (account alice [198.51.100.7] verified)\n  by mail.relay.example (CommuniGate Pro SMTP 6.2.5)\n  with ESMTPA id 12345678; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CommuniGate, "local", "from <news-admin@relay.example>\n  by mail.relay.example (CommuniGate Pro RULES 3.3.2)\n  with RULES id 1234563; Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (CommuniGate, "local", "by mail.relay.example (CommuniGate Pro PIPE 6.2.14)\n  with PIPE id 1234564; Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (MDaemon, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7]) by mail.relay.example (MDaemon PRO v20.0.3) \n\twith ESMTP id md50001234310.msg for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from [203.0.113.9] ([198.51.100.7]) by mail.relay.example (192.0.2.10) (MDaemon PRO v12.5.6)\n\twith ESMTPSA id md50001234311.msg\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from mail.sender.example (198.51.100.7) by mail.relay.example (Cipher SSLv3:RC4-MD5:128) (MDaemon PRO v10.1.1)\n\twith ESMTP id md50001234312.msg; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from mail.sender.example [198.51.100.7]\n\tby mail.relay.example (MDaemon.PRO.v6.8.4.R)\n\twith ESMTP id 12-md50000000313.tmp\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from mail.sender.example ([IPv6:2001:db8::7]) by mail.relay.example (IPv6:2001:db8::25) (MDaemon PRO v24.0.1)\n\twith ESMTPS id md5000000314.msg; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from mail.sender.example by mail.relay.example (MDaemon PRO v11.0.3)\n\twith ESMTP id md50001234315.msg\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from [203.0.113.9] by mail.relay.example (Cipher SSLv3:RC4-MD5:128) (MDaemon PRO v10.1.1)\n\twith ESMTP id md50001234316.msg; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "smtp", "from [IPV6:2001:db8::9] by mail.relay.example (IPv6:2001:db8::25) (MDaemon PRO v24.0.1)\n\twith ESMTPSA id md5000000317.msg; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (MDaemon, "local", "by mail.relay.example (MDaemon PRO v11.0.3)\n\twith DomainPOP id md50001234318.msg\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "fetchmail"),
    (Stalwart, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx8.relay.example (Stalwart SMTP) with ESMTP id 2F00000012345678;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Stalwart, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7] (AS64500 Example Networks, SE))\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\n\tby mx8.relay.example (Stalwart SMTP) with ESMTPS id 2F00000012345678;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Stalwart, "smtp", "from [203.0.113.9] (unknown [198.51.100.7])\n\t(using TLSv1.3 with cipher TLS13_AES_256_GCM_SHA384)\n\tby mx8.relay.example (Stalwart SMTP) with ESMTPSA id 2F00000012345678;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Stalwart, "smtp", "from mail.sender.example (unknown [2001:db8::7])\n\tby mx8.relay.example (Stalwart SMTP) with ESMTP id 2F00000012345678;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (HMailServer, "smtp", "from client.sender.example (mail.sender.example [198.51.100.7])\n\tby mail.relay.example with ESMTPS (version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256)\n\t; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (HMailServer, "smtp", "from client.sender.example ([198.51.100.7])\n\tby mail.relay.example with hMailServer ; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (HMailServer, "smtp", "from [203.0.113.9] ([198.51.100.7])\n\tby mail.relay.example\n\t; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (HMailServer, "smtp", "from mail.sender.example (mail.sender.example [2001:db8::7])\n\tby mail.relay.example with ESMTPSA\n\t; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Momentum, "port-inside", "from [198.51.100.7] ([198.51.100.7:53798] helo=mail.sender.example)\n\tby mta1.relay.example (envelope-from <alice@sender.example>)\n\t(ecelerity 4.2.1.55028 r(Core:4.2.1.12)) with ESMTP id 1A/2B-01234-6B04BB64 for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CriticalPath, "smtp", "from mail.sender.example (198.51.100.7) by mx9.relay.example (7.0.030.2) (authenticated as alice@relay.example)\n        id 6B04BB6B00123456 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (CriticalPath, "smtp", "from [203.0.113.9] (198.51.100.7) by mx9.relay.example (6.7.019)\n        id 6B04BB6B00123457; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (PowerMta, "smtp", "from mail.sender.example (198.51.100.7) by mta1.relay.example (PowerMTA(TM) v3.2r4) id h0abc12345 for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (envelope-from <alice@sender.example>)", PEER),
    (PowerMta, "smtp", "from [203.0.113.9] (198.51.100.7) by mta1.relay.example (PowerMTA v5.0r1) id h0abc12346; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Scalix, "smtp", "from client.sender.example (mail.sender.example [198.51.100.7])\n    by mail.relay.example (Scalix SMTP Relay 11.4.1.11929)\n    via ESMTP; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Scalix, "smtp", "from client ( [198.51.100.7])\n    by mail.relay.example (Scalix SMTP Relay 11.4.1.11929)\n    via ESMTP; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (James, "smtp", "from mail.sender.example (EHLO [203.0.113.9]) ([198.51.100.7])\n          by mx9.relay.example (JAMES SMTP Server 3.8.1) with ESMTPS ID -123456789\n          for <bob@relay.example>;\n          Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (MailEnable, "smtp", "from [203.0.113.9] ([198.51.100.7]) by mail.relay.example with MailEnable ESMTP; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Exim, "local-smtp", "from alice (helo=client.example)\n\tby mx2.relay.example with local-esmtp (Exim 4.96)\n\t(envelope-from <alice@relay.example>)\n\tid 1xAbCd-000123-29\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (Momentum, "port-inside", "from mail.sender.example ([198.51.100.7:53798] helo=[203.0.113.9])\n\tby mta1.relay.example (envelope-from <alice@sender.example>)\n\t(ecelerity 4.2.1.55028 r(Core:4.2.1.12)) with ESMTPS\n\t(cipher=AES256-SHA\n\tsubject=\"/C=SE/O=Sender (test)/CN=mail.sender.example\") id 1A/2B-01234-6B04BB64; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Momentum, "port-inside-ipv6", "from [2001:db8::7] ([2001:db8::7:53798] helo=mail.sender.example)\n\tby mta1.relay.example (ecelerity 4.2.1.55028 r(Core:4.2.1.12)) with ESMTP\n\tid 1A/2B-01234-6B04BB65; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Momentum, "port-outside", "from ([198.51.100.7]:53798 helo=mail.sender.example)\n\tby mta1.relay.example (ecelerity 2.2.2.45 r(12345M)) with ECSTREAM\n\tid 1A/2B-01234-6B04BB65; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Momentum, "port-inside", "from [198.51.100.7] ([198.51.100.7:53798])\n\tby mta1.relay.example (momentum 4.8.0.74368 r(msys-ecelerity:tags/4.8.0.0^0)) with SMTP\n\tid 1A/2B-01234-6B04BB66; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Momentum, "port-outside", "from [2001:db8::7] ([2001:db8::7]:53798 helo=mail.sender.example)\n\tby mta1.relay.example (envelope-from <alice@sender.example>)\n\t(ecelerity 4.2.1.55028 r(Core:4.2.1.12)) with ESMTPSA id 1A/2B-01234-6B04BB64 for <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (XMail, "login", "from client.example\n\tby mx9.relay.example with [XMail 1.27 ESMTP Server]\n\tid <S72F> for <bob@relay.example> from <alice@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (XMail, "smtp", "from mail.sender.example ([198.51.100.7]:23198)\n\tby mx9.relay.example with [XMail 1.27 ESMTP Server]\n\tid <S72E> for <bob@relay.example> from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (XMail, "smtp", "from [203.0.113.9] (198.51.100.7:23198)\n\tby mx9.relay.example with [XMail 1.20 (Linux/Ix86) ESMTP Server]\n\tid <S72E> for <bob@relay.example> from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (XMail, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7]:23198)\n\tby mx9.relay.example with [XMail 1.21 (Win32/Ix86) ESMTP Server]\n\tid <S72E> for <bob@relay.example> from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (XMail, "smtp", "from mail.sender.example ([2001:db8::7]:23198)\n\tby mx9.relay.example with [XMail 1.27 (FreeBSD/Ix86) ESMTP Server]\n\tid <S72E> for <bob@relay.example> from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (IMail, "smtpd32", "from mail.sender.example [198.51.100.7] by mail.relay.example\n  (SMTPD32-7.12) id AB1CD20034; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (IMail, "smtpd32", "from [203.0.113.9] [198.51.100.7] by mail.relay.example with ESMTP\n  (SMTPD32-8.00 EVAL) id A12B34C0056; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (IMail, "smtpd32", "from mail.sender.example [198.51.100.7] by mail.relay.example with ESMTP\n  (SMTPD-11.5) id a12b000034c05678; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (IMail, "merak", "from mail.sender.example ([198.51.100.7])\n\tby mail.relay.example (Merak 8.9.1) with ASMTP id ABC12345\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (IMail, "merak", "from [203.0.113.9] (client.isp.example [198.51.100.7])\n\tby mail.relay.example (IceWarp 11.3.0.4 RHEL6 x64) with ESMTP (SSL) id 202611232205001234\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (IMail, "merak", "from mail.sender.example ([IPv6:2001:db8::7])\n\tby mail.relay.example (IceWarp 13.0.3.5 x64) with SMTP id 202611232205001235;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (ListServer, "listserv", "from LISTS.RELAY.EXAMPLE by LISTS.RELAY.EXAMPLE (LISTSERV-TCP/IP release 16.0)\n          with spool id 123456 for NEWS@LISTS.RELAY.EXAMPLE;\n          Mon, 23 Nov 2026 17:05:00 -0500", "pickup"),
    (ListServer, "listserv", "from LISTS.RELAY.EXAMPLE by LISTS.RELAY.EXAMPLE (LISTSERV release 1.8d) with NJE id 0512;\n          Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (ListServer, "lsmtp", "from ntls (198.51.100.7) by lists.relay.example\n          (LSMTP for Windows NT v1.1b) with SMTP id\n          <2.000A1B2C@lists.relay.example>; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (ListServer, "lsmtp", "from [203.0.113.9] ([198.51.100.7]) by lists.relay.example\n          (LSMTP for Windows NT v1.1b) with ESMTP id\n          <3.000A1B2D@lists.relay.example>; Mon, 23 Nov 2026 2:05:00 -0500", "unstated"),
    (ListServer, "bulk-mailer", "by lists.relay.example (bulk_mailer v1.13); Mon, 23 Nov 2026 22:05:00 +0000", "pickup"),
    (ListServer, "ecartis", "with ECARTIS (v1.0.0; list news); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (ListServer, "ecartis", "with LISTAR (v0.129a; list news);\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "pickup"),
    (Webmail, "squirrelmail", "from 198.51.100.7\n        (SquirrelMail authenticated user alice)\n        by webmail.relay.example with HTTP;\n        Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (Webmail, "squirrelmail", "from [2001:db8::7]\n        (NaSMail authenticated user alice@relay.example); by webmail.relay.example\n        with HTTPS; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (Webmail, "squirrelmail-name", "from client.isp.example ([198.51.100.7])\n        (SquirrelMail authenticated user alice);\n        by webmail.relay.example with HTTP; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (Webmail, "horde", "from client.isp.example (client.isp.example [198.51.100.7]) by\n webmail.relay.example (Horde Framework) with HTTP; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "horde", "from 198.51.100.7 ([198.51.100.7])\n\tby webmail.relay.example (Horde MIME library) with HTTP; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "imp", "from 198.51.100.7 ( [198.51.100.7])\n\tas user alice@relay.example by webmail.relay.example with HTTP; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "horde", "from client.isp.example (client.isp.example [2001:db8::7]) by\n webmail.relay.example (Horde Framework) with HTTPS; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "roundcube", "from [198.51.100.7]\n by webmail.relay.example\n with HTTP (HTTP/1.1 POST); Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "roundcube", "from [203.0.113.9] (via [198.51.100.7])\n by webmail.relay.example\n with HTTP (HTTP/1.1 POST); Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "roundcube", "from client.isp.example [2001:db8::7]\n by webmail.relay.example\n with HTTPS (HTTP/2.0 POST); Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (Webmail, "bare", "from 2001:db8::7 by bay1.webmail.example with HTTP;\n\tMon, 23 Nov 2026 22:05:00 GMT", "unstated"),
    (Fetchmail, "fetchmail", "from mail.relay.example [198.51.100.7]\n\tby localhost with POP3 (fetchmail-6.4.16)\n\tfor <alice@localhost> (single-drop); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "fetchmail"),
    (Fetchmail, "fetchmail", "from mail.relay.example [2001:db8::7]\n\tby localhost with IMAP (fetchmail-6.4.16 polling mail.relay.example account alice folder INBOX)\n\tfor <alice@localhost> (multi-drop); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "fetchmail"),
    (Fetchmail, "fetchmail", "from mail.relay.example [198.51.100.7]\n\tby localhost with ETRN (fetchmail-6.4.16)\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", "fetchmail"),
    (Fetchmail, "fetchmail", "from mail.relay.example\n\tby localhost with POP3 (fetchmail-6.4.16)\n\tfor alice@localhost (by default); Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", "fetchmail"),
    (Fetchmail, "getmail", "from mail.relay.example by home.relay.example with POP3 getmail6 msgid:0000123\n for <alice@home.relay.example>; 23 Nov 2026 22:05:00 -0000", "fetchmail"),
    (Fetchmail, "getmail", "from mail.relay.example by home.relay.example with IMAP4-SSL getmail6; 23 Nov 2026 22:05:00 -0000", "fetchmail"),
    (General, "tcp-info", "from client.sender.example (mail.sender.example [198.51.100.7])\n\tby mx9.relay.example with ESMTP id b12si1234567cde;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info", "from [203.0.113.9] (mail.sender.example [198.51.100.7])\n\tby mx9.relay.example (Halon) with ESMTPSA\n\tid 01234567-89ab-11f1-8f01-23456789abcd;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (General, "tcp-info", "FROM client.sender.example (mail.sender.example [198.51.100.7])\n\tBY mx9.relay.example ID 4C87FB1D.00DF6.123 ; \n\t 23 Nov 2026 22:05:00 -0500", PEER),
    (General, "tcp-info", "from mail.sender.example (unverified [198.51.100.7]) \n\tby mx9.relay.example (SurgeMail 3.8f2) with ESMTP id 12-1794 \n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)", PEER),
    (General, "tcp-info", "from mail.sender.example (Not Verified[198.51.100.7]) by mx9.relay.example with MailMarshal (v6,7,2,8378)\n\tid <B6b04bb6b0001>; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info", "from mail.sender.example ([198.51.100.7]:31756 \"EHLO mail.sender.example\")\n\tby mx9.relay.example with ESMTP id <S1234567AbCDEFgh>;\n\tMon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info", "from client.sender.example ([198.51.100.7] mail.sender.example)\n by mx9.relay.example (ZoneMTA) with ESMTPS id 1a2b3c4d5e6f.001\n for <bob@relay.example>\n (version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384);\n Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info-ipv6", "from client.sender.example (mail.sender.example [IPv6:2001:db8::7])\n\tby mx9.relay.example with ESMTP id 0A1B2C3D; Mon, 23 Nov 2026 22:05:00 +0000", PEER6),
    (General, "helo-inside", "from [198.51.100.7] ([198.51.100.7:4321] helo=mail.sender.example)\n\tby mx9.relay.example with ESMTP id 0A1B2C3E; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info", "from client.sender.example ([198.51.100.7]) by mx9.relay.example ([192.0.2.10])\n with ESMTP (TREND IMSS SMTP Service 7.0) id 0123456789ab11f1 ; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "tcp-info", "from client.sender.example (mail.sender.example [198.51.100.7])\n\t(AUTH: PLAIN alice@relay.example)\n\tby mx9.relay.example with ESMTPA; Mon, 23 Nov 2026 22:05:00 +0000", PEER),
    (General, "bare", "from [198.51.100.7] by mx9.relay.example with ESMTP; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (General, "bare", "from mail.sender.example by mx9.relay.example\n\twith Novell_GroupWise; Mon, 23 Nov 2026 22:05:00 +0000", "unstated"),
    (General, "no-zone", "from mail.sender.example by mx9.relay.example with ESMTP; Mon, 23 Nov 2026 22:05:00", "unstated"),
    (General, "no-zone", "from [198.51.100.7] by mx9.relay.example (ArGoSoft Mail Server, Version 1.8); Mon, 23 Nov 2026 22:05:00 ", "unstated"),
];

/// What the clauses of a line are, by name; the others it does not have.
type Stated = &'static [(&'static str, &'static str)];

/// Lines with all that their rule finds in them.
#[rustfmt::skip]
const CLAUSES: &[(Dialect, &str, &str, Stated)] = &[
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix) with UTF8SMTPS id 4T3AbC1dE2za3;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "mx1.relay.example"), ("with", "UTF8SMTPS"), ("id", "4T3AbC1dE2za3"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Postfix, "smtpd", "from [10.0.0.5] (client.isp.example [198.51.100.7])\n\t(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))\n\t(Client did not present a certificate)\n\t(Authenticated sender: alice@relay.example)\n\tby mx1.relay.example (Postfix) with ESMTPSA id 4T3AbC1dE2z9w\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "[10.0.0.5]"), ("rdns", "client.isp.example"), ("auth", "alice@relay.example"), ("by", "mx1.relay.example"), ("with", "ESMTPSA"), ("id", "4T3AbC1dE2z9w"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Postfix, "smtpd", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx1.relay.example (Postfix/3.5.9) with SMTP id 0F2B71C4E6\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (GMT)\n\t(envelope-from alice@sender.example)",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("from", "alice@sender.example"), ("by", "mx1.relay.example"), ("with", "SMTP"), ("id", "0F2B71C4E6"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Postfix, "smtpd", "from foo?[203.0.113.9]??by?mx1.relay.example??Postfix (unknown [198.51.100.7])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2za1\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "foo?[203.0.113.9]??by?mx1.relay.example??Postfix"), ("rdns", "unknown"), ("by", "mx1.relay.example"), ("with", "ESMTP"), ("id", "4T3AbC1dE2za1"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Postfix, "pickup", "by mx1.relay.example (Postfix, from userid 1000)\n\tid 4T3AbC1dE2zb0; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("by", "mx1.relay.example"), ("id", "4T3AbC1dE2zb0"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exim, "address", "from [198.51.100.7] (helo=mail.sender.example ident=root@x [203.0.113.9]) by mx1.relay.example (Postfix))\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("ident", "root@x [203.0.113.9]) by mx1.relay.example (Postfix)"), ("from", "alice@sender.example"), ("by", "mx2.relay.example"), ("with", "esmtp"), ("id", "1xAbCd-000123-23"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exim, "name", "from mail.sender.example ([2001:db8::7])\n\tby mx2.relay.example with utf8esmtps  (TLS1.3) tls TLS_AES_256_GCM_SHA384\n\t(Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-25\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("from", "alice@sender.example"), ("by", "mx2.relay.example"), ("with", "utf8esmtps"), ("id", "1xAbCd-000123-25"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exim, "name", "from mail.sender.example\n\t([198.51.100.7] helo=client.sender.example ident=alice)\n\tby mx2.relay.example with esmtp (Exim 4.96)\n\t(envelope-from <alice@sender.example>)\n\tid 1xAbCd-000123-23\n\tfor bob@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "client.sender.example"), ("rdns", "mail.sender.example"), ("ident", "alice"), ("from", "alice@sender.example"), ("by", "mx2.relay.example"), ("with", "esmtp"), ("id", "1xAbCd-000123-23"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exim3, "smtp", "from mail.sender.example (client.sender.example) [198.51.100.7] (alice)\n\tby mx2.relay.example with esmtp (Exim 3.35 #1 (Debian))\n\tid 18AbCd-0001Ef-00; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "client.sender.example"), ("rdns", "mail.sender.example"), ("ident", "alice"), ("by", "mx2.relay.example"), ("with", "esmtp"), ("id", "18AbCd-0001Ef-00"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exim, "local", "from bob by mx2.relay.example with local (Exim 4.96)\n\t(envelope-from <bob@mx2.relay.example>)\n\tid 1xAbCd-000123-27\n\tfor carol@relay.example;\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("ident", "bob"), ("from", "bob@mx2.relay.example"), ("by", "mx2.relay.example"), ("with", "local"), ("id", "1xAbCd-000123-27"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Sendmail, "smtp", "from mail.sender.example (IDENT:root@mail.sender.example [198.51.100.7])\n\tby mx3.relay.example (8.9.3/8.9.3) with ESMTP id WAA12345\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 15:05:00 -0800 (PST)",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("ident", "root"), ("by", "mx3.relay.example"), ("with", "ESMTP"), ("id", "WAA12345"), ("date", "Mon, 23 Nov 2026 15:05:00 -0800")]),
    (Sendmail, "smtp", "from client.sender.example (mail.sender.example [198.51.100.7])\n\t(authenticated as alice DIGEST-MD5 (0 bits))\n\tby mx3.relay.example (8.11.6/8.11.6) with ESMTP id gANM5uA01234\n\t(using TLSv1/SSLv3 with cipher EDH-RSA-DES-CBC3-SHA (168 bits) verified NO);\n\tMon, 23 Nov 2026 22:05:00 GMT",
        &[("helo", "client.sender.example"), ("rdns", "mail.sender.example"), ("auth", "authenticated"), ("by", "mx3.relay.example"), ("with", "ESMTP"), ("id", "gANM5uA01234"), ("date", "Mon, 23 Nov 2026 22:05:00 GMT")]),
    (Sendmail, "smtp", "from [IPv6:2001:db8::9] ([198.51.100.7])\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Debian-2) with ESMTP id 6ANM5uAb012374\n\tfor <bob@relay.example>; Mon, 23 Nov 2026 22:05:00 GMT",
        &[("helo", "[IPv6:2001:db8::9]"), ("by", "mx3.relay.example"), ("with", "ESMTP"), ("id", "6ANM5uAb012374"), ("date", "Mon, 23 Nov 2026 22:05:00 GMT")]),
    (Sendmail, "local", "(from root@localhost)\n\tby mx3.relay.example (8.17.1.9/8.17.1.9/Submit) id 6ANM5uAb012380\n\tfor bob; Mon, 23 Nov 2026 22:05:00 GMT",
        &[("ident", "root@localhost"), ("by", "mx3.relay.example"), ("id", "6ANM5uAb012380"), ("date", "Mon, 23 Nov 2026 22:05:00 GMT")]),
    (Courier, "esmtpd", "from [203.0.113.9] (client.isp.example [::ffff:198.51.100.7])\n  (AUTH: LOGIN alice, TLS: TLS1.3,256bits,ECDHE_RSA_AES_256_GCM_SHA384)\n  by mx5.relay.example with ESMTPSA\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "[203.0.113.9]"), ("rdns", "client.isp.example"), ("auth", "LOGIN"), ("by", "mx5.relay.example"), ("with", "ESMTPSA"), ("id", "0000000000400104.000000006B04BB6B.0000012A"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Courier, "esmtpd", "from mail.sender.example (mail.sender.example [::ffff:198.51.100.7])\n  (IDENT: alice)\n  by mx5.relay.example with SMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("ident", "alice"), ("by", "mx5.relay.example"), ("with", "SMTP"), ("id", "0000000000400104.000000006B04BB6B.0000012A"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Courier, "esmtpd", "from mail.sender.example (client.example_([203.0.113.9]).sender.example [::ffff:198.51.100.7])\n  by mx5.relay.example with ESMTP\n  id 0000000000400104.000000006B04BB6B.0000012A; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "client.example_([203.0.113.9]).sender.example"), ("by", "mx5.relay.example"), ("with", "ESMTP"), ("id", "0000000000400104.000000006B04BB6B.0000012A"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Haraka, "smtp", "from [203.0.113.9] (client.isp.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTPSA id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>\n\ttls TLS_AES_256_GCM_SHA384 (authenticated bits=0);\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "[203.0.113.9]"), ("rdns", "client.isp.example"), ("auth", "authenticated"), ("from", "alice@sender.example"), ("by", "mx6.relay.example"), ("with", "ESMTPSA"), ("id", "01234567-89AB-4CDE-8F01-23456789ABCD.1"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Haraka, "smtp", "from mail.sender.example (client.example \\([203.0.113.9]\\).sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/3.3.4) with ESMTP id 01234567-89AB-4CDE-8F01-23456789ABCD.1\n\tenvelope-from <alice@sender.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "client.example \\([203.0.113.9]\\).sender.example"), ("from", "alice@sender.example"), ("by", "mx6.relay.example"), ("with", "ESMTP"), ("id", "01234567-89AB-4CDE-8F01-23456789ABCD.1"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Haraka, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7])\n\tby mx6.relay.example (Haraka/2.8.28) with ESMTPS id 01234567-89AB-4CDE-8F01-23456789ABCD.3\n\tenvelope-from <\"a ([203.0.113.9]) b\"@sender.example>\n\t(version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 verify=FAIL);\n\tMon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("from", "\"a ([203.0.113.9]) b\"@sender.example"), ("by", "mx6.relay.example"), ("with", "ESMTPS"), ("id", "01234567-89AB-4CDE-8F01-23456789ABCD.3"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (OpenSmtpd, "smtp", "from [203.0.113.9] (client.isp.example [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPSA id a1b2c3d2 (TLSv1.3:AEAD-AES256-GCM-SHA384:256:NO) auth=yes user=alice\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "[203.0.113.9]"), ("rdns", "client.isp.example"), ("auth", "alice"), ("by", "mx4.relay.example"), ("with", "ESMTPSA"), ("id", "a1b2c3d2"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (OpenSmtpd, "smtp", "from mail.sender.example (<unknown> [198.51.100.7])\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id a1b2c3d1 (TLSv1.3:TLS_AES_256_GCM_SHA384:256:NO)\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "mail.sender.example"), ("by", "mx4.relay.example"), ("with", "ESMTPS"), ("id", "a1b2c3d1"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (OpenSmtpd, "smtp", "from mail.sender.example (mail.sender.example [198.51.100.7]);\n\tby mx4.relay.example (OpenSMTPD) with ESMTPS id a1b2c3d6;\n\tTLS version=TLSv1.2 cipher=ECDHE-RSA-AES256-GCM-SHA384 bits=256 verify=NO;\n\tfor <bob@relay.example>;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "mx4.relay.example"), ("with", "ESMTPS"), ("id", "a1b2c3d6"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Qmail, "smtpd-login", "from unknown (HELO ?10.0.0.5?) (alice@relay.example@198.51.100.7)\n  by mx7.relay.example with ESMTPA; 23 Nov 2026 22:05:00 -0000",
        &[("helo", "?10.0.0.5?"), ("rdns", "unknown"), ("ident", "alice@relay.example@198.51.100.7"), ("by", "mx7.relay.example"), ("with", "ESMTPA"), ("date", "23 Nov 2026 22:05:00 -0000")]),
    (Qmail, "smtpd", "from mail.sender.example (198.51.100.7)\n  by mx7.relay.example with SMTP; 23 Nov 2026 22:05:00 -0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "mx7.relay.example"), ("with", "SMTP"), ("date", "23 Nov 2026 22:05:00 -0000")]),
    (Qmail, "smtpd", "from mail.sender.example ([198.51.100.7])\n          (envelope-sender <alice@sender.example>)\n          by mx7.relay.example (qmail-ldap-1.03) with DHE-RSA-AES256-SHA encrypted compressed SMTP\n          for <bob@relay.example>; 23 Nov 2026 22:05:00 -0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("from", "alice@sender.example"), ("by", "mx7.relay.example"), ("with", "SMTP"), ("date", "23 Nov 2026 22:05:00 -0000")]),
    (Qmail, "qpsmtpd", "from mail.sender.example (HELO x)y(z) (198.51.100.7)\n    (smtp-auth username alice, mechanism plain)\n  by mx7.relay.example (qpsmtpd/0.94) with (ECDHE-RSA-AES256-GCM-SHA384 encrypted) ESMTPSA; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "x)y(z"), ("rdns", "mail.sender.example"), ("auth", "alice"), ("by", "mx7.relay.example"), ("with", "ESMTPSA"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Qmail, "qpsmtpd", "from Unknown (HELO [203.0.113.9]) (198.51.100.7)\n by mx7.relay.example (qpsmtpd/0.96) with ESMTPSA (ECDHE-RSA-AES128-GCM-SHA256 encrypted); Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "[203.0.113.9]"), ("rdns", "Unknown"), ("by", "mx7.relay.example"), ("with", "ESMTPSA"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exchange, "smtpsvc", "from [203.0.113.9] ([198.51.100.7] RDNS failed) by mail01.relay.example over TLS secured channel with Microsoft SMTPSVC(10.0.14393.4169);\n\t Tue, 3 Nov 2026 22:05:00 +0000",
        &[("helo", "[203.0.113.9]"), ("by", "mail01.relay.example"), ("with", "Microsoft SMTPSVC"), ("date", "Tue, 3 Nov 2026 22:05:00 +0000")]),
    (Exchange, "mail-service", "from mail.sender.example (mail.sender.example [198.51.100.7]) by MAIL01.relay.example with SMTP (Microsoft Exchange Internet Mail Service Version 5.5.2653.13)\n\tid ABCD1234; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "MAIL01.relay.example"), ("with", "SMTP"), ("id", "ABCD1234"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Exchange, "server", "from mail.sender.example (198.51.100.7) by EDGE1.relay.example (10.1.1.4) with\n Microsoft SMTP Server (TLS) id 14.3.123.3; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("by", "EDGE1.relay.example"), ("with", "Microsoft SMTP Server"), ("id", "14.3.123.3"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (Google, "edge", "from [203.0.113.9] (client.isp.example. [198.51.100.7])\n        by smtp.google.example with ESMTPSA id a12sm1234568bcd.2.2026.11.23.14.05.00\n        for <bob@relay.example>\n        (version=TLSv1.2 cipher=ECDHE-RSA-AES128-GCM-SHA256 bits=128/128);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)",
        &[("helo", "[203.0.113.9]"), ("rdns", "client.isp.example."), ("by", "smtp.google.example"), ("with", "ESMTPSA"), ("id", "a12sm1234568bcd.2.2026.11.23.14.05.00"), ("date", "Mon, 23 Nov 2026 14:05:00 -0800")]),
    (Google, "edge", "from ?IPV6:2001:db8::9? ([2001:db8::7])\n        by smtp.google.example with ESMTPSA id a1b2c3d4e5f6a-0123456789absm1234567b8c.9.2026.11.23.14.05.00\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\n        Mon, 23 Nov 2026 14:05:00 -0800 (PST)",
        &[("helo", "?IPV6:2001:db8::9?"), ("by", "smtp.google.example"), ("with", "ESMTPSA"), ("id", "a1b2c3d4e5f6a-0123456789absm1234567b8c.9.2026.11.23.14.05.00"), ("date", "Mon, 23 Nov 2026 14:05:00 -0800")]),
    (Google, "submission", "by mail-wm1-x341.google.example with SMTP id a12so123456bcd.0\n        for <bob@relay.example>; Mon, 23 Nov 2026 14:05:00 -0800 (PST)",
        &[("by", "mail-wm1-x341.google.example"), ("with", "SMTP"), ("id", "a12so123456bcd.0"), ("date", "Mon, 23 Nov 2026 14:05:00 -0800")]),
    (IronPort, "smtp", "from unknown (HELO mail.sender.example) ([198.51.100.7])\n  by esa1.relay.example with ESMTP; 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "unknown"), ("by", "esa1.relay.example"), ("with", "ESMTP"), ("date", "23 Nov 2026 22:05:00 +0000")]),
    (IronPort, "smtp", "from mail.sender.example (HELO client.sender.example) (alice@[198.51.100.7])\n  by esa1.relay.example with ESMTP/TLS/TLS_AES_256_GCM_SHA384; 23 Nov 2026 22:05:00 +0000",
        &[("helo", "client.sender.example"), ("rdns", "mail.sender.example"), ("ident", "alice"), ("by", "esa1.relay.example"), ("with", "ESMTP/TLS/TLS_AES_256_GCM_SHA384"), ("date", "23 Nov 2026 22:05:00 +0000")]),
    (IronPort, "same-name", "from mail.sender.example ([198.51.100.7])\n  by esa1.relay.example with ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384; 23 Nov 2026 14:05:00 -0800",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "esa1.relay.example"), ("with", "ESMTP/TLS/ECDHE-RSA-AES256-GCM-SHA384"), ("date", "23 Nov 2026 14:05:00 -0800")]),
    (CommuniGate, "address", "from [198.51.100.7] (account alice@relay.example HELO client.isp.example)\n  by mail.relay.example (CommuniGate Pro SMTP 6.2.5)\n  with ESMTPSA id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "client.isp.example"), ("auth", "alice@relay.example"), ("by", "mail.relay.example"), ("with", "ESMTPSA"), ("id", "12345678"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (CommuniGate, "name", "from mail.sender.example ([198.51.100.7] verified)\n  by mail.relay.example (CommuniGate Pro SMTP 5.1.13)\n  with ESMTPS id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "mail.sender.example"), ("rdns", "mail.sender.example"), ("by", "mail.relay.example"), ("with", "ESMTPS"), ("id", "12345678"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (CommuniGate, "address", "from [198.51.100.7] (HELO [203.0.113.9])\n  by mail.relay.example (CommuniGate Pro SMTP 6.2.14 _community_)\n  with SMTP id 12345678 for bob@relay.example; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "[203.0.113.9]"), ("by", "mail.relay.example"), ("with", "SMTP"), ("id", "12345678"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (General, "tcp-info", "from [203.0.113.9] (mail.sender.example [198.51.100.7])\n\tby mx9.relay.example (Halon) with ESMTPSA\n\tid 01234567-89ab-11f1-8f01-23456789abcd;\n\tMon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "[203.0.113.9]"), ("rdns", "mail.sender.example"), ("by", "mx9.relay.example"), ("with", "ESMTPSA"), ("id", "01234567-89ab-11f1-8f01-23456789abcd"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (General, "tcp-info", "from client.sender.example (mail.sender.example [198.51.100.7])\n\t(AUTH: PLAIN alice@relay.example)\n\tby mx9.relay.example with ESMTPA; Mon, 23 Nov 2026 22:05:00 +0000",
        &[("helo", "client.sender.example"), ("rdns", "mail.sender.example"), ("auth", "PLAIN"), ("by", "mx9.relay.example"), ("with", "ESMTPA"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
    (James, "smtp", "from mail.sender.example (EHLO [203.0.113.9]) ([198.51.100.7])\n          by mx9.relay.example (JAMES SMTP Server ) with ESMTP ID -123456789\n          for <bob@relay.example>;\n          Mon, 23 Nov 2026 22:05:00 +0000 (UTC)",
        &[("helo", "[203.0.113.9]"), ("rdns", "mail.sender.example"), ("by", "mx9.relay.example"), ("with", "ESMTP"), ("id", "-123456789"), ("date", "Mon, 23 Nov 2026 22:05:00 +0000")]),
];

/// What may stand in the peer's place of a Postfix line, and the address that it is.
#[rustfmt::skip]
const ADDRESSES: &[(&str, &str)] = &[
    // The IPv4 address, as text and as IPv6 has it.
    ("198.51.100.7", PEER),
    ("IPv6:198.51.100.7", PEER),
    ("::ffff:198.51.100.7", PEER),
    ("IPv6:::ffff:198.51.100.7", PEER),
    ("::FFFF:198.51.100.7", PEER),
    ("::ffff:c633:6407", PEER),
    ("IPv6:::FFFF:C633:6407", PEER),
    ("0:0:0:0:0:ffff:198.51.100.7", PEER),
    ("0000:0000:0000:0000:0000:ffff:198.51.100.107", "198.51.100.107"),
    ("0000:0000:0000:0000:0000:FFFF:C633:6407", PEER),
    ("::198.51.100.7", "::c633:6407"),
    ("::ffff:0:198.51.100.7", "::ffff:0:c633:6407"),
    ("2001:db8::198.51.100.7", "2001:db8::c633:6407"),
    // The IPv6 address.
    ("2001:db8::7", PEER6),
    ("IPv6:2001:db8::7", PEER6),
    ("IPv6:2001:DB8::7", PEER6),
    ("2001:0DB8::0007", PEER6),
    ("IPv6:2001:db8:0:0:0:0:0:7", PEER6),
    ("IPv6:2001:0db8:0000:0000:0000:0000:0000:0007", PEER6),
    ("2001:db8::0:7", PEER6),
    ("2001:db8:0:0::7", PEER6),
    ("2001:db8:0:1:0:0:0:7", "2001:db8:0:1::7"),
    ("::1", "::1"),
    ("IPv6:::1", "::1"),
    ("0:0:0:0:0:0:0:1", "::1"),
    ("fe80::1", "fe80::1"),
];

/// What is no address there, however other programs read it.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    // IPv4 written otherwise.
    "198.51.100.07", "198.051.100.007", "0306.063.0144.07", "0xc6.0x33.0x64.0x7", "0xc6336407", "C6.33.64.07",
    "3325256711", "198.51.25607", "198.51.100", "198.51", "198", "198.51.100.7.25", "198.51.100.256",
    "198.51.100.1000", "456.51.100.7", "198.51.100.00", "198.51.100.-7", "198.51.100.+7", "198..100.7",
    ".198.51.100.7", "198.51.100.7.", "198.51.100.", "198,51,100,7", "198.51.100.7e0", "7.100.51.198.in-addr.arpa",
    // IPv6 written otherwise.
    "fe80::1%eth0", "fe80::1%25eth0", "IPv6:fe80::1%2", "2001:db8:::7", ":2001:db8::7", "2001:db8::7:", "2001:db8::g",
    "02001:db8::7", "2001:00db8::7", "2001:db8:0:0:0:0:0::7", "2001:db8:0:0:0:0:7", "2001:db8:0:0:0:0:0:0:7",
    "2001:db8::198.51.100", "2001:db8::7.0.0.0.1", "::ffff:198.51.100.007", "::ffff:198.51.100.256",
    "::ffff:198.51.100.7.", "::ffff:0xc6336407", "ipv6:2001:db8::7", "IPv6: 2001:db8::7", "IPv6:IPv6:2001:db8::7",
    "IPv6:", "2001-db8--7",
    // Something before or behind.
    "", " ", "198.51.100.7 ", " 198.51.100.7", "198.51.100.7\t", "198.51. 100.7", "198.51.100.7:25",
    "198.51.100.7/32", "2001:db8::7/64", "[198.51.100.7]", "(198.51.100.7)", "<198.51.100.7>", "\"198.51.100.7\"",
    "198.51.100.7, 203.0.113.9", "198.51.100.7;", "198.51.100.7\u{200b}", "１９８.51.100.7", "198.51.100.7\\",
];

/// What a source is called in these tables: its address, or the word for it.
fn text(source: Source) -> String {
    match source {
        Source::Peer(peer) => peer.to_string(),
        Source::Handover(step) => step.name().to_owned(),
        Source::Continued => "continued".to_owned(),
        Source::Unstated => "unstated".to_owned(),
    }
}

/// Reads `line` as the first field of a message and hands the hop on.
fn with_hop<Answer>(line: &str, ask: impl FnOnce(&Hop<'_>) -> Answer) -> Answer {
    let message = format!("Received: {line}\n\n");
    let header = Header::read(message.as_bytes()).unwrap();
    assert_eq!(header.fields.len(), 1, "{line}");
    ask(&Hop::read(&header.fields[0]))
}

/// The distinct sources of the dialect's own readings, and of all that count where it is declared.
fn declared(line: &str, dialect: Dialect) -> (BTreeSet<String>, Vec<String>) {
    with_hop(line, |hop| {
        let own = hop.own_readings(Some(dialect)).map(|reading| text(reading.source)).collect();
        (own, hop.sources(Some(dialect)).into_iter().map(text).collect())
    })
}

/// The line with one space in place of each fold and the white space around it.
fn flat(line: &str) -> String {
    line.split('\n').map(|part| part.trim_matches([' ', '\t'])).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The places of the spaces that stand alone and outside quotes.
fn single_spaces(line: &str) -> Vec<usize> {
    let bytes = line.as_bytes();
    let blank = |place: usize| bytes.get(place).is_none_or(|byte| byte.is_ascii_whitespace());
    let mut quoted = false;
    let mut places = Vec::new();
    for (place, byte) in bytes.iter().enumerate() {
        quoted ^= *byte == b'"';
        if !quoted && *byte == b' ' && place > 0 && !blank(place - 1) && !blank(place + 1) {
            places.push(place);
        }
    }
    places
}

/// The line with a fold at each of these places.
fn folded(line: &str, places: &[usize]) -> String {
    let mut out = String::with_capacity(line.len() + places.len());
    for (place, symbol) in line.char_indices() {
        if places.contains(&place) { out.push_str("\n\t") } else { out.push(symbol) }
    }
    out
}

#[test]
fn each_line_is_read_by_its_rule() {
    for (dialect, rule, line, stated) in LINES {
        with_hop(line, |hop| {
            let mut found = hop.readings().iter().filter(|reading| reading.dialect == *dialect);
            let reads = found.any(|reading| hop.rule(reading) == *rule && text(reading.source) == *stated);
            assert!(reads, "{dialect:?} {rule}: {line}");
        });
    }
}

/// One source and no other, as [`declared`] gives it.
fn only(source: &str) -> (BTreeSet<String>, Vec<String>) {
    (BTreeSet::from([source.to_owned()]), vec![source.to_owned()])
}

#[test]
fn each_line_states_one_source_where_its_dialect_is_declared() {
    for (dialect, rule, line, stated) in LINES {
        assert_eq!(declared(line, *dialect), only(stated), "{dialect:?} {rule}: {line}");
    }
}

/// RFC 5322 §2.2.3: a relay may fold where white space stands and unfold again, and the line says the same.
#[test]
fn a_fold_changes_nothing() {
    for (dialect, rule, line, stated) in LINES {
        let flat = flat(line);
        assert_eq!(declared(&flat, *dialect), only(stated), "{dialect:?} {rule}: {flat}");
        let places = single_spaces(&flat);
        for chosen in places.chunks(1).chain([places.as_slice()]) {
            let folded = folded(&flat, chosen);
            assert_eq!(declared(&folded, *dialect), only(stated), "{dialect:?} {rule}: {folded:?}");
        }
        let wired = line.replace('\n', "\r\n");
        assert_eq!(declared(&wired, *dialect), only(stated), "{dialect:?} {rule}: {wired:?}");
    }
}

#[test]
fn every_rule_has_a_line() {
    let names = |dialect: &Dialect| dialect.rules().iter().map(|rule| (*dialect, rule.name)).collect::<Vec<_>>();
    let rules: BTreeSet<(Dialect, &str)> = Dialect::DECLARABLE.iter().flat_map(names).collect();
    let lines: BTreeSet<(Dialect, &str)> = LINES.iter().map(|(dialect, rule, ..)| (*dialect, *rule)).collect();
    assert_eq!(lines, rules);
}

/// The clauses that this rule finds in `line`, with their names and without those that it lacks.
fn clauses(line: &str, dialect: Dialect, rule: &str) -> Vec<(&'static str, String)> {
    with_hop(line, |hop| {
        let mut found = hop.own_readings(Some(dialect)).filter(|reading| hop.rule(reading) == rule);
        let reading = found.next().unwrap_or_else(|| panic!("{dialect:?} {rule}: {line}"));
        let clauses = hop.clauses(reading);
        assert_eq!(clauses.date, Some(hop.date(reading)), "{line}");
        let by = Some(hop.by(reading).as_bytes());
        let named = [
            ("helo", clauses.helo),
            ("rdns", clauses.rdns),
            ("ident", clauses.ident),
            ("auth", clauses.auth),
            ("from", clauses.envelope_from),
            ("by", by.filter(|host| !host.is_empty())),
            ("with", clauses.with),
            ("id", clauses.id),
            ("date", clauses.date),
        ];
        let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
        named.into_iter().filter_map(|(name, value)| Some((name, text(value?)))).collect()
    })
}

#[test]
fn each_clause_is_found() {
    for (dialect, rule, line, stated) in CLAUSES {
        let stated: Vec<(&str, String)> = stated.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        assert_eq!(clauses(line, *dialect, rule), stated, "{dialect:?} {rule}: {line}");
    }
}

/// A Postfix line with `address` in the peer's place.
fn from_address(address: &str) -> String {
    format!(
        "from mail.sender.example (unknown [{address}])\n\tby mx1.relay.example (Postfix) with ESMTP id 4T3AbC1dE2z9v; Mon, 23 Nov 2026 22:05:00 +0000 (UTC)"
    )
}

/// ATTACKS A11: an address has one form, whatever form it is written in; what is none is refused.
#[test]
fn an_address_is_canonical_or_refused() {
    for (written, address) in ADDRESSES {
        assert_eq!(declared(&from_address(written), Postfix), only(address), "{written:?}");
    }
    for written in REFUSED {
        let line = from_address(written);
        assert_eq!(declared(&line, Postfix), (BTreeSet::new(), Vec::new()), "{written:?}");
        // Elsewhere a port may follow the address.
        let anywhere = with_hop(&line, |hop| hop.sources(None));
        assert!(anywhere.into_iter().all(|source| text(source) == PEER), "{written:?}");
    }
}

/// Lines of MTAs that none here knows, by the rule that reads them for looking at.
#[rustfmt::skip]
const STRANGE: &[(&str, &str)] = &[
    ("tcp-info", "from mail.sender.example (host.sender.example [198.51.100.7]) at noon by mx.relay.example (Strange 1.0) with TFTP"),
    ("bare-address", "from mail.sender.example (alice@198.51.100.7:4321) by mx.relay.example (Strange 1.0); Mon, 23 Nov 2026 22:05:00 +0000"),
    ("bracketed", "from mail.sender.example [198.51.100.7] by mx.relay.example with ESMTP id 12; Mon, 23 Nov 2026 22:05:00 +0000"),
    ("helo-between", "from mail.sender.example (EHLO [203.0.113.9]) (alice@[198.51.100.7]) by mx.relay.example; Mon, 23 Nov 2026 22:05:00 +0000"),
    ("helo-behind", "from [198.51.100.7] (HELO [203.0.113.9]) by mx.relay.example with ESMTP id 12; Mon, 23 Nov 2026 22:05:00 +0000"),
    ("claiming", "from mail.sender.example(198.51.100.7), claiming to be \"client.example\" via SMTP by mx.relay.example, id smtpd12; Mon Nov 23 22:05:00 2026"),
];

#[test]
fn a_strange_line_is_looked_at_and_never_believed() {
    for (rule, line) in STRANGE {
        let message = format!("Received: {line}\n\n");
        let header = Header::read(message.as_bytes()).unwrap();
        let seeming = Hop::read_loosely(&header.fields[0]);
        let peer =
            seeming.readings().iter().find(|reading| seeming.rule(reading) == *rule).map(|reading| reading.source);
        assert_eq!(peer, Some(Source::Peer(PEER.parse().unwrap())), "{line}");
        assert_eq!(Hop::read(&header.fields[0]).own_readings(None).count(), 0, "{line}");
    }
    assert_eq!(Dialect::parse("loose"), None);
}
