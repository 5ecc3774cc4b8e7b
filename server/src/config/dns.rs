//! `[dns]`: where queries are answered, and how many connections strangers may hold.
//!
//! Enters: the table. Leaves: [`DnsSettings`]. Refuses: listeners without a port of their own, and shares of connections
//! that could never be had.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::read::{listen, sockets};
use super::remark::Flaw;
use super::table::{Table, Value};
use super::{DNS_LISTEN_DEFAULT, DnsSettings};
use super::{TCP_CONNECTIONS_DEFAULT, TCP_IDLE_DEFAULT, TCP_PER_PREFIX_DEFAULT};

/// The numbers of connections that may be allowed.
const CONNECTIONS: RangeInclusive<u32> = 1..=1_000_000;
/// The longest time that an idle connection may be kept (RFC 7766 §6.2.3 has seconds in mind).
const IDLE_MAX: Duration = Duration::from_secs(600);

/// `[dns]` as it was read.
#[derive(Clone, Default)]
pub(super) struct DnsEntry<'t> {
    listen: Vec<(Value<'t>, SocketAddr)>,
    /// What needs no place in the file.
    rest: DnsSettings,
}

impl<'t> DnsEntry<'t> {
    /// Every address on which something of DNS listens, with its place.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &(Value<'t>, SocketAddr)> {
        self.listen.iter()
    }

    pub(super) fn settings(self) -> DnsSettings {
        DnsSettings { listen: sockets(self.listen, DNS_LISTEN_DEFAULT), ..self.rest }
    }
}

/// `[dns]`
pub(super) fn dns(mut table: Table<'_>) -> Option<DnsEntry<'_>> {
    let listen = listen(&mut table, "127.0.0.1:5300");
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
    let rest =
        DnsSettings { listen: Vec::new(), tcp_connections: connections?, tcp_per_prefix: per_prefix?, tcp_idle: idle? };
    Some(DnsEntry { listen: listen?, rest })
}
