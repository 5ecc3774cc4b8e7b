//! What commands print for people: tables, and colour where the terminal has it.

use std::path::Path;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use firsthand_analyzer::claim::Claim;
use firsthand_analyzer::nature::Recognised;
use firsthand_analyzer::received::Source;
use firsthand_analyzer::topology::Topology;
use firsthand_analyzer::trust::PathLine;
use firsthand_analyzer::verdict::{ReportedBy, Verdict};
use indicatif::{ProgressBar, ProgressStyle};

use crate::difference::{Becomes, Difference};
use crate::web::time;

/// How much of a name that a client gives itself is shown, in characters.
const NAME_SHOWN: usize = 200;

/// The narrowest table that can be read, in characters.
const NARROWEST: u16 = 60;

/// A table in the house's manner, as wide as the terminal.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    // A terminal that does not tell its width says 0, and a very narrow one would get a letter a line.
    if table.width().is_some_and(|width| width < NARROWEST) {
        table.set_width(NARROWEST);
    }
    table
}

/// The option that names the settings, as it stands in a command to be typed next; with a space behind it.
pub fn config_option(config: Option<&Path>) -> String {
    config.map_or_else(String::new, |path| format!("--config {} ", path.display()))
}

/// A number with its noun: one, or several.
pub fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// A bar for long work, on a terminal only.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} {msg}, {eta} left");
    let bar = ProgressBar::new(length).with_message(what);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The same for bytes.
pub fn progress_of_bytes(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes} {msg}, {eta} left");
    let bar = ProgressBar::new(length).with_message(what);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What becomes of listings, at most `limit` of them.
pub fn differences(found: &[Difference], limit: usize) -> String {
    let mut table = table(&["address", "list", "what becomes of it", "ended", "ends"]);
    let end = |end: Option<i64>| Cell::new(end.map(time).unwrap_or_default());
    for difference in found.iter().take(limit) {
        let colour = match difference.becomes {
            Becomes::Comes => Color::Red,
            Becomes::Goes => Color::Green,
            Becomes::Changes => Color::Yellow,
        };
        table.add_row([
            Cell::new(difference.origin),
            Cell::new(difference.list),
            Cell::new(difference.becomes.name()).fg(colour),
            end(difference.before),
            end(difference.after),
        ]);
    }
    match found.len().saturating_sub(limit) {
        0 => table.to_string(),
        more => format!("{table}\n… and {more} more"),
    }
}

/// A verdict: the path, the boundary marked, the claims below it struck through with what gives them away.
pub fn verdict(place: &str, verdict: &Verdict, topology: &Topology) -> String {
    let mut table = table(&["line", "written by", "says it came from", "what it proves"]);
    let last = verdict.path.len();
    for (index, line) in verdict.path.iter().enumerate() {
        let boundary = verdict.boundary.is_some() && index + 1 == last;
        table.add_row(path_row(line, boundary, topology));
    }
    for claim in &verdict.claims {
        table.add_row(claim_row(claim, "", "nothing: the sender's word"));
    }
    for claim in &verdict.returned_claims {
        table.add_row(claim_row(claim, "returned ", "nothing: the returned message's"));
    }
    let mut out = format!("{}\n", place.escape_debug());
    if table.row_count() > 0 {
        out += &format!("{table}\n");
    }
    if let Some(ReportedBy { origin, .. }) = &verdict.reported_by {
        let from = origin.map_or_else(|reason| format!("unproven ({})", reason.name()), |origin| origin.to_string());
        out += &format!("brought by an abuse report from {from}\n");
    }
    match verdict.origin {
        Ok(origin) => out += &format!("origin {origin}, {}\n", verdict.nature().name()),
        Err(reason) => {
            out += &format!("no origin ({}): {}\n", reason.name(), reason.sentence());
            if let Some(cause) = &verdict.cause {
                out += &format!("  line {}: {}\n", cause.line, cause.text);
            }
        }
    }
    out += &nature(&verdict.recognised);
    if !verdict.framed.is_empty() {
        out += &format!("framed, and nothing counts against them: {}\n", verdict.framed.join(", "));
    }
    out + "\n"
}

/// What a message was recognised as, by which grounds, and what a bounce says; nothing for direct mail.
fn nature(recognised: &Recognised) -> String {
    let Recognised { nature, grounds, bounce, cause, .. } = recognised;
    if grounds.is_empty() {
        return String::new();
    }
    let grounds: Vec<String> = grounds.iter().map(|ground| ground.sentence()).collect();
    let mut out = format!("  {} because: {}\n", nature.name(), grounds.join("; "));
    if let Some(bounce) = bounce {
        let standard = if bounce.standard { "by the standard (RFC 3464)" } else { "not by the standard" };
        out += &format!("  {standard}; reason: {}; came back: {}\n", bounce.reason.name(), bounce.returned.name());
    }
    if let Some(cause) = cause {
        out += &format!("  why its server answers people who never wrote: {}\n", cause.name());
    }
    out
}

fn path_row(line: &PathLine, boundary: bool, topology: &Topology) -> Vec<Cell> {
    let peer = match line.source {
        Source::Peer(peer) => peer.to_string(),
        Source::Handover(step) => format!("({})", step.name()),
        Source::Continued => "(the next line tells)".to_owned(),
        Source::Unstated => "(not stated)".to_owned(),
    };
    let names = [("HELO", &line.helo), ("DNS", &line.rdns)];
    let cut = |name: &str| name.chars().take(NAME_SHOWN).collect::<String>();
    let names = names.iter().filter_map(|(what, name)| name.as_ref().map(|name| format!("\n{what} {}", cut(name))));
    let source = names.fold(peer, |source, name| source + &name);
    let relay = &topology.relays[line.relay].name;
    let what = match line.source {
        _ if boundary => "BOUNDARY: this peer is the origin".to_owned(),
        Source::Peer(peer) if peer.is_loopback() => format!("relay {relay} passed it on inside"),
        Source::Peer(peer) if topology.holds(peer) => format!("relay {relay} took it from a relay"),
        Source::Peer(_) => format!("relay {relay} took it from this peer"),
        Source::Handover(_) | Source::Continued => format!("relay {relay} passed it on inside"),
        Source::Unstated => format!("relay {relay} does not say from whom"),
    };
    let cell = |text: String| {
        let cell = Cell::new(text);
        if boundary { cell.fg(Color::Green).add_attribute(Attribute::Bold) } else { cell }
    };
    vec![
        cell(line.line.to_string()),
        cell(format!("{}\n{}", if line.by.is_empty() { relay } else { &line.by }, line.dialect.name())),
        cell(source),
        cell(what),
    ]
}

fn claim_row(claim: &Claim, place: &str, whose: &str) -> Vec<Cell> {
    let from: Vec<String> = claim.from.iter().map(ToString::to_string).chain(claim.names.iter().cloned()).collect();
    let findings: Vec<&str> = claim.findings.iter().map(|finding| finding.sentence()).collect();
    let struck = |text: String| Cell::new(text).fg(Color::DarkGrey).add_attribute(Attribute::CrossedOut);
    vec![
        struck(format!("{place}{}", claim.line)),
        struck(claim.by.clone().unwrap_or_else(|| "?".to_owned())),
        struck(from.join("\n")),
        Cell::new(format!("{whose}{}", findings.iter().map(|finding| format!("\n- {finding}")).collect::<String>()))
            .fg(Color::DarkGrey),
    ]
}
