//! TOML tables and values with their keys and places, so that every refusal can name its line.
//!
//! Enters: a parsed TOML tree with byte spans. Leaves: texts, numbers, words and lists, or `None` with a remark noted.
//! Refuses: keys that nobody asked for ([`Table::finish`]). A plain serde derive stops at the first mistake and knows no
//! lines afterwards; this walk finds all of them.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::remark::{Flaw, Remarks, Severity, Span};
use super::word::{Word, listed, nearest};

/// A table, and which of its keys were asked for.
pub(super) struct Table<'t> {
    /// What messages call it: empty for the file itself.
    path: &'static str,
    /// The line that begins it.
    span: Option<Span>,
    entries: &'t DeTable<'t>,
    known: Vec<&'static str>,
    remarks: &'t Remarks<'t>,
}

/// A value under its key.
#[derive(Clone)]
pub(super) struct Value<'t> {
    /// The key with its table, such as `relay.networks`.
    key: String,
    value: &'t Spanned<DeValue<'t>>,
    remarks: &'t Remarks<'t>,
}

impl<'t> Table<'t> {
    /// The file itself.
    pub(super) fn root(entries: &'t DeTable<'t>, remarks: &'t Remarks<'t>) -> Self {
        Self { path: "", span: None, entries, known: Vec::new(), remarks }
    }

