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
mod search;
mod table;
mod fixed;
pub mod snapshot;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use fixed::Bits;
pub use fixed::{ANSWER_LIMIT, Alteration, Fixed, FixedBuilder, KeptOut, Value};
pub use name::{DomainName, LABEL_LIMIT, Label, LabelError, NAME_LIMIT, NameError};
pub use settings::*;
use table::Table;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Admitted;
use ipnet::IpNet;

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
}

/// What one list says of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listing<'z> {
    /// Which of the zone's lists, in the order of the settings.
    pub list: usize,
    /// What an A record says.
    pub code: Code,
    /// The most, in seconds, that it may be cached.
    pub ttl: u32,
    /// Its entry, where the list is a file.
    value: Option<&'z Value>,
}

/// Why a zone cannot say that an address is not listed (G8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ignorance {
    /// The publisher was never heard of, or a file was never read.
    NotReady,
    /// Nobody vouched for what it holds for too long.
    TooOld,
}

/// What one list holds.
#[derive(Clone, Debug)]
enum Content {
    /// What versions say.
    Evidence(Arc<Table>),
    /// What the operator's file says; nothing is known until it was read.
    File(Option<Arc<Fixed>>),
}

impl Content {
    fn evidence(&self) -> Option<&Table> {
        match self {
            Self::Evidence(table) => Some(table),
            Self::File(_) => None,
        }
    }

    /// A file's entries, if they may be believed at `now`.
    fn file(&self, now: u64) -> Option<&Fixed> {
        match self {
            Self::Evidence(_) => None,
            Self::File(fixed) => fixed.as_deref().filter(|fixed| fixed.expires().is_none_or(|last| now <= last)),
        }
    }
}

/// What all versions of a zone have in common.
#[derive(Debug)]
struct Rules {
    settings: ZoneSettings,
    lists: Vec<ListSettings>,
    /// Each list's TXT answer, [`ADDRESS`] standing for the address.
    texts: Vec<String>,
    /// The lists of the combined zone.
    combined: Vec<usize>,
    /// Each list by itself, as a scope has it.
    single: Vec<usize>,
}

