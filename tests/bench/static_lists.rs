//! What a static list of ten million addresses costs: CPU time and memory while it is read, memory and time of a lookup
//! when it is there.
//!
//! `cargo bench --bench static_lists`; `-- --addresses N` sets another number, `-- --format ip4trie` another format.
#![allow(clippy::unwrap_used, reason = "a measurement ends at the first thing that goes wrong")]

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use firsthand_analyzer::listing::Exemptions;
use firsthand_server::config::{ListFormat, Word};
use firsthand_server::lists;
use firsthand_server::zone::Code;
use nix::sys::resource::{UsageWho, getrusage};

/// Addresses that are looked up.
const LOOKUPS: u32 = 5_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let addresses: u32 = option("--addresses").map_or(10_000_000, |number| number.parse().unwrap());
    let format = ListFormat::of(option("--format").unwrap_or("ip4set")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("list");
    write(&file, addresses, format);
    let megabytes = fs::metadata(&file).unwrap().len() / 1_000_000;
    println!("{addresses} addresses, {} of {megabytes} MB", format.as_str());

    let (before, began) = (kilobytes("VmRSS"), cpu());
    let read = lists::read(&[&file], format, Code::SPAM, &Exemptions::standard([]), 1_800_000_000).unwrap();
    let (used, after, most) = (cpu() - began, kilobytes("VmRSS"), kilobytes("VmHWM"));
    println!("read in {:.2} s of CPU; {:?} listed, {:?}", used.as_secs_f64(), read.fixed.counts(), read.kept_out);
    println!("memory: {} MB, at most {} MB while it was read", (after - before) / 1000, (most - before) / 1000);

    for (name, listed) in [("listed", true), ("random", false)] {
        let address = |number: u32| {
            let bits = spread(if listed { number.wrapping_mul(7919) % addresses } else { number ^ 0x5555_5555 });
            match format {
                ListFormat::Ip6trie | ListFormat::Ip6tset => IpAddr::V6(wide(bits)),
                _ => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            }
        };
        let (mut found, began) = (0usize, cpu());
        for number in 0..LOOKUPS {
            found += read.fixed.get(address(number)).len();
        }
        let one = (cpu() - began) / LOOKUPS;
        let (mut sum, began) = (0usize, cpu());
        for batch in 0..LOOKUPS / 32 {
            for number in 0..32 {
                sum = sum.wrapping_add(read.fixed.touch(address(batch * 32 + number)));
            }
            for number in 0..32 {
                sum = sum.wrapping_add(read.fixed.get(address(batch * 32 + number)).len());
            }
        }
        let batched = (cpu() - began) / LOOKUPS;
        println!("{name}: {found} of {LOOKUPS} found, {one:?} each, {batched:?} in batches of 32 ({})", sum % 10);
    }
}

/// The address of a number, spread over what is global unicast.
fn spread(number: u32) -> u32 {
    0x1000_0000 + ((u64::from(number.wrapping_mul(2_654_435_761)) * 0xb000_0000) >> 32) as u32
}

fn wide(bits: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2a00u128 << 112) + (u128::from(bits) << 64))
}

fn write(file: &std::path::Path, addresses: u32, format: ListFormat) {
    let mut out = BufWriter::new(fs::File::create(file).unwrap());
    writeln!(out, ":2:Listed, see https://bl.example/$").unwrap();
    let mut line = String::new();
    for number in 0..addresses {
        let bits = spread(number);
        line.clear();
        match format {
            ListFormat::Ip6trie | ListFormat::Ip6tset => {
                write!(line, "2a00:0:{:x}:{:x}", bits >> 16, bits & 0xffff).unwrap();
            }
            _ => write!(line, "{}", Ipv4Addr::from_bits(bits)).unwrap(),
        }
        // Every third with another code, so that each needs its own.
        if number % 3 == 0 && !matches!(format, ListFormat::Ip4tset | ListFormat::Ip6tset) {
            line.push_str(" :3");
        }
        line.push('\n');
        out.write_all(line.as_bytes()).unwrap();
    }
    out.flush().unwrap();
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let time = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap())
    };
    time(usage.user_time()) + time(usage.system_time())
}

fn kilobytes(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
