//! Firsthand's sockets, clocks and tasks, around the pure analyzer.
//!
//! Samples come in by [`intake`], are judged, and kept as facts in the [`ledger`]. The [`publisher`] turns what the facts
//! prove into versions of the [`zone`], and [`follow`] swaps them in; [`dns`] answers from the zone, beside which the
//! operator's own files stand as [`lists`], and [`web`] shows it to people. What strangers may hold open is bounded by
//! [`connections`], and TLS shows them a [`certificate`]. [`config`] reads what the operator wrote, [`declared`] makes
//! the analyzer's values of it, and [`drill`] attacks them in memory; [`freshness`] hears whether a feed has fallen silent.
//! What the operator corrects comes in by [`control`]. What the operator's files are must be known before they are read:
//! [`regular_file`]. Only [`command`] sees everything.

pub mod regular_file;
pub mod connections;
pub mod certificate;
pub mod config;
pub mod zone;
pub mod lists;
pub mod ledger;
pub mod declared;
pub mod freshness;
pub mod drill;
pub mod dns;
pub mod export;
pub mod metrics;
pub mod follow;
pub mod publisher;
pub mod intake;
pub mod control;
pub mod web;
pub mod difference;
pub mod signal;
pub mod cli;
pub mod command;
