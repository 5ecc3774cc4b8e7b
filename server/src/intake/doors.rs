//! The listeners of `[[intake]]`: who may have how many connections, and whose samples a client brings.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::{Intake, milter, smtp};
use crate::config::{ChannelSettings, IntakeSettings};
use crate::connections::{Counts, LOCAL, Limits, Place, Places, accept, accept_local};
use crate::declared::{Declared, Feed};

/// The most connections of one listener.
pub const CONNECTIONS: usize = 1024;
/// The most connections of one network of strangers.
const PER_PREFIX: usize = 32;

/// A listener that is bound.
pub enum Listening {
    /// To an address.
    Tcp(TcpListener),
    /// To a path.
    Unix(UnixListener),
}

/// Takes what comes in by one listener until `stop` says true or its sender is gone; what is under way then has a moment to
/// end.
pub async fn serve(
    listening: Listening,
    settings: Arc<IntakeSettings>,
    intake: Intake,
    counts: &Arc<Counts>,
    stop: watch::Receiver<bool>,
) {
    let strangers = matches!(settings.channel, ChannelSettings::TrapServer(_));
    let per_prefix = if strangers { PER_PREFIX } else { CONNECTIONS };
    // Behind a proxy everybody has its address; the proxy has bounds of its own.
    let unbounded = match &settings.channel {
        ChannelSettings::TrapServer(server) => server.mail.proxies.clone(),
        _ => Vec::new(),
    };
    let places = Places::new(Limits { connections: CONNECTIONS, per_prefix, unbounded });
    let stopped = stop.clone();
    match listening {
        Listening::Tcp(listener) => {
            let serve = move |stream, place| converse(stream, place, settings.clone(), intake.clone(), stopped.clone());
            accept(listener, &places, counts, stop, |_| true, serve).await;
        }
        Listening::Unix(listener) => {
            let serve = move |stream, place| converse(stream, place, settings.clone(), intake.clone(), stopped.clone());
            accept_local(listener, &places, counts, stop, serve).await;
        }
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    place: Arc<Place>,
    settings: Arc<IntakeSettings>,
    intake: Intake,
    stop: watch::Receiver<bool>,
) {
    match &settings.channel {
        ChannelSettings::Lmtp(_) | ChannelSettings::Smtp(_) | ChannelSettings::TrapServer(_) => {
            smtp::converse(stream, &place, &settings, &intake, stop).await;
        }
        ChannelSettings::Milter(milter) => {
            milter::converse(stream, &place, milter, settings.feed.as_deref(), &intake, stop).await;
        }
        ChannelSettings::Maildir(_) => {}
    }
}

/// The feed whose samples a client of ours brings: the named one, if its networks hold the client, or else the one whose
/// networks hold it most narrowly. A client on a Unix socket brings those of the named one. None: it may bring nothing.
pub fn feed_of<'d>(declared: &'d Declared, named: Option<&str>, client: IpAddr) -> Option<&'d Feed> {
    if client == LOCAL.ip() {
        return declared.feed(named?);
    }
    let client = client.to_canonical();
    let feeds = declared.feeds.iter().filter(|feed| named.is_none_or(|named| feed.name == named));
    let narrowest = |feed: &&'d Feed| {
        feed.networks.iter().filter(|network| network.contains(&client)).map(|network| network.prefix_len()).max()
    };
    let held = feeds.filter_map(|feed| Some((narrowest(&feed)?, feed)));
    held.max_by_key(|(narrow, _)| *narrow).map(|(_, feed)| feed)
}
