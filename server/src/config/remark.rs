//! What there is to say about a settings file: mistakes and warnings, each with file, line, key, what is wrong, and the mend.
//!
//! Enters: places in the text and sentences. Leaves: [`Remark`]s that print as one plain line, and [`Picture`]s of them
//! with the source for a terminal. Refuses: to show a token. Pictures hold a copy of the text in which every value that
//! may be a token is blotted out, byte for byte, before anything is printed.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

/// Bytes of the settings text.
pub(super) type Span = Range<usize>;

/// What is wrong with one value, before its place is known.
#[derive(Debug)]
pub(super) struct Flaw {
    /// What is wrong, to be read after the key.
    pub(super) what: String,
    /// What to write instead.
    pub(super) mend: String,
}

impl Flaw {
    /// A flaw; `what` is read after the key and a colon, `mend` after a semicolon.
    pub(super) fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: what.into(), mend: mend.into() }
    }
}

/// Whether a remark keeps the settings from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It does.
    Mistake,
    /// It does not, but the operator should know.
    Warning,
}

/// A place in a settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// One remark on a settings file. Displays as one plain line:
/// `deploy/x.toml:12: relay.networks: "10.9.0.300/32" is not a network; write an address or a prefix, …`
#[derive(Clone, Debug, Error)]
#[error("{}: {what}; {mend}", self.place())]
pub struct Remark {
    /// Whether the settings can be used all the same.
    pub severity: Severity,
    /// The file as the operator named it.
    pub file: String,
    /// Where in the file; none if the remark is about the whole.
    pub position: Option<Position>,
    /// The key with its table, such as `relay.networks`; none if the remark is about the whole.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to write or do instead.
    pub mend: String,
    /// The same remark for a terminal.
    pub picture: Picture,
}

/// A remark with the source around it and the mend as a help line, for `miette` to print; tokens are blotted out.
#[derive(Clone, Debug, Error)]
#[error("{said}")]
pub struct Picture {
    /// Key and what is wrong.
    said: String,
    /// The mend.
    mend: String,
    /// Mistake or warning.
    severity: Severity,
    /// The blotted text under the file's name.
    source_text: NamedSource<Arc<str>>,
    /// The bytes that the remark is about.
    span: Option<SourceSpan>,
}

/// Why there are no settings: all mistakes of a file, in its order; at least one.
#[derive(Clone, Debug, Error)]
#[error("{file} has {}", counted(mistakes.len()))]
pub struct SettingsError {
    /// The file as the operator named it.
    pub file: String,
    /// The mistakes.
    pub mistakes: Vec<Remark>,
}

impl Remark {
    /// File, line and key, as far as they are known.
    fn place(&self) -> String {
        let line = self.position.map(|position| format!(":{}", position.line)).unwrap_or_default();
        let key = self.key.as_ref().map(|key| format!(": {key}")).unwrap_or_default();
        format!("{}{line}{key}", self.file)
    }
}

impl Diagnostic for Picture {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Mistake => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.mend))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.span.is_some().then_some(&self.source_text as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        let span = self.span?;
        Some(Box::new(std::iter::once(miette::LabeledSpan::new_with_span(None, span))))
    }
}

impl Diagnostic for SettingsError {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.mistakes.iter().map(|mistake| &mistake.picture as &dyn Diagnostic)))
    }
}

impl SettingsError {
    /// The one mistake that a file as a whole makes.
    pub(super) fn of_file(file: &str, what: String, mend: String) -> Self {
        let remarks = Remarks::new("");
        remarks.add(Severity::Mistake, None, None, Flaw::new(what, mend));
        let (mistakes, _) = remarks.into_sorted(file);
        Self { file: file.to_owned(), mistakes }
    }
}

/// The remarks on one text while it is read.
pub(super) struct Remarks<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    noted: RefCell<Vec<Note>>,
    secrets: RefCell<Vec<Span>>,
}

/// A remark whose place is still in bytes.
struct Note {
    severity: Severity,
    span: Option<Span>,
    key: Option<String>,
    flaw: Flaw,
}

impl<'t> Remarks<'t> {
    /// No remarks yet on `text`.
    pub(super) fn new(text: &'t str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, noted: RefCell::default(), secrets: RefCell::new(token_spans(text)) }
    }

    /// Notes a remark.
    pub(super) fn add(&self, severity: Severity, span: Option<Span>, key: Option<String>, flaw: Flaw) {
        self.noted.borrow_mut().push(Note { severity, span, key, flaw });
    }

    /// Notes bytes that may be a token, so that no picture shows them.
    pub(super) fn hide(&self, span: Span) {
        self.secrets.borrow_mut().push(span);
    }

    /// Whether a mistake was noted.
    pub(super) fn any_mistake(&self) -> bool {
        self.noted.borrow().iter().any(|note| note.severity == Severity::Mistake)
    }

