//! A Maildir that is watched: what an MTA delivers to a trap's mailbox is a sample.
//!
//! Enters: a folder, into whose `new` an MTA moves whole messages, a file each. Leaves: samples of one trap; a message that is
//! durable moves to `cur` as seen, or is deleted. Between the two nothing is lost: a message that is found again counts
//! once. What cannot be read now, or cannot be taken, stays and is tried again, later each time.
//!
//! Who may write into the folder need not be trusted with what else this process may read or delete: `new` and `cur` are
//! opened as they are, through no link in their place, and everything goes by the folders that are open. Refused: links and
//! what is no regular file.
//!
//! No envelope comes with a message; its Return-Path field, which the delivering MTA writes, stands for the sender.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firsthand_analyzer::sample::MESSAGE_LIMIT;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, open, openat, renameat, unlinkat};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep};

use super::room::Reservation;
use super::{Intake, Refusal, Submission};
use crate::config::{MaildirSettings, Taken};
use crate::connections::stopped;
use crate::declared::trap_text;

/// How often it is looked into.
const LOOK: Duration = Duration::from_millis(500);
/// How often it is looked for while it is not there, or while nothing says whose mail it holds.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The messages that are taken at once.
const AT_ONCE: usize = 64;
/// The names that are read at once; the rest have their turn after them.
const NAMES: usize = 10_000;
/// How long a message that could not be taken waits, at first and at most.
const WAIT: Duration = Duration::from_secs(1);
const WAIT_MOST: Duration = Duration::from_secs(600);
/// How long all wait at most while the service takes nothing.
const REFUSED_MOST: Duration = Duration::from_secs(60);
/// The most messages that wait each for a time of their own; others are tried whenever the folder is looked into.
const WAITING: usize = 20_000;

/// Takes what is delivered until `stop` says true or its sender is gone; what is under way then is ended first.
pub async fn watch(settings: MaildirSettings, feed: String, intake: Intake, mut stop: watch::Receiver<bool>) {
    let source = Arc::new(Source { maildir: settings, feed, intake });
    let mut watched = Watched { source, waiting: Waiting::default(), refused: WAIT, told: None };
    loop {
        let pause = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            folders = watched.look() => match folders {
                Some((folders, names)) => watched.take_all(&Arc::new(folders), names, &stop).await,
                None => LOOK_AGAIN,
            },
        };
        tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            () = sleep(pause) => {}
        }
    }
}

/// The messages that could not be taken, by name: how long each waits, and until when.
#[derive(Default)]
struct Waiting(HashMap<OsString, (Duration, Instant)>);

impl Waiting {
    /// Lets a message wait, for longer than the last time; whether it is the first time.
    fn add(&mut self, name: OsString, now: Instant) -> bool {
        let room = self.0.len() < WAITING;
        match self.0.get_mut(&name) {
            Some((wait, until)) => {
                *wait = (*wait * 2).min(WAIT_MOST);
                *until = now + *wait;
                false
            }
            None => {
                if room {
                    self.0.insert(name, (WAIT, now + WAIT));
                }
                true
            }
        }
    }

    fn holds_back(&self, name: &OsStr, now: Instant) -> bool {
        self.0.get(name).is_some_and(|(_, until)| *until > now)
    }
}

/// `new` and `cur`, open.
struct Folders {
    new: OwnedFd,
    cur: OwnedFd,
}

impl Folders {
    fn open(maildir: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let maildir = open(maildir, flags, Mode::empty())?;
        let inside = |name: &str| openat(&maildir, name, flags | OFlags::NOFOLLOW, Mode::empty());
        Ok(Self { new: inside("new")?, cur: inside("cur")? })
    }

