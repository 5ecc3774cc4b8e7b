//! One JSON document, an entry a line:
//!
//! ```json
//! {"zone":"bl.example","serial":1795653000,"made":"2026-11-26T01:30:00Z","lists":[{"name":"spam","code":"127.0.0.2"}],"left_out":[],"entries":[
//! {"address":"192.0.2.1","lists":["spam"],"codes":["127.0.0.2"],"until":"2026-11-27T01:30:00Z"},
//! {"network":"2001:db8:1:2::/64","lists":["spam"],"codes":["127.0.0.2"],"until":"2026-11-27T01:30:00Z"}
//! ]}
//! ```
//!
//! `left_out` names the static lists that the zone holds and the document does not. `until` is when the first of the entry's listings ends: from then on it says too much. The lists and the codes of an
//! entry stand in the same order.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use firsthand_analyzer::address::Origin;
use serde::Serialize;
use serde_json::to_writer;

use super::{Export, moment};

#[derive(Serialize)]
struct List<'a> {
    name: &'a str,
    code: Ipv4Addr,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Origin>,
    lists: Vec<&'a str>,
    codes: Vec<Ipv4Addr>,
    until: String,
}

pub(super) fn write(export: &Export<'_>, out: &mut dyn Write) -> io::Result<u64> {
    let lists = export.zone.lists();
    let named = lists.iter().map(|list| List { name: list.label.as_str(), code: list.code.address() });
    write!(out, "{{\"zone\":")?;
    to_writer(&mut *out, &export.zone.settings().name.to_string())?;
    write!(out, ",\"serial\":{},\"made\":\"{}\",\"lists\":", export.zone.serial(), moment(export.now))?;
    to_writer(&mut *out, &named.collect::<Vec<_>>())?;
    write!(out, ",\"left_out\":")?;
    to_writer(&mut *out, &export.left_out.iter().map(|left| &left.list).collect::<Vec<_>>())?;
    write!(out, ",\"entries\":[")?;
    let mut count = 0;
    for entry in export.entries() {
        let four = matches!(entry.origin, Origin::V4(_));
        let until = entry.listings.iter().map(|listing| listing.until).min().unwrap_or(0);
        let line = Line {
            address: Some(entry.origin).filter(|_| four),
            network: Some(entry.origin).filter(|_| !four),
            lists: entry.listings.iter().map(|listing| lists[listing.list].label.as_str()).collect(),
            codes: entry.listings.iter().map(|listing| lists[listing.list].code.address()).collect(),
            until: moment(until),
        };
        writeln!(out, "{}", if count > 0 { "," } else { "" })?;
        to_writer(&mut *out, &line)?;
        count += 1;
    }
    writeln!(out, "\n]}}")?;
    Ok(count)
}
