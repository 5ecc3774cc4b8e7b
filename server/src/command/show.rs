//! What commands print for people: tables, and colour where the terminal has it.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use firsthand_analyzer::claim::Claim;
use firsthand_analyzer::received::Source;
use firsthand_analyzer::trust::PathLine;
use firsthand_analyzer::verdict::Verdict;

/// A table in the house's manner, as wide as the terminal.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table
}

/// A verdict: the path, the boundary marked, the claims below it with what gives them away.
pub fn verdict(place: &str, verdict: &Verdict) -> String {
    let mut table = table(&["line", "written by", "says it came from", "what it is"]);
    let last = verdict.path.len();
    for (index, line) in verdict.path.iter().enumerate() {
        let boundary = verdict.boundary.is_some() && index + 1 == last;
        table.add_row(path_row(line, boundary));
    }
    for claim in &verdict.claims {
        table.add_row(claim_row(claim));
    }
    let conclusion = match verdict.origin {
        Ok(origin) => format!("origin {origin}, {}", verdict.nature.name()),
        Err(reason) => format!("no origin ({}): {}", reason.name(), reason.sentence()),
    };
    let framed = match verdict.framed.as_slice() {
        [] => String::new(),
        names => format!("\nframed, and nothing counts against them: {}", names.join(", ")),
    };
    let lines = if table.row_count() == 0 { String::new() } else { format!("{table}\n") };
    format!("{}\n{lines}{conclusion}{framed}\n\n", place.escape_debug())
}

fn path_row(line: &PathLine, boundary: bool) -> Vec<Cell> {
    let source = match line.source {
        Source::Peer(peer) => peer.to_string(),
        Source::Handover(step) => format!("({})", step.name()),
        Source::Unstated => "(not stated)".to_owned(),
    };
    let what = if boundary { "the boundary: this peer is the origin" } else { "ours" };
    let colour = if boundary { Color::Green } else { Color::Reset };
    vec![
        Cell::new(line.line),
        Cell::new(format!("{} ({})", line.by, line.dialect.name())),
        Cell::new(source).fg(colour),
        Cell::new(what).fg(colour),
    ]
}

fn claim_row(claim: &Claim) -> Vec<Cell> {
    let from: Vec<String> = claim.from.iter().map(ToString::to_string).chain(claim.names.iter().cloned()).collect();
    let findings: Vec<&str> = claim.findings.iter().map(|finding| finding.name()).collect();
    let what = if findings.is_empty() { "untrusted".to_owned() } else { format!("untrusted: {}", findings.join(", ")) };
    vec![
        Cell::new(claim.line).fg(Color::DarkGrey),
        Cell::new(claim.by.as_deref().unwrap_or("?")).fg(Color::DarkGrey),
        Cell::new(from.join(" ")).fg(Color::DarkGrey),
        Cell::new(what).fg(Color::DarkGrey),
    ]
}
