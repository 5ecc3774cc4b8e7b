//! What the process shows over HTTP: the intake, the public pages, requests for removal, health and metrics.
//!
//! Public answers say of an address whether it is listed, since when and until when, and nothing of what is known about
//! an address that is not (C02): whoever sends to a trap learns from them no more than from the zone.

mod address;
mod removal;
mod status;

pub(crate) use address::time;
pub use removal::Doorkeeper;

use std::sync::Arc;

use crate::control::Control;
use crate::declared::Current;
use crate::intake::{self, Intake};
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::zone::Zone;
use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::{get, post};

/// What the pages show.
#[derive(Clone)]
pub struct Shown {
    /// The served zone.
    pub zone: Arc<ArcSwap<Zone>>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The ledger, to say when a listing began.
    pub ledger: Ledger,
    /// What the operator declared, to say why a listed server reflects.
    pub declared: Arc<Current>,
    /// The zone's name.
    pub zone_name: Arc<str>,
    /// What a request for removal goes to.
    pub control: Control,
    /// Who may ask for removal.
    pub doorkeeper: Doorkeeper,
}

/// All routes of one listener.
pub fn router(intake: Intake, shown: Shown) -> Router {
    let samples = post(intake::http::take).with_state(intake);
    let pages = Router::new()
        .route("/", get(address::lookup))
        .route("/address/{address}", get(address::page))
        .route("/address/{address}/removal", post(removal::ask))
        .route("/api/v1/addresses/{address}", get(address::json))
        .route("/metrics", get(status::metrics))
        .route("/healthz", get(status::healthy))
        .route("/readyz", get(status::ready))
        .with_state(shown);
    pages.route("/api/v1/samples", samples)
}
