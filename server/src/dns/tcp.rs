//! DNS over TCP (RFC 7766), and what goes on on any stream of messages, within TLS as well (RFC 7858).
//!
//! Enters: streams of messages, each behind two bytes of length. Leaves: their answers in the same form, length and
//! message in one write (§8), as many as are ready at once. An answer is ready as soon as its question has arrived, so
//! the order of the questions is that in which answers are ready (§6.2.1.1, §7). Nothing is read while answers wait to be
//! written, so that a client holds no more of us than one read and one write; while it is idle, it holds nothing but its
//! place ([`Places`]). Refused, by closing the connection: a length below a header's or above [`MESSAGE_LIMIT`]; a
//! message that is no query, or whose sender gets no answers; a client that does not finish a query, or does not take
//! its answers, in time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{timeout, timeout_at};

use super::Transport;
use super::answer::Outcome;
use super::message::HEADER;
use super::responder::Responder;
use crate::connections::{Place, Places, accept, stopped};

/// The longest message that is read, bytes. No query comes near: a name has 255, and padding goes to blocks of 128.
pub const MESSAGE_LIMIT: usize = 4096;
/// Answers are sent when this many bytes of them wait, even if more questions have arrived.
const WRITE_SIZE: usize = 16 << 10;
/// Bytes that are read where nothing has arrived yet; they are on hand even for an idle connection. Queries are shorter.
const FIRST_READ: usize = 128;
/// Bytes that are read at once, at least, after that.
const READ_SIZE: usize = MESSAGE_LIMIT + 2;

/// How long a connection that waits for a question may still send one after a stop: it was accepted, and may be on its way.
const LAST: Duration = Duration::from_millis(100);

/// Default of [`Deadlines::write`].
pub const WRITE: Duration = Duration::from_secs(10);

/// What a client may delay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// Time from a connection's start, or from its last whole query, to its next whole query (RFC 7766 §6.2.3); less
    /// when places are few.
    pub idle: Duration,
    /// Time for the network to take what is written.
    pub write: Duration,
}

/// Serves until `stop` says true or its sender is gone. Connections then end when what they wait to write is
/// written, at the latest after [`Deadlines::write`], and so does this.
pub async fn serve(
    listener: TcpListener,
    responder: Arc<Responder>,
    places: Arc<Places>,
    deadlines: Deadlines,
    stop: watch::Receiver<bool>,
) {
    let counts = Arc::clone(responder.counters().connections(Transport::Tcp));
    let (stopping, rules) = (stop.clone(), Arc::clone(&responder));
    let admits = |client| !rules.drops(client);
    accept(listener, &places, &counts, stop, admits, move |stream, place| {
        let (responder, stop) = (Arc::clone(&responder), stopping.clone());
        async move {
            // However it ends, the client is gone, and who it was is nobody's business (ATTACKS E10).
            let _ = stream.set_nodelay(true);
            let _ = converse(stream, Transport::Tcp, &responder, &place, deadlines, stop).await;
        }
    })
    .await;
}

/// Answers one connection's queries until it ends, breaks a rule or is stopped.
pub(super) async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    transport: Transport,
    responder: &Responder,
    place: &Place,
    deadlines: Deadlines,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut first = [0; FIRST_READ];
    let mut stopping = false;
    while !stopping {
        let read = tokio::select! {
            biased;
            () = stopped(&mut stop) => None,
            read = timeout_at(place.deadline(deadlines.idle), stream.read(&mut first)) => Some(read),
        };
        stopping = read.is_none();
        let read = match read {
            Some(read) => read,
            None => timeout(LAST, stream.read(&mut first)).await,
        };
        let arrived = match read {
            Ok(read) => first[..read?].to_vec(),
            Err(_) => break,
        };
        if arrived.is_empty() || !burst(&mut stream, arrived, transport, responder, place, deadlines, &mut stop).await?
        {
            break;
        }
    }
    timeout(deadlines.write, stream.shutdown()).await?
}

