//! The fixed words of software that reflects mail: authors, subjects, and the openings of texts.
//!
//! Enters: texts, decoded (RFC 2047, charsets), in lower case, with single spaces. Leaves: the [`Family`]s whose words they
//! hold, and the reason that a bounce's words state. A pattern is a regular expression over lower-case UTF-8. Most
//! subjects are matched from their beginning, words anywhere in the first text. How much a family tells is its [`Strength`].

use std::sync::{LazyLock, OnceLock};

use mail_parser::parsers::MessageStream;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, PatternSet, meta};

use super::words::{
    AUTHOR_WORDS, LIST_SERVERS, LOOSE_REASON_WORDS, MAIL_SYSTEM_NAMES, MAIL_SYSTEMS, OPENING_WORDS, REASON_WORDS,
    REFUSAL, SUBJECT_WORDS, SUBJECT_WORDS_ANYWHERE,
};
use super::{Nature, Reason};

/// Phrases, any of which will do.
pub(super) type Phrases = &'static [&'static str];

/// Words that software of one kind writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// What messages with these words are.
    pub(super) nature: Nature,
    /// The software, or the kind of it.
    pub(super) software: &'static str,
    /// How much the words tell.
    pub(super) strength: Strength,
    /// The patterns, any of which will do.
    pub(super) words: Phrases,
}

/// How much words tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Strength {
    /// People may begin a subject so.
    Vague,
    /// Only such software begins a subject so, but people quote and discuss it.
    Clear,
    /// Nobody else begins a subject so.
    Explicit,
}

pub(super) const fn vague(nature: Nature, software: &'static str, words: Phrases) -> Family {
    Family { nature, software, strength: Strength::Vague, words }
}

pub(super) const fn family(nature: Nature, software: &'static str, words: Phrases) -> Family {
    Family { nature, software, strength: Strength::Clear, words }
}

pub(super) const fn explicit(nature: Nature, software: &'static str, words: Phrases) -> Family {
    Family { nature, software, strength: Strength::Explicit, words }
}

/// The most memory that one automaton of one thread takes, in octets. There are some eighteen, of which few ever come
/// near it.
const CACHE_LIMIT: usize = 4 << 20;

/// Many patterns, searched at once.
struct Patterns {
    regex: meta::Regex,
    anchored: Anchored,
}

impl Patterns {
    fn new(phrases: impl Iterator<Item = Phrases>, anchored: Anchored) -> Self {
        // A gap is counted by nothing but the end of the sentence: an automaton that counts has a state for every count.
        let expand = |phrases: Phrases| {
            phrases.join("|").replace("@more@", r"(?:[^.]|\.[^ ])*").replace("@word@", r"(?: [^ .]+)?")
        };
        let patterns: Vec<String> = phrases.map(expand).collect();
        let regex = meta::Builder::new()
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .configure(
                meta::Config::new()
                    .match_kind(regex_automata::MatchKind::All)
                    .utf8_empty(false)
                    .hybrid_cache_capacity(CACHE_LIMIT),
            )
            .build_many(&patterns)
            .expect("the tables hold patterns that compile; a test builds them all");
        Self { regex, anchored }
    }

    /// Whether any pattern is found.
    fn any(&self, text: &str) -> bool {
        self.regex.is_match(Input::new(text).anchored(self.anchored))
    }

    fn found(&self, text: &str) -> PatternSet {
        // Most texts hold none.
        if !self.any(text) {
            return PatternSet::new(0);
        }
        let mut set = PatternSet::new(self.regex.pattern_len());
        self.regex.which_overlapping_matches(&Input::new(text).anchored(self.anchored), &mut set);
        set
    }
}

