//! What must fit together across the tables of a settings file.
//!
//! Enters: the entries as they were read, with their places; a part that was refused is absent, and nothing is said about
//! it twice. Leaves: remarks. Refuses: names and tokens that would not tell two entries apart, and topologies that could
//! not be believed. Warns of what is allowed and probably not meant.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use firsthand_analyzer::score::QUORUM_WEIGHT;
use ipnet::IpNet;

use super::intake::IntakeEntry;
use super::name;
use super::remark::Flaw;
use super::table::{Table, Value};
use super::token::TokenSource;
use super::word::{listed, nearest};
use super::{
    Boundary, CertificateDigest, FeedKind, FeedSettings, ListSettings, RelaySettings, Settings, TokenDigest,
    TrapAddress, TrapSettings, WEIGHT_DEFAULT,
};

/// A name with its place.
pub(super) type Named<'t> = (Value<'t>, String);

/// A `[[relay]]` as it was read.
pub(super) struct RelayEntry<'t> {
    pub(super) table: Table<'t>,
    pub(super) name: Option<Named<'t>>,
    /// Whether it declares names, or tried to.
    pub(super) has_hosts: bool,
    pub(super) settings: Option<RelaySettings>,
}

/// A `[[feed]]` as it was read.
pub(super) struct FeedEntry<'t> {
    pub(super) table: Table<'t>,
    pub(super) name: Option<Named<'t>>,
    pub(super) token: Option<(Value<'t>, TokenDigest)>,
    /// Whether no token is written.
    pub(super) tokenless: bool,
    /// The digest of its certificate, if it has one; none if it was refused.
    pub(super) certificate: Option<Option<(Value<'t>, CertificateDigest)>>,
    pub(super) relays: Option<Vec<Named<'t>>>,
    pub(super) boundary: Option<Boundary>,
    pub(super) is_of_reports: bool,
    /// The traps that it names, as far as they can be read.
    pub(super) traps: Option<Vec<(Value<'t>, TrapAddress)>>,
    pub(super) reporter_networks: Option<Vec<(Value<'t>, IpNet)>>,
    pub(super) reporter_relays: Option<Vec<Named<'t>>>,
    pub(super) settings: Option<FeedSettings>,
}

/// A `[[trap]]` as it was read.
pub(super) struct TrapEntry<'t> {
    /// The address in lower case: mail for `Sales@` and `sales@` reaches one trap.
    pub(super) address: Option<Named<'t>>,
    pub(super) settings: Option<TrapSettings>,
}

/// A `[[list]]` as it was read.
pub(super) struct ListEntry<'t> {
    pub(super) name: Option<Named<'t>>,
    pub(super) code: Option<(Value<'t>, Ipv4Addr)>,
    pub(super) settings: Option<ListSettings>,
}

/// Refuses a socket that two listeners would open, one of them perhaps by a wildcard or by default. Port 0 is a new port
/// every time. DNS takes TCP, too.
pub(super) fn refuse_shared_sockets<'e, 't: 'e>(
    all: impl Iterator<Item = &'e (Value<'t>, SocketAddr)>,
    defaults: &[(&str, SocketAddr)],
) {
    let fixed: Vec<_> = all.filter(|(_, socket)| socket.port() != 0).collect();
    refuse_second(fixed.iter().map(|(value, socket)| (value, *socket)), |socket, line| {
        Flaw::new(format!("\"{socket}\" is taken by line {line}"), "write another port or address")
    });
    // 0.0.0.0 and [::] are two sockets.
    let covers = |wide: &SocketAddr, one: &SocketAddr| {
        wide.ip().is_unspecified() && wide.port() == one.port() && wide.is_ipv4() == one.is_ipv4()
    };
    for (value, socket) in &fixed {
        if let Some((wide, wildcard)) = fixed.iter().find(|(_, wide)| wide != socket && covers(wide, socket)) {
            let what = format!("\"{socket}\" is taken by line {}: \"{wildcard}\" is every address", wide.line());
            value.refuse(Flaw::new(what, "write the wildcard or the single addresses, or another port"));
        }
        let default = defaults.iter().find(|(_, default)| default == socket || covers(socket, default));
        if let Some((key, default)) = default {
            let what = format!("\"{socket}\" is taken by the default {key} = [\"{default}\"]");
            value.refuse(Flaw::new(what, format!("write another port or address, or a {key}")));
        }
    }
}

