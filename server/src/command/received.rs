//! `firsthand received`: each Received line of a header block on its own, and its readings.

use std::io::{self, Read, Write};

use firsthand_analyzer::received::{Dialect, Hop, Reading, Source};
use firsthand_analyzer::sample::Header;
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
    match file {
        "-" => io::stdin().lock().read_to_end(&mut bytes).map(drop).map_err(unreadable)?,
        path => bytes = std::fs::read(path).map_err(unreadable)?,
    }
    let header = Header::read(&bytes).map_err(|_| CommandError::Usage(format!("{file}: too large")))?;
    let mut output = io::BufWriter::new(io::stdout().lock());
    for (index, field) in header.all("Received").enumerate() {
        let report = line_report(index + 1, &Hop::read(field), dialect);
        if json {
            serde_json::to_writer(&mut output, &report).map_err(io::Error::from)?;
            writeln!(output)?;
        } else {
            write!(output, "{}", text(&report))?;
        }
    }
    Ok(output.flush()?)
}

fn line_report(line: usize, hop: &Hop<'_>, dialect: Option<Dialect>) -> LineReport {
    let untagged = dialect.is_none_or(Dialect::is_untagged);
    let declared = |reading: &&Reading| dialect.is_none_or(|dialect| dialect == reading.dialect);
    // A declared dialect that does not read the line leaves it unread, whoever else could.
    let first = hop.readings().iter().find(declared);
    let sources = if first.is_some() { hop.sources(untagged) } else { Vec::new() };
    let status = match sources.as_slice() {
        _ if hop.is_crowded() => "ambiguous",
        [] => "unreadable",
        [Source::Handover(_)] => "handover",
        [_] => "read",
        _ => "ambiguous",
    };
    let peers: Vec<String> = sources
        .iter()
        .filter_map(|source| match source {
            Source::Peer(peer) => Some(peer.to_string()),
            Source::Handover(_) | Source::Unstated => None,
        })
        .collect();
    let clauses = first.map(|reading| hop.clauses(reading)).unwrap_or_default();
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
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
