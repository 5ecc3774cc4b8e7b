//! What the operator says about the zone: its name and times, its lists and what they answer.
//!
//! Enters: values of the settings file. Leaves: [`ZoneSettings`] and [`ListSettings`], whose defaults are the
//! documented constants below. Refused: values outside 127.0.0.0/8, by type; what does not fit together is refused
//! by [`Zone::empty`](super::Zone::empty) with a [`SettingsError`].

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::name::{DomainName, Label};

/// Default zone name.
pub const DEFAULT_NAME: &str = "bl.example";
/// Default name server.
pub const DEFAULT_NAME_SERVER: &str = "ns.example";
/// Default mailbox of the zone's operator.
pub const DEFAULT_CONTACT: &str = "hostmaster@bl.example";
/// Default page that TXT answers point to.
pub const DEFAULT_PAGE: &str = "http://127.0.0.1:8080/address/{address}";
/// Default SOA refresh, seconds (5782-4: minutes, as a trap-fed list changes).
pub const DEFAULT_REFRESH: u32 = 600;
/// Default SOA retry, seconds.
pub const DEFAULT_RETRY: u32 = 300;
/// Default SOA expire, seconds: how long a foreign secondary may outlive us (G8).
pub const DEFAULT_EXPIRE: u32 = 86_400;
/// Default SOA minimum, seconds: how long "not listed" may be cached (RFC 2308 §4), hence the time to protect.
pub const DEFAULT_MINIMUM: u32 = 60;
/// Default TTL, seconds: the most that any record of the zone may be cached.
pub const DEFAULT_TTL: u32 = 300;
/// Default age, seconds, after which a zone is too old to trust (G8).
pub const DEFAULT_MAX_AGE: u32 = 3600;

/// Stands for the queried address in a page and in a list's reason.
pub const ADDRESS: &str = "{address}";
/// The longest TXT answer, in bytes: a small factor for whoever would use us as an amplifier.
pub const TEXT_LIMIT: usize = 200;
/// The longest text of an address (RFC 5952: eight groups of four digits).
pub const ADDRESS_TEXT_LIMIT: usize = 39;
/// The most lists that one zone holds; with [`TEXT_LIMIT`] it keeps every answer within one TCP message.
pub const LIST_LIMIT: usize = 64;
/// The most name servers that one zone has.
pub const NAME_SERVER_LIMIT: usize = 16;
/// The longest time that DNS can carry, in seconds (RFC 2181 §8).
pub const TIME_LIMIT: u32 = i32::MAX as u32;

/// The value of a list, which an A record carries: 127.a.b.c.
///
/// It holds the lower 24 bits alone, so a value outside 127.0.0.0/8 is impossible (RFC 5782 §7), and it must never be
/// 127.0.0.0 or 127.0.0.1, since 127.0.0.1 is never listed (RFC 5782 §5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Code([u8; 3]);

/// Why an address is no list's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CodeError {
    /// The text is no IPv4 address.
    NoAddress,
    /// The address lies outside 127.0.0.0/8 (RFC 5782 §2.3).
    OutsideLoopback,
    /// 127.0.0.0 and 127.0.0.1 are nobody's value (RFC 5782 §5).
    NeverListed,
}

impl Code {
    /// 127.0.0.2: the value of `spam`, and of every list's first test entry.
    pub const SPAM: Self = Self([0, 0, 2]);
    /// 127.0.0.5: the value of `backscatter`.
    pub const BACKSCATTER: Self = Self([0, 0, 5]);
    /// 127.0.0.8: the value of `mixed`.
    pub const MIXED: Self = Self([0, 0, 8]);

    /// The address that an A record carries.
    pub const fn address(self) -> Ipv4Addr {
        let [a, b, c] = self.0;
        Ipv4Addr::new(127, a, b, c)
    }
}

impl TryFrom<Ipv4Addr> for Code {
    type Error = CodeError;

