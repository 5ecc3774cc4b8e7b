//! An SMTP client at an address of its choice, and what a server answers it.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::network::{BACKSCATTER, LISTED, PAGE, PATIENCE, UNLISTED};

/// An ordinary envelope sender.
const SENDER: &str = "a@sender.example";

/// The reply that decided, with its lines joined.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) text: String,
}

/// Offers a message, with this envelope sender, from an address to the server on a port of the loopback, in that address'
/// family: the first reply that refuses something, or the one that takes the message.
fn offer(from: &str, sender: &str, port: u16) -> Reply {
    let from: IpAddr = from.parse().unwrap();
    let server: IpAddr = if from.is_ipv6() { "::1" } else { "127.0.0.1" }.parse().unwrap();
    let to = SocketAddr::new(server, port);
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    let mut last = reply(&mut lines);
    let sender = format!("MAIL FROM:<{sender}>");
    let message = "From: a@sender.example\r\nSubject: Good day\r\n\r\nGood day.\r\n.";
    for said in ["EHLO mail.sender.example", &sender, "RCPT TO:<b@receiver.example>", "DATA", message] {
        if last.code >= 400 {
            break;
        }
        stream.write_all(format!("{said}\r\n").as_bytes()).unwrap();
        last = reply(&mut lines);
    }
    // The server may have hung up on whom it refuses.
    let _ = stream.write_all(b"QUIT\r\n");
    last
}

fn reply(lines: &mut impl BufRead) -> Reply {
    let mut texts = Vec::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let code = line.get(..3).and_then(|code| code.parse().ok());
        let code = code.unwrap_or_else(|| panic!("no reply: {line:?} after {texts:?}"));
        texts.push(line[4..].trim_end().to_owned());
        if line.as_bytes()[3] != b'-' {
            return Reply { code, text: texts.join(" ") };
        }
    }
}

/// Whether a server is there.
pub(crate) fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).is_ok_and(|_| line.starts_with("220"))
}

/// Over IPv4 and IPv6: the server refuses what comes from a listed address with `code`, naming the address and the page, and
/// takes what comes from an address next to it.
pub(crate) fn refuses_what_is_listed(port: u16, code: u16) {
    std::thread::scope(|scope| {
        for (listed, unlisted) in LISTED.into_iter().zip(UNLISTED) {
            scope.spawn(move || {
                let refused = offer(listed, SENDER, port);
                assert_eq!(refused.code, code, "{listed}: {refused:?}");
                let page = format!("{PAGE}{listed}");
                for part in [listed, "bl.example", &page] {
                    assert!(refused.text.contains(part), "{part}: {refused:?}");
                }
            });
            scope.spawn(move || {
                let taken = offer(unlisted, SENDER, port);
                assert_eq!(taken.code, 250, "{unlisted}: {taken:?}");
            });
        }
    });
}

/// The server refuses what comes from an address in `backscatter` with the null sender, and with `code`, and takes other
/// mail from it; and what comes with the null sender from others.
pub(crate) fn refuses_backscatter(port: u16, code: u16) {
    let refused = offer(BACKSCATTER, "", port);
    assert_eq!(refused.code, code, "{refused:?}");
    assert!(refused.text.contains(&format!("{PAGE}{BACKSCATTER}")), "{refused:?}");
    for (from, sender) in [(BACKSCATTER, SENDER), (UNLISTED[0], ""), (UNLISTED[1], "")] {
        let taken = offer(from, sender, port);
        assert_eq!(taken.code, 250, "{from} {sender}: {taken:?}");
    }
}
