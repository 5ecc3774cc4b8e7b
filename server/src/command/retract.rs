//! `firsthand retract`: evidence is taken back as if it had never come (G5).

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::operator::{self, Direction, instant};
use super::{CommandError, NO, show};
use crate::cli::RetractArguments;
use crate::config::Settings;
use crate::declared::Declared;
use crate::difference::{Becomes, Difference, differences};
use crate::ledger::{Correction, Ledger, Withdrawal, parse_sample};
use crate::publisher::unix_now;

/// The most listings that are shown.
const SHOWN: usize = 50;

/// Shows what would fall, then does it.
///
/// # Errors
/// When it was called wrongly, or could not be made durable.
pub fn run(arguments: &RetractArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let mut output = io::stdout().lock();
    if let Some(number) = arguments.undo {
        let outcome = operator::correct(&settings, Correction::Restore { withdrawal: number })?;
        if arguments.json {
            writeln!(
                output,
                "{}",
                json!({ "restored": number, "samples": outcome.samples, "origins": outcome.origins })
            )?;
        } else {
            writeln!(
                output,
                "Withdrawal {number} is undone: {} samples about {} origins count again.",
                outcome.samples, outcome.origins
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = operator::ledger(&settings)?;
    let withdrawal = withdrawal(arguments, &ledger)?;
    let (samples, fall) = preview(&settings, &ledger, &withdrawal)?;
    let known_feed = arguments.feed.as_ref().is_none_or(|name| settings.feeds.iter().any(|feed| feed.name == *name));
    if samples == 0 && !known_feed {
        let name = arguments.feed.as_deref().unwrap_or_default();
        writeln!(
            io::stderr(),
            "firsthand: no feed is called {name:?} in the settings, and no sample came by one; nothing is withdrawn"
        )?;
        return Ok(ExitCode::from(NO));
    }
    let number = if arguments.dry_run {
        None
    } else {
        let reason = arguments.reason.clone().unwrap_or_default();
        operator::correct(&settings, Correction::Retract { withdrawal, reason })?.number
    };
    if arguments.json {
        writeln!(output, "{}", json!({ "withdrawal": number, "samples": samples, "listings": fall }))?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(output, "{}", text(samples, &fall, number, arguments.config.as_deref()))?;
    Ok(ExitCode::SUCCESS)
}

fn withdrawal(arguments: &RetractArguments, ledger: &Ledger) -> Result<Withdrawal, CommandError> {
    let now = unix_now();
    let millis = |text: &Option<String>| -> Result<Option<i64>, CommandError> {
        let instant = text.as_deref().map(|text| instant(text, Direction::Past, now)).transpose()?;
        Ok(instant.map(|seconds| seconds.saturating_mul(1000)))
    };
    let sample = match &arguments.sample {
        Some(text) => Some(parse_sample(text).ok_or_else(|| {
            CommandError::Usage(format!(
                "{text:?} is no sample's id: 64 hexadecimal digits, as `firsthand why --proof` shows them"
            ))
        })?),
        None => None,
    };
    let trap = arguments.trap.as_deref().map(|trap| super::trap::id(ledger, trap)).transpose()?;
    let withdrawal = Withdrawal {
        feed: arguments.feed.clone(),
        trap,
        sample,
        since: millis(&arguments.since)?,
        until: millis(&arguments.until)?,
    };
    if withdrawal.since.zip(withdrawal.until).is_some_and(|(since, until)| since >= until) {
        return Err(CommandError::Usage("--until must be later than --since".to_owned()));
    }
    Ok(withdrawal)
}

/// How many samples a withdrawal takes, and what becomes of published listings.
fn preview(
    settings: &Settings,
    ledger: &Ledger,
    withdrawal: &Withdrawal,
) -> Result<(usize, Vec<Difference>), CommandError> {
    let now = unix_now();
    let declared = Declared::new(settings, ledger, now)?;
    let (samples, origins) = ledger.would_take(withdrawal)?;
    let mut found = Vec::new();
    let progress = show::progress(origins.len() as u64, "origins");
    for origin in origins {
        let removals = ledger.removals(origin)?;
        let before = declared.listings_of(origin, ledger.units(origin)?, &removals, now);
        let after = declared.listings_of(origin, ledger.units_without(origin, withdrawal)?, &removals, now);
        found.extend(differences(origin, &before, &after));
        progress.inc(1);
    }
    progress.finish_and_clear();
    found.sort_by_key(|difference| (difference.becomes != Becomes::Goes, difference.origin));
    Ok((samples, found))
}

fn text(samples: usize, found: &[Difference], number: Option<i64>, config: Option<&Path>) -> String {
    let falls = found.iter().filter(|difference| difference.becomes == Becomes::Goes).count();
    let mut out = String::new();
    if !found.is_empty() {
        out += &format!("{}\n", show::differences(found, SHOWN));
    }
    let changes = found.len() - falls;
    out += &match number {
        Some(number) => format!(
            "Withdrawal {number}: {samples} samples count no more; {falls} listings fall, {changes} change. What such samples come yet count as little.\nTo undo it: firsthand retract {}--undo {number}\n",
            show::config_option(config)
        ),
        None => format!(
            "It would take {samples} samples; {falls} listings would fall, {changes} would change. Nothing was done.\n"
        ),
    };
    out
}
