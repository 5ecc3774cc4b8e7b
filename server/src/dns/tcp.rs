//! DNS over TCP (RFC 7766): an accept loop with a cap on connections and deadlines on all that a client may delay.
//!
//! Enters: streams of messages, each behind two bytes of length. Leaves: their answers in the same form, length and
//! message in one write (§8), in the order of the questions; whatever has arrived is answered at once, so nothing
//! waits behind it (§6.2.1.1, §7). Refused, by closing the connection: more connections than the cap; a length below a
//! header's or above [`MESSAGE_LIMIT`]; a message that is no query; a client that does not finish a query, or does not
//! take its answers, in time.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::warn;

use super::Transport;
use super::answer::Outcome;
use super::message::HEADER;
use super::responder::Responder;

/// The longest message that is read, bytes. No query comes near: a name has 255, and padding goes to blocks of 128.
pub const MESSAGE_LIMIT: usize = 4096;
/// Connections that the kernel holds until we accept them.
const BACKLOG: i32 = 1024;
/// Answers are sent when this many bytes of them wait, even if more questions have arrived.
const WRITE_SIZE: usize = 16 << 10;
/// How long to wait before accepting again after the system refused to, as when it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients may take of us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Time from a connection's start, or from its last whole query, to its next whole query (RFC 7766 §6.2.3).
    pub idle: Duration,
    /// Time for the network to take what is written.
    pub write: Duration,
}

impl Default for Limits {
    /// 1,024 connections, 10 s for a query, 10 s for an answer.
    fn default() -> Self {
        Self { connections: 1024, idle: Duration::from_secs(10), write: Duration::from_secs(10) }
    }
}

/// Binds a listener to `address`; connections of a former process do not stand in its way.
///
/// # Errors
/// What the system says, `AddrInUse` among it.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // [::] and 0.0.0.0 can then both be bound, as they are for UDP.
        socket.set_only_v6(true)?;
    }
    // On Unix it lets a restart pass connections in TIME_WAIT, and never shares a listening port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Serves until `stop` says true or its sender is gone. Connections then end when what they wait to write is
/// written, at the latest after [`Limits::write`], and so does this.
pub async fn serve(listener: TcpListener, responder: Arc<Responder>, limits: Limits, mut stop: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let (responder, stop) = (Arc::clone(&responder), stop.clone());
                    connections.spawn(async move {
                        responder.counters().connection_opened();
                        // However it ended, the client is gone, and who it was is nobody's business (ATTACKS E10).
                        let _ = converse(stream, client.ip(), &responder, limits, stop).await;
                        responder.counters().connection_closed();
                        drop(place);
                    });
                }
                Err(_) => responder.counters().connection_refused(),
            },
            // The client gave up before we took its connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                warn!(%error, "a DNS connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Returns once serving shall end.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, and with it whoever could stop us later.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Answers one connection's queries until it ends, breaks a rule or is stopped.
async fn converse(
    mut stream: TcpStream,
    client: IpAddr,
    responder: &Responder,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut arrived = Vec::with_capacity(512);
    let mut batch = Vec::with_capacity(512);
    let mut deadline = Instant::now() + limits.idle;
    loop {
        let read = tokio::select! {
            biased;
            () = stopped(&mut stop) => return Ok(()),
            read = timeout_at(deadline, stream.read_buf(&mut arrived)) => read??,
        };
        if read == 0 {
            return Ok(());
        }
        let mut taken = 0;
        let mut sound = true;
        while let Some(message) = next_message(&arrived[taken..]) {
            sound = match message {
                Ok(message) => {
                    taken += 2 + message.len();
                    let start = batch.len();
                    batch.extend_from_slice(&[0; 2]);
                    let outcome = responder.answer(message, client, Transport::Tcp, &mut batch);
                    // An answer never passes 65,535 bytes: the zone's settings and `answer` see to it.
                    let length = (batch.len() - start - 2) as u16;
                    batch[start..start + 2].copy_from_slice(&length.to_be_bytes());
                    if outcome == Outcome::Silence {
                        batch.truncate(start);
                    }
                    outcome != Outcome::Silence
                }
                Err(LengthRefused) => false,
            };
            if !sound {
                break;
            }
            if batch.len() >= WRITE_SIZE {
                timeout(limits.write, stream.write_all(&batch)).await??;
                batch.clear();
            }
        }
        if taken > 0 {
            arrived.drain(..taken);
            timeout(limits.write, stream.write_all(&batch)).await??;
            batch.clear();
            deadline = Instant::now() + limits.idle;
        }
        if !sound {
            return stream.shutdown().await;
        }
    }
}

