//! `firsthand backup`: a copy of the ledger, while the service runs or not.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{CommandError, show};
use crate::cli::BackupArguments;
use crate::config::Settings;
use crate::ledger::backup::{Holding, are_of_one, begins_as_database, check, copy};
use crate::ledger::{LedgerError, path_in};
use crate::web::time;

/// The bytes of a page, of which progress is told.
const PAGE: u64 = 4096;

/// Writes aside, checks, syncs, renames.
///
/// # Errors
/// When there is no ledger, it is damaged, or the file cannot be written.
pub fn run(arguments: &BackupArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    // Of a link, what it leads to.
    let output = &fs::canonicalize(&arguments.output).unwrap_or_else(|_| arguments.output.clone());
    refuse_own(&settings.data, output)?;
    let aside = Aside::take(output)?;
    let made = make(&settings, &aside.copy()).and_then(|held| {
        if are_of_one(output, &aside.copy()) == Some(false) {
            // As after a disk was lost and the service began with an empty one, unnoticed until the night.
            return Err(CommandError::Usage(format!(
                "--output {}: a backup of another ledger than {} is there, perhaps the only one; restore it if this ledger should be that one, else write to another file",
                output.display(),
                path_in(&settings.data).display()
            )));
        }
        fs::rename(aside.copy(), output).map_err(|error| file_error(output, error))?;
        sync_folder(output)?;
        Ok(held)
    });
    drop(aside);
    let Holding { facts, serial, epoch, newest, .. } = made.map_err(|error| match error {
        CommandError::Ledger(LedgerError::Damaged { found, .. }) => damaged(&settings, output, &found),
        error => error,
    })?;
    let bytes = fs::metadata(output).map_err(|error| file_error(output, error))?.len();
    let mut out = io::stdout().lock();
    if arguments.json {
        let newest = newest.map(time);
        let line = json!({ "output": output, "bytes": bytes, "facts": facts, "serial": serial, "epoch": epoch, "newest": newest });
        writeln!(out, "{line}")?;
    } else {
        let facts = show::counted(usize::try_from(facts).unwrap_or(usize::MAX), "fact");
        let newest =
            newest.map_or_else(|| "nothing yet".to_owned(), |newest| format!("the newest of {}", time(newest)));
        let megabytes = bytes.div_ceil(1024 * 1024);
        writeln!(out, "{}: {facts}, {newest}; serial {serial}; {megabytes} MiB, found sound", output.display())?;
    }
    Ok(())
}

/// Refuses a file in the data folder, and the ledger's own files wherever they are. What takes the place of a file that the
/// service has open leaves it writing to one that nobody finds any more, and all that is acknowledged from then on is lost (G9).
fn refuse_own(data: &Path, output: &Path) -> Result<(), CommandError> {
    // Without a data folder there is nothing to take the place of, nor to copy.
    let (Ok(data), Ok(own)) = (fs::canonicalize(data), fs::metadata(data)) else { return Ok(()) };
    let is = |file: &fs::Metadata, path: &Path| {
        fs::metadata(path).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()))
    };
    let folder = fs::canonicalize(folder(output)).map_err(|error| file_error(folder(output), error))?;
    // The same folder may be mounted elsewhere, under another name.
    let within = folder.ancestors().any(|folder| is(&own, folder));
    // The file itself may be a link to another disk, where its log is beside it.
    let ledger = path_in(&data);
    let ledger = fs::canonicalize(&ledger).unwrap_or(ledger);
    let (target, there) = (output.file_name().map(|name| folder.join(name)), fs::metadata(output).ok());
    let taken = LOGS
        .iter()
        .chain(&[""])
        .map(|end| beside(&ledger, end))
        .any(|file| target.as_ref() == Some(&file) || there.as_ref().is_some_and(|there| is(there, &file)));
    if within || taken {
        let what = if taken { "that is a file of the ledger itself" } else { "that is in the data folder" };
        return Err(CommandError::Usage(format!(
            "--output {}: {what} ({}), whose files no copy may replace; write it to another folder, best on another disk",
            output.display(),
            data.display()
        )));
    }
    // One that was made to be written to is empty.
    let is_backup = || File::open(output).is_ok_and(|file| begins_as_database(&file));
    if there.is_some_and(|there| there.len() > 0) && !is_backup() {
        return Err(CommandError::Usage(format!(
            "--output {}: a file is there that is no backup; name another one, or remove it",
            output.display()
        )));
    }
    Ok(())
}

fn make(settings: &Settings, aside: &Path) -> Result<Holding, CommandError> {
    room(settings, aside)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside);
    let file = file.map_err(|error| file_error(aside, error))?;
    let progress = show::progress_of_bytes(0, "copied");
    copy(&settings.data, aside, |done, all| {
        progress.set_length(all * PAGE);
        progress.set_position(done * PAGE);
    })?;
    progress.finish_and_clear();
    // Before it is looked through, so that what is found sound is what the disk holds.
    file.sync_all().map_err(|error| file_error(aside, error))?;
    Ok(check(aside)?)
}

