//! Removal by oneself: `POST /address/{address}/removal`.
//!
//! A request from the listed address itself (IPv6: its /64) shows that whoever asks has it in hand, and takes effect after a
//! delay that doubles with each (F01); any other waits for the operator (F02). The form carries a token that is good for one
//! address, one client and an hour or two, so that no page elsewhere can make a visitor ask. How often one network may ask is
//! bounded. Nobody learns from it more of an address than the zone tells.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Form;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use firsthand_analyzer::address::{Origin, canonical, parse_address};
use ipnet::IpNet;
use serde::Deserialize;

use super::address::{html, time};
use super::site::Site;
use super::{Shown, address};
use crate::ledger::Correction;
use crate::publisher::unix_now;

/// How long a form's token is good, in seconds: for the rest of the hour and the next.
const HOUR: i64 = 3600;

/// The most requests of one network (IPv4: /24, IPv6: /48) in an hour.
const ASKED_LIMIT: u32 = 20;

/// The most networks whose requests are counted; past it none is taken until the hour ends.
const NETWORKS_LIMIT: usize = 100_000;

/// Who may ask: tokens, and how often each network did.
#[derive(Clone)]
pub struct Doorkeeper {
    key: [u8; 32],
    proxies: Arc<[IpNet]>,
    asked: Arc<Mutex<Asked>>,
}

#[derive(Default)]
struct Asked {
    hour: i64,
    networks: HashMap<IpAddr, u32>,
}

impl Doorkeeper {
    /// With a key of its own; what comes from `proxies` comes from whom their X-Forwarded-For names last.
    pub fn new(key: [u8; 32], proxies: &[IpNet]) -> Self {
        Self { key, proxies: proxies.into(), asked: Arc::default() }
    }

    /// The client's address, as far as it can be believed.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = canonical(peer);
        if !self.proxies.iter().any(|network| network.contains(&peer)) {
            return peer;
        }
        // The proxy appends the peer that it saw; what stands before is the client's word.
        let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let last = forwarded.and_then(|text| text.rsplit(',').next()).and_then(|text| parse_address(text.trim()));
        last.map_or(peer, canonical)
    }

    fn token(&self, address: Origin, client: IpAddr, hour: i64) -> String {
        let text = format!("{address} {client} {hour}");
        blake3::keyed_hash(&self.key, text.as_bytes()).to_hex()[..32].to_owned()
    }

    /// The token of a form that is shown to a client.
    pub(super) fn form(&self, address: Origin, peer: IpAddr, headers: &HeaderMap, now: i64) -> String {
        self.token(address, self.client(peer, headers), now.div_euclid(HOUR))
    }

    fn knows(&self, token: &str, address: Origin, client: IpAddr, now: i64) -> bool {
        let hour = now.div_euclid(HOUR);
        let good = [hour, hour - 1].map(|hour| self.token(address, client, hour));
        good.iter().any(|good| subtle::ConstantTimeEq::ct_eq(good.as_bytes(), token.as_bytes()).into())
    }

    /// Whether a client may ask once more.
    fn lets(&self, client: IpAddr, now: i64) -> bool {
        let network = match client {
            IpAddr::V4(address) => IpAddr::V4((address.to_bits() & 0xffff_ff00).into()),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 80 << 80).into()),
        };
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now.div_euclid(HOUR);
        if asked.hour != hour {
            *asked = Asked { hour, networks: HashMap::new() };
        }
        if asked.networks.len() >= NETWORKS_LIMIT && !asked.networks.contains_key(&network) {
            return false;
        }
        let count = asked.networks.entry(network).or_default();
        *count += 1;
        *count <= ASKED_LIMIT
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct RemovalForm {
    #[serde(default)]
    token: String,
}

#[derive(Template)]
#[template(path = "removal.html")]
struct RemovalPage<'a> {
    site: Site<'a>,
    address: IpAddr,
    answer: Answer,
}

/// What becomes of a request.
enum Answer {
    NotListed,
    Stale,
    TooOften,
    Immediate,
    Later(String),
    Queued(i64),
    Failed,
}

