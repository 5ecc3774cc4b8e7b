//! What an entry of a static list answers: its code and its text.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::zone::{Code, TEXT_LIMIT};

/// The least room that is kept for an address in a text: that of the longest IPv4 address.
const ADDRESS_TEXT_LEAST: usize = 15;

/// What an A and a TXT record say of an address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Value {
    /// What the A record says.
    pub code: Code,
    /// The text without the addresses: printable ASCII.
    literal: Box<[u8]>,
    /// Where in `literal` the queried address goes, ascending; the same place may stand twice.
    insertions: Box<[u8]>,
}

impl Value {
    /// A value without a text of its own.
    pub fn new(code: Code) -> Self {
        Self { code, literal: Box::default(), insertions: Box::default() }
    }

    /// A value whose text is `pieces`, the queried address standing between each two of them.
    ///
    /// The text is cut so that with addresses of `address_length` characters it has at most [`TEXT_LIMIT`] bytes: an
    /// address is in it whole or not at all, and nothing follows one that is not. What is not printable ASCII becomes `?`.
    /// Says whether it was cut, and whether something was replaced.
    pub fn with_text(code: Code, pieces: &[impl AsRef<str>], address_length: usize) -> (Self, Alteration) {
        let (mut literal, mut insertions) = (Vec::new(), Vec::new());
        let mut alteration = Alteration::default();
        let mut room = TEXT_LIMIT;
        'pieces: for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                if room < address_length {
                    alteration.cut = true;
                    break;
                }
                room -= address_length;
                insertions.push(u8::try_from(literal.len()).expect("a text has at most 200 bytes"));
            }
            for character in piece.as_ref().chars() {
                if room == 0 {
                    alteration.cut = true;
                    break 'pieces;
                }
                room -= 1;
                let printable = character == ' ' || character.is_ascii_graphic();
                alteration.replaced |= !printable;
                literal.push(if printable { character as u8 } else { b'?' });
            }
        }
        (Self { code, literal: literal.into(), insertions: insertions.into() }, alteration)
    }

    /// The text without the addresses, and where they go in it.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.literal, &self.insertions)
    }

    /// The value of [`Self::parts`]; none if no value has these.
    pub(super) fn of_parts(code: Code, literal: &[u8], insertions: &[u8]) -> Option<Self> {
        let printable = literal.iter().all(|byte| *byte == b' ' || byte.is_ascii_graphic());
        let placed = insertions.is_sorted() && insertions.last().is_none_or(|last| usize::from(*last) <= literal.len());
        let fits = literal.len() + insertions.len() * ADDRESS_TEXT_LEAST <= TEXT_LIMIT;
        (printable && placed && fits).then(|| Self { code, literal: literal.into(), insertions: insertions.into() })
    }

    /// Whether there is a text; if not, the list's reason is to be said.
    pub fn has_text(&self) -> bool {
        !self.literal.is_empty() || !self.insertions.is_empty()
    }

    /// Whether another value has the same text.
    pub fn same_text(&self, other: &Self) -> bool {
        self.literal == other.literal && self.insertions == other.insertions
    }

    /// Appends the text for `address`: at most [`TEXT_LIMIT`] bytes of printable ASCII; nothing if there is no text.
    pub fn write_text(&self, address: IpAddr, out: &mut Vec<u8>) {
        let mut written = 0;
        if let [_, ..] = *self.insertions {
            let mut text = AddressText::default();
            write!(text, "{address}").expect("an address has at most 39 characters");
            for insertion in &self.insertions {
                let until = usize::from(*insertion);
                out.extend_from_slice(&self.literal[written..until]);
                out.extend_from_slice(&text.bytes[..text.length]);
                written = until;
            }
        }
        out.extend_from_slice(&self.literal[written..]);
    }
}

/// What was done to a text that could not be said as it was written.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Alteration {
    /// It was longer than [`TEXT_LIMIT`], with the longest address.
    pub cut: bool,
    /// It held something else than printable ASCII.
    pub replaced: bool,
}

/// An address as text, without an allocation.
struct AddressText {
    bytes: [u8; 64],
    length: usize,
}

impl Default for AddressText {
    fn default() -> Self {
        Self { bytes: [0; 64], length: 0 }
    }
}

impl std::fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.bytes.get_mut(self.length..self.length + text.len()).ok_or(std::fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: &Value, address: &str) -> String {
        let mut out = Vec::new();
        value.write_text(address.parse().unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_address_stands_between_the_pieces() {
        let (value, altered) = Value::with_text(Code::SPAM, &["", " and ", "", "."], 15);
        assert_eq!(
            (text(&value, "192.0.2.1").as_str(), altered),
            ("192.0.2.1 and 192.0.2.1192.0.2.1.", Alteration::default())
        );
        assert_eq!(text(&value, "2001:db8::1"), "2001:db8::1 and 2001:db8::12001:db8::1.");
        assert!(value.has_text() && !Value::new(Code::SPAM).has_text());
        assert_eq!(text(&Value::new(Code::SPAM), "192.0.2.1"), "");
        let (only, _) = Value::with_text(Code::SPAM, &["", ""], 15);
        assert!(only.has_text());
    }

    #[test]
    fn what_does_not_fit_is_cut_and_never_an_address_in_its_midst() {
        let long = "x".repeat(190);
        let (value, altered) = Value::with_text(Code::SPAM, &[long.as_str(), " more"], 15);
        assert_eq!((text(&value, "192.0.2.1"), altered.cut), (long, true));
        let (value, altered) = Value::with_text(Code::SPAM, &["a\tb\r\u{e4}\u{1f600}"], 15);
        assert_eq!((text(&value, "192.0.2.1").as_str(), altered.replaced, altered.cut), ("a?b???", true, false));
    }

    proptest! {
        /// E11, E08: whatever stands in a file, a text is printable ASCII of at most 200 bytes.
        #[test]
        fn every_text_is_short_and_printable(pieces in prop::collection::vec(".{0,120}", 1..9), six in any::<bool>()) {
            let (length, address) = if six { (39, "1111:2222:3333:4444:5555:6666:7777:8888") } else { (15, "100.100.100.100") };
            let (value, altered) = Value::with_text(Code::SPAM, &pieces, length);
            let said = text(&value, address);
            prop_assert!(said.len() <= TEXT_LIMIT);
            prop_assert!(said.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()));
            let whole = pieces.join(address);
            let plain: String = whole.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect();
            prop_assert!(plain.starts_with(&said));
            prop_assert_eq!(altered.cut, said.len() < plain.len());
        }
    }
}
