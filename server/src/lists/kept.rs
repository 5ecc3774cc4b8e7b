//! A copy of each table that was taken, to start from: a file for each list, `lists/NAME` in the data folder.
//!
//! A file that is refused while the service runs leaves the old table in force; at a start there would be none, and the
//! names of the list, and of the combined zone with it, would not be answered. Enters: a table with what it was made of.
//! Leaves: a file, whole or not at all; and the table again, without what is exempt by then (G6). Refused: a copy that was
//! made of other files or by other settings, and one that is not whole. What an entry without a text answers is in the
//! settings, and in no copy.
//!
//! Format 1, numbers in little-endian order:
//!
//! ```text
//! "firsthand list 1\n"
//! format: length u16, text           path of each file: length u16, bytes
//! code: 4 bytes                      files: u16, then for each
//!   there: u8, 0 or 1                device, inode, size: u64
//!   its content and its entry written: seconds i64, nanoseconds i64 each
//! taken, in Unix seconds: u64        lines that exclude: u64
//! the table, as `zone/fixed/copy.rs` has it
//! BLAKE3 of all before: 32 bytes
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firsthand_analyzer::listing::Exemptions;

use super::stillness::{Mark, Stamp};
use crate::config::{ListFormat, Word};
use crate::regular_file;
use crate::zone::{Code, Fixed, KeptOut};

/// How a copy begins.
const MAGIC: &[u8] = b"firsthand list 1\n";
/// The bytes of the digest at the end.
const DIGEST: usize = 32;
/// How much is written at a time, in bytes.
const BUFFER_BYTES: usize = 256 * 1024;

/// What a table is made of, beside what the files say.
#[derive(Clone, Copy)]
pub(super) struct Origin<'l> {
    pub(super) files: &'l [PathBuf],
    pub(super) format: ListFormat,
    pub(super) code: Code,
}

/// A table with the state of its files.
#[derive(Debug)]
pub(super) struct Kept {
    /// The table.
    pub(super) fixed: Arc<Fixed>,
    /// The files as they were read.
    pub(super) marks: Vec<Mark>,
    /// The Unix second at which they were.
    pub(super) taken: u64,
    /// How many lines exclude something.
    pub(super) exclusions: u64,
}

/// Why a copy is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unread(#[from] io::Error),
    /// It does not begin as one of this format.
    #[error("it is no copy of this format")]
    Format,
    /// It was cut off or changed.
    #[error("it is not whole")]
    Damaged,
    /// It was made of other files, or by other settings.
    #[error("it was made of other files, or with another format or code")]
    Foreign,
}

/// Where the copy of a list is.
pub(super) fn path(data: &Path, list: &str) -> PathBuf {
    data.join("lists").join(list)
}

/// Writes the copy at `path`, aside first.
///
/// # Errors
/// When the disk does not take it.
pub(super) fn write(path: &Path, origin: Origin<'_>, kept: &Kept) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let aside = path.with_extension("new");
    let mut out =
        Digested { out: BufWriter::with_capacity(BUFFER_BYTES, File::create(&aside)?), digest: blake3::Hasher::new() };
    out.write_all(&head(origin))?;
    for mark in &kept.marks {
        out.write_all(&[u8::from(mark.is_some())])?;
        let words = mark.map_or([0; 7], words);
        words.into_iter().try_for_each(|word| out.write_all(&word.to_le_bytes()))?;
    }
    out.write_all(&kept.taken.to_le_bytes())?;
    out.write_all(&kept.exclusions.to_le_bytes())?;
    kept.fixed.write_to(&mut out)?;
    let digest = out.digest.finalize();
    out.out.write_all(digest.as_bytes())?;
    out.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(&aside, path)?;
    File::open(folder)?.sync_all()
}

/// What is the same in all copies of a list while its settings are.
fn head(origin: Origin<'_>) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    let mut text = |text: &[u8]| {
        head.extend((text.len() as u16).to_le_bytes());
        head.extend(text);
    };
    text(origin.format.as_str().as_bytes());
    // A path has at most 4,096 bytes (PATH_MAX).
    for file in origin.files {
        text(file.as_os_str().as_bytes());
    }
    head.extend(origin.code.address().octets());
    head.extend((origin.files.len() as u16).to_le_bytes());
    head
}

