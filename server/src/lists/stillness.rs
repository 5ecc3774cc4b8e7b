//! Whether the files of a list stand still, so that they can be read.
//!
//! Enters: what the system says of them at each look, and when that was. Leaves: whether they changed since they were
//! read, and whether they were left alone for long enough. A file that was renamed into its place is whole; one that is
//! written where it stands may be the first half of itself, or empty, between any two writes, and half a list can list
//! what its other half excludes. So it must stand still for [`QUIET`].

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a file that was written in its place must stand still before it is read.
pub const QUIET: Duration = Duration::from_secs(10);

/// What tells one state of a file from another; none without a file.
pub(super) type Mark = Option<Stamp>;

/// What the system says of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    /// Device and inode.
    pub(super) identity: (u64, u64),
    pub(super) size: u64,
    /// When its content was written, in seconds and nanoseconds.
    pub(super) written: (i64, i64),
    /// When its entry was.
    pub(super) changed: (i64, i64),
}

/// The files of one list as they look from outside.
#[derive(Debug)]
pub(super) struct Stillness {
    files: Vec<PathBuf>,
    /// As they were when they were read last, and at the last look.
    read: Vec<Mark>,
    seen: Vec<Mark>,
    /// Since when they look so.
    seen_since: Instant,
    /// Since when they are not what was read.
    changed_since: Option<Instant>,
    /// Whether one was written in its place since they were read.
    in_place: bool,
}

/// Whether a file that looked so and looks otherwise now may still be written.
fn may_be_unfinished(before: Mark, now: Mark) -> bool {
    match (before, now) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(now)) => before != now && before.identity == now.identity,
    }
}

/// Whether files that looked so and look otherwise now may still be written at `now`, as far as one look tells.
pub(super) fn may_be_written(before: &[Mark], marks: &[Mark], now: SystemTime) -> bool {
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs().cast_signed());
    let is_fresh =
        |mark: Mark| mark.is_some_and(|mark| (0..QUIET.as_secs().cast_signed()).contains(&(now - mark.written.0)));
    before.iter().zip(marks).any(|(before, mark)| may_be_unfinished(*before, *mark) && is_fresh(*mark))
}

fn mark(file: &Path) -> Mark {
    let data = fs::metadata(file).ok()?;
    Some(Stamp {
        identity: (data.dev(), data.ino()),
        size: data.size(),
        written: (data.mtime(), data.mtime_nsec()),
        changed: (data.ctime(), data.ctime_nsec()),
    })
}

/// What `ask` returns, if it does within `patience`; else it is left behind on its thread.
fn within<T: Send + 'static>(patience: Duration, ask: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = mpsc::sync_channel(1);
    // Nobody may be listening any more.
    let asking = thread::Builder::new().name("static-list".into()).spawn(move || drop(tell.send(ask())));
    asking.ok()?;
    told.recv_timeout(patience).ok()
}

impl Stillness {
    /// Files that were never read.
    pub(super) fn new(files: Vec<PathBuf>, now: Instant) -> Self {
        let never = vec![None; files.len()];
        Self { files, read: never.clone(), seen: never, seen_since: now, changed_since: None, in_place: false }
    }

    pub(super) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// What the system says of the files now.
    pub(super) fn marks(&self) -> Vec<Mark> {
        self.files.iter().map(|file| mark(file)).collect()
    }

    /// The same, if their disks answer within `patience`.
    pub(super) fn marks_within(&self, patience: Duration) -> Option<Vec<Mark>> {
        let files = self.files.clone();
        within(patience, move || files.iter().map(|file| mark(file)).collect())
    }

