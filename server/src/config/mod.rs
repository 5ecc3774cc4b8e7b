//! What the operator meant: the settings file, its defaults, and printing them back.
//!
//! Enters: a TOML file (or none, for the safe local defaults). Leaves: [`Settings`], complete and consistent, with the
//! warnings that the operator should read. Refuses: every key it does not know, every value it cannot take at its word,
//! and every combination that would list by accident. All mistakes of a file are told at once, each with file, line,
//! key and mend ([`Remark`]). Only this module knows the file; the rest of the server takes the small parts below.
//!
//! Paths: `data` is relative to the working directory, because it says where this *process* writes and two processes may
//! share a file; `token-file`, a list's `file`, `certificate` and `key`, DNS' `cookie-secrets` and `query-log`, and an intake's sockets and `path` are relative to the
//! folder of the settings file that names them, because they lie beside it.
//!
//! ```text
//! file ─▶ source (TOML) ─▶ table (keys with their places) ─▶ read (values) ─▶ relations (what must fit together) ─▶ Settings
//! ```

mod remark;
pub mod word;
mod quota;
mod size;
mod address;
mod name;
mod source;
mod table;
mod token;
mod client;
mod relations;
mod dns;
mod intake;
mod read;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use firsthand_analyzer::evidence::Stamps;
use firsthand_analyzer::received::Handover;
use firsthand_analyzer::score::{List, Tier, Trust};
use firsthand_analyzer::topology::Boundary;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

pub use crate::certificate::Pair;
pub use client::CertificateDigest;
pub use intake::{
    ChannelSettings, DoorSettings, IntakeSettings, ListenAddress, MailSettings, MaildirSettings, MilterSettings,
    TrapServerSettings,
};
pub use quota::{Quota, QuotaPeriod};
pub use remark::{Picture, Position, Remark, SettingsError, Severity};
pub use size::Size;
pub use token::{TOKEN_CHARACTERS_MAX, TOKEN_CHARACTERS_MIN, TOKEN_FILE_BYTES_MAX, Token, TokenDigest};
pub use word::{
    DeclaredDialect, FeedKind, ListFormat, MilterAction, Mode, RateLimitMode, SunsetMode, Taken, TrapAction,
    UnknownRecipients, Word,
};

