//! What is kept: facts, evidence units, withdrawals, listings, the journal.
//!
//! A sample and its verdict are a fact. Facts are the truth; units are counted from them, and listings computed from
//! units, so both can be rebuilt. What a call of [`Ledger`] has returned is durable (G9). So far there is one store,
//! the embedded one; what it must do is written here, apart from how.

mod embedded;
mod schema;
mod writer;
#[cfg(test)]
mod tests;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::UnitKey;
use serde::{Deserialize, Serialize};

pub use embedded::{Ledger, LedgerError};

/// The list that evidence of direct mail makes.
pub const SPAM: &str = "spam";

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
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It is kept now.
    New,
    /// It was kept before; nothing changed.
    Known,
}

/// Evidence taken back: what matches every given field is as if it had never come (G5).
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Withdrawal {
    /// From this feed.
    pub feed: Option<String>,
    /// At this trap.
    pub trap: Option<String>,
    /// This sample.
    pub sample: Option<[u8; 32]>,
    /// Arrived at or after this Unix millisecond.
    pub since: Option<i64>,
    /// Arrived before this Unix millisecond.
    pub until: Option<i64>,
}

impl Withdrawal {
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
