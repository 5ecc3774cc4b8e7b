//! What the attacks are fired at and from: the declared values, roles for addresses, and the routes that mail can take.
//!
//! Enters: [`Settings`]. Leaves: a [`Ground`]. Addresses are sought in a fixed order, so that two drills of the same
//! settings say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use firsthand_analyzer::address::is_special_purpose;
use firsthand_analyzer::forms::{FORMS, Form, HIDDEN};
use firsthand_analyzer::received::{Dialect, Handover};
use firsthand_analyzer::score::Tier;
use firsthand_analyzer::topology::{Boundary, Relay, Topology};
use firsthand_analyzer::trust::PathLine;
use ipnet::IpNet;

use crate::config::{FeedKind, FeedSettings, RelaySettings, Settings};
use crate::declared::{Declared, relay};

/// Where attackers and victims are sought: addresses that anybody may have.
const CANDIDATES_V4: [[u8; 4]; 12] = [
    [45, 66, 77, 88],
    [26, 51, 100, 25],
    [83, 70, 211, 36],
    [62, 113, 9, 14],
    [103, 44, 12, 7],
    [185, 33, 21, 90],
    [200, 17, 5, 61],
    [12, 90, 41, 3],
    [151, 80, 33, 19],
    [77, 12, 140, 5],
    [212, 54, 8, 44],
    [133, 6, 71, 28],
];

/// The same in IPv6: the upper groups.
const CANDIDATES_V6: [[u16; 4]; 8] = [
    [0x2a00, 0x1f, 7, 0],
    [0x2a00, 0x1f, 2, 0],
    [0x2a02, 0x26, 0x51, 0],
    [0x2600, 0x9000, 4, 1],
    [0x2804, 0x14c, 9, 2],
    [0x2400, 0xcb00, 5, 3],
    [0x2c0f, 0xf248, 6, 4],
    [0x2001, 0x1a40, 8, 5],
];

/// The dialects in turn in which a relay that declares none is taken to write.
const USUAL_DIALECTS: [Dialect; 3] = [Dialect::Postfix, Dialect::Exim, Dialect::Sendmail];

/// The most messages of one attack, so that a large configuration is drilled in time; beyond it routes are left out evenly.
const SHOTS: usize = 4_000;

/// The most feeds that mail comes by.
const FEEDS: usize = 8;

/// The most boundaries at which every field is tried.
const BOUNDARIES: usize = 40;

/// The most traps that are aimed at, unless the quorum asks for more.
const TARGETS: usize = 60;

/// A trap as an attacker sees it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its registry id in the drill.
    pub(super) id: String,
    /// Its local part; none where it is a whole domain, so that the sender chooses it.
    pub(super) local: Option<String>,
    /// Its mail domain.
    pub(super) domain: String,
    /// Its tier.
    pub(super) tier: Tier,
}

/// A relay on a route and the form in which it writes there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// Its index in the topology.
    pub(super) relay: usize,
    /// How it writes.
    pub(super) form: &'static Form,
    /// The address at which the stop above sees it; of the first stop nobody's.
    pub(super) seen_as: Option<IpAddr>,
}

/// How mail comes to a feed.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// The feed's index.
    pub(super) feed: usize,
    /// The relays that took it, the last first; none where the channel tells the peer.
    pub(super) stops: Vec<Stop>,
}

impl Route {
    /// Whether the boundary's line can state this peer.
    pub(super) fn takes(&self, peer: IpAddr) -> bool {
        peer.is_ipv4() || self.stops.last().is_none_or(|stop| stop.form.takes_ipv6())
    }
}

