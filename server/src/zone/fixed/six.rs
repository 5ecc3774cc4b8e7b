//! The IPv6 half of a static list: whole /64s as *points* and *spans* of their upper 64 bits, and what is finer in full.
//!
//! No address lies in two of the three.

use std::ops::RangeInclusive;

use super::Cuts;
use crate::zone::search::{find, guess};

/// A run of fewer /64s than this is kept as points: a span takes as much room as two.
const SPAN_LEAST: u64 = 3;
/// The values of the first 16 bits.
const TOPS: usize = 1 << 16;
/// With fewer points than this the index would take more room than it saves time.
const INDEX_LEAST: usize = 4096;

/// The IPv6 addresses of one list. Never changed once it is made.
#[derive(Debug, Default)]
pub(super) struct Six {
    /// Where the points of each value of the first 16 bits begin; the last is their number. Empty for few points.
    index: Box<[u32]>,
    points: Box<[u64]>,
    sets: Box<[u16]>,
    /// Ranges of /64s.
    spans: Box<[(u64, u64, u16)]>,
    /// Ranges of addresses, each within one /64.
    fine: Box<[(u128, u128, u16)]>,
}

fn holding<K: Ord + Copy>(ranges: &[(K, K, u16)], key: K) -> Option<u16> {
    let at = ranges.partition_point(|(_, to, _)| *to < key);
    ranges.get(at).filter(|(from, ..)| *from <= key).map(|(.., set)| *set)
}

fn any<K: Ord + Copy>(ranges: &[(K, K, u16)], first: K, last: K) -> bool {
    let at = ranges.partition_point(|(_, to, _)| *to < first);
    ranges.get(at).is_some_and(|(from, ..)| *from <= last)
}

impl Six {
    /// Where the points with the first 16 bits of `upper` begin, and these.
    fn run(&self, upper: u64) -> (usize, &[u64]) {
        let top = (upper >> 48) as usize;
        match self.index.get(top..top + 2) {
            Some(&[from, to]) => (from as usize, &self.points[from as usize..to as usize]),
            _ => (0, &self.points),
        }
    }

    pub(super) fn get(&self, bits: u128) -> Option<u16> {
        let upper = (bits >> 64) as u64;
        let (from, run) = self.run(upper);
        if let Some(at) = find(run, upper) {
            return Some(self.sets[from + at]);
        }
        holding(&self.spans, upper).or_else(|| holding(&self.fine, bits))
    }

    /// Reads what [`Self::get`] will need first.
    pub(super) fn touch(&self, bits: u128) -> usize {
        let upper = (bits >> 64) as u64;
        let (from, run) = self.run(upper);
        run.get(guess(run, upper)).map_or(from, |point| *point as usize)
    }

    pub(super) fn any(&self, range: &RangeInclusive<u128>) -> bool {
        let (first, last) = (*range.start(), *range.end());
        let (low, high) = ((first >> 64) as u64, (last >> 64) as u64);
        let at = self.points.partition_point(|point| *point < low);
        self.points.get(at).is_some_and(|point| *point <= high)
            || any(&self.spans, low, high)
            || any(&self.fine, first, last)
    }

    /// How many /64s are listed, at least in part.
    pub(super) fn networks(&self) -> u64 {
        let spans =
            self.spans.iter().fold(0u64, |sum, (from, to, _)| sum.saturating_add((to - from).saturating_add(1)));
        let fine = self.fine.chunk_by(|one, other| one.0 >> 64 == other.0 >> 64).count() as u64;
        spans.saturating_add(self.points.len() as u64).saturating_add(fine)
    }

    /// The greatest number of an answer.
    pub(super) fn most_set(&self) -> Option<u16> {
        let ranges = self.spans.iter().map(|span| span.2).chain(self.fine.iter().map(|range| range.2));
        self.sets.iter().copied().chain(ranges).max()
    }

    /// All points in order, each with the number of its answer.
    pub(super) fn points(&self) -> impl Iterator<Item = (u64, u16)> {
        self.points.iter().copied().zip(self.sets.iter().copied())
    }

    /// All spans in order.
    pub(super) fn spans(&self) -> &[(u64, u64, u16)] {
        &self.spans
    }

    /// All ranges within a /64, in order.
    pub(super) fn fine(&self) -> &[(u128, u128, u16)] {
        &self.fine
    }

