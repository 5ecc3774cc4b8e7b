//! The zone: what is listed, under which serial, and until when.
//!
//! Enters: the operator's settings, and versions as changes of lists, of entries that passed the exemptions
//! ([`Admitted`], G6). Leaves: a [`Zone`], immutable and cheap to succeed, that says what it holds at an instant that
//! the caller names. It knows no packets and no clock.
//!
//! The test entries of RFC 5782 §5 are rules of the zone and no data: no version can add, change or remove them, and
//! an empty zone has them. Refused, silently, as no exemption check lets them pass: entries in 127.0.0.0/8 and in
//! `::/64`, where the test entries and their counterparts, never listed, have their names; and changes of a list that
//! the settings do not name, which a journal may hold from before.

mod name;
mod settings;
mod table;
mod fixed;
pub mod snapshot;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use fixed::Bits;
pub use fixed::{ANSWER_LIMIT, Alteration, Fixed, FixedBuilder, KeptOut, Value};
pub use name::{DomainName, LABEL_LIMIT, Label, LabelError, NAME_LIMIT, NameError};
pub use settings::*;
use table::Table;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Admitted;

/// The address that every list holds for testing (RFC 5782 §5).
pub const TEST_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Bytes of the labels of an IPv6 address's name: 32 nibbles of one character.
const IPV6_LABELS: usize = 64;

/// One change of one list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Lists an entry; if it is listed already, its end is replaced.
    List {
        /// Which of the zone's lists, in the order of the settings.
        list: usize,
        /// The entry with its end.
        entry: Admitted,
    },
    /// Delists an origin; if it is not listed, nothing happens.
    Delist {
        /// Which of the zone's lists, in the order of the settings.
        list: usize,
        /// The origin.
        origin: Origin,
    },
}

/// Which lists a question asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The combined zone: every list that is part of it.
    Combined,
    /// The zone of one list, in the order of the settings.
    List(usize),
}

/// All addresses whose names stand below one name: those that begin with some octets, or with some nibbles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefix {
    /// IPv4: the first octets, at the top of `bits`; the rest of `bits` is zero.
    V4 {
        /// The octets, left-aligned.
        bits: u32,
        /// How many octets, up to 4.
        octets: u32,
    },
    /// IPv6: the first nibbles, at the top of `bits`; the rest of `bits` is zero.
    V6 {
        /// The nibbles, left-aligned.
        bits: u128,
        /// How many nibbles, up to 32.
        nibbles: u32,
    },
}

impl Prefix {
    /// The one address, if all of it is given.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::V4 { bits, octets: 4 } => Some(IpAddr::V4(bits.into())),
            Self::V6 { bits, nibbles: 32 } => Some(IpAddr::V6(bits.into())),
            Self::V4 { .. } | Self::V6 { .. } => None,
        }
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4 { bits, octets }, IpAddr::V4(v4)) => {
                (v4.to_bits() ^ bits).checked_shr(32 - 8 * octets).is_none_or(|rest| rest == 0)
            }
            (Self::V6 { bits, nibbles }, IpAddr::V6(v6)) => {
                (v6.to_bits() ^ bits).checked_shr(128 - 4 * nibbles).is_none_or(|rest| rest == 0)
            }
            _ => false,
        }
    }
}

/// What one list says of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listing {
    /// Which of the zone's lists, in the order of the settings.
    pub list: usize,
    /// The Unix second at which it ends.
    pub until: u64,
}

/// What all versions of a zone have in common.
#[derive(Debug)]
struct Rules {
    settings: ZoneSettings,
    lists: Vec<ListSettings>,
    /// Each list's TXT answer, [`ADDRESS`] standing for the address.
    texts: Vec<String>,
}

/// One version of the zone, never changed once it is made.
///
/// A clone, a successor and everyone who holds one share what did not change.
#[derive(Clone, Debug)]
pub struct Zone {
    serial: u32,
    rules: Arc<Rules>,
    tables: Vec<Arc<Table>>,
    /// The Unix second at which the publisher was last heard of, 0 for never; shared by all versions.
    heard: Arc<AtomicU64>,
}

