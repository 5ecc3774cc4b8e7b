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
use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, Unit, UnitKey};
use firsthand_analyzer::nature::Nature;
use firsthand_analyzer::score::PRESUMED_OVER;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::schema;
use super::{Change, Fact, Framed, Kept, Recorded, Version, Withdrawal};

/// The ledger's file in the data folder.
const FILE: &str = "ledger.sqlite";

/// The most writes that wait for the writer; past it, callers wait.
const QUEUE: usize = 4096;

/// The most writes in one transaction.
const BATCH: usize = 512;

/// How long the newest versions of the journal are kept, in seconds.
const JOURNAL_KEPT: i64 = 7 * 24 * HOUR;

/// How long facts are kept after what they listed has ended, in seconds.
const PROOF_KEPT: i64 = 30 * 24 * HOUR;

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

enum Write {
    Record(Box<Fact>, oneshot::Sender<Result<Recorded, LedgerError>>),
    Withdraw(Withdrawal, i64, oneshot::Sender<Result<usize, LedgerError>>),
    Publish(Version, oneshot::Sender<Result<(), LedgerError>>),
    Purge { now: i64, hard_limit: i64, done: oneshot::Sender<Result<(), LedgerError>> },
}

/// The embedded ledger.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    writer: Option<mpsc::Sender<Write>>,
}

struct Shared {
    path: PathBuf,
    trap_key: [u8; 32],
    touched: Mutex<HashSet<Origin>>,
    touch: Condvar,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
    Ok(Some(Unit { key, samples: row.get(5)? }))
}

fn read_withdrawals(connection: &Connection) -> Result<Vec<Withdrawal>, LedgerError> {
    let mut statement = connection.prepare("SELECT feed, trap, sample, since, until FROM withdrawals")?;
    let rows = statement.query_map([], |row| {
        Ok(Withdrawal {
            feed: row.get(0)?,
            trap: row.get(1)?,
            sample: row.get(2)?,
            since: row.get(3)?,
            until: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The one thread that writes.
struct Writer {
    connection: Connection,
    withdrawals: Vec<Withdrawal>,
    shared: Arc<Shared>,
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.commit(&mut batch);
        }
    }

    /// Writes a batch in one transaction; nobody is answered before it is durable.
    fn commit(&mut self, batch: &mut Vec<Write>) {
        let mut touched = HashSet::new();
        let mut withdrawals = self.withdrawals.clone();
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let mut transact = || -> Result<(), LedgerError> {
            let transaction = self.connection.transaction()?;
            for write in batch.drain(..) {
                answers.push(apply(&transaction, write, &mut withdrawals, &mut touched)?);
            }
            Ok(transaction.commit()?)
        };
        let result = transact();
        match &result {
            Ok(()) => {
                self.withdrawals = withdrawals;
                if !touched.is_empty() {
                    lock(&self.shared.touched).extend(touched);
                    self.shared.touch.notify_all();
                }
            }
            Err(error) => tracing::error!(%error, "a write to the ledger failed; nothing of it was acknowledged"),
        }
        for answer in answers {
            answer(result.clone());
        }
        // After a failure some writes were not reached; dropping their answer tells their callers.
        batch.clear();
    }
}

fn apply(
    transaction: &Transaction<'_>,
    write: Write,
    withdrawals: &mut Vec<Withdrawal>,
    touched: &mut HashSet<Origin>,
) -> Result<Answer, LedgerError> {
    fn answer<T: Send + 'static>(value: T, done: oneshot::Sender<Result<T, LedgerError>>) -> Answer {
        Box::new(move |result| {
            // A caller that went away has no use for the answer.
            let _ = done.send(result.map(|()| value));
        })
    }
    Ok(match write {
        Write::Record(fact, done) => {
            let withdrawn = withdrawals.iter().any(|withdrawal| withdrawal.takes(&fact));
            let recorded = record(transaction, &fact, withdrawn)?;
            if let (Recorded::New, Ok(unit)) = (recorded, &fact.unit) {
                touched.insert(unit.origin);
            }
            answer(recorded, done)
        }
        Write::Withdraw(withdrawal, now, done) => {
            let origins = withdraw(transaction, &withdrawal, now)?;
            withdrawals.push(withdrawal);
            let facts = origins.1;
            touched.extend(origins.0);
            answer(facts, done)
        }
        Write::Publish(version, done) => {
            publish(transaction, &version)?;
            answer((), done)
        }
        Write::Purge { now, hard_limit, done } => {
            purge(transaction, now, hard_limit)?;
            answer((), done)
        }
    })
}

fn record(transaction: &Transaction<'_>, fact: &Fact, withdrawn: bool) -> Result<Recorded, LedgerError> {
    let unit = fact.unit.as_ref().ok();
    let counted = unit.is_some() && !withdrawn;
    let evidence = match &fact.unit {
        Ok(_) if withdrawn => "withdrawn",
        Ok(_) => "counted",
        Err(why) => why,
    };
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (sample) DO NOTHING",
        )?
        .execute(params![
            fact.sample,
            fact.arrived,
            fact.feed,
            fact.trap,
            unit.map(|unit| unit.origin.to_string()),
            unit.map_or("", |unit| unit.nature.name()),
            unit.is_some_and(|unit| unit.null_sender),
            unit.map_or(0, |unit| unit.hour),
            counted,
            evidence,
            fact.verdict,
            fact.proof,
        ])?;
    if inserted == 0 {
        return Ok(Recorded::Known);
    }
    let row = transaction.last_insert_rowid();
    for name in &fact.framed {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO framed (name, fact, arrived) VALUES (?1, ?2, ?3)")?
            .execute(params![name, row, fact.arrived])?;
    }
    if let (Some(unit), true) = (unit, counted) {
        transaction
            .prepare_cached(
                "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                 ON CONFLICT DO UPDATE SET samples = min(samples + 1, ?7)",
            )?
            .execute(params![
                unit.origin.to_string(),
                unit.feed,
                unit.trap,
                unit.nature.name(),
                unit.null_sender,
                unit.hour,
                SAMPLES_LIMIT,
            ])?;
    }
    Ok(Recorded::New)
}

/// Stops the matching facts from counting and counts the units of their origins anew.
fn withdraw(
    transaction: &Transaction<'_>,
    withdrawal: &Withdrawal,
    now: i64,
) -> Result<(BTreeSet<Origin>, usize), LedgerError> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    transaction.execute(
        "INSERT INTO withdrawals (feed, trap, sample, since, until, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![feed, trap, sample, since, until, now],
    )?;
    let mut statement = transaction.prepare(
        "UPDATE facts SET counted = 0, evidence = 'withdrawn'
         WHERE counted = 1 AND (?1 IS NULL OR feed = ?1) AND (?2 IS NULL OR trap = ?2)
           AND (?3 IS NULL OR sample = ?3) AND (?4 IS NULL OR arrived >= ?4) AND (?5 IS NULL OR arrived < ?5)
         RETURNING origin",
    )?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let affected: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    let facts = affected.len();
    let origins: BTreeSet<String> = affected.into_iter().collect();
    for origin in &origins {
        transaction.prepare_cached("DELETE FROM units WHERE origin = ?1")?.execute([origin])?;
        transaction
            .prepare_cached(
                "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples)
                 SELECT origin, feed, trap, nature, null_sender, hour, min(count(*), ?2) FROM facts
                 WHERE origin = ?1 AND counted = 1 GROUP BY origin, feed, trap, nature, null_sender, hour",
            )?
            .execute(params![origin, SAMPLES_LIMIT])?;
    }
    Ok((origins.iter().filter_map(|text| Origin::parse(text)).collect(), facts))
}

