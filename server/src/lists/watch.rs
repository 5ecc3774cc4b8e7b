//! The files of all lists while the service runs: read at the start, and again when they changed.
//!
//! A file that changed is read when it then stayed as it is ([`super::stillness`]). The next table is built aside and
//! handed over whole; whatever is wrong with a file, what was handed over before stands (G8), and the log says once what to
//! mend. A list that was never handed over is unknown, and its names are not to be answered.
//!
//! What was taken last is kept ([`super::kept`]). A start serves that at once where the files are still the same, or may be
//! written at the moment, and the files are read again beside it; and also where the files are refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use firsthand_analyzer::listing::Exemptions;

use super::kept::{self, Kept, Origin};
use super::life::{End, Life};
use super::read::{Read, read_until};
use super::standing::{Standing, Standings};
use super::stillness::{Mark, Stillness, may_be_written};
use super::{Refusal, borrowed, instant};
use crate::config::{ListFormat, ListSettings};
use crate::zone::{self, Code, Fixed, KeptOut};

/// How often the files are looked at.
pub const LOOK: Duration = Duration::from_secs(2);
/// How long a request to stop or to reload may wait.
const STEP: Duration = Duration::from_millis(50);
/// After which time a file that could not be read at all is tried again though it did not change.
const RETRY: Duration = Duration::from_secs(60);
/// How long files may be others than those that are served before somebody is told.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a start waits for what the system says of the files of a list.
const ANSWER: Duration = Duration::from_secs(2);
/// How often files that change while they are read are read, at a start or at the operator's word.
const ATTEMPTS: u32 = 3;
/// The niceness of a thread that reads lists.
const NICENESS: i32 = 19;
/// Growth by fewer entries than this is nothing to tell: short lists double from day to day.
const GROWTH_LEAST: u64 = 100;

/// Gives this thread the least priority, for good: reading takes seconds of a core that answers queries.
pub fn give_way() {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), NICENESS) {
        tracing::warn!(%error, "static lists are read at the priority of everything else");
    }
}

/// One list with its files.
#[derive(Debug)]
struct Watched {
    files: Stillness,
    format: ListFormat,
    code: Code,
    /// When to read again without a change: a stamp's time comes, a disk may be well again, an exemption was lifted.
    not_before: Option<u64>,
    retry: Option<Instant>,
    again: bool,
    /// How much is served of it, if anything is.
    size: Option<Size>,
    /// How long it may be believed, if not for ever.
    life: Option<Life>,
    /// When what would be served if the files were refused was taken, in Unix seconds.
    fallback: Option<u64>,
    /// What was taken and is to be kept.
    unkept: Option<Kept>,
    /// What was said last.
    told: String,
    /// Whether it was said that the files are not read.
    told_unread: bool,
}

/// The static lists of a running service.
#[derive(Debug)]
pub struct Lists {
    watched: Vec<Watched>,
    standings: Arc<Standings>,
    /// The data folder.
    data: PathBuf,
    /// All lists of the zone, those of evidence among them.
    all: Vec<zone::ListSettings>,
}

impl Lists {
    /// Reads all lists for the first time, or what was kept of them in the folder `data`; `all` are the lists of the zone.
    /// `hand_over` gets those of which something is known, by their place in the settings.
    pub fn load(
        (settings, all): (&[ListSettings], &[zone::ListSettings]),
        data: &Path,
        exemptions: &Exemptions,
        mut hand_over: impl FnMut(usize, Arc<Fixed>),
    ) -> Self {
        let watched = settings.iter().map(|list| Watched {
            files: Stillness::new(list.files.clone(), Instant::now()),
            format: list.format,
            code: Code::try_from(list.code).expect("the settings allow only codes of lists"),
            not_before: None,
            retry: None,
            again: false,
            size: None,
            life: None,
            fallback: None,
            unkept: None,
            told: String::new(),
            told_unread: false,
        });
        let standings = Standings::new(settings.iter().map(|list| list.name.as_str()));
        let (standings, data) = (Arc::new(standings), data.to_owned());
        let mut lists = Self { watched: watched.collect(), standings, data, all: all.to_vec() };
        for at in 0..lists.watched.len() {
            lists.start(at, exemptions, &mut hand_over);
        }
        lists.standings.looked.store(unix_now(), Ordering::Relaxed);
        lists
    }

