//! The entries of one list: an immutable table whose parts its successors share.
//!
//! IPv4 stands in 65,536 slots by the upper half of the address, each a sorted run of (lower half, end); IPv6 in a
//! row of sorted runs of (/64, end). A change copies the row of pointers and the runs it touches, nothing else. An
//! *end* is the Unix second from which an entry is no longer listed: whoever looks names the instant, and entries
//! past their end are as good as absent (G8). An end after February 2106, which 32 bits cannot hold, is kept as the
//! last second that they can.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use firsthand_analyzer::address::Origin;

use super::search;

/// The slots of the IPv4 half: one for each value of the upper 16 bits.
const SLOTS: usize = 1 << 16;
/// The most entries in one IPv6 run; a run that outgrows it is split into halves.
const RUN_LIMIT: usize = 1024;
/// An IPv6 run that shrank below this joins its neighbour if both fit into one.
const RUN_LEAST: usize = RUN_LIMIT / 4;

/// What a version does to one key: a new end, or none for removal.
type Edit<K> = (K, Option<u64>);

/// A sorted run of IPv6 keys with their ends. Never changed once it is made; never empty in a table.
#[derive(Debug)]
struct Run {
    keys: Box<[u64]>,
    ends: Box<[u32]>,
    /// The latest of the ends, so that a run of the past is recognised at a glance.
    latest: u32,
}

impl Run {
    /// Makes a run of entries sorted by key; `None` for none.
    fn new(entries: &[(u64, u64)]) -> Option<Self> {
        let narrow = |(key, end): &(u64, u64)| (*key, narrowed(*end));
        let (keys, ends): (Vec<u64>, Vec<u32>) = entries.iter().map(narrow).unzip();
        let latest = ends.iter().copied().max()?;
        Some(Self { keys: keys.into(), ends: ends.into(), latest })
    }

    fn end(&self, key: u64) -> Option<u64> {
        self.keys.binary_search(&key).ok().map(|at| self.ends[at].into())
    }

    /// Whether an entry among `keys` is listed at `now`.
    fn any(&self, keys: &RangeInclusive<u64>, now: u64) -> bool {
        if u64::from(self.latest) <= now {
            return false;
        }
        let from = self.keys.partition_point(|key| key < keys.start());
        let to = self.keys.partition_point(|key| key <= keys.end());
        // A range may end before it begins only where a caller made it so; then it is empty.
        self.ends.get(from..to).is_some_and(|ends| ends.iter().any(|end| u64::from(*end) > now))
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u64)> {
        self.keys.iter().copied().zip(self.ends.iter().map(|end| u64::from(*end)))
    }

    fn len(&self) -> usize {
        self.keys.len()
    }
}

/// The entries of one upper half of IPv4: in one piece, as a query waits for each piece that it has to look at.
///
/// First the sorted lower halves, then their ends, each as its lower and its upper 16 bits. Nothing for no entries.
#[derive(Clone, Debug, Default)]
struct Slot(Option<Arc<[u16]>>);

impl Slot {
    fn new(entries: &[(u16, u64)]) -> Self {
        let keys = entries.iter().map(|(key, _)| *key);
        let ends = entries.iter().flat_map(|(_, end)| [narrowed(*end) as u16, (narrowed(*end) >> 16) as u16]);
        Self((!entries.is_empty()).then(|| keys.chain(ends).collect()))
    }

    fn keys_and_ends(&self) -> (&[u16], &[u16]) {
        let all = self.0.as_deref().unwrap_or_default();
        all.split_at(all.len() / 3)
    }

    fn len(&self) -> usize {
        self.keys_and_ends().0.len()
    }

    fn end(&self, key: u16) -> Option<u64> {
        let (keys, ends) = self.keys_and_ends();
        search::find(keys, key).map(|at| end_at(ends, at))
    }

    /// Whether an entry among `keys` is listed at `now`.
    fn any(&self, keys: &RangeInclusive<u16>, now: u64) -> bool {
        let (all, ends) = self.keys_and_ends();
        let from = all.partition_point(|key| key < keys.start());
        all[from..].iter().take_while(|key| *key <= keys.end()).enumerate().any(|(at, _)| end_at(ends, from + at) > now)
    }

