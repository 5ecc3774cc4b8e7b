//! `[[intake]]`: where samples come in beside HTTP.
//!
//! Enters: the tables. Leaves: an [`IntakeSettings`] for each. Refuses: keys of another kind, a feed that there is not, and
//! channels whose samples could not be believed: one that sees the peer itself serves feeds with `boundary = "channel"`,
//! and nobody may connect whom no feed's `networks` name.
//!
//! Whose samples a connection brings: those of `feed`, or without it of the feed in whose `networks` the client is. A Unix
//! socket has no address, so that it needs a `feed`; who may open it is the file system's to say.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firsthand_analyzer::address::is_special_purpose;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::read::path;
use super::relations::{FeedEntry, TrapEntry};
use super::remark::Flaw;
use super::table::{Table, Value};
use super::word::{MilterAction, Taken, TrapAction, UnknownRecipients, listed, nearest};
use super::{Boundary, FeedKind, FeedSettings, TrapAddress, address, length_of_time, name, path_as_text};

/// Default of a trap server's `unknown-recipients`.
const UNKNOWN_RECIPIENTS_DEFAULT: UnknownRecipients = UnknownRecipients::Reject;
/// Default of a trap server's `action`.
const TRAP_ACTION_DEFAULT: TrapAction = TrapAction::Accept;
/// Default of a milter's `action`.
const MILTER_ACTION_DEFAULT: MilterAction = MilterAction::Accept;
/// Default of a Maildir's `taken`.
const TAKEN_DEFAULT: Taken = Taken::Seen;
/// The longest delay that a client is made to wait: clients wait five minutes for a greeting (RFC 5321 §4.5.3.2.1).
const DELAY_MAX: Duration = Duration::from_secs(240);
/// The name of a socket in the file system begins so.
const UNIX: &str = "unix:";
/// The longest name of such a socket, bytes (unix(7)).
const UNIX_BYTES_MAX: usize = 107;

/// Where something listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenAddress {
    /// An address and a port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// The absolute path of a socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl std::str::FromStr for ListenAddress {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix(UNIX) {
            Some(path) => Ok(Self::Unix(path.into())),
            None => text.parse().map(Self::Tcp),
        }
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `[[intake]]`: one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IntakeSettings {
    /// The feed whose samples come here; none: the feed in whose networks the client is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// How they come.
    #[serde(flatten)]
    pub channel: ChannelSettings,
}

/// How samples come in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ChannelSettings {
    /// An MTA delivers by LMTP (RFC 2033).
    Lmtp(MailSettings),
    /// An MTA delivers by SMTP (RFC 5321).
    Smtp(MailSettings),
    /// Strangers deliver by SMTP: the service is the MX of domains that are nothing but traps.
    TrapServer(TrapServerSettings),
    /// An MTA asks by the milter protocol what to do with a message.
    Milter(MilterSettings),
    /// An MTA delivers into a Maildir.
    Maildir(MaildirSettings),
}

/// Where a channel listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DoorSettings {
    /// At least one.
    pub listen: Vec<ListenAddress>,
    /// The group that may open its Unix sockets, beside the service's own user; none: the user's own group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_group: Option<String>,
}

/// An LMTP or SMTP listener for an MTA of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MailSettings {
    /// Where it listens.
    #[serde(flatten)]
    pub door: DoorSettings,
    /// The name in its greeting; none: this machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Whose connections begin with a PROXY header, which tells the client; may be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<IpNet>,
    /// Who may tell the observed peer by XCLIENT; may be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub xclient: Vec<IpNet>,
}

/// The trap server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrapServerSettings {
    /// As for a listener of our own MTA's.
    #[serde(flatten)]
    pub mail: MailSettings,
    /// How long a client waits for the greeting.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "length_of_time")]
    pub greeting_delay: Duration,
    /// How long it waits for the answer to each RCPT.
    #[serde(skip_serializing_if = "Duration::is_zero", serialize_with = "length_of_time")]
    pub rcpt_delay: Duration,
    /// What becomes of a recipient that is no registered trap.
    pub unknown_recipients: UnknownRecipients,
    /// What a client is told once its message is kept.
    pub action: TrapAction,
}

