//! A flood with forged sources: queries that seem to come from hosts of very many networks.
//!
//! It runs where a whole network is local to the host (a network namespace in which the sources are routed to the
//! loopback device), so that one socket may send from any of its addresses and gets what the server sends to them.
//! What comes back is counted in bytes against what was sent: payloads, without the headers, which weigh the same for
//! every datagram.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt};
use serde_json::{Value, json};

use super::Target;
use super::question::{QUERY_LIMIT, Record};
use super::random::Random;

/// Queries in a row that seem to come from one host: as many as one system call sends with one source.
const BURST: usize = 8;
/// Answers that one call takes.
const TAKEN: usize = 64;
/// What the kernel is asked to hold of answers, bytes.
const RECEIVE_BUFFER: usize = 64 << 20;

/// What one second has seen.
#[derive(Clone, Copy, Default)]
struct Second {
    queries: u64,
    bytes_in: u64,
    answers: u64,
    bytes_out: u64,
    truncated: u64,
}

/// Sends for `seconds`, at most `rate` queries a second, from one host in each of `networks` /24s upwards from `base`.
///
/// # Errors
/// What keeps the flood from being made.
pub(crate) fn run(
    target: &Target,
    base: Ipv4Addr,
    networks: u32,
    rate: u64,
    seconds: Duration,
) -> Result<Value, String> {
    let SocketAddr::V4(server) = target.target[0] else { return Err("a flood speaks IPv4 only".into()) };
    let mut questions = target.questions();
    let failed = |what: &str| format!("{what}: {}", Errno::last());
    let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| error.to_string())?;
    setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).map_err(|_| failed("no large buffer"))?;
    let mut random = Random::new(target.draw);
    let mut outgoing = MultiHeaders::<SockaddrIn>::preallocate(BURST, Some(nix::cmsg_space!(in_pktinfo)));
    let mut incoming = MultiHeaders::<SockaddrIn>::preallocate(TAKEN, None);
    let mut queries = [[0; QUERY_LIMIT]; BURST];
    let mut answers = vec![[0; 1500]; TAKEN];
    let mut by_second = vec![Second::default(); seconds.as_secs().max(1) as usize + 1];
    let (started, mut sent) = (Instant::now(), 0u64);
    while started.elapsed() < seconds {
        let elapsed = started.elapsed();
        let second = &mut by_second[elapsed.as_secs() as usize];
        if sent < (elapsed.as_secs_f64() * rate as f64) as u64 {
            let mut lengths = [0; BURST];
            for (query, length) in queries.iter_mut().zip(&mut lengths) {
                let (asked, _) = questions.next();
                // TXT has the longest answers: what somebody would choose who wants us to amplify.
                let record = if target.mixed { Record::Txt } else { Record::A };
                (*length, _) = questions.writer.write(query, random.next() as u16, asked.address, record, None);
            }
            let network = random.below(networks as usize) as u32;
            let source = Ipv4Addr::from_bits(base.to_bits() + (network << 8) + 1 + random.below(254) as u32);
            let info = in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: in_addr { s_addr: u32::from_ne_bytes(source.octets()) },
                ipi_addr: in_addr { s_addr: 0 },
            };
            let slices: [[IoSlice<'_>; 1]; BURST] =
                std::array::from_fn(|at| [IoSlice::new(&queries[at][..lengths[at]])]);
            let to = [Some(SockaddrIn::from(server)); BURST];
            let source = [ControlMessage::Ipv4PacketInfo(&info)];
            let flags = MsgFlags::MSG_DONTWAIT;
            match sendmmsg(socket.as_raw_fd(), &mut outgoing, &slices, to, source, flags) {
                Ok(results) => {
                    let count = results.count();
                    sent += count as u64;
                    second.queries += count as u64;
                    second.bytes_in += lengths[..count].iter().sum::<usize>() as u64;
                }
                Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::EINTR) => {}
                Err(error) => return Err(format!("the flood cannot be sent: {error}")),
            }
        }
        let mut lengths = [0; TAKEN];
        {
            let mut slices: Vec<_> = answers.iter_mut().map(|answer| [IoSliceMut::new(answer)]).collect();
            match recvmmsg(socket.as_raw_fd(), &mut incoming, &mut slices, MsgFlags::MSG_DONTWAIT, None) {
                Ok(results) => results.zip(&mut lengths).for_each(|(message, length)| *length = message.bytes),
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(error) => return Err(format!("the answers cannot be read: {error}")),
            }
        }
        for (answer, length) in answers.iter().zip(lengths).take_while(|(_, length)| *length > 0) {
            second.answers += 1;
            second.bytes_out += length as u64;
            second.truncated += u64::from(answer[2] & 0x02 != 0);
        }
    }
    let seconds = by_second.iter().take_while(|second| second.queries > 0).map(|second| {
        json!({
            "queries": second.queries,
            "bytes_in": second.bytes_in,
            "answers": second.answers,
            "bytes_out": second.bytes_out,
            "truncated": second.truncated,
        })
    });
    Ok(json!({ "seconds": seconds.collect::<Vec<_>>() }))
}
