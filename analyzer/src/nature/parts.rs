//! The parts of a message that tell its nature: reports, the first text, the message that it returns.
//!
//! Enters: a message of which no more than [`READ_LIMIT`] octets are looked at. Leaves: [`Parts`]. The MIME structure is
//! mail-parser's; a message that makes it panic has no parts. What is inside a returned message is its own affair: a
//! report that somebody forwards is no report.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use mail_parser::decoders::html::html_to_text;
use mail_parser::{ContentType, Encoding, MessageParser, MessagePart, MimeHeaders, PartType};

use crate::sample::{Field, Header};

use super::families::{lower, refuses};

/// How much of a message is looked at for its nature, in octets (256 KiB): what tells it stands in front.
pub(super) const READ_LIMIT: usize = 256 << 10;

/// How much of the text is looked at, in octets.
const TEXT_LIMIT: usize = 16 << 10;

/// How much of an HTML part is searched for links, in octets.
const HTML_LIMIT: usize = 64 << 10;

/// How much of a returned message's header block is kept, in octets.
const RETURNED_LIMIT: usize = 64 << 10;

/// The most lines of the text at which a returned header block is looked for.
const LINES_LIMIT: usize = 2000;

/// How many lines of the text are tried as the beginning of a returned header block.
const BLOCKS_LIMIT: usize = 20;

/// The fields of which a header block without a part of its own must have [`CORE_FIELDS`].
const KNOWN_FIELDS: [&str; 9] =
    ["Received", "From", "To", "Subject", "Date", "Message-ID", "Return-Path", "MIME-Version", "Reply-To"];

/// How many different known fields make a header block.
const CORE_FIELDS: usize = 3;

/// What of the reflected message came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReturnedMessage {
    /// Its header block as it stood, cut at a limit.
    pub header: Vec<u8>,
    /// Whether some of its body came too.
    pub with_body: bool,
}

/// One group of fields of a delivery status part (RFC 3464 §2.1), names and values in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) action: String,
    pub(super) status: String,
    pub(super) diagnostic: String,
    /// The server that refused, if another did (RFC 3464 §2.3.5).
    pub(super) remote: String,
    /// The server that reports, as the group before the recipients' says (RFC 3464 §2.2.2).
    pub(super) reporting: String,
}

/// What the parts tell.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Whether there is a message/feedback-report part with its fields.
    pub(super) feedback: bool,
    /// Whether there is a message/disposition-notification part with its fields.
    pub(super) disposition: bool,
    /// The recipients' groups of the message/delivery-status part.
    pub(super) status: Vec<Status>,
    /// Such groups that stand in a text, where the parts of a report cannot be told apart.
    pub(super) status_in_text: Vec<Status>,
    /// The first texts, up to the returned message.
    pub(super) text: String,
    pub(super) returned: Option<ReturnedMessage>,
    /// Whether the text quotes a mail server's refusal.
    pub(super) refusal: bool,
    /// Whether a line of the text is nothing but an address, as that of a recipient who did not get the message.
    pub(super) names_recipient: bool,
    /// Whether the text holds a link with a token to confirm with.
    pub(super) token: bool,
}

static PARSER: LazyLock<MessageParser> =
    LazyLock::new(|| MessageParser::new().with_mime_headers().default_header_ignore());

impl Parts {
    /// Takes a message apart.
    pub(super) fn of(message: &[u8]) -> Self {
        let mut parts = Self::default();
        let read = &message[..message.len().min(READ_LIMIT)];
        let start =
            if read.starts_with(b"From ") { memchr::memchr(b'\n', read).map_or(read.len(), |end| end + 1) } else { 0 };
        let read = &read[start..];
        // mail-parser means never to panic; should it, the message has no parts that we know of.
        let parsed = catch_unwind(AssertUnwindSafe(|| PARSER.parse(read))).ok().flatten();
        if let Some(parsed) = &parsed {
            for part in &parsed.parts {
                parts.take(part, read);
            }
        }
        if parts.text.trim().is_empty()
            && let Some(parsed) = &parsed
        {
            let html = parsed.parts.iter().find_map(|part| match &part.body {
                PartType::Html(html) => Some(html),
                _ => None,
            });
            if let Some(html) = html {
                parts.add_text(&html_to_text(beginning(html, HTML_LIMIT)));
            }
        }
        parts.find_status_in_text();
        parts.find_returned_in_text();
        parts.names_recipient = parts.text.lines().take(LINES_LIMIT).any(is_recipient);
        parts.refusal = refuses(&lower(&parts.text));
        parts.token |= has_token_link(&parts.text);
        parts
    }