/// The milter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MilterSettings {
    /// Where it listens.
    #[serde(flatten)]
    pub door: DoorSettings,
    /// What becomes of a message for traps once it is kept.
    pub action: MilterAction,
}

/// A Maildir that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MaildirSettings {
    /// Its absolute path.
    #[serde(serialize_with = "path_as_text")]
    pub path: PathBuf,
    /// The registered trap whose mail it holds; of a feed of wanted mail, the recipient.
    pub trap: TrapAddress,
    /// What becomes of a message once it is kept.
    pub taken: Taken,
}

impl ChannelSettings {
    /// Where it listens; nowhere, if it is a folder.
    pub fn listen(&self) -> &[ListenAddress] {
        match self {
            Self::Lmtp(mail) | Self::Smtp(mail) => &mail.door.listen,
            Self::TrapServer(server) => &server.mail.door.listen,
            Self::Milter(milter) => &milter.door.listen,
            Self::Maildir(_) => &[],
        }
    }

    /// Whoever may speak there for others: by a PROXY header or by XCLIENT.
    pub fn proxies(&self) -> impl Iterator<Item = &IpNet> {
        let mail = match self {
            Self::Lmtp(mail) | Self::Smtp(mail) => Some(mail),
            Self::TrapServer(server) => Some(&server.mail),
            Self::Milter(_) | Self::Maildir(_) => None,
        };
        mail.into_iter().flat_map(|mail| mail.proxies.iter().chain(&mail.xclient))
    }

    /// The group of its Unix sockets.
    pub fn socket_group(&self) -> Option<&str> {
        match self {
            Self::Lmtp(MailSettings { door, .. })
            | Self::Smtp(MailSettings { door, .. })
            | Self::TrapServer(TrapServerSettings { mail: MailSettings { door, .. }, .. })
            | Self::Milter(MilterSettings { door, .. }) => door.socket_group.as_deref(),
            Self::Maildir(_) => None,
        }
    }
}

