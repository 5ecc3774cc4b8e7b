//! Who may ask: the operator's word on networks.
//!
//! Enters: networks with what they may, and a client's address. Leaves: [`Access`]. The longest network that holds the
//! address decides; where none does, all may ask, unless there are networks that are named as allowed.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::{PrefixMap, PrefixSet};

/// What a client may.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Ask.
    Allow,
    /// Be told REFUSED with the extended error Prohibited (RFC 8914 §4.19).
    Refuse,
    /// Nothing: its queries are not answered at all.
    Drop,
}

/// The networks that are named, and what all others may.
#[derive(Clone, Debug)]
pub struct AccessRules {
    four: PrefixMap<Ipv4Net, Access>,
    six: PrefixMap<Ipv6Net, Access>,
    others: Access,
    /// Whether nobody is named, so that nothing needs to be looked up.
    open: bool,
}

impl AccessRules {
    /// Rules of networks; of two words on one network, the later counts.
    pub fn new(networks: impl IntoIterator<Item = (IpNet, Access)>) -> Self {
        let mut rules = Self { four: PrefixMap::new(), six: PrefixMap::new(), others: Access::Allow, open: true };
        for (network, access) in networks {
            rules.open = false;
            if access == Access::Allow {
                rules.others = Access::Refuse;
            }
            match network {
                IpNet::V4(network) => rules.four.insert(network.trunc(), access),
                IpNet::V6(network) => rules.six.insert(network.trunc(), access),
            };
        }
        rules
    }

    /// What `client` may.
    pub fn of(&self, client: IpAddr) -> Access {
        if self.open {
            return Access::Allow;
        }
        let named = match client {
            IpAddr::V4(address) => self.four.get_lpm(&address.into()).map(|(_, access)| *access),
            IpAddr::V6(address) => self.six.get_lpm(&address.into()).map(|(_, access)| *access),
        };
        named.unwrap_or(self.others)
    }
}

/// Networks that are meant as one.
#[derive(Clone, Debug)]
pub struct NetworkSet {
    four: PrefixSet<Ipv4Net>,
    six: PrefixSet<Ipv6Net>,
}

impl NetworkSet {
    /// The set of these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self { four: PrefixSet::new(), six: PrefixSet::new() };
        for network in networks {
            match network {
                IpNet::V4(network) => set.four.insert(network.trunc()),
                IpNet::V6(network) => set.six.insert(network.trunc()),
            };
        }
        set
    }

    /// Whether one of them holds `address`.
    pub fn holds(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.four.get_lpm(&address.into()).is_some(),
            IpAddr::V6(address) => self.six.get_lpm(&address.into()).is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(named: &[(&str, Access)]) -> impl Fn(&str) -> Access {
        let rules = AccessRules::new(named.iter().map(|(network, access)| (network.parse().unwrap(), *access)));
        move |client| rules.of(client.parse().unwrap())
    }

    #[test]
    fn the_longest_network_decides() {
        let of = rules(&[]);
        assert_eq!((of("192.0.2.1"), of("2001:db8::1")), (Access::Allow, Access::Allow));

        let of = rules(&[("192.0.2.0/24", Access::Refuse), ("192.0.2.128/25", Access::Drop)]);
        assert_eq!((of("192.0.2.1"), of("192.0.2.129")), (Access::Refuse, Access::Drop));
        assert_eq!((of("192.0.3.1"), of("2001:db8::1")), (Access::Allow, Access::Allow));

        let of = rules(&[("192.0.2.7/24", Access::Allow), ("192.0.2.9/32", Access::Drop), ("::/0", Access::Allow)]);
        assert_eq!((of("192.0.2.1"), of("192.0.2.9")), (Access::Allow, Access::Drop));
        assert_eq!((of("198.51.100.1"), of("2001:db8::1")), (Access::Refuse, Access::Allow));
    }
}
