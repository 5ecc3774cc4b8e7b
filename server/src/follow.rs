//! Journal → next zone → swap.
//!
//! Enters: a snapshot, and versions, in order. Leaves: the zone that DNS serves, built aside and swapped once. Whatever the
//! journal or the database says, an entry passes the exemptions again here, for the zone takes nothing else (G6).
//!
//! Beside `zone.snapshot` stands `zone.heard`: the ledger's epoch, a space, and the Unix second at which the publisher was
//! last heard of, no older than [`HEARD_KEPT`] while it lives. By it a zone that is served before the publisher runs is
//! believed no longer than the one before it would have been (G8).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Exemptions;

use crate::config::Settings;
use crate::declared::Declared;
use crate::ledger::{self, KeptExemption, Ledger, LedgerError, Version};
use crate::lists::Standings;
use crate::zone::snapshot::{self, PART, Unusable};
use crate::zone::{Change, Zone};

/// The snapshot's file in the data folder.
const FILE: &str = "zone.snapshot";

/// The file beside it that says when the publisher was last heard of.
const HEARD: &str = "zone.heard";

/// How often that is written, in seconds.
const HEARD_KEPT: i64 = 30;

/// Keeps the served zone in step with the journal.
pub struct Follower {
    zone: Arc<ArcSwap<Zone>>,
    exemptions: Exemptions,
    epoch: String,
    snapshot: PathBuf,
    heard: PathBuf,
    /// What that file says; 0 while this process wrote nothing.
    heard_kept: AtomicI64,
    /// The zone that was served before.
    former: ArcSwap<Zone>,
    /// Who reads the operator's files, which may hold what is exempt no longer.
    files: Option<Arc<Standings>>,
    /// Whether something became exempt no longer before there was anybody to tell.
    lifted: bool,
}