/// One version of the zone, never changed once it is made.
///
/// A clone, a successor and everyone who holds one share what did not change.
#[derive(Clone, Debug)]
pub struct Zone {
    serial: u32,
    rules: Arc<Rules>,
    contents: Vec<Content>,
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
        let combined = (0..lists.len()).filter(|list| lists[*list].combined).collect();
        let single = (0..lists.len()).collect();
        let empty = Content::Evidence(Arc::new(Table::empty()));
        let content = |list: &ListSettings| if list.from_file { Content::File(None) } else { empty.clone() };
        Ok(Self {
            serial: 0,
            contents: lists.iter().map(content).collect(),
            rules: Arc::new(Rules { settings, lists, texts, combined, single }),
            heard: Arc::default(),
        })
    }

    /// The successor under `serial`, after `changes` in their order; this version stays as it is.
    pub fn with(&self, serial: u32, changes: &[Change]) -> Self {
        let mut edits = vec![Vec::new(); self.contents.len()];
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
        for (content, edits) in next.contents.iter_mut().zip(edits) {
            if let Content::Evidence(table) = content
                && !edits.is_empty()
            {
                *table = Arc::new(table.with(&edits));
            }
        }
        next
    }

    /// The zone with other entries of a list that is a file; under the same serial, as no version says this.
    pub fn with_file(&self, list: usize, entries: Arc<Fixed>) -> Self {
        let mut next = self.clone();
        if let Some(Content::File(fixed)) = next.contents.get_mut(list) {
            *fixed = Some(entries);
        }
        next
    }

    /// The zone without what the operator's files say of these networks (G6).
    pub fn without(&self, networks: &[IpNet]) -> Self {
        let mut next = self.clone();
        for content in &mut next.contents {
            if let Content::File(Some(fixed)) = content {
                *fixed = Arc::new(fixed.without(networks));
            }
        }
        next
    }

    /// A zone of the same settings whose evidence lists nobody.
    pub fn emptied(&self, serial: u32) -> Self {
        let mut next = Self { serial, ..self.clone() };
        let empty = Arc::new(Table::empty());
        for content in &mut next.contents {
            if let Content::Evidence(table) = content {
                *table = Arc::clone(&empty);
            }
        }
        next
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
        self.end(list, origin).filter(|until| *until > now)
    }

    /// The Unix second at which an entry of a list ends, past or not; none if there is no entry.
    pub fn end(&self, list: usize, origin: Origin) -> Option<u64> {
        self.contents.get(list)?.evidence()?.end(origin)
    }

    /// The /64s that a list holds in the same /48 as this one, with their ends, past or not.
    pub fn in_same_site(&self, list: usize, upper: u64) -> impl Iterator<Item = (Origin, u64)> {
        let site = upper & !0xffff;
        let table = self.contents.get(list).and_then(Content::evidence).into_iter();
        table.flat_map(move |table| table.six_within(site..=site | 0xffff)).map(|(upper, end)| (Origin::V6(upper), end))
    }

    /// What the lists of `scope` say of `address` at `now`, in the order of the settings; test entries apart, and
    /// without what cannot be believed any more ([`Self::ignorance`]).
    ///
    /// Evidence lists an IPv6 address with its /64. A v4-mapped one is taken as the IPv6 address that it is.
    pub fn listings(&self, scope: Scope, address: IpAddr, now: u64) -> Listings<'_> {
        let lists = if self.is_emptied() { &[] } else { self.lists_in(scope) };
        Listings { zone: self, address, now, lists: lists.iter(), file: (0, 0, [].iter()) }
    }

    /// Appends the text of a listing: its entry's own, or its list's.
    pub fn write_text(&self, listing: &Listing<'_>, address: IpAddr, out: &mut Vec<u8>) {
        if let Some(value) = listing.value.filter(|value| value.has_text()) {
            return value.write_text(address, out);
        }
        for (at, piece) in self.text(listing.list).split(ADDRESS).enumerate() {
            if at > 0 {
                // RFC 5952 is how the standard library writes addresses; a v4-mapped one keeps its dotted end.
                write!(out, "{address}").expect("a vector takes what is written");
            }
            out.extend_from_slice(piece.as_bytes());
        }
    }

    /// Whether two listings of one address have the same text.
    pub fn says_the_same(&self, one: &Listing<'_>, other: &Listing<'_>) -> bool {
        let own = |value: &&Value| value.has_text();
        match (one.value.filter(own), other.value.filter(own)) {
            (None, None) => one.list == other.list,
            (Some(one), Some(other)) => one.same_text(other),
            _ => false,
        }
    }

    /// Whether what a list says may be believed at `now`.
    pub fn is_known(&self, list: usize, now: u64) -> bool {
        self.ignorance(Scope::List(list), now).is_none()
    }

    /// Whether the list is so far out of service that nobody is on it.
    fn is_emptied(&self) -> bool {
        self.rules.settings.sunset >= Sunset::Empty
    }

    /// Why `scope` cannot say at `now` that something is not listed; none if it can.
    pub fn ignorance(&self, scope: Scope, now: u64) -> Option<Ignorance> {
        if self.is_emptied() {
            return None;
        }
        let lists = self.lists_in(scope);
        if lists.is_empty() {
            return self.ignorance_of_evidence(now);
        }
        lists.iter().find_map(|list| match &self.contents[*list] {
            Content::Evidence(_) => self.ignorance_of_evidence(now),
            Content::File(None) => Some(Ignorance::NotReady),
            content => content.file(now).is_none().then_some(Ignorance::TooOld),
        })
    }

    /// Why what the serial tells of, the evidence, may not be believed at `now`; none if it may. Files have no part in the
    /// serial.
    pub fn ignorance_of_evidence(&self, now: u64) -> Option<Ignorance> {
        match self.last_heard() {
            _ if self.is_emptied() => None,
            None => Some(Ignorance::NotReady),
            Some(_) => self.is_too_old(now).then_some(Ignorance::TooOld),
        }
    }

    /// Reads what [`Self::listings`] will wait for, for a batch at once: list by list, in loops that are so short that a core
    /// waits for many of them at a time. The number means nothing.
    pub fn touch(&self, asked: &[(Scope, IpAddr)]) -> usize {
        let mut sum = 0usize;
        for (list, content) in self.contents.iter().enumerate() {
            let combined = self.rules.combined.contains(&list);
            let holds = |scope| match scope {
                Scope::Combined => combined,
                Scope::List(one) => one == list,
            };
            for (_, address) in asked.iter().filter(|(scope, _)| holds(*scope)) {
                sum = sum.wrapping_add(match (content, *address) {
                    (Content::Evidence(table), IpAddr::V4(v4)) => table.touch(v4),
                    (Content::File(Some(fixed)), address) => fixed.touch(address),
                    _ => 0,
                });
            }
        }
        sum
    }

    /// The value of a test entry, if `address` is one in `scope` (RFC 5782 §5): 127.0.0.2 everywhere, each value that
    /// a list of the scope can give, and the v4-mapped forms of both.
    ///
    /// An address that is a value answers exactly that value. 127.0.0.2, where it is no list's value, answers the
    /// value of the scope's first list.
    pub fn test_value(&self, scope: Scope, address: IpAddr) -> Option<Code> {
        let quad = match address {
            IpAddr::V4(v4) => v4,
            IpAddr::V6(v6) => v6.to_ipv4_mapped()?,
        };
        if !quad.is_loopback() || self.rules.settings.sunset == Sunset::Off {
            return None;
        }
        let exact = Code::try_from(quad).ok().filter(|_| self.gives(scope, quad..=quad));
        let first = || self.lists_in(scope).first().map_or(Code::SPAM, |list| self.rules.lists[*list].code);
        exact.or_else(|| (quad == TEST_ADDRESS).then(first))
    }

    /// Whether a test entry of `scope` stands at or below the name of `prefix`.
    pub fn leads_to_test(&self, scope: Scope, prefix: Prefix) -> bool {
        if self.rules.settings.sunset == Sunset::Off {
            return false;
        }
        let (first, last) = match prefix {
            Prefix::V4 { bits, octets } => (bits, bits | u32::MAX.checked_shr(8 * octets).unwrap_or(0)),
            Prefix::V6 { bits, nibbles } => {
                let last = bits | u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                let mapped = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped().to_bits();
                let (least, most) = (mapped, mapped | u128::from(u32::MAX));
                if last < least || most < bits {
                    return false;
                }
                (bits.max(least) as u32, last.min(most) as u32)
            }
        };
        let quads = Ipv4Addr::from_bits(first)..=Ipv4Addr::from_bits(last);
        quads.contains(&TEST_ADDRESS) || self.gives(scope, quads)
    }

    /// Whether a list of `scope` can give one of these values.
    fn gives(&self, scope: Scope, values: RangeInclusive<Ipv4Addr>) -> bool {
        self.lists_in(scope).iter().any(|list| {
            let of_file = |fixed: &Fixed| {
                let codes = fixed.codes();
                let first = codes.get(codes.partition_point(|code| code.address() < *values.start()));
                first.is_some_and(|code| code.address() <= *values.end())
            };
            values.contains(&self.rules.lists[*list].code.address())
                || matches!(&self.contents[*list], Content::File(Some(fixed)) if of_file(fixed))
        })
    }

    /// Whether anything that may be believed exists in `scope` at or below the name of `prefix` at `now` (RFC 8020 §2).
    ///
    /// Below the sixteen nibbles of a listed /64 everything does.
    pub fn exists(&self, scope: Scope, prefix: Prefix, now: u64) -> bool {
        let listed = |list: &usize| match (&self.contents[*list], prefix) {
            (content @ Content::File(_), prefix) => content.file(now).is_some_and(|fixed| fixed.any(prefix)),
            (Content::Evidence(_), _) if self.is_too_old(now) => false,
            (Content::Evidence(table), Prefix::V4 { bits, octets }) => {
                let last = bits | u32::MAX.checked_shr(8 * octets).unwrap_or(0);
                table.any_four(&(bits..=last), now)
            }
            (Content::Evidence(table), Prefix::V6 { bits, nibbles }) => {
                let last = bits | u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                table.any_six(&((bits >> 64) as u64..=(last >> 64) as u64), now)
            }
        };
        self.leads_to_test(scope, prefix) || !self.is_emptied() && self.lists_in(scope).iter().any(listed)
    }

    /// How many entries a list holds, those past their end included: IPv4; IPv6, by /64. Test entries do not count.
    pub fn counts(&self, list: usize) -> (usize, usize) {
        match self.contents.get(list) {
            Some(Content::Evidence(table)) => table.counts(),
            Some(Content::File(Some(fixed))) => {
                let (four, six) = fixed.counts();
                (usize::try_from(four).unwrap_or(usize::MAX), usize::try_from(six).unwrap_or(usize::MAX))
            }
            Some(Content::File(None)) | None => (0, 0),
        }
    }

    /// A list's entries with the Unix seconds at which they end, past or not, in the order of [`Origin`]. A file's
    /// entries have no end, and are not among them.
    pub fn entries(&self, list: usize) -> impl Iterator<Item = (Origin, u64)> {
        self.contents.get(list).and_then(Content::evidence).into_iter().flat_map(|table| table.entries())
    }

    fn lists_in(&self, scope: Scope) -> &[usize] {
        match scope {
            Scope::Combined => &self.rules.combined,
            Scope::List(list) => self.rules.single.get(list..=list).unwrap_or_default(),
        }
    }
}

