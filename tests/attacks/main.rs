//! Does any known attack get an innocent address listed, or make the list useless? One test for each.
//!
//! Each test bears the number of its attack, says what the attacker does and what stops it, and asks the analyzer or the
//! running program as a whole. `cargo test -p firsthand-server --test attacks a03` runs one of them.
#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

#[path = "../harness/mod.rs"]
mod harness;
mod mail;
mod world;
// Whom a sample is held against.
mod attribution;
// What kind of mail counts as what.
mod classification;
// What a feed or a known trap can be made to say.
mod poisoning;
// What may never be listed, for how long anything is, and how much of the address space.
mod space;
// Who takes an address off, and what anybody learns.
mod governance;
