//! What the operator declared, as the values that the analyzer takes.
//!
//! Enters: [`Settings`], and what the ledger keeps of traps and exemptions that were declared by command. Leaves: a
//! topology for each feed, the registry of traps and feeds, the policy, the exemptions; and what these make of an origin's
//! evidence ([`Declared::listings`]).

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{Stamps, Unit};
use firsthand_analyzer::listing::{Exemption, Exemptions, Listing, Removal, end_by_removal, replay_all, visible};
use firsthand_analyzer::nature::Cause;
use firsthand_analyzer::report::{Judged, Reporter, judge_report};
use firsthand_analyzer::sample::Sample;
use firsthand_analyzer::score::{List, Policy, Registry, Trap};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use firsthand_analyzer::verdict::judge;

use crate::config::{
    BrakeSettings, CertificateDigest, FeedKind, FeedSettings, ListenAddress, Mode, Quota, RelaySettings, Settings,
    Size, TokenDigest, TrapAddress,
};
use crate::ledger::{KeptExemption, KeptTrap, Ledger, LedgerError, Pause};

/// One feed, ready to judge samples by.
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Its token, if it has one.
    pub token: Option<TokenDigest>,
    /// Its client certificate, if it has one.
    pub certificate: Option<CertificateDigest>,
    /// Its relays and all others.
    pub topology: Topology,
    /// Whether its boundary dates are held against the arrival time.
    pub stamps: Stamps,
    /// How many samples it may hand in.
    pub quota: Quota,
    /// What its mail is.
    pub kind: FeedKind,
    /// Where it hands in from, if that is known.
    pub networks: Vec<IpNet>,
    /// Since when and why its samples are put off; none: they are taken.
    pub paused: Option<Pause>,
    /// How long it may be silent; none: by its own wont.
    pub silence: Option<Duration>,
    /// The registry ids of the traps whose mail is taken from it; none: every trap's.
    pub traps: Option<HashSet<String>>,
    /// Who reports, where it carries reports.
    pub reporter: Option<Reporter>,
}

impl Feed {
    /// Whether this trap's mail is taken from it, by registry id.
    pub fn speaks_for(&self, trap: &str) -> bool {
        self.traps.as_ref().is_none_or(|traps| traps.contains(trap))
    }

    /// The verdict on a sample of this feed, and the message that the sample stands for.
    pub fn judge<'a>(&self, sample: &Sample<'a>) -> Judged<'a> {
        match &self.reporter {
            Some(reporter) => judge_report(sample, &self.topology, reporter),
            None => Judged { verdict: judge(sample, &self.topology), message: Some(Cow::Borrowed(sample.message)) },
        }
    }

    /// The topology whose relays wrote the lines of a verdict's path.
    pub fn path_topology(&self) -> &Topology {
        self.reporter.as_ref().map_or(&self.topology, |reporter| &reporter.topology)
    }

    /// Whether what its samples prove may list.
    pub fn may_list(&self) -> bool {
        self.topology.may_list() && self.path_topology().may_list()
    }
}

/// Everything that is declared.
pub struct Declared {
    /// The feeds.
    pub feeds: Vec<Feed>,
    /// The registry ids of traps, by address in lower case (`@domain` for a catch-all).
    traps: HashMap<String, String>,
    /// The traps and feeds that evidence is weighed by.
    pub registry: Registry,
    /// When listings begin and end.
    pub policy: Policy,
    /// Whether listings are published: not in shadow mode, and not with too few traps to meet the quorum.
    pub publishes: bool,
    /// What is never listed.
    pub exemptions: Exemptions,
    /// How fast the zone may grow.
    pub brake: BrakeSettings,
    /// How much room must be left on the disk for samples to be taken.
    pub free_space: Size,
    /// A digest of all that a listing depends on beside evidence: while it stands, so does what was replayed under it.
    pub digest: String,
    /// The Unix second at which the next exemption ends, if one does.
    pub next_end: Option<i64>,
}

/// What gives an address or a domain its id.
type Id<'a> = &'a dyn Fn(&str) -> String;

/// What is declared now, for everybody who must heed a change.
pub struct Current {
    ledger: Ledger,
    declared: ArcSwap<Declared>,
    /// Held from a look at the ledger until what it told is taken up, or an older look could undo a newer one.
    settings: Mutex<Settings>,
}

