//! The milter protocol.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::Intake;
use crate::config::MilterSettings;
use crate::connections::Place;

/// Answers one MTA until it has said QUIT, gone, or taken too long.
pub(super) async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    place: &Arc<Place>,
    settings: &MilterSettings,
    feed: Option<&str>,
    intake: &Intake,
    stop: watch::Receiver<bool>,
) {
    let _ = (stream, place, settings, feed, intake, stop);
}
