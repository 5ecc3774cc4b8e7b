//! The lookup page and what is public about an address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use askama::Template;
use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use firsthand_analyzer::address::{Origin, parse_address};
use firsthand_analyzer::nature::Cause;
use firsthand_analyzer::score::List;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Shown;
use super::site::Site;
use crate::publisher::unix_now;
use crate::zone::{Scope, Zone};

/// One listing, as the public sees it.
#[derive(Serialize)]
struct PublicListing {
    list: String,
    /// The hour in which it began.
    since: Option<String>,
    /// When it ends unless new evidence comes.
    until: String,
}

/// What a list that the operator keeps in a file says.
#[derive(Serialize, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(crate) list: String,
    pub(crate) code: Ipv4Addr,
    pub(crate) text: String,
}

/// What is public about an address.
#[derive(Serialize)]
struct PublicAddress {
    address: IpAddr,
    listed_as: String,
    listings: Vec<PublicListing>,
    /// What the operator's own files say, each value and text once.
    files: Vec<FileEntry>,
    /// The lists of which it is not known now whether they hold it (G8).
    unknown: Vec<String>,
    /// Why a server that is listed for its answers sends them.
    causes: Vec<PublicCause>,
}

/// Why a server answers people who never wrote, and what to change.
#[derive(Serialize)]
struct PublicCause {
    cause: &'static str,
    text: &'static str,
    mends: [(&'static str, &'static str); 4],
}

impl PublicAddress {
    fn is_in(&self, list: &str) -> bool {
        self.listings.iter().any(|listing| listing.list == list)
    }
}

#[derive(Template)]
#[template(path = "lookup.html")]
struct LookupPage<'a> {
    site: Site<'a>,
    unpublished: bool,
    mistake: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "address.html")]
struct AddressPage<'a> {
    site: Site<'a>,
    about: &'a PublicAddress,
    /// Whether the policy asks for several traps in several domains.
    several: bool,
    /// What the form for removal must show again.
    token: String,
}

/// What the lookup form asks.
#[derive(Deserialize)]
pub(super) struct Lookup {
    address: Option<String>,
}

/// `GET /`: the lookup form; with `?address=…`, on to that address's page.
pub(super) async fn lookup(State(shown): State<Shown>, Query(lookup): Query<Lookup>) -> Response {
    let mistake = match lookup.address.as_deref().map(|text| parse_address(text.trim())) {
        Some(Some(address)) => return Redirect::to(&format!("/address/{address}")).into_response(),
        Some(None) => Some("This is no address. Write it as 192.0.2.1 or 2001:db8::1."),
        None => None,
    };
    html(&LookupPage { site: Site::of(&shown), unpublished: !shown.declared.load().publishes, mistake })
}

/// `GET /address/{address}`: why it is listed, for a person.
pub(super) async fn page(
    State(shown): State<Shown>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(address): Path<String>,
    headers: HeaderMap,
) -> Response {
    match parse_address(&address) {
        Some(address) => {
            let token = shown.doorkeeper.form(Origin::from(address), peer.ip(), &headers, unix_now());
            let policy = &shown.declared.load().policy;
            let several = policy.traps > 1 && policy.trap_domains > 1;
            html(&AddressPage { site: Site::of(&shown), about: &about(&shown, address), several, token })
        }
        None => (StatusCode::NOT_FOUND, "no such address\n").into_response(),
    }
}

/// `GET /api/v1/addresses/{address}`: the same for a program.
pub(super) async fn json(State(shown): State<Shown>, Path(address): Path<String>) -> Response {
    match parse_address(&address) {
        Some(address) => Json(about(&shown, address)).into_response(),
        None => {
            let detail = "Write the address as 192.0.2.1 or 2001:db8::1.";
            (StatusCode::NOT_FOUND, Json(serde_json::json!({ "error": "no-address", "detail": detail })))
                .into_response()
        }
    }
}

/// Whether any list of the served zone holds an origin.
pub(super) fn is_listed(shown: &Shown, origin: Origin, now: i64) -> bool {
    let (zone, now) = (shown.zone.load(), u64::try_from(now).unwrap_or(0));
    (0..zone.lists().len()).any(|list| zone.until(list, origin, now).is_some())
}

/// What the served zone says, with the beginning of each listing from the ledger.
fn about(shown: &Shown, address: IpAddr) -> PublicAddress {
    let origin = Origin::from(address);
    let zone = shown.zone.load();
    let now = unix_now();
    let since = shown.ledger.listings(origin).unwrap_or_else(|error| {
        tracing::warn!(%error, "a page is shown without the beginning of its listings");
        Vec::new()
    });
    let listings = zone.lists().iter().enumerate().filter_map(|(index, list)| {
        let until = zone.until(index, origin, u64::try_from(now).unwrap_or(0))?;
        let began = since.iter().find(|(change, ended)| change.list == list.label.as_str() && ended.is_none());
        Some(PublicListing {
            list: list.label.as_str().to_owned(),
            since: began.map(|(change, _)| time(change.since)),
            until: time(i64::try_from(until).unwrap_or(i64::MAX)),
        })
    });
    let listings: Vec<PublicListing> = listings.collect();
    // Of what is not listed nothing is told (C02), nor how often anything came.
    let reflects = listings.iter().any(|listing| listing.list != List::Spam.name());
    let causes = if reflects { shown.declared.load().causes(&shown.ledger, origin, now) } else { Ok(Vec::new()) };
    let causes = causes.unwrap_or_else(|error| {
        tracing::warn!(%error, "a page is shown without the causes of its listings");
        Vec::new()
    });
    let public =
        |(cause, _): (Cause, u64)| PublicCause { cause: cause.name(), text: cause.paragraph(), mends: cause.mends() };
    let causes = causes.into_iter().map(public).collect();
    let second = u64::try_from(now).unwrap_or(0);
    let files = in_files(&zone, address, second);
    let unknown = zone.lists().iter().enumerate().filter(|(index, _)| !zone.is_known(*index, second));
    let unknown = unknown.map(|(_, list)| list.label.as_str().to_owned()).collect();
    PublicAddress { address, listed_as: origin.to_string(), listings, files, unknown, causes }
}

/// What the operator's own files say of an address at `now` (Unix seconds), each value and text of a list once.
pub(crate) fn in_files(zone: &Zone, address: IpAddr, now: u64) -> Vec<FileEntry> {
    let files = zone.lists().iter().enumerate().filter(|(_, list)| list.from_file);
    let mut entries: Vec<FileEntry> = Vec::new();
    for (index, list) in files {
        for listing in zone.listings(Scope::List(index), address, now) {
            let mut text = Vec::new();
            zone.write_text(&listing, address, &mut text);
            let entry = FileEntry {
                list: list.label.as_str().to_owned(),
                code: listing.code.address(),
                text: String::from_utf8_lossy(&text).into_owned(),
            };
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    entries
}

/// RFC 3339 in UTC.
pub(crate) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| "never".to_owned(), |timestamp| timestamp.to_string())
}

pub(super) fn html(page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
