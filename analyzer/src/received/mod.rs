//! One Received line → its readings.
//!
//! Enters: a header field. Leaves: a [`Hop`] with every reading that some dialect admits. MTAs write what the sender
//! said into the very lines that we trust, so no reading is preferred here: **one reading or none** (G1). Whoever
//! trusts a line asks for its [`Hop::sources`] and gets one, or has to refuse. All dialects read each line; which of
//! their readings count is said at [`Hop::readings_for`].

mod amavis;
mod communigate;
mod courier;
mod criticalpath;
mod cyrus;
mod domino;
mod dovecot;
mod exchange;
mod exim;
mod exim3;
mod fetchmail;
mod general;
mod google;
pub mod grammar;
mod haraka;
mod hmailserver;
mod imail;
mod ironport;
mod james;
mod listserver;
mod loose;
mod mailenable;
mod mdaemon;
mod momentum;
mod opensmtpd;
mod nemesis;
mod outlook;
mod postfix;
mod powermta;
mod qmail;
mod scalix;
mod sendmail;
mod stalwart;
mod webmail;
mod xmail;
mod yahoo;
mod derive;

use std::borrow::Cow;
use std::sync::LazyLock;

use derive::{Crowded, Derivation, Follow, Grammars, Rules, date_in};
use grammar::Rule;
pub use grammar::{Clauses, Handover, Source};

use crate::sample::Field;

/// The longest Received line that is read, in octets; a longer one is unreadable. Real ones stay below
/// 3 KiB, but Exim takes commands of 16 KiB and writes what they say.
pub const LINE_LIMIT: usize = 64 << 10;

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

            pub(crate) fn rules(self) -> &'static [Rule] {
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
    /// Exim 3.
    Exim3 "exim3" exim3::RULES;
    /// Nemesis.
    Nemesis "nemesis" nemesis::RULES;
    /// Sendmail.
    Sendmail "sendmail" sendmail::RULES;
    /// OpenSMTPD.
    OpenSmtpd "opensmtpd" opensmtpd::RULES;
    /// Courier.
    Courier "courier" courier::RULES;
    /// Haraka.
    Haraka "haraka" haraka::RULES;
    /// Dovecot's LMTP and submission services.
    Dovecot "dovecot" dovecot::RULES;
    /// Cyrus lmtpd.
    Cyrus "cyrus" cyrus::RULES;
    /// amavis and amavisd-new.
    Amavis "amavis" amavis::RULES;
    /// qmail-smtpd and its kin.
    Qmail "qmail" qmail::RULES;
    /// Microsoft's SMTP service and Exchange Server.
    Exchange "exchange" exchange::RULES;
    /// Exchange Online.
    Outlook "outlook" outlook::RULES;
    /// Google.
    Google "google" google::RULES;
    /// Yahoo.
    Yahoo "yahoo" yahoo::RULES;
    /// IronPort (Cisco Email Security Appliance).
    IronPort "ironport" ironport::RULES;
    /// Lotus, IBM and HCL Domino.
    Domino "domino" domino::RULES;
    /// CommuniGate Pro.
    CommuniGate "communigate" communigate::RULES;
    /// MDaemon.
    MDaemon "mdaemon" mdaemon::RULES;
    /// Stalwart.
    Stalwart "stalwart" stalwart::RULES;
    /// hMailServer.
    HMailServer "hmailserver" hmailserver::RULES;
    /// Momentum and Ecelerity.
    Momentum "momentum" momentum::RULES;
    /// XMail.
    XMail "xmail" xmail::RULES;
    /// IMail and Merak (IceWarp).
    IMail "imail" imail::RULES;
    /// Critical Path.
    CriticalPath "criticalpath" criticalpath::RULES;
    /// PowerMTA.
    PowerMta "powermta" powermta::RULES;
    /// Scalix.
    Scalix "scalix" scalix::RULES;
    /// Apache James.
    James "james" james::RULES;
    /// MailEnable.
    MailEnable "mailenable" mailenable::RULES;
    /// List servers that hand mail on in lines of their own.
    ListServer "listserver" listserver::RULES;
    /// Web mail.
    Webmail "webmail" webmail::RULES;
    /// fetchmail and getmail.
    Fetchmail "fetchmail" fetchmail::RULES;
    /// RFC 5321 §4.4, for the rest.
    General "general" general::RULES;
    /// Any line that seems to name a peer; never believed.
    Loose "loose" loose::RULES;
}

/// The dialects that are believed.
static GRAMMARS: LazyLock<Grammars> = LazyLock::new(|| Grammars::new(Dialect::DECLARABLE, 0));

/// The one that is not.
static LOOSE: LazyLock<Grammars> = LazyLock::new(|| Grammars::new(&[Dialect::Loose], 1));

impl Dialect {
    /// The dialects that a relay can be declared to write: all but the last, [`Dialect::Loose`].
    pub const DECLARABLE: &'static [Self] = Self::ALL.split_at(Self::ALL.len() - 1).0;

