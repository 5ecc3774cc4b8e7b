//! Every derivation of a line by the rules of all dialects.
//!
//! A derivation places the two joints of a rule: the peer's address, which can only stand where an address is written,
//! and the host, which can only stand behind `by`. There are few such places in a line. One pass over the line tells
//! which rules' `before` end at which of them; from each address, one pass which `between` end at which host; from each
//! host, one pass which `after` match up to the MTA's last element, the date. No place is preferred: text that a sender
//! brought into the line can add derivations but cannot take the true one away (G1).

use std::cell::RefCell;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::LazyLock;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson;
use regex_automata::util::captures::GroupInfo;
use regex_automata::util::start;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, PatternID, meta};

use super::Dialect;
use super::grammar::{Clauses, Rule, Source, expand};
use crate::address::address_at;

/// The most derivations of one line, and the most places at which a joint can lie. A line with more is ambiguous; real
/// lines have one or two, and a reverse name of 255 octets has room for 25 addresses.
pub(super) const PLACE_LIMIT: usize = 64;

const STEADY: &str = "a cache that is cleared when it is full never gives up";

/// How much memory the automata of one thread may take for each part of the rules, in octets; past it they begin anew.
const AUTOMATON_LIMIT: usize = 8 << 20;

/// One derivation of a line: which rule reads it, and where its joints lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Derivation {
    /// The rule, by its place among those of all dialects.
    pub(super) rule: usize,
    pub(super) source: Source,
    pub(super) peer: Range<usize>,
    pub(super) by: Range<usize>,
    /// Where the date, the last element, ends.
    pub(super) end: usize,
    /// What follows it.
    pub(super) follow: Follow,
}

/// What follows the last element of a derivation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Follow {
    /// Something else.
    Text,
    /// A fold, with comments at most before it: what follows may be the message's own text.
    Fold,
    /// Nothing, or comments.
    Nothing,
}

/// More places or derivations than [`PLACE_LIMIT`].
pub(super) struct Crowded;

/// A set of rules, a bit for each.
pub(super) type Rules = u128;

/// The rules of all dialects made ready for matching.
pub(super) struct Grammars {
    number: usize,
    rules: Vec<Ready>,
    before: Part,
    between: Part,
    after: Part,
    /// Rules that have no joints: the whole line.
    nameless: Part,
    /// Rules with a peer, and those of them that take IPv4 alone.
    with_peer: Rules,
    only_ipv4: Rules,
}

/// A rule made ready for matching.
struct Ready {
    dialect: Dialect,
    rule: &'static Rule,
    clauses: [Option<Capturing>; 3],
}

/// One part of all rules at once: an automaton that tells which of them can end where.
struct Part {
    automaton: DFA,
    /// For each pattern, the rules that have it.
    rules: Vec<Rules>,
}

/// The places of a line at which joints can lie.
struct Places {
    /// Where an address is written, and which, and its length.
    addresses: Vec<(usize, IpAddr, usize)>,
    /// Where a host stands behind `by`.
    hosts: Vec<Range<usize>>,
}

thread_local! {
    static CACHES: RefCell<[Option<[Cache; 4]>; 2]> = const { RefCell::new([None, None]) };
}

impl Grammars {
    /// All rules of these dialects; `number` tells these grammars from others.
    pub(super) fn new(dialects: &[Dialect], number: usize) -> Self {
        let mut rules = Vec::new();
        for dialect in dialects {
            rules.extend(dialect.rules().iter().map(|rule| {
                let clauses = [Some(rule.before), rule.between, rule.after].map(|pattern| pattern.map(Capturing::new));
                Ready { dialect: *dialect, rule, clauses }
            }));
        }
        assert!(rules.len() <= Rules::BITS as usize, "a set of rules has a bit for each");
        let set = |of: fn(&Rule) -> bool| {
            rules.iter().enumerate().filter(|(_, ready)| of(ready.rule)).fold(0, |set, (rule, _)| set | 1 << rule)
        };
        Self {
            number,
            before: Part::new(&rules, |rule| rule.after.map(|_| rule.before)),
            between: Part::new(&rules, |rule| rule.between),
            after: Part::new(&rules, |rule| rule.after),
            nameless: Part::new(&rules, |rule| rule.after.is_none().then_some(rule.before)),
            with_peer: set(|rule| rule.between.is_some()),
            only_ipv4: set(|rule| rule.only_ipv4),
            rules,
        }
    }

