//! Evidence taken back (G5), in steps, so that nobody waits long for the one writer.
//!
//! A withdrawal holds for what comes from the instant on that it is written. What came before is marked in its facts, some
//! thousand at a time, and then the units of each origin are counted anew from what still counts. A withdrawal that a
//! process left unfinished goes on when the ledger is opened again; so does one that is undone.

use std::collections::BTreeSet;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{SAMPLES_LIMIT, UNITS_LIMIT, Unit, past_the_limit};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::Withdrawal;
use super::embedded::unit;

/// The facts that are looked at in one step.
const FACTS: i64 = 5000;

/// The origins whose units are counted anew in one step.
const ORIGINS: usize = 500;

/// What a step did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Step {
    /// How many samples count no more, or again.
    pub samples: usize,
    /// The units of how many origins were counted anew.
    pub origins: usize,
    /// Whether there is more to do.
    pub more: bool,
}

/// A withdrawal in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Its number, which is never another's.
    pub number: i64,
    /// When it was made, in Unix seconds.
    pub at: i64,
    /// Why.
    pub reason: String,
    /// What it takes.
    pub withdrawal: Withdrawal,
}

/// What a withdrawal takes, of the facts that count. Its values are the first five parameters.
const TAKEN: &str = "(?1 IS NULL OR feed = ?1) AND (?2 IS NULL OR trap = ?2) AND (?3 IS NULL OR sample = ?3)
    AND (?4 IS NULL OR arrived >= ?4) AND (?5 IS NULL OR arrived < ?5)";

/// [`TAKEN`] in such words that an index finds one sample, or what arrived since.
fn taken_by(withdrawal: &Withdrawal) -> String {
    let mut text = TAKEN.to_owned();
    if withdrawal.sample.is_some() {
        text = text.replace("(?3 IS NULL OR sample = ?3)", "sample = ?3");
    }
    if withdrawal.since.is_some() {
        text = text.replace("(?4 IS NULL OR arrived >= ?4)", "arrived >= ?4");
    }
    text
}

/// Writes a withdrawal; what it takes is left to [`step`]. Its number.
pub(super) fn begin(
    transaction: &Transaction<'_>,
    withdrawal: &Withdrawal,
    reason: &str,
    now: i64,
) -> rusqlite::Result<i64> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    // Facts come in the order of their arrival, but where a clock went back.
    let first: Option<i64> = if sample.is_some() || since.is_some() {
        transaction.query_row(
            &format!("SELECT min(fact) FROM facts WHERE {}", taken_by(withdrawal)),
            params![feed, trap, sample, since, until],
            |row| row.get(0),
        )?
    } else {
        Some(1)
    };
    let before = first.map_or(i64::MAX, |first| first - 1);
    transaction.execute(
        "INSERT INTO withdrawals (feed, trap, sample, since, until, at, reason, work, fact)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'taking', ?8)",
        params![feed, trap, sample, since, until, now, reason, before],
    )?;
    Ok(transaction.last_insert_rowid())
}

