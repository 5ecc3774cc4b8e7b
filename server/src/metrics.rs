//! The counters. They know nothing of HTTP, and no label ever holds an address, a HELO or a trap (E10).

use std::sync::Arc;

use firsthand_analyzer::trust::Reason;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use crate::connections::Counts;
use crate::dns::Transport;
use crate::dns::counters::{Count, Counters};
use crate::zone::Zone;
use arc_swap::ArcSwap;

/// What the process counts.
pub struct Metrics {
    registry: Registry,
    /// Samples taken, by what became of them: `attributed`, or the reason why not.
    pub samples: IntCounterVec,
    /// Samples that had been taken before.
    pub repeats: IntCounter,
    /// Samples refused, by why.
    pub refused: IntCounterVec,
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
    /// The connections of all HTTP listeners.
    pub http: Arc<Counts>,
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
        let http = Arc::<Counts>::default();
        registry.register(Box::new(ConnectionMetrics::new(&dns, Arc::clone(&http))?))?;
        registry.register(Box::new(DnsMetrics::new(dns)?))?;
        registry.register(Box::new(ZoneMetrics::new(zone)?))?;
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
            http,
        })
    }

    /// All metrics in Prometheus' text format.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        prometheus::TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// The serving threads' own atomics, read when somebody asks.
struct DnsMetrics {
    counters: Arc<Counters>,
    answers: IntGaugeVec,
    silences: IntGaugeVec,
}

impl DnsMetrics {
    fn new(counters: Arc<Counters>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            counters,
            answers: IntGaugeVec::new(
                Opts::new("firsthand_dns_answers", "DNS answers since the start, by transport, kind and query type."),
                &["transport", "kind", "type"],
            )?,
            silences: IntGaugeVec::new(
                Opts::new("firsthand_dns_silences", "DNS messages without an answer, by transport."),
                &["transport"],
            )?,
        })
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Collector for DnsMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.answers.desc(), self.silences.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (transport, kind, asked, count) in self.counters.answers() {
            self.answers.with_label_values(&[transport.name(), kind.name(), asked.name()]).set(signed(count));
        }
        for transport in Transport::ALL {
            self.silences
                .with_label_values(&[transport.name()])
                .set(signed(self.counters.get(transport, Count::Silences)));
        }
        [self.answers.collect(), self.silences.collect()].concat()
    }
}

/// The connections of every transport that has some, and of HTTP.
struct ConnectionMetrics {
    counts: Vec<(&'static str, Arc<Counts>)>,
    open: IntGaugeVec,
    so_far: IntGaugeVec,
}

impl ConnectionMetrics {
    fn new(dns: &Counters, http: Arc<Counts>) -> Result<Self, prometheus::Error> {
        let streams = [Transport::Tcp, Transport::Tls, Transport::Https];
        let counts = streams.map(|transport| (transport.name(), Arc::clone(dns.connections(transport))));
        Ok(Self {
            counts: counts.into_iter().chain([("http", http)]).collect(),
            open: IntGaugeVec::new(
                Opts::new(
                    "firsthand_connections_open",
                    "Open connections, by transport: tcp, tls and https are of DNS, http is of the pages and the intake.",
                ),
                &["transport"],
            )?,
            so_far: IntGaugeVec::new(
                Opts::new(
                    "firsthand_connections",
                    "Connections since the start, by transport and by what became of them: taken; refused, as their network had its share, all places were full, or the operator drops them; evicted for a newcomer; failed in the TLS handshake.",
                ),
                &["transport", "what"],
            )?,
        })
    }
}

impl Collector for ConnectionMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.open.desc(), self.so_far.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (transport, counts) in &self.counts {
            self.open.with_label_values(&[transport]).set(signed(counts.open()));
            for (what, count) in [
                ("taken", counts.taken()),
                ("refused-network", counts.refused_by_prefix()),
                ("refused-full", counts.refused_as_full()),
                ("refused-access", counts.barred()),
                ("evicted", counts.evicted()),
                ("handshake-failed", counts.unsecured()),
            ] {
                self.so_far.with_label_values(&[*transport, what]).set(signed(count));
            }
        }
        [self.open.collect(), self.so_far.collect()].concat()
    }
}

/// What the served zone says of itself.
struct ZoneMetrics {
    zone: Arc<ArcSwap<Zone>>,
    serial: IntGauge,
    heard: IntGauge,
    entries: IntGaugeVec,
}

impl ZoneMetrics {
    fn new(zone: Arc<ArcSwap<Zone>>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            zone,
            serial: IntGauge::new("firsthand_zone_serial", "Serial of the served zone.")?,
            heard: IntGauge::new(
                "firsthand_zone_heard_timestamp_seconds",
                "When the publisher was last heard of, in Unix seconds; 0: never.",
            )?,
            entries: IntGaugeVec::new(
                Opts::new("firsthand_zone_entries", "Entries of the served zone, by list and family."),
                &["list", "family"],
            )?,
        })
    }
}

impl Collector for ZoneMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.serial.desc(), self.heard.desc(), self.entries.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let zone = self.zone.load();
        self.serial.set(i64::from(zone.serial()));
        self.heard.set(signed(zone.last_heard().unwrap_or(0)));
        for (index, list) in zone.lists().iter().enumerate() {
            let (v4, v6) = zone.counts(index);
            self.entries.with_label_values(&[list.label.as_str(), "ipv4"]).set(signed(v4 as u64));
            self.entries.with_label_values(&[list.label.as_str(), "ipv6"]).set(signed(v6 as u64));
        }
        [self.serial.collect(), self.heard.collect(), self.entries.collect()].concat()
    }
}
