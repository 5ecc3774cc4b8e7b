//! Static lists: files in rbldnsd's formats, served beside the listings.
//!
//! Enters: the files that the settings name. Leaves: a [`Fixed`](crate::zone::Fixed) for each list, whole and checked, or
//! the first bad lines by number, with the mend. Refused: a file with any line that cannot be taken at its word, since
//! what is dropped in silence is a listing silently absent; the exempt (G6), by the type of the table.
//!
//! The grammar and its meaning are those of rbldnsd(8), 0.998, as that program has them where its manual says otherwise;
//! `tests/static_lists.rs` holds one against the other.
//!
//! ```text
//! file ─▶ watch (stillness) ─▶ read (lines) ─▶ address, template, directive ─▶ flatten (who wins) ─▶ zone::Fixed ─▶ kept
//! ```

mod mistake;
mod address;
mod template;
mod directive;
mod flatten;
mod answers;
mod lines;
mod read;
mod standing;
mod stillness;
mod kept;
mod combined;
mod life;
mod watch;

#[cfg(test)]
mod tests;

pub use combined::borrowed;
pub use mistake::{Mistake, Refusal};
pub use read::{DataSet, Read, line_of, read};
pub use standing::{Standing, Standings};
pub use stillness::QUIET;
pub use watch::{LOOK, Lists, give_way};

/// The most mistakes that are told of one list.
pub const MISTAKES_MAX: usize = 20;
/// How many mistakes are counted, those that are not told among them; then the rest is not read.
pub const MISTAKES_COUNTED_MAX: u64 = 100_000;
/// The longest line, in bytes; rbldnsd cuts at the same length.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// The most bytes that the files of one list may have, unpacked.
pub const FILE_BYTES_MAX: u64 = 4 << 30;
/// The most lines that they may have, comments among them.
pub const LINES_MAX: u64 = 1 << 27;
/// The most IPv4 entries of one list, ranges counted in the pieces into which they are divided: 12 bytes each while the
/// list is read, so 0.8 GB.
pub const ENTRIES_MAX: usize = 1 << 26;
/// The most IPv6 entries of one list: 32 bytes each while it is read, so 0.5 GB.
pub const SIX_ENTRIES_MAX: usize = 1 << 24;
/// The widest IPv4 entry, as the length of its prefix, where no `$MAXRANGE4` says otherwise: nobody holds more (G8).
pub const WIDEST_FOUR: u8 = 8;
/// The widest IPv6 entry: the registries hand out less.
pub const WIDEST_SIX: u8 = 16;
/// Entries that are wider than these, for IPv4 and IPv6, are told of: a line that was cut short is most often one.
pub const WIDE: (u8, u8) = (16, 32);
/// The most values that one address may have in one list.
pub const VALUES_MAX: usize = 16;

/// A Unix second as a date and time.
pub(crate) fn instant(second: u64) -> jiff::Timestamp {
    i64::try_from(second)
        .ok()
        .and_then(|second| jiff::Timestamp::from_second(second).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}
