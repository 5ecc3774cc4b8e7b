//! The table against a naive model: what a list of ranges says of each address.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use firsthand_analyzer::listing::Exemption;

/// A range with its answer, or with none.
type Entry<K> = (K, K, u16);

fn value(set: u16) -> Box<[Value]> {
    Box::new([Value::new(code(set)[0])])
}

fn code(set: u16) -> Vec<Code> {
    vec![Code::try_from(Ipv4Addr::new(127, 0, 1, set as u8)).unwrap()]
}

fn codes(values: &[Value]) -> Vec<Code> {
    values.iter().map(|value| value.code).collect()
}

fn exemptions(networks: &[IpNet]) -> Exemptions {
    Exemptions::only(networks.iter().map(|network| Exemption { network: *network, reason: "test".into() }))
}

/// Disjoint ranges of entries, of which the last wins; answer 0 is an exclusion.
fn flattened<K: Bits>(entries: &[Entry<K>]) -> Vec<Entry<K>> {
    let mut starts: Vec<K> = entries.iter().flat_map(|(from, to, _)| [Some(*from), to.next()]).flatten().collect();
    starts.sort_unstable();
    starts.dedup();
    let winner = |key: K| entries.iter().rev().find(|(from, to, _)| *from <= key && key <= *to).map(|entry| entry.2);
    let last = entries.iter().map(|entry| entry.1).max();
    let ends = starts.iter().skip(1).map(|next| next.before()).chain(last);
    let ranges = starts.iter().copied().zip(ends).filter(|(from, to)| from <= to);
    ranges.filter_map(|(from, to)| winner(from).filter(|set| *set != 0).map(|set| (from, to, set))).collect()
}

fn fixed(four: &[Entry<u32>], six: &[Entry<u128>], exempt: &[IpNet]) -> (Fixed, KeptOut) {
    let mut builder = FixedBuilder::new(&exemptions(exempt));
    for (from, to, set) in flattened(four) {
        builder.four(from, to, set);
    }
    for (from, to, set) in flattened(six) {
        builder.six(from, to, set);
    }
    builder.finish((0..8).map(value).collect(), None, None)
}

/// The ends of /24s, of slots and of blocks, and what lies around them.
fn address() -> impl Strategy<Value = u32> {
    let near = (
        prop::sample::select(vec![0u32, 0x0a00_0000, 0x0a01_0000, 0x0a01_0100, 0x0b00_0000, 0x7f00_0000, 0x8000_0000]),
        -6i32..6,
    );
    prop_oneof![
        near.prop_map(|(base, off)| base.wrapping_add_signed(off)),
        (0u32..600).prop_map(|low| 0x0a01_0000 + low * 109),
        any::<u32>(),
        Just(u32::MAX),
    ]
}

fn four_entry() -> impl Strategy<Value = Entry<u32>> {
    let length = prop_oneof![4 => Just(0u32), 2 => 0u32..9, 2 => prop::sample::select(vec![0xff, 0xffff, 0x0001_0000, 0x00ff_ffff, 0x0100_0000, u32::MAX])];
    (address(), length, 0u16..8).prop_map(|(from, length, set)| (from, from.saturating_add(length), set))
}

fn wide_address() -> impl Strategy<Value = u128> {
    let upper = prop_oneof![
        (0u64..4).prop_map(|low| low),
        (0u64..200).prop_map(|low| 0x2a00_0001_0002_0000 | low),
        Just(0x2a00_0001_0003_0000),
        any::<u64>(),
        Just(u64::MAX),
    ];
    let lower = prop_oneof![Just(0u64), Just(u64::MAX), 0u64..5, any::<u64>()];
    (upper, lower).prop_map(|(upper, lower)| u128::from(upper) << 64 | u128::from(lower))
}

fn six_entry() -> impl Strategy<Value = Entry<u128>> {
    let bits = prop_oneof![Just(128u32), Just(64), 0u32..129];
    (wide_address(), bits, 0u16..8).prop_map(|(address, bits, set)| {
        let rest = u128::MAX.checked_shr(bits).unwrap_or(0);
        (address & !rest, address | rest, set)
    })
}

fn network() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (address(), 4u8..33).prop_map(|(bits, length)| IpNet::new(IpAddr::V4(bits.into()), length).unwrap().trunc()),
        (wide_address(), 20u8..129)
            .prop_map(|(bits, length)| IpNet::new(IpAddr::V6(bits.into()), length).unwrap().trunc()),
    ]
}

