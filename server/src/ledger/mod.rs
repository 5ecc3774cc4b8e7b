//! What is kept: facts, evidence units, withdrawals, listings, the journal.
//!
//! A sample and its verdict are a fact. Facts are the truth; units are counted from them, and listings computed from
//! units, so both can be rebuilt. What a call of [`Ledger`] has returned is durable (G9). So far there is one store,
//! the embedded one; what it must do is written here, apart from how.

mod embedded;
pub mod access;
mod schema;
mod log;
mod withdrawals;
mod corrections;
mod pauses;
mod reads;
mod writer;
pub mod backup;
#[cfg(test)]
mod tests;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, UnitKey};
use firsthand_analyzer::listing::Exemption;
use firsthand_analyzer::score::Trap;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

pub use corrections::{Correction, Outcome, REQUESTS_LIMIT};
pub use embedded::{Ledger, LedgerError, OnBroken, hold, path_in};
pub use pauses::Pause;
pub use reads::Due;
use serde::{Deserializer, Serializer};
pub use withdrawals::{Standing, Step};

/// The list that evidence of direct mail makes.
pub const SPAM: &str = "spam";

/// How far ahead the wall clock may be without anything being dropped that counts when it is set right, in seconds (48 h).
pub const CLOCK_MARGIN: i64 = 48 * HOUR;

/// A sample and its verdict.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The digest of feed, trap and bytes.
    pub sample: [u8; 32],
    /// When the intake took it, in Unix milliseconds.
    pub arrived: i64,
    /// The feed that brought it.
    pub feed: String,
    /// The registry id of the trap.
    pub trap: String,
    /// The unit that it adds to, or why it adds to none.
    pub unit: Result<UnitKey, &'static str>,
    /// The verdict as `analyze --json` prints it.
    pub verdict: String,
    /// The trusted lines with the rules that read them, as JSON.
    pub proof: String,
    /// Whom its claims name.
    pub framed: Vec<String>,
}

/// Whether a sample was new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It is kept now, also where it was known and had counted for nothing.
    New,
    /// It is kept now and counts for nothing: a withdrawal in force takes it.
    Withdrawn,
    /// It was kept before, and nothing changed; with what its evidence is: `counted`, or why it adds nothing.
    Known(String),
}

/// Evidence taken back: what matches every given field is as if it had never come (G5).
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Withdrawal {
    /// From this feed.
    pub feed: Option<String>,
    /// At this trap.
    pub trap: Option<String>,
    /// This sample; hexadecimal in text.
    #[serde(serialize_with = "write_sample", deserialize_with = "read_sample")]
    pub sample: Option<[u8; 32]>,
    /// Arrived at or after this Unix millisecond.
    pub since: Option<i64>,
    /// Arrived before this Unix millisecond.
    pub until: Option<i64>,
}

/// A sample's id from hexadecimal.
pub fn parse_sample(text: &str) -> Option<[u8; 32]> {
    let mut sample = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in sample.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(sample)
}

/// A sample's id in hexadecimal.
pub fn sample_text(sample: &[u8; 32]) -> String {
    sample.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_sample<S: Serializer>(sample: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
    sample.as_ref().map(sample_text).serialize(serializer)
}

fn read_sample<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| {
        parse_sample(&text).ok_or_else(|| serde::de::Error::custom("a sample's id is 64 hexadecimal digits"))
    })
    .transpose()
}

impl Withdrawal {
    /// One that takes nothing.
    pub fn nothing() -> Self {
        Self { since: Some(i64::MAX), until: Some(i64::MIN), ..Self::default() }
    }

    /// Whether it takes this fact back.
    pub fn takes(&self, fact: &Fact) -> bool {
        self.feed.as_ref().is_none_or(|feed| *feed == fact.feed)
            && self.trap.as_ref().is_none_or(|trap| *trap == fact.trap)
            && self.sample.is_none_or(|sample| sample == fact.sample)
            && self.since.is_none_or(|since| fact.arrived >= since)
            && self.until.is_none_or(|until| fact.arrived < until)
    }
}

