//! The score of an origin in a list: how many distinct fresh traps witness against it (G4).
//!
//! Enters: an origin's units, a list, the registry of traps and feeds, the policy, an instant. Leaves: a [`Score`] with
//! its witnesses. The lists differ in which samples count ([`List`]), and in that only `spam` heeds how many people wanted
//! the origin's mail. A pure function: the same units in any order, and any number of times, give the same score, and
//! while they stand unchanged it never rises.

mod framing;
mod hours;
mod weigh;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{HOUR, Unit};
use framing::framing_cost;
pub use hours::PRESUMED_OVER;
use hours::{CountedHour, counted};
use weigh::weigh;

/// A list that evidence makes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum List {
    /// Who sends to traps. Direct mail counts, in hours of which at least a quarter is direct: in others the rest is
    /// presumed to be reflected too, and misread (G3).
    Spam,
    /// Who reflects to traps that never send. Reflected mail with the null sender counts. For use on the null sender
    /// only.
    Backscatter,
    /// Who would be in `spam` if every direct sample counted, and reflected mail with another sender too, which anybody
    /// may write: for scoring.
    Mixed,
}

impl List {
    /// Every list.
    pub const ALL: [Self; 3] = [Self::Spam, Self::Backscatter, Self::Mixed];

    /// The list's name, which is its label in the zone.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Backscatter => "backscatter",
            Self::Mixed => "mixed",
        }
    }

    /// The list of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }
}

/// How surely a trap's mail is unwanted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tier {
    /// Never anybody's, never published.
    Pristine,
    /// Never anybody's, published where only harvesters look.
    Seeded,
    /// Somebody's once.
    Recycled,
    /// A likely misspelling of somebody's.
    Typo,
}

impl Tier {
    /// Every tier.
    pub const ALL: [Self; 4] = [Self::Pristine, Self::Seeded, Self::Recycled, Self::Typo];

    /// The most that one trap of this tier adds to a score.
    pub fn weight(self) -> f64 {
        match self {
            Self::Pristine => 1.0,
            Self::Seeded => 0.7,
            Self::Recycled => 0.2,
            Self::Typo => 0.0,
        }
    }

    /// Whether the trap counts for the quorum.
    pub fn counts_for_quorum(self) -> bool {
        matches!(self, Self::Pristine | Self::Seeded)
    }

    /// The tier's word in settings and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pristine => "pristine",
            Self::Seeded => "seeded",
            Self::Recycled => "recycled",
            Self::Typo => "typo",
        }
    }
}

/// A registered recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trap {
    /// The trap's domain, in lower case.
    pub domain: String,
    /// Its tier.
    pub tier: Tier,
    /// Whether it ever sends mail, so that what is reflected to it proves nothing (B06).
    pub sends: bool,
    /// Whether abuse reports are meant for it; elsewhere a report is mail like any other.
    pub accepts_reports: bool,
}

/// Whose word a feed is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Trust {
    /// Our traps.
    Own,
    /// Somebody else's.
    Foreign,
}

impl Trust {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Own, Self::Foreign];

    /// The word for it in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Foreign => "foreign",
        }
    }
}

/// The traps and feeds that evidence is weighed by. What it does not know weighs nothing, so that removing a trap or a
/// feed from the settings withdraws its evidence (G5).
#[derive(Clone, Default, Debug)]
pub struct Registry {
    /// Traps by registry id.
    pub traps: BTreeMap<String, Trap>,
    /// Feeds of traps' mail, by name.
    pub feeds: BTreeMap<String, Trust>,
    /// What the word of some of them weighs, greater than 0 and at most 1; of the others it weighs 1.
    pub weights: BTreeMap<String, f64>,
    /// Feeds of mail that people wanted, by name. Their units count for an origin, by distinct recipients.
    pub wanted: BTreeSet<String>,
}

