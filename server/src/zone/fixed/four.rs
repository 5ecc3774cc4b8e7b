//! The IPv4 half of a static list: one block for each first octet, in it one slot for each upper half.
//!
//! A slot holds *points*, sorted lower halves with the numbers of what they answer; *spans*, sorted ranges of four or more
//! addresses with the same answer, belong to the block, so that a /8 is one of them. No address lies in two of all these.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::zone::search::{find, guess};

/// The blocks: one for each first octet.
const BLOCKS: usize = 256;
/// The slots of a block: one for each second octet.
const SLOTS: usize = 256;
/// A run of fewer addresses than this is kept as points: a span takes as much room as three.
const SPAN_LEAST: u32 = 4;

/// A range of addresses with one answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    from: u32,
    to: u32,
    set: u16,
}

/// What the points of a block answer.
#[derive(PartialEq, Eq, Debug)]
enum Answers {
    /// All the same.
    One(u16),
    /// Each its own, in the order of the points.
    Each(Box<[u16]>),
}

/// All addresses with one first octet. Never empty in a table.
#[derive(Debug)]
struct Block {
    /// Where the points of each slot begin; the last is their number. Within the block, so that a query waits for one
    /// piece of memory before that of its points.
    starts: [u32; SLOTS + 1],
    lowers: Box<[u16]>,
    answers: Answers,
    /// For each slot the first span that does not end before it, and the number of spans; empty without spans.
    span_starts: Box<[u32]>,
    spans: Box<[Span]>,
}

impl Block {
    fn points(&self, slot: usize) -> (usize, &[u16]) {
        let from = self.starts[slot] as usize;
        (from, &self.lowers[from..self.starts[slot + 1] as usize])
    }

    fn answer(&self, point: usize) -> u16 {
        match &self.answers {
            Answers::One(set) => *set,
            Answers::Each(sets) => sets[point],
        }
    }

    /// The span that holds an address of a slot.
    fn span(&self, slot: usize, bits: u32) -> Option<&Span> {
        let from = *self.span_starts.get(slot)? as usize;
        let to = (self.span_starts[slot + 1] as usize + 1).min(self.spans.len());
        let spans = &self.spans[from..to];
        let at = spans.partition_point(|span| span.to < bits);
        spans.get(at).filter(|span| span.from <= bits)
    }

    fn get(&self, bits: u32) -> Option<u16> {
        let slot = slot_of(bits);
        let (from, points) = self.points(slot);
        match find(points, bits as u16) {
            Some(at) => Some(self.answer(from + at)),
            None => self.span(slot, bits).map(|span| span.set),
        }
    }

    /// Whether an address among `range`, all of this block, is listed.
    fn any(&self, range: &RangeInclusive<u32>) -> bool {
        let (first, last) = (*range.start(), *range.end());
        let at = self.spans.partition_point(|span| span.to < first);
        self.spans.get(at).is_some_and(|span| span.from <= last) || self.place(first) < self.place_after(last)
    }

    /// How many points stand before an address.
    fn place(&self, bits: u32) -> usize {
        let (from, points) = self.points(slot_of(bits));
        from + points.partition_point(|lower| *lower < bits as u16)
    }

    fn place_after(&self, bits: u32) -> usize {
        let (from, points) = self.points(slot_of(bits));
        from + points.partition_point(|lower| *lower <= bits as u16)
    }

    /// All ranges in order, those of points one by one.
    fn segments(&self, octet: u32) -> Vec<(u32, u32, u16)> {
        let mut segments: Vec<_> = self.spans.iter().map(|span| (span.from, span.to, span.set)).collect();
        for slot in 0..SLOTS {
            let (from, points) = self.points(slot);
            for (at, lower) in points.iter().enumerate() {
                let bits = octet << 24 | (slot as u32) << 16 | u32::from(*lower);
                segments.push((bits, bits, self.answer(from + at)));
            }
        }
        segments.sort_unstable();
        segments
    }

    fn addresses(&self) -> u64 {
        let spans = self.spans.iter().map(|span| u64::from(span.to - span.from) + 1).sum::<u64>();
        spans + self.lowers.len() as u64
    }
}

