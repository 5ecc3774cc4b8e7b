//! `firsthand trap`: traps by command, beside those of the settings.

use std::io::{self, BufRead, Write};

use serde_json::json;

use super::{CommandError, operator, show};
use crate::cli::{TrapAction, TrapArguments};
use crate::config::Settings;
use crate::declared::{Declared, bare, trap_text};
use crate::ledger::{Correction, Ledger};
use crate::publisher::unix_now;

/// Registers traps, shows them, or takes one off.
///
/// # Errors
/// When an address is none, or nothing could be made durable.
pub fn run(arguments: &TrapArguments) -> Result<(), CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let ledger = operator::ledger(&settings)?;
    let mut output = io::stdout().lock();
    match &arguments.action {
        TrapAction::Add { addresses, tier, sends, accepts_reports } => {
            let addresses = written(addresses)?;
            // All are read before one is registered.
            let ids = addresses.iter().map(|address| id(&ledger, address)).collect::<Result<Vec<_>, _>>()?;
            for (address, trap) in addresses.iter().zip(&ids) {
                settings_stand(&settings, &ledger, address, trap)?;
            }
            for (address, trap) in addresses.iter().zip(ids) {
                let domain = address.rsplit('@').next().unwrap_or_default();
                let add = Correction::AddTrap {
                    trap: trap.clone(),
                    domain: ledger.domain_id(domain),
                    tier: tier.clone(),
                    sends: *sends,
                    accepts_reports: *accepts_reports,
                };
                operator::correct(&settings, add)?;
                writeln!(output, "{trap} is a {tier} trap: {}", address.escape_debug())?;
            }
        }
        TrapAction::Remove { address } => {
            let trap = id(&ledger, address)?;
            settings_stand(&settings, &ledger, address, &trap)?;
            operator::correct(&settings, Correction::RemoveTrap { trap: trap.clone() })?;
            writeln!(output, "{trap} is a trap no more; what it saw weighs nothing.")?;
        }
        TrapAction::List { json } => {
            let declared = Declared::new(&settings, &ledger, unix_now())?;
            let by_command = ledger.traps()?;
            let mut table = show::table(&["trap", "domain", "tier", "sends", "takes reports", "declared"]);
            for (trap, known) in &declared.registry.traps {
                let place = if by_command.iter().any(|kept| kept.id == *trap && kept.trap == *known) {
                    "by command"
                } else {
                    "settings"
                };
                if *json {
                    let line = json!({ "trap": trap, "domain": known.domain, "tier": known.tier.name(), "sends": known.sends, "accepts_reports": known.accepts_reports, "declared": place });
                    writeln!(output, "{line}")?;
                }
                let yes = |truth: bool| if truth { "yes" } else { "no" }.to_owned();
                table.add_row([
                    trap.clone(),
                    known.domain.clone(),
                    known.tier.name().to_owned(),
                    yes(known.sends),
                    yes(known.accepts_reports),
                    place.to_owned(),
                ]);
            }
            if !*json {
                writeln!(
                    output,
                    "{table}\nThe registry keeps ids, no addresses; `firsthand trap id ADDRESS` tells which trap one is."
                )?;
            }
        }
        TrapAction::Id { address } => writeln!(output, "{}", id(&ledger, address)?)?,
    }
    Ok(())
}

/// Refuses what would have no effect: of a trap that the settings declare, what they say stands.
fn settings_stand(settings: &Settings, ledger: &Ledger, address: &str, trap: &str) -> Result<(), CommandError> {
    if settings.traps.iter().all(|declared| ledger.trap_id(&trap_text(&declared.address)) != trap) {
        return Ok(());
    }
    Err(CommandError::Usage(format!("{address:?} is a trap by the settings, which stand; change it there")))
}

/// The addresses that were typed; `-` stands for one a line of standard input.
fn written(addresses: &[String]) -> Result<Vec<String>, CommandError> {
    let mut all = Vec::new();
    for address in addresses {
        if address == "-" {
            for line in io::stdin().lock().lines() {
                let line =
                    line.map_err(|error| CommandError::Usage(format!("standard input cannot be read: {error}")))?;
                let line = line.split('#').next().unwrap_or_default().trim();
                all.extend((!line.is_empty()).then(|| bare(line)));
            }
        } else {
            all.push(bare(address));
        }
    }
    Ok(all)
}

/// The registry id of an address, `user@domain` or `@domain`.
///
/// # Errors
/// When it is none.
pub(super) fn id(ledger: &Ledger, address: &str) -> Result<String, CommandError> {
    let address = bare(address);
    let domain = address.rsplit_once('@').map(|(_, domain)| domain);
    let is_domain = |domain: &str| {
        domain.contains('.')
            && domain.len() <= 253
            && domain.split('.').all(|label| !label.is_empty() && label.len() <= 63)
    };
    if !domain.is_some_and(is_domain) || address.chars().any(char::is_whitespace) {
        let mend = "write user@traps.example, or @traps.example for a whole domain";
        return Err(CommandError::Usage(format!("{address:?} is no trap's address; {mend}")));
    }
    Ok(ledger.trap_id(&address))
}
