//! One message of a batch, as its sender wrote it.

use serde_json::Value;

/// A message with what its sender says of it.
#[derive(PartialEq, Eq, Debug)]
pub struct Entry {
    /// The trap that took it.
    pub trap: Option<String>,
    /// Who wanted it, where the feed carries mail that people wanted.
    pub recipient: Option<String>,
    /// The peer that the channel saw.
    pub observed_peer: Option<String>,
    /// The sender of the envelope; empty or `<>` for the null sender.
    pub mail_from: Option<String>,
    /// The message.
    pub message: Vec<u8>,
}

/// What is wrong with one message of a batch; the others are none the worse for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// It cannot be read, for this reason.
    Malformed(String),
    /// It is no message by its type.
    WrongType,
    /// It is longer than a message may be.
    TooLarge,
    /// There was no room for it.
    NoRoom,
}

/// What was read of one message of a batch.
#[derive(PartialEq, Eq, Debug)]
pub struct Read {
    /// What its answer is called; null if it has no name.
    pub id: Value,
    /// The message, or what is wrong.
    pub entry: Result<Entry, Mistake>,
}