/// Default of `data`: the folder that holds everything the service keeps, in the working directory.
pub const DATA_DEFAULT: &str = "./firsthand-data";
/// Default of `zone.name`.
pub const ZONE_NAME_DEFAULT: &str = "bl.example";
/// Default of `zone.name-servers`.
pub const NAME_SERVERS_DEFAULT: [&str; 1] = ["ns.example"];
/// Default of `zone.contact`.
pub const CONTACT_DEFAULT: &str = "hostmaster@bl.example";
/// Default of `zone.page`.
pub const PAGE_DEFAULT: &str = "http://127.0.0.1:8080/address/{address}";
/// Default of `dns.listen`: port 5300 of this machine only.
pub const DNS_LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
/// Default of `dns.tcp-connections`: connections of TCP, TLS and HTTPS together.
pub const TCP_CONNECTIONS_DEFAULT: u32 = 4096;
/// Default of `dns.tcp-per-prefix`: a sixteenth, so that it takes as many networks to have them all.
pub const TCP_PER_PREFIX_DEFAULT: u32 = 256;
/// Default of `dns.tcp-idle` (RFC 7766 §6.2.3: seconds).
pub const TCP_IDLE_DEFAULT: Duration = Duration::from_secs(10);
/// Default of `http.listen`: port 8080 of this machine only.
pub const HTTP_LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// Default of `policy.mode`.
pub const MODE_DEFAULT: Mode = Mode::Live;
/// Default of `policy.list-at`, in distinct fresh traps.
pub const LIST_AT_DEFAULT: f64 = 2.5;
/// Default of `policy.delist-at`, in distinct fresh traps.
pub const DELIST_AT_DEFAULT: f64 = 1.25;
/// Default of `policy.half-life`.
pub const HALF_LIFE_DEFAULT: Duration = Duration::from_secs(48 * 3600);
/// Default of `policy.hard-limit`.
pub const HARD_LIMIT_DEFAULT: Duration = Duration::from_secs(72 * 3600);
/// Default of `policy.traps`.
pub const TRAPS_DEFAULT: u32 = 3;
/// Default of `policy.trap-domains`.
pub const TRAP_DOMAINS_DEFAULT: u32 = 3;
/// Default of `policy.domain-cap`, in distinct fresh traps.
pub const DOMAIN_CAP_DEFAULT: f64 = 1.5;
/// Default of `brake.per-list`: new listings of a list in an interval.
pub const PER_LIST_DEFAULT: u32 = 2000;
/// Default of `brake.per-feed`: new listings in an interval that need a foreign feed's word.
pub const PER_FEED_DEFAULT: u32 = 500;
/// Default of `brake.interval`.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(600);
/// Default of `storage.free-space`: some days of corrections, expiry and publishing.
pub const FREE_SPACE_DEFAULT: Size = Size(256 << 20);
/// Default of `rate-limit.mode`: what would be withheld is counted first.
pub const RATE_LIMIT_MODE_DEFAULT: RateLimitMode = RateLimitMode::Report;
/// Default of `rate-limit.per-answer`, a second: a /24 full of mail servers without a common cache asks less.
pub const PER_ANSWER_DEFAULT: u32 = 20;
/// Default of `rate-limit.per-network`, a second.
pub const PER_NETWORK_DEFAULT: u32 = 1000;
/// Default of `rate-limit.total`, a second.
pub const TOTAL_DEFAULT: u32 = 20_000;
/// Default of `rate-limit.slip`: every other one.
pub const SLIP_DEFAULT: u32 = 2;
/// Default of a feed's `kind`.
pub const FEED_KIND_DEFAULT: FeedKind = FeedKind::Traps;
/// Default of a relay's `dialect`: none is expected, and all readings must agree.
pub const DIALECT_DEFAULT: DeclaredDialect = DeclaredDialect(None);
/// Default of a feed's `boundary`.
pub const BOUNDARY_DEFAULT: Boundary = Boundary::Headers;
/// Default of a feed's `trust`.
pub const TRUST_DEFAULT: Trust = Trust::Own;
/// The same of a feed that carries reports: whoever has a mailbox at the reporter can put forged mail into it.
pub const TRUST_OF_REPORTS_DEFAULT: Trust = Trust::Foreign;
/// Default of a feed's `weight`.
pub const WEIGHT_DEFAULT: f64 = 1.0;
/// Default of a feed's `stamps`.
pub const STAMPS_DEFAULT: Stamps = Stamps::Ignored;
/// The same of a feed that carries reports, which may come long after the mail.
pub const STAMPS_OF_REPORTS_DEFAULT: Stamps = Stamps::Checked;
/// Default of a feed's `quota`.
pub const QUOTA_DEFAULT: Quota = Quota::Unlimited;
/// Default of a trap's `tier`.
pub const TIER_DEFAULT: Tier = Tier::Pristine;
/// Default of a trap's `sends`: it never sends mail, so whatever answers it is reflected.
pub const SENDS_DEFAULT: bool = false;
/// Default of `zone.backscatter-code`.
pub const BACKSCATTER_CODE_DEFAULT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 5);
/// Default of `zone.mixed-code`.
pub const MIXED_CODE_DEFAULT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 8);
/// Default of `zone.combined`.
pub const COMBINED_DEFAULT: &[List] = &[List::Spam];
/// Default of `zone.sunset`.
pub const SUNSET_DEFAULT: SunsetMode = SunsetMode::No;
/// Default of a trap's `accepts-reports`: a report to it is mail like any other.
pub const ACCEPTS_REPORTS_DEFAULT: bool = false;
/// Default of a static list's `combined`: it is asked by its own zone only.
pub const LIST_COMBINED_DEFAULT: bool = false;
/// Default of a static list's `format`.
pub const LIST_FORMAT_DEFAULT: ListFormat = ListFormat::Ip4set;