    /// The value of `key`, if there is one; `key` is known from now on.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'t>> {
        self.known.push(key);
        let value = self.entries.get(key)?;
        Some(Value { key: self.key(key), value, remarks: self.remarks })
    }

    /// The value of a key that has no default, or a remark.
    pub(super) fn require(&mut self, key: &'static str, example: &str) -> Option<Value<'t>> {
        let value = self.take(key);
        if value.is_none() {
            self.refuse(key, Flaw::new("is missing", format!("write {key} = {example}")));
        }
        value
    }

    /// What `read` makes of the value of `key`, or `default` without one; none if it was refused.
    pub(super) fn or_default<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'t>) -> Option<T>,
    ) -> Option<T> {
        match self.take(key) {
            Some(value) => read(&value),
            None => Some(default),
        }
    }

    /// Refuses what this table says about `key`, or that it says nothing.
    pub(super) fn refuse(&self, key: &str, flaw: Flaw) {
        let span = self.entries.get(key).map(Spanned::span).or_else(|| self.span.clone());
        self.remarks.add(Severity::Mistake, span, Some(self.key(key)), flaw);
    }

    /// Warns of what the table `table` of this file says about `key`, or that it says nothing.
    pub(super) fn warn_within(&self, table: &'static str, key: &str, flaw: Flaw) {
        let inner = self.entries.get(table).and_then(|value| value.get_ref().as_table());
        let span = inner.and_then(|inner| inner.get(key)).map(Spanned::span);
        self.remarks.add(Severity::Warning, span, Some(format!("{table}.{key}")), flaw);
    }

    /// Refuses that the values of two keys, one of them perhaps a default, do not go together.
    pub(super) fn refuse_pair(&self, key: &str, other: &str, flaw: Flaw) {
        let written = if self.entries.contains_key(key) { key } else { other };
        self.refuse(written, flaw);
    }

    /// Refuses every key that was not asked for. To be called when all were. Values of unknown keys are not shown where
    /// they might be a misnamed token.
    pub(super) fn finish(&self) {
        for (key, value) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            if self.path == "feed" && value.get_ref().is_str() {
                self.remarks.hide(value.span());
            }
            let meant = nearest(name, self.known.iter().copied());
            let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
            let here = if self.path.is_empty() { "the file" } else { self.path };
            let known = listed(self.known.iter().copied());
            let flaw = Flaw::new("unknown key", format!("{meant}{here} knows {known}"));
            self.remarks.add(
                Severity::Mistake,
                Some(key.span()),
                Some(self.key(&name.escape_debug().to_string())),
                flaw,
            );
        }
    }

    /// `key` as messages name it.
    fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'t> Value<'t> {
    /// Refuses the value.
    pub(super) fn refuse(&self, flaw: Flaw) {
        self.remarks.add(Severity::Mistake, Some(self.value.span()), Some(self.key.clone()), flaw);
    }

    /// Warns of the value.
    pub(super) fn warn(&self, flaw: Flaw) {
        self.remarks.add(Severity::Warning, Some(self.value.span()), Some(self.key.clone()), flaw);
    }

    /// Keeps the value out of every picture.
    pub(super) fn hide(&self) {
        self.remarks.hide(self.value.span());
    }

    /// The line on which the value begins, from 1.
    pub(super) fn line(&self) -> usize {
        self.remarks.position(self.value.span().start).line
    }

    /// The text of the value.
    pub(super) fn text(&self, example: &str) -> Option<&'t str> {
        if let DeValue::String(text) = self.value.get_ref() {
            return Some(text.as_ref());
        }
        self.mistyped("a text", &format!("{example:?}"))
    }

    /// What `read` makes of the text of the value.
    pub(super) fn parsed<T>(&self, example: &str, read: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<T> {
        self.noted(read(self.text(example)?))
    }

    /// The same, with the place.
    pub(super) fn named<T>(&self, example: &str, read: impl FnOnce(&str) -> Result<T, Flaw>) -> Option<(Self, T)> {
        Some((self.clone(), self.parsed(example, read)?))
    }

    /// What `result` holds, or a remark.
    pub(super) fn noted<T>(&self, result: Result<T, Flaw>) -> Option<T> {
        result.map_err(|flaw| self.refuse(flaw)).ok()
    }

    /// One of the words of `W`.
    pub(super) fn word<W: Word>(&self) -> Option<W> {
        let words = || W::ALL.iter().map(|word| word.as_str());
        self.parsed(W::ALL[0].as_str(), |text| W::of(text).ok_or_else(|| unknown_word(text, words())))
    }

    /// A finite number greater than zero.
    pub(super) fn positive(&self, example: &str) -> Option<f64> {
        let number = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().unwrap_or(f64::NAN),
            DeValue::Integer(_) => self.integer().map_or(f64::NAN, |whole| whole as f64),
            _ => return self.mistyped("a number", example),
        };
        if number.is_finite() && number > 0.0 {
            return Some(number);
        }
        self.refuse(Flaw::new("must be a finite number greater than 0", self.written(example)));
        None
    }

    /// A whole number within `range`.
    pub(super) fn whole(&self, range: &RangeInclusive<u32>, example: &str) -> Option<u32> {
        if !self.value.get_ref().is_integer() {
            return self.mistyped("a whole number", example);
        }
        let number = self.integer().and_then(|whole| u32::try_from(whole).ok());
        let number = number.filter(|whole| range.contains(whole));
        if number.is_none() {
            let what = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.refuse(Flaw::new(what, self.written(example)));
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn truth(&self) -> Option<bool> {
        self.value.get_ref().as_bool().or_else(|| self.mistyped("true or false", "false"))
    }

    /// A length of time greater than zero and at most `longest`.
    pub(super) fn length_of_time(&self, example: &str, longest: Duration) -> Option<Duration> {
        self.parsed(example, |text| {
            let mend = format!("write a length of time with its unit, for example {example:?} or \"30m\"");
            let length = humantime::parse_duration(text)
                .map_err(|_| Flaw::new(format!("{text:?} is not a length of time"), &mend))?;
            if length.is_zero() {
                return Err(Flaw::new("must be longer than nothing", mend));
            }
            if length > longest {
                let what = format!("{text:?} is longer than {}", humantime::format_duration(longest));
                return Err(Flaw::new(what, mend));
            }
            Ok(length)
        })
    }

    /// What `read` makes of each element of a list; none if the value is no list or an element was refused.
    pub(super) fn each<T>(&self, example: &str, mut read: impl FnMut(&Value<'t>) -> Option<T>) -> Option<Vec<T>> {
        let Some(array) = self.value.get_ref().as_array() else {
            return self.mistyped("a list", example);
        };
        // Every element is read before any absence counts, so that all mistakes of a list are told.
        let elements = array.iter().map(|value| Value { key: self.key.clone(), value, remarks: self.remarks });
        let read: Vec<Option<T>> = elements.map(|element| read(&element)).collect();
        read.into_iter().collect()
    }

    /// The same, of a list that must not be empty.
    pub(super) fn some_of_each<T>(&self, example: &str, read: impl FnMut(&Value<'t>) -> Option<T>) -> Option<Vec<T>> {
        let list = self.each(example, read)?;
        if list.is_empty() {
            self.refuse(Flaw::new("is empty", self.written(example)));
            return None;
        }
        Some(list)
    }

    /// The same, of one element that may stand without a list around it.
    pub(super) fn one_or_each<T>(
        &self,
        example: &str,
        mut read: impl FnMut(&Value<'t>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.value.get_ref().is_str() { Some(vec![read(self)?]) } else { self.some_of_each(example, read) }
    }

    /// The table under the key `path` of the file.
    pub(super) fn table(&self, path: &'static str) -> Option<Table<'t>> {
        let DeValue::Table(entries) = self.value.get_ref() else {
            let flaw = Flaw::new(format!("is {}, and must be one table", self.kind()), format!("write [{path}]"));
            self.refuse(flaw);
            return None;
        };
        Some(Table { path, span: Some(self.value.span()), entries, known: Vec::new(), remarks: self.remarks })
    }

    /// The tables under the key `path` of the file; those that are tables.
    pub(super) fn tables(&self, path: &'static str) -> Vec<Table<'t>> {
        let refuse = |value: &Self| {
            let what = format!("is {}, and must be a list of tables", value.kind());
            value.refuse(Flaw::new(what, format!("write [[{path}]] above each")));
        };
        match self.value.get_ref() {
            DeValue::Array(array) => {
                let elements = array.iter().map(|value| Value { key: path.to_owned(), value, remarks: self.remarks });
                let (tables, others): (Vec<_>, Vec<_>) =
                    elements.partition(|element| element.value.get_ref().is_table());
                others.iter().for_each(refuse);
                tables.iter().filter_map(|element| element.table(path)).collect()
            }
            // Read all the same, so that what names it does not seem to name nothing.
            DeValue::Table(_) => {
                refuse(self);
                self.table(path).into_iter().collect()
            }
            _ => {
                refuse(self);
                Vec::new()
            }
        }
    }

    /// The value as an integer, if it is one and not too large.
    fn integer(&self) -> Option<i64> {
        let integer = self.value.get_ref().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// Refuses a value of the wrong kind.
    fn mistyped<T>(&self, wanted: &str, example: &str) -> Option<T> {
        self.refuse(Flaw::new(format!("is {}, and must be {wanted}", self.kind()), self.written(example)));
        None
    }

    /// The mend that shows the key with a good value.
    fn written(&self, example: &str) -> String {
        let key = self.key.rsplit('.').next().unwrap_or(&self.key);
        format!("for example: {key} = {example}")
    }

    /// What kind of value it is.
    fn kind(&self) -> &'static str {
        match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        }
    }
}

/// Why `text` is none of `words`.
pub(super) fn unknown_word<'w>(text: &str, words: impl Iterator<Item = &'w str> + Clone) -> Flaw {
    let meant = nearest(text, words.clone());
    let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
    Flaw::new(format!("{text:?} is not known here"), format!("{meant}write one of: {}", listed(words)))
}
