//! `firsthand retract`: evidence is taken back as if it had never come (G5).

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::operator::{self, Direction, instant};
use super::{CommandError, show};
use crate::cli::RetractArguments;
use crate::config::Settings;
use crate::declared::Declared;
use crate::difference::{Becomes, Difference, differences};
use crate::ledger::{Correction, Ledger, Standing, Withdrawal, parse_sample, sample_text};
use crate::publisher::unix_now;
use crate::web::time;

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
                "Withdrawal {number} is undone: {} about {} now count again.",
                show::counted(outcome.samples, "sample"),
                show::counted(outcome.origins, "origin")
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let ledger = operator::ledger(&settings)?;
    if arguments.list {
        write!(output, "{}", in_force(&ledger.withdrawals()?, arguments.json))?;
        return Ok(ExitCode::SUCCESS);
    }
    let declared = Declared::new(&settings, &ledger, unix_now())?;
    let withdrawal = withdrawal(arguments, &ledger, &declared)?;
    let known_feed = arguments.feed.as_ref().is_some_and(|name| settings.feeds.iter().any(|feed| feed.name == *name));
    let known_trap = withdrawal.trap.as_ref().is_some_and(|trap| declared.registry.traps.contains_key(trap));
    let narrowed = withdrawal.feed.is_some() || withdrawal.trap.is_some() || withdrawal.sample.is_some();
    if narrowed && !known_feed && !known_trap && !ledger.knows(&withdrawal)? {
        return Err(CommandError::Usage(
            "no such feed or trap is declared, and no such sample is kept: nothing is withdrawn".to_owned(),
        ));
    }
    let (samples, fall) = preview(&ledger, &declared, &withdrawal)?;
    let (number, samples) = if arguments.dry_run {
        (None, samples)
    } else {
        let reason = arguments.reason.clone().unwrap_or_default();
        let outcome = operator::correct(&settings, Correction::Retract { withdrawal, reason })?;
        (outcome.number, outcome.samples)
    };
    if arguments.json {
        writeln!(output, "{}", json!({ "withdrawal": number, "samples": samples, "listings": fall }))?;
        return Ok(ExitCode::SUCCESS);
    }
    write!(output, "{}", text(samples, &fall, number, arguments.config.as_deref()))?;
    Ok(ExitCode::SUCCESS)
}

/// The withdrawals in force, as a table or as JSON Lines.
fn in_force(standing: &[Standing], as_json: bool) -> String {
    let millis = |millis: Option<i64>| millis.map(|millis| time(millis / 1000));
    if as_json {
        let line = |standing: &Standing| {
            let Withdrawal { feed, trap, sample, since, until } = &standing.withdrawal;
            let sample = sample.as_ref().map(sample_text);
            json!({
                "withdrawal": standing.number, "at": time(standing.at), "reason": standing.reason, "feed": feed,
                "trap": trap, "sample": sample, "since": millis(*since), "until": millis(*until),
            })
            .to_string()
                + "\n"
        };
        return standing.iter().map(line).collect();
    }
    if standing.is_empty() {
        return "No withdrawal is in force.\n".to_owned();
    }
    let mut table = show::table(&["withdrawal", "made", "feed", "trap", "sample", "since", "until", "reason"]);
    for Standing { number, at, reason, withdrawal } in standing {
        let Withdrawal { feed, trap, sample, since, until } = withdrawal;
        table.add_row([
            number.to_string(),
            time(*at),
            feed.clone().unwrap_or_default(),
            trap.clone().unwrap_or_default(),
            sample.as_ref().map(|sample| sample_text(sample)[..16].to_owned()).unwrap_or_default(),
            millis(*since).unwrap_or_default(),
            millis(*until).unwrap_or_default(),
            reason.escape_debug().to_string(),
        ]);
    }
    format!("{table}\n")
}

fn withdrawal(arguments: &RetractArguments, ledger: &Ledger, declared: &Declared) -> Result<Withdrawal, CommandError> {
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
    // A registry id as `why` shows it, or an address, whose domain may be the trap.
    let trap = match arguments.trap.as_deref() {
        Some(id) if !id.contains('@') && id.starts_with('t') => Some(id.to_owned()),
        Some(address) => match declared.trap(ledger, address) {
            Some(id) => Some(id),
            None => Some(super::trap::id(ledger, address)?),
        },
        None => None,
    };
    let (since, mut until) = (millis(&arguments.since)?, millis(&arguments.until)?);
    let narrowed = arguments.feed.is_some() || trap.is_some() || sample.is_some();
    if !narrowed {
        // A stretch of time of everything must end, or nothing would ever be listed any more.
        until = until.or(Some(now.saturating_mul(1000)));
    }
    let withdrawal = Withdrawal { feed: arguments.feed.clone(), trap, sample, since, until };
    if withdrawal.since.zip(withdrawal.until).is_some_and(|(since, until)| since >= until) {
        return Err(CommandError::Usage("--until must be later than --since".to_owned()));
    }
    Ok(withdrawal)
}

/// How many samples a withdrawal takes, and what becomes of published listings.
fn preview(
    ledger: &Ledger,
    declared: &Declared,
    withdrawal: &Withdrawal,
) -> Result<(usize, Vec<Difference>), CommandError> {
    let now = unix_now();
    let (samples, origins) = ledger.would_take(withdrawal)?;
    let mut found = Vec::new();
    let progress = show::progress(origins.len() as u64, "origins");
    for origin in origins {
        let removals = ledger.removals(origin, now)?;
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
            "Withdrawal {number}: {} taken back; {} to fall, {changes} to change. What such samples come yet count as little.\nTo undo it: firsthand retract {}--undo {number}\n",
            show::counted(samples, "sample"),
            show::counted(falls, "listing"),
            show::config_option(config)
        ),
        None => format!(
            "It would take back {}; {} would fall, {changes} would change. Nothing was done.\n",
            show::counted(samples, "sample"),
            show::counted(falls, "listing"),
        ),
    };
    out
}
