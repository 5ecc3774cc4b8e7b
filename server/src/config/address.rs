//! Addresses that a setting may hold: networks, sockets, codes.
//!
//! Enters: a text. Leaves: the value. Refuses: what looks like one network and would be another (host bits, IPv4 in IPv6),
//! what is too wide to be anyone's relays, and codes that a client would not take for a listing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use firsthand_analyzer::address::is_special_purpose;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::remark::Flaw;

/// The shortest IPv4 prefix that a relay's or feed's network may have: 10.0.0.0/8.
const KNOWN_PREFIX_MIN_V4: u8 = 8;
/// The shortest IPv6 prefix of such a network: fc00::/7.
const KNOWN_PREFIX_MIN_V6: u8 = 7;

/// The codes of the lists that the evidence makes: spam, backscatter, mixed.
pub(super) const EVIDENCE_CODES: [(Ipv4Addr, &str); 3] = [
    (Ipv4Addr::new(127, 0, 0, 2), "spam"),
    (Ipv4Addr::new(127, 0, 0, 5), "backscatter"),
    (Ipv4Addr::new(127, 0, 0, 8), "mixed"),
];

/// Whether a network holds more public addresses than one site's: more than a /24 (IPv6: a /48).
pub(super) fn is_wide_in_public(network: IpNet) -> bool {
    let most = match network {
        IpNet::V4(_) => 24,
        IpNet::V6(_) => 48,
    };
    network.prefix_len() < most && !is_special_purpose(network.network())
}

/// A network; a bare address stands for itself alone.
pub(super) fn network(text: &str) -> Result<IpNet, Flaw> {
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
        let mend = "write an address or a prefix, for example \"10.9.0.0/24\"";
        Flaw::new(format!("{text:?} is not a network"), mend)
    })?;
    if network.addr() != network.network() {
        let what = format!("{text:?} has bits set beyond its prefix");
        let host = IpNet::from(network.addr());
        return Err(Flaw::new(
            what,
            format!("write \"{}\" for the network, or \"{host}\" for the address", network.trunc()),
        ));
    }
    if let IpNet::V6(six) = network
        && let Some(four) = six.addr().to_ipv4_mapped()
        && six.prefix_len() >= 96
    {
        let four = Ipv4Net::new_assert(four, six.prefix_len() - 96);
        return Err(Flaw::new(format!("{text:?} is IPv4 in IPv6's clothes"), format!("write \"{four}\"")));
    }
    Ok(network)
}

/// A network of a relay: not so wide that strangers are in it.
pub(super) fn relay_network(text: &str) -> Result<IpNet, Flaw> {
    known_network(text, "a relay's network is never listed and is believed", "of the relay")
}

/// A network of a feed: not so wide that strangers are in it.
pub(super) fn feed_network(text: &str) -> Result<IpNet, Flaw> {
    known_network(text, "a feed's network is never listed and may hand in samples", "that it hands in from")
}

fn known_network(text: &str, who: &str, whose: &str) -> Result<IpNet, Flaw> {
    let network = network(text)?;
    let (least, example) = match network {
        IpNet::V4(Ipv4Net { .. }) => (KNOWN_PREFIX_MIN_V4, "10.9.0.10/32"),
        IpNet::V6(Ipv6Net { .. }) => (KNOWN_PREFIX_MIN_V6, "2001:db8::10/128"),
    };
    if network.prefix_len() < least {
        let what = format!("{text:?} holds strangers: whoever is in {who}");
        return Err(Flaw::new(what, format!("write the addresses {whose}, for example {example:?}")));
    }
    Ok(network)
}

/// An address and a port to listen on.
pub(super) fn socket(text: &str) -> Result<SocketAddr, Flaw> {
    text.parse().map_err(|_| {
        let mend = "write an address with a port, for example \"127.0.0.1:5300\" or \"[::1]:5300\"";
        Flaw::new(format!("{text:?} is not an address with a port"), mend)
    })
}

/// How a code that another list has is refused.
pub(super) fn taken_code(text: &str, list: &str) -> Flaw {
    refused_code(text, &format!("it is the code of {list}"))
}

fn refused_code(text: &str, why: &str) -> Flaw {
    let mend = "write an unused address of 127.0.0.0/8, for example \"127.0.0.20\"";
    Flaw::new(format!("{text:?} cannot be a list's code: {why}"), mend)
}

/// The A record of a list: in 127.0.0.0/8 (RFC 5782 §2.3), and not 127.0.0.1 (§5).
pub(super) fn code(text: &str) -> Result<Ipv4Addr, Flaw> {
    let Ok(code) = text.parse::<Ipv4Addr>() else {
        return Err(refused_code(text, "it is not an IPv4 address"));
    };
    if !code.is_loopback() {
        return Err(refused_code(text, "it is not in 127.0.0.0/8 (RFC 5782 §2.3)"));
    }
    if [Ipv4Addr::new(127, 0, 0, 0), Ipv4Addr::LOCALHOST].contains(&code) {
        return Err(refused_code(text, "it must never be listed (RFC 5782 §5)"));
    }
    Ok(code)
}

/// The A record of a static list: a list's code, and none that a list of the evidence has by default.
pub(super) fn static_code(text: &str) -> Result<Ipv4Addr, Flaw> {
    let code = code(text)?;
    match EVIDENCE_CODES.iter().find(|(taken, _)| *taken == code) {
        Some((_, list)) => {
            let mut flaw = taken_code(text, list);
            // It is what rbldnsd answers by default, so that mail servers may ask for it.
            flaw.mend += &format!("; where its entries must answer that, the line \":{text}:\" above them says so");
            Err(flaw)
        }
        None => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        assert_eq!(network("10.9.0.10").expect("an address").to_string(), "10.9.0.10/32");
        assert_eq!(network("2001:db8::1").expect("an address").to_string(), "2001:db8::1/128");
        assert_eq!(network("0.0.0.0/0").expect("a network").to_string(), "0.0.0.0/0");
        assert!(network("10.9.0.1/24").expect_err("host bits").mend.contains("\"10.9.0.0/24\""));
        assert!(network("2001:db8::1/64").expect_err("host bits").mend.contains("\"2001:db8::/64\""));
        assert!(network("::ffff:10.9.0.0/120").expect_err("mapped").mend.contains("\"10.9.0.0/24\""));
        for text in ["", "10.9.0.300/32", "10.9.0.0/33", "10.9.0.0/", "10.9/16", "010.9.0.1", "mx1", "10.9.0.0/24 "] {
            assert!(network(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn relay_networks_hold_no_strangers() {
        for text in ["10.0.0.0/8", "fc00::/7", "10.9.0.10", "::1"] {
            assert!(relay_network(text).is_ok(), "{text:?}");
        }
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "2000::/3"] {
            assert!(relay_network(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn codes() {
        assert_eq!(static_code("127.0.0.20").expect("a code"), Ipv4Addr::new(127, 0, 0, 20));
        for text in
            ["", "127.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.5", "127.0.0.8", "128.0.0.3", "10.0.0.3", "::1"]
        {
            assert!(static_code(text).is_err(), "{text:?}");
        }
    }
}
