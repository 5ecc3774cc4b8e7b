//! `firsthand serve`: the whole service in one process.

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::UnixListener;
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use super::CommandError;
use crate::certificate::Certificate;
use crate::config::{DnsSettings, RateLimitMode, Settings, SunsetMode};
use crate::connections::{self, Places};
use crate::control::{self, Control};
use crate::declared::Current;
use crate::dns::access::{Access, AccessRules, NetworkSet};
use crate::dns::cookie::{Cookies, SECRET};
use crate::dns::limit::{Limits, Mode};
use crate::dns::responder::{Responder, Rules};
use crate::dns::{https, tcp, tls, udp};
use crate::follow::Follower;
use crate::intake::Intake;
use crate::ledger::Ledger;
use crate::lists::{Lists, Standings};
use crate::metrics::Metrics;
use crate::publisher::{self, Orders, Publisher, unix_now};
use crate::signal;
use crate::web::{self, Doorkeeper, Served, Shown};
use crate::zone::{Code, DomainName, Fixed, ListSettings, Sunset, Zone, ZoneSettings};
use firsthand_analyzer::listing::Exemptions;
use firsthand_analyzer::score::List;
use ipnet::IpNet;

/// How long open HTTP requests may take to end after a stop.
const GRACE: Duration = Duration::from_secs(5);

/// Files that are kept for everything that is no stranger's connection: the ledger, listeners, snapshots, settings.
const RESERVED_FILES: u64 = 256;

/// The lists of evidence, before which no list of a file stands in the zone.
const EVIDENCE_LISTS: usize = List::ALL.len();

/// How often a free pair of ports is looked for when the settings ask for port 0.
const PORT_TRIES: usize = 16;

/// A listener that only says whether the process is well.
const NOTHING: Served = Served { intake: false, pages: false, metrics: false };

/// Everything that listens.
struct Listeners {
    udp: Vec<(SocketAddr, Vec<UdpSocket>)>,
    tcp: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    https: Vec<TcpListener>,
    http: Vec<(TcpListener, Served)>,
}

/// Serves until a signal says stop.
///
/// # Errors
/// When the settings, the data folder or a listener is not to be had.
pub fn run(config: Option<&Path>) -> Result<(), CommandError> {
    start_logs();
    let open_files = connections::raise_open_files()?;
    let loaded = Settings::load(config)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let settings = loaded.settings;
    let ledger = Ledger::open(&settings.data)?;
    let declared = Arc::new(Current::new(settings.clone(), ledger.clone(), unix_now())?);
    let zone = Arc::new(ArcSwap::from_pointee(empty_zone(&settings)?));
    let responder = Arc::new(Responder::new(Arc::clone(&zone), rules(&settings)?));
    let metrics = Metrics::new(Arc::clone(responder.counters()), Arc::clone(&zone));
    let metrics = Arc::new(metrics.map_err(|error| CommandError::Usage(error.to_string()))?);
    let exemptions = declared.load().exemptions.clone();
    let mut follower = Follower::start(Arc::clone(&zone), exemptions.clone(), &ledger, &settings.data, unix_now())?;
    let files = StaticLists::load(&settings, &exemptions, Arc::clone(&zone), Arc::clone(&declared));
    follower.0.tell_of_lifted(files.standings());
    metrics.show_lists(files.standings());
    let orders = Orders::default();
    let mut publisher =
        Publisher::new(ledger.clone(), Arc::clone(&declared), follower, Arc::clone(&metrics), orders.clone())?;
    // What changed while the process was down (time, settings, policy) is put right before the first query.
    publisher.tick(unix_now())?;
    let listeners = bind(&settings, config)?;
    announce(&settings, &listeners)?;

    let stop = Arc::new(AtomicBool::new(false));
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let stop_publisher = Arc::clone(&stop);
    let publishing = thread::Builder::new().name("publisher".into());
    threads.push(publishing.spawn(move || publisher::run(publisher, &stop_publisher))?);
    let stop_files = Arc::clone(&stop);
    threads.push(thread::Builder::new().name("static-lists".into()).spawn(move || files.run(&stop_files))?);
    for (_, sockets) in listeners.udp {
        threads.extend(udp::serve(sockets, &responder, &stop)?);
    }
    let control = Control { ledger: ledger.clone(), declared: Arc::clone(&declared), orders };
    let mut key = [0; 32];
    getrandom::fill(&mut key)
        .map_err(|error| CommandError::Usage(format!("no random bytes are to be had: {error}")))?;
    let shown = Shown {
        control: control.clone(),
        doorkeeper: Doorkeeper::new(key, &settings.http.proxies),
        zone: Arc::clone(&zone),
        metrics: Arc::clone(&metrics),
        ledger: ledger.clone(),
        declared: Arc::clone(&declared),
        zone_name: settings.zone.name.as_str().into(),
    };
    let certificate = settings.dns.pair.clone().map(Certificate::load).transpose();
    let certificate = certificate.map_err(|error| CommandError::Usage(format!("dns.certificate: {error}")))?;
    let dns = DnsListeners { tcp: listeners.tcp, tls: listeners.tls, https: listeners.https, certificate };
    let streams = Streams::new(&settings, open_files, responder, Arc::clone(&metrics));
    let intake = Intake::new(declared, ledger, metrics);
    let http = listeners.http.into_iter();
    let http = http.map(|(listener, served)| (listener, web::router(served, intake.clone(), shown.clone()))).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        let door = control::bind(&settings.data)?;
        serve_streams(dns, http, streams, (door, control)).await
    });
    stop.store(true, Ordering::Relaxed);
    runtime.shutdown_timeout(GRACE);
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a thread ended in a panic");
        }
    }
    tracing::info!("stopped");
    Ok(served?)
}

