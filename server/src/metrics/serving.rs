//! What the serving threads and the zone count, read from their own atomics when somebody asks.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use prometheus::Opts;
use prometheus::core::{Collector, Desc, Describer};
use prometheus::proto::MetricFamily;

use super::family::{Family, histogram};
use crate::connections::Counts;
use crate::dns::Transport;
use crate::dns::counters::{BATCH_SIZES, Count, Counters, DELAYS};
use crate::lists::Standings;
use crate::zone::Zone;

/// The tables in which Linux shows every UDP socket.
const SOCKET_TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

pub(super) struct Serving {
    dns: Arc<Counters>,
    zone: Arc<ArcSwap<Zone>>,
    http: Arc<Counts>,
    intake: Arc<Counts>,
    files: Arc<ArcSwapOption<Standings>>,
    /// A registry tells collectors apart by what they describe; this one makes its descriptions with its numbers.
    described: Desc,
}

impl Serving {
    pub(super) fn new(
        dns: Arc<Counters>,
        zone: Arc<ArcSwap<Zone>>,
        http: Arc<Counts>,
        intake: Arc<Counts>,
        files: Arc<ArcSwapOption<Standings>>,
    ) -> Result<Self, prometheus::Error> {
        let described = Opts::new("firsthand_dns_answers_total", "DNS answers.").describe()?;
        Ok(Self { dns, zone, http, intake, files, described })
    }

    fn answers(&self) -> [Family; 4] {
        let mut answers = Family::counter(
            "firsthand_dns_answers_total",
            "DNS answers, by transport, kind of answer, response code and query type.",
            &["transport", "kind", "rcode", "type"],
        );
        for (transport, kind, asked, count) in self.dns.answers() {
            answers.add(&[transport.name(), kind.name(), kind.rcode().name(), asked.name()], count as f64);
        }
        let mut listed = Family::counter(
            "firsthand_dns_listed_total",
            "Answers that say that an address is listed, by transport and list.",
            &["transport", "list"],
        );
        let mut silences = Family::counter(
            "firsthand_dns_silences_total",
            "DNS messages that got no answer, by transport and why: no-query, or dropped as the operator says.",
            &["transport", "why"],
        );
        let mut of_kind = Family::counter(
            "firsthand_dns_answers_marked_total",
            "Answers, by transport and mark: truncated (TC), proven (a valid cookie), unsent (the system did not take it), asked-for-proof and withheld (over a rate; in report mode they were sent all the same).",
            &["transport", "mark"],
        );
        let zone = self.zone.load();
        for transport in Transport::ALL {
            for (at, list) in zone.lists().iter().enumerate() {
                listed.add(&[transport.name(), list.label.as_str()], self.dns.listed(transport, at) as f64);
            }
            let get = |count| self.dns.get(transport, count) as f64;
            silences.add(&[transport.name(), "no-query"], get(Count::Silences));
            silences.add(&[transport.name(), "dropped"], get(Count::Dropped));
            for (mark, count) in [
                ("truncated", Count::Truncated),
                ("proven", Count::Proven),
                ("unsent", Count::Unsent),
                ("asked-for-proof", Count::AskedForProof),
                ("withheld", Count::Withheld),
            ] {
                of_kind.add(&[transport.name(), mark], get(count));
            }
        }
        [answers, listed, silences, of_kind]
    }

    fn connections(&self) -> [Family; 2] {
        let mut open = Family::gauge(
            "firsthand_connections_open",
            "Open connections, by transport: tcp, tls and https are of DNS, http is of the pages and of samples over HTTP, intake of samples over SMTP, LMTP and milter.",
            &["transport"],
        );
        let mut so_far = Family::counter(
            "firsthand_connections_total",
            "Connections, by transport and what became of them: taken; refused, as their network had its share or the operator drops them; evicted for a newcomer; failed in the TLS handshake.",
            &["transport", "what"],
        );
        let streams = [Transport::Tcp, Transport::Tls, Transport::Https];
        let streams = streams.map(|transport| (transport.name(), self.dns.connections(transport)));
        let others = [("http", &self.http), ("intake", &self.intake)];
        for (transport, counts) in streams.into_iter().chain(others) {
            open.add(&[transport], counts.open() as f64);
            for (what, count) in [
                ("taken", counts.taken()),
                ("refused-network", counts.refused_by_prefix()),
                ("refused-access", counts.barred()),
                ("evicted", counts.evicted()),
                ("handshake-failed", counts.unsecured()),
            ] {
                so_far.add(&[transport, what], count as f64);
            }
        }
        [open, so_far]
    }

    fn zone(&self) -> [Family; 4] {
        let zone = self.zone.load();
        let mut serial = Family::gauge("firsthand_zone_serial", "Serial of the served zone.", &[]);
        serial.add(&[], zone.serial().into());
        let mut heard = Family::gauge(
            "firsthand_zone_heard_timestamp_seconds",
            "When the publisher was last heard of, in Unix seconds; 0: never. The zone's age is the time since.",
            &[],
        );
        heard.add(&[], zone.last_heard().unwrap_or(0) as f64);
        let mut entries = Family::gauge(
            "firsthand_zone_entries",
            "Entries of the served zone, by list and family; IPv6 by /64.",
            &["list", "family"],
        );
        let mut known = Family::gauge(
            "firsthand_zone_list_known",
            "Whether what a list holds is known: 0 for a file that was never read or has expired, whose names are SERVFAIL.",
            &["list"],
        );
        for (at, list) in zone.lists().iter().enumerate() {
            let (four, six) = zone.counts(at);
            entries.add(&[list.label.as_str(), "ipv4"], four as f64);
            entries.add(&[list.label.as_str(), "ipv6"], six as f64);
            known.add(&[list.label.as_str()], f64::from(u8::from(zone.is_known(at, super::unix_now()))));
        }
        [serial, heard, entries, known]
    }

