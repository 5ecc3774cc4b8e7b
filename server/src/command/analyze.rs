//! `firsthand analyze`: verdicts for messages, offline. Changes nothing.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::Scope;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::address::canonical;
use firsthand_analyzer::sample::{Envelope, MESSAGE_LIMIT, Sample};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::{Report, Verdict, judge};
use serde::{Deserialize, Serialize};

use super::{CommandError, parse_dialect, parse_handover, parse_network};
use crate::cli::AnalyzeArguments;
use crate::config::Settings;
use crate::declared::feed_of;
use crate::intake::files::{Found, Split, Unreadable, for_each_message};

impl From<Unreadable> for CommandError {
    fn from(place: Unreadable) -> Self {
        Self::File { path: place.path, error: place.error }
    }
}

/// One line of `--jsonl`, as INTERFACE promises it.
#[derive(Deserialize)]
struct Request<'a> {
    id: serde_json::Value,
    #[serde(borrow)]
    message: Cow<'a, str>,
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
    /// Absent or null: not known, which is not the null sender.
    mail_from: Option<String>,
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

/// The answer to a line that is no request.
#[derive(Serialize, Debug)]
pub struct Refusal {
    id: serde_json::Value,
    error: String,
    /// Whether it is longer than a message may be, so that there is a verdict on it.
    #[serde(skip)]
    long: bool,
}

/// What one request asks.
pub struct Question {
    /// The message.
    pub message: Vec<u8>,
    /// Its envelope, if the request has one.
    pub envelope: Option<Envelope>,
    /// The peer that the channel saw, if the request has one.
    pub observed_peer: Option<IpAddr>,
    /// Under which relays it is judged.
    pub topology: Topology,
}

impl Question {
    /// The verdict.
    pub fn judge(&self) -> Verdict {
        let sample =
            Sample { message: &self.message, envelope: self.envelope.as_ref(), observed_peer: self.observed_peer };
        judge(&sample, &self.topology)
    }
}

/// How much of the input is read at a time, in octets; the requests in it are answered on all cores.
const INPUT: usize = 1 << 20;

/// The longest request line, in octets: a message at its limit in base64, and room for the rest. Of a longer line only
/// the beginning is kept, and its message is too large.
const LINE_LIMIT: usize = MESSAGE_LIMIT / 3 * 4 + (1 << 20);

/// How much of a request line that is too long is kept, to find its id.
const LONG_LINE_KEPT: usize = 64 << 10;

/// Answers every request line of `file` (`-`: standard input) with one line, in order.
///
/// A request that waits for no other is answered as soon as it has been read.
///
/// # Errors
/// When the file cannot be read or the answers cannot be written; a line that is no request is answered.
pub fn jsonl(file: &str) -> Result<(), CommandError> {
    let unreadable = |error| CommandError::File { path: file.into(), error };
    let input: Box<dyn Read> = match file {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(std::fs::File::open(path).map_err(unreadable)?),
    };
    let mut input = BufReader::with_capacity(INPUT, input);
    let mut output = io::stdout().lock();
    std::thread::scope(|scope| {
        let workers = Workers::start(scope);
        let mut lines: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut line = Vec::new();
            let ended = read_line(&mut input, &mut line).map_err(unreadable)?;
            if !line.trim_ascii().is_empty() {
                lines.push(line);
            }
            if ended || !input.buffer().contains(&b'\n') {
                for answers in workers.answer(std::mem::take(&mut lines)) {
                    output.write_all(&answers)?;
                }
                output.flush()?;
            }
            if ended {
                return Ok(());
            }
        }
    })
}

/// One thread for each core but this one, which keep what they have learnt of the grammars from one batch to the next.
struct Workers(Vec<Worker>);

/// A thread that answers shares of request lines.
struct Worker {
    give: Sender<Vec<Vec<u8>>>,
    answers: Receiver<Vec<u8>>,
}

impl Workers {
    fn start<'s>(scope: &'s Scope<'s, '_>) -> Self {
        let others = std::thread::available_parallelism().map_or(0, |cores| usize::from(cores) - 1);
        let worker = |_| {
            let (give, shares) = mpsc::channel::<Vec<Vec<u8>>>();
            let (told, answers) = mpsc::channel();
            // Nobody hears the answers any more when the output is closed; that is told where it was noticed.
            scope.spawn(move || shares.iter().try_for_each(|share| told.send(answer_share(&share))));
            Worker { give, answers }
        };
        Self((0..others).map(worker).collect())
    }

    /// Answers these requests on all cores; the answers in order.
    fn answer(&self, mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let share = lines.len().div_ceil(self.0.len() + 1).max(1);
        let others = lines.split_off(share.min(lines.len()));
        let mut others = others.into_iter();
        let mut given = Vec::new();
        for Worker { give, answers } in &self.0 {
            let share: Vec<Vec<u8>> = others.by_ref().take(share).collect();
            if !share.is_empty() {
                give.send(share).expect("a worker ends after its sender");
                given.push(answers);
            }
        }
        let mut all = vec![answer_share(&lines)];
        all.extend(given.into_iter().map(|answers| answers.recv().expect("a worker answers all that it is given")));
        all
    }
}

