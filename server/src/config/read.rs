//! The settings file, table by table.
//!
//! Enters: the text of the file. Leaves: [`Settings`], or the remarks that say why there are none. Each reader takes every
//! key of its table before it gives up, so that one run tells all mistakes; `None` always means that a mistake was noted.
//! What concerns several tables at once is left to [`relations`].

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dns::{DnsEntry, dns, pair, rate_limit};
use super::remark::{Flaw, Remarks, SettingsError};
use super::table::{Table, Value, unknown_word};
use super::token::TokenSource;
use super::*;

use relations::{FeedEntry, ListEntry, RelayEntry, TrapEntry};

/// The numbers of traps and of trap domains that a policy may ask for.
const QUORUM: RangeInclusive<u32> = 1..=1000;
/// The numbers of new listings that the brake may let pass in an interval.
const GROWTH: RangeInclusive<u32> = 1..=1_000_000_000;
/// The longest interval of the brake.
const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);
/// The longest hard limit: a listing that no evidence renews must end (RFC 6471 §2.2.1).
const HARD_LIMIT_MAX: Duration = Duration::from_secs(366 * 24 * 3600);
/// The longest reason of an exemption, in bytes.
const REASON_BYTES_MAX: usize = 1000;

/// Reads the settings in `text`; `name` is what remarks call it; files that it names are relative to `folder`.
pub(super) fn settings(text: &str, name: &str, folder: &Path) -> Result<Loaded, SettingsError> {
    let remarks = Remarks::new(text);
    let tree = source::tree(text, &remarks);
    let settings = tree.as_ref().and_then(|tree| file(Table::root(tree, &remarks), folder, &remarks));
    let (settings, warnings) = remarks.finish(name, settings)?;
    Ok(Loaded { settings, warnings })
}

/// Reads where samples are taken over HTTP, and nothing else.
pub(super) fn taking_samples(text: &str, name: &str) -> Result<SocketAddr, SettingsError> {
    let remarks = Remarks::new(text);
    let tree = source::tree(text, &remarks);
    let first = tree.as_ref().and_then(|tree| {
        Table::root(tree, &remarks).or_default("http", HTTP_LISTEN_DEFAULT, |value| {
            let mut http = value.table("http")?;
            let example = "127.0.0.1:8081";
            let list = format!("[{example:?}]");
            let apart = http.or_default("intake", Vec::new(), |value| {
                value.each(&list, |socket| socket.parsed(example, address::socket))
            })?;
            let listening = sockets(listen(&mut http, "127.0.0.1:8080")?, HTTP_LISTEN_DEFAULT);
            apart.into_iter().chain(listening).next()
        })
    });
    let (first, _) = remarks.finish(name, first)?;
    Ok(first)
}

