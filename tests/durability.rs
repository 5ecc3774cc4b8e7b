//! Is every acknowledged sample there once, and no other, whatever happens to the process, the disk and the clock? (G9)
//!
//! `FIRSTHAND_KILLS` sets how often the process is killed; the suite kills 8 times.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;
#[path = "durability/backup.rs"]
mod backup;
#[path = "durability/clock.rs"]
mod clock;
#[path = "durability/load.rs"]
mod load;
#[path = "durability/shim.rs"]
mod shim;
#[path = "durability/space.rs"]
mod space;
#[path = "durability/sync.rs"]
mod sync;
#[path = "durability/torn.rs"]
mod torn;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::Service;
use load::{Load, settings};

#[test]
fn kill_at_random_moments_under_load() {
    let kills: usize = std::env::var("FIRSTHAND_KILLS").map_or(8, |text| text.parse().unwrap());
    let mut service = Service::start(&settings());
    let load = Load::default();
    for round in 0..kills {
        load.run(&service, || {
            // The clock's nanoseconds are random enough for a moment.
            let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
            std::thread::sleep(Duration::from_millis(100 + u64::from(nanos % 400)));
            kill(&service);
            std::thread::sleep(Duration::from_millis(20));
        });
        service.kill_and_restart();
        load.check(&service, 0, &format!("round {round}"));
    }
    let acknowledged = load.acknowledged();
    let facts = load.send_all_again(&service, 0);
    println!("{kills} kills, {acknowledged} samples acknowledged, all there, {facts} sent, each there once");
    assert!(facts > 10 * kills, "only {facts} samples: that was no load");
}

/// Ends it by its id while the clients go on; they see broken connections, which count for nothing.
fn kill(service: &Service) {
    let ended = std::process::Command::new("kill").args(["-9", &service.id().to_string()]).status().unwrap();
    assert!(ended.success());
}
