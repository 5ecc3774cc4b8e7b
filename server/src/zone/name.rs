//! The names that the operator gives: labels of lists, and domain names.
//!
//! Enters: text of the settings. Leaves: [`Label`] and [`DomainName`], which hold nothing but what DNS can carry.
//! Refused: whatever breaks a rule of RFC 1035 §2.3.4 or RFC 5782 §2.3, with the rule's name in the error.

use std::fmt;
use std::str::FromStr;

/// The longest label, in bytes (RFC 1035 §2.3.4).
pub const LABEL_LIMIT: usize = 63;

/// The longest name, in bytes of its wire form, the root's byte included (RFC 1035 §2.3.4).
pub const NAME_LIMIT: usize = 255;

/// The label of a list, and of its own zone below the combined one.
///
/// It must have 2 to 63 characters of `a-z`, `0-9` and `-`, one of them no digit, so that it can never be taken for
/// an octet or a nibble of an address (RFC 5782 §2.3).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Label(String);

/// Why a text is no list's label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LabelError {
    /// Fewer than 2 characters (RFC 5782 §2.3), or more than 63 (RFC 1035 §2.3.4).
    Length,
    /// A character that is none of `a-z`, `0-9`, `-`.
    Character,
    /// Nothing but digits (RFC 5782 §2.3).
    Digits,
}

impl Label {
    /// The label as text, lower-case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if !(2..=LABEL_LIMIT).contains(&text.len()) {
            return Err(LabelError::Length);
        }
        if !text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err(LabelError::Character);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(LabelError::Digits);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Display for LabelError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Length => "a list's label must have 2 to 63 characters (RFC 5782 section 2.3)",
            Self::Character => "a list's label may hold a-z, 0-9 and \"-\" only",
            Self::Digits => "a list's label must hold a character that is no digit (RFC 5782 section 2.3)",
        })
    }
}

impl std::error::Error for LabelError {}

/// A domain name other than the root, held as the bytes that go over the wire: length and label in turn, then zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DomainName(Box<[u8]>);

/// Why a text is no domain name or no mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameError {
    /// Nothing at all, or the root alone.
    Empty,
    /// A label of no or more than 63 bytes (RFC 1035 §2.3.4).
    LabelLength,
    /// More than 255 bytes on the wire (RFC 1035 §2.3.4).
    Length,
    /// A character that is none of `a-z`, `0-9`, `-`, `_`.
    Character,
    /// A mailbox without `@`, or without a local part of printable ASCII.
    Mailbox,
}

impl DomainName {
    /// Reads a mailbox such as `hostmaster@bl.example` as the name that stands for it in a SOA record: the local part
    /// is one label, dots and all (RFC 1035 §8).
    ///
    /// # Errors
    /// [`NameError::Mailbox`] where no local part of 1 to 63 printable characters stands before the last `@`, and
    /// what [`DomainName::from_str`] says of the rest.
    pub fn from_mailbox(text: &str) -> Result<Self, NameError> {
        let (local, domain) = text.rsplit_once('@').ok_or(NameError::Mailbox)?;
        if !(1..=LABEL_LIMIT).contains(&local.len()) || !local.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(NameError::Mailbox);
        }
        let domain: Self = domain.parse()?;
        let mut wire = Vec::with_capacity(1 + local.len() + domain.0.len());
        push_label(&mut wire, local.as_bytes());
        wire.extend_from_slice(&domain.0);
        Self::from_wire(wire)
    }

    /// The name's bytes on the wire, uncompressed, the root's zero included.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels that stand before `zone`, as they go over the wire; `None` for a name outside it.
    pub fn before(&self, zone: &Self) -> Option<&[u8]> {
        let mut at = 0;
        while self.0.len() - at > zone.0.len() {
            at += 1 + usize::from(self.0[at]);
        }
        // Both are in lower case.
        (self.0[at..] == zone.0[..]).then(|| &self.0[..at])
    }

    fn from_wire(wire: Vec<u8>) -> Result<Self, NameError> {
        if wire.len() > NAME_LIMIT { Err(NameError::Length) } else { Ok(Self(wire.into_boxed_slice())) }
    }
}

