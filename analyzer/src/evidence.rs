//! What one verdict adds about one origin, and when two additions are the same.
//!
//! Enters: a verdict, the feed and trap that the sample came by, its arrival. Leaves: a [`UnitKey`], or why the sample
//! adds nothing. Units are immutable but for their count; the ledger counts distinct samples into them, so order and
//! repetition of arrival cannot matter (G9). How many are kept of an origin and feed is bounded ([`past_the_limit`]).

use std::cmp::Reverse;
use std::net::IpAddr;

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
    /// The registry id of the trap; of the recipient, where the feed carries mail that people wanted.
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
    /// The arrival of its newest sample, in Unix seconds, within its hour.
    pub newest: i64,
}

/// The most units that are kept of one origin and feed, so that a flood costs no more than that.
pub const UNITS_LIMIT: usize = 1024;

/// Which of the units of *one* origin and feed, none twice, lie past `limit` and are dropped.
///
/// The newest unit of every trap stays before the second newest of any, so that whoever knows one trap cannot push out what
/// others saw. A unit that is dropped once would be dropped after any more units as well: so what is left is the same in
/// whatever order units came, and has counted all its samples.
pub fn past_the_limit(keys: &[UnitKey], limit: usize) -> Vec<UnitKey> {
    let mut newest_first: Vec<&UnitKey> = keys.iter().collect();
    let age = |key: &UnitKey| (Reverse(key.hour), key.nature, key.null_sender);
    newest_first.sort_unstable_by(|one, other| (&one.trap, age(one)).cmp(&(&other.trap, age(other))));
    let mut ranked: Vec<(usize, &UnitKey)> = Vec::with_capacity(keys.len());
    for at_trap in newest_first.chunk_by(|one, other| one.trap == other.trap) {
        ranked.extend(at_trap.iter().copied().enumerate());
    }
    ranked.sort_unstable_by(|(rank, one), (other_rank, other)| {
        (rank, age(one), &one.trap).cmp(&(other_rank, age(other), &other.trap))
    });
    ranked.into_iter().skip(limit).map(|(_, key)| key.clone()).collect()
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

/// The id of a sample: a digest of feed, trap and bytes, so that a repeat counts once (C04). Where the channel saw the peer, he is
/// part of the sample: two who send the same bytes are two.
pub fn sample_id(feed: &str, trap: &str, message: &[u8], peer: Option<IpAddr>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let peer = peer.map(|peer| peer.to_string());
    for part in [feed.as_bytes(), trap.as_bytes(), message].into_iter().chain(peer.as_deref().map(str::as_bytes)) {
        // Lengths first, so that no two different triples feed the hasher the same bytes.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(trap: usize, nature: usize, hour: i64) -> UnitKey {
        UnitKey {
            origin: Origin::V6(1),
            feed: "own".into(),
            trap: format!("t{trap}"),
            nature: Nature::ALL[nature % Nature::ALL.len()],
            null_sender: nature > 4,
            hour,
        }
    }

    /// What a ledger keeps that drops after every arrival.
    fn kept(arrivals: &[UnitKey], limit: usize) -> Vec<UnitKey> {
        let mut kept: Vec<UnitKey> = Vec::new();
        for key in arrivals {
            if !kept.contains(key) {
                kept.push(key.clone());
            }
            let dropped = past_the_limit(&kept, limit);
            kept.retain(|key| !dropped.contains(key));
        }
        kept.sort_unstable();
        kept
    }

    proptest! {
        /// G9 past the bound: what is kept does not depend on the order of arrival, and what is kept was never dropped.
        #[test]
        fn what_is_kept_does_not_depend_on_the_order(
            hits in prop::collection::vec((0..6usize, 0..8usize, 0i64..12), 0..60),
            limit in 1..20usize,
            turn in any::<prop::sample::Index>(),
        ) {
            let arrivals: Vec<UnitKey> = hits.iter().map(|(trap, nature, hour)| key(*trap, *nature, *hour)).collect();
            let mut turned = arrivals.clone();
            turned.reverse();
            if !turned.is_empty() {
                let by = turn.index(turned.len());
                turned.rotate_left(by);
            }
            prop_assert_eq!(kept(&arrivals, limit), kept(&turned, limit));
            for until in 0..arrivals.len() {
                let later = kept(&arrivals, limit);
                let before = kept(&arrivals[..until], limit);
                for key in later.iter().filter(|key| arrivals[..until].contains(key)) {
                    prop_assert!(before.contains(key), "{:?} was dropped and came back", key);
                }
            }
        }
    }

    /// Whoever knows one trap and writes to it in every dress, each hour, pushes out nothing of the others.
    #[test]
    fn a_flood_at_one_trap_pushes_out_nothing_else() {
        let mut keys: Vec<UnitKey> = (1..8).map(|trap| key(trap, 0, 1)).collect();
        keys.extend((0..96).flat_map(|hour| (0..8).map(move |nature| key(0, nature, 2 + hour))));
        let dropped = past_the_limit(&keys, 64);
        assert_eq!(dropped.len(), keys.len() - 64);
        assert!(dropped.iter().all(|key| key.trap == "t0"));
    }
}