/// A `[[intake]]` as it was read.
pub(super) struct IntakeEntry<'t> {
    table: Table<'t>,
    feed: Option<(Value<'t>, String)>,
    listen: Vec<(Value<'t>, ListenAddress)>,
    trap: Option<(Value<'t>, TrapAddress)>,
    /// The Maildir that it watches, as the system knows it if it is there.
    pub(super) maildir: Option<(Value<'t>, PathBuf)>,
    pub(super) settings: Option<IntakeSettings>,
}

/// What an `[[intake]]` says that must fit other tables, with its places.
#[derive(Default)]
struct Places<'t> {
    listen: Vec<(Value<'t>, ListenAddress)>,
    trap: Option<(Value<'t>, TrapAddress)>,
    maildir: Option<(Value<'t>, PathBuf)>,
}

impl<'t> IntakeEntry<'t> {
    /// The addresses on which it listens, with their places.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Value<'t>, SocketAddr)> + '_ {
        self.listen.iter().filter_map(|(value, address)| match address {
            ListenAddress::Tcp(socket) => Some((value.clone(), *socket)),
            ListenAddress::Unix(_) => None,
        })
    }

    /// The sockets in the file system, with their places.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Value<'t>, PathBuf)> {
        self.listen.iter().filter_map(|(value, address)| match address {
            ListenAddress::Tcp(_) => None,
            ListenAddress::Unix(path) => Some((value, path.clone())),
        })
    }

    /// Whether it is named by a feed of that name, or finds feeds by their networks.
    pub(super) fn serves(&self, feed: &str) -> bool {
        self.feed.as_ref().is_none_or(|(_, name)| name == feed)
    }
}

/// The kinds, as settings name them.
const KINDS: [&str; 5] = ["lmtp", "smtp", "trap-server", "milter", "maildir"];

/// `[[intake]]`; paths are relative to `folder`, and kept absolute.
pub(super) fn intake<'t>(mut table: Table<'t>, folder: &Path) -> IntakeEntry<'t> {
    let kind = table.require("kind", "\"lmtp\"").and_then(|value| {
        value.parsed("lmtp", |text| {
            KINDS
                .into_iter()
                .find(|kind| *kind == text)
                .ok_or_else(|| super::table::unknown_word(text, KINDS.into_iter()))
        })
    });
    let feed = table.take("feed").map(|value| value.named("traps", |text| Ok(text.to_owned())));
    let mut places = Places::default();
    // An unknown kind has told enough; what keys it would have is not known.
    let channel = kind.and_then(|kind| channel(kind, &mut table, folder, &mut places));
    if kind.is_some() {
        table.finish();
    }
    let settings = || {
        let feed = match &feed {
            Some(named) => Some(named.as_ref()?.1.clone()),
            None => None,
        };
        Some(IntakeSettings { feed, channel: channel? })
    };
    let Places { listen, trap, maildir } = places;
    IntakeEntry { settings: settings(), table, feed: feed.flatten(), listen, trap, maildir }
}

fn channel<'t>(
    kind: &str,
    table: &mut Table<'t>,
    folder: &Path,
    Places { listen, trap, maildir }: &mut Places<'t>,
) -> Option<ChannelSettings> {
    match kind {
        "lmtp" => mail(table, folder, "127.0.0.1:24", listen).map(ChannelSettings::Lmtp),
        "smtp" => mail(table, folder, "127.0.0.1:2525", listen).map(ChannelSettings::Smtp),
        "trap-server" => {
            let mail = mail(table, folder, "192.0.2.25:25", listen);
            let mut delay = |key: &'static str| {
                table.or_default(key, Duration::ZERO, |value| value.length_of_time("5s", DELAY_MAX))
            };
            let (greeting_delay, rcpt_delay) = (delay("greeting-delay"), delay("rcpt-delay"));
            let unknown_recipients = table.or_default("unknown-recipients", UNKNOWN_RECIPIENTS_DEFAULT, Value::word);
            let action = table.or_default("action", TRAP_ACTION_DEFAULT, Value::word);
            Some(ChannelSettings::TrapServer(TrapServerSettings {
                mail: mail?,
                greeting_delay: greeting_delay?,
                rcpt_delay: rcpt_delay?,
                unknown_recipients: unknown_recipients?,
                action: action?,
            }))
        }
        "milter" => {
            let door = door(table, folder, "127.0.0.1:8891", listen);
            let action = table.or_default("action", MILTER_ACTION_DEFAULT, Value::word);
            Some(ChannelSettings::Milter(MilterSettings { door: door?, action: action? }))
        }
        _ => {
            let place = table.require("path", "\"/var/mail/traps\"");
            let place = place.and_then(|value| value.named("Maildir", path));
            let named = table.require("trap", "\"sales@traps.example\"");
            *trap = named.and_then(|value| value.named("sales@traps.example", name::trap_address));
            let taken = table.or_default("taken", TAKEN_DEFAULT, Value::word);
            let (value, place) = place?;
            let place = folder.join(place);
            let path = std::path::absolute(&place).unwrap_or(place);
            *maildir = Some((value, path.canonicalize().unwrap_or_else(|_| path.clone())));
            Some(ChannelSettings::Maildir(MaildirSettings { path, trap: trap.as_ref()?.1.clone(), taken: taken? }))
        }
    }
}

fn door<'t>(
    table: &mut Table<'t>,
    folder: &Path,
    example: &str,
    listen: &mut Vec<(Value<'t>, ListenAddress)>,
) -> Option<DoorSettings> {
    let list = format!("[{example:?}]");
    let addresses = table.require("listen", &list).and_then(|value| {
        value.some_of_each(&list, |address| address.named(example, |text| listen_address(text, folder)))
    });
    let socket_group = table.or_default("socket-group", None, |value| {
        let is_unix = |(_, address): &(_, ListenAddress)| matches!(address, ListenAddress::Unix(_));
        if addresses.as_ref().is_some_and(|addresses| !addresses.iter().any(is_unix)) {
            value.warn(Flaw::new("has no meaning: nothing here listens on a Unix socket", "take it out"));
        }
        value.parsed("postfix", |text| group(text).map(Some))
    });
    listen.extend(addresses.iter().flatten().cloned());
    let listen = addresses?.into_iter().map(|(_, address)| address).collect();
    Some(DoorSettings { listen, socket_group: socket_group? })
}

