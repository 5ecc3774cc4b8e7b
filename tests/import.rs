//! Does `firsthand submit` bring whole mailboxes in, once each, whatever breaks off?
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use harness::{FIRSTHAND, Service, TOKEN, message, settings};

/// How long an import may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service on a port that it has again when it is started again.
fn service(settings: &str) -> Service {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Service::start(
        &settings.replace("[http]\nlisten = [\"127.0.0.1:0\"]", &format!("[http]\nlisten = [\"127.0.0.1:{port}\"]")),
    )
}

fn submit(service: &Service, trap: &str, arguments: &[&str], paths: &[&Path]) -> Command {
    let mut command = Command::new(FIRSTHAND);
    command.env("FIRSTHAND_TOKEN", TOKEN);
    command.args(["submit", "--feed", "traps", "--trap", trap, "--server", &service.http.to_string()]);
    command.args(arguments).args(paths).stdin(Stdio::null());
    command
}

fn run(service: &Service, arguments: &[&str], paths: &[&Path]) -> (i32, String, String) {
    told(submit(service, "trap@d0.example", arguments, paths).output().unwrap())
}

fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The samples that the ledger holds.
fn kept(service: &Service) -> i64 {
    let connection = rusqlite::Connection::open(service.ledger()).unwrap();
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    connection.query_row("SELECT count(*) FROM facts", [], |row| row.get(0)).unwrap()
}

fn wait(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn end(mut child: Child) -> (i32, String, String) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < PATIENCE, "the import does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    told(child.wait_with_output().unwrap())
}

fn mbox(service: &Service, numbers: std::ops::Range<usize>) -> PathBuf {
    let path = service.folder.path().join("traps.mbox");
    let mut file = fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
    for number in numbers {
        file.write_all(b"From x@y.example Mon Nov 23 22:02:47 2026\n").unwrap();
        file.write_all(&message("26.1.2.3", number)).unwrap();
        file.write_all(b">From us\n\n").unwrap();
    }
    path
}

fn signal(service: &Service, name: &str) {
    assert!(Command::new("kill").args([name, &service.id().to_string()]).status().unwrap().success());
}