/// Answers what has `arrived` and what follows, until nothing is left of it; whether the connection may go on.
async fn burst(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    mut arrived: Vec<u8>,
    transport: Transport,
    responder: &Responder,
    place: &Place,
    deadlines: Deadlines,
    stop: &mut watch::Receiver<bool>,
) -> io::Result<bool> {
    let mut batch = Vec::new();
    loop {
        let mut taken = 0;
        let mut sound = true;
        while let Some(message) = next_message(&arrived[taken..]) {
            sound = match message {
                Ok(message) => {
                    taken += 2 + message.len();
                    let start = batch.len();
                    batch.extend_from_slice(&[0; 2]);
                    let outcome = responder.answer(message, place.client().ip(), transport, &mut batch);
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
                send(stream, &mut batch, deadlines).await?;
            }
        }
        if taken > 0 {
            arrived.drain(..taken);
            send(stream, &mut batch, deadlines).await?;
            place.active();
        }
        if !sound || arrived.is_empty() {
            return Ok(sound);
        }
        arrived.reserve(READ_SIZE);
        let read = tokio::select! {
            biased;
            () = stopped(stop) => return Ok(false),
            read = timeout_at(place.deadline(deadlines.idle), stream.read_buf(&mut arrived)) => read,
        };
        if !matches!(read, Ok(Ok(1..))) {
            return Ok(false);
        }
    }
}

/// Sends a batch of answers in one write.
async fn send(stream: &mut (impl AsyncWrite + Unpin), batch: &mut Vec<u8>, deadlines: Deadlines) -> io::Result<()> {
    let sending = async {
        stream.write_all(batch).await?;
        stream.flush().await
    };
    timeout(deadlines.write, sending).await??;
    batch.clear();
    Ok(())
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
    use std::net::SocketAddr;

    use arc_swap::ArcSwap;
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::connections::{Counts, Limits, bind};
    use crate::dns::conformance::{NOW_LISTED, answer_to, open_rules, query, sample_zone};
    use crate::dns::unix_now;
    use crate::zone::Zone;

    const DEADLINES: Deadlines = Deadlines { idle: Duration::from_secs(10), write: WRITE };

    struct Server {
        address: SocketAddr,
        zone: Arc<ArcSwap<Zone>>,
        responder: Arc<Responder>,
        stop: watch::Sender<bool>,
        task: JoinHandle<()>,
    }

    fn start(connections: usize, deadlines: Deadlines) -> Server {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let zone = Arc::new(ArcSwap::from_pointee(sample_zone(unix_now())));
        let responder = Arc::new(Responder::new(Arc::clone(&zone), open_rules()));
        let places = Places::new(Limits { connections, per_prefix: 2000, unbounded: Vec::new() });
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::from_std(listener).unwrap();
        let task = tokio::spawn(serve(listener, Arc::clone(&responder), places, deadlines, stopped));
        Server { address, zone, responder, stop, task }
    }

    impl Server {
        fn connections(&self) -> &Counts {
            self.responder.counters().connections(Transport::Tcp)
        }

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
        let server = start(1000, DEADLINES);
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
        assert_eq!(server.connections().open(), 1);
    }

    /// 7766-8: a length that arrives alone, even byte by byte, closes nothing; length and message leave in one write.
    #[tokio::test]
    async fn a_length_may_arrive_alone() {
        let server = start(1000, DEADLINES);
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
        let server = start(1000, DEADLINES);
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
        let server = start(1000, Deadlines { idle: Duration::from_millis(400), ..DEADLINES });
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
        assert_eq!(server.connections().open(), 1);
    }

    /// A client that takes no answers is closed, and holds up nobody else.
    #[tokio::test]
    async fn a_client_that_does_not_read_is_closed() {
        let server = start(1000, Deadlines { write: Duration::from_millis(200), ..DEADLINES });
        let mut stream = server.connect().await;
        let flood = framed(&query(NOW_LISTED, "TXT")).repeat(1000);
        let closed = timeout(Duration::from_secs(20), async { while stream.write_all(&flood).await.is_ok() {} }).await;
        assert!(closed.is_ok());
        let mut other = server.connect().await;
        other.write_all(&framed(&query(NOW_LISTED, "A"))).await.unwrap();
        receive(&mut other).await;
    }

    /// RFC 9210 §4.4: when all places are taken, the newcomer gets that of the longest idle, here one that never asked.
    #[tokio::test]
    async fn idle_connections_lock_nobody_out() {
        let server = start(8, DEADLINES);
        let query = query(NOW_LISTED, "A");
        let mut idle = Vec::new();
        for _ in 0..6 {
            idle.push(server.connect().await);
        }
        let mut active = server.connect().await;
        for _ in 0..50 {
            active.write_all(&framed(&query)).await.unwrap();
            assert_eq!(receive(&mut active).await, server.expected(&query));
            let mut newcomer = server.connect().await;
            newcomer.write_all(&framed(&query)).await.unwrap();
            assert_eq!(receive(&mut newcomer).await, server.expected(&query));
            idle.push(newcomer);
        }
        assert!(is_closed(&mut idle[0]).await);
        assert_eq!((server.connections().evicted(), server.connections().open()), (49, 8));
    }

    #[tokio::test]
    async fn a_stop_closes_listener_and_connections() {
        let mut server = start(1000, DEADLINES);
        let mut stream = server.connect().await;
        stream.write_all(&framed(&query(NOW_LISTED, "A"))).await.unwrap();
        receive(&mut stream).await;
        server.stop.send(true).unwrap();
        timeout(Duration::from_secs(2), &mut server.task).await.unwrap().unwrap();
        assert!(is_closed(&mut stream).await);
        assert!(TcpStream::connect(server.address).await.is_err());
        assert_eq!((server.connections().taken(), server.connections().open()), (1, 0));
    }
}