    /// What may be known of the lists, and the way to ask for a reload.
    pub fn standings(&self) -> Arc<Standings> {
        Arc::clone(&self.standings)
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
        give_way();
        self.keep();
        let mut looked = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            let forced = self.standings.take_reload();
            if !forced && looked.elapsed() < LOOK {
                thread::sleep(STEP);
                continue;
            }
            self.standings.looked.store(unix_now(), Ordering::Relaxed);
            let again = self.standings.take_again();
            for at in 0..self.watched.len() {
                self.watched[at].again |= again;
                let is_due = self.watched[at].is_due(Instant::now()) || forced;
                if is_due && !stop.load(Ordering::Relaxed) {
                    let Some(exemptions) = exemptions() else { return };
                    self.read(at, stop, if forced { ATTEMPTS } else { 1 }, &exemptions, &mut hand_over);
                }
                let (list, standing) = (&mut self.watched[at], &self.standings.lists()[at]);
                list.tell_unread(standing, Instant::now());
                list.tell_end(standing, unix_now());
            }
            self.keep();
            looked = Instant::now();
        }
    }

    /// Serves a list for the first time.
    fn start(&mut self, at: usize, exemptions: &Exemptions, hand_over: &mut impl FnMut(usize, Arc<Fixed>)) {
        let (list, standing) = (&mut self.watched[at], &self.standings.lists()[at]);
        let path = kept::path(&self.data, &standing.name);
        let kept = kept::read(&path, list.origin(), exemptions).unwrap_or_else(|error| {
            tracing::warn!(list = %standing.name, "{}, the copy of the list, is not used: {error}", path.display());
            None
        });
        list.fallback = kept.as_ref().map(|(kept, _)| kept.taken);
        let marks = list.files.marks_within(ANSWER);
        let is_kept = marks.as_ref().zip(kept.as_ref()).is_some_and(|(marks, (kept, _))| {
            kept.marks == *marks || may_be_written(&kept.marks, marks, SystemTime::now())
        });
        if marks.is_none() {
            list.unread(standing, "its disk does not answer");
        } else if let Some((kept, _)) = kept.as_ref().filter(|_| is_kept) {
            tracing::info!(list = %standing.name, taken = %instant(kept.taken), "the static list is served from its copy");
            list.files.was_read(kept.marks.clone(), Instant::now());
            // The program may be another, and what is exempt.
            list.again = true;
        } else {
            self.read(at, &AtomicBool::new(false), ATTEMPTS, exemptions, hand_over);
        }
        let (list, standing) = (&mut self.watched[at], &self.standings.lists()[at]);
        if let Some((kept, kept_out)) = kept.filter(|_| list.size.is_none()) {
            list.serve(&kept, kept_out, standing);
            hand_over(at, kept.fixed);
        }
    }

    /// Keeps what was taken.
    fn keep(&mut self) {
        for (list, standing) in self.watched.iter_mut().zip(self.standings.lists()) {
            let Some(kept) = list.unkept.take() else { continue };
            let path = kept::path(&self.data, &standing.name);
            if let Err(error) = kept::write(&path, list.origin(), &kept) {
                let path = path.display();
                tracing::warn!(list = %standing.name, %error, "{path}, the copy of the list to start from, cannot be written");
            }
        }
    }

    /// Reads the files of one list, unless `stop` comes before its end; as often as `attempts` says, while they change.
    fn read(
        &mut self,
        at: usize,
        stop: &AtomicBool,
        attempts: u32,
        exemptions: &Exemptions,
        hand_over: &mut impl FnMut(usize, Arc<Fixed>),
    ) {
        let (list, standing) = (&mut self.watched[at], &self.standings.lists()[at]);
        for _ in 0..attempts {
            let (before, now) = (list.files.marks(), unix_now());
            let result = read_until(stop, list.files.files(), list.format, list.code, exemptions, now);
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // What was written while it was read is neither the old nor the new.
            if result.is_ok() && list.files.marks() != before {
                list.files.look(Instant::now());
                continue;
            }
            list.files.was_read(before.clone(), Instant::now());
            (list.retry, list.not_before, list.again, list.told_unread) = (None, None, false, false);
            match result {
                Ok(mut read) => {
                    read.remarks.extend(borrowed(&read, &standing.name, &self.all));
                    hand_over(at, list.taken(read, before, standing, now));
                }
                Err(refusal) => {
                    standing.failures.fetch_add(1, Ordering::Relaxed);
                    standing.is_behind.store(true, Ordering::Relaxed);
                    list.refused(refusal, standing);
                }
            }
            return;
        }
        if attempts > 1 {
            list.unread(standing, "changed each time that it was read");
        }
    }
}

