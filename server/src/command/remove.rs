//! `firsthand remove`: takes an address off, and answers those who ask for it.

use std::io::{self, Write};

use firsthand_analyzer::address::{Origin, parse_address};
use serde_json::json;

use super::{CommandError, operator, show};
use crate::cli::RemoveArguments;
use crate::config::Settings;
use crate::ledger::Correction;
use crate::web::time;

/// The most requests that are shown.
const SHOWN: usize = 1000;

/// Removes, or shows and answers requests.
///
/// # Errors
/// When it was called wrongly, or nothing could be made durable.
pub fn run(arguments: &RemoveArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let mut output = io::stdout().lock();
    if let Some((removal, granted)) =
        arguments.grant.map(|number| (number, true)).or(arguments.refuse.map(|number| (number, false)))
    {
        operator::correct(&settings, Correction::AnswerRemoval { removal, granted })?;
        let what = if granted { "granted: what came before now counts no more" } else { "refused" };
        writeln!(output, "Request {removal} is {what}.")?;
        return Ok(());
    }
    if arguments.requests {
        let requests = operator::ledger(&settings)?.requests(SHOWN)?;
        let mut table = show::table(&["request", "address", "asked"]);
        for request in &requests {
            if arguments.json {
                writeln!(
                    output,
                    "{}",
                    json!({ "request": request.number, "origin": request.origin, "asked": time(request.asked) })
                )?;
            }
            table.add_row([request.number.to_string(), request.origin.to_string(), time(request.asked)]);
        }
        match (arguments.json, requests.is_empty()) {
            (true, _) => {}
            (false, true) => writeln!(output, "No request waits.")?,
            (false, false) => writeln!(
                output,
                "{table}\nAnswer with: firsthand remove {}--grant REQUEST, or --refuse REQUEST",
                show::config_option(arguments.config.as_deref())
            )?,
        }
        return Ok(());
    }
    let Some(address) = &arguments.address else {
        return Err(CommandError::Usage("name an address, or --requests, --grant or --refuse".to_owned()));
    };
    let origin = parse_address(address).map(Origin::from).or_else(|| Origin::parse(address)).ok_or_else(|| {
        CommandError::Usage(format!("{address:?} is no address; write 192.0.2.1, 2001:db8::1 or 2001:db8:0:1::/64"))
    })?;
    let reason = arguments
        .reason
        .clone()
        .filter(|reason| !reason.trim().is_empty())
        .ok_or_else(|| CommandError::Usage("say why, for whoever reads it in a year: --reason TEXT".to_owned()))?;
    operator::correct(&settings, Correction::Remove { origin, reason })?;
    if arguments.json {
        writeln!(output, "{}", json!({ "removed": origin }))?;
    } else {
        writeln!(
            output,
            "What came from {origin} before now is hidden, in every list; new evidence lists it again as anybody."
        )?;
    }
    Ok(())
}
