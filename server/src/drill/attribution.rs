//! Section A: the sender writes an innocent into the message (G1).

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use firsthand_analyzer::address::is_special_purpose;
use firsthand_analyzer::forms::{Form, LOCAL, PLAIN, Way};
use firsthand_analyzer::received::{Handover, Source};
use firsthand_analyzer::sample::unfold;
use firsthand_analyzer::verdict::Verdict;
use ipnet::IpNet;

use super::ground::{Ground, Route, first_host, hidden_forms_of};
use super::mail::{SPAM, Shot, plain_said};
use super::tally::{NOW, Tally};
use super::{Attack, Outcome, is_of};

const fn attack(number: &'static str, name: &'static str) -> Attack {
    Attack { number, name, guarantee: "G1" }
}

const A01: Attack = attack("A01", "forged Received lines below the boundary");
const A02: Attack = attack("A02", "a line in the very form of our own relays");
const A02_INSIDE: Attack = attack("A02", "the same, from inside a relay's networks");
const A03: Attack = attack("A03", "the victim's or a relay's address in every field of the sender's");
const A04: Attack = attack("A04", "pieces of lines and whole lines in those fields");
const A05: Attack = attack("A05", "through an exempt or a private host");
const A06: Attack = attack("A06", "a damaged line of our own relay");
const A07: Attack = attack("A07", "Received in the body, by odd spelling, in an attached message");
const A08: Attack = attack("A08", "header fields that would extend trust");
const A09: Attack = attack("A09", "mail that a relay made itself or took from itself");

/// Fires the section.
pub(super) fn attacks(ground: &Ground) -> Vec<Outcome> {
    let mut outcomes = vec![forged_lines(ground), imitated_lines(ground)];
    outcomes.extend(from_inside(ground));
    outcomes.extend([
        fields(ground, A03, literals),
        fields(ground, A04, injections),
        unlisted_hosts(ground),
        damaged_lines(ground),
        odd_places(ground),
        trust_tokens(ground),
        local_mail(ground),
    ]);
    outcomes
}

/// Messages of one attack, each fired once.
struct Volley<'g> {
    ground: &'g Ground,
    tally: Tally<'g>,
    /// Who may be named.
    guilty: Vec<IpAddr>,
    fired: HashSet<blake3::Hash>,
}

impl<'g> Volley<'g> {
    fn new(ground: &'g Ground, guilty: &[IpAddr]) -> Self {
        Self { ground, tally: Tally::new(ground), guilty: guilty.to_vec(), fired: HashSet::new() }
    }

    /// Fires, unless the very same message was fired before.
    fn fire(&mut self, shot: &Shot) -> Option<Verdict> {
        self.fired.insert(blake3::hash(&shot.message)).then(|| self.tally.fire(shot))
    }

    /// What came of it: whoever is named and did not send is blamed, and must be listed nowhere.
    fn outcome(self, attack: Attack, aimed_at: &[IpAddr]) -> Outcome {
        let Self { ground, tally, guilty, .. } = self;
        let mut outcome = Outcome::of(attack, aimed_at, &guilty);
        for (origin, told) in tally.origins().filter(|(origin, _)| !is_of(*origin, &guilty)) {
            outcome.blamed.push(origin);
            outcome.remark(&format!("{origin} is blamed for what another sent: {told}."));
        }
        outcome.list(tally.listed(NOW), |_, origin| !is_of(origin, &guilty));
        // Elsewhere nobody is to be named.
        if tally.refused.is_empty() || guilty != ground.attackers {
            return outcome;
        }
        let reasons = tally.refused.iter().map(|(reason, count)| format!("{reason} {count}"));
        let (refused, reasons) = (tally.refused.values().sum::<usize>(), reasons.collect::<Vec<_>>().join(", "));
        outcome.remark(&format!("{refused} of {} messages prove nothing ({reasons}).", tally.fired));
        outcome
    }
}

