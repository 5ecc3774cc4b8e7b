//! `firsthand serve`: the whole service in one process.
//!
//! DNS begins before the ledger is open, from what was published last, and ends after it is closed: so a start is short
//! however much is to be looked through, and another process can take over in between.
//!
//! ```text
//! sockets ─▶ zone of snapshot and journal ─▶ DNS ─▶ ledger ─▶ publisher, HTTP, operator's socket ─▶ signals
//! ```

mod listeners;
mod files;
mod rules;
mod reload;
mod upgrade;
mod dns;
mod writers;

use std::io::{self, IsTerminal, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use sd_notify::NotifyState;
use tokio::sync::{mpsc, oneshot};
use tracing_subscriber::EnvFilter;

use super::{CommandError, IO_ERROR};
use crate::certificate::Certificate;
use crate::cli::ServeArguments;
use crate::config::Settings;
use crate::connections;
use crate::control::{self, Control, Reloaded};
use crate::declared::Current;
use crate::dns::responder::Responder;
use crate::follow::{Follower, Preview};
use crate::intake::Intake;
use crate::ledger::{Ledger, LedgerError};
use crate::metrics::Metrics;
use crate::publisher::{Orders, Publisher, unix_now};
use crate::signal::{Early, Signal, Signals};
use crate::web::{self, Doorkeeper, Shown};
use dns::Dns;
use files::StaticLists;
use listeners::{Inherited, Label, Listeners, Role, Stream, served};
use reload::Reload;
pub(super) use rules::empty_zone;
use upgrade::{News, Program, Successor, Takeover};
use writers::{Channels, HttpListener, Writers};

/// How long open requests may take to end after a stop.
const GRACE: Duration = Duration::from_secs(5);

/// How long a process that takes over waits for the ledger, once it was told that the ledger is closed.
const LEDGER_PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks.
const LEDGER_POLL: Duration = Duration::from_millis(20);

/// How often the program is started once more, when its successor ended after this process had closed the ledger.
const ATTEMPTS: u32 = 5;

/// What a reload is answered during an upgrade.
const RELOADED_TOO_SOON: &str =
    "an upgrade is under way, and the new process may have read the settings already: reload once it has taken over";

/// Who asks for a reload, and is told what came of it.
type Reloads = mpsc::Receiver<oneshot::Sender<Reloaded>>;

/// Serves until a signal says stop, or another process has taken over.
///
/// # Errors
/// When the settings, the data folder or a listener is not to be had.
pub fn run(arguments: &ServeArguments) -> Result<(), CommandError> {
    start_logs();
    let config = arguments.config.as_deref();
    let program = Program::of_this_process()?;
    let (takeover, inherited) = if arguments.takeover {
        let (takeover, inherited) = Takeover::begin()?;
        (Some(takeover), inherited)
    } else {
        (None, Inherited::from_systemd())
    };
    let open_files = connections::raise_open_files()?;
    let loaded = Settings::load(config)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let settings = loaded.settings;
    let zone = Arc::new(ArcSwap::from_pointee(empty_zone(&settings)?));
    let certificate = settings.dns.pair.clone().map(Certificate::load).transpose();
    let certificate = certificate.map_err(|error| CommandError::Usage(format!("dns.certificate: {error}")))?;
    let of_intake = settings.http.pair.clone().map(Certificate::load).transpose();
    let of_intake = of_intake.map_err(|error| CommandError::Usage(format!("http.certificate: {error}")))?;
    let listeners = Listeners::open(&settings, config, inherited)?;
    let (sockets, announcement) = (listeners.duplicates()?, listeners.announcement(&settings)?);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let early = {
        let _within = runtime.enter();
        Early::new()?
    };
    let secret = random()?;
    let responder = Arc::new(Responder::new(Arc::clone(&zone), rules::rules(&settings, secret)));
    responder.set_query_log(rules::query_log(&settings, &responder)?);
    let metrics = Metrics::new(Arc::clone(responder.counters()), Arc::clone(&zone));
    let metrics = Arc::new(metrics.map_err(|error| CommandError::Usage(error.to_string()))?);
    let (http, streams): (Vec<_>, Vec<_>) =
        listeners.streams.into_iter().partition(|stream| served(stream.role, &settings).is_some());
    let (of_dns, of_certificate) = ((listeners.udp, streams), certificate.clone());
    let mut dns = Dns::new(of_dns, &settings, open_files, Arc::clone(&responder), of_certificate, Arc::clone(&metrics));

    let mut preview = Preview::start(&zone, &settings, unix_now()).unwrap_or_else(|error| {
        tracing::warn!(%error, "nothing is served until the ledger is open");
        None
    });
    // Before the first query as well: of a list whose file was not read nothing is known.
    let load = if takeover.is_some() { StaticLists::load_aside } else { StaticLists::load };
    let files = preview.as_ref().map(|preview| load(&settings, preview.exemptions(), Arc::clone(&zone)));
    // Whoever knows nothing yet lets questions wait for the first tick, which is better than to refuse them.
    if preview.is_some() && !zone.load().is_too_old(u64::try_from(unix_now()).unwrap_or(0)) {
        dns.begin(runtime.handle())?;
        tracing::info!(serial = zone.load().serial(), "DNS is answered from what was published last");
    }
    if let Some(takeover) = &takeover {
        let Some(preview) = preview.as_mut().filter(|_| dns.is_begun()) else {
            let why = "the zone is not to be had before the ledger is; restart the service instead";
            return Err(CommandError::TryLater(why.to_owned()));
        };
        // Whoever serves now may hold what the file said before.
        let (served, now) = (zone.load(), u64::try_from(unix_now()).unwrap_or(0));
        if let Some(list) = (0..served.lists().len()).find(|list| !served.is_known(*list, now)) {
            let name = &served.lists()[list].label;
            return Err(CommandError::TryLater(format!("nothing is known of the list {name}; mend its file first")));
        }
        drop(served);
        takeover.wait_for_release(|| {
            if let Err(error) = preview.follow(unix_now()) {
                tracing::error!(%error, "the journal cannot be followed");
            }
        })?;
    }

    let patience = if takeover.is_some() { LEDGER_PATIENCE } else { Duration::ZERO };
    let ledger = open_ledger(&settings.data, patience)?;
    let declared = Arc::new(Current::new(settings.clone(), ledger.clone(), unix_now())?);
    let exemptions = declared.load().exemptions.clone();
    let mut follower = match preview {
        Some(preview) => preview.go_on(&ledger, unix_now())?,
        None => Follower::start(Arc::clone(&zone), exemptions.clone(), &ledger, &settings.data, unix_now())?,
    };
    let files = files.unwrap_or_else(|| StaticLists::load(&settings, &exemptions, Arc::clone(&zone)));
    let standings = files.standings();
    follower.0.tell_of_lifted(Arc::clone(&standings));
    metrics.show_lists(Arc::clone(&standings));
    let orders = Orders::default();
    let mut publisher =
        Publisher::new(ledger.clone(), Arc::clone(&declared), follower, Arc::clone(&metrics), orders.clone())?;
    // What changed while the process was down (time, settings, policy) is put right before anybody is told that it is up.
    publisher.tick(unix_now())?;
    dns.begin(runtime.handle())?;

    let (reloads, asked) = mpsc::channel(1);
    let file = config.map(Path::to_owned);
    let intake = Intake::new(Arc::clone(&declared), ledger.clone(), Arc::clone(&metrics));
    let freshness = intake.freshness();
    let control = Control {
        ledger: ledger.clone(),
        declared: Arc::clone(&declared),
        freshness: Arc::clone(&freshness),
        orders,
        reloads,
        file,
    };
    let shown = Shown {
        control: control.clone(),
        doorkeeper: Doorkeeper::new(random()?, &settings.http.proxies),
        zone,
        metrics: Arc::clone(&metrics),
        ledger,
        declared: Arc::clone(&declared),
        zone_name: settings.zone.name.as_str().into(),
        contact: settings.zone.contact.as_str().into(),
    };
    let space = Arc::clone(intake.space());
    let router = |role| served(role, &settings).map(|served| web::router(served, intake.clone(), shown.clone()));
    let listener = |Stream { role, listener, .. }| {
        let certificate = of_intake.clone().filter(|_| role == Role::IntakeTls);
        Some(HttpListener { listener, router: router(role)?, certificate })
    };
    let http = http.into_iter().filter_map(listener).collect();
    let channels = Channels { doors: listeners.doors, settings: settings.intakes.clone(), intake: intake.clone() };
    drop(shown);
    let proxies = settings.http.proxies.clone();
    let (config, of_metrics) = (config.map(Path::to_owned), Arc::clone(&metrics));
    let (data, files) = (settings.data.clone(), (files, Arc::clone(&declared)));
    let reload = Reload {
        config,
        settings,
        declared,
        responder,
        intake,
        certificate,
        files: standings,
        metrics: of_metrics,
        secret,
    };
    runtime.block_on(async {
        let signals = early.with_stop()?;
        let door = control::bind(&data)?;
        tokio::spawn(space.watch());
        let writers = Writers::begin(publisher, files, http, &proxies, channels, &metrics, (door, control))?;
        match takeover {
            // Whoever read what the first process said may have gone away since.
            Some(takeover) => {
                takeover.taken();
                tracing::info!("took over");
            }
            None => {
                let mut output = io::stdout().lock();
                output.write_all(&announcement)?;
                output.flush()?;
                tell_supervisor(&[NotifyState::Ready]);
            }
        }
        Running { program, sockets, signals, dns, writers, reload, reloads: asked }.until_end().await
    })?;
    runtime.shutdown_timeout(GRACE);
    tracing::info!("stopped");
    Ok(())
}

/// The service while it runs.
struct Running {
    program: Program,
    /// For the process that comes next.
    sockets: Vec<(Label, OwnedFd)>,
    signals: Signals,
    dns: Dns,
    writers: Writers,
    reload: Reload,
    reloads: Reloads,
}

impl Running {
    /// Heeds signals and wishes until the service ends; then what was taken is answered, and what was published kept.
    async fn until_end(mut self) -> Result<(), CommandError> {
        let mut successor: Option<Successor> = None;
        let takes_over = loop {
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Stop => {
                        if let Some(successor) = successor {
                            successor.end();
                        }
                        break None;
                    }
                    // The new process has read the settings already, and would undo what this one were told.
                    Signal::Reload if successor.is_some() => {
                        tracing::error!("{RELOADED_TOO_SOON}");
                        tell_supervisor(&[NotifyState::Reloading]);
                        tell_supervisor(&[NotifyState::Ready]);
                    }
                    Signal::Reload => {
                        tell_supervisor(&[NotifyState::Reloading]);
                        tokio::task::block_in_place(|| self.reload.run());
                        tell_supervisor(&[NotifyState::Ready]);
                    }
                    Signal::Upgrade if successor.is_some() => tracing::warn!("an upgrade is under way already"),
                    Signal::Upgrade => successor = self.start_successor(),
                },
                Some(asked) = self.reloads.recv() => {
                    let reloaded = match successor {
                        Some(_) => Reloaded { mistakes: vec![RELOADED_TOO_SOON.to_owned()], ..Reloaded::default() },
                        None => tokio::task::block_in_place(|| self.reload.run()),
                    };
                    // Whoever went away finds it in the log.
                    let _ = asked.send(reloaded);
                }
                news = next_news(&mut successor) => match news {
                    News::Ready => break successor,
                    News::Taken => {}
                    News::Failed(why) => {
                        tracing::error!(why, "the upgrade failed; this process goes on");
                        successor = None;
                    }
                },
            }
        };
        let Self { program, sockets, mut signals, dns, writers, reload, reloads } = self;
        // With these the last of this process' hands leave the ledger.
        drop((reload, reloads));
        let Some(successor) = takes_over else {
            tracing::info!("stopping");
            tell_supervisor(&[NotifyState::Stopping]);
            // A socket that is held open would let clients wait in vain.
            drop(sockets);
            writers.end(GRACE).await;
            dns.end(GRACE).await;
            return Ok(());
        };
        tracing::info!(successor = successor.id, "the new process answers; this one takes no samples any more");
        writers.end(GRACE).await;
        successor.release();
        let handed = hand_over(successor, &program, &sockets, &mut signals).await;
        dns.end(GRACE).await;
        handed
    }

    /// Starts the program anew; none if that fails.
    fn start_successor(&self) -> Option<Successor> {
        tracing::info!(program = %self.program.path().display(), "starting the program anew for an upgrade");
        Successor::start(&self.program, &self.sockets)
            .inspect_err(|error| {
                tracing::error!(%error, "{} cannot be started; this process goes on", self.program.path().display());
            })
            .ok()
    }
}