/// The import is killed, and goes on; the service is stopped for a while, then killed and started again, and it goes on.
#[test]
fn a_large_mbox_comes_in_once_whatever_breaks_off() {
    let mut service = service(&settings(3));
    let path = mbox(&service, 0..5000);
    let journal = service.folder.path().join("journal");
    let start = |service: &Service| {
        let arguments = ["--mbox", "--resume", journal.to_str().unwrap()];
        let mut command = submit(service, "trap@d0.example", &arguments, &[&path]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut first = start(&service);
    wait("the first thousand", || kept(&service) >= 1000);
    // Nobody else goes by the same journal.
    let (status, _, said) = end(start(&service));
    assert!(status == 2 && said.contains("another import goes by it"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    let before = kept(&service);
    assert!(before < 5000, "it was killed midway");

    let second = start(&service);
    wait("the next thousand", || kept(&service) >= before + 1000);
    signal(&service, "-STOP");
    std::thread::sleep(Duration::from_secs(2));
    signal(&service, "-CONT");
    wait("some more", || kept(&service) >= before + 1500);
    service.kill();
    std::thread::sleep(Duration::from_secs(1));
    service.restart();
    let (status, summary, said) = end(second);
    assert_eq!(status, 0, "{said}");
    assert_eq!(kept(&service), 5000);
    assert!(said.contains("messages were done before") && said.contains("again in"), "{said}");
    // What the first one was told is not sent again; what it was not told, at most two batches, is known.
    let count = |word: &str| -> usize {
        summary.split(word).next().unwrap().trim().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (taken, known) = (count("taken"), count("known before"));
    assert!(taken + known < 5000 - 500 && known <= 600 && summary.contains("0 refused"), "{summary}");

    // What is appended is taken, and nothing else; what is done is done.
    mbox(&service, 5000..5010);
    let (status, summary, _) = end(start(&service));
    assert!(status == 0 && summary.starts_with("10 messages in") && summary.contains("10 taken"), "{summary}");
    let (status, summary, _) = end(start(&service));
    assert!(status == 0 && summary.starts_with("0 messages in"), "{summary}");
    // What is no longer the same is told, and counts once.
    let text = fs::read(&path).unwrap();
    let second = text.windows(6).skip(1).position(|window| window == b"\nFrom ").unwrap() + 2;
    fs::write(&path, &text[second..]).unwrap();
    let (status, summary, said) = end(start(&service));
    assert!(status == 0 && said.contains("it has changed"), "{said}");
    assert!(summary.contains("0 taken, 5009 known before"), "{summary}");
    assert_eq!(kept(&service), 5010);
    // Another import does not go by it.
    let arguments = ["--mbox", "--resume", journal.to_str().unwrap()];
    let other = told(submit(&service, "trap@d1.example", &arguments, &[&path]).output().unwrap());
    assert!(other.0 == 2 && other.2.contains("another import"), "{}", other.2);
}

#[test]
fn folders_and_maildirs_come_in() {
    let service = service(&settings(3));
    let folder = service.folder.path().join("folder");
    let maildir = service.folder.path().join("Maildir");
    for at in [&folder, &maildir.join("cur"), &maildir.join("new"), &maildir.join("tmp")] {
        fs::create_dir_all(at).unwrap();
    }
    for number in 0..250 {
        fs::write(folder.join(format!("{number}.eml")), message("26.1.2.3", number)).unwrap();
    }
    fs::write(maildir.join("cur/1:2,S"), message("26.1.2.3", 1000)).unwrap();
    fs::write(maildir.join("new/2"), message("26.1.2.3", 1001)).unwrap();
    fs::write(maildir.join("tmp/3"), message("26.1.2.3", 1002)).unwrap();
    let journal = service.folder.path().join("journal");
    let resume = ["--resume", journal.to_str().unwrap()];
    let (status, out, said) = run(&service, &resume, &[&folder, &maildir]);
    assert!(status == 0 && out.starts_with("252 messages in") && out.lines().count() == 1, "{out}{said}");
    assert_eq!(kept(&service), 252);
    // One is new, and one is another than it was.
    fs::write(maildir.join("new/4"), message("26.1.2.3", 1003)).unwrap();
    fs::write(folder.join("7.eml"), message("26.1.2.33", 1004)).unwrap();
    let (status, out, _) = run(&service, &resume, &[&folder, &maildir]);
    assert!(status == 0 && out.contains("2 taken, 0 known before, 0 refused"), "{out}");
    // A journal that was being written ends in the middle of a line.
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, &text[..text.len() - 10]).unwrap();
    let (status, out, _) = run(&service, &resume, &[&folder, &maildir]);
    assert!(status == 0 && out.contains("0 taken, 1 known before, 0 refused"), "{out}");
    // Programs get every answer.
    let (status, out, said) = run(&service, &["--json"], &[&maildir]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(status == 0 && lines.len() == 3 && said.contains("3 known before"), "{out}{said}");
    assert!(lines[0]["id"].as_str().unwrap().ends_with("Maildir/cur/1:2,S") && lines[0]["status"] == 202);
    // Of messages that are named each is told, as ever.
    let (status, out, _) = run(&service, &[], &[&folder.join("1.eml"), &folder.join("2.eml")]);
    assert_eq!((status, out.lines().count()), (0, 2));
    assert!(out.lines().all(|line| line.ends_with("taken; origin 26.1.2.3, direct; it was known")), "{out}");
}

/// Refused messages are told and stop nothing; a feed that is over its quota is waited for, but not by a pipe.
#[test]
fn refusals_and_quotas() {
    let quick = settings(3).replace("relays = [\"mx1\"]", "relays = [\"mx1\"]\nquota = \"20/s\"");
    let service = service(&quick);
    let folder = service.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    for number in 0..62 {
        fs::write(folder.join(format!("{number:02}.eml")), message("26.1.2.3", number)).unwrap();
    }
    let (status, out, said) = told(submit(&service, "a@nowhere.example", &[], &[&folder]).output().unwrap());
    assert!(status == 1 && out.contains("0 taken, 0 known before, 62 refused"), "{out}");
    assert_eq!(
        said.lines().filter(|line| line.contains(".eml: refused (unknown-trap): No registered trap")).count(),
        62
    );
    let (status, _, said) = run(&service, &["--patience", "0s"], &[&folder]);
    assert!(status == 75 && said.contains("used up its quota"), "{said}");
    let (status, out, said) = run(&service, &[], &[&folder]);
    assert!(status == 0 && out.contains("0 refused") && said.contains("again in"), "{out}{said}");
    assert_eq!(kept(&service), 62);
}

/// Whoever pipes is told at once, and tries again himself.
#[test]
fn a_pipe_waits_for_nothing() {
    let service = service(&settings(3).replace("relays = [\"mx1\"]", "relays = [\"mx1\"]\nquota = \"1/d\""));
    let began = Instant::now();
    for (number, expected) in [(1, 0), (2, 75)] {
        let mut piped = submit(&service, "trap@d0.example", &[], &[]);
        let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(&message("26.1.2.3", number)).unwrap();
        let (status, _, said) = told(child.wait_with_output().unwrap());
        assert_eq!((status, said.contains("used up its quota")), (expected, expected == 75), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(30));
}

/// An MTA that pipes bounces what exits with anything but 0 and 75; with `--tempfail` nothing does.
#[test]
fn whatever_is_wrong_an_mta_keeps_the_message() {
    let service = service(&settings(3));
    let folder = service.folder.path();
    let sample = folder.join("a.eml");
    fs::write(&sample, message("26.1.2.3", 1)).unwrap();
    fs::create_dir(folder.join("many")).unwrap();
    fs::copy(&sample, folder.join("many/a.eml")).unwrap();
    let broken = folder.join("broken.toml");
    fs::write(&broken, "[dns]\nlistn = [\"127.0.0.1:53\"]\n").unwrap();
    let (server, closed) = (service.http.to_string(), TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let (broken, closed, absent) = (broken.to_str().unwrap(), closed.to_string(), folder.join("absent"));
    let (many, config) = (folder.join("many"), service.config());
    let (many, config) = (many.to_str().unwrap(), config.to_str().unwrap());
    let sample = sample.to_str().unwrap();
    let trap = ["--feed", "traps", "--trap", "trap@d0.example"];
    let status = |tempfail: bool, arguments: &[&str]| {
        let mut command = Command::new(FIRSTHAND);
        command.arg("submit").args(tempfail.then_some("--tempfail")).args(trap).args(arguments);
        let (status, _, said) = told(command.stdin(Stdio::null()).output().unwrap());
        assert!(status == 0 || !said.is_empty());
        status
    };
    for (arguments, usual) in [
        (vec!["--config", config, "--server", &server, sample], 0),
        (vec!["--config", broken, sample], 2),
        (vec!["--token-file", absent.to_str().unwrap(), "--server", &server, sample], 2),
        (vec!["--token-file", config, "--server", &server, sample], 2),
        (vec!["--config", config, "--server", &server, "--no-such-option", sample], 2),
        (vec!["--config", config, "--server", &server, absent.to_str().unwrap()], 2),
        (vec!["--config", config, "--server", &closed, sample], 75),
        (vec!["--config", config, "--server", &closed, many], 75),
    ] {
        assert_eq!(status(false, &arguments), usual, "{arguments:?}");
        assert_eq!(status(true, &arguments), if usual == 0 { 0 } else { 75 }, "{arguments:?}");
    }
}

/// What was refused is not done: it is handed in again when the import goes on, and counts once.
#[test]
fn what_was_refused_is_handed_in_again() {
    let service = service(&settings(3));
    let path = mbox(&service, 0..250);
    let folder = service.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("1.eml"), message("26.1.2.3", 1000)).unwrap();
    let journals = ["of-mbox", "of-folder"].map(|name| service.folder.path().join(name));
    let late = |journal: &Path, more: &[&str], path: &Path| {
        let arguments = [&["--resume", journal.to_str().unwrap()], more].concat();
        told(submit(&service, "trap@late.example", &arguments, &[path]).output().unwrap())
    };
    for _ in 0..2 {
        let (status, out, said) = late(&journals[0], &["--mbox"], &path);
        assert!(status == 1 && out.contains("0 taken, 0 known before, 250 refused"), "{out}{said}");
        let (status, out, _) = late(&journals[1], &[], &folder);
        assert!(status == 1 && out.contains("1 refused"), "{out}");
    }
    let added = service.run("trap", &["add", "trap@late.example"]);
    assert!(added.status.success(), "{added:?}");
    mbox(&service, 250..260);
    let (status, out, said) = late(&journals[0], &["--mbox"], &path);
    assert!(status == 0 && out.contains("260 taken, 0 known before, 0 refused"), "{out}{said}");
    let (status, out, _) = late(&journals[1], &[], &folder);
    assert!(status == 0 && out.contains("1 taken"), "{out}");
    let (status, out, said) = late(&journals[0], &["--mbox"], &path);
    assert!(
        status == 0 && out.starts_with("0 messages in") && said.contains("260 messages were done before"),
        "{out}{said}"
    );
    assert_eq!(kept(&service), 261);
}

/// What is no message, and what looks like one and is many.
#[test]
fn odd_files() {
    let service = service(&settings(3));
    let folder = service.folder.path().join("Maildir");
    fs::create_dir_all(folder.join("new")).unwrap();
    fs::create_dir_all(folder.join("cur")).unwrap();
    fs::write(folder.join("new/1"), message("26.1.2.3", 1)).unwrap();
    // A pipe is none, and what was moved away meanwhile comes later.
    assert!(Command::new("mkfifo").arg(folder.join("new/2")).status().unwrap().success());
    let (status, out, said) = run(&service, &[], &[&folder]);
    assert!(status == 0 && out.contains("1 taken"), "{out}{said}");
    std::os::unix::fs::symlink("gone", folder.join("new/3")).unwrap();
    let (status, out, said) = run(&service, &[], &[&folder]);
    assert!(status == 75 && out.contains("1 known before") && said.contains("1 files were gone"), "{out}{said}");
    // An empty mbox holds nothing.
    let empty = service.folder.path().join("empty");
    fs::write(&empty, "").unwrap();
    let (status, out, _) = run(&service, &["--mbox"], &[&empty]);
    assert!(status == 0 && out.starts_with("0 messages in"), "{out}");
    // Many messages that nobody asked to cut.
    let path = mbox(&service, 10..13);
    for arguments in [&[][..], &["--resume", service.folder.path().join("j").to_str().unwrap()]] {
        let (status, _, said) = run(&service, arguments, &[&path]);
        assert!(status == 0 && said.contains("looks like an mbox of several; --mbox cuts it"), "{said}");
    }
    // What is somebody's file is no journal.
    let note = service.folder.path().join("note");
    fs::write(&note, "important").unwrap();
    let (status, _, said) = run(&service, &["--resume", note.to_str().unwrap()], &[&folder]);
    assert!(status == 2 && said.contains("no journal of an import"), "{said}");
    assert_eq!(fs::read(&note).unwrap(), b"important");
}
