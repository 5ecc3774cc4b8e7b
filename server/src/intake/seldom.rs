//! What is logged at most once a minute, as others could fill the log with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing more is said of the same.
const QUIET: Duration = Duration::from_secs(60);
/// Of how many the same may be said in that time. A stranger who connects again and again must not hide an MTA of ours.
const MANY: usize = 16;

/// When each thing was last said, and of whom.
#[derive(Default)]
pub(super) struct Seldom(Mutex<HashMap<&'static str, HashMap<String, Instant>>>);

impl Seldom {
    /// Whether `what` may be said of `whom` at `now`, which counts as said.
    pub(super) fn may_say(&self, what: &'static str, whom: impl ToString, now: Instant) -> bool {
        let whom = whom.to_string();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let said = all.entry(what).or_default();
        said.retain(|_, last| now.saturating_duration_since(*last) < QUIET);
        let may = said.len() < MANY && !said.contains_key(&whom);
        if may {
            said.insert(whom, now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_is_said_once_a_minute_of_each() {
        let (seldom, now) = (Seldom::default(), Instant::now());
        let said: Vec<bool> = [0, 59, 60, 61].map(|at| seldom.may_say("x", 1, now + Duration::from_secs(at))).into();
        assert_eq!(said, [true, false, true, false]);
        assert!(seldom.may_say("y", 1, now) && seldom.may_say("y", 2, now));
        let many = (0..1000).filter(|whom| seldom.may_say("z", whom, now)).count();
        assert_eq!(many, MANY);
        assert!(seldom.may_say("z", 0, now + QUIET));
    }
}
