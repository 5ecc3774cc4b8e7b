//! The brake: how fast the zone may grow (G7).
//!
//! Enters: listings that are not in the zone yet. Leaves: those that may go now, the best proven first. Each list has a
//! bucket of tokens for IPv4 and one for IPv6, whose addresses are too cheap to hold up the others; each foreign feed has one
//! for the listings that would not be without its word. A bucket fills with one interval's worth in an interval, and holds
//! one interval's worth. What finds no token waits here. What is listed is renewed, and what ends goes, without a token.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Listing;
use firsthand_analyzer::score::List;

use crate::config::BrakeSettings;

/// How well a listing is proven: by framing cost, then by score (in thousandths). The best is the least in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Rank(Reverse<usize>, Reverse<u64>);

impl Rank {
    pub(super) fn of(listing: &Listing) -> Self {
        Self(Reverse(listing.framing_cost), Reverse((listing.score * 1000.0) as u64))
    }
}

/// A listing that is not in the zone yet.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Waiting {
    pub(super) origin: Origin,
    pub(super) list: List,
    /// The foreign feeds without whose word it would not be.
    pub(super) needs: Vec<String>,
    /// What it was when it was last looked at.
    pub(super) listing: Listing,
    /// When that was, in Unix seconds.
    pub(super) seen: i64,
    /// Since when it waits, in Unix seconds.
    pub(super) since: i64,
    /// Whether the operator let it go, without a token.
    pub(super) released: bool,
}

/// Listings that need the same feeds, the best proven first.
type Group = BTreeMap<(Rank, Origin), Waiting>;

/// All that waits, by list, whether it is IPv6, and the foreign feeds that it needs.
type Groups = BTreeMap<(List, bool, Vec<String>), Group>;

/// The listings that wait, and the tokens that are left.
pub(super) struct Brake {
    settings: BrakeSettings,
    buckets: HashMap<String, Bucket>,
    /// By list and needed foreign feeds: none stands behind what needs a feed that it does not.
    waiting: Groups,
    ranks: HashMap<(Origin, List), (Rank, Vec<String>)>,
    /// What the operator let go.
    released: HashSet<(Origin, List)>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    /// The Unix second at which it held so many.
    at: i64,
    drawn: bool,
}

impl Brake {
    /// A brake with what was left in its buckets; those that are not known are full.
    pub(super) fn new(settings: BrakeSettings, left: HashMap<String, (f64, i64)>) -> Self {
        let bucket = |(name, (tokens, at))| (name, Bucket { tokens, at, drawn: false });
        Self {
            settings,
            buckets: left.into_iter().map(bucket).collect(),
            waiting: BTreeMap::new(),
            ranks: HashMap::new(),
            released: HashSet::new(),
        }
    }

    /// Lets a listing wait; if it waits already, by what is known now.
    pub(super) fn wait(&mut self, rank: Rank, mut waiting: Waiting) {
        let (origin, list) = (waiting.origin, waiting.list);
        let released = self.released.contains(&(origin, list));
        if let Some(before) = self.forget(origin, list) {
            waiting.since = before.since;
        }
        if released {
            self.released.insert((origin, list));
        }
        let needs = waiting.needs.clone();
        self.ranks.insert((origin, list), (rank, needs.clone()));
        self.waiting.entry((list, is_six(origin), needs)).or_default().insert((rank, origin), waiting);
    }

    /// Nothing waits of this origin in this list any more.
    pub(super) fn forget(&mut self, origin: Origin, list: List) -> Option<Waiting> {
        self.released.remove(&(origin, list));
        let (rank, needs) = self.ranks.remove(&(origin, list))?;
        let group = (list, is_six(origin), needs);
        let alike = self.waiting.get_mut(&group)?;
        let waiting = alike.remove(&(rank, origin));
        if alike.is_empty() {
            self.waiting.remove(&group);
        }
        waiting
    }

