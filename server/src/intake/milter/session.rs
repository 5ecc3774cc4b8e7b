//! What is said to an MTA, packet by packet: a pure state machine.
//!
//! Enters: packets, and what the service knows of recipients and room ([`Asked`]). Leaves: replies, and a message for traps,
//! put together as the MTA tells it, when it has ended. Refused: what comes out of turn.
//!
//! A shared MX's mail is other people's: of a message without a trap among its recipients nothing is read, and the MTA is told
//! so before it sends any of it; whatever goes wrong here, a message that is not for traps alone goes on as if we were not
//! there. The client's address is that of the connect step and of nothing else (G1).
//!
//! Versions 2 to 6 of the protocol: we ask for what is not needed to be left out and not to wait for our word where we have
//! none to say, as far as the MTA offers that.

use std::net::IpAddr;

use firsthand_analyzer::sample::MESSAGE_LIMIT;

use super::packet::{self, Malformed, Offer, Packet, Reply, Whole};
use crate::config::MilterAction;

/// The version of the protocol that is spoken.
const VERSION: u32 = 6;
/// The oldest that is.
const VERSION_OLDEST: u32 = 2;
/// The first that has DATA.
const VERSION_DATA: u32 = 4;

/// Recipients may be removed (`SMFIF_DELRCPT`).
const REMOVE: u32 = 0x08;

/// What need not be sent: HELO, the end of the header, unknown commands (`SMFIP_NO*`).
const NO_HELO: u32 = 0x02;
const NO_END_OF_HEADER: u32 = 0x40;
const NO_UNKNOWN: u32 = 0x100;
/// What is not answered (`SMFIP_NR_*`).
const UNANSWERED_HEADER: u32 = 0x80;
const UNANSWERED_CONNECT: u32 = 0x1000;
const UNANSWERED_HELO: u32 = 0x2000;
const UNANSWERED_MAIL: u32 = 0x4000;
const UNANSWERED_RECIPIENT: u32 = 0x8000;
const UNANSWERED_UNKNOWN: u32 = 0x2_0000;
const UNANSWERED_END_OF_HEADER: u32 = 0x4_0000;
/// The space behind a header field's colon is sent as well (`SMFIP_HDR_LEADSPC`).
const LEADING_SPACE: u32 = 0x10_0000;
/// All that is asked for where it is offered. DATA is answered, so that a message that is nobody's business here is not sent,
/// and pieces of a body are, so that the rest of one that is too long is not.
const WANTED: u32 = NO_HELO
    | NO_END_OF_HEADER
    | NO_UNKNOWN
    | UNANSWERED_HEADER
    | UNANSWERED_CONNECT
    | UNANSWERED_HELO
    | UNANSWERED_MAIL
    | UNANSWERED_RECIPIENT
    | UNANSWERED_UNKNOWN
    | UNANSWERED_END_OF_HEADER
    | LEADING_SPACE;

/// The most recipients of one message that are looked at; those beyond it are as if they were no traps.
pub const RECIPIENT_LIMIT: usize = 1000;
/// The longest path of a sender or recipient that is looked at, bytes: four times what RFC 5321 §4.5.3.1.3 allows.
pub const PATH_LIMIT: usize = 1024;

/// What a client is told whose message is refused.
const REFUSAL: &str = "550 5.7.1 Message refused";

/// What a session asks of the service.
pub struct Asked<'a> {
    /// Who a recipient is, by the address without source route and brackets: nobody, if its mail is no sample.
    pub recipient: &'a dyn Fn(&str) -> Option<Recipient>,
    /// Takes room for so many bytes more of the message; whether there is any.
    pub grow: &'a mut dyn FnMut(usize) -> bool,
}

/// Whose mail is a sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recipient {
    /// The registry id under which it counts.
    pub id: String,
    /// Whether it is somebody who wants it, and no trap: such mail always goes on.
    pub wanted: bool,
}

