//! The one thread that writes into the embedded store.
//!
//! It takes what has queued up, writes it in one transaction and answers after the commit.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT};
use firsthand_analyzer::score::PRESUMED_OVER;
use rusqlite::{Connection, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::embedded::{LedgerError, Shared, lock};
use super::{Fact, Recorded, Version, Withdrawal};

/// The most writes in one transaction.
const BATCH: usize = 512;

/// How long the newest versions of the journal are kept, in seconds.
const JOURNAL_KEPT: i64 = 7 * 24 * HOUR;

/// How long facts are kept after what they listed has ended, in seconds.
const PROOF_KEPT: i64 = 30 * 24 * HOUR;

pub(super) enum Write {
    Record(Box<Fact>, oneshot::Sender<Result<Recorded, LedgerError>>),
    Withdraw(Withdrawal, i64, oneshot::Sender<Result<usize, LedgerError>>),
    Publish(Version, oneshot::Sender<Result<(), LedgerError>>),
    Purge { now: i64, hard_limit: i64, done: oneshot::Sender<Result<(), LedgerError>> },
}

/// The withdrawals that were made.
pub(super) fn read_withdrawals(connection: &Connection) -> Result<Vec<Withdrawal>, LedgerError> {
    let mut statement = connection.prepare("SELECT feed, trap, sample, since, until FROM withdrawals")?;
    let rows = statement.query_map([], |row| {
        Ok(Withdrawal {
            feed: row.get(0)?,
            trap: row.get(1)?,
            sample: row.get(2)?,
            since: row.get(3)?,
            until: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The one thread that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) withdrawals: Vec<Withdrawal>,
    pub(super) shared: Arc<Shared>,
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

impl Writer {
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        let mut batch = Vec::with_capacity(BATCH);
        while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.commit(&mut batch);
        }
    }

    /// Writes a batch in one transaction; nobody is answered before it is durable.
    fn commit(&mut self, batch: &mut Vec<Write>) {
        let mut touched = HashSet::new();
        let mut withdrawals = self.withdrawals.clone();
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let mut transact = || -> Result<(), LedgerError> {
            let transaction = self.connection.transaction()?;
            for write in batch.drain(..) {
                answers.push(apply(&transaction, write, &mut withdrawals, &mut touched)?);
            }
            Ok(transaction.commit()?)
        };
        let result = transact();
        match &result {
            Ok(()) => {
                self.withdrawals = withdrawals;
                if !touched.is_empty() {
                    lock(&self.shared.touched).extend(touched);
                    self.shared.touch.notify_all();
                }
            }
            Err(error) => tracing::error!(%error, "a write to the ledger failed; nothing of it was acknowledged"),
        }
        for answer in answers {
            answer(result.clone());
        }
        // After a failure some writes were not reached; dropping their answer tells their callers.
        batch.clear();
    }
}

fn apply(
    transaction: &Transaction<'_>,
    write: Write,
    withdrawals: &mut Vec<Withdrawal>,
    touched: &mut HashSet<Origin>,
) -> Result<Answer, LedgerError> {
    fn answer<T: Send + 'static>(value: T, done: oneshot::Sender<Result<T, LedgerError>>) -> Answer {
        Box::new(move |result| {
            // A caller that went away has no use for the answer.
            let _ = done.send(result.map(|()| value));
        })
    }
    Ok(match write {
        Write::Record(fact, done) => {
            let withdrawn = withdrawals.iter().any(|withdrawal| withdrawal.takes(&fact));
            let recorded = record(transaction, &fact, withdrawn)?;
            if let (Recorded::New, Ok(unit)) = (recorded, &fact.unit) {
                touched.insert(unit.origin);
            }
            answer(recorded, done)
        }
        Write::Withdraw(withdrawal, now, done) => {
            let origins = withdraw(transaction, &withdrawal, now)?;
            withdrawals.push(withdrawal);
            let facts = origins.1;
            touched.extend(origins.0);
            answer(facts, done)
        }
        Write::Publish(version, done) => {
            publish(transaction, &version)?;
            answer((), done)
        }
        Write::Purge { now, hard_limit, done } => {
            purge(transaction, now, hard_limit)?;
            answer((), done)
        }
    })
}

fn record(transaction: &Transaction<'_>, fact: &Fact, withdrawn: bool) -> Result<Recorded, LedgerError> {
    let unit = fact.unit.as_ref().ok();
    let counted = unit.is_some() && !withdrawn;
    let evidence = match &fact.unit {
        Ok(_) if withdrawn => "withdrawn",
        Ok(_) => "counted",
        Err(why) => why,
    };
    let inserted = transaction
        .prepare_cached(
            "INSERT INTO facts (sample, arrived, feed, trap, origin, nature, null_sender, hour, counted, evidence, verdict, proof)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (sample) DO NOTHING",
        )?
        .execute(params![
            fact.sample,
            fact.arrived,
            fact.feed,
            fact.trap,
            unit.map(|unit| unit.origin.to_string()),
            unit.map_or("", |unit| unit.nature.name()),
            unit.is_some_and(|unit| unit.null_sender),
            unit.map_or(0, |unit| unit.hour),
            counted,
            evidence,
            fact.verdict,
            fact.proof,
        ])?;
    if inserted == 0 {
        return Ok(Recorded::Known);
    }
    let row = transaction.last_insert_rowid();
    for name in &fact.framed {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO framed (name, fact, arrived) VALUES (?1, ?2, ?3)")?
            .execute(params![name, row, fact.arrived])?;
    }
    if let (Some(unit), true) = (unit, counted) {
        transaction
            .prepare_cached(
                "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                 ON CONFLICT DO UPDATE SET samples = min(samples + 1, ?7)",
            )?
            .execute(params![
                unit.origin.to_string(),
                unit.feed,
                unit.trap,
                unit.nature.name(),
                unit.null_sender,
                unit.hour,
                SAMPLES_LIMIT,
            ])?;
    }
    Ok(Recorded::New)
}

/// Stops the matching facts from counting and counts the units of their origins anew.
fn withdraw(
    transaction: &Transaction<'_>,
    withdrawal: &Withdrawal,
    now: i64,
) -> Result<(BTreeSet<Origin>, usize), LedgerError> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    transaction.execute(
        "INSERT INTO withdrawals (feed, trap, sample, since, until, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![feed, trap, sample, since, until, now],
    )?;
    let mut statement = transaction.prepare(
        "UPDATE facts SET counted = 0, evidence = 'withdrawn'
         WHERE counted = 1 AND (?1 IS NULL OR feed = ?1) AND (?2 IS NULL OR trap = ?2)
           AND (?3 IS NULL OR sample = ?3) AND (?4 IS NULL OR arrived >= ?4) AND (?5 IS NULL OR arrived < ?5)
         RETURNING origin",
    )?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let affected: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    let facts = affected.len();
    let origins: BTreeSet<String> = affected.into_iter().collect();
    for origin in &origins {
        transaction.prepare_cached("DELETE FROM units WHERE origin = ?1")?.execute([origin])?;
        transaction
            .prepare_cached(
                "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples)
                 SELECT origin, feed, trap, nature, null_sender, hour, min(count(*), ?2) FROM facts
                 WHERE origin = ?1 AND counted = 1 GROUP BY origin, feed, trap, nature, null_sender, hour",
            )?
            .execute(params![origin, SAMPLES_LIMIT])?;
    }
    Ok((origins.iter().filter_map(|text| Origin::parse(text)).collect(), facts))
}

fn publish(transaction: &Transaction<'_>, version: &Version) -> Result<(), LedgerError> {
    let body = serde_json::json!({ "additions": version.additions, "deletions": version.deletions });
    transaction
        .prepare_cached("INSERT INTO journal (serial, previous, at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![version.serial, version.previous, version.at, body.to_string()])?;
    for change in &version.additions {
        transaction
            .prepare_cached(
                "INSERT INTO listings (list, origin, since, until) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until, ended = NULL",
            )?
            .execute(params![change.list, change.origin, change.since, change.until])?;
    }
    for change in &version.deletions {
        transaction
            .prepare_cached("UPDATE listings SET ended = ?3 WHERE list = ?1 AND origin = ?2")?
            .execute(params![change.list, change.origin, version.at])?;
    }
    Ok(())
}

/// Drops what is past its time. What a standing listing rests on stays: the listing is replayed from it.
fn purge(transaction: &Transaction<'_>, now: i64, hard_limit: i64) -> Result<(), LedgerError> {
    let (old, proof) = (now - hard_limit - PRESUMED_OVER, now - PROOF_KEPT);
    transaction.execute("DELETE FROM listings WHERE ended < ?1", [proof])?;
    transaction.execute(
        "DELETE FROM units WHERE hour < ?1 AND origin NOT IN (SELECT origin FROM listings WHERE ended IS NULL)",
        [old.div_euclid(HOUR)],
    )?;
    transaction.execute(
        "DELETE FROM framed WHERE fact IN (SELECT fact FROM facts WHERE arrived < ?1
           AND (origin IS NULL OR origin NOT IN (SELECT origin FROM listings)))",
        [old * 1000],
    )?;
    transaction.execute(
        "DELETE FROM facts WHERE arrived < ?1 AND (origin IS NULL OR origin NOT IN (SELECT origin FROM listings))",
        [old * 1000],
    )?;
    transaction.execute(
        "DELETE FROM journal WHERE at < ?1 AND serial < (SELECT max(serial) FROM journal)",
        [now - JOURNAL_KEPT],
    )?;
    Ok(())
}
