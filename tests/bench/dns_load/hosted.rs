//! Our zone and our UDP path alone, in this process: what the library does without the rest of the service.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

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

/// How long the entries stay listed, seconds: longer than any measurement.
const LISTED_FOR: i64 = 86_400;

/// Serves `entries` in a list on `listen` until the process is ended.
///
/// # Errors
/// What the system says of the socket.
pub(crate) fn serve(entries: &Entries, code: Ipv4Addr, listen: SocketAddr) -> io::Result<()> {
    let (exemptions, now) = (Exemptions::standard([]), unix_now());
    let change = |origin| {
        let entry = exemptions.admit(origin, now + LISTED_FOR).expect("no exempt entry is drawn");
        Change::List { list: 0, entry }
    };
    let changes: Vec<Change> = entries.origins().map(change).collect();
    let name = "bench".parse().expect("a valid label");
    let list = ListSettings::of_file(name, Code::try_from(code).map_err(|_| io::Error::other("no such code"))?, true);
    let empty = Zone::empty(ZoneSettings::default(), vec![list]).expect("the defaults fit");
    let zone = empty.with(1, &changes);
    zone.heard_from(now as u64);
    drop(changes);
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
    let responder = Arc::new(Responder::new(Arc::new(ArcSwap::from_pointee(zone)), rules));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let shares = u32::try_from(threads).unwrap_or(u32::MAX);
    let threads = udp::serve(udp::bind(listen, threads)?, shares, &responder, &Arc::new(AtomicBool::new(false)))?;
    println!("ready");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    Ok(())
}
