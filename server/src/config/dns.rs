//! `[dns]` and `[rate-limit]`: where queries are answered, to whom, how often, and how many connections strangers may
//! hold.
//!
//! Enters: the tables. Leaves: [`DnsSettings`] and [`RateLimitSettings`]. Refuses: listeners without a port of their own,
//! certificates and keys that cannot be served, shares of connections and of rates that could never be had, and networks
//! with two meanings.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::read::{listen, path, sockets};
use super::remark::Flaw;
use super::table::{Table, Value};
use super::{CookieSecrets, DNS_LISTEN_DEFAULT, DnsSettings, RateLimitSettings, address};
use super::{TCP_CONNECTIONS_DEFAULT, TCP_IDLE_DEFAULT, TCP_PER_PREFIX_DEFAULT};
use crate::certificate::{Pair, PairError};

/// The numbers of connections that may be allowed.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The longest time that an idle connection may be kept (RFC 7766 §6.2.3 has seconds in mind).
const IDLE_MAX: Duration = Duration::from_secs(600);

/// The permission bits that let anybody read or write a key.
const MODE_OF_STRANGERS: u32 = 0o007;

/// `[dns]` as it was read.
#[derive(Clone, Default)]
pub(super) struct DnsEntry<'t> {
    listen: Vec<(Value<'t>, SocketAddr)>,
    tls: Vec<(Value<'t>, SocketAddr)>,
    https: Vec<(Value<'t>, SocketAddr)>,
    /// What needs no place in the file.
    rest: DnsSettings,
}

/// The rates that may be set, answers a second.
const RATES: RangeInclusive<u32> = 1..=1_000_000;
/// Every which answer over a rate may become a request for proof.
const SLIPS: RangeInclusive<u32> = 0..=10;
/// The longest file of cookie secrets, bytes, and the most secrets in it: one more than any stage of a roll needs.
const SECRETS_BYTES_MAX: u64 = 4096;
const SECRETS_MAX: usize = 4;

impl<'t> DnsEntry<'t> {
    /// Whether nothing is written, so that the default stands.
    pub(super) fn has_default(&self) -> bool {
        self.listen.is_empty()
    }

    /// Every address on which something of DNS listens, with its place.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &(Value<'t>, SocketAddr)> {
        self.listen.iter().chain(&self.tls).chain(&self.https)
    }

    pub(super) fn settings(self) -> DnsSettings {
        let bare = |written: Vec<(Value<'_>, SocketAddr)>| written.into_iter().map(|(_, socket)| socket).collect();
        DnsSettings {
            listen: sockets(self.listen, DNS_LISTEN_DEFAULT),
            tls: bare(self.tls),
            https: bare(self.https),
            ..self.rest
        }
    }
}

/// `[dns]`; certificate, key, query log and a file of secrets are relative to `folder`.
pub(super) fn dns<'t>(mut table: Table<'t>, folder: &Path) -> Option<DnsEntry<'t>> {
    let listen = listen(&mut table, "127.0.0.1:5300");
    let mut encrypted = |key: &'static str, example: &str| {
        let list = format!("[{example:?}]");
        table.or_default(key, Vec::new(), |value| value.each(&list, |socket| socket.named(example, address::socket)))
    };
    let (tls, https) = (encrypted("tls", "127.0.0.1:853"), encrypted("https", "127.0.0.1:443"));
    let wanted = [&tls, &https].iter().any(|sockets| sockets.as_ref().is_none_or(|sockets| !sockets.is_empty()));
    let pair = pair(&mut table, wanted, "tls = [\"127.0.0.1:853\"]", folder);
    let connections =
        table.or_default("tcp-connections", TCP_CONNECTIONS_DEFAULT, |value| value.whole(&CONNECTIONS, "4096"));
    let per_prefix =
        table.or_default("tcp-per-prefix", TCP_PER_PREFIX_DEFAULT, |value| value.whole(&CONNECTIONS, "256"));
    if let (Some(connections), Some(per_prefix)) = (connections, per_prefix)
        && per_prefix > connections
    {
        let what = format!("one network may hold {per_prefix} connections, and there are only {connections} in all");
        let mend = "write a tcp-per-prefix of at most tcp-connections, for example a sixteenth of it";
        table.refuse_pair("tcp-per-prefix", "tcp-connections", Flaw::new(what, mend));
    }
    let idle = table.or_default("tcp-idle", TCP_IDLE_DEFAULT, |value| value.length_of_time("10s", IDLE_MAX));
    let mut networks = |key: &'static str| {
        table.or_default(key, Vec::new(), |value| {
            value.each("[\"192.0.2.0/24\"]", |network| network.parsed("192.0.2.0/24", address::network))
        })
    };
    let (allow, refuse, drop) = (networks("allow"), networks("refuse"), networks("drop"));
    if let (Some(allow), Some(refuse), Some(drop)) = (&allow, &refuse, &drop) {
        let named = [("allow", allow), ("refuse", refuse), ("drop", drop)];
        for (at, (key, networks)) in named.iter().enumerate() {
            for (other, others) in &named[..at] {
                if let Some(network) = networks.iter().find(|network| others.contains(network)) {
                    let mend = "take it out of one of them; of networks within each other the longest counts";
                    table.refuse_pair(key, other, Flaw::new(format!("both name \"{network}\""), mend));
                }
            }
        }
    }
    let secrets = table.or_default("cookie-secrets", None, |value| {
        let path = folder.join(value.text("cookies.secret")?);
        let secrets = value.noted(cookie_secrets(&path))?;
        warn_if_open(value, &path);
        Some(Some(secrets))
    });
    let query_log = table.or_default("query-log", None, |value| {
        let path = folder.join(value.parsed("queries.log", path)?);
        Some(Some(std::path::absolute(&path).unwrap_or(path)))
    });
    table.finish();
    let rest = DnsSettings {
        listen: Vec::new(),
        tls: Vec::new(),
        https: Vec::new(),
        pair: pair?,
        tcp_connections: connections?,
        tcp_per_prefix: per_prefix?,
        tcp_idle: idle?,
        allow: allow?,
        refuse: refuse?,
        drop: drop?,
        cookie_secrets: secrets?,
        query_log: query_log?,
    };
    Some(DnsEntry { listen: listen?, tls: tls?, https: https?, rest })
}

