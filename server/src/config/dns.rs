//! `[dns]`: where queries are answered, and how many connections strangers may hold.
//!
//! Enters: the table. Leaves: [`DnsSettings`]. Refuses: certificates and keys that cannot be
//! served, and shares of connections that could never be had.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::address;
use super::read::{listen, path, sockets};
use super::remark::Flaw;
use super::table::{Table, Value};
use super::{DNS_LISTEN_DEFAULT, DnsSettings};
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

impl<'t> DnsEntry<'t> {
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

/// `[dns]`; certificate and key are relative to `folder`, and kept absolute.
pub(super) fn dns<'t>(mut table: Table<'t>, folder: &Path) -> Option<DnsEntry<'t>> {
    let listen = listen(&mut table, "127.0.0.1:5300");
    let mut encrypted = |key: &'static str, example: &str| {
        let list = format!("[{example:?}]");
        table.or_default(key, Vec::new(), |value| value.each(&list, |socket| socket.named(example, address::socket)))
    };
    let (tls, https) = (encrypted("tls", "127.0.0.1:853"), encrypted("https", "127.0.0.1:443"));
    let wanted = [&tls, &https].iter().any(|sockets| sockets.as_ref().is_none_or(|sockets| !sockets.is_empty()));
    let pair = pair(&mut table, wanted, folder);
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
    table.finish();
    let rest = DnsSettings {
        pair: pair?,
        tcp_connections: connections?,
        tcp_per_prefix: per_prefix?,
        tcp_idle: idle?,
        ..DnsSettings::default()
    };
    Some(DnsEntry { listen: listen?, tls: tls?, https: https?, rest })
}

/// `certificate` and `key`, which `wanted` listeners need and which must fit.
fn pair(table: &mut Table<'_>, wanted: bool, folder: &Path) -> Option<Option<Pair>> {
    let mut file = |key: &'static str, example: &str| {
        let value = if wanted { table.require(key, &format!("{example:?}"))? } else { table.take(key)? };
        let (value, path) = value.named(example, path)?;
        let path = folder.join(path);
        Some((value, std::path::absolute(&path).unwrap_or(path)))
    };
    let (certificate, key) = (file("certificate", "cert.pem"), file("key", "key.pem"));
    if !wanted {
        for (value, _) in certificate.iter().chain(&key) {
            let mend = "write tls = [\"127.0.0.1:853\"], for example, or take certificate and key out";
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
    if std::fs::metadata(&pair.key).is_ok_and(|file| file.permissions().mode() & MODE_OF_STRANGERS != 0) {
        let shown = pair.key.display();
        at_key.warn(Flaw::new("can be read by everybody on this machine", format!("run: chmod 640 {shown}")));
    }
    Some(Some(pair))
}
