//! Do the recipes of `deploy/recipes` bring what real MTAs take to the list, and nothing that their clients forge?
//!
//! Postfix, Exim, OpenSMTPD and Dovecot, each as Debian ships it and on its recipe as it stands, in a network of its own:
//! strangers at global addresses write to traps, with hostile names and forged lines that blame an innocent. They are
//! listed, over IPv4 and IPv6, DNS says so, and the same MTA refuses them from then on by the zone; the innocent is not, and
//! is not refused. Needs root and the packages that `tests/run` installs; where one is missing, the test fails.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "../harness/mod.rs"]
mod harness;
// The machine, its strangers and its traps.
mod world;
// An SMTP client at an address of its choice, and what hostile ones say.
mod sender;
// The MTAs.
mod postfix;
mod exim;
mod opensmtpd;
mod dovecot;
