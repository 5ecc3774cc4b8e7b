//! The settings file: its text, and its TOML.
//!
//! Enters: a path. Leaves: the text, then its tree with byte spans, or remarks on every place that is not TOML, in an operator's words.
//! Refuses: to guess. A tree that the parser had to mend is not read any further, since what it lost would be missed twice.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::de::DeTable;

use super::SETTINGS_BYTES_MAX;
use super::remark::{Flaw, Remarks, SettingsError, Severity, Span};

/// The text of the settings file at `path`.
pub(super) fn text(path: &Path) -> Result<String, SettingsError> {
    let name = path.display().to_string();
    let unreadable = |what: String, mend: &str| SettingsError::of_file(&name, what, mend.to_owned());
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(SETTINGS_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(
        |error: io::Error| {
            unreadable(format!("cannot be read: {error}"), "name a settings file that this user can read")
        },
    )?;
    if bytes.len() as u64 > SETTINGS_BYTES_MAX {
        let what = format!("is longer than {SETTINGS_BYTES_MAX} bytes");
        return Err(unreadable(what, "check that it is the settings file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes()[..valid].iter().filter(|&&byte| byte == b'\n').count();
        unreadable(format!("line {line} is not UTF-8 text"), "save the file as UTF-8")
    })
}

/// A text above all tables, also of a file that has mistakes elsewhere.
pub(super) fn top_text(text: &str, key: &str) -> Option<String> {
    let (tree, _) = DeTable::parse_recoverable(text);
    tree.get_ref().get(key)?.get_ref().as_str().map(str::to_owned)
}

/// The TOML tree of `text`; what is not TOML is remarked on, all of it.
pub(super) fn tree<'t>(text: &'t str, remarks: &Remarks<'t>) -> Option<DeTable<'t>> {
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().filter(|span| text.get(span.clone()).is_some());
        let key = span.as_ref().and_then(|span| key_before(text, span));
        let example = key.unwrap_or("key");
        let flaw = match error.message() {
            "duplicate key" => Flaw::new("is written twice", "keep one of the two"),
            message if message.starts_with("string values must be quoted") => {
                Flaw::new("its text has no quotes", format!("write {example} = \"text\""))
            }
            message => {
                let mend = "write key = \"text\", key = 2.5, key = [\"a\", \"b\"], [table] or [[table]]";
                Flaw::new(format!("is not TOML: {message}"), mend)
            }
        };
        let key = match (span.as_ref(), key) {
            (Some(span), Some(key)) => Some(within_table(text, span, key)),
            _ => None,
        };
        remarks.add(Severity::Mistake, span, key, flaw);
    }
    errors.is_empty().then(|| tree.into_inner())
}

/// The plain key that `span` is, or that stands before `=` in the line where it begins.
fn key_before<'t>(text: &'t str, span: &Span) -> Option<&'t str> {
    let line = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let key = match text[line..span.start].split_once('=') {
        Some((key, _)) => key.trim(),
        None => text[span.clone()].trim(),
    };
    is_plain(key).then_some(key)
}

/// `key` with the table in whose lines `span` lies, as far as a broken text tells.
fn within_table(text: &str, span: &Span, key: &str) -> String {
    let line = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    if text[line..].trim_start().starts_with('[') {
        return key.to_owned();
    }
    let header = text[..line].lines().rev().find_map(|line| line.trim_start().strip_prefix('['));
    let table = header.map(|header| header.trim_start_matches('[').split(']').next().unwrap_or_default().trim());
    match table.filter(|table| is_plain(table)) {
        Some(table) => format!("{table}.{key}"),
        None => key.to_owned(),
    }
}

/// Whether `key` is a bare or dotted key.
fn is_plain(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !key.is_empty() && key.chars().all(plain)
}