/// Takes a request.
pub(super) async fn ask(
    State(shown): State<Shown>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(address): Path<String>,
    headers: HeaderMap,
    Form(form): Form<RemovalForm>,
) -> Response {
    let Some(address) = parse_address(&address) else {
        return (StatusCode::NOT_FOUND, "no such address\n").into_response();
    };
    let (origin, now) = (Origin::from(address), unix_now());
    let client = shown.doorkeeper.client(peer.ip(), &headers);
    let (status, answer) = if !shown.doorkeeper.knows(&form.token, origin, client, now) {
        (StatusCode::FORBIDDEN, Answer::Stale)
    } else if !shown.doorkeeper.lets(client, now) {
        (StatusCode::TOO_MANY_REQUESTS, Answer::TooOften)
    } else if !address::is_listed(&shown, origin, now) {
        (StatusCode::OK, Answer::NotListed)
    } else {
        answer(&shown, origin, Origin::from(client) == origin, now).await
    };
    (status, html(&RemovalPage { site: Site::of(&shown), address, answer })).into_response()
}

async fn answer(shown: &Shown, origin: Origin, proven: bool, now: i64) -> (StatusCode, Answer) {
    let who = if proven { "the address itself" } else { "somebody, by the page" };
    let outcome = shown.control.correct(Correction::AskRemoval { origin, proven }, who).await;
    match outcome {
        Ok(outcome) => match (outcome.refused, outcome.effective, outcome.number) {
            (Some(_), ..) => (StatusCode::SERVICE_UNAVAILABLE, Answer::TooOften),
            (None, Some(effective), _) if effective <= now => (StatusCode::OK, Answer::Immediate),
            (None, Some(effective), _) => (StatusCode::ACCEPTED, Answer::Later(time(effective))),
            (None, None, number) => (StatusCode::ACCEPTED, Answer::Queued(number.unwrap_or_default())),
        },
        Err(error) => {
            tracing::error!(%error, "a request for removal could not be kept");
            (StatusCode::SERVICE_UNAVAILABLE, Answer::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        headers
    }

    /// F02: nobody comes from an address by saying so.
    #[test]
    fn only_a_proxy_of_ours_says_who_the_client_is() {
        let doorkeeper = Doorkeeper::new([7; 32], &["127.0.0.1/32".parse().unwrap()]);
        let client =
            |peer: &str, forwarded: &[&str]| doorkeeper.client(peer.parse().unwrap(), &headers(forwarded)).to_string();
        assert_eq!(client("26.1.2.3", &["45.0.2.1"]), "26.1.2.3");
        assert_eq!(client("127.0.0.1", &["45.0.2.1, 26.1.2.3"]), "26.1.2.3");
        assert_eq!(client("127.0.0.1", &["45.0.2.1", "26.1.2.3"]), "26.1.2.3");
        assert_eq!(client("::ffff:127.0.0.1", &["26.1.2.3"]), "26.1.2.3");
        assert_eq!(client("127.0.0.1", &["rubbish"]), "127.0.0.1");
    }

    #[test]
    fn a_token_is_good_for_one_address_one_client_and_a_while() {
        let doorkeeper = Doorkeeper::new([7; 32], &[]);
        let (listed, other) = (Origin::parse("45.0.2.1").unwrap(), Origin::parse("45.0.2.2").unwrap());
        let (client, stranger): (IpAddr, IpAddr) = ("26.1.2.3".parse().unwrap(), "26.1.2.4".parse().unwrap());
        let token = doorkeeper.form(listed, client, &HeaderMap::new(), 10 * HOUR);
        assert!(doorkeeper.knows(&token, listed, client, 11 * HOUR + 3599));
        assert!(!doorkeeper.knows(&token, listed, client, 12 * HOUR));
        assert!(!doorkeeper.knows(&token, other, client, 10 * HOUR));
        assert!(!doorkeeper.knows(&token, listed, stranger, 10 * HOUR));
        assert!(!doorkeeper.knows("", listed, client, 10 * HOUR));
    }

    #[test]
    fn a_network_asks_so_often_and_no_more() {
        let doorkeeper = Doorkeeper::new([7; 32], &[]);
        for last in 0..ASKED_LIMIT {
            assert!(doorkeeper.lets(IpAddr::from([26, 1, 2, last as u8]), HOUR));
        }
        assert!(!doorkeeper.lets("26.1.2.200".parse().unwrap(), HOUR));
        assert!(doorkeeper.lets("26.1.3.1".parse().unwrap(), HOUR));
        assert!(doorkeeper.lets("26.1.2.200".parse().unwrap(), 2 * HOUR));
    }
}
