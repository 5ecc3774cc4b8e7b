//! Firsthand.
pub mod intake;
pub mod cli;
pub mod command;
