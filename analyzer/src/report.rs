//! An abuse report (RFC 5965): the message that it brings, judged as the reporter's relays took it.
//!
//! Enters: a sample that should be a report, the topology that proves where it came from, and the [`Reporter`]. Leaves: the
//! verdict on the reported message, with its bytes. Anybody can mail a report with forged lines in it, so the report itself
//! must have come from the reporter's networks by the lines of our own relays; and whoever sent the reported message wrote
//! most of the report, so its parts are read in one way or in none. What the report says of the message (Source-IP,
//! Arrival-Date, Original-Mail-From and the rest) is believed in nothing (RFC 5965 §3). The reporter is never blamed.
//!
//! The structure is read here and not by a mail reader, which means to make something of everything: a sender who
//! guesses the reporter's MIME boundary can end the part that holds his message and begin another, with forged lines.
//! Refused is whatever has another line that begins as a boundary does than the four that three parts need.

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::nature::Nature;
use crate::sample::{Header, HeaderEnd, Sample};
use crate::topology::Topology;
use crate::trust::Reason;
use crate::verdict::{ProofLine, ReportedBy, Verdict, judge};

/// The kinds of feedback that speak against whoever sent the message (RFC 5965 §7.3). `not-spam` (RFC 6430) says the
/// contrary, `auth-failure` (RFC 6591) and `other` something else.
const ABUSE: [&str; 3] = ["abuse", "fraud", "virus"];

/// The longest boundary (RFC 2046 §5.1.1), in octets.
const BOUNDARY_LIMIT: usize = 70;

/// Who reports, and what relays took the mail that he reports.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// Where his reports come from, as our own relays see it.
    pub networks: Vec<IpNet>,
    /// His relays at the top, beside those that everybody knows. Its boundary is by headers.
    pub topology: Topology,
}

/// A sample that was judged, with the message that it stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged<'a> {
    /// The verdict on that message.
    pub verdict: Verdict,
    /// Its bytes; none where a report proves no reporter, or brings not exactly one message.
    pub message: Option<Cow<'a, [u8]>>,
}

/// Judges an abuse report: itself under `topology`, and what it brings under the reporter's.
pub fn judge_report<'a>(sample: &Sample<'a>, topology: &Topology, reporter: &Reporter) -> Judged<'a> {
    let report = judge(sample, topology);
    let Ok(origin) = report.origin else { return refused(report, None) };
    let is_his = |address: &IpAddr| reporter.networks.iter().any(|network| network.contains(address));
    if !is_his(&origin) {
        return refused(report, Some(Reason::NotTheReporter));
    }
    let Some(Reported { message, raw }) = Reported::read(sample.message) else {
        return refused(report, Some(Reason::NoMessage));
    };
    let judged = |message: &[u8]| judge(&Sample { message, envelope: None, observed_peer: None }, &reporter.topology);
    let mut verdict = judged(&message);
    let otherwise = raw.map(judged).filter(|raw| (raw.origin, &raw.proof) != (verdict.origin, &verdict.proof));
    // A report about a report would be the reporter's own mail, or somebody's who dresses it so (RFC 6650 §6).
    if otherwise.is_some() || verdict.nature() == Nature::AbuseReport || is_report(&message) {
        return refused(report, Some(Reason::NoMessage));
    }
    // Handed on inside, by a host that is not declared to be his relay.
    if verdict.origin.is_ok_and(|origin| is_his(&origin)) {
        verdict.origin = Err(Reason::LocalOrigin);
        verdict.boundary = None;
    }
    let lines = report.proof.into_iter().map(|line| ProofLine { of_report: true, ..line });
    verdict.proof = lines.chain(verdict.proof).collect();
    verdict.reported_by = Some(ReportedBy { origin: report.origin, path: report.path });
    Judged { verdict, message: Some(message) }
}

/// The verdict on a report that proves nothing: for its own reason, or for another.
fn refused(report: Verdict, reason: Option<Reason>) -> Judged<'static> {
    let own = report.origin.err().unwrap_or(Reason::NoMessage);
    let proof = report.proof.into_iter().map(|line| ProofLine { of_report: true, ..line }).collect();
    let verdict = Verdict {
        proof,
        cause: report.cause,
        reported_by: Some(ReportedBy { origin: report.origin, path: report.path }),
        ..Verdict::without_origin(reason.unwrap_or(own))
    };
    Judged { verdict, message: None }
}

