//! `firsthand reload`: lets a running service read its settings again.
//!
//! Only the service reads them: what is wrong with them must be in its log and its metrics, and a command could read
//! another file than it does.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{CommandError, WRONG_USAGE, operator};
use crate::cli::ReloadArguments;
use crate::config::Settings;

/// Asks the service, and prints what changed, or every mistake.
///
/// # Errors
/// When the settings file cannot be read, or no service runs.
pub fn run(arguments: &ReloadArguments) -> Result<ExitCode, CommandError> {
    let config = arguments.config.as_deref();
    let data = Settings::data_folder(config)?;
    let Some(answered) = operator::reload(&data, config)? else {
        // A mistake may be why it is looked for in the wrong place.
        drop(Settings::load(config)?);
        return Err(CommandError::TryLater(format!("no service runs on {}", data.display())));
    };
    if !answered.reloaded.mistakes.is_empty() {
        for mistake in &answered.reloaded.mistakes {
            eprintln!("firsthand: {mistake}");
        }
        return Ok(ExitCode::from(WRONG_USAGE));
    }
    let (mut output, file) = (io::stdout().lock(), answered.file);
    match answered.reloaded.changed.as_slice() {
        [] => writeln!(output, "{file}: reloaded; nothing is different.")?,
        changed => writeln!(output, "{file}: reloaded; different now: {}.", changed.join(", "))?,
    }
    Ok(ExitCode::SUCCESS)
}
