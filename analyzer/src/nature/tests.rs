//! Does each nature tell itself from the others, and from mail that only looks like it?

use super::parts::READ_LIMIT;
use super::*;
use crate::sample::Header;

fn read(message: &str, sender: Option<&str>) -> Recognised {
    let envelope = sender.map(|sender| Envelope { mail_from: sender.into(), rcpt_to: vec![] });
    recognise(message.as_bytes(), &Header::read(message.as_bytes()).unwrap(), envelope.as_ref())
}

fn nature(message: &str) -> Nature {
    read(message, Some("somebody@a.example")).nature
}

/// A report (RFC 6522) with one part of this type and content.
fn report(kind: &str, part: &str, content: &str) -> String {
    format!(
        "Content-Type: multipart/report; report-type={kind}; boundary=b\n\n--b\n\nText.\n\n--b\nContent-Type: {part}\n\n{content}\n--b--\n"
    )
}

const STATUS: &str =
    "Reporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; b@a.example\nAction: failed\nStatus: 5.2.2\n";

#[test]
fn reports_are_known_by_their_parts() {
    for (kind, part, content, expected) in [
        ("delivery-status", "message/delivery-status", STATUS, Nature::Bounce),
        ("delivery-status", "message/global-delivery-status", STATUS, Nature::Bounce),
        ("feedback-report", "message/feedback-report", "Feedback-Type: abuse\nVersion: 1\n", Nature::AbuseReport),
        (
            "disposition-notification",
            "message/disposition-notification",
            "Final-Recipient: rfc822; b@a.example\nDisposition: manual-action/MDN-sent-manually; displayed\n",
            Nature::Receipt,
        ),
        // What only calls itself a report is none: its parts say nothing.
        ("delivery-status", "message/delivery-status", "Buy now!\n", Nature::Direct),
        ("delivery-status", "text/html", "<a href=x>Buy now!</a>\n", Nature::Direct),
        ("feedback-report", "message/feedback-report", "Buy now!\n", Nature::Direct),
        ("disposition-notification", "text/plain", "Disposition: displayed\n", Nature::Direct),
    ] {
        assert_eq!(nature(&report(kind, part, content)), expected, "{kind} with {part}");
    }
}

/// A report that somebody forwards is inside what he returns, and no report of his.
#[test]
fn what_is_returned_does_not_tell_what_returns_it() {
    let inner = report("delivery-status", "message/delivery-status", STATUS);
    let forwarded = format!(
        "From: Anna <anna@a.example>\nSubject: Fwd: failure notice\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nWhat does it mean?\n\n--x\nContent-Type: message/rfc822\n\n{inner}\n--x--\n"
    );
    assert_eq!(nature(&forwarded), Nature::Direct);
    let quoted = "From: Anna <anna@a.example>\nSubject: Re: Undelivered Mail Returned to Sender\nIn-Reply-To: <1@b.example>\n\n> This is the mail system at host mx.b.example.\n> I'm sorry to have to inform you that your message could not be delivered\n> host c.example said: 550 5.1.1 user unknown\n";
    assert_eq!(nature(quoted), Nature::Direct);
}

/// No word of a body decides, nor a subject alone, nor an author alone.
#[test]
fn one_sign_decides_nothing() {
    for message in [
        "From: a@b.example\nSubject: hello\n\nThis message was created automatically by mail delivery software. Auto-reply: I am out of the office. A virus was found. Your message awaits moderator approval. Please confirm your subscription.\n",
        "From: a@b.example\nSubject: Undelivered Mail Returned to Sender\n\nBuy now!\n",
        "From: a@b.example\nSubject: Virus found in your mail\n\nBuy now!\n",
        "From: a@b.example\nSubject: Your message to us awaits moderator approval\n\nBuy now!\n",
        "From: a@b.example\nSubject: Please confirm your subscription\n\nBuy now!\n",
        "From: a@b.example\nSubject: Out of this world\n\nI am out of the office.\n",
        "From: Mail Delivery System <a@b.example>\nSubject: Undelivered Mail Returned to Sender\n\nBuy now!\n",
        "From: MAILER-DAEMON@b.example\nSubject: pills\n\nBuy now!\n",
        "From: postmaster@b.example\nSubject: maintenance on Sunday\n\nThe mail server will be down.\n",
        "From: a@b.example\nSubject: pills\nAuto-Submitted: no\n\nBuy now!\n",
        "From: a@b.example\nSubject: pills\nAuto-Submitted: auto-generated\n\nBuy now!\n",
        "From: a@b.example\nSubject: pills\nPrecedence: bulk\nList-Id: <x.b.example>\n\nBuy now!\n",
    ] {
        assert_eq!(nature(message), Nature::Direct, "{message}");
    }
}

