//! The score of an origin in a list: how many distinct fresh traps witness against it (G4).
//!
//! Enters: an origin's units, a list, the registry of traps and feeds, the policy, an instant. Leaves: a [`Score`] with
//! its witnesses. The lists differ in which samples count ([`List`]), and in that only `spam` heeds how many people wanted
//! the origin's mail. A pure function: the same units in any order, and any number of times, give the same score, and
//! while they stand unchanged it never rises.

mod framing;
mod hours;

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{HOUR, Unit};
use framing::framing_cost;
pub use hours::PRESUMED_OVER;
use hours::{CountedHour, counted};

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
    /// Feeds of mail that people wanted, by name. Their units count for an origin, by distinct recipients.
    pub wanted: BTreeSet<String>,
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

    /// Whether the registry's traps can ever meet the quorum; where they cannot, nothing is published.
    pub fn can_be_met(&self, registry: &Registry) -> bool {
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
    /// What it weighs at the instant asked for, 0 to 1.
    pub weight: f64,
    /// Distinct samples that count, in the hours that do.
    pub samples: u32,
}

/// What stands against an origin at an instant.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// Reads as "how many distinct fresh traps".
    pub value: f64,
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
    let Standing { value, traps, domains, wanted, newest } = Standing::of(&words, &recipients, policy, now);
    Score { value, traps, domains, wanted, newest, witnesses }
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
            let value = self.standing(standing).value;
            let halves = (value / self.policy.delist_at).log2().max(0.0);
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
        Self {
            value: weigh(words, policy).0,
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
            && self.is_unwanted()
    }

    /// Whether a listing that has begun goes on.
    pub(crate) fn stands(&self, policy: &Policy) -> bool {
        self.value >= policy.delist_at && self.value > 0.0 && self.is_unwanted()
    }

    /// Whether fewer people wanted its mail than twice the traps that got it.
    fn is_unwanted(&self) -> bool {
        // Both are sums of the same fading weights; equal sums must not differ by the order of adding.
        self.value * 2.0 >= self.wanted - 1e-9
    }
}

/// The traps behind the words that count for the quorum, with their domains, in order.
fn quorum<'a>(words: &[Word<'a>]) -> Vec<(&'a str, &'a str)> {
    let counting = words.iter().filter(|word| word.tier.counts_for_quorum());
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
    newest: i64,
    weight: f64,
    samples: u32,
}

impl<'a> Word<'a> {
    /// What an hour says at an instant; nothing before it and past the hard limit.
    fn of(hour: &CountedHour<'a>, policy: &Policy, now: i64) -> Option<Self> {
        let age = now - hour.hour * HOUR;
        if age < 0 || age >= policy.hard_limit {
            return None;
        }
        let CountedHour { trap, domain, tier, feed, trust, hour: newest, samples } = *hour;
        let weight = tier.weight() * left(age, policy);
        Some(Self { trap, domain, tier, feed, trust, newest, weight, samples })
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
                let samples = last.samples + word.samples;
                if word.newest > last.newest {
                    *last = witness;
                }
                last.samples = samples;
            }
            None => witnesses.push(witness),
        }
    }
    witnesses.sort_by(|one, other| other.newest.cmp(&one.newest).then_with(|| one.trap.cmp(&other.trap)));
    witnesses
}

/// The most foreign feeds between which it is weighed which to cap; any more that exceed the cap are capped.
const WEIGHED_FEEDS: u32 = 10;

