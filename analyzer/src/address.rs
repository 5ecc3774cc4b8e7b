//! Addresses: their one canonical form, which of them can be an origin, and what evidence can name.
//!
//! Enters: text as relays write it, or [`IpAddr`] values. Leaves: canonical addresses. Refused, never guessed:
//! zero-padded, octal, hexadecimal and short IPv4 forms, zone identifiers, anything after the address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// The longest text of an address: eight groups with an embedded IPv4 address.
const LONGEST_TEXT: usize = 45;

/// The longest text of an IPv4 address.
const LONGEST_QUAD: usize = 15;

/// Reads the address at the start of `text` and tells how many bytes it took.
///
/// IPv4 is four decimal octets without leading zeros; IPv6 is RFC 4291 §2.2 in either case, compressed or not. A
/// v4-mapped address (`::ffff:192.0.2.1`) is the IPv4 address it stands for. A tag such as `IPv6:` is the grammar's
/// matter and must have been taken before.
pub(crate) fn address_at(text: &[u8]) -> Option<(IpAddr, usize)> {
    let quad = text.iter().take(LONGEST_QUAD + 1).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    if quad > 6 && text.get(quad) != Some(&b':') {
        return quad_at(&text[..quad]);
    }
    let (mut colons, mut double, mut length) = (0, false, 0);
    for byte in text.iter().take(LONGEST_TEXT + 1) {
        match byte {
            b':' => {
                double |= length > 0 && text[length - 1] == b':';
                colons += 1;
            }
            b'.' => {}
            byte if byte.is_ascii_hexdigit() => {}
            _ => break,
        }
        length += 1;
    }
    // A time of day has colons, too; an address has eight groups, or two colons together.
    if colons >= 6 || double {
        let parsed: Ipv6Addr = std::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
        return Some((canonical(IpAddr::V6(parsed)), length));
    }
    if colons > 0 && text[..length].iter().position(|byte| *byte == b':') < Some(5) {
        return None;
    }
    quad_at(&text[..quad])
}

/// Reads the IPv4 address at the start of a run of digits and dots.
fn quad_at(text: &[u8]) -> Option<(IpAddr, usize)> {
    // "192.0.2.1.4321" is an address and a port: the fourth octet ends the address, and the grammar judges what follows.
    let mut octets = [0; 4];
    let mut at = 0;
    for (number, octet) in octets.iter_mut().enumerate() {
        if number > 0 {
            at += usize::from(text.get(at) == Some(&b'.'));
        }
        let digits = &text[at..];
        let length = digits.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
        let value = digits[..length].iter().fold(0u16, |value, byte| value * 10 + u16::from(byte - b'0'));
        if length == 0 || length > 3 || (length > 1 && digits[0] == b'0') {
            return None;
        }
        *octet = u8::try_from(value).ok()?;
        at += length;
        let dotted = text.get(at) == Some(&b'.');
        if number < 3 && !dotted {
            return None;
        }
    }
    Some((IpAddr::V4(Ipv4Addr::from(octets)), at))
}

/// Reads `text` as one whole address in any form that [`address_at`] takes.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    address_at(text.as_bytes()).filter(|(_, length)| *length == text.len()).map(|(address, _)| address)
}

/// The canonical form: a v4-mapped IPv6 address (RFC 4291 §2.5.5.2) is the IPv4 address it stands for.
pub fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(groups: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = groups;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// The IPv4 special-purpose registry (RFC 6890 §2.2.2 and its registry since) and multicast; documentation apart.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 175, 48, 0, 24),
];

/// The IPv6 special-purpose registry inside 2000::/3 (RFC 6890 §2.2.3); all outside it is no global unicast anyway.
const SPECIAL_V6: [Ipv6Net; 3] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
];

/// All that is assigned as IPv6 global unicast (RFC 4291 §2.4).
const GLOBAL_UNICAST_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The IPv4 documentation networks (RFC 5737).
const DOCUMENTATION_V4: [Ipv4Net; 3] = [v4(192, 0, 2, 0, 24), v4(198, 51, 100, 0, 24), v4(203, 0, 113, 0, 24)];

/// The IPv6 documentation networks (RFC 3849, RFC 9637).
const DOCUMENTATION_V6: [Ipv6Net; 2] =
    [v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20)];

/// Whether no mail from the Internet can come from this address (RFC 6890: private, loopback, multicast, reserved …).
///
/// The documentation networks read as ordinary addresses here, so that examples and tests can use them; the
/// exemptions keep them out of every zone ([`special_networks`]).
pub fn is_special_purpose(address: IpAddr) -> bool {
    match canonical(address) {
        IpAddr::V4(v4) => SPECIAL_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => !GLOBAL_UNICAST_V6.contains(&v6) || SPECIAL_V6.iter().any(|network| network.contains(&v6)),
    }
}

/// The networks that no zone may hold by default (G6): every special-purpose network, documentation included.
pub fn special_networks() -> impl Iterator<Item = IpNet> {
    let outside =
        [v6([0, 0, 0, 0, 0, 0, 0, 0], 3), v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2), v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1)];
    let four = SPECIAL_V4.into_iter().chain(DOCUMENTATION_V4).map(IpNet::V4);
    four.chain(SPECIAL_V6.into_iter().chain(DOCUMENTATION_V6).chain(outside).map(IpNet::V6))
}