impl Current {
    /// What the settings and the ledger declare.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn new(settings: Settings, ledger: Ledger, now: i64) -> Result<Self, LedgerError> {
        let declared = ArcSwap::from_pointee(Declared::new(&settings, &ledger, now)?);
        Ok(Self { ledger, declared, settings: Mutex::new(settings) })
    }

    /// What is declared now.
    pub fn load(&self) -> Arc<Declared> {
        self.declared.load_full()
    }

    /// Takes up what was declared by command since, and what ended by `now` (Unix seconds).
    ///
    /// # Errors
    /// When the ledger says no; what was declared before stands.
    pub fn renew(&self, now: i64) -> Result<(), LedgerError> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        self.declared.store(Arc::new(Declared::new(&settings, &self.ledger, now)?));
        Ok(())
    }

    /// Declares what other settings say, and what was declared by command, from now (Unix seconds) on: all of it at once.
    /// `before` is told first what that will be.
    ///
    /// # Errors
    /// When the ledger says no; what was declared before stands, and `before` was told nothing.
    pub fn replace(&self, settings: Settings, now: i64, before: impl FnOnce(&Declared)) -> Result<(), LedgerError> {
        let mut current = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let declared = Declared::new(&settings, &self.ledger, now)?;
        before(&declared);
        self.declared.store(Arc::new(declared));
        *current = settings;
        Ok(())
    }
}