    fn take(&mut self, part: &MessagePart<'_>, read: &[u8]) {
        let kind = part.content_type().map(media_type).unwrap_or_default();
        match (&part.body, kind.as_str()) {
            (PartType::Message(nested), _) if self.returned.is_none() => {
                let whole = match part.encoding {
                    Encoding::None => read.get(part.offset_body as usize..part.offset_end as usize),
                    _ => Some(nested.raw_message()),
                };
                self.returned = whole.map(returned_of);
            }
            (PartType::Message(_), _) => {}
            (PartType::Text(text), "text/rfc822-headers" | "message/rfc822" | "message/rfc822-headers") => {
                self.returned.get_or_insert_with(|| returned_of(text.as_bytes()));
            }
            (PartType::Text(text), "message/delivery-status" | "text/delivery-status") => {
                self.take_report(text.as_bytes(), &kind)
            }
            (PartType::Html(html), _) => self.token |= has_token_link(beginning(html, HTML_LIMIT)),
            (PartType::Text(text), _) if !self.enough_text() => self.add_text(beginning(text, TEXT_LIMIT)),
            (PartType::Binary(bytes) | PartType::InlineBinary(bytes), _) => match kind.as_str() {
                "message/rfc822-headers" | "message/rfc822" | "message/global" | "message/global-headers" => {
                    self.returned.get_or_insert_with(|| returned_of(bytes));
                }
                _ => self.take_report(bytes, &kind),
            },
            _ => {}
        }
    }

    fn take_report(&mut self, bytes: &[u8], kind: &str) {
        let bytes = &bytes[..bytes.len().min(TEXT_LIMIT)];
        match kind {
            "message/feedback-report" => self.feedback |= has_field(bytes, &["Feedback-Type"]),
            "message/disposition-notification" | "message/global-disposition-notification" => {
                self.disposition |= has_field(bytes, &["Disposition", "Final-Recipient", "Original-Message-ID"]);
            }
            "message/delivery-status" | "message/global-delivery-status" | "text/delivery-status" => {
                self.status.extend(status_groups(bytes));
            }
            _ => {}
        }
    }

    /// Whether a text that says something was taken.
    fn enough_text(&self) -> bool {
        self.text.len() >= TEXT_LIMIT || self.text.trim().len() > 200
    }

    fn add_text(&mut self, text: &str) {
        let room = TEXT_LIMIT.saturating_sub(self.text.len());
        self.text.push_str(beginning(text, room));
        self.text.push('\n');
    }

    /// A returned message that stands in the text, as older software has it, is a header block that begins a line.
    fn find_returned_in_text(&mut self) {
        let Some(start) = header_block(&self.text) else { return };
        if self.returned.is_none() {
            self.returned = Some(returned_of(&self.text.as_bytes()[start..]));
        }
        self.text.truncate(start);
    }

    fn find_status_in_text(&mut self) {
        if !self.status.is_empty() {
            return;
        }
        let starts = ["\nFinal-Recipient:", "\nOriginal-Recipient:", "\nAction:"];
        let first = starts.iter().filter_map(|field| self.text.find(field)).min();
        self.status_in_text = first.map_or(Vec::new(), |start| status_groups(&self.text.as_bytes()[start..]));
    }
}

/// Whether a line is an address alone, or one behind the words that name a recipient.
fn is_recipient(line: &str) -> bool {
    const NAMES: [&str; 6] = ["to:", "recipient:", "recipients:", "delivered to:", "original-recipient:", "rcpt to:"];
    let line = line.trim();
    if line.len() > 400 || !line.contains('@') {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let named = NAMES.iter().filter_map(|name| lower.find(name).map(|position| position + name.len())).max();
    let address = lower[named.unwrap_or(0)..]
        .trim_matches(|letter: char| letter.is_whitespace() || "<>():;,\"'*-".contains(letter));
    let Some((local, domain)) = address.split_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || "<>@,;:/".contains(letter))
    };
    plain(local) && plain(domain)
}

fn media_type(content: &ContentType<'_>) -> String {
    format!("{}/{}", content.ctype(), content.subtype().unwrap_or_default()).to_ascii_lowercase()
}

