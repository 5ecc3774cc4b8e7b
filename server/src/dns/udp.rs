//! DNS over UDP: one thread for each of several sockets that share an address (SO_REUSEPORT).
//!
//! Enters: datagrams, and the zone as it is when they come. Leaves: at most one datagram each. A thread takes what has
//! arrived in one call, answers all of it into one buffer, and sends it in one call, so threads share nothing but zone,
//! rules and rates.
//!
//! An answer leaves from the address that was asked: a socket of one address has no other, and on one of the wildcard
//! the kernel tells with each datagram which it was (IP_PKTINFO, RFC 3542 §6.1), and is told with each answer.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg,
    sendmmsg, setsockopt, sockopt,
};
use nix::sys::stat::fstat;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::{error, warn};

use super::responder::{Desk, Responder};

/// The longest datagram that is read whole. No query comes near; what is longer is cut, and so malformed. An odd
/// number of cache lines, so that the heads of a batch's datagrams do not all compete for the same ones.
const DATAGRAM_LIMIT: usize = 23 * 64;
/// Datagrams that are taken in one call.
const BATCH: usize = 64;
/// What a batch's answers are likely to take, bytes.
const ANSWERS: usize = BATCH * 512;
/// How often a thread without work looks for the stop flag, and lets go of a zone that has a successor.
pub const IDLE: Duration = Duration::from_millis(100);
/// What the kernel is asked to hold for a socket while its thread is kept from it, bytes; it may grant less. At 100,000
/// queries a second it is full after a fifth of a second, which is less than any client waits.
const RECEIVE_BUFFER: usize = 16 << 20;
/// What the kernel is asked to let a socket send before it is gone, bytes; it may grant less. An answer to an address of
/// our own network that nobody has waits for ARP or ND, up to three seconds, and whoever forges such senders must not
/// fill this: it takes some 14,000 of them a second.
const SEND_BUFFER: usize = 16 << 20;

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

/// Sockets for `threads` threads out of those that somebody else bound to one address, at least one: all of these, since
/// what waits in a socket that nobody reads is lost, and where they are fewer than threads, more handles of the same. A
/// socket of our own beside them would take datagrams that are lost when it is closed.
///
/// # Errors
/// What the system says.
pub fn adopt(mut sockets: Vec<UdpSocket>, threads: usize) -> io::Result<Vec<UdpSocket>> {
    for socket in &sockets {
        socket.set_nonblocking(false)?;
        ask_for_room(socket)?;
        ask_for_address(socket, socket.local_addr()?)?;
    }
    let bound = sockets.len();
    for thread in bound..threads {
        sockets.push(sockets[thread % bound].try_clone()?);
    }
    Ok(sockets)
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 can then both be bound, as they are for TCP.
        socket.set_only_v6(true)?;
    }
    ask_for_room(&socket)?;
    ask_for_address(&socket, address)?;
    Ok(socket)
}

