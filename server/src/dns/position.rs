//! Where in the zone a question's name stands.
//!
//! Enters: a well-formed name and the zone. Leaves: a [`Position`]: the apex, a list's own zone, or below one of them,
//! with the addresses that the labels spell, octets and nibbles apart, since some names are both: `1.0.0.2` is
//! 2.0.0.1, and stands above all of 2001::/16. Names match in either case (RFC 4343).

use crate::zone::{ListSettings, Prefix, Scope, Zone};

/// The labels of a whole address's name (RFC 5782 §2.1, §2.4).
const OCTETS: u32 = 4;
const NIBBLES: u32 = 32;

/// Bytes of the labels of a whole IPv6 address.
const ADDRESS_LABELS: usize = 2 * NIBBLES as usize;

/// A place inside the zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Position {
    /// The zone's own name.
    Apex,
    /// The name of a list's own zone.
    List,
    /// Any other name.
    Below {
        /// The lists that it asks.
        scope: Scope,
        /// What its labels spell as IPv4 and as IPv6; nothing if they are no address's.
        spelled: [Option<Prefix>; 2],
    },
}

/// Finds `name` in the zone: where it stands, and at which offset of the name the apex begins. `None` for a name
/// outside.
///
/// `name` must be whole labels ending in the root's, as [`Query`](super::message::Query) reads them.
pub(super) fn locate(name: &[u8], zone: &Zone) -> Option<(Position, usize)> {
    let apex = zone.settings().name.wire();
    let apex_at = name.len().checked_sub(apex.len())?;
    if !is_same(&name[apex_at..], apex) {
        return None;
    }
    let mut spelled = Spelled::default();
    let mut at = 0;
    // The name of a whole IPv6 address is read in one go, where a label by itself takes as long as an IPv4 one.
    if apex_at >= ADDRESS_LABELS
        && let Some(nibbles) = name.first_chunk().and_then(address)
    {
        spelled = Spelled { nibbles, nibble_count: NIBBLES, octets: 0, octet_count: NOTHING };
        at = ADDRESS_LABELS;
    }
    while at < apex_at {
        let next = at + 1 + usize::from(name[at]);
        let label = name.get(at + 1..next)?;
        let named = |list: &ListSettings| is_same(label, list.label.as_str().as_bytes());
        if next == apex_at
            && let Some(list) = zone.lists().iter().position(named)
        {
            let position = match at {
                0 => Position::List,
                _ => Position::Below { scope: Scope::List(list), spelled: spelled.prefixes() },
            };
            return Some((position, apex_at));
        }
        spelled.add(label);
        at = next;
    }
    // The apex's bytes may stand in the middle of a label.
    if at != apex_at {
        return None;
    }
    let position = match at {
        0 => Position::Apex,
        _ => Position::Below { scope: Scope::Combined, spelled: spelled.prefixes() },
    };
    Some((position, at))
}

/// Whether two names are the same (RFC 4343), which is seen sooner if they are so to the letter.
fn is_same(asked: &[u8], ours: &[u8]) -> bool {
    asked == ours || asked.eq_ignore_ascii_case(ours)
}

/// What labels spelled so far, as octets and as nibbles. A name has the last part first: so each part pushes those
/// before it down, and at any label the bits are those of a prefix, at the top.
#[derive(Clone, Copy, Default)]
struct Spelled {
    octets: u32,
    nibbles: u128,
    /// How many there are, [`NOTHING`] once a label was none.
    octet_count: u32,
    nibble_count: u32,
}

/// More parts than an address has.
const NOTHING: u32 = u32::MAX;

impl Spelled {
    fn add(&mut self, label: &[u8]) {
        match octet(label) {
            Some(octet) if self.octet_count < OCTETS => {
                self.octets = self.octets >> 8 | u32::from(octet) << 24;
                self.octet_count += 1;
            }
            _ => self.octet_count = NOTHING,
        }
        match nibble(label) {
            Some(nibble) if self.nibble_count < NIBBLES => {
                self.nibbles = self.nibbles >> 4 | u128::from(nibble) << 124;
                self.nibble_count += 1;
            }
            _ => self.nibble_count = NOTHING,
        }
    }

    /// What they spell as IPv4 and as IPv6.
    fn prefixes(self) -> [Option<Prefix>; 2] {
        let four = Prefix::V4 { bits: self.octets, octets: self.octet_count };
        let six = Prefix::V6 { bits: self.nibbles, nibbles: self.nibble_count };
        [(self.octet_count != NOTHING).then_some(four), (self.nibble_count != NOTHING).then_some(six)]
    }
}

