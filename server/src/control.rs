//! The operator's door to a running service: a Unix socket in the data folder, for its owner only.
//!
//! Enters: corrections, and questions about what only the running service knows. Leaves: what they did. Nothing of this is
//! reachable over a network.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use firsthand_analyzer::score::List;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use crate::config::DEFAULTS_NAME;
use crate::declared::Current;
use crate::freshness::Freshness;
use crate::ledger::{Correction, Ledger, LedgerError, Outcome};
use crate::publisher::{Orders, unix_now};

/// The longest name that whoever corrects may give himself, in characters.
const NAME_LIMIT: usize = 32;

/// Where the socket is in a data folder.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("control.sock")
}

/// A correction, and who says to ask for it.
#[derive(Serialize, Deserialize)]
pub struct Asked {
    /// What is asked.
    pub correction: Correction,
    /// The name of whoever asks; the socket knows his user id.
    pub by: String,
}

/// What corrections act on.
#[derive(Clone)]
pub struct Control {
    /// Where they are kept.
    pub ledger: Ledger,
    /// What they change of what is declared.
    pub declared: Arc<Current>,
    /// What they change of how feeds are heard.
    pub freshness: Arc<Freshness>,
    /// What they ask of the publisher.
    pub orders: Orders,
    /// Who reads the settings again.
    pub reloads: mpsc::Sender<oneshot::Sender<Reloaded>>,
    /// The settings file of this process; none: the built-in defaults.
    pub file: Option<PathBuf>,
}

/// A wish that the settings be read again.
#[derive(Serialize, Deserialize)]
pub struct AskedReload {
    /// The absolute path of the file that is meant; none: the built-in defaults.
    pub file: Option<PathBuf>,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub struct AnsweredReload {
    /// The file that the service goes by, as it calls it.
    pub file: String,
    /// What came of reading it; of another file it is a mistake to ask.
    #[serde(flatten)]
    pub reloaded: Reloaded,
}

/// What came of reading the settings again.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reloaded {
    /// The keys whose values are others now.
    pub changed: Vec<String>,
    /// Why nothing is, a line each; empty where the settings are in force.
    pub mistakes: Vec<String>,
}

impl Control {
    /// Does a correction, and lets everybody know who must heed it.
    ///
    /// # Errors
    /// When it could not be made durable.
    pub async fn correct(&self, correction: Correction, who: &str) -> Result<Outcome, LedgerError> {
        let now = unix_now();
        let outcome = self.ledger.correct(correction.clone(), who, now).await?;
        if outcome.refused.is_some() {
            return Ok(outcome);
        }
        match correction {
            Correction::Exempt { .. }
            | Correction::EndExemption { .. }
            | Correction::AddTrap { .. }
            | Correction::RemoveTrap { .. } => {
                let declared = Arc::clone(&self.declared);
                tokio::task::block_in_place(|| declared.renew(now))?;
            }
            Correction::PauseFeed { .. } | Correction::ResumeFeed { .. } => {
                let declared = Arc::clone(&self.declared);
                tokio::task::block_in_place(|| declared.renew(now))?;
                self.freshness.heed(&self.declared.load().feeds, Instant::now());
            }
            Correction::Release { list, origin } => {
                // Acknowledged is done, or it would be lost with the process (G9).
                let done = self.orders.release(list.as_deref().and_then(List::parse), origin);
                let origins = done.await.map_err(|_| LedgerError::Closed)?;
                return Ok(Outcome { origins, ..outcome });
            }
            Correction::Retract { .. }
            | Correction::Restore { .. }
            | Correction::Remove { .. }
            | Correction::AskRemoval { .. }
            | Correction::AnswerRemoval { .. } => {}
        }
        Ok(outcome)
    }
}

/// Opens the socket; one that a process left behind makes way, since the data folder is ours alone.
///
/// # Errors
/// When it cannot be made.
pub fn bind(folder: &Path) -> io::Result<UnixListener> {
    let path = socket(folder);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Who is at the other end.
#[derive(Clone, Copy)]
struct Caller {
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

/// Answers on the socket until `ended`.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: UnixListener,
    control: Control,
    ended: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/corrections", post(correct))
        .route("/brake", get(braked))
        .route("/reload", post(reload))
        .with_state(control)
        .into_make_service_with_connect_info::<Caller>();
    axum::serve(listener, router).with_graceful_shutdown(ended).await
}

async fn correct(
    State(control): State<Control>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    Json(asked): Json<Asked>,
) -> Response {
    let uid = caller.uid.map_or_else(|| "unknown".to_owned(), |uid| uid.to_string());
    let who = format!("{} (uid {uid})", named(&asked.by));
    // To its end, also if whoever asked goes away: what the ledger has must be heeded.
    let corrected = tokio::spawn(async move { control.correct(asked.correction, &who).await }).await;
    match corrected.unwrap_or(Err(LedgerError::Closed)) {
        Ok(outcome) => Json(outcome).into_response(),
        Err(error) => {
            tracing::error!(%error, "a correction could not be made");
            (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
        }
    }
}

/// A name as it may stand in the audit trail.
pub fn named(name: &str) -> String {
    let plain = |letter: &char| letter.is_ascii_alphanumeric() || "._-".contains(*letter);
    let name: String = name.chars().filter(plain).take(NAME_LIMIT).collect();
    if name.is_empty() { "somebody".to_owned() } else { name }
}

async fn reload(State(control): State<Control>, Json(asked): Json<AskedReload>) -> Response {
    let file = named_file(control.file.as_deref());
    if !is_same_file(control.file.as_deref(), asked.file.as_deref()) {
        let other = named_file(asked.file.as_deref());
        tracing::warn!(asked = other, "a reload of other settings than those of this service was refused");
        let mistake = format!("{other}: this service goes by {file}, and nothing was reloaded; name that by --config");
        let reloaded = Reloaded { changed: Vec::new(), mistakes: vec![mistake] };
        return Json(AnsweredReload { file, reloaded }).into_response();
    }
    let (done, answer) = oneshot::channel();
    // Whoever reads the settings again may be gone: then the service is about to end.
    let answer = match control.reloads.send(done).await {
        Ok(()) => answer.await.ok(),
        Err(_) => None,
    };
    match answer {
        Some(reloaded) => Json(AnsweredReload { file, reloaded }).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the service is ending").into_response(),
    }
}

/// What a settings file is called.
fn named_file(file: Option<&Path>) -> String {
    file.map_or_else(|| DEFAULTS_NAME.to_owned(), |file| file.display().to_string())
}

/// Whether two paths name one file, by links or not.
fn is_same_file(one: Option<&Path>, other: Option<&Path>) -> bool {
    let real = |path: &Path| fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok();
    match (one, other) {
        (Some(one), Some(other)) => real(one).is_some_and(|one| real(other) == Some(one)),
        (one, other) => one == other,
    }
}

async fn braked(State(control): State<Control>) -> Response {
    Json(control.orders.braked()).into_response()
}