    fn entries(&self) -> impl Iterator<Item = (u16, u64)> {
        let (keys, ends) = self.keys_and_ends();
        keys.iter().enumerate().map(|(at, key)| (*key, end_at(ends, at)))
    }
}

fn end_at(ends: &[u16], at: usize) -> u64 {
    u64::from(ends[2 * at]) | u64::from(ends[2 * at + 1]) << 16
}

/// An end in 32 bits: one after February 2106 is kept as the last that they can hold.
fn narrowed(end: u64) -> u32 {
    u32::try_from(end).unwrap_or(u32::MAX)
}

/// Applies `edits` to `entries`; both are sorted by key, and no key stands twice in either.
fn merged<K: Ord + Copy>(entries: impl Iterator<Item = (K, u64)>, edits: &[Edit<K>]) -> Vec<(K, u64)> {
    let mut edits = edits.iter().copied().peekable();
    let mut result = Vec::new();
    let mut push = |(key, end): Edit<K>| result.extend(end.map(|end| (key, end)));
    for (key, end) in entries {
        while let Some(edit) = edits.next_if(|edit| edit.0 < key) {
            push(edit);
        }
        push(edits.next_if(|edit| edit.0 == key).unwrap_or((key, Some(end))));
    }
    edits.for_each(push);
    result
}

/// Sorts by key; of several edits of one key, the last stays.
fn settled<K: Ord + Copy>(mut edits: Vec<Edit<K>>) -> Vec<Edit<K>> {
    edits.reverse();
    edits.sort_by_key(|edit| edit.0);
    edits.dedup_by_key(|edit| edit.0);
    edits
}

/// All entries of one list.
#[derive(Clone, Debug)]
pub(super) struct Table {
    four: Box<[Slot]>,
    /// Each run with its first key, in the order of keys; none is empty.
    six: Vec<(u64, Arc<Run>)>,
    four_count: usize,
    six_count: usize,
}

impl Table {
    pub(super) fn empty() -> Self {
        Self { four: vec![Slot::default(); SLOTS].into(), six: Vec::new(), four_count: 0, six_count: 0 }
    }

    /// The table after `edits`, in their order; this one stays as it is.
    pub(super) fn with(&self, edits: &[Edit<Origin>]) -> Self {
        let mut four = Vec::new();
        let mut six = Vec::new();
        for (origin, end) in edits {
            match origin {
                Origin::V4(address) => four.push((address.to_bits(), *end)),
                Origin::V6(upper) => six.push((*upper, *end)),
            }
        }
        let mut next = self.clone();
        next.edit_four(&settled(four));
        next.edit_six(&settled(six));
        next
    }

    fn edit_four(&mut self, edits: &[Edit<u32>]) {
        for edits in edits.chunk_by(|one, other| one.0 >> 16 == other.0 >> 16) {
            let slot = &mut self.four[(edits[0].0 >> 16) as usize];
            let lower: Vec<Edit<u16>> = edits.iter().map(|(address, end)| (*address as u16, *end)).collect();
            let entries = merged(slot.entries(), &lower);
            self.four_count -= slot.len();
            self.four_count += entries.len();
            *slot = Slot::new(&entries);
        }
    }