/// What comes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// What was to be said is said.
    Next,
    /// A message is to be kept ([`Session::message`]), and then to be answered ([`Session::conclude`]).
    Keep,
    /// The message will not be kept.
    Lost(Loss),
    /// The MTA goes.
    End,
}

/// Why a message is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// It is longer than [`MESSAGE_LIMIT`], and will be the next time.
    TooLarge,
    /// There is no room for it now.
    NoRoom,
}

/// One connection of an MTA.
pub struct Session {
    action: MilterAction,
    /// What was agreed on; nothing before.
    agreed: Option<Offer>,
    client: Option<Client>,
    message: Option<Message>,
    messages: u64,
}

/// The client of the MTA.
#[derive(Clone, Copy)]
struct Client {
    address: Option<IpAddr>,
}

/// What of a message is kept.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Content {
    /// The reverse-path without brackets, empty for the null sender.
    pub sender: String,
    /// The client, if it has an address.
    pub peer: Option<IpAddr>,
    /// The message as the MTA told it, its lines ended by CRLF.
    pub text: Vec<u8>,
}

/// A message on its way.
#[derive(Debug, Default)]
pub struct Message {
    content: Content,
    /// The recipients whose mail is a sample, each once as the client wrote it, with its registry id.
    recipients: Vec<(Vec<u8>, String)>,
    /// Whether there are others.
    others: bool,
    /// Whether any recipient wants its mail.
    wanted: bool,
    in_body: bool,
    fate: Fate,
}

/// What becomes of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Fate {
    /// It is read.
    #[default]
    Read,
    /// It is not, and goes on.
    Passed,
    /// It could not be, which the MTA is still to be told.
    Lost(Loss),
}

impl Message {
    /// Under which registry ids it counts, each once.
    pub fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.recipients.iter().map(|(_, id)| id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// What is kept of it, which it then has no more.
    pub fn take_content(&mut self) -> Content {
        std::mem::take(&mut self.content)
    }

    /// Whether nobody but traps gets it.
    pub fn is_for_traps_alone(&self) -> bool {
        !self.others && !self.wanted && !self.recipients.is_empty()
    }

    fn add(&mut self, recipient: &[u8], asked: &Asked<'_>) {
        let known = |(known, _): &(Vec<u8>, String)| known == recipient;
        if recipient.len() > PATH_LIMIT || self.recipients.len() >= RECIPIENT_LIMIT {
            self.others = true;
        } else if !self.recipients.iter().any(known) {
            match std::str::from_utf8(recipient).ok().and_then(|text| (asked.recipient)(path(text))) {
                Some(Recipient { id, wanted }) => {
                    self.wanted |= wanted;
                    self.recipients.push((recipient.to_owned(), id));
                }
                None => self.others = true,
            }
        }
    }

    /// Nothing of it is held any more.
    fn let_go(&mut self, fate: Fate) {
        self.content.text = Vec::new();
        self.fate = fate;
    }

    fn append(&mut self, pieces: &[&[u8]], asked: &mut Asked<'_>) -> Step {
        if self.fate != Fate::Read {
            return Step::Next;
        }
        let length = pieces.iter().map(|piece| piece.len()).sum();
        let loss = if self.content.text.len() + length > MESSAGE_LIMIT {
            Loss::TooLarge
        } else if !(asked.grow)(length) {
            Loss::NoRoom
        } else {
            pieces.iter().for_each(|piece| self.content.text.extend_from_slice(piece));
            return Step::Next;
        };
        self.let_go(Fate::Lost(loss));
        Step::Lost(loss)
    }

    fn append_body(&mut self, piece: &[u8], asked: &mut Asked<'_>) -> Step {
        let separator: &[u8] = if self.in_body { b"" } else { b"\r\n" };
        self.in_body = true;
        self.append(&[separator, piece], asked)
    }

    /// What is said of a message that is not kept: nobody but the senders of traps' mail is told to come again.
    fn unkept(&self, loss: Loss) -> Reply<'static> {
        if loss == Loss::NoRoom && self.is_for_traps_alone() { Reply::TryAgain } else { Reply::Accept }
    }

