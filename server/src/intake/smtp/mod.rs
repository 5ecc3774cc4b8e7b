//! SMTP and LMTP (RFC 5321, RFC 2033): listeners for MTAs of ours, and the trap server, to which strangers deliver.
//!
//! Enters: connections. Leaves: samples that are durable before their client is told so. What a client says is read by
//! [`session`], which knows no sockets; this drives it, within limits of time and of room. Nothing is relayed, nothing is
//! bounced, and nothing about a client is looked up while it waits.
//!
//! The peer of a sample: at the trap server the client itself; at a listener of ours what the MTA states by XFORWARD for the
//! transaction. A proxy that the settings name tells the client by a PROXY header, another one by XCLIENT; nobody else may.

pub mod attributes;
mod command;
pub mod data;
pub mod proxy;
pub mod reply;
pub mod session;
mod taking;

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

use self::attributes::{Stated, observed};
use self::reply::Reply;
use self::session::{Admission, Delivery, Event, Rules, Session};
use self::taking::{Answer, Taking};
use super::{Intake, Refusal, Reservation, doors};
use crate::config::{ChannelSettings, IntakeSettings, MailSettings, TrapAction, TrapServerSettings, UnknownRecipients};
use crate::connections::{LOCAL, Place, stopped};
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
/// kept or not (ATTACKS C02): longer than keeping it takes.
const EVEN: Duration = Duration::from_millis(250);

/// How long anything may take.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// Until the next command has come (RFC 5321 §4.5.3.2.7).
    command: Duration,
    /// Until the next octets of a message have (RFC 5321 §4.5.3.2.5).
    block: Duration,
    /// For a whole message (RFC 5321 §4.5.3.2.6 gives as much to its end alone).
    message: Duration,
    /// Without a message that was answered, whatever else is said; less where places are few.
    quiet: Duration,
    /// For all of a connection.
    session: Duration,
    /// Until a PROXY header has come.
    proxy: Duration,
    /// Until the client has read what it was told.
    write: Duration,
    /// Until a message that is on its way has come when the service stops.
    stopping: Duration,
    /// Until the client has gone when everything is said.
    linger: Duration,
}

impl Patience {
    const OURS: Self = Self {
        command: Duration::from_secs(300),
        block: Duration::from_secs(180),
        message: Duration::from_secs(600),
        quiet: Duration::from_secs(900),
        session: Duration::from_secs(3600),
        proxy: Duration::from_secs(10),
        write: Duration::from_secs(60),
        stopping: Duration::from_secs(2),
        linger: Duration::from_secs(1),
    };
    const STRANGERS: Self = Self { command: Duration::from_secs(60), ..Self::OURS };
}

/// What is read of the settings.
#[derive(Clone, Copy)]
struct Channel<'a> {
    feed: Option<&'a str>,
    mail: &'a MailSettings,
    lmtp: bool,
    trap_server: Option<&'a TrapServerSettings>,
}

impl<'a> Channel<'a> {
    fn of(settings: &'a IntakeSettings) -> Option<Self> {
        let (mail, lmtp, trap_server) = match &settings.channel {
            ChannelSettings::Lmtp(mail) => (mail, true, None),
            ChannelSettings::Smtp(mail) => (mail, false, None),
            ChannelSettings::TrapServer(server) => (&server.mail, false, Some(server)),
            ChannelSettings::Milter(_) | ChannelSettings::Maildir(_) => return None,
        };
        Some(Self { feed: settings.feed.as_deref(), mail, lmtp, trap_server })
    }

    /// Whether strangers must not learn which addresses are traps.
    fn is_even(&self) -> bool {
        self.trap_server.is_some_and(|server| server.unknown_recipients == UnknownRecipients::Accept)
    }

    fn answer(&self) -> Answer {
        match self.trap_server.map(|server| server.action) {
            _ if self.lmtp => Answer::Each,
            Some(TrapAction::Reject) => Answer::Once(reply::REJECTED),
            _ => Answer::Once(reply::TAKEN),
        }
    }
}

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

/// Answers one client until it has said QUIT, gone, or taken too long.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    place: &Arc<Place>,
    settings: &IntakeSettings,
    intake: &Intake,
    stop: watch::Receiver<bool>,
) {
    let Some(channel) = Channel::of(settings) else { return };
    let patience = if channel.trap_server.is_some() { Patience::STRANGERS } else { Patience::OURS };
    converse_within(patience, stream, place, channel, intake, stop).await;
}