/// What is to be done about a copy that is not sound as soon as it is made.
fn damaged(settings: &Settings, output: &Path, found: &str) -> CommandError {
    let ledger = path_in(&settings.data);
    let mend = format!(
        "{found}. The copy was thrown away, and what was there before stays. Look after the disks (`dmesg`) and take another; if it comes back, it is {} that is damaged: restore the newest backup that is sound",
        ledger.display()
    );
    LedgerError::Damaged { path: output.to_owned(), found: mend }.into()
}

/// Refuses a copy for which there is no room: on the ledger's own disk, none that would stop the intake.
fn room(settings: &Settings, copy: &Path) -> Result<(), CommandError> {
    let Ok(ledger) = fs::metadata(path_in(&settings.data)) else { return Ok(()) };
    let folder = folder(copy);
    let disk = fs::metadata(folder).map_err(|error| file_error(folder, error))?;
    let status = rustix::fs::statvfs(folder).map_err(|error| file_error(folder, error.into()))?;
    let free = status.f_bavail.saturating_mul(status.f_frsize);
    let floor = if disk.dev() == ledger.dev() { settings.storage.free_space.0 } else { 0 };
    if free < ledger.len().saturating_add(floor) {
        let what = format!("{}: {free} bytes are free there, too few for a copy", folder.display());
        let kept = if floor > 0 { " beside what storage.free-space keeps" } else { "" };
        return Err(CommandError::TryLater(format!("{what}{kept}; write it to another disk")));
    }
    Ok(())
}

/// Where a copy is made, beside the file whose place it takes: a folder that nobody else may look into, so that a journal which
/// SQLite finds beside the copy is nobody else's. It goes with whoever made it. What one leaves that is killed goes with the
/// next, for nobody holds its lock.
struct Aside {
    folder: PathBuf,
    _held: File,
}

impl Aside {
    fn take(output: &Path) -> Result<Self, CommandError> {
        if fs::metadata(output).is_ok_and(|there| !there.is_file()) {
            return Err(CommandError::Usage(format!("--output {}: it is no file", output.display())));
        }
        let name = output.file_name().ok_or_else(|| file_error(output, io::ErrorKind::InvalidFilename.into()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".unfinished");
        let aside = folder(output).join(hidden);
        let failed = |error| file_error(&aside, error);
        match DirBuilder::new().mode(0o700).create(&aside) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let there = fs::symlink_metadata(&aside).map_err(failed)?;
        if !there.is_dir() || there.uid() != rustix::process::geteuid().as_raw() {
            return Err(CommandError::Usage(format!(
                "{}: it is no folder of this user, and copies are made there: remove it, or write to another folder",
                aside.display()
            )));
        }
        let lock = aside.join("lock");
        let held = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock);
        let held = held.map_err(failed)?;
        let is_held = |file: &File| {
            let (there, mine) = (fs::metadata(&lock)?, file.metadata()?);
            Ok::<_, io::Error>((there.dev(), there.ino()) == (mine.dev(), mine.ino()))
        };
        // Who held it may have been about to go.
        if matches!(held.try_lock(), Err(TryLockError::WouldBlock)) || !is_held(&held).unwrap_or(false) {
            let what = format!("another backup to {} is under way in {}", output.display(), aside.display());
            return Err(CommandError::TryLater(what));
        }
        clear(&aside.join("copy"))?;
        Ok(Self { folder: aside, _held: held })
    }

    fn copy(&self) -> PathBuf {
        self.folder.join("copy")
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // The lock last. What cannot be removed now is removed by the next, or told by it.
        let _ = clear(&self.copy());
        let _ = fs::remove_file(self.folder.join("lock"));
        let _ = fs::remove_dir(&self.folder);
    }
}

/// What SQLite keeps beside a file, by the ends of its names.
pub(super) const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Removes a file that was not finished, and what SQLite left beside it, which it would read into the next one.
pub(super) fn clear(path: &Path) -> Result<(), CommandError> {
    for end in LOGS.iter().chain(&[""]) {
        let file = beside(path, end);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&file, error)),
            _ => {}
        }
    }
    Ok(())
}

/// A file whose name begins with another's.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// The folder that a file is in.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a new name durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), CommandError> {
    let folder = folder(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| file_error(folder, error))
}

/// What the system says about a file.
pub(super) fn file_error(path: &Path, error: io::Error) -> CommandError {
    match error.kind() {
        io::ErrorKind::StorageFull => CommandError::TryLater(format!("{}: {error}", path.display())),
        _ => CommandError::File { path: path.to_owned(), error },
    }
}
