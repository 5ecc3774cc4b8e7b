//! How samples come in.
pub mod files;
