//! One client, driven: octets from its stream to its session, samples into the ledger, and replies back in their order.
//!
//! What it holds is bounded: what was read at a time, replies that wait to be written, and the messages that are being kept while
//! the client goes on, each in the room that the intake has. A client that is too slow anywhere is ended.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use firsthand_analyzer::sample::Envelope;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::super::{Refusal, Reservation, doors};
use super::attributes::Stated;
use super::reply::{self, Reply};
use super::session::{Admission, Delivery, Event, Rules, Session};
use super::taking::Taking;
use super::{Around, proxy};
use crate::connections::stopped;
use crate::declared::{Declared, Feed};

/// What is read at a time.
const READ: usize = 16 << 10;
/// Messages of one connection that are being kept while the next ones are read; an MTA may send on without waiting (RFC 2920).
const AHEAD: usize = 16;
/// Replies that wait to be written, in octets, before more is read.
const REPLIES: usize = 16 << 10;
/// What is read of a client that was told good-bye, so that what it was told reaches it.
const LINGER: usize = 1 << 20;
/// Where strangers cannot tell traps from other addresses by asking, a message is answered no sooner, whether anything of it is
/// kept or not (ATTACKS C02): longer than judging it takes.
const EVEN: Duration = Duration::from_millis(250);
/// Octets of which each recipient that was accepted adds a second to that, since what is long is judged for each trap.
const EVEN_RATE: f64 = (100 << 20) as f64;

/// A transaction as far as the session does not know it.
struct Transaction {
    declared: Arc<Declared>,
    feed: String,
    /// The registry ids of its recipients, each once, and which of them each recipient is.
    traps: Vec<String>,
    recipients: Vec<usize>,
    message: Vec<u8>,
    room: Result<Reservation, Refusal>,
}

/// A reply that a client is owed.
enum Owed {
    Said(Vec<u8>),
    /// It is known when a message is kept.
    Kept(Kept),
}

/// A message that is being kept; nobody waits for it any more when it is dropped.
struct Kept {
    task: JoinHandle<Vec<u8>>,
    recipients: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a client sent and nobody has read yet.
#[derive(Default)]
pub(super) struct Input {
    octets: Vec<u8>,
    at: usize,
}

impl Input {
    fn is_empty(&self) -> bool {
        self.at == self.octets.len()
    }

    /// Reads more behind what is there; how much came.
    async fn fill(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        if self.is_empty() {
            self.octets.clear();
            self.at = 0;
        }
        self.octets.reserve(READ);
        stream.read_buf(&mut self.octets).await
    }

    /// Reads a PROXY header; the client that it tells.
    pub(super) async fn proxied(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<IpAddr>, proxy::NoHeader> {
        while self.fill(stream).await.map_err(|_| proxy::NoHeader)? > 0 {
            if let Some(header) = proxy::read(&self.octets)? {
                self.at = header.length;
                return Ok(header.client);
            }
        }
        Err(proxy::NoHeader)
    }
}

/// One client, driven.
pub(super) struct Conversation<'a, S> {
    stream: S,
    around: Around<'a>,
    /// Whoever connected, or for whom a proxy did.
    client: IpAddr,
    /// The same as an observed peer, where it is the peer.
    peer: Option<IpAddr>,
    session: Session,
    input: Input,
    owed: VecDeque<Owed>,
    transaction: Option<Transaction>,
    began: Instant,
    /// When it was last told something, from which on its next command is waited for.
    since: Instant,
    /// When the message that is on its way began.
    message_since: Option<Instant>,
    /// When anything came last.
    read_at: Instant,
    /// When it has to end as the service stops.
    stopping: Option<Instant>,
    /// It says no more.
    gone: bool,
}

/// What a conversation waited for.
enum News {
    Kept(Vec<u8>),
    Stop,
    TooLong,
    Read(io::Result<usize>),
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'a, S> {
    /// Begins with a client and what is observed of it; `input` is what it sent already.
    pub(super) fn new(
        stream: S,
        around: Around<'a>,
        (client, peer): (IpAddr, Option<IpAddr>),
        input: Input,
        rules: Rules,
    ) -> Self {
        let now = Instant::now();
        Self {
            stream,
            around,
            client,
            peer,
            session: Session::new(rules),
            input,
            owed: VecDeque::new(),
            transaction: None,
            began: now,
            since: now,
            message_since: None,
            read_at: now,
            stopping: None,
            gone: false,
        }
    }

