//! The counters. They know nothing of HTTP, and no label ever holds an address, a HELO or a trap (E10).

mod family;
mod feeds;
mod serving;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use firsthand_analyzer::trust::Reason;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::connections::Counts;
use crate::dns::counters::Counters;
use crate::freshness::Freshness;
use crate::lists::Standings;
use crate::zone::Zone;
use arc_swap::{ArcSwap, ArcSwapOption};
use feeds::Feeds;
use serving::Serving;

/// What the process counts.
pub struct Metrics {
    registry: Registry,
    /// Samples taken, by what became of them: `attributed`, or the reason why not.
    pub samples: IntCounterVec,
    /// Samples that had been taken before.
    pub repeats: IntCounter,
    /// Samples refused, by why.
    pub refused: IntCounterVec,
    /// The bytes that are free on the ledger's disk.
    pub disk_free: IntGauge,
    /// Whether the intake refuses every sample, by why: 1 or 0.
    pub intake_refuses: IntGaugeVec,
    /// Versions of the zone.
    pub versions: IntCounter,
    /// Ticks on which the ledger said no.
    pub failed_ticks: IntCounter,
    /// Listings that an exemption kept out.
    pub exempt: IntCounter,
    /// Times that a /64 found its /48 full.
    pub crowded: IntCounter,
    /// Listings of the ledger's table that the zone does not hold.
    pub disagreements: IntCounter,
    /// Listings that wait for the brake, by list.
    pub braked: IntGaugeVec,
    /// The least framing cost of all published listings, by list; 0: there are none.
    pub least_framing_cost: IntGaugeVec,
    /// The greatest share that one origin has of this hour's attributed samples, 0 to 1; 0 while fewer than 50 came.
    pub origin_share: Gauge,
    /// Withdrawals in force: what they take counts for nothing.
    pub withdrawals: IntGauge,
    /// Requests for removal that wait for the operator.
    pub requests: IntGauge,
    /// When the oldest of them was made, in Unix seconds; 0: none waits.
    pub oldest_request: IntGauge,
    /// When the certificate of encrypted DNS expires, in Unix seconds; 0: none is served.
    pub certificate_expiry: IntGauge,
    /// The same of the intake over TLS.
    pub intake_certificate_expiry: IntGauge,
    /// Whether the settings that were read last were without a mistake and are in force: 1 or 0.
    pub reloaded: IntGauge,
    /// When settings were last read without a mistake, in Unix seconds.
    pub reloaded_at: IntGauge,
    /// The connections of all HTTP listeners.
    pub http: Arc<Counts>,
    /// The bytes of messages that are on their way in.
    pub intake_held: IntGauge,
    /// The connections of all listeners of `[[intake]]`.
    pub intake: Arc<Counts>,
    files: Arc<ArcSwapOption<Standings>>,
    feeds: Arc<ArcSwapOption<Freshness>>,
}