/// The name of a group.
fn group(text: &str) -> Result<String, Flaw> {
    let known = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if text.is_empty() || !known {
        return Err(Flaw::new(format!("{text:?} is not the name of a group"), "write for example \"postfix\""));
    }
    Ok(text.to_owned())
}

fn mail<'t>(
    table: &mut Table<'t>,
    folder: &Path,
    example: &str,
    listen: &mut Vec<(Value<'t>, ListenAddress)>,
) -> Option<MailSettings> {
    let door = door(table, folder, example, listen);
    let hostname =
        table.or_default("hostname", None, |value| value.parsed("mx.traps.example", |text| name::host(text).map(Some)));
    let mut networks = |key: &'static str| {
        table.or_default(key, Vec::new(), |value| {
            value.each("[\"10.9.0.1\"]", |network| network.parsed("10.9.0.1", address::relay_network))
        })
    };
    let (proxies, xclient) = (networks("proxies"), networks("xclient"));
    Some(MailSettings { door: door?, hostname: hostname?, proxies: proxies?, xclient: xclient? })
}

fn listen_address(text: &str, folder: &Path) -> Result<ListenAddress, Flaw> {
    let Some(place) = text.strip_prefix(UNIX) else { return address::socket(text).map(ListenAddress::Tcp) };
    let place = folder.join(path(place)?);
    let place = std::path::absolute(&place).unwrap_or(place);
    if place.as_os_str().len() > UNIX_BYTES_MAX {
        let what = format!("{text:?} is longer than the {UNIX_BYTES_MAX} bytes that a socket's path may have");
        return Err(Flaw::new(what, "write a shorter one, for example \"unix:/run/firsthand/lmtp\""));
    }
    Ok(ListenAddress::Unix(place))
}