    /// Answers it until the end.
    pub(super) async fn run(mut self) {
        loop {
            self.act().await;
            if self.stopping.is_some() && !self.session.in_message() {
                self.session.close(reply::STOPPING);
                self.say();
            }
            if self.write_replies().await.is_err() {
                return;
            }
            let closing = self.session.is_closed() || self.gone;
            if closing && self.owed.is_empty() {
                if !self.gone {
                    linger(self.stream, self.around.patience.linger).await;
                }
                return;
            }
            let more = !closing && self.has_room();
            let kept = matches!(self.owed.front(), Some(Owed::Kept(kept)) if kept.task.is_finished());
            if more && !kept && !self.input.is_empty() {
                // Whoever is made to wait for each of many commands may take too long with them.
                if self.owed.is_empty() && Instant::now() >= self.deadline() {
                    self.too_long();
                }
                continue;
            }
            match self.news(closing, more).await {
                News::Kept(replies) => {
                    self.around.place.active();
                    self.owed.pop_front();
                    self.owed.push_front(Owed::Said(replies));
                }
                News::Stop => self.stopping = Some(Instant::now() + self.around.patience.stopping),
                News::TooLong => self.too_long(),
                News::Read(Ok(octets)) if octets > 0 => self.read_at = Instant::now(),
                News::Read(_) => {
                    self.gone = true;
                    self.transaction = None;
                }
            }
        }
    }

    /// Ends a client that has taken too long.
    fn too_long(&mut self) {
        if self.stopping.is_none() && self.session.in_message() {
            self.around.intake.refused("too-slow");
        }
        let reply = if self.stopping.is_some() { reply::STOPPING } else { reply::TOO_SLOW };
        self.session.close(reply);
        self.transaction = None;
        self.say();
    }