/// The most that the words, in the order of their traps, can add up to under the caps of trap, domain and foreign feed.
///
/// That is a greatest flow (feed → trap → domain), and so a least cut: for each choice of capped foreign feeds, what
/// these contribute at most, and what the domains let through of the others. As a least of sums that fall with every
/// weight, it never rises while the evidence stands unchanged; and no feed adds more than its cap. Handing out shares in
/// some order does neither. With it come the feeds that are capped in the least cut.
fn weigh<'a>(words: &[Word<'a>], policy: &Policy) -> (f64, Vec<&'a str>) {
    let mut domains: Vec<&str> = words.iter().map(|word| word.domain).collect();
    domains.sort_unstable();
    domains.dedup();
    let places: Vec<usize> = words.iter().map(|word| domains.binary_search(&word.domain).unwrap_or_default()).collect();
    let mut sums = vec![0.0; domains.len()];
    let mut through = |counts: &dyn Fn(&Word<'_>) -> bool| -> f64 {
        sums.fill(0.0);
        let (mut trap, mut level) = ("", 0.0_f64);
        for (word, place) in words.iter().zip(&places).filter(|(word, _)| counts(word)) {
            if word.trap != trap {
                (trap, level) = (word.trap, 0.0);
            }
            // One trap has one level, however many feeds hear it.
            sums[*place] += (word.weight - level).max(0.0);
            level = level.max(word.weight);
        }
        sums.iter().map(|sum| sum.min(policy.domain_cap)).sum()
    };
    let mut foreign: Vec<&str> =
        words.iter().filter(|word| word.trust == Trust::Foreign).map(|word| word.feed).collect();
    if foreign.is_empty() {
        return (through(&|_| true), foreign);
    }
    foreign.sort_unstable();
    foreign.dedup();
    // Capping a feed that alone stays below its cap never makes the sum less.
    foreign.retain(|feed| through(&|word| word.feed == *feed) > policy.foreign_cap());
    let weighed = foreign.len().min(WEIGHED_FEEDS as usize);
    let is_capped = |choice: u32, at: usize| at >= weighed || choice >> at & 1 == 1;
    let mut least = (f64::INFINITY, 0);
    for choice in 0..1u32 << weighed {
        let capped = |feed: &str| foreign.iter().position(|name| *name == feed).is_some_and(|at| is_capped(choice, at));
        let count = (foreign.len() - weighed) as f64 + f64::from(choice.count_ones());
        let sum = count * policy.foreign_cap() + through(&|word| !capped(word.feed));
        if sum < least.0 {
            least = (sum, choice);
        }
    }
    let (sum, choice) = least;
    foreign = foreign.into_iter().enumerate().filter(|(at, _)| is_capped(choice, *at)).map(|(_, feed)| feed).collect();
    (sum, foreign)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::address::Origin;
    use crate::evidence::{SAMPLES_LIMIT, UnitKey};
    use crate::nature::Nature;
    use proptest::prelude::*;

    pub(crate) fn registry() -> Registry {
        let trap = |domain: &str, tier| Trap { domain: domain.into(), tier, sends: false, accepts_reports: false };
        let mut traps = BTreeMap::new();
        for domain in 0..4 {
            for index in 0..4 {
                traps.insert(format!("t{domain}{index}"), trap(&format!("d{domain}.example"), Tier::Pristine));
            }
        }
        traps.insert("old".into(), trap("d9.example", Tier::Recycled));
        let feeds = [("own", Trust::Own), ("far", Trust::Foreign), ("far2", Trust::Foreign)];
        Registry { traps, feeds: feeds.map(|(name, trust)| (name.to_owned(), trust)).into(), ..Registry::default() }
    }

    fn unit(feed: &str, trap: &str, nature: Nature, hour: i64, samples: u16) -> Unit {
        let key = UnitKey {
            origin: Origin::V4([192, 0, 2, 1].into()),
            feed: feed.into(),
            trap: trap.into(),
            nature,
            null_sender: false,
            hour,
        };
        let newest = key.hour * HOUR;
        Unit { key, samples, newest }
    }

    fn direct(feed: &str, trap: &str, hour: i64) -> Unit {
        unit(feed, trap, Nature::Direct, hour, 1)
    }

    fn at(units: &[Unit], now: i64) -> Score {
        score(units, List::Spam, &registry(), &Policy::default(), now)
    }

    /// Whether the hours up to an instant begin a listing.
    fn lists(units: &[Unit], now: i64) -> bool {
        let (registry, policy) = (registry(), Policy::default());
        let mut sweep = Sweep::of(units, List::Spam, &registry, &policy);
        while let Some(hour) = sweep.next_hour().filter(|hour| hour * HOUR <= now) {
            sweep.take(hour);
        }
        sweep.standing(now).lists(&policy)
    }

    #[test]
    fn a_score_reads_as_fresh_traps() {
        let units = [direct("own", "t00", 10), direct("own", "t10", 10), direct("own", "t20", 10)];
        let fresh = at(&units, 10 * HOUR);
        assert_eq!((fresh.value, fresh.traps, fresh.domains), (3.0, 3, 3));
        assert!(lists(&units, 10 * HOUR));
        assert_eq!(at(&units, 58 * HOUR).value, 1.5);
        assert_eq!(at(&units, 82 * HOUR).value, 0.0);
        assert_eq!(at(&units, 9 * HOUR).value, 0.0);
    }

    /// G4: repeats count once, a domain is capped, recycled traps make no quorum, a foreign feed never lists alone.
    #[test]
    fn quorum_and_caps() {
        let flood: Vec<Unit> = (0..50).map(|hour| unit("own", "t00", Nature::Direct, hour, 255)).collect();
        assert_eq!(at(&flood, 49 * HOUR).value, 1.0);
        let one_domain: Vec<Unit> = (0..4).map(|trap| direct("own", &format!("t0{trap}"), 1)).collect();
        assert_eq!(at(&one_domain, HOUR).value, 1.5);
        let two_domains: Vec<Unit> = (0..4)
            .flat_map(|trap| [direct("own", &format!("t0{trap}"), 1), direct("own", &format!("t1{trap}"), 1)])
            .collect();
        assert_eq!(at(&two_domains, HOUR).value, 3.0);
        assert!(!lists(&two_domains, HOUR));
        let foreign: Vec<Unit> = (0..4).map(|domain| direct("far", &format!("t{domain}0"), 1)).collect();
        assert_eq!(at(&foreign, HOUR).value, 1.25);
        let unknown = [direct("nobody", "t00", 1), direct("own", "t99", 1)];
        assert_eq!(at(&unknown, HOUR).value, 0.0);
        assert_eq!(at(&[direct("own", "old", 1)], HOUR).traps, 0);
    }

    /// G3: more than three quarters reflected presumes the rest to be reflected.
    #[test]
    fn a_mostly_reflected_hour_is_reflected() {
        let hour = |direct_count, reflected| {
            let units =
                [unit("own", "t00", Nature::Direct, 1, direct_count), unit("own", "t00", Nature::Bounce, 1, reflected)];
            at(&units, HOUR).value
        };
        assert_eq!(hour(1, 3), 1.0);
        assert_eq!(hour(1, 4), 0.0);
        assert_eq!(at(&[unit("own", "t00", Nature::Bounce, 1, 9)], HOUR).value, 0.0);
    }

    /// B01: at a bounce an hour, a misread one makes its hour direct, and the day around it tells better.
    #[test]
    fn a_day_of_reflected_hours_presumes_a_direct_one_to_be_reflected() {
        let mut units: Vec<Unit> = Vec::new();
        for hour in 0..24 {
            for domain in 0..4 {
                let misread = hour == 20 && domain < 3;
                let nature = if misread { Nature::Direct } else { Nature::Bounce };
                units.push(unit("own", &format!("t{domain}0"), nature, hour, 1));
            }
        }
        let spam = at(&units, 23 * HOUR);
        assert_eq!((spam.value, spam.traps), (0.0, 0));
        // The same three from one that does not reflect list it; another feed's bounces excuse nothing.
        let direct: Vec<Unit> = units.iter().filter(|unit| unit.key.nature == Nature::Direct).cloned().collect();
        assert!(lists(&direct, 20 * HOUR));
        for unit in units.iter_mut().filter(|unit| unit.key.nature == Nature::Bounce) {
            unit.key.feed = "far".into();
        }
        assert!(lists(&units, 20 * HOUR));
    }

    /// One trap that is known to a spammer, dressed for hour by hour, excuses no others; nor do traps that prove nothing.
    #[test]
    fn a_dressed_trap_excuses_no_others() {
        let mut units: Vec<Unit> = (0..24).map(|hour| unit("own", "t00", Nature::AutoReply, hour, 1)).collect();
        units.extend((0..24).map(|hour| unit("own", "old", Nature::AutoReply, hour, 1)));
        units.extend([direct("own", "t10", 23), direct("own", "t20", 23), direct("own", "t30", 23)]);
        assert!(lists(&units, 23 * HOUR));
    }

    /// A unit that counts no further makes no share: an hour flooded with bounces is reflected, however many were misread.
    #[test]
    fn a_flood_of_bounces_stays_a_flood_of_bounces() {
        let mut units = Vec::new();
        for domain in 0..4 {
            units.push(unit("own", &format!("t{domain}0"), Nature::Bounce, 1, SAMPLES_LIMIT));
            units.push(unit("own", &format!("t{domain}0"), Nature::Direct, 1, SAMPLES_LIMIT));
        }
        assert_eq!(at(&units, HOUR).value, 0.0);
        assert_eq!(all_at(&units, HOUR)[2].traps, 4);
    }

    /// B05, B06: what counts where.
    #[test]
    fn lists_differ_in_what_counts() {
        let reflected = |trap: &str, nature, null_sender| {
            let mut unit = unit("own", trap, nature, 1, 1);
            unit.key.null_sender = null_sender;
            unit
        };
        let scores = |units: &[Unit], registry: &Registry| {
            List::ALL.map(|list| score(units, list, registry, &Policy::default(), HOUR).value)
        };
        let quiet = registry();
        let mut sending = registry();
        for trap in sending.traps.values_mut() {
            trap.sends = true;
        }
        let mut reporting = registry();
        for trap in reporting.traps.values_mut() {
            trap.accepts_reports = true;
        }
        for nature in Nature::ALL.into_iter().filter(|nature| nature.is_reflected()) {
            assert_eq!(scores(&[reflected("t00", nature, true)], &quiet), [0.0, 1.0, 0.0], "{nature:?}");
            assert_eq!(scores(&[reflected("t00", nature, false)], &quiet), [0.0, 0.0, 1.0], "{nature:?}");
            assert_eq!(scores(&[reflected("t00", nature, true)], &sending), [0.0; 3], "{nature:?}");
            assert_eq!(scores(&[reflected("t00", nature, false)], &sending), [0.0; 3], "{nature:?}");
        }
        assert_eq!(scores(&[direct("own", "t00", 1)], &sending), [1.0, 0.0, 1.0]);
        let report = [reflected("t00", Nature::AbuseReport, true)];
        assert_eq!(scores(&report, &quiet), [1.0, 0.0, 1.0]);
        assert_eq!(scores(&report, &reporting), [0.0; 3]);
        // A quarter of an hour's samples makes it direct, whoever sent the rest; below, the direct ones are only mixed.
        let hour = |dressed: u16| [direct("own", "t00", 1), unit("own", "t00", Nature::Bounce, 1, dressed)];
        assert_eq!(scores(&hour(3), &quiet)[0], 1.0);
        assert_eq!(scores(&hour(4), &quiet), [0.0, 0.0, 1.0]);
    }

    prop_compose! {
        fn any_unit()(feed in 0..3usize, domain in 0..4, index in 0..4, nature in 0..4usize, null_sender in any::<bool>(), hour in 0i64..100, samples in 1u16..=SAMPLES_LIMIT) -> Unit {
            let nature = [Nature::Direct, Nature::Bounce, Nature::AutoReply, Nature::AbuseReport][nature];
            let mut unit = unit(["own", "far", "far2"][feed], &format!("t{domain}{index}"), nature, hour, samples);
            unit.key.null_sender = null_sender;
            unit
        }
    }

    fn all_at(units: &[Unit], now: i64) -> [Score; 3] {
        List::ALL.map(|list| score(units, list, &registry(), &Policy::default(), now))
    }

    proptest! {
        #[test]
        fn order_does_not_matter(units in prop::collection::vec(any_unit(), 0..40), now in 0i64..200, turn in any::<prop::sample::Index>()) {
            let before = all_at(&units, now * HOUR);
            let mut turned = units.clone();
            if !turned.is_empty() {
                let by = turn.index(turned.len());
                turned.rotate_left(by);
                turned.reverse();
            }
            prop_assert_eq!(before, all_at(&turned, now * HOUR));
        }

        #[test]
        fn unchanged_evidence_never_scores_higher(units in prop::collection::vec(any_unit(), 0..40), now in 100i64..200, later in 0i64..100_000) {
            for (before, after) in all_at(&units, now * HOUR).iter().zip(all_at(&units, now * HOUR + later)) {
                prop_assert!(after.value <= before.value + 1e-9);
            }
        }

        /// Evidence that is dropped when its time is over, and the day that it presumes by, changes no score.
        #[test]
        fn dropping_the_past_changes_nothing(units in prop::collection::vec(any_unit(), 0..60), now in 100i64..220) {
            let oldest = now * HOUR - Policy::default().hard_limit - PRESUMED_OVER;
            let kept: Vec<Unit> = units.iter().filter(|unit| unit.key.hour * HOUR >= oldest).cloned().collect();
            prop_assert_eq!(all_at(&units, now * HOUR), all_at(&kept, now * HOUR));
        }

        /// G3: more reflected mail, of whatever kind, never makes a spammer.
        #[test]
        fn reflected_mail_never_adds_to_spam(units in prop::collection::vec(any_unit(), 0..40), more in prop::collection::vec(any_unit(), 0..40), now in 100i64..200) {
            let before = at(&units, now * HOUR).value;
            let reflected = more.into_iter().filter(|unit| unit.key.nature.is_reflected());
            let with: Vec<Unit> = units.into_iter().chain(reflected).collect();
            prop_assert!(at(&with, now * HOUR).value <= before + 1e-9);
        }

        /// G4: whatever a foreign feed says, and whoever else speaks, it adds at most half of what a listing needs.
        #[test]
        fn a_foreign_feed_adds_at_most_half(units in prop::collection::vec(any_unit(), 0..60), now in 0i64..200) {
            let others: Vec<Unit> = units.iter().filter(|unit| unit.key.feed != "far").cloned().collect();
            for (with, without) in all_at(&units, now * HOUR).iter().zip(all_at(&others, now * HOUR)) {
                prop_assert!(with.value <= without.value + 1.25 + 1e-9);
            }
        }

        #[test]
        fn a_foreign_feed_alone_stays_below_half(units in prop::collection::vec(any_unit(), 0..60), now in 0i64..200) {
            let foreign: Vec<Unit> = units.into_iter().filter(|unit| unit.key.feed == "far").collect();
            for score in all_at(&foreign, now * HOUR) {
                prop_assert!(score.value <= 1.25 + 1e-9);
            }
        }
    }
}