    fn files(&self) -> [Family; 7] {
        let labels = &["list", "result"];
        let mut loads = Family::counter(
            "firsthand_static_list_loads_total",
            "How often the files of a static list were read, by result: taken or refused.",
            labels,
        );
        let mut success = Family::gauge(
            "firsthand_static_list_last_success_timestamp_seconds",
            "When the files of a static list were last taken, in Unix seconds; 0: never.",
            &["list"],
        );
        let mut behind = Family::gauge(
            "firsthand_static_list_behind",
            "Whether the files of a static list as they are now were refused or change too often to be read, so that an older state is served, or none.",
            &["list"],
        );
        let mut kept_out = Family::gauge(
            "firsthand_static_list_kept_out",
            "IPv4 addresses of a static list that are exempt or special-purpose, and so not served.",
            &["list"],
        );
        let mut modified = Family::gauge(
            "firsthand_static_list_modified_timestamp_seconds",
            "When the newest of the files of a static list that are served was written, in Unix seconds.",
            &["list"],
        );
        let mut expires = Family::gauge(
            "firsthand_static_list_expires_timestamp_seconds",
            "The last Unix second at which what is served of a static list may be believed; absent without an end.",
            &["list"],
        );
        let mut looked = Family::gauge(
            "firsthand_static_lists_looked_timestamp_seconds",
            "When the files of static lists were last looked at, in Unix seconds; old where a disk does not answer.",
            &[],
        );
        if let Some(files) = &*self.files.load()
            && !files.lists().is_empty()
        {
            looked.add(&[], files.looked.load(Ordering::Relaxed) as f64);
        }
        for list in self.files.load().iter().flat_map(|files| files.lists()) {
            let get = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64;
            loads.add(&[&list.name, "taken"], get(&list.loads));
            loads.add(&[&list.name, "refused"], get(&list.failures));
            success.add(&[&list.name], get(&list.last_success));
            behind.add(&[&list.name], f64::from(u8::from(list.is_behind.load(Ordering::Relaxed))));
            kept_out.add(&[&list.name], get(&list.kept_out));
            for (family, time) in [(&mut modified, &list.modified), (&mut expires, &list.expires)] {
                if time.load(Ordering::Relaxed) > 0 {
                    family.add(&[&list.name], get(time));
                }
            }
        }
        [loads, success, behind, kept_out, modified, expires, looked]
    }

    fn query_log(&self) -> Family {
        let mut lost = Family::counter(
            "firsthand_dns_query_log_lost_total",
            "Lines that the query log lost, as the disk was full or slow or the file was not to be had.",
            &[],
        );
        lost.add(&[], self.dns.unlogged() as f64);
        lost
    }

    /// What the kernel dropped since our sockets were made, as their threads were busy.
    fn drops(&self) -> Family {
        let mut drops = Family::counter(
            "firsthand_dns_socket_drops_total",
            "Datagrams that the kernel dropped before a thread took them, by the address that we listen on.",
            &["listen"],
        );
        let ours = self.dns.sockets();
        let mut sums: HashMap<String, u64> = HashMap::new();
        for table in SOCKET_TABLES {
            // A system without them has no such numbers.
            let table = fs::read_to_string(table).unwrap_or_default();
            for line in table.lines().skip(1) {
                let mut fields = line.split_whitespace();
                let inode = fields.nth(9).and_then(|inode| inode.parse::<u64>().ok());
                let dropped = fields.next_back().and_then(|count| count.parse::<u64>().ok());
                let (Some(inode), Some(dropped)) = (inode, dropped) else { continue };
                if let Some((_, address)) = ours.iter().find(|(ours, _): &&(u64, _)| *ours == inode) {
                    *sums.entry(address.to_string()).or_default() += dropped;
                }
            }
        }
        for (address, dropped) in sums {
            drops.add(&[&address], dropped as f64);
        }
        drops
    }
}

impl Collector for Serving {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.described]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let families = self
            .answers()
            .into_iter()
            .chain(self.connections())
            .chain(self.zone())
            .chain(self.files())
            .chain([self.query_log(), self.drops()]);
        let sizes = (0..BATCH_SIZES).map(|size| (f64::from(1u32 << size), self.dns.batches(size)));
        let messages: f64 = (0..DELAYS).map(|delay| self.dns.delays(delay) as f64).sum();
        let delays = (0..DELAYS - 1).map(|delay| (f64::from(1u32 << delay) / 1e6, self.dns.delays(delay)));
        let histograms = [
            histogram("firsthand_dns_batch_size", "UDP datagrams that were taken in one call.", sizes, 0, messages),
            histogram(
                "firsthand_dns_udp_seconds",
                "Time that UDP datagrams spent in this process, from the arrival of their batch to its departure.",
                delays,
                self.dns.delays(DELAYS - 1),
                self.dns.delay_sum().as_secs_f64(),
            ),
        ];
        families.filter_map(Family::into_proto).chain(histograms).collect()
    }
}