/// A length that no query has.
struct LengthRefused;

/// The first message of `arrived`, `None` until all of it is there.
fn next_message(arrived: &[u8]) -> Option<Result<&[u8], LengthRefused>> {
    let (length, rest) = arrived.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if !(HEADER..=MESSAGE_LIMIT).contains(&length) {
        return Some(Err(LengthRefused));
    }
    rest.get(..length).map(Ok)
}

#[cfg(test)]
mod tests {
    use arc_swap::ArcSwap;
    use tokio::task::JoinHandle;

    use super::*;
    use crate::dns::conformance::{NOW_LISTED, answer_to, open_rules, query, sample_zone};
    use crate::dns::unix_now;
    use crate::zone::Zone;

    struct Server {
        address: SocketAddr,
        zone: Arc<ArcSwap<Zone>>,
        responder: Arc<Responder>,
        stop: watch::Sender<bool>,
        task: JoinHandle<()>,
    }

    fn start(limits: Limits) -> Server {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
        let responder = Arc::new(Responder::new(Arc::clone(&zone), open_rules()));
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::from_std(listener).unwrap();
        let task = tokio::spawn(serve(listener, Arc::clone(&responder), limits, stopped));
        Server { address, zone, responder, stop, task }
    }

    impl Server {
        async fn connect(&self) -> TcpStream {
            TcpStream::connect(self.address).await.unwrap()
        }

        fn expected(&self, query: &[u8]) -> Vec<u8> {
            let mut out = Vec::new();
            answer_to(query, Transport::Tcp, &self.zone.load(), unix_now(), &mut out);
            out
        }
    }

    fn framed(query: &[u8]) -> Vec<u8> {
        [&(query.len() as u16).to_be_bytes()[..], query].concat()
    }

    async fn receive(stream: &mut TcpStream) -> Vec<u8> {
        let length = timeout(Duration::from_secs(5), stream.read_u16()).await.unwrap().unwrap();
        let mut message = vec![0; usize::from(length)];
        timeout(Duration::from_secs(5), stream.read_exact(&mut message)).await.unwrap().unwrap();
        message
    }

    async fn is_closed(stream: &mut TcpStream) -> bool {
        matches!(timeout(Duration::from_secs(5), stream.read(&mut [0; 9])).await, Ok(Ok(0) | Err(_)))
    }

    /// 1035/7766-5: TCP; 7766-6.2.1.1: pipelining; the bytes are those of `answer`.
    #[tokio::test]
    async fn pipelined_queries_get_the_answers_of_the_pure_function() {
        let server = start(Limits::default());
        let queries: Vec<_> = [(NOW_LISTED, "A"), (NOW_LISTED, "TXT"), ("bl.example", "SOA"), ("x.example", "A")]
            .into_iter()
            .map(|(name, qtype)| query(name, qtype))
            .collect();
        let mut stream = server.connect().await;
        // More than one batch of answers, sent at once and cut anywhere.
        let all: Vec<u8> = (0..400).flat_map(|at| framed(&queries[at % 4])).collect();
        let (mut reading, mut writing) = stream.split();
        let write = async {
            for piece in all.chunks(333) {
                writing.write_all(piece).await.unwrap();
            }
        };
        let read = async {
            for at in 0..400 {
                let mut message = vec![0; usize::from(reading.read_u16().await.unwrap())];
                reading.read_exact(&mut message).await.unwrap();
                assert_eq!(message, server.expected(&queries[at % 4]), "answer {at}");
            }
        };
        tokio::join!(write, read);
        assert_eq!(server.responder.counters().answers().map(|(.., count)| count).sum::<u64>(), 400);
        assert_eq!(server.responder.counters().connections_open(), 1);
    }

    /// 7766-8: a length that arrives alone, even byte by byte, closes nothing; length and message leave in one write.
    #[tokio::test]
    async fn a_length_may_arrive_alone() {
        let server = start(Limits::default());
        let query = query(NOW_LISTED, "A");
        let mut stream = server.connect().await;
        stream.set_nodelay(true).unwrap();
        let message = framed(&query);
        for piece in [&message[..1], &message[1..2], &message[2..9], &message[9..]] {
            stream.write_all(piece).await.unwrap();
            sleep(Duration::from_millis(30)).await;
        }
        let mut first = [0; 4096];
        let length = stream.read(&mut first).await.unwrap();
        assert_eq!(first[..length], framed(&server.expected(&query)));
        stream.write_all(&message).await.unwrap();
        assert_eq!(receive(&mut stream).await, server.expected(&query));
    }

