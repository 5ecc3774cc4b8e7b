//! How many durable samples a second does the service take, by each way that they come in, and where does the time go?
//!
//! `cargo bench --bench intake` offers messages of 5 kB over kept connections, as many at a time as there are connections,
//! for ten seconds each: `http` (a message a request), `batch` (JSON Lines, 100 a request), `lmtp` (as Postfix does) and
//! `lmtp-pipelined`. `backup` is `http` for three times as long, with `firsthand backup` when half of it is over; `import` is
//! `firsthand submit` with an mbox of 50,000. `-- SECTION…` takes some of them; `-- seconds=30 connections=64` changes the numbers. Every message is
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
    if sections.is_empty() || sections.contains(&"backup") {
        backup(connections, Duration::from_secs(seconds as u64));
    }
    if sections.is_empty() || sections.contains(&"import") {
        import();
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

/// What was acknowledged: how long it took, and when that was, since the begin.
type Acknowledged = Vec<(Duration, Duration)>;

/// Offers messages for so long, while the caller does something, too.
fn offer(
    service: &Service,
    connect: fn(&Service) -> Box<dyn Sender>,
    connections: usize,
    length: Duration,
    meanwhile: impl FnOnce(Instant),
) -> Acknowledged {
    let began = Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut sender = connect(service);
                    let (mut waits, mut acknowledged) = (Vec::new(), Vec::new());
                    while began.elapsed() < length {
                        sender.send(&next, &mut waits);
                        acknowledged.extend(waits.drain(..).map(|wait| (wait, began.elapsed())));
                    }
                    acknowledged
                })
            })
            .collect();
        meanwhile(began);
        senders.into_iter().flat_map(|sender| sender.join().expect("every message is taken")).collect()
    })
}

/// The wait in milliseconds behind which such a share of waits lies, of waits in their order.
fn quantile(waits: &[Duration], share: f64) -> f64 {
    let at = (waits.len().saturating_sub(1) as f64 * share).round() as usize;
    waits.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
}

/// What a backup costs those who send meanwhile, and how they fare after it.
fn backup(connections: usize, length: Duration) {
    let service = Service::start(&settings());
    let (mut from, mut until) = (Duration::ZERO, Duration::ZERO);
    let log = service.ledger().with_extension("sqlite-wal");
    let mut longest = 0;
    let acknowledged = offer(&service, connect::<Http>, connections, 3 * length, |began| {
        std::thread::sleep(3 * length / 2);
        from = began.elapsed();
        let output = service.folder.path().join("backup");
        let made = service.run("backup", &["--output", output.to_str().expect("a path"), "--json"]);
        until = began.elapsed();
        longest = fs::metadata(&log).map_or(0, |log| log.len());
        println!("backup: {}", String::from_utf8_lossy(&made.stdout).trim());
        assert!(made.status.success(), "{made:?}");
    });
    for (when, from, until) in [("before", Duration::ZERO, from), ("during", from, until), ("after", until, 3 * length)]
    {
        let within = acknowledged.iter().filter(|(_, at)| (from..until).contains(at));
        let mut waits: Vec<Duration> = within.map(|(wait, _)| *wait).collect();
        waits.sort_unstable();
        println!(
            "  {when} ({:.1} s): {:.0} durable samples a second; p99 {:.1} ms, most {:.1} ms",
            (until - from).as_secs_f64(),
            waits.len() as f64 / (until - from).as_secs_f64(),
            quantile(&waits, 0.99),
            quantile(&waits, 1.0)
        );
    }
    println!("  the log when it was done: {:.0} MiB", longest as f64 / f64::from(1 << 20));
}

/// An archive that is handed in by command.
fn import() {
    const MESSAGES: usize = 50_000;
    let service = Service::start(&settings());
    let path = service.folder.path().join("archive.mbox");
    let mut mbox = Vec::new();
    for number in 0..MESSAGES {
        mbox.extend_from_slice(b"From offers@sender.example Thu Nov 26 08:02:47 2026\n");
        mbox.extend(message(number).1.into_iter().filter(|octet| *octet != b'\r'));
        mbox.push(b'\n');
    }
    fs::write(&path, &mbox).expect("room on the disk");
    let began = Instant::now();
    let (path, server) = (path.to_str().expect("a path"), service.http.to_string());
    let arguments = ["--server", &server, "--feed", "traps", "--trap", "trap@d0.example", "--mbox", path];
    let done = service.run("submit", &arguments);
    let elapsed = began.elapsed().as_secs_f64();
    assert!(done.status.success(), "{done:?}");
    println!("import: {:.0} messages a second ({MESSAGES} in {elapsed:.1} s)", MESSAGES as f64 / elapsed);
}

fn measure(name: &str, connect: fn(&Service) -> Box<dyn Sender>, connections: usize, length: Duration) {
    let service = Service::start(&settings());
    let began = Instant::now();
    let before = threads(service.id());
    let acknowledged = offer(&service, connect, connections, length, |_| {});
    let (elapsed, after) = (began.elapsed(), threads(service.id()));
    let mut waits: Vec<Duration> = acknowledged.into_iter().map(|(wait, _)| wait).collect();
    waits.sort_unstable();
    let at = |share: f64| quantile(&waits, share);
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
