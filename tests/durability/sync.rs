//! A disk that fails.

use std::time::Duration;

use crate::load::{Load, settings};
use crate::shim::{Shim, serve};

/// A sync that fails leaves nobody any way to tell what the disk holds, so the process ends: nothing is acknowledged after
/// it, nothing that was is lost, and the next start needs no hands.
#[test]
fn a_failed_sync_ends_the_process() {
    let (mut service, shim) = Shim::start(&settings());
    let load = Load::default();
    load.run(&service, || {
        std::thread::sleep(Duration::from_millis(500));
        shim.fail_syncs(true);
        // What is handed in from here on could only be kept by a sync from here on.
        load.forbid();
        std::thread::sleep(Duration::from_millis(500));
    });
    let before = load.acknowledged();
    assert!(before > 20, "only {before} samples: that was no load");
    assert_eq!(service.wait_for_end().code(), Some(74), "{}", service.log());
    let log = service.log();
    let told: Vec<&str> = log.lines().filter(|line| line.contains("cannot be relied on any more")).collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("ledger.sqlite") && told[0].contains("syncing it: disk I/O error"), "{}", told[0]);
    assert!(told[0].contains("Look after the disk"), "{}", told[0]);
    // While the disk is as it is, it does not start: what it read could be nowhere but in memory.
    let output = serve(&service);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("syncing it: disk I/O error"), "{said}");
    assert!(load.refused().iter().all(|refused| refused.starts_with("503")), "{:?}", load.refused());
    shim.fail_syncs(false);
    load.allow();
    service.restart();
    load.check(&service, 0, "after the restart");
    load.run(&service, || std::thread::sleep(Duration::from_millis(200)));
    assert!(load.acknowledged() > before);
    load.send_all_again(&service, 0);
}
