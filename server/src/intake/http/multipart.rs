//! `multipart/mixed` and `multipart/form-data` (RFC 2046 §5.1, RFC 7578): one message a part.
//!
//! Enters: the body, in whatever pieces it comes. Leaves: an [`Entry`] a part, or what is wrong with that part. Refuses the whole
//! body where it cannot be told what is a part: a delimiter with anything behind it, a header without end, no last delimiter.
//! Lines end with CRLF, and only so: whoever writes LF alone would have a part end where its sender likes.
//!
//! A part is `Content-Type: message/rfc822`, with `Firsthand-Trap` and so on of its own; what it does not say, the request
//! says. It has no other fields than these, `Content-…` and `MIME-Version`. Whoever guesses the boundary while his mail is on its
//! way could end its part and write another: a boundary must be random, as that of every common client is.

use memchr::memmem;
use serde_json::Value;

use firsthand_analyzer::sample::MESSAGE_LIMIT;

use super::entry::{Entry, Mistake, Read};
use super::{MAIL_FROM, OBSERVED_PEER, RECIPIENT, TRAP};

/// The longest header of a part, in bytes.
pub const HEADER_LIMIT: usize = 8 << 10;
/// The longest boundary, in characters (RFC 2046 §5.1.1).
pub const BOUNDARY_LIMIT: usize = 70;
/// The most blanks behind a delimiter, which are the transport's padding.
const PADDING_LIMIT: usize = 256;

const LINE_END: &[u8] = b"\r\n";
const HEADER_END: &[u8] = b"\r\n\r\n";

/// Why the body cannot be read as parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// A delimiter is followed by something else on its line.
    Delimiter,
    /// A part's header is longer than [`HEADER_LIMIT`], or ends nowhere.
    Header,
    /// The body ended before its last delimiter.
    Unfinished,
}

impl Broken {
    /// The reason in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Delimiter => "A multipart delimiter has something else on its line.",
            Self::Header => "A part has no header that ends within 8 KiB; lines end with CRLF.",
            Self::Unfinished => "The multipart body ended before its last delimiter.",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first delimiter.
    Preamble,
    /// Behind a delimiter, on its line.
    Delimiter,
    /// In a part's header; what is held begins with the line end before it.
    Header,
    /// In a part's message; what is held begins with the line end before it.
    Message,
    /// Behind the last delimiter.
    Epilogue,
}

/// A body on its way in; no more than its current part is held.
pub struct Multipart {
    /// The line end, two hyphens and the boundary.
    delimiter: memmem::Finder<'static>,
    state: State,
    held: Vec<u8>,
    /// How much of what is held was searched in vain.
    searched: usize,
    /// The header of the current part, without a message yet.
    part: Option<Result<Entry, Mistake>>,
}

impl Multipart {
    /// A body that this content type announces; none if it is no multipart, or has no boundary.
    pub fn of(content_type: &str) -> Option<Self> {
        let (media_type, parameters) = content_type.split_once(';')?;
        let media_type = media_type.trim();
        if !["multipart/mixed", "multipart/form-data"].iter().any(|known| media_type.eq_ignore_ascii_case(known)) {
            return None;
        }
        let boundary = boundary(parameters)?;
        let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
        Some(Self {
            delimiter: memmem::Finder::new(&delimiter).into_owned(),
            state: State::Preamble,
            // The first delimiter may be the first line.
            held: LINE_END.to_vec(),
            searched: 0,
            part: None,
        })
    }

