//! An import: many messages in batches over two connections, with what is done on the screen and in the journal.
//!
//! What is held is a batch that fills and two that are under way. Batches are answered in the order of their messages, and
//! noted in that order, so that all that comes before what the journal says is done, but for what was refused.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::journal::{Done, Journal};
use super::service::{Answer, Connection, Service, detail};
use super::{CommandError, comes_later, line, of_mbox};
use crate::cli::SubmitArguments;
use crate::command::NO;
use crate::intake::files::{Messages, Split, for_each_file, looks_like_mbox};
use crate::intake::http::lines::ID_LIMIT;

/// The most messages of a batch.
const MESSAGES: usize = 100;
/// The most bytes of a batch of several messages.
const BYTES: usize = 1 << 20;
/// The batches that are under way at a time.
const UNDER_WAY: usize = 2;
/// How long a service that is away may stay so, where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The first pause, where the service names none, and the longest; each is twice the one before.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// How many refusals are told one by one.
const REFUSALS_TOLD: u64 = 1000;

/// A message that waits to be sent.
struct Item {
    place: String,
    /// As the service takes it.
    line: String,
    done: Option<Done>,
    /// How many bytes of the input it ends.
    bytes: u64,
}

/// A batch on its way.
struct Batch {
    items: Vec<Item>,
    answers: JoinHandle<Result<(Vec<Value>, Connection), CommandError>>,
}

/// How many messages came to what end.
#[derive(Default)]
struct Tally {
    taken: u64,
    repeated: u64,
    refused: u64,
}

struct Import<'a> {
    arguments: &'a SubmitArguments,
    service: Arc<Service>,
    runtime: Runtime,
    patience: Duration,
    /// Whether a folder or an mbox is imported, of which no line a message is told.
    is_large: bool,
    connections: Vec<Connection>,
    filling: Vec<Item>,
    filled: usize,
    under_way: VecDeque<Batch>,
    journal: Option<Journal>,
    tally: Tally,
    /// Files that were gone when their turn came.
    gone: u64,
    progress: ProgressBar,
}