    fn edit_six(&mut self, mut edits: &[Edit<u64>]) {
        if edits.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.six);
        let mut starts = before.iter().skip(1).map(|(first, _)| *first);
        // An empty table is one run of nothing.
        let runs = before.iter().map(|(_, run)| Some(run)).chain(before.is_empty().then_some(None));
        for run in runs {
            let next_start = starts.next();
            let mine = edits.partition_point(|edit| next_start.is_none_or(|start| edit.0 < start));
            let (mine, rest) = edits.split_at(mine);
            edits = rest;
            match run {
                Some(run) if mine.is_empty() => self.six.push((run.keys[0], Arc::clone(run))),
                run => self.push_six(merged(run.into_iter().flat_map(|run| run.entries()), mine)),
            }
        }
        self.six_count = self.six.iter().map(|(_, run)| run.len()).sum();
    }

    /// Appends entries above all that are there, as runs of a good size.
    fn push_six(&mut self, mut entries: Vec<(u64, u64)>) {
        if entries.len() < RUN_LEAST
            && let Some((_, last)) = self.six.pop_if(|(_, last)| last.len() + entries.len() <= RUN_LIMIT)
        {
            entries = last.entries().chain(entries).collect();
        }
        let size = if entries.len() > RUN_LIMIT { RUN_LIMIT / 2 } else { RUN_LIMIT };
        self.six.extend(entries.chunks(size).filter_map(Run::new).map(|run| (run.keys[0], Arc::new(run))));
    }

    /// The end of an entry, whether past or not.
    pub(super) fn end(&self, origin: Origin) -> Option<u64> {
        match origin {
            // Where nothing is listed, nothing is looked at.
            Origin::V4(_) if self.four_count == 0 => None,
            Origin::V4(address) => {
                let bits = address.to_bits();
                self.four[(bits >> 16) as usize].end(bits as u16)
            }
            Origin::V6(upper) => {
                let at = self.six.partition_point(|(first, _)| *first <= upper).checked_sub(1)?;
                self.six[at].1.end(upper)
            }
        }
    }

    /// Reads what [`Self::end`] will wait for. The number means nothing.
    pub(super) fn touch(&self, address: Ipv4Addr) -> usize {
        if self.four_count == 0 {
            return 0;
        }
        let bits = address.to_bits();
        let (keys, _) = self.four[(bits >> 16) as usize].keys_and_ends();
        keys.get(search::guess(keys, bits as u16)).map_or(0, |key| usize::from(*key))
    }

    /// Whether an IPv4 entry among `addresses` is listed at `now`.
    pub(super) fn any_four(&self, addresses: &RangeInclusive<u32>, now: u64) -> bool {
        let (first, last) = (*addresses.start(), *addresses.end());
        let slots = (first >> 16) as usize..=(last >> 16) as usize;
        slots.clone().any(|slot| {
            let from = if slot == *slots.start() { first as u16 } else { 0 };
            let to = if slot == *slots.end() { last as u16 } else { u16::MAX };
            self.four[slot].any(&(from..=to), now)
        })
    }

    /// Whether an IPv6 entry among `uppers` (values of the upper 64 bits) is listed at `now`.
    pub(super) fn any_six(&self, uppers: &RangeInclusive<u64>, now: u64) -> bool {
        let from = self.six.partition_point(|(first, _)| first <= uppers.start()).saturating_sub(1);
        let runs = self.six.iter().skip(from).take_while(|(first, _)| first <= uppers.end());
        runs.into_iter().any(|(_, run)| run.any(uppers, now))
    }

    /// The IPv6 entries among `uppers`, past or not, in order.
    pub(super) fn six_within(&self, uppers: RangeInclusive<u64>) -> impl Iterator<Item = (u64, u64)> {
        let from = self.six.partition_point(|(first, _)| first <= uppers.start()).saturating_sub(1);
        let last = *uppers.end();
        let runs = self.six.iter().skip(from).take_while(move |(first, _)| *first <= last);
        runs.flat_map(|(_, run)| run.entries()).filter(move |(upper, _)| uppers.contains(upper))
    }

    /// How many entries there are, past or not: IPv4, IPv6.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.four_count, self.six_count)
    }

    /// All entries with their ends, in the order of [`Origin`].
    pub(super) fn entries(&self) -> impl Iterator<Item = (Origin, u64)> {
        let four = self.four.iter().enumerate().flat_map(|(slot, run)| {
            run.entries()
                .map(move |(lower, end)| (Origin::V4(Ipv4Addr::from_bits((slot as u32) << 16 | u32::from(lower))), end))
        });
        four.chain(self.six.iter().flat_map(|(_, run)| run.entries().map(|(upper, end)| (Origin::V6(upper), end))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn origin() -> impl Strategy<Value = Origin> {
        prop_oneof![
            // Few slots and few runs, so that edits meet.
            (0u32..4, 0u32..300).prop_map(|(slot, lower)| Origin::V4(Ipv4Addr::from_bits(slot << 16 | lower))),
            any::<u32>().prop_map(|bits| Origin::V4(Ipv4Addr::from_bits(bits))),
            (0u64..3000).prop_map(Origin::V6),
            any::<u64>().prop_map(Origin::V6),
        ]
    }

    fn edits() -> impl Strategy<Value = Vec<Edit<Origin>>> {
        prop::collection::vec((origin(), prop::option::weighted(0.7, 0u64..1000)), 0..400)
    }

    fn four(from: u32, to: u32, model: &BTreeMap<Origin, u64>, now: u64) -> bool {
        model
            .iter()
            .any(|(origin, end)| matches!(origin, Origin::V4(a) if (from..=to).contains(&a.to_bits())) && *end > now)
    }

    fn six(from: u64, to: u64, model: &BTreeMap<Origin, u64>, now: u64) -> bool {
        model.iter().any(|(origin, end)| matches!(origin, Origin::V6(u) if (from..=to).contains(u)) && *end > now)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// The table is a map: same entries, order, counts, ends and ranges after any run of versions.
        #[test]
        fn a_table_is_a_map(
            versions in prop::collection::vec(edits(), 1..8),
            probes in prop::collection::vec((any::<u32>(), 0u32..33, any::<u64>(), 0u32..65, 0u64..1000), 20),
        ) {
            let mut model = BTreeMap::new();
            let mut table = Table::empty();
            for version in versions {
                let (before, kept) = (table.clone(), model.clone());
                for (origin, end) in &version {
                    match end {
                        Some(end) => model.insert(*origin, *end),
                        None => model.remove(origin),
                    };
                }
                table = table.with(&version);
                prop_assert!(before.entries().eq(kept), "the predecessor changed");
                prop_assert!(table.entries().eq(model.clone()));
                let fours = model.keys().filter(|origin| matches!(origin, Origin::V4(_))).count();
                prop_assert_eq!(table.counts(), (fours, model.len() - fours));
                for origin in version.iter().map(|(origin, _)| origin) {
                    prop_assert_eq!(table.end(*origin), model.get(origin).copied());
                }
            }
            for (address, bits, upper, high, now) in probes {
                let mask = u32::MAX.checked_shr(bits).unwrap_or(0);
                let (from, to) = (address & !mask, address | mask);
                prop_assert_eq!(table.any_four(&(from..=to), now), four(from, to, &model, now));
                let mask = u64::MAX.checked_shr(high).unwrap_or(0);
                let (from, to) = (upper & !mask, upper | mask);
                prop_assert_eq!(table.any_six(&(from..=to), now), six(from, to, &model, now));
                let (from, to) = (u64::from(address) % 3000, u64::from(address) % 3000 + u64::from(bits));
                prop_assert_eq!(table.any_six(&(from..=to), now), six(from, to, &model, now));
                prop_assert_eq!(table.end(Origin::V6(from)), model.get(&Origin::V6(from)).copied());
            }
        }
    }

    #[test]
    fn a_tick_shares_what_it_does_not_touch_and_leaves_no_crumbs() {
        let edits: Vec<_> = (0..10_000u64).map(|n| (Origin::V6(n * 7), Some(9))).collect();
        let table = Table::empty().with(&edits);
        assert!(table.six.iter().all(|(_, run)| run.len() <= RUN_LIMIT));
        let next = table.with(&[(Origin::V6(3), Some(9)), (Origin::V4(Ipv4Addr::new(192, 0, 2, 1)), Some(9))]);
        let fresh = |(_, run): &&(u64, Arc<Run>)| !table.six.iter().any(|(_, old)| Arc::ptr_eq(old, run));
        assert_eq!(next.six.iter().filter(fresh).count(), 1);
        let thinned: Vec<_> = (0..10_000u64).filter(|n| n % 100 != 0).map(|n| (Origin::V6(n * 7), None)).collect();
        let next = next.with(&thinned);
        assert_eq!((next.counts(), next.six.len()), ((1, 101), 1));
    }
}