    /// Lets go once more what was let go in a tick that did not come to its end, as soon as it waits again.
    pub(super) fn release_again(&mut self, origin: Origin, list: List) {
        self.released.insert((origin, list));
    }

    /// Whether something of this origin waits.
    pub(super) fn holds(&self, origin: Origin) -> bool {
        List::ALL.into_iter().any(|list| self.ranks.contains_key(&(origin, list)))
    }

    /// Lets go what waits in a list, or in all, of one origin, or of all. Says how many these are.
    pub(super) fn release(&mut self, list: Option<List>, origin: Option<Origin>) -> usize {
        let named = |known: &(Origin, List)| {
            origin.is_none_or(|origin| origin == known.0) && list.is_none_or(|list| list == known.1)
        };
        let before = self.released.len();
        self.released.extend(self.ranks.keys().filter(|known| named(known)));
        self.released.len() - before
    }

    /// Whether something that was let go still waits.
    pub(super) fn is_releasing(&self) -> bool {
        self.released.iter().any(|known| self.ranks.contains_key(known))
    }

    /// What may go now, the best proven first, at most `limit`: it waits no more, and its tokens are drawn.
    pub(super) fn take(&mut self, now: i64, limit: usize) -> Vec<Waiting> {
        // Where a clock went back, what was drawn ahead of it was drawn now: it gives nothing, and holds nothing up.
        for bucket in self.buckets.values_mut() {
            bucket.at = bucket.at.min(now);
        }
        let waits = |known: &&(Origin, List)| self.ranks.contains_key(*known);
        let released: Vec<(Origin, List)> = self.released.iter().filter(waits).take(limit).copied().collect();
        let mut taken: Vec<Waiting> = Vec::new();
        for (origin, list) in released {
            taken.extend(self.forget(origin, list).map(|waiting| Waiting { released: true, ..waiting }));
        }
        for list in List::ALL {
            for six in [false, true] {
                let going = self.affordable(list, six, now, limit - taken.len());
                for origin in going {
                    taken.extend(self.forget(origin, list));
                }
            }
        }
        taken
    }

    /// Draws the tokens of what may go of one list and family, the best proven first.
    fn affordable(&mut self, list: List, six: bool, now: i64, limit: usize) -> Vec<Origin> {
        let mut groups: Vec<_> = groups(&self.waiting, list, six).map(|group| group.iter().peekable()).collect();
        let mut going = Vec::new();
        while going.len() < limit {
            let heads = groups.iter_mut().enumerate().filter_map(|(at, group)| Some((*group.peek()?.0, at)));
            let Some((_, at)) = heads.min() else { break };
            let Some(((_, origin), waiting)) = groups[at].next() else { break };
            let names = buckets_of(waiting);
            match names.iter().position(|name| tokens(&self.settings, &self.buckets, name, now) < 1.0) {
                // A list without tokens lets nothing go, however proven.
                Some(0) => break,
                // A feed without tokens holds up whatever else needs it.
                Some(_) => drop(groups.swap_remove(at)),
                None => {
                    for name in names {
                        let left = tokens(&self.settings, &self.buckets, &name, now) - 1.0;
                        self.buckets.insert(name, Bucket { tokens: left, at: now, drawn: true });
                    }
                    going.push(*origin);
                }
            }
        }
        going
    }

    /// Gives back the tokens of what did not go after all, if it drew any.
    pub(super) fn give_back(&mut self, waiting: &Waiting, now: i64) {
        if waiting.released {
            return;
        }
        for name in buckets_of(waiting) {
            let most = f64::from(size(&self.settings, &name));
            let left = (tokens(&self.settings, &self.buckets, &name, now) + 1.0).min(most);
            self.buckets.insert(name, Bucket { tokens: left, at: now, drawn: true });
        }
    }

    /// The buckets that were drawn from since this was last asked.
    pub(super) fn drawn(&mut self) -> Vec<(String, f64, i64)> {
        let mut drawn = Vec::new();
        for (name, bucket) in self.buckets.iter_mut().filter(|(_, bucket)| bucket.drawn) {
            bucket.drawn = false;
            drawn.push((name.clone(), bucket.tokens, bucket.at));
        }
        drawn
    }

