//! What is wrong with a file of a static list, said so that its operator can mend it.

use std::fmt;
use std::net::IpAddr;

use super::MISTAKES_COUNTED_MAX;

/// What is wrong with a line, and how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Flaw {
    pub(super) what: String,
    pub(super) mend: &'static str,
}

impl Flaw {
    pub(super) fn new(what: impl Into<String>, mend: &'static str) -> Self {
        Self { what: what.into(), mend }
    }
}

/// A line that cannot be taken at its word, or a file that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file's name.
    pub file: String,
    /// The line's number, from 1; none if the whole file is meant.
    pub line: Option<u64>,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, mend } = self;
        match line {
            Some(line) => write!(out, "{file}:{line}: {what}; {mend}"),
            None => write!(out, "{file}: {what}; {mend}"),
        }
    }
}

/// Why the files of a list are not served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The first mistakes, up to [`MISTAKES_MAX`](super::MISTAKES_MAX), in the order of the files; at least one.
    pub mistakes: Vec<Mistake>,
    /// How many there are, those that are not told among them; up to [`MISTAKES_COUNTED_MAX`].
    pub count: u64,
    /// An address that has too many values, if that is what is wrong.
    pub crowded: Option<IpAddr>,
    /// The Unix second from which they would be taken, if all that is wrong is a stamp in the future.
    pub not_before: Option<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            let between = if at == 0 { "" } else { "\n" };
            write!(out, "{between}{mistake}")?;
        }
        if let Some(more) = self.more() {
            write!(out, "\n{more}")?;
        }
        Ok(())
    }
}

impl Refusal {
    /// How many mistakes are not told, in words; none if all are.
    pub(super) fn more(&self) -> Option<String> {
        let more = self.count.saturating_sub(self.mistakes.len() as u64);
        let least = if self.count >= MISTAKES_COUNTED_MAX { "at least " } else { "" };
        (more > 0).then(|| format!("and {least}{more} more"))
    }
}

impl std::error::Error for Refusal {}

/// Bytes of a file as a message quotes them: escaped, and not too many.
pub(super) fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    if bytes.len() > SHOWN { format!("\"{shown}...\"") } else { format!("\"{shown}\"") }
}
