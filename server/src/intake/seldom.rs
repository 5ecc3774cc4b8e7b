//! What is logged at most once a minute, as others could fill the log with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more is said of the same.
const QUIET: Duration = Duration::from_secs(60);

/// When each thing was last said.
#[derive(Default)]
pub(super) struct Seldom(Mutex<HashMap<&'static str, Instant>>);

impl Seldom {
    /// Whether `what` may be said at `now`, which counts as said.
    pub(super) fn may_say(&self, what: &'static str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let may = said.get(what).is_none_or(|last| now.saturating_duration_since(*last) >= QUIET);
        if may {
            said.insert(what, now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_said_once_a_minute() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        let said: Vec<bool> = [0, 59, 60, 61].map(|at| seldom.may_say("x", now + Duration::from_secs(at))).into();
        assert_eq!(said, [true, false, true, false]);
        assert!(seldom.may_say("y", now));
    }
}
