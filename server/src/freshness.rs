//! When each feed was last heard, and whether it has been silent for longer than its wont.
//!
//! Enters: that a feed brought a sample, and what is declared. Leaves: a [`Standing`] for each feed, for metrics and
//! `firsthand feed list`. A feed whose relay broke, or whose token was changed at one end only, brings nothing and
//! complains of nothing: so silence itself must be told.
//!
//! A feed's *wont* is the longest pause of late: `max(gap, wont × 2^(−gap / 7 d))` at each sample. Pauses are counted in
//! seconds of this service's own running, by a clock that only goes forward, so that neither a step of the system's clock
//! nor a stop of the service is a feed's silence.
//!
//! Kept in the ledger's `meta`, as JSON under [`NAME`]: for each feed `samples`, `last` (Unix seconds), `wont` and `quiet`
//! (seconds since the last sample). It is written down every few seconds, not with each sample: what a crash loses
//! of it is no evidence.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::declared::Feed;

/// Under which name the ledger keeps it.
pub const NAME: &str = "freshness";

/// The time in which a pause that was long counts half, in seconds (7 d).
const FORGOTTEN_BY_HALF: f64 = 7.0 * 24.0 * 3600.0;

/// How many times its wont a feed may be silent.
const TIMES: f64 = 2.0;

/// How long any feed may be silent, in seconds (10 min).
const LEAST: f64 = 600.0;

/// The fewest samples by which a wont is known.
const ENOUGH: u64 = 10;

/// How every feed is heard.
#[derive(Default)]
pub struct Freshness(Mutex<BTreeMap<String, Pulse>>);

/// How one feed is heard.
struct Pulse {
    kept: Kept,
    /// The samples of this process.
    taken: u64,
    /// When `kept.quiet` was true.
    at: Instant,
    /// Whether its samples came since it was last written down.
    changed: bool,
    /// Whether it is declared now.
    declared: bool,
    /// Whether its samples are put off, so that it cannot be heard.
    paused: bool,
    /// How long it may be silent, in seconds, if its settings say so.
    limit: Option<f64>,
}

/// What is kept of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    samples: u64,
    last: Option<i64>,
    wont: f64,
    quiet: f64,
}

/// How a feed stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its name.
    pub feed: String,
    /// New samples since this process began.
    pub taken: u64,
    /// New samples since the ledger was made.
    pub samples: u64,
    /// When the last came, in Unix seconds.
    pub last: Option<i64>,
    /// The longest pause of late, in seconds.
    pub wont: f64,
    /// Whether it is silent for longer than that allows, or than its settings do; never while it is paused.
    pub silent: bool,
    /// Whether it is paused.
    pub paused: bool,
}

impl Freshness {
    /// How feeds were heard, as the ledger has it; what cannot be read is as if it had never been.
    pub fn new(kept: Option<&str>, feeds: &[Feed], now: Instant) -> Self {
        let kept: BTreeMap<String, Kept> = kept.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let is_sound =
            |kept: &Kept| [kept.wont, kept.quiet].iter().all(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let sound = kept.into_iter().filter(|(_, kept)| is_sound(kept));
        let freshness = Self(Mutex::new(sound.map(|(feed, kept)| (feed, Pulse::of(kept, now))).collect()));
        freshness.heed(feeds, now);
        freshness
    }

    /// Goes by what is declared now. A feed that is gone is remembered, and its silence is nobody's matter; nor is that of
    /// one that is paused.
    pub fn heed(&self, feeds: &[Feed], now: Instant) {
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for pulse in pulses.values_mut() {
            pulse.rest(now);
            pulse.declared = false;
        }
        for feed in feeds {
            let pulse = pulses.entry(feed.name.clone()).or_insert_with(|| Pulse::of(Kept::default(), now));
            pulse.declared = true;
            pulse.paused = feed.paused.is_some();
            pulse.limit = feed.silence.map(|limit| limit.as_secs_f64());
        }
    }

    /// A feed brought a new sample, at this Unix second.
    pub fn hear(&self, feed: &str, arrived: i64, now: Instant) {
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pulse) = pulses.get_mut(feed) else { return };
        let gap = pulse.quiet(now);
        let wont = pulse.kept.wont * (-gap / FORGOTTEN_BY_HALF).exp2();
        // Before the first sample there is no pause.
        let wont = if pulse.kept.samples == 0 { 0.0 } else { wont.max(gap) };
        pulse.kept = Kept { samples: pulse.kept.samples + 1, last: Some(arrived), wont, quiet: 0.0 };
        pulse.at = now;
        pulse.taken += 1;
        pulse.changed = true;
    }