/// One change of the zone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// The list.
    pub list: String,
    /// The origin, as [`Origin`] prints.
    pub origin: String,
    /// When the listing began, in Unix seconds.
    pub since: i64,
    /// When it ends, in Unix seconds.
    pub until: i64,
    /// How many traps' evidence would have to go for it to fall.
    #[serde(default = "least_cost")]
    pub framing_cost: usize,
}

/// What is not known is taken at its lowest.
fn least_cost() -> usize {
    1
}

/// What the publisher did in one go.
#[derive(Clone, Default, Debug)]
pub struct Publication {
    /// When, in Unix seconds.
    pub at: i64,
    /// The new version, if the zone changed.
    pub version: Option<Version>,
    /// The origins that are settled up to a generation of their evidence.
    pub settled: Vec<(Origin, i64)>,
    /// The origins that wait for the brake, or for room, though nothing of theirs changed.
    pub waiting: Vec<Origin>,
    /// The origins whose removals have taken effect.
    pub removed: Vec<Origin>,
    /// Origins whose units before an hour are dropped.
    pub outlived: Vec<(Origin, i64)>,
    /// What is left in the brake's buckets, and the Unix second at which it was.
    pub tokens: Vec<(String, f64, i64)>,
}

impl Publication {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.version.is_none()
            && self.settled.is_empty()
            && self.waiting.is_empty()
            && self.removed.is_empty()
            && self.outlived.is_empty()
            && self.tokens.is_empty()
    }
}

/// A trap that was registered by command; no more is known of it than its ids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptTrap {
    /// Its registry id.
    pub id: String,
    /// What it weighs and takes; its domain is an id, too.
    pub trap: Trap,
}

/// An exemption that was added by command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptExemption {
    /// The network and why.
    pub exemption: Exemption,
    /// Until this Unix second; for good without it.
    pub until: Option<i64>,
}

/// A request for removal that waits for the operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// Its number.
    pub number: i64,
    /// Whom it asks to take off.
    pub origin: Origin,
    /// When it was made, in Unix seconds.
    pub asked: i64,
}

/// An entry of the audit trail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct AuditEntry {
    /// Its number.
    pub entry: i64,
    /// When, in Unix seconds.
    pub at: i64,
    /// Who did it.
    pub who: String,
    /// What was asked and what was done.
    pub what: serde_json::Value,
}

impl Change {
    /// The origin as a value; none if the text was edited into something else.
    pub fn origin(&self) -> Option<Origin> {
        Origin::parse(&self.origin)
    }
}

/// One version of the zone, as the journal keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Version {
    /// The serial before it.
    pub previous: u32,
    /// Its own serial (RFC 1982).
    pub serial: u32,
    /// Unix seconds at which it was made.
    pub at: i64,
    /// What is listed from now on, or until another time than before.
    pub additions: Vec<Change>,
    /// What is not listed any more.
    pub deletions: Vec<Change>,
}

/// What several versions of the zone come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// The serial of the last.
    pub serial: u32,
    /// By list and origin: when the listing ends, in Unix seconds; none if it is not listed.
    pub ends: HashMap<(String, String), Option<i64>>,
}

/// What claims said of an address or name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Framed {
    /// By how many samples it was named.
    pub samples: u64,
    /// The arrival of the first, in Unix milliseconds.
    pub since: i64,
    /// The arrival of the newest, in Unix milliseconds.
    pub newest: i64,
}

/// One fact as it is kept, for `why`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// The sample's id in hexadecimal.
    pub sample: String,
    /// Its arrival, in Unix milliseconds.
    pub arrived: i64,
    /// The feed.
    pub feed: String,
    /// The trap's registry id.
    pub trap: String,
    /// The nature of the message.
    pub nature: String,
    /// Whether it counts, or was withdrawn or added nothing.
    pub counted: bool,
    /// The trusted lines with the rules that read them, as JSON.
    pub proof: String,
}