/// What the attacks are fired at.
pub(super) struct Ground {
    /// What is declared.
    pub(super) declared: Declared,
    /// The traps, in the order of the settings.
    pub(super) targets: Vec<Target>,
    /// The relays that any of the feeds knows, in the order of the settings.
    pub(super) relays: Vec<Relay>,
    /// Their names, as each writes them after `by`.
    pub(super) hosts: Vec<Vec<String>>,
    /// Who attacks, in IPv4 and IPv6, as far as there are free addresses.
    pub(super) attackers: Vec<IpAddr>,
    /// Who is to be framed.
    pub(super) victims: Vec<IpAddr>,
    /// An innocent server that many share.
    pub(super) server: IpAddr,
    /// The feeds that mail comes by, own ones first: of those that differ in name only, one.
    pub(super) feeds: Vec<usize>,
    /// What the settings exempt.
    pub(super) exempt: Vec<IpNet>,
    /// Every route.
    routes: Vec<Route>,
}

impl Ground {
    /// Makes it ready.
    pub(super) fn of(settings: &Settings) -> Self {
        let declared = Declared::of(settings, str::to_owned);
        let targets = targets(settings, &declared);
        let v4 = free(&declared, candidates_v4());
        let v6 = free(&declared, candidates_v6());
        let role = |number: usize| -> Vec<IpAddr> {
            [&v4, &v6].into_iter().filter_map(|free| free.get(number)).copied().collect()
        };
        // Where every address is a relay's or exempt, some are taken all the same: nothing can be listed then.
        let or_any = |found: Vec<IpAddr>, number: usize| {
            if found.is_empty() { vec![IpAddr::from(CANDIDATES_V4[number])] } else { found }
        };
        let (attackers, victims) = (or_any(role(0), 0), or_any(role(1), 1));
        let server = or_any(role(2), 2)[0];
        let feeds = feeds(settings);
        let known = |relay: &&RelaySettings| {
            feeds.iter().any(|index| settings.feeds[*index].knows(&relay.name, &settings.feeds))
        };
        let known: Vec<&RelaySettings> = settings.relays.iter().filter(known).collect();
        let hosts = known.iter().map(|relay| relay.hosts.iter().map(|host| instance(host)).collect()).collect();
        let relays: Vec<Relay> = known.into_iter().map(relay).collect();
        let routes = feeds.iter().flat_map(|index| {
            let topology = &declared.feeds[*index].topology;
            match topology.boundary {
                Boundary::Channel => vec![Route { feed: *index, stops: Vec::new() }],
                Boundary::Headers => routes(*index, topology, &relays),
            }
        });
        let routes = routes.collect();
        let exempt = settings.exemptions.iter().flat_map(|exemption| exemption.networks.clone()).collect();
        Self { exempt, feeds, targets, hosts, attackers, victims, server, relays, routes, declared }
    }

    /// The relay that wrote a line of the path of a verdict on this feed's mail.
    pub(super) fn relay_on_path(&self, feed: usize, line: &PathLine) -> &Relay {
        &self.declared.feeds[feed].topology.relays[line.relay]
    }

    /// Whether a feed knows a relay.
    pub(super) fn knows(&self, feed: usize, relay: usize) -> bool {
        is_known(&self.declared.feeds[feed].topology, &self.relays[relay])
    }

    /// The routes on which so many different messages are tried: all, or as many as there is time for, evenly.
    pub(super) fn routes(&self, variants: usize) -> impl Iterator<Item = &Route> {
        self.routes.iter().step_by((self.routes.len() * variants).div_ceil(SHOTS).max(1))
    }

    /// For each feed, relay and form in which a boundary is written the shortest route, with every attacker that it can state.
    pub(super) fn boundaries(&self) -> Vec<(IpAddr, &Route)> {
        let mut seen = BTreeSet::new();
        let mut routes: Vec<&Route> = self.routes.iter().collect();
        routes.sort_by_key(|route| route.stops.len());
        let boundary = |route: &Route| {
            (route.feed, route.stops.last().map(|stop| (stop.relay, stop.form.dialect, stop.form.name)))
        };
        routes.retain(|route| seen.insert(boundary(route)));
        let approaches =
            routes.into_iter().flat_map(|route| self.attackers.iter().map(move |attacker| (*attacker, route)));
        let mut approaches: Vec<_> = approaches.filter(|(attacker, route)| route.takes(*attacker)).collect();
        approaches.truncate(BOUNDARIES);
        approaches
    }