impl Watched {
    /// Whether the files are to be read: they stand still, and changed before, or it is time or asked for.
    fn is_due(&mut self, now: Instant) -> bool {
        let is_still = self.files.look(now);
        let time_came = self.not_before.is_some_and(|second| second <= unix_now());
        let retry = self.retry.is_some_and(|at| at <= now);
        is_still && (self.files.has_changed() || self.again || time_came || retry)
    }

    /// Says, once, that the files are others than those that are served, and change too often to be read.
    fn tell_unread(&mut self, standing: &Standing, now: Instant) {
        if !self.told_unread && self.files.unread_for(now).is_some_and(|unread| unread >= PATIENCE) {
            self.unread(standing, "changes again and again, and was not read since it first did");
        }
    }

    /// Says, once each, that the list is about to expire and that it has.
    fn tell_end(&mut self, standing: &Standing, now: u64) {
        match self.life.as_mut().and_then(|life| life.end(now)) {
            Some(End::Near(said)) => tracing::warn!(list = %standing.name, "{said}"),
            Some(End::Over(said)) => tracing::error!(list = %standing.name, "{said}"),
            None => {}
        }
    }

    fn unread(&mut self, standing: &Standing, why: &str) {
        self.told_unread = true;
        standing.is_behind.store(true, Ordering::Relaxed);
        let stands = self.stands();
        let files: Vec<_> = self.files.files().iter().map(|file| file.display().to_string()).collect();
        let files = files.join(", ");
        tracing::warn!(
            list = %standing.name,
            "{files}: {why}; {stands}; write aside and rename, or run firsthand reload when it is whole"
        );
    }

    /// Notes and tells what was read of the files as they were `before`.
    fn taken(&mut self, read: Read, before: Vec<Mark>, standing: &Standing, now: u64) -> Arc<Fixed> {
        let size = Size::of(&read.fixed, read.exclusions);
        let Size { addresses, networks, exclusions } = size;
        let (name, kept_out) = (&standing.name, read.kept_out.four);
        let kept_out_first = read.kept_out.first.map(|first| first.to_string());
        tracing::info!(list = %name, addresses, networks, exclusions, kept_out, kept_out_first, "the static list was read");
        if let Some(leap) = self.size.and_then(|before| size.leap_from(before)) {
            tracing::warn!(list = %name, "{leap}");
        }
        let remarks = read.remarks.join("\n");
        if remarks != self.told {
            for remark in &read.remarks {
                tracing::warn!(list = %name, "{remark}");
            }
            self.told = remarks;
        }
        standing.loads.fetch_add(1, Ordering::Relaxed);
        standing.is_behind.store(false, Ordering::Relaxed);
        self.fallback = None;
        let fixed = Arc::new(read.fixed);
        let kept = Kept { fixed: Arc::clone(&fixed), marks: before, taken: now, exclusions };
        self.serve(&kept, read.kept_out, standing);
        self.unkept = Some(kept);
        fixed
    }

