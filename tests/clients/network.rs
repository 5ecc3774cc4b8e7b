//! The program that is tested, Firsthand, and a small Internet between them, in a network of its own ([`alone_as`]).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::Deref;
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

pub(crate) use crate::harness::alone::{Daemon, PATIENCE, mount, run};
use crate::harness::alone::{Place, alone_as};
use crate::harness::{self, Service, TOKEN, message};

/// Where Firsthand answers for the zone, as its name servers' addresses.
pub(crate) const SERVERS: [&str; 2] = ["192.0.2.53", "2001:db8::53"];

/// Where a [`crate::tap::Tap`] stands in for it.
pub(crate) const TAPPED: [&str; 2] = ["192.0.2.54", "2001:db8::54"];

/// The resolver of this network.
pub(crate) const RESOLVER: &str = "127.0.0.1:53";

/// Listed in `spam`: an address; one whose neighbours in the same /64 never sent anything; and one whose name lies below
/// that of an IPv4 address.
pub(crate) const LISTED: [&str; 3] = ["83.70.211.36", "2a00:1f:1:2::99", "2001:470:1:2::1"];

/// What a TXT answer says of where to read more, before the address: the default of `zone.page`.
pub(crate) const PAGE: &str = "http://127.0.0.1:8080/address/";

/// Another address of the same listed /64.
pub(crate) const SAME_64: &str = "2a00:1f:1:2:abcd::1";

/// Listed in `mixed` alone.
pub(crate) const MIXED: &str = "83.70.211.38";

/// Listed in `backscatter` alone.
pub(crate) const BACKSCATTER: &str = "83.70.211.39";

/// Not listed: next to each of the listed ones.
pub(crate) const UNLISTED: [&str; 3] = ["83.70.211.37", "2a00:1f:1:3::99", "2001:470:1:3::1"];

/// Runs a test in a network of its own. The test's name is that of the function whose closure `test` is.
pub(crate) fn alone<T: Fn(&Network)>(test: T) {
    alone_as::<T>(|place| test(&Network::new(place)));
}

/// What a test finds in its network.
pub(crate) struct Network {
    place: Place,
    /// Firsthand, with [`LISTED`], [`MIXED`] and [`BACKSCATTER`] listed.
    pub(crate) service: Service,
}

impl Network {
    fn new(place: Place) -> Self {
        let ours = ["192.0.2.1", "2001:db8::1"];
        let strangers = LISTED.iter().chain(&UNLISTED).chain([&MIXED, &BACKSCATTER, &SAME_64]);
        ours.iter().chain(&SERVERS).chain(&TAPPED).chain(strangers).for_each(|address| place.give(address));
        let service = Service::start(&settings());
        let network = Self { place, service };
        let resolver = network.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:5 attempts:4\n");
        mount(&resolver, "/etc/resolv.conf");
        for (place, owner) in [("bind", "/etc/bind"), ("bind-cache", "/var/cache/bind"), ("unbound", "/etc/unbound")] {
            let place = network.path(place);
            fs::create_dir(&place).unwrap();
            // Where AppArmor confines these programs, they may read their usual folders and no others.
            mount(&place, owner);
        }
        network.list();
        network
    }

    /// Lists what the tests expect to be listed, and looks.
    fn list(&self) {
        let taken = |trap: usize, sender: &str, message: &[u8]| {
            let (bearer, trap) = (format!("Bearer {TOKEN}"), format!("trap@d{trap}.example"));
            let headers = [
                ("Authorization", bearer.as_str()),
                ("Firsthand-Trap", trap.as_str()),
                ("Firsthand-Mail-From", sender),
            ];
            let (status, body) = self.service.submit_with(&headers, message).unwrap();
            assert_eq!(status, 202, "{body}");
        };
        for trap in 0..3 {
            for (number, address) in LISTED.iter().enumerate() {
                let tag = if address.contains(':') { "IPv6:" } else { "" };
                taken(trap, "<sender@sender.example>", &message(&format!("{tag}{address}"), 10 * number + trap));
            }
            for (address, sender) in [(MIXED, "<sender@sender.example>"), (BACKSCATTER, "<>")] {
                let mut reply = message(address, trap);
                let end = reply.windows(2).position(|pair| pair == b"\n\n").unwrap();
                reply.splice(end + 1..end + 1, *b"Auto-Submitted: auto-replied\nIn-Reply-To: <1@d0.example>\n");
                taken(trap, sender, &reply);
            }
        }
        let others = [(MIXED, "mixed.bl.example.", "127.0.0.8"), (BACKSCATTER, "backscatter.bl.example.", "127.0.0.5")];
        for (address, zone, code) in
            LISTED.map(|address| (address, "bl.example.", "127.0.0.2")).into_iter().chain(others)
        {
            let name = entry(address, zone);
            self.service.wait(address, |service| service.ask(&name, RecordType::A).1 == [code]);
        }
        for address in UNLISTED.iter().chain(&[MIXED, BACKSCATTER]) {
            assert_eq!(self.service.ask(&entry(address, "bl.example."), RecordType::A).1, [""; 0], "{address}");
        }
    }
}

impl Deref for Network {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

/// Three traps, and Firsthand's listeners at the zone's name servers' addresses and, last, on the loopback.
fn settings() -> String {
    let listen = "\"192.0.2.53:53\", \"[2001:db8::53]:53\", \"[::1]:5300\", \"127.0.0.1:5300\"";
    let settings = harness::settings(3);
    settings.replacen(
        "[dns]\nlisten = [\"127.0.0.1:0\"]",
        // A name server inside the zone would need an address there, which is not for a list to hold.
        &format!("[zone]\nname-servers = [\"ns.hosting.example\"]\n[dns]\nlisten = [{listen}]"),
        1,
    )
}

/// The name under which a zone lists an address (RFC 5782 §2.1, §2.4).
pub(crate) fn entry(address: &str, zone: &str) -> String {
    let labels: Vec<String> = match address.parse().unwrap() {
        IpAddr::V4(address) => address.octets().iter().map(u8::to_string).collect(),
        IpAddr::V6(address) => {
            let nibbles = address.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect()
        }
    };
    let labels: Vec<String> = labels.into_iter().rev().collect();
    format!("{}.{zone}", labels.join("."))
}

/// Asks a resolver, again if need be: the response code and the data of the records of that type.
pub(crate) fn resolve(resolver: SocketAddr, name: &str, kind: RecordType) -> Option<(ResponseCode, Vec<String>)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    socket.connect(resolver).unwrap();
    let mut query = Message::query();
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    let mut answer = [0; 4096];
    for _ in 0..4 {
        if socket.send(&query.to_vec().unwrap()).is_err() {
            continue;
        }
        let Ok(length) = socket.recv(&mut answer) else {
            continue;
        };
        let message = Message::from_vec(&answer[..length]).unwrap();
        let records = message.answers.iter().map(|record| match &record.data {
            RData::A(address) => address.0.to_string(),
            RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect(),
            other => other.to_string(),
        });
        return Some((message.metadata.response_code, records.collect()));
    }
    None
}