    /// What is said where the MTA waits for a word in the midst of it.
    fn midway(&mut self) -> Reply<'static> {
        match self.fate {
            Fate::Read => Reply::Continue,
            Fate::Passed => Reply::Accept,
            Fate::Lost(loss) => {
                self.fate = Fate::Passed;
                self.unkept(loss)
            }
        }
    }
}

impl Session {
    /// A connection that has just begun, at a milter that does this with messages for traps.
    pub fn new(action: MilterAction) -> Self {
        Self { action, agreed: None, client: None, message: None, messages: 0 }
    }

    /// Takes the packets of what arrived, up to one that calls for more than words, and appends what is to be said; how many
    /// bytes it took, and what came of the last.
    ///
    /// # Errors
    /// What no MTA says, or not now.
    pub fn advance(
        &mut self,
        arrived: &[u8],
        asked: &mut Asked<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Step), Malformed> {
        let mut taken = 0;
        while let Some(Whole { command, data, length }) = packet::first(&arrived[taken..])? {
            let step = self.step(Packet::read(command, data)?, asked, out)?;
            taken += length;
            if step != Step::Next {
                return Ok((taken, step));
            }
        }
        Ok((taken, Step::Next))
    }

    /// Whether a message is on its way that may be kept, or has still to be answered.
    pub fn is_reading(&self) -> bool {
        self.message.as_ref().is_some_and(|message| message.fate != Fate::Passed)
    }

    /// How many clients and messages there have been.
    pub fn turns(&self) -> u64 {
        self.messages
    }

    /// The message that is on its way.
    pub fn message(&mut self) -> Option<&mut Message> {
        self.message.as_mut()
    }

    /// Says what becomes of the message that has ended, by whether all its samples were kept.
    pub fn conclude(&mut self, kept: bool, out: &mut Vec<u8>) {
        let Some(message) = self.message.take() else { return };
        let alone = message.is_for_traps_alone();
        if !kept {
            let reply = if alone { Reply::TryAgain } else { Reply::Accept };
            return reply.write(out);
        }
        let reply = match self.action {
            MilterAction::Discard if alone => Reply::Discard,
            MilterAction::Reject if alone => Reply::Refuse(REFUSAL),
            MilterAction::Accept => Reply::Accept,
            MilterAction::Discard | MilterAction::Reject => {
                if self.agreed.is_some_and(|agreed| agreed.actions & REMOVE != 0) && !message.wanted {
                    message.recipients.iter().for_each(|(recipient, _)| Reply::Remove(recipient).write(out));
                }
                Reply::Accept
            }
        };
        reply.write(out);
    }