    /// How many listings of a list wait.
    pub(super) fn count(&self, list: List) -> usize {
        let count = |six| groups(&self.waiting, list, six).map(BTreeMap::len).sum::<usize>();
        count(false) + count(true)
    }

    /// What waits of each list, the best proven first, at most `limit` of each.
    pub(super) fn waiting(&self, limit: usize) -> Vec<Waiting> {
        let mut shown = Vec::new();
        for list in List::ALL {
            let all = groups(&self.waiting, list, false).chain(groups(&self.waiting, list, true));
            let mut best: Vec<_> = all.flat_map(|waiting| waiting.iter().take(limit)).collect();
            best.sort_by_key(|(key, _)| **key);
            shown.extend(best.into_iter().take(limit).map(|(_, waiting)| waiting.clone()));
        }
        shown
    }

    /// Every bucket that was ever drawn from, and those of the lists: its name, its tokens, and how many it holds.
    pub(super) fn levels(&self, now: i64) -> Vec<(String, f64, u32)> {
        let families = List::ALL.into_iter().flat_map(|list| [false, true].map(|six| list_bucket(list, six)));
        let mut names: Vec<String> = families.collect();
        names.extend(self.buckets.keys().filter(|name| name.starts_with(FEED)).cloned());
        names.sort_unstable();
        let level = |name: String| {
            let left = tokens(&self.settings, &self.buckets, &name, now);
            let size = size(&self.settings, &name);
            (name, left, size)
        };
        names.into_iter().map(level).collect()
    }

    /// From now on by these settings.
    pub(super) fn hold_to(&mut self, settings: BrakeSettings) {
        self.settings = settings;
    }
}

/// How the names of foreign feeds' buckets begin.
const FEED: &str = "feed ";

/// What waits of a family in a list, by the foreign feeds that it needs.
fn groups(groups: &Groups, list: List, six: bool) -> impl Iterator<Item = &Group> {
    let behind = groups.range((list, six, Vec::new())..);
    behind.take_while(move |((of, of_six, _), _)| (*of, *of_six) == (list, six)).map(|(_, group)| group)
}

fn is_six(origin: Origin) -> bool {
    matches!(origin, Origin::V6(_))
}

fn list_bucket(list: List, six: bool) -> String {
    format!("list {}{}", list.name(), if six { ", IPv6" } else { "" })
}

/// The buckets that a listing draws from; its list's first.
fn buckets_of(waiting: &Waiting) -> Vec<String> {
    let feeds = waiting.needs.iter().map(|feed| format!("{FEED}{feed}"));
    std::iter::once(list_bucket(waiting.list, is_six(waiting.origin))).chain(feeds).collect()
}

fn size(settings: &BrakeSettings, name: &str) -> u32 {
    if name.starts_with(FEED) { settings.per_feed } else { settings.per_list }
}

