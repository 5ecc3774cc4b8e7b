//! `firsthand received`: each Received line of a header block on its own, and its readings.

use std::io::{self, Read, Write};

use firsthand_analyzer::received::{Dialect, Hop, Reading, Source};
use firsthand_analyzer::sample::{Header, MESSAGE_LIMIT};
use firsthand_analyzer::trust::printable;
use serde::Serialize;

use super::CommandError;

/// One line's readings, as INTERFACE promises them.
#[derive(Serialize)]
struct LineReport {
    line: usize,
    status: &'static str,
    peer: Option<String>,
    peers: Vec<String>,
    rdns: Option<String>,
    helo: Option<String>,
    by: Option<String>,
    ident: Option<String>,
    envelope_from: Option<String>,
    auth: Option<String>,
    id: Option<String>,
    with: Option<String>,
    dialect: Option<&'static str>,
}

/// Prints the readings of the lines in `file` (`-`: standard input).
///
/// # Errors
/// When the file cannot be read or the answers cannot be written.
pub fn run(file: &str, dialect: Option<Dialect>, json: bool) -> Result<(), CommandError> {
    let unreadable = |error| CommandError::File { path: file.into(), error };
    let mut bytes = Vec::new();
    // One octet more than is read, so that what is longer is refused and takes no more memory.
    let limit = MESSAGE_LIMIT as u64 + 1;
    match file {
        "-" => io::stdin().lock().take(limit).read_to_end(&mut bytes),
        path => std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    }
    .map_err(unreadable)?;
    let header = Header::read(&bytes).map_err(|_| CommandError::Usage(format!("{file}: too large")))?;
    let mut output = io::BufWriter::new(io::stdout().lock());
    for (index, field) in header.all("Received").enumerate() {
        let mut hop = Hop::read(field);
        if let (true, Some(dialect)) = (hop.is_crowded(), dialect) {
            hop = Hop::read_in(field, &[dialect]);
        }
        // What no grammar reads is shown as it seems, and said to be so by its dialect's name.
        let report = if hop.readings().is_empty() && dialect.is_none() && !hop.is_crowded() {
            seeming_report(index + 1, &Hop::read_loosely(field))
        } else {
            line_report(index + 1, &hop, dialect)
        };
        if json {
            serde_json::to_writer(&mut output, &report).map_err(io::Error::from)?;
            writeln!(output)?;
        } else {
            write!(output, "{}", text(&report))?;
        }
    }
    Ok(output.flush()?)
}

fn seeming_report(line: usize, hop: &Hop<'_>) -> LineReport {
    let mut sources: Vec<Source> = hop.readings().iter().map(|reading| reading.source).collect();
    sources.dedup();
    report(line, hop, hop.readings().first(), &sources)
}

fn line_report(line: usize, hop: &Hop<'_>, dialect: Option<Dialect>) -> LineReport {
    // A declared dialect that does not read the line leaves it unread, whoever else could.
    let first = hop.own_readings(dialect).next();
    let sources = if first.is_some() { hop.sources(dialect) } else { Vec::new() };
    report(line, hop, first, &sources)
}

fn report(line: usize, hop: &Hop<'_>, first: Option<&Reading>, sources: &[Source]) -> LineReport {
    let status = match sources {
        _ if hop.is_crowded() => "ambiguous",
        [] => "unreadable",
        [Source::Handover(_) | Source::Continued] => "handover",
        [_] => "read",
        _ => "ambiguous",
    };
    let peers: Vec<String> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Peer(peer) => Some(peer.to_string()),
            Source::Handover(_) | Source::Continued | Source::Unstated => None,
        })
        .collect();
    let clauses = first.map(|reading| hop.clauses(reading)).unwrap_or_default();
    let text = |bytes: Option<&[u8]>| bytes.map(printable);
    LineReport {
        line,
        status,
        peer: peers.first().filter(|_| status == "read").cloned(),
        peers,
        rdns: text(clauses.rdns.filter(|name| *name != b"unknown")),
        helo: text(clauses.helo),
        by: first.map(|reading| hop.by(reading).to_owned()),
        ident: text(clauses.ident),
        envelope_from: text(clauses.envelope_from),
        auth: text(clauses.auth),
        id: text(clauses.id),
        with: text(clauses.with),
        dialect: first.map(|reading| reading.dialect.name()),
    }
}

fn text(report: &LineReport) -> String {
    let peer = match (report.status, report.peers.as_slice()) {
        ("read", [peer]) if report.dialect == Some(Dialect::Loose.name()) => format!("seems to name {peer}, unproven"),
        ("read", [peer]) => format!("peer {peer}"),
        ("read", _) => "names no peer".to_owned(),
        ("ambiguous", peers) => format!("could be any of {}", peers.join(", ")),
        (status, _) => status.to_owned(),
    };
    let clause = |name: &str, value: &Option<String>| {
        value.as_ref().map_or(String::new(), |value| format!("  {name} {}", value.escape_debug()))
    };
    format!(
        "line {}: {peer}{}{}{}{}\n",
        report.line,
        clause("by", &report.by),
        clause("dialect", &report.dialect.map(str::to_owned)),
        clause("helo", &report.helo),
        clause("rdns", &report.rdns),
    )
}
