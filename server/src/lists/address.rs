//! The addresses of entries, in the grammars of rbldnsd's data sets.
//!
//! Enters: a line from its first byte that is no space. Leaves: a range or prefix, and what stands behind it on the line.

use super::mistake::{Flaw, quoted};

/// A range of IPv4 addresses, and what stands behind it.
type Range<'l> = (u32, u32, &'l [u8]);
/// The first address of a prefix, its length in bits, and what stands behind it.
type Prefix<'l, K> = (K, u8, &'l [u8]);

/// Whether an address may end before this rest of its line: a value may follow without a space between, or a comment.
fn ends(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| matches!(byte, b' ' | b'\t' | b':' | b'#' | b';'))
}

/// What mends a line that is an address of the other family.
pub(super) const IS_IPV6: &str = "these are IPv6 addresses: write format = \"ip6trie\" in the list's settings";
pub(super) const IS_IPV4: &str = "these are IPv4 addresses: write format = \"ip4set\" in the list's settings";

/// The flaw of a line that an IPv4 format does not take.
fn no_four(line: &[u8], mend: &'static str) -> Flaw {
    let is_six =
        |words: &Words<'_>| words.count.is_none_or(|count| count > 2) && (ends(words.rest) || words.rest[0] == b'/');
    no_address(line, if words(line).is_some_and(|words| is_six(&words)) { IS_IPV6 } else { mend })
}

/// The flaw of a line that an IPv6 format does not take.
fn no_six(line: &[u8], mend: &'static str) -> Flaw {
    let is_four =
        octets(line).is_some_and(|(_, count, rest)| count > 2 && (ends(rest) || matches!(rest[0], b'/' | b'-')));
    no_address(line, if is_four { IS_IPV4 } else { mend })
}

fn no_address(line: &[u8], mend: &'static str) -> Flaw {
    let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    let written = &line[..end];
    let mend = if written.ends_with(b"\r") { "end lines with a line feed only: run dos2unix on it" } else { mend };
    Flaw::new(format!("{} is no address of this format", quoted(written)), mend)
}

/// A decimal number of at most `most`, with any zeros before it.
fn number(text: &[u8], most: u32) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let mut value = 0u32;
    for digit in digits {
        value = value * 10 + u32::from(digit - b'0');
        if value > most {
            return None;
        }
    }
    (!digits.is_empty()).then_some((value, rest))
}

/// One to four octets: their bits at the top of a number, how many they are, and the rest.
pub(super) fn octets(text: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (mut bits, mut rest, mut count) = (0, text, 0);
    loop {
        let octet;
        (octet, rest) = number(rest, 255)?;
        count += 1;
        bits |= octet << (32 - 8 * count);
        match rest {
            [b'.', more @ ..] if count < 4 => rest = more,
            _ => return Some((bits, count, rest)),
        }
    }
}

/// The host part of a prefix of `length` bits, all ones.
fn host(length: u32) -> u32 {
    u32::MAX.checked_shr(length).unwrap_or(0)
}

fn beyond(line: &[u8], length: u32) -> Flaw {
    let mend = "write the network's first address";
    Flaw::new(format!("{} has bits set beyond the {length} of its prefix", quoted(line)), mend)
}

/// An entry of an ip4set: an address or two to four of its octets, a prefix, or a range.
pub(super) fn ip4set(line: &[u8]) -> Result<Range<'_>, Flaw> {
    const MEND: &str = "write an address (192.0.2.1), its first octets (192.0.2), a prefix (192.0.2.0/24) or a range (192.0.2.1-192.0.2.9)";
    let flaw = || no_four(line, MEND);
    let (from, count, rest) = octets(line).ok_or_else(flaw)?;
    let last = from | host(8 * count);
    let (to, rest) = match rest {
        [b'/', mask @ ..] => {
            let (length, rest) = number(mask, 32).filter(|(length, _)| *length > 0).ok_or_else(flaw)?;
            if from & host(length) != 0 {
                return Err(beyond(line, length));
            }
            (from | host(length), rest)
        }
        [b'-', to @ ..] => {
            let (to, to_count, rest) = octets(to).ok_or_else(flaw)?;
            let to = match to_count {
                same if same == count => to,
                // The last octet alone: 192.0.2.1-9, 192.0-9.
                1 => from & !host(8 * (count - 1)) | to >> (8 * (count - 1)),
                _ => return Err(flaw()),
            };
            (to | host(8 * count), rest)
        }
        rest if count > 1 => (last, rest),
        _ => return Err(flaw()),
    };
    if !ends(rest) {
        return Err(flaw());
    }
    if to < from {
        return Err(Flaw::new(
            format!("the range {} ends before it begins", quoted(line)),
            "write the lower address first",
        ));
    }
    Ok((from, to, rest))
}

