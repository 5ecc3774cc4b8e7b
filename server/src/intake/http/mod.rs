//! `POST /api/v1/samples`: one message a request, or a batch of them ([`batch`]).
//!
//! The bearer token names the feed, `Firsthand-Trap` the trap; for a feed of mail that people wanted, `Firsthand-Recipient`
//! who did. 202 once the sample is durable; nothing secret ever
//! stands in a URL, and no answer repeats a stranger's bytes but as JSON.

pub mod entry;
pub mod lines;
pub mod multipart;
mod batch;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use firsthand_analyzer::address::parse_address;
use firsthand_analyzer::sample::{Envelope, MESSAGE_LIMIT};
use http_body_util::BodyExt;
use serde_json::json;

use super::{Intake, Refusal, Reservation, Submission};
use crate::config::{CertificateDigest, FeedKind};
use crate::declared::{Declared, Feed};

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

/// Why a sample, or a whole batch, was not taken.
#[derive(Clone, Debug)]
enum Refused {
    NoToken,
    WrongToken,
    WrongCertificate,
    WrongType,
    NoTrap,
    NoRecipient,
    UnknownTrap,
    WrongPeer,
    Malformed(Cow<'static, str>),
    TooLarge,
    TooMany,
    TooSlow,
    Now(Refusal),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Now(refusal)
    }
}

impl Refused {
    fn why(&self) -> &'static str {
        match self {
            Self::NoToken => "no-token",
            Self::WrongToken => "wrong-token",
            Self::WrongCertificate => "wrong-certificate",
            Self::WrongType => "wrong-type",
            Self::NoTrap => "no-trap",
            Self::NoRecipient => "no-recipient",
            Self::UnknownTrap => "unknown-trap",
            Self::WrongPeer => "wrong-peer",
            Self::Malformed(_) => "malformed",
            Self::TooLarge => "too-large",
            Self::TooMany => "too-many",
            Self::TooSlow => "too-slow",
            Self::Now(refusal) => refusal.why(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken | Self::WrongCertificate => StatusCode::UNAUTHORIZED,
            Self::WrongType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoTrap | Self::NoRecipient | Self::WrongPeer | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::UnknownTrap => StatusCode::NOT_FOUND,
            Self::TooLarge | Self::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Now(Refusal::OverQuota(_)) => StatusCode::TOO_MANY_REQUESTS,
            Self::Now(Refusal::Paused | Refusal::NoRoom | Refusal::DiskFull | Refusal::NotDurable) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    fn sentence(&self) -> &str {
        match self {
            Self::NoToken => "Send the feed's token: Authorization: Bearer TOKEN.",
            Self::WrongToken => "No feed has this token.",
            Self::WrongCertificate => "No feed has this client certificate, or another one has the token.",
            Self::WrongType => {
                "Send a message as message/rfc822, or a batch as application/jsonl, multipart/mixed or multipart/form-data."
            }
            Self::NoTrap => "Name the trap that took the message: Firsthand-Trap: ADDRESS.",
            Self::NoRecipient => {
                "This feed carries mail that people wanted; name who did: Firsthand-Recipient: ADDRESS."
            }
            Self::UnknownTrap => "No registered trap of this feed has this address.",
            Self::WrongPeer => "Firsthand-Observed-Peer must be an IPv4 or IPv6 address.",
            Self::Malformed(why) => why,
            Self::TooLarge => "The message is larger than 50 MiB, or broke off.",
            Self::TooMany => "A batch has 10,000 messages at most; send fewer at a time.",
            Self::TooSlow => "It took longer than 60 s to arrive.",
            Self::Now(refusal) => refusal.sentence(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.why(), "detail": self.sentence() }));
        let mut response = (self.status(), body).into_response();
        if let Self::Now(refusal) = self {
            response.headers_mut().insert(header::RETRY_AFTER, refusal.retry_after().into());
        }
        response
    }
}

/// What a request, or an entry of a batch, says of a message.
struct Said<'s> {
    /// The trap, or the recipient who wanted it.
    address: Option<&'s str>,
    observed_peer: Option<&'s str>,
    mail_from: Option<&'s str>,
}

/// A message's trap, envelope and peer, as they are handed on.
struct Known {
    trap: String,
    envelope: Option<Envelope>,
    observed_peer: Option<IpAddr>,
}

