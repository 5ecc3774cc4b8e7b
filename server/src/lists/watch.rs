//! The files of all lists while the service runs: read at the start, and again when they changed.
//!
//! A file that changed is read when it then stayed as it is for one look. The next table is built aside and handed over
//! whole; whatever is wrong with a file, what was handed over before stands (G8), and the log says once what to mend. A
//! list that was never handed over is unknown, and its names are not to be answered.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firsthand_analyzer::listing::Exemptions;

use super::Refusal;
use super::read::read_until;
use crate::config::{ListFormat, ListSettings};
use crate::zone::{Code, Fixed};

/// How often the files are looked at.
pub const LOOK: Duration = Duration::from_secs(2);
/// How long a request to stop or to reload may wait.
const STEP: Duration = Duration::from_millis(50);
/// After which time a file that could not be read at all is tried again though it did not change.
const RETRY: Duration = Duration::from_secs(60);
/// The niceness of the thread: it reads for seconds on a core that answers queries.
const NICENESS: i32 = 19;

/// What can be told of one list while the service runs.
#[derive(Debug, Default)]
pub struct Standing {
    /// The list's name.
    pub name: String,
    /// How often its files were read and taken.
    pub loads: AtomicU64,
    /// How often its files were refused or could not be read.
    pub failures: AtomicU64,
    /// The Unix second at which they were last taken; 0 for never.
    pub last_success: AtomicU64,
    /// Whether the files as they are now were refused, so that an older state is served, or none.
    pub is_behind: AtomicBool,
    /// The IPv4 addresses that it lists.
    pub addresses: AtomicU64,
    /// The IPv6 /64s that it lists, at least in part.
    pub networks: AtomicU64,
    /// The IPv4 addresses that were kept out as exempt or as the test entries' (G6).
    pub kept_out: AtomicU64,
}

/// What others may know of the lists, and ask of them.
#[derive(Debug)]
pub struct Standings {
    lists: Vec<Standing>,
    reload: AtomicBool,
}

impl Standings {
    /// The lists, in the order of the settings.
    pub fn lists(&self) -> &[Standing] {
        &self.lists
    }

    /// Asks that all files be read now, changed or not: the operator says so, or the exemptions are others.
    pub fn reload_now(&self) {
        self.reload.store(true, Ordering::Relaxed);
    }
}

/// What tells one state of a file from another: device, inode, size, and the times of its content and of its entry.
type Mark = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

/// One list with its files.
#[derive(Debug)]
struct Watched {
    files: Vec<PathBuf>,
    format: ListFormat,
    code: Code,
    /// The files as they were when they were read last, and at the last look.
    read: Vec<Mark>,
    seen: Vec<Mark>,
    /// When to read again without a change: a stamp's time comes, or a disk may be well again.
    not_before: Option<u64>,
    retry: Option<Instant>,
    /// What was said last.
    told: String,
}

/// The static lists of a running service.
#[derive(Debug)]
pub struct Lists {
    watched: Vec<Watched>,
    standings: Arc<Standings>,
}

impl Lists {
    /// Reads all lists for the first time. `hand_over` gets those that are good, by their place in the settings.
    pub fn load(
        settings: &[ListSettings],
        exemptions: &Exemptions,
        mut hand_over: impl FnMut(usize, Arc<Fixed>),
    ) -> Self {
        let watched = settings.iter().map(|list| Watched {
            files: list.files.clone(),
            format: list.format,
            code: Code::try_from(list.code).expect("the settings allow only codes of lists"),
            read: Vec::new(),
            seen: Vec::new(),
            not_before: None,
            retry: None,
            told: String::new(),
        });
        let standing = |list: &ListSettings| Standing { name: list.name.clone(), ..Standing::default() };
        let standings = Standings { lists: settings.iter().map(standing).collect(), reload: AtomicBool::new(false) };
        let mut lists = Self { watched: watched.collect(), standings: Arc::new(standings) };
        for at in 0..lists.watched.len() {
            lists.read(at, &AtomicBool::new(false), exemptions, &mut hand_over);
        }
        lists
    }

    /// What may be known of the lists, and the way to ask for a reload.
    pub fn standings(&self) -> Arc<Standings> {
        Arc::clone(&self.standings)
    }

    /// Asks that all files be read now, changed or not.
    pub fn reload_now(&self) {
        self.standings.reload_now();
    }

