//! The embedded store: SQLite in one file, `ledger.sqlite`, with its write-ahead log beside it.
//!
//! One thread writes. It takes what has queued up, writes it in one transaction and answers after the commit, so that
//! one sync of the disk serves many samples. Readers have connections of their own and wait for nobody. The log is
//! moved into the file by a thread of its own, so that no acknowledgement waits for it.
//!
//! When a write or a sync fails as input and output do (EIO), nobody can tell any more what the disk holds: the system may
//! have dropped what it could not write and report the next sync of it as done. Nothing is tried again then, and nobody
//! answered: the ledger is broken off ([`LedgerError::Broken`]), and whoever opened it is told, to end the process. The
//! next one reads what there is, and syncs all of it before it builds on it. A full disk is not that: what did not fit is
//! undone, and whoever wanted it may try later.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{Unit, UnitKey};
use firsthand_analyzer::nature::Nature;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ffi};
use rustix::fs::OFlags;
use tokio::sync::{mpsc, oneshot};

use super::reads::{change, read_pending};
use super::withdrawals::{recount, standing};
use super::writer::{Write, Writer};
use super::{Change, Correction, Fact, Outcome, Publication, Recorded};
use super::{access, log, schema};

/// The ledger's file in the data folder.
pub(super) const FILE: &str = "ledger.sqlite";

/// The most writes that wait for the writer; past it, callers wait.
const QUEUE: usize = 4096;

/// How long a connection waits for another's lock.
const BUSY: Duration = Duration::from_secs(10);

/// How long a start waits for those who read an older state of the ledger.
const READER_PATIENCE: Duration = Duration::from_millis(500);

/// How much of the file a connection keeps in memory, in KiB: the upper levels of the trees of ten million origins.
const CACHE: i64 = 64 * 1024;

/// How often the log is moved into the file.
const CHECKPOINT: Duration = Duration::from_secs(1);

/// From how many frames on the writer itself moves the log into the file (64 MiB): else a log that is written to all the
/// while, or was held by a long read, would never begin anew.
const LONG_LOG: i64 = 16 * 1024;

/// The size to which the log's file is shortened when it begins anew, in octets.
const LOG_KEPT: i64 = 64 * 1024 * 1024;

/// Why the ledger could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// Another process has the data folder.
    #[error("{} is in use by another firsthand; stop that one, or give this one another `data` folder", .0.display())]
    InUse(PathBuf),
    /// The tables are those of another version.
    #[error("{} was written by another version of firsthand (tables {found}, this one has {})", path.display(), schema::VERSION)]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
    },
    /// The folder cannot be made or opened.
    #[error("the data folder {} cannot be made or written: {error}; {}", absolute(path).display(), access::mend_of_folder(path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: Arc<std::io::Error>,
    },
    /// A file that is there is closed to this process.
    #[error("{} cannot be opened: {error}; {mend}. The ledger is there: in another folder an empty one would begin", absolute(path).display())]
    Unopened {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: Arc<std::io::Error>,
        /// Whose it is, and what to do.
        mend: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: Arc<std::io::Error>,
    },
    /// There is no ledger there yet.
    #[error("{} has no ledger yet; `firsthand serve` makes one{}", absolute(.0).display(), access::hint(.0))]
    Missing(PathBuf),
    /// The store says no.
    #[error("the ledger: {0}")]
    Store(Arc<rusqlite::Error>),
    /// Nobody can tell any more what the disk holds.
    #[error("{}, or its log beside it, cannot be relied on any more: {}. What was acknowledged before this is kept; nothing is acknowledged from here on. Look after the disk (`dmesg`), then start the service again; if it comes back, move the data folder to another disk, or put a backup in its place", path.display(), failure(error))]
    Broken {
        /// The ledger's file.
        path: PathBuf,
        /// What the store says.
        error: Arc<rusqlite::Error>,
    },
    /// A copy of a ledger, or the ledger that it was taken of, is not sound.
    #[error("{} is not sound: {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// The writer has ended.
    #[error("the ledger is closed")]
    Closed,
}

/// A path that means the same in whatever folder it is read.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What the store says, with what it was about where it is known.
fn failure(error: &rusqlite::Error) -> String {
    let doing = match error.sqlite_extended_error_code() {
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => "syncing it: ",
        Some(ffi::SQLITE_IOERR_WRITE) => "writing it: ",
        Some(ffi::SQLITE_IOERR_READ | ffi::SQLITE_IOERR_SHORT_READ) => "reading it: ",
        Some(ffi::SQLITE_IOERR_TRUNCATE) => "shortening it: ",
        _ => "",
    };
    format!("{doing}{error}")
}