/// The whole file.
fn file<'t>(mut file: Table<'t>, folder: &Path, remarks: &'t Remarks<'t>) -> Option<Settings> {
    let data = file.or_default("data", PathBuf::from(DATA_DEFAULT), |value| value.parsed(DATA_DEFAULT, path));
    let zone = file.or_default("zone", ZoneSettings::default(), |value| zone(value.table("zone")?));
    let dns = file.or_default("dns", DnsEntry::default(), |value| dns(value.table("dns")?, folder));
    let http = file.or_default("http", HttpEntry::default(), |value| http(value.table("http")?, folder));
    let policy = file.or_default("policy", PolicySettings::default(), |value| policy(value.table("policy")?));
    let brake = file.or_default("brake", BrakeSettings::default(), |value| brake(value.table("brake")?));
    let rate_limit =
        file.or_default("rate-limit", RateLimitSettings::default(), |value| rate_limit(value.table("rate-limit")?));
    let storage = file.or_default("storage", StorageSettings::default(), |value| storage(value.table("storage")?));
    let mut tables = |key| file.take(key).map(|value| value.tables(key)).unwrap_or_default();
    let relays: Vec<_> = tables("relay").into_iter().map(relay).collect();
    let feeds: Vec<_> = tables("feed").into_iter().map(|table| feed(table, folder)).collect();
    let traps: Vec<_> = tables("trap").into_iter().map(trap).collect();
    let exemptions: Vec<_> = tables("exempt").into_iter().map(exemption).collect();
    let intakes: Vec<_> = tables("intake").into_iter().map(|table| intake::intake(table, folder)).collect();
    let lists: Vec<_> = tables("list").into_iter().map(|table| list(table, folder)).collect();
    file.finish();

    if let (Some(dns), Some(http)) = (&dns, &http) {
        let mut defaults = Vec::new();
        defaults.extend(dns.has_default().then_some(("dns.listen", DNS_LISTEN_DEFAULT)));
        defaults.extend(http.listen.is_empty().then_some(("http.listen", HTTP_LISTEN_DEFAULT)));
        let of_intakes: Vec<_> = intakes.iter().flat_map(intake::IntakeEntry::sockets).collect();
        let written = dns
            .sockets()
            .chain(&http.listen)
            .chain(&http.intake)
            .chain(&http.intake_tls)
            .chain(&http.metrics)
            .chain(&of_intakes);
        relations::refuse_shared_sockets(written, &defaults);
    }
    relations::refuse_bad_topology(&relays, &feeds);
    relations::refuse_unknown_traps(&feeds, &traps);
    relations::refuse_repeats(&relays, &feeds, &traps, &lists);
    relations::refuse_shared_paths(intakes.iter().flat_map(intake::IntakeEntry::paths));
    let maildirs = intakes.iter().filter_map(|intake| intake.maildir.as_ref());
    relations::refuse_shared_maildirs(maildirs.map(|(value, path)| (value, path.clone())));
    relations::refuse_shared_certificates(&feeds);
    relations::refuse_mute_feeds(&feeds, &intakes);
    intake::refuse_misfits(&intakes, &feeds);
    intake::warn_of_doubtful(&intakes, &feeds, &traps);

    let settings = Settings {
        data: data?,
        zone: zone?,
        dns: dns.map(DnsEntry::settings)?,
        http: http.map(HttpEntry::settings)?,
        policy: policy?,
        brake: brake?,
        rate_limit: rate_limit?,
        storage: storage?,
        relays: relays.iter().map(|relay| relay.settings.clone()).collect::<Option<_>>()?,
        feeds: feeds.iter().map(|feed| feed.settings.clone()).collect::<Option<_>>()?,
        traps: traps.into_iter().map(|trap| trap.settings).collect::<Option<_>>()?,
        exemptions: exemptions.into_iter().collect::<Option<_>>()?,
        intakes: intakes.into_iter().map(|intake| intake.settings).collect::<Option<_>>()?,
        lists: lists.into_iter().map(|list| list.settings).collect::<Option<_>>()?,
    };
    if !remarks.any_mistake() {
        relations::warn_of_unreachable_quorum(&settings, &file);
        relations::warn_of_page_out_of_reach(&settings, &file);
    }
    Some(settings)
}

/// A path that is not empty.
pub(super) fn path(text: &str) -> Result<PathBuf, Flaw> {
    if text.is_empty() || text.contains('\0') {
        return Err(Flaw::new(format!("{text:?} is not a path"), "write the name of a file or folder"));
    }
    Ok(PathBuf::from(text))
}

