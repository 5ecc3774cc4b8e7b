//! The closed loop: as many queries in flight as the server's socket can hold, each answer followed by a query.
//!
//! So the server always has work and loses nothing, and what it answers per second of its own CPU time is what it can
//! do. The window is small enough for the smallest receive buffer among the servers compared.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::client::{Buffers, Client, Questions, Tally};
use super::process;
use super::{Target, micros};

/// After this long without its answer a query is lost.
const LOST_AFTER: Duration = Duration::from_secs(2);
/// How long the loop sleeps at most when nothing comes.
const REST: u16 = 20;
/// How long a server is asked before it counts.
const WARM_UP: Duration = Duration::from_millis(50);

/// One server with its sockets, which have nothing in flight while another server has its turn.
struct Peer {
    target: SocketAddr,
    pid: Option<u32>,
    clients: Vec<Client>,
}

/// Asks each target for `seconds`, in turns, `rounds` times; calls `report` after each turn.
///
/// # Errors
/// The first wrong answer, or what keeps the load from being made.
pub(crate) fn run(
    target: &Target,
    rounds: usize,
    seconds: Duration,
    mut report: impl FnMut(Value),
) -> Result<(), String> {
    let mut questions = target.questions();
    let mut peers = Vec::new();
    for (at, address) in target.target.iter().enumerate() {
        let clients = target.clients(*address, target.window).map_err(|error| format!("no sockets: {error}"))?;
        peers.push(Peer { target: *address, pid: target.pid.get(at).copied(), clients });
    }
    let (mut buffers, started) = (Buffers::new(), Instant::now());
    for round in 0..rounds {
        for turn in 0..peers.len() {
            // Whoever came last in one round comes first in the next.
            let at = if round % 2 == 0 { turn } else { peers.len() - 1 - turn };
            let peer = &mut peers[at];
            let mut one = Turn { questions: &mut questions, buffers: &mut buffers, started, tally: Tally::new() };
            let measured = one.take(peer, target.window, seconds).map_err(|what| format!("{}: {what}", peer.target))?;
            report(measured);
        }
    }
    Ok(())
}

/// One turn of one server.
struct Turn<'a> {
    questions: &'a mut Questions,
    buffers: &'a mut Buffers,
    started: Instant,
    tally: Tally,
}

impl Turn<'_> {
    fn take(&mut self, peer: &mut Peer, window: usize, seconds: Duration) -> Result<Value, String> {
        for client in &mut peer.clients {
            for at in 0..window {
                client.ask(at, self.questions, &mut self.tally);
            }
        }
        self.go_on(peer, WARM_UP, true)?;
        self.tally = Tally::new();
        let (since, before) = (Instant::now(), Spent::now(peer.pid)?);
        self.go_on(peer, seconds, true)?;
        let (wall, after) = (since.elapsed(), Spent::now(peer.pid)?);
        let measured = report(peer.target, &self.tally, wall, &before, &after);
        self.go_on(peer, LOST_AFTER, false)?;
        Ok(measured)
    }

    /// Takes answers for `time`, and asks again for each of them, or until none is awaited any more.
    fn go_on(&mut self, peer: &mut Peer, time: Duration, asking: bool) -> Result<(), String> {
        let since = Instant::now();
        let mut freed = Vec::new();
        while since.elapsed() < time && (asking || peer.clients.iter().any(|client| client.waiting() > 0)) {
            let mut came = 0;
            for client in &mut peer.clients {
                freed.clear();
                let now = || self.started.elapsed().as_nanos() as u64;
                came += client.receive(now, self.buffers, &self.questions.expected, &mut self.tally, &mut freed)?;
                for at in freed.iter().filter(|_| asking) {
                    client.ask(*at, self.questions, &mut self.tally);
                }
                client.send(now(), self.buffers, &mut self.tally).map_err(|error| error.to_string())?;
            }
            if came == 0 {
                let clients = &mut peer.clients;
                let mut awaited: Vec<_> =
                    clients.iter().map(|client| PollFd::new(client.as_fd(), PollFlags::POLLIN)).collect();
                let woken = poll(&mut awaited, PollTimeout::from(REST)).map_err(|error| error.to_string())?;
                let then = self.started.elapsed().saturating_sub(LOST_AFTER).as_nanos() as u64;
                if woken == 0 && then > 0 && asking {
                    for client in clients {
                        for at in client.overdue(then) {
                            client.ask(at, self.questions, &mut self.tally);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// What server and load have used so far.
struct Spent {
    server: Option<Duration>,
    rests: u64,
    load: Duration,
}

impl Spent {
    fn now(server: Option<u32>) -> Result<Self, String> {
        let cpu = |pid| process::cpu(pid).map_err(|error| error.to_string());
        Ok(Self {
            server: server.map(cpu).transpose()?,
            rests: server.map_or(0, process::rests),
            load: cpu(std::process::id())?,
        })
    }
}

fn report(target: SocketAddr, tally: &Tally, wall: Duration, before: &Spent, after: &Spent) -> Value {
    let wall = wall.as_secs_f64();
    let cpu = after.server.zip(before.server).map(|(after, before)| (after - before).as_secs_f64());
    json!({
        "target": target.to_string(),
        "answers": tally.answers,
        "listed": tally.listed,
        "lost": tally.lost,
        "seconds": wall,
        "answers_per_second": (tally.answers as f64 / wall).round(),
        "cpu_seconds": cpu,
        "answers_per_cpu_second": cpu.map(|cpu| (tally.answers as f64 / cpu).round()),
        "rests_per_1000": (after.rests - before.rests) as f64 * 1000.0 / tally.answers.max(1) as f64,
        "server_share": cpu.map(|cpu| cpu / wall),
        "load_share": (after.load - before.load).as_secs_f64() / wall,
        "p50_us": micros(tally.latencies.quantile(0.5)),
        "p99_us": micros(tally.latencies.quantile(0.99)),
        "bytes_in": tally.bytes_in,
        "bytes_out": tally.bytes_out,
    })
}