impl Zone {
    /// A zone with serial 0 that holds no more than its test entries and was never heard of.
    ///
    /// # Errors
    /// [`SettingsError`] where names, times or texts do not fit into DNS.
    pub fn empty(settings: ZoneSettings, lists: Vec<ListSettings>) -> Result<Self, SettingsError> {
        check(&settings, &lists)?;
        let text = |list: &ListSettings| format!("Listed in {}: {} See {}", list.label, list.reason, settings.page);
        let texts: Vec<String> = lists.iter().map(text).collect();
        for (list, text) in lists.iter().zip(&texts) {
            let length = text.len() + text.matches(ADDRESS).count() * (ADDRESS_TEXT_LIMIT - ADDRESS.len());
            if length > TEXT_LIMIT {
                return Err(SettingsError::TextLength(list.label.clone(), length));
            }
        }
        let empty = Arc::new(Table::empty());
        Ok(Self {
            serial: 0,
            tables: vec![empty; lists.len()],
            rules: Arc::new(Rules { settings, lists, texts }),
            heard: Arc::default(),
        })
    }

    /// The successor under `serial`, after `changes` in their order; this version stays as it is.
    pub fn with(&self, serial: u32, changes: &[Change]) -> Self {
        let mut edits = vec![Vec::new(); self.tables.len()];
        for change in changes {
            let (list, origin, end) = match *change {
                Change::List { list, entry } => (list, entry.origin(), Some(entry.until())),
                Change::Delist { list, origin } => (list, origin, None),
            };
            if let Some(edits) = edits.get_mut(list)
                && !belongs_to_rules(origin)
            {
                edits.push((origin, end));
            }
        }
        let mut next = Self { serial, ..self.clone() };
        for (table, edits) in next.tables.iter_mut().zip(edits) {
            if !edits.is_empty() {
                *table = Arc::new(table.with(&edits));
            }
        }
        next
    }

    /// A zone of the same settings that holds no more than its test entries.
    pub fn emptied(&self, serial: u32) -> Self {
        let empty = Arc::new(Table::empty());
        Self { serial, tables: vec![empty; self.tables.len()], ..self.clone() }
    }

    /// The serial of the SOA.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The names and times of the zone.
    pub fn settings(&self) -> &ZoneSettings {
        &self.rules.settings
    }

    /// The lists, in the order by which changes and scopes name them.
    pub fn lists(&self) -> &[ListSettings] {
        &self.rules.lists
    }

    /// A list's TXT answer, in which [`ADDRESS`] stands for the queried address.
    pub fn text(&self, list: usize) -> &str {
        self.rules.texts.get(list).map_or("", String::as_str)
    }

    /// Notes, for this version and all that share its history, that the publisher lived at `now` (Unix seconds).
    pub fn heard_from(&self, now: u64) {
        self.heard.store(now, Ordering::Relaxed);
    }

    /// The Unix second at which the publisher was last heard of; `None` if it never was.
    pub fn last_heard(&self) -> Option<u64> {
        Some(self.heard.load(Ordering::Relaxed)).filter(|heard| *heard != 0)
    }

    /// Whether nobody vouched for this zone for longer than `max_age`, or ever: then it must not be believed (G8).
    ///
    /// A sign of life from further ahead is no better: a clock was wrong, and could keep a dead zone alive for years.
    pub fn is_too_old(&self, now: u64) -> bool {
        self.last_heard().is_none_or(|heard| now.abs_diff(heard) > u64::from(self.rules.settings.max_age))
    }

    /// Until when one list holds `origin`, if it does at `now`: an entry past its end is not listed (G8).
    pub fn until(&self, list: usize, origin: Origin, now: u64) -> Option<u64> {
        self.tables.get(list)?.end(origin).filter(|until| *until > now)
    }

    /// The Unix second at which an entry of a list ends, past or not; none if there is no entry.
    pub fn end(&self, list: usize, origin: Origin) -> Option<u64> {
        self.tables.get(list)?.end(origin)
    }

    /// The /64s that a list holds in the same /48 as this one, with their ends, past or not.
    pub fn in_same_site(&self, list: usize, upper: u64) -> impl Iterator<Item = (Origin, u64)> {
        let site = upper & !0xffff;
        let table = self.tables.get(list).into_iter();
        table.flat_map(move |table| table.six_within(site..=site | 0xffff)).map(|(upper, end)| (Origin::V6(upper), end))
    }

