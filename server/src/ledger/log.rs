//! What a start finds in the write-ahead log, to tell how much of it is discarded.
//!
//! The log is that of SQLite: a header of 32 octets (magic number, version, page size, checkpoint, two salts, two
//! checksums), then frames of 24 octets (page, size of the file after a commit or 0, the salts, two checksums) and a page,
//! all in big-endian numbers. SQLite reads it up to the last commit before the first frame whose checksum is wrong; frames
//! with other salts are left of an earlier round and mean nothing. A process that was killed leaves at most one transaction
//! that was not synced. Where more than that is discarded, the disk lost what it had said it holds.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How much is written again in one go, in octets.
const PART: usize = 1 << 20;

const HEADER: u64 = 32;
const FRAME: u64 = 24;
/// The magic number, but for the last bit, which tells the order of octets in checksums.
const MAGIC: u32 = 0x377f_0682;

/// The log of a ledger, as it was before anybody read it.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// The length of the file, in octets.
    length: u64,
    /// Whether it has a header.
    readable: bool,
    /// For each frame of this round, whether it commits.
    commits: Vec<bool>,
    /// The octets behind the last whole frame.
    rest: u64,
}

/// The log beside the file at `path`.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Writes the log beside the file at `path` over itself, octet for octet, and syncs it: whatever of it was nowhere but in
/// memory is on disk then. Whoever reads it meanwhile reads the same; nobody must write it.
pub(super) fn write_again(path: &Path) -> io::Result<()> {
    let file = File::options().read(true).write(true).open(beside(path))?;
    let mut part = vec![0; PART];
    let mut at = 0;
    loop {
        let length = file.read_at(&mut part, at)?;
        if length == 0 {
            return file.sync_all();
        }
        file.write_all_at(&part[..length], at)?;
        at += length as u64;
    }
}

impl Found {
    /// Looks through the log beside the file at `path`; there may be none.
    pub(super) fn look(path: &Path) -> io::Result<Self> {
        let file = match File::open(beside(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut found = Self { length: file.metadata()?.len(), ..Self::default() };
        if found.length < HEADER {
            found.rest = found.length;
            return Ok(found);
        }
        let mut file = BufReader::with_capacity(FRAME as usize, file);
        let mut header = [0; HEADER as usize];
        file.read_exact(&mut header)?;
        let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let page = u64::from(number(8));
        found.readable = number(0) & !1 == MAGIC && page.is_power_of_two() && (512..=65536).contains(&page);
        if !found.readable {
            return Ok(found);
        }
        let salts = &header[16..24];
        let frames = (found.length - HEADER) / (FRAME + page);
        found.rest = (found.length - HEADER) % (FRAME + page);
        let mut frame = [0; FRAME as usize];
        for number in 0..frames {
            file.seek(SeekFrom::Start(HEADER + number * (FRAME + page)))?;
            file.read_exact(&mut frame)?;
            if &frame[8..16] != salts {
                // What lies behind is of an earlier round, and so is a rest.
                found.rest = 0;
                break;
            }
            found.commits.push(frame[4..8] != [0; 4]);
        }
        Ok(found)
    }

    /// What is told about what was discarded, where `kept` frames were not; whether the disk lost what it said it holds.
    pub(super) fn discarded(&self, kept: usize) -> Option<(String, bool)> {
        if !self.readable && self.length > 0 {
            // Nothing of a log that never had a whole header was ever acknowledged.
            return Some((format!("all {} octets of it", self.length), self.length > HEADER));
        }
        let behind = self.commits.get(kept..).unwrap_or_default();
        if behind.is_empty() && self.rest == 0 {
            return None;
        }
        let transactions = behind.iter().filter(|commits| **commits).count();
        let what = format!("{} whole frames and {} octets at its end", behind.len(), self.rest);
        Some((what, transactions > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: usize = 512;

    fn frame(salt: u8, commits: u8) -> Vec<u8> {
        let mut frame = vec![0; FRAME as usize + PAGE];
        frame[7] = commits;
        frame[8..16].fill(salt);
        frame
    }

    fn log(frames: &[Vec<u8>]) -> (tempfile::TempDir, Found) {
        let mut bytes = vec![0; HEADER as usize];
        bytes[..4].copy_from_slice(&(MAGIC | 1).to_be_bytes());
        bytes[10] = 2;
        bytes[16..24].fill(7);
        bytes.extend(frames.concat());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        std::fs::write(beside(&path), bytes).unwrap();
        let found = Found::look(&path).unwrap();
        (folder, found)
    }

    #[test]
    fn what_is_discarded_is_told_and_what_is_left_of_before_is_not() {
        let whole = [frame(7, 0), frame(7, 1), frame(7, 1)];
        assert_eq!(log(&whole).1.discarded(3), None);
        let old = [whole.concat(), frame(9, 1), frame(9, 1)[..50].to_vec()];
        assert_eq!(log(&old).1.discarded(3), None);
        // A process that was killed in the middle of a transaction.
        let begun = [whole.concat(), frame(7, 0), frame(7, 0)[..50].to_vec()];
        assert_eq!(log(&begun).1.discarded(3).unwrap(), ("1 whole frames and 50 octets at its end".to_owned(), false));
        // One transaction may not have been synced; two were.
        assert!(!log(&whole).1.discarded(2).unwrap().1);
        assert!(log(&whole).1.discarded(0).unwrap().1);
        assert_eq!(Found::look(Path::new("/nowhere")).unwrap().discarded(0), None);
        let (folder, _) = log(&whole);
        std::fs::write(folder.path().join("ledger.sqlite-wal"), [0; 99]).unwrap();
        assert!(Found::look(&folder.path().join("ledger.sqlite")).unwrap().discarded(0).unwrap().1);
    }
}