    /// Notes what is served.
    fn serve(&mut self, kept: &Kept, kept_out: KeptOut, standing: &Standing) {
        let size = Size::of(&kept.fixed, kept.exclusions);
        self.size = Some(size);
        let written = kept.marks.iter().flatten().map(|mark| mark.written.0).max().unwrap_or(0);
        let written = u64::try_from(written).unwrap_or(0);
        self.life = kept.fixed.expires().map(|last| Life::new(written, last, self.life));
        let store = |number: &AtomicU64, value| number.store(value, Ordering::Relaxed);
        store(&standing.modified, written);
        // The first second of all is as good as the one after.
        store(&standing.expires, kept.fixed.expires().map_or(0, |last| last.max(1)));
        self.tell_end(standing, unix_now());
        store(&standing.last_success, kept.taken);
        store(&standing.addresses, size.addresses);
        store(&standing.networks, size.networks);
        store(&standing.kept_out, kept_out.four);
    }

    /// What the table is made of, beside what the files say.
    fn origin(&self) -> Origin<'_> {
        Origin { files: self.files.files(), format: self.format, code: self.code }
    }

    /// Says what is wrong, unless it was said last.
    fn refused(&mut self, refusal: Refusal, standing: &Standing) {
        self.not_before = refusal.not_before;
        if refusal.mistakes.iter().any(|mistake| mistake.line.is_none()) {
            self.retry = Some(Instant::now() + RETRY);
        }
        // The distance of a stamp shrinks, and is no news.
        let said = match refusal.not_before {
            Some(second) => format!("{}: stamped {second}", self.files.files()[0].display()),
            None => refusal.to_string(),
        };
        if said == self.told {
            return;
        }
        self.told = said;
        let stands = self.stands();
        for mistake in &refusal.mistakes {
            tracing::error!(list = %standing.name, "{mistake}");
        }
        let more = refusal.more().map_or_else(String::new, |more| format!(" ({more} mistakes)"));
        tracing::error!(list = %standing.name, "the static list was not taken{more}: {stands}");
    }

    /// What is answered while the files are not what is served.
    fn stands(&self) -> String {
        match (self.fallback, self.size) {
            (Some(taken), _) => format!("what was read of it at {} is served, from its copy", instant(taken)),
            (None, Some(_)) => "what was read before stays served".to_owned(),
            (None, None) => "its names are not answered until it is mended".to_owned(),
        }
    }
}

/// How much a list lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Size {
    /// IPv4 addresses.
    addresses: u64,
    /// IPv6 /64s, those listed in part counted as one.
    networks: u64,
    /// Lines that exclude.
    exclusions: u64,
}

impl Size {
    fn of(fixed: &Fixed, exclusions: u64) -> Self {
        let (addresses, networks) = fixed.counts();
        Self { addresses, networks, exclusions }
    }

