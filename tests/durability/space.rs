//! A disk that fills up. Each test runs in a mount namespace of its own, with a small disk (tmpfs) for the data folder, which
//! ends with it.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Service, message, settings};
use crate::load::Load;

/// Says to the test's program that it is inside.
const INSIDE: &str = "FIRSTHAND_DISK_INSIDE";

/// How large the disk is.
const DISK: &str = "size=64m";

/// Runs a test in a mount namespace of its own. The test's name is that of the function whose closure `test` is.
fn alone<T: Fn()>(test: T) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let name = std::any::type_name::<T>();
    let name = name.split_once("::").unwrap().1.trim_end_matches("::{{closure}}");
    let output = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "unshare", "--mount"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("setpriv and unshare (package util-linux) are needed, and root");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A service with a small disk, of which so much must stay free.
fn start(free_space: &str) -> Service {
    let settings = format!("{}[storage]\nfree-space = \"{free_space}\"\n", settings(3));
    Service::start_with(&settings, |folder| {
        let data = folder.join("data");
        fs::create_dir(&data).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "firsthand"]).arg(&data).status().unwrap();
        assert!(mount.success(), "no disk can be mounted");
    })
}

fn filler(service: &Service) -> PathBuf {
    service.folder.path().join("data/filler")
}

/// Fills the disk but for `left` bytes.
fn fill(service: &Service, left: usize) {
    let mut file = File::options().create(true).append(true).open(filler(service)).unwrap();
    let block = [0; 64 * 1024];
    while free(&service.folder.path().join("data")) > left {
        match file.write(&block) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {}
            written => assert!(written.unwrap() > 0),
        }
    }
}

fn free(folder: &Path) -> usize {
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(folder).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().nth(1).unwrap().trim().parse().unwrap()
}

fn refuses(service: &Service) -> bool {
    service.get("/metrics").1.contains("firsthand_intake_refuses{reason=\"disk-full\"} 1")
}

/// Below the floor samples are refused first; corrections, expiry and publishing go on; and once there is room, samples are
/// taken again without a restart.
#[test]
fn below_the_floor_only_samples_are_refused() {
    alone(|| {
        // The room is looked at once a second, in which samples must not take all of it.
        let service = start("28MiB");
        let load = Load::default();
        let mut sample = String::new();
        for trap in 0..3 {
            let taken = service.submit(&format!("trap@d{trap}.example"), &message("83.70.211.36", 900_000 + trap));
            let (status, body) = taken.unwrap();
            assert_eq!(status, 202);
            body["sample"].as_str().unwrap().clone_into(&mut sample);
        }
        service.wait("a listing", |service| service.lists("83.70.211.36"));
        load.run(&service, || {
            std::thread::sleep(Duration::from_millis(300));
            fill(&service, 24 << 20);
            service.wait("the floor", refuses);
            load.forbid();
            std::thread::sleep(Duration::from_millis(300));
        });
        assert!(load.acknowledged() > 10);
        assert_eq!(load.refused().into_iter().collect::<Vec<_>>(), ["503 \"disk-full\""]);
        // A retraction is published, and an exemption holds.
        let retracted = service.run("retract", &["--sample", &sample, "--reason", "a test"]);
        assert!(retracted.status.success(), "{retracted:?}");
        service.wait("the listing to fall", |service| !service.lists("83.70.211.36"));
        assert!(service.run("exempt", &["add", "198.51.100.0/24", "--reason", "a test"]).status.success());
        assert!(service.run("retract", &["--undo", "1"]).status.success());
        service.wait("the listing to stand again", |service| service.lists("83.70.211.36"));
        fs::remove_file(filler(&service)).unwrap();
        service.wait("room", |service| !refuses(service));
        load.allow();
        let before = load.acknowledged();
        load.run(&service, || std::thread::sleep(Duration::from_millis(300)));
        assert!(load.acknowledged() > before);
        load.check(&service, 3, "with room again");
        let log = service.log();
        assert_eq!(log.lines().filter(|line| line.contains("is nearly full")).count(), 1, "{log}");
        assert_eq!(log.lines().filter(|line| line.contains("there is room on the disk")).count(), 1, "{log}");
    });
}

/// Where the disk is really full, what does not fit is refused and undone, and the process goes on.
#[test]
fn a_full_disk_ends_nothing() {
    alone(|| {
        let mut service = start("0");
        let load = Load::default();
        load.run(&service, || {
            std::thread::sleep(Duration::from_millis(300));
            fill(&service, 0);
            // What the log and the file had of room already is used up.
            service.wait("a refusal", |_| !load.refused().is_empty());
            std::thread::sleep(Duration::from_millis(1500));
        });
        assert!(load.acknowledged() > 10);
        assert_eq!(load.refused().into_iter().collect::<Vec<_>>(), ["503 \"disk-full\""]);
        load.check(&service, 0, "full");
        fs::remove_file(filler(&service)).unwrap();
        let before = load.acknowledged();
        load.run(&service, || std::thread::sleep(Duration::from_millis(500)));
        assert!(load.acknowledged() > before, "{}", service.log());
        load.check(&service, 0, "with room again");
        service.kill_and_restart();
        load.check(&service, 0, "after a restart");
        load.send_all_again(&service, 0);
    });
}
