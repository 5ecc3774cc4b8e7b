//! The service that takes samples, as its client sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::CommandError;
use super::TOKEN_VARIABLE;
use crate::cli::SubmitArguments;
use crate::config::{Settings, Token};

/// How long the service may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection that is kept from one request to the next.
pub(super) type Connection = Option<SendRequest<Full<Bytes>>>;

/// What a client of a feed knows.
pub(super) struct Service {
    address: SocketAddr,
    token: String,
}

/// What the service said.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// When to come again, if it said so.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Service {
    /// As the arguments say, else the settings.
    pub(super) fn of(arguments: &SubmitArguments) -> Result<Self, CommandError> {
        Ok(Self { address: address(arguments)?, token: token(arguments)? })
    }

    /// Posts to the intake.
    ///
    /// # Errors
    /// When there was no whole answer; it may come later.
    pub(super) async fn post(
        &self,
        connection: &mut Connection,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, CommandError> {
        let (body, kept) = (Bytes::from(body), connection.as_ref().is_some_and(|open| !open.is_closed()));
        let posted = self.post_once(connection, headers, body.clone()).await;
        if posted.is_err() && kept {
            // The service may have closed a connection that was idle, just when it was used again.
            *connection = None;
            return self.post_once(connection, headers, body).await;
        }
        posted
    }

    async fn post_once(
        &self,
        connection: &mut Connection,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, CommandError> {
        let mut request = Request::post("/api/v1/samples")
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        for (name, value) in headers {
            // An internationalised address (RFC 6531) is no ASCII.
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(Full::new(body));
        let request = request.map_err(|error| CommandError::Usage(format!("token, trap or sender: {error}")))?;
        let exchange = async {
            let mut open = match connection.take().filter(|open| !open.is_closed()) {
                Some(open) => open,
                None => self.connect().await?,
            };
            open.ready().await.map_err(|error| self.later(&error))?;
            let response = open.send_request(request).await.map_err(|error| self.later(&error))?;
            let (head, body) = response.into_parts();
            let body = body.collect().await.map_err(|error| self.later(&error))?.to_bytes();
            *connection = Some(open);
            let seconds = head.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Answer { status: head.status, retry_after: seconds.map(Duration::from_secs), body })
        };
        let patience = tokio::time::timeout(PATIENCE, exchange).await;
        patience.map_err(|_| CommandError::TryLater(format!("{} did not answer within {PATIENCE:?}", self.address)))?
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, CommandError> {
        let address = self.address;
        let stream = TcpStream::connect(address).await.map_err(|error| {
            CommandError::TryLater(format!(
                "no service answers at {address} ({error}); start one with `firsthand serve`"
            ))
        })?;
        let (open, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| self.later(&error))?;
        tokio::spawn(async move {
            // What ends the connection is told by the request that needed it.
            let _ = driver.await;
        });
        Ok(open)
    }

    fn later(&self, error: &hyper::Error) -> CommandError {
        CommandError::TryLater(format!(
            "{} broke off ({error}); is it where the service listens for HTTP?",
            self.address
        ))
    }
}

/// Where the service listens: as told, else as the settings say.
fn address(arguments: &SubmitArguments) -> Result<SocketAddr, CommandError> {
    if let Some(server) = arguments.server {
        return Ok(server);
    }
    // Only the listener matters here; whoever hands samples in need not be able to read every feed's token.
    let mut server = Settings::taking_samples(arguments.config.as_deref())?;
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

/// What the service gives as its reason.
pub(super) fn detail(answer: &Value) -> &str {
    answer.get("detail").and_then(Value::as_str).unwrap_or("the service gave no reason")
}