    /// What the lists of `scope` say of `address` at `now`, in the order of the settings; test entries apart.
    ///
    /// An IPv6 address is listed with its /64. A v4-mapped one is taken as the IPv6 address that it is.
    pub fn listings(&self, scope: Scope, address: IpAddr, now: u64) -> impl Iterator<Item = Listing> + Clone {
        let origin = match address {
            IpAddr::V4(v4) => Origin::V4(v4),
            IpAddr::V6(v6) => Origin::V6((v6.to_bits() >> 64) as u64),
        };
        let listing = move |list| self.until(list, origin, now).map(|until| Listing { list, until });
        self.lists_in(scope).filter_map(listing)
    }

    /// The value of a test entry, if `address` is one in `scope` (RFC 5782 §5): 127.0.0.2 everywhere, the value of
    /// each list of the scope, and the v4-mapped forms of both.
    ///
    /// An address that is a value answers exactly that value. 127.0.0.2, where it is no list's value, answers the
    /// value of the scope's first list.
    pub fn test_value(&self, scope: Scope, address: IpAddr) -> Option<Code> {
        let quad = match address {
            IpAddr::V4(v4) => v4,
            IpAddr::V6(v6) => v6.to_ipv4_mapped()?,
        };
        let exact = self.codes(scope).find(|code| code.address() == quad);
        let first = || self.codes(scope).next().unwrap_or(Code::SPAM);
        exact.or_else(|| (quad == TEST_ADDRESS).then(first))
    }

    /// Whether a test entry of `scope` stands at or below the name of `prefix`.
    pub fn leads_to_test(&self, scope: Scope, prefix: Prefix) -> bool {
        let quads = self.codes(scope).map(Code::address).chain([TEST_ADDRESS]);
        quads.into_iter().any(|quad| match prefix {
            Prefix::V4 { .. } => prefix.holds(IpAddr::V4(quad)),
            Prefix::V6 { .. } => prefix.holds(IpAddr::V6(quad.to_ipv6_mapped())),
        })
    }

    /// Whether anything exists in `scope` at or below the name of `prefix` at `now` (RFC 8020 §2).
    ///
    /// Below the sixteen nibbles of a listed /64 everything does.
    pub fn exists(&self, scope: Scope, prefix: Prefix, now: u64) -> bool {
        let listed = |list: usize| match prefix {
            Prefix::V4 { bits, octets } => {
                let last = bits | u32::MAX.checked_shr(8 * octets).unwrap_or(0);
                self.tables[list].any_four(&(bits..=last), now)
            }
            Prefix::V6 { bits, nibbles } => {
                let last = bits | u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                self.tables[list].any_six(&((bits >> 64) as u64..=(last >> 64) as u64), now)
            }
        };
        self.leads_to_test(scope, prefix) || self.lists_in(scope).any(listed)
    }

    /// How many entries a list holds, those past their end included: IPv4, IPv6. Test entries do not count.
    pub fn counts(&self, list: usize) -> (usize, usize) {
        self.tables.get(list).map_or((0, 0), |table| table.counts())
    }

    /// A list's entries with the Unix seconds at which they end, past or not, in the order of [`Origin`].
    pub fn entries(&self, list: usize) -> impl Iterator<Item = (Origin, u64)> {
        self.tables.get(list).into_iter().flat_map(|table| table.entries())
    }

    fn lists_in(&self, scope: Scope) -> impl Iterator<Item = usize> + Clone {
        let one = match scope {
            Scope::Combined => None,
            Scope::List(list) => Some(list),
        };
        let lists = self.rules.lists.iter().enumerate();
        lists.filter(move |(at, list)| one.map_or(list.combined, |one| one == *at)).map(|(at, _)| at)
    }

    fn codes(&self, scope: Scope) -> impl Iterator<Item = Code> {
        self.lists_in(scope).map(|list| self.rules.lists[list].code)
    }
}