fn words(stamp: Stamp) -> [u64; 7] {
    let Stamp { identity: (device, inode), size, written, changed } = stamp;
    let [written, changed] =
        [written, changed].map(|(seconds, nanoseconds)| [seconds.cast_unsigned(), nanoseconds.cast_unsigned()]);
    [device, inode, size, written[0], written[1], changed[0], changed[1]]
}

fn stamp([device, inode, size, times @ ..]: [u64; 7]) -> Stamp {
    let [written, written_nanoseconds, changed, changed_nanoseconds] = times.map(u64::cast_signed);
    Stamp {
        identity: (device, inode),
        size,
        written: (written, written_nanoseconds),
        changed: (changed, changed_nanoseconds),
    }
}

/// Reads the copy at `path`, if there is one, and what the exemptions keep out of it.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn read(
    path: &Path,
    origin: Origin<'_>,
    exemptions: &Exemptions,
) -> Result<Option<(Kept, KeptOut)>, Unusable> {
    let mut bytes = Vec::new();
    match regular_file::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?.read_to_end(&mut bytes)?,
    };
    let (body, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(Unusable::Format)?;
    if !body.starts_with(MAGIC) {
        return Err(Unusable::Format);
    }
    if blake3::hash(body) != *digest {
        return Err(Unusable::Damaged);
    }
    let mut rest = body.strip_prefix(head(origin).as_slice()).ok_or(Unusable::Foreign)?;
    let mut marks = Vec::new();
    for _ in origin.files {
        let [there] = take(&mut rest)?;
        let mut words = [0; 7];
        for word in &mut words {
            *word = u64::from_le_bytes(take(&mut rest)?);
        }
        marks.push((there == 1).then(|| stamp(words)));
    }
    let taken = u64::from_le_bytes(take(&mut rest)?);
    let exclusions = u64::from_le_bytes(take(&mut rest)?);
    let (fixed, kept_out) = Fixed::read_from(rest, exemptions).ok_or(Unusable::Damaged)?;
    Ok(Some((Kept { fixed: Arc::new(fixed), marks, taken, exclusions }, kept_out)))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Unusable> {
    let (taken, after) = rest.split_first_chunk::<N>().ok_or(Unusable::Damaged)?;
    *rest = after;
    Ok(*taken)
}

/// What is written, and the digest of it.
struct Digested<W> {
    out: W,
    digest: blake3::Hasher,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lists::DataSet;

    fn table(text: &str) -> Fixed {
        let mut set = DataSet::new(ListFormat::Ip4set, Code::SPAM, 0);
        set.add("one", text.as_bytes());
        set.finish(&Exemptions::only([])).unwrap().fixed
    }

    #[test]
    fn a_copy_is_read_as_it_was_written_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path(), "hand");
        let files = ["/etc/a".into(), "/etc/b".into()];
        let origin = Origin { files: &files, format: ListFormat::Ip4set, code: Code::SPAM };
        let none = Exemptions::only([]);
        assert!(read(&path, origin, &none).unwrap().is_none());
        let stamp = Stamp { identity: (1, 2), size: 3, written: (-4, 5), changed: (6, 7) };
        let (fixed, marks) = (Arc::new(table("20.1.1.1\n20.2.0.0/16 :3:text\n")), vec![Some(stamp), None]);
        write(&path, origin, &Kept { fixed, marks: marks.clone(), taken: 8, exclusions: 9 }).unwrap();
        let (kept, _) = read(&path, origin, &none).unwrap().unwrap();
        assert_eq!((kept.marks, kept.taken, kept.exclusions, kept.fixed.counts()), (marks, 8, 9, (65_537, 0)));
        let foreign = [
            Origin { files: &files[..1], ..origin },
            Origin { format: ListFormat::Ip4trie, ..origin },
            Origin { code: "127.0.0.3".parse().unwrap(), ..origin },
        ];
        for other in foreign {
            assert!(matches!(read(&path, other, &none), Err(Unusable::Foreign)));
        }
        let whole = fs::read(&path).unwrap();
        for at in [MAGIC.len(), whole.len() / 2, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(matches!(read(&path, origin, &none), Err(Unusable::Damaged)), "{at}");
        }
        for length in [0, 5, DIGEST, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read(&path, origin, &none).is_err(), "{length}");
        }
    }
}
