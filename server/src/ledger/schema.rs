//! The tables of the embedded store, in words that an operator with `sqlite3` can read.
//!
//! - `meta`: `epoch` (hexadecimal; new with every new ledger), `trap-key` (hexadecimal; from it and a trap's address
//!   comes the trap's registry id), `swept` (a digest of what every origin was last replayed under), `freshness` (JSON: when each
//!   feed was last heard), `paused` (JSON: the feeds that the operator has paused).
//! - `facts`: one row a sample. `origin` is an address or a /64; `counted` is 1 if the fact stands in `units`. Of mail that
//!   people wanted, `trap` is the recipient's id, and neither verdict nor proof is kept.
//! - `units`: evidence units; counted from `facts`; so many for an origin and feed at most. `newest` is the arrival of
//!   the newest sample.
//! - `framed`: whom the claims of a fact name.
//! - `withdrawals`: evidence taken back; an empty column matches everything. `work` is `taking` or `restoring` while facts are
//!   marked, up to `fact`; `recounts` are the origins whose units are to be counted anew after it.
//! - `removals`: who asked to be taken off; without `effective` the request waits for the operator.
//! - `exemptions`, `traps`: what the operator declared by command, beside the settings. Traps and their domains stand here
//!   by their ids only.
//! - `pending`: origins whose evidence changed since the publisher last settled them.
//! - `listings`: what is published, and for a while what was (`ended`).
//! - `journal`: the versions of the zone; `body` is JSON with `additions` and `deletions`.
//! - `brake`: what was left in each bucket when it was last drawn from.
//! - `audit`: every correction, in order; nothing here is ever changed or deleted.
//!
//! Times are Unix milliseconds in `facts` (`arrived`), `framed` and `withdrawals` (`since`, `until`), and Unix seconds
//! elsewhere.

/// The version of these tables, kept in `PRAGMA user_version`.
pub(super) const VERSION: i64 = 2;

/// Makes the tables that have not changed since version 1.
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

/// Makes of version 1, or of nothing but [`TABLES`], version 2. Units are counted anew after it.
pub(super) const SECOND: &str = "
DROP TABLE IF EXISTS units;
CREATE TABLE units (
    origin TEXT NOT NULL,
    feed TEXT NOT NULL,
    trap TEXT NOT NULL,
    nature TEXT NOT NULL,
    null_sender INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    PRIMARY KEY (origin, feed, trap, nature, null_sender, hour)
) WITHOUT ROWID;
ALTER TABLE withdrawals ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE withdrawals ADD COLUMN work TEXT;
ALTER TABLE withdrawals ADD COLUMN fact INTEGER NOT NULL DEFAULT 0;
CREATE TABLE recounts (origin TEXT PRIMARY KEY) WITHOUT ROWID;
ALTER TABLE listings ADD COLUMN framing_cost INTEGER NOT NULL DEFAULT 1;
CREATE INDEX listings_due ON listings (until) WHERE ended IS NULL;
CREATE INDEX listings_by_cost ON listings (list, framing_cost) WHERE ended IS NULL;
CREATE INDEX listings_ended ON listings (ended) WHERE ended IS NOT NULL;
CREATE TABLE removals (
    removal INTEGER PRIMARY KEY,
    origin TEXT NOT NULL,
    asked INTEGER NOT NULL,
    effective INTEGER,
    asker TEXT NOT NULL,
    answered INTEGER,
    applied INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX removals_by_origin ON removals (origin, asked);
CREATE INDEX removals_due ON removals (effective) WHERE applied = 0 AND effective IS NOT NULL;
CREATE INDEX removals_waiting ON removals (asked) WHERE answered IS NULL;
CREATE TABLE exemptions (
    network TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    until INTEGER,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE traps (
    trap TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    tier TEXT NOT NULL,
    sends INTEGER NOT NULL,
    accepts_reports INTEGER NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE pending (origin TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE brake (bucket TEXT PRIMARY KEY, tokens REAL NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE audit (entry INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL);
";
