//! What of an import is done (`--resume`), so that one that broke off goes on where it was.
//!
//! Format: JSON Lines, appended and synced after each batch that was answered. The first line says what the import is of; it
//! must be the same when it goes on. Then comes a line for each message file, or each stretch of an mbox:
//!
//! ```json
//! {"feed":"traps","trap":"sales@traps.example","recipient":null,"observed_peer":null,"mail_from":null,"mbox":true}
//! {"file":"Maildir/new/1.host","is":"<digest>"}
//! {"mbox":"old.mbox","is":"<digest>","messages":57,"end":123456,"before":"<digest>"}
//! ```
//!
//! `is` is the BLAKE3 digest of the path, for a message file with its size and time of change: a file that changed is another
//! one. `before` is that of the bytes before `end`, [`WINDOW`] at most: an mbox from which something was deleted is not what it
//! was, one that was appended to is. A last line without an end was being written when the import ended, and is dropped.

use std::collections::{HashMap, HashSet};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde_json::{Value, json};

use super::CommandError;
use crate::cli::SubmitArguments;

/// How many bytes before its end tell a stretch of an mbox from another.
const WINDOW: u64 = 64 << 10;

/// A digest of what a line is of.
type Is = [u8; 16];

/// How far an mbox was taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Taken {
    pub(super) messages: u64,
    /// Where what comes behind them begins.
    pub(super) end: u64,
    before: String,
}

/// What is done, kept in a file.
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    files: HashSet<Is>,
    mboxes: HashMap<Is, Taken>,
}

/// A thing that is done when its message was answered.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// A message file.
    File { path: PathBuf, is: Is },
    /// An mbox as far as this.
    Mbox { path: PathBuf, messages: u64, end: u64 },
}

impl Done {
    /// That a message file is done, which is this one.
    pub(super) fn file(path: &Path, metadata: &Metadata) -> Self {
        Self::File { path: path.to_owned(), is: is_file(path, metadata) }
    }
}

impl Journal {
    /// Opens the journal of an import, or begins it.
    ///
    /// # Errors
    /// When it is not to be had, another import's, or in use.
    pub(super) fn open(path: &Path, arguments: &SubmitArguments) -> Result<Self, CommandError> {
        let unreadable = |error| CommandError::File { path: path.to_owned(), error };
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(unreadable)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| CommandError::Usage(format!("{}: another import goes by it", path.display())))?;
        let mut journal = Self { path: path.to_owned(), file, files: HashSet::new(), mboxes: HashMap::new() };
        let of = json!({
            "feed": arguments.feed,
            "trap": arguments.trap,
            "recipient": arguments.recipient,
            "observed_peer": arguments.observed_peer,
            "mail_from": arguments.mail_from,
            "mbox": arguments.mbox,
        });
        if journal.read(&of)? == 0 {
            journal.append(format!("{of}\n").as_bytes())?;
        }
        Ok(journal)
    }

    /// Reads what is done; how many bytes that is.
    fn read(&mut self, of: &Value) -> Result<u64, CommandError> {
        let path = self.path.clone();
        let unreadable = |error| CommandError::File { path: path.clone(), error };
        let mut input = BufReader::new(&self.file);
        let (mut line, mut at) = (Vec::new(), 0);
        let (files, mboxes) = (&mut self.files, &mut self.mboxes);
        loop {
            line.clear();
            input.read_until(b'\n', &mut line).map_err(unreadable)?;
            if !line.ends_with(b"\n") {
                break;
            }
            let noted: Value = serde_json::from_slice(&line).unwrap_or_default();
            if at == 0 && noted != *of {
                let what = format!("{} is of another import: {noted}; this one is of {of}", path.display());
                return Err(CommandError::Usage(what));
            }
            at += line.len() as u64;
            let Some(is) = noted["is"].as_str().and_then(of_hex) else { continue };
            match (noted["messages"].as_u64(), noted["end"].as_u64(), noted["before"].as_str()) {
                (Some(messages), Some(end), Some(before)) => {
                    drop(mboxes.insert(is, Taken { messages, end, before: before.to_owned() }));
                }
                _ => drop(files.insert(is)),
            }
        }
        self.file.set_len(at).map_err(unreadable)?;
        Ok(at)
    }

    /// Whether this message file is done.
    pub(super) fn has(&self, path: &Path, metadata: &Metadata) -> bool {
        self.files.contains(&is_file(path, metadata))
    }

    /// How far this mbox was taken.
    pub(super) fn taken(&self, path: &Path) -> Option<&Taken> {
        self.mboxes.get(&is_path(path))
    }

    /// Notes what is done, durably.
    ///
    /// # Errors
    /// When it cannot be written; what was noted before stands.
    pub(super) fn note(&mut self, done: &[Done]) -> Result<(), CommandError> {
        let mut lines = String::new();
        for (at, one) in done.iter().enumerate() {
            let line = match one {
                Done::File { path, is } => json!({ "file": path.to_string_lossy(), "is": hex(*is) }),
                Done::Mbox { path, messages, end } => {
                    // Of an mbox the last word holds.
                    let more =
                        done[at + 1..].iter().any(|next| matches!(next, Done::Mbox { path: of, .. } if of == path));
                    if more {
                        continue;
                    }
                    let before =
                        window(path, *end).map_err(|error| CommandError::File { path: path.clone(), error })?;
                    let is = hex(is_path(path));
                    json!({ "mbox": path.to_string_lossy(), "is": is, "messages": messages, "end": end, "before": before })
                }
            };
            lines += &format!("{line}\n");
        }
        self.append(lines.as_bytes())
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), CommandError> {
        let written = self.file.write_all(lines).and_then(|()| self.file.sync_data());
        written.map_err(|error| CommandError::File { path: self.path.clone(), error })
    }
}

impl Taken {
    /// Places `file` behind what was taken of it; whether it is still the same as far as that.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn find(&self, path: &Path, file: &mut File) -> io::Result<bool> {
        if file.metadata()?.len() < self.end || window(path, self.end)? != self.before {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.end))?;
        Ok(true)
    }
}

/// The digest of the bytes before `end`.
fn window(path: &Path, end: u64) -> io::Result<String> {
    let begin = end.saturating_sub(WINDOW);
    let mut bytes = vec![0; (end - begin) as usize];
    File::open(path)?.read_exact_at(&mut bytes, begin)?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

fn is_path(path: &Path) -> Is {
    digest(&[absolute(path).as_os_str().as_bytes()])
}

fn is_file(path: &Path, metadata: &Metadata) -> Is {
    let stamps = format!("\0{} {} {}", metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    digest(&[absolute(path).as_os_str().as_bytes(), stamps.as_bytes()])
}

/// The same from whichever folder the import is started.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn digest(parts: &[&[u8]]) -> Is {
    let hash = blake3::hash(&parts.concat());
    let mut is = Is::default();
    is.copy_from_slice(&hash.as_bytes()[..16]);
    is
}

fn hex(is: Is) -> String {
    is.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex(text: &str) -> Option<Is> {
    u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32).map(u128::to_be_bytes)
}