impl Declared {
    /// Makes ready what `settings` declare and what was declared by command; the ledger gives traps their registry ids.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn new(settings: &Settings, ledger: &Ledger, now: i64) -> Result<Self, LedgerError> {
        let (traps, exemptions) = (ledger.traps()?, ledger.exemptions(now)?);
        let (id, domain_id) = (|address: &str| ledger.trap_id(address), |domain: &str| ledger.domain_id(domain));
        let mut declared = Self::made(settings, (&id, &domain_id), traps, exemptions);
        let mut paused = ledger.paused()?;
        for feed in &mut declared.feeds {
            feed.paused = paused.remove(&feed.name);
        }
        Ok(declared)
    }

    /// Makes ready what `settings` declare, without a ledger; `id` gives traps their registry ids, by address in lower case.
    pub fn of(settings: &Settings, id: impl Fn(&str) -> String) -> Self {
        Self::made(settings, (&id, &str::to_ascii_lowercase), Vec::new(), Vec::new())
    }

    fn made(
        settings: &Settings,
        (id, domain_id): (Id<'_>, Id<'_>),
        kept_traps: Vec<KeptTrap>,
        kept: Vec<KeptExemption>,
    ) -> Self {
        let mut traps = HashMap::new();
        let mut registry = Registry::default();
        // What the settings say of a trap is said last, so that it stands.
        for kept in kept_traps {
            registry.traps.insert(kept.id, kept.trap);
        }
        for declared in &settings.traps {
            let address = trap_text(&declared.address);
            let id = id(&address);
            let trap = Trap {
                domain: domain_id(&declared.address.domain),
                tier: declared.tier,
                sends: declared.sends,
                accepts_reports: declared.accepts_reports,
            };
            registry.traps.insert(id.clone(), trap);
            traps.insert(address, id);
        }
        for feed in &settings.feeds {
            match feed.kind {
                FeedKind::Traps | FeedKind::Reports => {
                    registry.feeds.insert(feed.name.clone(), feed.trust);
                    registry.weights.insert(feed.name.clone(), feed.weight);
                }
                FeedKind::Wanted => drop(registry.wanted.insert(feed.name.clone())),
            }
        }
        let policy = policy(settings);
        let next_end = kept.iter().filter_map(|kept| kept.until).min();
        let exemptions: Vec<Exemption> =
            exemptions(settings).chain(kept.into_iter().map(|kept| kept.exemption)).collect();
        let publishes = settings.policy.mode == Mode::Live && policy.can_be_met(&registry);
        let depends = format!("{registry:?} {policy:?} {exemptions:?} {publishes}");
        Self {
            feeds: settings.feeds.iter().map(|declared| feed(settings, declared, id)).collect(),
            traps,
            publishes,
            registry,
            policy,
            exemptions: Exemptions::standard(exemptions),
            brake: settings.brake,
            free_space: settings.storage.free_space,
            digest: blake3::hash(depends.as_bytes()).to_hex().to_string(),
            next_end,
        }
    }

    /// What the settings exempt, the special-purpose networks apart.
    pub fn declared_exemptions(settings: &Settings) -> Vec<Exemption> {
        exemptions(settings).collect()
    }

    /// The listings that an origin's evidence makes at `now` (Unix seconds), whether they are published or not.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn listings(&self, ledger: &Ledger, origin: Origin, now: i64) -> Result<Vec<(List, Listing)>, LedgerError> {
        Ok(self.listings_of(origin, ledger.units(origin)?, &ledger.removals(origin, now)?, now))
    }

    /// The listings that these units make at `now` (Unix seconds).
    pub fn listings_of(
        &self,
        origin: Origin,
        units: Vec<Unit>,
        removals: &[Removal],
        now: i64,
    ) -> Vec<(List, Listing)> {
        let mut listings = replay_all(origin, &visible(units, removals, now), &self.registry, &self.policy, now);
        for (_, listing) in &mut listings {
            listing.until = end_by_removal(listing.until, removals, now);
        }
        listings
    }

    /// Why an origin reflects, by what it sent to traps that never send, the most frequent cause first.
    ///
    /// # Errors
    /// When the ledger says no.
    pub fn causes(&self, ledger: &Ledger, origin: Origin, now: i64) -> Result<Vec<(Cause, u64)>, LedgerError> {
        let mut causes: BTreeMap<Cause, u64> = BTreeMap::new();
        for (cause, trap, samples) in ledger.causes(origin, now - self.policy.hard_limit)? {
            let counts = self.registry.traps.get(&trap).is_some_and(|trap| !trap.sends);
            if let Some(cause) = Cause::parse(&cause).filter(|_| counts) {
                *causes.entry(cause).or_default() += samples;
            }
        }
        let mut causes: Vec<(Cause, u64)> = causes.into_iter().collect();
        causes.sort_by_key(|(_, samples)| std::cmp::Reverse(*samples));
        Ok(causes)
    }

    /// The feed of that name.
    pub fn feed(&self, name: &str) -> Option<&Feed> {
        self.feeds.iter().find(|feed| feed.name == name)
    }

    /// The feed whose token this is. Every feed's token is compared, so that the time tells nothing of which matched.
    pub fn feed_of_token(&self, token: &str) -> Option<&Feed> {
        let mut found = None;
        for feed in &self.feeds {
            if feed.token.is_some_and(|digest| digest.matches(token)) {
                found = Some(feed);
            }
        }
        found
    }

    /// The feed whose client certificate this is; every one is compared, too.
    pub fn feed_of_certificate(&self, shown: &CertificateDigest) -> Option<&Feed> {
        let mut found = None;
        for feed in &self.feeds {
            if feed.certificate.is_some_and(|digest| digest == *shown) {
                found = Some(feed);
            }
        }
        found
    }

    /// The registry id of the trap that takes mail for `address`: the address itself, else its domain's catch-all.
    pub fn trap(&self, ledger: &Ledger, address: &str) -> Option<String> {
        with_domain(&bare(address)).into_iter().find_map(|address| {
            let by_command = || Some(ledger.trap_id(&address)).filter(|id| self.registry.traps.contains_key(id));
            self.traps.get(&address).cloned().or_else(by_command)
        })
    }

    /// The same of a feed, from which perhaps only some traps' mail is taken, and of reports only that of traps that accept
    /// them: else one report would be credited to as many traps as whoever hands it in names. Every channel asks this, and no
    /// other.
    pub fn trap_for(&self, feed: &Feed, ledger: &Ledger, address: &str) -> Option<String> {
        let accepts = |trap: &String| {
            feed.reporter.is_none() || self.registry.traps.get(trap).is_some_and(|trap| trap.accepts_reports)
        };
        self.trap(ledger, address).filter(|trap| feed.speaks_for(trap) && accepts(trap))
    }

    /// The same among the traps of the settings.
    pub fn trap_of_settings(&self, address: &str) -> Option<&str> {
        with_domain(&bare(address)).iter().find_map(|address| self.traps.get(address)).map(String::as_str)
    }
}

/// An address and its whole domain, in the order in which a trap is looked for; nothing where there is no domain.
fn with_domain(address: &str) -> Vec<String> {
    let domain = address.rfind('@').map(|at| &address[at..]);
    domain.map(|domain| vec![address.to_owned(), domain.to_owned()]).unwrap_or_default()
}

/// The topology of the feed called `name`, if there is one.
pub fn topology_of(settings: &Settings, name: &str) -> Option<Topology> {
    feed_of(settings, name).map(|feed| feed.topology)
}

/// The feed called `name`, if there is one.
pub fn feed_of(settings: &Settings, name: &str) -> Option<Feed> {
    settings.feeds.iter().find(|feed| feed.name == name).map(|declared| feed(settings, declared, &str::to_owned))
}

