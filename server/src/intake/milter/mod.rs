//! The milter: an MTA asks what to do with a message, and a copy of what traps get is kept.
//!
//! Enters: connections of MTAs. Leaves: samples, one for each trap among a message's recipients, whose peer is the client that
//! the MTA took the message from; they are durable before the MTA is told what to do with the message (G9). Reading
//! packets ([`packet`]) and what is said to them ([`session`]) are pure; here are the socket, the clock and the ledger.
//!
//! An MTA keeps a connection for as long as its client does, and is silent while its client is. It is closed in the midst of a
//! message only when it has been silent for [`IDLE`].

pub mod packet;
pub mod session;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use firsthand_analyzer::sample::Envelope;
use firsthand_analyzer::topology::Boundary;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use super::doors::feed_of;
use super::room::Reservation;
use super::{Intake, Refusal, Submission};
use crate::config::{FeedKind, MilterSettings};
use crate::connections::{Place, stopped};
use crate::declared::{Declared, Feed};
use packet::{Malformed, Reply};
use session::{Asked, Content, Loss, Recipient, Session, Step};

/// How long an MTA may be silent. Its client has five minutes for each command (RFC 5321 §4.5.3.2).
const IDLE: Duration = Duration::from_secs(600);
/// How long a connection may live that brings neither a new client nor a new message.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long an MTA may take to take what it is told.
const WRITE: Duration = Duration::from_secs(30);
/// How often an MTA that waits for samples to be kept is told that they will be: Sendmail waits ten seconds for a word.
const PROGRESS: Duration = Duration::from_secs(4);
/// The bytes that are read where nothing has arrived yet, and at once at most.
const FIRST_READ: usize = 4 << 10;
const READ: usize = 64 << 10;
/// A packet longer than this takes room as a message does, bytes. MTAs send bodies in pieces of 64 KiB, and Postfix header fields
/// of 100 KiB at most (`header_size_limit`).
const COMMON_PACKET: usize = 128 << 10;
/// The samples of one message that are kept at once.
const AT_ONCE: usize = 16;

/// Answers one MTA until it has said QUIT, gone, or taken too long.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    place: &Arc<Place>,
    settings: &MilterSettings,
    feed: Option<&str>,
    intake: &Intake,
    stop: watch::Receiver<bool>,
) {
    let source = Source { intake: intake.clone(), named: feed.map(str::to_owned), address: place.client().ip() };
    let Some(sender) = source.feed() else {
        intake.refused("unknown-client");
        if intake.seldom.may_say("milter-stranger", source.address, std::time::Instant::now()) {
            let (client, feed) = (source.address, feed.unwrap_or("any"));
            tracing::warn!(%client, feed, "a milter connection was closed, as it comes from no `networks` of a [[feed]] that this [[intake]] serves: if it is an MTA of yours, write it there, and boundary = \"channel\"");
        }
        return;
    };
    let session = Session::new(settings.action);
    let mut conversation = Conversation { stream, place, source, sender, session, room: None };
    match conversation.run(stop).await {
        Err(Broken::Malformed)
            if intake.seldom.may_say("milter-malformed", conversation.source.address, std::time::Instant::now()) =>
        {
            let client = conversation.source.address;
            tracing::warn!(%client, "a milter connection was closed: what it brings is not the milter protocol");
        }
        // However else it ends, the MTA knows, or has gone.
        _ => {}
    }
}

/// Why a conversation ends in the midst.
enum Broken {
    Malformed,
    Socket,
}

impl From<Malformed> for Broken {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Socket
    }
}

impl From<tokio::time::error::Elapsed> for Broken {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Socket
    }
}

/// Whose samples a connection brings.
#[derive(Clone)]
struct Source {
    intake: Intake,
    named: Option<String>,
    address: IpAddr,
}

impl Source {
    /// The feed's name, if there is one now.
    fn feed(&self) -> Option<String> {
        self.feed_among(&self.intake.declared()).map(|feed| feed.name.clone())
    }

    /// One that reads headers is none: what a milter sees lacks the line that its own MTA will write, so that the first one
    /// there is its sender's.
    fn feed_among<'d>(&self, declared: &'d Declared) -> Option<&'d Feed> {
        let feed = feed_of(declared, self.named.as_deref(), self.address);
        feed.filter(|feed| feed.topology.boundary == Boundary::Channel)
    }

    fn recipient(&self, address: &str) -> Option<Recipient> {
        let declared = self.intake.declared();
        let feed = self.feed_among(&declared)?;
        let id = self.intake.recipient(&declared, feed, address)?;
        Some(Recipient { id, wanted: feed.kind == FeedKind::Wanted })
    }

    /// Keeps one sample; whether it is durable.
    async fn keep(self, content: Arc<Content>, id: String) -> bool {
        let declared = self.intake.declared();
        let Some(feed) = self.feed_among(&declared) else { return false };
        if self.intake.admit(feed).is_err() {
            return false;
        }
        let envelope = Some(Envelope { mail_from: content.sender.clone(), rcpt_to: Vec::new() });
        let submission = Submission { trap: &id, message: &content.text, envelope, observed_peer: content.peer };
        self.intake.take(feed, submission).await.is_ok()
    }
}