async fn converse_within(
    patience: Patience,
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    place: &Place,
    channel: Channel<'_>,
    intake: &Intake,
    mut stop: watch::Receiver<bool>,
) {
    let mut client = place.client().ip();
    let mut peer = observed(client);
    let mut input = Input::default();
    if named(&channel.mail.proxies, client) {
        let header = tokio::select! {
            biased;
            () = stopped(&mut stop) => return,
            header = timeout(patience.proxy, input.proxied(&mut stream)) => header,
        };
        // Whoever sends none is not the proxy.
        let Ok(Ok(told)) = header else { return };
        peer = told.and_then(observed);
        client = told.unwrap_or(client);
    }
    let hostname = channel.mail.hostname.clone().unwrap_or_else(hostname);
    let known = doors::feed_of(&intake.declared(), channel.feed, client).is_some();
    if channel.trap_server.is_none() && !known {
        intake.refused("unknown-client");
        if intake.seldom.may_say("smtp-stranger", std::time::Instant::now()) {
            tracing::warn!(%client, "a client was turned away: it is in the networks of no feed that this listener serves");
        }
        let mut greeting = Vec::new();
        reply::NO_FEED.put(&mut greeting);
        if write(&mut stream, patience.write, &greeting).await.is_ok() {
            linger(stream, patience.linger).await;
        }
        return;
    }
    if let Some(server) = channel.trap_server
        && !wait(&mut stop, server.greeting_delay).await
    {
        return;
    }
    let rules = Rules {
        lmtp: channel.lmtp,
        strangers: channel.trap_server.is_some(),
        xclient: named(&channel.mail.xclient, client),
        hostname,
    };
    let now = Instant::now();
    let conversation = Conversation {
        stream,
        place,
        channel,
        intake,
        stop,
        patience,
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
    };
    conversation.run().await;
}

