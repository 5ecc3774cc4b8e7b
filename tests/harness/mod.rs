//! A service of its own for each test: free ports, a data folder that goes when the test ends, a process that is ended
//! by its id. Shared by the tests that ask questions of the whole.
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

pub(crate) mod alone;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// The program that was built for these tests.
pub(crate) const FIRSTHAND: &str = env!("CARGO_BIN_EXE_firsthand");

/// The token of the feed in [`settings`].
pub(crate) const TOKEN: &str = "a-token-for-tests-only";

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running service.
pub(crate) struct Service {
    child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) dns: SocketAddr,
    pub(crate) http: SocketAddr,
    /// What it said of its listeners.
    pub(crate) announced: Vec<String>,
}

/// Settings with one Postfix relay, one feed, and `traps` traps in as many domains (`trap@dN.example`).
pub(crate) fn settings(traps: usize) -> String {
    let mut text = format!(
        "[dns]\nlisten = [\"127.0.0.1:0\"]\n[http]\nlisten = [\"127.0.0.1:0\"]\n\
         [[relay]]\nname = \"mx1\"\nhosts = [\"mx1.example.net\"]\nnetworks = [\"10.9.0.10/32\"]\ndialect = \"postfix\"\n\
         [[feed]]\nname = \"traps\"\ntoken = \"{TOKEN}\"\nrelays = [\"mx1\"]\n"
    );
    for trap in 0..traps {
        text += &format!("[[trap]]\naddress = \"trap@d{trap}.example\"\n");
    }
    text
}

/// A message that our relay took from `peer`, with `number` to tell it from others.
pub(crate) fn message(peer: &str, number: usize) -> Vec<u8> {
    format!(
        "Received: from mail.sender.example (unknown [{peer}])\n\tby mx1.example.net (Postfix) with ESMTP id {number:010X}\n\
         \tfor <trap@d0.example>; Mon, 23 Nov 2026 22:02:47 +0000 (UTC)\nSubject: {number}\n\nbody\n"
    )
    .into_bytes()
}