/// The address that labels spell, if each is one nibble.
fn address(labels: &[u8; ADDRESS_LABELS]) -> Option<u128> {
    let (mut bits, mut wrong) = (0u128, 0);
    for label in labels.chunks_exact(2) {
        let value = DIGITS[usize::from(label[1])];
        wrong |= value & 0xF0 | label[0] ^ 1;
        bits = bits >> 4 | u128::from(value & 15) << 124;
    }
    (wrong == 0).then_some(bits)
}

/// The value of each hexadecimal digit, 0xFF for all other bytes.
const DIGITS: [u8; 256] = {
    let mut digits = [0xFF; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        digits[digit as usize] = value;
        digits[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    digits
};

/// A decimal octet without leading zeros.
fn octet(label: &[u8]) -> Option<u8> {
    let digit = |byte: u8| Some(u32::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit <= 9);
    let value = match *label {
        [ones] => digit(ones)?,
        [tens @ b'1'..=b'9', ones] => 10 * digit(tens)? + digit(ones)?,
        [hundreds @ b'1'..=b'2', tens, ones] => 100 * digit(hundreds)? + 10 * digit(tens)? + digit(ones)?,
        _ => return None,
    };
    u8::try_from(value).ok()
}

/// One hexadecimal digit in either case.
fn nibble(label: &[u8]) -> Option<u8> {
    let &[digit] = label else { return None };
    Some(DIGITS[usize::from(digit)]).filter(|value| *value < 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{ListSettings, ZoneSettings};

    fn position(text: &str) -> Option<(Position, usize)> {
        let zone = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam(), ListSettings::mixed()]).unwrap();
        let mut wire = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.push(0);
        locate(&wire, &zone)
    }

    fn spelled(text: &str) -> [Option<Prefix>; 2] {
        match position(&format!("{text}.bl.example")) {
            Some((Position::Below { scope: Scope::Combined, spelled }, _)) => spelled,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn names_are_found_in_either_case() {
        assert_eq!(position("bl.example"), Some((Position::Apex, 0)));
        assert_eq!(position("BL.eXample"), Some((Position::Apex, 0)));
        assert_eq!(position("Mixed.bl.example"), Some((Position::List, 6)));
        for text in ["", "example", "bl", "xbl.example", "bl.example.com", "2.0.0.127.bl.examplf", "l.example"] {
            assert_eq!(position(text), None, "{text}");
        }
        let below = |scope, spelled| Position::Below { scope, spelled };
        let four = Some(Prefix::V4 { bits: 0x7F00_0000, octets: 2 });
        assert_eq!(position("0.127.MIXED.bl.example"), Some((below(Scope::List(1), [four, None]), 12)));
        assert_eq!(position("spam.mixed.bl.example"), Some((below(Scope::List(1), [None, None]), 11)));
    }

    /// 5782-2.1-e, 5782-2.4: reversed decimal octets without leading zeros, or nibbles in either case; nothing else.
    #[test]
    fn labels_spell_addresses_strictly() {
        let four = |text| spelled(text)[0];
        assert_eq!(four("4.3.2.1"), Some(Prefix::V4 { bits: 0x0102_0304, octets: 4 }));
        assert_eq!(four("255.0.127"), Some(Prefix::V4 { bits: 0x7F00_FF00, octets: 3 }));
        for text in ["5.4.3.2.1", "04.3.2.1", "256.3.2.1", "4.3.2.00", "999", "1000", "a.3.2.1", "-1", "+1", "1 "] {
            assert_eq!(four(text), None, "{text}");
        }
        let six = |text: &str| spelled(text)[1];
        assert_eq!(six("F.e.0"), Some(Prefix::V6 { bits: 0x0EF << 116, nibbles: 3 }));
        let whole = "0.".repeat(31) + "2";
        assert_eq!(six(&whole), Some(Prefix::V6 { bits: 2 << 124, nibbles: 32 }));
        assert_eq!(six(&("0.".to_owned() + &whole)), None);
        assert_eq!(six("00.2"), None);
        assert_eq!(six("g.2"), None);
        assert_eq!(
            spelled("1.0.0.2"),
            [Some(Prefix::V4 { bits: 0x0200_0001, octets: 4 }), Some(Prefix::V6 { bits: 0x2001 << 112, nibbles: 4 })]
        );
    }
}
