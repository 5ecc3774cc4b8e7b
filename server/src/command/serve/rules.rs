//! The settings as what DNS takes: the rules by which it answers, the query log, and the zone without an entry.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use firsthand_analyzer::score::List;
use ipnet::IpNet;

use super::CommandError;
use crate::config::{RateLimitMode, Settings, SunsetMode};
use crate::dns::access::{Access, AccessRules, NetworkSet};
use crate::dns::cookie::{Cookies, SECRET};
use crate::dns::limit::{Limits, Mode};
use crate::dns::query_log::QueryLog;
use crate::dns::responder::{Responder, Rules};
use crate::zone::{Code, DomainName, ListSettings, Sunset, Zone, ZoneSettings};

/// By which rules DNS answers; `own` is the secret of its cookies where the settings name none.
pub(super) fn rules(settings: &Settings, own: [u8; SECRET]) -> Rules {
    let (dns, rate) = (&settings.dns, &settings.rate_limit);
    let secrets = dns.cookie_secrets.as_ref().map_or_else(|| vec![own], |known| known.secrets().to_vec());
    let named = [(&dns.allow, Access::Allow), (&dns.refuse, Access::Refuse), (&dns.drop, Access::Drop)];
    let access =
        |(networks, access): &(&Vec<IpNet>, Access)| networks.iter().map(|net| (*net, *access)).collect::<Vec<_>>();
    let limits = Limits {
        mode: match rate.mode {
            RateLimitMode::Report => Mode::Report,
            RateLimitMode::Enforce => Mode::Enforce,
            RateLimitMode::Off => Mode::Off,
        },
        per_answer: rate.per_answer,
        per_network: rate.per_network,
        total: rate.total,
        slip: rate.slip,
        exempt: NetworkSet::new(rate.exempt.iter().copied()),
    };
    let cookies = Cookies::new(secrets).expect("there is at least one secret");
    Rules { access: AccessRules::new(named.iter().flat_map(access)), cookies, limits }
}

/// The query log of these settings, if they name one: that which is in use, if it is the same.
///
/// # Errors
/// When no thread can be started for it.
pub(super) fn query_log(settings: &Settings, responder: &Responder) -> io::Result<Option<Arc<QueryLog>>> {
    let Some(path) = &settings.dns.query_log else { return Ok(None) };
    match responder.query_log().filter(|log| log.path() == path) {
        Some(log) => Ok(Some(log)),
        None => QueryLog::start(path, responder.counters()).map(Some),
    }
}

/// The zone of these settings without an entry.
///
/// # Errors
/// When names, codes or texts do not fit into DNS.
pub(in crate::command) fn empty_zone(settings: &Settings) -> Result<Zone, CommandError> {
    let wrong = |key: &str, error: &dyn std::fmt::Display| CommandError::Usage(format!("zone.{key}: {error}"));
    let name = |key: &str, text: &str| text.parse::<DomainName>().map_err(|error| wrong(key, &error));
    let zone = ZoneSettings {
        name: name("name", &settings.zone.name)?,
        name_servers: settings
            .zone
            .name_servers
            .iter()
            .map(|server| name("name-servers", server))
            .collect::<Result<_, _>>()?,
        contact: DomainName::from_mailbox(&settings.zone.contact).map_err(|error| wrong("contact", &error))?,
        page: settings.zone.page.clone(),
        sunset: match settings.zone.sunset {
            SunsetMode::No => Sunset::No,
            SunsetMode::Announced => Sunset::Announced,
            SunsetMode::Empty => Sunset::Empty,
            SunsetMode::Off => Sunset::Off,
        },
        ..ZoneSettings::default()
    };
    let code = |key: &str, code: Ipv4Addr| Code::try_from(code).map_err(|error| wrong(key, &error));
    let combined = |list: List| settings.zone.combined.contains(&list);
    let mut lists = vec![
        ListSettings { combined: combined(List::Spam), ..ListSettings::spam() },
        ListSettings {
            code: code("backscatter-code", settings.zone.backscatter_code)?,
            combined: combined(List::Backscatter),
            ..ListSettings::backscatter()
        },
        ListSettings {
            code: code("mixed-code", settings.zone.mixed_code)?,
            combined: combined(List::Mixed),
            ..ListSettings::mixed()
        },
    ];
    for list in &settings.lists {
        let label = list.name.parse().map_err(|error| CommandError::Usage(format!("list.name: {error}")))?;
        lists.push(ListSettings::of_file(label, code("code", list.code)?, list.combined));
    }
    Zone::empty(zone, lists).map_err(|error| wrong("page", &error))
}