impl Service {
    /// Starts a service with these settings.
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_with(settings, |_| {})
    }

    /// Starts a service with these settings, beside which `prepare` has put what they name.
    pub(crate) fn start_with(settings: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let data = folder.path().join("data");
        fs::write(folder.path().join("firsthand.toml"), format!("data = {data:?}\n{settings}")).unwrap();
        let (child, dns, http, announced) = spawn(folder.path());
        Self { child, folder, dns, http, announced }
    }

    /// Ends it at once (SIGKILL) and starts it again on the same data.
    pub(crate) fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    /// Starts it again on the same data, after it was ended.
    pub(crate) fn restart(&mut self) {
        (self.child, self.dns, self.http, self.announced) = spawn(self.folder.path());
    }

    /// Ends it at once (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself, and says how.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The settings file.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("firsthand.toml")
    }

    /// The ledger's file.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.path().join("data/ledger.sqlite")
    }

    /// Hands in a sample; the status and body of the answer.
    pub(crate) fn submit(&self, trap: &str, message: &[u8]) -> std::io::Result<(u16, serde_json::Value)> {
        self.submit_with(&[("Authorization", &format!("Bearer {TOKEN}")), ("Firsthand-Trap", trap)], message)
    }

    /// Posts a sample with these headers.
    pub(crate) fn submit_with(
        &self,
        headers: &[(&str, &str)],
        message: &[u8],
    ) -> std::io::Result<(u16, serde_json::Value)> {
        let mut request = format!(
            "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: message/rfc822\r\nContent-Length: {}\r\n",
            message.len()
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let (status, body) = exchange(self.http, &[request.as_bytes(), b"\r\n", message].concat())?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    /// Posts the head of a sample that is said to have `length` octets, and none of them; the status of the answer.
    pub(crate) fn post_unfinished(&self, headers: &[(&str, &str)], length: usize) -> u16 {
        let mut request = format!(
            "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nContent-Type: message/rfc822\r\nContent-Length: {length}\r\n"
        );
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(b"\r\n").unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
    }

    /// Gets a page.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let (status, body) = exchange(self.http, request.as_bytes()).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// One HTTP request with these headers; the status and body of the answer.
    pub(crate) fn exchange(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let length = body.len();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let (status, body) = exchange(self.http, format!("{request}\r\n{body}").as_bytes()).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// Asks the zone over UDP: the response code and the records' data as text.
    pub(crate) fn ask(&self, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
        let message = ask(self.dns, name, kind).unwrap();
        (message.metadata.response_code, message.answers.iter().map(|record| text(&record.data)).collect())
    }

    /// Whether the zone lists an IPv4 address.
    pub(crate) fn lists(&self, address: &str) -> bool {
        let (code, records) = self.ask(&reversed(address), RecordType::A);
        assert!(matches!(code, ResponseCode::NoError | ResponseCode::NXDomain), "{code}");
        records == ["127.0.0.2"]
    }

    /// Waits until `done` holds.
    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs the program on this service's settings.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let config = self.config();
        Command::new(FIRSTHAND).arg(command).arg("--config").arg(config).args(arguments).output().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // The process may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a name server over UDP, recursion desired.
pub(crate) fn ask(server: SocketAddr, name: &str, kind: RecordType) -> std::io::Result<Message> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut query = Message::query();
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    query.metadata.recursion_desired = true;
    let query = query.to_vec().unwrap();
    socket.send(&query)?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer)?;
    let message = Message::from_vec(&answer[..length]).unwrap();
    if !message.metadata.truncation {
        return Ok(message);
    }
    // What does not fit is had over TCP, as every client does (RFC 7766 section 5).
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&[&(query.len() as u16).to_be_bytes()[..], &query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    answer.resize(usize::from(u16::from_be_bytes(length)), 0);
    stream.read_exact(&mut answer)?;
    Ok(Message::from_vec(&answer).unwrap())
}

/// The data of a record.
pub(crate) fn text(data: &RData) -> String {
    match data {
        RData::A(address) => address.0.to_string(),
        RData::TXT(text) => text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect(),
        other => other.to_string(),
    }
}

/// `4.3.2.1.bl.example.` for 1.2.3.4.
pub(crate) fn reversed(address: &str) -> String {
    let octets: Vec<&str> = address.split('.').rev().collect();
    format!("{}.bl.example.", octets.join("."))
}

fn spawn(folder: &Path) -> (Child, SocketAddr, SocketAddr, Vec<String>) {
    let logs = fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    // A test may put a program of its own there.
    let own = folder.join("firsthand");
    let program = if own.exists() { own } else { PathBuf::from(FIRSTHAND) };
    let mut child = Command::new(program)
        .args(["serve", "--config"])
        .arg(folder.join("firsthand.toml"))
        .stdout(Stdio::piped())
        .stderr(logs)
        .spawn()
        .unwrap();
    let (mut dns, mut http, mut announced) = (None, None, Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        announced.push(line.clone());
        if let Some((_, rest)) = line.split_once("DNS on ") {
            dns = rest.split(' ').next().unwrap().parse().ok();
        } else if let Some((_, rest)) = line.split_once("HTTP on http://") {
            http = rest.parse().ok();
        } else if line.contains("data in") {
            break;
        }
    }
    let found = dns.zip(http);
    let (dns, http) = found.unwrap_or_else(|| panic!("no start: {}", fs::read_to_string(folder.join("log")).unwrap()));
    (child, dns, http, announced)
}

fn exchange(server: SocketAddr, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let broken = || std::io::Error::other("no whole answer");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(broken)?;
    let status = std::str::from_utf8(answer.get(9..12).ok_or_else(broken)?).map_err(|_| broken())?;
    let status = status.parse().map_err(|_| broken())?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let body = answer[end + 4..].to_vec();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    if length.is_some_and(|length| length != body.len()) {
        return Err(broken());
    }
    Ok((status, body))
}
