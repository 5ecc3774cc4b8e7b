//! The room that is left on the ledger's disk: below a floor the intake takes nothing, so that corrections, expiry and
//! publishing, which are written to the same disk, go on.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::config::Size;
use crate::metrics::Metrics;

/// How often the room is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The reason's word in metrics.
const REASON: &str = "disk-full";

/// What is known of the room on a disk. It holds nothing of the ledger.
pub struct Space {
    folder: PathBuf,
    metrics: Arc<Metrics>,
    floor: AtomicU64,
    free: AtomicU64,
    low: AtomicBool,
    /// Whether the last look failed, which is told once.
    unknown: AtomicBool,
}

impl Space {
    /// The room on the disk of `folder`, of which `floor` bytes must stay free.
    pub fn new(folder: &Path, floor: Size, metrics: Arc<Metrics>) -> Self {
        let space = Self {
            folder: folder.to_owned(),
            metrics,
            floor: AtomicU64::new(floor.0),
            free: AtomicU64::default(),
            low: AtomicBool::default(),
            unknown: AtomicBool::default(),
        };
        space.look();
        space
    }

    /// Whether so little is left that nothing may be taken, with how many bytes there are and must be.
    pub fn is_low(&self) -> Option<(Size, Size)> {
        let sizes = || (Size(self.free.load(Ordering::Relaxed)), Size(self.floor.load(Ordering::Relaxed)));
        self.low.load(Ordering::Relaxed).then(sizes)
    }

    /// From now on so many bytes must stay free.
    pub fn hold_to(&self, floor: Size) {
        self.floor.store(floor.0, Ordering::Relaxed);
        self.look();
    }

    /// Looks at the room once a second, for as long as it is polled.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let space = Arc::clone(&self);
            // A disk that does not answer must not hold up a thread that serves. A panic there has been told already.
            let _ = tokio::task::spawn_blocking(move || space.look()).await;
        }
    }

    fn look(&self) {
        let free = match free(&self.folder) {
            Ok(free) => free,
            Err(error) => {
                if !self.unknown.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "it cannot be told how much room is left on the disk of {}", self.folder.display());
                }
                return;
            }
        };
        self.unknown.store(false, Ordering::Relaxed);
        self.free.store(free, Ordering::Relaxed);
        let floor = self.floor.load(Ordering::Relaxed);
        let low = free < floor;
        self.metrics.disk_free.set(i64::try_from(free).unwrap_or(i64::MAX));
        self.metrics.intake_refuses.with_label_values(&[REASON]).set(low.into());
        let was_low = self.low.swap(low, Ordering::Relaxed);
        let (folder, floor) = (self.folder.display(), Size(floor));
        if low && !was_low {
            tracing::error!(free, %floor, "the disk of {folder} is nearly full: no samples are taken until there is room (storage.free-space); corrections, expiry and publishing go on");
        } else if was_low && !low {
            tracing::info!(free, %floor, "there is room on the disk of {folder} again: samples are taken");
        }
    }
}

/// How many bytes on the disk of `folder` are to be had without privileges.
fn free(folder: &Path) -> io::Result<u64> {
    let status = rustix::fs::statvfs(folder)?;
    Ok(status.f_bavail.saturating_mul(status.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::counters::Counters;
    use crate::zone::{ListSettings, Zone, ZoneSettings};

    #[test]
    fn the_floor_may_move() {
        let folder = tempfile::tempdir().unwrap();
        let zone = Zone::empty(ZoneSettings::default(), vec![ListSettings::spam()]).unwrap();
        let zone = Arc::new(arc_swap::ArcSwap::from_pointee(zone));
        let metrics = Arc::new(Metrics::new(Arc::<Counters>::default(), zone).unwrap());
        let space = Space::new(folder.path(), Size(0), Arc::clone(&metrics));
        assert_eq!(space.is_low(), None);
        space.hold_to(Size(u64::MAX));
        let (free, floor) = space.is_low().unwrap();
        assert!(free.0 > 0 && floor == Size(u64::MAX));
        assert!(metrics.text().unwrap().contains("firsthand_intake_refuses{reason=\"disk-full\"} 1"));
        space.hold_to(Size(1));
        assert_eq!(space.is_low(), None);
    }
}