fn beginning(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

/// The header block of a returned message, and whether more came.
fn returned_of(message: &[u8]) -> ReturnedMessage {
    // A line or two of empty space before it belong to nobody.
    let message = message.trim_ascii_start();
    let cut = &message[..message.len().min(RETURNED_LIMIT)];
    let end = Header::read(cut).map_or(cut.len(), |header| cut.len() - header.body.len());
    ReturnedMessage { header: cut[..end].to_vec(), with_body: !message[end..].trim_ascii().is_empty() }
}

fn has_field(bytes: &[u8], names: &[&str]) -> bool {
    groups(bytes).iter().flatten().any(|field| names.iter().any(|name| field.is(name)))
}

/// The groups of fields of a report, between which empty lines stand.
fn groups(bytes: &[u8]) -> Vec<Vec<Field<'_>>> {
    const GROUPS_LIMIT: usize = 20;
    let mut groups = Vec::new();
    let mut rest = bytes.trim_ascii_start();
    while !rest.is_empty() && groups.len() < GROUPS_LIMIT {
        let Ok(header) = Header::read(rest) else { break };
        if header.body.len() == rest.len() {
            break;
        }
        groups.push(header.fields);
        rest = header.body.trim_ascii_start();
    }
    groups
}

/// The recipients' groups of a delivery status part: those with an action or a status (RFC 3464 §2.3).
fn status_groups(bytes: &[u8]) -> Vec<Status> {
    let mut found: Vec<Status> = Vec::new();
    let mut reporting = String::new();
    for group in groups(bytes) {
        let value = |name: &str| {
            let field = group.iter().find(|field| field.is(name));
            field.map(|field| lower(&String::from_utf8_lossy(&field.unfolded()))).unwrap_or_default()
        };
        if reporting.is_empty() {
            reporting = value("Reporting-MTA");
        }
        let status = Status {
            action: value("Action"),
            status: value("Status"),
            diagnostic: value("Diagnostic-Code"),
            remote: value("Remote-MTA"),
            reporting: reporting.clone(),
        };
        if !status.action.is_empty() || !status.status.is_empty() || !value("Final-Recipient").is_empty() {
            found.push(status);
        }
    }
    found
}

/// Where a header block begins in a text: at a line behind one that is empty or no field.
fn header_block(text: &str) -> Option<usize> {
    let mut offset = 0;
    let mut before_is_field = false;
    let mut tried = 0;
    for line in text.split_inclusive('\n').take(LINES_LIMIT) {
        let is_field = KNOWN_FIELDS.iter().any(|name| {
            line.get(..name.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(name))
                && line[name.len()..].starts_with(':')
        });
        if is_field && !before_is_field {
            if is_header_block(&text.as_bytes()[offset..]) {
                return Some(offset);
            }
            tried += 1;
            if tried == BLOCKS_LIMIT {
                return None;
            }
        }
        before_is_field = is_field;
        offset += line.len();
    }
    None
}

fn is_header_block(bytes: &[u8]) -> bool {
    let Ok(header) = Header::read(&bytes[..bytes.len().min(RETURNED_LIMIT)]) else { return false };
    KNOWN_FIELDS.iter().filter(|name| header.fields.iter().any(|field| field.is(name))).count() >= CORE_FIELDS
}

/// Whether a link in the text leads to a page that confirms, and holds a token.
fn has_token_link(text: &str) -> bool {
    const LINKS_LIMIT: usize = 20;
    const CONFIRMING: [&str; 7] = ["confirm", "activat", "optin", "opt-in", "verif", "validat", "register"];
    let lower = text.to_ascii_lowercase();
    let links = lower.match_indices("http").take(LINKS_LIMIT).map(|(start, _)| {
        let rest = &lower[start..];
        &rest[..rest
            .find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '>' | '<'))
            .unwrap_or(rest.len())]
    });
    links.into_iter().any(|link| {
        let path =
            link.split_once("://").and_then(|(_, rest)| rest.split_once(['/', '?'])).map_or("", |(_, path)| path);
        let digit = |run: &str| run.bytes().any(|byte| byte.is_ascii_digit());
        let long = path.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|run| run.len() >= 12 && digit(run));
        // Forums and newsletters have short ones, which are values of the query.
        let is_short_token = |value: &str| {
            value.len() >= 6
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && digit(value)
                && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        };
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let short =
            query.split(['&', ';']).filter_map(|pair| pair.split_once('=')).any(|(_, value)| is_short_token(value));
        (long || short) && CONFIRMING.iter().any(|word| link.contains(word))
    })
}