fn tokens(settings: &BrakeSettings, buckets: &HashMap<String, Bucket>, name: &str, now: i64) -> f64 {
    let most = f64::from(size(settings, name));
    let Some(bucket) = buckets.get(name) else { return most };
    // A clock that went back gives nothing.
    let passed = (now - bucket.at).max(0) as f64;
    (bucket.tokens + passed * most / settings.interval.as_secs_f64().max(1.0)).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn settings() -> BrakeSettings {
        BrakeSettings { per_list: 10, per_feed: 2, interval: Duration::from_secs(100) }
    }

    fn waiting(number: u64, cost: usize, needs: &[&str]) -> (Rank, Waiting) {
        let origin = Origin::V6(number);
        let listing = Listing { origin, since: 0, until: 9, framing_cost: cost, score: 3.0 };
        let needs = needs.iter().map(|feed| (*feed).to_owned()).collect();
        let rank = Rank::of(&listing);
        (rank, Waiting { origin, list: List::Spam, needs, listing, seen: 0, since: 0, released: false })
    }

    fn filled(costs: impl Iterator<Item = usize>, needs: &[&str]) -> Brake {
        let mut brake = Brake::new(settings(), HashMap::new());
        for (number, cost) in costs.enumerate() {
            let (rank, listing) = waiting(number as u64, cost, needs);
            brake.wait(rank, listing);
        }
        brake
    }

    fn costs(taken: &[Waiting]) -> Vec<usize> {
        taken.iter().map(|waiting| waiting.listing.framing_cost).collect()
    }

    /// G7: one interval's worth at once, then as it fills; the best proven first.
    #[test]
    fn the_best_proven_go_first_and_no_more_than_the_bound() {
        let mut brake = filled(1..=40, &[]);
        assert_eq!(costs(&brake.take(0, 100)), (31..=40).rev().collect::<Vec<_>>());
        assert_eq!(brake.take(9, 100), []);
        assert_eq!(costs(&brake.take(10, 100)), [30]);
        // Whatever the calls, in any time t no more than the bucket and what filled it.
        let mut gone = 11;
        for now in 11..=200 {
            gone += brake.take(now, 100).len();
            assert!(gone as i64 <= 10 + now / 10, "{gone} at {now}");
        }
        assert_eq!(gone, 30);
    }

    /// A foreign feed that names everybody holds up only what needs it.
    #[test]
    fn a_feed_without_tokens_holds_up_only_what_needs_it() {
        let mut brake = filled((1..=5).rev(), &["far"]);
        let (rank, own) = waiting(99, 1, &[]);
        brake.wait(rank, own);
        assert_eq!(costs(&brake.take(0, 100)), [5, 4, 1]);
        assert_eq!(costs(&brake.take(50, 100)), [3]);
    }

    /// Nor does it hold up, by their number, what needs another feed that has tokens.
    #[test]
    fn a_feed_without_tokens_does_not_hide_another_feed() {
        let mut brake = filled(std::iter::repeat_n(9, 10_002), &["far"]);
        assert_eq!(brake.take(0, 100).len(), 2);
        let (rank, other) = waiting(999_999, 1, &["near"]);
        brake.wait(rank, other);
        assert_eq!(costs(&brake.take(1, 100)), [1]);
    }

    /// What was left survives a restart, so that a process that dies and starts has no more in hand.
    #[test]
    fn tokens_survive() {
        let mut brake = filled(1..=40, &[]);
        assert_eq!(brake.take(0, 100).len(), 10);
        let left: HashMap<String, (f64, i64)> =
            brake.drawn().into_iter().map(|(name, tokens, at)| (name, (tokens, at))).collect();
        let mut again = Brake::new(settings(), left);
        let (rank, listing) = waiting(1, 1, &[]);
        again.wait(rank, listing);
        assert_eq!(again.take(5, 100), []);
        assert_eq!(again.take(10, 100).len(), 1);
    }

    #[test]
    fn the_operator_lets_go() {
        let mut brake = filled(1..=40, &[]);
        brake.take(0, 100);
        assert_eq!(brake.release(None, Some(Origin::V6(3))), 1);
        assert_eq!(costs(&brake.take(0, 100)), [4]);
        assert_eq!(brake.release(Some(List::Spam), None), 29);
        assert_eq!(brake.take(0, 20).len(), 20);
        assert_eq!(brake.take(0, 100).len(), 9);
        assert_eq!(brake.count(List::Spam), 0);
    }

    #[test]
    fn a_listing_waits_once() {
        let mut brake = filled(1..=1, &[]);
        let (rank, better) = waiting(0, 7, &[]);
        brake.wait(rank, better);
        assert_eq!(brake.count(List::Spam), 1);
        assert!(brake.holds(Origin::V6(0)));
        assert_eq!(costs(&brake.take(0, 9)), [7]);
        assert!(!brake.holds(Origin::V6(0)));
    }
}