/// The operator's files, and the zone that they go into.
struct StaticLists {
    lists: Lists,
    zone: Arc<ArcSwap<Zone>>,
    declared: Arc<Current>,
}

impl StaticLists {
    /// Reads the files for the first time; what is wrong with them is in the log, and their names are SERVFAIL (G8).
    fn load(settings: &Settings, exemptions: &Exemptions, zone: Arc<ArcSwap<Zone>>, declared: Arc<Current>) -> Self {
        let lists = Lists::load(&settings.lists, exemptions, |list, entries| {
            take_over(&zone, &declared, list, &entries);
        });
        Self { lists, zone, declared }
    }

    fn standings(&self) -> Arc<Standings> {
        self.lists.standings()
    }

    /// Watches the files until `stop`.
    fn run(self, stop: &AtomicBool) {
        let Self { lists, zone, declared } = self;
        let exemptions = || declared.load().exemptions.clone();
        lists.run(stop, exemptions, |list, entries| {
            let before = take_over(&zone, &declared, list, &entries);
            // Whoever lets go of a large list last takes it apart. That shall be this thread, once those that answer
            // have done so.
            thread::sleep(udp::IDLE * 2);
            drop(before);
        });
    }
}

/// Swaps in what a file says now. What became exempt while it was read is cut out (G6): before the swap what is known
/// by then, and the publisher cuts what it learns of later out of what is served. Gives back what was served before.
fn take_over(zone: &ArcSwap<Zone>, declared: &Current, list: usize, entries: &Fixed) -> Arc<Zone> {
    let known = declared.load();
    let networks: Vec<IpNet> = known.exemptions.networks().collect();
    let entries = Arc::new(entries.without(&networks));
    let before = zone.rcu(|zone| zone.with_file(EVIDENCE_LISTS + list, Arc::clone(&entries)));
    let later = declared.load();
    if !Arc::ptr_eq(&known, &later) {
        let networks: Vec<IpNet> = later.exemptions.networks().collect();
        zone.rcu(|zone| zone.without(&networks));
    }
    before
}

