//! Static lists, by fuzzing: any bytes as the files of a list are taken or refused, without a panic and within bounded
//! memory; and whatever is taken lists nothing exempt (G6), answers only short printable texts (E08, E11), and exists at
//! every name above what it lists (RFC 8020).
//!
//! The first byte chooses the format; 0xFF divides the rest into files.
#![no_main]

use std::net::IpAddr;
use std::sync::LazyLock;

use firsthand_analyzer::listing::Exemptions;
use firsthand_server::config::{ListFormat, Word};
use firsthand_server::lists::DataSet;
use firsthand_server::zone::{Code, Prefix, TEXT_LIMIT};
use libfuzzer_sys::fuzz_target;

static EXEMPTIONS: LazyLock<Exemptions> = LazyLock::new(|| Exemptions::standard([]));

fuzz_target!(|data: &[u8]| {
    let [format, files @ ..] = data else { return };
    let format = ListFormat::ALL[usize::from(*format) % ListFormat::ALL.len()];
    let mut set = DataSet::new(format, Code::SPAM, 1_795_651_200);
    for file in files.split(|byte| *byte == 0xff) {
        set.add("file", file);
    }
    let read = match set.finish(&EXEMPTIONS) {
        Ok(read) => read,
        Err(refusal) => return assert!(!refusal.mistakes.is_empty()),
    };
    for address in
        ["127.0.0.1", "127.0.0.2", "10.1.2.3", "192.0.2.1", "::1", "::ffff:20.1.2.3", "fe80::1", "2001:db8::1"]
    {
        let address: IpAddr = address.parse().expect("the texts are addresses");
        assert!(read.fixed.get(address).is_empty(), "{address}");
    }
    let fours = files.windows(4).take(64).map(|bytes| IpAddr::from([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let near = (0..64u32).map(|last| IpAddr::from((0x1401_0200 + last).to_be_bytes()));
    let sixes = (0..64u128).map(|last| IpAddr::from((0x2a00_0001_0002_0003u128 << 64 | last).to_be_bytes()));
    for address in fours.chain(near).chain(sixes) {
        let values = read.fixed.get(address);
        for value in values {
            let mut text = Vec::new();
            value.write_text(address, &mut text);
            assert!(text.len() <= TEXT_LIMIT && text.iter().all(|byte| (b' '..=b'~').contains(byte)));
            assert!(read.fixed.codes().contains(&value.code));
        }
        if !values.is_empty() {
            let exists = match address {
                IpAddr::V4(v4) => (0..=4).all(|octets| {
                    let rest = u32::MAX.checked_shr(8 * octets).unwrap_or(0);
                    read.fixed.any(Prefix::V4 { bits: v4.to_bits() & !rest, octets })
                }),
                IpAddr::V6(v6) => (0..=32).all(|nibbles| {
                    let rest = u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                    read.fixed.any(Prefix::V6 { bits: v6.to_bits() & !rest, nibbles })
                }),
            };
            assert!(exists, "{address}");
        }
    }
});