    /// The same without the addresses in `cuts`, which are sorted and disjoint.
    pub(super) fn without(&self, cuts: Vec<(u128, u128)>) -> Self {
        let whole = |from: u64, to: u64| (u128::from(from) << 64, u128::from(to) << 64 | u128::from(u64::MAX));
        let points = self.points.iter().zip(&self.sets).map(|(point, set)| (whole(*point, *point), *set));
        let spans = self.spans.iter().map(|(from, to, set)| (whole(*from, *to), *set));
        let fine = self.fine.iter().map(|(from, to, set)| ((*from, *to), *set));
        let mut segments: Vec<_> = points.chain(spans).chain(fine).collect();
        segments.sort_unstable();
        let mut builder = SixBuilder::new(cuts);
        for ((from, to), set) in segments {
            builder.push(from, to, set);
        }
        builder.finish().0
    }
}

/// Makes a [`Six`] of ranges in ascending order, without the addresses that are cut out.
#[derive(Debug)]
pub(super) struct SixBuilder {
    cuts: Cuts<u128>,
    /// The last range, which the next may prolong.
    pending: Option<(u128, u128, u16)>,
    points: Vec<u64>,
    sets: Vec<u16>,
    spans: Vec<(u64, u64, u16)>,
    fine: Vec<(u128, u128, u16)>,
}

impl SixBuilder {
    /// `cuts` are sorted and disjoint.
    pub(super) fn new(cuts: Vec<(u128, u128)>) -> Self {
        Self {
            cuts: Cuts::new(cuts),
            pending: None,
            points: Vec::new(),
            sets: Vec::new(),
            spans: Vec::new(),
            fine: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, from: u128, to: u128, set: u16) {
        let mut rest = Some(from);
        while let Some(from) = rest {
            let piece;
            (piece, rest) = self.cuts.piece(from, to);
            if let Some((from, to)) = piece {
                self.keep(from, to, set);
            }
        }
    }

    fn keep(&mut self, from: u128, to: u128, set: u16) {
        if let Some((_, last, last_set)) = &mut self.pending {
            assert!(*last < from && from <= to, "the ranges of a list are disjoint and ascending");
            if *last + 1 == from && *last_set == set {
                *last = to;
                return;
            }
        }
        if let Some(done) = self.pending.replace((from, to, set)) {
            self.settle(done);
        }
    }

    fn settle(&mut self, (from, to, set): (u128, u128, u16)) {
        const LOW: u128 = u64::MAX as u128;
        let mut next = from;
        if next & LOW != 0 {
            let end = to.min(next | LOW);
            self.fine.push((next, end, set));
            if end == to {
                return;
            }
            next = end + 1;
        }
        // Whole /64s from `next` on, if `to` reaches the end of one.
        let whole = if to & LOW == LOW { Some(to >> 64) } else { (to >> 64).checked_sub(1) };
        if let Some(last) = whole.filter(|last| *last >= next >> 64) {
            let (first, last) = ((next >> 64) as u64, last as u64);
            if last - first < SPAN_LEAST - 1 {
                self.points.extend(first..=last);
                self.sets.resize(self.points.len(), set);
            } else {
                self.spans.push((first, last, set));
            }
        }
        if to & LOW != LOW {
            self.fine.push((to & !LOW, to, set));
        }
    }

    /// The table; how many addresses were cut out, and the first.
    pub(super) fn finish(mut self) -> (Six, (u128, Option<u128>)) {
        if let Some(done) = self.pending.take() {
            self.settle(done);
        }
        let six = Six {
            index: if self.points.len() < INDEX_LEAST { Box::default() } else { index(&self.points) },
            points: self.points.into(),
            sets: self.sets.into(),
            spans: self.spans.into(),
            fine: self.fine.into(),
        };
        (six, self.cuts.removed())
    }
}

/// Where the points of each value of the first 16 bits begin, and their number.
fn index(points: &[u64]) -> Box<[u32]> {
    let mut index = Vec::with_capacity(TOPS + 1);
    for (at, point) in points.iter().enumerate() {
        // A list has at most 2^26 points.
        index.resize(index.len().max((point >> 48) as usize + 1), at as u32);
    }
    index.resize(TOPS + 1, points.len() as u32);
    index.into()
}