/// Each attacker with the routes on which he can be seen.
fn approaches(ground: &Ground, variants: usize) -> impl Iterator<Item = (IpAddr, &Route)> {
    let all = variants * ground.attackers.len();
    let routes = ground.routes(all).flat_map(|route| ground.attackers.iter().map(move |attacker| (*attacker, route)));
    routes.filter(|(attacker, route)| route.takes(*attacker))
}

fn forged_lines(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let said = plain_said(&ground.target());
    let strangers: Vec<u8> = ground.victims.iter().flat_map(|victim| ground.stranger_line(*victim)).collect();
    let chains = [strangers.clone(), ground.forgery(), [strangers, ground.forgery()].concat()];
    for (attacker, route) in approaches(ground, chains.len()) {
        for chain in &chains {
            volley.fire(&ground.shot(route, attacker, &said, PLAIN, chain, SPAM));
        }
    }
    volley.outcome(A01, &ground.victims)
}

fn imitated_lines(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let said = plain_said(&ground.target());
    let lines: Vec<_> = ground.victims.iter().flat_map(|victim| ground.imitations(*victim)).collect();
    for (attacker, route) in approaches(ground, lines.len()) {
        for (line, imitated) in &lines {
            let mut shot = ground.shot(route, attacker, &said, PLAIN, line, SPAM);
            shot.told += &format!(", below it a forged line by {imitated}");
            volley.fire(&shot);
        }
    }
    volley.outcome(A02, &ground.victims)
}

/// The longest prefix of a public network that is taken to hold strangers, in IPv4 and IPv6.
const STRANGERS: [u8; 2] = [23, 47];

/// A stranger's address in a relay's network, if the network is so wide that it holds strangers.
fn stranger_in(ground: &Ground, network: IpNet) -> Option<IpAddr> {
    if network.prefix_len() > STRANGERS[usize::from(network.addr().is_ipv6())] {
        return None;
    }
    let public = ground.candidates().chain([first_host(network)]);
    public.into_iter().find(|address| network.contains(address) && !is_special_purpose(*address))
}

/// A relay's lines are believed wherever the peer lies in its networks; so a stranger there can write them.
fn from_inside(ground: &Ground) -> Option<Outcome> {
    let inside =
        ground.relay_networks().filter_map(|(relay, network)| Some((relay, network, stranger_in(ground, network)?)));
    let inside: Vec<(usize, IpNet, IpAddr)> = inside.collect();
    let attackers: Vec<IpAddr> = inside.iter().map(|(_, _, attacker)| *attacker).collect();
    if attackers.is_empty() {
        return None;
    }
    let mut volley = Volley::new(ground, &attackers);
    let said = plain_said(&ground.target());
    let lines: Vec<_> = ground.victims.iter().flat_map(|victim| ground.imitations(*victim)).collect();
    for attacker in &attackers {
        for route in ground.routes(lines.len() * attackers.len()).filter(|route| route.takes(*attacker)) {
            for (line, imitated) in &lines {
                let mut shot = ground.shot(route, *attacker, &said, PLAIN, line, SPAM);
                shot.told += &format!(", below it a forged line by {imitated}");
                volley.fire(&shot);
            }
        }
    }
    let mut outcome = volley.outcome(A02_INSIDE, &ground.victims);
    for (relay, network, _) in inside {
        let relay = &ground.relays[relay].name;
        outcome.remark(&format!(
            "Strangers have addresses in {network}: give relay {relay} only the addresses that it sends from."
        ));
    }
    Some(outcome)
}

/// The optional parts of a line, in the combinations in which every field stands somewhere.
const PARTS: [Way<'static>; 4] = [
    PLAIN,
    Way { tls: true, auth: true, ..PLAIN },
    Way { named: false, auth: true, one: false, ..PLAIN },
    Way { named: false, tls: true, ..PLAIN },
];

/// Where the recipient's local part stands among what a sender says.
const RECIPIENT: usize = 6;

/// The most relays whose addresses a sender gives for his own.
const LURES: usize = 2;

