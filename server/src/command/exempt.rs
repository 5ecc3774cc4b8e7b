//! `firsthand exempt`: networks that are never listed (G6), by command, beside those of the settings.

use std::io::{self, Write};

use serde_json::json;

use super::operator::{self, Direction, instant};
use super::{CommandError, parse_network, show};
use crate::cli::{ExemptAction, ExemptArguments};
use crate::config::Settings;
use crate::declared::Declared;
use crate::ledger::Correction;
use crate::publisher::unix_now;
use crate::web::time;

/// Adds an exemption, shows all, or ends one.
///
/// # Errors
/// When a network or time is none, or nothing could be made durable.
pub fn run(arguments: &ExemptArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let now = unix_now();
    let mut output = io::stdout().lock();
    match &arguments.action {
        ExemptAction::Add { network, reason, until } => {
            let network = parse_network(network).map_err(CommandError::Usage)?;
            if reason.trim().is_empty() {
                return Err(CommandError::Usage("say why, for whoever reads it in a year: --reason TEXT".to_owned()));
            }
            let until = until.as_deref().map(|text| instant(text, Direction::Future, now)).transpose()?;
            if until.is_some_and(|until| until <= now) {
                return Err(CommandError::Usage("--until lies in the past".to_owned()));
            }
            operator::correct(&settings, Correction::Exempt { network, reason: reason.clone(), until })?;
            let end = until.map_or_else(|| "for good".to_owned(), |until| format!("until {}", time(until)));
            writeln!(output, "{} is exempt {end}: nothing in it is listed, whatever the evidence.", network.trunc())?;
        }
        ExemptAction::Remove { network } => {
            let network = parse_network(network).map_err(CommandError::Usage)?;
            operator::correct(&settings, Correction::EndExemption { network })?;
            writeln!(
                output,
                "The exemption of {} has ended: what stands against it counts again, unless another exemption holds it.",
                network.trunc()
            )?;
        }
        ExemptAction::List { json } => {
            let ledger = operator::ledger(&settings)?;
            let kept = ledger.exemptions(now)?;
            let mut table = show::table(&["network", "reason", "until"]);
            let mut row = |network: String, reason: &str, until: Option<i64>| -> io::Result<()> {
                if *json {
                    let line = json!({ "network": network, "reason": reason, "until": until.map(time) });
                    writeln!(output, "{line}")?;
                }
                table.add_row([network, reason.escape_debug().to_string(), until.map(time).unwrap_or_default()]);
                Ok(())
            };
            for exemption in Declared::declared_exemptions(&settings) {
                row(exemption.network.to_string(), &exemption.reason, None)?;
            }
            for kept in kept {
                row(kept.exemption.network.to_string(), &kept.exemption.reason, kept.until)?;
            }
            if !*json {
                writeln!(output, "{table}\nThe special-purpose networks of RFC 6890 are exempt as well, always.")?;
            }
        }
    }
    Ok(())
}
