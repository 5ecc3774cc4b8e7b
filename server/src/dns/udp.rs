//! DNS over UDP: one thread for each of several sockets that share an address (SO_REUSEPORT).
//!
//! Enters: datagrams, and the zone as it is when they come. Leaves: at most one datagram each. Each thread reads,
//! answers into its own buffer and sends, so threads share nothing but the zone and the counters.
//!
//! Listen on addresses, not on the wildcard, on a host with several: an answer leaves with the address that the host
//! routes by, and a client drops what comes from another than it asked.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use socket2::{Domain, Protocol, Socket, Type};
use tracing::warn;

use super::answer::{Outcome, answer};
use super::counters::Counters;
use super::{Transport, unix_now};
use crate::zone::Zone;

/// The longest datagram that is read whole. No query comes near; what is longer is cut, and so malformed.
const DATAGRAM_LIMIT: usize = 4096;
/// How often a thread without work looks for the stop flag, and lets go of a zone that has a successor.
const IDLE: Duration = Duration::from_millis(100);
/// What the kernel is asked to hold for a socket while its thread is busy, bytes; it may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Binds `threads` sockets (at least one) to `address`. With port 0 they share the port that the first one got.
///
/// SO_REUSEPORT would silently share the port with another process of the same user. So the first socket is bound
/// without it, which fails if anyone has the port, shared or not; only then is it opened for sharing (Linux takes the
/// option after `bind`), and the others join. The port is ours from the first call on: nobody slips in between.
///
/// # Errors
/// What the system says, `AddrInUse` among it.
pub fn bind(address: SocketAddr, threads: usize) -> io::Result<Vec<UdpSocket>> {
    let first = socket(address)?;
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let first = UdpSocket::from(first);
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..threads {
        let next = socket(address)?;
        next.set_reuse_port(true)?;
        next.bind(&address.into())?;
        sockets.push(next.into());
    }
    Ok(sockets)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 can then both be bound, as they are for TCP.
        socket.set_only_v6(true)?;
    }
    // A wish, not a need: the kernel caps it by net.core.rmem_max.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    Ok(socket)
}

/// Serves each socket on a thread of its own until `stop` is set, which takes effect within 100 ms.
///
/// # Errors
/// What the system says if a thread cannot be started; those that were started then stop.
pub fn serve(
    sockets: Vec<UdpSocket>,
    zone: &Arc<ArcSwap<Zone>>,
    counters: &Arc<Counters>,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::with_capacity(sockets.len());
    for (at, socket) in sockets.into_iter().enumerate() {
        let (zone, counters, stop_seen) = (Arc::clone(zone), Arc::clone(counters), Arc::clone(stop));
        let started = socket.set_read_timeout(Some(IDLE)).and_then(|()| {
            thread::Builder::new()
                .name(format!("dns-udp-{at}"))
                .spawn(move || run(&socket, zone, &counters, &stop_seen))
        });
        match started {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
    }
    Ok(threads)
}

fn run(socket: &UdpSocket, zone: Arc<ArcSwap<Zone>>, counters: &Counters, stop: &AtomicBool) {
    let mut zone = Cache::new(zone);
    let mut query = [0; DATAGRAM_LIMIT];
    let mut reply = Vec::with_capacity(DATAGRAM_LIMIT);
    while !stop.load(Ordering::Relaxed) {
        let received = socket.recv_from(&mut query);
        let zone = zone.load();
        match received {
            Ok((length, client)) => {
                let outcome = answer(&query[..length], Transport::Udp, zone, unix_now(), &mut reply);
                counters.count(Transport::Udp, outcome);
                if outcome != Outcome::Silence {
                    // An answer that the network does not take is a lost datagram: the client asks again.
                    let _ = socket.send_to(&reply, client);
                }
            }
            Err(error) if is_no_fault(&error) => {}
            Err(error) => {
                warn!(%error, "a DNS datagram could not be received");
                thread::sleep(IDLE);
            }
        }
    }
}

/// Nothing came, or an earlier answer found nobody (ICMP).
fn is_no_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::dns::conformance::{NOW_LISTED, query, sample_zone};

    /// 1035/7766-5: UDP; the bytes are those of `answer`, from every socket that shares the port.
    #[test]
    fn datagrams_get_the_answers_of_the_pure_function() {
        let sockets = bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let server = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == server));
        let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
        let (counters, stop) = (Arc::new(Counters::default()), Arc::new(AtomicBool::new(false)));
        let threads = serve(sockets, &zone, &counters, &stop).unwrap();
        let queries = [
            query(NOW_LISTED, "TXT"),
            query("2.0.0.127.bl.example", "A"),
            query("1.0.0.127.bl.example", "A"),
            query("bl.example", "SOA"),
            query("other.example", "A"),
            vec![7; 40],
        ];
        // Many clients, so that every socket has its share.
        for round in 0..20 {
            let client = UdpSocket::bind("127.0.0.1:0").unwrap();
            client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            client.connect(server).unwrap();
            client.send(b"no query").unwrap();
            for query in &queries {
                client.send(query).unwrap();
                let (mut got, mut expected) = ([0; 2000], Vec::new());
                let length = client.recv(&mut got).unwrap();
                answer(query, Transport::Udp, &zone.load(), unix_now(), &mut expected);
                assert_eq!(got[..length], expected, "round {round}");
            }
        }
        assert_eq!(counters.silences(Transport::Udp), 20);
        assert_eq!(counters.answers().map(|(.., count)| count).sum::<u64>(), 120);

        // A swap is seen by the next query.
        zone.store(Arc::new(zone.load().with(99, &[])));
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.send_to(&queries[3], server).unwrap();
        let mut got = [0; 2000];
        let length = client.recv(&mut got).unwrap();
        assert!(got[..length].windows(4).any(|bytes| bytes == [0, 0, 0, 99]));

        let asked = Instant::now();
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(asked.elapsed() < Duration::from_secs(2));
    }

    /// Another socket has the port, whether it would share it or not: we say so instead of sharing.
    #[test]
    fn a_port_in_use_is_reported_even_if_its_owner_would_share() {
        let theirs = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = theirs[0].local_addr().unwrap();
        assert_eq!(bind(address, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(theirs);
        let alone = UdpSocket::bind(address).unwrap();
        assert_eq!(bind(address, 1).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(alone);
        assert_eq!(bind(address, 2).unwrap().len(), 2);
    }

    #[test]
    fn both_families_can_have_the_same_port() {
        let four = bind("0.0.0.0:0".parse().unwrap(), 1).unwrap();
        let port = four[0].local_addr().unwrap().port();
        // Where the host has no IPv6 at all there is nothing to show.
        match bind(SocketAddr::new("::".parse().unwrap(), port), 1) {
            Ok(six) => assert_eq!(six[0].local_addr().unwrap().port(), port),
            Err(error) => assert_ne!(error.kind(), io::ErrorKind::AddrInUse),
        }
    }
}