/// An address as an envelope has it, without its brackets, in lower case.
pub fn bare(address: &str) -> String {
    address.trim().trim_start_matches('<').trim_end_matches('>').to_ascii_lowercase()
}

/// A trap's address as its registry id is made from: `user@domain`, or `@domain`.
pub fn trap_text(address: &TrapAddress) -> String {
    format!("{}@{}", address.local.as_deref().unwrap_or_default(), address.domain).to_ascii_lowercase()
}

fn feed(settings: &Settings, declared: &FeedSettings, id: Id<'_>) -> Feed {
    let traps = declared.traps.as_ref().map(|traps| traps.iter().map(|trap| id(&trap_text(trap))).collect());
    Feed {
        name: declared.name.clone(),
        token: declared.token,
        certificate: declared.certificate,
        topology: topology(
            settings.relays.iter().filter(|relay| declared.knows(&relay.name, &settings.feeds)),
            &declared.relays,
            declared.boundary,
        ),
        stamps: declared.stamps,
        quota: declared.quota,
        kind: declared.kind,
        networks: declared.networks.clone(),
        paused: None,
        silence: declared.silence,
        traps,
        reporter: (declared.kind == FeedKind::Reports).then(|| reporter(settings, declared)),
    }
}

fn topology<'s>(known: impl Iterator<Item = &'s RelaySettings>, top: &[String], boundary: Boundary) -> Topology {
    let relays: Vec<Relay> = known.map(relay).collect();
    let at_top = relays.iter().enumerate().filter(|(_, relay)| top.contains(&relay.name));
    Topology { top: at_top.map(|(index, _)| index).collect(), boundary, relays }
}

/// Who reports to a feed: his relays are known beside those of the feed.
fn reporter(settings: &Settings, feed: &FeedSettings) -> Reporter {
    let relays = settings
        .relays
        .iter()
        .filter(|relay| feed.reporter_relays.contains(&relay.name) || feed.knows(&relay.name, &settings.feeds));
    Reporter {
        networks: feed.reporter_networks.clone(),
        topology: topology(relays, &feed.reporter_relays, Boundary::Headers),
    }
}

/// A relay, ready to be asked.
pub fn relay(declared: &RelaySettings) -> Relay {
    Relay {
        name: declared.name.clone(),
        hosts: declared.hosts.iter().map(|host| HostPattern::new(host)).collect(),
        networks: declared.networks.clone(),
        dialect: declared.dialect.0,
        handovers: declared.handovers.clone(),
    }
}

fn policy(settings: &Settings) -> Policy {
    let declared = &settings.policy;
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    Policy {
        list_at: declared.list_at,
        delist_at: declared.delist_at,
        half_life: seconds(declared.half_life),
        hard_limit: seconds(declared.hard_limit),
        traps: declared.traps as usize,
        trap_domains: declared.trap_domains as usize,
        domain_cap: declared.domain_cap,
    }
}

/// The relays' own networks, the feeds', the addresses that the service listens on, the proxies that speak to it for others,
/// the root servers, public resolvers, and what the settings add (G6). What is said last stands where two say it.
fn exemptions(settings: &Settings) -> impl Iterator<Item = Exemption> + '_ {
    let critical = ROOT_SERVERS.into_iter().map(|address| (address, "a root name server"));
    let critical = critical.chain(RESOLVERS.into_iter().map(|address| (address, "a public resolver")));
    let critical = critical.filter_map(|(address, reason)| {
        let address: IpAddr = address.parse().ok()?;
        Some(Exemption { network: address.into(), reason: reason.to_owned() })
    });
    let (dns, http) = (&settings.dns, &settings.http);
    let listening = [&dns.listen, &dns.tls, &dns.https, &http.listen, &http.intake, &http.intake_tls, &http.metrics]
        .into_iter()
        .flatten();
    let doors = settings.intakes.iter().flat_map(|intake| intake.channel.listen()).filter_map(|listen| match listen {
        ListenAddress::Tcp(socket) => Some(socket),
        ListenAddress::Unix(_) => None,
    });
    let listening = listening
        .chain(doors)
        .map(|socket| socket.ip())
        .filter(|address| !address.is_unspecified())
        .map(|address| Exemption { network: address.into(), reason: "an address of this service".to_owned() });
    let relays = settings.relays.iter().flat_map(|relay| {
        let reason = match settings.feeds.iter().find(|feed| !feed.knows(&relay.name, &settings.feeds)) {
            None => format!("our own relay {}", relay.name),
            Some(_) => format!("somebody else's relay {}", relay.name),
        };
        relay.networks.iter().map(move |network| Exemption { network: *network, reason: reason.clone() })
    });
    let feeds = settings.feeds.iter().flat_map(|feed| {
        let reason = format!("the feed {}", feed.name);
        feed.networks.iter().map(move |network| Exemption { network: *network, reason: reason.clone() })
    });
    // Where a proxy's word goes missing, its address stands for everybody behind it (ATTACKS A09).
    let proxies = settings
        .intakes
        .iter()
        .flat_map(|intake| intake.channel.proxies())
        .map(|network| Exemption { network: *network, reason: "a proxy that speaks for its clients".to_owned() });
    let declared = settings.exemptions.iter().flat_map(|exemption| {
        exemption.networks.iter().map(|network| Exemption { network: *network, reason: exemption.reason.clone() })
    });
    critical.chain(listening).chain(relays).chain(feeds).chain(proxies).chain(declared)
}

