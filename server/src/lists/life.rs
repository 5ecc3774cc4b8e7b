//! How long a list may be believed, and who is told before it ends.

use super::instant;

/// The least time before the end at which it is told that it comes, in seconds, for lists that live long enough.
const NOTICE_LEAST: u64 = 3600;

/// The life of a list with an end (`$TIMESTAMP`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Life {
    /// The last Unix second at which it may be believed.
    last: u64,
    /// From when on the end is near.
    notice: u64,
    told: Told,
}

/// What was said of the end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Told {
    Nothing,
    Near,
    Over,
}

/// What is to be said of the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// It comes.
    Near(String),
    /// It is there.
    Over(String),
}

impl Life {
    /// A life from the second when its newest file was written to its last; after `before`, which may be the same one.
    pub(super) fn new(written: u64, last: u64, before: Option<Self>) -> Self {
        if let Some(same) = before.filter(|before| before.last == last) {
            return same;
        }
        let span = last.saturating_sub(written);
        let notice = last.saturating_sub((span / 10).max(NOTICE_LEAST).min(span / 2));
        Self { last, notice, told: Told::Nothing }
    }

    /// What is to be said at a Unix second, once.
    pub(super) fn end(&mut self, now: u64) -> Option<End> {
        let stage = if now > self.last {
            Told::Over
        } else if now >= self.notice {
            Told::Near
        } else {
            Told::Nothing
        };
        if stage <= self.told {
            return None;
        }
        self.told = stage;
        let last = instant(self.last);
        Some(match stage {
            Told::Over => End::Over(format!(
                "the static list expired at {last}, by its $TIMESTAMP: its names are answered with SERVFAIL until a newer file is there"
            )),
            _ => End::Near(format!("the static list expires at {last}, by its $TIMESTAMP, unless a newer file comes")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_told_of_before_it_comes_and_once() {
        const DAY: u64 = 86_400;
        let mut life = Life::new(0, 10 * DAY, None);
        assert_eq!(life.end(9 * DAY - 1), None);
        assert!(matches!(life.end(9 * DAY), Some(End::Near(_))));
        assert_eq!((life.end(9 * DAY + 1), life.end(10 * DAY)), (None, None));
        assert!(matches!(life.end(10 * DAY + 1), Some(End::Over(_))));
        assert_eq!((life.end(10 * DAY + 2), Life::new(5, 10 * DAY, Some(life)).end(11 * DAY)), (None, None));
        assert!(matches!(Life::new(5, 20 * DAY, Some(life)).end(20 * DAY), Some(End::Near(_))));
        // An hour at least, and half of a shorter life.
        assert!(Life::new(0, 7200, None).end(3599).is_none() && Life::new(0, 7200, None).end(3600).is_some());
        assert!(Life::new(0, 60, None).end(29).is_none() && Life::new(0, 60, None).end(30).is_some());
        assert!(matches!(Life::new(9, 5, None).end(10), Some(End::Over(_))));
    }
}