/// Refuses names, tokens and codes that stand twice.
pub(super) fn refuse_repeats(
    relays: &[RelayEntry<'_>],
    feeds: &[FeedEntry<'_>],
    traps: &[TrapEntry<'_>],
    lists: &[ListEntry<'_>],
) {
    let renamed =
        |name: &String, line| Flaw::new(format!("{name:?} is the name on line {line}, too"), "write another name");
    refuse_second(relays.iter().filter_map(|relay| borrowed(&relay.name)), renamed);
    refuse_second(feeds.iter().filter_map(|feed| borrowed(&feed.name)), renamed);
    refuse_second(lists.iter().filter_map(|list| borrowed(&list.name)), renamed);
    refuse_second(traps.iter().filter_map(|trap| borrowed(&trap.address)), |address, line| {
        Flaw::new(format!("{address:?} is the trap on line {line}, too"), "take one of them out: a trap counts once")
    });
    refuse_second(lists.iter().filter_map(|list| borrowed(&list.code)), |code, line| {
        Flaw::new(format!("\"{code}\" is the code on line {line}, too"), "write another address of 127.0.0.0/8")
    });
    // Only the operator who wrote the tokens sees this, so that the lookup's timing tells nobody anything.
    refuse_second(feeds.iter().filter_map(|feed| borrowed(&feed.token)), |_, line| {
        let mend = "make one with: openssl rand -base64 32";
        Flaw::new(format!("is the token on line {line}, too, and could not tell the feeds apart"), mend)
    });
}

/// Refuses certificates that are two feeds'.
pub(super) fn refuse_shared_certificates(feeds: &[FeedEntry<'_>]) {
    let written = feeds.iter().filter_map(|feed| feed.certificate.as_ref()?.as_ref());
    refuse_second(written.map(|(value, digest)| (value, *digest)), |_, line| {
        let what = format!("is the certificate on line {line}, too, and could not tell the feeds apart");
        Flaw::new(what, "give each feed a certificate of its own")
    });
}

/// Refuses sockets in the file system that two channels would make.
pub(super) fn refuse_shared_paths<'e, 't: 'e>(written: impl Iterator<Item = (&'e Value<'t>, PathBuf)>) {
    refuse_second(written, |path, line| {
        Flaw::new(format!("\"unix:{}\" is taken by line {line}", path.display()), "write another path")
    });
}

/// Refuses Maildirs that two channels would watch: each message would be a sample of both, and one that nobody else saw count
/// as many traps as there are (G4).
pub(super) fn refuse_shared_maildirs<'e, 't: 'e>(written: impl Iterator<Item = (&'e Value<'t>, PathBuf)>) {
    refuse_second(written, |path, line| {
        let what = format!(
            "{:?} is watched by line {line}, too, and each message would count twice",
            path.display().to_string()
        );
        Flaw::new(what, "let each trap have a Maildir of its own")
    });
}

/// Refuses feeds without a token and a certificate that no channel serves: nobody could hand in for them.
pub(super) fn refuse_mute_feeds(feeds: &[FeedEntry<'_>], intakes: &[IntakeEntry<'_>]) {
    for feed in feeds.iter().filter(|feed| feed.tokenless && matches!(feed.certificate, Some(None))) {
        let served = feed.name.as_ref().is_none_or(|(_, name)| intakes.iter().any(|intake| intake.serves(name)));
        if !served {
            let name = feed.name.as_ref().map_or("traps", |(_, name)| name.as_str());
            TokenSource::refuse_absence(&feed.table, name);
        }
    }
}

/// Refuses feeds that name no relay or an unknown one while they read headers, and relays without names where a feed reads
/// headers: a topology without names may analyze but never list.
pub(super) fn refuse_bad_topology(relays: &[RelayEntry<'_>], feeds: &[FeedEntry<'_>]) {
    let names: Vec<&str> = relays.iter().filter_map(|relay| Some(relay.name.as_ref()?.1.as_str())).collect();
    // A relay whose name was refused may be the one that a feed means; its mend comes first.
    let all_named = names.len() == relays.len();
    for feed in feeds {
        let Some(named) = &feed.relays else { continue };
        if named.is_empty() && feed.boundary == Some(Boundary::Headers) {
            let example = names.first().unwrap_or(&"mx1");
            let mend =
                format!("write relays = [{example:?}] with the relays that hand it over, or boundary = \"channel\"");
            feed.table.refuse("relays", Flaw::new("names no relay, so that no Received line could be believed", mend));
        }
        let reporters = feed.reporter_relays.iter().flatten();
        let unknown = |(_, relay): &&Named<'_>| all_named && !names.contains(&relay.as_str());
        for (value, relay) in named.iter().chain(reporters).filter(unknown) {
            let meant = nearest(relay, names.iter().copied());
            let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
            let known = match names.as_slice() {
                [] => format!("declare it with [[relay]] name = {relay:?}"),
                names => format!("the relays are {}", listed(names.iter().copied())),
            };
            value.refuse(Flaw::new(format!("{relay:?} is no relay of this file"), format!("{meant}{known}")));
        }
    }
    refuse_relays_as_reporters(relays, feeds);
    // Of what reporters report, headers are read by whatever channel a report comes.
    let reads_headers = |feed: &&FeedEntry<'_>| feed.boundary == Some(Boundary::Headers) || feed.is_of_reports;
    let Some(reader) = feeds.iter().find(reads_headers) else { return };
    let reader = reader.name.as_ref().map_or_else(|| "a feed".to_owned(), |(_, name)| format!("feed {name:?}"));
    for relay in relays.iter().filter(|relay| !relay.has_hosts) {
        let what =
            format!("names no host, while {reader} reads headers: a topology without names may analyze but never list");
        let mend = "write the names that it writes after \"by\", for example hosts = [\"mx1.example.net\"]";
        relay.table.refuse("hosts", Flaw::new(what, mend));
    }
}

/// Refuses traps of feeds that are not registered. One that was registered by command is not known here, since what a file
/// means must not depend on a ledger.
pub(super) fn refuse_unknown_traps(feeds: &[FeedEntry<'_>], traps: &[TrapEntry<'_>]) {
    // One whose address was refused may be the one that a feed means; its mend comes first.
    if traps.iter().any(|trap| trap.address.is_none()) {
        return;
    }
    let known: Vec<&str> = traps.iter().filter_map(|trap| Some(trap.address.as_ref()?.1.as_str())).collect();
    for (value, trap) in feeds.iter().flat_map(|feed| feed.traps.iter().flatten()) {
        let address = trap.to_string().to_lowercase();
        if known.contains(&address.as_str()) {
            continue;
        }
        let meant = nearest(&address, known.iter().copied());
        let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
        let mend = format!("{meant}register it with [[trap]] address = {address:?}");
        value.refuse(Flaw::new(format!("{address:?} is no trap of this file"), mend));
    }
}

/// Refuses networks of a reporter in which a relay lies that his feed knows: the walk goes on behind it, and never tells
/// that a report comes from there. What was refused is left out, since its mend comes first.
fn refuse_relays_as_reporters(relays: &[RelayEntry<'_>], feeds: &[FeedEntry<'_>]) {
    let all: Vec<FeedSettings> = feeds.iter().filter_map(|feed| feed.settings.clone()).collect();
    for feed in feeds {
        let Some(settings) = &feed.settings else { continue };
        for (value, network) in feed.reporter_networks.iter().flatten() {
            let within = |relay: &&RelaySettings| {
                relay.networks.iter().any(|other| network.contains(other) || other.contains(network))
            };
            let known = relays.iter().filter_map(|relay| relay.settings.as_ref());
            let mut known = known.filter(|relay| settings.knows(&relay.name, &all));
            let Some(relay) = known.find(within) else { continue };
            let what = format!(
                "\"{network}\" overlaps the networks of relay {:?}, behind which a report's way is followed further",
                relay.name
            );
            value.refuse(Flaw::new(what, "write the addresses that the reports come from, and none of your relays'"));
        }
    }
}

/// Warns of a policy that the registered traps cannot meet (G4): such an installation computes and shows everything and
/// publishes nothing from evidence. Where there is no feed and no trap, nobody means to.
pub(super) fn warn_of_unreachable_quorum(settings: &Settings, file: &Table<'_>) {
    if settings.feeds.is_empty() && settings.traps.is_empty() {
        return;
    }
    let policy = &settings.policy;
    let counting = || settings.traps.iter().filter(|trap| trap.tier.counts_for_quorum());
    let traps = counting().count();
    let trap_domains = counting().map(|trap| &trap.address.domain).collect::<BTreeSet<_>>().len();
    let shortage = |key: &str, found: usize, wanted: u32, of: &str| {
        let what = format!(
            "asks for {wanted} {of}, and {found} pristine or seeded are registered: nothing from evidence is published"
        );
        file.warn_within("policy", key, Flaw::new(what, format!("register more with [[trap]], or lower {key}")));
    };
    let mut is_short = false;
    let of_traps = settings.feeds.iter().filter(|feed| feed.kind != FeedKind::Wanted);
    let weight = of_traps.map(|feed| feed.weight).reduce(f64::max).unwrap_or(WEIGHT_DEFAULT);
    if weight < QUORUM_WEIGHT {
        let what = format!(
            "asks for {} traps, and no feed of theirs weighs {QUORUM_WEIGHT} or more, as it must to count for them: nothing from evidence is published",
            policy.traps
        );
        file.warn_within(
            "policy",
            "traps",
            Flaw::new(what, format!("write weight = {QUORUM_WEIGHT} or more in a [[feed]]")),
        );
        is_short = true;
    }
    if traps < policy.traps as usize {
        shortage("traps", traps, policy.traps, "traps");
        is_short = true;
    }
    if trap_domains < policy.trap_domains as usize {
        shortage("trap-domains", trap_domains, policy.trap_domains, "trap domains");
        is_short = true;
    }
    let mut domains: BTreeMap<&str, f64> = BTreeMap::new();
    for trap in &settings.traps {
        *domains.entry(&trap.address.domain).or_default() += trap.tier.weight() * weight;
    }
    let highest: f64 = domains.values().map(|weight| weight.min(policy.domain_cap)).sum();
    if !is_short && highest < policy.list_at {
        let what = format!(
            "asks for {}, and all registered traps together reach {highest:.2}: nothing from evidence is published",
            policy.list_at
        );
        file.warn_within("policy", "list-at", Flaw::new(what, "register more traps with [[trap]], or lower list-at"));
    }
}

/// Warns of a page that whoever asks DNS cannot open: it stands in every TXT answer, and is how a listed host's operator
/// gets to know why.
pub(super) fn warn_of_page_out_of_reach(settings: &Settings, file: &Table<'_>) {
    let Some(port) = name::local_port(&settings.zone.page) else { return };
    let (dns, page) = (&settings.dns, &settings.zone.page);
    let public = dns.listen.iter().chain(&dns.tls).chain(&dns.https).find(|socket| !socket.ip().is_loopback());
    if let Some(public) = public {
        let what = format!("{page:?} stands in the TXT answers that {public} gives, and only this machine can open it");
        let mend =
            "write the address of the public pages, for example page = \"https://bl.example.net/address/{address}\"";
        return file.warn_within("zone", "page", Flaw::new(what, mend));
    }
    let listen = &settings.http.listen;
    if listen.iter().all(|socket| socket.port() != 0 && socket.port() != port) {
        let what = format!("{page:?} stands in TXT answers, and no http.listen has port {port}");
        let shown = listen.first().map_or(port, SocketAddr::port);
        let mend = format!("write for example page = \"http://127.0.0.1:{shown}/address/{{address}}\"");
        file.warn_within("zone", "page", Flaw::new(what, mend));
    }
}

/// A pair of a place and what is there, borrowed.
fn borrowed<'e, 't, T: Clone>(pair: &'e Option<(Value<'t>, T)>) -> Option<(&'e Value<'t>, T)> {
    pair.as_ref().map(|(value, thing)| (value, thing.clone()))
}

/// Refuses whatever stands a second time; `flaw` is told what it is and the line of the first.
fn refuse_second<'e, 't: 'e, T: Eq + Hash>(
    written: impl Iterator<Item = (&'e Value<'t>, T)>,
    flaw: impl Fn(&T, usize) -> Flaw,
) {
    let mut lines: HashMap<T, usize> = HashMap::new();
    for (value, thing) in written {
        match lines.get(&thing) {
            Some(line) => value.refuse(flaw(&thing, *line)),
            None => {
                lines.insert(thing, value.line());
            }
        }
    }
}
