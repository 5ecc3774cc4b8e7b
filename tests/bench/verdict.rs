//! What does a verdict cost?
//!
//! `cargo bench --bench verdict` judges our own traces; `cargo bench --bench verdict -- PATH…` judges messages, mboxes,
//! Maildirs or folders under relays in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and on loopback, whose names and
//! dialects are not known, and a `.jsonl` file of requests (as `analyze --jsonl` takes them) under each request's own
//! topology. Each message is judged 20 times on one thread.

use std::path::PathBuf;
use std::time::Duration;

#[path = "../harness/traces.rs"]
mod traces;

use firsthand_analyzer::received::Handover;
use firsthand_analyzer::topology::{Boundary, Relay, Topology};
use firsthand_server::command::analyze::{Question, read_request};
use firsthand_server::intake::files::{Found, Split, Unreadable, for_each_message};

const REPEATS: u32 = 20;

fn main() {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    let questions = if named.is_empty() { our_own() } else { read_all(&named) };
    let mut costs: Vec<Duration> = Vec::with_capacity(questions.len());
    let mut attributed = 0;
    for question in &questions {
        attributed += usize::from(question.judge().origin.is_ok());
        let began = cpu_time();
        for _ in 0..REPEATS {
            std::hint::black_box(std::hint::black_box(question).judge());
        }
        costs.push((cpu_time() - began) / REPEATS);
    }
    costs.sort_unstable();
    let micros = |cost: Duration| cost.as_nanos() as f64 / 1000.0;
    let at = |share: f64| micros(costs[((costs.len() - 1) as f64 * share) as usize]);
    println!(
        "a verdict, {} messages ({attributed} attributed): median {:.1} µs of CPU, mean {:.1} µs, p90 {:.1} µs, p99 {:.1} µs, most {:.1} µs; bar: median 10 µs",
        questions.len(),
        at(0.5),
        micros(costs.iter().sum::<Duration>()) / costs.len() as f64,
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// The CPU time of this process.
fn cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock").into()
}

fn our_own() -> Vec<Question> {
    let question = |trace: traces::Trace| Question {
        message: trace.message,
        envelope: None,
        observed_peer: None,
        topology: trace.topology,
    };
    traces::traces().into_iter().map(question).collect()
}

fn read_all(paths: &[PathBuf]) -> Vec<Question> {
    let mut questions = Vec::new();
    let relay = Relay {
        name: "any".to_owned(),
        hosts: Vec::new(),
        networks: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128"]
            .iter()
            .map(|network| network.parse().expect("a network"))
            .collect(),
        dialect: None,
        handovers: Handover::ALL.to_vec(),
    };
    let topology = Topology::new(vec![relay], Boundary::Headers);
    for path in paths {
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let bytes = std::fs::read(path).expect("a readable file");
            let lines = bytes.split(|byte| *byte == b'\n');
            questions.extend(lines.filter_map(|line| read_request(line).ok()).map(|(_, question)| question));
            continue;
        }
        let taken = for_each_message(std::slice::from_ref(path), Split::Mbox, &mut |Found { message, .. }| {
            let topology = topology.clone();
            questions.push(Question { message, envelope: None, observed_peer: None, topology });
            Ok::<(), Unreadable>(())
        });
        if let Err(Unreadable { path, error }) = taken {
            panic!("{}: {error}", path.display());
        }
    }
    questions
}
