//! The published listings as text, for those who serve them elsewhere.
//!
//! Enters: a [`Zone`] that holds the lists to be exported and no other, and the instant at which it is read. Leaves: one
//! of the [`Format`]s, written as it is read, so that no more than an entry is in hand. Nothing leaves that DNS does not
//! tell anyway: addresses, lists, values, reasons, ends. Entries past their end stay out (G8); exempt ones cannot be in a
//! [`Zone`] (G6). Test entries (RFC 5782 §5) go where names are served (`rbldnsd`, `zone`), and nowhere else: a filter
//! or a policy zone fed with 127.0.0.2 would hit the answers of every blocklist.
//!
//! Every format but `json` ends with a comment that says so, so that a file cut short can be told from a whole one; JSON
//! cut short is no JSON.

mod rbldnsd;
mod master;
mod policy;
mod plain;
mod json;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use firsthand_analyzer::address::Origin;
use jiff::Timestamp;

use crate::zone::{ADDRESS, Code, DomainName, ListSettings, Scope, TEST_ADDRESS, Zone};

/// The form of an export.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One dataset of type `combined` for rbldnsd, both families and each list's own zone in it.
    Rbldnsd,
    /// A master file (RFC 1035 §5) of the whole zone.
    Zone,
    /// A response policy zone, by the addresses that answers point to (`rpz-ip`).
    Rpz,
    /// An address or a /64 a line.
    Plain,
    /// One JSON document.
    Json,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Rbldnsd, Self::Zone, Self::Rpz, Self::Plain, Self::Json];

    /// The word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rbldnsd => "rbldnsd",
            Self::Zone => "zone",
            Self::Rpz => "rpz",
            Self::Plain => "plain",
            Self::Json => "json",
        }
    }

    /// The format of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// What is exported.
pub struct Export<'a> {
    /// The lists to be exported, and no other.
    pub zone: &'a Zone,
    /// The name servers of `rbldnsd` and `zone`, in place of the zone's own; at least one.
    pub name_servers: &'a [DomainName],
    /// The primary that their SOA names.
    pub primary: &'a DomainName,
    /// The static lists that the zone holds and the export does not.
    pub left_out: &'a [LeftOut],
    /// The Unix second at which it is made: what has ended by then stays out.
    pub now: u64,
    /// Told of each entry that was read, with how many listings it has.
    pub read: &'a dyn Fn(usize),
}

/// A static list, which is a file already: a copy that is to answer as the service does must load it, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOut {
    /// Its label.
    pub list: String,
    /// Its files, as a line for people may show them.
    pub files: String,
    /// The names under which the service holds it.
    pub zones: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, files, zones } = self;
        write!(out, "{zones} also holds the static list {list} ({files}), which is not in here: load it beside this")
    }
}

/// What one list says of an origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Listed {
    /// Which of the zone's lists, in the order of the settings.
    list: usize,
    /// The Unix second at which it ends.
    until: u64,
}

/// All that the lists say of one origin.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    origin: Origin,
    /// In the order of the lists; never empty.
    listings: Vec<Listed>,
}