impl Said<'_> {
    /// Looks up what is said.
    fn known(&self, intake: &Intake, declared: &Declared, feed: &Feed) -> Result<Known, Refused> {
        let (absent, unknown) = match feed.kind {
            FeedKind::Traps | FeedKind::Reports => (Refused::NoTrap, Refused::UnknownTrap),
            FeedKind::Wanted => (Refused::NoRecipient, Refused::NoRecipient),
        };
        let trap = intake.recipient(declared, feed, self.address.ok_or(absent)?).ok_or(unknown)?;
        let observed_peer = match self.observed_peer {
            Some(peer) => Some(parse_address(peer.trim()).ok_or(Refused::WrongPeer)?),
            None => None,
        };
        let envelope = self.mail_from.map(|sender| Envelope {
            mail_from: sender.trim().trim_start_matches('<').trim_end_matches('>').to_owned(),
            rcpt_to: Vec::new(),
        });
        Ok(Known { trap, envelope, observed_peer })
    }
}

/// Takes one sample, or a batch. A stranger is turned away before the body is read.
pub async fn take(State(intake): State<Intake>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let shown = head.extensions.get();
    match take_any(&intake, &head.headers, shown, body).await {
        Ok(response) => response,
        Err(refused) => {
            count(&intake, &refused);
            if refused.status() == StatusCode::UNAUTHORIZED
                && let Some(ConnectInfo(client)) = head.extensions.get::<ConnectInfo<SocketAddr>>()
                && intake.seldom.may_say(refused.why(), client.ip(), Instant::now())
            {
                let client = client.ip();
                tracing::warn!(%client, why = refused.why(), "a sample was refused: who hands it in is not known");
            }
            refused.into_response()
        }
    }
}

/// Counts what was refused here; what the intake refused it has counted.
fn count(intake: &Intake, refused: &Refused) {
    if !matches!(refused, Refused::Now(_)) {
        intake.refused(refused.why());
    }
}

async fn take_any(
    intake: &Intake,
    headers: &HeaderMap,
    shown: Option<&CertificateDigest>,
    body: Body,
) -> Result<Response, Refused> {
    let declared = intake.declared();
    let feed = authenticate(&declared, headers, shown)?;
    // Before the body is read; what is said of the rest would help nobody now.
    intake.counted(intake.may_take(feed))?;
    refuse_repeats(headers)?;
    let content_type = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    if is_message(content_type) {
        return take_sample(intake, &declared, feed, headers, body).await;
    }
    let reader = batch::Reader::of(content_type).ok_or(Refused::WrongType)?;
    let batch = batch::Batch::new(intake, Arc::clone(&declared), feed, headers);
    tokio::time::timeout(PATIENCE, batch.take(reader, body)).await.map_err(|_| Refused::TooSlow)?
}

/// Refuses headers of ours that stand twice: where somebody in between adds one, or a client puts a stranger's words into
/// another, nobody can say which is meant.
fn refuse_repeats(headers: &HeaderMap) -> Result<(), Refused> {
    let repeated = [TRAP, RECIPIENT, OBSERVED_PEER, MAIL_FROM]
        .into_iter()
        .any(|name| headers.get_all(name).iter().nth(1).is_some());
    if repeated { Err(Refused::Malformed("The request has a Firsthand header twice.".into())) } else { Ok(()) }
}

/// Whether a content type is that of a message.
fn is_message(content_type: &str) -> bool {
    media_type(content_type).eq_ignore_ascii_case("message/rfc822")
}

/// A content type without its parameters.
fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

async fn take_sample(
    intake: &Intake,
    declared: &Declared,
    feed: &Feed,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let (address, mail_from) = (address(headers, address_header(feed.kind)), address(headers, MAIL_FROM));
    let said = Said {
        address: address.as_deref(),
        // What is no text is no address.
        observed_peer: headers.get(OBSERVED_PEER).map(|peer| peer.to_str().unwrap_or_default()),
        mail_from: mail_from.as_deref(),
    };
    let Known { trap, envelope, observed_peer } = said.known(intake, declared, feed)?;
    intake.admit(feed)?;
    let mut room = intake.begin(&feed.name);
    let message = tokio::time::timeout(PATIENCE, read(body, &mut room)).await.map_err(|_| Refused::TooSlow)?;
    let message = message.inspect_err(|refused| {
        if let Refused::Now(refusal) = refused {
            intake.refused(refusal.why());
        }
    })?;
    let submission = Submission { trap: &trap, message: &message, envelope, observed_peer };
    let taken = intake.take(feed, submission).await?;
    let body = json!({
        "sample": taken.sample,
        "verdict": taken.verdict.report(),
        "evidence": taken.evidence,
        "repeat": taken.repeat,
    });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

/// The header that names whom a message was for.
fn address_header(kind: FeedKind) -> &'static str {
    match kind {
        FeedKind::Traps | FeedKind::Reports => TRAP,
        FeedKind::Wanted => RECIPIENT,
    }
}

