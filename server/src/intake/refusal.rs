//! Why a sample is not taken now, by whatever channel it comes. Whoever brought it may come again: nothing of it was
//! acknowledged.

use std::time::Duration;

use super::room::Full;

/// When to come again while a feed is paused, in seconds: nobody knows for how long it is.
const PAUSED_RETRY: u64 = 300;

/// Why a sample is not taken now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The operator has paused the feed.
    Paused,
    /// The feed has used up its quota; so long until the next.
    OverQuota(Duration),
    /// As many messages are on their way in as there is room for.
    NoRoom,
    /// The disk is nearly full.
    DiskFull,
    /// The ledger could not make it durable.
    NotDurable,
}

impl Refusal {
    /// Its word in answers and metrics.
    pub fn why(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::OverQuota(_) => "over-quota",
            Self::NoRoom => "no-room",
            Self::DiskFull => "disk-full",
            Self::NotDurable => "not-durable",
        }
    }

    /// The reason in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Paused => "The feed is paused; keep the sample, and send it again later.",
            Self::OverQuota(_) => "The feed has used up its quota.",
            Self::NoRoom => "Too many messages are on their way in; send it again later.",
            Self::DiskFull => {
                "The disk is nearly full, and no samples are taken until there is room; send it again later."
            }
            Self::NotDurable => "The sample could not be made durable; send it again later.",
        }
    }

    /// When to come again, in seconds.
    pub fn retry_after(self) -> u64 {
        match self {
            Self::Paused => PAUSED_RETRY,
            Self::OverQuota(wait) => wait.as_secs() + 1,
            Self::NoRoom | Self::NotDurable => 10,
            Self::DiskFull => 60,
        }
    }

    /// The SMTP reply code and enhanced status code (RFC 5321 §4.2.3, RFC 3463).
    pub fn smtp(self) -> (u16, &'static str) {
        match self {
            Self::Paused => (450, "4.2.1"),
            Self::OverQuota(_) => (452, "4.2.2"),
            Self::NoRoom | Self::DiskFull => (452, "4.3.1"),
            Self::NotDurable => (451, "4.3.0"),
        }
    }
}

impl From<Full> for Refusal {
    fn from(_: Full) -> Self {
        Self::NoRoom
    }
}