    /// Looks at the files. Whether they have stood still for long enough to be read.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        self.note(self.marks(), now)
    }

    fn note(&mut self, marks: Vec<Mark>, now: Instant) -> bool {
        if marks == self.seen {
            return !self.in_place || now.duration_since(self.seen_since) >= QUIET;
        }
        let unfinished =
            |before: &[Mark]| before.iter().zip(&marks).any(|(before, now)| may_be_unfinished(*before, *now));
        self.in_place |= unfinished(&self.seen) || unfinished(&self.read);
        (self.seen, self.seen_since) = (marks, now);
        if self.seen == self.read {
            (self.in_place, self.changed_since) = (false, None);
        } else {
            self.changed_since.get_or_insert(now);
        }
        false
    }

    /// Notes that they were read as they were `before`.
    pub(super) fn was_read(&mut self, before: Vec<Mark>, now: Instant) {
        self.read.clone_from(&before);
        (self.seen, self.seen_since, self.changed_since, self.in_place) = (before, now, None, false);
        self.look(now);
    }

    /// Whether they are others than those that were read last.
    pub(super) fn has_changed(&self) -> bool {
        self.changed_since.is_some()
    }

    /// How long they have been others.
    pub(super) fn unread_for(&self, now: Instant) -> Option<Duration> {
        self.changed_since.map(|since| now.duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_secs(2);

    fn mark(inode: u64, size: u64) -> Mark {
        Some(Stamp { identity: (1, inode), size, written: (size as i64, 0), changed: (size as i64, 0) })
    }

    /// The looks after which the files may be read, of these at a time; the first are those that were read.
    fn readable(looks: &[[Mark; 2]]) -> Vec<usize> {
        let began = Instant::now();
        let mut files = Stillness::new(vec!["/none/one".into(), "/none/two".into()], began);
        files.read = looks[0].to_vec();
        files.seen = looks[0].to_vec();
        let times = (1..).map(|look| began + LOOK * look);
        let noted =
            looks[1..].iter().zip(times).map(|(marks, now)| files.note(marks.to_vec(), now) && files.has_changed());
        noted.enumerate().filter(|(_, is_due)| *is_due).map(|(look, _)| look + 1).collect()
    }

    #[test]
    fn what_was_renamed_into_its_place_is_read_after_a_look() {
        let (old, new) = ([mark(1, 5), mark(2, 5)], [mark(3, 9), mark(2, 5)]);
        assert_eq!(readable(&[old, old, new, new, new]), [3, 4]);
        assert_eq!(readable(&[old, new, old, old]), [0; 0], "it is what was read");
        assert_eq!(readable(&[old, [None, mark(2, 5)], [None, mark(2, 5)]]), [2], "that it is gone is told soon");
    }

    /// A writer that pauses, or truncates and then fails, leaves a list without its exclusions.
    #[test]
    fn what_is_written_in_its_place_is_read_when_it_was_left_alone() {
        let (old, half, whole) = ([mark(1, 9), mark(2, 5)], [mark(1, 0), mark(2, 5)], [mark(1, 7), mark(2, 5)]);
        assert_eq!(readable(&[old, half, half, half, half, whole, whole, whole, whole, whole, whole]), [10]);
        // One that comes into being where none was, and one that grows after it was renamed.
        assert_eq!(readable(&[[None, mark(2, 5)], half, half, half, half, half, half]), [6]);
        let growing = [[mark(3, 1), mark(2, 5)], [mark(3, 2), mark(2, 5)]];
        assert_eq!(
            readable(&[old, growing[0], growing[1], growing[1], growing[1], growing[1], growing[1], growing[1]]),
            [7]
        );
        // What comes by a rename is whole, but the other file was touched.
        let both = [[mark(1, 0), mark(2, 5)], [mark(1, 0), mark(4, 5)]];
        assert_eq!(readable(&[old, both[0], both[1], both[1], both[1]]), [0; 0]);
    }

    /// A disk that does not answer lets its asker wait for ever.
    #[test]
    fn who_does_not_answer_is_not_waited_for() {
        let (hold, held) = mpsc::channel::<()>();
        assert_eq!(within(Duration::from_millis(20), move || held.recv().is_err()), None);
        drop(hold);
        assert_eq!(within(QUIET, || 7), Some(7));
    }

    #[test]
    fn at_a_start_the_time_of_writing_tells() {
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        for (before, now, second, expected) in [
            (mark(1, 90), mark(1, 100), 109, true),
            (mark(1, 90), mark(1, 100), 110, false),
            (mark(1, 90), mark(1, 100), 99, false),
            (mark(1, 90), mark(2, 100), 101, false),
            (mark(1, 100), mark(1, 100), 101, false),
            (None, mark(1, 100), 101, true),
            (mark(1, 100), None, 101, false),
        ] {
            assert_eq!(may_be_written(&[before], &[now], at(second)), expected, "{before:?} {now:?} {second}");
        }
    }

    #[test]
    fn a_file_that_never_stands_still_is_known_to_be_unread() {
        let began = Instant::now();
        let mut files = Stillness::new(vec!["/none/one".into()], began);
        for second in 1..40 {
            assert!(!files.note(vec![mark(1, second)], began + Duration::from_secs(second)));
        }
        assert_eq!(files.unread_for(began + Duration::from_secs(40)), Some(Duration::from_secs(39)));
    }
}