    /// The names in `new` that are not held back, in order, at most [`NAMES`]. Who waits and has gone is forgotten.
    fn names(&self, waiting: &mut Waiting, now: Instant) -> io::Result<Vec<OsString>> {
        let (mut names, mut seen) = (Vec::new(), HashSet::new());
        for entry in Dir::read_from(&self.new)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            if waiting.0.contains_key(name) {
                seen.insert(name.to_owned());
            }
            if !waiting.holds_back(name, now) {
                names.push(name.to_owned());
            }
            if names.len() == NAMES {
                names.sort_unstable();
                return Ok(names);
            }
        }
        waiting.0.retain(|name, _| seen.contains(name));
        names.sort_unstable();
        Ok(names)
    }

    /// Reads a message, for which `room` grows first; of one that is longer than the analyzer reads, only the beginning,
    /// one octet more than the limit.
    fn read(&self, name: &OsStr, room: &mut Reservation) -> Result<Vec<u8>, Hindrance> {
        // Nobody waits for the writer of a FIFO.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = File::from(openat(&self.new, name, flags, Mode::empty()).map_err(io::Error::from)?);
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no regular file").into());
        }
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let wanted = length.min(MESSAGE_LIMIT + 1);
        room.grow(wanted).map_err(|full| Hindrance::Refused(full.into()))?;
        let mut message = Vec::with_capacity(wanted + 1);
        file.take(wanted as u64 + 1).read_to_end(&mut message)?;
        if length == wanted && message.len() > wanted {
            return Err(io::Error::other("it is still being written").into());
        }
        message.truncate(wanted);
        Ok(message)
    }

    /// Puts away a message that is kept.
    fn put_away(&self, name: &OsStr, taken: Taken) -> io::Result<()> {
        match taken {
            Taken::Seen => renameat(&self.new, name, &self.cur, &*seen(name))?,
            Taken::Deleted => unlinkat(&self.new, name, AtFlags::empty())?,
        }
        Ok(())
    }
}

/// A message's name in `cur`, where it is seen.
fn seen(name: &OsStr) -> OsString {
    let name = name.as_bytes();
    let unique = name.windows(3).position(|info| info == b":2,").map_or(name, |info| &name[..info]);
    OsString::from_vec([unique, b":2,S"].concat())
}

/// Why a message is not taken.
enum Hindrance {
    /// Something is wrong with it.
    Message(io::Error),
    /// Nothing is taken now.
    Refused(Refusal),
    /// There is no such trap or feed.
    Unknown,
}

impl From<io::Error> for Hindrance {
    fn from(error: io::Error) -> Self {
        Self::Message(error)
    }
}

impl From<Refusal> for Hindrance {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whose mail the folder holds.
struct Source {
    maildir: MaildirSettings,
    feed: String,
    intake: Intake,
}

impl Source {
    /// Takes one message, and puts it away once it is durable.
    async fn take(self: Arc<Self>, folders: Arc<Folders>, name: OsString) -> (OsString, Result<(), Hindrance>) {
        let taken = self.try_to_take(&folders, &name).await;
        (name, taken)
    }

    async fn try_to_take(&self, folders: &Arc<Folders>, name: &OsStr) -> Result<(), Hindrance> {
        let declared = self.intake.declared();
        let feed = declared.feed(&self.feed).ok_or(Hindrance::Unknown)?;
        let trap = trap_text(&self.maildir.trap);
        let trap = self.intake.recipient(&declared, feed, &trap).ok_or(Hindrance::Unknown)?;
        let mut room = self.intake.begin(&*self.feed);
        let (from, named) = (Arc::clone(folders), name.to_owned());
        let reading = blocking(move || from.read(&named, &mut room).map(|message| (message, room)));
        let (message, _room) = reading.await?;
        self.intake.admit(feed)?;
        let submission = Submission { trap: &trap, message: &message, envelope: None, observed_peer: None };
        self.intake.take(feed, submission).await?;
        let (from, named, taken) = (Arc::clone(folders), name.to_owned(), self.maildir.taken);
        blocking(move || Ok(from.put_away(&named, taken)?)).await
    }
}

/// Does what may wait for a disk where nobody waits for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Hindrance> + Send + 'static,
) -> Result<T, Hindrance> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error).into()))
}

