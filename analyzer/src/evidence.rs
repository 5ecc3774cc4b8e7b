//! What one verdict adds about one origin, and when two additions are the same.
//!
//! Enters: a verdict, the feed and trap that the sample came by, its arrival. Leaves: a [`UnitKey`], or why the sample
//! adds nothing. Units are immutable but for their count; the ledger counts distinct samples into them, so order and
//! repetition of arrival cannot matter (G9).

use crate::address::Origin;
use crate::nature::Nature;
use crate::verdict::Verdict;

/// Seconds of an hour: the grain of evidence.
pub const HOUR: i64 = 3600;

/// The most samples that one unit counts. Shares of an hour are taken from counts, so it must lie above what a server
/// sends to one trap in an hour.
pub const SAMPLES_LIMIT: u16 = u16::MAX;

/// How long before its arrival the boundary may have stamped a sample under `stamps = "checked"`, in seconds (24 h).
pub const STALE_AFTER: i64 = 24 * HOUR;

/// How long after its arrival the boundary may have stamped a sample under `stamps = "checked"`, in seconds (10 min).
pub const FUTURE_AFTER: i64 = 600;

/// Samples that count as one witness: an origin seen at one trap of one feed, in one hour, with one nature.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UnitKey {
    /// Whom the evidence is about.
    pub origin: Origin,
    /// The feed that brought it.
    pub feed: String,
    /// The registry id of the trap.
    pub trap: String,
    /// The nature of the samples.
    pub nature: Nature,
    /// Whether their envelope's sender was null.
    pub null_sender: bool,
    /// Hours since 1970-01-01T00:00Z, by arrival.
    pub hour: i64,
}

/// An evidence unit.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unit {
    /// What it counts.
    pub key: UnitKey,
    /// Distinct samples, 1 to [`SAMPLES_LIMIT`].
    pub samples: u16,
}

/// Whether a feed is held to its boundary's time stamps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stamps {
    /// Only arrival counts.
    Ignored,
    /// A boundary date too old or ahead is refused (C05).
    Checked,
}

impl Stamps {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ignored, Self::Checked];

    /// The word for it in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Checked => "checked",
        }
    }
}

/// Why a sample adds nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoEvidence {
    /// It has no origin.
    Unattributed,
    /// The topology has relays without names, so it may analyze but not list.
    NamelessTopology,
    /// The boundary's date is missing, or older than [`STALE_AFTER`].
    StaleStamp,
    /// The boundary's date is ahead of the arrival by more than [`FUTURE_AFTER`].
    FutureStamp,
}

impl NoEvidence {
    /// The word for it in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unattributed => "unattributed",
            Self::NamelessTopology => "nameless-topology",
            Self::StaleStamp => "stale-stamp",
            Self::FutureStamp => "future-stamp",
        }
    }
}

/// How a sample came in, as far as evidence is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The feed's name.
    pub feed: &'a str,
    /// The trap's registry id.
    pub trap: &'a str,
    /// Unix seconds at which the intake took it.
    pub at: i64,
    /// Whether the feed's stamps are checked.
    pub stamps: Stamps,
    /// Whether the feed's topology may list.
    pub may_list: bool,
}

/// The unit that a sample adds to.
///
/// # Errors
/// Why it adds to none.
pub fn unit_of(verdict: &Verdict, arrival: &Arrival<'_>) -> Result<UnitKey, NoEvidence> {
    let origin = verdict.origin.map_err(|_| NoEvidence::Unattributed)?;
    if !arrival.may_list {
        return Err(NoEvidence::NamelessTopology);
    }
    if arrival.stamps == Stamps::Checked {
        let age = verdict.stamp.map_or(i64::MAX, |stamp| arrival.at.saturating_sub(stamp));
        if age > STALE_AFTER {
            return Err(NoEvidence::StaleStamp);
        }
        if age < -FUTURE_AFTER {
            return Err(NoEvidence::FutureStamp);
        }
    }
    Ok(UnitKey {
        origin: Origin::from(origin),
        feed: arrival.feed.to_owned(),
        trap: arrival.trap.to_owned(),
        nature: verdict.nature(),
        null_sender: verdict.null_sender,
        hour: arrival.at.div_euclid(HOUR),
    })
}

/// The id of a sample: a digest of feed, trap and bytes, so that a repeat counts once (C04).
pub fn sample_id(feed: &str, trap: &str, message: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [feed.as_bytes(), trap.as_bytes(), message] {
        // Lengths first, so that no two different triples feed the hasher the same bytes.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
