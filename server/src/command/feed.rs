//! `firsthand feed`: how the feeds stand, and a pause for one of them.

use std::io::{self, Write};
use std::time::Instant;

use serde_json::json;

use super::{CommandError, operator, show};
use crate::cli::{FeedAction, FeedArguments};
use crate::config::{Settings, Word};
use crate::declared::Declared;
use crate::freshness::{self, Freshness};
use crate::ledger::Correction;
use crate::publisher::unix_now;
use crate::web::time;

/// Shows the feeds, pauses one, or lets it go on.
///
/// # Errors
/// When no feed has the name, or nothing could be made durable.
pub fn run(arguments: &FeedArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let mut output = io::stdout().lock();
    match &arguments.action {
        FeedAction::List { json } => write!(output, "{}", list(&settings, *json)?)?,
        FeedAction::Pause { name, reason } => {
            if settings.feeds.iter().all(|feed| feed.name != *name) {
                let names: Vec<&str> = settings.feeds.iter().map(|feed| feed.name.as_str()).collect();
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(CommandError::Usage(format!("no feed is called {name:?}; there are {known}")));
            }
            let reason = reason.clone().unwrap_or_default();
            operator::correct(&settings, Correction::PauseFeed { feed: name.clone(), reason })?;
            writeln!(
                output,
                "{name} is paused: its samples are put off (HTTP 503, SMTP 450; a Maildir waits), and what it brought counts as before.\nTo take that back: firsthand retract {}--feed {name}",
                show::config_option(arguments.config.as_deref())
            )?;
        }
        // Also of one that the settings have no more, which would else be paused when it comes back.
        FeedAction::Resume { name } => {
            operator::correct(&settings, Correction::ResumeFeed { feed: name.clone() })?;
            writeln!(output, "{name} goes on.")?;
        }
    }
    Ok(())
}

/// Every feed of the settings, as a table or as JSON Lines.
fn list(settings: &Settings, as_json: bool) -> Result<String, CommandError> {
    let ledger = operator::ledger(settings)?;
    let declared = Declared::new(settings, &ledger, unix_now())?;
    let withdrawals = ledger.withdrawals()?;
    // As the service wrote it down last, a minute ago at most.
    let now = Instant::now();
    let freshness = Freshness::new(ledger.noted(freshness::NAME)?.as_deref(), &declared.feeds, now);
    let standings = freshness.standings(now);
    let mut table = show::table(&[
        "feed",
        "kind",
        "trust",
        "weight",
        "boundary",
        "samples",
        "last sample",
        "silent",
        "paused",
        "withdrawn",
    ]);
    let mut out = String::new();
    for (written, feed) in settings.feeds.iter().zip(&declared.feeds) {
        let standing = standings.iter().find(|standing| standing.feed == feed.name);
        let (samples, last) = standing.map_or((0, None), |standing| (standing.samples, standing.last));
        let silent = standing.is_some_and(|standing| standing.silent);
        let numbers: Vec<i64> = withdrawals
            .iter()
            .filter(|standing| standing.withdrawal.feed.as_ref() == Some(&feed.name))
            .map(|standing| standing.number)
            .collect();
        if as_json {
            let line = json!({
                "feed": feed.name, "kind": written.kind.as_str(), "trust": written.trust.name(), "weight": written.weight,
                "boundary": written.boundary.name(), "samples": samples, "last": last.map(time),
                "wont": standing.map(|standing| standing.wont), "silent": silent,
                "paused": feed.paused.as_ref().map(|pause| json!({ "since": time(pause.at), "reason": pause.reason })),
                "withdrawals": numbers,
            });
            out += &format!("{line}\n");
        }
        let paused = feed.paused.as_ref().map(|pause| {
            let reason =
                if pause.reason.is_empty() { String::new() } else { format!(": {}", pause.reason.escape_debug()) };
            format!("since {}{reason}", time(pause.at))
        });
        table.add_row([
            feed.name.clone(),
            written.kind.as_str().to_owned(),
            written.trust.name().to_owned(),
            written.weight.to_string(),
            written.boundary.name().to_owned(),
            samples.to_string(),
            last.map(time).unwrap_or_default(),
            if silent { "yes" } else { "no" }.to_owned(),
            paused.unwrap_or_else(|| "no".to_owned()),
            numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ]);
    }
    if as_json {
        return Ok(out);
    }
    Ok(match table.is_empty() {
        true => "No feed is declared.\n".to_owned(),
        false => format!(
            "{table}\nSamples are as of a minute ago at most. What a feed brought is taken back with `firsthand retract --feed NAME`; `retract --list` shows what is withdrawn.\n"
        ),
    })
}