/// The root name servers, a to m (IANA's root hints of 2026).
const ROOT_SERVERS: [&str; 26] = [
    "198.41.0.4",
    "170.247.170.2",
    "192.33.4.12",
    "199.7.91.13",
    "192.203.230.10",
    "192.5.5.241",
    "192.112.36.4",
    "198.97.190.53",
    "192.36.148.17",
    "192.58.128.30",
    "193.0.14.129",
    "199.7.83.42",
    "202.12.27.33",
    "2001:503:ba3e::2:30",
    "2801:1b8:10::b",
    "2001:500:2::c",
    "2001:500:2d::d",
    "2001:500:a8::e",
    "2001:500:2f::f",
    "2001:500:12::d0d",
    "2001:500:1::53",
    "2001:7fe::53",
    "2001:503:c27::2:30",
    "2001:7fd::1",
    "2001:500:9f::42",
    "2001:dc3::35",
];

/// Resolvers that whole networks depend on.
const RESOLVERS: [&str; 16] = [
    "1.1.1.1",
    "1.0.0.1",
    "8.8.8.8",
    "8.8.4.4",
    "9.9.9.9",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2620:fe::fe",
    "2620:fe::9",
    "2620:119:35::35",
    "2620:119:53::53",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Whoever sees mail come from an address of ours, such as the trap server's, lists us for it (G6).
    #[test]
    fn every_address_that_is_listened_on_is_exempt() {
        let text = "[dns]\nlisten = [\"45.66.0.1:53\"]\n[http]\nlisten = [\"45.66.0.2:80\"]\nintake = [\"45.66.0.3:81\"]\n\
                    metrics = [\"45.66.0.4:82\"]\n[[feed]]\nname = \"mx\"\nboundary = \"channel\"\n\
                    [[intake]]\nkind = \"trap-server\"\nlisten = [\"45.66.0.5:25\", \"[2a00:1f:2::25]:25\", \"0.0.0.0:26\"]\n\
                    feed = \"mx\"\n";
        let settings = Settings::parse(text, "x.toml", Path::new("")).unwrap().settings;
        let exempt: Vec<String> = Declared::declared_exemptions(&settings)
            .into_iter()
            .filter(|exemption| exemption.reason == "an address of this service")
            .map(|exemption| exemption.network.to_string())
            .collect();
        let four = (1..=5).map(|last| format!("45.66.0.{last}/32"));
        assert_eq!(exempt, four.chain(["2a00:1f:2::25/128".to_owned()]).collect::<Vec<_>>());
    }

    /// Whoever speaks for others who bring mail is none of those who send spam (ATTACKS A09).
    #[test]
    fn proxies_are_exempt() {
        let text = "[[feed]]\nname = \"x\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.1\"]\n\
                    [[intake]]\nkind = \"trap-server\"\nlisten = [\"45.0.0.4:25\"]\nfeed = \"x\"\nproxies = [\"45.1.0.0/30\"]\n\
                    [[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:24\"]\nfeed = \"x\"\nxclient = [\"45.2.0.1\"]\n";
        let settings = Settings::parse(text, "x.toml", Path::new("")).unwrap().settings;
        let exempt = Exemptions::standard(exemptions(&settings));
        let is_exempt = |address: &str| exempt.covering_address(address.parse::<IpAddr>().unwrap()).is_some();
        assert!(is_exempt("45.1.0.2") && is_exempt("45.2.0.1"));
        assert!(!is_exempt("45.1.0.4") && !is_exempt("45.2.0.2"));
    }
}