    /// What is to be said of a list that became less than half as large, or lost half of its exclusions, or grew by more
    /// than half: so does a file that was cut short, and nothing in it tells.
    fn leap_from(self, before: Self) -> Option<String> {
        let shrank = |before: u64, now: u64| now < before - before / 2;
        let grew = |before: u64, now: u64| now > before.saturating_add((before / 2).max(GROWTH_LEAST));
        let leapt = |before, now| shrank(before, now) || grew(before, now);
        let counts = [
            (before.addresses, self.addresses, "IPv4 addresses", leapt(before.addresses, self.addresses)),
            (before.networks, self.networks, "IPv6 /64s", leapt(before.networks, self.networks)),
            (before.exclusions, self.exclusions, "exclusions", shrank(before.exclusions, self.exclusions)),
        ];
        let changes = counts.into_iter().filter(|(.., is_told)| *is_told);
        let changes: Vec<_> =
            changes.map(|(before, now, what, _)| format!("{now} {what} where {before} were")).collect();
        let mend = "see that its files are whole, and put the old ones back if not";
        (!changes.is_empty()).then(|| format!("the list became another: {}; {mend}", changes.join(", ")))
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;

    use super::super::QUIET;
    use super::*;

    fn list(folder: &Path) -> ListSettings {
        ListSettings {
            name: "manual".to_owned(),
            code: std::net::Ipv4Addr::new(127, 0, 0, 20),
            files: vec![folder.join("one"), folder.join("two")],
            format: ListFormat::Ip4set,
            combined: false,
        }
    }

    fn put(folder: &Path, name: &str, text: &str) {
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
        let lists = Lists::load((&[list(folder.path())], &[]), folder.path(), &none(), hand_over);
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
            put(folder.path(), "two", "# nobody\n");
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
        let lists = Lists::load((&[list(folder.path())], &[]), folder.path(), &Exemptions::only([]), |_, _| {
            panic!("half of it is missing")
        });
        let standings = lists.standings();
        let standing = &standings.lists()[0];
        assert_eq!((standing.loads.load(Ordering::Relaxed), standing.failures.load(Ordering::Relaxed)), (0, 1));
        assert!(standing.is_behind.load(Ordering::Relaxed));
    }

    /// The operator's word is heeded at once, and an exemption that was lifted when the files stand still.
    #[test]
    fn what_is_written_in_its_place_is_read_at_once_only_at_the_operators_word() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n");
        put(folder.path(), "two", "#\n");
        let mut lists = Lists::load((&[list(folder.path())], &[]), folder.path(), &Exemptions::only([]), |_, _| {});
        fs::write(folder.path().join("one"), "20.1.1.1\n20.1.1.2\n").unwrap();
        let watched = &mut lists.watched[0];
        assert!(!watched.is_due(Instant::now()) && !watched.is_due(Instant::now()), "it may still be written");
        watched.again = true;
        assert!(!watched.is_due(Instant::now()), "it may still");
        let later = Instant::now() + QUIET;
        assert!(watched.is_due(later));
        let (standings, stop) = (lists.standings(), AtomicBool::new(false));
        standings.reload_now();
        thread::scope(|scope| {
            let began = Instant::now();
            scope.spawn(|| lists.run(&stop, || Some(Exemptions::only([])), |_, _| {}));
            wait(|| standings.lists()[0].loads.load(Ordering::Relaxed) == 2);
            assert!(began.elapsed() < LOOK);
            stop.store(true, Ordering::Relaxed);
        });
    }