/// Whether nobody can tell, after this error, what the disk holds. A full disk is told as it is, but where the log's index
/// finds no room.
fn breaks(error: &rusqlite::Error) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => {
            let code = error.sqlite_extended_error_code();
            !matches!(code, Some(ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_NOMEM))
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        _ => false,
    }
}

/// Who is told once that the ledger is broken off, on the thread that found it: before anybody else is answered.
pub type OnBroken = fn(&LedgerError);

impl LedgerError {
    /// Whether the disk had no room for it.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Store(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// The embedded ledger.
#[derive(Clone)]
pub struct Ledger {
    pub(super) shared: Arc<Shared>,
    writer: Option<mpsc::Sender<Write>>,
}

pub(super) struct Shared {
    path: PathBuf,
    trap_key: [u8; 32],
    /// Origins whose evidence changed, with the generation of the change.
    pub(super) touched: Mutex<HashMap<Origin, i64>>,
    pub(super) touch: Condvar,
    readers: Mutex<Vec<Connection>>,
    broken: OnceLock<LedgerError>,
    on_broken: OnBroken,
    /// Whether the log is longer than [`LONG_LOG`].
    pub(super) log_is_long: AtomicBool,
    // Held while the ledger is open, so that two processes never write one folder.
    _lock: Option<File>,
}

impl Shared {
    /// Takes up an error of a write: where nobody can tell any more what the disk holds, nothing is acknowledged from here
    /// on, and whoever opened the ledger is told.
    pub(super) fn heed(&self, error: LedgerError) -> LedgerError {
        match error {
            LedgerError::Store(error) if breaks(&error) => self.break_off(error),
            error => error,
        }
    }

    fn break_off(&self, error: Arc<rusqlite::Error>) -> LedgerError {
        let broken = LedgerError::Broken { path: self.path.clone(), error };
        if self.broken.set(broken.clone()).is_ok() {
            tracing::error!("{broken}");
            (self.on_broken)(&broken);
        }
        broken
    }

    /// Why nothing may be acknowledged any more, if that is so.
    pub(super) fn broken(&self) -> Option<&LedgerError> {
        self.broken.get()
    }
}

impl Ledger {
    /// Opens the ledger in `folder` for writing, and makes it if there is none. Once it is broken off, all of its writes
    /// fail.
    ///
    /// # Errors
    /// When the folder is in use, cannot be written, or holds another version's tables.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        Self::open_and_tell(folder, |_| {})
    }

