//! Health and metrics.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Shown;
use crate::publisher::unix_now;
use crate::zone::{Ignorance, Scope, Zone};

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

/// `GET /readyz`: whether queries should be sent here rather than elsewhere.
pub(super) async fn ready(State(shown): State<Shown>) -> Response {
    let (is_ready, text) = readiness(&shown.zone.load(), u64::try_from(unix_now()).unwrap_or(0));
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, text).into_response()
}

/// Whether a zone is ready at `now`, and what is amiss: the publisher was heard of lately, and everything is known of the
/// lists of the combined zone. A list with only a zone of its own takes no server out of service: who asks the others there
/// is answered.
fn readiness(zone: &Zone, now: u64) -> (bool, String) {
    let mut is_ready = true;
    let mut amiss = Vec::new();
    match zone.last_heard() {
        Some(heard) if now.saturating_sub(heard) <= SILENCE => {}
        Some(heard) => amiss.push(format!("the publisher has been silent for {} s", now.saturating_sub(heard))),
        None => amiss.push("the publisher has not been heard of yet".to_owned()),
    }
    is_ready &= amiss.is_empty();
    for (index, list) in zone.lists().iter().enumerate().filter(|(_, list)| list.from_file) {
        let why = match zone.ignorance(Scope::List(index), now) {
            Some(Ignorance::NotReady) => "was never taken",
            Some(Ignorance::TooOld) => "has expired",
            None => continue,
        };
        is_ready &= !list.combined;
        let label = &list.label;
        let within = if list.combined { " and in the combined zone" } else { "" };
        amiss.push(format!(
            "the static list {label} {why}; names in its zone{within} that nothing else lists are SERVFAIL"
        ));
    }
    if is_ready {
        amiss.insert(0, "ok".to_owned());
    }
    (is_ready, amiss.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::zone::{Fixed, ListSettings, ZoneSettings};

    #[test]
    fn a_server_is_ready_when_it_can_answer_the_combined_zone() {
        let list = |label: &str, code: &str, combined| {
            ListSettings::of_file(label.parse().unwrap(), code.parse().unwrap(), combined)
        };
        let lists = vec![ListSettings::spam(), list("block", "127.0.0.20", true), list("other", "127.0.0.21", false)];
        let zone = Zone::empty(ZoneSettings::default(), lists).unwrap();
        assert!(
            readiness(&zone, 1000).1.starts_with("the publisher has not been heard of yet\nthe static list block ")
        );
        zone.heard_from(1000);
        let (is_ready, said) = readiness(&zone, 1000);
        assert!(
            !is_ready && said.starts_with("the static list block was never taken; ") && said.contains("other"),
            "{said}"
        );
        let read = zone.with_file(1, Arc::new(Fixed::empty()));
        let (is_ready, said) = readiness(&read, 1000);
        assert!(is_ready && said.starts_with("ok\nthe static list other was never taken; "), "{said}");
        let all = read.with_file(2, Arc::new(Fixed::empty()));
        assert_eq!(readiness(&all, 1000), (true, "ok\n".to_owned()));
        assert_eq!(readiness(&all, 1011), (false, "the publisher has been silent for 11 s\n".to_owned()));
    }
}