/// Hands in all that lies below the paths.
///
/// # Errors
/// When the import cannot go on.
pub(super) fn run(service: Service, arguments: &SubmitArguments) -> Result<ExitCode, CommandError> {
    let is_large = arguments.mbox || arguments.resume.is_some() || arguments.paths.iter().any(|path| path.is_dir());
    let journal = match &arguments.resume {
        Some(_) if arguments.paths.iter().any(|path| path.as_os_str() == "-") => {
            return Err(CommandError::Usage("standard input cannot be resumed; name a file".to_owned()));
        }
        Some(path) => Some(Journal::open(path, arguments)?),
        None => None,
    };
    // Answers are taken while the next messages are read.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let default = if is_large { PATIENCE } else { Duration::ZERO };
    let mut import = Import {
        arguments,
        service: Arc::new(service),
        runtime,
        patience: arguments.patience.unwrap_or(default),
        is_large,
        connections: (0..UNDER_WAY).map(|_| None).collect(),
        filling: Vec::new(),
        filled: 0,
        under_way: VecDeque::new(),
        journal,
        tally: Tally::default(),
        gone: 0,
        progress: progress(&arguments.paths),
    };
    let began = Instant::now();
    let read = import.read_all();
    let done = read.and_then(|()| import.send()).and_then(|()| import.finish());
    import.progress.finish_and_clear();
    if is_large {
        import.sum_up(began.elapsed())?;
    }
    done?;
    if import.gone > 0 {
        let what = format!("{} files were gone since their folders were read; hand these in once more", import.gone);
        return Err(CommandError::TryLater(what));
    }
    Ok(if import.tally.refused > 0 { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

/// Shows how far it is where somebody looks, against what there is to do where that is known.
fn progress(paths: &[PathBuf]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let mut total = Some(0);
    for path in paths {
        let sized = for_each_file(path, &mut |file| {
            // What cannot be read is told when its turn comes.
            let length = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
            total = total.map(|total| total + length);
            Ok::<(), CommandError>(())
        });
        if sized.is_err() {
            total = None;
        }
    }
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{bar:20} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go: {msg}")
        }
        None => (ProgressBar::no_length(), "{spinner} {bytes}, {bytes_per_sec}: {msg}"),
    };
    bar.with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Import<'_> {
    fn read_all(&mut self) -> Result<(), CommandError> {
        for path in &self.arguments.paths {
            if path.as_os_str() == "-" {
                let split = if self.arguments.mbox { Split::Mbox } else { Split::Never };
                let unreadable = |error| CommandError::File { path: path.clone(), error };
                let mut messages = Messages::begin(io::stdin().lock(), split).map_err(unreadable)?;
                let mut before = 0;
                while let Some(one) = messages.next_one().map_err(unreadable)? {
                    // An empty mbox holds no message.
                    if self.arguments.mbox && one.end == 0 {
                        break;
                    }
                    let (place, bytes) = (one.place("-"), one.end - before);
                    before = one.end;
                    self.push(place, &one.message, None, bytes)?;
                }
            } else {
                for_each_file(path, &mut |file| self.read(&file.to_owned()))?;
            }
        }
        Ok(())
    }

    /// Reads the messages of a file that are not done.
    fn read(&mut self, path: &PathBuf) -> Result<(), CommandError> {
        let unreadable = |error| CommandError::File { path: path.clone(), error };
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.arguments.paths.contains(path) => {
                self.gone += 1;
                return Ok(());
            }
            opened => opened.map_err(unreadable)?,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if self.journal.as_ref().is_some_and(|journal| journal.has(path, &metadata)) {
            self.skip(metadata.len());
            return Ok(());
        }
        if self.arguments.mbox && metadata.len() == 0 {
            return Ok(());
        }
        if !self.arguments.mbox {
            let mut messages = Messages::begin(BufReader::new(file), Split::Never).map_err(unreadable)?;
            let done = self.journal.is_some().then(|| Done::file(path, &metadata));
            return match messages.next_one().map_err(unreadable)? {
                Some(one) => {
                    if looks_like_mbox(&one.message) {
                        self.tell(&of_mbox(path));
                    }
                    self.push(path.display().to_string(), &one.message, done, one.end)
                }
                None => Ok(()),
            };
        }
        let (mut messages, mut before) = self.resume(path, &mut file)?;
        while let Some(one) = messages.next_one().map_err(unreadable)? {
            let of_mbox = || Done::Mbox { path: path.clone(), messages: one.number, begin: before, end: one.end };
            let done = self.journal.is_some().then(of_mbox);
            let bytes = one.end - before;
            before = one.end;
            self.push(one.place(&path.display().to_string()), &one.message, done, bytes)?;
        }
        Ok(())
    }

    /// The messages of an mbox that were not handed in yet, and where they begin. Those that were refused are handed in again.
    fn resume(&mut self, path: &PathBuf, file: &mut File) -> Result<(Messages<BufReader<File>>, u64), CommandError> {
        let unreadable = |error| CommandError::File { path: path.clone(), error };
        let reader = |file: &File| file.try_clone().map(BufReader::new).map_err(unreadable);
        let from_the_beginning =
            |file: &File| Ok((Messages::begin(reader(file)?, Split::Mbox).map_err(unreadable)?, 0));
        let Some(journal) = &self.journal else { return from_the_beginning(file) };
        let Some(taken) = journal.taken(path).cloned() else { return from_the_beginning(file) };
        let refused = journal.refused(path);
        if taken.find(path, file).map_err(unreadable)? {
            let rest = Messages::resume(reader(file)?, taken.end, taken.messages).map_err(unreadable)?;
            if let Some(rest) = rest {
                self.skip(taken.end);
                let before = taken.messages - refused.len() as u64;
                self.tell(&format!("{}: {before} messages were done before", path.display()));
                let mut again = File::open(path).map_err(unreadable)?;
                for (number, begin) in refused {
                    again.seek(SeekFrom::Start(begin)).map_err(unreadable)?;
                    let found = Messages::resume(reader(&again)?, begin, number - 1).map_err(unreadable)?;
                    let Some(mut found) = found else { continue };
                    if let Some(one) = found.next_one().map_err(unreadable)? {
                        let (place, done) =
                            (one.place(&path.display().to_string()), Done::Again { path: path.clone(), number });
                        self.push(place, &one.message, Some(done), 0)?;
                    }
                }
                return Ok((rest, taken.end));
            }
        }
        self.tell(&format!(
            "{}: it has changed since {} messages of it were done; it is handed in from its beginning, and what was taken \
             counts once",
            path.display(),
            taken.messages
        ));
        if let Some(journal) = &mut self.journal {
            journal.forget(path)?;
        }
        file.rewind().map_err(unreadable)?;
        from_the_beginning(file)
    }

    /// Counts what is done already.
    fn skip(&self, bytes: u64) {
        self.progress.inc(bytes);
        self.progress.reset_eta();
    }

    /// Puts a message into the batch that fills.
    fn push(&mut self, place: String, message: &[u8], done: Option<Done>, bytes: u64) -> Result<(), CommandError> {
        let arguments = self.arguments;
        let mut id: String = place.chars().filter(|character| !character.is_control()).collect();
        id.truncate(id.floor_char_boundary(ID_LIMIT));
        let line = json!({
            "id": id,
            "trap": arguments.trap,
            "recipient": arguments.recipient,
            "message": STANDARD.encode(message),
            "observed_peer": arguments.observed_peer,
            "mail_from": arguments.mail_from,
        });
        let line = format!("{line}\n");
        if self.filling.len() >= MESSAGES || (self.filled + line.len() > BYTES && !self.filling.is_empty()) {
            self.send()?;
        }
        self.filled += line.len();
        self.filling.push(Item { place, line, done, bytes });
        Ok(())
    }

    /// Sends the batch that was filled.
    fn send(&mut self) -> Result<(), CommandError> {
        if self.filling.is_empty() {
            return Ok(());
        }
        if self.under_way.len() >= UNDER_WAY {
            self.finish_oldest()?;
        }
        let items = std::mem::take(&mut self.filling);
        self.filled = 0;
        let connection = self.connections.pop().unwrap_or_default();
        let delivery = Delivery {
            service: Arc::clone(&self.service),
            connection,
            patience: self.patience,
            progress: self.progress.clone(),
            // A service that never answered may not be there at all, which is better told at once.
            waits: self.tally.all() > 0 || self.arguments.patience.is_some(),
        };
        let lines = items.iter().map(|item| item.line.clone()).collect();
        let answers = self.runtime.spawn(delivery.deliver(lines));
        self.under_way.push_back(Batch { items, answers });
        Ok(())
    }

    /// Waits for all batches that are under way.
    fn finish(&mut self) -> Result<(), CommandError> {
        while !self.under_way.is_empty() {
            self.finish_oldest()?;
        }
        Ok(())
    }

    fn finish_oldest(&mut self) -> Result<(), CommandError> {
        let Some(Batch { items, answers }) = self.under_way.pop_front() else { return Ok(()) };
        let answered = self.runtime.block_on(answers);
        let (answers, connection) = answered.map_err(|error| CommandError::TryLater(error.to_string()))??;
        self.connections.push(connection);
        // Noted before it is told: what is told to be taken is not handed in again.
        if let Some(journal) = &mut self.journal {
            let answered = items.iter().zip(&answers);
            let answered = answered.filter_map(|(item, answer)| Some((item.done.clone()?, answer["status"] == 202)));
            journal.note(&answered.collect::<Vec<_>>())?;
        }
        let (mut told, mut refusals) = (String::new(), String::new());
        for (item, answer) in items.iter().zip(&answers) {
            if answer["status"] == 202 {
                let repeat = answer["repeat"] == true;
                *(if repeat { &mut self.tally.repeated } else { &mut self.tally.taken }) += 1;
                if !self.arguments.json && !self.is_large {
                    told += &(line(&item.place, answer) + "\n");
                }
            } else {
                self.tally.refused += 1;
                if self.tally.refused <= REFUSALS_TOLD {
                    let why = answer["error"].as_str().unwrap_or("no reason");
                    refusals += &format!("{}: refused ({why}): {}\n", item.place.escape_debug(), detail(answer));
                }
            }
            if self.arguments.json {
                told += &format!("{answer}\n");
            }
            self.progress.inc(item.bytes);
        }
        self.progress.set_message(self.tally.to_string());
        if told.is_empty() && refusals.is_empty() {
            return Ok(());
        }
        let tell = || {
            // Whoever does not look is not kept from handing in.
            let _ = io::stderr().write_all(refusals.as_bytes());
            io::stdout().write_all(told.as_bytes())
        };
        Ok(self.progress.suspend(tell)?)
    }

    fn tell(&self, what: &str) {
        self.progress.suspend(|| eprintln!("{what}"));
    }

    fn sum_up(&self, took: Duration) -> Result<(), CommandError> {
        let all = self.tally.all();
        let rate = all as f64 / took.as_secs_f64().max(0.001);
        let line = format!("{all} messages in {:.1} s, {rate:.0} a second: {}", took.as_secs_f64(), self.tally);
        if self.arguments.json {
            eprintln!("{line}");
            return Ok(());
        }
        Ok(writeln!(io::stdout(), "{line}")?)
    }
}

impl Tally {
    fn all(&self) -> u64 {
        self.taken + self.repeated + self.refused
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} taken, {} known before, {} refused", self.taken, self.repeated, self.refused)
    }
}