/// Whether an origin's names are those of the test entries, which no data may touch (RFC 5782 §5).
fn belongs_to_rules(origin: Origin) -> bool {
    match origin {
        Origin::V4(address) => address.is_loopback(),
        Origin::V6(upper) => upper == 0,
    }
}

/// Refuses settings that do not fit into DNS, the texts' length apart.
fn check(settings: &ZoneSettings, lists: &[ListSettings]) -> Result<(), SettingsError> {
    if !(1..=NAME_SERVER_LIMIT).contains(&settings.name_servers.len()) {
        return Err(SettingsError::NameServers);
    }
    if lists.len() > LIST_LIMIT {
        return Err(SettingsError::Lists);
    }
    let times = [settings.refresh, settings.retry, settings.expire, settings.minimum, settings.ttl];
    if settings.ttl == 0 || times.into_iter().any(|time| time > TIME_LIMIT) {
        return Err(SettingsError::Time);
    }
    let printable = |text: &str| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    for (at, list) in lists.iter().enumerate() {
        let label = &list.label;
        if lists[..at].iter().any(|earlier| earlier.label == *label) {
            return Err(SettingsError::SameLabel(label.clone()));
        }
        if IPV6_LABELS + 1 + label.as_str().len() + settings.name.wire().len() > NAME_LIMIT {
            return Err(SettingsError::NoRoom(label.clone()));
        }
        if !printable(&settings.page) || !printable(&list.reason) {
            return Err(SettingsError::Text(label.clone()));
        }
    }
    Ok(())
}