/// What a sender would have read as the peer, and what he writes below for it: the victim himself; or an address from which
/// the walk goes on, a relay's or the loopback, and below it the line of that relay, which names the victim.
fn lures(ground: &Ground, route: &Route, victim: IpAddr) -> Vec<(IpAddr, Vec<u8>)> {
    let mut lures = vec![(victim, ground.stranger_line(victim))];
    let Some(boundary) = route.stops.last().map(|stop| stop.relay) else { return lures };
    let imitation = |relay: usize| ground.imitations_of(relay, victim).into_iter().next().map(|(line, _)| line);
    if !ground.relays[boundary].handovers.is_empty() {
        lures.extend(imitation(boundary).map(|line| (IpAddr::from([127, 0, 0, 1]), line)));
    }
    let others =
        ground.relay_networks().filter(|(relay, _)| *relay != boundary && ground.knows(route.feed, *relay)).take(LURES);
    lures.extend(others.filter_map(|(relay, network)| Some((first_host(network), imitation(relay)?))));
    lures
}

/// Puts each text into each field, and into all.
fn fields(ground: &Ground, attack: Attack, texts: fn(&Ground, &Route, IpAddr) -> Vec<Vec<u8>>) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let target = ground.target();
    // Only at a trap that is a whole domain does the sender choose the local part.
    let fixed = |field: usize| field == RECIPIENT && target.local.is_some();
    for (attacker, route) in ground.boundaries() {
        let lures = ground.victims.iter().flat_map(|victim| lures(ground, route, *victim));
        for (address, below) in lures {
            for text in texts(ground, route, address) {
                for field in (0..=8).filter(|field| !fixed(*field)) {
                    let mut said = plain_said(&target);
                    for (index, place) in said.fields().into_iter().enumerate() {
                        if index == field || field == 8 && !fixed(index) {
                            place.clone_from(&text);
                        }
                    }
                    for parts in PARTS {
                        let mut shot = ground.shot(route, attacker, &said, parts, &below, SPAM);
                        shot.told += &format!(", with {} in {}", shown(&text), FIELDS[field]);
                        volley.fire(&shot);
                    }
                }
            }
        }
    }
    volley.outcome(attack, &ground.victims)
}

/// What the fields are called, and all of them.
const FIELDS: [&str; 9] = [
    "the HELO",
    "the reverse name",
    "the ident answer",
    "the certificate's subject",
    "the login",
    "the sender",
    "the recipient",
    "the message's first line",
    "every field",
];

/// A text as an operator can read it.
fn shown(text: &[u8]) -> String {
    text.escape_ascii().to_string().chars().take(80).collect()
}

/// The shapes in which an address stands in lines.
fn literals(_: &Ground, _: &Route, address: IpAddr) -> Vec<Vec<u8>> {
    let literal = if address.is_ipv6() { format!("[IPv6:{address}]") } else { format!("[{address}]") };
    let shapes = [
        literal.clone(),
        address.to_string(),
        format!("({address})"),
        format!("([{address}])"),
        format!("(x {literal})"),
        format!("x@{literal}"),
        format!("{literal}:25"),
    ];
    shapes.map(String::into_bytes).to_vec()
}

/// Pieces of the boundary's own line, and all of it in one, from three points on.
fn injections(ground: &Ground, route: &Route, address: IpAddr) -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = vec![
        format!("((({address}))) (a (b [{address}]) c)").into_bytes(),
        format!("\0[{address}]\0) by x").into_bytes(),
        [b"\xff\x85[".as_slice(), address.to_string().as_bytes(), b"]\xc3\xa9"].concat(),
    ];
    let Some(stop) = route.stops.last() else { return texts };
    let by = ground.host(stop.relay);
    texts.push(
        format!("x [{address}]) by {by} (Postfix) with SMTP id 1; Mon, 1 Jan 2024 00:00:00 +0000 (").into_bytes(),
    );
    if address.is_ipv4() || stop.form.takes_ipv6() {
        let way = Way { by, peer: address, ..PLAIN };
        let line = unfold(&stop.form.write(&plain_said(&ground.target()), way)).into_owned();
        let parenthesis = line.iter().position(|byte| *byte == b'(').unwrap_or(0);
        texts.extend([0, 5, parenthesis].map(|from| line.get(from..).unwrap_or_default().to_vec()));
    }
    if address.is_loopback() {
        // What the relay writes of mail that was made on it.
        let local = LOCAL.iter().filter(|form| form.dialect == stop.form.dialect);
        let way = Way { by, ..PLAIN };
        texts.extend(local.map(|form| unfold(&form.write(&plain_said(&ground.target()), way)).into_owned()));
    }
    texts
}