fn publish(transaction: &Transaction<'_>, version: &Version) -> Result<(), LedgerError> {
    let body = serde_json::json!({ "additions": version.additions, "deletions": version.deletions });
    transaction
        .prepare_cached("INSERT INTO journal (serial, previous, at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![version.serial, version.previous, version.at, body.to_string()])?;
    for change in &version.additions {
        transaction
            .prepare_cached(
                "INSERT INTO listings (list, origin, since, until) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until, ended = NULL",
            )?
            .execute(params![change.list, change.origin, change.since, change.until])?;
    }
    for change in &version.deletions {
        transaction
            .prepare_cached("UPDATE listings SET ended = ?3 WHERE list = ?1 AND origin = ?2")?
            .execute(params![change.list, change.origin, version.at])?;
    }
    Ok(())
}

/// Drops what is past its time. What a standing listing rests on stays: the listing is replayed from it.
fn purge(transaction: &Transaction<'_>, now: i64, hard_limit: i64) -> Result<(), LedgerError> {
    let (old, proof) = (now - hard_limit - PRESUMED_OVER, now - PROOF_KEPT);
    transaction.execute("DELETE FROM listings WHERE ended < ?1", [proof])?;
    transaction.execute(
        "DELETE FROM units WHERE hour < ?1 AND origin NOT IN (SELECT origin FROM listings WHERE ended IS NULL)",
        [old.div_euclid(HOUR)],
    )?;
    transaction.execute(
        "DELETE FROM framed WHERE fact IN (SELECT fact FROM facts WHERE arrived < ?1
           AND (origin IS NULL OR origin NOT IN (SELECT origin FROM listings)))",
        [old * 1000],
    )?;
    transaction.execute(
        "DELETE FROM facts WHERE arrived < ?1 AND (origin IS NULL OR origin NOT IN (SELECT origin FROM listings))",
        [old * 1000],
    )?;
    transaction.execute(
        "DELETE FROM journal WHERE at < ?1 AND serial < (SELECT max(serial) FROM journal)",
        [now - JOURNAL_KEPT],
    )?;
    Ok(())
}