/// What evidence can name, and a listing list: one IPv4 address, or one IPv6 /64 (G6: never more).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Origin {
    /// One IPv4 address.
    V4(Ipv4Addr),
    /// The upper 64 bits of an IPv6 address.
    V6(u64),
}

impl Origin {
    /// The network that this origin stands for: a /32 or a /64.
    pub fn network(self) -> IpNet {
        match self {
            Self::V4(address) => IpNet::V4(Ipv4Net::from(address)),
            Self::V6(upper) => IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(u128::from(upper) << 64), 64)),
        }
    }

    /// Reads what [`fmt::Display`] writes, or any address of the origin.
    pub fn parse(text: &str) -> Option<Self> {
        let address = text.strip_suffix("/64").filter(|rest| rest.contains(':')).unwrap_or(text);
        parse_address(address).map(Self::from)
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no address and no /64"))
    }
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6((v6.to_bits() >> 64) as u64),
        }
    }
}

impl fmt::Display for Origin {
    /// `192.0.2.1`, or `2001:db8:1:2::/64`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(out),
            Self::V6(_) => self.network().fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ATTACKS A11: what is read, and as what; `None` is refused.
    #[test]
    fn address_syntax_is_canonical_or_refused() {
        let table = [
            ("192.0.2.1", Some("192.0.2.1")),
            ("0.0.0.0", Some("0.0.0.0")),
            ("255.255.255.255", Some("255.255.255.255")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("::FFFF:C000:201", Some("192.0.2.1")),
            ("0:0:0:0:0:ffff:c000:0201", Some("192.0.2.1")),
            ("2001:DB8::1", Some("2001:db8::1")),
            ("2001:0db8:000c:0:0:0:0:11", Some("2001:db8:c::11")),
            ("2002:c000:201::1", Some("2002:c000:201::1")),
            ("64:ff9b::192.0.2.1", Some("64:ff9b::c000:201")),
            ("::", Some("::")),
            ("beef::", Some("beef::")),
            ("192.0.2.01", None),
            ("010.1.1.1", None),
            ("0x7f.1.1.1", None),
            ("0300.0.2.1", None),
            ("192.0.2", None),
            ("1.2.3", None),
            ("3221225985", None),
            ("192.0.2.256", None),
            ("192.0.2.1.", None),
            ("192.0.2.1.5", None),
            ("192.0.2.1 ", None),
            (" 192.0.2.1", None),
            ("192.0.2.1/32", None),
            ("192.0.2.-1", None),
            ("fe80::1%eth0", None),
            ("IPv6:2001:db8::1", None),
            ("2001:db8::1::2", None),
            ("2001:db8:1:2:3:4:5:6:7", None),
            ("12345::1", None),
            (":::", None),
            ("::ffff:192.0.2.01", None),
            ("::ffff:192.0.2", None),
            ("", None),
            (".", None),
            (":", None),
            ("١٩٢.0.2.1", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_address(text).map(|address| address.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_ends_where_the_grammar_goes_on() {
        let read = |text: &str| address_at(text.as_bytes()).map(|(address, length)| (address.to_string(), length));
        assert_eq!(read("192.0.2.1]"), Some(("192.0.2.1".into(), 9)));
        assert_eq!(read("192.0.2.1.4321]"), Some(("192.0.2.1".into(), 9)));
        assert_eq!(read("192.0.2.1:25)"), Some(("192.0.2.1".into(), 9)));
        assert_eq!(read("2001:db8::1]"), Some(("2001:db8::1".into(), 11)));
        assert_eq!(read("bad.example]"), None);
    }

    #[test]
    fn special_purpose_follows_rfc_6890() {
        for text in [
            "10.1.2.3",
            "127.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "169.254.1.1",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "2001::1",
            "2002:c000:201::1",
            "64:ff9b::1",
            "::ffff:10.0.0.1",
            "100::1",
        ] {
            assert!(is_special_purpose(text.parse().unwrap()), "{text}");
        }
        for text in
            ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "8.8.8.8", "2a00:1450::1", "26.51.100.25"]
        {
            assert!(!is_special_purpose(text.parse().unwrap()), "{text}");
        }
        let networks: Vec<IpNet> = special_networks().collect();
        for text in ["192.0.2.1", "2001:db8::1", "10.0.0.1", "::1", "fe80::1", "ff02::1", "5f00::1"] {
            let address: IpAddr = text.parse().unwrap();
            assert!(networks.iter().any(|network| network.contains(&address)), "{text}");
        }
    }

    #[test]
    fn an_origin_is_never_more_than_a_slash_64() {
        let origin = |text: &str| Origin::from(text.parse::<IpAddr>().unwrap()).to_string();
        assert_eq!(origin("192.0.2.1"), "192.0.2.1");
        assert_eq!(origin("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(origin("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        for text in ["192.0.2.1", "2001:db8:1:2::/64"] {
            assert_eq!(Origin::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Origin::parse("192.0.2.1/64"), None);
    }
}