fn unlisted_hosts(ground: &Ground) -> Outcome {
    let held = |address: &IpAddr| ground.declared.feeds.iter().any(|feed| feed.topology.holds(*address));
    let private = [[10, 77, 66, 55], [172, 16, 77, 66], [192, 168, 77, 66]].map(IpAddr::from);
    let exempt =
        ground.exempt.iter().map(|network| first_host(*network)).filter(|address| !is_special_purpose(*address));
    // The documentation networks are exempt by themselves.
    let exempt = exempt.chain([IpAddr::from([198, 51, 100, 77])]).find(|address| !held(address));
    let hosts: Vec<IpAddr> = private.into_iter().find(|address| !held(address)).into_iter().chain(exempt).collect();
    let mut volley = Volley::new(ground, &hosts);
    let said = plain_said(&ground.target());
    let below = ground.forgery();
    for host in &hosts {
        for route in ground.routes(hosts.len()).filter(|route| route.takes(*host)) {
            volley.fire(&ground.shot(route, *host, &said, PLAIN, &below, SPAM));
        }
    }
    // Neither of them may be listed, though they sent it (G6).
    let listed = volley.tally.listed(NOW);
    let mut outcome = volley.outcome(A05, &ground.victims);
    outcome.listed.clear();
    outcome.list(listed, |_, _| true);
    outcome
}

/// Every way in which the line is damaged: what is taken out of it, or how much is left.
fn damages(line: &[u8], attacker: IpAddr, by: &str) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(line).into_owned();
    let cuts = ["from ".to_owned(), attacker.to_string(), format!("by {by}"), "Nov ".to_owned(), " 2026".to_owned()];
    let mut damaged: Vec<Vec<u8>> = cuts.iter().map(|cut| text.replace(cut.as_str(), "").into_bytes()).collect();
    damaged.extend([1, 2].map(|thirds| line[..line.len() * thirds / 3].to_vec()));
    damaged
}

fn damaged_lines(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let said = plain_said(&ground.target());
    let below = ground.forgery();
    for (attacker, route) in approaches(ground, 7) {
        if route.stops.is_empty() {
            continue;
        }
        for damage in 0..7 {
            let shot = ground.damaged(route, attacker, &below, |form, way| {
                let line = form.write(&said, Way { peer: attacker, ..way });
                damages(&line, attacker, way.by).swap_remove(damage)
            });
            volley.fire(&shot);
        }
    }
    volley.outcome(A06, &ground.victims)
}

fn odd_places(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let said = plain_said(&ground.target());
    let lines = ground.forgery();
    let respelled = |name: &str| String::from_utf8_lossy(&lines).replace("Received: ", name).into_bytes();
    let places: [Vec<u8>; 7] = [
        [b"\n", &*lines].concat(),
        respelled("Received : "),
        respelled("RECEIVED:"),
        respelled("X-Received: "),
        [b"X-Note: a\r", &*lines].concat(),
        [b"this is no field\n", &*lines].concat(),
        [
            b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"
                .as_slice(),
            &lines,
            b"Subject: x\n\nbody\n--b--\n",
        ]
        .concat(),
    ];
    for (attacker, route) in approaches(ground, places.len()) {
        for place in &places {
            volley.fire(&ground.shot(route, attacker, &said, PLAIN, place, SPAM));
        }
    }
    volley.outcome(A07, &ground.victims)
}

