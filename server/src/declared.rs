//! What the operator declared, as the values that the analyzer takes.
//!
//! Enters: [`Settings`]. Leaves: a topology for each feed, the registry of traps and feeds, the policy, the exemptions.

use std::collections::{BTreeMap, HashMap};

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::Stamps;
use firsthand_analyzer::listing::{Exemption, Exemptions};
use firsthand_analyzer::nature::Cause;
use firsthand_analyzer::score::{Policy, Registry, Trap};
use firsthand_analyzer::topology::{HostPattern, Relay, Topology};

use crate::config::{FeedSettings, Mode, Quota, RelaySettings, Settings, TokenDigest, TrapAddress};
use crate::ledger::{Ledger, LedgerError};

/// One feed, ready to judge samples by.
pub struct Feed {
    /// Its name.
    pub name: String,
    /// Its token.
    pub token: TokenDigest,
    /// Its relays and all others.
    pub topology: Topology,
    /// Whether its boundary dates are held against the arrival time.
    pub stamps: Stamps,
    /// How many samples it may hand in.
    pub quota: Quota,
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
}

impl Declared {
    /// Makes ready what `settings` declare; the ledger gives the traps their registry ids.
    pub fn new(settings: &Settings, ledger: &Ledger) -> Self {
        Self::of(settings, |address| ledger.trap_id(address))
    }

    /// Makes ready what `settings` declare; `id` gives the traps their registry ids, by address in lower case.
    pub fn of(settings: &Settings, id: impl Fn(&str) -> String) -> Self {
        let mut traps = HashMap::new();
        let mut registry = Registry::default();
        for declared in &settings.traps {
            let address = trap_text(&declared.address);
            let id = id(&address);
            let trap = Trap {
                domain: declared.address.domain.to_ascii_lowercase(),
                tier: declared.tier,
                sends: declared.sends,
                accepts_reports: declared.accepts_reports,
            };
            registry.traps.insert(id.clone(), trap);
            traps.insert(address, id);
        }
        for feed in &settings.feeds {
            registry.feeds.insert(feed.name.clone(), feed.trust);
        }
        let policy = policy(settings);
        Self {
            feeds: settings.feeds.iter().map(|declared| feed(settings, declared)).collect(),
            traps,
            publishes: settings.policy.mode == Mode::Live && policy.can_be_met(&registry),
            registry,
            policy,
            exemptions: exemptions(settings),
        }
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

    /// The feed whose token this is. Every feed's token is compared, so that the time tells nothing of which matched.
    pub fn feed_of_token(&self, token: &str) -> Option<&Feed> {
        let mut found = None;
        for feed in &self.feeds {
            if feed.token.matches(token) {
                found = Some(feed);
            }
        }
        found
    }

    /// The registry id of the trap that takes mail for `address`: the address itself, else its domain's catch-all.
    pub fn trap(&self, address: &str) -> Option<&str> {
        let address = address.trim().trim_start_matches('<').trim_end_matches('>').to_ascii_lowercase();
        let domain = address.rfind('@').map(|at| &address[at..])?;
        self.traps.get(&address).or_else(|| self.traps.get(domain)).map(String::as_str)
    }
}

/// The topology of the feed called `name`, if there is one.
pub fn topology_of(settings: &Settings, name: &str) -> Option<Topology> {
    settings.feeds.iter().find(|feed| feed.name == name).map(|feed| topology(settings, feed))
}

fn trap_text(address: &TrapAddress) -> String {
    format!("{}@{}", address.local.as_deref().unwrap_or_default(), address.domain).to_ascii_lowercase()
}

fn feed(settings: &Settings, declared: &FeedSettings) -> Feed {
    Feed {
        name: declared.name.clone(),
        token: declared.token,
        topology: topology(settings, declared),
        stamps: declared.stamps,
        quota: declared.quota,
    }
}

fn topology(settings: &Settings, feed: &FeedSettings) -> Topology {
    let relays: Vec<Relay> = settings.relays.iter().map(relay).collect();
    let top = relays.iter().enumerate().filter(|(_, relay)| feed.relays.contains(&relay.name));
    Topology { top: top.map(|(index, _)| index).collect(), boundary: feed.boundary, relays }
}

fn relay(declared: &RelaySettings) -> Relay {
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
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
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

/// RFC 6890, the relays' own networks, and what the settings add (G6).
fn exemptions(settings: &Settings) -> Exemptions {
    let relays = settings.relays.iter().flat_map(|relay| {
        let reason = format!("our own relay {}", relay.name);
        relay.networks.iter().map(move |network| Exemption { network: *network, reason: reason.clone() })
    });
    let declared = settings.exemptions.iter().flat_map(|exemption| {
        exemption.networks.iter().map(|network| Exemption { network: *network, reason: exemption.reason.clone() })
    });
    Exemptions::standard(relays.chain(declared))
}
