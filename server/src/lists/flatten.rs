//! Which entry wins: ranges that overlap, of several classes, become ranges that do not.
//!
//! An address answers all entries of the most specific class that has one for it; an exclusion among them ends it. The
//! classes of an ip4set are its /32s, /24s, /16s and /8s, into which every range is divided; those of a trie are the
//! lengths of prefixes, of which each has one entry at most.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::zone::Bits;

/// The number of an exclusion; values have others.
pub(super) const EXCLUDED: u16 = 0;

/// The addresses of one entry, or a part of them, with the number of its value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Range<K> {
    pub(super) from: K,
    pub(super) to: K,
    pub(super) id: u16,
    /// The lower, the more specific.
    pub(super) class: u8,
}

/// Hands out disjoint ranges, ascending, with the numbers of the values that their addresses have, ascending, too.
/// `ranges` come ascending by their first address. Stops with what `emit` returns as an error.
pub(super) fn flatten<K: Bits, E>(
    ranges: impl Iterator<Item = Range<K>>,
    mut emit: impl FnMut(K, K, &[u16]) -> Result<(), E>,
) -> Result<(), E> {
    let mut ranges = ranges.peekable();
    // What covers the place, by class and value, and when each of it ends.
    let mut covering: BTreeMap<(u8, u16), u32> = BTreeMap::new();
    let mut ends: BinaryHeap<Reverse<(K, u8, u16)>> = BinaryHeap::new();
    let mut place = None;
    let mut ids = Vec::new();
    loop {
        if ends.is_empty() {
            let Some(range) = ranges.next() else { return Ok(()) };
            // Most entries stand alone.
            if ranges.peek().is_none_or(|next| next.from > range.to) {
                if range.id != EXCLUDED {
                    emit(range.from, range.to, &[range.id])?;
                }
                continue;
            }
            place = Some(range.from);
            *covering.entry((range.class, range.id)).or_default() += 1;
            ends.push(Reverse((range.to, range.class, range.id)));
        }
        let Some(from) = place else { return Ok(()) };
        while let Some(range) = ranges.next_if(|range| range.from == from) {
            *covering.entry((range.class, range.id)).or_default() += 1;
            ends.push(Reverse((range.to, range.class, range.id)));
        }
        let Some(Reverse((first_end, ..))) = ends.peek() else { return Ok(()) };
        let to = ranges.peek().map_or(*first_end, |next| next.from.before().min(*first_end));
        if let Some(((class, first), _)) = covering.first_key_value()
            && *first != EXCLUDED
        {
            ids.clear();
            let same = covering.range((*class, 0)..=(*class, u16::MAX));
            // One more than may be is as good as all.
            ids.extend(same.map(|((_, id), _)| *id).take(super::VALUES_MAX + 1));
            emit(from, to, &ids)?;
        }
        while let Some(Reverse((end, class, id))) = ends.peek().copied()
            && end == to
        {
            ends.pop();
            if let Some(count) = covering.get_mut(&(class, id)) {
                *count -= 1;
                if *count == 0 {
                    covering.remove(&(class, id));
                }
            }
        }
        place = to.next();
    }
}

/// Divides a range into whole /8s, /16s, /24s and single addresses, the widest that fit, as an ip4set does.
pub(super) fn divide(from: u32, to: u32, mut piece: impl FnMut(u32, u32, u8)) {
    let (mut from, mut end) = (u64::from(from), u64::from(to) + 1);
    let mut hand_out = |from: u64, end: u64, class: u8| {
        if from < end {
            // Both lie below 2^32: an end is never 0 where something ends before it.
            piece(from as u32, (end - 1) as u32, class);
        }
    };
    for (class, unit) in [(0, 1u64 << 8), (1, 1 << 16), (2, 1 << 24)] {
        let (inner_from, inner_end) = (from.next_multiple_of(unit), end / unit * unit);
        if inner_from >= inner_end {
            return hand_out(from, end, class);
        }
        hand_out(from, inner_from, class);
        hand_out(inner_end, end, class);
        (from, end) = (inner_from, inner_end);
    }
    hand_out(from, end, 3);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range() -> impl Strategy<Value = Range<u32>> {
        let edge = prop_oneof![Just(0u32), 0u32..40, Just(u32::MAX), (u32::MAX - 20)..=u32::MAX];
        (edge.clone(), edge, 0u16..4, 0u8..4).prop_map(|(one, other, id, class)| Range {
            from: one.min(other),
            to: one.max(other),
            id,
            class,
        })
    }

    proptest! {
        /// The most specific class decides, an exclusion in it ends it, and all of its values are said.
        #[test]
        fn the_most_specific_class_decides(mut ranges in prop::collection::vec(range(), 0..12)) {
            ranges.sort_by_key(|range| range.from);
            let mut found = Vec::new();
            let done: Result<(), ()> = flatten(ranges.iter().copied(), |from, to, ids| {
                found.push((from, to, ids.to_vec()));
                Ok(())
            });
            prop_assert!(done.is_ok() && found.windows(2).all(|two| two[0].1 < two[1].0));
            for place in (0..45).chain((u32::MAX - 25)..=u32::MAX) {
                let over = ranges.iter().filter(|range| (range.from..=range.to).contains(&place));
                let class = over.clone().map(|range| range.class).min();
                let mut ids: Vec<u16> = over.filter(|range| Some(range.class) == class).map(|range| range.id).collect();
                ids.sort_unstable();
                ids.dedup();
                if ids.first() == Some(&EXCLUDED) {
                    ids.clear();
                }
                let said = found.iter().find(|(from, to, _)| (*from..=*to).contains(&place));
                prop_assert_eq!(said.map_or(Vec::new(), |(.., ids)| ids.clone()), ids, "{}", place);
            }
        }

        /// A divided range is the same addresses, in pieces that begin and end on the borders of their class.
        #[test]
        fn a_range_is_divided_and_stays_whole(one in any::<u32>(), other in any::<u32>()) {
            let (from, to) = (one.min(other), one.max(other));
            let mut pieces = Vec::new();
            divide(from, to, |from, to, class| pieces.push((from, to, class)));
            pieces.sort_unstable();
            prop_assert_eq!((pieces[0].0, pieces.last().unwrap().1), (from, to));
            prop_assert!(pieces.windows(2).all(|two| two[0].1 + 1 == two[1].0) && pieces.len() <= 7);
            for (from, to, class) in pieces {
                let unit = 1u64 << (8 * u32::from(class));
                prop_assert!(u64::from(from) % unit == 0 && (u64::from(to) + 1) % unit == 0);
            }
        }
    }

    #[test]
    fn the_whole_address_space_is_its_eights() {
        let mut pieces = Vec::new();
        divide(0, u32::MAX, |from, to, class| pieces.push((from, to, class)));
        assert_eq!(pieces, [(0, u32::MAX, 3)]);
    }
}