fn slot_of(bits: u32) -> usize {
    (bits >> 16) as usize % SLOTS
}

/// The IPv4 addresses of one list. Never changed once it is made; a clone shares all blocks.
#[derive(Clone, Debug)]
pub(super) struct Four {
    blocks: Box<[Option<Arc<Block>>]>,
}

impl Four {
    pub(super) fn get(&self, bits: u32) -> Option<u16> {
        self.blocks[(bits >> 24) as usize].as_ref()?.get(bits)
    }

    /// Reads what [`Self::get`] will need first, without waiting for what comes after.
    pub(super) fn touch(&self, bits: u32) -> usize {
        let Some(block) = &self.blocks[(bits >> 24) as usize] else { return 0 };
        let (from, points) = block.points(slot_of(bits));
        let at = guess(points, bits as u16);
        // The point and what it answers lie in two places, and are waited for at once.
        points.get(at).map_or(from, |point| usize::from(*point) + usize::from(block.answer(from + at)))
    }

    pub(super) fn any(&self, range: &RangeInclusive<u32>) -> bool {
        let (first, last) = (*range.start(), *range.end());
        (first >> 24..=last >> 24).any(|octet| {
            let (low, high) = (octet << 24, octet << 24 | 0x00ff_ffff);
            let block = self.blocks[octet as usize].as_ref();
            block.is_some_and(|block| (first <= low && last >= high) || block.any(&(first.max(low)..=last.min(high))))
        })
    }

    pub(super) fn addresses(&self) -> u64 {
        self.blocks.iter().flatten().map(|block| block.addresses()).sum()
    }

    /// The greatest number of an answer.
    pub(super) fn most_set(&self) -> Option<u16> {
        let most = |block: &Arc<Block>| {
            let points = match &block.answers {
                Answers::One(set) => Some(*set),
                Answers::Each(sets) => sets.iter().copied().max(),
            };
            points.max(block.spans.iter().map(|span| span.set).max())
        };
        self.blocks.iter().flatten().filter_map(most).max()
    }

    /// All points in order, each with the number of its answer.
    pub(super) fn points(&self) -> impl Iterator<Item = (u32, u16)> {
        let blocks = self.blocks.iter().zip(0u32..).filter_map(|(block, octet)| Some((block.as_deref()?, octet)));
        blocks.flat_map(|(block, octet)| {
            (0..SLOTS).flat_map(move |slot| {
                let (from, points) = block.points(slot);
                let point = move |(at, lower): (usize, &u16)| {
                    (octet << 24 | (slot as u32) << 16 | u32::from(*lower), block.answer(from + at))
                };
                points.iter().enumerate().map(point)
            })
        })
    }

    /// All spans in order: first and last address, and the number of the answer.
    pub(super) fn spans(&self) -> impl Iterator<Item = (u32, u32, u16)> {
        let blocks = self.blocks.iter().flatten();
        blocks.flat_map(|block| block.spans.iter().map(|span| (span.from, span.to, span.set)))
    }

    /// The same without the addresses in `cuts`, which are sorted and disjoint. Blocks that hold none are shared.
    pub(super) fn without(&self, cuts: &[(u32, u32)]) -> Self {
        let mut blocks = self.blocks.clone();
        for (octet, slot) in blocks.iter_mut().enumerate() {
            let Some(block) = slot else { continue };
            let octet = octet as u32;
            let (low, high) = (octet << 24, octet << 24 | 0x00ff_ffff);
            let touched = |(from, to): &&(u32, u32)| {
                *from <= high && *to >= low && block.any(&((*from).max(low)..=(*to).min(high)))
            };
            let cuts: Vec<(u32, u32)> = cuts.iter().filter(touched).copied().collect();
            if cuts.is_empty() {
                continue;
            }
            let mut builder = FourBuilder::new(cuts);
            for (from, to, set) in block.segments(octet) {
                builder.push(from, to, set);
            }
            *slot = builder.finish().0.blocks[octet as usize].take();
        }
        Self { blocks }
    }