/// The longest settings file that is read, in bytes: some hundred thousand traps.
pub const SETTINGS_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// What remarks call the settings of a process that was given no file.
pub const DEFAULTS_NAME: &str = "built-in defaults";

/// Everything that an operator may set, complete and consistent: a value of this type that came from [`Settings::load`]
/// or [`Settings::parse`] satisfies every rule of the settings. Tokens are held as digests only.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// The folder that holds everything the service keeps; relative to the working directory.
    #[serde(serialize_with = "path_as_text")]
    pub data: PathBuf,
    /// The zone that is served.
    pub zone: ZoneSettings,
    /// Where DNS queries are answered.
    pub dns: DnsSettings,
    /// Where samples are taken and pages are served.
    pub http: HttpSettings,
    /// When a listing begins and ends.
    pub policy: PolicySettings,
    /// How fast the zone may grow (G7).
    pub brake: BrakeSettings,
    /// How many answers the unproven get.
    pub rate_limit: RateLimitSettings,
    /// What the disk must have room for.
    pub storage: StorageSettings,
    /// The known internal hosts, in the order of the file.
    #[serde(rename = "relay", skip_serializing_if = "Vec::is_empty")]
    pub relays: Vec<RelaySettings>,
    /// The authenticated sources of samples.
    #[serde(rename = "feed", skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedSettings>,
    /// The registered recipients.
    #[serde(rename = "trap", skip_serializing_if = "Vec::is_empty")]
    pub traps: Vec<TrapSettings>,
    /// The networks that are never in a zone (G6).
    #[serde(rename = "exempt", skip_serializing_if = "Vec::is_empty")]
    pub exemptions: Vec<ExemptionSettings>,
    /// Where samples come in beside HTTP.
    #[serde(rename = "intake", skip_serializing_if = "Vec::is_empty")]
    pub intakes: Vec<IntakeSettings>,
    /// The static lists, in the order of the file.
    #[serde(rename = "list", skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListSettings>,
}

/// `[zone]`: the DNSBL zone (RFC 5782).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ZoneSettings {
    /// The apex, in lower case, without a final dot.
    pub name: String,
    /// The NS host names, in lower case, without a final dot; at least one.
    pub name_servers: Vec<String>,
    /// The mailbox of the SOA's RNAME (RFC 1035 §8), `local@domain`.
    pub contact: String,
    /// The page that stands in TXT answers, with `{address}` where the address goes.
    pub page: String,
    /// The A record of the list `backscatter`; 127.0.0.0/8 (RFC 5782 §2.3).
    pub backscatter_code: Ipv4Addr,
    /// The A record of the list `mixed`; another one.
    pub mixed_code: Ipv4Addr,
    /// The evidence's lists that the combined zone holds; at least one.
    #[serde(serialize_with = "word::print_all")]
    pub combined: Vec<List>,
    /// How far the zone is on its way out of service.
    pub sunset: SunsetMode,
}

/// `[dns]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DnsSettings {
    /// The addresses that take queries over UDP and TCP; at least one; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// The addresses that take queries over TLS (RFC 7858); may be empty.
    pub tls: Vec<SocketAddr>,
    /// The addresses that take queries over HTTPS (RFC 8484); may be empty.
    pub https: Vec<SocketAddr>,
    /// The absolute paths of the certificate and key that these show; never none where one is.
    #[serde(flatten)]
    pub pair: Option<Pair>,
    /// Connections at once, over all listeners of `[dns]`; when all are held, the longest idle gives way to a newcomer.
    pub tcp_connections: u32,
    /// Those of one network (IPv4: /24, IPv6: /56); at most `tcp_connections`. More are refused.
    pub tcp_per_prefix: u32,
    /// How long a connection may go without a whole query.
    #[serde(serialize_with = "length_of_time")]
    pub tcp_idle: Duration,
    /// The networks that may ask; none: all that are not named below. Of networks within each other the longest counts.
    pub allow: Vec<IpNet>,
    /// The networks that are told REFUSED.
    pub refuse: Vec<IpNet>,
    /// The networks that are not answered at all.
    pub drop: Vec<IpNet>,
    /// The secrets of DNS cookies (RFC 9018 §5); none: one that is new at each start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_secrets: Option<CookieSecrets>,
    /// The absolute path of the file that gets a line for each answered question; none: nothing is written down.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "known_path_as_text")]
    pub query_log: Option<PathBuf>,
}

