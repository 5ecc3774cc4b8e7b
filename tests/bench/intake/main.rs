//! How many durable samples a second does the service take, by each way that they come in, and where does the time go?
//!
//! `cargo bench --bench intake` offers messages of 5 kB over kept connections, as many at a time as there are connections,
//! for ten seconds each: `http` (a message a request), `batch` (JSON Lines, 100 a request), `lmtp` (as Postfix does) and
//! `lmtp-pipelined`. `-- SECTION…` takes some of them; `-- seconds=30 connections=64` changes the numbers. Every message is
//! new, its origin one of 50,000. The time of an acknowledgement is from the first byte of a message to its 202 or 250. The
//! senders share the machine with the service.

#[path = "../../harness/mod.rs"]
mod harness;
mod senders;

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use harness::{Service, TOKEN};
use senders::{Batches, Http, Lmtp, Sender};

/// The length of each message, octets.
const MESSAGE: usize = 5_000;

/// The origins that they come from.
const ORIGINS: usize = 50_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let number = |name: &str, usual: usize| {
        let given = arguments.iter().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
        given.unwrap_or(usual)
    };
    let (seconds, connections) = (number("seconds", 10), number("connections", 64));
    let sections: Vec<&str> = arguments.iter().filter(|argument| !argument.contains('=')).map(String::as_str).collect();
    for (name, connections, sender) in [
        ("http", connections, connect::<Http> as fn(&Service) -> Box<dyn Sender>),
        ("batch", 4, connect::<Batches>),
        ("lmtp", connections, connect::<Lmtp<false>>),
        ("lmtp-pipelined", connections, connect::<Lmtp<true>>),
    ] {
        if sections.is_empty() || sections.contains(&name) {
            measure(name, sender, connections, Duration::from_secs(seconds as u64));
        }
    }
}

fn connect<S: Sender + 'static>(service: &Service) -> Box<dyn Sender> {
    Box::new(S::connect(service))
}

/// A feed that hands in by HTTP and by LMTP, and a hundred traps in as many domains.
fn settings() -> String {
    let mut text = format!(
        "[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n\
         [[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"10.9.0.10/32\"]\ndialect = \"postfix\"\n\
         [[feed]]\nname = \"traps\"\ntoken = \"{TOKEN}\"\nrelays = [\"mx1\"]\nnetworks = [\"127.0.0.1\"]\n\
         [[intake]]\nkind = \"lmtp\"\nlisten = [\"127.0.0.1:0\"]\nfeed = \"traps\"\n"
    );
    for trap in 0..100 {
        text += &format!("[[trap]]\naddress = \"trap@d{trap}.example\"\n");
    }
    text
}

/// A message that our relay took, and the trap that it is for; none is like another.
fn message(number: usize) -> (String, Vec<u8>) {
    let origin = number.wrapping_mul(2_654_435_761) % ORIGINS;
    let trap = format!("trap@d{}.example", number % 100);
    let mut text = format!(
        "Received: from mail.sender.example (unknown [26.{}.{}.{}])\r\n\tby mx1.example.net (Postfix) with ESMTP id {number:010X}\r\n\
         \tfor <{trap}>; Thu, 26 Nov 2026 08:02:47 +0000 (UTC)\r\n\
         Received: from [192.168.1.7] (helo=pc.sender.example)\r\n\tby mail.sender.example with esmtpa (Exim 4.96)\r\n\
         \tid 1tFxyz-{number:06}-00; Thu, 26 Nov 2026 08:02:46 +0000\r\n\
         From: Offers <offers@sender.example>\r\nTo: {trap}\r\nSubject: Number {number}\r\n\
         Date: Thu, 26 Nov 2026 08:02:45 +0000\r\nMessage-Id: <{number}@sender.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n",
        origin / 62_500,
        origin / 250 % 250,
        origin % 250 + 1
    )
    .into_bytes();
    while text.len() < MESSAGE {
        text.extend_from_slice(
            b"An offer that nobody who reads this would have asked for, and which goes on and on.\r\n",
        );
    }
    (trap, text)
}

fn measure(name: &str, connect: fn(&Service) -> Box<dyn Sender>, connections: usize, length: Duration) {
    let service = Service::start(&settings());
    let began = Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let before = threads(service.id());
    let mut waits: Vec<Duration> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut sender = connect(&service);
                    let mut waits = Vec::new();
                    while began.elapsed() < length {
                        sender.send(&next, &mut waits);
                    }
                    waits
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().expect("every message is taken")).collect()
    });
    let (elapsed, after) = (began.elapsed(), threads(service.id()));
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
    let count = waits.len() as f64;
    println!(
        "{name}: {:.0} durable samples a second over {connections} connections ({count} in {:.1} s); acknowledged after: median \
         {:.1} ms, p99 {:.1} ms, most {:.1} ms; bars: 3000, p99 250 ms",
        count / elapsed.as_secs_f64(),
        elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    let mut all = Duration::ZERO;
    let mut parts: Vec<String> = Vec::new();
    for (thread, used) in &after {
        let used = used.saturating_sub(before.get(thread).copied().unwrap_or_default());
        all += used;
        if used > Duration::from_millis(20) {
            parts.push(format!("{thread} {:.0}", used.as_secs_f64() * 1e6 / count));
        }
    }
    println!("  CPU time of the service a sample: {:.0} µs ({})", all.as_secs_f64() * 1e6 / count, parts.join(", "));
    let memory = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap_or_default();
    let most = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default().trim().to_owned();
    let kept = rusqlite::Connection::open(service.ledger())
        .and_then(|ledger| ledger.query_row("SELECT count(*) FROM facts", [], |row| row.get::<_, i64>(0)))
        .expect("the ledger can be read");
    assert_eq!(kept as usize, waits.len(), "acknowledged and not kept");
    println!("  most memory {most}; in the ledger: {kept}, as acknowledged");
}

/// CPU time of each kind of thread, by name.
fn threads(process: u32) -> BTreeMap<String, Duration> {
    let mut used: BTreeMap<String, Duration> = BTreeMap::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return used };
    for task in tasks.flatten() {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let name = read("comm").trim().to_owned();
        let nanoseconds = read("schedstat").split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(0);
        *used.entry(name).or_default() += Duration::from_nanos(nanoseconds);
    }
    used
}
