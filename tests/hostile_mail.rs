//! Can a thousand hostile clients at once take the SMTP and LMTP listeners' memory, hold them up, or stay for ever? (A12)
//!
//! They are slow, huge, endless, binary, smuggling, half-closed, silent, or never read, each from a network of its own, and all the
//! while others deliver.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use firsthand_server::connections::raise_open_files;
use harness::{PATIENCE, Service, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Clients of each kind.
const OF_EACH: usize = 124;
/// Those that send all that they may and more, which is the most that a message may have each.
const HUGE: usize = 8;
/// The most memory that the service may take, in KiB: what messages may take while they come (256 MiB), and 128 KiB for each of a
/// thousand connections and the service itself.
const MEMORY: u64 = (256 + 128) << 10;
/// The longest that an honest client may wait for all of its session meanwhile, in a debug build beside other tests.
const HONEST: Duration = Duration::from_secs(30);
/// Within this a stranger who says nothing whole is ended: a minute for a command, and a moment.
const STRANGERS_STAY: Duration = Duration::from_secs(75);

const BEGIN: &str = "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<trap@d0.example>\r\nDATA\r\n";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Says nothing.
    Silent,
    /// Says a command octet by octet.
    Slow,
    /// Sends a message line by line, for ever.
    Dripping,
    /// Sends a line that does not end.
    Endless,
    /// Sends what is no text.
    Binary,
    /// Hides messages in a message.
    Smuggling,
    /// Stops speaking in the middle, and waits.
    HalfClosed,
    /// Sends commands and never reads what it is told.
    NeverReading,
}

const KINDS: [Kind; 8] = [
    Kind::Silent,
    Kind::Slow,
    Kind::Dripping,
    Kind::Endless,
    Kind::Binary,
    Kind::Smuggling,
    Kind::HalfClosed,
    Kind::NeverReading,
];

/// A client from a /24 of its own.
async fn connect(server: SocketAddr, number: usize) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    let from = [127, 1 + (number / 250) as u8, 1 + (number % 250) as u8, 1];
    socket.bind((from, 0).into()).unwrap();
    socket.connect(server).await.unwrap()
}

/// Is a nuisance until the service ends it.
async fn annoy(kind: Kind, mut stream: TcpStream) {
    let (mut reader, mut writer) = stream.split();
    let reading = async {
        let mut part = [0; 4096];
        while matches!(reader.read(&mut part).await, Ok(octets) if octets > 0) {}
    };
    let pause = Duration::from_millis(200);
    let writing = async {
        match kind {
            Kind::Silent => {}
            Kind::Slow => {
                while writer.write_all(b"N").await.is_ok() {
                    sleep(pause * 10).await
                }
            }
            Kind::Dripping => {
                let _ = writer.write_all(BEGIN.as_bytes()).await;
                while writer.write_all(b"x\r\n").await.is_ok() {
                    sleep(pause).await;
                }
            }
            Kind::Endless => {
                while writer.write_all(&[b'x'; 1000]).await.is_ok() {
                    sleep(pause).await
                }
            }
            Kind::Binary => {
                let octets: Vec<u8> = (0..4096u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
                while writer.write_all(&octets).await.is_ok() {
                    sleep(pause).await;
                }
            }
            Kind::Smuggling => {
                let hidden = BEGIN.replace("EHLO x\r\n", "");
                for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r\r\n", "\r\n.\n"] {
                    let _ = writer.write_all(format!("{BEGIN}x{end}{hidden}y\r\n.\r\n").as_bytes()).await;
                    sleep(pause).await;
                }
                let _ = writer.write_all(b"NOOP\nNOOP\r\n").await;
            }
            Kind::HalfClosed => {
                let _ = writer.write_all(format!("{BEGIN}Subject: x\r\n\r\nhalf").as_bytes()).await;
                let _ = writer.shutdown().await;
            }
            Kind::NeverReading => {
                let _ = writer.write_all(BEGIN.replace("DATA\r\n", "").as_bytes()).await;
                while writer.write_all(&b"RCPT TO:<nobody@nowhere.example>\r\n".repeat(500)).await.is_ok() {
                    sleep(pause).await;
                }
            }
        }
    };
    if kind == Kind::NeverReading {
        writing.await;
    } else {
        tokio::join!(reading, writing);
    }
}

/// Sends more than a message may have, as fast as it goes; whether it was told so.
async fn overwhelm(mut stream: TcpStream) -> bool {
    let part = [&[b'x'; 8190][..], b"\r\n"].concat().repeat(16);
    let _ = stream.write_all(BEGIN.as_bytes()).await;
    for _ in 0..(55 << 20) / part.len() {
        if stream.write_all(&part).await.is_err() {
            return false;
        }
    }
    let _ = stream.write_all(b"\r\n.\r\nQUIT\r\n").await;
    let mut said = String::new();
    let _ = stream.read_to_string(&mut said).await;
    // Whoever finds the room taken is told to come again, once it is all read.
    said.contains("552 5.3.4") || said.contains("451 4.3.0")
}

