//! Our zone and our UDP path alone, in this process: what the library does without the rest of the service; if asked, with
//! versions that come as from a busy publisher.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use firsthand_analyzer::listing::Exemptions;
use firsthand_server::dns::access::{AccessRules, NetworkSet};
use firsthand_server::dns::cookie::Cookies;
use firsthand_server::dns::limit::{Limits, Mode};
use firsthand_server::dns::responder::{Responder, Rules};
use firsthand_server::dns::udp;
use firsthand_server::publisher::unix_now;
use firsthand_server::zone::{Change, Code, ListSettings, Zone, ZoneSettings};

use super::addresses::Entries;
use super::random::Random;

/// How long the entries stay listed, seconds: longer than any measurement.
const LISTED_FOR: i64 = 86_400;

/// Versions of the zone that come while it is served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    /// The time from one to the next.
    pub(crate) every: Duration,
    /// How many listings each prolongs.
    pub(crate) changes: usize,
}

/// Serves `entries` in a list on `listen` until the process is ended.
///
/// # Errors
/// What the system says of the socket.
pub(crate) fn serve(entries: &Entries, code: Ipv4Addr, listen: SocketAddr, ticks: Option<Ticks>) -> io::Result<()> {
    let (exemptions, now) = (Exemptions::standard([]), unix_now());
    let change = |origin| {
        let entry = exemptions.admit(origin, now + LISTED_FOR).expect("no exempt entry is drawn");
        Change::List { list: 0, entry }
    };
    let changes: Vec<Change> = entries.origins().map(change).collect();
    let code = Code::try_from(code).map_err(|_| io::Error::other("no such code"))?;
    let list = ListSettings { code, ..ListSettings::spam() };
    let empty = Zone::empty(ZoneSettings::default(), vec![list]).expect("the defaults fit");
    let zone = empty.with(1, &changes);
    zone.heard_from(now as u64);
    let limits = Limits {
        mode: Mode::Report,
        per_answer: 20,
        per_network: 1000,
        total: 20_000,
        slip: 2,
        exempt: NetworkSet::new([]),
    };
    let cookies = Cookies::new(vec![[7; 16]]).expect("there is a secret");
    let rules = Rules { access: AccessRules::new([]), cookies, limits };
    let zone = Arc::new(ArcSwap::from_pointee(zone));
    let responder = Arc::new(Responder::new(Arc::clone(&zone), rules));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let shares = u32::try_from(threads).unwrap_or(u32::MAX);
    let threads = udp::serve(udp::bind(listen, threads)?, shares, &responder, &Arc::new(AtomicBool::new(false)))?;
    println!("ready");
    match ticks {
        Some(ticks) => tick(&zone, changes, ticks),
        None => drop(changes),
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Ok(())
}

/// Makes version after version, as the publisher does: aside, swapped at once, and the former one taken apart here when
/// nobody answers from it any more. Each tells how long it took.
fn tick(zone: &ArcSwap<Zone>, mut changes: Vec<Change>, Ticks { every, changes: count }: Ticks) {
    // In no order of addresses, as evidence comes.
    let mut random = Random::new(5);
    for at in (1..changes.len()).rev() {
        changes.swap(at, (random.next() % (at as u64 + 1)) as usize);
    }
    let (mut former, mut next) = (zone.load_full(), Instant::now());
    for (serial, part) in changes.chunks(count.max(1)).cycle().zip(2..).map(|(part, serial)| (serial, part)) {
        let began = Instant::now();
        let version = zone.load().with(serial, part);
        version.heard_from(unix_now() as u64);
        let before = zone.swap(Arc::new(version));
        println!("{}", began.elapsed().as_micros());
        drop(std::mem::replace(&mut former, before));
        next += every;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