    /// The line and column of a byte of the text.
    pub(super) fn position(&self, at: usize) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts[line - 1];
        let column = 1 + self.text.get(start..at).map_or(0, |before| before.chars().count());
        Position { line, column }
    }

    /// `value` with the warnings, if it is there and no mistake was noted.
    pub(super) fn finish<T>(self, file: &str, value: Option<T>) -> Result<(T, Vec<Remark>), SettingsError> {
        let (mistakes, warnings) = self.into_sorted(file);
        match value {
            Some(value) if mistakes.is_empty() => Ok((value, warnings)),
            _ => Err(SettingsError { file: file.to_owned(), mistakes }),
        }
    }

    /// The mistakes and the warnings, each in the order of the file, those about the whole first.
    fn into_sorted(self, file: &str) -> (Vec<Remark>, Vec<Remark>) {
        let mut noted = self.noted.take();
        noted.sort_by_key(|note| note.span.as_ref().map(|span| span.start));
        let blotted: Arc<str> = blot(self.text, &self.secrets.borrow()).into();
        let remarks = noted.into_iter().map(|note| self.remark(file, note, &blotted));
        remarks.partition(|remark| remark.severity == Severity::Mistake)
    }

    /// A note with its place in lines and its picture.
    fn remark(&self, file: &str, note: Note, blotted: &Arc<str>) -> Remark {
        let Note { severity, span, key, flaw: Flaw { what, mend } } = note;
        let said = key.as_ref().map_or_else(|| what.clone(), |key| format!("{key}: {what}"));
        let picture = Picture {
            said,
            mend: mend.clone(),
            severity,
            source_text: NamedSource::new(file, Arc::clone(blotted)),
            span: span.clone().map(SourceSpan::from),
        };
        let position = span.map(|span| self.position(span.start));
        Remark { severity, file: file.to_owned(), position, key, what, mend, picture }
    }
}

/// Where a text, valid TOML or not, seems to hold a token: what follows `token =` or a misspelling that begins like it, to
/// the end of the line or of the multi-line text. Files and digests are no secrets.
fn token_spans(text: &str) -> Vec<Span> {
    let folded = text.to_ascii_lowercase();
    let in_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let found = folded.match_indices("tok").filter_map(|(start, _)| {
        let rest = &folded[start..];
        let key = &rest[..rest.find(|c| !in_key(c)).unwrap_or(rest.len())];
        if folded[..start].ends_with(in_key) || matches!(key, "token-file" | "token-digest") {
            return None;
        }
        let value = rest[key.len()..].trim_start_matches(['"', '\'', ' ', '\t']).strip_prefix('=')?;
        let value = value.trim_start_matches([' ', '\t']);
        let multi_line = ["\"\"\"", "'''"].into_iter().find(|quotes| value.starts_with(quotes));
        let length = match multi_line {
            Some(quotes) => value[3..].find(quotes).map_or(value.len(), |end| 3 + end),
            None => value.find('\n').unwrap_or(value.len()),
        };
        let value_start = folded.len() - value.len();
        Some(value_start..value_start + length)
    });
    found.collect()
}

/// `text` with every byte of `spans` but line ends replaced by an asterisk, so that places stay the same.
fn blot(text: &str, spans: &[Span]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        for byte in bytes.get_mut(span.clone()).unwrap_or_default() {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b'*';
            }
        }
    }
    // Spans end between characters; if one ever did not, an empty picture is better than a wrong place.
    String::from_utf8(bytes).unwrap_or_default()
}

/// "a mistake", "2 mistakes".
fn counted(mistakes: usize) -> String {
    if mistakes == 1 { "a mistake".to_owned() } else { format!("{mistakes} mistakes") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_one_plain_line() {
        let remarks = Remarks::new("a = 1\nb = 2\n");
        let flaw = Flaw::new("\"2\" is not a thing", "write a thing");
        remarks.add(Severity::Mistake, Some(10..11), Some("x.b".to_owned()), flaw);
        let (mistakes, warnings) = remarks.into_sorted("f.toml");
        assert!(warnings.is_empty());
        assert_eq!(mistakes[0].position, Some(Position { line: 2, column: 5 }));
        assert_eq!(mistakes[0].to_string(), "f.toml:2: x.b: \"2\" is not a thing; write a thing");
        assert_eq!(mistakes[0].picture.to_string(), "x.b: \"2\" is not a thing");
    }

    #[test]
    fn tokens_are_blotted_out_even_of_broken_text() {
        let shown = |text: &str| blot(text, &token_spans(text));
        assert_eq!(shown("token = \"s\"\nx=1"), "token = ***\nx=1");
        assert_eq!(shown("tokn=s"), "tokn=*");
        assert_eq!(shown("{name = 'a', 'token' = \"s\"}"), "{name = 'a', 'token' = ****");
        assert_eq!(shown("TOKEN = \"s ü"), "TOKEN = *****");
        assert_eq!(shown("token = \"\"\"\ns\nt\"\"\"\ny"), "token = ***\n*\n*\"\"\"\ny");
        assert_eq!(shown("token-file = \"t\"\ntoken-digest = \"d\""), "token-file = \"t\"\ntoken-digest = \"d\"");
        assert_eq!(shown("stoke = 1\ntok"), "stoke = 1\ntok");
    }
}