/// The least weight of a feed whose word counts for the quorum. One that is believed by less than half is no witness to
/// begin or keep a listing by, as a recycled trap is none; it adds to what others say.
pub const QUORUM_WEIGHT: f64 = 0.5;

impl Registry {
    /// What a feed's word weighs, 0 to 1.
    pub fn weight(&self, feed: &str) -> f64 {
        self.weights.get(feed).map_or(1.0, |weight| weight.clamp(0.0, 1.0))
    }
}

/// When a listing begins and ends.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Policy {
    /// The score at which a listing begins.
    pub list_at: f64,
    /// The score below which it ends.
    pub delist_at: f64,
    /// The time in which a trap's weight halves, in seconds.
    pub half_life: i64,
    /// The age past which evidence weighs nothing, in seconds.
    pub hard_limit: i64,
    /// Distinct pristine or seeded traps that a listing needs.
    pub traps: usize,
    /// Distinct domains over which they must lie.
    pub trap_domains: usize,
    /// The most that one trap domain contributes.
    pub domain_cap: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            list_at: 2.5,
            delist_at: 1.25,
            half_life: 48 * HOUR,
            hard_limit: 72 * HOUR,
            traps: 3,
            trap_domains: 3,
            domain_cap: 1.5,
        }
    }
}

impl Policy {
    /// The most that one foreign feed contributes: half of what a listing needs, so that none lists alone (G4).
    pub fn foreign_cap(&self) -> f64 {
        self.list_at / 2.0
    }

    /// The most that one foreign feed contributes to keeping a listing: half of what that needs, so that none keeps it alone.
    pub fn foreign_keeping_cap(&self) -> f64 {
        self.delist_at / 2.0
    }

    /// Whether the registry's traps can ever meet the quorum; where they cannot, nothing is published.
    pub fn can_be_met(&self, registry: &Registry) -> bool {
        let mut feeds = registry.feeds.keys().peekable();
        if feeds.peek().is_some() && feeds.all(|feed| registry.weight(feed) < QUORUM_WEIGHT) {
            return false;
        }
        let mut domains: Vec<&str> = Vec::new();
        let counting = registry.traps.values().filter(|trap| trap.tier.counts_for_quorum());
        let count = counting.inspect(|trap| domains.push(&trap.domain)).count();
        domains.sort_unstable();
        domains.dedup();
        count >= self.traps && domains.len() >= self.trap_domains
    }
}

/// One trap's word against an origin.
#[derive(Clone, PartialEq, Debug)]
pub struct Witness {
    /// The trap's registry id.
    pub trap: String,
    /// Its domain.
    pub domain: String,
    /// Its tier.
    pub tier: Tier,
    /// The feed that brought its newest hour that counts.
    pub feed: String,
    /// Its newest hour that counts in the list.
    pub newest: i64,
    /// What it weighs at the instant asked for, 0 to 1, by the feed whose word weighs most.
    pub weight: f64,
    /// Distinct samples that count, in the hours that do.
    pub samples: u32,
}

/// What stands against an origin at an instant.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// Reads as "how many distinct fresh traps".
    pub value: f64,
    /// The part of it that keeps a listing: that of pristine and seeded traps, of one foreign feed half of what that needs.
    pub keeping: f64,
    /// The traps behind it, newest first.
    pub witnesses: Vec<Witness>,
    /// Distinct traps that count for the quorum.
    pub traps: usize,
    /// Distinct domains over which these lie.
    pub domains: usize,
    /// How many distinct people wanted its mail, each weighed by age as a trap is; 0 but in `spam`. A listing needs at
    /// least half as much as its score.
    pub wanted: f64,
    /// The start of the newest hour that counts, as Unix seconds.
    pub newest: Option<i64>,
}