/// Reads a line; whether the input has ended.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    let read = input.take(LINE_LIMIT as u64).read_until(b'\n', line)?;
    if read == LINE_LIMIT && line.last() != Some(&b'\n') {
        line.truncate(LONG_LINE_KEPT);
        line.shrink_to_fit();
        input.skip_until(b'\n')?;
    }
    Ok(read == 0)
}

fn answer_share(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut answers = Vec::with_capacity(lines.len() * 1024);
    for line in lines {
        answer_request(line, &mut answers);
    }
    answers
}

fn answer_request(line: &[u8], answers: &mut Vec<u8>) {
    let written = match read_request(line) {
        Err(refusal) if refusal.long => {
            serde_json::to_writer(&mut *answers, &Answer { id: &refusal.id, report: Verdict::too_large().report() })
        }
        Ok((id, question)) => {
            serde_json::to_writer(&mut *answers, &Answer { id: &id, report: question.judge().report() })
        }
        Err(refusal) => serde_json::to_writer(&mut *answers, &refusal),
    };
    written.expect("texts, numbers and lists of them are JSON, and memory takes it");
    answers.push(b'\n');
}

/// Reads one request line: its id, and what it asks.
///
/// # Errors
/// What is wrong with it, under its id if that could be read.
pub fn read_request(line: &[u8]) -> Result<(serde_json::Value, Question), Refusal> {
    let request = serde_json::from_slice::<Request>(line).map_err(|error| {
        let id = serde_json::from_slice::<serde_json::Value>(line).ok().and_then(|value| value.get("id").cloned());
        let long = line.len() == LONG_LINE_KEPT;
        let id = id.or_else(|| first_id(line).filter(|_| long)).unwrap_or_default();
        Refusal { id, error: error.to_string(), long }
    })?;
    match question(&request) {
        Ok(question) => Ok((request.id, question)),
        Err(error) => Err(Refusal { id: request.id, error, long: false }),
    }
}

/// The id of a request line of which only the beginning is there, if the id stands first.
fn first_id(line: &[u8]) -> Option<serde_json::Value> {
    let rest = line.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"id\"")?;
    let rest = rest.trim_ascii_start().strip_prefix(b":")?;
    serde_json::Deserializer::from_slice(rest).into_iter().next()?.ok()
}

fn question(request: &Request<'_>) -> Result<Question, String> {
    let message = STANDARD.decode(&*request.message).map_err(|error| format!("message: {error}"))?;
    let relays = request.relays.iter().map(relay_of_request).collect::<Result<_, _>>()?;
    let boundary = match request.boundary {
        RequestBoundary::Headers => Boundary::Headers,
        RequestBoundary::Channel => Boundary::Channel,
    };
    let envelope = request.envelope.as_ref().and_then(|envelope| {
        Some(Envelope { mail_from: envelope.mail_from.clone()?, rcpt_to: envelope.rcpt_to.clone() })
    });
    Ok(Question {
        message,
        envelope,
        observed_peer: request.observed_peer.map(canonical),
        topology: Topology::new(relays, boundary),
    })
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
        let judge = feed_of(&settings, feed);
        let judge = judge.ok_or_else(|| CommandError::Usage(format!("{} has no feed {feed:?}", config.display())))?;
        let verdict = |sample: &Sample<'_>| judge.judge(sample).verdict;
        return paths(&arguments.paths, verdict, judge.path_topology(), arguments.json);
    }
    let relay = RequestRelay {
        name: "relay".to_owned(),
        networks: arguments.relay.clone(),
        hosts: arguments.relay_host.clone(),
        dialect: Some(arguments.dialect.clone()),
        handovers: arguments.handover.clone(),
    };
    let relay = relay_of_request(&relay).map_err(CommandError::Usage)?;
    let topology = Topology::new(vec![relay], Boundary::Headers);
    paths(&arguments.paths, |sample| judge(sample, &topology), &topology, arguments.json)
}

/// Judges every message below `paths` and prints the verdicts, in input order; `topology` has the relays of their paths.
///
/// # Errors
/// When a place cannot be read or the answers cannot be written.
pub fn paths(
    paths: &[PathBuf],
    judge: impl Fn(&Sample<'_>) -> Verdict,
    topology: &Topology,
    json: bool,
) -> Result<(), CommandError> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for_each_message(paths, Split::Mbox, &mut |Found { place, message }| {
        let verdict = judge(&Sample { message: &message, envelope: None, observed_peer: None });
        if json {
            let id = serde_json::Value::from(place);
            return write_line(&mut output, &Answer { id: &id, report: verdict.report() });
        }
        Ok(write!(output, "{}", crate::command::show::verdict(&place, &verdict, topology))?)
    })?;
    Ok(output.flush()?)
}
