//! `POST /api/v1/samples`: one message a request.
//!
//! The bearer token names the feed, `Firsthand-Trap` the trap; for a feed of mail that people wanted, `Firsthand-Recipient`
//! who did. 202 once the sample is durable; nothing secret ever
//! stands in a URL, and no answer repeats a stranger's bytes but as JSON.

use std::time::{Duration, Instant};

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use firsthand_analyzer::address::parse_address;
use firsthand_analyzer::sample::{Envelope, MESSAGE_LIMIT};
use serde_json::json;

use super::{Intake, NotTaken, Submission};
use crate::config::FeedKind;
use crate::declared::{Declared, Feed, bare};

/// The header that names the trap.
pub const TRAP: &str = "firsthand-trap";
/// The header that names the recipient of mail that was wanted.
pub const RECIPIENT: &str = "firsthand-recipient";
/// The header with the peer that the channel saw.
pub const OBSERVED_PEER: &str = "firsthand-observed-peer";
/// The header with the envelope's sender; empty or `<>` for the null sender.
pub const MAIL_FROM: &str = "firsthand-mail-from";

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// When to come again while a feed is paused, in seconds: nobody knows for how long it is.
const PAUSED_RETRY: u64 = 300;

/// Why a sample was not taken.
enum Refused {
    NoToken,
    WrongToken,
    WrongType,
    NoTrap,
    NoRecipient,
    UnknownTrap,
    WrongPeer,
    OverQuota(Duration),
    TooLarge,
    TooSlow,
    NotDurable,
    Paused,
}

impl Refused {
    fn why(&self) -> &'static str {
        match self {
            Self::NoToken => "no-token",
            Self::WrongToken => "wrong-token",
            Self::WrongType => "wrong-type",
            Self::NoTrap => "no-trap",
            Self::NoRecipient => "no-recipient",
            Self::UnknownTrap => "unknown-trap",
            Self::WrongPeer => "wrong-peer",
            Self::OverQuota(_) => "over-quota",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::NotDurable => "not-durable",
            Self::Paused => "paused",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoTrap | Self::NoRecipient | Self::WrongPeer => StatusCode::BAD_REQUEST,
            Self::UnknownTrap => StatusCode::NOT_FOUND,
            Self::OverQuota(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotDurable | Self::Paused => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::NoToken => "Send the feed's token: Authorization: Bearer TOKEN.",
            Self::WrongToken => "No feed has this token.",
            Self::WrongType => "Send one message with Content-Type: message/rfc822.",
            Self::NoTrap => "Name the trap that took the message: Firsthand-Trap: ADDRESS.",
            Self::NoRecipient => {
                "This feed carries mail that people wanted; name who did: Firsthand-Recipient: ADDRESS."
            }
            Self::UnknownTrap => "No registered trap of this feed has this address.",
            Self::WrongPeer => "Firsthand-Observed-Peer must be an IPv4 or IPv6 address.",
            Self::OverQuota(_) => "The feed has used up its quota.",
            Self::TooLarge => "The message is larger than 50 MiB, or broke off.",
            Self::TooSlow => "The message took longer than 60 s to arrive.",
            Self::NotDurable => "The sample could not be made durable; send it again later.",
            Self::Paused => "The feed is paused; keep the sample, and send it again later.",
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.why(), "detail": self.sentence() }));
        let mut response = (self.status(), body).into_response();
        let retry = match &self {
            Self::OverQuota(wait) => wait.as_secs() + 1,
            Self::NotDurable => 10,
            Self::Paused => PAUSED_RETRY,
            _ => return response,
        };
        response.headers_mut().insert(header::RETRY_AFTER, retry.into());
        response
    }
}

/// Takes one sample. A stranger is turned away before the body is read.
pub async fn take(State(intake): State<Intake>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    match take_sample(&intake, &head.headers, body).await {
        Ok(response) => response,
        Err(refused) => {
            intake.metrics.refused.with_label_values(&[refused.why()]).inc();
            refused.into_response()
        }
    }
}