/// An entry of an ip4trie: an address or two or three of its octets, or a prefix.
pub(super) fn ip4trie(line: &[u8]) -> Result<Prefix<'_, u32>, Flaw> {
    const MEND: &str = "write an address (192.0.2.1), its first octets (192.0.2) or a prefix (192.0.2.0/24); ranges need format = \"ip4set\"";
    let flaw = || no_four(line, MEND);
    let (bits, count, rest) = octets(line).ok_or_else(flaw)?;
    let (length, rest) = match rest {
        [b'/', mask @ ..] => number(mask, 32).ok_or_else(flaw)?,
        rest if count > 1 => (8 * count, rest),
        _ => return Err(flaw()),
    };
    if !ends(rest) {
        return Err(flaw());
    }
    if bits & host(length) != 0 {
        return Err(beyond(line, length));
    }
    Ok((bits, length as u8, rest))
}

/// An entry of an ip4tset: an address.
pub(super) fn ip4tset(line: &[u8]) -> Result<(u32, &[u8]), Flaw> {
    const MEND: &str = "write a whole address (192.0.2.1); prefixes and exclusions need format = \"ip4set\"";
    match octets(line) {
        Some((bits, 4, rest)) if ends(rest) => Ok((bits, rest)),
        _ => Err(no_four(line, MEND)),
    }
}

/// The words of an IPv6 address or of its beginning.
struct Words<'l> {
    bits: u128,
    /// How many words are written, if not all eight are told by `::`.
    count: Option<u32>,
    rest: &'l [u8],
}

fn words(line: &[u8]) -> Option<Words<'_>> {
    let (mut words, mut count, mut gap) = ([0u16; 8], 0, None);
    let mut rest = line;
    if let Some(more) = rest.strip_prefix(b"::") {
        (gap, rest) = (Some(0), more);
    }
    loop {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits == 0 {
            if gap == Some(count) {
                break;
            }
            return None;
        }
        let mut word = 0u32;
        for digit in &rest[..digits] {
            word = word * 16 + char::from(*digit).to_digit(16)?;
            if word > 0xffff {
                return None;
            }
        }
        *words.get_mut(count)? = word as u16;
        count += 1;
        rest = &rest[digits..];
        if count == 8 {
            break;
        } else if let Some(more) = rest.strip_prefix(b"::") {
            if gap.is_some() {
                return None;
            }
            (gap, rest) = (Some(count), more);
        } else if let Some(more) = rest.strip_prefix(b":") {
            rest = more;
        } else {
            break;
        }
    }
    if let Some(gap) = gap {
        if count == 8 {
            return None;
        }
        // What stands behind the gap moves to the end.
        words.copy_within(gap..count, 8 - (count - gap));
        words[gap..8 - (count - gap)].fill(0);
    }
    let bits = words.iter().fold(0u128, |bits, word| bits << 16 | u128::from(*word));
    Some(Words { bits, count: gap.is_none().then_some(count as u32), rest })
}

/// An entry of an ip6trie: an address, its first words, or a prefix.
pub(super) fn ip6trie(line: &[u8]) -> Result<Prefix<'_, u128>, Flaw> {
    const MEND: &str = "write an address (2001:db8::1), its first words (2001:db8:1:2) or a prefix (2001:db8::/32)";
    let flaw = || no_six(line, MEND);
    let Words { bits, count, rest } = words(line).ok_or_else(flaw)?;
    let (length, rest) = match rest {
        [b'/', mask @ ..] => number(mask, 128).ok_or_else(flaw)?,
        rest => match count {
            Some(1) => return Err(flaw()),
            count => (16 * count.unwrap_or(8), rest),
        },
    };
    // Behind fewer than eight words a colon would begin another word.
    if !ends(rest) {
        return Err(flaw());
    }
    if bits & u128::MAX.checked_shr(length).unwrap_or(0) != 0 {
        return Err(beyond(line, length));
    }
    Ok((bits, length as u8, rest))
}

/// An entry of an ip6tset: the four words of a /64, or a whole address for an exclusion.
pub(super) fn ip6tset(line: &[u8], excluded: bool) -> Result<Prefix<'_, u128>, Flaw> {
    let mend = match excluded {
        true => "write the whole address that is excluded (!2001:db8:1:2::3)",
        false => "write the four words of a /64 (2001:db8:1:2); other prefixes need format = \"ip6trie\"",
    };
    match words(line) {
        Some(Words { bits, count: Some(4), rest }) if !excluded && ends(rest) => Ok((bits, 64, rest)),
        Some(Words { bits, count: None | Some(8), rest }) if excluded && ends(rest) => Ok((bits, 128, rest)),
        _ => Err(no_six(line, mend)),
    }
}
