//! Names the one address that a mail sample proves, or none.
#![forbid(unsafe_code)]
pub mod address;
pub mod sample;
pub mod received;
pub mod topology;
pub mod trust;
pub mod claim;
pub mod nature;
pub mod verdict;
