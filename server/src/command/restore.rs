//! `firsthand restore`: a ledger from a backup, for a service that is stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown, lchown};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::backup::{LOGS, beside, clear, file_error, sync_folder};
use super::{CommandError, operator, show};
use crate::cli::RestoreArguments;
use crate::config::Settings;
use crate::ledger::backup::{Anew, Holding, check, make_anew, settle};
use crate::ledger::{Ledger, LedgerError, hold, path_in};
use crate::publisher::unix_now;
use crate::regular_file;
use crate::web::time;
use crate::zone::snapshot;

/// What is made of the zone, and of another epoch after a restore.
const OF_ZONE: [&str; 2] = ["zone.snapshot", "zone.heard"];

/// How much is copied between two looks at the bar.
const PART: u64 = 1 << 20;

/// Puts a backup into the data folder.
///
/// # Errors
/// When a service has the folder, a ledger is there and may not be replaced, or the backup is not sound.
pub fn run(arguments: &RestoreArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let from = &arguments.file;
    if ["-wal", "-journal"].iter().any(|end| fs::metadata(beside(from, end)).is_ok_and(|log| log.len() > 0)) {
        return Err(CommandError::Usage(format!(
            "{} has a log beside it: it is a ledger that was copied by hand, of which a part may be missing; restore what `firsthand backup` wrote",
            from.display()
        )));
    }
    let mut source = regular_file::open(from).map_err(|error| file_error(from, error))?;
    // As it is told, it means the same wherever it is read.
    let data = &std::path::absolute(&settings.data).map_err(|error| file_error(&settings.data, error))?;
    let missing: Vec<&Path> = data.ancestors().take_while(|folder| folder.symlink_metadata().is_err()).collect();
    let held = hold(data)?;
    inherit(&missing)?;
    give(&held, data, &data.join("lock"))?;
    let path = path_in(data);
    let is_there = path.try_exists().map_err(|error| file_error(&path, error))?;
    if is_there && !arguments.replace {
        return Err(CommandError::Usage(format!(
            "{} is there already; with --replace it is kept under another name, and the backup takes its place",
            path.display()
        )));
    }
    let now = unix_now();
    let served = serial(data).max(arguments.after_serial);
    let serial = served.unwrap_or(0);
    let aside = data.join("ledger.restoring");
    // What one left that was killed: whoever has the folder is the only one who restores.
    clear(&aside)?;
    let made = make(&mut source, data, &aside, from, serial).and_then(|made| {
        let kept = keep(&path, is_there, now)?;
        fs::rename(&aside, &path).map_err(|error| file_error(&path, error))?;
        Ok((made, kept))
    });
    if made.is_err() {
        // What is left behind goes with the next.
        let _ = clear(&aside);
    }
    let ((holding, anew), kept) = made?;
    if !holding.has_checksum {
        eprintln!(
            "firsthand: {} holds no checksum, as a ledger that was copied by hand: its structure is sound, but nobody can tell whether all that it says is as it was",
            from.display()
        );
    }
    if served.is_none() {
        eprintln!(
            "firsthand: nothing here tells which serial of the zone was served last, so it goes on behind {}, the backup's; a secondary that holds a later one keeps what it has, for good: if there are any, restore again with --replace and --after-serial and the newest that they hold",
            anew.serial
        );
    }
    for name in OF_ZONE {
        let file = data.join(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file_error(&file, error)),
            _ => {}
        }
    }
    sync_folder(&path)?;
    let mut out = io::stdout().lock();
    let made = missing.first();
    if arguments.json {
        let line = json!({
            "ledger": path, "facts": holding.facts, "newest": holding.newest.map(time), "epoch": anew.epoch,
            "serial": anew.serial, "listings": anew.listings, "replaced": kept, "checksum": holding.has_checksum,
            "made": made,
        });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    let newest = holding.newest.map(|newest| format!(" up to {}", time(newest))).unwrap_or_default();
    writeln!(
        out,
        "{}: {}{newest}.\nThe {} of then are proven anew at the next start and come back through the brake, the best proven first;\n\
         `firsthand brake --release all` lets them go at once. What was taken or corrected since is not in it: make corrections\n\
         again (`firsthand audit` shows those of before), and let mail queues and feeds hand in again what they still have.",
        path.display(),
        show::counted(usize::try_from(holding.facts).unwrap_or(usize::MAX), "fact"),
        show::counted(anew.listings, "listing"),
    )?;
    if let Some(made) = made {
        let owner = fs::metadata(made).map_err(|error| file_error(made, error))?.uid();
        writeln!(out, "The data folder {} was not there: it was made, and belongs to user {owner}.", made.display())?;
        if settings.data.is_relative() {
            let from = "`data` is relative in the settings, and begins at the working directory";
            writeln!(out, "{from}: the service finds it only if it runs in the one of this command.")?;
        }
    }
    match kept {
        Some(kept) if is_there => writeln!(out, "The ledger that was there is {}.", kept.display())?,
        Some(kept) => writeln!(
            out,
            "A log of a ledger that is not there any more is kept under the name of {}, with its own end.",
            kept.display()
        )?,
        None => {}
    }
    Ok(())
}

