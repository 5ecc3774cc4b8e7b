//! One message and how it reached us.
//!
//! Enters: the bytes as a relay stored them (LF) or as SMTP carried them (CRLF). Leaves: the fields of its header
//! block, in order, with their folds. Refused: what exceeds [`MESSAGE_LIMIT`], [`HEADER_LIMIT`] or [`FIELD_LIMIT`].
//!
//! A line ends at LF alone or at CRLF; a bare CR is data, since a reader that takes it for a line end sees fields that
//! no relay wrote (A07). One leading mbox `From ` line is skipped.

use std::borrow::Cow;
use std::net::IpAddr;

/// The longest message that is read, in octets (50 MiB).
pub const MESSAGE_LIMIT: usize = 50 << 20;

/// The longest header block that is read, in octets (512 KiB).
pub const HEADER_LIMIT: usize = 512 << 10;

/// The most fields of a header block.
pub const FIELD_LIMIT: usize = 10_000;

/// The most Received lines of a header block.
pub const RECEIVED_LIMIT: usize = 200;

/// The SMTP envelope under which a message came (RFC 5321 §2.3.1), as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse-path without angle brackets; empty for the null sender.
    pub mail_from: String,
    /// The forward-paths.
    pub rcpt_to: Vec<String>,
}

/// One message with what the channel that brought it knows.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The message, whole.
    pub message: &'a [u8],
    /// The envelope, if the channel carries it; offline, a Return-Path field stands for the sender.
    pub envelope: Option<&'a Envelope>,
    /// The TCP peer that the channel saw, if it saw one.
    pub observed_peer: Option<IpAddr>,
}

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name as it stands, without the colon; it may end in white space (RFC 5322 §4.5, obsolete).
    pub name: &'a [u8],
    /// What follows the colon, folds kept, without the final line end.
    pub value: &'a [u8],
    /// The whole field with its name, folds kept, without the final line end.
    pub bytes: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field called `name`, in any case and with white space before the colon: the widest sense,
    /// so that no line hides from the walk by its spelling.
    pub fn is(&self, name: &str) -> bool {
        self.name.len() >= name.len() && self.name.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value with its folds taken out (RFC 5322 §2.2.3: the line end goes, the white space stays).
    pub fn unfolded(&self) -> Cow<'_, [u8]> {
        unfold(self.value)
    }
}

/// Takes the folds out of a field: an LF or CRLF goes, the white space after it stays. A bare CR stays.
pub fn unfold(bytes: &[u8]) -> Cow<'_, [u8]> {
    let Some(_) = memchr::memchr(b'\n', bytes) else { return Cow::Borrowed(bytes) };
    let mut out = Vec::with_capacity(bytes.len());
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        out.extend_from_slice(without_line_end(&bytes[start..=end]));
        start = end + 1;
    }
    out.extend_from_slice(&bytes[start..]);
    Cow::Owned(out)
}

/// What ended a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderEnd {
    /// An empty line, or the end of the message.
    Regular,
    /// A line that is neither a field nor a continuation: the rest is body to some readers and header to others.
    Malformed,
}

/// The header block of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The fields from the top.
    pub fields: Vec<Field<'a>>,
    /// How the block ended.
    pub end: HeaderEnd,
    /// What follows the block.
    pub body: &'a [u8],
}

