//! `firsthand drill`: fires the attack catalogue at the settings and prints what would be listed.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;

use comfy_table::{Attribute, Cell, Color};
use serde_json::json;

use super::{CommandError, NO, show};
use crate::cli::DrillArguments;
use crate::config::Settings;
use crate::drill::{Listed, NOT_DRILLED, Outcome, drill};

/// The most addresses that one cell of the table shows.
const SHOWN: usize = 3;

/// Prints what each attack brings about; exit status 1 if an innocent was harmed.
///
/// # Errors
/// The mistakes in the settings.
pub fn run(arguments: &DrillArguments) -> Result<ExitCode, CommandError> {
    let loaded = Settings::load(arguments.config.as_deref())?;
    for warning in &loaded.warnings {
        eprintln!("{warning}");
    }
    let outcomes = drill(&loaded.settings);
    let mut output = io::stdout().lock();
    if arguments.json {
        for outcome in &outcomes {
            writeln!(output, "{}", as_json(outcome))?;
        }
    } else {
        write!(output, "{}", as_text(&outcomes))?;
    }
    Ok(if outcomes.iter().any(Outcome::harms) { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

fn as_json(outcome: &Outcome) -> serde_json::Value {
    let Outcome { attack, aimed_at, attackers, listed: _, blamed, held, note } = outcome;
    let listed = |listed: &Listed| json!({ "list": listed.list.name(), "address": listed.address.to_string(), "innocent": listed.innocent });
    json!({
        "attack": attack.number,
        "name": attack.name,
        "guarantee": attack.guarantee,
        "aimed_at": aimed_at,
        "attacker": attackers,
        "listed": outcome.listed.iter().map(listed).collect::<Vec<_>>(),
        "blamed": blamed.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "held": held,
        "note": note,
    })
}

fn as_text(outcomes: &[Outcome]) -> String {
    let mut table = show::table(&["attack", "aimed at", "would be listed", "guarantee"]);
    for outcome in outcomes {
        table.add_row(row(outcome));
    }
    let mut out = format!("{table}\n");
    for Outcome { attack, note, .. } in outcomes.iter().filter(|outcome| !outcome.note.is_empty()) {
        out += &format!("{}: {note}\n", attack.number);
    }
    out += &format!("{NOT_DRILLED}\n");
    let harmful: Vec<&str> =
        outcomes.iter().filter(|outcome| outcome.harms()).map(|outcome| outcome.attack.number).collect();
    out += &match harmful.as_slice() {
        [] => "No innocent would be listed.\n".to_owned(),
        numbers => format!("AN INNOCENT WOULD BE HARMED by {}.\n", numbers.join(", ")),
    };
    out
}

fn row(outcome: &Outcome) -> Vec<Cell> {
    let Outcome { attack, aimed_at, listed, blamed, held, .. } = outcome;
    // Innocents first, since only a few are shown.
    let (wronged, rest): (Vec<&Listed>, Vec<&Listed>) = listed.iter().partition(|listed| listed.innocent);
    let whom = wronged.into_iter().chain(rest).map(|listed| {
        let innocent = if listed.innocent { " INNOCENT" } else { "" };
        format!("{} {}{innocent}", listed.list.name(), listed.address)
    });
    let blamed = blamed.iter().filter(|origin| listed.iter().all(|listed| listed.address != **origin));
    let whom: Vec<String> = whom.chain(blamed.map(|origin| format!("blamed {origin} INNOCENT"))).collect();
    let verdict = match (attack.guarantee, held) {
        ("", true) => Cell::new(""),
        (guarantee, true) => Cell::new(format!("{guarantee} held")).fg(Color::Green),
        (guarantee, false) => Cell::new(format!("{guarantee} BROKEN")).fg(Color::Red).add_attribute(Attribute::Bold),
    };
    let listed = Cell::new(if whom.is_empty() { "nobody".to_owned() } else { few(&whom) });
    let listed = if outcome.harms() { listed.fg(Color::Red).add_attribute(Attribute::Bold) } else { listed };
    vec![
        Cell::new(format!("{} {}", attack.number, attack.name)),
        Cell::new(few(aimed_at as &[IpAddr])),
        listed,
        verdict,
    ]
}

/// The first few of them, each on its line, and how many more there are.
fn few<T: Display>(all: &[T]) -> String {
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more", all.len() - SHOWN));
    }
    lines.join("\n")
}
