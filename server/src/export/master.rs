//! A master file (RFC 1035 §5) of the zone, for BIND, NSD, Knot and whatever else reads one.
//!
//! It holds the names that the service itself answers: the combined zone's, and below each list's label its own. A listed
//! /64 is the wildcard of its sixteen nibbles (RFC 4592), whose TXT cannot name the queried address and names the /64. A
//! record never lives longer than its listing, counted from when the file was made (G8).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use firsthand_analyzer::address::Origin;

use super::{Entry, Export, Listed, absolute, ending, filled};
use crate::dns::answer::TEST_TEXT;
use crate::zone::{Code, Scope};

/// The nibbles of a /64.
const NETWORK_NIBBLES: usize = 16;
/// The nibbles of an address.
const NIBBLES: usize = 32;

pub(super) fn write(export: &Export<'_>, out: &mut dyn Write) -> io::Result<u64> {
    let settings = export.zone.settings();
    export.write_title(';', out)?;
    writeln!(out, "$ORIGIN {}\n$TTL {}", absolute(&settings.name), settings.ttl)?;
    let contact = absolute(&settings.contact);
    writeln!(out, "@ IN SOA {} {contact} {}", absolute(export.primary), export.soa_numbers())?;
    export.name_servers.iter().try_for_each(|server| writeln!(out, "@ IN NS {}", absolute(server)))?;
    for (scope, label) in export.scopes() {
        let below = label.map(|label| format!(".{label}")).unwrap_or_default();
        for (address, code) in export.test_entries(scope) {
            for name in [name_of_v4(address), name_of_v6(address.to_ipv6_mapped(), NIBBLES)] {
                writeln!(out, "{name}{below} IN A {code}\n{name}{below} IN TXT {}", quoted(TEST_TEXT))?;
            }
        }
    }
    let mut count = 0;
    for entry in export.entries() {
        for (scope, label) in export.scopes() {
            listed(export, &entry, scope, label, out)?;
        }
        count += 1;
    }
    writeln!(out, "; {}", ending(count))?;
    Ok(count)
}

/// What a scope says of an origin; nothing if its lists hold nothing of it.
fn listed(
    export: &Export<'_>,
    entry: &Entry,
    scope: Scope,
    label: Option<&str>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let listings: Vec<&Listed> = entry.listings.iter().filter(|listing| export.holds(scope, listing.list)).collect();
    // All records of a set live equally long (RFC 2181 §5.2).
    let Some(until) = listings.iter().map(|listing| listing.until).min() else { return Ok(()) };
    let mut name = match entry.origin {
        Origin::V4(address) => name_of_v4(address),
        Origin::V6(upper) => format!("*.{}", name_of_v6(first_of(upper), NETWORK_NIBBLES)),
    };
    if let Some(label) = label {
        name.push('.');
        name.push_str(label);
    }
    let ttl = match export.ttl(until) {
        ttl if ttl == export.zone.settings().ttl => String::new(),
        ttl => format!("{ttl} "),
    };
    // Two lists may share a value; a set holds a record once (RFC 2181 §5).
    let codes: BTreeSet<Code> = listings.iter().map(|listing| export.zone.lists()[listing.list].code).collect();
    for code in codes {
        writeln!(out, "{name} {ttl}IN A {code}")?;
    }
    listings.iter().try_for_each(|listing| {
        writeln!(out, "{name} {ttl}IN TXT {}", quoted(&text(export, listing.list, entry.origin)))
    })
}

/// A list's TXT answer about an origin. Where that is a /64, the reason names it, and the page is that of its first address.
fn text(export: &Export<'_>, list: usize, origin: Origin) -> String {
    match origin {
        Origin::V4(address) => filled(export.zone.text(list), &address),
        Origin::V6(upper) => {
            let page = &export.zone.settings().page;
            let whole = export.zone.text(list);
            let reason = whole.strip_suffix(page.as_str()).unwrap_or(whole);
            let page = &whole[reason.len()..];
            filled(reason, &origin) + &filled(page, &IpAddr::V6(first_of(upper)))
        }
    }
}

/// The first address of a /64.
fn first_of(upper: u64) -> Ipv6Addr {
    Ipv6Addr::from_bits(u128::from(upper) << 64)
}

/// `4.3.2.1` for 1.2.3.4 (RFC 5782 §2.1).
fn name_of_v4(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("{d}.{c}.{b}.{a}")
}

/// The first `nibbles` of an address, reversed (RFC 5782 §2.4).
fn name_of_v6(address: Ipv6Addr, nibbles: usize) -> String {
    let mut name = String::with_capacity(2 * nibbles);
    for place in (0..nibbles).rev() {
        if !name.is_empty() {
            name.push('.');
        }
        write!(name, "{:x}", (address.to_bits() >> (4 * (NIBBLES - 1 - place))) & 0xf)
            .expect("a string takes what is written");
    }
    name
}

/// A character string in quotes (RFC 1035 §5.1); texts are printable ASCII and shorter than 256 bytes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
