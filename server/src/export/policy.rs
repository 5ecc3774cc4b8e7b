//! A response policy zone for resolvers: answers that point to a listed address become NXDOMAIN.
//!
//! The trigger is `rpz-ip`: the prefix length, then the address backwards, IPv6 in groups of 16 bits with `zz` for its
//! run of zeros. All names are relative, so that the file loads under whatever name the resolver gives the policy.
//! Nobody is delegated to it, hence its one name server, `localhost`.
//! There are no test entries: 127.0.0.2 as a trigger would take away the answers of every blocklist.

use std::io::{self, Write};

use firsthand_analyzer::address::Origin;

use super::{Export, absolute, ending};

pub(super) fn write(export: &Export<'_>, out: &mut dyn Write) -> io::Result<u64> {
    let longest = export.zone.settings().ttl;
    export.write_title(';', out)?;
    writeln!(out, "$TTL {longest}")?;
    let contact = absolute(&export.zone.settings().contact);
    writeln!(out, "@ IN SOA localhost. {contact} {}\n@ IN NS localhost.", export.soa_numbers())?;
    let mut count = 0;
    for entry in export.entries() {
        let until = entry.listings.iter().map(|listing| listing.until).min().unwrap_or(0);
        let trigger = trigger(entry.origin);
        match export.ttl(until) {
            ttl if ttl == longest => writeln!(out, "{trigger} IN CNAME .")?,
            ttl => writeln!(out, "{trigger} {ttl} IN CNAME .")?,
        }
        count += 1;
    }
    writeln!(out, "; {}", ending(count))?;
    Ok(count)
}

/// `32.4.3.2.1.rpz-ip` for 1.2.3.4, `64.zz.2.1.db8.2001.rpz-ip` for 2001:db8:1:2::/64.
fn trigger(origin: Origin) -> String {
    match origin {
        Origin::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("32.{d}.{c}.{b}.{a}.rpz-ip")
        }
        Origin::V6(upper) => {
            // The lower half is zeros, so the longest run, which `zz` must stand for, is the one that ends the address.
            let zeros = upper.trailing_zeros() / 16;
            let groups = (zeros..4).map(|group| format!(".{:x}", (upper >> (16 * group)) & 0xffff));
            groups.fold("64.zz".to_owned(), |name, group| name + &group) + ".rpz-ip"
        }
    }
}