/// What happens next with a successor; without one, nothing ever.
async fn next_news(successor: &mut Option<Successor>) -> News {
    match successor {
        Some(successor) => successor.news().await,
        None => std::future::pending().await,
    }
}

/// Waits until the successor has taken over; meanwhile DNS is answered from the zone as it is. If the successor ends before
/// that, there is another.
async fn hand_over(
    mut successor: Successor,
    program: &Program,
    sockets: &[(Label, OwnedFd)],
    signals: &mut Signals,
) -> Result<(), CommandError> {
    let mut attempts = 1;
    loop {
        tokio::select! {
            news = successor.news() => match news {
                News::Ready => successor.release(),
                News::Taken => {
                    tell_supervisor(&[NotifyState::MainPid(successor.id)]);
                    tracing::info!(successor = successor.id, "the new process has taken over");
                    return Ok(());
                }
                News::Failed(why) if attempts < ATTEMPTS => {
                    tracing::error!(why, "the new process ended before it had taken over; it is started again");
                    tokio::time::sleep(Duration::from_secs(attempts.into())).await;
                    attempts += 1;
                    successor = Successor::start(program, sockets)?;
                }
                News::Failed(why) => {
                    return Err(CommandError::TryLater(format!(
                        "no new process took over, and the ledger is closed ({why}); start the service again"
                    )));
                }
            },
            signal = signals.next() => match signal {
                Signal::Stop => {
                    successor.end();
                    tell_supervisor(&[NotifyState::Stopping]);
                    return Ok(());
                }
                Signal::Reload | Signal::Upgrade => tracing::warn!(?signal, "an upgrade is under way; not heeded"),
            },
        }
    }
}

