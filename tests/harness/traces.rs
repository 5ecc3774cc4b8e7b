//! The messages of `corpus/mta-traces` with the relays that took them and the peers that they really had.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use firsthand_analyzer::address::parse_address;
use firsthand_analyzer::received::{Dialect, Handover};
use firsthand_analyzer::topology::{Boundary, HostPattern, Relay, Topology};
use serde_json::Value;

/// The laboratory's relays.
const RELAYS: [&str; 3] = ["203.0.113.8/29", "203.0.113.16/31", "2001:db8:113::/112"];

/// One message with how it was judged true.
pub(crate) struct Trace {
    /// The record's id.
    #[allow(dead_code, reason = "benchmarks do not ask")]
    pub(crate) id: String,
    /// The message as the MTA stored it.
    pub(crate) message: Vec<u8>,
    /// The relays that took it.
    pub(crate) topology: Topology,
    /// The peer that the trusted lines state.
    #[allow(dead_code, reason = "benchmarks do not ask")]
    pub(crate) truth: Option<String>,
}

/// Every message that a relay took.
pub(crate) fn traces() -> Vec<Trace> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/corpus/mta-traces");
    let mut traces = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.ends_with(".jsonl") || name.starts_with("refused") {
            continue;
        }
        traces
            .extend(fs::read_to_string(&path).unwrap().lines().map(|line| trace(&serde_json::from_str(line).unwrap())));
    }
    traces
}

fn trace(record: &Value) -> Trace {
    let hops = record["trusted_hops"].as_array().unwrap();
    let relays = hops.iter().map(|hop| Relay {
        name: hop["mta"].as_str().unwrap().to_owned(),
        hosts: vec![HostPattern::new(hop["host"].as_str().unwrap())],
        networks: RELAYS.map(|network| network.parse().unwrap()).to_vec(),
        dialect: Some(Dialect::parse(hop["mta"].as_str().unwrap()).unwrap()),
        handovers: if hops.len() > 1 { vec![Handover::Loopback] } else { vec![] },
    });
    Trace {
        id: record["id"].as_str().unwrap().to_owned(),
        message: STANDARD.decode(record["message_b64"].as_str().unwrap()).unwrap(),
        topology: Topology::new(relays.collect(), Boundary::Headers),
        truth: record["expected_from_trusted_lines"].as_str().map(|text| parse_address(text).unwrap().to_string()),
    }
}
