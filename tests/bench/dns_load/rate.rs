//! The open loop: so many queries a second, whether answers come or not; what is lost is counted, and when.
//!
//! A query counts as lost when no answer came within the time that an answer may take, which spans at least two
//! seconds. The latency is that between sending and answer; how far the sender itself fell behind its plan is told apart.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::client::{Buffers, Client, Tally};
use super::process;
use super::{Target, micros};

/// How long the last answers may take.
const LAST: Duration = Duration::from_secs(2);
/// A slot is free again after this many seconds of the rate.
const MEMORY: f64 = 2.5;
/// The most slots of a socket: ids have 16 bits, of which one at least must tell a late answer from a right one.
const SLOT_LIMIT: usize = 1 << 15;
/// How long the sender sleeps between two turns: long enough to leave the core to others, short against any latency.
const TURN: Duration = Duration::from_micros(200);

/// Asks `rate` times a second for `seconds`.
///
/// # Errors
/// The first wrong answer, or what keeps the load from being made.
pub(crate) fn run(target: &Target, rate: u64, seconds: Duration) -> Result<Value, String> {
    let mut questions = target.questions();
    let slots = (rate as f64 * MEMORY / target.sockets as f64).ceil() as usize;
    if slots.next_power_of_two() > SLOT_LIMIT {
        return Err(format!("{rate} a second need more sockets than {}", target.sockets));
    }
    let slots = slots.next_power_of_two();
    let mut clients = target.clients(target.target[0], slots).map_err(|error| format!("no sockets: {error}"))?;
    let (mut buffers, mut tally, mut freed) = (Buffers::new(), Tally::new(), Vec::new());
    let before = target.pid.first().copied().map(process::cpu).transpose().map_err(|error| error.to_string())?;
    let started = Instant::now();
    let now = || started.elapsed().as_nanos() as u64;
    let (mut offered, mut most_behind, mut lost_by_second) = (0u64, 0u64, Vec::new());
    println!("started");
    loop {
        let elapsed = started.elapsed();
        let sending = elapsed < seconds;
        if !sending && (elapsed > seconds + LAST || clients.iter().all(|client| client.waiting() == 0)) {
            break;
        }
        if sending {
            let due = (elapsed.as_secs_f64() * rate as f64) as u64;
            most_behind = most_behind.max(due - offered);
            // In turns over the sockets, and never so many at once that one turn fills a server's buffer.
            let turn = (due - offered).min(64);
            for _ in 0..turn {
                let (client, at) = (offered as usize % clients.len(), offered as usize / clients.len());
                clients[client].ask(at % slots, &mut questions, &mut tally);
                offered += 1;
            }
            for client in &mut clients {
                client.send(now(), &mut buffers, &mut tally).map_err(|error| error.to_string())?;
            }
        }
        let mut came = 0;
        for client in &mut clients {
            freed.clear();
            came += client.receive(now, &mut buffers, &questions.expected, &mut tally, &mut freed)?;
        }
        lost_by_second.resize(elapsed.as_secs() as usize + 1, 0);
        *lost_by_second.last_mut().expect("it was made longer than 0") = tally.lost;
        if came == 0 && !behind(offered, rate, started, sending) {
            rest(&clients)?;
        }
    }
    let lost = tally.lost + clients.iter().map(|client| client.waiting() as u64).sum::<u64>();
    let after = target.pid.first().copied().map(process::cpu).transpose().unwrap_or(None);
    let by_second: Vec<u64> = lost_by_second.windows(2).map(|pair| pair[1] - pair[0]).collect();
    Ok(json!({
        "offered": offered,
        "answers": tally.answers,
        "lost": lost,
        "lost_by_second": by_second,
        "most_behind": most_behind,
        "cpu_seconds": after.zip(before).map(|(after, before)| after.saturating_sub(before).as_secs_f64()),
        "p50_us": micros(tally.latencies.quantile(0.5)),
        "p99_us": micros(tally.latencies.quantile(0.99)),
        "p999_us": micros(tally.latencies.quantile(0.999)),
        "most_us": micros(tally.latencies.quantile(1.0)),
    }))
}

fn behind(offered: u64, rate: u64, started: Instant, sending: bool) -> bool {
    sending && ((started.elapsed() + TURN).as_secs_f64() * rate as f64) as u64 > offered + 16
}

fn rest(clients: &[Client]) -> Result<(), String> {
    let mut descriptors: Vec<_> = clients.iter().map(|client| PollFd::new(client.as_fd(), PollFlags::POLLIN)).collect();
    // At least a millisecond is the finest that poll waits; below that, turns without a wait.
    poll(&mut descriptors, PollTimeout::ZERO).map_err(|error| error.to_string())?;
    std::thread::sleep(TURN / 4);
    Ok(())
}
