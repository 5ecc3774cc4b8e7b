//! DNS over TLS (RFC 7858): the streams of [`tcp`](super::tcp) within TLS, with its bounds and deadlines and one more, for
//! the handshake. It counts against the same places, so that nobody gets more of us by encrypting.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Transport;
use super::responder::Responder;
use super::tcp::{Deadlines, converse};
use crate::certificate::Certificate;
use crate::connections::{Counts, Places, accept, stopped};

/// The protocol's name in handshakes (RFC 7858 §3.1 needs none; IANA has this one).
const PROTOCOL: &[u8] = b"dot";
/// Time for a handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// Serves until `stop` says true or its sender is gone, and ends as [`tcp::serve`](super::tcp::serve) does.
pub async fn serve(
    listener: TcpListener,
    certificate: &Arc<Certificate>,
    responder: Arc<Responder>,
    places: Arc<Places>,
    deadlines: Deadlines,
    stop: watch::Receiver<bool>,
) {
    let counts = Arc::clone(responder.counters().connections(Transport::Tls));
    let acceptor = TlsAcceptor::from(certificate.terms(PROTOCOL));
    let (stopping, rules, counted) = (stop.clone(), Arc::clone(&responder), Arc::clone(&counts));
    let admits = |client| !rules.drops(client);
    accept(listener, &places, &counts, stop, admits, move |stream, place| {
        let (acceptor, responder) = (acceptor.clone(), Arc::clone(&responder));
        let (counts, mut stop) = (Arc::clone(&counted), stopping.clone());
        async move {
            let Some(stream) = secured(&acceptor, stream, &counts, &mut stop).await else { return };
            // However it ends, the client is gone, and who it was is nobody's business (ATTACKS E10).
            let _ = converse(stream, Transport::Tls, &responder, &place, deadlines, stop).await;
        }
    })
    .await;
}

/// The stream after its handshake; none where that fails, takes too long or is stopped.
pub(super) async fn secured(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    counts: &Counts,
    stop: &mut watch::Receiver<bool>,
) -> Option<Box<TlsStream<TcpStream>>> {
    let _ = stream.set_nodelay(true);
    // On the heap for as long as it takes: a handshake's state is large, and would stay part of the connection's.
    let handshake = Box::pin(timeout(HANDSHAKE, acceptor.accept(stream)));
    let secured = tokio::select! {
        biased;
        () = stopped(stop) => return None,
        secured = handshake => secured,
    };
    match secured {
        Ok(Ok(stream)) => Some(Box::new(stream)),
        Ok(Err(_)) | Err(_) => {
            counts.handshake_failed();
            None
        }
    }
}