    /// How the declared feeds stand.
    pub fn standings(&self, now: Instant) -> Vec<Standing> {
        let pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let declared = pulses.iter().filter(|(_, pulse)| pulse.declared);
        let standing = |(feed, pulse): (&String, &Pulse)| Standing {
            feed: feed.clone(),
            taken: pulse.taken,
            samples: pulse.kept.samples,
            last: pulse.kept.last,
            wont: pulse.kept.wont,
            silent: pulse.is_silent(now),
            paused: pulse.paused,
        };
        declared.map(standing).collect()
    }

    /// Whether samples came since it was last written down.
    pub fn has_changed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().any(|pulse| pulse.changed)
    }

    /// What is to be written down.
    pub fn write(&self, now: Instant) -> String {
        let mut pulses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = BTreeMap::new();
        for (feed, pulse) in pulses.iter_mut() {
            pulse.rest(now);
            pulse.changed = false;
            kept.insert(feed, &pulse.kept);
        }
        serde_json::to_string(&kept).expect("names and numbers are JSON")
    }
}

impl Pulse {
    fn of(kept: Kept, now: Instant) -> Self {
        Self { kept, taken: 0, at: now, changed: false, declared: false, paused: false, limit: None }
    }

    /// For how long it has been silent, in seconds.
    fn quiet(&self, now: Instant) -> f64 {
        let since = if self.declared && !self.paused { now.saturating_duration_since(self.at) } else { Duration::ZERO };
        self.kept.quiet + since.as_secs_f64()
    }

    /// Counts its silence up to now.
    fn rest(&mut self, now: Instant) {
        self.kept.quiet = self.quiet(now);
        self.at = now;
    }