/// Delivers a message that is worth it; how long all of it took.
async fn deliver(server: SocketAddr, number: usize, hello: &str) -> Duration {
    let began = Instant::now();
    let mut stream = connect(server, number).await;
    let begin = BEGIN.replace("EHLO x", hello);
    let mut said = String::new();
    let session = async {
        stream.write_all(format!("{begin}Subject: {number}\r\n\r\nx\r\n.\r\nQUIT\r\n").as_bytes()).await.unwrap();
        stream.read_to_string(&mut said).await.unwrap();
    };
    timeout(HONEST, session).await.unwrap_or_else(|_| panic!("an honest client waits too long"));
    assert!(said.contains("250 2.0.0 Ok: taken\r\n221 "), "{said}");
    began.elapsed()
}

/// A number of the service's `/proc/PID/status`, KiB.
fn memory(service: &Service, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
}

fn open(service: &Service) -> u64 {
    let text = service.get("/metrics").1;
    let name = "firsthand_connections_open{transport=\"intake\"} ";
    text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap()
}

#[test]
fn a_thousand_hostile_clients_change_nothing_for_others() {
    raise_open_files().unwrap();
    let service = Service::start(
        &(settings(3)
            + "[[feed]]\nname = \"seen\"\nboundary = \"channel\"\nnetworks = [\"127.0.0.0/8\"]\n\
               [[intake]]\nkind = \"trap-server\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n\
               [[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"seen\"\n"),
    );
    let door = |kind: &str| -> SocketAddr {
        let what = format!(": {kind} on ");
        service.announced.iter().find_map(|line| line.split_once(&what)?.1.parse().ok()).unwrap()
    };
    let (traps, lmtp) = (door("trap-server"), door("lmtp"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        let (mut hostile, mut huge) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
        let mut streams = Vec::new();
        for number in 0..OF_EACH * KINDS.len() + HUGE {
            streams.push(connect(traps, number).await);
        }
        while open(&service) < streams.len() as u64 {
            assert!(began.elapsed() < PATIENCE, "{} of them at once", open(&service));
            sleep(Duration::from_millis(50)).await;
        }
        for stream in streams.split_off(OF_EACH * KINDS.len()) {
            huge.spawn(overwhelm(stream));
        }
        for (number, stream) in streams.into_iter().enumerate() {
            let kind = KINDS[number % KINDS.len()];
            hostile.spawn(async move {
                annoy(kind, stream).await;
                kind
            });
        }
        let mut slowest = Duration::ZERO;
        let mut delivered = 0;
        while began.elapsed() < Duration::from_secs(20) || !huge.is_empty() {
            slowest = slowest.max(deliver(traps, 1200, "EHLO x").await).max(deliver(lmtp, 1201, "LHLO x").await);
            delivered += 2;
            while let Some(told) = huge.try_join_next() {
                assert!(told.unwrap(), "a huge message is told to be");
            }
            sleep(Duration::from_millis(100)).await;
            assert!(began.elapsed() < 3 * STRANGERS_STAY, "the huge ones do not end");
        }
        // Whoever says nothing whole, and whoever does not read, is ended; those who drip a message have minutes.
        let mut left = hostile.len();
        while left > OF_EACH {
            let ended = timeout(STRANGERS_STAY.saturating_sub(began.elapsed()), hostile.join_next()).await;
            let ended = ended.unwrap_or_else(|_| panic!("{left} stay"));
            assert_ne!(ended.unwrap().unwrap(), Kind::Dripping);
            left = hostile.len();
        }
        assert_eq!(open(&service), OF_EACH as u64);
        slowest = slowest.max(deliver(traps, 1200, "EHLO x").await);
        hostile.shutdown().await;
        let gone = Instant::now();
        while open(&service) > 0 {
            assert!(gone.elapsed() < Duration::from_secs(5), "{} stay", open(&service));
            sleep(Duration::from_millis(50)).await;
        }
        let (peak, now) = (memory(&service, "VmHWM"), memory(&service, "VmRSS"));
        println!(
            "peak {} MiB, then {} MiB; {delivered} delivered meanwhile, the slowest in {slowest:?}",
            peak >> 10,
            now >> 10
        );
        assert!(peak < MEMORY, "{peak} KiB");
    });
    assert!(!service.log().contains("panic"), "{}", service.log());
}
