//! What each policy did to each class: how soon and how long it listed the guilty, and which innocents.

use std::collections::BTreeMap;
use std::ops::Range;

use firsthand_analyzer::address::Origin;
use serde::Serialize;

use crate::actors::{Actor, BEGIN, Class, World};
use crate::policies::Listed;
use crate::quorum::first_met;
use crate::spans::Spans;
use crate::traps::Feed;

const HOUR: f64 = 3600.0;

/// The policies, in the order of all tables.
pub(crate) const POLICIES: [&str; 3] = ["Firsthand", "one hit lists", "bottom Received line"];

/// One policy on one class.
#[derive(Clone, Copy, Default, Serialize, Debug)]
pub(crate) struct Outcome {
    /// Addresses that were ever listed.
    pub(crate) listed: usize,
    /// Hours for which they were, together.
    pub(crate) hours: f64,
    /// The share of the guilty's time in which they were listed.
    pub(crate) bad_time: f64,
    /// Hours for which a guilty address was listed when it was guilty no more, on average.
    pub(crate) hours_after: f64,
    /// Hours from the first hit to the listing; none if fewer than half are ever listed.
    pub(crate) median: Option<f64>,
    /// The same for nine in ten.
    pub(crate) p90: Option<f64>,
}

/// What happened to one class.
#[derive(Serialize, Debug)]
pub(crate) struct Figures {
    #[serde(skip)]
    pub(crate) class: Class,
    pub(crate) name: String,
    pub(crate) guilty: bool,
    pub(crate) addresses: usize,
    /// Messages at traps.
    pub(crate) hits: usize,
    /// By policy, in the order of [`POLICIES`]; ours is `spam`.
    pub(crate) policies: [Outcome; 3],
    /// Ours in `backscatter` and `mixed`.
    pub(crate) backscatter: Outcome,
    pub(crate) mixed: Outcome,
    /// Of the classes whose every listing is compared with the definition of the quorum: whose beginning was another.
    pub(crate) off_quorum: Option<usize>,
}

/// An actor with what it did and what became of it.
struct Case<'a> {
    actor: &'a Actor,
    first: Option<i64>,
    listed: Option<&'a Listed>,
}

impl Figures {
    /// The figures of each class.
    pub(crate) fn all(world: &World, listed: &BTreeMap<Origin, Listed>) -> Vec<Self> {
        Class::all().into_iter().map(|class| Self::of(class, world, listed)).collect()
    }

    fn of(class: Class, world: &World, all: &BTreeMap<Origin, Listed>) -> Self {
        let (mut cases, mut hits, mut off_quorum) = (Vec::new(), 0, 0);
        for actor in world.actors.iter().filter(|actor| actor.class == class) {
            let mut mails = world.mails(actor);
            mails.retain(|mail| mail.to.feed() != Feed::Wanted);
            hits += mails.len();
            let listed = all.get(&Origin::from(actor.address));
            if is_compared(class) {
                let begun = listed.and_then(|listed| Some((listed.since?, listed.ours[0].first()?)));
                off_quorum += usize::from(begun != first_met(&mails));
            }
            cases.push(Case { actor, first: mails.first().map(|mail| mail.at), listed });
        }
        let outcome = |spans: &dyn Fn(&Listed) -> &Spans| Outcome::of(&cases, world.end, spans);
        Self {
            class,
            name: class.name(),
            guilty: class.is_guilty(),
            addresses: cases.len(),
            hits,
            policies: [
                outcome(&|listed| &listed.ours[0]),
                outcome(&|listed| &listed.one_hit),
                outcome(&|listed| &listed.bottom),
            ],
            backscatter: outcome(&|listed| &listed.ours[1]),
            mixed: outcome(&|listed| &listed.ours[2]),
            off_quorum: is_compared(class).then_some(off_quorum),
        }
    }
}

/// Whether a class sends nothing but direct mail that nobody wants, so that the quorum alone decides.
fn is_compared(class: Class) -> bool {
    matches!(class, Class::Bot(_) | Class::Snowshoe)
}

impl Outcome {
    fn of(cases: &[Case<'_>], end: i64, spans: &dyn Fn(&Listed) -> &Spans) -> Self {
        let mut outcome = Self::default();
        let (mut bad_time, mut bad_listed, mut waits) = (0, 0, Vec::new());
        for case in cases {
            let spans = case.listed.map(spans).filter(|spans| !spans.is_empty());
            let within = |stretch: &Range<i64>| spans.map_or(0, |spans| spans.within(stretch));
            outcome.listed += usize::from(spans.is_some());
            let hours = within(&(BEGIN..end));
            outcome.hours += hours as f64 / HOUR;
            if let Some(bad) = &case.actor.bad {
                bad_time += bad.end - bad.start;
                bad_listed += within(bad);
                outcome.hours_after += within(&(bad.end..end)) as f64 / HOUR / cases.len() as f64;
            }
            let began = spans.and_then(Spans::first);
            waits.extend(case.first.map(|first| began.map_or(f64::INFINITY, |began| (began - first) as f64 / HOUR)));
        }
        waits.sort_by(f64::total_cmp);
        // The least wait that so many do not exceed.
        let at = |share: f64| {
            let index = ((waits.len() as f64 * share).ceil() as usize).saturating_sub(1);
            waits.get(index).copied().filter(|wait| wait.is_finite())
        };
        outcome.bad_time = if bad_time > 0 { bad_listed as f64 / bad_time as f64 } else { 0.0 };
        (outcome.median, outcome.p90) = (at(0.5), at(0.9));
        outcome
    }
}