    /// The same; `on_broken` is told when the ledger is broken off, and may end the process.
    ///
    /// # Errors
    /// When the folder is in use, cannot be written or synced, or holds another version's tables.
    pub fn open_and_tell(folder: &Path, on_broken: OnBroken) -> Result<Self, LedgerError> {
        let folder_error = |error| failed(folder, error);
        let held = hold(folder)?;
        let path = path_in(folder);
        make_file(&path).map_err(folder_error)?;
        access::allowed(&path)?;
        let connection = made_safe(&path).map_err(|error| match error {
            LedgerError::Store(error) if breaks(&error) => LedgerError::Broken { path: path.clone(), error },
            error => error,
        })?;
        let trap_key = trap_key(&connection)?;
        let shared = Arc::new(Shared {
            path: path.clone(),
            trap_key,
            touched: Mutex::default(),
            touch: Condvar::new(),
            readers: Mutex::default(),
            broken: OnceLock::new(),
            on_broken,
            log_is_long: AtomicBool::default(),
            _lock: Some(held),
        });
        let withdrawals = standing(&connection)?.into_iter().map(|standing| standing.withdrawal).collect();
        // What the publisher had not settled when the process ended waits for it again.
        let pending = read_pending(&connection)?;
        let generation = pending.values().copied().max().unwrap_or(0);
        *lock(&shared.touched) = pending;
        let (writer, queue) = mpsc::channel(QUEUE);
        let kept = Arc::clone(&shared);
        let spawned = thread::Builder::new().name("ledger".into()).spawn(move || {
            Writer { connection, withdrawals, generation, purged: None, shared: kept }.run(queue);
        });
        spawned.map_err(folder_error)?;
        let (closed, kept) = (writer.downgrade(), Arc::downgrade(&shared));
        let checkpoints = thread::Builder::new().name("checkpoint".into()).spawn(move || {
            let done = |moved: rusqlite::Result<i64>| match (moved, kept.upgrade()) {
                (Ok(frames), Some(shared)) => {
                    shared.log_is_long.store(frames > LONG_LOG, Ordering::Relaxed);
                    Ok(())
                }
                (Ok(_), None) => Ok(()),
                (Err(error), Some(shared)) => Err(shared.heed(error.into())),
                (Err(error), None) => Err(error.into()),
            };
            checkpoint(&path, || closed.upgrade().is_none(), done);
        });
        checkpoints.map_err(folder_error)?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Opens the ledger in `folder` to look at it, beside a running service or without one.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn look(folder: &Path) -> Result<Self, LedgerError> {
        let path = access::found(folder)?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != schema::VERSION {
            return Err(LedgerError::OtherVersion { path, found });
        }
        connection.pragma_update(None, "query_only", true)?;
        let trap_key = trap_key(&connection)?;
        let readers = Mutex::new(vec![connection]);
        let shared = Shared {
            path,
            trap_key,
            touched: Mutex::default(),
            touch: Condvar::new(),
            readers,
            broken: OnceLock::new(),
            on_broken: |_| {},
            log_is_long: AtomicBool::default(),
            _lock: None,
        };
        Ok(Self { shared: Arc::new(shared), writer: None })
    }

    /// The folder that it is in.
    pub fn folder(&self) -> &Path {
        self.shared.path.parent().unwrap_or(&self.shared.path)
    }

    /// The id of a trap's domain, for the registry.
    pub fn domain_id(&self, domain: &str) -> String {
        self.id("d", &domain.to_ascii_lowercase())
    }

    /// The id of somebody who wanted mail, in lower case.
    pub fn recipient_id(&self, address: &str) -> String {
        self.id("r", &address.to_ascii_lowercase())
    }

    fn id(&self, kind: &str, text: &str) -> String {
        // The kind goes into the digest as well, so that no two kinds of the same text can be matched.
        let mut hasher = blake3::Hasher::new_keyed(&self.shared.trap_key);
        hasher.update(kind.as_bytes()).update(b" ").update(text.as_bytes());
        format!("{kind}{}", &hasher.finalize().to_hex()[..12])
    }

    /// The registry id of the trap with this address, in lower case (`user@domain`, or `@domain` for a catch-all).
    ///
    /// It tells nothing of the address without the key in the ledger (F05).
    pub fn trap_id(&self, address: &str) -> String {
        let digest = blake3::keyed_hash(&self.shared.trap_key, address.as_bytes());
        format!("t{}", &digest.to_hex()[..12])
    }

    /// Keeps a fact and counts it, once.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn record(&self, fact: Fact) -> Result<Recorded, LedgerError> {
        self.write(|done| Write::Record(Box::new(fact), done)).await
    }

