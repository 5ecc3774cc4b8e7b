//! Messages from files: one message, an mbox, a Maildir, a folder of messages, or standard input.
//!
//! An mbox (RFC 4155) is a file whose first line is a `From ` line with a time of day and a year; it is cut at each such
//! line behind an empty one, and `>From ` quoting loses one level. Of a message longer than the analyzer reads, only the
//! beginning is kept, one octet more than the limit, so that it is refused as too large and takes no more memory.

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use firsthand_analyzer::sample::MESSAGE_LIMIT;
use memchr::memmem;

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
            for_each_file(path, &mut |file| {
                let unreadable = |error| Unreadable { path: file.to_owned(), error };
                let input = BufReader::new(fs::File::open(file).map_err(unreadable)?);
                take_file(file, &file.display().to_string(), input, split, take)
            })?;
        }
    }
    Ok(())
}

/// Hands `path`, or every file below it, to `take`, in the order of their names; and what is there no more. What lies in a
/// folder and is no file (a pipe, a socket) is none of it.
///
/// # Errors
/// The first folder that could not be read, or what `take` returns.
pub fn for_each_file<E: From<Unreadable>>(path: &Path, take: &mut impl FnMut(&Path) -> Result<(), E>) -> Result<(), E> {
    let unreadable = |error| Unreadable { path: path.to_owned(), error };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return take(path);
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
    entries.iter().try_for_each(|entry| match fs::metadata(entry) {
        Ok(metadata) if metadata.is_dir() => for_each_file(entry, take),
        Ok(metadata) if !metadata.is_file() => Ok(()),
        // A mail reader moves messages within a Maildir; what became of it is told when it is opened.
        _ => take(entry),
    })
}

/// Whether a message that was not cut is several: an mbox whose `From ` lines nobody asked to heed.
pub fn looks_like_mbox(message: &[u8]) -> bool {
    let first = message.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let again = |separator: &[u8]| memmem::find(message, separator).is_some();
    is_from_line(first) && (again(b"\n\nFrom ") || again(b"\r\n\r\nFrom "))
}

fn take_file<E: From<Unreadable>>(
    path: &Path,
    place: &str,
    input: impl BufRead,
    split: Split,
    take: &mut impl FnMut(Found) -> Result<(), E>,
) -> Result<(), E> {
    let unreadable = |error| Unreadable { path: path.to_owned(), error };
    let mut messages = Messages::begin(input, split).map_err(unreadable)?;
    while let Some(one) = messages.next_one().map_err(unreadable)? {
        take(Found { place: one.place(place), message: one.message })?;
    }
    Ok(())
}

/// One message of a file.
pub struct One {
    /// The message.
    pub message: Vec<u8>,
    /// Which one of the file it is, from 1.
    pub number: u64,
    /// Where what comes behind it begins: the next one's `From ` line, or what will be appended.
    pub end: u64,
    /// Whether it is all that the file holds.
    only: bool,
}

impl One {
    /// Where it was found: `file`, with `#N` for the Nth message of an mbox.
    pub fn place(&self, file: &str) -> String {
        if self.only { file.to_owned() } else { format!("{file}#{}", self.number) }
    }
}

/// The messages of a file, one after the other; no more than one is held.
pub struct Messages<R> {
    input: R,
    /// The number of the next message.
    number: u64,
    /// How far the file was read.
    at: u64,
    /// What was read of the next message.
    next: Next,
}

/// What is known of the next message.
enum Next {
    /// It stands behind a `From ` line, of an mbox.
    OfMbox,
    /// It is all of the file, and begins with this.
    Alone(Vec<u8>),
    /// There is none.
    None,
}

