//! What is wrong with a file of a static list, said so that its operator can mend it.

use std::fmt;

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
    /// The Unix second from which they would be taken, if all that is wrong is a stamp in the future.
    pub not_before: Option<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            let between = if at == 0 { "" } else { "\n" };
            write!(out, "{between}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Bytes of a file as a message quotes them: escaped, and not too many.
pub(super) fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let shown = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    if bytes.len() > SHOWN { format!("\"{shown}...\"") } else { format!("\"{shown}\"") }
}