struct Conversation<'p, S> {
    stream: S,
    place: &'p Place,
    source: Source,
    /// Whose room its messages take.
    sender: String,
    session: Session,
    /// That of the message that is on its way.
    room: Option<Reservation>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'_, S> {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Result<(), Broken> {
        let mut arrived = Vec::new();
        let mut stopping = false;
        let (mut turns, mut until) = (0, Instant::now() + LONGEST);
        loop {
            if !self.answer(&mut arrived).await? || (stopping && !self.session.is_reading()) {
                return Ok(());
            }
            if self.session.turns() != turns {
                (turns, until) = (self.session.turns(), Instant::now() + LONGEST);
            }
            let length = packet::length(&arrived)?.unwrap_or_default();
            let mut beyond = self.source.intake.begin(&*self.sender);
            if length > COMMON_PACKET && beyond.grow(length).is_err() {
                self.lose(Loss::NoRoom);
                return Err(Broken::Socket);
            }
            // What has arrived of a packet in part stays.
            loop {
                let owed = (packet::LENGTH_BYTES + length).saturating_sub(arrived.len());
                arrived.reserve(owed.clamp(FIRST_READ, READ));
                let deadline = self.place.deadline(IDLE).min(until);
                tokio::select! {
                    biased;
                    () = stopped(&mut stop), if !stopping => {
                        stopping = true;
                        if !self.session.is_reading() {
                            return Ok(());
                        }
                    }
                    read = timeout_at(deadline, self.stream.read_buf(&mut arrived)) => {
                        if read?? == 0 {
                            return Ok(());
                        }
                        if length == 0 || arrived.len() >= packet::LENGTH_BYTES + length {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Answers all whole packets of what arrived; whether the MTA stays.
    async fn answer(&mut self, arrived: &mut Vec<u8>) -> Result<bool, Broken> {
        let (mut taken, mut out) = (0, Vec::new());
        let stays = loop {
            let (length, step) = match self.advance(&arrived[taken..], &mut out) {
                Ok(advanced) => advanced,
                Err(malformed) => {
                    // What was said before it stands.
                    self.send(&mut out).await?;
                    return Err(malformed.into());
                }
            };
            taken += length;
            if !self.session.is_reading() {
                self.room = None;
            }
            match step {
                Step::Next => break true,
                Step::End => break false,
                Step::Lost(loss) => {
                    self.room = None;
                    self.lose(loss);
                }
                Step::Keep => {
                    self.send(&mut out).await?;
                    let kept = self.keep().await?;
                    self.session.conclude(kept, &mut out);
                    self.room = None;
                }
            }
        };
        arrived.drain(..taken);
        if arrived.is_empty() {
            // What is idle holds nothing.
            *arrived = Vec::new();
        }
        if taken > 0 {
            self.place.active();
        }
        self.send(&mut out).await?;
        Ok(stays)
    }

    fn advance(&mut self, arrived: &[u8], out: &mut Vec<u8>) -> Result<(usize, Step), Malformed> {
        let (source, sender, room) = (&self.source, &self.sender, &mut self.room);
        let mut asked = Asked {
            recipient: &|address| source.recipient(address),
            grow: &mut |bytes| room.get_or_insert_with(|| source.intake.begin(&**sender)).grow(bytes).is_ok(),
        };
        self.session.advance(arrived, &mut asked, out)
    }

    /// Keeps the samples of the message that has ended; whether all of them are durable.
    async fn keep(&mut self) -> Result<bool, Broken> {
        let Some(message) = self.session.message() else { return Ok(false) };
        let (ids, alone) = (message.ids(), message.is_for_traps_alone());
        let content = Arc::new(message.take_content());
        let mut ids = ids.into_iter();
        let mut keeping = JoinSet::new();
        let mut progress = interval_at(Instant::now() + PROGRESS, PROGRESS);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut all = true;
        loop {
            while keeping.len() < AT_ONCE
                && let Some(id) = ids.next()
            {
                keeping.spawn(self.source.clone().keep(Arc::clone(&content), id));
            }
            tokio::select! {
                kept = keeping.join_next() => match kept {
                    Some(kept) => all &= kept.unwrap_or(false),
                    None => break,
                },
                _ = progress.tick() => {
                    let mut out = Vec::new();
                    Reply::Progress.write(&mut out);
                    self.send(&mut out).await?;
                }
            }
        }
        if !all && !alone {
            self.tell_of_loss("its sample could not be kept");
        }
        Ok(all)
    }

    /// Counts a message that is not kept, and tells of it.
    fn lose(&self, loss: Loss) {
        let (why, told) = match loss {
            Loss::TooLarge => ("too-large", "it is longer than 50 MiB"),
            Loss::NoRoom => (Refusal::NoRoom.why(), "too many messages are on their way in"),
        };
        self.source.intake.refused(why);
        self.tell_of_loss(told);
    }

    fn tell_of_loss(&self, why: &'static str) {
        if self.source.intake.seldom.may_say(why, &self.sender, std::time::Instant::now()) {
            tracing::warn!(
                why,
                feed = self.sender,
                "a message for a trap went on, or will come again, without its sample"
            );
        }
    }

    async fn send(&mut self, out: &mut Vec<u8>) -> Result<(), Broken> {
        if !out.is_empty() {
            timeout(WRITE, async {
                self.stream.write_all(out).await?;
                self.stream.flush().await
            })
            .await??;
            out.clear();
        }
        Ok(())
    }
}