/// Lets a withdrawal take nothing from now on; what it took comes back by [`step`]. Whether there is one.
pub(super) fn begin_restoring(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<bool> {
    let found = transaction.execute(
        "UPDATE withdrawals SET work = 'restoring', fact = 0
         WHERE withdrawal = ?1 AND coalesce(work, '') NOT IN ('restoring', 'restored')",
        [number],
    )?;
    Ok(found > 0)
}

/// Takes the next step of a withdrawal, or of undoing it; with it go the origins whose units were counted anew.
pub(super) fn step(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<(Step, BTreeSet<Origin>)> {
    let found: Option<(String, i64, Withdrawal)> = transaction
        .query_row(
            "SELECT work, fact, feed, trap, sample, since, until FROM withdrawals
             WHERE withdrawal = ?1 AND work IN ('taking', 'restoring')",
            [number],
            |row| {
                let (feed, trap, sample) = (row.get(2)?, row.get(3)?, row.get(4)?);
                let (since, until) = (row.get(5)?, row.get(6)?);
                Ok((row.get(0)?, row.get(1)?, Withdrawal { feed, trap, sample, since, until }))
            },
        )
        .optional()?;
    let Some((work, before, withdrawal)) = found else { return Ok((Step::default(), BTreeSet::new())) };
    let end = |which: &str| -> rusqlite::Result<i64> {
        transaction.query_row(&format!("SELECT coalesce({which}(fact), 0) FROM facts"), [], |row| row.get(0))
    };
    // What was dropped long ago is not walked over.
    let (before, newest) = (before.max(end("min")? - 1), end("max")?);
    if before < newest {
        let to = if withdrawal.sample.is_some() { newest } else { before + FACTS };
        let samples = mark(transaction, &work, &withdrawal, before, to)?;
        transaction.execute("UPDATE withdrawals SET fact = ?2 WHERE withdrawal = ?1", [number, to])?;
        return Ok((Step { samples, origins: 0, more: true }, BTreeSet::new()));
    }
    let mut statement = transaction.prepare_cached("SELECT origin FROM recounts LIMIT ?1")?;
    let texts: Vec<String> =
        statement.query_map([ORIGINS as i64], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut origins = BTreeSet::new();
    for text in &texts {
        if let Some(origin) = Origin::parse(text) {
            recount(transaction, origin)?;
            origins.insert(origin);
        }
        transaction.prepare_cached("DELETE FROM recounts WHERE origin = ?1")?.execute([text])?;
    }
    let more = texts.len() == ORIGINS;
    if !more {
        // What was undone stays, so that its number is never another's.
        transaction.execute(
            "UPDATE withdrawals SET work = CASE work WHEN 'restoring' THEN 'restored' END WHERE withdrawal = ?1",
            [number],
        )?;
    }
    Ok((Step { samples: 0, origins: origins.len(), more }, origins))
}

/// Marks the facts from behind `before` to `to` that a withdrawal takes or gives back; how many these are.
fn mark(
    transaction: &Transaction<'_>,
    work: &str,
    withdrawal: &Withdrawal,
    before: i64,
    to: i64,
) -> rusqlite::Result<usize> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    let taken = taken_by(withdrawal);
    let mut statement = transaction.prepare_cached(&if work == "taking" {
        format!(
            "UPDATE facts SET counted = 0, evidence = 'withdrawn'
             WHERE counted = 1 AND fact > ?6 AND fact <= ?7 AND {taken} RETURNING origin"
        )
    } else {
        // What another withdrawal takes as well stays taken.
        format!(
            "UPDATE facts SET counted = 1, evidence = 'counted'
             WHERE evidence = 'withdrawn' AND fact > ?6 AND fact <= ?7 AND {taken}
             AND NOT EXISTS (SELECT 1 FROM withdrawals AS other WHERE coalesce(other.work, '') NOT IN ('restoring', 'restored')
               AND (other.feed IS NULL OR other.feed = facts.feed) AND (other.trap IS NULL OR other.trap = facts.trap)
               AND (other.sample IS NULL OR other.sample = facts.sample)
               AND (other.since IS NULL OR facts.arrived >= other.since)
               AND (other.until IS NULL OR facts.arrived < other.until))
             RETURNING origin"
        )
    })?;
    let rows = statement
        .query_map(params![feed, trap, sample, since, until, before, to], |row| row.get::<_, Option<String>>(0))?;
    let marked: Vec<Option<String>> = rows.collect::<rusqlite::Result<_>>()?;
    let origins: BTreeSet<&String> = marked.iter().flatten().collect();
    for origin in origins {
        transaction
            .prepare_cached("INSERT INTO recounts (origin) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([origin])?;
    }
    Ok(marked.len())
}

/// Counts the units of an origin anew from its facts, within the bound of each feed.
pub(super) fn recount(transaction: &Transaction<'_>, origin: Origin) -> rusqlite::Result<()> {
    let units = counted_without(transaction, origin, &Withdrawal::nothing())?;
    transaction.prepare_cached("DELETE FROM units WHERE origin = ?1")?.execute([origin.to_string()])?;
    for Unit { key, samples, newest } in units {
        transaction
            .prepare_cached(
                "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples, newest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                origin.to_string(),
                key.feed,
                key.trap,
                key.nature.name(),
                key.null_sender,
                key.hour,
                samples,
                newest
            ])?;
    }
    Ok(())
}

/// The units of an origin as its facts tell, if those that a withdrawal takes had never come.
pub(super) fn counted_without(
    connection: &Connection,
    origin: Origin,
    withdrawal: &Withdrawal,
) -> rusqlite::Result<Vec<Unit>> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT feed, trap, nature, null_sender, hour, min(count(*), ?6), max(arrived) / 1000 FROM facts
         WHERE origin = ?7 AND counted = 1 AND NOT ({TAKEN}) GROUP BY feed, trap, nature, null_sender, hour"
    ))?;
    let rows = statement
        .query_map(params![feed, trap, sample, since, until, SAMPLES_LIMIT, origin.to_string()], |row| {
            unit(origin, row)
        })?;
    let mut units: Vec<Unit> = rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect();
    units.sort_by(|one, other| one.key.feed.cmp(&other.key.feed));
    let mut dropped = BTreeSet::new();
    for of_feed in units.chunk_by(|one, other| one.key.feed == other.key.feed) {
        let keys: Vec<_> = of_feed.iter().map(|unit| unit.key.clone()).collect();
        dropped.extend(past_the_limit(&keys, UNITS_LIMIT));
    }
    units.retain(|unit| !dropped.contains(&unit.key));
    Ok(units)
}

/// The published origins that a withdrawal would touch.
pub(super) fn published_under(connection: &Connection, withdrawal: &Withdrawal) -> rusqlite::Result<Vec<Origin>> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    let mut statement = connection.prepare(&format!(
        "SELECT DISTINCT origin FROM facts WHERE counted = 1 AND {}
         AND origin IN (SELECT origin FROM listings WHERE ended IS NULL)",
        taken_by(withdrawal)
    ))?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let texts: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(texts.iter().filter_map(|text| Origin::parse(text)).collect())
}

/// How many facts that count a withdrawal takes.
pub(super) fn taken(connection: &Connection, withdrawal: &Withdrawal) -> rusqlite::Result<usize> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    let count: i64 = connection.query_row(
        &format!("SELECT count(*) FROM facts WHERE counted = 1 AND {}", taken_by(withdrawal)),
        params![feed, trap, sample, since, until],
        |row| row.get(0),
    )?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The withdrawals in force.
pub(super) fn standing(connection: &Connection) -> rusqlite::Result<Vec<Standing>> {
    let mut statement = connection.prepare_cached(
        "SELECT withdrawal, at, reason, feed, trap, sample, since, until FROM withdrawals
         WHERE coalesce(work, '') NOT IN ('restoring', 'restored') ORDER BY withdrawal",
    )?;
    let rows = statement.query_map([], |row| {
        let (feed, trap, sample) = (row.get(3)?, row.get(4)?, row.get(5)?);
        let withdrawal = Withdrawal { feed, trap, sample, since: row.get(6)?, until: row.get(7)? };
        Ok(Standing { number: row.get(0)?, at: row.get(1)?, reason: row.get(2)?, withdrawal })
    })?;
    rows.collect()
}

/// The numbers of those that are not finished.
pub(super) fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    let mut statement =
        connection.prepare("SELECT withdrawal FROM withdrawals WHERE work IN ('taking', 'restoring')")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    rows.collect()
}
