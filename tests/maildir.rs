//! Is what is delivered into a watched Maildir taken, once, and nothing else?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::{Service, message, settings};

/// Three traps, each with a Maildir `mailN`; messages of the last are deleted.
fn with_maildirs(feed: &str) -> String {
    let mut text = settings(3).replace("relays = [\"mx1\"]\n", &format!("relays = [\"mx1\"]\n{feed}\n"));
    for trap in 0..3 {
        let taken = if trap == 2 { "deleted" } else { "seen" };
        text += &format!(
            "[[intake]]\nkind = \"maildir\"\npath = \"mail{trap}\"\ntrap = \"trap@d{trap}.example\"\nfeed = \"traps\"\ntaken = {taken:?}\n"
        );
    }
    text
}

fn make(maildir: &Path) {
    for folder in ["tmp", "new", "cur"] {
        fs::create_dir_all(maildir.join(folder)).unwrap();
    }
}

/// Delivers as MTAs do.
fn deliver(maildir: &Path, name: &str, message: &[u8]) {
    fs::write(maildir.join("tmp").join(name), message).unwrap();
    fs::rename(maildir.join("tmp").join(name), maildir.join("new").join(name)).unwrap();
}

fn count(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

fn maildir(service: &Service, number: usize) -> PathBuf {
    service.folder.path().join(format!("mail{number}"))
}

/// The facts, those that are told apart, and what the units count.
fn kept(service: &Service) -> (i64, i64, i64) {
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    let sql = "SELECT (SELECT count(*) FROM facts), (SELECT count(DISTINCT sample) FROM facts), (SELECT coalesce(sum(samples), 0) FROM units)";
    ledger.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

/// Waits for longer than the harness does, for what is a lot of work.
fn wait_long(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(120), "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is delivered is listed, and is seen or deleted; a folder that comes late is found.
#[test]
fn delivered_mail_is_taken() {
    let service = Service::start_with(&with_maildirs(""), |folder| {
        make(&folder.join("mail0"));
        make(&folder.join("mail1"));
        deliver(&folder.join("mail0"), "1.before", &message("26.1.2.3", 1));
    });
    deliver(&maildir(&service, 1), "2.after", &message("26.1.2.3", 2));
    // Of a bounce nobody is listed: the Return-Path field stands for the envelope.
    let bounce = [b"Return-Path: <>\n".as_slice(), &message("26.1.2.4", 3)].concat();
    for trap in 0..2 {
        deliver(&maildir(&service, trap), "3.bounce", &bounce);
    }
    let missing = |service: &Service| service.log().matches("a Maildir cannot be looked into").count();
    service.wait("it to be missed", |service| missing(service) > 0);
    make(&maildir(&service, 2));
    deliver(&maildir(&service, 2), "4.late", &message("26.1.2.3", 4));
    deliver(&maildir(&service, 2), "5.bounce", &bounce);
    service.wait("the sender to be listed", |service| service.lists("26.1.2.3"));
    let new = |number: usize| maildir(&service, number).join("new");
    service.wait("all to be taken", |_| (0..3).all(|number| count(&new(number)) == 0));
    assert!(!service.lists("26.1.2.4"));
    assert!(maildir(&service, 0).join("cur/1.before:2,S").exists());
    assert_eq!([0, 1, 2].map(|number| count(&maildir(&service, number).join("cur"))), [2, 2, 0]);
    assert_eq!(missing(&service), 1, "{}", service.log());
}

/// `kill -9` in the midst: what was taken is found again, and counts once (G9).
#[test]
fn taken_once_whatever_happens() {
    let mut service = Service::start_with(&with_maildirs(""), |folder| {
        for number in 0..3 {
            make(&folder.join(format!("mail{number}")));
        }
    });
    let (new, cur) = (maildir(&service, 0).join("new"), maildir(&service, 0).join("cur"));
    for number in 0..600 {
        deliver(&maildir(&service, 0), &format!("{number}.x"), &message(&format!("26.1.2.{}", number % 200), number));
    }
    for part in 1..4 {
        wait_long("a part to be taken", || count(&cur) >= part * 150);
        service.kill_and_restart();
    }
    wait_long("all to be taken", || count(&new) == 0);
    assert_eq!((kept(&service), count(&cur)), ((600, 600, 600), 600));
}

/// What is no message stays, is told once, and holds nothing up; what is too long is judged as that.
#[test]
fn what_is_no_message_stays() {
    let service = Service::start_with(&with_maildirs(""), |folder| {
        let (maildir, outside) = (folder.join("mail0"), folder.join("outside"));
        make(&maildir);
        make(&folder.join("mail1"));
        make(&folder.join("mail2"));
        let new = maildir.join("new");
        nix::unistd::mkfifo(&new.join("1.fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::create_dir(new.join("2.folder")).unwrap();
        fs::write(&outside, message("26.1.2.9", 9)).unwrap();
        symlink(&outside, new.join("3.link")).unwrap();
        fs::write(new.join(".hidden"), message("26.1.2.9", 8)).unwrap();
        // Without bytes on the disk.
        fs::File::create(new.join("4.long")).unwrap().set_len(60 << 20).unwrap();
        deliver(&maildir, "5.good", &message("26.1.2.3", 1));
        fs::write(new.join("0.unreadable"), message("26.1.2.9", 7)).unwrap();
        fs::set_permissions(new.join("0.unreadable"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    });
    let new = maildir(&service, 0).join("new");
    let cur = maildir(&service, 0).join("cur");
    service.wait("the messages to be taken", |_| cur.join("5.good:2,S").exists() && cur.join("4.long:2,S").exists());
    // Root reads what nobody may.
    let readable = fs::read(cur.join("0.unreadable:2,S")).is_ok();
    assert_eq!(count(&new), if readable { 4 } else { 5 });
    std::thread::sleep(Duration::from_secs(2));
    let taken = if readable { 3 } else { 2 };
    assert_eq!((kept(&service).0, count(&new)), (taken, if readable { 4 } else { 5 }));
    let metrics = service.get("/metrics").1;
    assert!(metrics.contains("firsthand_samples_total{verdict=\"too-large\"} 1"), "{metrics}");
    assert!(service.log().matches("a message cannot be taken").count() <= 2, "{}", service.log());
    // What is delivered later is taken all the same.
    deliver(&maildir(&service, 0), "6.later", &message("26.1.2.3", 2));
    service.wait("the later one to be taken", |_| cur.join("6.later:2,S").exists());
}

/// Mail of an address that is no trap is left alone, until a reload makes it one.
#[test]
fn mail_of_nobody_waits_for_a_trap() {
    let trap = "[[trap]]\naddress = \"trap@d0.example\"\n";
    let service = Service::start_with(&with_maildirs("").replace(trap, ""), |folder| {
        (0..3).for_each(|number| make(&folder.join(format!("mail{number}"))));
        deliver(&folder.join("mail0"), "1.x", &message("26.1.2.3", 1));
    });
    service.wait("it to be told", |service| service.log().contains("its trap or its feed is not registered"));
    assert!(maildir(&service, 0).join("new/1.x").exists());
    let settings = fs::read_to_string(service.config()).unwrap() + trap;
    fs::write(service.config(), settings).unwrap();
    assert!(service.run("reload", &[]).status.success());
    service.wait("it to be taken", |service| maildir(service, 0).join("cur/1.x:2,S").exists());
    assert!(!service.log().contains("d0.example"), "no log tells of traps: {}", service.log());
}

/// Over its quota, the feed's mail waits, and is told of once.
#[test]
fn what_is_refused_for_now_waits() {
    let service = Service::start_with(&with_maildirs("quota = \"30/m\""), |folder| {
        for number in 0..3 {
            make(&folder.join(format!("mail{number}")));
        }
        for number in 0..33 {
            deliver(&folder.join("mail0"), &format!("{number}.x"), &message("26.1.2.3", number));
        }
    });
    let cur = maildir(&service, 0).join("cur");
    service.wait("what the quota allows", |_| count(&cur) >= 30);
    service.wait("the rest", |_| count(&cur) == 33);
    assert_eq!(service.log().matches("has to wait").count(), 1, "{}", service.log());
}

/// Thousands at once, long ones among them, take no more memory than their share of the room.
#[test]
fn memory_is_bounded() {
    let service = Service::start_with(&with_maildirs(""), |folder| {
        make(&folder.join("mail0"));
        make(&folder.join("mail1"));
        make(&folder.join("mail2"));
        for number in 0..5000 {
            let message = [message("26.1.2.3", number), vec![b'x'; 4700]].concat();
            fs::write(folder.join(format!("mail0/new/{number}.x")), message).unwrap();
        }
        for number in 0..12 {
            let path = folder.join(format!("mail1/new/{number}.long"));
            fs::write(&path, format!("Subject: {number}\n\n")).unwrap();
            // The rest is no bytes on the disk.
            fs::OpenOptions::new().write(true).open(path).unwrap().set_len(45 << 20).unwrap();
        }
    });
    let new = |number: usize| maildir(&service, number).join("new");
    wait_long("the long ones", || count(&new(1)) == 0);
    wait_long("all", || count(&new(0)) == 0);
    assert_eq!(kept(&service).0, 5012);
    let status = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    assert!(peak.is_some_and(|peak: u64| peak < 400 << 10), "{status}");
}
