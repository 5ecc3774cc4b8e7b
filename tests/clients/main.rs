//! Do the programs that mail servers really run see what is listed, and nothing else?
//!
//! The command-line clients, resolvers that minimise names, MTAs and filters, each as Debian ships it and on the settings
//! in `settings/`, in a network of its own ([`network`]). Needs root and the packages that `tests/run` installs; where one
//! is missing, the test fails.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "../harness/mod.rs"]
mod harness;
// Where the programs run, and what is listed there.
mod network;
// Passes queries on to the service and notes the names.
mod tap;
// dig and kdig.
mod tools;
// unbound and BIND.
mod resolvers;
// An SMTP client at an address of its choice.
mod smtp;
// Postfix: reject_rbl_client and postscreen.
mod postfix;
// Exim: dnslists.
mod exim;
// rspamd and SpamAssassin.
mod filters;