struct Watched {
    source: Arc<Source>,
    waiting: Waiting,
    /// How long all wait when the service takes nothing the next time.
    refused: Duration,
    /// What is wrong with all of it, and when that was told, so that it is told once an hour.
    told: Option<(&'static str, Instant)>,
}

/// How long what is wrong with all of it is not told again.
const TELL_AGAIN: Duration = Duration::from_secs(3600);

/// What may be wrong with all of it.
const NOT_THERE: &str = "a Maildir cannot be looked into, and is looked for again";
const NOBODYS: &str = "a Maildir is not taken from: its trap or its feed is not registered";
const NOT_NOW: &str = "a Maildir has to wait: nothing is taken from it now";

impl Watched {
    /// Opens the folder; what is there and does not wait, by name. None where there is no folder.
    async fn look(&mut self) -> Option<(Folders, Vec<OsString>)> {
        let (source, mut waiting) = (Arc::clone(&self.source), std::mem::take(&mut self.waiting));
        let now = Instant::now();
        let looked = spawn_blocking(move || {
            let folders = Folders::open(&source.maildir.path)?;
            let names = folders.names(&mut waiting, now)?;
            Ok::<_, io::Error>((folders, names, waiting))
        });
        match looked.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok((folders, names, waiting)) => {
                self.waiting = waiting;
                self.told = self.told.filter(|(told, _)| *told != NOT_THERE);
                Some((folders, names))
            }
            Err(error) => {
                self.tell(NOT_THERE, &error);
                None
            }
        }
    }

    /// Takes these messages, or as many of them as are taken now; how long to wait before the folder is looked into again.
    async fn take_all(
        &mut self,
        folders: &Arc<Folders>,
        names: Vec<OsString>,
        stop: &watch::Receiver<bool>,
    ) -> Duration {
        let mut names = VecDeque::from(names);
        let mut taking = JoinSet::new();
        let mut at_once = AT_ONCE;
        let mut pause = None;
        let mut hindered: Option<(OsString, io::Error)> = None;
        let mut others = 0;
        let any = !names.is_empty();
        loop {
            let goes_on = pause.is_none() && stop.has_changed().is_ok() && !*stop.borrow();
            while goes_on
                && taking.len() < at_once
                && let Some(name) = names.pop_front()
            {
                taking.spawn(Arc::clone(&self.source).take(Arc::clone(folders), name));
            }
            let Some(done) = taking.join_next().await else { break };
            // A task that panicked has said so; its message is found again.
            let Ok((name, taken)) = done else { continue };
            match taken {
                Ok(()) => {
                    self.waiting.0.remove(&name);
                    self.refused = WAIT;
                }
                Err(Hindrance::Message(error)) => {
                    if self.waiting.add(name.clone(), Instant::now()) {
                        match hindered {
                            None => hindered = Some((name, error)),
                            Some(_) => others += 1,
                        }
                    }
                }
                // As many as there are at once are too many.
                Err(Hindrance::Refused(Refusal::NoRoom)) if !taking.is_empty() => {
                    at_once = taking.len();
                    names.push_front(name);
                }
                Err(Hindrance::Refused(refusal)) => pause = pause.max(Some(self.refused(refusal))),
                Err(Hindrance::Unknown) => {
                    self.tell(NOBODYS, "see [[trap]] and [[feed]]");
                    pause = pause.max(Some(LOOK_AGAIN));
                }
            }
        }
        if let Some((name, error)) = hindered {
            // Whoever may write there chooses the name.
            let (file, path) = (name.as_bytes().escape_ascii(), self.source.maildir.path.display());
            tracing::warn!(%file, maildir = %path, %error, others, "a message cannot be taken; it stays, and is tried again");
        }
        if any && pause.is_none() {
            self.told = None;
        }
        pause.unwrap_or(LOOK)
    }

    /// Notes that nothing is taken now; how long to wait.
    fn refused(&mut self, refusal: Refusal) -> Duration {
        if refusal == Refusal::NoRoom {
            // What else is refused was counted there.
            self.source.intake.refused(refusal.why());
        }
        self.tell(NOT_NOW, refusal.sentence());
        let wait = match refusal {
            Refusal::OverQuota(wait) => wait.clamp(WAIT, WAIT_MOST),
            Refusal::Paused | Refusal::NoRoom | Refusal::DiskFull | Refusal::NotDurable => self.refused,
        };
        self.refused = (self.refused * 2).min(REFUSED_MOST);
        wait
    }