#[test]
fn the_null_sender_is_a_notifications() {
    let plain = "Subject: hello\n\nhello\n";
    assert_eq!(read(plain, Some("")).nature, Nature::Bounce);
    assert_eq!(read(plain, Some("a@b.example")).nature, Nature::Direct);
    assert_eq!(read("Return-Path: <>\nSubject: hello\n\nhello\n", None).nature, Nature::Bounce);
    // An envelope is better than a field, and a body is no header.
    assert_eq!(read("Return-Path: <>\nSubject: hello\n\nhello\n", Some("a@b.example")).nature, Nature::Direct);
    assert_eq!(read("Subject: hello\n\nReturn-Path: <>\n", None).nature, Nature::Direct);
    // What answers by the null sender is an answer.
    let answer = "From: Anna <anna@a.example>\nSubject: Re: hello\nIn-Reply-To: <1@b.example>\nPrecedence: bulk\n\nBack on Monday.\n";
    assert_eq!(read(answer, Some("")).nature, Nature::AutoReply);
}

#[test]
fn bounces_of_all_ages() {
    for (message, reason, returned) in [
        (
            "From: MAILER-DAEMON@a.example\nSubject: failure notice\n\nHi. This is the qmail-send program at a.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\n\n<b@a.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <c@d.example>\nReceived: from x (192.0.2.1) by a.example with SMTP; 1 Jan 2024 00:00:00 -0000\nFrom: c@d.example\nSubject: hi\n\nhi\n",
            Reason::UserUnknown,
            Returned::Message,
        ),
        (
            "From: Mail Delivery System <Mailer-Daemon@a.example>\nSubject: Warning: message 1 delayed 24 hours\n\nThis message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its recipients\nafter more than 24 hours on the queue on a.example.\n",
            Reason::Expired,
            Returned::None,
        ),
        (
            "From: Postmaster <postmaster@a.example>\nSubject: Undeliverable: hi\n\nYour message did not reach some or all of the intended recipients.\nThe recipient's mailbox is full.\n\nFrom: c@d.example\nTo: b@a.example\nSubject: hi\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n",
            Reason::MailboxFull,
            Returned::Headers,
        ),
    ] {
        let found = read(message, Some("postmaster@a.example"));
        let bounce = found.bounce.unwrap_or_else(|| panic!("{found:?}"));
        assert_eq!((bounce.standard, bounce.reason, bounce.returned), (false, reason, returned), "{message}");
    }
}

/// RFC 3463 §3, and the reply codes of RFC 5321 §4.2.3 where there is no better.
#[test]
fn status_codes_state_reasons() {
    let bounce = |status: &str, diagnostic: &str| {
        let content = format!(
            "Reporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; b@a.example\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}\n"
        );
        let found = read(&report("delivery-status", "message/delivery-status", &content), Some(""));
        let bounce = found.bounce.unwrap();
        assert!(bounce.standard);
        bounce.reason
    };
    for (status, diagnostic, reason) in [
        ("5.1.1", "", Reason::UserUnknown),
        ("5.1.6", "", Reason::Vacated),
        ("5.1.8", "", Reason::Policy),
        ("5.2.1", "", Reason::MailboxUnavailable),
        ("5.2.2", "", Reason::MailboxFull),
        ("5.2.3", "", Reason::TooLarge),
        ("4.4.7", "", Reason::Expired),
        ("5.4.6", "", Reason::Network),
        ("5.6.1", "", Reason::ContentRejected),
        ("5.7.1", "", Reason::Policy),
        ("5.0.0", "", Reason::Unstated),
        ("2.0.0", "", Reason::Unstated),
        // Words tell better than codes, since many answer one code to everything.
        ("5.1.1", "550 5.1.1 mailbox is full", Reason::MailboxFull),
        ("5.7.1", "550 5.7.1 Relaying denied", Reason::RelayingDenied),
        ("5.0.0", "550 5.7.1 listed by Spamhaus", Reason::Policy),
        ("5.0.0", "552 too much", Reason::MailboxFull),
        ("5.0.0", "550 no", Reason::UserUnknown),
    ] {
        assert_eq!(bounce(status, diagnostic), reason, "{status} {diagnostic}");
    }
}

