//! Who offers messages, each over a connection of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::harness::{PATIENCE, Service, TOKEN};
use crate::message;

/// Somebody who offers messages.
pub(crate) trait Sender {
    fn connect(service: &Service) -> Self
    where
        Self: Sized;

    /// Offers the next message or messages, and notes how long each took until it was acknowledged.
    fn send(&mut self, next: &AtomicUsize, waits: &mut Vec<Duration>);
}

fn open(address: std::net::SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("the service listens");
    stream.set_nodelay(true).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    BufReader::with_capacity(64 << 10, stream)
}

/// A message a request.
pub(crate) struct Http(BufReader<TcpStream>);

impl Sender for Http {
    fn connect(service: &Service) -> Self {
        Self(open(service.http))
    }

    fn send(&mut self, next: &AtomicUsize, waits: &mut Vec<Duration>) {
        let (trap, message) = message(next.fetch_add(1, Ordering::Relaxed));
        let head = format!(
            "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nFirsthand-Trap: {trap}\r\n\
             Content-Type: message/rfc822\r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        let began = Instant::now();
        self.0.get_mut().write_all(&[head.as_bytes(), &message].concat()).expect("it is read");
        assert!(answer(&mut self.0, 202).contains("\"evidence\""));
        waits.push(began.elapsed());
    }
}

/// A hundred a request.
pub(crate) struct Batches(BufReader<TcpStream>);

impl Sender for Batches {
    fn connect(service: &Service) -> Self {
        Self(open(service.http))
    }

    fn send(&mut self, next: &AtomicUsize, waits: &mut Vec<Duration>) {
        const LINES: usize = 100;
        let first = next.fetch_add(LINES, Ordering::Relaxed);
        let mut body = String::new();
        for number in first..first + LINES {
            let (trap, message) = message(number);
            body += &format!("{{\"trap\":\"{trap}\",\"message\":\"{}\"}}\n", STANDARD.encode(message));
        }
        let head = format!(
            "POST /api/v1/samples HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/jsonl\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let began = Instant::now();
        self.0.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat()).expect("it is read");
        assert_eq!(answer(&mut self.0, 200).matches("\"status\":202").count(), LINES);
        waits.extend([began.elapsed(); LINES]);
    }
}

/// The body of an answer, whose status this must be.
fn answer(stream: &mut BufReader<TcpStream>, status: u16) -> String {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let begin = head.len();
        stream.read_line(&mut head).expect("an answer");
        let line = head[begin..].trim_end().to_ascii_lowercase();
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a whole answer");
    let body = String::from_utf8(body).expect("text");
    assert!(head.contains(&format!(" {status} ")), "{head}{body}");
    body
}

/// A message a transaction, as Postfix delivers; `PIPELINED`: with the envelope sent at once.
pub(crate) struct Lmtp<const PIPELINED: bool>(BufReader<TcpStream>);

impl<const PIPELINED: bool> Sender for Lmtp<PIPELINED> {
    fn connect(service: &Service) -> Self {
        let said = service.announced.iter().find_map(|line| line.split_once("lmtp on ")).expect("an LMTP listener");
        let mut stream = open(said.1.parse().expect("an address"));
        reply(&mut stream, "220");
        stream.get_mut().write_all(b"LHLO mx1.example.net\r\n").expect("it is read");
        reply(&mut stream, "250");
        Self(stream)
    }

    fn send(&mut self, next: &AtomicUsize, waits: &mut Vec<Duration>) {
        let (trap, message) = message(next.fetch_add(1, Ordering::Relaxed));
        let commands = [
            "MAIL FROM:<offers@sender.example>\r\n".to_owned(),
            format!("RCPT TO:<{trap}>\r\n"),
            "DATA\r\n".to_owned(),
        ];
        let began = Instant::now();
        if PIPELINED {
            self.0.get_mut().write_all(commands.concat().as_bytes()).expect("it is read");
        }
        for (command, code) in commands.iter().zip(["250", "250", "354"]) {
            if !PIPELINED {
                self.0.get_mut().write_all(command.as_bytes()).expect("it is read");
            }
            reply(&mut self.0, code);
        }
        self.0.get_mut().write_all(&[&message, b".\r\n".as_slice()].concat()).expect("it is read");
        reply(&mut self.0, "250");
        waits.push(began.elapsed());
    }
}

fn reply(stream: &mut BufReader<TcpStream>, code: &str) {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).expect("a reply");
        assert!(line.starts_with(code), "{line:?} instead of {code}");
        if line.as_bytes().get(3) != Some(&b'-') {
            return;
        }
    }
}
