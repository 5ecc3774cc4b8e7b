//! A feed's quota: how many samples it may hand in.
//!
//! Format: `none`, or a whole number of samples and a period, `1000/m` (`s`, `m`, `h`, `d`). Refuses zero: a feed that may
//! hand in nothing is a feed to take out of the file.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::remark::Flaw;

/// How many samples a feed may hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// As many as it likes (`none`).
    Unlimited,
    /// At most `samples` in every `period`.
    Limited {
        /// The number of samples.
        samples: NonZeroU32,
        /// The period in which they may come.
        period: QuotaPeriod,
    },
}

/// The period of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaPeriod {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
    /// `d`
    Day,
}

impl QuotaPeriod {
    /// The period as a length of time; a day has 24 hours.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        })
    }

    /// The letter that stands for the period in a quota.
    const fn letter(self) -> char {
        match self {
            Self::Second => 's',
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
        }
    }
}

impl Quota {
    /// The quota that `text` writes.
    pub(super) fn of(text: &str) -> Result<Self, Flaw> {
        if text == "none" {
            return Ok(Self::Unlimited);
        }
        let flaw = || {
            let what = format!("{text:?} is not a quota");
            Flaw::new(what, r#"write "none", or samples per s, m, h or d, for example "1000/m""#)
        };
        let (samples, period) = text.split_once('/').ok_or_else(flaw)?;
        let period = match period {
            "s" => QuotaPeriod::Second,
            "m" => QuotaPeriod::Minute,
            "h" => QuotaPeriod::Hour,
            "d" => QuotaPeriod::Day,
            _ => return Err(flaw()),
        };
        if !samples.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(flaw());
        }
        if samples.bytes().all(|byte| byte == b'0') && !samples.is_empty() {
            let what = format!("{text:?} admits no sample at all");
            return Err(Flaw::new(what, "write at least 1, or take the feed out of the file"));
        }
        Ok(Self::Limited { samples: samples.parse().map_err(|_| flaw())?, period })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => f.write_str("none"),
            Self::Limited { samples, period } => write!(f, "{samples}/{}", period.letter()),
        }
    }
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read_and_printed() {
        for text in ["none", "1/s", "1000/m", "4294967295/h", "7/d"] {
            let quota = Quota::of(text).expect("a quota");
            assert_eq!(quota.to_string(), text);
        }
        let Ok(Quota::Limited { samples, period }) = Quota::of("1000/m") else { panic!("a limited quota") };
        assert_eq!((samples.get(), period.length()), (1000, Duration::from_secs(60)));
    }

    #[test]
    fn what_is_no_quota_is_refused() {
        for text in
            ["", "/", "/m", "0/m", "000/s", "+5/m", "1000", "1000/w", "1000/min", "4294967296/m", " 1/m", "None"]
        {
            assert!(Quota::of(text).is_err(), "{text:?}");
        }
    }
}