impl Export<'_> {
    /// Writes all of it, and says how many entries that were: in a format that keeps lists apart, an origin counts in each.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<u64> {
        match format {
            Format::Rbldnsd => rbldnsd::write(self, out),
            Format::Zone => master::write(self, out),
            Format::Rpz => policy::write(self, out),
            Format::Plain => plain::write(self, out),
            Format::Json => json::write(self, out),
        }
    }

    /// The entries in the order of their addresses, IPv4 first.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let list = |list: usize| self.of_list(list).map(move |(origin, until)| (origin, Listed { list, until }));
        let mut lists: Vec<_> = (0..self.zone.lists().len()).map(|index| list(index).peekable()).collect();
        std::iter::from_fn(move || {
            let origin = lists.iter_mut().filter_map(|list| list.peek().map(|(origin, _)| *origin)).min()?;
            let mut listings = Vec::with_capacity(1);
            for list in &mut lists {
                listings.extend(list.next_if(|(next, _)| *next == origin).map(|(_, listing)| listing));
            }
            (self.read)(listings.len());
            Some(Entry { origin, listings })
        })
    }

    /// What one list holds, with the ends.
    fn of_list(&self, list: usize) -> impl Iterator<Item = (Origin, u64)> {
        self.zone.entries(list).filter(|(_, until)| *until > self.now)
    }

    /// How long, in seconds, a record may be cached that is right until then (G8).
    fn ttl(&self, until: u64) -> u32 {
        let longest = self.zone.settings().ttl;
        u32::try_from(until.saturating_sub(self.now)).map_or(longest, |left| left.min(longest))
    }

    /// Whose zone it is, which version, when it was made and of which lists: a line for people.
    fn title(&self) -> String {
        let settings = self.zone.settings();
        let list = |list: &ListSettings| format!("{} ({})", list.label, list.code);
        let lists: Vec<String> = self.zone.lists().iter().map(list).collect();
        format!(
            "{}, serial {}, made {}, lists: {}",
            settings.name,
            self.zone.serial(),
            moment(self.now),
            lists.join(", ")
        )
    }

    /// Writes the title, and a line for each list that is left out, behind a comment sign.
    fn write_title(&self, sign: char, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{sign} {}", self.title())?;
        self.left_out.iter().try_for_each(|list| writeln!(out, "{sign} {list}"))
    }

    /// The SOA's data behind the names: serial and times.
    fn soa_numbers(&self) -> String {
        let settings = self.zone.settings();
        let times = [settings.refresh, settings.retry, settings.expire, settings.minimum];
        times.iter().fold(self.zone.serial().to_string(), |text, time| format!("{text} {time}"))
    }

    /// The test entries of a scope, with their values (RFC 5782 §5).
    fn test_entries(&self, scope: Scope) -> BTreeMap<Ipv4Addr, Code> {
        let codes = self.zone.lists().iter().enumerate().filter_map(|(index, list)| match scope {
            Scope::Combined => list.combined.then_some(list.code),
            Scope::List(one) => (one == index).then_some(list.code),
        });
        let addresses = codes.map(Code::address).chain([TEST_ADDRESS]);
        let value = |address: Ipv4Addr| Some((address, self.zone.test_value(scope, IpAddr::V4(address))?));
        addresses.filter_map(value).collect()
    }

    /// The combined zone, then each list's own, with the labels that stand before the zone's name.
    fn scopes(&self) -> impl Iterator<Item = (Scope, Option<&str>)> {
        let own = self.zone.lists().iter().enumerate();
        let own = own.map(|(index, list)| (Scope::List(index), Some(list.label.as_str())));
        std::iter::once((Scope::Combined, None)).chain(own)
    }

    /// Whether the zone of `scope` holds what a list says.
    fn holds(&self, scope: Scope, list: usize) -> bool {
        match scope {
            Scope::Combined => self.zone.lists().get(list).is_some_and(|list| list.combined),
            Scope::List(one) => one == list,
        }
    }
}

/// A Unix second in RFC 3339.
fn moment(second: u64) -> String {
    let second = i64::try_from(second).unwrap_or(i64::MAX);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX).to_string()
}

/// How a file ends, behind its comment sign.
fn ending(count: u64) -> String {
    format!("end of export, {count} {}", if count == 1 { "entry" } else { "entries" })
}

/// A text of a list with `address` where the queried address goes.
fn filled(text: &str, address: &dyn fmt::Display) -> String {
    text.replace(ADDRESS, &address.to_string())
}

/// A domain name as master files have it, absolute. What could mean something there stands behind a backslash.
fn absolute(name: &DomainName) -> String {
    let mut text = String::new();
    let mut rest = name.wire();
    while let Some((length, after)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let (label, after) = after.split_at(usize::from(*length));
        for byte in label {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                text.push('\\');
            }
            text.push(char::from(*byte));
        }
        text.push('.');
        rest = after;
    }
    text
}