/// `[zone]`
fn zone(mut table: Table<'_>) -> Option<ZoneSettings> {
    let default = ZoneSettings::default();
    let name = table.or_default("name", default.name, |value| value.parsed(ZONE_NAME_DEFAULT, name::zone));
    let apex = name.clone();
    let name_servers = table.or_default("name-servers", default.name_servers, |value| {
        value.some_of_each("[\"ns.example\"]", |server| {
            let host = server.parsed("ns.example", name::host)?;
            let inside = |apex: &String| host == *apex || host.ends_with(&format!(".{apex}"));
            if apex.as_ref().is_some_and(inside) {
                let what = format!("{host:?} lies in the zone, which holds no address but of listings: resolvers that ask us for it find none, and BIND then answers SERVFAIL");
                server.warn(Flaw::new(what, "write a name outside the zone, and give it its address there"));
            }
            Some(host)
        })
    });
    let contact = table.or_default("contact", default.contact, |value| value.parsed(CONTACT_DEFAULT, name::mailbox));
    let page = table.or_default("page", default.page, |value| value.parsed(PAGE_DEFAULT, name::page));
    let spam = address::EVIDENCE_CODES[0].0;
    let code = |value: &Value<'_>, example: &str, others: &[(Ipv4Addr, &str)]| {
        value.parsed(example, |text| {
            let code = address::code(text)?;
            let taken = others.iter().find(|(other, _)| *other == code);
            taken.map_or(Ok(code), |(_, list)| Err(address::taken_code(text, list)))
        })
    };
    let backscatter_code = table
        .or_default("backscatter-code", default.backscatter_code, |value| code(value, "127.0.0.5", &[(spam, "spam")]));
    let backscatter = backscatter_code.unwrap_or(default.backscatter_code);
    let mixed_code = table.or_default("mixed-code", default.mixed_code, |value| {
        code(value, "127.0.0.8", &[(spam, "spam"), (backscatter, "backscatter")])
    });
    let combined = table.or_default("combined", default.combined, |value| {
        let lists = value.some_of_each("[\"spam\"]", |list| {
            list.parsed("spam", |text| List::of(text).ok_or_else(|| not_combined(text)))
        })?;
        if (1..lists.len()).any(|at| lists[..at].contains(&lists[at])) {
            value.refuse(Flaw::new("names a list twice", "write each list once, for example combined = [\"spam\"]"));
            return None;
        }
        if !lists.contains(&List::Spam) {
            value.warn(Flaw::new("leaves spam out of the combined zone", "write combined = [\"spam\"]"));
        }
        if lists.iter().any(|list| *list != List::Spam) {
            let mend = "write combined = [\"spam\"], and ask the other lists by their own zones";
            value.warn(Flaw::new("puts lists into the combined zone that must not block mail by themselves", mend));
        }
        Some(lists)
    });
    let sunset = table.or_default("sunset", SUNSET_DEFAULT, |value| {
        let mode = value.word()?;
        let what = match mode {
            SunsetMode::No => return Some(mode),
            SunsetMode::Announced => "announces the end of this list; everything is served as ever",
            SunsetMode::Empty => "lists nobody any more; the test entries are there",
            SunsetMode::Off => "lists nobody any more, and the test entries are gone",
        };
        value.warn(Flaw::new(what, "write sunset = \"no\" to serve it as ever"));
        Some(mode)
    });
    table.finish();
    if mixed_code == Some(backscatter) {
        table.refuse("backscatter-code", address::taken_code(&backscatter.to_string(), "mixed"));
        return None;
    }
    Some(ZoneSettings {
        name: name?,
        name_servers: name_servers?,
        contact: contact?,
        page: page?,
        backscatter_code: backscatter_code?,
        mixed_code: mixed_code?,
        combined: combined?,
        sunset: sunset?,
    })
}

/// Why a word under `zone.combined` is none of the evidence's lists: most likely it is a static list's name.
fn not_combined(text: &str) -> Flaw {
    let mut flaw = unknown_word(text, List::ALL.iter().map(|list| list.as_str()));
    flaw.mend += "; a static list is put there by combined = true in its [[list]]";
    flaw
}

/// `[http]` as it was read.
#[derive(Clone, Default)]
struct HttpEntry<'t> {
    listen: Vec<(Value<'t>, SocketAddr)>,
    intake: Vec<(Value<'t>, SocketAddr)>,
    intake_tls: Vec<(Value<'t>, SocketAddr)>,
    pair: Option<Pair>,
    metrics: Vec<(Value<'t>, SocketAddr)>,
    proxies: Vec<IpNet>,
}

impl HttpEntry<'_> {
    fn settings(self) -> HttpSettings {
        let bare = |written: Vec<(Value<'_>, SocketAddr)>| written.into_iter().map(|(_, socket)| socket).collect();
        HttpSettings {
            listen: sockets(self.listen, HTTP_LISTEN_DEFAULT),
            intake: bare(self.intake),
            intake_tls: bare(self.intake_tls),
            pair: self.pair,
            metrics: bare(self.metrics),
            proxies: self.proxies,
        }
    }
}

/// `[http]`; certificate and key are relative to `folder`.
fn http<'t>(mut table: Table<'t>, folder: &Path) -> Option<HttpEntry<'t>> {
    let listening = listen(&mut table, "127.0.0.1:8080");
    let mut apart = |key: &'static str, example: &str| {
        let list = format!("[{example:?}]");
        table.or_default(key, Vec::new(), |value| value.each(&list, |socket| socket.named(example, address::socket)))
    };
    let (intake, metrics) = (apart("intake", "127.0.0.1:8081"), apart("metrics", "127.0.0.1:9153"));
    let intake_tls = apart("intake-tls", "10.9.0.10:8443");
    let wanted = intake_tls.as_ref().is_none_or(|sockets| !sockets.is_empty());
    let pair = pair(&mut table, wanted, "intake-tls = [\"10.9.0.10:8443\"]", folder);
    let proxies = table.or_default("proxies", Vec::new(), |value| {
        value.each("[\"127.0.0.1\"]", |network| network.parsed("127.0.0.1", address::network))
    });
    if let (Some(public), Some(apart)) = (&listening, &metrics)
        && apart.is_empty()
        && let Some((value, _)) = public.iter().find(|(_, socket)| !socket.ip().is_loopback())
    {
        let what = "shows metrics and takes samples, too: whoever reads the metrics can tell a trap by them";
        value.warn(Flaw::new(
            what,
            "write metrics = [\"127.0.0.1:9153\"] and intake = [\"127.0.0.1:8081\"], for example",
        ));
    }
    table.finish();
    Some(HttpEntry {
        listen: listening?,
        intake: intake?,
        intake_tls: intake_tls?,
        pair: pair?,
        metrics: metrics?,
        proxies: proxies?,
    })
}