    /// The dialect of that name, if a relay can be declared to write it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::DECLARABLE.iter().copied().find(|dialect| dialect.name() == name)
    }

    /// Whether the dialect's lines hold words that only its MTA writes.
    pub fn is_tagged(self) -> bool {
        !matches!(
            self,
            Self::Courier
                | Self::Google
                | Self::IronPort
                | Self::HMailServer
                | Self::Outlook
                | Self::Yahoo
                | Self::Qmail
                | Self::General
                | Self::Loose
        )
    }

    /// Whether the message's own text can run into the MTA's line: where the message begins with white space, some put
    /// their line in front of it and nothing between. Only of these is it known that they put an empty line there, or
    /// refuse such a message.
    fn runs_on(self) -> bool {
        !matches!(self, Self::Postfix | Self::Exim | Self::Sendmail | Self::OpenSmtpd)
    }
}

/// One way in which a line can be parsed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The dialect that reads the line so.
    pub dialect: Dialect,
    /// What the line says of where the message came from.
    pub source: Source,
    /// Whether it accounts for the whole line.
    whole: bool,
    derivation: Derivation,
}

/// One parsed Received line.
#[derive(Clone)]
pub struct Hop<'a> {
    line: Cow<'a, [u8]>,
    readings: Vec<Reading>,
    crowded: bool,
    grammars: &'static Grammars,
}

impl<'a> Hop<'a> {
    /// Reads a Received field in every dialect.
    ///
    /// A field that is not called exactly `Received` was not written by an MTA, and a line past [`LINE_LIMIT`] is not
    /// one that a relay writes: neither has a reading.
    pub fn read(field: &Field<'a>) -> Self {
        Self::read_by(field, &GRAMMARS, GRAMMARS.all())
    }

    /// Reads a Received field that no grammar reads for what it seems to say: for looking at, never for believing.
    pub fn read_loosely(field: &Field<'a>) -> Self {
        Self::read_by(field, &LOOSE, LOOSE.all())
    }

    /// Reads a Received field in these dialects alone.
    ///
    /// So is a line read that is crowded in other dialects, since else any sender whose words a relay writes could make
    /// its lines so. What other dialects would make of it is a check on top, which such a line does without.
    pub fn read_in(field: &Field<'a>, dialects: &[Dialect]) -> Self {
        Self::read_by(field, &GRAMMARS, GRAMMARS.of(dialects))
    }

    fn read_by(field: &Field<'a>, grammars: &'static Grammars, rules: Rules) -> Self {
        if field.name != b"Received" || field.value.len() > LINE_LIMIT {
            return Self { line: Cow::Borrowed(field.value), readings: Vec::new(), crowded: false, grammars };
        }
        let line = crate::sample::unfold(field.value.trim_ascii_start());
        let value = field.value.trim_ascii_start();
        let reading = |derivation: Derivation| {
            let dialect = grammars.rule(&derivation).0;
            let whole = match derivation.follow {
                Follow::Nothing => true,
                Follow::Fold => dialect.runs_on(),
                Follow::Text => false,
            };
            Reading { dialect, source: derivation.source, whole, derivation }
        };
        let (readings, crowded) = match grammars.derive(&line, &folds(value), rules) {
            Ok(derivations) => (derivations.into_iter().map(reading).collect(), false),
            Err(Crowded) => (Vec::new(), true),
        };
        Self { line, readings, crowded, grammars }
    }

    /// Every reading, those of `general` last.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// The line without folds and field name.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether the line has more places and derivations than are followed; it has no readings then, and is ambiguous.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// The readings that count for a line by a relay with this dialect (none: no dialect is expected).
    ///
    /// Those that account for the whole line, of its own dialect and of any other; where the message's text can run into
    /// the MTA's line, up to the fold behind its last element. Those of `general`, whose form is anybody's, only where it
    /// is declared, or where no dialect is and none other reads the line.
    pub fn readings_for(&self, declared: Option<Dialect>) -> impl Iterator<Item = &Reading> {
        let known = |reading: &Reading| reading.whole && !matches!(reading.dialect, Dialect::General | Dialect::Loose);
        let general = match declared {
            Some(dialect) => dialect == Dialect::General,
            None => !self.readings.iter().any(known),
        };
        let general = move |reading: &Reading| general && reading.whole && reading.dialect == Dialect::General;
        self.readings.iter().filter(move |reading| known(reading) || general(reading))
    }

    /// Those of the readings for this dialect by which such a relay can have written the line: its own.
    ///
    /// Where no dialect is declared, only a plain reading is, and one with nothing behind it. Some dialects are taken to
    /// let white space or brackets stand in a HELO or reverse name in front of the peer; so read, a line may be another
    /// MTA's, and what looks like its beginning a stranger's text. Such a reading makes the line ambiguous, and never
    /// decides it.
    pub fn own_readings(&self, declared: Option<Dialect>) -> impl Iterator<Item = &Reading> {
        self.readings_for(declared).filter(move |reading| match declared {
            Some(dialect) => reading.dialect == dialect,
            None => reading.derivation.follow == Follow::Nothing && self.is_plain(reading),
        })
    }