/// `certificate` and `key`, which `wanted` listeners need and which must fit; `example` is such a listener.
pub(super) fn pair(table: &mut Table<'_>, wanted: bool, example: &str, folder: &Path) -> Option<Option<Pair>> {
    let mut file = |key: &'static str, example: &str| {
        let value = if wanted { table.require(key, &format!("{example:?}"))? } else { table.take(key)? };
        let (value, path) = value.named(example, path)?;
        let path = folder.join(path);
        Some((value, std::path::absolute(&path).unwrap_or(path)))
    };
    let (certificate, key) = (file("certificate", "cert.pem"), file("key", "key.pem"));
    if !wanted {
        for (value, _) in certificate.iter().chain(&key) {
            let mend = format!("write {example}, for example, or take certificate and key out");
            value.warn(Flaw::new("is used by no listener", mend));
        }
        return Some(None);
    }
    let ((at_certificate, certificate), (at_key, key)) = (certificate?, key?);
    let pair = Pair { certificate, key };
    if let Err(error) = pair.read() {
        let (value, what, mend) = match error {
            PairError::Certificate(why) => {
                (at_certificate, why, "name a chain in PEM that this user can read, the server's own certificate first")
            }
            PairError::Key(why) => (at_key, why, "name the key in PEM, not encrypted, that this user can read"),
            PairError::Mismatch => {
                (at_key, "is not the key of the certificate".to_owned(), "name the key with which it was made")
            }
        };
        value.refuse(Flaw::new(what, mend));
        return None;
    }
    warn_if_open(&at_key, &pair.key);
    Some(Some(pair))
}

/// Warns of a secret that every user of this machine can get at.
fn warn_if_open(value: &Value<'_>, path: &Path) {
    if std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & MODE_OF_STRANGERS != 0) {
        let mend = format!("run: chmod 640 {}", path.display());
        value.warn(Flaw::new("can be read or written by everybody on this machine", mend));
    }
}

/// `[rate-limit]`
pub(super) fn rate_limit(mut table: Table<'_>) -> Option<RateLimitSettings> {
    let default = RateLimitSettings::default();
    let mode = table.or_default("mode", default.mode, Value::word);
    let mut rate = |key: &'static str, default: u32| {
        table.or_default(key, default, |value| value.whole(&RATES, &default.to_string()))
    };
    let per_answer = rate("per-answer", default.per_answer);
    let per_network = rate("per-network", default.per_network);
    let total = rate("total", default.total);
    let slip = table.or_default("slip", default.slip, |value| value.whole(&SLIPS, "2"));
    let exempt = table.or_default("exempt", Vec::new(), |value| {
        value.each("[\"192.0.2.0/24\"]", |network| network.parsed("192.0.2.0/24", address::network))
    });
    if let (Some(per_answer), Some(per_network), Some(total)) = (per_answer, per_network, total)
        && (per_answer > per_network || per_network > total)
    {
        let what = "must not be more than per-network, nor that more than total: a wider rate would never be reached";
        let mend = "write for example per-answer = 20, per-network = 1000, total = 20000";
        table.refuse("per-answer", Flaw::new(what, mend));
    }
    table.finish();
    Some(RateLimitSettings {
        mode: mode?,
        per_answer: per_answer?,
        per_network: per_network?,
        total: total?,
        slip: slip?,
        exempt: exempt?,
    })
}

/// The secrets of a file: each 32 hexadecimal digits on a line of its own, the one that makes cookies first.
fn cookie_secrets(path: &Path) -> Result<CookieSecrets, Flaw> {
    let shown = path.display();
    let make = format!("make one with: (umask 077; openssl rand -hex 16 > {shown})");
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(SECRETS_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| Flaw::new(format!("\"{shown}\" cannot be read: {error}"), &make))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let secret = |(at, line): (usize, &str)| {
        let bytes = (line.len() == 32).then(|| u128::from_str_radix(line, 16).ok()).flatten();
        bytes.map(u128::to_be_bytes).ok_or_else(|| {
            Flaw::new(format!("\"{shown}\" line {} is no secret of 32 hexadecimal digits", at + 1), &make)
        })
    };
    let secrets: Vec<_> = lines.map(secret).collect::<Result<_, _>>()?;
    if !(1..=SECRETS_MAX).contains(&secrets.len()) {
        return Err(Flaw::new(format!("\"{shown}\" must hold 1 to {SECRETS_MAX} secrets"), make));
    }
    Ok(CookieSecrets { file: path.to_owned(), secrets })
}
