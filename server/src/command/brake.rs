//! `firsthand brake`: what waits for the brake (G7), and letting it go by hand.

use std::io::{self, Write};
use std::process::ExitCode;

use firsthand_analyzer::address::{Origin, parse_address};
use firsthand_analyzer::score::List;
use serde_json::json;

use super::{CommandError, NO, operator, show};
use crate::cli::BrakeArguments;
use crate::config::Settings;
use crate::ledger::Correction;
use crate::web::time;

/// Shows the brake of the running service, or releases.
///
/// # Errors
/// When no service runs, or it does not answer.
pub fn run(arguments: &BrakeArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let Some(braked) = operator::braked(&settings)? else {
        return Err(CommandError::TryLater(format!(
            "no service runs on {}; the brake is a running service's",
            settings.data.display()
        )));
    };
    let mut output = io::stdout().lock();
    if let Some(what) = &arguments.release {
        let (list, origin) = released(what)?;
        let gone = operator::correct(&settings, Correction::Release { list, origin })?.origins;
        let of = if what == "all" { String::new() } else { format!(" of {what}") };
        if gone == 0 {
            writeln!(output, "Nothing waits{of}.")?;
            return Ok(ExitCode::from(NO));
        }
        let plural = if gone == 1 { "listing" } else { "listings" };
        writeln!(output, "{gone} waiting {plural}{of} went.")?;
        return Ok(ExitCode::SUCCESS);
    }
    let waits = braked.waiting.values().sum::<usize>();
    if arguments.json {
        writeln!(output, "{}", json!(braked))?;
    } else {
        let mut levels = show::table(&["bucket", "may go now", "may go in an interval", "waiting"]);
        for bucket in &braked.buckets {
            let waiting = bucket.name.strip_prefix("list ").and_then(|list| braked.waiting.get(list));
            levels.add_row([
                bucket.name.clone(),
                format!("{:.0}", bucket.tokens.floor()),
                bucket.size.to_string(),
                waiting.map(ToString::to_string).unwrap_or_default(),
            ]);
        }
        writeln!(output, "{levels}")?;
        if waits == 0 {
            writeln!(output, "Nothing waits.")?;
        } else {
            let mut table = show::table(&["next, best proven first", "list", "framing cost", "needs", "waits since"]);
            for held in &braked.next {
                table.add_row([
                    held.origin.to_string(),
                    held.list.clone(),
                    held.framing_cost.to_string(),
                    held.needs.join(", "),
                    time(held.since),
                ]);
            }
            writeln!(
                output,
                "{table}\nTo let go: firsthand brake {}--release spam, --release all, or --release ADDRESS",
                show::config_option(arguments.config.as_deref())
            )?;
        }
    }
    // A script asks whether anything waits.
    Ok(if waits == 0 { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}

fn released(what: &str) -> Result<(Option<String>, Option<Origin>), CommandError> {
    if what == "all" {
        return Ok((None, None));
    }
    if let Some(list) = List::parse(what) {
        return Ok((Some(list.name().to_owned()), None));
    }
    match parse_address(what).map(Origin::from).or_else(|| Origin::parse(what)) {
        Some(origin) => Ok((None, Some(origin))),
        None => Err(CommandError::Usage(format!(
            "{what:?} is no list and no address; write spam, backscatter, mixed, all, or an address"
        ))),
    }
}