fn families(found: &PatternSet, table: &'static [Family]) -> Vec<&'static Family> {
    found.iter().map(|id| &table[id.as_usize()]).collect()
}

/// The families of an author.
#[derive(Debug, Default)]
pub(super) struct Authors(pub(super) Vec<&'static Family>);

impl Authors {
    /// Of an address in lower case, taken apart.
    pub(super) fn of(local: &str, name: &str, domain: &str) -> Self {
        let written = format!("{name} <{local}@{domain}>");
        Self(families(&AUTHORS.authors.found(&written), AUTHOR_WORDS))
    }
}

/// The families of a subject, and the subject in lower case.
#[derive(Debug, Default)]
pub(super) struct Subjects(pub(super) Vec<&'static Family>, pub(super) String);

impl Subjects {
    /// Of a decoded subject in lower case; words anywhere in it count only where the header shows another sign.
    pub(super) fn of(subject: &str, seconded: bool) -> Self {
        static BEGINNINGS: LazyLock<Patterns> =
            LazyLock::new(|| Patterns::new(SUBJECT_WORDS.iter().map(|family| family.words), Anchored::Yes));
        static ANYWHERE: LazyLock<Patterns> =
            LazyLock::new(|| Patterns::new(SUBJECT_WORDS_ANYWHERE.iter().map(|family| family.words), Anchored::Yes));
        // What a list or a filter put before it is not the software's.
        let words = without_tags(subject);
        let mut found = families(&BEGINNINGS.found(words), SUBJECT_WORDS);
        if words.len() != subject.len() {
            found.extend(families(&BEGINNINGS.found(subject), SUBJECT_WORDS));
        }
        if seconded {
            found.extend(families(&ANYWHERE.found(subject), SUBJECT_WORDS_ANYWHERE));
        }
        Self(found, subject.to_owned())
    }
}

/// A subject without what lists and filters put before it: `[list] Re: …` is `re: …`.
pub(super) fn without_tags(subject: &str) -> &str {
    let mut words = subject.trim();
    while let Some((_, rest)) = words.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        words = rest.trim_start();
    }
    words
}

/// How much of a text is looked at for a family's words, in octets.
const OPENING_LIMIT: usize = 4 << 10;

/// The family of `nature` whose words a message's first text holds.
pub(super) fn words_of(text: &str, nature: Nature) -> Option<&'static Family> {
    // One automaton for each nature: most messages ask for one or two.
    static PATTERNS: [OnceLock<(Vec<&'static Family>, Patterns)>; Nature::ALL.len()] =
        [const { OnceLock::new() }; Nature::ALL.len()];
    let index = Nature::ALL.iter().position(|known| *known == nature)?;
    let (families, patterns) = PATTERNS[index].get_or_init(|| {
        let families: Vec<&Family> = OPENING_WORDS.iter().filter(|family| family.nature == nature).collect();
        let patterns = Patterns::new(families.iter().map(|family| family.words), Anchored::No);
        (families, patterns)
    });
    let text = lower(&text[..text.floor_char_boundary(OPENING_LIMIT)]);
    patterns.found(&text).iter().map(|id| families[id.as_usize()]).max_by_key(|family| family.strength)
}

/// The authors' tables, ready to be searched.
pub(super) struct AuthorPatterns {
    authors: Patterns,
    mail_systems: Patterns,
    mail_system_names: Patterns,
    list_servers: Patterns,
}

pub(super) static AUTHORS: LazyLock<AuthorPatterns> = LazyLock::new(|| AuthorPatterns {
    authors: Patterns::new(AUTHOR_WORDS.iter().map(|family| family.words), Anchored::No),
    mail_systems: Patterns::new([MAIL_SYSTEMS].into_iter(), Anchored::Yes),
    mail_system_names: Patterns::new([MAIL_SYSTEM_NAMES].into_iter(), Anchored::Yes),
    list_servers: Patterns::new([LIST_SERVERS].into_iter(), Anchored::Yes),
});

impl AuthorPatterns {
    /// Whether a local part is a mail system's own.
    pub(super) fn is_mail_system(&self, local: &str) -> bool {
        self.mail_systems.any(local)
    }

    /// Whether a display name is a mail system's.
    pub(super) fn is_mail_system_name(&self, name: &str) -> bool {
        self.mail_system_names.any(name)
    }

    /// Whether a local part is a list server's own.
    pub(super) fn is_list_server(&self, local: &str) -> bool {
        self.list_servers.any(local)
    }
}

/// The reason that the words of a bounce state; of several, the one that stands first in the table.
pub(super) fn reason_of(text: &str) -> Option<Reason> {
    static PATTERNS: LazyLock<Patterns> =
        LazyLock::new(|| Patterns::new(REASON_WORDS.iter().map(|(_, words)| *words), Anchored::No));
    first_reason(&PATTERNS, REASON_WORDS, text)
}

/// The reason that words state which may mean something else.
pub(super) fn loose_reason_of(text: &str) -> Option<Reason> {
    static PATTERNS: LazyLock<Patterns> =
        LazyLock::new(|| Patterns::new(LOOSE_REASON_WORDS.iter().map(|(_, words)| *words), Anchored::No));
    first_reason(&PATTERNS, LOOSE_REASON_WORDS, text)
}

fn first_reason(patterns: &Patterns, table: &[(Reason, Phrases)], text: &str) -> Option<Reason> {
    patterns.found(text).iter().map(|id| id.as_usize()).min().map(|first| table[first].0)
}

/// Whether a text quotes a mail server's refusal.
pub(super) fn refuses(text: &str) -> bool {
    static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns::new([REFUSAL].into_iter(), Anchored::No));
    PATTERNS.any(text)
}

/// A text in lower case, with single spaces for all white space.
pub(super) fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            out.push_str(word);
            let start = out.len() - word.len();
            out[start..].make_ascii_lowercase();
        } else {
            // The Turkish dotted capital becomes i and a combining dot.
            out.extend(word.chars().flat_map(char::to_lowercase).filter(|letter| *letter != '\u{307}'));
        }
    }
    out
}

/// A field's value decoded (RFC 2047), unfolded, in lower case, with single spaces.
pub(super) fn decode_text(value: &[u8]) -> String {
    if memchr::memmem::find(value, b"=?").is_none() {
        return lower(&String::from_utf8_lossy(value));
    }
    let with_end = [value, b"\n"].concat();
    let decoded = MessageStream::new(&with_end).parse_unstructured();
    lower(decoded.as_text().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles_and_none_matches_nothing() {
        for subject in ["", "lunch?", "re: the meeting on monday", "invoice 4711", "your order has shipped"] {
            assert_eq!(Subjects::of(subject, true).0.len(), 0, "{subject}");
        }
        for nature in Nature::ALL {
            assert_eq!(words_of("Dear all, see you at the meeting.", nature), None);
        }
        assert_eq!(Authors::of("anna", "Anna", "a.example").0.len(), 0);
        assert_eq!(reason_of(""), None);
        assert!(!refuses("") && !AUTHORS.is_mail_system("anna") && !AUTHORS.is_mail_system_name(""));
    }

    #[test]
    fn values_are_decoded_and_made_plain() {
        assert_eq!(decode_text(b" Returned  mail:\r\n\tsee transcript"), "returned mail: see transcript");
        assert_eq!(
            decode_text(b" =?utf-8?B?RGVsaXZlcnkgZmFpbHVyZSBub3RpZmljYXRpb25=?="),
            "delivery failure notification"
        );
        assert_eq!(
            decode_text(b"=?iso-8859-15?Q?Delivery_Status_Notification_=28Failure=29?="),
            "delivery status notification (failure)"
        );
    }
}