/// Ends the process when the disk can no longer be relied on, from the thread that found it: whoever else is about to answer
/// must not, and an end in good order would sync and answer. It is the only place but `main` where the process ends. The log
/// has told why, and standard error keeps nothing back.
fn end_at_once() {
    std::process::exit(i32::from(IO_ERROR));
}

/// Opens the ledger, for which whoever holds it has `patience` to let it go.
fn open_ledger(folder: &Path, patience: Duration) -> Result<Ledger, LedgerError> {
    let began = Instant::now();
    loop {
        match Ledger::open_and_tell(folder, |_| end_at_once()) {
            Err(LedgerError::InUse(_)) if began.elapsed() < patience => thread::sleep(LEDGER_POLL),
            opened => return opened,
        }
    }
}

/// Tells the service manager, if there is one (sd_notify(3)).
fn tell_supervisor(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told how the service is");
    }
}

fn random<const N: usize>() -> Result<[u8; N], CommandError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| CommandError::Usage(format!("no random bytes are to be had: {error}")))?;
    Ok(bytes)
}

/// Logs go to standard error; `RUST_LOG` chooses what.
fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // One line of text each, in colour where somebody looks.
    let started = if io::stderr().is_terminal() { logs.try_init() } else { logs.with_ansi(false).try_init() };
    if let Err(error) = started {
        eprintln!("firsthand: no logs: {error}");
    }
}