/// What the delivery of a batch needs.
struct Delivery {
    service: Arc<Service>,
    connection: Connection,
    patience: Duration,
    progress: ProgressBar,
    waits: bool,
}

impl Delivery {
    /// Hands lines in until each has its last answer: those that may be taken later are sent again.
    async fn deliver(mut self, lines: Vec<String>) -> Result<(Vec<Value>, Connection), CommandError> {
        let mut answers: Vec<Option<Value>> = vec![None; lines.len()];
        let (mut since, mut pause) = (Instant::now(), PAUSE.0);
        loop {
            let left: Vec<usize> = (0..lines.len()).filter(|at| answers[*at].is_none()).collect();
            if left.is_empty() {
                return Ok((answers.into_iter().flatten().collect(), self.connection));
            }
            let body: String = left.iter().map(|at| lines[*at].as_str()).collect();
            let headers = [("content-type", "application/jsonl")];
            let posted = self.service.post(&mut self.connection, &headers, body.into_bytes()).await;
            let (why, retry_after) = match posted {
                Ok(answer) if answer.status == StatusCode::OK => match take_answers(&answer, &left, &mut answers) {
                    Some(waits) => {
                        self.waits = true;
                        if answers.iter().filter(|answer| answer.is_none()).count() < left.len() {
                            (since, pause) = (Instant::now(), PAUSE.0);
                        }
                        let Some(waits) = waits else { continue };
                        waits
                    }
                    None => ("the service broke off its answer".to_owned(), None),
                },
                Ok(Answer { status, retry_after, body }) => {
                    self.waits = true;
                    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
                    if !comes_later(status) {
                        return Err(CommandError::Usage(format!("refused ({status}): {}", detail(&told))));
                    }
                    (format!("not taken ({status}): {}", detail(&told)), retry_after)
                }
                Err(CommandError::TryLater(why)) => (why, None),
                Err(other) => return Err(other),
            };
            let wait = retry_after.unwrap_or(pause);
            pause = (pause * 2).min(PAUSE.1);
            if !self.waits || since.elapsed() + wait > self.patience {
                return Err(CommandError::TryLater(why));
            }
            self.progress.suspend(|| eprintln!("{why}; again in {:.0?}", wait));
            tokio::time::sleep(wait).await;
        }
    }
}

/// Takes the last answers of what was sent; why some may be taken later, and when, if there are such. None: it is no whole
/// answer.
fn take_answers(
    answer: &Answer,
    sent: &[usize],
    answers: &mut [Option<Value>],
) -> Option<Option<(String, Option<Duration>)>> {
    let lines: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(&answer.body).into_iter().collect();
    let lines = lines.ok().filter(|lines| lines.len() == sent.len())?;
    let mut later = None;
    for (at, line) in sent.iter().zip(lines) {
        let status = line["status"].as_u64().and_then(|status| StatusCode::from_u16(status.try_into().ok()?).ok())?;
        if comes_later(status) {
            let wait = line["retry_after"].as_u64().map(Duration::from_secs);
            let (why, longest) =
                later.take().unwrap_or_else(|| (format!("not taken ({status}): {}", detail(&line)), None));
            later = Some((why, longest.max(wait)));
        } else {
            answers[*at] = Some(line);
        }
    }
    Some(later)
}