    /// Does a correction, and puts it into the audit trail, in the name of `who`.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn correct(&self, correction: Correction, who: &str, now: i64) -> Result<Outcome, LedgerError> {
        let who = who.to_owned();
        let mut outcome = self.write(|done| Write::Correct { correction, who, now, done }).await?;
        while let (true, Some(number)) = (outcome.unfinished, outcome.number) {
            let step = self.write(|done| Write::Step(number, done)).await?;
            outcome.heed(step);
        }
        Ok(outcome)
    }

    /// The same from outside any task.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn correct_blocking(&self, correction: Correction, who: &str, now: i64) -> Result<Outcome, LedgerError> {
        let who = who.to_owned();
        let mut outcome = self.write_blocking(|done| Write::Correct { correction, who, now, done })?;
        while let (true, Some(number)) = (outcome.unfinished, outcome.number) {
            let step = self.write_blocking(|done| Write::Step(number, done))?;
            outcome.heed(step);
        }
        Ok(outcome)
    }

    /// Keeps what the publisher did; from its own thread only.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn publish(&self, publication: Publication) -> Result<(), LedgerError> {
        self.write_blocking(|done| Write::Publish(publication, done))
    }

    /// Keeps a value under a name of `meta`; from a thread that may wait.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn note(&self, name: &'static str, value: String) -> Result<(), LedgerError> {
        self.write_blocking(|done| Write::Note { name, value, done })
    }

    /// Writes something that nobody reads, and returns when it is durable, no sooner than a fact would have been. `now` (Unix
    /// milliseconds) makes it something else each time: SQLite writes no page that stays as it is.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn write_nothing(&self, now: i64) -> Result<(), LedgerError> {
        self.write(|done| Write::Note { name: "nothing", value: now.to_string(), done }).await
    }

    /// Drops some of what is past its time at `now` (Unix seconds), and says whether there is more; from the publisher's
    /// own thread only.
    ///
    /// # Errors
    /// When the store says no.
    pub fn purge(&self, now: i64, hard_limit: i64) -> Result<bool, LedgerError> {
        self.write_blocking(|done| Write::Purge { now, hard_limit, done })
    }

    async fn write<T>(
        &self,
        write: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> Write,
    ) -> Result<T, LedgerError> {
        let (done, answer) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or(LedgerError::Closed)?;
        writer.send(write(done)).await.map_err(|_| LedgerError::Closed)?;
        answer.await.map_err(|_| LedgerError::Closed)?
    }

    fn write_blocking<T>(
        &self,
        write: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> Write,
    ) -> Result<T, LedgerError> {
        let (done, answer) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or(LedgerError::Closed)?;
        writer.blocking_send(write(done)).map_err(|_| LedgerError::Closed)?;
        answer.blocking_recv().map_err(|_| LedgerError::Closed)?
    }

    /// Waits until the units of some origin have changed since [`Ledger::take_touched`], but no longer than `patience`.
    pub fn wait_touched(&self, patience: Duration) {
        let touched = lock(&self.shared.touched);
        // Whoever waits looks for itself, so how the waiting ended is of no matter.
        drop(self.shared.touch.wait_timeout_while(touched, patience, |touched| touched.is_empty()));
    }

    /// The origins whose evidence changed since this was last asked, each with the generation of its newest change.
    pub fn take_touched(&self) -> HashMap<Origin, i64> {
        std::mem::take(&mut *lock(&self.shared.touched))
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
        let pooled = lock(&self.shared.readers).pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.shared.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                connection.pragma_update(None, "query_only", true)?;
                connection
            }
        };
        let answer = read(&connection);
        lock(&self.shared.readers).push(connection);
        Ok(answer?)
    }

    /// An origin's units.
    ///
    /// # Errors
    /// When the store says no.
    pub fn units(&self, origin: Origin) -> Result<Vec<Unit>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT feed, trap, nature, null_sender, hour, samples, newest FROM units WHERE origin = ?1",
            )?;
            let rows = statement.query_map([origin.to_string()], |row| unit(origin, row))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }

    /// The listings of an origin that are published, or were within the last 30 days (with when they ended).
    ///
    /// # Errors
    /// When the store says no.
    pub fn listings(&self, origin: Origin) -> Result<Vec<(Change, Option<i64>)>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT list, origin, since, until, framing_cost, ended FROM listings WHERE origin = ?1",
            )?;
            let rows = statement.query_map([origin.to_string()], |row| Ok((change(row)?, row.get(5)?)))?;
            rows.collect()
        })
    }
}

/// The ledger's file in a data folder.
pub fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Holds a data folder, which is made if there is none, so that no other process writes into it while the file is open.
///
/// # Errors
/// When another does, or the folder cannot be made.
pub fn hold(folder: &Path) -> Result<File, LedgerError> {
    // What is kept tells of traps: it is for the service's own user.
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, error))?;
    let path = folder.join("lock");
    access::may_write(&path)?;
    // Whoever has the folder must not lead root, who runs a command, to a file elsewhere.
    let flags = OFlags::NOFOLLOW.bits().cast_signed();
    let held = OpenOptions::new().write(true).create(true).truncate(false).custom_flags(flags).open(path);
    let held = held.map_err(|error| failed(folder, error))?;
    held.try_lock().map_err(|_| LedgerError::InUse(folder.to_owned()))?;
    Ok(held)
}

