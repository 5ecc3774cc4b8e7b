//! How the feeds stand, asked of [`Freshness`] when somebody looks. A label holds a feed's name, and never a trap.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use prometheus::Opts;
use prometheus::core::{Collector, Desc, Describer};
use prometheus::proto::MetricFamily;

use super::family::Family;
use crate::freshness::Freshness;

pub(super) struct Feeds {
    freshness: Arc<ArcSwapOption<Freshness>>,
    /// A registry tells collectors apart by what they describe; this one makes its descriptions with its numbers.
    described: Desc,
}

impl Feeds {
    pub(super) fn new(freshness: Arc<ArcSwapOption<Freshness>>) -> Result<Self, prometheus::Error> {
        let described = Opts::new("firsthand_feed_silent", "Whether a feed is silent.").describe()?;
        Ok(Self { freshness, described })
    }
}

impl Collector for Feeds {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.described]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(freshness) = self.freshness.load_full() else { return Vec::new() };
        let mut samples = Family::counter("firsthand_feed_samples_total", "New samples taken, by feed.", &["feed"]);
        let mut last = Family::gauge(
            "firsthand_feed_last_sample_timestamp_seconds",
            "When a feed's last new sample came, in Unix seconds; absent before the first.",
            &["feed"],
        );
        let mut wont = Family::gauge(
            "firsthand_feed_wont_seconds",
            "The longest pause between a feed's samples of late, in seconds.",
            &["feed"],
        );
        let mut silent = Family::gauge(
            "firsthand_feed_silent",
            "Whether a feed is silent for longer than its wont, or than its settings allow: 1 or 0.",
            &["feed"],
        );
        let mut paused =
            Family::gauge("firsthand_feed_paused", "Whether the operator has paused a feed: 1 or 0.", &["feed"]);
        for standing in freshness.standings(Instant::now()) {
            let feed = [standing.feed.as_str()];
            samples.add(&feed, standing.taken as f64);
            if let Some(second) = standing.last {
                last.add(&feed, second as f64);
            }
            wont.add(&feed, standing.wont);
            silent.add(&feed, f64::from(u8::from(standing.silent)));
            paused.add(&feed, f64::from(u8::from(standing.paused)));
        }
        [samples, last, wont, silent, paused].into_iter().filter_map(Family::into_proto).collect()
    }
}
