//! DNS over HTTPS (RFC 8484): one message in each request to [`PATH`], over HTTP/2 (§5.2) within TLS.
//!
//! Enters: `GET` with the message in base64url, or `POST` with it as the body. Leaves: the answer, with the smallest of
//! its TTLs as the time that caches may keep it (§5.1). Refused, by a status of HTTP: all else, and what is no query, is
//! too long or does not arrive in time. Places, handshakes and idle times are those of [`tls`](super::tls).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Transport;
use super::answer::Outcome;
use super::message::HEADER;
use super::responder::Responder;
use super::tcp::{Deadlines, MESSAGE_LIMIT};
use super::tls::secured;
use crate::certificate::Certificate;
use crate::connections::{Place, Places, accept, http};

/// Where messages are taken.
pub const PATH: &str = "/dns-query";
/// What they are (RFC 8484 §6).
const MESSAGE: &str = "application/dns-message";
/// The longest body that is read to its end, bytes, only to refuse it.
const DISCARD_LIMIT: usize = 64 << 10;
/// HTTP/2's name in handshakes.
const PROTOCOL: &[u8] = b"h2";

/// Serves until `stop` says true or its sender is gone; requests then have a moment to end.
pub async fn serve(
    listener: TcpListener,
    certificate: &Arc<Certificate>,
    responder: Arc<Responder>,
    places: Arc<Places>,
    deadlines: Deadlines,
    stop: watch::Receiver<bool>,
) {
    let counts = Arc::clone(responder.counters().connections(Transport::Https));
    let (acceptor, form) = (TlsAcceptor::from(certificate.terms(PROTOCOL)), http::two());
    let (stopping, rules, counted) = (stop.clone(), Arc::clone(&responder), Arc::clone(&counts));
    let admits = |client| !rules.drops(client);
    accept(listener, &places, &counts, stop, admits, move |stream, place| {
        let (acceptor, form, responder) = (acceptor.clone(), form.clone(), Arc::clone(&responder));
        let (counts, mut stop) = (Arc::clone(&counted), stopping.clone());
        async move {
            let Some(stream) = secured(&acceptor, stream, &counts, &mut stop).await else { return };
            let answering = Arc::clone(&place);
            let service = service_fn(move |request| {
                let (responder, place) = (Arc::clone(&responder), Arc::clone(&answering));
                async move {
                    let answer = respond(request, &responder, &place, deadlines.idle).await;
                    place.active();
                    Ok::<_, Infallible>(answer)
                }
            });
            http::converse(form.serve_connection(TokioIo::new(stream), service), &place, deadlines.idle, stop).await;
        }
    })
    .await;
}

/// Answers one request, whose body must arrive within `patience`.
async fn respond(
    request: Request<Incoming>,
    responder: &Responder,
    place: &Place,
    patience: Duration,
) -> Response<Full<Bytes>> {
    let message = match message(request, patience).await {
        Ok(message) => message,
        Err((status, why)) => return refused(status, why),
    };
    let mut answer = Vec::new();
    if responder.answer(&message, place.client().ip(), Transport::Https, &mut answer) == Outcome::Silence {
        return refused(StatusCode::BAD_REQUEST, "the message is no DNS query\n");
    }
    let kept = freshness(&answer).map_or_else(|| "no-store".to_owned(), |ttl| format!("max-age={ttl}"));
    let response = Response::builder().header(CONTENT_TYPE, MESSAGE).header(CACHE_CONTROL, kept);
    response.body(Full::from(answer)).expect("names and values of these headers are of visible ASCII")
}

/// A status of HTTP, and the words that say why.
type Refusal = (StatusCode, &'static str);

/// The DNS message of a request.
async fn message(request: Request<Incoming>, patience: Duration) -> Result<Bytes, Refusal> {
    let (request, body) = request.into_parts();
    let of_header = message_of_header(&request);
    // A header takes more memory than its client sent (HPACK), so it is not kept while a body is waited for.
    drop(request);
    // Before any refusal: clients take an answer that overtakes their body for a broken stream.
    let body = timeout(patience, whole(body)).await;
    let body = body.unwrap_or(Err((StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n")));
    of_header?.map_or(body, Ok)
}

/// The DNS message that a request's header holds; `None` if its body is the message.
fn message_of_header(request: &Parts) -> Result<Option<Bytes>, Refusal> {
    if request.uri.path() != PATH {
        return Err((StatusCode::NOT_FOUND, "DNS queries go to /dns-query\n"));
    }
    if request.method == Method::GET {
        let mut variables = request.uri.query().unwrap_or_default().split('&');
        let text = variables.find_map(|variable| variable.strip_prefix("dns="));
        let text = text.ok_or((StatusCode::BAD_REQUEST, "the variable dns is missing (RFC 8484 section 4.1)\n"))?;
        if text.len() > (MESSAGE_LIMIT * 4).div_ceil(3) {
            return Err((StatusCode::URI_TOO_LONG, "the message is too long\n"));
        }
        let message = URL_SAFE_NO_PAD.decode(text);
        return message
            .map(|message| Some(Bytes::from(message)))
            .map_err(|_| (StatusCode::BAD_REQUEST, "the variable dns is not base64url without padding\n"));
    }
    if request.method != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "DNS queries are sent by GET or POST\n"));
    }
    let kind = request.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(MESSAGE) {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/dns-message\n"));
    }
    Ok(None)
}

/// A body within [`MESSAGE_LIMIT`]; a longer one is read all the same, as far as [`DISCARD_LIMIT`], and not kept.
async fn whole(mut body: Incoming) -> Result<Bytes, Refusal> {
    let too_long = (StatusCode::PAYLOAD_TOO_LARGE, "the message is too long\n");
    let (mut kept, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the body broke off\n"))?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        if length > DISCARD_LIMIT {
            return Err(too_long);
        }
        if length <= MESSAGE_LIMIT {
            kept.extend_from_slice(&data);
        }
    }
    if length > MESSAGE_LIMIT { Err(too_long) } else { Ok(Bytes::from(kept)) }
}

fn refused(status: StatusCode, why: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status).header(CONTENT_TYPE, "text/plain; charset=utf-8");
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response = response.header(ALLOW, "GET, POST");
    }
    response.body(Full::from(why)).expect("names and values of these headers are of visible ASCII")
}

/// How many seconds an answer of ours may be kept (RFC 8484 §5.1): as long as the first of its records, the SOA of a
/// negative one among them (RFC 2308 §5). `None` for errors, and for what holds no record.
fn freshness(answer: &[u8]) -> Option<u32> {
    const NO_ERROR: u8 = 0;
    const NO_NAME: u8 = 3;
    if !matches!(answer.get(3)? & 0x0F, NO_ERROR | NO_NAME) {
        return None;
    }
    let number = |at: usize| Some(usize::from(u16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?)));
    let mut at = HEADER;
    for _ in 0..number(4)? {
        at = after_name(answer, at)? + 4;
    }
    let mut least = None;
    // Of the answer and authority sections; what is additional is an OPT record, whose TTL is none.
    for _ in 0..number(6)? + number(8)? {
        at = after_name(answer, at)?;
        let ttl = u32::from_be_bytes(answer.get(at + 4..at + 8)?.try_into().ok()?);
        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
        at += 10 + number(at + 8)?;
    }
    least
}

/// Where the name that begins at `at` ends.
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xC0.. => return Some(at + 2),
            label => at += 1 + usize::from(label),
        }
    }
}