fn trust_tokens(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &ground.attackers);
    let said = plain_said(&ground.target());
    for (attacker, route) in approaches(ground, 2 * ground.victims.len()) {
        for victim in &ground.victims {
            let by = route.stops.last().map_or("mx1.example.net", |stop| ground.host(stop.relay));
            let tokens = format!(
                "Authentication-Results: {by}; auth=pass smtp.remote-ip={victim}\nARC-Seal: i=1; cv=pass; d={by}\n\
                 ARC-Authentication-Results: i=1; {by}; policy.iprev={victim}\nReceived-SPF: pass client-ip={victim}\n\
                 X-Originating-IP: [{victim}]\nX-Forwarded-For: {victim}\nX-Real-IP: {victim}\nResent-From: <a@b.example>\n"
            );
            let below = [tokens.as_bytes(), &ground.forgery()].concat();
            for parts in [PLAIN, Way { auth: true, ..PLAIN }] {
                volley.fire(&ground.shot(route, attacker, &said, parts, &below, SPAM));
            }
        }
    }
    volley.outcome(A08, &ground.victims)
}

/// Behind a line that a relay wrote of itself anybody may stand: a web form, a user, a NAT. Where the relay declared the
/// step, the operator vouches for all of them, and that is said, not judged.
fn local_mail(ground: &Ground) -> Outcome {
    let mut volley = Volley::new(ground, &[]);
    let mut vouched: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let said = plain_said(&ground.target());
    let lines: Vec<_> = ground.victims.iter().flat_map(|victim| ground.imitations(*victim)).collect();
    let loopback = IpAddr::from([127, 0, 0, 1]);
    for route in ground.routes(4 * lines.len()) {
        let Some(relay) = route.stops.last().map(|stop| &ground.relays[stop.relay]) else { continue };
        let local = LOCAL.iter().filter(|form| relay.dialect.is_none_or(|dialect| form.dialect == dialect));
        let forms: Vec<&Form> = local.chain(hidden_forms_of(relay)).collect();
        for (line, imitated) in &lines {
            let mut shots = vec![ground.shot(route, loopback, &said, PLAIN, line, SPAM)];
            let silent =
                forms.iter().map(|form| ground.damaged(route, loopback, line, |_, way| form.write(&said, way)));
            shots.extend(silent);
            for mut shot in shots {
                shot.told += &format!(", made on the relay itself, below it a forged line by {imitated}");
                if !volley.fired.insert(blake3::hash(&shot.message)) {
                    continue;
                }
                let verdict = volley.tally.judge(&shot);
                match verdict.origin.ok().and_then(|_| declared_step(ground, route.feed, &verdict)) {
                    Some((relay, step)) => drop(vouched.entry(relay).or_default().insert(step.name())),
                    None => volley.tally.take(&shot, &verdict),
                }
            }
        }
    }
    let mut outcome = volley.outcome(A09, &ground.victims);
    for (relay, steps) in vouched {
        let steps = steps.into_iter().collect::<Vec<_>>().join(", ");
        outcome.remark(&format!(
            "Relay {relay} declares {steps}: whoever can hand it mail by such a step can blame anybody."
        ));
    }
    outcome
}

/// The step inside a relay over which the walk went, and whose it is.
fn declared_step<'g>(ground: &'g Ground, feed: usize, verdict: &Verdict) -> Option<(&'g str, Handover)> {
    verdict.path.iter().find_map(|line| {
        let relay = ground.relay_on_path(feed, line);
        let step = match line.source {
            Source::Handover(step) => step,
            Source::Peer(peer) if peer.is_loopback() => Handover::Loopback,
            Source::Peer(_) | Source::Continued | Source::Unstated => return None,
        };
        relay.handovers.contains(&step).then_some((relay.name.as_str(), step))
    })
}
