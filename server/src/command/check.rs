//! `firsthand check`: validates the settings.

use std::io::{self, Write};

use super::CommandError;
use crate::cli::CheckArguments;
use crate::config::Settings;

/// Prints what the settings say, or every mistake in them.
///
/// # Errors
/// The mistakes.
pub fn run(arguments: &CheckArguments) -> Result<(), CommandError> {
    let loaded = Settings::load(arguments.config.as_deref())?;
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let mut output = io::stdout().lock();
    if arguments.print {
        write!(output, "{}", loaded.settings.to_toml())?;
        return Ok(());
    }
    let settings = &loaded.settings;
    let name = arguments.config.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
    writeln!(
        output,
        "{name}: good; zone {}, {} relays, {} feeds, {} traps, {} exemptions, {} warnings",
        settings.zone.name,
        settings.relays.len(),
        settings.feeds.len(),
        settings.traps.len(),
        settings.exemptions.len(),
        loaded.warnings.len()
    )?;
    Ok(())
}
