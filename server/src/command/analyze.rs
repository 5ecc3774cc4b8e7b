//! `firsthand analyze`: verdicts for messages, offline. Changes nothing.

use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::sample::{Envelope, Sample};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::{Report, Verdict, judge};
use serde::{Deserialize, Serialize};

use super::{CommandError, parse_dialect, parse_handover, parse_network};
use crate::cli::AnalyzeArguments;
use crate::config::Settings;
use crate::declared::topology_of;
use crate::intake::files::{Found, Unreadable, for_each_message};

impl From<Unreadable> for CommandError {
    fn from(place: Unreadable) -> Self {
        Self::File { path: place.path, error: place.error }
    }
}

/// One line of `--jsonl`, as INTERFACE promises it.
#[derive(Deserialize)]
struct Request {
    id: serde_json::Value,
    message: String,
    relays: Vec<RequestRelay>,
    #[serde(default)]
    boundary: RequestBoundary,
    observed_peer: Option<IpAddr>,
    envelope: Option<RequestEnvelope>,
}

#[derive(Deserialize)]
struct RequestRelay {
    #[serde(default)]
    name: String,
    #[serde(default)]
    networks: Vec<String>,
    #[serde(default)]
    hosts: Vec<String>,
    dialect: Option<String>,
    #[serde(default)]
    handovers: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum RequestBoundary {
    #[default]
    Headers,
    Channel,
}

#[derive(Deserialize)]
struct RequestEnvelope {
    #[serde(default)]
    mail_from: String,
    #[serde(default)]
    rcpt_to: Vec<String>,
}

/// An answer: the verdict under the request's id.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    #[serde(flatten)]
    report: Report<'a>,
}

#[derive(Serialize)]
struct Refusal {
    id: serde_json::Value,
    error: String,
}

/// Answers every request line of `file` (`-`: standard input) with one line, in order.
///
/// # Errors
/// When the file cannot be read or the answers cannot be written; a line that is no request is answered.
pub fn jsonl(file: &str) -> Result<(), CommandError> {
    let input: Box<dyn BufRead> = match file {
        "-" => Box::new(io::stdin().lock()),
        path => {
            let opened = std::fs::File::open(path);
            Box::new(BufReader::new(opened.map_err(|error| CommandError::File { path: path.into(), error })?))
        }
    };
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in input.split(b'\n') {
        let line = line.map_err(|error| CommandError::File { path: file.into(), error })?;
        if !line.trim_ascii().is_empty() {
            answer_request(&line, &mut output)?;
        }
    }
    Ok(output.flush()?)
}

fn answer_request(line: &[u8], output: &mut impl Write) -> Result<(), CommandError> {
    let request = match serde_json::from_slice::<Request>(line) {
        Ok(request) => request,
        Err(error) => {
            let id = serde_json::from_slice::<serde_json::Value>(line).ok().and_then(|value| value.get("id").cloned());
            return write_line(output, &Refusal { id: id.unwrap_or_default(), error: error.to_string() });
        }
    };
    match judge_request(&request) {
        Ok(verdict) => write_line(output, &Answer { id: &request.id, report: verdict.report() }),
        Err(error) => write_line(output, &Refusal { id: request.id, error }),
    }
}

fn judge_request(request: &Request) -> Result<Verdict, String> {
    let message = STANDARD.decode(&request.message).map_err(|error| format!("message: {error}"))?;
    let relays = request.relays.iter().map(relay_of_request).collect::<Result<_, _>>()?;
    let boundary = match request.boundary {
        RequestBoundary::Headers => Boundary::Headers,
        RequestBoundary::Channel => Boundary::Channel,
    };
    let envelope = request
        .envelope
        .as_ref()
        .map(|envelope| Envelope { mail_from: envelope.mail_from.clone(), rcpt_to: envelope.rcpt_to.clone() });
    let sample = Sample { message: &message, envelope: envelope.as_ref(), observed_peer: request.observed_peer };
    Ok(judge(&sample, &Topology::new(relays, boundary)))
}

fn relay_of_request(relay: &RequestRelay) -> Result<Relay, String> {
    Ok(Relay {
        name: relay.name.clone(),
        hosts: relay.hosts.iter().map(|host| HostPattern::new(host)).collect(),
        networks: relay.networks.iter().map(|text| parse_network(text)).collect::<Result<_, _>>()?,
        dialect: relay.dialect.as_deref().map_or(Ok(None), parse_dialect)?,
        handovers: relay.handovers.iter().map(|name| parse_handover(name)).collect::<Result<_, _>>()?,
    })
}

fn write_line(output: &mut impl Write, value: &impl Serialize) -> Result<(), CommandError> {
    serde_json::to_writer(&mut *output, value).map_err(io::Error::from)?;
    Ok(output.write_all(b"\n")?)
}

/// Does what was typed after `analyze`.
///
/// # Errors
/// As [`jsonl`] and [`paths`].
pub fn run(arguments: &AnalyzeArguments) -> Result<(), CommandError> {
    if let Some(file) = &arguments.jsonl {
        return jsonl(file);
    }
    if let (Some(config), Some(feed)) = (&arguments.config, &arguments.feed) {
        let settings = Settings::load(Some(config))?.settings;
        let topology = topology_of(&settings, feed);
        let topology =
            topology.ok_or_else(|| CommandError::Usage(format!("{} has no feed {feed:?}", config.display())))?;
        return paths(&arguments.paths, &topology, arguments.json);
    }
    let relay = RequestRelay {
        name: "relay".to_owned(),
        networks: arguments.relay.clone(),
        hosts: arguments.relay_host.clone(),
        dialect: Some(arguments.dialect.clone()),
        handovers: arguments.handover.clone(),
    };
    let relay = relay_of_request(&relay).map_err(CommandError::Usage)?;
    paths(&arguments.paths, &Topology::new(vec![relay], Boundary::Headers), arguments.json)
}

/// Judges every message below `paths` under one topology and prints the verdicts, in input order.
///
/// # Errors
/// When a place cannot be read or the answers cannot be written.
pub fn paths(paths: &[PathBuf], topology: &Topology, json: bool) -> Result<(), CommandError> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for_each_message(paths, &mut |Found { place, message }| {
        let verdict = judge(&Sample { message: &message, envelope: None, observed_peer: None }, topology);
        if json {
            let id = serde_json::Value::from(place);
            return write_line(&mut output, &Answer { id: &id, report: verdict.report() });
        }
        Ok(write!(output, "{}", crate::command::show::verdict(&place, &verdict))?)
    })?;
    Ok(output.flush()?)
}
