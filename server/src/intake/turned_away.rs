//! Clients of a listener of ours that no feed's networks name, told in the log now and then.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// At most one line in so long, however many come.
const PAUSE: Duration = Duration::from_secs(60);

/// When it was told last, and how many came since.
#[derive(Default)]
pub(super) struct TurnedAway(Mutex<(Option<Instant>, u64)>);

impl TurnedAway {
    /// Notes one more.
    pub(super) fn note(&self, client: SocketAddr) {
        if let Some(others) = self.due(Instant::now()) {
            tracing::warn!(
                others,
                "a client at {} was turned away: it is in the networks of no feed that this listener serves",
                client.ip()
            );
        }
    }

    /// How many more there were since the last time, if it is to be told now.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.0.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            told.1 += 1;
            return None;
        }
        told.0 = Some(now);
        Some(std::mem::take(&mut told.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_line_a_minute() {
        let (turned_away, began) = (TurnedAway::default(), Instant::now());
        assert_eq!(turned_away.due(began), Some(0));
        assert!((1..60).all(|second| turned_away.due(began + Duration::from_secs(second)).is_none()));
        assert_eq!(turned_away.due(began + PAUSE), Some(59));
        assert_eq!(turned_away.due(began + PAUSE), None);
    }
}
