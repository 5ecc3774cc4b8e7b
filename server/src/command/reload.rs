//! `firsthand reload`: lets a running service read its settings again.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{CommandError, WRONG_USAGE, operator};
use crate::cli::ReloadArguments;
use crate::config::Settings;

/// Asks the service, and prints what changed, or every mistake.
///
/// # Errors
/// When the settings have mistakes that show before anybody is asked, or no service runs.
pub fn run(arguments: &ReloadArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let Some(reloaded) = operator::reload(&settings)? else {
        return Err(CommandError::TryLater(format!("no service runs on {}", settings.data.display())));
    };
    if !reloaded.mistakes.is_empty() {
        for mistake in &reloaded.mistakes {
            eprintln!("firsthand: {mistake}");
        }
        return Ok(ExitCode::from(WRONG_USAGE));
    }
    let mut output = io::stdout().lock();
    match reloaded.changed.as_slice() {
        [] => writeln!(output, "Reloaded; nothing is different.")?,
        changed => writeln!(output, "Reloaded; different now: {}.", changed.join(", "))?,
    }
    Ok(ExitCode::SUCCESS)
}
