//! One dataset of rbldnsd's type `combined`: a section for each list and family, attached to the combined zone and to the
//! list's own, as the service itself serves it. (A plain `ip4set` file cannot hold IPv6, nor `ip6trie` IPv4.)
//!
//! - Values stand once a section, `:127.0.0.2:text`; rbldnsd puts the queried address where `$` stands.
//! - Test entries have sections of their own, since one address has another value in another zone.
//! - `$TIMESTAMP` makes a copy that nobody renews turn itself off: after `max_age` rbldnsd refuses to answer from it (G8).
//! - rbldnsd has one TTL a file, so a cached answer may outlive a listing by it.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use firsthand_analyzer::address::Origin;

use super::{Export, absolute, ending, moment};
use crate::dns::answer::TEST_TEXT;
use crate::zone::{ADDRESS, Code, DomainName};

pub(super) fn write(export: &Export<'_>, out: &mut dyn Write) -> io::Result<u64> {
    let settings = export.zone.settings();
    let servers: Vec<String> = export.name_servers.iter().map(name).collect();
    export.write_title('#', out)?;
    writeln!(out, "# rbldnsd {}:combined:THIS-FILE", settings.name)?;
    let until = export.now.saturating_add(settings.max_age.into());
    writeln!(out, "$TIMESTAMP {} {}", timestamp(export.now), timestamp(until))?;
    let (ttl, soa) = (settings.ttl, export.soa_numbers());
    writeln!(out, "$SOA {ttl} {} {} {soa}", name(export.primary), name(&settings.contact))?;
    writeln!(out, "$NS {ttl} {}\n$TTL {ttl}", servers.join(" "))?;
    for (scope, label) in export.scopes() {
        let place = label.unwrap_or("@");
        let entries = export.test_entries(scope);
        writeln!(out, "$DATASET ip4set:test-{} {place}", label.unwrap_or("combined"))?;
        for (address, code) in &entries {
            writeln!(out, "{address} {}", value(*code, TEST_TEXT))?;
        }
        writeln!(out, "$DATASET ip6trie:test-{}-ipv6 {place}", label.unwrap_or("combined"))?;
        for (address, code) in &entries {
            writeln!(out, "{} {}", mapped(*address), value(*code, TEST_TEXT))?;
        }
    }
    let mut count = 0;
    for (index, list) in export.zone.lists().iter().enumerate() {
        let label = list.label.as_str();
        let places = if list.combined { format!("@ {label}") } else { label.to_owned() };
        let values = value(list.code, export.zone.text(index));
        writeln!(out, "$DATASET ip4set:{label} {places}\n{values}")?;
        let mut six = false;
        for (origin, _) in export.of_list(index) {
            if matches!(origin, Origin::V6(_)) && !six {
                writeln!(out, "$DATASET ip6trie:{label}-ipv6 {places}\n{values}")?;
                six = true;
            }
            writeln!(out, "{origin}")?;
            (export.read)(1);
            count += 1;
        }
    }
    writeln!(out, "# {}", ending(count))?;
    Ok(count)
}

/// `:127.0.0.2:text`, a dollar sign doubled and `$` for the address.
fn value(code: Code, text: &str) -> String {
    format!(":{code}:{}", text.replace('$', "$$").replace(ADDRESS, "$"))
}

/// `::ffff:127.0.0.2/128` in the hexadecimal groups that rbldnsd reads.
fn mapped(address: Ipv4Addr) -> String {
    let [high, low] = [address.to_bits() >> 16, address.to_bits() & 0xffff];
    format!("::ffff:{high:x}:{low:x}/128")
}

/// A name without its last dot.
fn name(name: &DomainName) -> String {
    absolute(name).trim_end_matches('.').to_owned()
}

/// `2026-11-26:01:20:00`, UTC.
fn timestamp(second: u64) -> String {
    moment(second).trim_end_matches('Z').replace('T', ":")
}
