//! An SMTP client at an address of its choice, and what hostile ones say.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::harness::alone::PATIENCE;
use crate::world::OWN;

/// The reply that decided, with its lines joined.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    pub(crate) text: String,
}

/// How somebody tries to have an innocent listed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attack {
    /// HELO as an address literal of the innocent's.
    Literal,
    /// HELO in the form of what an MTA writes of its peer.
    Grammar,
    /// Lines below the MTA's, in its own form and by its own name.
    Lines,
    /// A message that begins with a fold, which some MTAs append to their own line.
    Fold,
    /// Another message behind a dot between bare line feeds.
    Smuggled,
    /// A bounce, which lists nobody for spam, with lines of its own.
    Bounce,
}

impl Attack {
    pub(crate) const ALL: [Self; 6] =
        [Self::Literal, Self::Grammar, Self::Lines, Self::Fold, Self::Smuggled, Self::Bounce];

    /// Sends a message from `guilty` that blames `blamed` to a recipient; an MTA may refuse it.
    pub(crate) fn send(self, guilty: &str, blamed: &str, recipient: &str, port: u16) -> Reply {
        let tagged = if blamed.contains(':') { format!("IPv6:{blamed}") } else { blamed.to_owned() };
        let literal = format!("[{tagged}]");
        let forged = [
            format!(
                "Received: from mail.innocent.example (mail.innocent.example [{tagged}])\r\n\
                 \tby mx1.traps.example (Postfix) with ESMTP id 4T3X2c1Qz2z9s\r\n\
                 \tfor <{recipient}>; Thu, 26 Nov 2026 07:00:00 +0000 (UTC)\r\n"
            ),
            format!(
                "Received: from [{blamed}] (helo=mail.innocent.example)\r\n\
                 \tby mx1.traps.example with esmtp (Exim 4.96)\r\n\
                 \t(envelope-from <a@sender.example>)\r\n\tid 1tFxyz-000000-00\r\n\
                 \tfor {recipient};\r\n\tThu, 26 Nov 2026 07:00:00 +0000\r\n"
            ),
            format!(
                "Received: from mail.innocent.example (<unknown> [{tagged}])\r\n\
                 \tby mx1.traps.example (OpenSMTPD) with ESMTP id 1234abcd\r\n\
                 \tfor <{recipient}>;\r\n\tThu, 26 Nov 2026 07:00:00 +0000 (UTC)\r\n"
            ),
        ]
        .concat();
        let mail = |top: &str| {
            format!(
                "{top}From: a@sender.example\r\nTo: {recipient}\r\nSubject: {self:?} from {guilty}\r\n\
                 Message-Id: <{self:?}.{port}@sender.example>\r\nX-Originating-IP: {literal}\r\n\r\nGood day.\r\n"
            )
        };
        let sender = "a@sender.example";
        let quoted = format!("\"x [{blamed}]) by mx1.traps.example (Postfix\"@sender.example");
        let smuggled = format!(
            "{}\r\nGood day.\n.\nMAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n{forged}Subject: smuggled\r\n\r\nx\r\n",
            mail("")
        );
        match self {
            Self::Literal => offer(guilty, &literal, sender, &[recipient], &mail(""), port),
            Self::Grammar => {
                let helo = format!("x([{tagged}])by_mx1.traps.example");
                offer(guilty, &helo, &quoted, &[recipient], &mail(&forged), port)
            }
            Self::Lines => offer(guilty, "mx1.traps.example", sender, &[recipient], &mail(&forged), port),
            Self::Fold => {
                let fold = format!(" ([{tagged}]) by mx1.traps.example (Postfix); Thu, 26 Nov 2026 07:00:00 +0000\r\n");
                offer(guilty, "mail.sender.example", sender, &[recipient], &mail(&(fold + &forged)), port)
            }
            Self::Smuggled => offer(guilty, "mail.sender.example", sender, &[recipient], &smuggled, port),
            Self::Bounce => {
                let bounce =
                    mail(&forged).replace("Subject: ", "Auto-Submitted: auto-replied\r\nSubject: Undelivered: ");
                offer(guilty, "mail.sender.example", "", &[recipient], &bounce, port)
            }
        }
    }
}

/// Offers a message from an address to the MTA on a port of this machine, in that address' family: the first reply that
/// refuses something, or the one that takes the message. Dots are not stuffed, as a hostile client would not.
pub(crate) fn offer(from: &str, helo: &str, sender: &str, recipients: &[&str], message: &str, port: u16) -> Reply {
    let mut session = Session::open(from, port);
    let greeting = session.reply();
    if greeting.code >= 400 {
        return greeting;
    }
    let mut last = greeting;
    let mut commands = vec![format!("EHLO {helo}"), format!("MAIL FROM:<{sender}>")];
    commands.extend(recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>")));
    commands.extend(["DATA".to_owned(), format!("{message}.")]);
    for (number, said) in commands.iter().enumerate() {
        session.say(said);
        last = session.reply();
        if number == 0 && last.code >= 400 {
            // Whose name is refused is an honest client from then on.
            session.say("EHLO mail.sender.example");
            last = session.reply();
        }
        if last.code >= 400 {
            break;
        }
    }
    session.say("QUIT");
    last
}

/// Offers an ordinary message from an address.
pub(crate) fn offer_mail(from: &str, recipients: &[&str], port: u16) -> Reply {
    offer(from, "mail.sender.example", "a@sender.example", recipients, "Subject: Good day\r\n\r\nGood day.\r\n", port)
}

struct Session {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Session {
    fn open(from: &str, port: u16) -> Self {
        let from: IpAddr = from.parse().unwrap();
        let to = SocketAddr::new(OWN[usize::from(from.is_ipv6())].parse().unwrap(), port);
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { lines: BufReader::new(stream.try_clone().unwrap()), stream }
    }

    fn say(&mut self, line: &str) {
        // The server may have hung up on whom it refuses.
        let _ = self.stream.write_all(format!("{line}\r\n").as_bytes());
    }

    fn reply(&mut self) -> Reply {
        let mut texts = Vec::new();
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            let Some(code) = line.get(..3).and_then(|code| code.parse().ok()) else {
                return Reply { code: 421, text: format!("no reply: {line:?} after {texts:?}") };
            };
            texts.push(line.get(4..).unwrap_or_default().trim_end().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Reply { code, text: texts.join(" ") };
            }
        }
    }
}

/// Whether a server is there.
pub(crate) fn greets(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect((OWN[0], port)) else { return false };
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).is_ok_and(|_| line.starts_with("220"))
}
