//! Files that settings name, opened so that nobody waits for what is no file.
//!
//! To open a FIFO waits for its writer, and to read a terminal or a socket for whoever is at the other end; a thread that
//! does so cannot be told to stop. Enters: a path. Leaves: an open regular file, by a link as well. Refused: everything
//! else, at once. A file on a network disk that does not answer still lets its reader wait.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens a regular file for reading.
///
/// # Errors
/// Why it cannot be opened; [`io::ErrorKind::Unsupported`] for what is no regular file.
pub fn open(path: &Path) -> io::Result<File> {
    // Without effect on a regular file (open(2)).
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let file = OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is no regular file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (fifo, file, link) = (folder.path().join("fifo"), folder.path().join("file"), folder.path().join("link"));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        for path in [fifo.as_path(), folder.path(), Path::new("/dev/null")] {
            assert_eq!(open(path).unwrap_err().kind(), io::ErrorKind::Unsupported, "{}", path.display());
        }
        for path in [&file, &link] {
            assert_eq!(io::read_to_string(open(path).unwrap()).unwrap(), "x");
        }
        assert_eq!(open(&folder.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