/// Whether a message says that it is a report itself, however it is written.
fn is_report(message: &[u8]) -> bool {
    let says = |value: &[u8]| value.to_ascii_lowercase().windows(15).any(|word| word == b"feedback-report");
    Header::read(message).is_ok_and(|header| header.all("Content-Type").any(|field| says(&field.unfolded())))
}

/// The one message that a report brings.
struct Reported<'a> {
    /// It, without its transfer encoding.
    message: Cow<'a, [u8]>,
    /// It as it stands, where that is a message as well: the two must prove the same.
    raw: Option<&'a [u8]>,
}

impl<'a> Reported<'a> {
    /// Reads a report (RFC 5965 §2); none if it is none, brings no message, or could be read in another way.
    fn read(report: &'a [u8]) -> Option<Self> {
        let header = Header::read(report).ok()?;
        let fields = &report[..report.len() - header.body.len()];
        if header.end == HeaderEnd::Malformed || has_bare_cr(fields) || header.all("MIME-Version").count() != 1 {
            return None;
        }
        let media = Media::of(&header)?;
        let of_feedback = media.parameter("report-type")?.eq_ignore_ascii_case("feedback-report");
        if !media.is("multipart/report") || !of_feedback || Encoding::of(&header)? != Encoding::Identity {
            return None;
        }
        let [text, feedback, message] = parts(header.body, media.parameter("boundary")?)?;
        let (text, feedback, message) = (part(text)?, part(feedback)?, part(message)?);
        let is_text = text.all("Content-Type").next().is_none()
            || Media::of(&text).is_some_and(|media| media.name.starts_with("text/"));
        (is_text && is_abuse(&feedback)).then_some(())?;
        let media = Media::of(&message)?;
        (media.is("message/rfc822") || media.is("text/rfc822-headers")).then_some(())?;
        let body = message.body;
        let (message, raw) = match Encoding::of(&message)? {
            Encoding::Identity => (Cow::Borrowed(body), None),
            // RFC 2046 §5.2.1 forbids both on a message. No header field is written in the letters of base64 alone, but
            // what is called quoted-printable may be the bare message.
            Encoding::Base64 => (Cow::Owned(from_base64(body)?), None),
            Encoding::QuotedPrintable => (Cow::Owned(from_quoted_printable(body)?), Some(body)),
        };
        (!message.trim_ascii().is_empty()).then_some(Self { message, raw })
    }
}

/// Whether a part is that of a report about abuse (RFC 5965 §3).
fn is_abuse(part: &Header<'_>) -> bool {
    let is_feedback = Media::of(part).is_some_and(|media| media.is("message/feedback-report"));
    let Ok(report) = Header::read(part.body) else { return false };
    let mut kinds = report.all("Feedback-Type");
    let (first, second) = (kinds.next(), kinds.next());
    let kind = |value: &[u8]| ABUSE.iter().any(|kind| value.trim_ascii().eq_ignore_ascii_case(kind.as_bytes()));
    is_feedback
        && Encoding::of(part) == Some(Encoding::Identity)
        && !has_bare_cr(part.body)
        && second.is_none()
        && first.is_some_and(|field| kind(&field.unfolded()))
}

/// The three parts of a body (RFC 2046 §5.1.1); none if any line but their delimiters begins as one does, by whatever ends
/// lines for somebody.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<[&'a [u8]; 3]> {
    let delimiter = format!("--{boundary}");
    let begins_line = |at: &usize| *at == 0 || matches!(body[at - 1], b'\n' | b'\r');
    let mut marks = memchr::memmem::find_iter(body, delimiter.as_bytes()).filter(begins_line);
    let mut next = || -> Option<(usize, &'a [u8], usize)> {
        let at = marks.next()?;
        let before = match at.checked_sub(1).map(|before| body[before]) {
            Some(b'\r') => return None,
            Some(_) if body[..at].ends_with(b"\r\n") => at - 2,
            Some(_) => at - 1,
            None => at,
        };
        let rest = &body[at + delimiter.len()..];
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest[..end].strip_suffix(b"\n").unwrap_or(&rest[..end]);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some((before, line, at + delimiter.len() + end))
    };
    let [first, second, third, last] = [next()?, next()?, next()?, next()?];
    let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    let opens = [first, second, third].iter().all(|(_, line, _)| is_blank(line));
    let closes = last.1.strip_prefix(b"--").is_some_and(is_blank);
    (opens && closes && marks.next().is_none()).then_some(())?;
    Some([body.get(first.2..second.0)?, body.get(second.2..third.0)?, body.get(third.2..last.0)?])
}

