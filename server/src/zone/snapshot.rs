//! The zone as bytes, to start from before anything is replayed.
//!
//! Enters: a [`Zone`], or bytes. Leaves: bytes, or a [`Snapshot`]: entries that have passed no exemption yet. Refuses
//! bytes that are not whole (by their digest), of another format, or of another ledger's epoch.
//!
//! Format 1, numbers in little-endian order:
//!
//! ```text
//! "firsthand zone 1\n"
//! epoch: length u16, text        serial: u32        lists: u16, then for each list
//!   label: length u16, text
//!   IPv4 entries: u64, then each: address u32, end u32      in the order of addresses
//!   IPv6 entries: u64, then each: upper half u64, end u32   in the same order
//! BLAKE3 of all before: 32 bytes
//! ```

use std::net::Ipv4Addr;

use firsthand_analyzer::address::Origin;

use super::Zone;

/// How a snapshot begins.
const MAGIC: &[u8] = b"firsthand zone 1\n";

/// The bytes of the digest at the end.
const DIGEST: usize = 32;

/// Entries that are read in one go, so that a large zone is never in memory twice.
pub const PART: usize = 500_000;

/// The version of a zone that bytes hold.
pub struct Snapshot<'a> {
    /// Its serial.
    pub serial: u32,
    /// Its lists, by label.
    pub lists: Vec<(&'a str, Entries<'a>)>,
}

/// The entries of one list.
#[derive(Clone, Copy)]
pub struct Entries<'a> {
    four: &'a [u8],
    six: &'a [u8],
}

/// Why bytes are no snapshot of this ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unusable {
    /// They do not begin as one of this format.
    #[error("it is no snapshot of this format")]
    Format,
    /// They were cut off or changed.
    #[error("it is not whole")]
    Damaged,
    /// They belong to another ledger, or to this one before it was restored.
    #[error("it belongs to another ledger")]
    OtherEpoch,
}

/// A version of the zone as bytes.
pub fn write(zone: &Zone, epoch: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    text(&mut out, epoch);
    out.extend(zone.serial().to_le_bytes());
    // What stands in the operator's files is read from there.
    let lists = zone.lists().iter().enumerate().filter(|(_, list)| !list.from_file);
    out.extend((lists.clone().count() as u16).to_le_bytes());
    for (index, list) in lists {
        text(&mut out, list.label.as_str());
        let (four, six) = zone.counts(index);
        out.reserve(16 + four * 8 + six * 12);
        out.extend((four as u64).to_le_bytes());
        let mut counted = false;
        for (origin, end) in zone.entries(index) {
            // Unix time fits 32 bits until 2106, and no listing lasts longer than a year.
            let end = u32::try_from(end).unwrap_or(u32::MAX);
            match origin {
                Origin::V4(address) => out.extend(address.to_bits().to_le_bytes()),
                Origin::V6(upper) => {
                    if !counted {
                        out.extend((six as u64).to_le_bytes());
                        counted = true;
                    }
                    out.extend(upper.to_le_bytes());
                }
            }
            out.extend(end.to_le_bytes());
        }
        if !counted {
            out.extend(0u64.to_le_bytes());
        }
    }
    let digest = blake3::hash(&out);
    out.extend(digest.as_bytes());
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u16).to_le_bytes());
    out.extend(text.as_bytes());
}

/// The serial of what [`write()`] wrote for a ledger of any epoch.
///
/// # Errors
/// Why it cannot be used.
pub fn serial(bytes: &[u8]) -> Result<u32, Unusable> {
    let epoch = bytes.strip_prefix(MAGIC).ok_or(Unusable::Format).and_then(|mut rest| take_text(&mut rest))?;
    Ok(read(bytes, epoch)?.serial)
}

