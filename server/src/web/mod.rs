//! What the process shows over HTTP: the intake, the public pages, requests for removal, health and metrics.
//!
//! Public answers say of an address whether it is listed, since when and until when, and nothing of what is known about
//! an address that is not (C02): whoever sends to a trap learns from them no more than from the zone.

mod site;
mod address;
mod listen;
mod openapi;
mod removal;
mod status;

pub(crate) use address::{FileEntry, in_files, time};
pub use listen::{CONNECTIONS, serve, serve_secured};
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
    /// The operator's mailbox, for whoever has a question.
    pub contact: Arc<str>,
    /// What a request for removal goes to.
    pub control: Control,
    /// Who may ask for removal.
    pub doorkeeper: Doorkeeper,
}

/// What a listener serves, beside whether the process is well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    /// The intake.
    pub intake: bool,
    /// The public pages.
    pub pages: bool,
    /// The metrics.
    pub metrics: bool,
}

/// The routes of one listener.
pub fn router(served: Served, intake: Intake, shown: Shown) -> Router {
    let mut routes = Router::new()
        .route("/healthz", get(status::healthy))
        .route("/readyz", get(status::ready))
        .route("/openapi.json", get(openapi::describe));
    if served.pages {
        routes = routes
            .route("/", get(address::lookup))
            .route("/address/{address}", get(address::page))
            .route("/address/{address}/removal", post(removal::ask))
            .route("/api/v1/addresses/{address}", get(address::json));
    }
    if served.metrics {
        routes = routes.route("/metrics", get(status::metrics));
    }
    let routes = routes.with_state(shown);
    if served.intake {
        return routes.route("/api/v1/samples", post(intake::http::take).with_state(intake));
    }
    routes
}
