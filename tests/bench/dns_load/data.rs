//! A list as the files of the servers that are compared.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use clap::ValueEnum;
use firsthand_analyzer::address::Origin;

use super::addresses::Entries;

/// The SOA that every server gives: what it costs belongs to every "not listed" (RFC 2308).
const SOA: &str = "ns.bl.example. hostmaster.bl.example. 1 600 300 86400 60";

/// The form of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Form {
    /// rbldnsd's: one default value, one entry a line.
    Rbldnsd,
    /// rbldnsd's with a value on each line.
    RbldnsdValues,
    /// A zone file, for servers that know names only.
    Zone,
}

/// Writes `entries` into `file`.
///
/// # Errors
/// What the system says of the file.
pub(crate) fn write(entries: &Entries, form: Form, code: Ipv4Addr, zone: &str, file: &Path) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let text = |shown: &str| format!("Listed in bench: {shown}. See http://127.0.0.1:8080/address/{shown}");
    if form == Form::Zone {
        writeln!(file, "$ORIGIN {zone}.\n$TTL 300\n@ SOA {SOA}\n@ NS ns.bl.example.")?;
    } else {
        writeln!(file, "$SOA 300 {SOA}\n$NS 300 ns.bl.example\n:{code}:{}", text("$"))?;
    }
    for origin in entries.origins() {
        let shown = match origin {
            Origin::V4(v4) => v4.to_string(),
            Origin::V6(upper) => Ipv6Addr::from_bits(u128::from(upper) << 64).to_string(),
        };
        match (form, origin) {
            (Form::Zone, Origin::V4(v4)) => {
                let [a, b, c, d] = v4.octets();
                writeln!(file, "{d}.{c}.{b}.{a} A {code}\n{d}.{c}.{b}.{a} TXT \"{}\"", text(&shown))?;
            }
            (Form::Zone, Origin::V6(upper)) => {
                write!(file, "*")?;
                for at in 0..16 {
                    write!(file, ".{:x}", upper >> (4 * at) & 15)?;
                }
                writeln!(file, " A {code}")?;
            }
            (_, Origin::V4(_)) if form == Form::RbldnsdValues => writeln!(file, "{shown} :{code}:{}", text("$"))?,
            (_, Origin::V6(_)) if form == Form::RbldnsdValues => writeln!(file, "{shown}/64 :{code}:{}", text("$"))?,
            (_, Origin::V4(_)) => writeln!(file, "{shown}")?,
            (_, Origin::V6(_)) => writeln!(file, "{shown}/64")?,
        }
    }
    file.flush()
}