/// Makes a ledger of the backup, synced.
fn make(
    source: &mut File,
    data: &Path,
    aside: &Path,
    from: &Path,
    serial: u32,
) -> Result<(Holding, Anew), CommandError> {
    let file = fetch(source, aside)?;
    give(&file, data, aside)?;
    // Before SQLite opens it, since to close it would let go of its locks (fcntl(2)).
    drop(file);
    let holding = check(aside).map_err(|error| match error {
        LedgerError::Damaged { found, .. } => CommandError::Usage(format!(
            "{}: {found}; nothing was replaced: restore another backup, or take one anew where the ledger is still there",
            from.display()
        )),
        error => error.into(),
    })?;
    let name = std::path::absolute(from).unwrap_or_else(|_| from.to_owned()).display().to_string();
    let anew = make_anew(aside, serial, unix_now(), &operator::caller(), &name)?;
    File::open(aside).and_then(|file| file.sync_all()).map_err(|error| file_error(aside, error))?;
    Ok((holding, anew))
}

/// Copies the backup to where it can be changed, on the data folder's own disk.
fn fetch(source: &mut File, aside: &Path) -> Result<File, CommandError> {
    let failed = |error| file_error(aside, error);
    let length = source.metadata().map_err(failed)?.len();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(aside).map_err(failed)?;
    let progress = show::progress_of_bytes(length, "fetched");
    while io::copy(&mut source.take(PART), &mut file).map_err(failed)? > 0 {
        progress.inc(PART);
    }
    progress.finish_and_clear();
    Ok(file)
}

/// Gives folders that were made, the innermost first, to whom the one belongs that they were made in, where root runs this.
fn inherit(made: &[&Path]) -> Result<(), CommandError> {
    let Some(parent) = made.last().and_then(|outermost| outermost.parent()) else { return Ok(()) };
    if rustix::process::geteuid().is_root() {
        let owner = fs::metadata(parent).map_err(|error| file_error(parent, error))?;
        for folder in made {
            lchown(folder, Some(owner.uid()), Some(owner.gid())).map_err(|error| file_error(folder, error))?;
        }
    }
    Ok(())
}

/// Gives a file to whom the data folder belongs, where root runs this: the service could not open it otherwise. Told where
/// somebody else does.
fn give(file: &File, data: &Path, path: &Path) -> Result<(), CommandError> {
    let failed = |error| file_error(path, error);
    let (folder, there) = (fs::metadata(data).map_err(failed)?, file.metadata().map_err(failed)?);
    let (owner, group) = (folder.uid(), folder.gid());
    if rustix::process::geteuid().is_root() {
        // Of a file with another name elsewhere nobody knows whose it is.
        if (there.uid(), there.gid()) != (owner, group) && there.nlink() == 1 {
            fchown(file, Some(owner), Some(group)).map_err(failed)?;
        }
    } else if there.uid() != owner {
        eprintln!(
            "firsthand: {} belongs to user {}, and the data folder to user {owner}: the service may not be able to open it",
            path.display(),
            there.uid()
        );
    }
    Ok(())
}

/// The newest serial that anybody had of this data folder; none if it does not tell.
fn serial(data: &Path) -> Option<u32> {
    let of_ledger = Ledger::look(data).and_then(|ledger| ledger.serial()).ok();
    let of_snapshot = fs::read(data.join(OF_ZONE[0])).ok().and_then(|bytes| snapshot::serial(&bytes).ok());
    of_ledger.max(of_snapshot)
}

/// Keeps the ledger that is there under another name as well, whole if it can be read, and moves the logs that are there, which
/// would be read into what takes its place: also those of a ledger that was taken away. None if nothing is there.
fn keep(path: &Path, is_there: bool, now: i64) -> Result<Option<PathBuf>, CommandError> {
    if is_there && let Err(error) = settle(path) {
        eprintln!("firsthand: {} cannot be read any more ({error}); it is kept as it is", path.display());
    }
    let kept = free_name(path, now);
    if is_there {
        fs::hard_link(path, &kept).map_err(|error| file_error(&kept, error))?;
    }
    let mut has_logs = false;
    for end in LOGS {
        let log = beside(path, end);
        match fs::rename(&log, beside(&kept, end)) {
            Ok(()) => has_logs = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(file_error(&log, error)),
        }
    }
    Ok((is_there || has_logs).then_some(kept))
}

/// A name with the date that nothing has, and no log either.
fn free_name(path: &Path, now: i64) -> PathBuf {
    let dated = beside(path, &format!(".replaced-{}", time(now).replace([':', '-'], "")));
    let is_free = |name: &PathBuf| LOGS.iter().chain(&[""]).all(|end| beside(name, end).symlink_metadata().is_err());
    let mut name = dated.clone();
    let mut number = 1;
    while !is_free(&name) {
        number += 1;
        name = beside(&dated, &format!("-{number}"));
    }
    name
}