/// What a client sent and nobody has read yet.
#[derive(Default)]
struct Input {
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
    async fn proxied(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<IpAddr>, proxy::NoHeader> {
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
struct Conversation<'a, S> {
    stream: S,
    place: &'a Place,
    channel: Channel<'a>,
    intake: &'a Intake,
    stop: watch::Receiver<bool>,
    patience: Patience,
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

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Conversation<'_, S> {
    async fn run(mut self) {
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
                    linger(self.stream, self.patience.linger).await;
                }
                return;
            }
            let more = !closing && self.has_room();
            if more && !self.input.is_empty() {
                continue;
            }
            match self.news(closing, more).await {
                News::Kept(replies) => {
                    self.place.active();
                    self.owed.pop_front();
                    self.owed.push_front(Owed::Said(replies));
                }
                News::Stop => self.stopping = Some(Instant::now() + self.patience.stopping),
                News::TooLong => {
                    if self.stopping.is_none() && self.session.in_message() {
                        self.intake.refused("too-slow");
                    }
                    let reply = if self.stopping.is_some() { reply::STOPPING } else { reply::TOO_SLOW };
                    self.session.close(reply);
                    self.transaction = None;
                    self.say();
                }
                News::Read(Ok(octets)) if octets > 0 => self.read_at = Instant::now(),
                News::Read(_) => {
                    self.gone = true;
                    self.transaction = None;
                }
            }
        }
    }

    /// Waits for what happens next.
    async fn news(&mut self, closing: bool, reads: bool) -> News {
        let deadline = self.deadline();
        let kept = async {
            match self.owed.front_mut() {
                // A task that was ended has kept nothing.
                Some(Owed::Kept(kept)) => (&mut kept.task).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "a sample was refused");
                    self.channel.answer().refused(kept.recipients, Refusal::NotDurable.into())
                }),
                Some(Owed::Said(_)) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            replies = kept => News::Kept(replies),
            () = stopped(&mut self.stop), if self.stopping.is_none() => News::Stop,
            () = sleep_until(deadline), if !closing => News::TooLong,
            read = self.input.fill(&mut self.stream), if reads => News::Read(read),
        }
    }

    /// When the client has taken too long.
    fn deadline(&self) -> Instant {
        let patience = &self.patience;
        let mut deadline = self.place.deadline(patience.quiet);
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
                    if let Some(server) = self.channel.trap_server
                        && !wait(&mut self.stop, server.rcpt_delay).await
                    {
                        self.stopping = Some(Instant::now());
                        break;
                    }
                    let admission = self.admit(&address);
                    self.session.answer(admission);
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
            write(&mut self.stream, self.patience.write, replies).await?;
            self.owed.pop_front();
            self.since = Instant::now();
        }
        Ok(())
    }

    /// The feed whose samples the client brings.
    fn feed<'d>(&self, declared: &'d Declared) -> Option<&'d Feed> {
        match self.channel.trap_server {
            Some(_) => declared.feeds.iter().find(|feed| Some(feed.name.as_str()) == self.channel.feed),
            None => doors::feed_of(declared, self.channel.feed, self.client),
        }
    }

    /// Begins a transaction, by what is declared now.
    fn begin(&mut self) {
        let declared = self.intake.declared();
        let Some(feed) = self.feed(&declared) else {
            self.session.close(reply::NO_FEED_NOW);
            return;
        };
        let feed = feed.name.clone();
        let sender = match self.channel.trap_server {
            // One network of strangers must not take the room of all.
            Some(_) => format!("{feed} {}", network(self.stated_peer().unwrap_or(self.client))),
            None => feed.clone(),
        };
        let room = Ok(self.intake.begin(sender));
        let (traps, recipients, message) = (Vec::new(), Vec::new(), Vec::new());
        self.transaction = Some(Transaction { declared, feed, traps, recipients, message, room });
    }

    /// What was observed of the client of this session.
    fn stated_peer(&self) -> Option<IpAddr> {
        match (self.session.client(), self.channel.trap_server) {
            (Some(stated), _) => stated.observed(),
            (None, Some(_)) => self.peer,
            (None, None) => None,
        }
    }

    /// Decides of a recipient.
    fn admit(&mut self, address: &str) -> Admission {
        let Some(transaction) = &mut self.transaction else { return Admission::Refused(reply::WRONG_ORDER) };
        let Some(feed) = transaction.declared.feeds.iter().find(|feed| feed.name == transaction.feed) else {
            return Admission::Refused(reply::UNKNOWN_RECIPIENT);
        };
        let trap_of = |address: &str| self.intake.recipient(&transaction.declared, feed, address);
        let trap = trap_of(address);
        if self.channel.trap_server.is_some() {
            let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
            // Whoever writes to the postmaster has something to say, and is no spammer for it: a catch-all does not hold it.
            let declared = trap.is_some() && trap != trap_of(&format!("@{domain}"));
            if local.eq_ignore_ascii_case("postmaster") && !declared {
                return Admission::Unkept;
            }
        }
        let Some(trap) = trap else {
            self.intake.refused("unknown-trap");
            return if self.channel.is_even() {
                Admission::Unkept
            } else {
                Admission::Refused(reply::UNKNOWN_RECIPIENT)
            };
        };
        let known = transaction.traps.iter().position(|known| *known == trap);
        if known.is_none() {
            // Strangers who never send a message use up nobody's quota: theirs are asked for with the message.
            if self.channel.trap_server.is_none()
                && let Err(refusal) = self.intake.admit(feed)
            {
                return Admission::Refused(refusal.into());
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
        let answer = self.channel.answer();
        let refused = |reply: Reply| Owed::Said(answer.refused(delivery.recipients.len(), reply));
        if delivery.too_large {
            self.intake.refused("too-large");
            return refused(reply::TOO_LARGE);
        }
        let Some(transaction) = self.transaction.take() else { return refused(Refusal::NotDurable.into()) };
        let Transaction { declared, feed, traps, recipients, message, room } = transaction;
        let room = match self.intake.counted(room) {
            Ok(room) => room,
            Err(refusal) => return refused(refusal.into()),
        };
        let observed_peer = match self.channel.trap_server {
            None => delivery.forwarded.or(self.session.client()).and_then(Stated::observed),
            Some(_) => self.stated_peer(),
        };
        let mut not_before = None;
        if self.channel.trap_server.is_some() {
            // Where nobody may learn what is a trap, a message for none is asked for like one for one.
            let samples = if self.channel.is_even() { traps.len().max(1) } else { traps.len() };
            let of_name = declared.feeds.iter().find(|known| known.name == feed);
            let admitted = of_name.map_or(Ok(()), |feed| (0..samples).try_for_each(|_| self.intake.admit(feed)));
            if let Err(refusal) = admitted {
                return refused(refusal.into());
            }
            not_before = self.channel.is_even().then(|| Instant::now() + EVEN);
        }
        let envelope = Envelope { mail_from: delivery.mail_from, rcpt_to: delivery.recipients };
        let (intake, all) = (self.intake.clone(), recipients.len());
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

/// Whether networks of the settings name a client; one on a Unix socket has no address.
fn named(networks: &[IpNet], client: IpAddr) -> bool {
    let client = client.to_canonical();
    client != LOCAL.ip() && networks.iter().any(|network| network.contains(&client))
}

/// The network of strangers that counts as one sender.
fn network(address: IpAddr) -> IpNet {
    let address = address.to_canonical();
    let length = if address.is_ipv4() { 24 } else { 56 };
    IpNet::new(address, length).map_or(address.into(), |network| network.trunc())
}

/// This machine's name, as far as it is one that may stand in a greeting.
fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let sound = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    name.filter(sound).unwrap_or_else(|| "localhost".to_owned())
}

/// Waits so long; false if the service stops meanwhile.
async fn wait(stop: &mut watch::Receiver<bool>, delay: Duration) -> bool {
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
async fn write(stream: &mut (impl AsyncWrite + Unpin), within: Duration, octets: &[u8]) -> io::Result<()> {
    let writing = async {
        stream.write_all(octets).await?;
        stream.flush().await
    };
    timeout(within, writing).await.map_err(|_| io::ErrorKind::TimedOut)?
}

/// Says no more, and reads what the client still sends: a connection that is closed on unread octets is reset, and the client may
/// never see what it was told.
async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin, within: Duration) {
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
mod tests;
