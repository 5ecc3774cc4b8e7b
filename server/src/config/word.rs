//! The words that a setting may hold, and the nearest of them to one that it may not.
//!
//! Enters: a word from the file. Leaves: a variant, or the accepted words for the message. One list of words per setting,
//! so that reading, printing and messages cannot disagree.

use firsthand_analyzer::evidence::Stamps;
use firsthand_analyzer::received::{Dialect, Handover};
use firsthand_analyzer::score::{List, Tier, Trust};
use firsthand_analyzer::topology::Boundary;
use serde::{Serialize, Serializer};

/// A setting that is one of a few words.
pub trait Word: Copy + 'static {
    /// Every variant, in the order in which messages name them.
    const ALL: &'static [Self];

    /// The word as it stands in the settings file.
    fn as_str(self) -> &'static str;

    /// The variant that `word` names, if it names one; case matters.
    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variant| variant.as_str() == word)
    }
}

/// Declares an enum with its words.
macro_rules! words {
    ($($(#[$about:meta])* $name:ident { $($(#[$variant_about:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_about])* $variant,)+
        }

        impl Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )+};
}

words! {
    /// Whether listings are published.
    Mode {
        /// Listings are published.
        Live = "live",
        /// Everything is computed and shown, and nothing is published but the test entries.
        Shadow = "shadow",
    }

    /// How far the zone is on its way out of service (RFC 6471 §3.4).
    SunsetMode {
        /// It stays.
        No = "no",
        /// A TXT record of the apex, the log and the metrics tell of the end; everything else is as ever.
        Announced = "announced",
        /// Nobody is listed; the test entries are there.
        Empty = "empty",
        /// The test entries are gone as well.
        Off = "off",
    }

    /// Whether rates of answers bite.
    RateLimitMode {
        /// What would be withheld is counted, and sent.
        Report = "report",
        /// What is over a rate is not sent.
        Enforce = "enforce",
        /// Nothing is limited or counted.
        Off = "off",
    }

    /// What a feed's mail is.
    FeedKind {
        /// What spam traps took: evidence against whoever sent it.
        Traps = "traps",
        /// What people wanted: it speaks for whoever sent it.
        Wanted = "wanted",
        /// Abuse reports (RFC 5965) about mail that others took: evidence against whoever sent that.
        Reports = "reports",
    }

    /// What the trap server says to a recipient that is no registered trap.
    UnknownRecipients {
        /// It is refused (550).
        Reject = "reject",
        /// It is taken like any other, and the message is kept for the traps among its recipients only: so nobody learns by
        /// asking which addresses are traps.
        Accept = "accept",
    }

    /// What the trap server says to a message that it has kept.
    TrapAction {
        /// That it is taken (250).
        Accept = "accept",
        /// That it is refused (550).
        Reject = "reject",
    }

    /// What becomes of a message for traps that the milter has kept.
    MilterAction {
        /// It is delivered.
        Accept = "accept",
        /// It is not delivered to traps, and its sender is told that it was.
        Discard = "discard",
        /// It is not delivered to traps, and refused (550) where all its recipients are traps.
        Reject = "reject",
    }

    /// What becomes of a message of a Maildir that is kept.
    Taken {
        /// It moves to `cur`, as seen.
        Seen = "seen",
        /// It is deleted.
        Deleted = "deleted",
    }

    /// The rbldnsd data set type of a static list's file; those that hold addresses.
    ListFormat {
        /// IPv4 addresses and ranges.
        Ip4set = "ip4set",
        /// IPv4 addresses only.
        Ip4tset = "ip4tset",
        /// IPv4 prefixes.
        Ip4trie = "ip4trie",
        /// IPv6 /64 networks.
        Ip6tset = "ip6tset",
        /// IPv6 prefixes.
        Ip6trie = "ip6trie",
    }
}

/// The analyzer's own words, as settings write them.
macro_rules! analyzer_words {
    ($($name:ty,)+) => {$(
        impl Word for $name {
            const ALL: &'static [Self] = &<$name>::ALL;

            fn as_str(self) -> &'static str {
                self.name()
            }
        }
    )+};
}

analyzer_words! { Handover, Boundary, Trust, Stamps, Tier, List, }

/// The dialect that a relay declares; none is `auto`, which expects none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeclaredDialect(pub Option<Dialect>);

impl Word for DeclaredDialect {
    const ALL: &'static [Self] = &{
        let mut all = [Self(None); Dialect::DECLARABLE.len() + 1];
        let mut at = 0;
        while at < Dialect::DECLARABLE.len() {
            all[at + 1] = Self(Some(Dialect::DECLARABLE[at]));
            at += 1;
        }
        all
    };

    fn as_str(self) -> &'static str {
        self.0.map_or("auto", Dialect::name)
    }
}

/// Prints a word as the settings file holds it.
pub(super) fn print<W: Word, S: Serializer>(word: &W, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word.as_str())
}

/// Prints a list of words as the settings file holds it.
pub(super) fn print_all<W: Word, S: Serializer>(words: &[W], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(words.iter().map(|word| word.as_str()))
}

/// The longest word, in characters, for which a likeness is looked for.
const LIKENESS_CHARACTERS_MAX: usize = 64;

/// The one of `words` that `word` was most likely meant to be: at most one edit in three characters away (rounded up), the
/// least distant first; `_` and `-` and the cases of a letter are the same.
pub(super) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let fold = |text: &str| text.to_lowercase().replace('_', "-");
    let folded = fold(word);
    let length = folded.chars().count();
    if length > LIKENESS_CHARACTERS_MAX {
        return None;
    }
    let ranked = words.into_iter().map(|candidate| (edits(&folded, &fold(candidate)), candidate));
    let (distance, candidate) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= length.div_ceil(3) && distance < length).then_some(candidate)
}

/// `words` as a message lists them.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

/// The Levenshtein distance of two words, in characters.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word() {
        let keys = ["name", "hosts", "networks", "dialect", "handovers"];
        assert_eq!(nearest("netwroks", keys), Some("networks"));
        assert_eq!(nearest("host", keys), Some("hosts"));
        assert_eq!(nearest("Name", keys), Some("name"));
        assert_eq!(nearest("list_at", ["list-at", "delist-at"]), Some("list-at"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("", keys), None);
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest(&"n".repeat(10_000), keys), None);
    }

    #[test]
    fn every_word_is_read_back() {
        assert!(Tier::ALL.iter().all(|tier| Tier::of(tier.as_str()) == Some(*tier)));
        assert!(Handover::ALL.iter().all(|step| Handover::of(step.as_str()) == Some(*step)));
        assert_eq!(Mode::of("Live"), None);
    }
}
