//! Does a reload, an upgrade or a restart lose a query, a sample or a listing?
//!
//! Real processes, asked all the while over UDP and TCP: each query once, with a deadline of its own, and every answer held
//! against what it must be.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod harness;

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use harness::{FIRSTHAND, PATIENCE, Service, TOKEN, message, settings};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};

/// Listed by three traps before anything happens.
const LISTED: &str = "83.70.211.36";
/// Never seen.
const INNOCENT: &str = "83.70.211.99";
/// The test entry (RFC 5782 §5).
const TEST_ENTRY: &str = "127.0.0.2";

/// Clients that ask over UDP at a time, and how often each does.
const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(2);
/// What a mail server waits for an answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// What was asked and what became of it.
#[derive(Default)]
struct Tally {
    asked: AtomicUsize,
    lost: AtomicUsize,
    wrong: AtomicUsize,
    tcp_asked: AtomicUsize,
    tcp_lost: AtomicUsize,
}

/// Mail servers that ask without an end.
struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(server: SocketAddr) -> Self {
        let (stop, tally) = (Arc::<AtomicBool>::default(), Arc::<Tally>::default());
        let mut threads = Vec::new();
        for _ in 0..CLIENTS {
            let (stop, tally) = (Arc::clone(&stop), Arc::clone(&tally));
            threads.push(thread::spawn(move || ask_over_udp(server, &stop, &tally)));
        }
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&tally));
        threads.push(thread::spawn(move || ask_over_tcp(server, &stopped, &counted)));
        Self { stop, tally, threads }
    }

    /// Ends it, when everything asked was answered or is past its deadline; how many over UDP were lost, and none over TCP.
    fn end(self) -> usize {
        let (lost, tcp_lost) = self.end_after_a_kill();
        assert_eq!(tcp_lost, 0, "lost over TCP");
        lost
    }

    /// The same where a process was killed, with what it had just taken: how many were lost over UDP, and over TCP.
    fn end_after_a_kill(self) -> (usize, usize) {
        // What happened last is asked about for a while.
        thread::sleep(Duration::from_millis(500));
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        let get = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let Tally { asked, lost, wrong, tcp_asked, tcp_lost } = &*self.tally;
        println!("{} over UDP, {} lost; {} over TCP, {} lost", get(asked), get(lost), get(tcp_asked), get(tcp_lost));
        assert!(get(asked) > 500 && get(tcp_asked) > 20, "too little was asked to prove anything");
        assert_eq!(get(wrong), 0, "wrong answers");
        (get(lost), get(tcp_lost))
    }
}

/// Questions with whether the address is listed.
fn questions() -> Vec<(Vec<u8>, bool)> {
    let question = |(address, listed)| {
        let mut query = Message::query();
        query.add_query(Query::query(Name::from_ascii(harness::reversed(address)).unwrap(), RecordType::A));
        (query.to_vec().unwrap(), listed)
    };
    [(LISTED, true), (INNOCENT, false), (TEST_ENTRY, true)].map(question).to_vec()
}

fn is_right(answer: &[u8], listed: bool) -> bool {
    let code = answer[3] & 0x0f;
    let answers = u16::from_be_bytes([answer[6], answer[7]]);
    if listed { (code, answers) == (0, 1) && answer.ends_with(&[127, 0, 0, 2]) } else { (code, answers) == (3, 0) }
}

fn ask_over_udp(server: SocketAddr, stop: &AtomicBool, tally: &Tally) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let questions = questions();
    let mut waiting: HashMap<u16, (Instant, bool)> = HashMap::new();
    let (mut id, mut next) = (0u16, Instant::now());
    loop {
        let asks = !stop.load(Ordering::Relaxed);
        if !asks && waiting.is_empty() {
            return;
        }
        if asks && Instant::now() >= next {
            let (mut query, listed) = questions[usize::from(id) % questions.len()].clone();
            query[..2].copy_from_slice(&id.to_be_bytes());
            // Never: the service has not ended, and there is a port for the answer.
            if socket.send(&query).is_err() {
                tally.lost.fetch_add(1, Ordering::Relaxed);
            }
            assert!(waiting.insert(id, (Instant::now(), listed)).is_none());
            tally.asked.fetch_add(1, Ordering::Relaxed);
            id = id.wrapping_add(1);
            // A client that had no time to ask does not make up for it.
            next = (next + PAUSE).max(Instant::now() - PAUSE);
        }
        let mut answer = [0; 1500];
        // One that comes after its deadline was counted as lost.
        if let Ok(length) = socket.recv(&mut answer)
            && let Some((_, listed)) = waiting.remove(&u16::from_be_bytes([answer[0], answer[1]]))
            && !is_right(&answer[..length], listed)
        {
            println!("wrong: {:?}", &answer[..length]);
            tally.wrong.fetch_add(1, Ordering::Relaxed);
        }
        let before = waiting.len();
        waiting.retain(|_, (asked, _)| asked.elapsed() <= DEADLINE);
        tally.lost.fetch_add(before - waiting.len(), Ordering::Relaxed);
    }
}