/// The listings of one address ([`Zone::listings`]).
#[derive(Clone, Debug)]
pub struct Listings<'z> {
    zone: &'z Zone,
    address: IpAddr,
    now: u64,
    lists: slice::Iter<'z, usize>,
    /// The file that is being read: its list, the most that it may be cached, and what it still has to say.
    file: (usize, u32, slice::Iter<'z, Value>),
}

impl<'z> Iterator for Listings<'z> {
    type Item = Listing<'z>;

    fn next(&mut self) -> Option<Listing<'z>> {
        loop {
            let (list, ttl, values) = &mut self.file;
            if let Some(value) = values.next() {
                return Some(Listing { list: *list, code: value.code, ttl: *ttl, value: Some(value) });
            }
            let list = *self.lists.next()?;
            let rules = &self.zone.rules;
            let longest = rules.settings.ttl;
            // No record outlives a listing, or the file that it stands in (G8).
            let most = |left: u64| u32::try_from(left).map_or(longest, |left| left.min(longest));
            match &self.zone.contents[list] {
                Content::Evidence(table) => {
                    let origin = match self.address {
                        IpAddr::V4(v4) => Origin::V4(v4),
                        IpAddr::V6(v6) => Origin::V6((v6.to_bits() >> 64) as u64),
                    };
                    let until = table.end(origin).filter(|until| *until > self.now && !self.zone.is_too_old(self.now));
                    if let Some(until) = until {
                        let ttl = most(until - self.now);
                        return Some(Listing { list, code: rules.lists[list].code, ttl, value: None });
                    }
                }
                content => {
                    let Some(file) = content.file(self.now) else { continue };
                    let ttl = most(file.expires().map_or(u64::MAX, |last| last - self.now + 1));
                    self.file =
                        (list, file.ttl().map_or(ttl, |of_file| ttl.min(of_file)), file.get(self.address).iter());
                }
            }
        }
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
        let manual = ListSettings::of_evidence("manual".parse().unwrap(), "127.0.0.20".parse().unwrap(), true);
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
        zone.heard_from(NOW);
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