    /// Waits for what happens next.
    async fn news(&mut self, closing: bool, reads: bool) -> News {
        let deadline = self.deadline();
        let kept = async {
            match self.owed.front_mut() {
                // A task that was ended has kept nothing.
                Some(Owed::Kept(kept)) => (&mut kept.task).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "a sample was refused");
                    let channel = &self.around.channel;
                    channel.answer().refused(kept.recipients, channel.told()(Refusal::NotDurable))
                }),
                Some(Owed::Said(_)) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            replies = kept => News::Kept(replies),
            () = stopped(&mut self.around.stop), if self.stopping.is_none() => News::Stop,
            () = sleep_until(deadline), if !closing => News::TooLong,
            read = self.input.fill(&mut self.stream), if reads => News::Read(read),
        }
    }

    /// When the client has taken too long.
    fn deadline(&self) -> Instant {
        let patience = &self.around.patience;
        let mut deadline = self.around.place.deadline(patience.quiet);
        deadline = match self.message_since {
            Some(since) => deadline.min(since + patience.message).min(self.read_at.max(self.since) + patience.block),
            None => deadline.min(self.since + patience.command).min(self.began + patience.session),
        };
        self.stopping.map_or(deadline, |stopping| deadline.min(stopping))
    }

    /// Whether the client may say more before it has been answered.
    fn has_room(&self) -> bool {
        let said: usize =
            self.owed.iter().map(|owed| if let Owed::Said(octets) = owed { octets.len() } else { 0 }).sum();
        let kept = self.owed.iter().filter(|owed| matches!(owed, Owed::Kept(_))).count();
        kept < AHEAD && said < REPLIES
    }

    /// Obeys what has come, as far as there is room for what it makes.
    async fn act(&mut self) {
        let input = std::mem::take(&mut self.input);
        let mut rest = &input.octets[input.at..];
        while self.has_room() {
            let Some(event) = self.session.next(&mut rest) else { break };
            match event {
                Event::Begun => self.begin(),
                Event::Recipient(address) => {
                    if let Some(server) = self.around.channel.trap_server
                        && !wait(&mut self.around.stop, server.rcpt_delay).await
                    {
                        self.stopping = Some(Instant::now());
                        break;
                    }
                    let admission = self.admit(&address);
                    self.session.answer(admission);
                    if self.around.channel.trap_server.is_some_and(|server| !server.rcpt_delay.is_zero()) {
                        // It is told before it waits again, by which it is known whether it is still there.
                        break;
                    }
                }
                Event::Octets(octets) => self.hold(octets),
                Event::Dropped => {
                    if let Some(transaction) = &mut self.transaction {
                        transaction.let_go();
                    }
                }
                Event::Message(delivery) => {
                    self.message_since = None;
                    self.say();
                    let owed = self.keep(delivery);
                    self.owed.push_back(owed);
                }
            }
            if self.session.replies().len() > REPLIES {
                self.say();
            }
        }
        self.say();
        if self.session.is_closed() {
            self.transaction = None;
        }
        self.message_since = self.session.in_message().then(|| self.message_since.unwrap_or_else(Instant::now));
        let at = input.octets.len() - rest.len();
        self.input = Input { at, ..input };
    }

    /// Puts what the session said behind what is owed.
    fn say(&mut self) {
        let replies = std::mem::take(self.session.replies());
        if replies.is_empty() {
            return;
        }
        match self.owed.back_mut() {
            Some(Owed::Said(said)) => said.extend_from_slice(&replies),
            _ => self.owed.push_back(Owed::Said(replies)),
        }
    }

    /// Writes the replies that nothing has to be waited for.
    async fn write_replies(&mut self) -> io::Result<()> {
        while let Some(Owed::Said(replies)) = self.owed.front() {
            write(&mut self.stream, self.around.patience.write, replies).await?;
            self.owed.pop_front();
            self.since = Instant::now();
        }
        Ok(())
    }

    /// The feed whose samples the client brings.
    fn feed<'d>(&self, declared: &'d Declared) -> Option<&'d Feed> {
        match self.around.channel.trap_server {
            Some(_) => declared.feed(self.around.channel.feed?),
            None => doors::feed_of(declared, self.around.channel.feed, self.client),
        }
    }

    /// Begins a transaction, by what is declared now.
    fn begin(&mut self) {
        let declared = self.around.intake.declared();
        let Some(feed) = self.feed(&declared) else {
            self.session.close(reply::NO_FEED_NOW);
            return;
        };
        let feed = feed.name.clone();
        let room = Ok(match self.around.channel.trap_server {
            // One network of strangers must not take the room of all.
            Some(_) => self.around.intake.begin_of_strangers(network(self.stated_peer().unwrap_or(self.client))),
            None => self.around.intake.begin(&*feed),
        });
        let (traps, recipients, message) = (Vec::new(), Vec::new(), Vec::new());
        self.transaction = Some(Transaction { declared, feed, traps, recipients, message, room });
    }

    /// What was observed of the client of this session.
    fn stated_peer(&self) -> Option<IpAddr> {
        match (self.session.client(), self.around.channel.trap_server) {
            (Some(stated), _) => stated.observed(),
            (None, Some(_)) => self.peer,
            (None, None) => None,
        }
    }

    /// Decides of a recipient.
    fn admit(&mut self, address: &str) -> Admission {
        let Some(transaction) = &mut self.transaction else { return Admission::Refused(reply::WRONG_ORDER) };
        let Some(feed) = transaction.declared.feed(&transaction.feed) else {
            return Admission::Refused(reply::UNKNOWN_RECIPIENT);
        };
        let trap_of = |address: &str| self.around.intake.recipient(&transaction.declared, feed, address);
        let trap = trap_of(address);
        if self.around.channel.trap_server.is_some() {
            let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
            // Whoever writes to the postmaster has something to say, and is no spammer for it: a catch-all does not hold it.
            let declared = trap.is_some() && trap != trap_of(&format!("@{domain}"));
            if local.eq_ignore_ascii_case("postmaster") && !declared {
                return Admission::Unkept;
            }
        }
        let Some(trap) = trap else {
            self.around.intake.refused("unknown-trap");
            return if self.around.channel.is_even() {
                Admission::Unkept
            } else {
                Admission::Refused(reply::UNKNOWN_RECIPIENT)
            };
        };
        let known = transaction.traps.iter().position(|known| *known == trap);
        if known.is_none() {
            // Strangers who never send a message use up nobody's quota: theirs are asked for with the message.
            if self.around.channel.trap_server.is_none()
                && let Err(refusal) = self.around.intake.admit(feed)
            {
                return Admission::Refused(self.around.channel.told()(refusal));
            }
            transaction.traps.push(trap);
        }
        transaction.recipients.push(known.unwrap_or(transaction.traps.len() - 1));
        Admission::Kept
    }

    /// Holds octets of the message, if there is room.
    fn hold(&mut self, octets: &[u8]) {
        let Some(transaction) = &mut self.transaction else { return };
        let Ok(room) = &mut transaction.room else { return };
        match room.grow(octets.len()) {
            // What is for no trap takes room, so that it is refused as any other, and is not held.
            Ok(()) if transaction.traps.is_empty() => {}
            Ok(()) => transaction.message.extend_from_slice(octets),
            Err(full) => {
                transaction.room = Err(full.into());
                transaction.message = Vec::new();
            }
        }
    }

    /// Keeps a whole message, or refuses it.
    fn keep(&mut self, delivery: Delivery) -> Owed {
        let answer = self.around.channel.answer();
        let refused_with = |reply: Reply| Owed::Said(answer.refused(delivery.recipients.len(), reply));
        if delivery.too_large {
            self.around.intake.refused("too-large");
            return refused_with(reply::TOO_LARGE);
        }
        let told = self.around.channel.told();
        let refused = |refusal| refused_with(told(refusal));
        let Some(transaction) = self.transaction.take() else { return refused(Refusal::NotDurable) };
        let Transaction { declared, feed, traps, recipients, message, room } = transaction;
        let room = match self.around.intake.counted(room) {
            Ok(room) => room,
            Err(refusal) => return refused(refusal),
        };
        let observed_peer = match self.around.channel.trap_server {
            None => delivery.forwarded.or(self.session.client()).and_then(Stated::observed),
            Some(_) => self.stated_peer(),
        };
        let mut not_before = None;
        if self.around.channel.trap_server.is_some() {
            // Where nobody may learn how many of its recipients are traps, a message is asked for like one sample: more for each
            // recipient would let strangers use up the quota of all by few messages for nobody.
            let samples = if self.around.channel.is_even() { 1 } else { traps.len() };
            let of_name = declared.feed(&feed);
            let admitted = of_name.map_or(Ok(()), |feed| (0..samples).try_for_each(|_| self.around.intake.admit(feed)));
            if let Err(refusal) = admitted {
                return refused(refusal);
            }
            let even = || Instant::now() + even(delivery.accepted, delivery.size);
            not_before = self.around.channel.is_even().then(even);
        }
        let envelope = Envelope { mail_from: delivery.mail_from, rcpt_to: delivery.recipients };
        let (intake, all) = (self.around.intake.clone(), recipients.len());
        let taking = Taking {
            intake,
            declared,
            feed,
            message,
            _room: room,
            envelope,
            observed_peer,
            traps,
            recipients,
            answer,
            told,
            not_before,
        };
        Owed::Kept(Kept { task: tokio::spawn(taking.run()), recipients: all })
    }
}