    /// The dialect and name of a derivation's rule.
    pub(super) fn rule(&self, derivation: &Derivation) -> (Dialect, &'static str) {
        let ready = &self.rules[derivation.rule];
        (ready.dialect, ready.rule.name)
    }

    /// All rules.
    pub(super) fn all(&self) -> Rules {
        Rules::MAX >> (Rules::BITS as usize - self.rules.len())
    }

    /// The rules of these dialects.
    pub(super) fn of(&self, dialects: &[Dialect]) -> Rules {
        let rules = self.rules.iter().enumerate().filter(|(_, ready)| dialects.contains(&ready.dialect));
        rules.fold(0, |set, (rule, _)| set | 1 << rule)
    }

    /// All derivations of `line` (unfolded, without the field name and leading white space) by these rules, in their
    /// order. `folds` are the places before which the line was folded.
    pub(super) fn derive(&self, line: &[u8], folds: &[usize], wanted: Rules) -> Result<Vec<Derivation>, Crowded> {
        CACHES.with_borrow_mut(|caches| {
            let parts = || [&self.before, &self.between, &self.after, &self.nameless].map(Part::cache);
            self.derive_with(line, folds, wanted, caches[self.number].get_or_insert_with(parts))
        })
    }

    fn derive_with(
        &self,
        line: &[u8],
        folds: &[usize],
        wanted: Rules,
        [before, between, after, nameless]: &mut [Cache; 4],
    ) -> Result<Vec<Derivation>, Crowded> {
        let mut found: Vec<Derivation> = Vec::with_capacity(4);
        self.nameless.ends(nameless, line, 0, [line.len()].into_iter(), |rules, end| {
            found.extend(each(rules & wanted).map(|rule| {
                let source = self.rules[rule].rule.peerless;
                Derivation { rule, source, peer: 0..0, by: end..end, end, follow: Follow::Nothing }
            }));
        });
        let places = Places::of(line);
        let mut joints: Vec<(usize, Rules)> = Vec::with_capacity(4);
        self.before.ends(before, line, 0, places.all().into_iter(), |rules, place| {
            if rules & wanted != 0 {
                joints.push((place, rules & wanted));
            }
        });
        let mut tails: Vec<(usize, Vec<(Rules, Tail)>)> = Vec::with_capacity(2);
        let mut close = |rules: Rules, peer: Option<(Source, Range<usize>)>, by: usize| {
            if rules == 0 {
                return Ok(());
            }
            let Some(host) = places.hosts.iter().find(|host| host.start == by) else { return Ok(()) };
            let known = tails.iter().position(|(place, _)| *place == by).unwrap_or_else(|| {
                tails.push((by, self.after.tails(after, line, folds, host.end)));
                tails.len() - 1
            });
            for (closed, tail) in &tails[known].1 {
                found.extend(each(rules & closed).map(|rule| {
                    let (source, peer) = match &peer {
                        Some((source, place)) => (*source, place.clone()),
                        None => (self.rules[rule].rule.peerless, by..by),
                    };
                    Derivation { rule, source, peer, by: host.clone(), end: tail.end, follow: tail.follow }
                }));
            }
            if found.len() > PLACE_LIMIT || tails.len() > PLACE_LIMIT { Err(Crowded) } else { Ok(()) }
        };
        let mut addresses = 0;
        let mut ends: Vec<(usize, Rules)> = Vec::with_capacity(4);
        for (place, begun) in joints {
            close(begun & !self.with_peer, None, place)?;
            let Some((_, address, length)) = places.addresses.iter().find(|address| address.0 == place) else {
                continue;
            };
            let fitting = begun & self.with_peer;
            if fitting == 0 {
                continue;
            }
            // Where a port may be part of what looks like an IPv6 address, the line states nothing that can be relied on.
            let stating_nothing = if address.is_ipv4() { 0 } else { self.only_ipv4 };
            addresses += 1;
            if addresses > PLACE_LIMIT {
                return Err(Crowded);
            }
            let peer = place..place + length;
            let hosts = places.hosts.iter().map(|host| host.start);
            self.between.ends(between, line, peer.end, hosts, |rules, by| ends.push((by, rules & fitting)));
            for (by, rules) in ends.drain(..).filter(|(_, rules)| *rules != 0) {
                close(rules & !stating_nothing, Some((Source::Peer(*address), peer.clone())), by)?;
                close(rules & stating_nothing, Some((Source::Unstated, peer.clone())), by)?;
            }
        }
        found.sort_unstable_by_key(|derivation| (derivation.rule, derivation.peer.start, derivation.by.start));
        Ok(found)
    }

