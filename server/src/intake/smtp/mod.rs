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
mod conversation;
pub mod data;
pub mod proxy;
pub mod reply;
pub mod session;
mod taking;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;

use self::attributes::observed;
use self::conversation::{Conversation, Input, linger, wait, write};
use self::reply::Reply;
use self::session::Rules;
use self::taking::Answer;
use super::{Intake, Refusal, doors};
use crate::config::{ChannelSettings, IntakeSettings, MailSettings, TrapAction, TrapServerSettings, UnknownRecipients};
use crate::connections::{LOCAL, Place, stopped};

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

    /// What is told of a refusal.
    fn told(&self) -> fn(Refusal) -> Reply {
        if self.trap_server.is_some() { |_| reply::LATER } else { Reply::from }
    }

    fn answer(&self) -> Answer {
        match self.trap_server.map(|server| server.action) {
            _ if self.lmtp => Answer::Each,
            Some(TrapAction::Reject) => Answer::Once(reply::REJECTED),
            _ => Answer::Once(reply::TAKEN),
        }
    }
}

/// What a conversation is held by.
struct Around<'a> {
    patience: Patience,
    place: &'a Place,
    channel: Channel<'a>,
    intake: &'a Intake,
    stop: watch::Receiver<bool>,
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
    converse_within(stream, Around { patience, place, channel, intake, stop }).await;
}

async fn converse_within(mut stream: impl AsyncRead + AsyncWrite + Unpin + Send, mut around: Around<'_>) {
    let Around { patience, place, channel, intake, ref mut stop } = around;
    let mut client = place.client().ip();
    let mut peer = observed(client);
    let mut input = Input::default();
    if named(&channel.mail.proxies, client) {
        let header = tokio::select! {
            biased;
            () = stopped(stop) => return,
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
        if intake.seldom.may_say("smtp-stranger", client, std::time::Instant::now()) {
            let feed = channel.feed.unwrap_or("any");
            tracing::warn!(%client, feed, "a client was turned away, as it is in no `networks` of the [[feed]] that this [[intake]] serves: if it is an MTA of yours, write it there");
        }
        let mut greeting = Vec::new();
        reply::NO_FEED.put(&mut greeting);
        if write(&mut stream, patience.write, &greeting).await.is_ok() {
            linger(stream, patience.linger).await;
        }
        return;
    }
    if let Some(server) = channel.trap_server
        && !wait(stop, server.greeting_delay).await
    {
        return;
    }
    let rules = Rules {
        lmtp: channel.lmtp,
        strangers: channel.trap_server.is_some(),
        xclient: named(&channel.mail.xclient, client),
        hostname,
    };
    Conversation::new(stream, around, (client, peer), input, rules).run().await;
}

/// Whether networks of the settings name a client; one on a Unix socket has no address.
fn named(networks: &[IpNet], client: IpAddr) -> bool {
    let client = client.to_canonical();
    client != LOCAL.ip() && networks.iter().any(|network| network.contains(&client))
}

/// This machine's name, as far as it is one that may stand in a greeting.
fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let sound = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    name.filter(sound).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests;
