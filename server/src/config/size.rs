//! A number of bytes, as people write it.
//!
//! Format: `0`, or a whole number and a unit of 1024: `KiB`, `MiB`, `GiB`, `TiB`. Refuses units of 1000, which people mean
//! as often as not when they write them.

use std::fmt;

use serde::{Serialize, Serializer};

use super::remark::Flaw;

/// The units, the largest first.
const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl Size {
    /// The size that `text` writes.
    pub(super) fn of(text: &str) -> Result<Self, Flaw> {
        if text == "0" {
            return Ok(Self(0));
        }
        let unit = UNITS.into_iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?.trim_end(), bytes)));
        let size = unit.and_then(|(number, bytes)| number.parse::<u64>().ok()?.checked_mul(bytes));
        size.map(Self).ok_or_else(|| {
            let what = format!("{text:?} is not a size");
            Flaw::new(what, r#"write a whole number of KiB, MiB, GiB or TiB, for example "256MiB", or "0""#)
        })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, bytes)| self.0 > 0 && self.0.is_multiple_of(*bytes)) {
            Some((unit, bytes)) => write!(f, "{}{unit}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_print_as_people_write_them() {
        for (text, bytes) in [("0", 0), ("1KiB", 1024), ("256MiB", 268_435_456), ("3 GiB", 3 << 30), ("2TiB", 2 << 40)]
        {
            assert_eq!(Size::of(text).unwrap(), Size(bytes));
            assert_eq!(Size::of(text).unwrap().to_string(), text.replace(' ', ""));
        }
        assert_eq!(Size::of("2048MiB").unwrap().to_string(), "2GiB");
        for text in ["", "MiB", "256", "256MB", "256 M", "-1MiB", "1.5GiB", "99999999999TiB"] {
            assert!(Size::of(text).is_err(), "{text}");
        }
    }
}