/// Whether a network, in IPv6 with its whole /64s, holds an address.
fn cuts(network: &IpNet, address: IpAddr) -> bool {
    match (network, address) {
        (IpNet::V6(network), IpAddr::V6(v6)) if network.prefix_len() > 64 => {
            network.network().to_bits() >> 64 == v6.to_bits() >> 64
        }
        _ => network.contains(&address),
    }
}

fn is_of_rules(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 == 0,
    }
}

/// What the model says of an address.
fn said<K: Bits>(entries: &[Entry<K>], key: K, address: IpAddr, cut: &[IpNet]) -> Vec<Code> {
    let winner = entries.iter().rev().find(|(from, to, _)| *from <= key && key <= *to);
    let out = is_of_rules(address) || cut.iter().any(|network| cuts(network, address));
    winner.filter(|(.., set)| *set != 0 && !out).map_or_else(Vec::new, |(.., set)| code(*set))
}

/// The addresses at which anything can change, and their neighbours.
fn edges<K: Bits>(entries: &[Entry<K>], more: impl IntoIterator<Item = (K, K)>) -> Vec<K> {
    let ranges = entries.iter().map(|(from, to, _)| (*from, *to)).chain(more);
    let mut keys: Vec<K> =
        ranges.flat_map(|(from, to)| [Some(from), from.next(), Some(to), to.next()]).flatten().collect();
    let first = keys.iter().copied().min();
    keys.extend(keys.clone().into_iter().filter(|key| Some(*key) > first).map(Bits::before));
    keys.sort_unstable();
    keys.dedup();
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// G6, RFC 8020: the table says what the model says, of every address where something changes, after every cut.
    #[test]
    fn the_table_is_its_model(
        four in prop::collection::vec(four_entry(), 0..40),
        six in prop::collection::vec(six_entry(), 0..30),
        exempt in prop::collection::vec(network(), 0..4),
        later in prop::collection::vec(network(), 0..4),
    ) {
        let (whole, _) = fixed(&four, &six, &exempt);
        let both: Vec<IpNet> = exempt.iter().chain(&later).copied().collect();
        let each = both.iter().copied().chain(networks_of_rules()).map(|network| ranges([network]));
        let (cut_four, cut_six): (Vec<_>, Vec<_>) = each.unzip();
        let (fours, sixes) = (edges(&four, cut_four.concat()), edges(&six, cut_six.concat()));
        for (table, cut) in [(&whole, &exempt), (&whole.without(&later), &both)] {
            let mut listed_four = Vec::new();
            for bits in &fours {
                let address = IpAddr::V4((*bits).into());
                let expected = said(&four, *bits, address, cut);
                prop_assert_eq!(codes(table.get(address)), expected.clone(), "{}", address);
                let _ = table.touch(address);
                if !expected.is_empty() {
                    listed_four.push(*bits);
                }
            }
            for bits in &fours {
                for octets in 0..=4 {
                    let rest = u32::MAX.checked_shr(8 * octets).unwrap_or(0);
                    let prefix = Prefix::V4 { bits: bits & !rest, octets };
                    let exists = listed_four.iter().any(|listed| listed & !rest == bits & !rest);
                    prop_assert_eq!(table.any(prefix), exists, "{:?}", prefix);
                }
            }
            let mut listed_six = Vec::new();
            for bits in &sixes {
                let address = IpAddr::V6((*bits).into());
                let expected = said(&six, *bits, address, cut);
                prop_assert_eq!(codes(table.get(address)), expected.clone(), "{}", address);
                let _ = table.touch(address);
                if !expected.is_empty() {
                    listed_six.push(*bits);
                }
            }
            for bits in &sixes {
                for nibbles in 0..=32 {
                    let rest = u128::MAX.checked_shr(4 * nibbles).unwrap_or(0);
                    let prefix = Prefix::V6 { bits: bits & !rest, nibbles };
                    let exists = listed_six.iter().any(|listed| listed & !rest == bits & !rest);
                    prop_assert_eq!(table.any(prefix), exists, "{:?}", prefix);
                }
            }
        }
    }

    /// G6: what is written and read again says the same of every address, without what is exempt by then; and no bytes
    /// that were changed make more of it than another table, or none.
    #[test]
    fn what_is_read_again_is_the_same(
        four in prop::collection::vec(four_entry(), 0..40),
        six in prop::collection::vec(six_entry(), 0..30),
        exempt in prop::collection::vec(network(), 0..4),
        later in prop::collection::vec(network(), 0..4),
        damage in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..20),
    ) {
        let (table, _) = fixed(&four, &six, &exempt);
        let mut bytes = Vec::new();
        table.write_to(&mut bytes).unwrap();
        let (read, kept_out) = Fixed::read_from(&bytes, &exemptions(&later)).unwrap();
        let expected = table.without(&later);
        let (cut_four, cut_six): (Vec<_>, Vec<_>) = exempt.iter().chain(&later).map(|network| ranges([*network])).unzip();
        for bits in edges(&four, cut_four.concat()) {
            let address = IpAddr::V4(bits.into());
            prop_assert_eq!(read.get(address), expected.get(address), "{}", address);
        }
        for bits in edges(&six, cut_six.concat()) {
            let address = IpAddr::V6(bits.into());
            prop_assert_eq!(read.get(address), expected.get(address), "{}", address);
        }
        prop_assert_eq!((read.counts(), read.codes()), (expected.counts(), expected.codes()));
        prop_assert_eq!(kept_out.four, table.counts().0 - expected.counts().0);
        prop_assert!(Fixed::read_from(&bytes[..bytes.len() - 1], &exemptions(&[])).is_none());
        for (at, change) in damage {
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            let _ = Fixed::read_from(&bytes, &exemptions(&later));
        }
    }

    /// The counts are those of the model, and what was kept out is what is missing.
    #[test]
    fn what_is_kept_out_is_counted(four in prop::collection::vec(four_entry(), 0..20), exempt in prop::collection::vec(network(), 0..4)) {
        let count = |exempt: &[IpNet]| fixed(&four, &[], exempt);
        let listed: u64 = flattened(&four).iter().map(|(from, to, _)| u64::from(to - from) + 1).sum();
        let (table, kept) = count(&exempt);
        prop_assert_eq!(table.counts().0 + kept.four, listed);
        prop_assert_eq!(table.without(&exempt).counts(), table.counts());
    }

    /// A point is found wherever it stands among others, however they lie.
    #[test]
    fn points_of_a_slot_are_found(points in prop::collection::btree_set(prop_oneof![any::<u16>(), 0u16..300, 65_000u16..=u16::MAX], 0..400), set in 0u16..8) {
        let entries: Vec<Entry<u32>> = points.iter().map(|point| (0x0a01_0000 | u32::from(*point), 0x0a01_0000 | u32::from(*point), 1 + (set + point % 7) % 7)).collect();
        let mut builder = FixedBuilder::new(&exemptions(&[]));
        for (from, to, set) in &entries {
            builder.four(*from, *to, *set);
        }
        let (table, _) = builder.finish((0..8).map(value).collect(), None, None);
        let near = points.iter().flat_map(|point| [point.wrapping_sub(1), *point, point.wrapping_add(1)]);
        for lower in near.chain((0..=u16::MAX).step_by(97)) {
            let address = IpAddr::V4((0x0a01_0000 | u32::from(lower)).into());
            let expected = if points.contains(&lower) { code(1 + (set + lower % 7) % 7) } else { Vec::new() };
            prop_assert_eq!(codes(table.get(address)), expected);
        }
    }
}

