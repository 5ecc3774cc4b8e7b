//! How many samples each feed may hand in: a token bucket that holds one period's worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::Quota;
use crate::declared::Feed;

/// The buckets of all feeds that have a quota.
pub(super) struct Quotas(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    size: f64,
    period: Duration,
    left: f64,
    filled: Instant,
}

impl Quotas {
    pub(super) fn new(feeds: &[Feed]) -> Self {
        let quotas = Self(Mutex::default());
        quotas.heed(feeds);
        quotas
    }

    /// Goes by the quotas that these feeds have now. What a feed has used up stays so: a reload fills no bucket.
    pub(super) fn heed(&self, feeds: &[Feed]) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let bucket = |feed: &Feed| match feed.quota {
            Quota::Unlimited => None,
            Quota::Limited { samples, period } => {
                let (size, period) = (f64::from(samples.get()), period.length());
                let before = buckets.remove(&feed.name);
                let (left, filled) = before.map_or((size, now), |before| (before.left.min(size), before.filled));
                Some((feed.name.clone(), Bucket { size, period, left, filled }))
            }
        };
        *buckets = feeds.iter().filter_map(bucket).collect();
    }

    /// Takes one sample's worth at `now`; the error is how long to wait for the next.
    pub(super) fn take(&self, feed: &str, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(bucket) = buckets.get_mut(feed) else { return Ok(()) };
        let rate = bucket.size / bucket.period.as_secs_f64();
        let gained = now.saturating_duration_since(bucket.filled).as_secs_f64() * rate;
        bucket.left = (bucket.left + gained).min(bucket.size);
        bucket.filled = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / rate));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}
