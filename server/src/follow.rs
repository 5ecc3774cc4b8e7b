//! Journal → next zone → swap.
//!
//! Enters: versions, in order. Leaves: the zone that DNS serves, built aside and swapped once. Whatever the journal or
//! the database says, an entry passes the exemptions again here, for the zone takes nothing else (G6).

use std::sync::Arc;

use arc_swap::ArcSwap;
use firsthand_analyzer::listing::Exemptions;

use crate::ledger::{self, Version};
use crate::zone::{Change, Zone};

/// Keeps the served zone in step with the journal.
pub struct Follower {
    zone: Arc<ArcSwap<Zone>>,
    exemptions: Arc<Exemptions>,
}

impl Follower {
    /// A follower of the versions that come after what `zone` holds.
    pub fn new(zone: Arc<ArcSwap<Zone>>, exemptions: Arc<Exemptions>) -> Self {
        Self { zone, exemptions }
    }

    /// Serves what was published when the process started.
    pub fn load(&self, serial: u32, published: &[ledger::Change]) {
        let zone = self.zone.load();
        let changes = self.additions(&zone, published);
        self.zone.store(Arc::new(zone.with(serial, &changes)));
    }

    /// Serves a version.
    pub fn follow(&self, version: &Version) {
        let zone = self.zone.load();
        let mut changes = self.additions(&zone, &version.additions);
        for deletion in &version.deletions {
            if let (Some(list), Some(origin)) = (list_index(&zone, &deletion.list), deletion.origin()) {
                changes.push(Change::Delist { list, origin });
            }
        }
        self.zone.store(Arc::new(zone.with(version.serial, &changes)));
    }

    /// Tells the zone that the publisher lives.
    pub fn hear(&self, now: i64) {
        self.zone.load().heard_from(u64::try_from(now).unwrap_or(0));
    }

    /// The zone that is served.
    pub fn zone(&self) -> Arc<Zone> {
        self.zone.load_full()
    }

    fn additions(&self, zone: &Zone, additions: &[ledger::Change]) -> Vec<Change> {
        let mut changes = Vec::with_capacity(additions.len());
        for addition in additions {
            let (Some(list), Some(origin)) = (list_index(zone, &addition.list), addition.origin()) else {
                tracing::error!(
                    list = addition.list,
                    origin = addition.origin,
                    "the ledger lists what no zone can hold"
                );
                continue;
            };
            match self.exemptions.admit(origin, addition.until) {
                Ok(entry) => changes.push(Change::List { list, entry }),
                Err(exemption) => {
                    tracing::error!(%origin, %exemption, "the ledger lists an exempt address; it stays out of the zone");
                }
            }
        }
        changes
    }
}

fn list_index(zone: &Zone, list: &str) -> Option<usize> {
    zone.lists().iter().position(|settings| settings.label.as_str() == list)
}
