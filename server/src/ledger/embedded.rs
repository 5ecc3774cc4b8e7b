//! The embedded store: SQLite in one file, `ledger.sqlite`, with its write-ahead log beside it.
//!
//! One thread writes. It takes what has queued up, writes it in one transaction and answers after the commit, so that
//! one sync of the disk serves many samples. Readers have connections of their own and wait for nobody. The log is
//! moved into the file by a thread of its own, so that no acknowledgement waits for it.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, Unit, UnitKey};
use firsthand_analyzer::nature::Nature;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use tokio::sync::{mpsc, oneshot};

use super::schema;
use super::writer::{Write, Writer, read_withdrawals};
use super::{Change, Fact, Framed, Kept, Recorded, Version, Withdrawal};

/// The ledger's file in the data folder.
const FILE: &str = "ledger.sqlite";

/// The most writes that wait for the writer; past it, callers wait.
const QUEUE: usize = 4096;

/// How long a connection waits for another's lock.
const BUSY: Duration = Duration::from_secs(10);

/// How often the log is moved into the file.
const CHECKPOINT: Duration = Duration::from_secs(1);

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
    #[error("{}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: Arc<std::io::Error>,
    },
    /// There is no ledger there yet.
    #[error("{} has no ledger yet; `firsthand serve` makes one", .0.display())]
    Missing(PathBuf),
    /// The store says no.
    #[error("the ledger: {0}")]
    Store(Arc<rusqlite::Error>),
    /// The writer has ended.
    #[error("the ledger is closed")]
    Closed,
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}

/// The embedded ledger.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    writer: Option<mpsc::Sender<Write>>,
}

pub(super) struct Shared {
    path: PathBuf,
    trap_key: [u8; 32],
    pub(super) touched: Mutex<HashSet<Origin>>,
    pub(super) touch: Condvar,
    readers: Mutex<Vec<Connection>>,
    // Held while the ledger is open, so that two processes never write one folder.
    _lock: Option<File>,
}

impl Ledger {
    /// Opens the ledger in `folder` for writing, and makes it if there is none.
    ///
    /// # Errors
    /// When the folder is in use, cannot be written, or holds another version's tables.
    pub fn open(folder: &Path) -> Result<Self, LedgerError> {
        let folder_error = |error| LedgerError::Folder { path: folder.to_owned(), error: Arc::new(error) };
        std::fs::create_dir_all(folder).map_err(folder_error)?;
        let lock = File::create(folder.join("lock")).map_err(folder_error)?;
        lock.try_lock().map_err(|_| LedgerError::InUse(folder.to_owned()))?;
        let path = folder.join(FILE);
        let mut connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        prepare(&mut connection, &path)?;
        let trap_key = trap_key(&connection)?;
        let shared = Arc::new(Shared {
            path: path.clone(),
            trap_key,
            touched: Mutex::default(),
            touch: Condvar::new(),
            readers: Mutex::default(),
            _lock: Some(lock),
        });
        let withdrawals = read_withdrawals(&connection)?;
        let (writer, queue) = mpsc::channel(QUEUE);
        let kept = Arc::clone(&shared);
        let spawned = thread::Builder::new().name("ledger".into()).spawn(move || {
            Writer { connection, withdrawals, shared: kept }.run(queue);
        });
        spawned.map_err(folder_error)?;
        let closed = writer.downgrade();
        let checkpoints = thread::Builder::new().name("checkpoint".into()).spawn(move || {
            checkpoint(&path, || closed.upgrade().is_none());
        });
        checkpoints.map_err(folder_error)?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Opens the ledger in `folder` to look at it, beside a running service or without one.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn look(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Err(LedgerError::Missing(folder.to_owned()));
        }
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found != schema::VERSION {
            return Err(LedgerError::OtherVersion { path, found });
        }
        connection.pragma_update(None, "query_only", true)?;
        let trap_key = trap_key(&connection)?;
        let readers = Mutex::new(vec![connection]);
        let shared = Shared { path, trap_key, touched: Mutex::default(), touch: Condvar::new(), readers, _lock: None };
        Ok(Self { shared: Arc::new(shared), writer: None })
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

    /// Takes evidence back, now and for what comes later; returns how many facts stop counting.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn withdraw(&self, withdrawal: Withdrawal, now: i64) -> Result<usize, LedgerError> {
        self.write(|done| Write::Withdraw(withdrawal, now, done)).await
    }