/// A wish, not a need: who may, gets it (CAP_NET_ADMIN); for others the kernel caps it by net.core.rmem_max and
/// net.core.wmem_max. A socket that was given more keeps it.
fn ask_for_room(socket: &impl AsFd) -> io::Result<()> {
    let room = SockRef::from(socket);
    if room.recv_buffer_size()? < RECEIVE_BUFFER && setsockopt(socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = room.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    if room.send_buffer_size()? < SEND_BUFFER && setsockopt(socket, sockopt::SndBufForce, &SEND_BUFFER).is_err() {
        let _ = room.set_send_buffer_size(SEND_BUFFER);
    }
    Ok(())
}

/// Lets a socket of the wildcard tell which address was asked.
fn ask_for_address(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    if address.ip().is_unspecified() {
        match address {
            SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?,
        }
    }
    Ok(())
}

/// Serves each socket on a thread of its own until `stop` is set, which takes effect within 100 ms. Each thread has one of
/// `shares` parts of the rate of all together ([`Limits::total`](super::limit::Limits::total)): as many as there are
/// threads on all addresses.
///
/// # Errors
/// What the system says if a thread cannot be started; those that were started then stop.
pub fn serve(
    sockets: Vec<UdpSocket>,
    shares: u32,
    responder: &Arc<Responder>,
    stop: &Arc<AtomicBool>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::with_capacity(sockets.len());
    for (at, socket) in sockets.into_iter().enumerate() {
        if let (Ok(about), Ok(address)) = (fstat(&socket), socket.local_addr()) {
            responder.counters().note_socket(about.st_ino, address);
        }
        let (responder, stop_seen) = (Arc::clone(responder), Arc::clone(stop));
        let started = socket.set_read_timeout(Some(IDLE)).and_then(|()| socket.local_addr()).and_then(|address| {
            thread::Builder::new().name(format!("dns-udp-{at}")).spawn(move || {
                let is_wildcard = address.ip().is_unspecified();
                in_spite_of_panics(&stop_seen, || match address {
                    SocketAddr::V4(_) => run::<SockaddrIn>(&socket, responder.desk(shares), is_wildcard, &stop_seen),
                    SocketAddr::V6(_) => run::<SockaddrIn6>(&socket, responder.desk(shares), is_wildcard, &stop_seen),
                });
            })
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

/// Runs `serve` until it ends by itself. After a panic it begins anew: the batch is lost, but what is sent to the socket is
/// not lost for ever, as it would be without a reader. Nothing that `serve` shares with others is left half done.
fn in_spite_of_panics(stop: &AtomicBool, serve: impl Fn()) {
    while panic::catch_unwind(AssertUnwindSafe(&serve)).is_err() {
        error!("answering a batch of DNS datagrams ended in a panic, a fault of this program; the next are taken");
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// A sender's address as the system gives it.
trait Sender: SockaddrLike + Copy {
    fn ip(&self) -> IpAddr;
}

impl Sender for SockaddrIn {
    fn ip(&self) -> IpAddr {
        SockaddrIn::ip(self).into()
    }
}

impl Sender for SockaddrIn6 {
    fn ip(&self) -> IpAddr {
        SockaddrIn6::ip(self).into()
    }
}

/// The address of ours that a datagram was sent to, and the interface that it came by, which a link-local one needs.
type Asked = (IpAddr, u32);

/// What is to be sent: the end of each answer in the buffer, to whom, and from where.
struct Outbox<S> {
    answers: Vec<u8>,
    ends: Vec<usize>,
    receivers: Vec<Option<S>>,
    asked: Vec<Option<Asked>>,
}

fn run<S: Sender>(socket: &UdpSocket, mut desk: Desk, is_wildcard: bool, stop: &AtomicBool) {
    let mut datagrams = vec![0; BATCH * DATAGRAM_LIMIT];
    let mut headers = (headers::<S>(is_wildcard), headers::<S>(is_wildcard));
    let mut outbox = Outbox {
        answers: Vec::with_capacity(ANSWERS),
        ends: Vec::with_capacity(BATCH),
        receivers: Vec::with_capacity(BATCH),
        asked: Vec::with_capacity(BATCH),
    };
    while !stop.load(Ordering::Relaxed) {
        if is_wildcard {
            // A call leaves in the headers how much each control message took, and the next would have no more room.
            headers = (self::headers(true), self::headers(true));
        }
        let mut rooms = datagrams.chunks_exact_mut(DATAGRAM_LIMIT);
        let mut rooms: [_; BATCH] = std::array::from_fn(|_| [IoSliceMut::new(rooms.next().unwrap_or_default())]);
        let received = recvmmsg(socket.as_raw_fd(), &mut headers.0, &mut rooms, MsgFlags::MSG_WAITFORONE, None);
        let received = match received {
            Ok(received) => received,
            Err(error) => {
                desk.rest();
                if !is_no_fault(error) {
                    warn!(%error, "DNS datagrams could not be received");
                    thread::sleep(IDLE);
                }
                continue;
            }
        };
        let mut batch = desk.batch();
        outbox.answers.clear();
        outbox.ends.clear();
        outbox.receivers.clear();
        outbox.asked.clear();
        let mut waiting: [_; BATCH] = std::array::from_fn(|_| None);
        for (place, message) in waiting.iter_mut().zip(received) {
            let Some(sender) = message.address else { continue };
            let controls = is_wildcard.then(|| message.cmsgs().ok()).flatten();
            let asked = controls.and_then(|mut controls| controls.find_map(asked));
            let incoming = batch.read(message.iovs().next().unwrap_or_default(), sender.ip());
            *place = incoming.map(|incoming| (incoming, sender, asked));
        }
        batch.warm(waiting.iter().flatten().map(|(incoming, ..)| incoming));
        for (incoming, sender, asked) in waiting.iter().flatten() {
            batch.answer(incoming, &mut outbox.answers);
            if outbox.answers.len() > outbox.ends.last().copied().unwrap_or(0) {
                outbox.ends.push(outbox.answers.len());
                outbox.receivers.push(Some(*sender));
                outbox.asked.push(*asked);
            }
        }
        let unsent = outbox.send(socket, &mut headers.1);
        batch.sent(unsent);
    }
}

fn headers<S: Sender>(is_wildcard: bool) -> MultiHeaders<S> {
    MultiHeaders::preallocate(BATCH, is_wildcard.then(|| nix::cmsg_space!(in6_pktinfo)))
}

/// Which address of ours a control message names.
fn asked(control: ControlMessageOwned) -> Option<Asked> {
    match control {
        ControlMessageOwned::Ipv4PacketInfo(info) => {
            Some((Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into(), 0))
        }
        ControlMessageOwned::Ipv6PacketInfo(info) => {
            Some((Ipv6Addr::from(info.ipi6_addr.s6_addr).into(), info.ipi6_ifindex))
        }
        _ => None,
    }
}

impl<S: Sender> Outbox<S> {
    /// Sends all answers; tells how many the system did not take. These are lost datagrams: the client asks again.
    fn send(&self, socket: &UdpSocket, headers: &mut MultiHeaders<S>) -> usize {
        let mut starts = std::iter::once(0).chain(self.ends.iter().copied());
        let mut answers: [_; BATCH] = std::array::from_fn(|_| [IoSlice::new(&[])]);
        for (answer, end) in answers.iter_mut().zip(&self.ends) {
            *answer = [IoSlice::new(&self.answers[starts.next().unwrap_or(*end)..*end])];
        }
        let (mut at, mut unsent) = (0, 0);
        while at < self.ends.len() {
            // One call sends from one address.
            let from = self.asked[at];
            let run = self.asked[at..].iter().take_while(|asked| **asked == from).count();
            let batch = at..at + run;
            let sent = send_from(socket, headers, &answers[batch.clone()], &self.receivers[batch], from);
            match sent {
                // What comes first now was refused for a reason of its own, or will tell which.
                Ok(sent) => at += sent.clamp(1, run),
                Err(Errno::EAGAIN | Errno::ENOBUFS) => return unsent + self.ends.len() - at,
                Err(_) => {
                    unsent += 1;
                    at += 1;
                }
            }
        }
        unsent
    }
}

fn send_from<S: Sender>(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<S>,
    answers: &[[IoSlice<'_>; 1]],
    receivers: &[Option<S>],
    from: Option<Asked>,
) -> nix::Result<usize> {
    let (four, six);
    let control = match from {
        None => None,
        Some((IpAddr::V4(address), _)) => {
            let source = in_addr { s_addr: u32::from_ne_bytes(address.octets()) };
            four = in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: source, ipi_addr: in_addr { s_addr: 0 } };
            Some(ControlMessage::Ipv4PacketInfo(&four))
        }
        Some((IpAddr::V6(address), interface)) => {
            six = in6_pktinfo { ipi6_addr: in6_addr { s6_addr: address.octets() }, ipi6_ifindex: interface };
            Some(ControlMessage::Ipv6PacketInfo(&six))
        }
    };
    let flags = MsgFlags::MSG_DONTWAIT;
    let sent = sendmmsg(socket.as_raw_fd(), headers, answers, receivers, control.as_slice(), flags)?;
    Ok(sent.count())
}

/// Nothing came, or an earlier answer found nobody (ICMP).
fn is_no_fault(error: Errno) -> bool {
    matches!(error, Errno::EAGAIN | Errno::ETIMEDOUT | Errno::EINTR | Errno::ECONNREFUSED | Errno::ECONNRESET)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Instant;

    use super::*;
    use arc_swap::ArcSwap;

    use crate::dns::conformance::{NOW_LISTED, answer_to, open_rules, query, sample_zone};
    use crate::dns::counters::Count;
    use crate::dns::{Transport, unix_now};

    /// 1035/7766-5: UDP; the bytes are those of `answer`, from every socket that shares the port.
    #[test]
    fn datagrams_get_the_answers_of_the_pure_function() {
        let sockets = bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let server = sockets[0].local_addr().unwrap();
        assert!(sockets.iter().all(|socket| socket.local_addr().unwrap() == server));
        let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
        let responder = Arc::new(Responder::new(Arc::clone(&zone), open_rules()));
        let stop = Arc::new(AtomicBool::new(false));
        let threads = serve(sockets, 3, &responder, &stop).unwrap();
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
                answer_to(query, Transport::Udp, &zone.load(), unix_now(), &mut expected);
                assert_eq!(got[..length], expected, "round {round}");
            }
        }
        let counters = responder.counters();
        assert_eq!(counters.get(Transport::Udp, Count::Silences), 20);
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

    /// Clients drop what comes from another address than they asked.
    #[test]
    fn a_wildcard_socket_answers_from_the_address_that_was_asked() {
        let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
        let responder = Arc::new(Responder::new(zone, open_rules()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (wildcard, asked) in [("0.0.0.0:0", vec!["127.0.0.1", "127.0.0.53", "127.9.9.9"]), ("[::]:0", vec!["::1"])]
        {
            let sockets = bind(wildcard.parse().unwrap(), 1).unwrap();
            let port = sockets[0].local_addr().unwrap().port();
            threads.extend(serve(sockets, 1, &responder, &stop).unwrap());
            // More rounds than there are headers, and several addresses in one batch.
            for round in 0..100 {
                for text in &asked {
                    let server = SocketAddr::new(text.parse().unwrap(), port);
                    let client = UdpSocket::bind(if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
                    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                    (0..3).for_each(|_| {
                        client.send_to(&query(NOW_LISTED, "A"), server).unwrap();
                    });
                    let mut got = [0; 2000];
                    for _ in 0..3 {
                        assert_eq!(client.recv_from(&mut got).unwrap().1, server, "round {round}");
                    }
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    /// Who may, gets room for answers to addresses that nobody has; for others the system's most is what there is.
    #[test]
    fn there_is_room_for_answers_that_wait_for_neighbours() {
        let most = std::fs::read_to_string("/proc/sys/net/core/wmem_max").unwrap();
        let least = SEND_BUFFER.min(most.trim().parse().unwrap());
        let adopted = adopt(vec![UdpSocket::bind("127.0.0.1:0").unwrap()], 1).unwrap();
        for socket in bind("127.0.0.1:0".parse().unwrap(), 1).unwrap().iter().chain(&adopted) {
            assert!(SockRef::from(socket).send_buffer_size().unwrap() >= least);
        }
    }

    #[test]
    fn a_panic_costs_its_batch_and_not_the_socket() {
        let (stop, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
        in_spite_of_panics(&stop, || assert!(runs.fetch_add(1, Ordering::Relaxed) == 3, "a fault"));
        assert_eq!(runs.load(Ordering::Relaxed), 4);
        stop.store(true, Ordering::Relaxed);
        in_spite_of_panics(&stop, || panic!("a fault at the end"));
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
