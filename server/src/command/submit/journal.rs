//! What of an import is done (`--resume`), so that one that broke off goes on where it was.
//!
//! Format: JSON Lines, appended and synced after each batch that was answered. The first line says what the import is of; it
//! must be the same when it goes on. Then comes a line for each message file, or each stretch of an mbox:
//!
//! ```json
//! {"feed":"traps","trap":"sales@traps.example","recipient":null,"observed_peer":null,"mail_from":null,"mbox":true}
//! {"file":"Maildir/new/1.host","is":"<digest>"}
//! {"mbox":"old.mbox","is":"<digest>","messages":57,"end":123456,"before":"<digest>"}
//! {"mbox":"old.mbox","is":"<digest>","refused":7,"begin":10240}
//! {"mbox":"old.mbox","is":"<digest>","taken":7}
//! {"mbox":"old.mbox","is":"<digest>","changed":true}
//! ```
//!
//! What was refused is not done: a message file is not noted, and the messages of an mbox that were are noted with their number
//! and where they begin, to be handed in again. `taken` says that one was taken since; `changed`, that of the mbox nothing that
//! was noted before holds any more.
//!
//! `is` is the BLAKE3 digest of the path, for a message file with its size and time of change: a file that changed is another
//! one. `before` is that of the bytes before `end`, [`WINDOW`] at most: an mbox from which something was deleted is not what it
//! was, one that was appended to is. A last line without an end was being written when the import ended, and is dropped.

use std::collections::{BTreeMap, HashMap, HashSet};
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
    /// The messages of mboxes that were refused, by number, and where each begins.
    refused: HashMap<Is, BTreeMap<u64, u64>>,
}

/// A thing that is done when its message was taken.
#[derive(Clone, Debug)]
pub(super) enum Done {
    /// A message file.
    File { path: PathBuf, is: Is },
    /// An mbox as far as this; its last message begins there.
    Mbox { path: PathBuf, messages: u64, begin: u64, end: u64 },
    /// A message of an mbox that was refused before.
    Again { path: PathBuf, number: u64 },
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
        let mut journal = Self {
            path: path.to_owned(),
            file,
            files: HashSet::new(),
            mboxes: HashMap::new(),
            refused: HashMap::new(),
        };
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
        let (files, mboxes, refused) = (&mut self.files, &mut self.mboxes, &mut self.refused);
        loop {
            line.clear();
            input.read_until(b'\n', &mut line).map_err(unreadable)?;
            if !line.ends_with(b"\n") {
                if at == 0 && !format!("{of}").as_bytes().starts_with(&line) {
                    return Err(CommandError::Usage(format!(
                        "{} is there, and no journal of an import",
                        path.display()
                    )));
                }
                break;
            }
            let noted: Value = serde_json::from_slice(&line).unwrap_or_default();
            if at == 0 && noted != *of {
                let what = format!("{} is of another import: {noted}; this one is of {of}", path.display());
                return Err(CommandError::Usage(what));
            }
            at += line.len() as u64;
            let Some(is) = noted["is"].as_str().and_then(of_hex) else { continue };
            let number = |key: &str| noted[key].as_u64();
            if let (Some(messages), Some(end), Some(before)) =
                (number("messages"), number("end"), noted["before"].as_str())
            {
                mboxes.insert(is, Taken { messages, end, before: before.to_owned() });
            } else if let (Some(message), Some(begin)) = (number("refused"), number("begin")) {
                refused.entry(is).or_default().insert(message, begin);
            } else if let Some(message) = number("taken") {
                refused.entry(is).or_default().remove(&message);
            } else if noted["changed"] == true {
                mboxes.remove(&is);
                refused.remove(&is);
            } else if noted.get("file").is_some() {
                files.insert(is);
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

    /// The messages of this mbox that were refused: their numbers, and where each begins.
    pub(super) fn refused(&self, path: &Path) -> Vec<(u64, u64)> {
        self.refused.get(&is_path(path)).into_iter().flatten().map(|(number, begin)| (*number, *begin)).collect()
    }

    /// Notes, durably, that nothing holds of what was noted of this mbox.
    ///
    /// # Errors
    /// When it cannot be written; what was noted before stands.
    pub(super) fn forget(&mut self, path: &Path) -> Result<(), CommandError> {
        let is = is_path(path);
        self.mboxes.remove(&is);
        self.refused.remove(&is);
        self.append(
            format!("{}\n", json!({ "mbox": path.to_string_lossy(), "is": hex(is), "changed": true })).as_bytes(),
        )
    }

    /// Notes what was answered, durably: each with whether it was taken.
    ///
    /// # Errors
    /// When it cannot be written; what was noted before stands.
    pub(super) fn note(&mut self, answered: &[(Done, bool)]) -> Result<(), CommandError> {
        let mut lines = String::new();
        for (at, (done, taken)) in answered.iter().enumerate() {
            let mut of_mbox = |path: &Path, mut noted: Value| {
                noted["mbox"] = path.to_string_lossy().into();
                noted["is"] = hex(is_path(path)).into();
                lines += &format!("{noted}\n");
            };
            match done {
                Done::File { path, is } if *taken => {
                    lines += &format!("{}\n", json!({ "file": path.to_string_lossy(), "is": hex(*is) }));
                }
                Done::Again { path, number } if *taken => of_mbox(path, json!({ "taken": number })),
                Done::File { .. } | Done::Again { .. } => {}
                Done::Mbox { path, messages, begin, end } => {
                    if !taken {
                        of_mbox(path, json!({ "refused": messages, "begin": begin }));
                    }
                    // Of how far it is done, the last word holds.
                    let is_later = |(next, _): &(Done, bool)| matches!(next, Done::Mbox { path: of, .. } if of == path);
                    if !answered[at + 1..].iter().any(is_later) {
                        let before = window(path, *end);
                        let before = before.map_err(|error| CommandError::File { path: path.clone(), error })?;
                        of_mbox(path, json!({ "messages": messages, "end": end, "before": before }));
                    }
                }
            }
        }
        if lines.is_empty() { Ok(()) } else { self.append(lines.as_bytes()) }
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