#[test]
fn whole_networks_cost_next_to_nothing() {
    let (everything, kept) = fixed(&[(0, u32::MAX, 1)], &[(0, u128::MAX, 1)], &[]);
    assert_eq!((everything.counts().0, kept.four), ((1 << 32) - (1 << 24), 1 << 24));
    assert_eq!(everything.counts().1, u64::MAX);
    assert_eq!(kept.six, 1 << 64);
    assert!(everything.get("126.255.255.255".parse().unwrap()).len() == 1);
    assert!(everything.get("127.0.0.2".parse().unwrap()).is_empty());
    assert!(everything.get("::ffff:1.2.3.4".parse().unwrap()).is_empty());
    assert!(everything.get("0:0:0:1::".parse().unwrap()).len() == 1);
}

#[test]
fn a_cut_shares_the_blocks_that_it_does_not_touch() {
    let (table, _) =
        fixed(&[(0x0a00_0000, 0x0cff_ffff, 1), (0x1400_0001, 0x1400_0001, 2)], &[(1 << 100, 1 << 101, 1)], &[]);
    let cut = table.without(&["11.1.0.0/16".parse().unwrap(), "99.0.0.0/8".parse().unwrap()]);
    for octet in [10, 12, 20, 99] {
        assert!(table.four.shares(&cut.four, octet), "{octet}");
    }
    assert!(!table.four.shares(&cut.four, 11) && Arc::ptr_eq(&table.six, &cut.six));
    assert_eq!(cut.counts().0, table.counts().0 - (1 << 16));
    let gone = table.without(&["20.0.0.0/8".parse().unwrap()]);
    assert!(!gone.any(Prefix::V4 { bits: 20 << 24, octets: 1 }));
}

