//! How long from the acknowledged sample that completes a quorum (202) to the DNS answer that lists its origin?
//!
//! `cargo bench --bench listing` starts a service and lists 500 origins back to back, then 500 with a rest before
//! each; `-- COUNT` takes another number. The clock starts when the 202 has been read and stops when the A record has; DNS is asked every millisecond.

#[path = "../harness/mod.rs"]
mod harness;

use std::time::{Duration, Instant};

use harness::{Service, message, settings};

/// Longer than a tick: the last version lies behind.
const REST: Duration = Duration::from_millis(150);

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(500);
    let service = Service::start(&settings(3));
    report("back to back", (0..count).map(|number| wait_for(&service, number)).collect());
    let after_a_rest = |number| {
        std::thread::sleep(REST);
        wait_for(&service, number)
    };
    report("each after a rest", (count..count * 2).map(after_a_rest).collect());
}

fn report(how: &str, mut waits: Vec<Duration>) {
    waits.sort_unstable();
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share).round() as usize].as_millis();
    println!(
        "from 202 to a DNS answer, {} origins {how}: median {} ms, p90 {} ms, p99 {} ms, most {} ms; bar: p99 500 ms",
        waits.len(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

fn wait_for(service: &Service, number: usize) -> Duration {
    let origin = format!("26.{}.{}.{}", number / 62_500 % 250, number / 250 % 250, number % 250 + 1);
    for trap in 0..3 {
        let answer = service.submit(&format!("trap@d{trap}.example"), &message(&origin, number));
        assert_eq!(answer.expect("the service answers").0, 202);
    }
    let acknowledged = Instant::now();
    while !service.lists(&origin) {
        assert!(acknowledged.elapsed() < harness::PATIENCE, "{origin} is not listed");
        std::thread::sleep(Duration::from_millis(1));
    }
    acknowledged.elapsed()
}
