//! Messages from files: one message, an mbox, a Maildir, a folder of messages, or standard input.
//!
//! An mbox (RFC 4155) is a file whose first line is a `From ` line with a time of day and a year; it is cut at each such
//! line behind an empty one, and `>From ` quoting loses one level.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// One message with where it was found.
pub struct Found {
    /// The path, with `#N` for the Nth message of an mbox.
    pub place: String,
    /// The message.
    pub message: Vec<u8>,
}

/// A place that could not be read.
pub struct Unreadable {
    /// The place.
    pub path: PathBuf,
    /// What the system says.
    pub error: io::Error,
}

/// Hands every message below `paths` to `take`, in the order of the paths, files of a folder by name.
///
/// # Errors
/// The first place that could not be read, or what `take` returns.
pub fn for_each_message<E: From<Unreadable>>(
    paths: &[PathBuf],
    take: &mut impl FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Unreadable { path: path.clone(), error })?;
            take_file("-", bytes, take)?;
        } else {
            walk(path, take)?;
        }
    }
    Ok(())
}

fn walk<E: From<Unreadable>>(path: &Path, take: &mut impl FnMut(Found) -> Result<(), E>) -> Result<(), E> {
    let unreadable = |error| Unreadable { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return take_file(&path.display().to_string(), fs::read(path).map_err(unreadable)?, take);
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        entries.push(entry.map_err(unreadable)?.path());
    }
    // In a Maildir, what lies in tmp is not delivered yet.
    let maildir = path.join("cur").is_dir() && path.join("new").is_dir();
    entries.retain(|entry| {
        let name = entry.file_name().unwrap_or_default().as_encoded_bytes();
        !name.starts_with(b".") && (!maildir || name == b"cur" || name == b"new")
    });
    entries.sort();
    entries.iter().try_for_each(|entry| walk(entry, take))
}

fn take_file<E>(place: &str, bytes: Vec<u8>, take: &mut impl FnMut(Found) -> Result<(), E>) -> Result<(), E> {
    if !is_from_line(bytes.split(|byte| *byte == b'\n').next().unwrap_or_default()) {
        return take(Found { place: place.to_owned(), message: bytes });
    }
    let messages = split_mbox(&bytes);
    let several = messages.len() > 1;
    for (index, message) in messages.into_iter().enumerate() {
        let place = if several { format!("{place}#{}", index + 1) } else { place.to_owned() };
        take(Found { place, message })?;
    }
    Ok(())
}

/// Cuts an mbox into messages without their `From ` lines.
fn split_mbox(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    let mut after_empty = true;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if after_empty && is_from_line(line) {
            messages.push(Vec::new());
        } else if let Some(message) = messages.last_mut() {
            let unquoted = line.iter().position(|byte| *byte != b'>').unwrap_or(0);
            let quoted = unquoted > 0 && line[unquoted..].starts_with(b"From ");
            message.extend_from_slice(if quoted { &line[1..] } else { line });
        }
        after_empty = line.trim_ascii_end().is_empty();
    }
    messages
}

/// `From sender Thu Aug 22 12:46:39 2002`, with or without a zone.
fn is_from_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"From ") else { return false };
    let mut words = rest.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let time = |word: &[u8]| word.len() >= 4 && word.contains(&b':') && word[0].is_ascii_digit();
    let year = |word: &[u8]| word.len() == 4 && word.iter().all(u8::is_ascii_digit);
    words.any(time) && words.any(year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_cut_at_its_from_lines() {
        let mbox = b"From a@b Thu Aug 22 12:46:39 2002\nA: 1\n\nFrom me to you\n>From x\n\nFrom c@d Fri Aug 23 01:02:03 2002 +0100\nA: 2\n\n";
        let messages = split_mbox(mbox);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0], b"A: 1\n\nFrom me to you\nFrom x\n\n");
        assert_eq!(messages[1], b"A: 2\n\n");
    }
}