#[test]
fn what_a_list_says_is_read_again() {
    let mut builder = FixedBuilder::new(&exemptions(&[]));
    builder.four(9, 9, 1);
    builder.four(10, 10, 0);
    let texts = Value::with_text(code(3)[0], &["See ", " or ", ""], 15).0;
    let (table, _) = builder.finish(vec![value(1), Box::new([texts, Value::new(code(4)[0])])], Some(60), Some(7));
    let mut bytes = Vec::new();
    table.write_to(&mut bytes).unwrap();
    let (read, _) = Fixed::read_from(&bytes, &exemptions(&[])).unwrap();
    for address in ["0.0.0.9", "0.0.0.10"] {
        let address = address.parse().unwrap();
        assert_eq!(read.get(address), table.get(address));
    }
    assert_eq!((read.get("0.0.0.9".parse().unwrap()).len(), read.ttl(), read.expires()), (2, Some(60), Some(7)));
}

#[test]
#[should_panic(expected = "disjoint and ascending")]
fn ranges_out_of_order_make_no_table() {
    let mut builder = FixedBuilder::new(&exemptions(&[]));
    builder.four(9, 9, 0);
    builder.four(8, 8, 0);
}

#[test]
fn the_codes_are_sorted_and_distinct() {
    let mut builder = FixedBuilder::new(&exemptions(&[]));
    builder.four(9, 9, 1);
    let several: Box<[Value]> =
        [9u8, 3, 9].map(|last| Value::new(Code::try_from(Ipv4Addr::new(127, 0, 0, last)).unwrap())).into();
    let (table, _) = builder.finish(vec![value(1), several], Some(60), Some(7));
    assert_eq!(
        table.codes().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["127.0.0.3", "127.0.0.9", "127.0.1.1"]
    );
    assert_eq!((table.ttl(), table.expires()), (Some(60), Some(7)));
    assert_eq!(table.get("0.0.0.9".parse().unwrap()).len(), 3);
    assert_eq!(Fixed::empty().counts(), (0, 0));
}

/// More /64s than a table has without an index, in few and in many of the first 16 bits, the last among them.
#[test]
fn a_large_table_lists_its_points_and_nothing_beside_them() {
    let crowded = (0..6_000u64).map(|at| 0x2001_0db8_0000_0000 + at * 3);
    let spread = (0..6_000u64).map(|at| at.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let edges = [0xffff_ffff_ffff_ffff, 0xffff_0000_0000_0000, 0x0001_0000_0000_0000, 0x0000_ffff_ffff_ffff];
    let uppers: std::collections::BTreeSet<u64> =
        crowded.chain(spread).chain(edges).filter(|upper| *upper > 0).collect();
    let mut builder = FixedBuilder::new(&exemptions(&[]));
    for upper in &uppers {
        builder.six(u128::from(*upper) << 64, u128::from(*upper) << 64 | u128::from(u64::MAX), (upper % 3) as u16);
    }
    let (table, _) = builder.finish(vec![value(1), value(2), value(3)], None, None);
    assert_eq!(table.counts(), (0, uppers.len() as u64));
    for upper in &uppers {
        for near in [upper.wrapping_sub(1), *upper, upper.wrapping_add(1)] {
            let address = Ipv6Addr::from_bits(u128::from(near) << 64 | 7).into();
            let expected = if uppers.contains(&near) { code((near % 3) as u16 + 1) } else { Vec::new() };
            assert_eq!(codes(table.get(address)), expected, "{address}");
            table.touch(address);
        }
    }
}