/// The score in a list of an origin whose units these are, at `now` (Unix seconds). Units of later hours are not known
/// yet.
pub fn score(units: &[Unit], list: List, registry: &Registry, policy: &Policy, now: i64) -> Score {
    let mut words: BTreeMap<(&str, &str), Word<'_>> = BTreeMap::new();
    for hour in counted(units, list, registry) {
        if let Some(word) = Word::of(&hour, policy, now) {
            let before = words.insert((hour.trap, hour.feed), word).map_or(0, |word| word.samples);
            // Hours come in order, so the later is the newer.
            words.entry((hour.trap, hour.feed)).and_modify(|word| word.samples += before);
        }
    }
    let words: Vec<Word<'_>> = words.into_values().collect();
    let witnesses = witnesses(&words);
    let mut recipients: BTreeMap<&str, i64> = BTreeMap::new();
    for (hour, recipient) in wanted(units, list, registry).into_iter().filter(|(hour, _)| hour * HOUR <= now) {
        recipients.insert(recipient, hour);
    }
    let Standing { value, keeping, traps, domains, wanted, newest } = Standing::of(&words, &recipients, policy, now);
    Score { value, keeping, traps, domains, wanted, newest, witnesses }
}

/// The hours in which people wanted mail, with whom, in time order; for `spam` alone.
fn wanted<'a>(units: &'a [Unit], list: List, registry: &Registry) -> Vec<(i64, &'a str)> {
    if list != List::Spam || registry.wanted.is_empty() {
        return Vec::new();
    }
    let of_wanted = units.iter().filter(|unit| registry.wanted.contains(&unit.key.feed));
    let mut hours: Vec<(i64, &str)> = of_wanted.map(|unit| (unit.key.hour, unit.key.trap.as_str())).collect();
    hours.sort_unstable();
    hours.dedup();
    hours
}

/// What is left of a weight of 1 after so many seconds; nothing before it and past the hard limit.
fn left(age: i64, policy: &Policy) -> f64 {
    if age < 0 || age >= policy.hard_limit { 0.0 } else { (-(age as f64) / policy.half_life as f64).exp2() }
}

/// The score of an origin as its hours come in, one after the other, without what only people want to know.
pub(crate) struct Sweep<'a> {
    hours: std::iter::Peekable<std::vec::IntoIter<CountedHour<'a>>>,
    wanted: std::iter::Peekable<std::vec::IntoIter<(i64, &'a str)>>,
    /// The newest hour of each trap and feed so far.
    known: BTreeMap<(&'a str, &'a str), CountedHour<'a>>,
    /// The newest hour so far in which each recipient wanted its mail.
    recipients: BTreeMap<&'a str, i64>,
    policy: &'a Policy,
}

impl<'a> Sweep<'a> {
    /// Before the first hour.
    pub(crate) fn of(units: &'a [Unit], list: List, registry: &'a Registry, policy: &'a Policy) -> Self {
        Self {
            hours: counted(units, list, registry).into_iter().peekable(),
            wanted: wanted(units, list, registry).into_iter().peekable(),
            known: BTreeMap::new(),
            recipients: BTreeMap::new(),
            policy,
        }
    }

    /// The next hour that counts, or in which somebody wanted its mail.
    pub(crate) fn next_hour(&mut self) -> Option<i64> {
        let (counted, wanted) = (self.hours.peek().map(|hour| hour.hour), self.wanted.peek().map(|(hour, _)| *hour));
        counted.into_iter().chain(wanted).min()
    }

    /// Lets the next hour be known; says whether a trap spoke in it.
    pub(crate) fn take(&mut self, hour: i64) -> bool {
        while let Some((hour, recipient)) = self.wanted.next_if(|(next, _)| *next == hour) {
            self.recipients.insert(recipient, hour);
        }
        let mut spoke = false;
        while let Some(next) = self.hours.next_if(|next| next.hour == hour) {
            self.known.insert((next.trap, next.feed), next);
            spoke = true;
        }
        spoke
    }

