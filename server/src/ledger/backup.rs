//! A copy of the ledger while it is written to, and what makes a ledger of such a copy.
//!
//! The copy is taken page by page (SQLite's online backup) within one read transaction: so it is the ledger at one instant,
//! whatever is written meanwhile, and is finished in the time that it takes to read the file once. Without that transaction
//! it would begin anew with every write of another process. Until it is finished the log cannot be used anew, and grows by
//! what is written meanwhile and no more. `VACUUM INTO` holds the log as well, and several times as long, since it builds every
//! index again.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::embedded::{FILE, LedgerError, connect, failed, hex, prepare};
use super::schema;

/// How many pages (of 4 KiB) are copied in one step.
const STEP: i32 = 1024;

/// How long it is paused after each, so that who writes and syncs has the disk meanwhile.
const PAUSE: Duration = Duration::from_millis(1);

/// What a copy of a ledger holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// How many facts.
    pub facts: u64,
    /// The zone's serial.
    pub serial: u32,
    /// The ledger's epoch.
    pub epoch: String,
    /// When it was last written to, as far as facts and versions tell, in Unix seconds.
    pub newest: Option<i64>,
}

/// What a ledger that was made of a copy begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Anew {
    /// Its epoch.
    pub epoch: String,
    /// The serial after which the zone goes on.
    pub serial: u32,
    /// How many listings were published when the copy was taken.
    pub listings: usize,
}

/// Copies the ledger in `folder` to the file at `to`, which is there and empty, beside a running service or without one.
/// `progress` is told how many pages are done, of how many. The copy is one file, and not synced.
///
/// # Errors
/// When there is no ledger, or it cannot be read, or `to` not written.
pub fn copy(folder: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> Result<(), LedgerError> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Err(LedgerError::Missing(folder.to_owned()));
    }
    let source = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.pragma_update(None, "query_only", true)?;
    let mut copy = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is not finished is thrown away, so nothing need be undone.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    let transaction = source.unchecked_transaction()?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found != schema::VERSION {
        return Err(LedgerError::OtherVersion { path, found });
    }
    let backup = Backup::new(&transaction, &mut copy)?;
    loop {
        let step = backup.step(STEP)?;
        let at = backup.progress();
        let pages = |count: i32| u64::try_from(count).unwrap_or(0);
        progress(pages(at.pagecount - at.remaining), pages(at.pagecount));
        match step {
            StepResult::Done => break,
            // Nobody else has the copy, so there is nothing to wait for but the disk.
            _ => thread::sleep(PAUSE),
        }
    }
    drop(backup);
    drop(transaction);
    // A file that needs no log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// What the copy at `path` holds, once all of it was found to be sound.
///
/// # Errors
/// When it is no copy of a ledger, or not sound, or of a newer version.
pub fn check(path: &Path) -> Result<Holding, LedgerError> {
    let damaged = |found: String| LedgerError::Damaged { path: path.to_owned(), found };
    let look = || -> rusqlite::Result<(i64, String)> {
        let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let version = copy.pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok((version, copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?))
    };
    let (version, sound) = look().map_err(|error| damaged(error.to_string()))?;
    if sound != "ok" {
        return Err(damaged(sound));
    }
    if version > schema::VERSION {
        return Err(LedgerError::OtherVersion { path: path.to_owned(), found: version });
    }
    let copy = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    holding(&copy).map_err(|error| damaged(format!("it is no copy of a ledger ({error})")))
}

fn holding(copy: &Connection) -> rusqlite::Result<Holding> {
    let meta = |name: &str| copy.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0));
    let _: String = meta("trap-key")?;
    Ok(Holding {
        facts: copy.query_row("SELECT count(*) FROM facts", [], super::reads::count)?,
        serial: copy.query_row("SELECT coalesce(max(serial), 0) FROM journal", [], |row| row.get(0))?,
        epoch: meta("epoch")?,
        newest: super::reads::newest(copy)?,
    })
}

/// Makes a ledger of its own of the copy at `path`, for a service that goes on at `now` (Unix seconds) behind `serial`, if
/// the copy's own is not behind that. `who` and `from` (a file's name) stand in the audit trail.
///
/// What was published when the copy was taken is not taken over: since then evidence may have been withdrawn and addresses
/// taken off, of which the copy knows nothing. Every origin is replayed, and what it proves passes the brake like anything
/// new (E03, G7). The journal begins anew, so that no snapshot of another epoch and no old version is served; the epoch is
/// new, so that whoever followed the journal loads the zone again.
///
/// # Errors
/// When the store says no.
pub fn make_anew(path: &Path, serial: u32, now: i64, who: &str, from: &str) -> Result<Anew, LedgerError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| failed(path, std::io::Error::other(error.to_string())))?;
    let epoch = hex(&random);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    prepare(&mut connection, path)?;
    let transaction = connection.transaction()?;
    for (name, value) in [("epoch", epoch.as_str()), ("swept", "")] {
        transaction.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
            [name, value],
        )?;
    }
    // No listing ended at a time to come, or it would pass the brake.
    let ended = super::reads::newest(&transaction)?.map_or(now, |newest| newest.min(now));
    let listings: i64 =
        transaction.query_row("SELECT count(*) FROM listings WHERE ended IS NULL", [], |row| row.get(0))?;
    transaction.execute("UPDATE listings SET ended = min(coalesce(ended, until), ?1)", [ended])?;
    let last: Option<u32> = transaction
        .query_row("SELECT serial FROM journal ORDER BY serial DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let serial = last.unwrap_or(0).max(serial);
    transaction.execute("DELETE FROM journal", [])?;
    if serial > 0 {
        // It follows nothing that anybody has.
        let body = serde_json::json!({ "additions": [], "deletions": [] });
        transaction.execute(
            "INSERT INTO journal (serial, previous, at, body) VALUES (?1, ?1, ?2, ?3)",
            params![serial, ended, body.to_string()],
        )?;
    }
    let listings = usize::try_from(listings).unwrap_or(0);
    let what = serde_json::json!({
        "asked": { "correction": "restore-backup", "file": from },
        "did": { "serial": serial, "listings": listings },
    });
    transaction
        .execute("INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)", params![now, who, what.to_string()])?;
    transaction.commit()?;
    Ok(Anew { epoch, serial, listings })
}

/// Moves what a process left in the log of the ledger at `path` into the file, so that it is one file; nobody must have it
/// open.
///
/// # Errors
/// When it cannot be read or written any more.
pub fn settle(path: &Path) -> Result<(), LedgerError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}
