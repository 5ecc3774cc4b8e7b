//! The origins that wait to be replayed, first come, first served; new evidence before what is only looked through.

use std::collections::{HashSet, VecDeque};

use firsthand_analyzer::address::Origin;

/// What is only looked through gets this part of a replay, or a flood of evidence would hold up what ends.
const SHARE: usize = 4;

/// Each origin once in each of its two lines, however often it was touched since it was taken.
#[derive(Default)]
pub(super) struct Queue {
    evidence: Line,
    rest: Line,
}

#[derive(Default)]
struct Line {
    order: VecDeque<Origin>,
    known: HashSet<Origin>,
}

impl Line {
    fn push(&mut self, origin: Origin) {
        if self.known.insert(origin) {
            self.order.push_back(origin);
        }
    }

    fn take(&mut self, limit: usize) -> Vec<Origin> {
        let taken: Vec<Origin> = self.order.drain(..limit.min(self.order.len())).collect();
        for origin in &taken {
            self.known.remove(origin);
        }
        taken
    }
}

impl Queue {
    /// Its evidence changed.
    pub(super) fn evidence(&mut self, origin: Origin) {
        self.evidence.push(origin);
    }

    /// It is to be looked at again.
    pub(super) fn look(&mut self, origin: Origin) {
        if !self.evidence.known.contains(&origin) {
            self.rest.push(origin);
        }
    }

    /// Takes those that are next, at most `limit`, in the order of [`Origin`].
    pub(super) fn take(&mut self, limit: usize) -> Vec<Origin> {
        let reserved = self.rest.order.len().min(limit / SHARE);
        let mut taken = self.evidence.take(limit - reserved);
        taken.extend(self.rest.take(limit - taken.len()));
        taken.sort_unstable();
        taken.dedup();
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.evidence.order.len() + self.rest.order.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_goes_first_and_the_rest_is_not_starved() {
        let mut queue = Queue::default();
        for number in 0..100 {
            queue.look(Origin::V6(number));
        }
        for number in 1000..1100 {
            queue.evidence(Origin::V6(number));
            queue.evidence(Origin::V6(number));
        }
        let taken = queue.take(20);
        assert_eq!(taken.iter().filter(|origin| **origin >= Origin::V6(1000)).count(), 15);
        assert_eq!(taken[0], Origin::V6(0));
        // First come, first served: an address that is touched again and again passes nobody.
        queue.evidence(Origin::V6(1000));
        assert!(!queue.take(20).contains(&Origin::V6(1000)));
        while !queue.is_empty() {
            queue.take(50);
        }
        assert_eq!(queue.len(), 0);
    }
}
