//! Feeds that the operator has paused: their samples are put off, and what they brought before counts as ever.
//!
//! Format: JSON in `meta` under `paused`, an object of feeds' names with `reason` and `at` (Unix seconds).

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::embedded::{Ledger, LedgerError};

/// Under which name of `meta` they stand.
const NAME: &str = "paused";

/// Why and since when a feed is paused.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Pause {
    /// Why; may be empty.
    pub reason: String,
    /// Since this Unix second.
    pub at: i64,
}

impl Ledger {
    /// The feeds that are paused, by name, declared or not.
    ///
    /// # Errors
    /// When the store says no.
    pub fn paused(&self) -> Result<BTreeMap<String, Pause>, LedgerError> {
        self.read(paused)
    }
}

/// Pauses a feed, or lets it go on without a pause; whether anything is other than before.
pub(super) fn set(connection: &Connection, feed: &str, pause: Option<Pause>) -> rusqlite::Result<bool> {
    let mut all = paused(connection)?;
    let changed = match pause {
        Some(_) if all.contains_key(feed) => false,
        Some(pause) => all.insert(feed.to_owned(), pause).is_none(),
        None => all.remove(feed).is_some(),
    };
    if changed {
        let text = serde_json::to_string(&all).expect("names, texts and numbers are JSON");
        connection.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
            [NAME, &text],
        )?;
    }
    Ok(changed)
}

fn paused(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Pause>> {
    let text: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE name = ?1", [NAME], |row| row.get(0)).optional()?;
    // What was edited into something else must not be taken for "none is paused".
    let wrong = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error));
    text.map_or(Ok(BTreeMap::new()), |text| serde_json::from_str(&text).map_err(wrong))
}