/// What DNS comes in by, beside UDP.
struct DnsListeners {
    tcp: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    https: Vec<TcpListener>,
    /// There is one where `tls` or `https` is not empty: the settings see to it.
    certificate: Option<Arc<Certificate>>,
}

/// What the streams of strangers share.
struct Streams {
    responder: Arc<Responder>,
    places: Arc<Places>,
    deadlines: tcp::Deadlines,
    proxies: Vec<IpNet>,
    metrics: Arc<Metrics>,
}

impl Streams {
    /// With as many places for DNS as the settings say, or as `files` that this process may open leave.
    fn new(settings: &Settings, files: u64, responder: Arc<Responder>, metrics: Arc<Metrics>) -> Self {
        let DnsSettings { tcp_connections, tcp_per_prefix, tcp_idle, .. } = settings.dns;
        let http = &settings.http;
        let listeners = http.listen.len() + http.intake.len() + http.metrics.len();
        let left = files.saturating_sub(RESERVED_FILES + (listeners * web::CONNECTIONS) as u64).max(1);
        if u64::from(tcp_connections) > left {
            tracing::warn!(
                "dns.tcp-connections is {tcp_connections}, and this process may open {files} files: {left} it is; \
                 raise the limit (LimitNOFILE=), or write a smaller number"
            );
        }
        let limits = connections::Limits {
            connections: usize::try_from(left)
                .map_or(tcp_connections as usize, |left| left.min(tcp_connections as usize)),
            per_prefix: tcp_per_prefix as usize,
            unbounded: Vec::new(),
        };
        let deadlines = tcp::Deadlines { idle: tcp_idle, write: tcp::WRITE };
        Self { responder, places: Places::new(limits), deadlines, proxies: http.proxies.clone(), metrics }
    }
}

/// Serves DNS over TCP, HTTP and the operator's socket until a signal, then lets open requests end.
async fn serve_streams(
    dns: DnsListeners,
    http: Vec<(TcpListener, axum::Router)>,
    streams: Streams,
    (door, control): (UnixListener, Control),
) -> io::Result<()> {
    let (stop, stopped) = watch::channel(false);
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(control::serve(door, control, ended(stopped.clone())));
    let Streams { responder, places, deadlines, proxies, metrics } = streams;
    for listener in dns.tcp {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (responder, places, stopped) = (Arc::clone(&responder), Arc::clone(&places), stopped.clone());
        tasks.spawn(async move {
            tcp::serve(listener, responder, places, deadlines, stopped).await;
            Ok(())
        });
    }
    if let Some(certificate) = dns.certificate {
        for listener in dns.tls {
            let (listener, certificate) = (tokio::net::TcpListener::from_std(listener)?, Arc::clone(&certificate));
            let (responder, places, stopped) = (Arc::clone(&responder), Arc::clone(&places), stopped.clone());
            tasks.spawn(async move {
                tls::serve(listener, &certificate, responder, places, deadlines, stopped).await;
                Ok(())
            });
        }
        for listener in dns.https {
            let (listener, certificate) = (tokio::net::TcpListener::from_std(listener)?, Arc::clone(&certificate));
            let (responder, places, stopped) = (Arc::clone(&responder), Arc::clone(&places), stopped.clone());
            tasks.spawn(async move {
                https::serve(listener, &certificate, responder, places, deadlines, stopped).await;
                Ok(())
            });
        }
        let (expiry, stopped) = (metrics.certificate_expiry.clone(), stopped.clone());
        expiry.set(certificate.expires());
        tasks.spawn(async move {
            certificate.follow(|renewed| expiry.set(renewed.expires()), stopped).await;
            Ok(())
        });
    }
    for (listener, router) in http {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let (proxies, counts, stopped) = (proxies.clone(), Arc::clone(&metrics.http), stopped.clone());
        tasks.spawn(async move {
            web::serve(listener, router, &proxies, &counts, stopped).await;
            Ok(())
        });
    }
    let signal = signal::next().await?;
    tracing::info!(?signal, "stopping");
    // Nobody listening any more is as good as told.
    let _ = stop.send(true);
    let ended = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}