/// An address in a header; an internationalised one (RFC 6531) is no ASCII.
fn address<'h>(headers: &'h HeaderMap, name: &str) -> Option<Cow<'h, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

/// Reads a body of at most [`MESSAGE_LIMIT`].
async fn read(mut body: Body, room: &mut Reservation) -> Result<Vec<u8>, Refused> {
    let mut message = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::TooLarge)?;
        let Some(data) = frame.data_ref() else { continue };
        if message.len() + data.len() > MESSAGE_LIMIT {
            return Err(Refused::TooLarge);
        }
        room.grow(data.len()).map_err(Refusal::from)?;
        message.extend_from_slice(data);
    }
    Ok(message)
}

/// The feed that the token or the client certificate names; where there are both, both must name it.
fn authenticate<'d>(
    declared: &'d Declared,
    headers: &HeaderMap,
    shown: Option<&CertificateDigest>,
) -> Result<&'d Feed, Refused> {
    let Some(shown) = shown else { return of_token(declared, headers) };
    match (declared.feed_of_certificate(shown), headers.contains_key(header::AUTHORIZATION)) {
        (Some(feed), false) => Ok(feed),
        (None, false) => Err(Refused::WrongCertificate),
        (named, true) => {
            let feed = of_token(declared, headers)?;
            // A certificate that no feed has is one for other purposes.
            named.is_none_or(|named| named.name == feed.name).then_some(feed).ok_or(Refused::WrongCertificate)
        }
    }
}

fn of_token<'d>(declared: &'d Declared, headers: &HeaderMap) -> Result<&'d Feed, Refused> {
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

    #[test]
    fn a_header_says_one_thing() {
        let mut headers = HeaderMap::new();
        for name in [TRAP, OBSERVED_PEER, MAIL_FROM, "accept", "accept"] {
            headers.append(name, "26.1.2.3".parse().unwrap());
            assert!(refuse_repeats(&headers).is_ok());
        }
        headers.append(OBSERVED_PEER, "83.70.211.36".parse().unwrap());
        assert!(matches!(refuse_repeats(&headers), Err(Refused::Malformed(_))));
    }

    /// The words and response codes are those of the description that `GET /openapi.json` gives.
    #[test]
    fn refusals_are_as_described() {
        let wait = Duration::from_secs(1);
        let all = [
            Refused::NoToken,
            Refused::WrongToken,
            Refused::WrongCertificate,
            Refused::WrongType,
            Refused::NoTrap,
            Refused::NoRecipient,
            Refused::UnknownTrap,
            Refused::WrongPeer,
            Refused::Malformed("why".into()),
            Refused::TooLarge,
            Refused::TooMany,
            Refused::TooSlow,
            Refused::Now(Refusal::OverQuota(wait)),
            Refused::Now(Refusal::Paused),
            Refused::Now(Refusal::NoRoom),
            Refused::Now(Refusal::DiskFull),
            Refused::Now(Refusal::NotDurable),
        ];
        let described: serde_json::Value = serde_json::from_str(include_str!("../../web/openapi.json")).unwrap();
        let words = &described["components"]["schemas"]["Error"]["properties"]["error"]["enum"];
        let answers = &described["paths"]["/api/v1/samples"]["post"]["responses"];
        for refused in &all {
            assert!(words.as_array().unwrap().contains(&refused.why().into()), "{}", refused.why());
            let said = answers[refused.status().as_str()]["description"].as_str().unwrap();
            assert!(said.contains(&format!("`{}`", refused.why())), "{said}");
        }
        // Beside them the word of the pages, and the answers that take a sample and a batch.
        assert_eq!(words.as_array().unwrap().len(), all.len() + 1);
        let codes: std::collections::BTreeSet<String> =
            all.iter().map(|refused| refused.status().to_string()[..3].to_owned()).collect();
        assert_eq!(answers.as_object().unwrap().len(), codes.len() + 2);
    }
}