/// Sockets with their places; none where nothing is written.
pub(super) fn listen<'t>(table: &mut Table<'t>, example: &str) -> Option<Vec<(Value<'t>, SocketAddr)>> {
    let list = format!("[{example:?}]");
    table.or_default("listen", Vec::new(), |value| {
        value.some_of_each(&list, |socket| socket.named(example, address::socket))
    })
}

/// The sockets that were written, or the default.
pub(super) fn sockets(written: Vec<(Value<'_>, SocketAddr)>, default: SocketAddr) -> Vec<SocketAddr> {
    if written.is_empty() { vec![default] } else { written.into_iter().map(|(_, socket)| socket).collect() }
}

/// `[policy]`
fn policy(mut table: Table<'_>) -> Option<PolicySettings> {
    let mode = table.or_default("mode", MODE_DEFAULT, |value| {
        let mode = value.word();
        if mode == Some(Mode::Shadow) {
            let mend = "write mode = \"live\" when what it would list is right";
            value.warn(Flaw::new("\"shadow\" publishes nothing from evidence", mend));
        }
        mode
    });
    let list_at = table.or_default("list-at", LIST_AT_DEFAULT, |value| value.positive("2.5"));
    let delist_at = table.or_default("delist-at", DELIST_AT_DEFAULT, |value| value.positive("1.25"));
    if let (Some(list_at), Some(delist_at)) = (list_at, delist_at)
        && delist_at >= list_at
    {
        let what =
            format!("a listing would end (delist-at = {delist_at}) no later than it begins (list-at = {list_at})");
        table.refuse_pair(
            "delist-at",
            "list-at",
            Flaw::new(what, "write a delist-at below list-at, for example half of it"),
        );
    }
    let half_life =
        table.or_default("half-life", HALF_LIFE_DEFAULT, |value| value.length_of_time("48h", HARD_LIMIT_MAX));
    let hard_limit =
        table.or_default("hard-limit", HARD_LIMIT_DEFAULT, |value| value.length_of_time("72h", HARD_LIMIT_MAX));
    if let (Some(half_life), Some(hard_limit)) = (half_life, hard_limit)
        && hard_limit < half_life
    {
        let [half, hard] = [half_life, hard_limit].map(humantime::format_duration);
        let what = format!("hard-limit ({hard}) is shorter than half-life ({half})");
        table.refuse_pair("hard-limit", "half-life", Flaw::new(what, "write a hard-limit of at least one half-life"));
    }
    let traps = table.or_default("traps", TRAPS_DEFAULT, |value| value.whole(&QUORUM, "3"));
    let trap_domains = table.or_default("trap-domains", TRAP_DOMAINS_DEFAULT, |value| value.whole(&QUORUM, "3"));
    if let (Some(traps), Some(trap_domains)) = (traps, trap_domains)
        && trap_domains > traps
    {
        let what = format!("{traps} traps cannot lie in {trap_domains} domains, so that nothing would ever be listed");
        table.refuse_pair("trap-domains", "traps", Flaw::new(what, "write a trap-domains of at most traps"));
    }
    let domain_cap = table.or_default("domain-cap", DOMAIN_CAP_DEFAULT, |value| value.positive("1.5"));
    table.finish();
    Some(PolicySettings {
        mode: mode?,
        list_at: list_at?,
        delist_at: delist_at?,
        half_life: half_life?,
        hard_limit: hard_limit?,
        traps: traps?,
        trap_domains: trap_domains?,
        domain_cap: domain_cap?,
    })
}

/// `[brake]`
fn brake(mut table: Table<'_>) -> Option<BrakeSettings> {
    let per_list = table.or_default("per-list", PER_LIST_DEFAULT, |value| value.whole(&GROWTH, "2000"));
    let per_feed = table.or_default("per-feed", PER_FEED_DEFAULT, |value| value.whole(&GROWTH, "500"));
    let interval = table.or_default("interval", INTERVAL_DEFAULT, |value| value.length_of_time("10m", INTERVAL_MAX));
    table.finish();
    Some(BrakeSettings { per_list: per_list?, per_feed: per_feed?, interval: interval? })
}

/// `[storage]`
fn storage(mut table: Table<'_>) -> Option<StorageSettings> {
    let free_space = table.or_default("free-space", FREE_SPACE_DEFAULT, |value| {
        let size = value.parsed("256MiB", Size::of)?;
        if size == Size(0) {
            let what = "takes samples until the disk is full, and then corrections, expiry and publishing fail as well";
            value.warn(Flaw::new(what, "write free-space = \"256MiB\", for example"));
        }
        Some(size)
    });
    table.finish();
    Some(StorageSettings { free_space: free_space? })
}

/// `[[relay]]`
fn relay(mut table: Table<'_>) -> RelayEntry<'_> {
    let name = table.require("name", "\"mx1\"").and_then(|value| value.named("mx1", name::relay));
    let hosts = table.or_default("hosts", Vec::new(), |value| {
        value.each("[\"mx1.example.net\"]", |host| host.parsed("mx1.example.net", name::host_glob))
    });
    let networks = table.require("networks", "[\"10.9.0.10/32\"]").and_then(|value| {
        value.some_of_each("[\"10.9.0.10/32\"]", |network| {
            let parsed = network.parsed("10.9.0.10/32", address::relay_network)?;
            if address::is_wide_in_public(parsed) {
                let what = format!("\"{parsed}\" is wide: whoever has an address in it is believed like this relay");
                network.warn(Flaw::new(what, "write the relay's own addresses, for example \"10.9.0.10/32\""));
            }
            Some(parsed)
        })
    });
    let dialect = table.or_default("dialect", DIALECT_DEFAULT, Value::word);
    let handovers = table.or_default("handovers", Vec::new(), |value| value.each("[\"loopback\"]", Value::word));
    table.finish();
    let has_hosts = hosts.as_ref().is_none_or(|hosts| !hosts.is_empty());
    let settings = || {
        let name = name.as_ref()?.1.clone();
        Some(RelaySettings { name, hosts: hosts?, networks: networks?, dialect: dialect?, handovers: handovers? })
    };
    RelayEntry { settings: settings(), table, name, has_hosts }
}

/// `[[feed]]`; a token file is relative to `folder`.
fn feed<'t>(mut table: Table<'t>, folder: &Path) -> FeedEntry<'t> {
    let name = table.require("name", "\"traps\"").and_then(|value| value.named("traps", name::feed));
    let source = TokenSource::take(&mut table);
    let tokenless = matches!(source, Some(None));
    let token = source.flatten().and_then(|source| Some((source.value().clone(), source.digest(folder)?)));
    let certificate = table.or_default("certificate-digest", None, |value| {
        let digest = value.named("<64 hexadecimal digits>", CertificateDigest::of_hex)?;
        Some(Some(digest))
    });
    let kind = table.or_default("kind", FEED_KIND_DEFAULT, Value::word);
    let networks = table.or_default("networks", Vec::new(), |value| {
        value.each("[\"192.0.2.0/28\"]", |network| {
            let (place, network) = network.named("192.0.2.0/28", address::feed_network)?;
            if address::is_wide_in_public(network) {
                let what = format!("\"{network}\" is wide: whoever has an address in it is never listed, and may hand in samples where an [[intake]] asks for no token");
                place.warn(Flaw::new(what, "write the addresses that it hands in from"));
            }
            Some(network)
        })
    });
    let relays = table.or_default("relays", Vec::new(), |value| {
        value.each("[\"mx1\"]", |relay| relay.named("mx1", |text| Ok(text.to_owned())))
    });
    let boundary = table.or_default("boundary", BOUNDARY_DEFAULT, Value::word);
    let is_of_reports = kind == Some(FeedKind::Reports);
    let (trust, stamps) = if is_of_reports {
        (TRUST_OF_REPORTS_DEFAULT, STAMPS_OF_REPORTS_DEFAULT)
    } else {
        (TRUST_DEFAULT, STAMPS_DEFAULT)
    };
    let trust = table.or_default("trust", trust, Value::word);
    let weight = table.or_default("weight", WEIGHT_DEFAULT, |value| weight(value, kind));
    let stamps = table.or_default("stamps", stamps, Value::word);
    let quota = table.or_default("quota", QUOTA_DEFAULT, |value| value.parsed("none", Quota::of));
    let silence = table.or_default("silence", None, |value| value.length_of_time("6h", HARD_LIMIT_MAX).map(Some));
    let traps = table.or_default("traps", None, |value| traps_of_feed(value, kind).map(Some));
    let (reporter_networks, reporter_relays) = reporter(&mut table, kind);
    table.finish();
    let settings = || {
        Some(FeedSettings {
            name: name.as_ref()?.1.clone(),
            token: if tokenless { None } else { Some(token.as_ref()?.1) },
            certificate: certificate.as_ref()?.as_ref().map(|(_, digest)| *digest),
            relays: relays.as_ref()?.iter().map(|(_, relay)| relay.clone()).collect(),
            boundary: boundary?,
            trust: trust?,
            weight: weight?,
            stamps: stamps?,
            quota: quota?,
            kind: kind?,
            networks: networks?,
            silence: silence?,
            traps: traps.as_ref()?.as_ref().map(|traps| traps.iter().map(|(_, trap)| trap.clone()).collect()),
            reporter_networks: reporter_networks.as_ref()?.iter().map(|(_, network)| *network).collect(),
            reporter_relays: reporter_relays.as_ref()?.iter().map(|(_, relay)| relay.clone()).collect(),
        })
    };
    let settings = settings();
    let traps = traps.flatten();
    FeedEntry {
        settings,
        table,
        name,
        token,
        tokenless,
        certificate,
        relays,
        boundary,
        is_of_reports,
        traps,
        reporter_networks,
        reporter_relays,
    }
}

