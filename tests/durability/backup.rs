//! A backup while samples come, and a service that begins again from it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::process::Command;
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rusqlite::Connection;

use crate::harness::{FIRSTHAND, Service, message, settings};
use crate::load::{Load, kept_in, open};

/// All that was acknowledged before a backup began is in it, though samples come meanwhile; a service that begins from it
/// elsewhere has it, with a new epoch and a later serial, lists again what is proven, and nobody else.
#[test]
fn a_backup_under_load_is_restored_elsewhere() {
    let service = Service::start(&settings(3));
    for (address, number) in [("83.70.211.36", 900_000), ("83.70.211.37", 900_010)] {
        for trap in 0..3 {
            let message = message(address, number + trap);
            assert_eq!(service.submit(&format!("trap@d{trap}.example"), &message).unwrap().0, 202);
        }
        service.wait("a listing", |service| service.lists(address));
    }
    let load = Load::default();
    let output = service.folder.path().join("backup");
    let mut before = BTreeSet::new();
    load.run(&service, || {
        std::thread::sleep(Duration::from_millis(300));
        before = load.acknowledged_ids();
        let made = service.run("backup", &["--output", output.to_str().unwrap(), "--json"]);
        assert!(made.status.success(), "{made:?}");
        let told: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        assert!(told["facts"].as_u64().unwrap() >= before.len() as u64 + 6, "{told}");
    });
    assert!(before.len() > 10);
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
    let beside: Vec<_> = fs::read_dir(service.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!beside.iter().any(|name| name.to_str().unwrap().starts_with(".backup")), "{beside:?}");
    let lost: Vec<_> = before.difference(&kept_in(&output)).cloned().collect();
    assert!(lost.is_empty(), "{lost:?}");
    load.check(&service, 6, "after the backup");
    // Since the backup, one was taken off, which the backup does not know.
    assert!(service.run("remove", &["83.70.211.37", "--reason", "a test"]).status.success());
    let (serial, epoch) = (serial(&service), epoch(&service));

    // A service that has the folder, and a ledger that is there, are not replaced.
    let refused = service.run("restore", &[output.to_str().unwrap(), "--replace"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    let mut elsewhere = Service::start(&settings(3));
    elsewhere.kill();
    assert_eq!(elsewhere.run("restore", &[output.to_str().unwrap()]).status.code(), Some(2), "a ledger is there");
    fs::write(elsewhere.folder.path().join("damaged"), vec![7; 100_000]).unwrap();
    let damaged = elsewhere.folder.path().join("damaged");
    assert_eq!(elsewhere.run("restore", &["--replace", damaged.to_str().unwrap()]).status.code(), Some(2));
    let after = serial.to_string();
    let arguments = ["--replace", "--after-serial", &after, output.to_str().unwrap()];
    let restored = elsewhere.run("restore", &arguments);
    assert!(restored.status.success(), "{restored:?}");
    let said = String::from_utf8(restored.stdout).unwrap();
    assert!(said.contains("The 2 listings of then") && said.contains(".replaced-"), "{said}");
    elsewhere.restart();
    elsewhere.wait("the listings", |service| service.lists("83.70.211.36") && service.lists("83.70.211.37"));
    assert!(self::serial(&elsewhere) > serial);
    assert_ne!(self::epoch(&elsewhere), epoch);
    let lost: Vec<_> = before.difference(&kept_in(&elsewhere.ledger())).cloned().collect();
    assert!(lost.is_empty(), "{lost:?}");
    // What was taken after the backup is handed in again, with all the rest, and counts once.
    load.send_all_again(&elsewhere, 6);
    let trail = String::from_utf8(elsewhere.run("audit", &[]).stdout).unwrap();
    assert!(trail.contains("restore-backup"), "{trail}");
}

/// What a backup says was published comes back by the brake and nothing else, and an old snapshot of the folder is not
/// served.
#[test]
fn a_restored_zone_passes_the_brake() {
    let brake = "[brake]\nper-list = 2\nper-feed = 2\ninterval = \"24h\"\n";
    let mut service = Service::start(&(settings(3) + brake));
    let listed = |service: &Service| (0..5).filter(|number| service.lists(&format!("83.70.211.{number}"))).count();
    for number in 0..5 {
        for trap in 0..3 {
            let message = message(&format!("83.70.211.{number}"), number * 10 + trap);
            assert_eq!(service.submit(&format!("trap@d{trap}.example"), &message).unwrap().0, 202);
        }
    }
    let wait = |service: &Service, waiting: usize| {
        let told = format!("firsthand_brake_waiting{{list=\"spam\"}} {waiting}");
        service.wait("the brake", |service| service.get("/metrics").1.contains(&told));
    };
    wait(&service, 3);
    assert_eq!(listed(&service), 2);
    assert!(service.run("brake", &["--release", "all"]).status.success());
    service.wait("all", |service| listed(service) == 5);
    let output = service.folder.path().join("backup");
    assert!(service.run("backup", &["--output", output.to_str().unwrap()]).status.success());
    let before = serial(&service);
    // It leaves a snapshot with all five.
    stop(&mut service);
    let data = service.folder.path().join("data");
    assert!(data.join("zone.snapshot").exists());
    let restored = service.run("restore", &["--replace", output.to_str().unwrap(), "--json"]);
    assert!(restored.status.success(), "{restored:?}");
    let told: serde_json::Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert_eq!(told["listings"], 5);
    assert!(!data.join("zone.snapshot").exists());
    service.restart();
    wait(&service, 5);
    assert_eq!(listed(&service), 0, "the bucket was drawn empty before the backup");
    assert!(service.run("brake", &["--release", "all"]).status.success());
    service.wait("all", |service| listed(service) == 5);
    assert!(serial(&service) > before);
    // The one that was replaced is whole, and can be put back.
    let kept = told["replaced"].as_str().unwrap();
    assert_eq!(kept_in(kept.as_ref()).len(), 15);
}

/// A ledger that is damaged is not backed up, nor is one without room for it; what was backed up before stays.
#[test]
fn a_backup_that_is_not_sound_is_none() {
    let mut service = Service::start(&settings(3));
    for number in 0..200 {
        assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", number)).unwrap().0, 202);
    }
    let output = service.folder.path().join("backup");
    let arguments = ["--output", output.to_str().unwrap()];
    assert!(service.run("backup", &arguments).status.success());
    let first = fs::read(&output).unwrap();
    service.kill();
    let full = service.config();
    let text = fs::read_to_string(&full).unwrap();
    fs::write(&full, format!("{text}[storage]\nfree-space = \"100TiB\"\n")).unwrap();
    assert_eq!(service.run("backup", &arguments).status.code(), Some(75));
    fs::write(&full, text).unwrap();
    drop(open(&service).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    let mut ledger = fs::read(service.ledger()).unwrap();
    let middle = ledger.len() / 2 / 4096 * 4096;
    ledger[middle..middle + 4096].fill(0xa5);
    fs::write(service.ledger(), ledger).unwrap();
    let damaged = service.run("backup", &arguments);
    assert_eq!(damaged.status.code(), Some(74), "{damaged:?}");
    assert!(fs::read(&output).unwrap() == first, "the backup of before is gone");
    let nowhere = Command::new(FIRSTHAND).args(["backup", "--output", "x"]).current_dir(service.folder.path()).output();
    assert_eq!(nowhere.unwrap().status.code(), Some(2), "no ledger is there");
}

/// What a running service has open is never replaced by a copy, by whatever name it is called.
#[test]
fn a_backup_never_takes_the_place_of_the_ledger() {
    let mut service = Service::start(&settings(3));
    let take = |service: &Service, number: usize| {
        assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", number)).unwrap().0, 202);
    };
    take(&service, 0);
    let (folder, data) = (service.folder.path().to_owned(), service.folder.path().join("data"));
    let elsewhere = folder.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(data.join("below")).unwrap();
    symlink(&data, elsewhere.join("folder")).unwrap();
    symlink(service.ledger(), elsewhere.join("file")).unwrap();
    fs::hard_link(service.ledger(), elsewhere.join("hard")).unwrap();
    fs::hard_link(data.join("ledger.sqlite-wal"), elsewhere.join("log")).unwrap();
    let names = || {
        let all = [&data, &elsewhere].map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
        all.into_iter().flatten().collect::<BTreeSet<_>>()
    };
    let before = names();
    let refused = |output: &str| {
        let arguments = ["--config", "firsthand.toml", "--output", output];
        let made = Command::new(FIRSTHAND).arg("backup").args(arguments).current_dir(&folder).output().unwrap();
        assert_eq!(made.status.code(), Some(2), "{output}: {made:?}");
        let said = String::from_utf8(made.stderr).unwrap();
        assert!(said.contains("write it to another folder"), "{output}: {said}");
        assert_eq!(names(), before, "{output}");
    };
    for output in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "zone.heard", "new", "below/new"] {
        refused(data.join(output).to_str().unwrap());
        refused(&format!("data/{output}"));
        refused(&format!("elsewhere/../data/{output}"));
        refused(&format!("elsewhere/folder/{output}"));
    }
    for output in ["elsewhere/file", "elsewhere/hard", "elsewhere/log"] {
        refused(output);
    }
    // What is no backup is somebody's, such as the settings.
    let made = service.run("backup", &["--output", service.config().to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(2), "{made:?}");
    assert!(String::from_utf8(made.stderr).unwrap().contains("a file is there that is no backup"));
    take(&service, 1);
    service.kill_and_restart();
    take(&service, 2);
    assert_eq!(kept_in(&service.ledger()).len(), 3);

    // A ledger on another disk, to which a link leads.
    service.kill();
    let far = elsewhere.join("far.sqlite");
    drop(open(&service).query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    fs::rename(service.ledger(), &far).unwrap();
    symlink(&far, service.ledger()).unwrap();
    for output in ["far.sqlite", "far.sqlite-wal"] {
        let made = service.run("backup", &["--output", elsewhere.join(output).to_str().unwrap()]);
        assert_eq!(made.status.code(), Some(2), "{output}: {made:?}");
    }
    assert!(service.run("backup", &["--output", elsewhere.join("far").to_str().unwrap()]).status.success());
}

/// A service holds its lock on the ledger, also after a start that served from it before it opened it to write. Without that
/// lock whoever looks at it with `sqlite3` (before 3.51) takes the log away when he is done, and with it what is acknowledged
/// from then on.
#[test]
fn a_service_holds_its_lock_on_the_ledger() {
    let mut service = Service::start(&settings(3));
    for _ in 0..2 {
        let number = fs::metadata(service.ledger()).unwrap().ino();
        let locks = fs::read_to_string("/proc/locks").unwrap();
        assert!(locks.contains(&format!(":{number} ")), "the ledger is {number}:\n{locks}");
        stop(&mut service);
        service.restart();
    }
}

/// A bit that flipped in a copy is noticed before anything is replaced. The file of a service that is stopped has no checksum, and
/// is taken with a word about it.
#[test]
fn a_backup_with_a_flipped_bit_is_refused() {
    let mut service = Service::start(&settings(3));
    for number in 0..50 {
        assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", number)).unwrap().0, 202);
    }
    let output = service.folder.path().join("backup");
    let arguments = ["--replace", output.to_str().unwrap()];
    assert!(service.run("backup", &["--output", arguments[1]]).status.success());
    stop(&mut service);
    let (whole, before) = (fs::read(&output).unwrap(), epoch(&service));
    let origin = whole.windows(12).position(|octets| octets == b"83.70.211.36").unwrap();
    let mut flipped = whole.clone();
    // It would be another address.
    flipped[origin + 11] ^= 1;
    fs::write(&output, flipped).unwrap();
    let refused = service.run("restore", &arguments);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("checksum does not fit") && said.contains("nothing was replaced"), "{said}");
    assert_eq!(epoch(&service), before);
    fs::write(&output, &whole).unwrap();
    let restored = service.run("restore", &arguments);
    assert!(restored.status.success() && restored.stderr.is_empty(), "{restored:?}");
    assert_ne!(epoch(&service), before);
    assert_eq!(fs::read(service.ledger()).unwrap()[68..72], [0; 4]);
    fs::rename(service.ledger(), &output).unwrap();
    let restored = service.run("restore", &arguments[1..]);
    assert!(restored.status.success(), "{restored:?}");
    assert!(String::from_utf8(restored.stderr).unwrap().contains("holds no checksum"));
}

/// What root restores belongs to whom the data folder belongs, and the service of that user begins with it; a file that is closed to
/// it is named with what to do, and no other folder.
#[test]
fn what_root_restores_is_the_service_users() {
    const USER: u32 = 4711;
    let mut service = Service::start(&settings(3));
    assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", 0)).unwrap().0, 202);
    let output = service.folder.path().join("backup");
    assert!(service.run("backup", &["--output", output.to_str().unwrap()]).status.success());
    stop(&mut service);
    let data = service.folder.path().join("data");
    fs::set_permissions(service.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // As it is on a new machine: a folder of the service's user, and nothing in it.
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    chown(&data, Some(USER), Some(USER)).expect("run these tests as root");
    let restored = service.run("restore", &[output.to_str().unwrap()]);
    assert!(restored.status.success(), "{restored:?}");
    for file in ["ledger.sqlite", "lock"] {
        let file = fs::metadata(data.join(file)).unwrap();
        assert_eq!((file.uid(), file.gid()), (USER, USER));
    }
    assert_eq!(fs::metadata(service.ledger()).unwrap().mode() & 0o777, 0o600);
    // A program that this user reaches, wherever the tests are built.
    let program = service.folder.path().join("firsthand");
    fs::copy(FIRSTHAND, &program).unwrap();
    let as_user = |command: &str| {
        let user = USER.to_string();
        let run =
            ["--reuid", &user, "--regid", &user, "--clear-groups", "timeout", "5", FIRSTHAND, command, "--config"];
        let output = Command::new("setpriv").args(run).arg(service.config()).current_dir("/").output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, said) = as_user("audit");
    assert_eq!(status, 0, "{said}");
    // It serves until its time is up.
    let (status, said) = as_user("serve");
    assert_eq!(status, 124, "{said}");
    for (name, command) in
        [("ledger.sqlite", "serve"), ("ledger.sqlite-wal", "serve"), ("ledger.sqlite", "audit"), ("lock", "serve")]
    {
        let file = data.join(name);
        drop(fs::File::options().append(true).create(true).open(&file).unwrap());
        chown(&file, Some(0), Some(0)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let (status, said) = as_user(command);
        let told = format!("{} cannot be opened: Permission denied", file.display());
        let mend = format!(
            "user 0, group 0, with mode 0600, and this process is of user {USER}: `chown {USER}:{USER} {}`",
            file.display()
        );
        assert!(
            status == 2 && said.contains(&told) && said.contains(&mend) && !said.contains("data = "),
            "{status} {said}"
        );
        chown(&file, Some(USER), Some(USER)).unwrap();
    }
    // Nor is the folder of somebody else left for another, in which an empty ledger would begin.
    chown(&data, Some(0), Some(0)).unwrap();
    for command in ["serve", "audit"] {
        let (status, said) = as_user(command);
        assert!(status == 2 && said.contains("it belongs to user 0") && !said.contains("data = "), "{status} {said}");
    }
}

/// From another working directory than the service's, a command says where it looked for the data folder, and why there; a restore
/// says where it put it.
#[test]
fn a_relative_data_folder_is_told_whole() {
    let service = Service::start(&settings(3));
    let output = service.folder.path().join("backup");
    assert!(service.run("backup", &["--output", output.to_str().unwrap()]).status.success());
    let elsewhere = tempfile::tempdir().unwrap();
    let config = elsewhere.path().join("firsthand.toml");
    let run = |command: &str, more: &[&str], data: &str| {
        fs::write(&config, format!("data = {data:?}\n{}", settings(3))).unwrap();
        let mut program = Command::new(FIRSTHAND);
        program.arg(command).arg("--config").arg(&config).args(more).current_dir(elsewhere.path());
        let output = program.output().unwrap();
        let [said, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), said, error)
    };
    let whole = elsewhere.path().join("in/ledger");
    let none = format!("{} has no ledger yet", whole.display());
    for (command, more) in [("audit", &[][..]), ("backup", &["--output", "x"]), ("why", &["83.70.211.36"])] {
        let (status, _, error) = run(command, more, "in/ledger");
        assert!(status == Some(2) && error.contains(&none), "{error}");
        assert!(error.contains("relative in the settings, and begins at the working directory"), "{error}");
        let (_, _, error) = run(command, more, whole.to_str().unwrap());
        assert!(error.contains(&none) && !error.contains("relative"), "{error}");
    }
    assert!(!elsewhere.path().join("x").exists() && !whole.exists());
    let (status, said, error) = run("restore", &[output.to_str().unwrap()], "in/ledger");
    assert_eq!(status, Some(0), "{error}");
    assert!(said.contains(&format!("The data folder {} was not there: it was made", whole.display())), "{said}");
    assert!(said.contains("relative in the settings"), "{said}");
    let (_, said, _) = run("restore", &["--replace", output.to_str().unwrap()], whole.to_str().unwrap());
    assert!(said.contains(&format!("{}/ledger.sqlite: ", whole.display())), "{said}");
    assert!(!said.contains("was made") && !said.contains("relative"), "{said}");
    // What root makes on a new machine belongs to whom the folder around it belongs.
    let home = elsewhere.path().join("home");
    fs::create_dir(&home).unwrap();
    chown(&home, Some(4711), Some(4711)).expect("run these tests as root");
    let (status, said, _) = run("restore", &[output.to_str().unwrap()], home.join("a/b").to_str().unwrap());
    assert!(status == Some(0) && said.contains("belongs to user 4711"), "{said}");
    for made in ["a", "a/b", "a/b/ledger.sqlite", "a/b/lock"] {
        assert_eq!(fs::metadata(home.join(made)).unwrap().uid(), 4711, "{made}");
    }
}

/// What a restore left that was killed goes with the next, unread, and restores follow each other as fast as they can; whatever was
/// replaced is kept.
#[test]
fn what_a_restore_left_harms_no_other() {
    let mut service = Service::start(&settings(3));
    let take = |service: &Service, numbers: std::ops::Range<usize>| {
        for number in numbers {
            assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", number)).unwrap().0, 202);
        }
    };
    let back_up = |service: &Service, name: &str| {
        let output = service.folder.path().join(name);
        assert!(service.run("backup", &["--output", output.to_str().unwrap()]).status.success());
        output
    };
    take(&service, 0..20);
    let first = back_up(&service, "first");
    take(&service, 20..200);
    let second = back_up(&service, "second");
    stop(&mut service);
    // A transaction that was under way in another copy, with its journal (hot, as SQLite says), behind a link.
    let (aside, outside) = (service.folder.path().join("data/ledger.restoring"), service.folder.path().join("outside"));
    fs::copy(&first, &outside).unwrap();
    let other = Connection::open(&outside).unwrap();
    other
        .execute_batch(
            "PRAGMA cache_size = 1; BEGIN; UPDATE facts SET proof = proof || 'x'; UPDATE meta SET value = 'x'",
        )
        .unwrap();
    let journal = fs::read(service.folder.path().join("outside-journal")).unwrap();
    drop(other);
    symlink(&outside, &aside).unwrap();
    fs::write(aside.with_extension("restoring-journal"), journal).unwrap();
    let before = fs::read(&outside).unwrap();
    for round in 1..=3 {
        let restored = service.run("restore", &["--replace", second.to_str().unwrap()]);
        assert!(restored.status.success(), "{restored:?}");
        assert_eq!(kept_in(&service.ledger()).len(), 200, "round {round}");
        let names = fs::read_dir(service.folder.path().join("data")).unwrap().map(|entry| entry.unwrap().path());
        let (kept, rest): (Vec<_>, Vec<_>) = names.partition(|path| path.to_str().unwrap().contains(".replaced-"));
        assert_eq!(kept.len(), round, "{kept:?}");
        assert!(kept.iter().all(|path| kept_in(path).len() == 200), "{kept:?}");
        assert!(!rest.iter().any(|path| path.to_str().unwrap().contains("restoring")), "{rest:?}");
    }
    assert!(fs::read(&outside).unwrap() == before, "root was led elsewhere");
    service.restart();
    take(&service, 200..201);
}

/// The log of a ledger that was taken away is not taken for that of the backup that comes in its place.
#[test]
fn a_log_that_was_left_is_not_read_into_a_backup() {
    let mut service = Service::start(&settings(3));
    let take = |numbers: std::ops::Range<usize>| {
        for number in numbers {
            assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", number)).unwrap().0, 202);
        }
    };
    take(0..20);
    let output = service.folder.path().join("backup");
    assert!(service.run("backup", &["--output", output.to_str().unwrap()]).status.success());
    take(20..60);
    service.kill();
    let log = service.ledger().with_extension("sqlite-wal");
    assert!(fs::metadata(&log).unwrap().len() > 0);
    fs::remove_file(service.ledger()).unwrap();
    let restored = service.run("restore", &[output.to_str().unwrap()]);
    assert!(restored.status.success(), "{restored:?}");
    let sound: String = open(&service).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!((sound.as_str(), kept_in(&service.ledger()).len()), ("ok", 20));
    let said = String::from_utf8(restored.stdout).unwrap();
    assert!(said.contains(".replaced-"), "{said}");
}

/// Two backups to one file do not disturb each other, and what one left that was killed goes with the next.
#[test]
fn what_a_backup_left_goes_with_the_next() {
    let service = Service::start(&settings(3));
    let (output, left) = (service.folder.path().join("backup"), service.folder.path().join(".backup.unfinished"));
    fs::create_dir(&left).unwrap();
    fs::write(left.join("copy"), vec![7; 1 << 20]).unwrap();
    fs::write(left.join("copy-journal"), "x").unwrap();
    let held = fs::File::create(left.join("lock")).unwrap();
    held.lock().unwrap();
    let arguments = ["--output", output.to_str().unwrap()];
    let made = service.run("backup", &arguments);
    assert_eq!(made.status.code(), Some(75), "{made:?}");
    let said = String::from_utf8(made.stderr).unwrap();
    assert!(said.contains(left.to_str().unwrap()), "{said}");
    drop(held);
    let made = service.run("backup", &arguments);
    assert!(made.status.success(), "{made:?}");
    assert!(output.exists() && !left.exists());
    // Nobody else's folder is written into.
    fs::create_dir(&left).unwrap();
    chown(&left, Some(4711), Some(4711)).expect("run these tests as root");
    let made = service.run("backup", &arguments);
    assert_eq!(made.status.code(), Some(2), "{made:?}");
}

/// A service that began with an empty ledger, since its disk was lost, does not write over the backup of the ledger that it lost.
/// Where nothing tells which serial was served, a restore says what that means for secondaries.
#[test]
fn a_backup_of_another_ledger_is_not_written_over() {
    let mut service = Service::start(&settings(3));
    assert_eq!(service.submit("trap@d0.example", &message("83.70.211.36", 0)).unwrap().0, 202);
    let output = service.folder.path().join("backup");
    let arguments = ["--output", output.to_str().unwrap()];
    for _ in 0..2 {
        assert!(service.run("backup", &arguments).status.success());
    }
    let before = fs::read(&output).unwrap();
    service.kill();
    fs::remove_dir_all(service.folder.path().join("data")).unwrap();
    service.restart();
    let made = service.run("backup", &arguments);
    assert_eq!(made.status.code(), Some(2), "{made:?}");
    assert!(String::from_utf8(made.stderr).unwrap().contains("a backup of another ledger"));
    assert!(fs::read(&output).unwrap() == before);
    service.kill();
    fs::remove_dir_all(service.folder.path().join("data")).unwrap();
    let restore = |more: &[&str]| {
        let restored = service.run("restore", &[more, &arguments[1..]].concat());
        assert!(restored.status.success(), "{restored:?}");
        String::from_utf8(restored.stderr).unwrap().contains("a secondary that holds a later one")
    };
    assert!(restore(&[]));
    assert!(!restore(&["--replace", "--after-serial", "7"]));
    assert!(!restore(&["--replace"]), "the ledger tells");
    assert!(service.run("backup", &arguments).status.success(), "it is of the same ledger");
}

/// Ends it in good order.
fn stop(service: &mut Service) {
    assert!(Command::new("kill").arg(service.id().to_string()).status().unwrap().success());
    service.wait_for_end();
}

fn epoch(service: &Service) -> String {
    open(service).query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| row.get(0)).unwrap()
}

fn serial(service: &Service) -> u32 {
    let (code, records) = service.ask("bl.example.", RecordType::SOA);
    assert_eq!(code, ResponseCode::NoError);
    records[0].split(' ').nth(2).unwrap().parse().unwrap()
}