    /// What the hours known so far come to at an instant.
    pub(crate) fn standing(&self, now: i64) -> Standing {
        Standing::of(&self.words(now), &self.recipients, self.policy, now)
    }

    /// Whether a listing that stands at `from` still does at `to`, if no more comes between them.
    ///
    /// Between two instants at which a trap's word ends, what people wanted fades no slower than the score, so that a
    /// listing ends there only by its score, which never rises.
    pub(crate) fn stands_through(&self, from: i64, to: i64) -> bool {
        let stands = |at: i64| self.standing(at).stands(self.policy);
        stands(to) && (self.recipients.is_empty() || self.ends(from).take_while(|end| *end < to).all(stands))
    }

    /// The first second after `from` at which a listing that stands at `from` does not, if no more comes.
    pub(crate) fn end(&self, from: i64) -> i64 {
        let stands = |at: i64| self.standing(at).stands(self.policy);
        let (mut standing, mut ended) = (from, from);
        for end in self.ends(from) {
            ended = end;
            if !stands(end) {
                break;
            }
            standing = end;
        }
        // No weight fades faster than by half in a half-life, so the score is known to reach so far; it mostly ends there.
        for _ in 0..CLIMBS {
            let keeping = self.standing(standing).keeping;
            let halves = (keeping / self.policy.delist_at).log2().max(0.0);
            let reached = standing + (halves * self.policy.half_life as f64) as i64;
            if reached >= ended || reached == standing {
                break;
            }
            if !stands(reached) {
                // By less than a second, which is what the rounding of numbers can do.
                ended = reached;
                break;
            }
            standing = reached;
        }
        let mut step = 1;
        while ended - standing > 1 {
            // The end is most likely near; if not, the steps double until half of what is left.
            let next = standing + step.min((ended - standing) / 2).max(1);
            if stands(next) {
                standing = next
            } else {
                ended = next
            }
            step *= 2;
        }
        ended
    }

    /// When the words that are known now end, after `from`, in order.
    fn ends(&self, from: i64) -> impl Iterator<Item = i64> {
        let mut ends: Vec<i64> = self.known.values().map(|hour| hour.hour * HOUR + self.policy.hard_limit).collect();
        ends.retain(|end| *end > from);
        ends.sort_unstable();
        ends.dedup();
        ends.into_iter()
    }

    /// The least number of traps without whose words no listing would begin at an instant at which one does.
    pub(crate) fn framing_cost(&self, now: i64) -> usize {
        framing_cost(&self.words(now), self.policy, &self.standing(now))
    }

    fn words(&self, now: i64) -> Vec<Word<'a>> {
        self.known.values().filter_map(|hour| Word::of(hour, self.policy, now)).collect()
    }
}

/// How often the end of a listing is approached by its score before it is looked for by halving.
const CLIMBS: usize = 6;

/// What a score says of a listing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Standing {
    /// As [`Score::value`].
    pub(crate) value: f64,
    /// What keeps a listing: the same of the traps that count for the quorum, of a foreign feed half as much at most.
    pub(crate) keeping: f64,
    /// As [`Score::traps`].
    pub(crate) traps: usize,
    /// As [`Score::domains`].
    pub(crate) domains: usize,
    /// As [`Score::wanted`].
    pub(crate) wanted: f64,
    /// As [`Score::newest`].
    pub(crate) newest: Option<i64>,
}

