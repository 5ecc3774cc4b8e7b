//! A copy of the ledger while it is written to, and what makes a ledger of such a copy.
//!
//! The copy is taken page by page (SQLite's online backup) within one read transaction: so it is the ledger at one instant,
//! whatever is written meanwhile, and is finished in the time that it takes to read the file once. Without that transaction
//! it would begin anew with every write of another process. Until it is finished the log cannot be used anew, and grows by
//! what is written meanwhile and no more. `VACUUM INTO` holds the log as well, and several times as long, since it builds every
//! index again.
//!
//! SQLite does not notice a bit that flips within a value. So a finished copy carries a checksum where SQLite keeps its
//! application id, which nothing here uses: octets 68 to 72 (file format, section 1.3) are the first four of the BLAKE3
//! digest of the whole file with these four taken as zero; a digest that begins with four zeros is written as 1 there, for 0
//! means that there is none, as in a ledger that is in use.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::access::found;
use super::embedded::{LedgerError, connect, failed, hex, prepare};
use super::schema;

/// How many pages (of 4 KiB) are copied in one step.
const STEP: i32 = 1024;

/// How long it is paused after each, so that who writes and syncs has the disk meanwhile.
const PAUSE: Duration = Duration::from_millis(1);

/// Where a copy's checksum is.
const CHECKSUM: Range<usize> = 68..72;

/// How much is digested in one go, in octets.
const PART: usize = 1 << 20;

/// What every file of SQLite begins with (file format, section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

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
    /// Whether it has a checksum, which fits; a ledger's file that was copied by hand has none.
    pub has_checksum: bool,
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
/// `progress` is told how many pages are done, of how many. The copy is one file with a checksum, and not synced.
///
/// # Errors
/// When there is no ledger, or it cannot be read, or `to` not written.
pub fn copy(folder: &Path, to: &Path, mut progress: impl FnMut(u64, u64)) -> Result<(), LedgerError> {
    let path = found(folder)?;
    let source = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    source.pragma_update(None, "query_only", true)?;
    let mut copy = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // What is not finished is thrown away, so nothing need be undone.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    let transaction = source.unchecked_transaction()?;
    let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != schema::VERSION {
        return Err(LedgerError::OtherVersion { path, found: version });
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
    copy.close().map_err(|(_, error)| error)?;
    seal(to).map_err(|error| LedgerError::File { path: to.to_owned(), error: Arc::new(error) })
}

/// Writes its checksum into the copy at `path`, which nobody has open.
fn seal(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(path)?;
    let (_, found) = checksum(&file)?;
    file.write_all_at(&found, CHECKSUM.start as u64)
}

/// The checksum that is in a file, and the one that it should have.
fn checksum(mut file: &File) -> io::Result<([u8; 4], [u8; 4])> {
    let (mut part, mut kept) = (Vec::with_capacity(PART), [0; 4]);
    let mut hasher = blake3::Hasher::new();
    let mut is_first = true;
    while file.by_ref().take(PART as u64).read_to_end(&mut part)? > 0 {
        if let Some(place) = part.get_mut(CHECKSUM).filter(|_| is_first) {
            kept.copy_from_slice(place);
            place.fill(0);
        }
        is_first = false;
        hasher.update(&part);
        part.clear();
    }
    let mut found = [0; 4];
    hasher.finalize_xof().fill(&mut found);
    Ok((kept, if found == [0; 4] { 1_u32.to_be_bytes() } else { found }))
}

/// What the copy at `path` holds, once all of it was found to be sound.
///
/// # Errors
/// When it is no copy of a ledger, or not sound, or its checksum does not fit, or it is of a newer version.
pub fn check(path: &Path) -> Result<Holding, LedgerError> {
    let damaged = |found: String| LedgerError::Damaged { path: path.to_owned(), found };
    let has_checksum = fits(path).map_err(|error| damaged(error.to_string()))?;
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
    holding(&copy, has_checksum).map_err(|error| damaged(format!("it is no copy of a ledger ({error})")))
}

/// Whether the file at `path` has a checksum; an error if that does not fit.
fn fits(path: &Path) -> io::Result<bool> {
    // Closed before SQLite opens it, since that would let go of its locks (fcntl(2)).
    let file = File::open(path)?;
    if !begins_as_database(&file) {
        return Err(io::Error::other("it is no ledger, nor a copy of one"));
    }
    match checksum(&file)? {
        ([0, 0, 0, 0], _) => Ok(false),
        (kept, found) if kept == found => Ok(true),
        _ => Err(io::Error::other("its checksum does not fit, so it is not what was written any more")),
    }
}

/// Whether a file begins as those of SQLite do, as a backup does.
pub fn begins_as_database(file: &File) -> bool {
    let mut magic = [0; MAGIC.len()];
    file.read_exact_at(&mut magic, 0).is_ok() && magic == *MAGIC
}

/// Whether two backups are of the same ledger, or of one that was restored from it: these have the key of trap ids in common.
/// None where that cannot be told, as of a file that is no backup.
pub fn are_of_one(path: &Path, other: &Path) -> Option<bool> {
    let key = |path: &Path| {
        let mut head = [0; 100];
        File::open(path).and_then(|file| file.read_exact_at(&mut head, 0)).ok()?;
        // One that asks for a log (file format, section 1.3) is no finished copy, and to read it would make one beside it.
        if !head.starts_with(MAGIC) || head[19] != 1 {
            return None;
        }
        let copy = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        copy.query_row("SELECT value FROM meta WHERE name = 'trap-key'", [], |row| row.get::<_, String>(0)).ok()
    };
    Some(key(path)? == key(other)?)
}

fn holding(copy: &Connection, has_checksum: bool) -> rusqlite::Result<Holding> {
    let meta = |name: &str| copy.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0));
    let _: String = meta("trap-key")?;
    Ok(Holding {
        facts: copy.query_row("SELECT count(*) FROM facts", [], super::reads::count)?,
        serial: copy.query_row("SELECT coalesce(max(serial), 0) FROM journal", [], |row| row.get(0))?,
        epoch: meta("epoch")?,
        newest: super::reads::newest(copy)?,
        has_checksum,
    })
}

