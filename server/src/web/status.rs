//! Health and metrics.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Shown;
use crate::publisher::unix_now;

/// How long the publisher may be silent before the process is not ready, in seconds.
const SILENCE: u64 = 10;

/// `GET /metrics`: Prometheus' text format.
pub(super) async fn metrics(State(shown): State<Shown>) -> Response {
    match shown.ledger.requests_waiting() {
        Ok((waiting, oldest)) => {
            shown.metrics.requests.set(i64::try_from(waiting).unwrap_or(i64::MAX));
            shown.metrics.oldest_request.set(oldest.unwrap_or(0));
        }
        Err(error) => tracing::warn!(%error, "metrics are shown without what waits for the operator"),
    }
    match shown.ledger.withdrawals() {
        Ok(standing) => shown.metrics.withdrawals.set(i64::try_from(standing.len()).unwrap_or(i64::MAX)),
        Err(error) => tracing::warn!(%error, "metrics are shown without the withdrawals in force"),
    }
    match shown.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

/// `GET /healthz`: the process answers.
pub(super) async fn healthy() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the publisher was heard of lately, so that the zone is fresh.
pub(super) async fn ready(State(shown): State<Shown>) -> Response {
    let now = u64::try_from(unix_now()).unwrap_or(0);
    match shown.zone.load().last_heard() {
        Some(heard) if now.saturating_sub(heard) <= SILENCE => "ok\n".into_response(),
        Some(heard) => {
            let silent = now.saturating_sub(heard);
            (StatusCode::SERVICE_UNAVAILABLE, format!("the publisher has been silent for {silent} s\n")).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "the publisher has not been heard of yet\n").into_response(),
    }
}