    /// What is not served must be known to be so, also where nothing was ever wrong with a file.
    #[test]
    fn files_that_are_never_read_are_told_of() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n");
        put(folder.path(), "two", "#\n");
        let mut lists = Lists::load((&[list(folder.path())], &[]), folder.path(), &Exemptions::only([]), |_, _| {});
        let standings = lists.standings();
        let (watched, standing) = (&mut lists.watched[0], &standings.lists()[0]);
        let began = Instant::now();
        for (second, is_behind) in [(0, false), (10, false), (29, false), (30, true), (31, true)] {
            fs::write(folder.path().join("one"), format!("20.1.1.1\n# {second}\n")).unwrap();
            let now = began + Duration::from_secs(second);
            assert!(!watched.is_due(now));
            watched.tell_unread(standing, now);
            assert_eq!(standing.is_behind.load(Ordering::Relaxed), is_behind, "{second}");
        }
        let left_alone = began + Duration::from_secs(60);
        assert!(watched.is_due(left_alone));
        lists.read(0, &AtomicBool::new(false), 1, &Exemptions::only([]), &mut |_, _| {});
        assert!(!standing.is_behind.load(Ordering::Relaxed) && !lists.watched[0].told_unread);
    }

    /// G8, G6: a mistake in a file that comes with a restart takes no list away, and gives nobody back who is exempt now.
    #[test]
    fn a_start_serves_what_was_taken_last_where_the_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "one", "20.1.1.1\n20.1.1.2\n");
        put(folder.path(), "two", "#\n");
        let start = |exemptions: &Exemptions| {
            let mut tables = Vec::new();
            let hand_over = |_, table: Arc<Fixed>| tables.push(table);
            let mut lists = Lists::load((&[list(folder.path())], &[]), folder.path(), exemptions, hand_over);
            lists.keep();
            let standings = lists.standings();
            let standing = &standings.lists()[0];
            let is_behind = standing.is_behind.load(Ordering::Relaxed);
            let known = (standing.addresses.load(Ordering::Relaxed), standing.last_success.load(Ordering::Relaxed) > 0);
            (tables, is_behind, known, lists)
        };
        let none = Exemptions::only([]);
        start(&none);
        // While it is open no other file gets its inode.
        let held = fs::File::open(folder.path().join("one")).unwrap();
        // The files are the same: the copy is served, and they are read again beside it.
        let (tables, is_behind, known, lists) = start(&none);
        assert_eq!((tables.len(), is_behind, known, lists.watched[0].again), (1, false, (2, true), true));
        assert_eq!(lists.standings().lists()[0].loads.load(Ordering::Relaxed), 0);
        put(folder.path(), "one", "20.1.1.1\nx\n");
        let exempt = Exemptions::only([firsthand_analyzer::listing::Exemption {
            network: "20.1.1.2/32".parse().unwrap(),
            reason: "test".into(),
        }]);
        let (tables, is_behind, known, lists) = start(&exempt);
        assert_eq!((tables.len(), is_behind, known), (1, true, (1, true)));
        assert!(tables[0].get("20.1.1.2".parse().unwrap()).is_empty() && lists.watched[0].told.contains("one:2: "));
        assert!(lists.watched[0].stands().contains("from its copy"));
        // Other files are read at once, and one that is being written is not.
        put(folder.path(), "one", "20.1.1.1\n20.1.1.2\n20.1.1.3\n");
        assert_eq!(start(&none).2, (3, true));
        drop(held);
        fs::write(folder.path().join("one"), "20.1.1.1\n").unwrap();
        let (_, _, known, mut lists) = start(&none);
        assert_eq!(known, (3, true));
        assert!(!lists.watched[0].is_due(Instant::now()) && lists.watched[0].is_due(Instant::now() + QUIET));
        put(folder.path(), "one", "x\n");
        fs::write(kept::path(folder.path(), "manual"), "firsthand list 1\n and something else").unwrap();
        assert_eq!((start(&none).0.len(), start(&none).1), (0, true));
    }

    /// G8: at a start as well, what was half read is neither the old nor the new, and that is said.
    #[test]
    fn files_that_change_while_they_are_read_are_told_of_at_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..60_000).map(|at| format!("20.{}.{}.1\n", at / 256, at % 256)).collect();
        put(folder.path(), "one", &text);
        put(folder.path(), "two", "#\n");
        let ended = AtomicBool::new(false);
        let lists = thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = fs::File::options().append(true).open(folder.path().join("one")).unwrap();
                while !ended.load(Ordering::Relaxed) {
                    std::io::Write::write_all(&mut file, b"#\n").unwrap();
                    thread::sleep(Duration::from_millis(1));
                }
            });
            let settings = [list(folder.path())];
            let lists = Lists::load((&settings, &[]), folder.path(), &Exemptions::only([]), |_, _| {});
            ended.store(true, Ordering::Relaxed);
            lists
        });
        let (list, standing) = (&lists.watched[0], &lists.standings.lists()[0]);
        assert!(list.size.is_none() && list.told_unread && standing.is_behind.load(Ordering::Relaxed));
    }

    #[test]
    fn a_list_that_became_another_is_told_of() {
        let size = |addresses, networks, exclusions| Size { addresses, networks, exclusions };
        let leap = |before: Size, now: Size| now.leap_from(before).unwrap_or_default();
        assert!(leap(size(16_843_275, 0, 5), size(0, 0, 5)).contains("0 IPv4 addresses where 16843275 were"));
        assert!(leap(size(9, 9, 3), size(9, 9, 1)).contains("1 exclusions where 3 were"));
        assert!(leap(size(9, 9, 1), size(9, 9, 0)).contains("0 exclusions where 1 were"));
        assert!(leap(size(9, 1000, 0), size(9, 1501, 0)).contains("1501 IPv6 /64s where 1000 were"));
        for (before, now) in [
            (size(1000, 0, 4), size(500, 0, 2)),
            (size(1000, 0, 4), size(1500, 0, 400)),
            (size(1, 0, 0), size(90, 0, 0)),
            (size(0, 0, 0), size(0, 0, 9)),
        ] {
            assert_eq!(leap(before, now), "");
        }
    }
}