/// The zone as it was published last, served by a process that may not write to the ledger yet: since it is about to open
/// it, or since another still does. It follows the journal, and believes nothing longer than its publisher is heard of.
pub struct Preview {
    follower: Follower,
    ledger: Ledger,
    settings: Settings,
    publishes: bool,
    exemptions: Vec<KeptExemption>,
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
        let former = ArcSwap::new(zone.load_full());
        let (snapshot, heard, heard_kept) = (folder.join(FILE), folder.join(HEARD), AtomicI64::default());
        let epoch = ledger.epoch()?;
        let follower =
            Self { zone, exemptions, epoch, snapshot, heard, heard_kept, former, files: None, lifted: false };
        let serial = follower.load_snapshot(now);
        let started = follower.catch_up(serial, ledger, now)?;
        Ok((follower, started))
    }

    /// Serves the versions behind `serial`, which is served; nothing but the test entries if they are not to be had.
    fn catch_up(&self, serial: u32, ledger: &Ledger, now: i64) -> Result<Started, LedgerError> {
        let Some(changes) = ledger.changes_after(serial)? else {
            self.empty(ledger.serial()?);
            return Ok(Started::Empty);
        };
        if changes.serial == self.zone.load().serial() {
            return Ok(Started::Whole);
        }
        let zone = self.zone.load();
        let mut edits = Vec::with_capacity(changes.ends.len());
        for ((list, origin), end) in changes.ends {
            let (Some(list), Some(origin)) = (list_index(&zone, &list), Origin::parse(&origin)) else { continue };
            let entry = end.filter(|end| *end > now).and_then(|until| self.exemptions.admit(origin, until).ok());
            edits.push(entry.map_or(Change::Delist { list, origin }, |entry| Change::List { list, entry }));
        }
        self.swap(|zone| zone.with(changes.serial, &edits));
        Ok(Started::Whole)
    }

    /// Serves no entry any more that is exempt now.
    fn drop_exempt(&self) {
        let zone = self.zone();
        let mut exempt = Vec::new();
        for (list, _) in zone.lists().iter().enumerate().filter(|(_, settings)| !settings.from_file) {
            let origins = zone.entries(list).map(|(origin, _)| origin);
            let covered = origins.filter(|origin| self.exemptions.covering(*origin).is_some());
            exempt.extend(covered.map(|origin| Change::Delist { list, origin }));
        }
        self.drop_at_once(&exempt);
    }

    /// Serves the test entries and nothing else.
    pub fn empty(&self, serial: u32) {
        self.swap(|zone| zone.emptied(serial));
    }

    /// Swaps in what comes next. The operator's files are swapped in by another thread, so it may have to be made twice.
    fn swap(&self, next: impl Fn(&Zone) -> Zone) {
        let before = self.zone.rcu(|zone| next(zone));
        // Whoever lets go of a zone last takes it apart. That shall be this thread at its next swap, and not one that
        // answers.
        drop(self.former.swap(before));
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
        if before.networks().any(|network| !networks.contains(&network)) {
            match &self.files {
                Some(files) => files.read_again(),
                None => self.lifted = true,
            }
        }
    }

    /// Has the operator's files read anew when something is exempt no longer, and if something became so before.
    pub fn tell_of_lifted(&mut self, files: Arc<Standings>) {
        if std::mem::take(&mut self.lifted) {
            files.read_again();
        }
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
        if (now - self.heard_kept.load(Ordering::Relaxed)).abs() < HEARD_KEPT {
            return;
        }
        self.heard_kept.store(now, Ordering::Relaxed);
        // Lost with the power, it only makes the next start wait for its first tick.
        let aside = self.heard.with_extension("heard-new");
        let kept = fs::write(&aside, format!("{} {now}\n", self.epoch)).and_then(|()| fs::rename(&aside, &self.heard));
        if let Err(error) = kept {
            tracing::warn!(%error, "{} cannot be written; the next start will serve later", self.heard.display());
        }
    }

    /// Believes nothing until the publisher is heard of.
    fn hear_of_nobody(&self) {
        self.zone.load().heard_from(0);
    }

    /// Believes the zone from when its publisher was last heard of, as far as that was kept.
    fn recall(&self) {
        let text = fs::read_to_string(&self.heard).unwrap_or_default();
        let kept = text.strip_suffix('\n').and_then(|line| line.split_once(' '));
        let heard = kept.filter(|(epoch, _)| *epoch == self.epoch).and_then(|(_, at)| at.parse().ok());
        self.zone.load().heard_from(heard.unwrap_or(0));
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

impl Preview {
    /// Serves what was published last, if snapshot and journal tell what that is. No publisher is needed, nor that the
    /// ledger's folder is free.
    ///
    /// # Errors
    /// When there is a ledger and it cannot be read.
    pub fn start(zone: &Arc<ArcSwap<Zone>>, settings: &Settings, now: i64) -> Result<Option<Self>, LedgerError> {
        let ledger = match Ledger::look(&settings.data) {
            Err(LedgerError::Missing(_)) => return Ok(None),
            looked => looked?,
        };
        let (declared, kept) = (Declared::new(settings, &ledger, now)?, ledger.exemptions(now)?);
        let exemptions = declared.exemptions.clone();
        let (follower, started) = Follower::start(Arc::clone(zone), exemptions, &ledger, &settings.data, now)?;
        if started == Started::Empty {
            return Ok(None);
        }
        if !declared.publishes {
            follower.empty(follower.zone().serial());
        }
        follower.recall();
        let (settings, publishes) = (settings.clone(), declared.publishes);
        Ok(Some(Self { follower, ledger, settings, publishes, exemptions: kept }))
    }

    /// What is exempt, as far as is known so far.
    pub fn exemptions(&self) -> &Exemptions {
        &self.follower.exemptions
    }

    /// Takes up what was published and exempted since, and when the publisher was last heard of.
    ///
    /// # Errors
    /// When the ledger says no, or the journal does not go on from here; the zone is then not to be believed.
    pub fn follow(&mut self, now: i64) -> Result<(), LedgerError> {
        if !self.publishes {
            self.follower.recall();
            return Ok(());
        }
        self.heed_exemptions(now)?;
        let serial = self.follower.zone().serial();
        match self.follower.catch_up(serial, &self.ledger, now)? {
            Started::Whole => self.follower.recall(),
            Started::Empty => self.follower.hear_of_nobody(),
        }
        Ok(())
    }

    /// What follows the journal from here on, by the ledger that was opened.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn go_on(mut self, ledger: &Ledger, now: i64) -> Result<(Follower, Started), LedgerError> {
        self.ledger = ledger.clone();
        if ledger.epoch()? != self.follower.epoch {
            self.follower.empty(0);
            let Follower { zone, exemptions, .. } = self.follower;
            return Follower::start(zone, exemptions, ledger, &self.settings.data, now);
        }
        self.heed_exemptions(now)?;
        let serial = self.follower.zone().serial();
        let started = self.follower.catch_up(serial, ledger, now)?;
        Ok((self.follower, started))
    }

    /// Holds the zone to the exemptions of now, if they are others.
    fn heed_exemptions(&mut self, now: i64) -> Result<(), LedgerError> {
        let kept = self.ledger.exemptions(now)?;
        if kept != self.exemptions {
            let all = Declared::declared_exemptions(&self.settings).into_iter();
            let all = all.chain(kept.iter().map(|kept| kept.exemption.clone()));
            self.follower.hold_to(Exemptions::standard(all));
            self.follower.drop_exempt();
            self.exemptions = kept;
        }
        Ok(())
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
