//! What a stranger can do with TCP connections: hold them idle, ask and never read, and ask in bursts.
//!
//! Sources are spread over networks, as those of an attacker with many hosts are: caps for one network alone would
//! make it look easy.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Protocol, Socket, Type};

use super::Target;
use super::client::Questions;
use super::question::{QUERY_LIMIT, Record};

/// How long one connection attempt, one write or one read may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Queries that one burst sends in one write.
const BURST: usize = 200;
/// The most that one slow reader writes, bytes.
const SLOW_LIMIT: usize = 1 << 20;

/// What to do, and for how long.
pub(crate) struct Abuse {
    /// Connections that say nothing.
    pub(crate) idle: usize,
    /// Connections that ask and do not read.
    pub(crate) slow: usize,
    /// Whether bursts of pipelined queries are sent for the rest of the time.
    pub(crate) bursts: bool,
    /// The first network of the sources, one in each /24; none: all from the host itself.
    pub(crate) base: Option<Ipv4Addr>,
    /// How long the connections are held.
    pub(crate) hold: Duration,
}

/// Does it, and tells how far the server let it go.
///
/// # Errors
/// A wrong answer, or what keeps it from being done.
pub(crate) fn run(target: &Target, abuse: &Abuse) -> Result<Value, String> {
    let server = target.target[0];
    let mut questions = target.questions();
    let started = Instant::now();
    let source =
        |number: usize| abuse.base.map(|base| Ipv4Addr::from_bits(base.to_bits() + ((number as u32) << 8) + 1));
    let mut refused = 0;
    let mut open = |from: usize, count: usize| {
        let mut streams = Vec::with_capacity(count);
        for number in from..from + count {
            match connect(server, source(number)) {
                Ok(stream) => streams.push(stream),
                Err(_) => refused += 1,
            }
        }
        streams
    };
    let mut idle = open(0, abuse.idle);
    let mut slow = open(abuse.idle, abuse.slow);
    let mut unread = 0;
    for stream in &mut slow {
        unread += write_without_reading(stream, &mut questions);
    }
    let opened = started.elapsed();
    println!("opened");
    let (mut bursts, mut answers, mut failed, mut number) = (0u64, 0u64, 0u64, abuse.idle + abuse.slow);
    while started.elapsed() < abuse.hold {
        if !abuse.bursts {
            std::thread::sleep(Duration::from_millis(50));
            continue;
        }
        number += 1;
        bursts += 1;
        match connect(server, source(number)).and_then(|mut stream| burst(&mut stream, &mut questions)) {
            Ok(count) => answers += count,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error.to_string()),
            Err(_) => failed += 1,
        }
    }
    let alive =
        |streams: &mut [TcpStream]| streams.iter_mut().filter_map(|stream| is_open(stream).then_some(())).count();
    Ok(json!({
        "opened_in": opened.as_secs_f64(),
        "refused": refused,
        "idle_opened": idle.len(),
        "idle_still_open": alive(&mut idle),
        "slow_opened": slow.len(),
        "slow_still_open": alive(&mut slow),
        "slow_bytes_written": unread,
        "bursts": bursts,
        "bursts_cut": failed,
        "burst_answers": answers,
    }))
}

fn connect(server: SocketAddr, source: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(IpAddr::V4(source), 0).into())?;
    }
    socket.connect_timeout(&server.into(), PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Appends one query with its length (RFC 1035 §4.2.2), and tells which id it has.
fn append(out: &mut Vec<u8>, questions: &mut Questions, id: u16) -> bool {
    let (asked, _) = questions.next();
    let mut query = [0; QUERY_LIMIT];
    let (length, _) = questions.writer.write(&mut query, id, asked.address, Record::A, None);
    out.extend_from_slice(&(length as u16).to_be_bytes());
    out.extend_from_slice(&query[..length]);
    asked.listed
}

/// Writes queries until the server takes no more; how many bytes it took.
fn write_without_reading(stream: &mut TcpStream, questions: &mut Questions) -> u64 {
    let mut written = 0;
    if stream.set_nonblocking(true).is_err() {
        return 0;
    }
    while written < SLOW_LIMIT {
        let mut queries = Vec::new();
        for id in 0..BURST {
            append(&mut queries, questions, id as u16);
        }
        match stream.write(&queries) {
            Ok(count) if count == queries.len() => written += count,
            Ok(count) => return (written + count) as u64,
            Err(_) => break,
        }
    }
    written as u64
}

/// Sends many queries at once and reads their answers, in whatever order they come.
fn burst(stream: &mut TcpStream, questions: &mut Questions) -> io::Result<u64> {
    let mut queries = Vec::new();
    let mut listed: Vec<Option<bool>> = (0..BURST).map(|id| Some(append(&mut queries, questions, id as u16))).collect();
    stream.write_all(&queries)?;
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("over TCP: {what}"));
    for _ in 0..BURST {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        let id = answer.first_chunk().map_or(usize::MAX, |id| usize::from(u16::from_be_bytes(*id)));
        let expected = listed.get_mut(id).and_then(Option::take).ok_or_else(|| wrong("an id that was not asked"))?;
        if (answer.get(3).map_or(15, |flags| flags & 15), expected) != (if expected { 0 } else { 3 }, expected) {
            return Err(wrong("a response code that says otherwise than the list"));
        }
    }
    Ok(BURST as u64)
}

/// Whether the other side has neither closed nor reset the connection.
fn is_open(stream: &mut TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return false;
    }
    let mut bytes = [0; 65_536];
    for _ in 0..64 {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
    true
}
