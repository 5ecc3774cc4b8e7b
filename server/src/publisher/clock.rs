//! What follows from a wall clock that was set: by an administrator, by NTP after a start, or since the machine slept.
//!
//! Whoever takes samples stamps them with the wall clock, and listings end by it. So where it is set, every origin is
//! replayed: what ended too early comes back, and what stands too long ends. Nothing is dropped that counts when a clock
//! is set right that was ahead by no more than [`CLOCK_MARGIN`]. Evidence from a time that is still to come is not known
//! before it; its origins are looked at again when it is.

use std::time::{Duration, Instant};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit};
use firsthand_analyzer::score::List;

use super::Publisher;
use super::sweep::{self, Sweep};
use crate::ledger::{CLOCK_MARGIN, LedgerError};

/// How many seconds a clock may be away from the time that passed without having been set.
const STEP: i64 = 30;

/// The wall clock, beside one that nobody sets.
pub(super) struct Clock {
    wall: i64,
    at: Instant,
}

impl Clock {
    /// From `wall` (Unix seconds), as it is at `at`.
    pub(super) fn new(wall: i64, at: Instant) -> Self {
        Self { wall, at }
    }

    /// By how many seconds the wall clock was set forward since this was last asked (back: less than 0), if it was.
    pub(super) fn was_set(&mut self, wall: i64, at: Instant) -> Option<i64> {
        let passed = i64::try_from(at.saturating_duration_since(self.at).as_secs()).unwrap_or(i64::MAX);
        let step = wall.saturating_sub(self.wall).saturating_sub(passed);
        *self = Self { wall, at };
        (step.abs() >= STEP).then_some(step)
    }
}

impl Publisher {
    /// Tells that the wall clock was set by so many seconds; the next tick heeds it.
    pub(super) fn clock_was_set(&mut self, step: i64) {
        let (direction, by) = (if step < 0 { "back" } else { "forward" }, length(step));
        tracing::warn!("the wall clock was set {direction} by {by} (or the machine slept); every origin is replayed");
        self.clock_set = true;
    }

    /// Tells whether the ledger was written by a clock that was ahead of this one; in the first tick.
    pub(super) fn look_for_the_future(&mut self, now: i64) -> Result<(), LedgerError> {
        if let Some(newest) = self.ledger.newest()?.filter(|newest| *newest >= now + STEP) {
            let by = length(newest - now);
            tracing::warn!(
                "the ledger holds what was written {by} ahead of the wall clock, which was set back since; every origin is replayed"
            );
            self.clock_set = true;
        }
        Ok(())
    }

    /// Replays every origin if the clock was set, by the exemptions that stand now.
    pub(super) fn heed_clock(&mut self, now: i64) -> Result<(), LedgerError> {
        if self.clock_set {
            self.declared.renew(now)?;
            sweep::unsettle(&self.ledger)?;
            self.sweep = Sweep::from_start(true);
            self.clock_set = false;
        }
        while let Some(next) = self.ahead.first_entry().filter(|next| *next.key() * HOUR <= now) {
            next.remove().into_iter().for_each(|origin| self.queue.look(origin));
        }
        Ok(())
    }

    /// Remembers to look at an origin again when the next hour of its evidence comes that is still to come.
    pub(super) fn look_ahead(&mut self, origin: Origin, units: &[Unit], now: i64) {
        let ahead = units.iter().map(|unit| unit.key.hour).filter(|hour| hour * HOUR > now).min();
        if let Some(hour) = ahead {
            self.ahead.entry(hour).or_default().insert(origin);
        }
    }

    /// Whether a listing ended at a time that is still to come: by a clock that was ahead. It had passed the brake, and comes
    /// back without it.
    pub(super) fn ended_ahead(&self, origin: Origin, list: List, now: i64) -> Result<bool, LedgerError> {
        self.ledger.ended_after(list.name(), origin, now)
    }

    /// Whether what is past its time may be dropped at once at a start: not where the clock says that more time passed since
    /// the ledger was written than [`CLOCK_MARGIN`], since some clocks are only set a while after the start.
    pub(super) fn may_drop_at_start(&self, now: i64) -> bool {
        let newest = self.ledger.newest().ok().flatten();
        newest.is_none_or(|newest| now.saturating_sub(newest) <= CLOCK_MARGIN)
    }
}

fn length(seconds: i64) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_runs() {
        let begin = Instant::now();
        let mut clock = Clock::new(1_000_000, begin);
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(clock.was_set(1_000_100, after(100)), None);
        assert_eq!(clock.was_set(1_086_500 + 1, after(101)), Some(86_400));
        // Once.
        assert_eq!(clock.was_set(1_086_502, after(102)), None);
        assert_eq!(clock.was_set(1_086_503 - 3600, after(103)), Some(-3600));
        assert_eq!(clock.was_set(1_086_503 - 3600 - 20, after(104)), None);
    }
}