    /// Appends a version to the journal and updates the listings; from the publisher's own thread only.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub fn publish(&self, version: Version) -> Result<(), LedgerError> {
        self.write_blocking(|done| Write::Publish(version, done))
    }

    /// Drops what is past its time at `now` (Unix seconds); from the publisher's own thread only.
    ///
    /// # Errors
    /// When the store says no.
    pub fn purge(&self, now: i64, hard_limit: i64) -> Result<(), LedgerError> {
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

    /// The origins whose units changed since this was last asked.
    pub fn take_touched(&self) -> HashSet<Origin> {
        std::mem::take(&mut *lock(&self.shared.touched))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, LedgerError> {
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
            let mut statement = connection
                .prepare_cached("SELECT feed, trap, nature, null_sender, hour, samples FROM units WHERE origin = ?1")?;
            let rows = statement.query_map([origin.to_string()], |row| unit(origin, row))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }

    /// Every origin that has units.
    ///
    /// # Errors
    /// When the store says no.
    pub fn origins(&self) -> Result<BTreeSet<Origin>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT DISTINCT origin FROM units")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.iter().filter_map(|text| Origin::parse(text)).collect())
        })
    }

    /// What is published, and the newest serial; 0 if there is none.
    ///
    /// # Errors
    /// When the store says no.
    pub fn published(&self) -> Result<(u32, Vec<Change>), LedgerError> {
        self.read(|connection| {
            let serial = connection.query_row("SELECT coalesce(max(serial), 0) FROM journal", [], |row| row.get(0))?;
            let mut statement =
                connection.prepare("SELECT list, origin, since, until FROM listings WHERE ended IS NULL")?;
            let rows = statement.query_map([], |row| {
                Ok(Change { list: row.get(0)?, origin: row.get(1)?, since: row.get(2)?, until: row.get(3)? })
            })?;
            Ok((serial, rows.collect::<rusqlite::Result<_>>()?))
        })
    }

    /// The listings of an origin that are published, or were within the last 30 days (with when they ended).
    ///
    /// # Errors
    /// When the store says no.
    pub fn listings(&self, origin: Origin) -> Result<Vec<(Change, Option<i64>)>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT list, origin, since, until, ended FROM listings WHERE origin = ?1")?;
            let rows = statement.query_map([origin.to_string()], |row| {
                let change = Change { list: row.get(0)?, origin: row.get(1)?, since: row.get(2)?, until: row.get(3)? };
                Ok((change, row.get(4)?))
            })?;
            rows.collect()
        })
    }

    /// By how many samples an address or name was framed, if by any.
    ///
    /// # Errors
    /// When the store says no.
    pub fn framed(&self, name: &str) -> Result<Option<Framed>, LedgerError> {
        self.read(|connection| {
            connection
                .query_row("SELECT count(*), min(arrived), max(arrived) FROM framed WHERE name = ?1", [name], |row| {
                    let samples = count(row)?;
                    Ok(if samples == 0 {
                        None
                    } else {
                        Some(Framed { samples, since: row.get(1)?, newest: row.get(2)? })
                    })
                })
                .optional()
                .map(Option::flatten)
        })
    }

    /// The newest facts about an origin, at most `limit`, newest first.
    ///
    /// # Errors
    /// When the store says no.
    pub fn facts(&self, origin: Origin, limit: usize) -> Result<Vec<Kept>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT lower(hex(sample)), arrived, feed, trap, nature, counted, proof FROM facts
                 WHERE origin = ?1 ORDER BY arrived DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![origin.to_string(), limit as i64], |row| {
                Ok(Kept {
                    sample: row.get(0)?,
                    arrived: row.get(1)?,
                    feed: row.get(2)?,
                    trap: row.get(3)?,
                    nature: row.get(4)?,
                    counted: row.get(5)?,
                    proof: row.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Why an origin reflected, as the verdicts of its facts that count since `since` (Unix seconds) say: each cause's
    /// word, the trap's registry id, and how many samples.
    ///
    /// # Errors
    /// When the store says no.
    pub fn causes(&self, origin: Origin, since: i64) -> Result<Vec<(String, String, u64)>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT json_extract(verdict, '$.reflected_by') AS cause, trap, count(*) FROM facts
                 WHERE origin = ?1 AND counted = 1 AND arrived >= ?2 AND cause IS NOT NULL GROUP BY cause, trap",
            )?;
            let rows = statement.query_map(params![origin.to_string(), since.saturating_mul(1000)], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()))
            })?;
            rows.collect()
        })
    }

    /// How many facts and units there are.
    ///
    /// # Errors
    /// When the store says no.
    pub fn counts(&self) -> Result<(u64, u64), LedgerError> {
        self.read(|connection| {
            let facts = connection.query_row("SELECT count(*) FROM facts", [], count)?;
            let units = connection.query_row("SELECT count(*) FROM units", [], count)?;
            Ok((facts, units))
        })
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these mutexes guard is whole after every statement, so a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Makes the tables in a new file; refuses another version's.
fn prepare(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == schema::VERSION {
        return Ok(());
    }
    if found != 0 {
        return Err(LedgerError::OtherVersion { path: path.to_owned(), found });
    }
    let mut random = [0; 40];
    getrandom::fill(&mut random).map_err(|error| LedgerError::Folder {
        path: path.to_owned(),
        error: Arc::new(std::io::Error::other(error.to_string())),
    })?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(schema::TABLES)?;
    let (key, epoch) = random.split_at(32);
    for (name, value) in [("trap-key", hex(key)), ("epoch", hex(epoch))] {
        transaction.execute("INSERT INTO meta (name, value) VALUES (?1, ?2)", [name, &value])?;
    }
    transaction.pragma_update(None, "user_version", schema::VERSION)?;
    Ok(transaction.commit()?)
}

fn trap_key(connection: &Connection) -> Result<[u8; 32], LedgerError> {
    let text: String = connection.query_row("SELECT value FROM meta WHERE name = 'trap-key'", [], |row| row.get(0))?;
    Ok(*blake3::hash(text.as_bytes()).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn checkpoint(path: &Path, ended: impl Fn() -> bool) {
    let Ok(connection) = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else { return };
    while !ended() {
        thread::sleep(CHECKPOINT);
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the ledger's log could not be moved into its file; it will be tried again");
        }
    }
}

/// A `count(*)` in the first column; SQLite's integers are signed.
fn count(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get(0).map(i64::unsigned_abs)
}

fn unit(origin: Origin, row: &Row<'_>) -> rusqlite::Result<Option<Unit>> {
    let nature: String = row.get(2)?;
    let Some(nature) = Nature::parse(&nature) else { return Ok(None) };
    let key =
        UnitKey { origin, feed: row.get(0)?, trap: row.get(1)?, nature, null_sender: row.get(3)?, hour: row.get(4)? };
    let newest = (key.hour + 1) * HOUR - 1;
    Ok(Some(Unit { key, samples: row.get(5)?, newest }))
}