async fn take_sample(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<Response, Refused> {
    let declared = intake.declared.load();
    let feed = authenticate(&declared, headers)?;
    // Before the body is read; what is said of the rest would help nobody now.
    if feed.paused.is_some() {
        return Err(Refused::Paused);
    }
    let content_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("message/rfc822") {
        return Err(Refused::WrongType);
    }
    let trap = match feed.kind {
        FeedKind::Traps | FeedKind::Reports => {
            let trap = text(headers, TRAP).ok_or(Refused::NoTrap)?;
            declared.trap_for(feed, &intake.ledger, trap).ok_or(Refused::UnknownTrap)?
        }
        FeedKind::Wanted => {
            let recipient = text(headers, RECIPIENT).map(bare).filter(|recipient| recipient.contains('@'));
            intake.ledger.recipient_id(&recipient.ok_or(Refused::NoRecipient)?)
        }
    };
    let observed_peer = match headers.get(OBSERVED_PEER) {
        Some(value) => {
            let peer = value.to_str().ok().and_then(|text| parse_address(text.trim()));
            Some(peer.ok_or(Refused::WrongPeer)?)
        }
        None => None,
    };
    // An internationalised sender (RFC 6531) is no ASCII; what is not known would be taken from the message itself.
    let sender = headers.get(MAIL_FROM).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let envelope = sender.map(|sender| Envelope {
        mail_from: sender.trim().trim_start_matches('<').trim_end_matches('>').to_owned(),
        rcpt_to: Vec::new(),
    });
    intake.quotas.take(&feed.name, Instant::now()).map_err(Refused::OverQuota)?;
    // Only so many bodies are held at a time; the others wait in their clients' sockets.
    let places = intake.places.load().get(&feed.name).cloned().ok_or(Refused::NotDurable)?;
    let _place = places.acquire().await.map_err(|_| Refused::NotDurable)?;
    let message = tokio::time::timeout(PATIENCE, to_bytes(body, MESSAGE_LIMIT)).await;
    let message = message.map_err(|_| Refused::TooSlow)?.map_err(|_| Refused::TooLarge)?;
    let submission = Submission { trap: &trap, message: &message, envelope, observed_peer };
    let taken = intake.take(feed, submission).await.map_err(|refused| match refused {
        NotTaken::Paused => Refused::Paused,
        NotTaken::NotDurable(error) => {
            tracing::error!(%error, feed = feed.name, "a sample was refused");
            Refused::NotDurable
        }
    })?;
    let body = json!({
        "sample": taken.sample,
        "verdict": taken.verdict.report(),
        "evidence": taken.evidence,
        "repeat": taken.repeat,
    });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

fn authenticate<'d>(declared: &'d Declared, headers: &HeaderMap) -> Result<&'d Feed, Refused> {
    let authorization = text(headers, header::AUTHORIZATION.as_str()).ok_or(Refused::NoToken)?;
    // RFC 9110 §11.1: the scheme's name has no case.
    let (scheme, token) = authorization.split_once(' ').ok_or(Refused::NoToken)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refused::NoToken);
    }
    declared.feed_of_token(token.trim()).ok_or(Refused::WrongToken)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words and response codes are those of the description that `GET /openapi.json` gives.
    #[test]
    fn refusals_are_as_described() {
        let wait = Duration::from_secs(1);
        let all = [
            Refused::NoToken,
            Refused::WrongToken,
            Refused::WrongType,
            Refused::NoTrap,
            Refused::NoRecipient,
            Refused::UnknownTrap,
            Refused::WrongPeer,
            Refused::OverQuota(wait),
            Refused::TooLarge,
            Refused::TooSlow,
            Refused::NotDurable,
            Refused::Paused,
        ];
        let described: serde_json::Value = serde_json::from_str(include_str!("../web/openapi.json")).unwrap();
        let words = &described["components"]["schemas"]["Error"]["properties"]["error"]["enum"];
        let answers = &described["paths"]["/api/v1/samples"]["post"]["responses"];
        for refused in &all {
            assert!(words.as_array().unwrap().contains(&refused.why().into()), "{}", refused.why());
            let said = answers[refused.status().as_str()]["description"].as_str().unwrap();
            assert!(said.contains(&format!("`{}`", refused.why())), "{said}");
        }
        // Beside them the word of the pages, and the answer that takes a sample.
        assert_eq!(words.as_array().unwrap().len(), all.len() + 1);
        let codes: std::collections::BTreeSet<String> =
            all.iter().map(|refused| refused.status().to_string()[..3].to_owned()).collect();
        assert_eq!(answers.as_object().unwrap().len(), codes.len() + 1);
    }
}
