//! The closed loop: as many queries in flight as the server's socket can hold, each answer followed by a query.
//!
//! So the server always has work and loses nothing, and what it answers per second of its own CPU time is what it can
//! do. The window is small enough for the smallest receive buffer among the servers compared.

use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};

use super::client::{Buffers, Tally};
use super::process;
use super::{Target, micros};

/// After this long without its answer a query is lost.
const LOST_AFTER: Duration = Duration::from_millis(500);
/// How long the loop sleeps at most when nothing comes.
const REST: u16 = 20;

/// Asks for `warm_up`, then for `seconds` that count.
///
/// # Errors
/// The first wrong answer, or what keeps the load from being made.
pub(crate) fn run(target: &Target, warm_up: Duration, seconds: Duration) -> Result<Value, String> {
    let mut questions = target.questions();
    let mut clients = target.clients(target.window).map_err(|error| format!("no sockets: {error}"))?;
    let mut buffers = Buffers::new();
    let started = Instant::now();
    let now = || started.elapsed().as_nanos() as u64;
    let mut tally = Tally::new();
    for client in &mut clients {
        for at in 0..target.window {
            client.ask(at, &mut questions, &mut tally);
        }
        client.send(now(), &mut buffers, &mut tally).map_err(|error| error.to_string())?;
    }
    let spent = |pid: Option<u32>| pid.map(process::cpu).transpose().map_err(|error| error.to_string());
    let mut measured: Option<(Instant, Option<Duration>)> = None;
    let mut freed = Vec::new();
    loop {
        let elapsed = started.elapsed();
        match measured {
            None if elapsed >= warm_up => {
                tally = Tally::new();
                measured = Some((Instant::now(), spent(target.pid)?));
            }
            Some((since, before)) if since.elapsed() >= seconds => {
                let (wall, after) = (since.elapsed(), spent(target.pid)?);
                let cpu = after.zip(before).map(|(after, before)| after - before);
                return Ok(report(&tally, wall, cpu));
            }
            _ => {}
        }
        let mut came = 0;
        for client in &mut clients {
            freed.clear();
            came += client.receive(now, &mut buffers, &questions.expected, &mut tally, &mut freed)?;
            for at in &freed {
                client.ask(*at, &mut questions, &mut tally);
            }
            client.send(now(), &mut buffers, &mut tally).map_err(|error| error.to_string())?;
        }
        if came == 0 {
            let mut descriptors: Vec<_> =
                clients.iter().map(|client| PollFd::new(std::os::fd::AsFd::as_fd(client), PollFlags::POLLIN)).collect();
            let woken = poll(&mut descriptors, PollTimeout::from(REST)).map_err(|error| error.to_string())?;
            let then = started.elapsed().saturating_sub(LOST_AFTER).as_nanos() as u64;
            if woken == 0 && then > 0 {
                for client in &mut clients {
                    for at in client.overdue(then) {
                        client.ask(at, &mut questions, &mut tally);
                    }
                    client.send(now(), &mut buffers, &mut tally).map_err(|error| error.to_string())?;
                }
            }
        }
    }
}

fn report(tally: &Tally, wall: Duration, cpu: Option<Duration>) -> Value {
    let per_cpu = cpu.map(|cpu| (tally.answers as f64 / cpu.as_secs_f64()).round());
    json!({
        "answers": tally.answers,
        "listed": tally.listed,
        "lost": tally.lost,
        "seconds": wall.as_secs_f64(),
        "answers_per_second": (tally.answers as f64 / wall.as_secs_f64()).round(),
        "cpu_seconds": cpu.map(|cpu| cpu.as_secs_f64()),
        "answers_per_cpu_second": per_cpu,
        "p50_us": micros(tally.latencies.quantile(0.5)),
        "p99_us": micros(tally.latencies.quantile(0.99)),
        "bytes_in": tally.bytes_in,
        "bytes_out": tally.bytes_out,
    })
}
