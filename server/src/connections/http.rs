//! One HTTP connection, driven until it ends, has been idle too long or is stopped: for the pages and for DNS over HTTPS.
//!
//! Enters: a connection of [`one`] or [`two`], and its place. The service behind it tells the place of every request
//! that it answered ([`Place::active`]); a connection on which none is answered in time is closed, whatever else goes
//! on on it: headers that come byte by byte, a body that never ends, an answer that is not read, pings.

use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::pin;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Place, stopped};

/// The least time that a connection has to say that it ends, and to finish what it began.
const FAREWELL: Duration = Duration::from_secs(2);
/// Requests at once on one HTTP/2 connection: each is answered as soon as it is read, and holds some kilobytes until then.
const STREAMS: u32 = 32;
/// The most bytes of a request's header, a DNS message of 4,096 bytes in base64 among them.
const HEADER_LIMIT: u32 = 8192;
/// The most bytes of a request over HTTP/1 that wait in our memory: its whole header, or a part of its body.
const BUFFER: usize = 16 << 10;
/// The most bytes of bodies that an HTTP/2 client may send before we took them.
const WINDOW: u32 = 64 << 10;
/// The most bytes of answers that wait on one HTTP/2 stream.
const SEND_LIMIT: usize = 16 << 10;

/// HTTP/1.1; each header, and each pause between two requests, must end within `header`.
pub fn one(header: Duration) -> http1::Builder {
    let mut form = http1::Builder::new();
    form.timer(TokioTimer::new()).header_read_timeout(header).max_buf_size(BUFFER);
    form
}

/// HTTP/2 for small messages.
pub fn two() -> http2::Builder<TokioExecutor> {
    let mut form = http2::Builder::new(TokioExecutor::new());
    form.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIMIT)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_send_buf_size(SEND_LIMIT);
    form
}

/// Drives one connection; it is closed where no request was answered for `idle`.
pub async fn converse(
    connection: impl GracefulConnection,
    place: &Place,
    idle: Duration,
    mut stop: watch::Receiver<bool>,
) {
    pin!(connection);
    let mut deadline = place.deadline(idle);
    while deadline > Instant::now() {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            // However it ended, the client is gone, and who it was is nobody's business (ATTACKS E10).
            _ = connection.as_mut() => return,
            () = sleep_until(deadline) => deadline = place.deadline(idle),
        }
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout_at(deadline.max(Instant::now() + FAREWELL), connection).await;
}
