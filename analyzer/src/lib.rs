//! Names the one address that a mail sample proves, and says when the evidence lists it.
//!
//! A spam trap hands over a message. Its Received lines tell a story of which only the top can be believed: the lines
//! that relays of ours added, unbroken from the first. The last of those, the *boundary*, recorded the TCP peer that it
//! took the message from. That peer is the *origin*, and nothing that the sender wrote can make it another. Where the
//! lines allow two answers, there is none.
//!
//! The modules stand in the order of that work, and each uses only those above it:
//!
//! an [`address`] has one form; a [`sample`] has header fields; each [`received`] line has readings, and [`forms`] writes
//! lines as MTAs do, to attack those readings with; the [`topology`] says whose lines are believed; [`trust`] walks them to
//! the origin; what lies below is a [`claim`]; the [`nature`] tells sent from reflected; the [`verdict`] holds all of it
//! with its proof; a [`report`] brings a message that others took; a [`survey`] of real mail shows which relays there are. A verdict adds [`evidence`]; evidence has a
//! [`score`]; the score begins and ends a [`listing`].
//!
//! Everything here is pure: bytes, values and an instant in, values out.

pub mod address;
pub mod sample;
// One Received line -> its readings.
pub mod received;
// What a sender says -> the line that an MTA makes of it.
pub mod forms;
pub mod topology;
pub mod trust;
pub mod claim;
pub mod nature;
pub mod verdict;
// An abuse report -> the verdict on the message that it brings.
pub mod report;
// A pile of mail -> which relays it shows.
pub mod survey;
pub mod evidence;
pub mod score;
pub mod listing;
#[cfg(test)]
mod law;