/// A part's own header and body; none if the one cannot be told from the other.
fn part(bytes: &[u8]) -> Option<Header<'_>> {
    if let Some(body) = bytes.strip_prefix(b"\n").or_else(|| bytes.strip_prefix(b"\r\n")) {
        return Some(Header { fields: Vec::new(), end: HeaderEnd::Regular, body });
    }
    // What the reading of a whole message forgives at its top has no place here.
    if bytes.starts_with(b"From ") || bytes.first().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let header = Header::read(bytes).ok()?;
    let fields = &bytes[..bytes.len() - header.body.len()];
    (header.end == HeaderEnd::Regular && !has_bare_cr(fields)).then_some(header)
}

/// Whether a CR stands anywhere but before an LF.
fn has_bare_cr(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', bytes).any(|at| bytes.get(at + 1) != Some(&b'\n'))
}

/// A Content-Type (RFC 2045 §5.1), without comments, escapes or parameters in pieces (RFC 2231), which readers read
/// differently.
struct Media {
    name: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    /// That of a header block; none if it has not exactly one that is written so.
    fn of(header: &Header<'_>) -> Option<Self> {
        let mut fields = header.all("Content-Type");
        let field = fields.next().filter(|_| fields.next().is_none())?;
        let value = field.unfolded();
        Self::read(std::str::from_utf8(&value).ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token);
        let (name, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let name = name.trim().to_ascii_lowercase();
        let (kind, subkind) = name.split_once('/')?;
        (is_token(kind) && is_token(subkind)).then_some(())?;
        let mut parameters: Vec<(String, String)> = Vec::new();
        while !rest.trim().is_empty() {
            let (attribute, after) = rest.split_once('=')?;
            let attribute = attribute.trim().to_ascii_lowercase();
            let (value, after) = match after.trim_start().strip_prefix('"') {
                Some(quoted) => {
                    let (value, after) = quoted.split_once('"')?;
                    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\');
                    is_plain.then_some((value, after.trim_start()))?
                }
                None => {
                    let (value, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                    is_token(value.trim()).then_some((value.trim(), after))?
                }
            };
            let is_known = parameters.iter().any(|(known, _)| *known == attribute);
            (is_token(&attribute) && !attribute.contains('*') && !is_known).then_some(())?;
            parameters.push((attribute, value.to_owned()));
            rest = if after.is_empty() { after } else { after.strip_prefix(';')? };
        }
        let media = Self { name, parameters };
        media.parameter("boundary").is_none_or(is_boundary).then_some(media)
    }

    fn is(&self, name: &str) -> bool {
        self.name == name
    }

    fn parameter(&self, attribute: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == attribute).map(|(_, value)| value.as_str())
    }
}

/// A character of a token (RFC 2045 §5.1).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&byte)
}

/// Whether a text may be a boundary (RFC 2046 §5.1.1).
fn is_boundary(text: &str) -> bool {
    (1..=BOUNDARY_LIMIT).contains(&text.len())
        && !text.ends_with(' ')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte))
}

/// A transfer encoding (RFC 2045 §6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Encoding {
    Identity,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// That of a header block; none if it is unknown or stands twice.
    fn of(header: &Header<'_>) -> Option<Self> {
        let mut fields = header.all("Content-Transfer-Encoding");
        let Some(field) = fields.next() else { return Some(Self::Identity) };
        fields.next().is_none().then_some(())?;
        match field.unfolded().trim_ascii().to_ascii_lowercase().as_slice() {
            b"7bit" | b"8bit" | b"binary" => Some(Self::Identity),
            b"base64" => Some(Self::Base64),
            b"quoted-printable" => Some(Self::QuotedPrintable),
            _ => None,
        }
    }
}