/// The file of `dns.cookie-secrets` with what it holds. It prints as its path, and `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct CookieSecrets {
    file: PathBuf,
    secrets: Vec<[u8; 16]>,
}

impl CookieSecrets {
    /// The secrets, the one that makes cookies first.
    pub fn secrets(&self) -> &[[u8; 16]] {
        &self.secrets
    }
}

impl fmt::Debug for CookieSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CookieSecrets({:?})", self.file)
    }
}

impl Serialize for CookieSecrets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        path_as_text(&self.file, serializer)
    }
}

/// `[rate-limit]`: how many answers a second go over UDP to clients that did not prove their address.
/// `1 ≤ per_answer ≤ per_network ≤ total ≤ 1,000,000`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RateLimitSettings {
    /// Whether the rates bite.
    pub mode: RateLimitMode,
    /// Answers about one address to one client network (IPv4 /24, IPv6 /56).
    pub per_answer: u32,
    /// Answers to one client network.
    pub per_network: u32,
    /// Answers to all of them together, each as often as it is longer than its query.
    pub total: u32,
    /// Every which answer over a rate becomes a request for proof, from 1; 0: none does.
    pub slip: u32,
    /// The networks that are never limited.
    pub exempt: Vec<IpNet>,
}

/// `[storage]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StorageSettings {
    /// How much room must be left on the disk of `data`, or no samples are taken.
    pub free_space: Size,
}

/// `[http]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct HttpSettings {
    /// The addresses that take HTTP; at least one; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
    /// The addresses that take samples; none: those of `listen` do.
    pub intake: Vec<SocketAddr>,
    /// The addresses that take samples over TLS, from clients that may show a certificate; may be empty.
    pub intake_tls: Vec<SocketAddr>,
    /// The absolute paths of the certificate and key that these show; never none where one is.
    #[serde(flatten)]
    pub pair: Option<Pair>,
    /// The addresses that show metrics; none: those of `listen` do. They tell what came, so they are not for the public (C02).
    pub metrics: Vec<SocketAddr>,
    /// The reverse proxies in front, whose X-Forwarded-For is believed; may be empty.
    pub proxies: Vec<IpNet>,
}

/// `[policy]`: when a listing begins and ends. `0 < delist_at < list_at`; `0 < half_life ≤ hard_limit`;
/// `1 ≤ trap_domains ≤ traps`; every number is finite.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PolicySettings {
    /// Whether listings are published.
    pub mode: Mode,
    /// The score at which a listing begins, in distinct fresh traps.
    pub list_at: f64,
    /// The score below which a listing ends, in distinct fresh traps.
    pub delist_at: f64,
    /// The time in which a trap's weight halves.
    #[serde(serialize_with = "length_of_time")]
    pub half_life: Duration,
    /// The time after the newest evidence at which a listing ends whatever its score.
    #[serde(serialize_with = "length_of_time")]
    pub hard_limit: Duration,
    /// The number of distinct pristine or seeded traps that a listing needs (G4).
    pub traps: u32,
    /// The number of distinct trap domains that a listing needs (G4).
    pub trap_domains: u32,
    /// The most that one trap domain adds to a score, in distinct fresh traps.
    pub domain_cap: f64,
}

/// `[brake]`: how many new listings an interval may bring, with as many again in hand (G7). Each at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BrakeSettings {
    /// New listings of one list.
    pub per_list: u32,
    /// New listings that would not be without one foreign feed's word.
    pub per_feed: u32,
    /// The interval.
    #[serde(serialize_with = "length_of_time")]
    pub interval: Duration,
}

