//! What does it cost to recognise what a message is?
//!
//! `cargo bench --bench nature` reads our own corpus of reflected and dressed mail; `cargo bench --bench nature -- PATH…`
//! reads messages, mboxes, Maildirs or folders. Of each message, its header read, the nature is recognised 20 times on
//! one thread.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firsthand_analyzer::nature::recognise;
use firsthand_analyzer::sample::Header;
use firsthand_server::intake::files::{Found, Split, Unreadable, for_each_message};

const REPEATS: u32 = 20;

fn main() {
    let named: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let paths = if named.is_empty() { vec![own.join("nature"), own.join("dressed")] } else { named };
    let mut costs: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let taken = for_each_message(&paths, Split::Mbox, &mut |Found { message, .. }| {
        if let Ok(header) = Header::read(&message) {
            // The first time builds automata.
            let nature = recognise(&message, &header, None).nature;
            let began = cpu_time();
            for _ in 0..REPEATS {
                std::hint::black_box(recognise(std::hint::black_box(&message), &header, None));
            }
            let cost = (cpu_time() - began) / REPEATS;
            for group in ["all", nature.name()] {
                costs.entry(group).or_default().push(cost);
            }
        }
        Ok::<(), Unreadable>(())
    });
    if let Err(Unreadable { path, error }) = taken {
        panic!("{}: {error}", path.display());
    }
    for (group, mut costs) in costs {
        costs.sort_unstable();
        let micros = |cost: Duration| cost.as_nanos() as f64 / 1000.0;
        let at = |share: f64| micros(costs[((costs.len() - 1) as f64 * share) as usize]);
        let mean = micros(costs.iter().sum::<Duration>()) / costs.len() as f64;
        println!(
            "{group:13} {:5} messages: median {:7.1} µs of CPU, mean {mean:7.1} µs, p90 {:7.1} µs, p99 {:8.1} µs, most {:8.1} µs",
            costs.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
    println!("bar: all, median 15 µs");
}

/// The CPU time of this process.
fn cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("Linux has this clock").into()
}
