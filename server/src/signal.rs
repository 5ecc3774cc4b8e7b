//! Signals as values.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// End in good order (SIGTERM, SIGINT).
    Stop,
}

/// Waits for the next signal.
///
/// # Errors
/// When the system gives no signals.
pub async fn next() -> io::Result<Signal> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(Signal::Stop)
}
