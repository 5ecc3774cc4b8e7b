//! Journal → next zone → swap.
//!
//! Enters: a snapshot, and versions, in order. Leaves: the zone that DNS serves, built aside and swapped once. Whatever the
//! journal or the database says, an entry passes the exemptions again here, for the zone takes nothing else (G6).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;

use crate::ledger::{self, Ledger, LedgerError, Version};
use crate::lists::Standings;
use crate::zone::snapshot::{self, PART, Unusable};
use crate::zone::{Change, Zone};

/// The snapshot's file in the data folder.
const FILE: &str = "zone.snapshot";

/// Keeps the served zone in step with the journal.
pub struct Follower {
    zone: Arc<ArcSwap<Zone>>,
    exemptions: Exemptions,
    epoch: String,
    snapshot: PathBuf,
    /// Who reads the operator's files, which may hold what is exempt no longer.
    files: Option<Arc<Standings>>,
}

/// How the zone was made at the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Started {
    /// It is what was served last.
    Whole,
    /// Neither snapshot nor journal reach back: it is empty, and what the ledger says was published must be proven anew.
    Empty,
}

impl Follower {
    /// A follower that serves what was served last: the snapshot in `folder`, and the versions that came after it.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn start(
        zone: Arc<ArcSwap<Zone>>,
        exemptions: Exemptions,
        ledger: &Ledger,
        folder: &Path,
        now: i64,
    ) -> Result<(Self, Started), LedgerError> {
        let follower = Self { zone, exemptions, epoch: ledger.epoch()?, snapshot: folder.join(FILE), files: None };
        let serial = follower.load_snapshot(now);
        let Some(changes) = ledger.changes_after(serial)? else {
            follower.empty(ledger.serial()?);
            return Ok((follower, Started::Empty));
        };
        let zone = follower.zone.load();
        let mut edits = Vec::with_capacity(changes.ends.len());
        for ((list, origin), end) in changes.ends {
            let (Some(list), Some(origin)) = (list_index(&zone, &list), Origin::parse(&origin)) else { continue };
            let entry = end.filter(|end| *end > now).and_then(|until| follower.exemptions.admit(origin, until).ok());
            edits.push(entry.map_or(Change::Delist { list, origin }, |entry| Change::List { list, entry }));
        }
        follower.swap(|zone| zone.with(changes.serial, &edits));
        Ok((follower, Started::Whole))
    }

    /// Serves the test entries and nothing else.
    pub fn empty(&self, serial: u32) {
        self.swap(|zone| zone.emptied(serial));
    }

    /// Swaps in what comes next. The operator's files are swapped in by another thread, so it may have to be made twice.
    fn swap(&self, next: impl Fn(&Zone) -> Zone) {
        self.zone.rcu(|zone| next(zone));
    }

    /// Serves the snapshot, and says which serial that is; 0 without one.
    fn load_snapshot(&self, now: i64) -> u32 {
        let file = self.snapshot.display();
        let bytes = match fs::read(&self.snapshot) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return 0,
            Err(error) => {
                tracing::error!(%error, "{file} cannot be read; the zone is made from the ledger");
                return 0;
            }
        };
        let snapshot = match snapshot::read(&bytes, &self.epoch) {
            Ok(snapshot) => snapshot,
            Err(Unusable::OtherEpoch) => {
                tracing::warn!("{file} belongs to another ledger; the zone is made from this one");
                return 0;
            }
            Err(error) => {
                tracing::error!(%error, "{file} cannot be used; the zone is made from the ledger");
                return 0;
            }
        };
        let now = u64::try_from(now).unwrap_or(0);
        let mut zone = Zone::clone(&self.zone.load());
        for (label, entries) in &snapshot.lists {
            let Some(list) = list_index(&zone, label) else { continue };
            let mut part = Vec::with_capacity(PART);
            for (origin, until) in entries.iter().filter(|(_, until)| *until > now) {
                // What became exempt meanwhile is no fault, and may be much: the publisher delists it.
                let entry = self.exemptions.admit(origin, i64::try_from(until).unwrap_or(i64::MAX));
                part.extend(entry.ok().map(|entry| Change::List { list, entry }));
                if part.len() == PART {
                    zone = zone.with(snapshot.serial, &part);
                    part.clear();
                }
            }
            zone = zone.with(snapshot.serial, &part);
        }
        self.zone.store(Arc::new(zone));
        snapshot.serial
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
        self.swap(|zone| zone.with(version.serial, &changes));
    }

    /// Holds what comes from now on to these exemptions, and at once what the operator's files list.
    pub fn hold_to(&mut self, exemptions: Exemptions) {
        let before = std::mem::replace(&mut self.exemptions, exemptions);
        let networks: Vec<_> = self.exemptions.networks().collect();
        self.swap(|zone| zone.without(&networks));
        if let Some(files) = &self.files
            && before.networks().any(|network| !networks.contains(&network))
        {
            files.reload_now();
        }
    }

    /// Has the operator's files read anew when something is exempt no longer.
    pub fn tell_of_lifted(&mut self, files: Arc<Standings>) {
        self.files = Some(files);
    }

    /// Serves what is served now without these.
    pub fn drop_at_once(&self, changes: &[Change]) {
        if !changes.is_empty() {
            self.swap(|zone| zone.with(zone.serial(), changes));
        }
    }

    /// Tells the zone that the publisher lives.
    pub fn hear(&self, now: i64) {
        self.zone.load().heard_from(u64::try_from(now).unwrap_or(0));
    }

    /// The zone that is served.
    pub fn zone(&self) -> Arc<Zone> {
        self.zone.load_full()
    }

    /// What writes the zone that is served now to disk, to start from.
    pub fn snapshot(&self) -> impl FnOnce() -> io::Result<()> + Send + 'static {
        let (zone, epoch, path) = (self.zone(), self.epoch.clone(), self.snapshot.clone());
        move || keep(&path, &snapshot::write(&zone, &epoch))
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
                    tracing::error!(%origin, %exemption, "an exempt address was to be listed; it stays out of the zone");
                }
            }
        }
        changes
    }
}

/// The place of a list among the zone's.
pub fn list_index(zone: &Zone, list: &str) -> Option<usize> {
    zone.lists().iter().position(|settings| settings.label.as_str() == list)
}

/// Writes aside, syncs, renames: whoever reads finds the old bytes or the new ones, whole.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