/// Appends one label of at most 63 bytes in wire form.
fn push_label(wire: &mut Vec<u8>, label: &[u8]) {
    wire.push(label.len() as u8);
    wire.extend_from_slice(label);
}

impl FromStr for DomainName {
    type Err = NameError;

    /// Reads `bl.example` or `bl.example.`; letters become lower-case.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let mut wire = Vec::with_capacity(text.len() + 2);
        for label in text.split('.') {
            if !(1..=LABEL_LIMIT).contains(&label.len()) {
                return Err(NameError::LabelLength);
            }
            if !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err(NameError::Character);
            }
            push_label(&mut wire, label.to_ascii_lowercase().as_bytes());
        }
        wire.push(0);
        Self::from_wire(wire)
    }
}

impl fmt::Display for DomainName {
    /// Master-file form without the last dot; a dot or backslash inside a label stands behind a backslash.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = 0;
        while self.0[at] != 0 {
            let end = at + 1 + usize::from(self.0[at]);
            if at > 0 {
                out.write_str(".")?;
            }
            for byte in &self.0[at + 1..end] {
                if matches!(byte, b'.' | b'\\') {
                    out.write_str("\\")?;
                }
                write!(out, "{}", char::from(*byte))?;
            }
            at = end;
        }
        Ok(())
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "DomainName({self})")
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Empty => "the name is empty",
            Self::LabelLength => "each label of a name must have 1 to 63 bytes (RFC 1035 section 2.3.4)",
            Self::Length => "a name must have at most 255 bytes (RFC 1035 section 2.3.4)",
            Self::Character => "a name may hold a-z, 0-9, \"-\" and \"_\" only",
            Self::Mailbox => "a mailbox must read like hostmaster@bl.example",
        })
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5782-2.3-b: sublist labels have at least 2 characters and contain a non-digit.
    #[test]
    fn labels_follow_rfc_5782_section_2_3() {
        for text in ["spam", "a1", "1a", "0-", &"a".repeat(63)] {
            assert_eq!(text.parse::<Label>().unwrap().to_string(), text);
        }
        for (text, error) in [
            ("", LabelError::Length),
            ("a", LabelError::Length),
            (&"a".repeat(64), LabelError::Length),
            ("Spam", LabelError::Character),
            ("a.b", LabelError::Character),
            ("a_b", LabelError::Character),
            ("127", LabelError::Digits),
        ] {
            assert_eq!(text.parse::<Label>(), Err(error), "{text}");
        }
    }

    #[test]
    fn names_are_what_dns_can_carry() {
        let name: DomainName = "BL.Example.".parse().unwrap();
        assert_eq!(name.wire(), b"\x02bl\x07example\x00");
        assert_eq!(name.to_string(), "bl.example");
        for (text, error) in [
            ("", NameError::Empty),
            (".", NameError::Empty),
            ("bl..example", NameError::LabelLength),
            (&"a".repeat(64), NameError::LabelLength),
            (&["a"; 128].join("."), NameError::Length),
            ("bl.exa mple", NameError::Character),
            ("bl.ex\u{e4}mple", NameError::Character),
        ] {
            assert_eq!(text.parse::<DomainName>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_mailbox_becomes_one_label_and_a_domain() {
        let name = DomainName::from_mailbox("dns.admin@bl.example").unwrap();
        assert_eq!(name.wire(), b"\x09dns.admin\x02bl\x07example\x00");
        assert_eq!(name.to_string(), "dns\\.admin.bl.example");
        for text in ["bl.example", "@bl.example", "a b@bl.example"] {
            assert_eq!(DomainName::from_mailbox(text), Err(NameError::Mailbox), "{text}");
        }
    }

    #[test]
    fn names_know_whether_they_stand_in_a_zone() {
        let zone: DomainName = "bl.example".parse().unwrap();
        let before = |text: &str| text.parse::<DomainName>().unwrap().before(&zone).map(<[u8]>::to_vec);
        assert_eq!(before("ns.bl.example"), Some(b"\x02ns".to_vec()));
        assert_eq!(before("bl.example"), Some(Vec::new()));
        assert_eq!(before("ns.xbl.example"), None);
        assert_eq!(before("example"), None);
    }
}
