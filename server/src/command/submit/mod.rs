//! `firsthand submit`: hands samples to a running service.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use tokio::net::TcpStream;

use super::CommandError;
use crate::cli::SubmitArguments;
use crate::config::{Settings, Token};
use crate::intake::files::{Found, Split, for_each_message};
use crate::intake::http::{MAIL_FROM, OBSERVED_PEER, RECIPIENT, TRAP};

/// The variable that may hold the feed's token.
pub const TOKEN_VARIABLE: &str = "FIRSTHAND_TOKEN";

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands in every message.
///
/// # Errors
/// When a message was not taken; exit status 75 when it may be later.
pub fn run(arguments: &SubmitArguments) -> Result<(), CommandError> {
    let server = server(arguments)?;
    let token = token(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let progress = ProgressBar::new_spinner();
    progress.set_style(
        ProgressStyle::with_template("{spinner} {pos} samples handed in, {per_sec}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    let mut connection = None;
    let split = if arguments.mbox { Split::Mbox } else { Split::Never };
    let result = for_each_message(&arguments.paths, split, &mut |Found { place, message }| {
        let answer = runtime.block_on(hand_in(&mut connection, server, &token, arguments, message))?;
        progress.inc(1);
        progress.suspend(|| println!("{}", if arguments.json { answer.to_string() } else { line(&place, &answer) }));
        Ok::<(), CommandError>(())
    });
    progress.finish_and_clear();
    result
}

/// Where the service listens: as told, else as the settings say.
fn server(arguments: &SubmitArguments) -> Result<SocketAddr, CommandError> {
    if let Some(server) = arguments.server {
        return Ok(server);
    }
    // Only the listener matters here; whoever hands samples in need not be able to read every feed's token.
    let settings = Settings::load(arguments.config.as_deref())?.settings;
    let mut server = *settings.http.intake.iter().chain(&settings.http.listen).next().ok_or_else(|| {
        CommandError::Usage("the settings have no http.listen; say where the service is with --server".to_owned())
    })?;
    match server.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => server.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => server.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(server)
}

fn token(arguments: &SubmitArguments) -> Result<String, CommandError> {
    if let Some(path) = &arguments.token_file {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| CommandError::File { path: path.clone(), error })?;
        return Ok(text.trim_end().to_owned());
    }
    if let Ok(token) = std::env::var(TOKEN_VARIABLE) {
        return Ok(token);
    }
    match &arguments.config {
        Some(path) => Ok(Token::of_feed(path, &arguments.feed)?.as_str().to_owned()),
        None => Err(CommandError::Usage(format!(
            "no token for feed {:?}: name the settings with --config, a file with --token-file, or set {TOKEN_VARIABLE}",
            arguments.feed
        ))),
    }
}

type Connection = SendRequest<Full<Bytes>>;

async fn hand_in(
    connection: &mut Option<Connection>,
    server: SocketAddr,
    token: &str,
    arguments: &SubmitArguments,
    message: Vec<u8>,
) -> Result<Value, CommandError> {
    let mut request = Request::post("/api/v1/samples")
        .header(header::HOST, server.to_string())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "message/rfc822")
        .header(header::ACCEPT, "application/json");
    if let Some(trap) = &arguments.trap {
        request = request.header(TRAP, trap);
    }
    if let Some(recipient) = &arguments.recipient {
        request = request.header(RECIPIENT, recipient);
    }
    if let Some(peer) = arguments.observed_peer {
        request = request.header(OBSERVED_PEER, peer.to_string());
    }
    if let Some(sender) = &arguments.mail_from {
        request = request.header(MAIL_FROM, sender);
    }
    let request = request.body(Full::new(Bytes::from(message)));
    let request = request.map_err(|error| CommandError::Usage(format!("token, trap or sender: {error}")))?;
    let exchange = async {
        let mut open = match connection.take().filter(|open| !open.is_closed()) {
            Some(open) => open,
            None => connect(server).await?,
        };
        open.ready().await.map_err(|error| later(server, &error))?;
        let response = open.send_request(request).await.map_err(|error| later(server, &error))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| later(server, &error))?.to_bytes();
        *connection = Some(open);
        answer(status, &body)
    };
    let patience = tokio::time::timeout(PATIENCE, exchange).await;
    patience.map_err(|_| CommandError::TryLater(format!("{server} did not answer within {PATIENCE:?}")))?
}

async fn connect(server: SocketAddr) -> Result<Connection, CommandError> {
    let stream = TcpStream::connect(server).await.map_err(|error| {
        CommandError::TryLater(format!("no service answers at {server} ({error}); start one with `firsthand serve`"))
    })?;
    let (open, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| later(server, &error))?;
    tokio::spawn(async move {
        // What ends the connection is told by the request that needed it.
        let _ = driver.await;
    });
    Ok(open)
}

fn later(server: SocketAddr, error: &hyper::Error) -> CommandError {
    CommandError::TryLater(format!("{server} broke off: {error}"))
}

fn answer(status: StatusCode, body: &[u8]) -> Result<Value, CommandError> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = value.get("detail").and_then(Value::as_str).unwrap_or("the service gave no reason");
    match status {
        StatusCode::ACCEPTED => Ok(value),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(CommandError::TryLater(format!("not taken ({status}): {detail}")))
        }
        status => Err(CommandError::Usage(format!("refused ({status}): {detail}"))),
    }
}

/// One line for people: what the sample proves.
fn line(place: &str, answer: &Value) -> String {
    let verdict = |key: &str| answer.pointer(&format!("/verdict/{key}")).and_then(Value::as_str);
    let framed = answer.pointer("/verdict/framed").and_then(Value::as_array).map_or(0, Vec::len);
    let what = match (verdict("origin"), verdict("reason")) {
        (Some(origin), _) => format!("taken; origin {origin}, {}", verdict("nature").unwrap_or("direct")),
        (None, reason) => format!("taken; no origin ({})", reason.unwrap_or("unknown")),
    };
    let evidence = match answer.get("evidence").and_then(Value::as_str) {
        Some("counted" | "unattributed") | None => String::new(),
        Some(why) => format!("; no evidence: {why}"),
    };
    let repeat = if answer.get("repeat") == Some(&Value::Bool(true)) { "; it was known" } else { "" };
    let framed = match framed {
        0 => String::new(),
        1 => "; names 1 other, which counts for nothing".to_owned(),
        _ => format!("; names {framed} others, which counts for nothing"),
    };
    format!("{}: {what}{evidence}{framed}{repeat}", place.escape_debug())
}
