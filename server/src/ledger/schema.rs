//! The tables of the embedded store, in words that an operator with `sqlite3` can read.
//!
//! - `meta`: `epoch` (hexadecimal; new with every new ledger), `trap-key` (hexadecimal; from it and a trap's address
//!   comes the trap's registry id).
//! - `facts`: one row a sample. `origin` is an address or a /64; `counted` is 1 if the fact stands in `units`.
//! - `units`: evidence units; counted from `facts`.
//! - `framed`: whom the claims of a fact name.
//! - `withdrawals`: evidence taken back; an empty column matches everything.
//! - `listings`: what is published, and for a while what was (`ended`).
//! - `journal`: the versions of the zone; `body` is JSON with `additions` and `deletions`.
//!
//! Times are Unix milliseconds in `facts`, `framed` and `withdrawals`, and Unix seconds elsewhere.

/// The version of these tables, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 1;

/// Makes the tables.
pub(super) const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (
    fact INTEGER PRIMARY KEY,
    sample BLOB NOT NULL UNIQUE,
    arrived INTEGER NOT NULL,
    feed TEXT NOT NULL,
    trap TEXT NOT NULL,
    origin TEXT,
    nature TEXT NOT NULL,
    null_sender INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    evidence TEXT NOT NULL,
    verdict TEXT NOT NULL,
    proof TEXT NOT NULL
);
CREATE INDEX facts_by_origin ON facts (origin, arrived) WHERE origin IS NOT NULL;
CREATE INDEX facts_by_arrival ON facts (arrived);
CREATE TABLE units (
    origin TEXT NOT NULL,
    feed TEXT NOT NULL,
    trap TEXT NOT NULL,
    nature TEXT NOT NULL,
    null_sender INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    PRIMARY KEY (origin, feed, trap, nature, null_sender, hour)
) WITHOUT ROWID;
CREATE TABLE framed (
    name TEXT NOT NULL,
    fact INTEGER NOT NULL,
    arrived INTEGER NOT NULL,
    PRIMARY KEY (name, fact)
) WITHOUT ROWID;
CREATE INDEX framed_by_fact ON framed (fact);
CREATE TABLE withdrawals (
    withdrawal INTEGER PRIMARY KEY,
    feed TEXT,
    trap TEXT,
    sample BLOB,
    since INTEGER,
    until INTEGER,
    at INTEGER NOT NULL
);
CREATE TABLE listings (
    list TEXT NOT NULL,
    origin TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    ended INTEGER,
    PRIMARY KEY (list, origin)
) WITHOUT ROWID;
CREATE INDEX listings_by_origin ON listings (origin);
CREATE TABLE journal (
    serial INTEGER PRIMARY KEY,
    previous INTEGER NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
);
";
