//! A table as bytes, and back, through the exemptions of then.
//!
//! Enters: a [`Fixed`], or bytes. Leaves: bytes, or a table made as every other is, by [`FixedBuilder`]: without what is
//! exempt by now (G6). What was exempt when the bytes were made is not in them. Refused: bytes that describe no table.
//! That they are the ones that were written is for others to know.
//!
//! Numbers in little-endian order:
//!
//! ```text
//! TTL: u32, 0 for none               the last second: u64, all ones for none
//! answers: u32, then for each        values: u16, then for each
//!   code: 4 bytes                    text: length u8, bytes           places of the address in it: number u8, bytes
//! IPv4 addresses: u64, then each     address u32, answer u16
//! IPv4 ranges: u64, then each        first u32, last u32, answer u16
//! IPv6 /64s: u64, then each          upper half u64, answer u16
//! IPv6 ranges of /64s: u64, each     first u64, last u64, answer u16
//! IPv6 ranges in a /64: u64, each    first u128, last u128, answer u16
//! ```

use std::io::{self, Write};
use std::net::Ipv4Addr;

use firsthand_analyzer::listing::Exemptions;

use super::{Bits, Fixed, FixedBuilder, KeptOut, Value};
use crate::zone::Code;

/// What stands for a list that does not expire.
const NEVER: u64 = u64::MAX;

/// A range of addresses with the number of its answer.
type Row<K> = (K, K, u16);

impl Fixed {
    /// Writes the table as bytes.
    ///
    /// # Errors
    /// When `out` does not take them.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.ttl.unwrap_or(0).to_le_bytes())?;
        out.write_all(&self.expires.unwrap_or(NEVER).to_le_bytes())?;
        out.write_all(&(self.sets.len() as u32).to_le_bytes())?;
        for set in self.sets.iter() {
            out.write_all(&(set.len() as u16).to_le_bytes())?;
            for value in set {
                let (literal, insertions) = value.parts();
                out.write_all(&value.code.address().octets())?;
                for part in [literal, insertions] {
                    // A text has at most 200 bytes.
                    out.write_all(&[part.len() as u8])?;
                    out.write_all(part)?;
                }
            }
        }
        let count = |count: usize| (count as u64).to_le_bytes();
        out.write_all(&count(self.four.points().count()))?;
        for (bits, set) in self.four.points() {
            out.write_all(&bits.to_le_bytes())?;
            out.write_all(&set.to_le_bytes())?;
        }
        out.write_all(&count(self.four.spans().count()))?;
        for (from, to, set) in self.four.spans() {
            out.write_all(&from.to_le_bytes())?;
            out.write_all(&to.to_le_bytes())?;
            out.write_all(&set.to_le_bytes())?;
        }
        out.write_all(&count(self.six.points().count()))?;
        for (upper, set) in self.six.points() {
            out.write_all(&upper.to_le_bytes())?;
            out.write_all(&set.to_le_bytes())?;
        }
        out.write_all(&count(self.six.spans().len()))?;
        for (from, to, set) in self.six.spans() {
            out.write_all(&from.to_le_bytes())?;
            out.write_all(&to.to_le_bytes())?;
            out.write_all(&set.to_le_bytes())?;
        }
        out.write_all(&count(self.six.fine().len()))?;
        for (from, to, set) in self.six.fine() {
            out.write_all(&from.to_le_bytes())?;
            out.write_all(&to.to_le_bytes())?;
            out.write_all(&set.to_le_bytes())?;
        }
        Ok(())
    }

    /// The table that bytes describe, all of them, without what is exempt; none if they describe none.
    pub fn read_from(bytes: &[u8], exemptions: &Exemptions) -> Option<(Self, KeptOut)> {
        let mut rest = bytes;
        let ttl = Some(u32::from_le_bytes(take(&mut rest)?)).filter(|ttl| *ttl > 0);
        let expires = Some(u64::from_le_bytes(take(&mut rest)?)).filter(|expires| *expires != NEVER);
        let mut sets = Vec::new();
        for _ in 0..u32::from_le_bytes(take(&mut rest)?) {
            sets.push(set(&mut rest)?);
        }
        let mut builder = FixedBuilder::new(exemptions);
        let points = rows::<6>(&mut rest)?.map(|row| {
            let bits = u32::from_le_bytes(part(row, 0));
            (bits, bits, u16::from_le_bytes(part(row, 4)))
        });
        let spans = rows::<10>(&mut rest)?;
        let spans = spans.map(|row| {
            let [from, to] = [0, 4].map(|at| u32::from_le_bytes(part(row, at)));
            (from, to, u16::from_le_bytes(part(row, 8)))
        });
        build(merged(points, spans), sets.len(), |from, to, set| builder.four(from, to, set))?;
        let points = rows::<10>(&mut rest)?.map(|row| {
            let upper = u64::from_le_bytes(part(row, 0));
            whole(upper, upper, u16::from_le_bytes(part(row, 8)))
        });
        let spans = rows::<18>(&mut rest)?.map(|row| {
            let [from, to] = [0, 8].map(|at| u64::from_le_bytes(part(row, at)));
            whole(from, to, u16::from_le_bytes(part(row, 16)))
        });
        let fine = rows::<34>(&mut rest)?.map(|row| {
            let [from, to] = [0, 16].map(|at| u128::from_le_bytes(part(row, at)));
            (from, to, u16::from_le_bytes(part(row, 32)))
        });
        build(merged(merged(points, spans), fine), sets.len(), |from, to, set| builder.six(from, to, set))?;
        rest.is_empty().then(|| builder.finish(sets, ttl, expires))
    }
}

