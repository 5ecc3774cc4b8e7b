//! Finding the lower half of an IPv4 address among those of one /16, which stand in order.

/// How far from where a point should stand it is looked for step by step.
const WALK_LIMIT: usize = 16;

/// Where `wanted` should stand among `points` if they lie evenly.
pub(super) fn guess(points: &[u16], wanted: u16) -> usize {
    (usize::from(wanted) * points.len()) >> 16
}

/// Where `wanted` stands among sorted `points`. What botnets and networks leave in a /16 lies evenly enough that it is
/// mostly found within one cache line of the guess; where it does not, halving ends the search.
pub(super) fn find(points: &[u16], wanted: u16) -> Option<usize> {
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
            }
        }
    }
}
