//! `firsthand audit`: every correction, who made it and what it did.

use std::io::{self, Write};

use serde_json::Value;

use super::operator::{self, Direction, instant};
use super::{CommandError, show};
use crate::cli::AuditArguments;
use crate::config::Settings;
use crate::publisher::unix_now;
use crate::web::time;

/// How many entries are read in one go.
const PAGE: usize = 1000;

/// Prints the trail, oldest first.
///
/// # Errors
/// When the ledger cannot be read.
pub fn run(arguments: &AuditArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let ledger = operator::ledger(&settings)?;
    let since = arguments.since.as_deref().map(|text| instant(text, Direction::Past, unix_now())).transpose()?;
    let mut output = io::stdout().lock();
    let mut table = show::table(&["entry", "when", "who", "what", "did"]);
    let mut last = 0;
    loop {
        let page = ledger.audit(last, PAGE)?;
        let Some(newest) = page.last() else { break };
        last = newest.entry;
        for entry in page.iter().filter(|entry| since.is_none_or(|since| entry.at >= since)) {
            if arguments.json {
                writeln!(
                    output,
                    "{}",
                    serde_json::json!({ "entry": entry.entry, "at": time(entry.at), "who": entry.who, "what": entry.what })
                )?;
            }
            table.add_row([
                entry.entry.to_string(),
                time(entry.at),
                entry.who.clone(),
                words(&entry.what["asked"]),
                words(&entry.what["did"]),
            ]);
        }
    }
    match (arguments.json, table.is_empty()) {
        (true, _) => {}
        (false, true) => {
            writeln!(output, "Nothing has been corrected{}.", if since.is_some() { " since then" } else { " yet" })?
        }
        (false, false) => writeln!(output, "{table}")?,
    }
    Ok(())
}

/// A JSON object as words: what is null, empty or 0 says nothing.
fn words(value: &Value) -> String {
    let Value::Object(object) = value else { return value.to_string() };
    let said = object.iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Number(number) if number.as_i64() == Some(0) => None,
        Value::String(text) if key == "correction" => Some(text.clone()),
        Value::String(text) => Some(format!("{key} {}", text.escape_debug())),
        Value::Object(_) => Some(words(value)).filter(|words| !words.is_empty()),
        Value::Number(number) if matches!(key.as_str(), "until" | "since" | "effective") => {
            // Withdrawals count in milliseconds.
            let seconds = number.as_i64().map(|number| if number > 100_000_000_000 { number / 1000 } else { number });
            Some(format!("{key} {}", time(seconds.unwrap_or_default())))
        }
        other => Some(format!("{key} {other}")),
    });
    said.collect::<Vec<_>>().join(", ")
}
