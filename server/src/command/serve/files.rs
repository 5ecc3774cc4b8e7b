//! The operator's static lists: read before the first query, watched while the service runs.

use std::panic::resume_unwind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::thread;

use arc_swap::ArcSwap;
use firsthand_analyzer::listing::Exemptions;
use firsthand_analyzer::score::List;
use ipnet::IpNet;

use crate::config::Settings;
use crate::declared::Current;
use crate::dns::udp;
use crate::lists::{Lists, Standings, give_way};
use crate::zone::{Fixed, Zone};

/// The lists of evidence, before which no list of a file stands in the zone.
const EVIDENCE_LISTS: usize = List::ALL.len();

/// The operator's files, and the zone that they go into.
pub(super) struct StaticLists {
    lists: Lists,
    zone: Arc<ArcSwap<Zone>>,
}

impl StaticLists {
    /// Reads the files for the first time, or what was kept of them; what is wrong with them is in the log, and names of
    /// which nothing is known are SERVFAIL (G8).
    pub(super) fn load(settings: &Settings, exemptions: &Exemptions, zone: Arc<ArcSwap<Zone>>) -> Self {
        let all = zone.load().lists().to_vec();
        let lists = Lists::load((&settings.lists, &all), &settings.data, exemptions, |list, entries| {
            zone.rcu(|zone| zone.with_file(EVIDENCE_LISTS + list, Arc::clone(&entries)));
        });
        Self { lists, zone }
    }

    /// The same while another process answers: on a thread that gives way to it.
    pub(super) fn load_aside(settings: &Settings, exemptions: &Exemptions, zone: Arc<ArcSwap<Zone>>) -> Self {
        let load = || {
            give_way();
            Self::load(settings, exemptions, zone)
        };
        thread::scope(|scope| scope.spawn(load).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    pub(super) fn standings(&self) -> Arc<Standings> {
        self.lists.standings()
    }

    /// Watches the files until `stop`, or until `declared` is gone.
    pub(super) fn run(self, declared: &Weak<Current>, stop: &AtomicBool) {
        let Self { lists, zone } = self;
        let exemptions = || Some(declared.upgrade()?.load().exemptions.clone());
        lists.run(stop, exemptions, |list, entries| {
            let Some(declared) = declared.upgrade() else { return };
            let before = take_over(&zone, &declared, list, &entries);
            drop(declared);
            // Whoever lets go of a large list last takes it apart. That shall be this thread, once those that answer
            // have done so.
            thread::sleep(udp::IDLE * 2);
            drop(before);
        });
    }
}

/// Swaps in what a file says now. What became exempt while it was read is cut out (G6): before the swap what is known
/// by then, and the publisher cuts what it learns of later out of what is served. Gives back what was served before.
fn take_over(zone: &ArcSwap<Zone>, declared: &Current, list: usize, entries: &Fixed) -> Arc<Zone> {
    let known = declared.load();
    let networks: Vec<IpNet> = known.exemptions.networks().collect();
    let entries = Arc::new(entries.without(&networks));
    let before = zone.rcu(|zone| zone.with_file(EVIDENCE_LISTS + list, Arc::clone(&entries)));
    let later = declared.load();
    if !Arc::ptr_eq(&known, &later) {
        let networks: Vec<IpNet> = later.exemptions.networks().collect();
        zone.rcu(|zone| zone.without(&networks));
    }
    before
}
