//! A whole message on its way into the ledger, and what its client is told when it is there.
//!
//! Enters: the message, its distinct traps, and which of them each recipient was. Leaves: the replies, once every sample is
//! durable or refused: one for each recipient in LMTP (RFC 2033 §4.2), one for all in SMTP, where 250 says that all are
//! durable. What was kept of a message that is refused for another's sake is known when it comes again, and counts once.

use std::net::IpAddr;
use std::sync::Arc;

use firsthand_analyzer::sample::Envelope;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::super::{Intake, Refusal, Reservation, Submission};
use super::reply::{self, Reply};
use crate::declared::{Declared, Feed};

/// Samples of one message that are judged and kept at a time; one group commit serves them.
const AT_ONCE: usize = 64;

/// How a client is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// For each recipient.
    Each,
    /// Once, and so where all is durable.
    Once(Reply),
}

/// A message that is being kept.
pub(super) struct Taking {
    pub(super) intake: Intake,
    pub(super) declared: Arc<Declared>,
    /// The name of the feed.
    pub(super) feed: String,
    pub(super) message: Vec<u8>,
    /// What the message takes until it is kept.
    pub(super) _room: Reservation,
    pub(super) envelope: Envelope,
    pub(super) observed_peer: Option<IpAddr>,
    /// The registry ids, each once.
    pub(super) traps: Vec<String>,
    /// Which of them each recipient is.
    pub(super) recipients: Vec<usize>,
    pub(super) answer: Answer,
    /// What is told of a refusal.
    pub(super) told: fn(Refusal) -> Reply,
    /// Before this the client is not answered, so that it does not learn how much there was to do.
    pub(super) not_before: Option<Instant>,
}

impl Answer {
    /// The replies to a message of so many recipients that was refused as a whole.
    pub(super) fn refused(self, recipients: usize, reply: Reply) -> Vec<u8> {
        let mut out = Vec::new();
        let times = if self == Self::Each { recipients } else { 1 };
        (0..times).for_each(|_| reply.put(&mut out));
        out
    }
}

impl Taking {
    /// Keeps every sample of the message; the replies.
    pub(super) async fn run(self) -> Vec<u8> {
        let (answer, told, not_before) = (self.answer, self.told, self.not_before);
        let this = Arc::new(self);
        let mut kept = vec![Err(Refusal::NotDurable); this.traps.len()];
        let mut tasks = JoinSet::new();
        let mut waiting = 0..this.traps.len();
        loop {
            while tasks.len() < AT_ONCE
                && let Some(trap) = waiting.next()
            {
                let this = Arc::clone(&this);
                tasks.spawn(async move { (trap, this.keep(trap).await) });
            }
            match tasks.join_next().await {
                Some(Ok((trap, result))) => kept[trap] = result,
                // It stays not durable.
                Some(Err(error)) => tracing::error!(%error, "a sample was refused"),
                None => break,
            }
        }
        if not_before.is_some() && this.traps.is_empty() {
            kept.push(this.keep_nothing().await);
        }
        let mut out = Vec::new();
        match answer {
            Answer::Each => {
                for trap in &this.recipients {
                    kept[*trap].map_or_else(told, |()| reply::TAKEN).put(&mut out);
                }
            }
            Answer::Once(good) => worst(&kept).map_or(good, told).put(&mut out),
        }
        drop(this);
        if let Some(instant) = not_before {
            sleep_until(instant).await;
        }
        out
    }

    fn feed(&self) -> Result<&Feed, Refusal> {
        self.declared.feed(&self.feed).ok_or(Refusal::NotDurable)
    }

    /// Waits for the disk, as a sample would.
    async fn keep_nothing(&self) -> Result<(), Refusal> {
        self.intake.take_nothing(self.feed()?).await
    }

    /// Keeps the sample of one trap.
    async fn keep(&self, trap: usize) -> Result<(), Refusal> {
        let feed = self.feed()?;
        let submission = Submission {
            trap: &self.traps[trap],
            message: &self.message,
            envelope: Some(self.envelope.clone()),
            observed_peer: self.observed_peer,
        };
        self.intake.take(feed, submission).await.map(drop)
    }
}

/// The refusal that all are told, if there is one: what failed here before what was asked too much.
fn worst(kept: &[Result<(), Refusal>]) -> Option<Refusal> {
    let refusals = || kept.iter().filter_map(|result| result.err());
    refusals().find(|refusal| *refusal == Refusal::NotDurable).or_else(|| refusals().next())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_worst_is_what_all_are_told() {
        let over = Refusal::OverQuota(Duration::from_secs(1));
        assert_eq!(worst(&[Ok(()), Ok(())]), None);
        assert_eq!(worst(&[]), None);
        assert_eq!(worst(&[Ok(()), Err(over), Err(Refusal::NotDurable)]), Some(Refusal::NotDurable));
        assert_eq!(worst(&[Err(over), Ok(())]), Some(over));
        let refused = Answer::Each.refused(2, reply::TOO_LARGE);
        assert_eq!(refused, b"552 5.3.4 The message is too large\r\n".repeat(2));
        assert_eq!(Answer::Once(reply::TAKEN).refused(2, reply::TOO_LARGE), refused[..refused.len() / 2]);
    }
}