/// An entry for tests, which use documentation addresses: admitted by exemptions that exempt nothing.
#[cfg(test)]
pub(crate) fn admitted(origin: Origin, until: u64) -> Admitted {
    let none = firsthand_analyzer::listing::Exemptions::only([]);
    none.admit(origin, i64::try_from(until).unwrap_or(i64::MAX)).expect("nothing is exempt")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn lists() -> Vec<ListSettings> {
        let manual = ListSettings::of_file("manual".parse().unwrap(), "127.0.0.20".parse().unwrap(), true);
        vec![ListSettings::spam(), ListSettings::backscatter(), manual]
    }

    fn zone() -> Zone {
        Zone::empty(ZoneSettings::default(), lists()).unwrap()
    }

    fn list(list: usize, origin: Origin, until: u64) -> Change {
        Change::List { list, entry: admitted(origin, until) }
    }

    fn v4(text: &str) -> Origin {
        Origin::V4(text.parse().unwrap())
    }

    #[test]
    fn listing_again_replaces_the_end_and_the_predecessor_stays() {
        let origin = v4("192.0.2.1");
        let first = zone().with(7, &[list(0, origin, NOW + 5)]);
        let second = first.with(8, &[list(0, origin, NOW + 9), Change::Delist { list: 1, origin }]);
        let third = second.with(9, &[Change::Delist { list: 0, origin }]);
        assert_eq!([first.serial(), second.serial(), third.serial()], [7, 8, 9]);
        assert_eq!(first.until(0, origin, NOW), Some(NOW + 5));
        assert_eq!(second.until(0, origin, NOW), Some(NOW + 9));
        assert_eq!(third.until(0, origin, NOW), None);
        assert_eq!((second.counts(0), second.counts(1)), ((1, 0), (0, 0)));
        assert_eq!(second.entries(0).collect::<Vec<_>>(), [(origin, NOW + 9)]);
    }

    /// G8: never a listing past its end, even if nobody removes it; nor does its name exist any longer.
    #[test]
    fn an_entry_ends_by_itself() {
        let zone = zone().with(1, &[list(0, v4("192.0.2.1"), NOW + 1), list(0, Origin::V6(0x2001 << 48), NOW + 1)]);
        let (four, six) = (Prefix::V4 { bits: 192 << 24, octets: 1 }, Prefix::V6 { bits: 0x2001 << 112, nibbles: 4 });
        for (now, listed) in [(NOW, true), (NOW + 1, false)] {
            assert_eq!(zone.until(0, v4("192.0.2.1"), now).is_some(), listed);
            assert_eq!(zone.listings(Scope::Combined, "2001::1".parse().unwrap(), now).count() == 1, listed);
            assert_eq!(zone.exists(Scope::Combined, four, now), listed);
            assert_eq!(zone.exists(Scope::Combined, six, now), listed);
        }
    }

    /// 5782-5-a to 5-f: the test entries are rules; no version lists 127.0.0.1, ::ffff:7f00:1 or takes 127.0.0.2 away.
    #[test]
    fn no_version_touches_the_test_entries() {
        let changes = [
            list(0, v4("127.0.0.1"), u64::MAX),
            list(0, v4("127.9.9.9"), u64::MAX),
            list(0, Origin::V6(0), u64::MAX),
            Change::Delist { list: 0, origin: v4("127.0.0.2") },
            list(9, v4("192.0.2.1"), u64::MAX),
        ];
        for zone in [zone(), zone().with(1, &changes)] {
            assert_eq!(zone.counts(0), (0, 0));
            let value = |scope, text: &str| zone.test_value(scope, text.parse().unwrap()).map(|code| code.to_string());
            assert_eq!(value(Scope::Combined, "127.0.0.2").as_deref(), Some("127.0.0.2"));
            assert_eq!(value(Scope::Combined, "::ffff:7f00:2").as_deref(), Some("127.0.0.2"));
            assert_eq!(value(Scope::Combined, "127.0.0.20").as_deref(), Some("127.0.0.20"));
            assert_eq!(value(Scope::Combined, "127.0.0.5"), None);
            assert_eq!(value(Scope::List(1), "127.0.0.2").as_deref(), Some("127.0.0.5"));
            assert_eq!(value(Scope::List(1), "127.0.0.5").as_deref(), Some("127.0.0.5"));
            assert_eq!(value(Scope::List(1), "127.0.0.20"), None);
            for text in ["127.0.0.1", "::ffff:7f00:1", "::7f00:2", "::2"] {
                let address = text.parse().unwrap();
                for scope in [Scope::Combined, Scope::List(0), Scope::List(1), Scope::List(2)] {
                    assert_eq!((value(scope, text), zone.listings(scope, address, 0).count()), (None, 0), "{text}");
                }
            }
        }
    }

    /// G8: the age is that of the last sign of life, for all versions at once.
    #[test]
    fn versions_share_the_heartbeat() {
        let first = zone();
        assert!(first.is_too_old(NOW) && first.last_heard().is_none());
        let second = first.with(1, &[]);
        second.heard_from(NOW);
        assert_eq!(first.last_heard(), Some(NOW));
        assert!(!first.is_too_old(NOW + 3600) && !first.is_too_old(NOW - 99));
        assert!(first.is_too_old(NOW + 3601) && first.is_too_old(NOW - 3601));
    }

    #[test]
    fn settings_that_do_not_fit_are_refused() {
        let refused = |change: fn(&mut ZoneSettings, &mut Vec<ListSettings>)| {
            let (mut settings, mut lists) = (ZoneSettings::default(), lists());
            change(&mut settings, &mut lists);
            Zone::empty(settings, lists).unwrap_err()
        };
        let spam = || ListSettings::spam().label;
        assert_eq!(refused(|settings, _| settings.name_servers.clear()), SettingsError::NameServers);
        assert_eq!(refused(|_, lists| lists.push(ListSettings::spam())), SettingsError::SameLabel(spam()));
        assert_eq!(refused(|_, lists| *lists = vec![ListSettings::spam(); 65]), SettingsError::Lists);
        assert_eq!(refused(|settings, _| settings.ttl = 0), SettingsError::Time);
        assert_eq!(refused(|settings, _| settings.expire = u32::MAX), SettingsError::Time);
        assert_eq!(refused(|settings, _| settings.page = "http://\u{e4}/".into()), SettingsError::Text(spam()));
        assert_eq!(refused(|_, lists| lists[0].reason = "a\nb".into()), SettingsError::Text(spam()));
        let long = refused(|settings, _| settings.page = format!("http://{}", "x".repeat(200)));
        assert!(matches!(long, SettingsError::TextLength(label, length) if label == spam() && length > 200));
        let deep = refused(|settings, _| settings.name = ["a"; 94].join(".").parse().unwrap());
        assert_eq!(deep, SettingsError::NoRoom(spam()));
    }
}
