//! Finding an address among those that share its first 16 bits, which stand in order: by its next bits, as botnets and
//! networks leave addresses evenly enough that one is mostly found within a cache line or two of where it should be.

/// How far from where a point should stand it is looked for step by step.
const WALK_LIMIT: usize = 16;

/// What is left of an address behind its first 16 bits; IPv6 with those, and without the last 64.
pub(super) trait Rest: Copy + Ord {
    /// The 16 bits behind the first 16.
    fn next_bits(self) -> u16;
}

impl Rest for u16 {
    fn next_bits(self) -> u16 {
        self
    }
}

impl Rest for u64 {
    fn next_bits(self) -> u16 {
        (self >> 32) as u16
    }
}

/// Where `wanted` should stand among `points` if they lie evenly.
pub(super) fn guess<K: Rest>(points: &[K], wanted: K) -> usize {
    (usize::from(wanted.next_bits()) * points.len()) >> 16
}

/// Where `wanted` stands among sorted `points`. Where they do not lie evenly, halving ends the search.
pub(super) fn find<K: Rest>(points: &[K], wanted: K) -> Option<usize> {
    let at = guess(points, wanted);
    let found = match points.get(at)?.cmp(&wanted) {
        std::cmp::Ordering::Equal => at,
        std::cmp::Ordering::Less => {
            let above = &points[at + 1..];
            let near = &above[..above.len().min(WALK_LIMIT)];
            let place = match near.iter().position(|point| *point >= wanted) {
                Some(place) => place,
                None => above.partition_point(|point| *point < wanted),
            };
            at + 1 + place
        }
        std::cmp::Ordering::Greater => {
            let near = at.saturating_sub(WALK_LIMIT);
            match points[near..at].iter().rposition(|point| *point <= wanted) {
                Some(place) => near + place,
                None => points[..near].partition_point(|point| *point < wanted),
            }
        }
    };
    (points.get(found) == Some(&wanted)).then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_there_is_found_and_nothing_else(points in prop::collection::btree_set(prop_oneof![0u16..40, any::<u16>()], 0..300)) {
            let points: Vec<u16> = points.into_iter().collect();
            for wanted in points.iter().flat_map(|point| [point.wrapping_sub(1), *point, point.wrapping_add(1)]).chain([0, u16::MAX]) {
                prop_assert_eq!(find(&points, wanted), points.binary_search(&wanted).ok());
                prop_assert!(points.is_empty() || guess(&points, wanted) < points.len());
                let wide: Vec<u64> = points.iter().map(|point| 0x2001 << 48 | u64::from(*point) << 29).collect();
                let key = 0x2001 << 48 | u64::from(wanted) << 29;
                prop_assert_eq!(find(&wide, key), wide.binary_search(&key).ok());
                prop_assert_eq!(find(&wide, key | 1), None);
            }
        }
    }
}