impl Metrics {
    /// All counters at zero, with those of DNS and the zone beside them.
    ///
    /// # Errors
    /// When two metrics have one name.
    pub fn new(dns: Arc<Counters>, zone: Arc<ArcSwap<Zone>>) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let samples = IntCounterVec::new(
            Opts::new("firsthand_samples_total", "Samples taken, by verdict: attributed, or the reason why not."),
            &["verdict"],
        )?;
        let refused = IntCounterVec::new(
            Opts::new("firsthand_samples_refused_total", "Samples refused at the intake, by why."),
            &["why"],
        )?;
        let disk_free = IntGauge::new("firsthand_disk_free_bytes", "Free bytes on the disk of the data folder.")?;
        let intake_refuses = IntGaugeVec::new(
            Opts::new("firsthand_intake_refuses", "Whether the intake refuses every sample, by why."),
            &["reason"],
        )?;
        registry.register(Box::new(disk_free.clone()))?;
        registry.register(Box::new(intake_refuses.clone()))?;
        let repeats = IntCounter::new("firsthand_samples_repeated_total", "Samples that had been taken before.")?;
        let versions = IntCounter::new("firsthand_zone_versions_total", "Versions of the zone published.")?;
        let failed_ticks =
            IntCounter::new("firsthand_publisher_failed_ticks_total", "Ticks on which the ledger said no.")?;
        let exempt = IntCounter::new("firsthand_listings_exempt_total", "Listings that an exemption kept out.")?;
        let crowded = IntCounter::new(
            "firsthand_listings_crowded_total",
            "Times that a /64 was to be listed and found its /48 full.",
        )?;
        let disagreements = IntCounter::new(
            "firsthand_ledger_disagreements_total",
            "Listings that stand in the ledger's table and not in the zone.",
        )?;
        let braked = IntGaugeVec::new(
            Opts::new("firsthand_brake_waiting", "New listings that wait for the brake, by list."),
            &["list"],
        )?;
        let least_framing_cost = IntGaugeVec::new(
            Opts::new(
                "firsthand_framing_cost_least",
                "The least number of traps whose evidence would have to go for some listing to fall, by list.",
            ),
            &["list"],
        )?;
        let requests =
            IntGauge::new("firsthand_removal_requests_waiting", "Requests for removal that wait for the operator.")?;
        let oldest_request = IntGauge::new(
            "firsthand_removal_requests_oldest_timestamp_seconds",
            "When the oldest waiting request for removal was made, in Unix seconds; 0: none waits.",
        )?;
        let origin_share = Gauge::new(
            "firsthand_origin_share_most",
            "The greatest share that one origin has of this hour's attributed samples: near 1, a balancer or gateway may hide the peers.",
        )?;
        let withdrawals = IntGauge::new(
            "firsthand_withdrawals_in_force",
            "Withdrawals in force: the evidence that they take counts for nothing.",
        )?;
        registry.register(Box::new(withdrawals.clone()))?;
        registry.register(Box::new(origin_share.clone()))?;
        registry.register(Box::new(braked.clone()))?;
        registry.register(Box::new(least_framing_cost.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(oldest_request.clone()))?;
        registry.register(Box::new(samples.clone()))?;
        registry.register(Box::new(refused.clone()))?;
        for counter in [&repeats, &versions, &failed_ticks, &exempt, &crowded, &disagreements] {
            registry.register(Box::new(counter.clone()))?;
        }
        let certificate_expiry = IntGauge::new(
            "firsthand_dns_certificate_expiry_seconds",
            "When the certificate of encrypted DNS expires, in Unix seconds; 0: none is served.",
        )?;
        let intake_certificate_expiry = IntGauge::new(
            "firsthand_http_certificate_expiry_seconds",
            "When the certificate of the intake over TLS expires, in Unix seconds; 0: none is shown.",
        )?;
        for expiry in [&certificate_expiry, &intake_certificate_expiry] {
            registry.register(Box::new(expiry.clone()))?;
        }
        let reloaded = IntGauge::new(
            "firsthand_config_last_reload_successful",
            "Whether the settings that were read last were without a mistake and are in force.",
        )?;
        let reloaded_at = IntGauge::new(
            "firsthand_config_last_reload_success_timestamp_seconds",
            "When settings were last read without a mistake, in Unix seconds.",
        )?;
        reloaded.set(1);
        reloaded_at.set(i64::try_from(unix_now()).unwrap_or(i64::MAX));
        registry.register(Box::new(reloaded.clone()))?;
        registry.register(Box::new(reloaded_at.clone()))?;
        let intake_held = IntGauge::new(
            "firsthand_intake_held_bytes",
            "Bytes of messages that are on their way in, by any channel; 402653184 at most (256 MiB of feeds, 128 MiB of strangers).",
        )?;
        registry.register(Box::new(intake_held.clone()))?;
        let (http, intake) = (Arc::<Counts>::default(), Arc::<Counts>::default());
        let files = Arc::<ArcSwapOption<Standings>>::default();
        let feeds = Arc::<ArcSwapOption<Freshness>>::default();
        registry.register(Box::new(Feeds::new(Arc::clone(&feeds))?))?;
        registry.register(Box::new(Serving::new(
            dns,
            zone,
            Arc::clone(&http),
            Arc::clone(&intake),
            Arc::clone(&files),
        )?))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        // Every reason is there from the start, so that an alert on its rate needs no first sample.
        for reason in Reason::ALL {
            samples.with_label_values(&[reason.name()]);
        }
        samples.with_label_values(&["attributed"]);
        Ok(Self {
            registry,
            samples,
            repeats,
            refused,
            disk_free,
            intake_refuses,
            versions,
            failed_ticks,
            exempt,
            crowded,
            disagreements,
            braked,
            least_framing_cost,
            origin_share,
            withdrawals,
            requests,
            oldest_request,
            certificate_expiry,
            intake_certificate_expiry,
            reloaded,
            reloaded_at,
            http,
            intake_held,
            intake,
            files,
            feeds,
        })
    }

    /// Shows how the operator's files stand from now on.
    pub fn show_lists(&self, standings: Arc<Standings>) {
        self.files.store(Some(standings));
    }

    /// Shows how the feeds are heard from now on.
    pub fn show_feeds(&self, freshness: Arc<Freshness>) {
        self.feeds.store(Some(freshness));
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// The Unix second that it is, 0 for any time before.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