/// The five ways to reflect, told apart.
#[test]
fn causes() {
    let dsn = |remote: &str, status: &str| {
        let content = format!(
            "Reporting-MTA: dns; mx.a.example\n\nFinal-Recipient: rfc822; b@c.example\nAction: failed\nStatus: {status}\n{remote}"
        );
        read(&report("delivery-status", "message/delivery-status", &content), Some("")).cause
    };
    assert_eq!(dsn("", "5.1.1"), Some(Cause::UnavailableMailbox));
    assert_eq!(dsn("", "5.2.2"), Some(Cause::FullMailbox));
    assert_eq!(dsn("", "4.4.1"), Some(Cause::Relayed));
    assert_eq!(dsn("Remote-MTA: dns; store.a.example\n", "5.1.1"), Some(Cause::UnavailableMailbox));
    assert_eq!(dsn("Remote-MTA: dns; mx.c.example\n", "5.1.1"), Some(Cause::Relayed));
    let exim = "From: Mail Delivery System <Mailer-Daemon@a.example>\nSubject: Mail delivery failed: returning message to sender\n\nThis message was created automatically by mail delivery software.\n\n  b@c.example\n    host mx.c.example [192.0.2.1]\n    SMTP error from remote mail server after RCPT TO:<b@c.example>: 550 unknown user\n";
    assert_eq!(read(exim, Some("")).cause, Some(Cause::Relayed));
    let vacation = "From: Anna <anna@a.example>\nSubject: away\nAuto-Submitted: auto-replied\n\nBack on Monday.\n";
    assert_eq!(read(vacation, None).cause, Some(Cause::AutoResponder));
    let held = "From: list-owner@a.example\nSubject: Your message to list awaits moderator approval\nX-List-Administrivia: yes\n\nheld\n";
    assert_eq!(read(held, None).cause, Some(Cause::ListServer));
    assert_eq!(read("Subject: pills\n\nbuy\n", None).cause, None);
    for cause in Cause::ALL {
        assert_eq!(Cause::parse(cause.name()), Some(cause));
        assert!(
            cause.paragraph().contains("forged") && cause.mends().iter().all(|(_, what)| what.len() > 40),
            "{cause:?}"
        );
    }
}

/// A returned message in base64, in a broken multipart or behind the limit costs nothing and frames nobody by accident.
#[test]
fn broken_mime_is_read_as_far_as_it_goes() {
    let head = "From: MAILER-DAEMON@a.example\nSubject: failure notice\n";
    let encoded = "UmVjZWl2ZWQ6IGZyb20geCAoMTkyLjAuMi4xKQpGcm9tOiBhClN1YmplY3Q6IGIKCmhpCg==";
    let message = format!(
        "{head}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nnot delivered\n--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{encoded}\n--b--\n"
    );
    let returned = read(&message, Some("")).returned.unwrap();
    assert_eq!((returned.header.starts_with(b"Received: from x (192.0.2.1)"), returned.with_body), (true, true));
    for message in [
        format!("{head}Content-Type: multipart/mixed\n\nno boundary\n"),
        format!("{head}Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n--\n"),
        format!("{head}Content-Type: multipart/report; boundary=b; report-type=delivery-status\n\n--c\n\nother\n"),
        format!("{head}Content-Type: message/rfc822\n\n"),
        format!("{head}Content-Type: ;;;\nContent-Transfer-Encoding: base64\n\n!!!\n"),
        format!("{head}\n{}", "x".repeat(READ_LIMIT * 2)),
    ] {
        assert_eq!(read(&message, Some("")).nature, Nature::Bounce);
    }
}