impl Standing {
    fn of(words: &[Word<'_>], recipients: &BTreeMap<&str, i64>, policy: &Policy, now: i64) -> Self {
        let traps = quorum(words);
        let mut domains: Vec<&str> = traps.iter().map(|(domain, _)| *domain).collect();
        domains.dedup();
        let value = weigh(words, policy.foreign_cap(), policy).0;
        let keeps = |word: &&Word<'_>| word.counts_for_quorum();
        let keeping = if words.iter().all(|word| keeps(&word) && word.trust == Trust::Own) {
            value
        } else {
            let keeping: Vec<Word<'_>> = words.iter().filter(keeps).copied().collect();
            weigh(&keeping, policy.foreign_keeping_cap(), policy).0
        };
        Self {
            value,
            keeping,
            traps: traps.len(),
            domains: domains.len(),
            wanted: recipients.values().map(|hour| left(now - hour * HOUR, policy)).sum(),
            newest: words.iter().map(|word| word.newest * HOUR).max(),
        }
    }

    /// Whether a listing begins at this standing.
    pub(crate) fn lists(&self, policy: &Policy) -> bool {
        self.value >= policy.list_at
            && self.traps >= policy.traps
            && self.domains >= policy.trap_domains
            && self.stands(policy)
    }

    /// Whether a listing that has begun goes on. What could not begin one must not keep it either: neither one foreign feed
    /// alone, nor traps that were somebody's once (C03, C06).
    pub(crate) fn stands(&self, policy: &Policy) -> bool {
        self.keeping >= policy.delist_at && self.keeping > 0.0 && self.is_unwanted()
    }

    /// Whether fewer people wanted its mail than twice the traps that got it.
    fn is_unwanted(&self) -> bool {
        // Both are sums of the same fading weights; equal sums must not differ by the order of adding.
        self.value * 2.0 >= self.wanted - 1e-9
    }
}

/// The traps behind the words that count for the quorum, with their domains, in order.
fn quorum<'a>(words: &[Word<'a>]) -> Vec<(&'a str, &'a str)> {
    let counting = words.iter().filter(|word| word.counts_for_quorum());
    let mut traps: Vec<(&str, &str)> = counting.map(|word| (word.domain, word.trap)).collect();
    traps.sort_unstable();
    traps.dedup();
    traps
}

/// What one feed says of one trap: its newest hour there that counts.
#[derive(Clone, Copy)]
struct Word<'a> {
    trap: &'a str,
    domain: &'a str,
    tier: Tier,
    feed: &'a str,
    trust: Trust,
    /// What the feed's word weighs.
    belief: f64,
    newest: i64,
    weight: f64,
    samples: u32,
}

impl<'a> Word<'a> {
    /// Whether the trap, heard by this feed, counts for the quorum.
    fn counts_for_quorum(&self) -> bool {
        self.tier.counts_for_quorum() && self.belief >= QUORUM_WEIGHT
    }

    /// What an hour says at an instant; nothing before it and past the hard limit.
    fn of(hour: &CountedHour<'a>, policy: &Policy, now: i64) -> Option<Self> {
        let age = now - hour.hour * HOUR;
        if age < 0 || age >= policy.hard_limit {
            return None;
        }
        let CountedHour { trap, domain, tier, feed, trust, belief, hour: newest, samples } = *hour;
        let weight = tier.weight() * belief * left(age, policy);
        Some(Self { trap, domain, tier, feed, trust, belief, newest, weight, samples })
    }
}

/// The traps behind the words, newest first; each with the feed that was heard last.
fn witnesses(words: &[Word<'_>]) -> Vec<Witness> {
    let mut witnesses: Vec<Witness> = Vec::new();
    for word in words {
        let witness = Witness {
            trap: word.trap.to_owned(),
            domain: word.domain.to_owned(),
            tier: word.tier,
            feed: word.feed.to_owned(),
            newest: word.newest,
            weight: word.weight,
            samples: word.samples,
        };
        match witnesses.last_mut().filter(|last| last.trap == word.trap) {
            Some(last) => {
                let (samples, weight) = (last.samples + word.samples, last.weight.max(word.weight));
                if word.newest > last.newest {
                    *last = witness;
                }
                (last.samples, last.weight) = (samples, weight);
            }
            None => witnesses.push(witness),
        }
    }
    witnesses.sort_by(|one, other| other.newest.cmp(&one.newest).then_with(|| one.trap.cmp(&other.trap)));
    witnesses
}
