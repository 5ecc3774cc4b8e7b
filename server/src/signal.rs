//! Signals as values.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// End in good order (SIGTERM, SIGINT).
    Stop,
    /// Read the settings again (SIGHUP).
    Reload,
    /// Start the program anew and hand it the sockets (SIGUSR2).
    Upgrade,
}

/// The signals that wait while a service starts, and would end it unheeded. SIGTERM and SIGINT end it at once still.
pub struct Early {
    reload: Stream,
    upgrade: Stream,
}

/// The signals of a running service; none is lost between two waits.
pub struct Signals {
    early: Early,
    terminate: Stream,
    interrupt: Stream,
}

impl Early {
    /// Takes note of signals from now on; within a runtime.
    ///
    /// # Errors
    /// When the system gives no signals.
    pub fn new() -> io::Result<Self> {
        Ok(Self { reload: signal(SignalKind::hangup())?, upgrade: signal(SignalKind::user_defined2())? })
    }

    /// Takes note of those that stop the service as well.
    ///
    /// # Errors
    /// When the system gives no signals.
    pub fn with_stop(self) -> io::Result<Signals> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Signals { early: self, terminate, interrupt })
    }
}

impl Signals {
    /// Waits for the next signal, one to stop first. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.early.reload.recv() => Signal::Reload,
            _ = self.early.upgrade.recv() => Signal::Upgrade,
        }
    }
}