    /// Watches the files until `stop`, on a thread of its own, whose priority it lowers. `exemptions` says what is exempt
    /// at the time, or nothing when nobody is to be served any more; `hand_over` gets what was read anew, by its list's
    /// place in the settings.
    pub fn run(
        mut self,
        stop: &AtomicBool,
        exemptions: impl Fn() -> Option<Exemptions>,
        mut hand_over: impl FnMut(usize, Arc<Fixed>),
    ) {
        let thread = rustix::thread::gettid();
        if let Err(error) = rustix::process::setpriority_process(Some(thread), NICENESS) {
            tracing::warn!(%error, "static lists are read at the priority of everything else");
        }
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let forced = self.standings.reload.swap(false, Ordering::Relaxed);
            if !forced && looked.elapsed() < LOOK {
                thread::sleep(STEP);
                continue;
            }
            for at in 0..self.watched.len() {
                if self.watched[at].is_due(forced) && !stop.load(Ordering::Relaxed) {
                    let Some(exemptions) = exemptions() else { return };
                    self.read(at, stop, &exemptions, &mut hand_over);
                }
            }
            looked = Instant::now();
        }
    }

    /// Reads the files of one list, unless `stop` comes before its end.
    fn read(
        &mut self,
        at: usize,
        stop: &AtomicBool,
        exemptions: &Exemptions,
        hand_over: &mut impl FnMut(usize, Arc<Fixed>),
    ) {
        let (list, standing) = (&mut self.watched[at], &self.standings.lists[at]);
        let (before, now) = (list.marks(), unix_now());
        let result = read_until(stop, &list.files, list.format, list.code, exemptions, now);
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let after = list.marks();
        // What was written while it was read is neither the old nor the new.
        let result = match result {
            Ok(_) if after != before => {
                list.retry = Some(Instant::now());
                list.seen = after;
                return;
            }
            result => result,
        };
        (list.read, list.seen) = (before, after);
        (list.retry, list.not_before) = (None, None);
        match result {
            Ok(read) => {
                let (addresses, networks) = read.fixed.counts();
                let kept_out = read.kept_out;
                let name = &standing.name;
                tracing::info!(list = %name, addresses, networks, kept_out = kept_out.four, "the static list was read");
                let remarks = read.remarks.join("\n");
                if remarks != list.told {
                    for remark in &read.remarks {
                        tracing::warn!(list = %name, "{remark}");
                    }
                    list.told = remarks;
                }
                standing.loads.fetch_add(1, Ordering::Relaxed);
                standing.last_success.store(now, Ordering::Relaxed);
                standing.is_behind.store(false, Ordering::Relaxed);
                standing.addresses.store(addresses, Ordering::Relaxed);
                standing.networks.store(networks, Ordering::Relaxed);
                standing.kept_out.store(kept_out.four, Ordering::Relaxed);
                hand_over(at, Arc::new(read.fixed));
            }
            Err(refusal) => {
                standing.failures.fetch_add(1, Ordering::Relaxed);
                standing.is_behind.store(true, Ordering::Relaxed);
                list.refused(refusal, standing);
            }
        }
    }
}

impl Watched {
    fn marks(&self) -> Vec<Mark> {
        let mark = |file: &PathBuf| {
            let data = fs::metadata(file).ok()?;
            let times = ((data.mtime(), data.mtime_nsec()), (data.ctime(), data.ctime_nsec()));
            Some((data.dev(), data.ino(), data.size(), times.0, times.1))
        };
        self.files.iter().map(mark).collect()
    }

    /// Whether the files are to be read: they changed and stayed so since the last look, or it is time or asked for.
    fn is_due(&mut self, forced: bool) -> bool {
        let marks = self.marks();
        let settled = marks == self.seen;
        let changed = marks != self.read;
        self.seen = marks;
        let time_came = self.not_before.is_some_and(|second| second <= unix_now());
        let retry = self.retry.is_some_and(|at| at <= Instant::now());
        forced || (settled && (changed || time_came || retry))
    }