    /// The clauses of a derivation of the same line that stand before the peer, or the host if it has no peer.
    pub(super) fn names_before_peer<'a>(&self, line: &'a [u8], derivation: &Derivation) -> Clauses<'a> {
        let mut clauses = Clauses::default();
        let [before, between, _] = &self.rules[derivation.rule].clauses;
        let first = if between.is_some() { derivation.peer.start } else { derivation.by.start };
        if let Some(before) = before {
            before.read(&line[..first], &mut clauses);
        }
        clauses
    }

    /// The clauses of a derivation of the same line that stand before the host.
    pub(super) fn names<'a>(&self, line: &'a [u8], derivation: &Derivation) -> Clauses<'a> {
        let mut clauses = self.names_before_peer(line, derivation);
        if let Some(between) = &self.rules[derivation.rule].clauses[1]
            && between.names()
        {
            between.read(&line[derivation.peer.end..derivation.by.start], &mut clauses);
        }
        clauses
    }

    /// All clauses of a derivation of the same line.
    pub(super) fn clauses<'a>(&self, line: &'a [u8], derivation: &Derivation) -> Clauses<'a> {
        let mut clauses = self.names(line, derivation);
        if let Some(between) = &self.rules[derivation.rule].clauses[1] {
            between.read(&line[derivation.peer.end..derivation.by.start], &mut clauses);
        }
        if let Some(after) = &self.rules[derivation.rule].clauses[2] {
            after.read(&line[derivation.by.end..derivation.end], &mut clauses);
        }
        clauses.date = Some(date_in(&line[..derivation.end]));
        clauses
    }
}

/// Each rule of a set.
fn each(mut rules: Rules) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let rule = rules.trailing_zeros();
        rules &= rules.wrapping_sub(1);
        (rule < Rules::BITS).then_some(rule as usize)
    })
}