    /// Takes `data` and reads on to the end of a part, which it gives; none when more must come.
    ///
    /// # Errors
    /// When the body is broken.
    pub fn read(&mut self, data: &mut &[u8]) -> Result<Option<Read>, Broken> {
        if self.state == State::Epilogue {
            *data = &[];
        }
        self.held.extend_from_slice(std::mem::take(data));
        loop {
            match self.state {
                State::Preamble => {
                    let Some(at) = self.find_delimiter() else {
                        self.keep_tail();
                        return Ok(None);
                    };
                    self.behind(at);
                }
                State::Delimiter => {
                    if self.held.starts_with(b"--") {
                        self.state = State::Epilogue;
                        continue;
                    }
                    let padding = self.held.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                    if padding > PADDING_LIMIT {
                        return Err(Broken::Delimiter);
                    }
                    match &self.held[padding..] {
                        // Its line end stays, for a header that is empty.
                        [b'\r', b'\n', ..] => {
                            self.held.drain(..padding);
                            (self.state, self.searched) = (State::Header, 0);
                        }
                        [] | [b'\r'] => return Ok(None),
                        [b'-'] if padding == 0 => return Ok(None),
                        _ => return Err(Broken::Delimiter),
                    }
                }
                State::Header => {
                    let end = memmem::find(&self.held[self.searched..], HEADER_END);
                    let Some(end) = end.map(|at| self.searched + at) else {
                        if self.held.len() >= HEADER_LIMIT + HEADER_END.len() {
                            return Err(Broken::Header);
                        }
                        self.searched = self.held.len().saturating_sub(HEADER_END.len() - 1);
                        return Ok(None);
                    };
                    let block = &self.held[..end];
                    if end > HEADER_LIMIT || self.delimiter.find(block).is_some() {
                        return Err(Broken::Header);
                    }
                    self.part = Some(header(block));
                    self.held.drain(..end + LINE_END.len());
                    (self.state, self.searched) = (State::Message, 0);
                }
                State::Message => {
                    let Some(at) = self.find_delimiter() else {
                        if self.held.len() > MESSAGE_LIMIT + LINE_END.len() + self.delimiter.needle().len() {
                            self.let_go(Mistake::TooLarge);
                        } else if matches!(self.part, Some(Err(_))) {
                            self.keep_tail();
                        }
                        return Ok(None);
                    };
                    return Ok(Some(self.finish(at)));
                }
                State::Epilogue => {
                    self.held = Vec::new();
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the body may end here.
    ///
    /// # Errors
    /// When it may not.
    pub fn end(&self) -> Result<(), Broken> {
        if self.state == State::Epilogue { Ok(()) } else { Err(Broken::Unfinished) }
    }

    /// The bytes that are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Lets the current part go, as there is no room for it.
    pub fn shed(&mut self) {
        if self.state == State::Message {
            self.let_go(Mistake::NoRoom);
        }
    }

    /// Goes on without the message of the current part.
    fn let_go(&mut self, mistake: Mistake) {
        if !matches!(self.part, Some(Err(_))) {
            self.part = Some(Err(mistake));
        }
        self.keep_tail();
    }

    /// Keeps no more than a delimiter may have begun in.
    fn keep_tail(&mut self) {
        let kept = self.held.len().min(self.delimiter.needle().len() - 1);
        self.held.drain(..self.held.len() - kept);
        self.held.shrink_to(self.held.len().max(HEADER_LIMIT));
        self.searched = 0;
    }

    fn find_delimiter(&mut self) -> Option<usize> {
        let found = self.delimiter.find(&self.held[self.searched..]).map(|at| self.searched + at);
        if found.is_none() {
            self.searched = self.held.len().saturating_sub(self.delimiter.needle().len() - 1);
        }
        found
    }

    /// Goes on behind the delimiter that begins at `at`.
    fn behind(&mut self, at: usize) {
        self.held.drain(..at + self.delimiter.needle().len());
        self.state = State::Delimiter;
    }

    /// Ends the part whose message ends at `at`.
    fn finish(&mut self, at: usize) -> Read {
        let rest = self.held.split_off(at);
        let mut message = std::mem::replace(&mut self.held, rest);
        self.behind(0);
        // What was let go began with no line end any more, and is not looked at.
        message.drain(..LINE_END.len().min(message.len()));
        let entry = match self.part.take() {
            Some(Ok(_)) if message.len() > MESSAGE_LIMIT => Err(Mistake::TooLarge),
            Some(Ok(entry)) => Ok(Entry { message, ..entry }),
            Some(Err(mistake)) => Err(mistake),
            None => Err(Mistake::Malformed("the part has no header".to_owned())),
        };
        Read { id: Value::Null, entry }
    }
}

/// What a part's header says; each line of it begins with its line end.
fn header(block: &[u8]) -> Result<Entry, Mistake> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8_lossy(block).split("\r\n").filter(|line| !line.is_empty()) {
        match (fields.last_mut(), line.starts_with([' ', '\t'])) {
            (Some((_, value)), true) => value.push_str(line),
            (None, true) => return Err(Mistake::Malformed("the part's header begins with a blank".to_owned())),
            (_, false) => {
                let field = line
                    .split_once(':')
                    .ok_or_else(|| Mistake::Malformed("a line of the part's header has no colon".to_owned()))?;
                fields.push((field.0.trim_end().to_ascii_lowercase(), field.1.to_owned()));
            }
        }
    }
    let mut take = |name: &str| {
        let mut values = fields.extract_if(.., |(known, _)| known == name).map(|(_, value)| value.trim().to_owned());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Mistake::Malformed(format!("the part has two fields {name}"))),
            (value, None) => Ok(value),
        }
    };
    let content_type = take("content-type")?.unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("message/rfc822") {
        return Err(Mistake::WrongType);
    }
    // RFC 2046 §5.2.1: a message is never encoded once more.
    if let Some(encoding) = take("content-transfer-encoding")?
        && !["7bit", "8bit", "binary"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
    {
        return Err(Mistake::Malformed("the part is encoded; send the message as it is".to_owned()));
    }
    let entry = Entry {
        trap: take(TRAP)?,
        recipient: take(RECIPIENT)?,
        observed_peer: take(OBSERVED_PEER)?,
        mail_from: take(MAIL_FROM)?,
        message: Vec::new(),
    };
    // RFC 2046 §5.1 has other fields ignored. Here they are a misspelt one's, or those of a message whose sender forgot the
    // empty line before it: then the writer of that message says here what trap it hit and who was seen.
    if fields.iter().any(|(name, _)| !name.starts_with("content-") && name != "mime-version") {
        return Err(Mistake::Malformed("the part's header has a field that is no part's".to_owned()));
    }
    Ok(entry)
}

/// The boundary among the parameters of a content type (RFC 2045 §5.1, RFC 2046 §5.1.1).
fn boundary(mut rest: &str) -> Option<String> {
    let mut found = None;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            break;
        }
        let (name, behind) = rest.split_once('=')?;
        let value = if let Some(quoted) = behind.strip_prefix('"') {
            let mut value = String::new();
            let mut characters = quoted.char_indices();
            rest = loop {
                match characters.next()? {
                    (at, '"') => break quoted.get(at + 1..)?,
                    (_, '\\') => value.push(characters.next()?.1),
                    (_, other) => value.push(other),
                }
            };
            value
        } else {
            let end = behind.find(';').unwrap_or(behind.len());
            let (value, after) = behind.split_at(end);
            rest = after;
            value.trim_end().to_owned()
        };
        if name.trim().eq_ignore_ascii_case("boundary") {
            if found.is_some() {
                return None;
            }
            found = Some(value);
        }
    }
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    found.filter(|boundary: &String| {
        (1..=BOUNDARY_LIMIT).contains(&boundary.len()) && boundary.bytes().all(known) && !boundary.ends_with(' ')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], piece: usize) -> Result<Vec<Read>, Broken> {
        let mut parts = Multipart::of("multipart/mixed; boundary=\"b 1\"").unwrap();
        let mut all = Vec::new();
        for mut data in body.chunks(piece) {
            while let Some(read) = parts.read(&mut data)? {
                all.push(read);
            }
        }
        parts.end()?;
        Ok(all)
    }

