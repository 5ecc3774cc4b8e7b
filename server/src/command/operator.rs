//! How the operator's commands reach the service: by its socket where it runs, else by the ledger itself.

use std::io;
use std::path::Path;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::{CommandError, TRY_LATER};
use crate::config::Settings;
use crate::control::{AnsweredReload, Asked, AskedReload, named, socket};
use crate::ledger::{Correction, Ledger, Outcome};
use crate::publisher::{Braked, unix_now};

/// How long a correction may take; a withdrawal of a million samples takes a while.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whether a service runs on the data folder of these settings; one that cannot be reached counts as well.
pub(super) fn a_service_runs(settings: &Settings) -> bool {
    let reached = std::os::unix::net::UnixStream::connect(socket(&settings.data));
    !reached.is_err_and(|error| is_left(&error))
}

/// Nobody listens any more behind a socket that a process left.
fn is_left(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// The name of whoever runs this command.
pub(super) fn caller() -> String {
    let by = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named(&by.unwrap_or_default())
}

/// Does a correction, in a running service or in the ledger itself.
///
/// # Errors
/// When it was refused, or could not be made durable.
pub fn correct(settings: &Settings, correction: Correction) -> Result<Outcome, CommandError> {
    let by = caller();
    let asked = Asked { correction: correction.clone(), by: by.clone() };
    let body = serde_json::to_vec(&asked).map_err(|error| CommandError::Usage(error.to_string()))?;
    let outcome: Outcome = match ask(&settings.data, Method::POST, "/corrections", body)? {
        Some(outcome) => outcome,
        None => {
            // Where there is no ledger, nothing can be corrected: most likely the settings or the working directory are others.
            drop(ledger(settings)?);
            Ledger::open(&settings.data)?.correct_blocking(correction, &by, unix_now())?
        }
    };
    match outcome.refused {
        Some(why) => Err(CommandError::Usage(why)),
        None => Ok(outcome),
    }
}

/// What the brake of the running service holds; none if no service runs.
///
/// # Errors
/// When the service does not answer.
pub fn braked(settings: &Settings) -> Result<Option<Braked>, CommandError> {
    ask(&settings.data, Method::GET, "/brake", Vec::new())
}

/// Lets the service that runs in a data folder read its settings again, if they are those of `file`; none if no service
/// runs.
///
/// # Errors
/// When the service does not answer.
pub fn reload(folder: &Path, file: Option<&Path>) -> Result<Option<AnsweredReload>, CommandError> {
    let file = file.map(std::path::absolute).transpose()?;
    let body = serde_json::to_vec(&AskedReload { file }).map_err(|error| CommandError::Usage(error.to_string()))?;
    ask(folder, Method::POST, "/reload", body)
}

/// Asks the service that runs in a data folder; none if none does.
fn ask<T: DeserializeOwned>(
    folder: &Path,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<Option<T>, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let socket = socket(folder);
    let later = |error: &dyn std::fmt::Display| {
        CommandError::TryLater(format!("the service at {} broke off: {error}", socket.display()))
    };
    runtime.block_on(async {
        let stream = match UnixStream::connect(&socket).await {
            Ok(stream) => stream,
            Err(error) if is_left(&error) => return Ok(None),
            Err(error) => return Err(CommandError::File { path: socket.clone(), error }),
        };
        let (mut open, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| later(&error))?;
        tokio::spawn(async move {
            // What ends the connection is told by the request that needed it.
            let _ = driver.await;
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "control")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| later(&error))?;
        let exchange = async {
            let response = open.send_request(request).await.map_err(|error| later(&error))?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| later(&error))?.to_bytes();
            if status != StatusCode::OK {
                return Err(later(&String::from_utf8_lossy(&body)));
            }
            serde_json::from_slice(&body).map(Some).map_err(|error| later(&error))
        };
        let answer = tokio::time::timeout(PATIENCE, exchange).await;
        answer.map_err(|_| CommandError::TryLater(format!("no answer within {PATIENCE:?} ({TRY_LATER})")))?
    })
}

/// The ledger, to look at. None is made: an empty one in the wrong place would answer everything.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn ledger(settings: &Settings) -> Result<Ledger, CommandError> {
    Ok(Ledger::look(&settings.data)?)
}

/// Whether a length of time means before now or after it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `2h` is two hours ago.
    Past,
    /// `2h` is in two hours.
    Future,
}

/// An instant in Unix seconds: RFC 3339, a date (UTC), or a length of time from now.
///
/// # Errors
/// The sentence for the operator.
pub fn instant(text: &str, direction: Direction, now: i64) -> Result<i64, CommandError> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_second());
    }
    if let Ok(date) = text.parse::<Date>()
        && let Ok(start) = date.to_zoned(TimeZone::UTC)
    {
        return Ok(start.timestamp().as_second());
    }
    let length = humantime::parse_duration(text).ok().and_then(|length| i64::try_from(length.as_secs()).ok());
    match (length, direction) {
        (Some(length), Direction::Past) => Ok(now.saturating_sub(length)),
        (Some(length), Direction::Future) => Ok(now.saturating_add(length)),
        (None, _) => Err(CommandError::Usage(format!(
            "{text:?} is no time; write 2026-11-25T14:00:00Z, 2026-11-25, or a length of time such as 2h or 3d"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let at = |text, direction| instant(text, direction, 1_000_000).ok();
        assert_eq!(at("2h", Direction::Past), Some(1_000_000 - 7200));
        assert_eq!(at("3d", Direction::Future), Some(1_000_000 + 259_200));
        assert_eq!(at("2026-11-25", Direction::Past), Some(1_795_564_800));
        assert_eq!(at("2026-11-25T14:00:00Z", Direction::Past), Some(1_795_564_800 + 50_400));
        assert_eq!(at("2026-11-25T14:00:00+02:00", Direction::Past), Some(1_795_564_800 + 43_200));
        assert_eq!(at("tomorrow", Direction::Future), None);
    }
}