/// Warns of channels that probably are not meant so: those of our own MTAs on addresses that strangers reach, and a Maildir
/// whose trap the file does not register.
pub(super) fn warn_of_doubtful(intakes: &[IntakeEntry<'_>], feeds: &[FeedEntry<'_>], traps: &[TrapEntry<'_>]) {
    let known: Vec<&str> = traps.iter().filter_map(|trap| Some(trap.address.as_ref()?.1.as_str())).collect();
    for intake in intakes {
        let Some(settings) = &intake.settings else { continue };
        let open = |socket: &SocketAddr| socket.ip().is_unspecified() || !is_special_purpose(socket.ip());
        if !matches!(settings.channel, ChannelSettings::TrapServer(_)) {
            for (value, socket) in intake.sockets().filter(|(_, socket)| open(socket)) {
                let what = format!(
                    "\"{socket}\" can be reached by strangers: who connects is told by his address alone, and nothing is encrypted"
                );
                let mend = "write a Unix socket, 127.0.0.1 or an address of an inner network; strangers' mail is for kind = \"trap-server\"";
                value.warn(Flaw::new(what, mend));
            }
        }
        let Some((value, trap)) = &intake.trap else { continue };
        let feed = feeds.iter().find(|feed| feed.settings.as_ref().map(|feed| &feed.name) == settings.feed.as_ref());
        let of_traps = feed.and_then(|feed| feed.settings.as_ref()).is_some_and(|feed| feed.kind != FeedKind::Wanted);
        let address = trap.to_string().to_lowercase();
        let domain = format!("@{}", trap.domain.to_lowercase());
        if of_traps && !known.iter().any(|known| *known == address || *known == domain) {
            // Warnings are logged, and no log tells of traps (ATTACKS F05).
            let what = "is no trap of this file: unless it is registered by command, nothing is taken";
            value.warn(Flaw::new(what, "register it with [[trap]]"));
        }
    }
}

/// Refuses channels whose feed there is not, or that it does not fit, and to which nobody could connect.
pub(super) fn refuse_misfits(intakes: &[IntakeEntry<'_>], feeds: &[FeedEntry<'_>]) {
    let names: Vec<&str> = feeds.iter().filter_map(|feed| Some(feed.name.as_ref()?.1.as_str())).collect();
    for intake in intakes {
        let Some(settings) = &intake.settings else { continue };
        let by_unix = intake.paths().next().is_some();
        let (sees_peer, needs_feed) = match settings.channel {
            ChannelSettings::Lmtp(_) | ChannelSettings::Smtp(_) => (false, by_unix),
            ChannelSettings::Milter(_) => (true, by_unix),
            ChannelSettings::TrapServer(_) => (true, true),
            ChannelSettings::Maildir(_) => (false, true),
        };
        let tells_no_peer = matches!(settings.channel, ChannelSettings::Maildir(_));
        let Some((value, feed)) = &intake.feed else {
            if needs_feed {
                let example = names.first().unwrap_or(&"traps");
                let what = "is missing, and nothing else says whose samples come here";
                intake.table.refuse("feed", Flaw::new(what, format!("write feed = {example:?}")));
            } else if sees_peer {
                refuse_headers_alone(intake, feeds);
            }
            continue;
        };
        let Some(entry) = feeds.iter().find(|entry| entry.name.as_ref().is_some_and(|(_, name)| name == feed)) else {
            // A feed whose name was refused may be the one that is meant; its mend comes first.
            if names.len() == feeds.len() {
                let meant = nearest(feed, names.iter().copied());
                let meant = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
                let known = if names.is_empty() {
                    format!("declare it with [[feed]] name = {feed:?}")
                } else {
                    format!("the feeds are {}", listed(names.iter().copied()))
                };
                value.refuse(Flaw::new(format!("{feed:?} is no feed of this file"), format!("{meant}{known}")));
            }
            continue;
        };
        let Some(of_feed) = &entry.settings else { continue };
        if sees_peer && of_feed.boundary != Boundary::Channel {
            let what = format!("this channel sees the peer itself, and feed {feed:?} reads headers");
            value.refuse(Flaw::new(what, "write boundary = \"channel\" in that [[feed]], or name another feed"));
        }
        if tells_no_peer && of_feed.boundary == Boundary::Channel {
            let what = format!("a Maildir tells no peer, without which nothing of feed {feed:?} proves anything");
            value.refuse(Flaw::new(
                what,
                "write boundary = \"headers\" and relays in that [[feed]], or name another feed",
            ));
        }
        if matches!(settings.channel, ChannelSettings::TrapServer(_)) && of_feed.kind == FeedKind::Wanted {
            let what = format!("feed {feed:?} carries mail that people wanted, and strangers write to a trap server");
            value.refuse(Flaw::new(what, "name a feed of traps"));
        }
        let by_address = intake.sockets().next().is_some();
        if by_address && !matches!(settings.channel, ChannelSettings::TrapServer(_)) && of_feed.networks.is_empty() {
            let what = format!("feed {feed:?} names no networks, so that nobody may connect here");
            let mend = "write in that [[feed]] where it hands in from, for example networks = [\"127.0.0.1\"]";
            value.refuse(Flaw::new(what, mend));
        }
    }
}

/// Refuses a channel that sees the peer itself and names no feed, where each of those to whose networks its clients may
/// belong reads headers: it would take nothing.
fn refuse_headers_alone(intake: &IntakeEntry<'_>, feeds: &[FeedEntry<'_>]) {
    let all: Option<Vec<&FeedSettings>> = feeds.iter().map(|feed| feed.settings.as_ref()).collect();
    // One that was refused may be the one that is meant.
    let Some(all) = all else { return };
    if !all.iter().any(|feed| feed.boundary == Boundary::Channel && !feed.networks.is_empty()) {
        let what = "is missing, and no feed with networks has boundary = \"channel\": this channel sees the peer itself, and a feed that reads headers takes nothing from it";
        let mend = "write feed, or boundary = \"channel\" and networks in the [[feed]] whose MTA connects here";
        intake.table.refuse("feed", Flaw::new(what, mend));
    }
}