    fn tell(&mut self, what: &'static str, why: impl Display) {
        let is_known = |(told, at): &(&str, Instant)| *told == what && at.elapsed() < TELL_AGAIN;
        if !self.told.as_ref().is_some_and(is_known) {
            self.told = Some((what, Instant::now()));
            tracing::warn!(maildir = %self.source.maildir.path.display(), feed = self.source.feed, %why, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use prometheus::IntGauge;

    use super::*;
    use crate::intake::room::{self, Room};

    fn maildir() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "cur", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        folder
    }

    #[test]
    fn names_are_those_of_messages_that_do_not_wait() {
        let folder = maildir();
        for name in ["2.b", "1.a", ".hidden", "3.c"] {
            fs::write(folder.path().join("new").join(name), "x").unwrap();
        }
        let (now, mut waiting) = (Instant::now(), Waiting::default());
        assert!(waiting.add("3.c".into(), now) && waiting.add("gone".into(), now));
        let names = |waiting: &mut Waiting, now| Folders::open(folder.path()).unwrap().names(waiting, now).unwrap();
        assert_eq!(names(&mut waiting, now), ["1.a", "2.b"]);
        assert_eq!(waiting.0.len(), 1, "who has gone is forgotten");
        assert_eq!(names(&mut waiting, now + WAIT), ["1.a", "2.b", "3.c"]);
        // Each time it waits for longer.
        assert!(!waiting.add("3.c".into(), now));
        assert!(
            waiting.holds_back(OsStr::new("3.c"), now + WAIT) && !waiting.holds_back(OsStr::new("3.c"), now + 2 * WAIT)
        );
        for _ in 0..20 {
            waiting.add("3.c".into(), now);
        }
        assert!(!waiting.holds_back(OsStr::new("3.c"), now + WAIT_MOST));
    }

    /// Nothing outside of the folder is read, moved or deleted, whoever may write into it.
    #[test]
    fn no_link_leads_out_of_it() {
        let (folder, outside) = (maildir(), maildir());
        fs::write(outside.path().join("secret"), "x").unwrap();
        symlink(outside.path().join("secret"), folder.path().join("new/link")).unwrap();
        nix::unistd::mkfifo(&folder.path().join("new/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(folder.path().join("new/folder")).unwrap();
        let folders = Folders::open(folder.path()).unwrap();
        let held = IntGauge::new("held", "Bytes.").unwrap();
        let room = Arc::new(Room::new(room::OF_FEEDS, held.clone()));
        for name in ["link", "fifo", "folder", "none"] {
            let read = folders.read(OsStr::new(name), &mut room.begin("x"));
            assert!(matches!(read, Err(Hindrance::Message(_))), "{name}");
        }
        assert_eq!(held.get(), 0);
        fs::remove_dir_all(folder.path().join("new")).unwrap();
        symlink(outside.path().join("new"), folder.path().join("new")).unwrap();
        assert!(Folders::open(folder.path()).is_err());
    }

    #[test]
    fn what_is_kept_is_put_away() {
        let folder = maildir();
        let at = |place: &str| folder.path().join(place);
        for name in ["1.a", "2.b:2,F", "3.c"] {
            fs::write(at("new").join(name), name).unwrap();
        }
        let folders = Folders::open(folder.path()).unwrap();
        let held = IntGauge::new("held", "Bytes.").unwrap();
        let room = Arc::new(Room::new(room::OF_FEEDS, held.clone()));
        let mut taken = room.begin("x");
        assert!(folders.read(OsStr::new("1.a"), &mut taken).is_ok_and(|message| message == b"1.a"));
        assert_eq!(held.get(), 3);
        folders.put_away(OsStr::new("1.a"), Taken::Seen).unwrap();
        folders.put_away(OsStr::new("2.b:2,F"), Taken::Seen).unwrap();
        folders.put_away(OsStr::new("3.c"), Taken::Deleted).unwrap();
        assert_eq!(fs::read(at("cur/1.a:2,S")).unwrap(), b"1.a");
        assert!(at("cur/2.b:2,S").exists() && fs::read_dir(at("new")).unwrap().next().is_none());
    }
}