    fn is_plain(&self, reading: &Reading) -> bool {
        // A date and its semicolon end what an MTA writes (RFC 5321 §4.4). With a second one, a stranger's line may have
        // ended at the first, peer and all, inside what looks like a HELO or a comment that runs on into the message.
        if self.line.iter().filter(|byte| **byte == b';').count() > 1 {
            return false;
        }
        // No pattern of a line without a peer lets more than a word stand in front of the host.
        if !matches!(reading.source, Source::Peer(_)) {
            return true;
        }
        // Without words of the MTA's own behind it, a comment in front of the host may be an open one of a client's.
        let between = &self.line[reading.derivation.peer.end..reading.derivation.by.start];
        let comments = between.iter().filter(|byte| **byte == b'(').count();
        if !reading.dialect.is_tagged() && (comments > 1 || between.contains(&b'[')) {
            return false;
        }
        // Most lines show it at once: `from name (name [`.
        let text = &self.line[..reading.derivation.peer.start];
        let mut words = text.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).skip(1);
        let marked =
            text.iter().any(|byte| matches!(byte, b')' | b'=')) || text.windows(3).any(|window| window == b"ELO");
        if !marked
            && words.next().is_some_and(|word| !word.contains(&b'('))
            && words.next().is_some_and(|word| word.starts_with(b"("))
            && words.next().is_none_or(|word| word.starts_with(b"["))
            && words.next().is_none()
        {
            return true;
        }
        let before = self.grammars.names_before_peer(&self.line, &reading.derivation);
        let word = |text: &[u8]| !text.iter().any(|byte| matches!(byte, b' ' | b'\t' | b'(' | b')'));
        // `from [192.0.2.1] (HELO [198.51.100.7])` has a client's word where others have TCP-info.
        let name = |text: &[u8]| {
            let marked =
                text.contains(&b'=') || text.eq_ignore_ascii_case(b"HELO") || text.eq_ignore_ascii_case(b"EHLO");
            word(text) && !marked
        };
        // A HELO of one word may hold brackets where the MTA's own words stand behind it.
        let helo = |text: &[u8]| {
            word(text) || (reading.dialect.is_tagged() && !text.iter().any(|byte| matches!(byte, b' ' | b'\t')))
        };
        before.helo.is_none_or(helo) && before.ident.is_none_or(word) && before.rdns.is_none_or(name)
    }

    /// Whether an earlier reading of the line places peer and host where this one does.
    pub(crate) fn repeats(&self, reading: &Reading) -> bool {
        let joints = |reading: &Reading| (reading.derivation.peer.clone(), reading.derivation.by.clone());
        let earlier = self.readings.iter().take_while(|earlier| !std::ptr::eq(*earlier, reading));
        earlier.into_iter().any(|earlier| joints(earlier) == joints(reading))
    }

    /// The distinct sources that the readings for this dialect name.
    pub fn sources(&self, declared: Option<Dialect>) -> Vec<Source> {
        let mut sources = Vec::with_capacity(1);
        for reading in self.readings_for(declared) {
            if !sources.contains(&reading.source) {
                sources.push(reading.source);
            }
        }
        sources
    }

    /// The host that wrote the line, by this reading of it; empty if the line names none.
    pub fn by(&self, reading: &Reading) -> &str {
        std::str::from_utf8(&self.line[reading.derivation.by.clone()]).expect("a host is ASCII by its grammar")
    }

    /// The clauses of this reading.
    pub fn clauses(&self, reading: &Reading) -> Clauses<'_> {
        self.grammars.clauses(&self.line, &reading.derivation)
    }

    /// What the client called itself and what DNS calls it, by this reading.
    pub fn names(&self, reading: &Reading) -> Clauses<'_> {
        self.grammars.names(&self.line, &reading.derivation)
    }

    /// When the relay took the message, as it wrote it.
    pub fn date(&self, reading: &Reading) -> &[u8] {
        date_in(&self.line[..reading.derivation.end])
    }

    /// The name of the rule behind this reading, for the proof.
    pub fn rule(&self, reading: &Reading) -> &'static str {
        self.grammars.rule(&reading.derivation).1
    }
}

/// The places of the unfolded line before which `value` is folded.
fn folds(value: &[u8]) -> Vec<usize> {
    let mut unfolded = 0;
    let mut folds = Vec::with_capacity(4);
    for physical in value.split_inclusive(|byte| *byte == b'\n') {
        if unfolded > 0 {
            folds.push(unfolded);
        }
        let text = physical.strip_suffix(b"\n").map(|rest| rest.strip_suffix(b"\r").unwrap_or(rest));
        unfolded += text.unwrap_or(physical).len();
    }
    folds
}

#[cfg(test)]
mod lines;
#[cfg(test)]
mod tests;