/// A feed's weight. Where it carries mail that people wanted, each of them counts once.
fn weight(value: &Value<'_>, kind: Option<FeedKind>) -> Option<f64> {
    let weight = value.positive("0.5")?;
    let what = if weight > 1.0 {
        "must be greater than 0 and at most 1"
    } else if kind == Some(FeedKind::Wanted) && weight != WEIGHT_DEFAULT {
        "has no meaning in a feed with kind = \"wanted\", of whose recipients each counts once"
    } else {
        return Some(weight);
    };
    value.refuse(Flaw::new(what, "write weight = 0.5, for example, in a feed of traps or reports"));
    None
}

/// The traps that a feed names, with their places.
fn traps_of_feed<'t>(value: &Value<'t>, kind: Option<FeedKind>) -> Option<Vec<(Value<'t>, TrapAddress)>> {
    const LIST: &str = "[\"sales@traps.example\"]";
    if kind == Some(FeedKind::Wanted) {
        let what = "has no meaning in a feed with kind = \"wanted\", whose recipients are no traps";
        value.refuse(Flaw::new(what, "take it out"));
        return None;
    }
    value.some_of_each(LIST, |trap| trap.named("sales@traps.example", name::trap_address))
}

/// The networks and the relays of whoever reports, with their places.
type ReporterEntry<'t> = (Option<Vec<(Value<'t>, IpNet)>>, Option<Vec<(Value<'t>, String)>>);

/// Who reports, in a feed that carries reports; nobody in another.
fn reporter<'t>(table: &mut Table<'t>, kind: Option<FeedKind>) -> ReporterEntry<'t> {
    const NETWORKS: &str = "[\"192.0.2.0/28\"]";
    const RELAYS: &str = "[\"isp-mx\"]";
    let network = |network: &Value<'t>| {
        let parsed = network.named("192.0.2.0/28", address::relay_network)?;
        if address::is_wide_in_public(parsed.1) {
            let what = format!("\"{}\" is wide: whoever has an address in it can report what he likes", parsed.1);
            network.warn(Flaw::new(what, "write the addresses that the reports come from"));
        }
        Some(parsed)
    };
    let relay = |relay: &Value<'t>| relay.named("isp-mx", |text| Ok(text.to_owned()));
    if kind == Some(FeedKind::Reports) {
        let networks = table.require("reporter-networks", NETWORKS);
        let relays = table.require("reporter-relays", RELAYS);
        return (
            networks.and_then(|value| value.some_of_each(NETWORKS, network)),
            relays.and_then(|value| value.some_of_each(RELAYS, relay)),
        );
    }
    // Where the kind was refused, nothing is said of what would follow from it.
    for key in ["reporter-networks", "reporter-relays"] {
        if let (Some(value), Some(kind)) = (table.take(key), kind) {
            let what = format!("has no meaning in a feed with kind = {:?}", kind.as_str());
            value.refuse(Flaw::new(what, "take it out, or write kind = \"reports\""));
        }
    }
    (Some(Vec::new()), Some(Vec::new()))
}