/// Which limit a message exceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl<'a> Header<'a> {
    /// Reads the header block of `message`.
    ///
    /// # Errors
    /// [`TooLarge`] past the limits of this module.
    pub fn read(message: &'a [u8]) -> Result<Self, TooLarge> {
        if message.len() > MESSAGE_LIMIT {
            return Err(TooLarge);
        }
        let mut rest = message;
        if rest.starts_with(b"From ") {
            rest = next_line(rest).1;
        }
        // A message saved from a web page begins with a line of blanks. It is no fold, since nothing stands above it,
        // and no empty line, which would end the block.
        let (first, after) = next_line(rest);
        if !first.is_empty() && first.iter().all(u8::is_ascii_whitespace) {
            rest = after;
        }
        let mut header = Self { fields: Vec::with_capacity(32), end: HeaderEnd::Regular, body: b"" };
        let top = rest;
        let mut received = 0;
        while !rest.is_empty() {
            let (line, mut after) = next_line(rest);
            if line.is_empty() {
                header.body = after;
                return Ok(header);
            }
            let Some(colon) = field_name_end(line) else {
                header.end = HeaderEnd::Malformed;
                header.body = rest;
                return Ok(header);
            };
            while matches!(after.first(), Some(b' ' | b'\t')) {
                after = next_line(after).1;
                if top.len() - after.len() > HEADER_LIMIT {
                    return Err(TooLarge);
                }
            }
            let bytes = without_line_end(&rest[..rest.len() - after.len()]);
            let field = Field { name: &bytes[..colon], value: &bytes[colon + 1..], bytes };
            received += usize::from(field.is("Received"));
            header.fields.push(field);
            rest = after;
            let size = top.len() - rest.len();
            if size > HEADER_LIMIT || header.fields.len() > FIELD_LIMIT || received > RECEIVED_LIMIT {
                return Err(TooLarge);
            }
        }
        Ok(header)
    }

    /// The fields called `name`, from the top.
    pub fn all(&self, name: &'static str) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |field| field.is(name))
    }
}

/// The length of a field name (RFC 5322 §3.6.8: printable ASCII but the colon; §4.5.8: white space may follow it).
fn field_name_end(line: &[u8]) -> Option<usize> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    (!name.is_empty() && name.iter().all(u8::is_ascii_graphic)).then_some(colon)
}

/// The first line without its line end, and what follows it.
fn next_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |position| position + 1);
    (without_line_end(&bytes[..end]), &bytes[end..])
}

fn without_line_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(rest) => rest.strip_suffix(b"\r").unwrap_or(rest),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<'a>(header: &Header<'a>) -> Vec<&'a str> {
        header.fields.iter().map(|field| std::str::from_utf8(field.name).unwrap()).collect()
    }

    #[test]
    fn fields_keep_their_folds() {
        let header = Header::read(b"From a Mon\nReceived: x\r\n\ty\r\nSubject:z\n\nbody: no field\n").unwrap();
        assert_eq!(names(&header), ["Received", "Subject"]);
        assert_eq!(header.fields[0].value, b" x\r\n\ty");
        assert_eq!(&*header.fields[0].unfolded(), b" x\ty");
        assert_eq!(header.body, b"body: no field\n");
    }

    /// A07: a bare CR never starts a field; spelling hides no Received line; what is no field ends the block.
    #[test]
    fn the_edges_of_the_block() {
        let header = Header::read(b"X: a\rReceived: from b\nRECEIVED : c\nno field\nReceived: d\n").unwrap();
        assert_eq!(names(&header), ["X", "RECEIVED "]);
        assert_eq!(header.all("received").count(), 1);
        assert_eq!(header.end, HeaderEnd::Malformed);
        assert_eq!(Header::read(b"\nReceived: body\n").unwrap().fields.len(), 0);
        assert_eq!(Header::read(b"").unwrap().fields.len(), 0);
        assert_eq!(Header::read(b" folded\nA: b\n").unwrap().end, HeaderEnd::Malformed);
        assert_eq!(Header::read(b"A: b").unwrap().fields[0].value, b" b");
    }

    #[test]
    fn limits_are_kept() {
        let long = [b"A: ".as_slice(), &vec![b'x'; HEADER_LIMIT], b"\n\n"].concat();
        assert_eq!(Header::read(&long), Err(TooLarge));
        assert_eq!(Header::read(&b"A:b\n".repeat(FIELD_LIMIT + 1)), Err(TooLarge));
        assert_eq!(Header::read(&b"Received: b\n".repeat(RECEIVED_LIMIT + 1)), Err(TooLarge));
        let body = [b"A: b\n\n".as_slice(), &vec![b'x'; HEADER_LIMIT * 2]].concat();
        assert!(Header::read(&body).is_ok());
    }
}
