//! JSON Lines: one message a line, `{"id":…,"trap":…,"message":"<base64>","observed_peer":…,"mail_from":…}`.
//!
//! Enters: the body, in whatever pieces it comes. Leaves: an [`Entry`] a line, or what is wrong with that line. A line says all
//! there is to say of its message; an unknown key is a mistake, since what it was to say would be lost. Empty lines are none.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::sample::MESSAGE_LIMIT;
use memchr::memchr;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::entry::{Entry, Mistake, Read};

/// The longest line, in bytes: a message at its limit in base64, and room for the rest.
pub const LINE_LIMIT: usize = MESSAGE_LIMIT / 3 * 4 + (64 << 10);
/// The longest id, in bytes.
pub const ID_LIMIT: usize = 256;
/// The most characters of a parser's words that are answered.
const DETAIL_LIMIT: usize = 300;

/// The keys of a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'l> {
    #[serde(default)]
    id: Id,
    trap: Option<String>,
    recipient: Option<String>,
    #[serde(borrow)]
    message: std::borrow::Cow<'l, str>,
    observed_peer: Option<String>,
    mail_from: Option<String>,
}

/// What is looked for in a line that is none.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    id: Id,
}

/// What a line calls its message: null, or what answers can bear. What cannot be a name is not kept while it is read, since
/// in memory it may take a hundred times the bytes that it has in the line.
enum Id {
    Name(Value),
    Unfit,
}

impl Default for Id {
    fn default() -> Self {
        Self::Name(Value::Null)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an id")
    }

    fn visit_unit<E>(self) -> Result<Id, E> {
        Ok(Id::default())
    }

    fn visit_str<E>(self, text: &str) -> Result<Id, E> {
        let fits = text.len() <= ID_LIMIT && !text.chars().any(char::is_control);
        Ok(if fits { Id::Name(text.into()) } else { Id::Unfit })
    }