    fn try_from(address: Ipv4Addr) -> Result<Self, CodeError> {
        match address.octets() {
            [127, 0, 0, 0 | 1] => Err(CodeError::NeverListed),
            [127, a, b, c] => Ok(Self([a, b, c])),
            _ => Err(CodeError::OutsideLoopback),
        }
    }
}

impl FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        text.parse::<Ipv4Addr>().map_err(|_| CodeError::NoAddress)?.try_into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(out)
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoAddress => "a list's code must be an IPv4 address such as 127.0.0.20",
            Self::OutsideLoopback => "a list's code must lie in 127.0.0.0/8 (RFC 5782 section 2.3)",
            Self::NeverListed => "a list's code must not be 127.0.0.0 or 127.0.0.1 (RFC 5782 section 5)",
        })
    }
}

impl std::error::Error for CodeError {}

/// One list as the zone shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListSettings {
    /// Its label, and that of its own zone below the combined one.
    pub label: Label,
    /// What its A records say.
    pub code: Code,
    /// Whether the combined zone holds it too.
    pub combined: bool,
    /// What its TXT records say of [`ADDRESS`], after the list's label and before the page: printable ASCII.
    pub reason: String,
    /// Whether its entries come from a file of the operator's, and no version changes them.
    pub from_file: bool,
}

impl ListSettings {
    /// `spam`: the one list of the combined zone.
    pub fn spam() -> Self {
        Self::of_ours("spam", Code::SPAM, true, "mail from {address} reached spam traps.")
    }

    /// `backscatter`: to be used on the null sender only.
    pub fn backscatter() -> Self {
        Self::of_ours(
            "backscatter",
            Code::BACKSCATTER,
            false,
            "bounces or automatic answers from {address} reached traps.",
        )
    }

    /// `mixed`: for scoring, never for blocking.
    pub fn mixed() -> Self {
        Self::of_ours("mixed", Code::MIXED, false, "mail or automatic answers from {address} reached traps.")
    }

    /// A list that the operator keeps in a file.
    pub fn of_file(label: Label, code: Code, combined: bool) -> Self {
        Self { label, code, combined, reason: "{address} is on this list.".to_owned(), from_file: true }
    }

    /// A list of evidence beside ours, for tests that need more than three.
    #[cfg(test)]
    pub(crate) fn of_evidence(label: Label, code: Code, combined: bool) -> Self {
        Self { from_file: false, ..Self::of_file(label, code, combined) }
    }

    fn of_ours(label: &str, code: Code, combined: bool, reason: &str) -> Self {
        let label = label.parse().expect("the labels of our own lists obey RFC 5782");
        Self { label, code, combined, reason: reason.to_owned(), from_file: false }
    }
}

/// How far a list is on its way out of service (RFC 6471 §3.4): it ends without ever listing the Internet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Sunset {
    /// It stays.
    #[default]
    No,
    /// It is served as ever, and the apex has a TXT record that tells of the end.
    Announced,
    /// It lists nobody; the test entries are there.
    Empty,
    /// The test entries are gone as well, by which clients see that the list is out of service (§3.3).
    Off,
}

/// The zone's name, contacts and times.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZoneSettings {
    /// The apex, which is the combined zone.
    pub name: DomainName,
    /// The NS records; the first is the SOA's primary. At least one.
    pub name_servers: Vec<DomainName>,
    /// The operator's mailbox as a name ([`DomainName::from_mailbox`]).
    pub contact: DomainName,
    /// Where TXT answers send a reader; [`ADDRESS`] stands for the queried address.
    pub page: String,
    /// SOA refresh, seconds.
    pub refresh: u32,
    /// SOA retry, seconds.
    pub retry: u32,
    /// SOA expire, seconds.
    pub expire: u32,
    /// SOA minimum, seconds: the most that a negative answer may be cached (RFC 2308 §4).
    pub minimum: u32,
    /// The most, in seconds, that any record may be cached; at least 1.
    pub ttl: u32,
    /// Seconds of silence of the publisher after which the zone is too old to trust (G8).
    pub max_age: u32,
    /// How far it is on its way out of service.
    pub sunset: Sunset,
}