/// `[[relay]]`: a known internal host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RelaySettings {
    /// What feeds and verdicts call it; unique.
    pub name: String,
    /// The names that it writes after `by`, or globs of them; never empty where a feed reads headers.
    pub hosts: Vec<String>,
    /// The addresses that other relays see it come from; at least one network.
    pub networks: Vec<IpNet>,
    /// The grammar in which it writes Received lines.
    #[serde(serialize_with = "word::print")]
    pub dialect: DeclaredDialect,
    /// The local steps that it makes.
    #[serde(serialize_with = "word::print_all")]
    pub handovers: Vec<Handover>,
}

/// `[[feed]]`: an authenticated source of samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FeedSettings {
    /// What metrics and withdrawals call it; unique; `[A-Za-z0-9._-]+`.
    pub name: String,
    /// What its mail is.
    pub kind: FeedKind,
    /// The digest of its token, no two feeds have the same; none: it hands in by `[[intake]]` only.
    #[serde(rename = "token-digest", skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenDigest>,
    /// The digest of its client certificate, no two feeds have the same; none: it shows none.
    #[serde(rename = "certificate-digest", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateDigest>,
    /// The names of the relays that may stand at the top of its samples; at least one where it reads headers. Those of a
    /// foreign feed are known in its own samples only (see [`FeedSettings::knows`]).
    pub relays: Vec<String>,
    /// What proves the origin of its samples.
    #[serde(serialize_with = "word::print")]
    pub boundary: Boundary,
    /// Whose word it is.
    #[serde(serialize_with = "word::print")]
    pub trust: Trust,
    /// What its word weighs in scores, greater than 0 and at most 1; 1 where it carries mail that people wanted.
    pub weight: f64,
    /// Whether its boundary dates are held against the arrival time.
    #[serde(serialize_with = "word::print")]
    pub stamps: Stamps,
    /// How many samples it may hand in.
    pub quota: Quota,
    /// The networks from which it hands them in, which are exempt; may be empty.
    pub networks: Vec<IpNet>,
    /// How long it may be silent; none: by its own wont.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "known_length_of_time")]
    pub silence: Option<Duration>,
    /// The traps whose mail is taken from it, each of them registered in the settings; none: every trap's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traps: Option<Vec<TrapAddress>>,
    /// Where the reports come from that it carries, as its relays see it; at least one network where it carries reports,
    /// none elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reporter_networks: Vec<IpNet>,
    /// The names of the relays that may stand at the top of the reported messages; likewise. One that no feed names in
    /// `relays` is known in reported messages only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reporter_relays: Vec<String>,
}

impl FeedSettings {
    /// Whether the lines of the relay of that name are believed in this feed's samples, where `feeds` are all that there
    /// are: if the feed names it in `relays`; if a feed of our own traps, or one of reports, names it there; or if none names
    /// it at all, as it is with relays behind relays. What somebody else vouches for is his: else a partner could write
    /// lines in mail to our own traps, which no cap of a foreign feed would hold (G4).
    pub fn knows(&self, relay: &str, feeds: &[Self]) -> bool {
        let has_at_top = |feed: &Self| feed.relays.iter().any(|name| name == relay);
        // Reports are a stranger's word, and come in through relays of ours. Mail that people wanted lists nobody, so that a
        // partner's may be taken without a thought of its trust.
        let is_ours = |feed: &Self| match feed.kind {
            FeedKind::Traps => feed.trust == Trust::Own,
            FeedKind::Reports => true,
            FeedKind::Wanted => false,
        };
        has_at_top(self)
            || feeds.iter().any(|feed| is_ours(feed) && has_at_top(feed))
            || !feeds.iter().any(|feed| feed.names(relay))
    }

    /// Whether it names this relay, as its own or its reporter's.
    pub fn names(&self, relay: &str) -> bool {
        self.relays.iter().chain(&self.reporter_relays).any(|name| name == relay)
    }
}