    fn visit_u64<E>(self, number: u64) -> Result<Id, E> {
        Ok(Id::Name(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Id, E> {
        Ok(Id::Name(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Id, E> {
        Ok(Id::Unfit)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Id, E> {
        Ok(Id::Unfit)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Id, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Id::Unfit)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Id, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Id::Unfit)
    }
}

/// A body on its way in; no more than its current line is held.
#[derive(Default)]
pub struct Lines {
    line: Vec<u8>,
    /// Why the line is not kept.
    shed: Option<Mistake>,
}

impl Lines {
    /// Reads on to the end of a line, which it gives; none when `data` is used up.
    pub fn read(&mut self, data: &mut &[u8]) -> Option<Read> {
        while !data.is_empty() {
            let end = memchr(b'\n', data);
            let (piece, rest) = data.split_at(end.unwrap_or(data.len()));
            *data = rest.get(1..).unwrap_or_default();
            self.keep(piece);
            if end.is_some()
                && let Some(read) = self.end()
            {
                return Some(read);
            }
        }
        None
    }

    /// Gives what the end of the body has ended.
    pub fn end(&mut self) -> Option<Read> {
        let (line, shed) = (std::mem::take(&mut self.line), self.shed.take());
        if let Some(mistake) = shed {
            return Some(Read { id: Value::Null, entry: Err(mistake) });
        }
        (!line.trim_ascii().is_empty()).then(|| parse(&line))
    }

    /// The bytes that are held.
    pub fn held(&self) -> usize {
        self.line.len()
    }

    /// Lets the current line go, as there is no room for it.
    pub fn shed(&mut self) {
        self.line = Vec::new();
        self.shed = Some(Mistake::NoRoom);
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.shed.is_none() && self.line.len() + piece.len() > LINE_LIMIT {
            self.line = Vec::new();
            self.shed = Some(Mistake::TooLarge);
        }
        if self.shed.is_none() {
            self.line.extend_from_slice(piece);
        }
    }
}

fn parse(line: &[u8]) -> Read {
    match serde_json::from_slice::<Line<'_>>(line) {
        Ok(mut line) => match std::mem::take(&mut line.id) {
            Id::Name(id) => Read { id, entry: entry(line) },
            Id::Unfit => {
                let what = format!("id must be a text of at most {ID_LIMIT} bytes, or a whole number");
                Read { id: Value::Null, entry: Err(Mistake::Malformed(what)) }
            }
        },
        Err(error) => {
            let id = match serde_json::from_slice(line) {
                Ok(Named { id: Id::Name(id) }) => id,
                Ok(Named { id: Id::Unfit }) | Err(_) => Value::Null,
            };
            let what: String = error.to_string().chars().take(DETAIL_LIMIT).collect();
            Read { id, entry: Err(Mistake::Malformed(what)) }
        }
    }
}

fn entry(line: Line<'_>) -> Result<Entry, Mistake> {
    // A message that would be too large is not decoded first.
    if line.message.len() / 4 > MESSAGE_LIMIT.div_ceil(3) {
        return Err(Mistake::TooLarge);
    }
    let message = STANDARD.decode(line.message.as_bytes());
    let message = message.map_err(|error| Mistake::Malformed(format!("message is no base64: {error}")))?;
    if message.len() > MESSAGE_LIMIT {
        return Err(Mistake::TooLarge);
    }
    let Line { trap, recipient, observed_peer, mail_from, .. } = line;
    Ok(Entry { trap, recipient, observed_peer, mail_from, message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8], piece: usize) -> Vec<Read> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for mut data in body.chunks(piece) {
            while let Some(read) = lines.read(&mut data) {
                all.push(read);
            }
        }
        all.extend(lines.end());
        all
    }

    #[test]
    fn a_line_is_a_message_however_it_comes() {
        let body = b"{\"id\":\"a\",\"trap\":\"t@x.example\",\"message\":\"QTogMQ==\",\"observed_peer\":null}\r\n\n{\"id\":7,\"message\":\"\",\"mail_from\":\"\"}";
        for piece in [1, 7, 1000] {
            let all = read(body, piece);
            assert_eq!(all.len(), 2);
            let first = all[0].entry.as_ref().unwrap();
            assert_eq!((&all[0].id, &first.message[..]), (&"a".into(), &b"A: 1"[..]));
            assert_eq!((first.trap.as_deref(), first.observed_peer.as_deref()), (Some("t@x.example"), None));
            let second = all[1].entry.as_ref().unwrap();
            assert_eq!((&all[1].id, second.mail_from.as_deref(), second.message.len()), (&7.into(), Some(""), 0));
        }
        // What PHP writes of a slash.
        let escaped = read(br#"{"message":"\/\/\/\/"}"#, 9);
        assert_eq!(escaped[0].entry.as_ref().unwrap().message, [0xFF; 3]);
    }

    #[test]
    fn mistakes_are_of_their_line_alone() {
        let body = b"{\"id\":\"u\",\"messages\":\"\",\"message\":\"\"}\n{\"id\":\"b\",\"message\":\"?\"}\n[]\nx\n{\"id\":[1],\"message\":\"\"}\n{\"message\":\"\"}\n";
        let all = read(body, 5);
        let said: Vec<String> = all
            .iter()
            .map(|read| match &read.entry {
                Ok(_) => "taken".to_owned(),
                Err(Mistake::Malformed(what)) => format!("{} {what}", read.id),
                Err(other) => format!("{other:?}"),
            })
            .collect();
        assert!(said[0].starts_with("\"u\" unknown field `messages`, expected one of"), "{said:?}");
        assert!(said[1].starts_with("\"b\" message is no base64"), "{said:?}");
        assert!(said[2].starts_with("null ") && said[3].starts_with("null ") && said[4].starts_with("null id"));
        assert_eq!(said[5], "taken");
    }

    #[test]
    fn only_what_answers_can_bear_is_an_id() {
        for (id, fits) in [
            ("null", true),
            ("-7", true),
            ("18446744073709551615", true),
            ("\"a\\u00e9\"", true),
            ("18446744073709551616", false),
            ("1.5", false),
            ("true", false),
            ("\"\\n\"", false),
            ("[{\"\":[0]},7]", false),
            ("{\"a\":{},\"b\":[]}", false),
            (&format!("\"{}\"", "x".repeat(ID_LIMIT)), true),
            (&format!("\"{}\"", "x".repeat(ID_LIMIT + 1)), false),
        ] {
            let good = read(format!("{{\"id\":{id},\"message\":\"\"}}").as_bytes(), 999).remove(0);
            assert_eq!(good.entry.is_ok(), fits, "{id}");
            let of_a_mistake = read(format!("{{\"id\":{id},\"message\":7}}").as_bytes(), 999).remove(0);
            assert!(of_a_mistake.entry.is_err());
            for said in [good.id, of_a_mistake.id] {
                let expected = serde_json::from_str::<Value>(id).ok().filter(|_| fits).unwrap_or_default();
                assert_eq!(said, expected);
            }
        }
    }

    #[test]
    fn what_is_too_long_is_not_held() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..=LINE_LIMIT >> 20 {
            assert!(lines.read(&mut &piece[..]).is_none());
        }
        assert_eq!(lines.held(), 0);
        assert_eq!(lines.read(&mut &b"\n"[..]).unwrap().entry.unwrap_err(), Mistake::TooLarge);
        let unknown = format!("{{\"{}\":1}}", "k".repeat(100_000));
        let Err(Mistake::Malformed(what)) = &read(unknown.as_bytes(), 1 << 20)[0].entry else { panic!() };
        assert!(what.len() <= DETAIL_LIMIT);
    }
}