    #[test]
    fn a_part_is_a_message_however_it_comes() {
        let body = b"nothing\r\n--b 1 \t\r\nContent-Type: Message/RFC822; x=y\r\nFirsthand-Trap:\r\n t@x.example\r\nFirsthand-Mail-From: <>\r\n\r\n\
                     A: 1\r\n--b\r\n\r\nbody\n--b 1\n\r\n--b 1\r\nContent-Type: message/rfc822\r\n\r\n\r\n--b 1\r\ncontent-type: message/rfc822\r\n\r\n--b 1--\r\nmore\r\n--b 1\r\n";
        for piece in [1, 2, 3, 50, 1000] {
            let all = read(body, piece).unwrap();
            let entries: Vec<&Entry> = all.iter().map(|read| read.entry.as_ref().unwrap()).collect();
            assert_eq!(entries.len(), 3);
            assert_eq!(entries[0].message, b"A: 1\r\n--b\r\n\r\nbody\n--b 1\n");
            assert_eq!(
                (entries[0].trap.as_deref(), entries[0].mail_from.as_deref()),
                (Some("t@x.example"), Some("<>"))
            );
            assert!(entries[1].message.is_empty() && entries[2].message.is_empty() && entries[1].trap.is_none());
        }
    }

    #[test]
    fn mistakes_are_of_their_part_alone() {
        let body = b"--b 1\r\nContent-Type: text/plain\r\n\r\nx\r\n--b 1\r\n\r\ny\r\n--b 1\r\nContent-Type: message/rfc822\r\nFirsthand-Trap: a@x\r\nfirsthand-trap: b@x\r\n\r\n\r\n--b 1\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nQQ==\r\n--b 1\r\nnothing\r\n\r\n\r\n--b 1\r\nContent-Type: message/rfc822\r\n\r\nz\r\n--b 1--";
        for piece in [1, 1000] {
            let said: Vec<_> = read(body, piece).unwrap().into_iter().map(|read| read.entry).collect();
            assert_eq!(said[..2], [Err(Mistake::WrongType), Err(Mistake::WrongType)]);
            assert!(said[2..5].iter().all(|entry| matches!(entry, Err(Mistake::Malformed(_)))), "{said:?}");
            assert_eq!(said[5].as_ref().unwrap().message, b"z");
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        for piece in [1, 1000] {
            assert_eq!(
                read(b"--b 1\r\nContent-Type: message/rfc822\r\n\r\nx\r\n--b 1", piece),
                Err(Broken::Unfinished)
            );
            assert_eq!(read(b"", piece), Err(Broken::Unfinished));
            assert_eq!(read(b"--b 1x\r\n\r\n\r\n--b 1--", piece), Err(Broken::Delimiter));
            assert_eq!(read(b"--b 1\n\n\r\n--b 1--", piece), Err(Broken::Delimiter));
            assert_eq!(read(b"--b 1\r\nA: b\r\n--b 1\r\n\r\n\r\n--b 1--", piece), Err(Broken::Header));
            let long = [b"--b 1\r\nA: ", &[b'x'; 2 * HEADER_LIMIT][..], b"\r\n\r\n\r\n--b 1--"].concat();
            assert_eq!(read(&long, piece), Err(Broken::Header));
        }
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let mut parts = Multipart::of("multipart/form-data; boundary=b").unwrap();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..100 {
            assert_eq!(parts.read(&mut &piece[..]), Ok(None));
        }
        assert!(parts.held() < 100 && parts.held.capacity() < 1 << 20);
        assert_eq!(parts.read(&mut &b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"[..]), Ok(None));
        for _ in 0..=MESSAGE_LIMIT >> 20 {
            assert_eq!(parts.read(&mut &piece[..]), Ok(None));
        }
        assert!(parts.held() < 100 && parts.held.capacity() < 1 << 20);
        assert_eq!(parts.read(&mut &b"\r\n--b--"[..]).unwrap().unwrap().entry, Err(Mistake::TooLarge));
        assert_eq!((parts.read(&mut &[][..]), parts.end()), (Ok(None), Ok(())));
    }

    /// What a message's writer puts on top of it is none of the part's, where the sender forgot the empty line between.
    #[test]
    fn a_message_is_no_header_of_its_part() {
        let part = |header: &str| {
            let body = format!("--b 1\r\nContent-Type: message/rfc822\r\n{header}\r\n\r\nx\r\n--b 1--");
            read(body.as_bytes(), 9).unwrap().remove(0).entry
        };
        for header in [
            "Received: from x\r\nFirsthand-Observed-Peer: 83.70.211.36",
            "Firsthand-Trap: a@x\r\nFirsthand-Observed-Pear: 83.70.211.36",
            "Subject: x",
        ] {
            assert!(matches!(part(header), Err(Mistake::Malformed(_))), "{header}");
        }
        assert!(part("MIME-Version: 1.0\r\nContent-Disposition: form-data; name=\"x\"\r\ncontent-id: <x>").is_ok());
    }

    #[test]
    fn boundaries_are_read_as_they_are_written() {
        let known = |text: &str| boundary(text);
        assert_eq!(known(" boundary=----abc").as_deref(), Some("----abc"));
        assert_eq!(known("charset=x; BOUNDARY=\"a;\\b=c\" ; y=z"), None, "a semicolon is no character of it");
        assert_eq!(known("charset=\"a;b\"; Boundary=\"a\\b=c\";").as_deref(), Some("ab=c"));
        for none in ["", "charset=x", "boundary=", "boundary=\"x", "boundary=a; boundary=b", "boundary=\"x \"", "x"] {
            assert_eq!(known(none), None, "{none}");
        }
        assert_eq!(known(&format!("boundary={}", "x".repeat(71))), None);
        assert!(Multipart::of("multipart/digest; boundary=x").is_none() && Multipart::of("multipart/mixed").is_none());
    }
}
