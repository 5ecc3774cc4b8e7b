//! Latencies, counted in buckets that are at most 1/16 wide of what they count.

use std::time::Duration;

/// Steps within one power of two.
const STEPS: usize = 16;

/// How often each latency occurred.
#[derive(Clone)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; 64 * STEPS], total: 0 }
    }

    pub(crate) fn add(&mut self, nanoseconds: u64) {
        let nanoseconds = nanoseconds.max(STEPS as u64);
        let power = nanoseconds.ilog2() as usize;
        let step = (nanoseconds >> (power - 4)) as usize & (STEPS - 1);
        self.counts[power * STEPS + step] += 1;
        self.total += 1;
    }

    /// The latency within which `share` (0 to 1) of all lie; zero if there are none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted && *count > 0 {
                let (power, step) = (at / STEPS, at % STEPS);
                return Duration::from_nanos(((STEPS + step + 1) as u64) << (power - 4));
            }
        }
        Duration::ZERO
    }
}
