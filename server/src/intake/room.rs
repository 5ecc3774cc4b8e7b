//! How much of what is on its way in is held in memory: so many bytes, whoever sends and however slowly.
//!
//! A sender's messages may take as much room as is left free beside them. So one sender alone has half of it, and however
//! many others take all that they get, there is as much again for whoever comes next; a client that sends slowly holds up
//! nobody but itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::IntGauge;

/// The bytes of feeds' messages that are held at most: two of the longest from each of two senders.
pub(super) const OF_FEEDS: usize = 256 << 20;
/// Those of messages that strangers send.
pub(super) const OF_STRANGERS: usize = 128 << 20;

/// The room of all senders.
pub(super) struct Room {
    bytes: usize,
    held: Mutex<Held>,
    /// Shows what is held.
    gauge: IntGauge,
}

#[derive(Default)]
struct Held {
    all: usize,
    senders: HashMap<String, usize>,
}

/// There is no room for more of this sender's; there will be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Full;

/// The room that one message takes, given back when dropped.
pub(super) struct Reservation {
    room: Arc<Room>,
    sender: String,
    bytes: usize,
}

impl Room {
    /// So many bytes, all of them free; `gauge` shows those that are held, in this and in other rooms.
    pub(super) fn new(bytes: usize, gauge: IntGauge) -> Self {
        Self { bytes, held: Mutex::default(), gauge }
    }

    /// Begins a message of a sender: a feed, or a network of strangers.
    pub(super) fn begin(self: &Arc<Self>, sender: impl Into<String>) -> Reservation {
        Reservation { room: Arc::clone(self), sender: sender.into(), bytes: 0 }
    }

    fn show(&self, bytes: usize, sign: i64) {
        self.gauge.add(sign * i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        // Nothing panics between two changes that belong together.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// Takes room for so many bytes more.
    ///
    /// # Errors
    /// When the sender has its share; nothing is taken then.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let mut held = self.room.lock();
        let of_sender = held.senders.get(&self.sender).copied().unwrap_or(0);
        let (all, of_sender) = (held.all.saturating_add(bytes), of_sender.saturating_add(bytes));
        if all > self.room.bytes || of_sender > self.room.bytes - all {
            return Err(Full);
        }
        held.all = all;
        self.room.show(bytes, 1);
        match held.senders.get_mut(&self.sender) {
            Some(known) => *known = of_sender,
            None => drop(held.senders.insert(self.sender.clone(), of_sender)),
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Takes or gives back room, so that it is for so many bytes.
    ///
    /// # Errors
    /// When the sender has its share; nothing is changed then.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes > self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.give_back(self.bytes - bytes);
        Ok(())
    }

    /// Leaves room for so many bytes of it, if it has as much, to another of the same sender's, and gives back the rest.
    pub(super) fn leave_to(mut self, other: &mut Self, bytes: usize) {
        let left = bytes.min(self.bytes);
        self.bytes -= left;
        other.bytes += left;
    }

    fn give_back(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.bytes -= bytes;
        let mut held = self.room.lock();
        held.all -= bytes;
        self.room.show(bytes, -1);
        if let Some(of_sender) = held.senders.get_mut(&self.sender) {
            *of_sender -= bytes;
            if *of_sender == 0 {
                held.senders.remove(&self.sender);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever takes all that he gets leaves as much to the next.
    #[test]
    fn there_is_always_room_for_another() {
        let gauge = IntGauge::new("held", "Bytes.").unwrap();
        let room = Arc::new(Room::new(1000, gauge.clone()));
        let fill = |sender: &str| {
            let mut reservation = room.begin(sender);
            while reservation.grow(1).is_ok() {}
            reservation
        };
        let one = fill("one");
        assert_eq!(one.bytes, 500);
        let two = fill("two");
        assert_eq!(two.bytes, 250);
        // A second message of the same sender has no share of its own.
        assert_eq!(room.begin("one").grow(1), Err(Full));
        assert!(room.begin("three").grow(125).is_ok());
        drop(one);
        drop(two);
        assert_eq!((gauge.get(), room.lock().senders.len()), (0, 0));
        assert_eq!(room.begin("one").grow(usize::MAX), Err(Full));
    }

    /// A batch gives back the room of each message that is kept, but for that of its answer.
    #[test]
    fn room_shrinks_and_is_left_to_others() {
        let gauge = IntGauge::new("held", "Bytes.").unwrap();
        let room = Arc::new(Room::new(1000, gauge.clone()));
        let (mut message, mut answers) = (room.begin("one"), room.begin("one"));
        message.resize(400).unwrap();
        message.resize(300).unwrap();
        assert_eq!((message.resize(501), gauge.get()), (Err(Full), 300));
        message.leave_to(&mut answers, 100);
        assert_eq!((answers.bytes, gauge.get()), (100, 100));
        room.begin("one").leave_to(&mut answers, 50);
        drop(answers);
        assert_eq!((gauge.get(), room.lock().senders.len()), (0, 0));
    }
}