    #[cfg(test)]
    pub(super) fn shares(&self, other: &Self, octet: usize) -> bool {
        match (&self.blocks[octet], &other.blocks[octet]) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

/// Makes a [`Four`] of ranges in ascending order, without the addresses that are cut out.
#[derive(Debug)]
pub(super) struct FourBuilder {
    cuts: super::Cuts<u32>,
    /// The last range, which the next may prolong.
    pending: Option<Span>,
    blocks: Vec<Option<Arc<Block>>>,
    starts: Vec<u32>,
    lowers: Vec<u16>,
    sets: Vec<u16>,
    spans: Vec<Span>,
}

impl FourBuilder {
    /// `cuts` are sorted and disjoint.
    pub(super) fn new(cuts: Vec<(u32, u32)>) -> Self {
        Self {
            cuts: super::Cuts::new(cuts),
            pending: None,
            blocks: Vec::with_capacity(BLOCKS),
            starts: vec![0],
            lowers: Vec::new(),
            sets: Vec::new(),
            spans: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, from: u32, to: u32, set: u16) {
        if self.cuts.pass(from, to) {
            return self.keep(from, to, set);
        }
        let mut rest = Some(from);
        while let Some(from) = rest {
            let piece;
            (piece, rest) = self.cuts.piece(from, to);
            if let Some((from, to)) = piece {
                self.keep(from, to, set);
            }
        }
    }

    fn keep(&mut self, from: u32, to: u32, set: u16) {
        if let Some(last) = &mut self.pending {
            assert!(last.to < from && from <= to, "the ranges of a list are disjoint and ascending");
            if last.to + 1 == from && last.set == set {
                last.to = to;
                return;
            }
        }
        if let Some(done) = self.pending.replace(Span { from, to, set }) {
            self.settle(done);
        }
    }

    fn settle(&mut self, Span { mut from, to, set }: Span) {
        loop {
            let end = to.min(from | 0x00ff_ffff);
            self.move_to((from >> 24) as usize);
            if end - from + 1 < SPAN_LEAST {
                for bits in from..=end {
                    while self.starts.len() <= slot_of(bits) {
                        self.starts.push(self.lowers.len() as u32);
                    }
                    self.lowers.push(bits as u16);
                    self.sets.push(set);
                }
            } else {
                self.spans.push(Span { from, to: end, set });
            }
            if end == to {
                return;
            }
            from = end + 1;
        }
    }

    /// Closes all blocks before that of `octet`.
    fn move_to(&mut self, octet: usize) {
        while self.blocks.len() < octet {
            let block = self.close();
            self.blocks.push(block);
        }
    }

    fn close(&mut self) -> Option<Arc<Block>> {
        if self.lowers.is_empty() && self.spans.is_empty() {
            return None;
        }
        self.starts.resize(SLOTS + 1, self.lowers.len() as u32);
        let one = self.sets.first().copied().filter(|first| self.sets.iter().all(|set| set == first));
        let base = (self.blocks.len() as u32) << 24;
        let mut span_starts = Vec::new();
        if !self.spans.is_empty() {
            let first_of = |slot: u32| self.spans.partition_point(|span| span.to < base | slot << 16) as u32;
            span_starts.extend((0..SLOTS as u32).map(first_of).chain([self.spans.len() as u32]));
        }
        let block = Block {
            starts: std::array::from_fn(|slot| self.starts[slot]),
            lowers: self.lowers.as_slice().into(),
            answers: one.map_or_else(|| Answers::Each(self.sets.as_slice().into()), Answers::One),
            span_starts: span_starts.into(),
            spans: self.spans.as_slice().into(),
        };
        self.starts.truncate(1);
        self.lowers.clear();
        self.sets.clear();
        self.spans.clear();
        Some(Arc::new(block))
    }

    /// The table; how many addresses were cut out, and the first.
    pub(super) fn finish(mut self) -> (Four, (u64, Option<u32>)) {
        if let Some(done) = self.pending.take() {
            self.settle(done);
        }
        self.move_to(BLOCKS);
        let (removed, first) = self.cuts.removed();
        (Four { blocks: self.blocks.into() }, (u64::try_from(removed).unwrap_or(u64::MAX), first))
    }
}
