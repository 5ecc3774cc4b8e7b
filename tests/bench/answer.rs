//! What one answer costs without its sockets: nanoseconds of CPU for each shape of query, on a zone of a million and of
//! ten million listings.
//!
//! `cargo bench --bench answer`; sizes of other zones may follow `--`.
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first thing that goes wrong")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;
use firsthand_server::dns::Transport;
use firsthand_server::dns::answer::{Client, answer};
use firsthand_server::dns::cookie::Cookies;
use firsthand_server::zone::{Change, ListSettings, Zone, ZoneSettings};

const NOW: u64 = 1_800_000_000;
/// Queries of each shape, asked one after the other.
const QUERIES: usize = 1 << 17;
const ROUNDS: usize = 5;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ self.0 >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed ^ mixed >> 29
    }
}

/// The CPU time of this process.
fn cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock").into()
}

fn query(address: IpAddr, qtype: u16, options: &[u8]) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(!options.is_empty())];
    let labels: Vec<String> = match address {
        IpAddr::V4(address) => address.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(address) => (0..32).map(|at| format!("{:x}", address.to_bits() >> (4 * at) & 15)).collect(),
    };
    for label in labels.iter().map(String::as_str).chain(["bl", "example"]) {
        query.push(label.len() as u8);
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&[(qtype >> 8) as u8, qtype as u8, 0, 1]);
    query.extend_from_slice(options);
    query
}

fn main() {
    let named: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    for size in if named.is_empty() { vec![1_000_000, 10_000_000] } else { named } {
        let mut random = Random(7);
        let none = Exemptions::only([]);
        let mut zone = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam()]).unwrap();
        let mut listed = Vec::with_capacity(size);
        while listed.len() < size {
            let address = Ipv4Addr::from_bits(random.next() as u32);
            if !address.is_loopback() {
                listed.push(address);
            }
        }
        for part in listed.chunks(500_000) {
            let entry = |address| none.admit(Origin::V4(address), NOW as i64 + 100_000).unwrap();
            let changes: Vec<_> = part.iter().map(|at| Change::List { list: 0, entry: entry(*at) }).collect();
            zone = zone.with(1, &changes);
        }
        let (mut ticks, mut ends) = (Vec::new(), Vec::new());
        for tick in 0..20 {
            let changes: Vec<_> = (0..1000)
                .map(|_| match random.next() % 2 {
                    0 => Change::Delist { list: 0, origin: Origin::V4(listed[random.next() as usize % listed.len()]) },
                    _ => {
                        let address = Ipv4Addr::from_bits(random.next() as u32 | 1 << 31);
                        let entry = none.admit(Origin::V4(address), NOW as i64 + 100_000).unwrap();
                        Change::List { list: 0, entry }
                    }
                })
                .collect();
            let began = cpu_time();
            let next = zone.with(2 + tick, &changes);
            ticks.push(cpu_time() - began);
            let began = cpu_time();
            drop(std::mem::replace(&mut zone, next));
            ends.push(cpu_time() - began);
        }
        ticks.sort_unstable();
        ends.sort_unstable();
        println!(
            "{size:>9} listings, 1,000 changes: made in {:?} (most {:?}), the former zone let go in {:?} (most {:?})",
            ticks[10], ticks[19], ends[10], ends[19]
        );
        zone.heard_from(NOW);
        let edns = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
        for (shape, qtype, options, is_six) in [
            ("A", 1, &[][..], false),
            ("TXT", 16, &[], false),
            ("A, COOKIE", 1, &edns, false),
            ("A of IPv6", 1, &[], true),
        ] {
            let queries: Vec<Vec<u8>> = (0..QUERIES)
                .map(|_| {
                    let hit = random.next() % 10 < 3;
                    let chosen = listed[random.next() as usize % listed.len()];
                    let other = Ipv4Addr::from_bits(random.next() as u32);
                    let address = if hit { chosen } else { other };
                    let six = IpAddr::from((u128::from(random.next() >> 3 | 1 << 61) << 64 | 1).to_be_bytes());
                    query(if is_six { six } else { address.into() }, qtype, options)
                })
                .collect();
            let cookies = Cookies::new(vec![[7; 16]]).unwrap();
            let client = Client {
                address: Ipv4Addr::LOCALHOST.into(),
                transport: Transport::Udp,
                allowed: true,
                cookies: &cookies,
            };
            let mut out = Vec::with_capacity(64 << 10);
            let mut best = f64::INFINITY;
            for _ in 0..ROUNDS {
                let began = cpu_time();
                for batch in queries.chunks(64) {
                    out.clear();
                    for query in batch {
                        black_box(answer(query, &client, &zone, NOW, &mut out));
                    }
                }
                best = best.min((cpu_time() - began).as_nanos() as f64 / QUERIES as f64);
            }
            println!("{size:>9} listings, {shape:<10} {best:>6.0} ns");
        }
    }
}