    /// ATTACKS E01, 6471-3.4: a list on its way out of service lists fewer at each stage, and never anybody else.
    #[test]
    fn a_sunset_takes_away_and_never_adds() {
        let stage = |sunset| {
            let zone = Zone::empty(ZoneSettings { sunset, ..ZoneSettings::default() }, lists()).unwrap();
            let zone = zone.with(1, &[list(0, v4("192.0.2.1"), NOW + 9), list(0, Origin::V6(0x2001 << 48), NOW + 9)]);
            zone.heard_from(NOW);
            zone
        };
        let addresses = ["192.0.2.1", "2001::1", "192.0.2.2", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.3"];
        let listed = |zone: &Zone| {
            addresses.map(|text| {
                let address: IpAddr = text.parse().unwrap();
                zone.listings(Scope::Combined, address, NOW).count()
                    + usize::from(zone.test_value(Scope::Combined, address).is_some())
            })
        };
        let test = |zone: &Zone| zone.test_value(Scope::Combined, TEST_ADDRESS.into());
        let above = Prefix::V4 { bits: 192 << 24, octets: 1 };
        for (sunset, lists_some, tests) in [
            (Sunset::No, true, true),
            (Sunset::Announced, true, true),
            (Sunset::Empty, false, true),
            (Sunset::Off, false, false),
        ] {
            let zone = stage(sunset);
            let expected = usize::from(lists_some);
            assert_eq!(listed(&zone), [expected, expected, 0, 0, 0, 0], "{sunset:?}");
            assert_eq!(
                (test(&zone).is_some(), zone.exists(Scope::Combined, above, NOW)),
                (tests, lists_some),
                "{sunset:?}"
            );
            // Nothing is left that could be too old: an ended list answers as one, for as long as it is served.
            assert_eq!(zone.ignorance(Scope::Combined, NOW + 10_000).is_some(), lists_some, "{sunset:?}");
        }
    }

    /// G8: what is not known of one list is not known of the combined zone, and hides nothing that is known.
    #[test]
    fn a_file_that_was_never_read_or_has_expired_is_not_known() {
        let file = ListSettings::of_file("hand".parse().unwrap(), "127.0.0.30".parse().unwrap(), true);
        let zone = Zone::empty(ZoneSettings::default(), [lists(), vec![file]].concat()).unwrap();
        let zone = zone.with(1, &[list(0, v4("192.0.2.1"), NOW + 9)]);
        zone.heard_from(NOW);
        let known = |zone: &Zone, now| {
            (zone.ignorance(Scope::Combined, now), zone.ignorance(Scope::List(0), now), zone.is_known(3, now))
        };
        assert_eq!(known(&zone, NOW), (Some(Ignorance::NotReady), None, false));
        assert_eq!(zone.listings(Scope::Combined, "192.0.2.1".parse().unwrap(), NOW).count(), 1);
        let none = firsthand_analyzer::listing::Exemptions::only([]);
        let mut builder = FixedBuilder::new(&none);
        builder.four(0x0100_0000, 0x0100_0003, 0);
        let values: Vec<Box<[Value]>> = vec![Box::new([Value::new("127.0.0.31".parse().unwrap())])];
        let read = zone.with_file(3, Arc::new(builder.finish(values, None, Some(NOW + 5)).0));
        assert_eq!(known(&read, NOW), (None, None, true));
        let said: Vec<_> =
            read.listings(Scope::Combined, "1.0.0.2".parse().unwrap(), NOW).map(|it| (it.list, it.ttl)).collect();
        assert_eq!(said, [(3, 6)], "no longer than the file may be believed");
        assert_eq!(read.test_value(Scope::List(3), "127.0.0.31".parse().unwrap()), Some("127.0.0.31".parse().unwrap()));
        assert_eq!(known(&read, NOW + 6), (Some(Ignorance::TooOld), None, false));
        assert_eq!(read.listings(Scope::Combined, "1.0.0.2".parse().unwrap(), NOW + 6).count(), 0);
        // Versions come and go beside it.
        assert!(read.with(2, &[Change::Delist { list: 3, origin: v4("1.0.0.2") }]).is_known(3, NOW));
        assert!(read.emptied(3).is_known(3, NOW));
        // A publisher that is silent takes nothing from a file.
        assert_eq!(read.ignorance(Scope::List(3), NOW), None);
    }
}