impl<R: BufRead> Messages<R> {
    /// The messages of `input`, from its beginning.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(mut input: R, split: Split) -> io::Result<Self> {
        let mut first = Vec::new();
        let at = read_line(&mut input, &mut first)? as u64;
        let next = if split == Split::Mbox && is_from_line(&first) { Next::OfMbox } else { Next::Alone(first) };
        Ok(Self { input, number: 1, at, next })
    }

    /// The messages of an mbox that come behind the first `taken`, where `input` stands at what comes behind these, which is
    /// at `at` of the file; none if there is something else.
    ///
    /// # Errors
    /// What the system says.
    pub fn resume(mut input: R, mut at: u64, taken: u64) -> io::Result<Option<Self>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            at += read_line(&mut input, &mut line)? as u64;
            let next = match line.trim_ascii_end() {
                _ if is_from_line(&line) => Next::OfMbox,
                [] if line.is_empty() => Next::None,
                [] => continue,
                _ => return Ok(None),
            };
            return Ok(Some(Self { input, number: taken + 1, at, next }));
        }
    }

    /// The next message.
    ///
    /// # Errors
    /// What the system says.
    pub fn next_one(&mut self) -> io::Result<Option<One>> {
        let number = self.number;
        self.number += 1;
        match std::mem::replace(&mut self.next, Next::None) {
            Next::None => Ok(None),
            Next::Alone(mut message) => {
                let rest = (MESSAGE_LIMIT + 1).saturating_sub(message.len());
                self.at += (&mut self.input).take(rest as u64).read_to_end(&mut message)? as u64;
                Ok(Some(One { message, number, end: self.at, only: true }))
            }
            Next::OfMbox => {
                let (message, read, next) = read_message(&mut self.input)?;
                self.at += read;
                let end = self.at;
                if let Some(line) = next {
                    self.at += line;
                    self.next = Next::OfMbox;
                }
                Ok(Some(One { message, number, end, only: number == 1 && next.is_none() }))
            }
        }
    }
}

/// Reads the message behind a `From ` line up to the next one: with how many octets of the file it took, and how many the
/// next `From ` line has, if there is one.
fn read_message(input: &mut impl BufRead) -> io::Result<(Vec<u8>, u64, Option<u64>)> {
    let mut message = Vec::new();
    let mut line = Vec::new();
    let mut after_empty = false;
    let mut read = 0;
    loop {
        line.clear();
        let length = read_line(input, &mut line)? as u64;
        if line.is_empty() {
            return Ok((message, read, None));
        }
        if after_empty && is_from_line(&line) {
            return Ok((message, read, Some(length)));
        }
        read += length;
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

    /// Where each message ends is where the rest is taken up, whatever was appended since.
    #[test]
    fn an_mbox_is_taken_up_where_it_was_left() {
        let mbox = b"From a@b Thu Aug 22 12:46:39 2002\nA: 1\n\nx\n\nFrom c@d Fri Aug 23 01:02:03 2002\nA: 2\n\nFrom e@f Fri Aug 23 01:02:03 2002\nA: 3\n";
        let mut messages = Messages::begin(&mbox[..], Split::Mbox).unwrap();
        let mut ends = Vec::new();
        while let Some(one) = messages.next_one().unwrap() {
            ends.push((one.number, one.end));
        }
        assert_eq!(ends.len(), 3);
        for (taken, end) in ends {
            let appended = [&mbox[end as usize..], b"\nFrom g@h Fri Aug 23 01:02:03 2002\nA: 4\n"].concat();
            let mut rest = Messages::resume(&appended[..], end, taken).unwrap().unwrap();
            let mut numbers = Vec::new();
            while let Some(one) = rest.next_one().unwrap() {
                assert_eq!(
                    (one.place("x"), &one.message[..5]),
                    (format!("x#{}", one.number), format!("A: {}\n", one.number).as_bytes())
                );
                numbers.push(one.number);
            }
            assert_eq!(numbers, (taken + 1..=4).collect::<Vec<_>>());
        }
        assert!(Messages::resume(&mbox[5..], 5, 1).unwrap().is_none());
        assert!(Messages::resume(&b"\n"[..], 5, 1).unwrap().unwrap().next_one().unwrap().is_none());
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