impl Transaction {
    /// Gives up what came of the message.
    fn let_go(&mut self) {
        self.message = Vec::new();
        self.room = Err(Refusal::NoRoom);
    }
}

/// How long a message of so many octets for so many recipients is not answered, where nobody may learn for how many of them it
/// is judged.
fn even(recipients: usize, octets: usize) -> Duration {
    EVEN + Duration::from_secs_f64(recipients as f64 * octets as f64 / EVEN_RATE)
}

/// The network of strangers that counts as one sender.
pub(super) fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 56 };
    IpNet::new(address, length).map_or(address.into(), |network| network.trunc())
}

/// Waits so long; false if the service stops meanwhile.
pub(super) async fn wait(stop: &mut watch::Receiver<bool>, delay: Duration) -> bool {
    if delay.is_zero() {
        return true;
    }
    tokio::select! {
        biased;
        () = stopped(stop) => false,
        () = sleep(delay) => true,
    }
}

/// Writes all of it, within so long.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), within: Duration, octets: &[u8]) -> io::Result<()> {
    let writing = async {
        stream.write_all(octets).await?;
        stream.flush().await
    };
    timeout(within, writing).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Says no more, and reads what the client still sends: a connection that is closed on unread octets is reset, and the client may
/// never see what it was told.
pub(super) async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin, within: Duration) {
    let reading = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let (mut part, mut read) = (vec![0; READ], 0);
        while read < LINGER {
            match stream.read(&mut part).await {
                Ok(octets) if octets > 0 => read += octets,
                _ => return,
            }
        }
    };
    // However it ends, the client was told.
    let _ = timeout(within, reading).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_is_answered_later_whoever_gets_it() {
        assert!(even(1, 5000) < EVEN + Duration::from_millis(1));
        assert_eq!(even(2, 50 << 20), EVEN + Duration::from_secs(1));
        assert!(even(100, 50 << 20) < Duration::from_secs(60), "clients wait for ten minutes");
    }
}
