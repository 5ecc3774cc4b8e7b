//! One SMTP or LMTP session without its sockets (RFC 5321, RFC 2033): octets in, replies and events out.
//!
//! Enters: what the client sends, in any pieces, and what is decided of its recipients. Leaves: replies, in their order, and
//! [`Event`]s; to a whole message whoever drives the session replies itself. What it holds is bounded: a line, the recipients of
//! a transaction, and what was not yet taken of its replies.
//!
//! Lines end in CRLF. A bare LF ends the session: our MTAs send none, and where another server passes on what a stranger
//! wrote, two readers that see different lines are how a stranger gets a word in (SMTP smuggling). Where a message ends is
//! [`super::data`]'s to say, or a chunk's own length (RFC 3030).

use firsthand_analyzer::sample::MESSAGE_LIMIT;
use memchr::memchr;

use super::attributes::{self, Stated, XCLIENT, XFORWARD};
use super::command::{self, Command, command};
use super::data::{DataReader, Piece};
use super::reply::{self, Reply};

/// The longest command line with its CRLF: the 512 octets of RFC 5321 §4.5.3.1.4, and what extensions add to them (RFC 6531
/// §3.4; XFORWARD).
pub const LINE_MAX: usize = 2048;
/// The longest address, in octets: 64 of a local part and 255 of a domain (RFC 5321 §4.5.3.1).
const ADDRESS_MAX: usize = 320;
/// The most recipients of a transaction for an MTA of ours, and the most that anybody may ask for.
const RECIPIENTS: usize = 1000;
/// The most for strangers, which is the least that RFC 5321 §4.5.3.1.8 allows.
const RECIPIENTS_OF_STRANGERS: usize = 100;
/// Commands that cannot be read, after which the session ends.
const BAD_COMMANDS: usize = 20;
/// Commands without a message, after which it ends: for strangers, and for an MTA of ours, whose recipients may all be
/// unknown here.
const IDLE_COMMANDS: usize = 100;
const IDLE_COMMANDS_OF_OURS: usize = 2000;
/// Messages of one session.
const MESSAGES: usize = 1000;
/// What is read of a message that is too large, to the end, so that its client can be told.
const READ_MAX: usize = 2 * MESSAGE_LIMIT;

/// What kind of session it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// LMTP: LHLO, and a reply for each recipient of a message.
    pub lmtp: bool,
    /// The clients are strangers, whose senders are taken however they are written.
    pub strangers: bool,
    /// The client may tell by XCLIENT for whom it speaks.
    pub xclient: bool,
    /// The name in the greeting.
    pub hostname: String,
}

/// What a client has done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event<'i> {
    /// Begun a transaction.
    Begun,
    /// Named a recipient; [`Session::answer`] is to be called next.
    Recipient(String),
    /// Sent octets of the message, at least one.
    Octets(&'i [u8]),
    /// Done with the transaction, or sent more than is taken: what came of the message is not needed.
    Dropped,
    /// Sent a whole message, to which a reply is owed, or one for each recipient in LMTP.
    Message(Delivery),
}

/// What is decided of a recipient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It is accepted.
    Kept,
    /// It is told to be, and nothing is kept of it.
    Unkept,
    /// It is not.
    Refused(Reply),
}

/// A whole message, but for its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The reverse-path; empty for the null sender.
    pub mail_from: String,
    /// The recipients that are kept.
    pub recipients: Vec<String>,
    /// How many recipients the client was told are accepted, kept or not.
    pub accepted: usize,
    /// The octets of the message.
    pub size: usize,
    /// What XFORWARD said of the client for this transaction.
    pub forwarded: Option<Stated>,
    /// It was larger than is taken, and what came of it was dropped.
    pub too_large: bool,
}

/// Where a session is.
#[derive(Debug)]
enum Phase {
    Commands,
    Data(DataReader),
    Chunk(Chunk),
    Closed,
}

/// A chunk of BDAT.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    left: u64,
    last: bool,
    /// What is replied to it, if it is read in vain.
    vain: Option<Reply>,
}

#[derive(Debug, Default)]
struct Transaction {
    mail_from: String,
    recipients: Vec<String>,
    /// How many were asked for, and accepted.
    asked: usize,
    accepted: usize,
    /// The octets of the message that came.
    size: usize,
    /// It comes by BDAT.
    chunks: bool,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    rules: Rules,
    phase: Phase,
    line: Vec<u8>,
    replies: Vec<u8>,
    greeted: bool,
    transaction: Option<Transaction>,
    asked: Option<String>,
    forwarded: Option<Stated>,
    client: Option<Stated>,
    commands: u64,
    bad: usize,
    idle: usize,
    messages: usize,
}

