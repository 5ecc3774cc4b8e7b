//! Whether this process may open the ledger's files, and what is to be done where it may not.
//!
//! A file that is there and closed to the service, as one of root's in the folder of another user, must never be told as a
//! folder that cannot be had: whoever then names another folder begins with an empty ledger, and lists nobody. Nothing is
//! opened to find out, since to close it again would let go of the locks that this process has on it (fcntl(2)).

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Access;
use rustix::io::Errno;

use super::embedded::{FILE, LedgerError};

/// What the names of files that belong to the ledger's file end with, and its own.
const ENDS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// The ledger's file in a data folder, if there is one that this process may read and write.
///
/// # Errors
/// When there is none, or it is closed to this process.
pub(super) fn found(folder: &Path) -> Result<PathBuf, LedgerError> {
    let path = folder.join(FILE);
    match fs::metadata(&path) {
        Ok(_) => allowed(&path).map(|()| path),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(LedgerError::Missing(folder.to_owned()))
        }
        Err(error) => Err(LedgerError::Folder { path: folder.to_owned(), error: Arc::new(error) }),
    }
}

/// Whether this process may read and write the ledger's file at `path`, and those beside it, as far as they are there.
///
/// # Errors
/// When one of them is closed to it.
pub(super) fn allowed(path: &Path) -> Result<(), LedgerError> {
    ENDS.iter().try_for_each(|end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        may_write(Path::new(&name))
    })
}

/// Whether this process may read and write the file at `path`, if it is there.
///
/// # Errors
/// When it may not.
pub(super) fn may_write(path: &Path) -> Result<(), LedgerError> {
    match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => {
            let (folder, error) = (path.parent().unwrap_or(path), Arc::new(io::Error::from(errno)));
            Err(match fs::metadata(path) {
                Ok(file) => LedgerError::Unopened { path: path.to_owned(), error, mend: mend(path, folder, &file) },
                Err(_) => LedgerError::Folder { path: folder.to_owned(), error },
            })
        }
    }
}

/// Whose a file is, and what lets this process open it.
fn mend(path: &Path, folder: &Path, file: &Metadata) -> String {
    let user = rustix::process::geteuid().as_raw();
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let todo = match fs::metadata(folder) {
        Ok(folder) if folder.uid() != user => {
            format!("run this as user {}, to whom the data folder belongs", folder.uid())
        }
        Ok(folder) if file.uid() != user => format!("`chown {user}:{} {}` as root", folder.gid(), path.display()),
        _ if file.mode() & 0o600 != 0o600 => format!("`chmod 600 {}`", path.display()),
        _ => "look after its disk, which may be mounted to be read only".to_owned(),
    };
    format!("{}: {todo}", whose(file))
}

fn whose(file: &Metadata) -> String {
    let user = rustix::process::geteuid().as_raw();
    let (owner, group, mode) = (file.uid(), file.gid(), file.mode() & 0o7777);
    format!("it belongs to user {owner}, group {group}, with mode {mode:04o}, and this process is of user {user}")
}

/// What is to be done about a data folder that cannot be made or written.
pub fn mend_of_folder(path: &Path) -> String {
    match fs::metadata(path) {
        // A ledger may be in it, so no other folder is named.
        Ok(folder) if folder.is_dir() => {
            let user = rustix::process::geteuid().as_raw();
            let todo = if folder.uid() == user {
                "look after its mode, and whether its disk can be written".to_owned()
            } else {
                "run this as that user, or give the service's user the folder and all that is in it (`chown -R`)"
                    .to_owned()
            };
            format!("{}; {todo}", whose(&folder))
        }
        _ => "write `data = \"FOLDER\"` with one that this user may make".to_owned(),
    }
}

/// What is to be known of a data folder whose path in the settings is relative.
pub(super) fn hint(folder: &Path) -> &'static str {
    if folder.is_relative() {
        ". `data` is relative in the settings, and begins at the working directory of each command: run this from that of the service, or write the whole path"
    } else {
        ""
    }
}
