//! How well a listing is proven: its framing cost.
//!
//! Enters: what traps say at an instant at which a listing begins. Leaves: the least number of traps without whose words
//! it would not. So many traps would have to be known to somebody, or to lie, for an innocent to stand there; the fewest of
//! all listings say how well the whole list is proven.

use std::collections::BTreeMap;

use super::{Policy, Standing, Word, quorum, weigh::weigh};

/// The framing cost of a listing that begins with these words.
///
/// Exact where no foreign feed exceeds its cap; where one does, never less than the least number.
pub(super) fn framing_cost(words: &[Word<'_>], policy: &Policy, standing: &Standing) -> usize {
    let traps = quorum(words);
    let below_traps = traps.len().saturating_sub(policy.traps.saturating_sub(1));
    let mut sizes: Vec<usize> = traps.chunk_by(|one, other| one.0 == other.0).map(<[_]>::len).collect();
    sizes.sort_unstable();
    let spare = sizes.len().saturating_sub(policy.trap_domains.saturating_sub(1));
    let below_domains: usize = sizes.iter().take(spare).sum();
    let enough = policy.list_at.max(standing.wanted / 2.0);
    let most = below_traps.min(below_domains);
    let (_, capped) = weigh(words, policy.foreign_cap(), policy);
    let uncapped: Vec<Word<'_>> = words.iter().filter(|word| !capped.contains(&word.feed)).copied().collect();
    let given = capped.len() as f64 * policy.foreign_cap();
    [below_score(words, 0.0, enough, most, policy), below_score(&uncapped, given, enough, most, policy)]
        .into_iter()
        .flatten()
        .fold(most, usize::min)
}

/// The least number of traps, at most `most`, without which `given` and the words add up to less than `enough`.
fn below_score(words: &[Word<'_>], given: f64, enough: f64, most: usize, policy: &Policy) -> Option<usize> {
    let mut domains: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for of_trap in words.chunk_by(|one, other| one.trap == other.trap) {
        let level = of_trap.iter().map(|word| word.weight).fold(0.0, f64::max);
        domains.entry(of_trap[0].domain).or_default().push(level);
    }
    // What the domains still add up to at least, when so many traps are gone.
    let mut least = vec![f64::INFINITY; most + 1];
    least[0] = given;
    for levels in domains.values_mut() {
        levels.sort_by(f64::total_cmp);
        let mut left: Vec<f64> = Vec::with_capacity(levels.len() + 1);
        let mut sum = 0.0;
        left.push(0.0);
        for level in &*levels {
            sum += level;
            left.push(sum.min(policy.domain_cap));
        }
        // The heaviest go first: after `gone`, the lightest are left.
        left.reverse();
        for total in (0..=most).rev() {
            let choices = left.iter().enumerate().take(total + 1).map(|(gone, left)| least[total - gone] + left);
            least[total] = choices.fold(f64::INFINITY, f64::min);
        }
    }
    // One that goes too many is no harm.
    least.iter().position(|sum| *sum < enough - 1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Origin;
    use crate::evidence::{HOUR, Unit, UnitKey};
    use crate::listing::replay;
    use crate::nature::Nature;
    use crate::score::tests::registry;
    use crate::score::{List, Trust};
    use proptest::prelude::*;

    const ORIGIN: Origin = Origin::V6(1);

    fn units(hits: &[(usize, usize, usize, i64)], feeds: &[&str]) -> Vec<Unit> {
        let unit = |(feed, domain, index, hour): &(usize, usize, usize, i64)| {
            let (feed, trap) = (feeds[feed % feeds.len()].to_owned(), format!("t{domain}{index}"));
            let key =
                UnitKey { origin: ORIGIN, feed, trap, nature: Nature::Direct, null_sender: false, hour: 100 - hour };
            Unit { key, samples: 1, newest: (100 - hour) * HOUR }
        };
        hits.iter().map(unit).collect()
    }

    /// The least number of traps without whose units nothing is listed, found by trying all sets.
    fn tried(units: &[Unit]) -> Option<usize> {
        let (registry, policy) = (registry(), Policy::default());
        let listed = |units: &[Unit]| replay(ORIGIN, units, List::Spam, &registry, &policy, 100 * HOUR).is_some();
        let mut traps: Vec<&str> = units.iter().map(|unit| unit.key.trap.as_str()).collect();
        traps.sort_unstable();
        traps.dedup();
        if !listed(units) {
            return None;
        }
        let falls = |set: u32| {
            let gone = |trap: &str| traps.iter().position(|known| *known == trap).is_some_and(|at| set >> at & 1 == 1);
            let left: Vec<Unit> = units.iter().filter(|unit| !gone(&unit.key.trap)).cloned().collect();
            !listed(&left)
        };
        (0..1u32 << traps.len()).filter(|set| falls(*set)).map(|set| set.count_ones() as usize).min()
    }

    fn found(units: &[Unit]) -> Option<usize> {
        let listing = replay(ORIGIN, units, List::Spam, &registry(), &Policy::default(), 100 * HOUR);
        listing.map(|listing| listing.framing_cost)
    }

    #[test]
    fn three_traps_fall_with_one_and_nine_with_more() {
        assert_eq!(found(&units(&[(0, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0)], &["own"])), Some(1));
        let nine: Vec<_> = (0..3).flat_map(|domain| (0..3).map(move |index| (0, domain, index, 0))).collect();
        assert_eq!(found(&units(&nine, &["own"])), Some(3));
        let sixteen: Vec<_> = (0..4).flat_map(|domain| (0..4).map(move |index| (0, domain, index, 0))).collect();
        assert_eq!(found(&units(&sixteen, &["own"])), Some(8));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        /// All at once, so that one instant is all that counts: exact.
        #[test]
        fn the_cost_is_the_least_number(hits in prop::collection::vec((0..4usize, 0..4usize, 0..3usize, 0i64..1), 3..10)) {
            let units = units(&hits, &["own", "own", "half", "faint"]);
            prop_assert_eq!(found(&units), tried(&units));
        }

        /// With hours and foreign feeds: a cost that is told is that of the last beginning.
        #[test]
        fn a_foreign_feed_makes_the_cost_no_lower_than_true(hits in prop::collection::vec((0..4usize, 0..4usize, 0..3usize, 0i64..1), 3..10)) {
            let units = units(&hits, &["own", "far", "far2", "far3"]);
            prop_assert_eq!(registry().feeds["far"], Trust::Foreign);
            match (found(&units), tried(&units)) {
                (Some(found), Some(tried)) => prop_assert!(found >= tried),
                (found, tried) => prop_assert_eq!(found, tried),
            }
        }
    }
}