    fn step(&mut self, packet: Packet<'_>, asked: &mut Asked<'_>, out: &mut Vec<u8>) -> Result<Step, Malformed> {
        let Some(agreed) = self.agreed else {
            return match packet {
                Packet::Negotiate(offer) => self.negotiate(offer, out),
                Packet::Quit => Ok(Step::End),
                _ => Err(Malformed),
            };
        };
        let mut answer_unless = |flag: u32, reply: Reply<'_>| {
            if agreed.protocol & flag == 0 {
                reply.write(out);
            }
        };
        match packet {
            Packet::Negotiate(_) => return Err(Malformed),
            Packet::Quit => return Ok(Step::End),
            Packet::Macros => {}
            Packet::Helo => answer_unless(UNANSWERED_HELO, Reply::Continue),
            Packet::Unknown => answer_unless(UNANSWERED_UNKNOWN, Reply::Continue),
            Packet::NextClient => (self.client, self.message) = (None, None),
            Packet::Connect(address) => {
                if self.client.is_some() {
                    return Err(Malformed);
                }
                self.client = Some(Client { address });
                self.messages += 1;
                answer_unless(UNANSWERED_CONNECT, Reply::Continue);
            }
            Packet::Abort => self.message = None,
            Packet::Mail(sender) => {
                let client = self.client.ok_or(Malformed)?;
                // An internationalised sender (RFC 6531) is no ASCII, and one that is no text is not the null sender.
                let sender = String::from_utf8_lossy(&sender[..sender.len().min(PATH_LIMIT)]);
                let sender = path(&sender).to_owned();
                let content = Content { sender, peer: client.address, text: Vec::new() };
                self.message = Some(Message { content, ..Message::default() });
                self.messages += 1;
                answer_unless(UNANSWERED_MAIL, Reply::Continue);
            }
            Packet::Recipient(recipient) => {
                self.message.as_mut().ok_or(Malformed)?.add(recipient, asked);
                answer_unless(UNANSWERED_RECIPIENT, Reply::Continue);
            }
            Packet::Data => {
                self.content()?.midway().write(out);
            }
            Packet::Header { name, value } => {
                let message = self.content()?;
                let colon: &[u8] = if agreed.protocol & LEADING_SPACE == 0 { b": " } else { b":" };
                let step = message.append(&[name, colon, &with_line_ends(value), b"\r\n"], asked);
                if agreed.protocol & UNANSWERED_HEADER == 0 {
                    message.midway().write(out);
                }
                return Ok(step);
            }
            Packet::EndOfHeader => {
                let message = self.content()?;
                if agreed.protocol & UNANSWERED_END_OF_HEADER == 0 {
                    message.midway().write(out);
                }
            }
            Packet::Body(piece) => {
                let message = self.content()?;
                let step = message.append_body(piece, asked);
                message.midway().write(out);
                return Ok(step);
            }
            Packet::EndOfBody(piece) => {
                let message = self.content()?;
                let step = message.append_body(piece, asked);
                if message.fate == Fate::Read {
                    return Ok(Step::Keep);
                }
                message.midway().write(out);
                self.message = None;
                return Ok(step);
            }
        }
        Ok(Step::Next)
    }

    fn negotiate(&mut self, offer: Offer, out: &mut Vec<u8>) -> Result<Step, Malformed> {
        if offer.version < VERSION_OLDEST {
            return Err(Malformed);
        }
        let version = offer.version.min(VERSION);
        let actions = if self.action == MilterAction::Accept { 0 } else { REMOVE };
        // Without DATA, the first header field is where we say that no more is wanted.
        let wanted = if version < VERSION_DATA { WANTED & !UNANSWERED_HEADER } else { WANTED };
        let agreed = Offer { version, actions: offer.actions & actions, protocol: offer.protocol & wanted };
        self.agreed = Some(agreed);
        Reply::Negotiate(agreed).write(out);
        Ok(Step::Next)
    }

    /// The message whose recipients are complete.
    fn content(&mut self) -> Result<&mut Message, Malformed> {
        let message = self.message.as_mut().ok_or(Malformed)?;
        if message.recipients.is_empty() {
            message.let_go(Fate::Passed);
        }
        Ok(message)
    }
}

/// The mailbox of a path as SMTP has it (RFC 5321 §4.1.2), without brackets and source route; nothing for the null sender.
fn path(path: &str) -> &str {
    let path = path.trim();
    let path = path.strip_prefix('<').unwrap_or(path);
    let path = path.strip_suffix('>').unwrap_or(path);
    match path.strip_prefix('@').and_then(|route| route.split_once(':')) {
        Some((_, mailbox)) => mailbox,
        None => path,
    }
}

/// A header field's value with CRLF where the MTA has LF.
fn with_line_ends(value: &[u8]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(value.len() + 8);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', value) {
        lines.extend_from_slice(value[start..end].strip_suffix(b"\r").unwrap_or(&value[start..end]));
        lines.extend_from_slice(b"\r\n");
        start = end + 1;
    }
    lines.extend_from_slice(&value[start..]);
    lines
}

#[cfg(test)]
mod tests;