/// The addresses of /64s.
fn whole(from: u64, to: u64, set: u16) -> Row<u128> {
    (u128::from(from) << 64, u128::from(to) << 64 | u128::from(u64::MAX), set)
}

/// Hands out ranges, as long as they ascend and have answers; none if one does not.
fn build<K: Bits>(rows: impl Iterator<Item = Row<K>>, sets: usize, mut push: impl FnMut(K, K, u16)) -> Option<()> {
    let mut last = None;
    for (from, to, set) in rows {
        if from > to || last.is_some_and(|last| last >= from) || usize::from(set) >= sets {
            return None;
        }
        push(from, to, set);
        last = Some(to);
    }
    Some(())
}

/// Merges two rows of ranges by their first addresses.
fn merged<K: Ord>(
    one: impl Iterator<Item = Row<K>>,
    other: impl Iterator<Item = Row<K>>,
) -> impl Iterator<Item = Row<K>> {
    let (mut one, mut other) = (one.peekable(), other.peekable());
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second.0 < first.0 => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}

/// An answer.
fn set(rest: &mut &[u8]) -> Option<Box<[Value]>> {
    let count = u16::from_le_bytes(take(rest)?);
    let value = |_| {
        let code = Code::try_from(Ipv4Addr::from(take::<4>(rest)?)).ok()?;
        let mut text = || {
            let [length] = take(rest)?;
            let (text, after) = rest.split_at_checked(usize::from(length))?;
            *rest = after;
            Some(text)
        };
        let (literal, insertions) = (text()?, text()?);
        Value::of_parts(code, literal, insertions)
    };
    let values: Option<Box<[Value]>> = (0..count).map(value).collect();
    values.filter(|values| !values.is_empty())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

/// Rows of `N` bytes, behind their number.
fn rows<'b, const N: usize>(rest: &mut &'b [u8]) -> Option<impl Iterator<Item = &'b [u8; N]> + use<'b, N>> {
    let count = usize::try_from(u64::from_le_bytes(take(rest)?)).ok()?;
    let (rows, after) = rest.split_at_checked(count.checked_mul(N)?)?;
    *rest = after;
    Some(rows.chunks_exact(N).filter_map(|row| row.try_into().ok()))
}

/// The bytes of a row from `at` on.
fn part<const N: usize, const M: usize>(row: &[u8; N], at: usize) -> [u8; M] {
    std::array::from_fn(|byte| row[at + byte])
}