impl Places {
    fn of(line: &[u8]) -> Self {
        let (mut addresses, mut hosts) = (Vec::with_capacity(4), Vec::with_capacity(2));
        let mut previous = b' ';
        for (place, byte) in line.iter().enumerate() {
            // In every rule, what stands before the address is white space, a bracket or another mark.
            if MARK[usize::from(previous)] && !MARK[usize::from(*byte)] {
                // An address has a dot or colon within its first five characters; few other words have.
                let pointed = || line[place..].iter().take(5).any(|byte| matches!(byte, b'.' | b':'));
                if byte.is_ascii_hexdigit()
                    && pointed()
                    && let Some((address, length)) = address_at(&line[place..])
                {
                    addresses.push((place, address, length));
                }
            } else if *byte == b':'
                && MARK[usize::from(previous)]
                && let Some((address, length)) = address_at(&line[place..])
            {
                addresses.push((place, address, length));
            }
            if matches!(byte, b'y' | b'Y')
                && matches!(line.get(place + 1), Some(b' ' | b'\t'))
                && previous.eq_ignore_ascii_case(&b'b')
            {
                let blanks = line[place + 1..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                let start = place + 1 + blanks;
                let length = host_length(&line[start..]);
                if length > 0 {
                    hosts.push(start..start + length);
                }
            }
            previous = *byte;
        }
        Self { addresses, hosts }
    }

    /// All places in order.
    fn all(&self) -> Vec<usize> {
        let addresses = self.addresses.iter().map(|address| address.0);
        let mut all: Vec<usize> = addresses.chain(self.hosts.iter().map(|host| host.start)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What an address cannot continue: anything but a letter, a digit or a dot.
const MARK: [bool; 256] = {
    let mut marks = [true; 256];
    let mut byte = 0;
    while byte < 256 {
        marks[byte] = !((byte as u8).is_ascii_alphanumeric() || byte == b'.' as usize);
        byte += 1;
    }
    marks
};

/// The length of the host name or address literal at the start of `text`.
fn host_length(text: &[u8]) -> usize {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    match text.strip_prefix(b"[") {
        Some(literal) => {
            let inner = literal.iter().take_while(|byte| name(byte)).count();
            if literal.get(inner) == Some(&b']') { inner + 2 } else { 0 }
        }
        None => text.iter().take_while(|byte| name(byte)).count(),
    }
}

/// Where an `after` ends.
#[derive(Clone, Copy)]
struct Tail {
    end: usize,
    follow: Follow,
}

impl Tail {
    /// What follows an `after` that ends at `end`; `last` is where the line's trailing white space begins.
    fn at(end: usize, line: &[u8], folds: &[usize], last: usize) -> Self {
        let follow = if is_comments(&line[end..last.max(end)]) {
            Follow::Nothing
        // The white space behind the date, which is read with it, may be the fold's own.
        } else if folds[folds.partition_point(|fold| fold + 1 < end)..]
            .iter()
            .take_while(|fold| **fold <= end + COMMENTS_LIMIT)
            .any(|fold| is_comments(line.get(end..*fold).unwrap_or_default()))
        {
            Follow::Fold
        } else {
            Follow::Text
        };
        Self { end, follow }
    }
}

impl Part {
    /// The part that `pattern_of` takes of each rule; rules with the same pattern share it.
    fn new(rules: &[Ready], pattern_of: impl Fn(&'static Rule) -> Option<&'static str>) -> Self {
        let mut patterns: Vec<(&'static str, Rules)> = Vec::new();
        for (rule, ready) in rules.iter().enumerate() {
            let Some(pattern) = pattern_of(ready.rule) else { continue };
            match patterns.iter_mut().find(|(known, _)| *known == pattern) {
                Some((_, rules)) => *rules |= 1 << rule,
                None => patterns.push((pattern, 1 << rule)),
            }
        }
        let expanded: Vec<String> = patterns.iter().map(|(pattern, _)| expand(pattern)).collect();
        let automaton = DFA::builder()
            .configure(DFA::config().match_kind(MatchKind::All).cache_capacity(AUTOMATON_LIMIT))
            .syntax(bytes_not_text())
            .thompson(thompson::Config::new().utf8(false))
            .build_many(&expanded)
            .expect("a grammar's pattern is a constant, and every one is built by a test");
        Self { automaton, rules: patterns.into_iter().map(|(_, rules)| rules).collect() }
    }

    fn cache(&self) -> Cache {
        self.automaton.create_cache()
    }

    fn start(&self, cache: &mut Cache) -> LazyStateID {
        self.automaton.start_state(cache, &start::Config::new().anchored(Anchored::Yes)).expect(STEADY)
    }

    /// The state after one more byte of `line`, or after its end.
    #[inline(always)]
    fn step(&self, cache: &mut Cache, state: LazyStateID, line: &[u8], place: usize) -> LazyStateID {
        match line.get(place) {
            Some(byte) => self.automaton.next_state(cache, state, *byte).expect(STEADY),
            None => self.automaton.next_eoi_state(cache, state).expect(STEADY),
        }
    }

    /// Which rules, begun at `from`, can end at which of `places` (in order).
    #[inline]
    fn ends(
        &self,
        cache: &mut Cache,
        line: &[u8],
        from: usize,
        places: impl Iterator<Item = usize>,
        mut found: impl FnMut(Rules, usize),
    ) {
        let mut state = self.start(cache);
        let mut reached = from;
        for place in places.skip_while(|place| *place < from) {
            // A DFA of this kind tells of a match one byte late.
            for next in reached..=place {
                state = self.step(cache, state, line, next);
                if state.is_tagged() && state.is_dead() {
                    return;
                }
            }
            reached = place + 1;
            if state.is_match() {
                found(self.rules_of(cache, state), place);
            }
        }
    }

    /// Where the rules, begun at `from`, can end: with nothing behind if they can, else at a fold, else as early as they can.
    fn tails(&self, cache: &mut Cache, line: &[u8], folds: &[usize], from: usize) -> Vec<(Rules, Tail)> {
        let mut tails: Vec<(Rules, Tail)> = Vec::with_capacity(2);
        let last = line.trim_ascii_end().len();
        let mut state = self.start(cache);
        for place in from..=line.len() {
            state = self.step(cache, state, line, place);
            if !state.is_tagged() {
                continue;
            }
            if state.is_dead() {
                break;
            }
            if state.is_match() {
                let mut rules = self.rules_of(cache, state);
                let tail = Tail::at(place, line, folds, last);
                for (earlier, other) in &mut tails {
                    if tail.follow > other.follow {
                        *earlier &= !rules;
                    } else {
                        rules &= !*earlier;
                    }
                }
                // Each rule has one tail at most, so there are never more than rules.
                tails.retain(|(earlier, _)| *earlier != 0);
                if rules != 0 {
                    tails.push((rules, tail));
                }
            }
        }
        tails
    }

    fn rules_of(&self, cache: &Cache, state: LazyStateID) -> Rules {
        let matched = 0..self.automaton.match_len(cache, state);
        matched.fold(0, |rules, index| rules | self.rules[self.automaton.match_pattern(cache, state, index).as_usize()])
    }
}

/// Whether `text` holds nothing but white space and comments that say the time's zone, which is all that MTAs write
/// behind the date. A sender's address in one (`(envelope-from <…>)`) is for the rule to read: it could hold anything.
fn is_comments(text: &[u8]) -> bool {
    if text.len() > COMMENTS_LIMIT {
        return false;
    }
    let mut length = None;
    for byte in text {
        length = match (byte, length) {
            (b'(', None) => Some(0),
            (b')', Some(_)) => None,
            (byte, None) if byte.is_ascii_whitespace() => None,
            (byte, Some(length)) if length < ZONE_LIMIT && is_zone(*byte) => Some(length + 1),
            _ => return false,
        };
    }
    length.is_none()
}

/// The most octets of comments behind a date.
const COMMENTS_LIMIT: usize = 256;

/// The longest comment behind a date, in octets.
const ZONE_LIMIT: usize = 64;

fn is_zone(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii() || b" \t+-:,.'/_".contains(&byte)
}

/// The date with which a line that has been read up to the end of `text` ends: what follows the last semicolon or, in the
/// few forms that have none, the last closing parenthesis; up to a comment or an id.
pub(super) fn date_in(text: &[u8]) -> &[u8] {
    let after = |mark: u8| text.iter().rposition(|byte| *byte == mark).map(|place| &text[place + 1..]);
    let date = after(b';').or_else(|| after(b')')).unwrap_or(text);
    let comment = date.iter().position(|byte| *byte == b'(').unwrap_or(date.len());
    let id = date.windows(3).position(|window| window == b"id ").unwrap_or(date.len());
    date[..comment.min(id)].trim_ascii()
}

/// The most groups of a pattern.
const GROUPS: usize = 8;

/// The places of the groups that [`Clauses`] has.
struct Groups {
    helo: Option<usize>,
    rdns: Option<usize>,
    // One name that stands for both, where the MTA leaves out a HELO that equals the reverse name.
    name: Option<usize>,
    // `ident@name`, either of which may be missing.
    login: Option<usize>,
    ident: Option<usize>,
    from: Option<usize>,
    auth: Option<usize>,
    id: Option<usize>,
    late_id: Option<usize>,
    with: Option<usize>,
    // The same in other places, since a pattern can use a name once.
    sender: Option<usize>,
    protocol: Option<usize>,
}

/// A pattern of which the groups are wanted; none if it has no group. Made when a line first asks for it.
struct Capturing(LazyLock<Option<Grouped>, Box<dyn FnOnce() -> Option<Grouped> + Send>>);

type Grouped = (meta::Regex, Groups);

impl Capturing {
    fn new(pattern: &'static str) -> Self {
        Self(LazyLock::new(Box::new(move || {
            let regex = regex(&format!(r"(?:{})\z", expand(pattern)));
            (regex.group_info().all_group_len() > 1).then(|| {
                let groups = Groups::of(regex.group_info());
                (regex, groups)
            })
        })))
    }

    /// Whether it reads what the client or DNS calls the peer.
    fn names(&self) -> bool {
        let groups = self.0.as_ref().map(|(_, groups)| groups);
        groups.is_some_and(|groups| groups.helo.is_some() || groups.rdns.is_some() || groups.name.is_some())
    }

    fn read<'a>(&self, text: &'a [u8], clauses: &mut Clauses<'a>) {
        let Some((regex, groups)) = &*self.0 else { return };
        let mut slots = [None; 2 * GROUPS];
        let wanted = &mut slots[..regex.group_info().slot_len()];
        regex.search_slots(&Input::new(text).anchored(Anchored::Yes), wanted);
        let group = |group: usize| Some(text[slots[2 * group]?.get()..slots[2 * group + 1]?.get()].trim_ascii());
        let read = |wanted: Option<usize>, clause: &mut Option<&'a [u8]>| *clause = wanted.and_then(group).or(*clause);
        read(groups.name, &mut clauses.helo);
        read(groups.name, &mut clauses.rdns);
        read(groups.helo, &mut clauses.helo);
        read(groups.rdns, &mut clauses.rdns);
        if let Some(login) = groups.login.and_then(group) {
            // The ident answer holds no `@`, nor does a name.
            let at = login.iter().rposition(|byte| *byte == b'@');
            let ident = at.map(|at| &login[..at]);
            clauses.ident = ident.map(|ident| ident.strip_prefix(b"IDENT:").unwrap_or(ident));
            clauses.rdns = Some(at.map_or(login, |at| &login[at + 1..])).filter(|name| !name.is_empty());
        }
        read(groups.ident, &mut clauses.ident);
        read(groups.from, &mut clauses.envelope_from);
        read(groups.sender, &mut clauses.envelope_from);
        clauses.envelope_from = clauses.envelope_from.map(without_angles);
        read(groups.auth, &mut clauses.auth);
        read(groups.id, &mut clauses.id);
        read(groups.late_id, &mut clauses.id);
        read(groups.with, &mut clauses.with);
        read(groups.protocol, &mut clauses.with);
    }
}

fn without_angles(path: &[u8]) -> &[u8] {
    path.strip_prefix(b"<").and_then(|rest| rest.strip_suffix(b">")).unwrap_or(path)
}

impl Groups {
    fn of(info: &GroupInfo) -> Self {
        let group = |name: &str| info.to_index(PatternID::ZERO, name);
        Self {
            helo: group("helo"),
            rdns: group("rdns"),
            name: group("name"),
            login: group("login"),
            ident: group("ident"),
            from: group("from"),
            auth: group("auth"),
            id: group("id"),
            late_id: group("id2"),
            with: group("with"),
            sender: group("sender"),
            protocol: group("protocol"),
        }
    }
}

fn regex(pattern: &str) -> meta::Regex {
    meta::Builder::new()
        .configure(meta::Config::new().utf8_empty(false))
        .syntax(bytes_not_text())
        .build(pattern)
        .expect("a grammar's pattern is a constant, and every one is built by a test")
}

/// Bytes, since HELO and ident may hold any; `.` is any byte.
fn bytes_not_text() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::received::{GRAMMARS, LOOSE};

    #[test]
    fn every_pattern_is_built_and_every_rule_has_a_name_of_its_own() {
        let mut names = Vec::new();
        for ready in GRAMMARS.rules.iter().chain(&LOOSE.rules) {
            let name = (ready.dialect, ready.rule.name);
            assert!(!names.contains(&name), "two rules are called {name:?}");
            names.push(name);
            for clauses in ready.clauses.iter().flatten() {
                LazyLock::force(&clauses.0);
            }
        }
    }

    #[test]
    fn comments_end_a_line() {
        for (text, expected) in [
            ("", true),
            (" (UTC)\r", true),
            ("(GMT Daylight Time) (x)", true),
            ("(a (b))", false),
            ("(a", false),
            (" x", false),
            (")", false),
            (" (envelope-from <a@b>)", false),
        ] {
            assert_eq!(is_comments(text.as_bytes()), expected, "{text:?}");
        }
    }
}