    /// Says what is wrong, unless it was said last.
    fn refused(&mut self, refusal: Refusal, standing: &Standing) {
        self.not_before = refusal.not_before;
        if refusal.mistakes.iter().any(|mistake| mistake.line.is_none()) {
            self.retry = Some(Instant::now() + RETRY);
        }
        // The distance of a stamp shrinks, and is no news.
        let said = match refusal.not_before {
            Some(second) => format!("{}: stamped {second}", self.files[0].display()),
            None => refusal.to_string(),
        };
        if said == self.told {
            return;
        }
        self.told = said;
        let stands = match standing.loads.load(Ordering::Relaxed) {
            0 => "its names are not answered until it is mended",
            _ => "what was read before stays served",
        };
        for mistake in &refusal.mistakes {
            tracing::error!(list = %standing.name, "{mistake}");
        }
        tracing::error!(list = %standing.name, "the static list was not taken: {stands}");
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn list(folder: &std::path::Path) -> ListSettings {
        ListSettings {
            name: "manual".to_owned(),
            code: std::net::Ipv4Addr::new(127, 0, 0, 20),
            files: vec![folder.join("one"), folder.join("two")],
            format: ListFormat::Ip4set,
            combined: false,
        }
    }

    fn put(folder: &std::path::Path, name: &str, text: &str) {
        fs::write(folder.join("aside"), text).unwrap();
        fs::rename(folder.join("aside"), folder.join(name)).unwrap();
    }

    /// Waits until `done` holds; a look and a reading take some seconds at most.
    fn wait(done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < Duration::from_secs(30), "waited too long");
            thread::sleep(STEP);
        }
    }

    #[test]
    fn a_change_is_taken_up_and_a_mistake_is_not() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n");
        put(folder.path(), "two", "20.1.1.2\n");
        let none = || Exemptions::only([]);
        let tables: Mutex<Vec<u64>> = Mutex::default();
        let hand_over = |at: usize, fixed: Arc<Fixed>| {
            assert_eq!(at, 0);
            tables.lock().unwrap().push(fixed.counts().0);
        };
        let lists = Lists::load(&[list(folder.path())], &none(), hand_over);
        assert_eq!(*tables.lock().unwrap(), [2]);
        let (standings, stop) = (lists.standings(), AtomicBool::new(false));
        let standing = &standings.lists()[0];
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        thread::scope(|scope| {
            scope.spawn(|| lists.run(&stop, || Some(none()), hand_over));
            put(folder.path(), "one", "20.1.1.1\n20.1.1.9\n");
            wait(|| count(&standing.loads) == 2);
            assert_eq!((tables.lock().unwrap().last(), count(&standing.addresses)), (Some(&3), 3));
            for (at, bad) in ["20.1.1.1\nx\n", "20.1.1.1\n20.1.1.2", "\u{1f}\u{8b}"].into_iter().enumerate() {
                put(folder.path(), "one", bad);
                wait(|| count(&standing.failures) == at as u64 + 1);
                assert!(standing.is_behind.load(Ordering::Relaxed));
            }
            fs::remove_file(folder.path().join("two")).unwrap();
            wait(|| count(&standing.failures) == 4);
            put(folder.path(), "one", "20.1.1.1\n");
            put(folder.path(), "two", "");
            wait(|| count(&standing.loads) == 3);
            assert!(!standing.is_behind.load(Ordering::Relaxed) && count(&standing.last_success) > 0);
            standings.reload_now();
            wait(|| count(&standing.loads) == 4);
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(*tables.lock().unwrap(), [2, 3, 1, 1]);
    }

    /// G8: what was never read is never handed over, so that it is unknown and not empty.
    #[test]
    fn a_list_that_is_bad_from_the_start_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n");
        let lists = Lists::load(&[list(folder.path())], &Exemptions::only([]), |_, _| panic!("half of it is missing"));
        let standings = lists.standings();
        let standing = &standings.lists()[0];
        assert_eq!((standing.loads.load(Ordering::Relaxed), standing.failures.load(Ordering::Relaxed)), (0, 1));
        assert!(standing.is_behind.load(Ordering::Relaxed));
    }

    #[test]
    fn a_file_is_read_when_it_stayed_as_it_is_for_one_look() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n");
        put(folder.path(), "two", "");
        let mut lists = Lists::load(&[list(folder.path())], &Exemptions::only([]), |_, _| {});
        let watched = &mut lists.watched[0];
        assert!(!watched.is_due(false) && watched.is_due(true));
        fs::write(folder.path().join("one"), "20.1.1.1\n20.1").unwrap();
        assert!(!watched.is_due(false), "it may still be written");
        fs::write(folder.path().join("one"), "20.1.1.1\n20.1.1.2\n").unwrap();
        assert!(!watched.is_due(false), "it was");
        assert!(watched.is_due(false));
        watched.read = watched.marks();
        assert!(!watched.is_due(false));
        watched.not_before = Some(unix_now() - 1);
        assert!(watched.is_due(false));
    }
}