/// Ends with a stop; an error means that the sender is gone, which is one as well.
async fn ended(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// By which rules DNS answers.
fn rules(settings: &Settings) -> Result<Rules, CommandError> {
    let (dns, rate) = (&settings.dns, &settings.rate_limit);
    let secrets = match &dns.cookie_secrets {
        Some(known) => known.secrets().to_vec(),
        None => {
            let mut secret = [0; SECRET];
            getrandom::fill(&mut secret)
                .map_err(|error| CommandError::Usage(format!("no random bytes are to be had: {error}")))?;
            vec![secret]
        }
    };
    let named = [(&dns.allow, Access::Allow), (&dns.refuse, Access::Refuse), (&dns.drop, Access::Drop)];
    let access =
        |(networks, access): &(&Vec<IpNet>, Access)| networks.iter().map(|net| (*net, *access)).collect::<Vec<_>>();
    let limits = Limits {
        mode: match rate.mode {
            RateLimitMode::Report => Mode::Report,
            RateLimitMode::Enforce => Mode::Enforce,
            RateLimitMode::Off => Mode::Off,
        },
        per_answer: rate.per_answer,
        per_network: rate.per_network,
        total: rate.total,
        slip: rate.slip,
        exempt: NetworkSet::new(rate.exempt.iter().copied()),
    };
    let cookies = Cookies::new(secrets).expect("there is at least one secret");
    Ok(Rules { access: AccessRules::new(named.iter().flat_map(access)), cookies, limits })
}

/// The zone of these settings without an entry.
///
/// # Errors
/// When names, codes or texts do not fit into DNS.
pub(super) fn empty_zone(settings: &Settings) -> Result<Zone, CommandError> {
    let wrong = |key: &str, error: &dyn std::fmt::Display| CommandError::Usage(format!("zone.{key}: {error}"));
    let name = |key: &str, text: &str| text.parse::<DomainName>().map_err(|error| wrong(key, &error));
    let zone = ZoneSettings {
        name: name("name", &settings.zone.name)?,
        name_servers: settings
            .zone
            .name_servers
            .iter()
            .map(|server| name("name-servers", server))
            .collect::<Result<_, _>>()?,
        contact: DomainName::from_mailbox(&settings.zone.contact).map_err(|error| wrong("contact", &error))?,
        page: settings.zone.page.clone(),
        sunset: match settings.zone.sunset {
            SunsetMode::No => Sunset::No,
            SunsetMode::Announced => Sunset::Announced,
            SunsetMode::Empty => Sunset::Empty,
            SunsetMode::Off => Sunset::Off,
        },
        ..ZoneSettings::default()
    };
    let code = |key: &str, code: Ipv4Addr| Code::try_from(code).map_err(|error| wrong(key, &error));
    let combined = |list: List| settings.zone.combined.contains(&list);
    let mut lists = vec![
        ListSettings { combined: combined(List::Spam), ..ListSettings::spam() },
        ListSettings {
            code: code("backscatter-code", settings.zone.backscatter_code)?,
            combined: combined(List::Backscatter),
            ..ListSettings::backscatter()
        },
        ListSettings {
            code: code("mixed-code", settings.zone.mixed_code)?,
            combined: combined(List::Mixed),
            ..ListSettings::mixed()
        },
    ];
    for list in &settings.lists {
        let label = list.name.parse().map_err(|error| CommandError::Usage(format!("list.name: {error}")))?;
        lists.push(ListSettings::of_file(label, code("code", list.code)?, list.combined));
    }
    Zone::empty(zone, lists).map_err(|error| wrong("page", &error))
}

fn bind(settings: &Settings, config: Option<&Path>) -> Result<Listeners, CommandError> {
    let file = config.map_or_else(|| "a settings file".to_owned(), |path| path.display().to_string());
    let busy = |table: &str, key: &str, transport: &str, address: SocketAddr, error: &io::Error| {
        let what = match error.kind() {
            io::ErrorKind::AddrInUse => format!("another process has {transport} port {}", address.port()),
            io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}", address.ip()),
            io::ErrorKind::PermissionDenied => {
                format!("port {} needs more rights (CAP_NET_BIND_SERVICE)", address.port())
            }
            _ => error.to_string(),
        };
        CommandError::Usage(format!(
            "cannot listen on {address}: {what}; stop it or set another address: `{key} = [\"{}:PORT\"]` under [{table}] in {file}",
            address.ip()
        ))
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut listeners =
        Listeners { udp: Vec::new(), tcp: Vec::new(), tls: Vec::new(), https: Vec::new(), http: Vec::new() };
    for address in &settings.dns.listen {
        let mut tries = if address.port() == 0 { PORT_TRIES } else { 1 };
        loop {
            tries -= 1;
            let sockets =
                udp::bind(*address, threads).map_err(|error| busy("dns", "listen", "UDP", *address, &error))?;
            let bound = sockets.first().map_or(Ok(*address), UdpSocket::local_addr)?;
            match connections::bind(bound) {
                Ok(listener) => {
                    listeners.udp.push((bound, sockets));
                    listeners.tcp.push(listener);
                    break;
                }
                Err(_) if tries > 0 => {}
                Err(error) => return Err(busy("dns", "listen", "TCP", bound, &error)),
            }
        }
    }
    let DnsSettings { tls, https, .. } = &settings.dns;
    for (sockets, key, bound) in [(tls, "tls", &mut listeners.tls), (https, "https", &mut listeners.https)] {
        for address in sockets {
            bound.push(connections::bind(*address).map_err(|error| busy("dns", key, "TCP", *address, &error))?);
        }
    }
    let settings = &settings.http;
    let (pages, apart) = (true, |sockets: &Vec<SocketAddr>| !sockets.is_empty());
    let public = Served { intake: !apart(&settings.intake), pages, metrics: !apart(&settings.metrics) };
    let (intake, metrics) = (Served { intake: true, ..NOTHING }, Served { metrics: true, ..NOTHING });
    for (sockets, key, served) in [
        (&settings.listen, "listen", public),
        (&settings.intake, "intake", intake),
        (&settings.metrics, "metrics", metrics),
    ] {
        for address in sockets {
            let listener = connections::bind(*address).map_err(|error| busy("http", key, "TCP", *address, &error))?;
            listeners.http.push((listener, served));
        }
    }
    Ok(listeners)
}

/// Says on standard output where to ask, for people and for whoever started the process with port 0.
fn announce(settings: &Settings, listeners: &Listeners) -> io::Result<()> {
    use std::io::Write;
    let mut output = io::stdout().lock();
    for (address, _) in &listeners.udp {
        writeln!(output, "{}: DNS on {address} (UDP and TCP)", settings.zone.name)?;
    }
    for listener in &listeners.tls {
        writeln!(output, "{}: DNS over TLS on {}", settings.zone.name, listener.local_addr()?)?;
    }
    for listener in &listeners.https {
        let (address, path) = (listener.local_addr()?, https::PATH);
        writeln!(output, "{}: DNS over HTTPS on https://{address}{path}", settings.zone.name)?;
    }
    for (listener, served) in &listeners.http {
        let what = match served {
            Served { pages: true, .. } => "HTTP",
            Served { intake: true, .. } => "intake",
            _ => "metrics",
        };
        writeln!(output, "{}: {what} on http://{}", settings.zone.name, listener.local_addr()?)?;
    }
    writeln!(output, "{}: data in {}", settings.zone.name, settings.data.display())?;
    output.flush()
}

/// Logs go to standard error; `RUST_LOG` chooses what.
fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // A log line is one line of text to a terminal and one JSON object to a collector.
    let started = if io::stderr().is_terminal() { logs.try_init() } else { logs.with_ansi(false).try_init() };
    if let Err(error) = started {
        eprintln!("firsthand: no logs: {error}");
    }
}