    /// Free addresses beside each other, for as many victims.
    pub(super) fn crowd(&self, size: usize) -> Vec<IpAddr> {
        let bases = CANDIDATES_V4.iter().flat_map(|[a, b, c, _]| (1..255).map(|d| IpAddr::from([*a, *b, *c, d])));
        bases
            .filter(|address| is_free(&self.declared, *address))
            .filter(|address| !self.attackers.contains(address))
            .take(size)
            .collect()
    }

    /// Addresses that anybody may have, free or not.
    pub(super) fn candidates(&self) -> impl Iterator<Item = IpAddr> + use<> {
        candidates_v4().into_iter().chain(candidates_v6())
    }

    /// Networks that settings give to a relay, with its index.
    pub(super) fn relay_networks(&self) -> impl Iterator<Item = (usize, IpNet)> {
        let networks = |(index, relay): (usize, &Relay)| relay.networks.iter().map(move |net| (index, *net)).collect();
        self.relays.iter().enumerate().flat_map(networks as fn((usize, &Relay)) -> Vec<(usize, IpNet)>)
    }
}

/// The first address in a network that a host can have.
pub(super) fn first_host(network: IpNet) -> IpAddr {
    network.hosts().next().unwrap_or(network.addr())
}

/// A name that a glob stands for, as an operator would number hosts: `mx*.example.net` is `mx1.example.net`.
fn instance(pattern: &str) -> String {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix('*') {
        Some("") => "mx1.example.net".to_owned(),
        Some(rest) if rest.starts_with('.') => format!("mx1{}", rest.replace(['*', '?'], "1")),
        _ => pattern.replace(['*', '?'], "1"),
    }
}

/// The feeds of which each is of another kind.
fn feeds(settings: &Settings) -> Vec<usize> {
    let mut feeds: Vec<(usize, &FeedSettings)> = settings.feeds.iter().enumerate().collect();
    // What reporters' relays vouch for is theirs.
    feeds.retain(|(_, feed)| feed.kind != FeedKind::Reports);
    feeds.sort_by_key(|(_, feed)| feed.trust);
    let mut kinds = BTreeSet::new();
    feeds.retain(|(_, feed)| {
        let mut relays = feed.relays.clone();
        relays.sort_unstable();
        kinds.insert((relays, feed.boundary.name(), feed.trust, feed.stamps.name()))
    });
    feeds.truncate(FEEDS);
    feeds.into_iter().map(|(index, _)| index).collect()
}

/// The traps that are aimed at: of each domain and tier the first, then the second, until there are enough.
fn targets(settings: &Settings, declared: &Declared) -> Vec<Target> {
    let mut before: BTreeMap<(&str, Tier), usize> = BTreeMap::new();
    let mut targets: Vec<(usize, Target)> = Vec::new();
    for trap in &settings.traps {
        let address = &trap.address;
        let Some(id) = declared.trap_of_settings(&address.to_string()) else { continue };
        let rank = before.entry((&address.domain, trap.tier)).or_default();
        let (id, local, domain) = (id.to_owned(), address.local.clone(), address.domain.clone());
        targets.push((*rank, Target { id, local, domain, tier: trap.tier }));
        *rank += 1;
    }
    targets.sort_by_key(|(rank, _)| *rank);
    targets.truncate(TARGETS.max(2 * declared.policy.traps));
    targets.into_iter().map(|(_, target)| target).collect()
}

fn candidates_v4() -> [IpAddr; 12] {
    CANDIDATES_V4.map(IpAddr::from)
}

fn candidates_v6() -> [IpAddr; 8] {
    CANDIDATES_V6.map(|[a, b, c, d]| Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0x25).into())
}

fn is_free(declared: &Declared, address: IpAddr) -> bool {
    !is_special_purpose(address)
        && declared.exemptions.covering_address(address).is_none()
        && !declared.feeds.iter().any(|feed| feed.topology.holds(address))
}

