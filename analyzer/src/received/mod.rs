//! One Received line → its readings.
//!
//! Enters: a header field. Leaves: a [`Hop`] with every reading that some dialect admits. MTAs write what the sender
//! said into the very lines that we trust, so no reading is preferred here: **one reading or none** (G1). Whoever
//! trusts a line asks for its [`Hop::sources`] and gets one, or has to refuse. All dialects read each line; one with a
//! product tag reads only its own whole grammar, while `general` ([`general`], RFC 5321 §4.4) has none and counts only
//! where no dialect is declared.

mod amavis;
mod dovecot;
mod exchange;
mod exim;
mod general;
pub mod grammar;
mod postfix;
mod sendmail;

use std::borrow::Cow;
use std::sync::LazyLock;

pub use grammar::{Clauses, Handover, Source};
use grammar::{Derivation, Grammar, Rule};

use crate::sample::Field;

/// The longest Received line that is read, in octets; a longer one is unreadable. Real ones stay below 3 KiB.
pub const LINE_LIMIT: usize = 8 << 10;

macro_rules! dialects {
    ($($(#[$doc:meta])* $variant:ident $name:literal $rules:expr;)*) => {
        /// The grammar in which an MTA writes Received lines.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum Dialect { $($(#[$doc])* $variant,)* }

        impl Dialect {
            /// Every dialect.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The dialect's name in settings and answers.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn rules(self) -> &'static [Rule] {
                match self { $(Self::$variant => $rules,)* }
            }
        }
    };
}

dialects! {
    /// Postfix.
    Postfix "postfix" postfix::RULES;
    /// Exim.
    Exim "exim" exim::RULES;
    /// Sendmail.
    Sendmail "sendmail" sendmail::RULES;
    /// Dovecot's LMTP and submission services.
    Dovecot "dovecot" dovecot::RULES;
    /// amavis and amavisd-new.
    Amavis "amavis" amavis::RULES;
    /// Microsoft's SMTP service and Exchange Server.
    Exchange "exchange" exchange::RULES;
    /// OpenSMTPD; reads nothing yet.
    OpenSmtpd "opensmtpd" &[];
    /// Courier; reads nothing yet.
    Courier "courier" &[];
    /// Haraka; reads nothing yet.
    Haraka "haraka" &[];
    /// qmail-smtpd and its kin; reads nothing yet.
    Qmail "qmail" &[];
    /// Exchange Online; reads nothing yet.
    Outlook "outlook" &[];
    /// Google; reads nothing yet.
    Google "google" &[];
    /// Yahoo; reads nothing yet.
    Yahoo "yahoo" &[];
    /// IronPort; reads nothing yet.
    IronPort "ironport" &[];
    /// Domino; reads nothing yet.
    Domino "domino" &[];
    /// fetchmail and getmail; reads nothing yet.
    Fetchmail "fetchmail" &[];
    /// RFC 5321 §4.4, for the rest.
    General "general" general::RULES;
}

impl Dialect {
    /// The dialect of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// Whether the dialect's grammar ends in nothing that only its MTA writes, so that it proves nothing about who
    /// wrote a line.
    pub fn is_untagged(self) -> bool {
        self == Self::General
    }

    fn grammar(self) -> &'static Grammar {
        static GRAMMARS: LazyLock<Vec<Grammar>> =
            LazyLock::new(|| Dialect::ALL.iter().map(|dialect| Grammar::new(dialect.rules())).collect());
        &GRAMMARS[self as usize]
    }
}

/// One way in which a line can be parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The dialect that reads the line so.
    pub dialect: Dialect,
    /// What the line says of where the message came from.
    pub source: Source,
    derivation: Derivation,
}

/// One parsed Received line.
#[derive(Clone, Debug)]
pub struct Hop<'a> {
    line: Cow<'a, [u8]>,
    readings: Vec<Reading>,
    crowded: bool,
}

impl<'a> Hop<'a> {
    /// Reads a Received field in every dialect.
    ///
    /// A field that is not called exactly `Received` was not written by an MTA, and a line past [`LINE_LIMIT`] is not
    /// one that a relay writes: neither has a reading.
    pub fn read(field: &Field<'a>) -> Self {
        let line = crate::sample::unfold(field.value);
        if field.name != b"Received" || line.len() > LINE_LIMIT {
            return Self { line, readings: Vec::new(), crowded: false };
        }
        let start = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let line = match line {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..]),
            Cow::Owned(mut bytes) => {
                bytes.drain(..start);
                Cow::Owned(bytes)
            }
        };
        let mut readings = Vec::new();
        let mut crowded = false;
        for dialect in Dialect::ALL {
            match dialect.grammar().derive(&line) {
                Some(derivations) => readings.extend(derivations.into_iter().map(|derivation| Reading {
                    dialect: *dialect,
                    source: derivation.source,
                    derivation,
                })),
                None => crowded = true,
            }
        }
        Self { line, readings, crowded }
    }

    /// Every reading, those of `general` last.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The line without folds and field name.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether some dialect found more derivations than it keeps; such a line is ambiguous whatever else reads it.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// The distinct sources that the readings name, without those of `general` unless it is asked for.
    pub fn sources(&self, general: bool) -> Vec<Source> {
        let mut sources = Vec::with_capacity(1);
        for reading in self.readings.iter().filter(|reading| general || !reading.dialect.is_untagged()) {
            if !sources.contains(&reading.source) {
                sources.push(reading.source);
            }
        }
        sources
    }

    /// The host that wrote the line, by this reading of it.
    pub fn by(&self, reading: &Reading) -> &str {
        std::str::from_utf8(&self.line[reading.derivation.by.clone()]).expect("a host is ASCII by its grammar")
    }

    /// The clauses of this reading.
    pub fn clauses(&self, reading: &Reading) -> Clauses<'_> {
        reading.dialect.grammar().clauses(&self.line, &reading.derivation)
    }

    /// Whether nothing but comments follows the date that this reading ends with.
    ///
    /// Some MTAs let the message's own text run into their line, so a declared dialect stops at its date. Where no
    /// dialect is declared the line may be an MTA's that none here knows, and what looks like a whole line may be a
    /// HELO inside a longer one.
    pub(crate) fn ends_the_line(&self, reading: &Reading) -> bool {
        let Some(date) = self.clauses(reading).date else { return false };
        let end = date.as_ptr() as usize - self.line.as_ptr() as usize + date.len();
        let mut depth = 0usize;
        self.line[end..].iter().all(|byte| match byte {
            b'(' => {
                depth += 1;
                depth == 1
            }
            b')' => {
                depth = depth.wrapping_sub(1);
                depth == 0
            }
            byte => depth == 1 || byte.is_ascii_whitespace(),
        }) && depth == 0
    }

    /// The name of the rule behind this reading, for the proof.
    pub fn rule(&self, reading: &Reading) -> &'static str {
        reading.dialect.grammar().rule_name(&reading.derivation)
    }
}

#[cfg(test)]
mod tests;