impl Session {
    /// A session whose client is greeted.
    pub fn new(rules: Rules) -> Self {
        let mut session = Self {
            rules,
            phase: Phase::Commands,
            line: Vec::new(),
            replies: Vec::new(),
            greeted: false,
            transaction: None,
            asked: None,
            forwarded: None,
            client: None,
            commands: 0,
            bad: 0,
            idle: 0,
            messages: 0,
        };
        session.greet();
        session
    }

    /// Reads from the front of `input`, and takes away what it read; none when all was read, or the session is closed.
    pub fn next<'i>(&mut self, input: &mut &'i [u8]) -> Option<Event<'i>> {
        // Whoever decides nothing accepts nothing.
        self.answer(Admission::Refused(reply::UNKNOWN_RECIPIENT));
        loop {
            let event = match &mut self.phase {
                Phase::Closed => return None,
                Phase::Commands => self.read_line(input)?,
                Phase::Data(reader) => match reader.read(input) {
                    Piece::Octets(octets) => self.octets(octets),
                    Piece::End => self.message(),
                    Piece::More => return None,
                },
                Phase::Chunk(chunk) => match chunk.left {
                    0 => self.end_of_chunk(),
                    _ if input.is_empty() => return None,
                    left => {
                        let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                        chunk.left -= length as u64;
                        let vain = chunk.vain.is_some();
                        let (octets, rest) = input.split_at(length);
                        *input = rest;
                        if vain { None } else { self.octets(octets) }
                    }
                },
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// Answers the recipient that was asked about, if one was.
    pub fn answer(&mut self, admission: Admission) {
        let Some(address) = self.asked.take() else { return };
        let Some(transaction) = &mut self.transaction else { return };
        let reply = match admission {
            Admission::Refused(reply) => reply,
            Admission::Kept | Admission::Unkept => {
                transaction.accepted += 1;
                if admission == Admission::Kept {
                    transaction.recipients.push(address);
                }
                reply::RECIPIENT_OK
            }
        };
        reply.put(&mut self.replies);
    }

    /// Ends the session with a reply, unless it has ended.
    pub fn close(&mut self, reply: Reply) {
        if !self.is_closed() {
            reply.put(&mut self.replies);
            self.transaction = None;
            self.phase = Phase::Closed;
        }
    }

    /// The replies that wait, which are to be sent before whatever is replied to the event that was told last.
    pub fn replies(&mut self) -> &mut Vec<u8> {
        &mut self.replies
    }

    /// Whether nothing more is read.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether a message is on its way.
    pub fn in_message(&self) -> bool {
        let chunks = self.transaction.as_ref().is_some_and(|transaction| transaction.chunks);
        chunks || matches!(self.phase, Phase::Data(_) | Phase::Chunk(_))
    }

    /// The commands so far.
    pub fn commands(&self) -> u64 {
        self.commands
    }

    /// What XCLIENT said of the client.
    pub fn client(&self) -> Option<Stated> {
        self.client
    }

    fn greet(&mut self) {
        let protocol = if self.rules.lmtp { "LMTP" } else { "ESMTP" };
        self.replies.extend_from_slice(format!("220 {} {protocol}\r\n", self.rules.hostname).as_bytes());
    }

    fn say(&mut self, reply: Reply) -> Option<Event<'static>> {
        reply.put(&mut self.replies);
        None
    }

    /// Replies to what cannot be read, or was not offered.
    fn bad(&mut self, reply: Reply) -> Option<Event<'static>> {
        self.bad += 1;
        self.say(reply);
        if self.bad >= BAD_COMMANDS {
            self.close(reply::TOO_MANY_BAD);
        }
        None
    }

    /// Counts a command that brings no message; whether it was one too many.
    fn idles(&mut self) -> bool {
        self.idle += 1;
        let most = if self.rules.strangers { IDLE_COMMANDS } else { IDLE_COMMANDS_OF_OURS };
        if self.idle > most {
            self.close(reply::TOO_MANY_IDLE);
        }
        self.is_closed()
    }

    /// Takes one line from the input and obeys it; the outer none: there is no whole one.
    fn read_line(&mut self, input: &mut &[u8]) -> Option<Option<Event<'static>>> {
        let Some(end) = memchr(b'\n', input) else {
            if self.line.len() + input.len() >= LINE_MAX {
                // Where the next command would begin is not known.
                self.close(reply::LINE_TOO_LONG);
            } else {
                self.line.extend_from_slice(input);
                *input = &[];
            }
            return None;
        };
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(&input[..end]);
        *input = &input[end + 1..];
        let event = self.obey(&line);
        line.clear();
        self.line = line;
        Some(event)
    }

    fn obey(&mut self, line: &[u8]) -> Option<Event<'static>> {
        if line.len() >= LINE_MAX {
            self.close(reply::LINE_TOO_LONG);
            return None;
        }
        let Some(line) = line.strip_suffix(b"\r") else {
            self.close(reply::BARE_LF);
            return None;
        };
        self.commands += 1;
        let command = command(line);
        if self.messages >= MESSAGES && command != Command::Quit {
            self.close(reply::ENOUGH);
            return None;
        }
        let brings_message = matches!(command, Command::Rcpt(_) | Command::Data(_) | Command::Bdat(_) | Command::Quit);
        if !brings_message && self.idles() {
            return None;
        }
        if line.iter().any(|byte| matches!(byte, b'\r' | 0)) {
            return self.bad(reply::BAD_OCTET);
        }
        match command {
            Command::Lhlo if self.rules.lmtp => self.hello(true),
            Command::Ehlo if !self.rules.lmtp => self.hello(true),
            Command::Helo if !self.rules.lmtp => self.hello(false),
            Command::Mail(arguments) => self.mail(arguments),
            Command::Rcpt(arguments) => self.rcpt(arguments),
            Command::Data(arguments) => self.data(arguments),
            Command::Bdat(arguments) => self.bdat(arguments),
            Command::Rset => {
                self.say(reply::OK);
                self.reset()
            }
            Command::Noop => self.say(reply::OK),
            Command::Vrfy => self.say(reply::NO_VERIFY),
            Command::Help => self.say(reply::HELP),
            Command::Quit => {
                self.close(reply::BYE);
                None
            }
            Command::Xforward(arguments) if !self.rules.strangers => self.xforward(arguments),
            Command::Xclient(arguments) if self.rules.xclient => self.xclient(arguments),
            _ => self.bad(reply::UNKNOWN_COMMAND),
        }
    }

    /// Forgets the transaction, and what XFORWARD said for it.
    fn reset(&mut self) -> Option<Event<'static>> {
        self.forwarded = None;
        self.transaction.take().map(|_| Event::Dropped)
    }

    fn hello(&mut self, extended: bool) -> Option<Event<'static>> {
        self.greeted = true;
        let hostname = &self.rules.hostname;
        let text = if extended {
            let mut offers =
                vec![hostname.clone(), "PIPELINING".into(), format!("SIZE {MESSAGE_LIMIT}"), "8BITMIME".into()];
            offers.extend(["SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING"].map(String::from));
            if !self.rules.strangers {
                offers.push(format!("XFORWARD {}", XFORWARD.join(" ")));
            }
            if self.rules.xclient {
                offers.push(format!("XCLIENT {}", XCLIENT.join(" ")));
            }
            let last = offers.pop().unwrap_or_default();
            let first: String = offers.iter().map(|offer| format!("250-{offer}\r\n")).collect();
            format!("{first}250 {last}\r\n")
        } else {
            format!("250 {hostname}\r\n")
        };
        self.replies.extend_from_slice(text.as_bytes());
        self.reset()
    }

    fn mail(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        if !self.greeted || self.transaction.is_some() {
            return self.bad(reply::WRONG_ORDER);
        }
        // It was said of the message that this command would have begun, whatever comes of it, and of no later one.
        let forwarded = self.forwarded.take();
        let Some(path) = command::path(arguments, "FROM:").filter(|path| path.sound || self.rules.strangers) else {
            return self.bad(reply::BAD_SENDER);
        };
        let parameters = path.of_mail();
        if parameters.bad && !self.rules.strangers {
            return self.bad(reply::BAD_PARAMETER);
        }
        if parameters.size > MESSAGE_LIMIT {
            return self.say(reply::TOO_LARGE);
        }
        self.forwarded = forwarded;
        self.transaction = Some(Transaction { mail_from: path.address, ..Transaction::default() });
        self.say(reply::SENDER_OK);
        Some(Event::Begun)
    }

    fn rcpt(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        let strangers = self.rules.strangers;
        let Some(transaction) = self.transaction.as_mut().filter(|transaction| !transaction.chunks) else {
            return self.bad(reply::WRONG_ORDER);
        };
        let path = command::path(arguments, "TO:").filter(|path| path.sound || strangers);
        let Some(path) = path.filter(|path| (1..=ADDRESS_MAX).contains(&path.address.len())) else {
            return self.bad(reply::BAD_RECIPIENT);
        };
        if path.has_parameters() && !strangers {
            return self.bad(reply::BAD_PARAMETER);
        }
        transaction.asked += 1;
        let most = if strangers { RECIPIENTS_OF_STRANGERS } else { RECIPIENTS };
        if transaction.accepted >= most || transaction.asked > RECIPIENTS {
            return if self.idles() { None } else { self.say(reply::TOO_MANY_RECIPIENTS) };
        }
        self.asked = Some(path.address.clone());
        Some(Event::Recipient(path.address))
    }

    fn data(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        if !arguments.is_empty() {
            return self.bad(reply::BAD_ARGUMENTS);
        }
        // RFC 3030 §2: not beside BDAT.
        let Some(transaction) = self.transaction.as_ref().filter(|transaction| !transaction.chunks) else {
            return self.bad(reply::WRONG_ORDER);
        };
        if transaction.accepted > 0 {
            self.phase = Phase::Data(DataReader::default());
            self.replies.extend_from_slice(b"354 End it with <CRLF>.<CRLF>\r\n");
            return None;
        }
        // RFC 2033 §4.2, RFC 2920 §3.1; no mistake of a client that pipelines.
        if self.idles() {
            return None;
        }
        self.say(if self.rules.lmtp { reply::WRONG_ORDER } else { reply::NO_RECIPIENTS })
    }

    fn bdat(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        let Some((left, last)) = command::chunk(arguments) else {
            // Where the chunk ends is not known.
            self.close(reply::BAD_CHUNK);
            return None;
        };
        let before = self.transaction.as_ref().map_or(0, |transaction| transaction.size);
        if left.saturating_add(before as u64) > READ_MAX as u64 {
            self.close(reply::TOO_LARGE);
            return None;
        }
        let vain = match &mut self.transaction {
            Some(transaction) if transaction.accepted > 0 => {
                transaction.chunks = true;
                None
            }
            Some(_) => Some(reply::NO_RECIPIENTS),
            // After a chunk that was refused as well (RFC 3030 §2).
            None => Some(reply::WRONG_ORDER),
        };
        if vain.is_some() && self.idles() {
            return None;
        }
        self.phase = Phase::Chunk(Chunk { left, last, vain });
        None
    }

    /// Takes octets of the message, within its limits.
    fn octets<'i>(&mut self, octets: &'i [u8]) -> Option<Event<'i>> {
        let transaction = self.transaction.as_mut()?;
        let before = transaction.size;
        transaction.size += octets.len();
        if transaction.size <= MESSAGE_LIMIT {
            return Some(Event::Octets(octets));
        }
        if transaction.size > READ_MAX {
            self.close(reply::TOO_LARGE);
        }
        (before <= MESSAGE_LIMIT).then_some(Event::Dropped)
    }

    fn end_of_chunk(&mut self) -> Option<Event<'static>> {
        let Phase::Chunk(chunk) = &self.phase else { return None };
        let (last, vain) = (chunk.last, chunk.vain);
        if let Some(reply) = vain {
            self.phase = Phase::Commands;
            return self.say(reply);
        }
        if last {
            return self.message();
        }
        self.phase = Phase::Commands;
        if self.transaction.as_ref().is_some_and(|transaction| transaction.size > MESSAGE_LIMIT) {
            self.reset();
            return self.say(reply::TOO_LARGE);
        }
        self.say(reply::OK)
    }

    /// Ends the transaction with its message.
    fn message(&mut self) -> Option<Event<'static>> {
        self.phase = Phase::Commands;
        let Transaction { mail_from, recipients, accepted, size, .. } = self.transaction.take()?;
        self.messages += 1;
        self.idle = 0;
        let (forwarded, too_large) = (self.forwarded.take(), size > MESSAGE_LIMIT);
        Some(Event::Message(Delivery { mail_from, recipients, accepted, size, forwarded, too_large }))
    }

    fn xforward(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        if !self.greeted || self.transaction.is_some() {
            return self.bad(reply::WRONG_ORDER);
        }
        match attributes::read(arguments, XFORWARD) {
            Ok(stated) => {
                // A long one comes in two.
                self.forwarded = stated.or(self.forwarded);
                self.say(reply::OK)
            }
            Err(_) => {
                // Of whom it spoke nobody knows: it is not whoever an earlier one named.
                self.forwarded = Some(Stated::Unavailable);
                self.bad(reply::BAD_ARGUMENTS)
            }
        }
    }

    fn xclient(&mut self, arguments: &[u8]) -> Option<Event<'static>> {
        // Some proxies, nginx among them, pass on what the client says once they have told for whom they speak: a second word of
        // the client's address would be the client's own.
        if self.transaction.is_some() || self.client.is_some() {
            return self.bad(reply::WRONG_ORDER);
        }
        let stated = attributes::read(arguments, XCLIENT);
        // Whatever came of it: where it told no address, or could not be read, nobody knows for whom is spoken.
        self.client = Some(stated.as_ref().ok().copied().flatten().unwrap_or(Stated::Unavailable));
        match stated {
            Ok(_) => {
                self.forwarded = None;
                self.greeted = false;
                self.greet();
                None
            }
            Err(_) => self.bad(reply::BAD_ARGUMENTS),
        }
    }
}

#[cfg(test)]
mod tests;