/// `[[trap]]`
fn trap(mut table: Table<'_>) -> TrapEntry<'_> {
    const EXAMPLE: &str = "sales@traps.example";
    let address = table.require("address", "\"sales@traps.example\"");
    let address = address.and_then(|value| value.named(EXAMPLE, name::trap_address));
    let tier = table.or_default("tier", TIER_DEFAULT, Value::word);
    let sends = table.or_default("sends", SENDS_DEFAULT, Value::truth);
    let accepts_reports = table.or_default("accepts-reports", ACCEPTS_REPORTS_DEFAULT, Value::truth);
    table.finish();
    let written = address.as_ref().map(|(value, address)| (value.clone(), address.to_string().to_lowercase()));
    let settings = || {
        let (tier, sends, accepts_reports) = (tier?, sends?, accepts_reports?);
        Some(TrapSettings { address: address?.1, tier, sends, accepts_reports })
    };
    TrapEntry { address: written, settings: settings() }
}

/// `[[exempt]]`
fn exemption(mut table: Table<'_>) -> Option<ExemptionSettings> {
    let networks = table.require("networks", "[\"198.51.100.0/24\"]").and_then(|value| {
        value.some_of_each("[\"198.51.100.0/24\"]", |network| network.parsed("198.51.100.0/24", address::network))
    });
    let reason = table.require("reason", "\"our own mail servers\"").and_then(|value| {
        value.parsed("our own mail servers", |text| {
            if text.trim().is_empty() || text.len() > REASON_BYTES_MAX {
                let what = format!("must have 1 to {REASON_BYTES_MAX} bytes");
                return Err(Flaw::new(what, "say why the networks are exempt, for example \"our own mail servers\""));
            }
            Ok(text.to_owned())
        })
    });
    table.finish();
    Some(ExemptionSettings { networks: networks?, reason: reason? })
}

/// `[[list]]`; its files are relative to `folder`, and kept absolute.
fn list<'t>(mut table: Table<'t>, folder: &Path) -> ListEntry<'t> {
    let name = table.require("name", "\"manual\"").and_then(|value| value.named("manual", name::list_label));
    let code =
        table.require("code", "\"127.0.0.20\"").and_then(|value| value.named("127.0.0.20", address::static_code));
    let files = table.require("file", "\"manual.txt\"").and_then(|value| {
        let files = value.one_or_each("[\"manual.txt\"]", |file| file.parsed("manual.txt", path))?;
        let absolute = |file: &PathBuf| {
            let file = folder.join(file);
            std::path::absolute(&file).unwrap_or(file)
        };
        let files: Vec<PathBuf> = files.iter().map(absolute).collect();
        if let Some(at) = (1..files.len()).find(|at| files[..*at].contains(&files[*at])) {
            let what = format!("names \"{}\" twice", files[at].display());
            value.refuse(Flaw::new(what, "write each file once"));
            return None;
        }
        Some(files)
    });
    let format = table.or_default("format", LIST_FORMAT_DEFAULT, Value::word);
    let combined = table.or_default("combined", LIST_COMBINED_DEFAULT, Value::truth);
    table.finish();
    let settings = || {
        let (name, code) = (name.as_ref()?.1.clone(), code.as_ref()?.1);
        Some(ListSettings { name, code, files: files?, format: format?, combined: combined? })
    };
    ListEntry { settings: settings(), name, code }
}
