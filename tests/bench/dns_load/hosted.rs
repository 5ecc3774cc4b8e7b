//! Our zone and our UDP path alone, in this process: what the library does without the rest of the service.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use arc_swap::ArcSwap;
use firsthand_analyzer::listing::Exemptions;
use firsthand_server::dns::counters::Counters;
use firsthand_server::dns::udp;
use firsthand_server::publisher::unix_now;
use firsthand_server::zone::{Change, ListSettings, Zone, ZoneSettings};

use super::addresses::Entries;

/// How long the entries stay listed, seconds: longer than any measurement.
const LISTED_FOR: i64 = 86_400;

/// Serves `entries` in the list `spam` on `listen` until the process is ended.
///
/// # Errors
/// What the system says of the socket.
pub(crate) fn serve(entries: &Entries, listen: SocketAddr) -> io::Result<()> {
    let (exemptions, now) = (Exemptions::standard([]), unix_now());
    let list = |origin| {
        let entry = exemptions.admit(origin, now + LISTED_FOR).expect("no exempt entry is drawn");
        Change::List { list: 0, entry }
    };
    let changes: Vec<Change> = entries.origins().map(list).collect();
    let empty = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam()]).expect("the defaults fit");
    let zone = empty.with(1, &changes);
    zone.heard_from(now as u64);
    drop(changes);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (zone, counters) = (Arc::new(ArcSwap::from_pointee(zone)), Arc::new(Counters::default()));
    let threads = udp::serve(udp::bind(listen, threads)?, &zone, &counters, &Arc::new(AtomicBool::new(false)))?;
    println!("ready");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Ok(())
}