    fn is_silent(&self, now: Instant) -> bool {
        let quiet = self.quiet(now);
        match self.limit {
            _ if self.paused => false,
            Some(limit) => quiet > limit,
            None => self.kept.samples >= ENOUGH && quiet > LEAST && quiet > TIMES * self.kept.wont,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::declared::Declared;
    use crate::ledger::Pause;

    fn feeds(silence: &str) -> Vec<Feed> {
        let text = format!(
            "[[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"10.9.0.10\"]\n\
             [[feed]]\nname = \"traps\"\ntoken = \"TOKEN-TOKEN-TOKEN\"\nrelays = [\"mx1\"]\n{silence}"
        );
        let settings = Settings::parse(&text, "test.toml", std::path::Path::new("")).unwrap().settings;
        Declared::of(&settings, str::to_owned).feeds
    }

    fn after(began: Instant, seconds: u64) -> Instant {
        began + Duration::from_secs(seconds)
    }

    fn is_silent(freshness: &Freshness, now: Instant) -> bool {
        freshness.standings(now)[0].silent
    }

    /// Samples every so many seconds; when the last came.
    fn hear(freshness: &Freshness, began: Instant, from: u64, every: u64, times: u64) -> u64 {
        (0..times).for_each(|number| freshness.hear("traps", 0, after(began, from + number * every)));
        from + (times - 1) * every
    }

    #[test]
    fn silence_is_measured_by_a_feeds_own_wont() {
        let began = Instant::now();
        let busy = Freshness::new(None, &feeds(""), began);
        let last = hear(&busy, began, 0, 10, 20);
        assert_eq!(busy.standings(after(began, last))[0].wont, 10.0);
        // Ten minutes are nothing, however busy it is.
        assert!(!is_silent(&busy, after(began, last + 600)) && is_silent(&busy, after(began, last + 601)));
        let slow = Freshness::new(None, &feeds(""), began);
        let last = hear(&slow, began, 0, 7200, 10);
        assert!(!is_silent(&slow, after(began, last + 14_400)) && is_silent(&slow, after(began, last + 14_401)));
        // A sample ends it, and what was long becomes the wont, until that is forgotten.
        slow.hear("traps", 7, after(began, last + 100_000));
        let standing = &slow.standings(after(began, last + 100_000))[0];
        assert_eq!((standing.wont, standing.last, standing.samples, standing.silent), (100_000.0, Some(7), 11, false));
        let last = hear(&slow, began, last + 103_600, 3600, 7 * 24 * 4);
        assert!(slow.standings(after(began, last))[0].wont < 7000.0);
        // By few samples nothing is known.
        let new = Freshness::new(None, &feeds(""), began);
        hear(&new, began, 0, 10, 9);
        assert!(!is_silent(&new, after(began, 1 << 30)));
        new.hear("nobody", 0, began);
        assert_eq!(new.standings(began).len(), 1);
    }

    /// What the settings say stands, from the first second and without a sample.
    #[test]
    fn silence_may_be_set() {
        let began = Instant::now();
        let set = Freshness::new(None, &feeds("silence = \"6h\"\n"), began);
        assert!(!is_silent(&set, after(began, 6 * 3600)) && is_silent(&set, after(began, 6 * 3600 + 1)));
        let last = hear(&set, began, 30_000, 10, 20);
        assert!(!is_silent(&set, after(began, last + 6 * 3600)));
        set.heed(&feeds(""), after(began, last + 6 * 3600));
        assert!(is_silent(&set, after(began, last + 6 * 3600)));
    }

    /// A stop of the service is nobody's silence; silence before and after it is.
    #[test]
    fn it_is_remembered_over_restarts() {
        let began = Instant::now();
        let first = Freshness::new(None, &feeds(""), began);
        let last = hear(&first, began, 0, 1000, 10);
        assert!(first.has_changed());
        let kept = first.write(after(began, last + 1500));
        assert!(!first.has_changed());
        // Much later by whatever clock.
        let again = after(began, 50_000_000);
        let second = Freshness::new(Some(&kept), &feeds(""), again);
        let standing = &second.standings(again)[0];
        assert_eq!((standing.samples, standing.taken, standing.wont, standing.silent), (10, 0, 1000.0, false));
        assert!(!is_silent(&second, again + Duration::from_secs(500)));
        assert!(is_silent(&second, again + Duration::from_secs(501)));
        // Whoever was taken out of the settings and came back was not silent meanwhile.
        second.heed(&[], again + Duration::from_secs(100));
        assert_eq!(second.standings(again), []);
        second.heed(&feeds(""), again + Duration::from_secs(100_000));
        assert!(!is_silent(&second, again + Duration::from_secs(100_400)));
        // Nor is one that is paused, and its pause does not become its wont.
        let mut paused = feeds("");
        paused[0].paused = Some(Pause::default());
        second.heed(&paused, again + Duration::from_secs(100_400));
        assert!(!is_silent(&second, again + Duration::from_secs(900_000)));
        second.heed(&feeds(""), again + Duration::from_secs(900_000));
        assert!(is_silent(&second, again + Duration::from_secs(900_101)));
        second.hear("traps", 0, again + Duration::from_secs(900_101));
        assert_eq!(second.standings(again)[0].wont, 2101.0);
        for nonsense in ["", "[]", "{\"traps\":{\"wont\":-1}}", "{\"traps\":{\"quiet\":\"x\"}}"] {
            assert_eq!(Freshness::new(Some(nonsense), &feeds(""), began).standings(began)[0].samples, 0);
        }
    }
}