/// Reads what [`write()`] wrote for the ledger of this epoch.
///
/// # Errors
/// Why it cannot be used.
pub fn read<'a>(bytes: &'a [u8], epoch: &str) -> Result<Snapshot<'a>, Unusable> {
    let (body, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(Unusable::Format)?;
    let mut rest = body.strip_prefix(MAGIC).ok_or(Unusable::Format)?;
    if blake3::hash(body) != *digest {
        return Err(Unusable::Damaged);
    }
    if take_text(&mut rest)? != epoch {
        return Err(Unusable::OtherEpoch);
    }
    let serial = u32::from_le_bytes(take(&mut rest)?);
    let mut lists = Vec::new();
    for _ in 0..u16::from_le_bytes(take(&mut rest)?) {
        let label = take_text(&mut rest)?;
        let four = take_rows(&mut rest, 8)?;
        let six = take_rows(&mut rest, 12)?;
        lists.push((label, Entries { four, six }));
    }
    Ok(Snapshot { serial, lists })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unusable> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(Unusable::Damaged)?;
    *rest = after;
    Ok(*taken)
}

fn take_bytes<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Unusable> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Unusable::Damaged)?;
    *rest = after;
    Ok(taken)
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Result<&'a str, Unusable> {
    let length = u16::from_le_bytes(take(rest)?);
    std::str::from_utf8(take_bytes(rest, length.into())?).map_err(|_| Unusable::Damaged)
}

fn take_rows<'a>(rest: &mut &'a [u8], width: usize) -> Result<&'a [u8], Unusable> {
    let count = usize::try_from(u64::from_le_bytes(take(rest)?)).map_err(|_| Unusable::Damaged)?;
    take_bytes(rest, count.checked_mul(width).ok_or(Unusable::Damaged)?)
}

impl<'a> Entries<'a> {
    /// Each entry with the Unix second at which it ends.
    pub fn iter(self) -> impl Iterator<Item = (Origin, u64)> + 'a {
        let four = self.four.chunks_exact(8).filter_map(|row| {
            let (address, end) = row.split_first_chunk::<4>()?;
            Some((Origin::V4(Ipv4Addr::from_bits(u32::from_le_bytes(*address))), end_of(end)?))
        });
        let six = self.six.chunks_exact(12).filter_map(|row| {
            let (upper, end) = row.split_first_chunk::<8>()?;
            Some((Origin::V6(u64::from_le_bytes(*upper)), end_of(end)?))
        });
        four.chain(six)
    }
}

fn end_of(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(|end| u32::from_le_bytes(end).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{Change, ListSettings, ZoneSettings};
    use firsthand_analyzer::listing::Exemptions;
    use proptest::prelude::*;

    fn zone(entries: &[(usize, Origin, i64)]) -> Zone {
        let lists = vec![ListSettings::spam(), ListSettings::backscatter(), ListSettings::mixed()];
        let none = Exemptions::only([]);
        let list = |(list, origin, until): &(usize, Origin, i64)| Change::List {
            list: *list,
            entry: none.admit(*origin, *until).unwrap(),
        };
        let changes: Vec<Change> = entries.iter().map(list).collect();
        Zone::empty(ZoneSettings::default(), lists).unwrap().with(7, &changes)
    }

    fn entry() -> impl Strategy<Value = (usize, Origin, i64)> {
        let origin = prop_oneof![
            any::<u32>().prop_map(|bits| Origin::V4(Ipv4Addr::from_bits(bits))),
            (1u64..).prop_map(Origin::V6)
        ];
        (0..3usize, origin, 0i64..i64::from(u32::MAX))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What is written is read, and whatever is changed or cut off is refused.
        #[test]
        fn a_snapshot_is_the_zone(entries in prop::collection::vec(entry(), 0..200), damage in any::<prop::sample::Index>()) {
            let zone = zone(&entries);
            let bytes = write(&zone, "e1");
            let snapshot = read(&bytes, "e1").unwrap();
            prop_assert_eq!(snapshot.serial, 7);
            prop_assert_eq!(serial(&bytes).unwrap(), 7);
            for (index, (label, entries)) in snapshot.lists.iter().enumerate() {
                prop_assert_eq!(*label, zone.lists()[index].label.as_str());
                prop_assert!(entries.iter().eq(zone.entries(index)));
            }
            prop_assert_eq!(read(&bytes, "e2").err(), Some(Unusable::OtherEpoch));
            let at = damage.index(bytes.len());
            let mut changed = bytes.clone();
            changed[at] ^= 0x40;
            prop_assert!(read(&changed, "e1").is_err());
            prop_assert!(read(&bytes[..at], "e1").is_err());
        }
    }
}
