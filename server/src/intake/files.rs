//! Messages from files: one message, an mbox, a Maildir, a folder of messages, or standard input.
//!
//! An mbox (RFC 4155) is a file whose first line is a `From ` line with a time of day and a year; it is cut at each such
//! line behind an empty one, and `>From ` quoting loses one level. Of a message longer than the analyzer reads, only the
//! beginning is kept, one octet more than the limit, so that it is refused as too large and takes no more memory.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use firsthand_analyzer::sample::MESSAGE_LIMIT;

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

/// Whether a file that begins with a `From ` line is an mbox.
///
/// A message alone may begin with such a line too, and then nothing in its body is quoted: whoever cuts it hands in what
/// its sender wrote there as if a relay had taken it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// It is cut at its `From ` lines.
    Mbox,
    /// It is one message, whose `From ` line is skipped.
    Never,
}

/// Hands every message below `paths` to `take`, in the order of the paths, files of a folder by name.
///
/// # Errors
/// The first place that could not be read, or what `take` returns.
pub fn for_each_message<E: From<Unreadable>>(
    paths: &[PathBuf],
    split: Split,
    take: &mut impl FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    for path in paths {
        if path.as_os_str() == "-" {
            take_file(path, "-", io::stdin().lock(), split, take)?;
        } else {
            walk(path, split, take)?;
        }
    }
    Ok(())
}

fn walk<E: From<Unreadable>>(
    path: &Path,
    split: Split,
    take: &mut impl FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |error| Unreadable { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        let file = BufReader::new(fs::File::open(path).map_err(unreadable)?);
        return take_file(path, &path.display().to_string(), file, split, take);
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
    entries.iter().try_for_each(|entry| walk(entry, split, take))
}

fn take_file<E: From<Unreadable>>(
    path: &Path,
    place: &str,
    mut input: impl BufRead,
    split: Split,
    take: &mut impl FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |error| Unreadable { path: path.to_owned(), error };
    let mut first = Vec::new();
    read_line(&mut input, &mut first).map_err(unreadable)?;
    if split == Split::Never || !is_from_line(&first) {
        let rest = (MESSAGE_LIMIT + 1).saturating_sub(first.len());
        input.take(rest as u64).read_to_end(&mut first).map_err(unreadable)?;
        return take(Found { place: place.to_owned(), message: first });
    }
    let mut number = 1;
    loop {
        let (message, more) = read_message(&mut input).map_err(unreadable)?;
        let place = if number > 1 || more { format!("{place}#{number}") } else { place.to_owned() };
        take(Found { place, message })?;
        if !more {
            return Ok(());
        }
        number += 1;
    }
}

/// Reads the message behind a `From ` line up to the next one; whether there is a next one.
fn read_message(input: &mut impl BufRead) -> io::Result<(Vec<u8>, bool)> {
    let mut message = Vec::new();
    let mut line = Vec::new();
    let mut after_empty = false;
    loop {
        line.clear();
        read_line(input, &mut line)?;
        if line.is_empty() {
            return Ok((message, false));
        }
        if after_empty && is_from_line(&line) {
            return Ok((message, true));
        }
        let unquoted = line.iter().position(|byte| *byte != b'>').unwrap_or(0);
        let quoted = unquoted > 0 && line[unquoted..].starts_with(b"From ");
        let text = if quoted { &line[1..] } else { &line[..] };
        let room = (MESSAGE_LIMIT + 1).saturating_sub(message.len());
        message.extend_from_slice(&text[..text.len().min(room)]);
        after_empty = line.trim_ascii_end().is_empty();
    }
}

/// Reads a line with its end; of one that is longer than a message may be, a piece.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    input.take(MESSAGE_LIMIT as u64 + 1).read_until(b'\n', line)
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

    fn messages_of(bytes: &[u8], split: Split) -> Vec<(String, Vec<u8>)> {
        let mut messages = Vec::new();
        let taken = take_file(Path::new("x"), "x", bytes, split, &mut |Found { place, message }| {
            messages.push((place, message));
            Ok::<(), Unreadable>(())
        });
        assert!(taken.is_ok());
        messages
    }

    #[test]
    fn an_mbox_is_cut_at_its_from_lines() {
        let mbox = b"From a@b Thu Aug 22 12:46:39 2002\nA: 1\n\nFrom me to you\n>From x\n\nFrom c@d Fri Aug 23 01:02:03 2002 +0100\nA: 2\n\n";
        let messages = messages_of(mbox, Split::Mbox);
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0], ("x#1".to_owned(), b"A: 1\n\nFrom me to you\nFrom x\n\n".to_vec()));
        assert_eq!(messages[1], ("x#2".to_owned(), b"A: 2\n\n".to_vec()));
        assert_eq!(messages_of(&mbox[..40], Split::Mbox), [("x".to_owned(), b"A: 1\n\n".to_vec())]);
    }

    /// What a sender writes into a body is no message of its own, where a message comes alone with a `From ` line.
    #[test]
    fn a_message_alone_is_never_cut() {
        let message =
            b"From a@b Thu Aug 22 12:46:39 2002\nA: 1\n\nFrom c@d Fri Aug 23 01:02:03 2002\nReceived: forged\n";
        assert_eq!(messages_of(message, Split::Never), [("x".to_owned(), message.to_vec())]);
        assert_eq!(messages_of(message, Split::Mbox).len(), 2);
    }

    #[test]
    fn one_message_is_one_message() {
        assert_eq!(messages_of(b"From: x\n\nFrom me", Split::Mbox), [("x".to_owned(), b"From: x\n\nFrom me".to_vec())]);
        assert_eq!(messages_of(b"", Split::Mbox), [("x".to_owned(), Vec::new())]);
        let long = vec![b'x'; MESSAGE_LIMIT + 10];
        assert_eq!(messages_of(&long, Split::Mbox)[0].1.len(), MESSAGE_LIMIT + 1);
        let mbox = [b"From a@b Thu Aug 22 12:46:39 2002\n".as_slice(), &long].concat();
        assert_eq!(messages_of(&mbox, Split::Mbox)[0].1.len(), MESSAGE_LIMIT + 1);
    }
}