/// What base64 stands for (RFC 4648 §4); none if there is anything but its letters and line ends.
fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let letters: Vec<u8> = text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = letters.iter().rev().take_while(|letter| **letter == b'=').count();
    (padding <= 2 && letters.len().is_multiple_of(4)).then_some(())?;
    let mut bytes = Vec::with_capacity(letters.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for letter in &letters[..letters.len() - padding] {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

/// What quoted-printable stands for (RFC 2045 §6.7); none if an escape is none.
fn from_quoted_printable(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(escape) = memchr::memchr(b'=', rest) {
        bytes.extend_from_slice(&rest[..escape]);
        rest = &rest[escape + 1..];
        if let Some(after) = rest.strip_prefix(b"\n").or_else(|| rest.strip_prefix(b"\r\n")) {
            rest = after;
            continue;
        }
        let digit = |at: usize| char::from(*rest.get(at)?).to_digit(16);
        bytes.push(u8::try_from(digit(0)? << 4 | digit(1)?).ok()?);
        rest = &rest[2..];
    }
    bytes.extend_from_slice(rest);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::received::Dialect;
    use crate::topology::{Boundary, HostPattern, Relay};
    use proptest::prelude::*;

    const SPAMMER: &str = "26.1.2.3";
    const VICTIM: &str = "83.70.211.36";
    const FROM_REPORTER: &str = "45.0.0.5";

    fn relay(name: &str, host: &str, network: &str) -> Relay {
        Relay {
            name: name.into(),
            hosts: vec![HostPattern::new(host)],
            networks: vec![network.parse().unwrap()],
            dialect: Some(Dialect::Postfix),
            handovers: Vec::new(),
        }
    }

    fn ours() -> Topology {
        Topology::new(vec![relay("mx1", "mx1.example.net", "10.9.0.10/32")], Boundary::Headers)
    }

    fn reporter() -> Reporter {
        let relays = vec![ours().relays.remove(0), relay("isp-mx", "mx.isp.example", "45.1.0.10/32")];
        let topology = Topology { relays, top: vec![1], boundary: Boundary::Headers };
        Reporter { networks: vec!["45.0.0.0/28".parse().unwrap()], topology }
    }

    /// A line as this Postfix writes it.
    fn line(by: &str, peer: &str) -> String {
        format!(
            "Received: from mail.sender.example (unknown [{peer}])\n\tby {by} (Postfix) with ESMTP id 0123456789\n\
             \tfor <x@example.net>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\n"
        )
    }

    /// Spam as the reporter's relay took it, with forged lines of it below.
    fn spam() -> String {
        line("mx.isp.example", SPAMMER) + &line("mx.isp.example", VICTIM) + "Subject: buy\n\nbuy\n"
    }

    fn feedback(kind: &str) -> String {
        format!(
            "Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: x/1\nVersion: 1\n\
             Source-IP: {VICTIM}\nOriginal-Mail-From: <x@victim.example>\nArrival-Date: Mon, 23 Nov 2026 22:02:47 +0000\n"
        )
    }

    fn of_parts(parts: &[&str]) -> String {
        let parts: String = parts.iter().map(|part| format!("--B1\n{part}\n")).collect();
        format!(
            "From: <fbl@isp.example>\nSubject: FW: buy\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=feedback-report;\n\tboundary=\"B1\"\n\n{parts}--B1--\n"
        )
    }

    const TEXT: &str = "Content-Type: text/plain; charset=\"us-ascii\"\n\nA user reported this.\n";

    /// A report of `message`, as we got it from `peer`.
    fn report_from(peer: &str, message: &str) -> String {
        line("mx1.example.net", peer)
            + &of_parts(&[TEXT, &feedback("abuse"), &format!("Content-Type: message/rfc822\n\n{message}")])
    }

    fn judged(report: &str) -> Judged<'_> {
        let sample = Sample { message: report.as_bytes(), envelope: None, observed_peer: None };
        judge_report(&sample, &ours(), &reporter())
    }

    fn origin(report: &str) -> Result<IpAddr, Reason> {
        judged(report).verdict.origin
    }

    fn spammer() -> IpAddr {
        SPAMMER.parse().unwrap()
    }

    /// Whatever is done to a report, nobody is blamed but who sent the message, or nobody.
    fn assert_refused(report: &str) {
        let judged = judged(report);
        assert_eq!(judged.verdict.origin, Err(Reason::NoMessage), "{report}");
        assert_eq!(judged.message, None, "{report}");
    }

    #[test]
    fn the_reported_message_is_judged_as_the_reporter_took_it() {
        for report in [report_from(FROM_REPORTER, &spam()), report_from(FROM_REPORTER, &spam()).replace('\n', "\r\n")] {
            let Judged { verdict, message } = judged(&report);
            assert_eq!(verdict.origin, Ok(spammer()));
            assert_eq!((verdict.boundary.as_deref(), verdict.path.len()), (Some("isp-mx"), 1));
            assert_eq!(verdict.nature(), Nature::Direct);
            assert_eq!(verdict.framed, [VICTIM, "mail.sender.example"]);
            let message = String::from_utf8(message.unwrap().into_owned()).unwrap().replace("\r\n", "\n");
            assert_eq!(message, spam());
            let reported_by = verdict.reported_by.unwrap();
            assert_eq!((reported_by.origin, reported_by.path.len()), (Ok(FROM_REPORTER.parse().unwrap()), 1));
            // Both lines that prove it are kept, and are read today as they were.
            assert_eq!(verdict.proof.iter().map(|line| line.of_report).collect::<Vec<_>>(), [true, false]);
            assert!(verdict.proof.iter().all(|line| line.replay().as_ref() == Some(&line.read)));
        }
    }

    /// Anybody can mail a report that brings forged lines of the reporter's relays.
    #[test]
    fn a_report_from_elsewhere_proves_nothing() {
        let forged = line("mx.isp.example", VICTIM) + "\nspam\n";
        assert_eq!(origin(&report_from(SPAMMER, &forged)), Err(Reason::NotTheReporter));
        assert_eq!(judged(&report_from(SPAMMER, &forged)).message, None);
        // Nor one below whose first line he wrote one of our relay's as if from the reporter.
        let below = line("mx1.example.net", SPAMMER) + &report_from(FROM_REPORTER, &forged);
        assert_eq!(origin(&below), Err(Reason::NotTheReporter));
        // Without a line of ours it has its own reason; from the reporter's relays it does not come.
        assert_eq!(origin(&of_parts(&[TEXT])), Err(Reason::NoReceived));
        assert_eq!(origin(&report_from("45.1.0.10", &forged)), Err(Reason::NotTheReporter));
        assert_eq!(origin(&report_from("10.9.0.10", &forged)), Err(Reason::LocalOrigin));
        // What the channel saw decides where a channel does.
        let channel = Topology { boundary: Boundary::Channel, ..ours() };
        let by_channel = |peer: &str| {
            let message = report_from(FROM_REPORTER, &spam());
            let sample =
                Sample { message: message.as_bytes(), envelope: None, observed_peer: Some(peer.parse().unwrap()) };
            judge_report(&sample, &channel, &reporter()).verdict.origin
        };
        assert_eq!(by_channel(SPAMMER), Err(Reason::NotTheReporter));
        assert_eq!(by_channel(FROM_REPORTER), Ok(spammer()));
    }

    /// The reporter is blamed neither for his report nor for what he handed on inside.
    #[test]
    fn the_reporter_is_never_blamed() {
        let plain = line("mx1.example.net", FROM_REPORTER) + "Subject: hello\n\nno report\n";
        assert_refused(&plain);
        let inside = line("mx.isp.example", "45.0.0.9") + "\nspam\n";
        let verdict = judged(&report_from(FROM_REPORTER, &inside)).verdict;
        assert_eq!((verdict.origin, verdict.boundary), (Err(Reason::LocalOrigin), None));
        // A message whose top line is not the reporter's relay's has no origin, whoever the report says sent it.
        let other = line("mx.other.example", VICTIM) + "\nspam\n";
        assert_eq!(origin(&report_from(FROM_REPORTER, &other)), Err(Reason::TopLineNotOurs));
        assert_eq!(origin(&report_from(FROM_REPORTER, "Subject: x\n\nx\n")), Err(Reason::NoReceived));
        assert_eq!(origin(&report_from(FROM_REPORTER, &("X\n\n".to_owned() + &spam()))), Err(Reason::MalformedHeader));
    }

    /// The sender guesses the boundary, ends the part that holds his message, and begins one with forged lines.
    #[test]
    fn a_message_that_holds_the_boundary_is_refused() {
        let forged = format!("Content-Type: message/rfc822\n\n{}\nspam\n", line("mx.isp.example", VICTIM));
        let feedback = feedback("abuse");
        for inserted in [
            format!("--B1\n{forged}"),
            format!("--B1--\n\n--B1\n{forged}"),
            format!("--B1--\n{forged}"),
            format!("--B1  \n{forged}"),
            format!("--B1\r\n{forged}"),
            format!("\r--B1\r{forged}"),
            format!("\r--B1\n{forged}"),
            format!("x\r--B1--\n{forged}"),
            format!("--B1\n{TEXT}--B1\n{feedback}--B1\n{forged}--B1--\n"),
            "--B1x\n".to_owned(),
            "--B1--x\n".to_owned(),
        ] {
            // In the body, in the header below the relay's line, and as the very first thing of the body.
            let top = line("mx.isp.example", SPAMMER);
            for message in [
                format!("{top}Subject: x\n\nbuy\n{inserted}"),
                format!("{top}{inserted}Subject: x\n\nbuy\n"),
                format!("{top}\n{inserted}"),
            ] {
                assert_refused(&report_from(FROM_REPORTER, &message));
                assert_refused(&report_from(FROM_REPORTER, &message).replace("\r\n", "\n").replace('\n', "\r\n"));
            }
            // What he wrote may stand in other parts as well, and before or behind them.
            let message = format!("Content-Type: message/rfc822\n\n{}", spam());
            let wrapped = |text: &str, feedback: &str| {
                line("mx1.example.net", FROM_REPORTER) + &of_parts(&[text, feedback, &message])
            };
            assert_refused(&wrapped(&format!("{TEXT}{inserted}"), &feedback));
            assert_refused(&wrapped(TEXT, &format!("{feedback}{inserted}")));
            assert_refused(&(wrapped(TEXT, &feedback) + &inserted));
            let before = format!("\n\n{inserted}\n--B1\nContent-Type: text");
            assert_refused(&wrapped(TEXT, &feedback).replacen("\n\n--B1\nContent-Type: text", &before, 1));
        }
    }

    #[test]
    fn exactly_one_message_is_reported() {
        let message = format!("Content-Type: message/rfc822\n\n{}", spam());
        let abuse = feedback("abuse");
        let whole = |parts: &[&str]| line("mx1.example.net", FROM_REPORTER) + &of_parts(parts);
        assert_eq!(origin(&whole(&[TEXT, &abuse, &message])), Ok(spammer()));
        assert_eq!(origin(&whole(&["\nno header\n", &abuse, &message])), Ok(spammer()));
        let headers = message.replace("message/rfc822", "text/rfc822-headers");
        assert_eq!(origin(&whole(&[TEXT, &abuse, &headers])), Ok(spammer()));
        for parts in [
            vec![TEXT, &abuse],
            vec![TEXT, &message, &abuse],
            vec![TEXT, &abuse, &message, &message],
            vec![&message, &abuse, &message],
            vec![TEXT, &abuse, TEXT],
            vec![&abuse, &message],
            vec![TEXT, &abuse, "Content-Type: message/rfc822\n\n\n"],
            vec![TEXT, &abuse, "Content-Type: message/rfc822\n"],
            vec![TEXT, &abuse, ""],
            vec!["Content-Type: multipart/alternative; boundary=(x)y\n\nx\n", &abuse, &message],
        ] {
            assert_refused(&whole(&parts));
        }
        // What is no report of abuse: the contrary, or something else, or two things at once.
        for kind in ["not-spam", "auth-failure", "other", "", "abuse\nFeedback-Type: not-spam", "abuse\rX: y"] {
            assert_refused(&whole(&[TEXT, &feedback(kind), &message]));
        }
        assert_eq!(origin(&whole(&[TEXT, &feedback("FRAUD "), &message])), Ok(spammer()));
        // A report about a report (RFC 6650 section 6).
        let nested = line("mx.isp.example", SPAMMER) + &of_parts(&[TEXT, &abuse, &message]).replace("B1", "B2");
        assert_refused(&whole(&[TEXT, &abuse, &format!("Content-Type: message/rfc822\n\n{nested}")]));
        // Two headers to choose from, and what readers read differently.
        let good = whole(&[TEXT, &abuse, &message]);
        for (old, new) in [
            ("report-type=feedback-report", "report-type=delivery-status"),
            ("multipart/report", "multipart/mixed"),
            ("MIME-Version: 1.0\n", ""),
            ("MIME-Version: 1.0\n", "MIME-Version: 1.0\nContent-Type: text/plain\n"),
            ("MIME-Version: 1.0\n", "MIME-Version: 1.0\nContent-type : multipart/mixed; boundary=B2\n"),
            ("MIME-Version: 1.0\n", "MIME-Version: 1.0\nX: y\rContent-Type: text/plain\n"),
            ("MIME-Version: 1.0\n", "MIME-Version: 1.0\nContent-Transfer-Encoding: base64\n"),
            ("boundary=\"B1\"", "boundary=\"B1\"; boundary=\"B2\""),
            ("boundary=\"B1\"", "boundary*0=B; boundary*1=1"),
            ("boundary=\"B1\"", "boundary=\"B\\1\""),
            ("boundary=\"B1\"", "boundary=B1 (a comment)"),
            ("boundary=\"B1\"", "boundary=\"\""),
            ("boundary=\"B1\"", "boundary=B2"),
            ("boundary=\"B1\"", "x=y"),
            ("Content-Type: message/rfc822", "Content-Type: message/rfc822\nContent-Type: text/plain"),
            ("Content-Type: message/rfc822", "X: y\rContent-Type: text/plain\nContent-Type: message/rfc822"),
            ("Content-Type: message/rfc822", "Content-Type: message/rfc822\nContent-Transfer-Encoding: x-gzip"),
            ("Content-Type: message/rfc822", "From x\nContent-Type: message/rfc822"),
            ("Content-Type: message/rfc822", " \nContent-Type: message/rfc822"),
            ("--B1--\n", ""),
        ] {
            assert_refused(&good.replacen(old, new, 1));
        }
        for (old, new) in [
            ("boundary=\"B1\"", "boundary=B1"),
            ("boundary=\"B1\"", "Boundary = \"B1\" ; charset=utf-8;"),
            ("--B1\n", "--B1 \t\n"),
            ("--B1--\n", "--B1--"),
        ] {
            assert_eq!(origin(&good.replace(old, new)), Ok(spammer()), "{new}");
        }
    }

    /// The example of RFC 5965 appendix B.1, as our relay took it from the provider; and that of B.2 has the same three parts.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let report = line("mx1.example.net", FROM_REPORTER)
            + "From: <abusedesk@example.com>\nDate: Thu, 8 Mar 2005 17:40:36 EDT\nSubject: FW: Earn money\n\
               To: <abuse@example.net>\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report;\n     \
               boundary=\"part1_13d.2e68ed54_boundary\"\n\n--part1_13d.2e68ed54_boundary\n\
               Content-Type: text/plain; charset=\"US-ASCII\"\nContent-Transfer-Encoding: 7bit\n\n\
               This is an email abuse report for an email message received from IP\n\
               192.0.2.1 on Thu, 8 Mar 2005 14:00:00 EDT.  For more information\n\
               about this format please see http://www.mipassoc.org/arf/.\n\n--part1_13d.2e68ed54_boundary\n\
               Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: SomeGenerator/1.0\n\
               Version: 1\n\n--part1_13d.2e68ed54_boundary\nContent-Type: message/rfc822\n\
               Content-Disposition: inline\n\nReceived: from mailserver.example.net (mailserver.example.net\n        \
               [192.0.2.1])\n        by example.com with ESMTP id M63d4137594e46;\n        \
               Thu, 08 Mar 2005 14:00:00 -0400\nFrom: <somespammer@example.net>\nTo: <Undisclosed Recipients>\n\
               Subject: Earn money\nMIME-Version: 1.0\nContent-type: text/plain\n\
               Message-ID: 8787KJKJ3K4J3K4J3K4J3.mail@example.net\nDate: Thu, 02 Sep 2004 12:31:03 -0500\n\n\
               Spam Spam Spam\nSpam Spam Spam\n--part1_13d.2e68ed54_boundary--\n";
        let mut reporter = reporter();
        reporter.topology.relays[1].hosts = vec![HostPattern::new("example.com")];
        reporter.topology.relays[1].dialect = Some(Dialect::General);
        let sample = Sample { message: report.as_bytes(), envelope: None, observed_peer: None };
        let judged = judge_report(&sample, &ours(), &reporter);
        assert_eq!(judged.verdict.origin, Ok("192.0.2.1".parse().unwrap()));
        assert!(judged.message.unwrap().ends_with(b"\nSpam Spam Spam"));
    }

    /// RFC 2046 section 5.2.1 forbids encoded messages; one is taken where only one reading of it proves anything.
    #[test]
    fn encoded_messages_have_one_reading_or_none() {
        let encoded = |encoding: &str, body: &str| {
            let message = format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}\n\n{body}");
            line("mx1.example.net", FROM_REPORTER) + &of_parts(&[TEXT, &feedback("abuse"), &message])
        };
        for identity in ["7bit", "8BIT", "binary"] {
            assert_eq!(origin(&encoded(identity, &spam())), Ok(spammer()));
        }
        // `echo -n` of a short message, in base64 with a line end within.
        let base64 = "UmVjZWl2ZWQ6IGZyb20gYSAodW5rbm93biBbMjYuMS4yLjNdKQoJYnkgbXguaXNwLmV4YW1wbGUg\n\
                      KFBvc3RmaXgpIHdpdGggRVNNVFAgaWQgMDEyMzQ1Njc4OQoJZm9yIDx4QGV4YW1wbGUubmV0Pjsg\n\
                      TW9uLCAyMyBOb3YgMjAyNiAyMjowMjo0NyArMDAwMCAoVVRDKQoKYnV5Cg==\n";
        assert_eq!(origin(&encoded("base64", base64)), Ok(spammer()));
        assert!(judged(&encoded("base64", base64)).message.unwrap().ends_with(b"\n\nbuy\n"));
        assert_refused(&encoded("base64", &spam()));
        assert_refused(&encoded("base64", "UmVj ZWl2\n"));
        assert_refused(&encoded("base64", "UmVjZ\n"));
        // Quoted-printable that changes nothing above the sender's words.
        assert_eq!(origin(&encoded("quoted-printable", &(spam() + "a=3Db=\nc\n"))), Ok(spammer()));
        // In the name that a client gives himself an escape would make another line of the relay's.
        let escaped = format!("x (unknown [{VICTIM}])=0A=09by mx.isp.example (Postfix) with ESMTP id 0123456789=0A");
        let named = spam().replacen("mail.sender.example", &escaped, 1);
        let raw = spam().replacen("[26", "[8=33.70.211.36]) [26", 1);
        let soft = spam().replacen("[26.1.2.3]", "[26.1.2.=\n3]", 1);
        for bare in [named, raw, soft] {
            assert!(origin(&encoded("quoted-printable", &bare)).is_err(), "{bare}");
        }
        assert_refused(&encoded("quoted-printable", &(spam() + "a=zz\n")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        /// G1: whatever the sender writes below the relay's line, nobody else is blamed.
        #[test]
        fn no_words_of_the_sender_blame_another(
            words in prop::collection::vec(prop::sample::select(vec![
                "--B1", "--B1--", "\n", "\r", "\r\n", " ", "Content-Type: message/rfc822", "Content-Type: text/plain",
                "Received: from x (unknown [83.70.211.36])\n\tby mx.isp.example (Postfix) with ESMTP id 1;\n\tMon, 23 Nov 2026 22:02:47 +0000 (UTC)\n",
                "Feedback-Type: abuse", "message/feedback-report", "Subject: x\n", "=\n", "=3D", "\u{0}", "é",
            ]), 0..30),
            crlf in any::<bool>(),
        ) {
            let message = line("mx.isp.example", SPAMMER) + &words.concat();
            let report = report_from(FROM_REPORTER, &message);
            let report = if crlf { report.replace("\r\n", "\n").replace('\n', "\r\n") } else { report };
            if let Ok(origin) = origin(&report) {
                prop_assert_eq!(origin, spammer());
            }
        }
    }
}
