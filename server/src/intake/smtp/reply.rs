//! What a client is told: a reply code (RFC 5321 §4.2), an enhanced status code (RFC 3463) and a fixed text, in which no octet of
//! a client's ever stands (ATTACKS E11), nor anything that tells one address from another (ATTACKS C02).

use super::super::Refusal;

/// One reply of one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The reply code.
    pub code: u16,
    status: &'static str,
    text: &'static str,
}

const fn reply(code: u16, status: &'static str, text: &'static str) -> Reply {
    Reply { code, status, text }
}

pub(super) const OK: Reply = reply(250, "2.0.0", "Ok");
pub(super) const SENDER_OK: Reply = reply(250, "2.1.0", "Ok");
pub(super) const RECIPIENT_OK: Reply = reply(250, "2.1.5", "Ok");
/// The message is durable, or, at the trap server, was for nobody whose mail counts.
pub(super) const TAKEN: Reply = reply(250, "2.0.0", "Ok: taken");
pub(super) const BYE: Reply = reply(221, "2.0.0", "Bye");
pub(super) const HELP: Reply = reply(214, "2.0.0", "See RFC 5321 and RFC 2033");
/// RFC 5321 §3.5.3: whether there is such an address is not told.
pub(super) const NO_VERIFY: Reply = reply(252, "2.5.0", "Send mail to it");

/// RFC 5321 §4.3.5 and §4.2.3: what is over for this connection.
pub(super) const STOPPING: Reply = reply(421, "4.3.2", "Closing; come again");
pub(super) const TOO_SLOW: Reply = reply(421, "4.4.2", "Took too long; closing");
pub(super) const TOO_MANY_BAD: Reply = reply(421, "4.7.0", "Too many mistakes; closing");
pub(super) const TOO_MANY_IDLE: Reply = reply(421, "4.7.0", "Too many commands without a message; closing");
pub(super) const ENOUGH: Reply = reply(421, "4.3.2", "Enough for one connection; come again");
pub(super) const NO_FEED_NOW: Reply = reply(421, "4.3.5", "Nothing is taken from here any more; closing");
/// Not for good: an MTA whose settings lack its address must not bounce what traps took.
pub(super) const NO_FEED: Reply = reply(421, "4.7.1", "Nothing is taken from here");

pub(super) const UNKNOWN_COMMAND: Reply = reply(500, "5.5.1", "No such command here");
pub(super) const LINE_TOO_LONG: Reply = reply(500, "5.5.2", "The line is too long; closing");
pub(super) const BARE_LF: Reply = reply(521, "5.5.2", "Lines end in CRLF; closing");
pub(super) const BAD_OCTET: Reply = reply(500, "5.5.2", "A line holds neither CR nor NUL");
pub(super) const BAD_ARGUMENTS: Reply = reply(501, "5.5.4", "These arguments cannot be read");
pub(super) const BAD_CHUNK: Reply = reply(501, "5.5.4", "The size of the chunk cannot be read; closing");
pub(super) const BAD_SENDER: Reply = reply(501, "5.1.7", "The sender cannot be read");
pub(super) const BAD_RECIPIENT: Reply = reply(501, "5.1.3", "The recipient cannot be read");
pub(super) const BAD_PARAMETER: Reply = reply(555, "5.5.4", "A parameter that was not offered");
pub(super) const WRONG_ORDER: Reply = reply(503, "5.5.1", "Not in this order");
pub(super) const NO_RECIPIENTS: Reply = reply(554, "5.5.1", "No valid recipients");
pub(super) const TOO_MANY_RECIPIENTS: Reply = reply(452, "4.5.3", "Too many recipients; send it to the others later");
/// There is no such trap.
pub const UNKNOWN_RECIPIENT: Reply = reply(550, "5.1.1", "No such recipient here");
pub(super) const TOO_LARGE: Reply = reply(552, "5.3.4", "The message is too large");
/// What a stranger is told of any refusal: nothing of feeds, quotas and disks.
pub(super) const LATER: Reply = reply(451, "4.3.0", "Not now; try again later");
/// What the trap server says to a message that it has kept, where the operator wants it so.
pub(super) const REJECTED: Reply = reply(550, "5.7.1", "Not wanted");

impl Reply {
    /// Appends it, whole.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("{} {} {}\r\n", self.code, self.status, self.text).as_bytes());
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let (code, status) = refusal.smtp();
        reply(code, status, refusal.sentence())
    }
}
