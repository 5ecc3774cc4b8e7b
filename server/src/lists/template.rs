//! The values of entries: `:127.0.0.2:text`, and what their texts become.
//!
//! A text is a template: `$` stands for the queried address, `$0` to `$9` for the file's variables, `$=` for the entry's
//! own text, `$$` for a dollar sign. What a variable or the entry's own text brings in is said as it is.

use super::address::octets;
use super::mistake::{Flaw, quoted};
use crate::zone::{Alteration, Code, CodeError, Value};

/// The longest template, in bytes, as rbldnsd has it; what is longer is cut.
pub(super) const TEMPLATE_LIMIT: usize = 255;

/// A value as a line writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Written<'l> {
    /// The code; none: the one in force.
    pub(super) code: Option<Code>,
    /// The text, empty for none; not written: the one in force.
    pub(super) text: Option<&'l [u8]>,
}

/// Without the spaces at both ends.
pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = text.iter().position(|byte| !blank(byte)).unwrap_or(text.len());
    let to = text.iter().rposition(|byte| !blank(byte)).map_or(from, |last| last + 1);
    &text[from..to]
}

/// Reads a value: `:code`, `:code:text` or `text`.
pub(super) fn written(value: &[u8]) -> Result<Written<'_>, Flaw> {
    let [b':', rest @ ..] = value else {
        return Ok(Written { code: None, text: Some(trimmed(value)) });
    };
    let mend = "write :127.0.0.2:text, or :2:text for short";
    let flaw = || Flaw::new(format!("{} is no value", quoted(value)), mend);
    let (bits, count, rest) = octets(rest).ok_or_else(flaw)?;
    // The octets between the first ones and the last may be left out.
    let last = bits >> (32 - 8 * count) & 0xff;
    let address = match count {
        1 => 127 << 24 | last,
        2 => bits & 0xff00_0000 | last,
        3 => bits & 0xffff_0000 | last,
        _ => bits,
    };
    let text = match trimmed(rest) {
        [] => None,
        [b':', text @ ..] => Some(trimmed(text)),
        _ => return Err(flaw()),
    };
    let code = Code::try_from(std::net::Ipv4Addr::from_bits(address)).map_err(|error| {
        let what = match error {
            CodeError::NeverListed => "127.0.0.0 and 127.0.0.1 are nobody's value (RFC 5782 section 5)",
            CodeError::OutsideLoopback | CodeError::NoAddress => "lies outside 127.0.0.0/8 (RFC 5782 section 2.3)",
        };
        Flaw::new(format!("{}: {what}", quoted(value)), "write a value from 127.0.0.2 to 127.255.255.255")
    })?;
    Ok(Written { code: Some(code), text })
}

/// The variables of a data set, as they were written first.
#[derive(Clone, Default, Debug)]
pub(super) struct Variables {
    numbered: [Option<Box<[u8]>>; 10],
    base: Option<Box<[u8]>>,
}

impl Variables {
    /// Sets the variable of a digit, or the base template for `=`, unless it is set.
    pub(super) fn set(&mut self, name: u8, text: &[u8]) {
        let place = match name {
            b'0'..=b'9' => &mut self.numbered[usize::from(name - b'0')],
            _ => &mut self.base,
        };
        place.get_or_insert_with(|| text.into());
    }

    /// What a template says, the queried address standing between each two pieces; nothing for no text.
    fn expanded(&self, written: &[u8]) -> Vec<Vec<u8>> {
        let (template, own) = match (written, &self.base) {
            ([b'=', rest @ ..], _) => (rest, rest),
            (own, Some(base)) => (&**base, own),
            (own, None) => (own, own),
        };
        let mut pieces = vec![Vec::new()];
        let mut rest = template;
        while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
            let (before, after) = rest.split_at(dollar);
            let piece = pieces.last_mut().expect("there is always a piece");
            piece.extend_from_slice(before);
            rest = after.get(2..).unwrap_or_default();
            match after.get(1) {
                Some(b'$') => piece.push(b'$'),
                Some(b'=') if !own.is_empty() => piece.extend_from_slice(own),
                Some(b'=') => pieces.push(Vec::new()),
                Some(digit @ b'0'..=b'9') => match &self.numbered[usize::from(digit - b'0')] {
                    Some(text) => piece.extend_from_slice(text),
                    None => piece.extend_from_slice(&[b'$', *digit]),
                },
                _ => {
                    rest = &after[1..];
                    pieces.push(Vec::new());
                }
            }
        }
        pieces.last_mut().expect("there is always a piece").extend_from_slice(rest);
        if pieces.iter().all(Vec::is_empty) && pieces.len() == 1 { Vec::new() } else { pieces }
    }

    /// The value of a template, for addresses of at most `address_length` characters.
    pub(super) fn value(&self, code: Code, template: &[u8], address_length: usize) -> (Value, Alteration) {
        let pieces = self.expanded(template);
        let pieces: Vec<_> = pieces.iter().map(|piece| String::from_utf8_lossy(piece)).collect();
        match pieces.as_slice() {
            [] => (Value::new(code), Alteration::default()),
            pieces => Value::with_text(code, pieces, address_length),
        }
    }
}
