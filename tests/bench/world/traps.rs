//! The operator's side: feeds, relays and traps, as the settings of a small installation would have them.
//!
//! An own feed of 20 traps over 5 domains (12 pristine, 8 seeded); a foreign feed that is honest and sees a quarter of what
//! we see, at 5 traps; a foreign feed that lies; and a feed of mail that people wanted. Each has one relay, a Postfix.

use std::collections::HashSet;

use firsthand_analyzer::evidence::{UNITS_LIMIT, Unit, UnitKey, past_the_limit};
use firsthand_analyzer::received::Dialect;
use firsthand_analyzer::score::{Registry, Tier, Trap, Trust};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};

/// Traps of the own feed; trap `n` lies in domain `n % 5`.
pub(crate) const OWN: std::ops::Range<usize> = 0..20;

/// Traps of the honest foreign feed, each in a domain of its own.
pub(crate) const PARTNER: std::ops::Range<usize> = 20..25;

/// Traps of the lying foreign feed, each in a domain of its own. It names ours, too.
pub(crate) const LIAR: std::ops::Range<usize> = 25..30;

/// How the own traps lie over domains.
pub(crate) const OWN_DOMAINS: usize = 5;

/// Where a sample came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Feed {
    /// Our traps.
    Own,
    /// Somebody else's, honestly.
    Partner,
    /// Somebody else's lies.
    Liar,
    /// Mail that people wanted.
    Wanted,
}

impl Feed {
    pub(crate) const ALL: [Self; 4] = [Self::Own, Self::Partner, Self::Liar, Self::Wanted];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Own => "traps",
            Self::Partner => "partner",
            Self::Liar => "liar",
            Self::Wanted => "wanted",
        }
    }

    fn trust(self) -> Trust {
        match self {
            Self::Own | Self::Wanted => Trust::Own,
            Self::Partner | Self::Liar => Trust::Foreign,
        }
    }

    /// The relay that takes the feed's mail.
    pub(crate) fn relay(self) -> &'static str {
        match self {
            Self::Own => "mx1.traps.example",
            Self::Partner => "mx.partner.example",
            Self::Liar => "mx.liar.example",
            Self::Wanted => "mx.people.example",
        }
    }

    /// What the operator declares of it.
    pub(crate) fn topology(self) -> Topology {
        let relay = Relay {
            name: self.name().to_owned(),
            hosts: vec![HostPattern::new(self.relay())],
            networks: vec![format!("10.9.{}.10/32", self as u8).parse().expect("a network")],
            dialect: Some(Dialect::Postfix),
            handovers: Vec::new(),
        };
        Topology::new(vec![relay], Boundary::Headers)
    }

    /// The registry id of a recipient.
    pub(crate) fn recipient(self, number: usize) -> String {
        if self == Self::Wanted { format!("r{number}") } else { format!("t{number}") }
    }

    /// The address of a recipient.
    pub(crate) fn address(self, number: usize) -> String {
        if self == Self::Wanted {
            format!("user{number}@people.example")
        } else {
            format!("trap{number}@{}", domain(number))
        }
    }
}

/// The domain of a trap.
pub(crate) fn domain(trap: usize) -> String {
    match trap {
        _ if OWN.contains(&trap) => format!("d{}.example", trap % OWN_DOMAINS),
        _ if PARTNER.contains(&trap) => format!("p{trap}.partner-traps.example"),
        _ => format!("q{trap}.liar-traps.example"),
    }
}

/// Whether a trap is pristine; the others are seeded.
pub(crate) fn is_pristine(trap: usize) -> bool {
    match trap {
        // Of each domain the first two, and the whole of the last.
        _ if OWN.contains(&trap) => trap < 10 || trap % OWN_DOMAINS == OWN_DOMAINS - 1,
        _ if PARTNER.contains(&trap) => trap < PARTNER.start + 3,
        _ => true,
    }
}

/// The registry of all feeds and traps.
pub(crate) fn registry() -> Registry {
    let trap = |number: usize| {
        let tier = if is_pristine(number) { Tier::Pristine } else { Tier::Seeded };
        let trap = Trap { domain: domain(number), tier, sends: false, accepts_reports: false };
        (Feed::Own.recipient(number), trap)
    };
    let feed = |feed: &Feed| (feed.name().to_owned(), feed.trust());
    let (wanted, trapping): (Vec<Feed>, Vec<Feed>) = Feed::ALL.iter().partition(|feed| **feed == Feed::Wanted);
    Registry {
        traps: (0..LIAR.end).map(trap).collect(),
        feeds: trapping.iter().map(feed).collect(),
        wanted: wanted.iter().map(|feed| feed.name().to_owned()).collect(),
        ..Registry::default()
    }
}

/// A unit that holds its first sample.
pub(crate) fn unit(key: UnitKey, at: i64) -> Unit {
    Unit { key, samples: 1, newest: at }
}

/// Counts one more sample into a unit.
pub(crate) fn count(unit: &mut Unit, at: i64) {
    unit.samples = unit.samples.saturating_add(1);
    unit.newest = at;
}

/// Drops of an origin's units what the ledger drops: what is past the bound of its feed.
pub(crate) fn bound(units: &mut Vec<Unit>) {
    for feed in Feed::ALL {
        let of_feed = units.iter().filter(|unit| unit.key.feed == feed.name());
        if of_feed.clone().count() > UNITS_LIMIT {
            let keys: Vec<UnitKey> = of_feed.map(|unit| unit.key.clone()).collect();
            let dropped: HashSet<UnitKey> = past_the_limit(&keys, UNITS_LIMIT).into_iter().collect();
            units.retain(|unit| !dropped.contains(&unit.key));
        }
    }
}