fn free<const N: usize>(declared: &Declared, candidates: [IpAddr; N]) -> Vec<IpAddr> {
    candidates.into_iter().filter(|address| is_free(declared, *address)).collect()
}

/// The forms in which a relay writes whom it took mail from.
pub(super) fn forms_of(relay: &Relay) -> Vec<&'static Form> {
    let of = |dialect: Dialect| FORMS.iter().filter(move |form| form.dialect == dialect);
    match relay.dialect {
        Some(dialect) => of(dialect).collect(),
        None => USUAL_DIALECTS.into_iter().filter_map(|dialect| of(dialect).next()).collect(),
    }
}

/// The forms of a relay's dialect that leave the peer out.
pub(super) fn hidden_forms_of(relay: &Relay) -> Vec<&'static Form> {
    HIDDEN.iter().filter(|form| relay.dialect.is_none_or(|dialect| form.dialect == dialect)).collect()
}

/// Whether a topology holds this relay.
fn is_known(topology: &Topology, relay: &Relay) -> bool {
    topology.relays.iter().any(|known| known.name == relay.name)
}

/// The routes to each relay that may stand at the top of a feed's samples: straight from the sender, over each other relay
/// that the feed knows, and over itself where it declares that.
fn routes(feed: usize, topology: &Topology, relays: &[Relay]) -> Vec<Route> {
    let may_be_top = |relay: &Relay| topology.top.iter().any(|top| topology.relays[*top].name == relay.name);
    let tops = (0..relays.len()).filter(|index| may_be_top(&relays[*index]));
    let below: Vec<usize> = (0..relays.len()).filter(|index| is_known(topology, &relays[*index])).collect();
    tops.flat_map(|top| routes_to(feed, top, &below, relays)).collect()
}

fn routes_to(feed: usize, top: usize, below: &[usize], relays: &[Relay]) -> Vec<Route> {
    let mut routes = Vec::new();
    let at = |relay: usize, form, seen_as| Stop { relay, form, seen_as };
    let mut stated = forms_of(&relays[top]);
    if stated.is_empty() {
        // It never says from whom, and what it writes is drilled all the same.
        stated = hidden_forms_of(&relays[top]);
    }
    // A fetchmail polls, and takes mail from nobody.
    let direct = stated.iter().filter(|form| form.dialect != Dialect::Fetchmail);
    routes.extend(direct.map(|form| Route { feed, stops: vec![at(top, form, None)] }));
    if !relays[top].handovers.is_empty() {
        stated.extend(hidden_forms_of(&relays[top]).into_iter().filter(|_| relays[top].dialect.is_some()));
    }
    for index in below.iter().copied() {
        let other = &relays[index];
        let seen_as = match index == top {
            true if relays[top].handovers.contains(&Handover::Loopback) => Some(IpAddr::from([127, 0, 0, 1])),
            true => continue,
            false => other.networks.first().map(|network| first_host(*network)),
        };
        let forms = forms_of(other);
        let pairs = if forms.is_empty() { 0 } else { stated.len().max(forms.len()) };
        // Each form of either at least once; what one relay writes does not hang on what the other does.
        for pair in 0..pairs {
            let (above, below) = (stated[pair % stated.len()], forms[pair % forms.len()]);
            if seen_as.is_none_or(|address| address.is_ipv4() || above.takes_ipv6()) {
                routes.push(Route { feed, stops: vec![at(top, above, None), at(index, below, seen_as)] });
            }
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use firsthand_analyzer::topology::HostPattern;

    use super::*;

    #[test]
    fn globs_are_given_a_name() {
        for (pattern, name) in [
            ("mx1.example.net", "mx1.example.net"),
            ("mx*.example.net", "mx1.example.net"),
            ("MX?.example.net", "mx1.example.net"),
            ("*.prod.outlook.com", "mx1.prod.outlook.com"),
            ("*.*.example", "mx1.1.example"),
            ("*", "mx1.example.net"),
        ] {
            assert_eq!(instance(pattern), name);
            assert!(HostPattern::new(pattern).matches(&instance(pattern)), "{pattern}");
        }
    }
}