    #[tokio::test]
    async fn lengths_out_of_range_and_no_queries_end_the_connection_after_what_came_before() {
        let server = start(Limits::default());
        let query = query(NOW_LISTED, "A");
        let mut response = query.clone();
        response[2] |= 0x80;
        for bad in [vec![0, 0], vec![0, 11], vec![0x10, 0x01], vec![0xFF, 0xFF], framed(&response)] {
            let mut stream = server.connect().await;
            stream.write_all(&[framed(&query), bad.clone()].concat()).await.unwrap();
            assert_eq!(receive(&mut stream).await, server.expected(&query), "{bad:?}");
            assert!(is_closed(&mut stream).await, "{bad:?}");
        }
        let mut stream = server.connect().await;
        stream.write_all(&framed(&[7; MESSAGE_LIMIT])).await.unwrap();
        assert_eq!(receive(&mut stream).await[3] & 0x0F, 1, "FORMERR");
    }

    /// A client that sends a byte now and then has no more time than one that sends nothing.
    #[tokio::test]
    async fn slow_clients_are_closed_and_active_ones_are_not() {
        let server = start(Limits { idle: Duration::from_millis(400), ..Limits::default() });
        let query = query(NOW_LISTED, "A");
        let mut silent = server.connect().await;
        let mut dripping = server.connect().await;
        let mut active = server.connect().await;
        let start = Instant::now();
        for at in 0..8 {
            let _ = dripping.write_all(&framed(&query)[at..=at]).await;
            active.write_all(&framed(&query)).await.unwrap();
            assert_eq!(receive(&mut active).await, server.expected(&query));
            sleep(Duration::from_millis(100)).await;
        }
        assert!(start.elapsed() > Duration::from_millis(800));
        assert!(is_closed(&mut silent).await && is_closed(&mut dripping).await);
        assert_eq!(server.responder.counters().connections_open(), 1);
    }

    /// A client that takes no answers is closed, and holds up nobody else.
    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let server = start(Limits { write: Duration::from_millis(200), ..Limits::default() });
        let mut stream = server.connect().await;
        let flood = framed(&query(NOW_LISTED, "TXT")).repeat(1000);
        let closed = timeout(Duration::from_secs(20), async { while stream.write_all(&flood).await.is_ok() {} }).await;
        assert!(closed.is_ok());
        let mut other = server.connect().await;
        other.write_all(&framed(&query(NOW_LISTED, "A"))).await.unwrap();
        receive(&mut other).await;
    }

    #[tokio::test]
    async fn connections_past_the_cap_are_closed_and_places_come_back() {
        let server = start(Limits { connections: 2, ..Limits::default() });
        let query = query(NOW_LISTED, "A");
        let mut inside = Vec::new();
        for _ in 0..2 {
            let mut stream = server.connect().await;
            stream.write_all(&framed(&query)).await.unwrap();
            receive(&mut stream).await;
            inside.push(stream);
        }
        assert!(is_closed(&mut server.connect().await).await);
        assert_eq!(server.responder.counters().connections_refused(), 1);
        inside.pop();
        while server.responder.counters().connections_open() == 2 {
            sleep(Duration::from_millis(5)).await;
        }
        let mut stream = server.connect().await;
        stream.write_all(&framed(&query)).await.unwrap();
        assert_eq!(receive(&mut stream).await, server.expected(&query));
    }

    #[tokio::test]
    async fn a_stop_closes_listener_and_connections() {
        let server = start(Limits::default());
        let mut stream = server.connect().await;
        stream.write_all(&framed(&query(NOW_LISTED, "A"))).await.unwrap();
        receive(&mut stream).await;
        server.stop.send(true).unwrap();
        timeout(Duration::from_secs(2), server.task).await.unwrap().unwrap();
        assert!(is_closed(&mut stream).await);
        assert!(TcpStream::connect(server.address).await.is_err());
        assert_eq!((server.responder.counters().connections(), server.responder.counters().connections_open()), (1, 0));
    }
}
