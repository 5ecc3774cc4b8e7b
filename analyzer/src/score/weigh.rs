//! The weight of words under the caps of trap, domain and foreign feed (G4).

use super::{Policy, Trust, Word};

/// The most foreign feeds between which it is weighed which to cap; any more that exceed the cap are capped.
const WEIGHED_FEEDS: u32 = 10;

/// The most that the words, in the order of their traps, can add up to under the caps of trap, domain and foreign feed.
///
/// That is a greatest flow (feed → trap → domain), and so a least cut: for each choice of capped foreign feeds, what
/// these contribute at most, and what the domains let through of the others. As a least of sums that fall with every
/// weight, it never rises while the evidence stands unchanged; and no feed adds more than its cap. Handing out shares in
/// some order does neither. With it come the feeds that are capped in the least cut.
pub(super) fn weigh<'a>(words: &[Word<'a>], foreign_cap: f64, policy: &Policy) -> (f64, Vec<&'a str>) {
    let mut domains: Vec<&str> = words.iter().map(|word| word.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    let places: Vec<usize> = words.iter().map(|word| domains.binary_search(&word.domain).unwrap_or_default()).collect();
    let mut sums = vec![0.0; domains.len()];
    let mut through = |counts: &dyn Fn(&Word<'_>) -> bool| -> f64 {
        sums.fill(0.0);
        let (mut trap, mut level) = ("", 0.0_f64);
        for (word, place) in words.iter().zip(&places).filter(|(word, _)| counts(word)) {
            if word.trap != trap {
                (trap, level) = (word.trap, 0.0);
            }
            // One trap has one level, however many feeds hear it.
            sums[*place] += (word.weight - level).max(0.0);
            level = level.max(word.weight);
        }
        sums.iter().map(|sum| sum.min(policy.domain_cap)).sum()
    };
    let mut foreign: Vec<&str> =
        words.iter().filter(|word| word.trust == Trust::Foreign).map(|word| word.feed).collect();
    if foreign.is_empty() {
        return (through(&|_| true), foreign);
    }
    foreign.sort_unstable();
    foreign.dedup();
    // Capping a feed that alone stays below its cap never makes the sum less.
    foreign.retain(|feed| through(&|word| word.feed == *feed) > foreign_cap);
    let weighed = foreign.len().min(WEIGHED_FEEDS as usize);
    let is_capped = |choice: u32, at: usize| at >= weighed || choice >> at & 1 == 1;
    let mut least = (f64::INFINITY, 0);
    for choice in 0..1u32 << weighed {
        let capped = |feed: &str| foreign.iter().position(|name| *name == feed).is_some_and(|at| is_capped(choice, at));
        let count = (foreign.len() - weighed) as f64 + f64::from(choice.count_ones());
        let sum = count * foreign_cap + through(&|word| !capped(word.feed));
        if sum < least.0 {
            least = (sum, choice);
        }
    }
    let (sum, choice) = least;
    foreign = foreign.into_iter().enumerate().filter(|(at, _)| is_capped(choice, *at)).map(|(_, feed)| feed).collect();
    (sum, foreign)
}