/// Makes the ledger's file, if it is not there; the log beside it gets the same mode.
///
/// One that is there must not be opened and closed: that lets go of every lock that this process has on it (fcntl(2)), as it
/// has by what a start serves first. Without them, whoever looks at the ledger from elsewhere with `sqlite3` (before 3.51)
/// takes the log away when he is done, and what is written to it after that is lost (G9).
fn make_file(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn failed(path: &Path, error: std::io::Error) -> LedgerError {
    LedgerError::Folder { path: path.to_owned(), error: Arc::new(error) }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these mutexes guard is whole after every statement, so a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    // What a statement may have to undo is no matter for the disk.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The connection that writes, to a file of which all is on disk.
fn made_safe(path: &Path) -> Result<Connection, LedgerError> {
    let found = log::Found::look(path).unwrap_or_else(|error| {
        tracing::warn!(%error, "it cannot be told how much of the ledger's log is whole");
        log::Found::default()
    });
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    // What the log holds was read from the system's memory, and may be nowhere else: a process that was killed had not
    // synced it, or its sync failed, after which the system calls it clean and a sync of the log does nothing. A sample in it
    // would be answered as one that was kept before. Moved into the file, it is written anew, and synced.
    let kept = move_log(&connection)?;
    tell_of_discarded(path, found.discarded(usize::try_from(kept).unwrap_or(0)));
    connection.busy_timeout(READER_PATIENCE)?;
    let is_held = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
    connection.busy_timeout(BUSY)?;
    if is_held {
        // Somebody reads an older state, as a backup does for minutes: so the log itself is written anew, and synced.
        tracing::info!("the ledger is being read by another process; its log is made safe where it is");
        log::write_again(path).map_err(|error| {
            let code = ffi::Error::new(ffi::SQLITE_IOERR_FSYNC);
            rusqlite::Error::SqliteFailure(code, Some(error.to_string()))
        })?;
    }
    prepare(&mut connection, path)?;
    Ok(connection)
}

fn tell_of_discarded(path: &Path, discarded: Option<(String, bool)>) {
    let log = log::beside(path);
    match discarded {
        None => {}
        Some((what, false)) => tracing::warn!(
            "{}: the log's end is not whole, as a process leaves it that is killed while it writes: {what} were discarded, of which nothing was acknowledged",
            log.display()
        ),
        Some((what, true)) => tracing::error!(
            "{}: the log is damaged: {what} were discarded, more than a process leaves unfinished: samples that were acknowledged may be among them. Look after the disk; what feeds and mail queues still hold may be handed in again",
            log.display()
        ),
    }
}

/// Makes the tables in a new file, or brings those of an older version up to date; refuses those of a newer one. What is
/// changed from here on must have no checksum of a copy.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > schema::VERSION {
        return Err(LedgerError::OtherVersion { path: path.to_owned(), found });
    }
    if connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0))? != 0 {
        connection.pragma_update(None, "application_id", 0)?;
    }
    if found == schema::VERSION {
        return Ok(());
    }
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|error| failed(path, std::io::Error::other(error.to_string())))?;
    let transaction = connection.transaction()?;
    if found == 0 {
        transaction.execute_batch(schema::TABLES)?;
        let (key, epoch) = random.split_at(32);
        for (name, value) in [("trap-key", hex(key)), ("epoch", hex(epoch))] {
            transaction.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", [name, &value])?;
        }
    }
    transaction.execute_batch(schema::SECOND)?;
    let origins: Vec<String> = transaction
        .prepare("SELECT DISTINCT origin FROM facts WHERE counted = 1")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for origin in origins.iter().filter_map(|text| Origin::parse(text)) {
        recount(&transaction, origin)?;
    }
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(transaction.commit()?)
}

fn trap_key(connection: &Connection) -> Result<[u8; 32], LedgerError> {
    let text: String = connection.query_row("SELECT value FROM meta WHERE name = 'trap-key'", [], |row| row.get(0))?;
    Ok(*blake3::hash(text.as_bytes()).as_bytes())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Moves the log into the file, as far as nobody reads what the file holds. How many frames the log has.
pub(super) fn move_log(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))
}

/// Moves the log into the file from time to time; `done` takes up what came of it.
fn checkpoint(path: &Path, ended: impl Fn() -> bool, done: impl Fn(rusqlite::Result<i64>) -> Result<(), LedgerError>) {
    let Ok(connection) = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else { return };
    while !ended() {
        thread::sleep(CHECKPOINT);
        match done(move_log(&connection)) {
            Ok(()) => {}
            // It has been told.
            Err(LedgerError::Broken { .. }) => return,
            Err(error) => {
                tracing::warn!(%error, "the ledger's log could not be moved into its file; it will be tried again");
            }
        }
    }
}

/// A row of feed, trap, nature, null_sender, hour, samples, newest.
pub(super) fn unit(origin: Origin, row: &Row<'_>) -> rusqlite::Result<Option<Unit>> {
    let nature: String = row.get(2)?;
    let Some(nature) = Nature::parse(&nature) else { return Ok(None) };
    let key =
        UnitKey { origin, feed: row.get(0)?, trap: row.get(1)?, nature, null_sender: row.get(3)?, hour: row.get(4)? };
    Ok(Some(Unit { key, samples: row.get(5)?, newest: row.get(6)? }))
}