/// `[[trap]]`: a registered recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrapSettings {
    /// The recipient, or the domain all of whose recipients are this one trap; unique.
    pub address: TrapAddress,
    /// How much its word weighs.
    #[serde(serialize_with = "word::print")]
    pub tier: Tier,
    /// Whether mail is ever sent from it; if not, whatever answers it is reflected (G3).
    pub sends: bool,
    /// Whether abuse reports (RFC 5965) are meant for it; elsewhere a report is mail like any other (B04).
    pub accepts_reports: bool,
}

/// A trap's address: `local@domain`, or `@domain` for a whole domain. Never to be shown to the public (F05).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrapAddress {
    /// The local part as written; none for a whole domain.
    pub local: Option<String>,
    /// The domain in lower case.
    pub domain: String,
}

/// `[[exempt]]`: networks that are never in a zone (G6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExemptionSettings {
    /// At least one network.
    pub networks: Vec<IpNet>,
    /// Why; never empty.
    pub reason: String,
}

/// `[[list]]`: a static list, with a zone of its own below the combined zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListSettings {
    /// The label of its zone: at least two characters and a non-digit (RFC 5782 §2.3); unique.
    pub name: String,
    /// The A record of its entries; in 127.0.0.0/8, unique, never 127.0.0.1 (RFC 5782 §5).
    pub code: Ipv4Addr,
    /// The absolute paths of its entries, which are read as one file after the other; at least one.
    #[serde(rename = "file", serialize_with = "paths_as_texts")]
    pub files: Vec<PathBuf>,
    /// The rbldnsd data set type of the files.
    pub format: ListFormat,
    /// Whether the combined zone holds it too.
    pub combined: bool,
}

/// Settings that were read without a mistake, and what should be said about them all the same.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Warnings, in the order of the file; each to be logged once by whoever starts something with these settings.
    pub warnings: Vec<Remark>,
}

impl Settings {
    /// Reads the settings file at `path`, or takes the safe local defaults (no feed, no relay, no trap) without one.
    ///
    /// # Errors
    /// All mistakes of the file at once; or that it (or a token file that it names) cannot be read.
    pub fn load(path: Option<&Path>) -> Result<Loaded, SettingsError> {
        let Some(path) = path else {
            return Self::parse("", DEFAULTS_NAME, Path::new(""));
        };
        let (name, folder) = (path.display().to_string(), path.parent().unwrap_or(Path::new("")));
        Self::parse(&source::text(path)?, &name, folder)
    }

    /// The folder that the settings file at `path` names as `data`, whatever else stands there: where the service is
    /// found that goes by it, and that will tell the mistakes.
    ///
    /// # Errors
    /// That the file cannot be read.
    pub fn data_folder(path: Option<&Path>) -> Result<PathBuf, SettingsError> {
        let text = path.map_or_else(|| Ok(String::new()), source::text)?;
        Ok(source::top_text(&text, "data").map_or_else(|| PathBuf::from(DATA_DEFAULT), PathBuf::from))
    }

    /// Where the service of the settings file at `path` takes samples over HTTP, for its clients: they may be unable to read
    /// the tokens and keys that the rest names.
    ///
    /// # Errors
    /// The file cannot be read or is no TOML, or what it says of this has a mistake.
    pub fn taking_samples(path: Option<&Path>) -> Result<SocketAddr, SettingsError> {
        let Some(path) = path else { return Ok(HTTP_LISTEN_DEFAULT) };
        read::taking_samples(&source::text(path)?, &path.display().to_string())
    }

    /// Reads settings from `text`. `name` is what remarks call it; files that it names are relative to `folder` (the empty
    /// path is the working directory).
    ///
    /// # Errors
    /// All mistakes of the text at once; or that a token file that it names cannot be read.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Loaded, SettingsError> {
        read::settings(text, name, folder)
    }

    /// The settings as a file that reads back equal, with every default spelled out and tokens as `token-digest` only.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are tables of texts, numbers and lists, which TOML can hold")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from(DATA_DEFAULT),
            zone: ZoneSettings::default(),
            dns: DnsSettings::default(),
            http: HttpSettings::default(),
            policy: PolicySettings::default(),
            brake: BrakeSettings::default(),
            rate_limit: RateLimitSettings::default(),
            storage: StorageSettings::default(),
            relays: Vec::new(),
            feeds: Vec::new(),
            traps: Vec::new(),
            exemptions: Vec::new(),
            intakes: Vec::new(),
            lists: Vec::new(),
        }
    }
}