impl Default for ZoneSettings {
    fn default() -> Self {
        let name = |text: &str| text.parse().expect("the default names are names");
        Self {
            name: name(DEFAULT_NAME),
            name_servers: vec![name(DEFAULT_NAME_SERVER)],
            contact: DomainName::from_mailbox(DEFAULT_CONTACT).expect("the default contact is a mailbox"),
            page: DEFAULT_PAGE.to_owned(),
            refresh: DEFAULT_REFRESH,
            retry: DEFAULT_RETRY,
            expire: DEFAULT_EXPIRE,
            minimum: DEFAULT_MINIMUM,
            ttl: DEFAULT_TTL,
            max_age: DEFAULT_MAX_AGE,
            sunset: Sunset::No,
        }
    }
}

/// Why settings make no zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SettingsError {
    /// No name server, or more than [`NAME_SERVER_LIMIT`].
    NameServers,
    /// More than [`LIST_LIMIT`] lists.
    Lists,
    /// Two lists have this label.
    SameLabel(Label),
    /// Below this list's zone, the name of an IPv6 address would be longer than DNS can carry.
    NoRoom(Label),
    /// A TTL of 0, or a time of more than [`TIME_LIMIT`] seconds.
    Time,
    /// The page or this list's reason holds something else than printable ASCII.
    Text(Label),
    /// This list's TXT answers could grow to so many bytes, more than [`TEXT_LIMIT`].
    TextLength(Label, usize),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameServers => write!(out, "the zone must have 1 to {NAME_SERVER_LIMIT} name servers"),
            Self::Lists => write!(out, "the zone holds at most {LIST_LIMIT} lists"),
            Self::SameLabel(label) => write!(out, "two lists are named \"{label}\""),
            Self::NoRoom(label) => {
                write!(out, "the zone's name is too long: IPv6 names below \"{label}\" would pass 255 bytes")
            }
            Self::Time => write!(out, "the TTL must be at least 1 s, and no time above {TIME_LIMIT} s"),
            Self::Text(label) => {
                write!(out, "the page and the reason of list \"{label}\" must be printable ASCII")
            }
            Self::TextLength(label, length) => write!(
                out,
                "TXT answers of list \"{label}\" could have {length} bytes, {TEXT_LIMIT} at most: shorten page or label"
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// 5782-7: values outside 127/8 are impossible by type; 5782-5-b: 127.0.0.1 is nobody's value.
    #[test]
    fn a_code_lies_in_127_and_is_never_127_0_0_1() {
        for text in ["127.0.0.2", "127.0.0.20", "127.255.255.255", "127.1.0.1", "127.0.1.0"] {
            assert_eq!(text.parse::<Code>().unwrap().to_string(), text);
        }
        assert_eq!("127.0.0.1".parse::<Code>(), Err(CodeError::NeverListed));
        assert_eq!("127.0.0.0".parse::<Code>(), Err(CodeError::NeverListed));
        assert_eq!("128.0.0.2".parse::<Code>(), Err(CodeError::OutsideLoopback));
        assert_eq!("127.0.0".parse::<Code>(), Err(CodeError::NoAddress));
        assert_eq!(Code::SPAM.address(), Ipv4Addr::new(127, 0, 0, 2));
    }

    /// 5782-4: refresh and TTL are minutes; 8020-ours: negative TTL within 60 to 300 s.
    #[test]
    fn the_defaults_are_those_of_the_design() {
        let settings = ZoneSettings::default();
        assert_eq!((settings.refresh, settings.retry, settings.expire), (600, 300, 86_400));
        assert_eq!((settings.minimum, settings.ttl, settings.max_age), (60, 300, 3600));
        assert_eq!(settings.contact.to_string(), "hostmaster.bl.example");
    }
}