fn ask_over_tcp(server: SocketAddr, stop: &AtomicBool, tally: &Tally) {
    let questions = questions();
    let ask = |query: &[u8], listed: bool| -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&server, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.write_all(&[&(query.len() as u16).to_be_bytes()[..], query].concat())?;
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer)?;
        Ok(is_right(&answer, listed))
    };
    for (query, listed) in questions.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        tally.tcp_asked.fetch_add(1, Ordering::Relaxed);
        match ask(query, *listed) {
            Ok(true) => {}
            Ok(false) => drop(tally.wrong.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                println!("over TCP: {error}");
                tally.tcp_lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a process of this test when the test ends.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        signal(self.0, "KILL");
    }
}

fn signal(id: u32, name: &str) {
    assert!(id > 1, "a process of this test, never a group");
    // One that has ended already is fine.
    let _ = Command::new("kill").arg(format!("-{name}")).arg(id.to_string()).stderr(Stdio::null()).status();
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Waits until the log has a line with `what` behind the first `from` bytes.
fn wait_for_line(folder: &Path, from: usize, what: &str) -> String {
    let began = Instant::now();
    loop {
        let text = log(folder);
        if let Some(line) = text[from.min(text.len())..].lines().find(|line| line.contains(what)) {
            return line.to_owned();
        }
        assert!(began.elapsed() < 3 * PATIENCE, "no {what:?} in {text}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The process id in a line of the log.
fn successor(line: &str) -> u32 {
    let digits = line.rsplit("successor=").next().unwrap();
    digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

fn list(service: &Service, address: &str, number: usize) {
    for trap in 0..3 {
        let taken = service.submit(&format!("trap@d{trap}.example"), &message(address, number * 10 + trap)).unwrap();
        assert_eq!(taken.0, 202, "{taken:?}");
    }
    service.wait("to be listed", |service| service.lists(address));
}

fn rewrite(service: &Service, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(service.config()).unwrap();
    let aside = service.config().with_extension("new");
    fs::write(&aside, change(&text)).unwrap();
    fs::rename(aside, service.config()).unwrap();
}

fn metric(service: &Service, name: &str) -> f64 {
    let (_, text) = service.get("/metrics");
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap()
}

/// Asks for a reload by command: its exit status and all that it printed.
fn reload(service: &Service) -> (Option<i32>, String) {
    let output = service.run("reload", &[]);
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

/// All or nothing: what is good takes effect, all of it; a mistake anywhere, or a key that needs a restart, and nothing does.
#[test]
fn a_reload_is_all_or_nothing() {
    let service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    list(&service, "83.70.211.37", 2);
    let load = Load::start(service.dns);
    let original = fs::read_to_string(service.config()).unwrap();

    let same = reload(&service);
    assert!(same.0 == Some(0) && same.1.contains("nothing is different"), "{same:?}");
    // An exemption, a feed with a token from a file, a trap, a rate, and who may ask.
    let token = "another-token-for-tests";
    fs::write(service.folder.path().join("more.token"), token).unwrap();
    let more = "[[exempt]]\nnetworks = [\"83.70.211.37/32\"]\nreason = \"a customer\"\n[[feed]]\nname = \"more\"\n\
                token-file = \"more.token\"\nrelays = [\"mx1\"]\n[[trap]]\naddress = \"trap@d9.example\"\n[rate-limit]\nslip = 3\n";
    rewrite(&service, |text| text.replace("[dns]\n", "[dns]\nrefuse = [\"198.51.100.0/24\"]\n") + more);
    let from = log(service.folder.path()).len();
    signal(service.id(), "HUP");
    let line = wait_for_line(service.folder.path(), from, "settings reloaded");
    for key in ["dns.refuse", "exempt", "feed", "rate-limit.slip", "trap"] {
        assert!(line.contains(key), "{key}: {line}");
    }
    service.wait("the exemption", |service| !service.lists("83.70.211.37"));
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("Firsthand-Trap", "trap@d9.example")];
    assert_eq!(service.submit_with(&headers, &message("83.70.211.40", 1)).unwrap().0, 202);
    assert_eq!(metric(&service, "firsthand_config_last_reload_successful"), 1.0);
    let good = fs::read_to_string(service.config()).unwrap();
    let since = metric(&service, "firsthand_config_last_reload_success_timestamp_seconds");

    // Without the exemption and the feed, but with a mistake: both stay.
    for (broken, named) in [
        ("[policy]\nlist-at = \"much\"\n", "policy.list-at"),
        ("[[feed]]\nname = \"x\"\ntoken-file = \"no.token\"\nrelays = [\"mx1\"]\n", "no.token"),
        ("[dnz]\n", "dnz"),
    ] {
        fs::write(service.config(), format!("{original}{broken}")).unwrap();
        let from = log(service.folder.path()).len();
        signal(service.id(), "HUP");
        wait_for_line(service.folder.path(), from, "were not reloaded");
        let said = log(service.folder.path())[from..].to_owned();
        assert!(said.contains(named) && said.contains("firsthand.toml:"), "{said}");
        let refused = reload(&service);
        assert!(refused.0 == Some(2) && refused.1.contains(named), "{refused:?}");
    }
    assert_eq!(metric(&service, "firsthand_config_last_reload_successful"), 0.0);
    assert_eq!(metric(&service, "firsthand_config_last_reload_success_timestamp_seconds"), since);
    // What needs a restart is named, and what stands beside it is not heeded either.
    fs::write(service.config(), format!("{original}[zone]\npage = \"http://other.example/{{address}}\"\n")).unwrap();
    let refused = reload(&service);
    assert!(refused.0 == Some(2) && refused.1.contains("zone.page needs a restart"), "{refused:?}");
    assert!(!service.lists("83.70.211.37"), "the exemption stays");
    assert_eq!(service.submit_with(&headers, &message("83.70.211.40", 2)).unwrap().0, 202, "the feed stays");
    fs::write(service.config(), good).unwrap();
    assert_eq!(reload(&service).0, Some(0));
    assert_eq!(metric(&service, "firsthand_config_last_reload_successful"), 1.0);
    // And back: the feed goes, and what was exempt is proven anew.
    fs::write(service.config(), &original).unwrap();
    assert_eq!(reload(&service).0, Some(0));
    assert_eq!(service.submit_with(&headers, &message("83.70.211.40", 3)).unwrap().0, 401);
    service.wait("to be listed again", |service| service.lists("83.70.211.37"));
    assert_eq!(load.end(), 0);
}

/// A mistake that the command is asked to reload is the service's to tell, in its log and its metrics; and it reads its own
/// file, however that is called, and no other.
#[test]
fn a_reload_by_command_is_told_by_the_service() {
    let service = Service::start(&settings(3));
    let good = fs::read_to_string(service.config()).unwrap();
    for broken in ["[policy]\nlist-at = \"much\"\n", "[policy\n", "x = \n"] {
        fs::write(service.config(), format!("{good}{broken}")).unwrap();
        let from = log(service.folder.path()).len();
        let refused = reload(&service);
        assert!(refused.0 == Some(2) && refused.1.contains("firsthand.toml:"), "{refused:?}");
        assert!(log(service.folder.path())[from..].contains("were not reloaded"));
        assert_eq!(metric(&service, "firsthand_config_last_reload_successful"), 0.0);
        fs::write(service.config(), &good).unwrap();
        let done = reload(&service);
        assert!(done.0 == Some(0) && done.1.contains("firsthand.toml: reloaded; nothing is different"), "{done:?}");
        assert_eq!(metric(&service, "firsthand_config_last_reload_successful"), 1.0);
    }
    let (other, link) = (service.folder.path().join("b.toml"), service.folder.path().join("link.toml"));
    fs::write(&other, format!("{good}[rate-limit]\nslip = 3\n")).unwrap();
    symlink(service.config(), &link).unwrap();
    let ask = |arguments: &[&Path]| {
        let mut command = Command::new(FIRSTHAND);
        let output = command.current_dir(service.folder.path()).arg("reload").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let refused = ask(&["--config".as_ref(), "b.toml".as_ref()]);
    assert!(refused.0 == Some(2) && refused.1.contains("b.toml: this service goes by "), "{refused:?}");
    assert!(refused.1.contains("/firsthand.toml, and nothing was reloaded"), "{refused:?}");
    assert_eq!(ask(&["--config".as_ref(), "link.toml".as_ref()]).0, Some(0));
    assert_eq!(ask(&["--config".as_ref(), "no.toml".as_ref()]).0, Some(2));
}

/// No query is lost, what was acknowledged counts once, and what is listed stays listed, through three upgrades.
#[test]
fn an_upgrade_loses_nothing() {
    let own = tempfile::tempdir().unwrap();
    let file = own.path().join("manual");
    fs::write(&file, "26.1.1.1\n").unwrap();
    let manual = format!("[[list]]\nname = \"manual\"\ncode = \"127.0.0.20\"\nformat = \"ip4set\"\nfile = {file:?}\n");
    let settings = settings(3).replace("[dns]\n", "[dns]\nquery-log = \"queries.log\"\n");
    let service = Service::start(&(settings + &manual));
    let folder = service.folder.path();
    list(&service, LISTED, 1);
    let load = Load::start(service.dns);
    let tally = Arc::clone(&load.tally);
    let stop = AtomicBool::new(false);
    let (mut id, mut acknowledged) = (service.id(), Vec::new());
    let mut last: Option<Ended> = None;
    thread::scope(|scope| {
        // Samples that come all the while; one that is not acknowledged is none of ours.
        let submitting = scope.spawn(|| {
            let mut acknowledged = Vec::new();
            for number in 1000..3000 {
                let taken = service.submit("trap@d0.example", &message("83.70.211.50", number));
                if let Ok((202, taken)) = taken {
                    acknowledged.push(taken["sample"].as_str().unwrap().to_owned());
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            acknowledged
        });
        for round in 0..3 {
            let address = format!("83.70.212.{round}");
            for trap in 0..3 {
                let taken = service.submit(&format!("trap@d{trap}.example"), &message(&address, 100 * round + trap));
                assert_eq!(taken.unwrap().0, 202);
            }
            let from = log(folder).len();
            signal(id, "USR2");
            let line = wait_for_line(folder, from, "has taken over");
            id = successor(&line);
            // The one before has ended by itself.
            if let Some(gone) = last.replace(Ended(id)) {
                std::mem::forget(gone);
            }
            service.wait("to be listed", |service| service.lists(&address));
            assert!(service.lists(LISTED));
            // Samples come in between as well.
            thread::sleep(Duration::from_secs(1));
            assert_eq!(service.ask("1.1.1.26.manual.bl.example.", RecordType::A).1, ["127.0.0.20"]);
        }
        stop.store(true, Ordering::Relaxed);
        acknowledged = submitting.join().unwrap();
    });
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    let corrected = service.run("remove", &["83.70.212.0", "--reason", "the form is mended"]);
    assert_eq!(corrected.status.code(), Some(0), "the operator's socket: {corrected:?}");
    assert_eq!(load.end(), 0);
    // Four processes wrote into it, and at times two of them.
    let asked = tally.asked.load(Ordering::Relaxed) + tally.tcp_asked.load(Ordering::Relaxed);
    let queries = || fs::read_to_string(folder.join("queries.log")).unwrap();
    service.wait("a line for each query", |_| queries().lines().count() >= asked);
    let of_load = [LISTED, INNOCENT, TEST_ENTRY].map(harness::reversed);
    let is_of_load = |line: &&str| of_load.iter().any(|name| line.split(' ').nth(4) == name.strip_suffix('.'));
    assert!(queries().lines().filter(is_of_load).count() >= asked);
    for line in queries().lines() {
        assert!(line.starts_with("20") && line.split(' ').count() == 7, "{line}");
        assert!([" udp 127.0.0.0/24 ", " tcp 127.0.0.0/24 "].iter().any(|client| line.contains(client)), "{line}");
    }
    let ledger = rusqlite::Connection::open(service.ledger()).unwrap();
    for sample in &acknowledged {
        let kept: i64 = ledger
            .query_row("SELECT count(*) FROM facts WHERE lower(hex(sample)) = ?1 AND counted = 1", [sample], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(kept, 1, "{sample}");
    }
    for round in 0..3 {
        let counted: i64 = ledger
            .query_row("SELECT sum(samples) FROM units WHERE origin = ?1", [format!("83.70.212.{round}")], |row| {
                row.get(0)
            })
            .unwrap();
        assert_eq!(counted, 3);
    }
}

/// Whatever the new program is, the old one serves until a new one does.
#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let mut service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    service.kill();
    let program = service.folder.path().join("firsthand");
    let put = |target: &Path| {
        let aside = program.with_extension("new");
        let _ = fs::remove_file(&aside);
        symlink(target, &aside).unwrap();
        fs::rename(&aside, &program).unwrap();
    };
    put(Path::new(FIRSTHAND));
    service.restart();
    assert!(service.lists(LISTED));
    let load = Load::start(service.dns);
    let folder = service.folder.path();
    let upgrade = |what: &str| {
        let from = log(folder).len();
        signal(service.id(), "USR2");
        wait_for_line(folder, from, what)
    };
    put(Path::new("/bin/false"));
    upgrade("the upgrade failed");
    put(Path::new("/no/such/program"));
    upgrade("cannot be started");
    put(Path::new(FIRSTHAND));
    let good = fs::read_to_string(service.config()).unwrap();
    fs::write(service.config(), "[dns\n").unwrap();
    upgrade("the upgrade failed");
    fs::write(service.config(), &good).unwrap();
    // One that says nothing, killed.
    let slow = folder.join("slow");
    fs::write(&slow, "#!/bin/sh\necho $$ > \"$(dirname \"$0\")/slow.id\"\nexec sleep 60\n").unwrap();
    assert!(Command::new("chmod").arg("755").arg(&slow).status().unwrap().success());
    put(&slow);
    let from = log(folder).len();
    signal(service.id(), "USR2");
    service.wait("the slow one", |_| fs::read_to_string(folder.join("slow.id")).is_ok_and(|id| id.ends_with('\n')));
    // It may have read the settings already, so nobody is told that others are in force.
    let refused = reload(&service);
    assert!(refused.0 == Some(2) && refused.1.contains("an upgrade is under way"), "{refused:?}");
    let told = log(folder).len();
    signal(service.id(), "HUP");
    wait_for_line(folder, told, "an upgrade is under way");
    signal(fs::read_to_string(folder.join("slow.id")).unwrap().trim().parse().unwrap(), "KILL");
    wait_for_line(folder, from, "the upgrade failed");
    assert_eq!(reload(&service).0, Some(0));
    list(&service, "83.70.211.37", 2);
    assert_eq!(service.run("brake", &[]).status.code(), Some(0), "the operator's socket is the old one's");
    put(Path::new(FIRSTHAND));
    let _last = Ended(successor(&upgrade("has taken over")));
    assert!(service.lists(LISTED) && service.lists("83.70.211.37"));
    assert_eq!(load.end(), 0);
}

/// A request whose body never comes.
fn unfinished_request(service: &Service) -> TcpStream {
    let mut unfinished = TcpStream::connect(service.http).unwrap();
    let head = format!(
        "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nContent-Type: message/rfc822\r\nAuthorization: Bearer {TOKEN}\r\n\
         Firsthand-Trap: trap@d0.example\r\nContent-Length: 99\r\n\r\n"
    );
    unfinished.write_all(head.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(200));
    unfinished
}

/// Killed between the closing of the ledger by the old process and its opening by the new: another one is started.
#[test]
fn a_new_process_that_is_killed_midway_leaves_service() {
    let service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    let folder = service.folder.path();
    let load = Load::start(service.dns);
    // While it is open, the old process does not let go of the ledger.
    let _unfinished = unfinished_request(&service);
    let from = log(folder).len();
    signal(service.id(), "USR2");
    let first = successor(&wait_for_line(folder, from, "the new process answers"));
    signal(first, "KILL");
    let line = wait_for_line(folder, from, "has taken over");
    let _last = Ended(successor(&line));
    assert_ne!(successor(&line), first);
    assert!(log(folder)[from..].contains("it is started again"));
    assert!(service.lists(LISTED));
    list(&service, "83.70.211.37", 2);
    // What the killed one had just taken, it took along: a batch, and the one connection that asks at a time.
    let lost = load.end_after_a_kill();
    assert!(lost.0 <= 64 && lost.1 <= 1, "{lost:?}");
}

/// Killed once the new process answers, and before it was given the ledger: the new one takes it.
#[test]
fn an_old_process_that_is_killed_midway_leaves_service() {
    let service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    let folder = service.folder.path();
    let load = Load::start(service.dns);
    // While it is open, the old process does not let go of the ledger.
    let _unfinished = unfinished_request(&service);
    let from = log(folder).len();
    signal(service.id(), "USR2");
    let _last = Ended(successor(&wait_for_line(folder, from, "the new process answers")));
    signal(service.id(), "KILL");
    wait_for_line(folder, from, "took over");
    assert!(service.lists(LISTED));
    list(&service, "83.70.211.37", 2);
    assert_eq!(service.run("brake", &[]).status.code(), Some(0), "the operator's socket is the new one's");
    // What the killed one had just taken, it took along: a batch, and the one connection that asks at a time.
    let lost = load.end_after_a_kill();
    assert!(lost.0 <= 64 && lost.1 <= 1, "{lost:?}");
}

/// A correction that was acknowledged during an upgrade is in force after it, whoever took it.
#[test]
fn a_correction_during_an_upgrade_holds() {
    let service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    let folder = service.folder.path();
    let from = log(folder).len();
    signal(service.id(), "USR2");
    let began = Instant::now();
    loop {
        let corrected = service.run("exempt", &["add", LISTED, "--reason", "a customer"]);
        match corrected.status.code() {
            Some(0) => break,
            // Neither process had the ledger for the moment.
            Some(75) if began.elapsed() < 3 * PATIENCE => thread::sleep(Duration::from_millis(20)),
            _ => panic!("{corrected:?}"),
        }
    }
    let _last = Ended(successor(&wait_for_line(folder, from, "has taken over")));
    service.wait("to be off the list", |service| !service.lists(LISTED));
    thread::sleep(Duration::from_millis(500));
    assert!(!service.lists(LISTED));
}

/// Sockets as systemd holds them.
struct Held {
    udp: UdpSocket,
    tcp: TcpListener,
    http: TcpListener,
    notify: UnixDatagram,
    folder: tempfile::TempDir,
}

impl Held {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind(tcp.local_addr().unwrap()).unwrap();
        // ReceiveBuffer= of firsthand.socket.
        nix::sys::socket::setsockopt(&udp, nix::sys::socket::sockopt::RcvBufForce, &(8 << 20)).unwrap();
        let http = TcpListener::bind("127.0.0.1:0").unwrap();
        let notify = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        notify.set_read_timeout(Some(3 * PATIENCE)).unwrap();
        let (dns, web) = (tcp.local_addr().unwrap(), http.local_addr().unwrap());
        let listen = settings(3)
            .replace("[dns]\nlisten = [\"127.0.0.1:0\"]", &format!("[dns]\nlisten = [\"{dns}\"]"))
            .replace("[http]\nlisten = [\"127.0.0.1:0\"]", &format!("[http]\nlisten = [\"{web}\"]"));
        let data = folder.path().join("data");
        fs::write(folder.path().join("firsthand.toml"), format!("data = {data:?}\n{listen}")).unwrap();
        Self { udp, tcp, http, notify, folder }
    }

    /// Starts the program with the sockets from the third file on, in another order than the settings have them.
    fn start(&self) -> Child {
        let script = "exec 3<&0 4<&1 5<&2 </dev/null >/dev/null 2>>\"$1/log\"\n\
                      LISTEN_FDS=3 LISTEN_PID=$$ exec \"$2\" serve --config \"$1/firsthand.toml\"";
        let http: OwnedFd = self.http.try_clone().unwrap().into();
        let udp: OwnedFd = self.udp.try_clone().unwrap().into();
        let tcp: OwnedFd = self.tcp.try_clone().unwrap().into();
        Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(self.folder.path())
            .arg(FIRSTHAND)
            .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
            .stdin(http)
            .stdout(tcp)
            .stderr(udp)
            .spawn()
            .unwrap()
    }

    /// The next thing that the service manager is told.
    fn told(&self) -> String {
        let mut told = [0; 400];
        let length = self.notify.recv(&mut told).unwrap_or_else(|error| panic!("{error}: {}", log(self.folder.path())));
        String::from_utf8_lossy(&told[..length]).trim().to_owned()
    }
}

/// Restarts and an upgrade on sockets that the service manager holds: the questions wait for whoever comes next.
#[test]
fn a_restart_on_held_sockets_loses_nothing() {
    let held = Held::new();
    let mut child = held.start();
    let mut guard = Ended(child.id());
    assert_eq!(held.told(), "READY=1");
    let (dns, http) = (held.tcp.local_addr().unwrap(), held.http.local_addr().unwrap());
    for trap in 0..3 {
        let body = message(LISTED, trap);
        let head = format!(
            "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: message/rfc822\r\n\
             Authorization: Bearer {TOKEN}\r\nFirsthand-Trap: trap@d{trap}.example\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(http).unwrap();
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    }
    let listed = || {
        let answer = harness::ask(dns, &harness::reversed(LISTED), RecordType::A).unwrap();
        answer.answers.len() == 1
    };
    let began = Instant::now();
    while !listed() {
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    let load = Load::start(dns);
    for _ in 0..2 {
        signal(child.id(), "TERM");
        assert_eq!(held.told(), "STOPPING=1");
        assert!(child.wait().unwrap().success());
        child = held.start();
        guard.0 = child.id();
        assert_eq!(held.told(), "READY=1");
    }
    assert!(log(held.folder.path()).contains("DNS is answered from what was published last"));
    assert!(!log(held.folder.path()).contains("is in no setting"));
    signal(child.id(), "HUP");
    assert_eq!((held.told(), held.told()), ("RELOADING=1".to_owned(), "READY=1".to_owned()));
    signal(child.id(), "USR2");
    let told = held.told();
    let next: u32 = told.strip_prefix("MAINPID=").unwrap_or_else(|| panic!("{told}")).parse().unwrap();
    assert!(child.wait().unwrap().success());
    guard.0 = next;
    assert_eq!(load.end(), 0);
    assert!(listed());
}

/// G8: what is served before the publisher runs is believed no longer than its publisher was heard of.
#[test]
fn a_zone_that_is_too_old_waits_for_the_ledger() {
    let mut service = Service::start(&settings(3));
    list(&service, LISTED, 1);
    service.kill();
    let (folder, heard) = (service.folder.path().to_owned(), service.folder.path().join("data/zone.heard"));
    let text = fs::read_to_string(&heard).unwrap();
    let (epoch, at) = text.trim().split_once(' ').unwrap();
    let at: i64 = at.parse().unwrap();
    for (kept, early) in [
        (format!("{epoch} {at}\n"), true),
        (format!("{epoch} {}\n", at - 3700), false),
        (format!("{epoch} {}\n", at + 3700), false),
        (format!("otherepoch {at}\n"), false),
        (format!("{epoch} {at}"), false),
        (String::new(), false),
    ] {
        fs::write(&heard, &kept).unwrap();
        let from = log(&folder).len();
        service.restart();
        let said = log(&folder)[from..].contains("DNS is answered from what was published last");
        assert_eq!(said, early, "{kept:?}");
        assert!(service.lists(LISTED), "{kept:?}");
        service.kill();
    }
}

/// The units are what systemd takes, and their sockets are those of the default settings.
#[test]
fn the_units_are_sound() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for name in ["firsthand.service", "firsthand.socket"] {
        let path = folder.path().join(name);
        let text = fs::read_to_string(units.join(name)).unwrap().replace("/usr/bin/firsthand", FIRSTHAND);
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let output = Command::new("systemd-analyze").arg("verify").args(&paths).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && !said.contains("firsthand."), "{said}");
    let has = |at: usize, line: &str| fs::read_to_string(&paths[at]).unwrap().lines().any(|found| found == line);
    // An address that comes late must not leave the service failed for good.
    assert!(has(0, "StartLimitIntervalSec=0") && has(0, "Restart=on-failure") && has(1, "FreeBind=yes"));
    let sockets = fs::read_to_string(&paths[1]).unwrap();
    for line in ["ListenDatagram=127.0.0.1:5300", "ListenStream=127.0.0.1:5300", "ListenStream=127.0.0.1:8080"] {
        assert!(sockets.lines().any(|found| found == line), "{line}");
    }
}