impl Default for ZoneSettings {
    fn default() -> Self {
        Self {
            name: ZONE_NAME_DEFAULT.to_owned(),
            name_servers: NAME_SERVERS_DEFAULT.map(str::to_owned).to_vec(),
            contact: CONTACT_DEFAULT.to_owned(),
            page: PAGE_DEFAULT.to_owned(),
            backscatter_code: BACKSCATTER_CODE_DEFAULT,
            mixed_code: MIXED_CODE_DEFAULT,
            combined: COMBINED_DEFAULT.to_vec(),
            sunset: SUNSET_DEFAULT,
        }
    }
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            listen: vec![DNS_LISTEN_DEFAULT],
            tls: Vec::new(),
            https: Vec::new(),
            pair: None,
            tcp_connections: TCP_CONNECTIONS_DEFAULT,
            tcp_per_prefix: TCP_PER_PREFIX_DEFAULT,
            tcp_idle: TCP_IDLE_DEFAULT,
            allow: Vec::new(),
            refuse: Vec::new(),
            drop: Vec::new(),
            cookie_secrets: None,
            query_log: None,
        }
    }
}

impl Default for RateLimitSettings {
    fn default() -> Self {
        Self {
            mode: RATE_LIMIT_MODE_DEFAULT,
            per_answer: PER_ANSWER_DEFAULT,
            per_network: PER_NETWORK_DEFAULT,
            total: TOTAL_DEFAULT,
            slip: SLIP_DEFAULT,
            exempt: Vec::new(),
        }
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { free_space: FREE_SPACE_DEFAULT }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: vec![HTTP_LISTEN_DEFAULT],
            intake: Vec::new(),
            intake_tls: Vec::new(),
            pair: None,
            metrics: Vec::new(),
            proxies: Vec::new(),
        }
    }
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self {
            mode: MODE_DEFAULT,
            list_at: LIST_AT_DEFAULT,
            delist_at: DELIST_AT_DEFAULT,
            half_life: HALF_LIFE_DEFAULT,
            hard_limit: HARD_LIMIT_DEFAULT,
            traps: TRAPS_DEFAULT,
            trap_domains: TRAP_DOMAINS_DEFAULT,
            domain_cap: DOMAIN_CAP_DEFAULT,
        }
    }
}

impl Default for BrakeSettings {
    fn default() -> Self {
        Self { per_list: PER_LIST_DEFAULT, per_feed: PER_FEED_DEFAULT, interval: INTERVAL_DEFAULT }
    }
}

impl fmt::Display for TrapAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local.as_deref().unwrap_or_default(), self.domain)
    }
}

impl Serialize for TrapAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Prints a path as the text that TOML needs; settings files hold UTF-8 paths only.
fn path_as_text<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The same of a path that there is.
fn known_path_as_text<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path_as_text(path.as_deref().unwrap_or(Path::new("")), serializer)
}

/// Prints one path as a text, and several as a list.
fn paths_as_texts<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    match paths {
        [path] => path_as_text(path, serializer),
        paths => serializer.collect_seq(paths.iter().map(|path| path.to_string_lossy())),
    }
}

/// Prints a length of time in whole hours (`48h`) where that is exact, and as humantime does otherwise.
fn length_of_time<S: Serializer>(length: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    if length.subsec_nanos() == 0 && length.as_secs().is_multiple_of(3600) {
        serializer.collect_str(&format_args!("{}h", length.as_secs() / 3600))
    } else {
        serializer.collect_str(&humantime::format_duration(*length))
    }
}

/// The same of a length that there is.
fn known_length_of_time<S: Serializer>(length: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    length_of_time(&length.unwrap_or_default(), serializer)
}
