//! Stretches of time in which an address was listed.

use std::ops::Range;

/// Stretches of time, in order, without overlap.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Spans(Vec<Range<i64>>);

impl Spans {
    /// At `at` it is known that the address is listed until `until`, or that it is not.
    pub(crate) fn tell(&mut self, at: i64, until: Option<i64>) {
        let open = self.0.last_mut().filter(|last| last.end > at);
        match (open, until) {
            (Some(last), Some(until)) => last.end = until,
            // Evidence can end a listing, too: what is reflected presumes the rest to be.
            (Some(last), None) => last.end = at,
            (None, Some(until)) => self.0.push(at..until),
            (None, None) => {}
        }
    }

    /// Whether the last of them holds at `at` or after.
    pub(crate) fn hold(&self, at: i64) -> bool {
        self.0.last().is_some_and(|last| last.end > at)
    }

    /// When the first begins.
    pub(crate) fn first(&self) -> Option<i64> {
        self.0.first().map(|span| span.start)
    }

    /// Seconds of them that lie inside a stretch.
    pub(crate) fn within(&self, stretch: &Range<i64>) -> i64 {
        self.0.iter().map(|span| (span.end.min(stretch.end) - span.start.max(stretch.start)).max(0)).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Range::is_empty)
    }
}