/// Makes a ledger of its own of the copy at `path`, for a service that goes on at `now` (Unix seconds) behind `serial`, if
/// the copy's own is not behind that. `who` and `from` (a file's name) stand in the audit trail.
///
/// What was published when the copy was taken is not taken over: since then evidence may have been withdrawn and addresses
/// taken off, of which the copy knows nothing. Every origin is replayed, and what it proves passes the brake like anything
/// new (E03, G7). The journal begins anew, so that no snapshot of another epoch and no old version is served; the epoch is
/// new, so that whoever followed the journal loads the zone again. The checksum of the copy is taken away.
///
/// # Errors
/// When the store says no.
pub fn make_anew(path: &Path, serial: u32, now: i64, who: &str, from: &str) -> Result<Anew, LedgerError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| failed(path, io::Error::other(error.to_string())))?;
    let epoch = hex(&random);
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // All of it must be in the file that is renamed; the header of one that was copied by hand asks for a log.
    connection.pragma_update(None, "journal_mode", "DELETE")?;
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

#[cfg(test)]
mod tests {
    use super::super::{Ledger, path_in};
    use super::*;

    fn copied() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        drop(Ledger::open(folder.path()).unwrap());
        let path = folder.path().join("copy");
        File::create(&path).unwrap();
        copy(folder.path(), &path, |_, _| {}).unwrap();
        (folder, path)
    }

    #[test]
    fn a_bit_that_flips_anywhere_is_found() {
        let (_folder, path) = copied();
        assert!(check(&path).unwrap().has_checksum);
        let whole = std::fs::read(&path).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        let even = (0..200).map(|place| place * whole.len() / 200);
        for (number, place) in even.chain(CHECKSUM).chain([0, whole.len() - 1]).enumerate() {
            file.write_all_at(&[whole[place] ^ 1 << (number % 8)], place as u64).unwrap();
            let found = check(&path);
            assert!(matches!(found, Err(LedgerError::Damaged { .. })), "octet {place}: {found:?}");
            file.write_all_at(&whole[place..=place], place as u64).unwrap();
        }
        // Nor is one that is too short or too long what was written.
        for length in [0, 50, whole.len() - 4096, whole.len() + 4096] {
            std::fs::write(&path, &whole[..length.min(whole.len())]).unwrap();
            file.set_len(length as u64).unwrap();
            assert!(check(&path).is_err(), "{length}");
        }
        std::fs::write(&path, &whole).unwrap();
        assert!(check(&path).unwrap().has_checksum);
    }

    #[test]
    fn a_ledger_in_use_has_no_checksum() {
        let (folder, path) = copied();
        make_anew(&path, 0, 1_796_000_000, "somebody", "a file").unwrap();
        assert!(!check(&path).unwrap().has_checksum);
        // Nor has one that a backup was made of by hand.
        copy(folder.path(), &path, |_, _| {}).unwrap();
        let other = tempfile::tempdir().unwrap();
        std::fs::copy(&path, path_in(other.path())).unwrap();
        drop(Ledger::open(other.path()).unwrap());
        let id: i64 = Connection::open(path_in(other.path()))
            .unwrap()
            .pragma_query_value(None, "application_id", |row| row.get(0))
            .unwrap();
        assert_eq!(id, 0);
    }
}
