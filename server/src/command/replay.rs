//! `firsthand replay --policy FILE`: the kept evidence under another policy, before it is live.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, NO, operator, show};
use crate::cli::ReplayArguments;
use crate::config::Settings;
use crate::declared::Declared;
use crate::difference::{Becomes, Difference, differences};
use crate::publisher::unix_now;

/// The most listings that are shown.
const SHOWN: usize = 50;

/// Shows which listings would come, go or change.
///
/// # Errors
/// When the settings or the ledger cannot be read.
pub fn run(arguments: &ReplayArguments) -> Result<ExitCode, CommandError> {
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let other = Settings::load(Some(&arguments.policy))?.settings;
    // A file that declares no feed and no trap is a policy only: by itself it could list nothing.
    let whole = !other.feeds.is_empty() || !other.traps.is_empty();
    let other = if whole { other } else { Settings { policy: other.policy, ..settings.clone() } };
    let ledger = operator::ledger(&settings)?;
    let now = unix_now();
    let (before, after) = (Declared::new(&settings, &ledger, now)?, Declared::new(&other, &ledger, now)?);
    let mut found: Vec<Difference> = Vec::new();
    let (mut counts, mut stay) = ([0usize; 3], 0usize);
    let progress = show::progress(ledger.count_origins()?, "origins");
    ledger.each_origin(|origin, units| -> Result<(), CommandError> {
        let removals = ledger.removals(origin, now)?;
        let listings = |declared: &Declared| {
            let exempt = declared.exemptions.covering(origin).is_some();
            if exempt { Vec::new() } else { declared.listings_of(origin, units.clone(), &removals, now) }
        };
        let (old, new) = (listings(&before), listings(&after));
        let differing = differences(origin, &old, &new);
        stay +=
            old.iter().filter(|(list, _)| differing.iter().all(|difference| difference.list != list.name())).count();
        for difference in differing {
            counts[difference.becomes as usize] += 1;
            if found.len() < SHOWN || arguments.json {
                found.push(difference);
            }
        }
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    let [come, go, change] = [Becomes::Comes, Becomes::Goes, Becomes::Changes].map(|becomes| counts[becomes as usize]);
    let mut output = io::stdout().lock();
    if arguments.json {
        let publishes = after.publishes;
        writeln!(
            output,
            "{}",
            json!({ "come": come, "go": go, "change": change, "stay": stay, "publishes": publishes, "listings": found })
        )?;
    } else {
        if !found.is_empty() {
            found.sort_by_key(|difference| (difference.becomes, difference.origin));
            writeln!(output, "{}", show::differences(&found, SHOWN))?;
        }
        let what = if whole { "the settings" } else { "the policy" };
        writeln!(
            output,
            "Under {what} of {}: {} would come, {go} go, {change} end at another time; {stay} stay as they are.",
            arguments.policy.display().to_string().escape_debug(),
            show::counted(come, "listing")
        )?;
        if !after.publishes {
            writeln!(output, "It would publish none of them: shadow mode, or too few traps for its quorum.")?;
        }
    }
    Ok(if come + go + change == 0 { ExitCode::SUCCESS } else { ExitCode::from(NO) })
}
