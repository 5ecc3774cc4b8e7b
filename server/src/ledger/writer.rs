//! The one thread that writes into the embedded store.
//!
//! It takes what has queued up, writes it in one transaction and answers after the commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, UNITS_LIMIT, UnitKey, past_the_limit};
use firsthand_analyzer::score::PRESUMED_OVER;
use rusqlite::{Connection, Transaction, params};
use tokio::sync::{mpsc, oneshot};

use super::corrections::correct;
use super::embedded::{LedgerError, Shared, lock, move_log, unit};
use super::withdrawals::{self, Step};
use super::{CLOCK_MARGIN, Correction, Fact, Outcome, Publication, Recorded, Version, Withdrawal};

/// The most facts that are dropped in one transaction, so that no acknowledgement waits long for it.
const PURGED: i64 = 2000;

/// The most writes in one transaction.
const BATCH: usize = 512;

/// How long the newest versions of the journal are kept, in seconds.
const JOURNAL_KEPT: i64 = 7 * 24 * HOUR;

/// How long facts are kept after what they listed has ended, in seconds.
const PROOF_KEPT: i64 = 30 * 24 * HOUR;

pub(super) enum Write {
    Record(Box<Fact>, oneshot::Sender<Result<Recorded, LedgerError>>),
    Correct { correction: Correction, who: String, now: i64, done: oneshot::Sender<Result<Outcome, LedgerError>> },
    Step(i64, oneshot::Sender<Result<Step, LedgerError>>),
    Publish(Publication, oneshot::Sender<Result<(), LedgerError>>),
    Note { name: &'static str, value: String, done: oneshot::Sender<Result<(), LedgerError>> },
    Purge { now: i64, hard_limit: i64, done: oneshot::Sender<Result<bool, LedgerError>> },
}

/// The one thread that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) withdrawals: Vec<Withdrawal>,
    /// Rises with every transaction, over restarts as well.
    pub(super) generation: i64,
    /// How far a purge is that is not through.
    pub(super) purged: Option<Purged>,
    pub(super) shared: Arc<Shared>,
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(Result<(), LedgerError>) + Send>;

impl Writer {
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Write>) {
        self.finish_withdrawals();
        let mut batch = Vec::with_capacity(BATCH);
        // Whoever still waits when the ledger is broken off finds it closed.
        while self.shared.broken().is_none() && queue.blocking_recv_many(&mut batch, BATCH) > 0 {
            self.commit(&mut batch);
        }
    }

    /// Goes on with withdrawals that a process left unfinished.
    fn finish_withdrawals(&mut self) {
        let unfinished = withdrawals::unfinished(&self.connection).unwrap_or_else(|error| {
            tracing::error!(%error, "it cannot be told whether a withdrawal was left unfinished");
            Vec::new()
        });
        for number in unfinished {
            tracing::info!(number, "a withdrawal was left unfinished; it goes on");
            loop {
                let (done, mut answer) = oneshot::channel();
                self.commit(&mut vec![Write::Step(number, done)]);
                // A failure has been told; the next start tries again.
                if !matches!(answer.try_recv(), Ok(Ok(Step { more: true, .. }))) {
                    break;
                }
            }
        }
    }

    /// Writes a batch in one transaction; nobody is answered before it is durable.
    fn commit(&mut self, batch: &mut Vec<Write>) {
        let mut touched = BTreeSet::new();
        let mut answers: Vec<Answer> = Vec::with_capacity(batch.len());
        let generation = self.generation + 1;
        let mut purged = self.purged;
        let mut transact = || -> Result<Option<Vec<Withdrawal>>, LedgerError> {
            let transaction = self.connection.transaction()?;
            let mut withdrawals = None;
            for write in batch.drain(..) {
                let corrects = matches!(write, Write::Correct { .. });
                let standing = withdrawals.as_ref().unwrap_or(&self.withdrawals);
                answers.push(apply(&transaction, write, standing, &mut touched, &mut purged)?);
                if corrects {
                    let standing = withdrawals::standing(&transaction)?;
                    withdrawals = Some(standing.into_iter().map(|standing| standing.withdrawal).collect());
                }
            }
            for origin in &touched {
                transaction
                    .prepare_cached(
                        "INSERT INTO pending (origin, generation) VALUES (?1, ?2)
                         ON CONFLICT DO UPDATE SET generation = excluded.generation",
                    )?
                    .execute(params![origin.to_string(), generation])?;
            }
            transaction.commit()?;
            Ok(withdrawals)
        };
        // Whoever finds that the disk cannot be relied on may be another thread: nothing is acknowledged after it.
        let written = transact().map_err(|error| self.shared.heed(error));
        let result = match written.and_then(|done| self.shared.broken().cloned().map_or(Ok(done), Err)) {
            Ok(withdrawals) => {
                self.generation = generation;
                self.purged = purged;
                if let Some(withdrawals) = withdrawals {
                    self.withdrawals = withdrawals;
                }
                if !touched.is_empty() {
                    lock(&self.shared.touched).extend(touched.into_iter().map(|origin| (origin, generation)));
                    self.shared.touch.notify_all();
                }
                Ok(())
            }
            // It has been told.
            Err(error @ LedgerError::Broken { .. }) => Err(error),
            Err(error) => {
                tracing::error!(%error, "a write to the ledger failed; nothing of it was acknowledged");
                Err(error)
            }
        };
        for answer in answers {
            answer(result.clone());
        }
        // After a failure some writes were not reached; dropping their answer tells their callers.
        batch.clear();
        self.shorten_log();
    }

    /// Moves the rest of a long log into the file while nobody writes, so that the next write begins it anew. What the other
    /// thread has moved is little behind, so that this is short.
    fn shorten_log(&mut self) {
        if !self.shared.log_is_long.swap(false, Ordering::Relaxed) {
            return;
        }
        match move_log(&self.connection).map_err(|error| self.shared.heed(error.into())) {
            // The latter has been told.
            Ok(_) | Err(LedgerError::Broken { .. }) => {}
            Err(error) => tracing::warn!(%error, "the ledger's log could not be shortened; it will be tried again"),
        }
    }
}

fn apply(
    transaction: &Transaction<'_>,
    write: Write,
    withdrawals: &[Withdrawal],
    touched: &mut BTreeSet<Origin>,
    purged: &mut Option<Purged>,
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
            let recorded = match record(transaction, &fact, withdrawn)? {
                Recorded::New if withdrawn => Recorded::Withdrawn,
                recorded => recorded,
            };
            if let (Recorded::New, Ok(unit)) = (&recorded, &fact.unit) {
                touched.insert(unit.origin);
            }
            answer(recorded, done)
        }
        Write::Correct { correction, who, now, done } => {
            let (outcome, origins) = correct(transaction, &correction, &who, now)?;
            touched.extend(origins);
            answer(outcome, done)
        }
        Write::Step(number, done) => {
            let (step, origins) = withdrawals::step(transaction, number)?;
            touched.extend(origins);
            answer(step, done)
        }
        Write::Publish(publication, done) => {
            publish(transaction, &publication)?;
            answer((), done)
        }
        Write::Note { name, value, done } => {
            transaction.execute(
                "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value",
                [name, &value],
            )?;
            answer((), done)
        }
        Write::Purge { now, hard_limit, done } => {
            *purged = purge(transaction, now, hard_limit, purged.unwrap_or_default())?;
            answer(purged.is_some(), done)
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
        let (known, did_count, evidence): (i64, bool, String) = transaction
            .prepare_cached("SELECT fact, counted, evidence FROM facts WHERE sample = ?1")?
            .query_row([fact.sample], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        if did_count || !counted {
            // A withdrawal takes what had counted, and leaves the word.
            let evidence = if !did_count && evidence == "counted" { "withdrawn".to_owned() } else { evidence };
            return Ok(Recorded::Known(evidence));
        }
        // It had added nothing, as when a relay was not declared yet, or was taken back; now it is as new as any.
        transaction.prepare_cached("DELETE FROM framed WHERE fact = ?1")?.execute([known])?;
        transaction.prepare_cached("DELETE FROM facts WHERE fact = ?1")?.execute([known])?;
        return record(transaction, fact, withdrawn);
    }
    let row = transaction.last_insert_rowid();
    for name in &fact.framed {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO framed (name, fact, arrived) VALUES (?1, ?2, ?3)")?
            .execute(params![name, row, fact.arrived])?;
    }
    if let (Some(unit), true) = (unit, counted) {
        count(transaction, unit, fact.arrived.div_euclid(1000))?;
    }
    Ok(Recorded::New)
}

/// Counts a sample into its unit; a unit too many for its origin and feed makes room.
fn count(transaction: &Transaction<'_>, key: &UnitKey, arrived: i64) -> Result<(), LedgerError> {
    let origin = key.origin.to_string();
    let known = transaction
        .prepare_cached(
            "UPDATE units SET samples = min(samples + 1, ?7), newest = max(newest, ?8)
             WHERE origin = ?1 AND feed = ?2 AND trap = ?3 AND nature = ?4 AND null_sender = ?5 AND hour = ?6",
        )?
        .execute(params![
            origin,
            key.feed,
            key.trap,
            key.nature.name(),
            key.null_sender,
            key.hour,
            SAMPLES_LIMIT,
            arrived
        ])?;
    if known > 0 {
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT INTO units (origin, feed, trap, nature, null_sender, hour, samples, newest)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)",
        )?
        .execute(params![origin, key.feed, key.trap, key.nature.name(), key.null_sender, key.hour, arrived])?;
    let kept: usize = transaction
        .prepare_cached("SELECT count(*) FROM units WHERE origin = ?1 AND feed = ?2")?
        .query_row(params![origin, key.feed], |row| row.get::<_, i64>(0))?
        .try_into()
        .unwrap_or(0);
    if kept <= UNITS_LIMIT {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(
        "SELECT feed, trap, nature, null_sender, hour, samples, newest FROM units WHERE origin = ?1 AND feed = ?2",
    )?;
    let rows = statement.query_map(params![origin, key.feed], |row| unit(key.origin, row))?;
    let keys: Vec<UnitKey> =
        rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().map(|unit| unit.key).collect();
    for dropped in past_the_limit(&keys, UNITS_LIMIT) {
        transaction
            .prepare_cached(
                "DELETE FROM units WHERE origin = ?1 AND feed = ?2 AND trap = ?3 AND nature = ?4 AND null_sender = ?5
                 AND hour = ?6",
            )?
            .execute(params![
                origin,
                dropped.feed,
                dropped.trap,
                dropped.nature.name(),
                dropped.null_sender,
                dropped.hour
            ])?;
    }
    Ok(())
}

fn publish(transaction: &Transaction<'_>, publication: &Publication) -> Result<(), LedgerError> {
    if let Some(version) = &publication.version {
        append(transaction, version)?;
    }
    for (origin, generation) in &publication.settled {
        transaction
            .prepare_cached("DELETE FROM pending WHERE origin = ?1 AND generation <= ?2")?
            .execute(params![origin.to_string(), generation])?;
    }
    for origin in &publication.waiting {
        transaction
            .prepare_cached("INSERT INTO pending (origin, generation) VALUES (?1, 0) ON CONFLICT DO NOTHING")?
            .execute([origin.to_string()])?;
    }
    for (origin, hour) in &publication.outlived {
        transaction
            .prepare_cached("DELETE FROM units WHERE origin = ?1 AND hour < ?2")?
            .execute(params![origin.to_string(), hour])?;
    }
    for origin in &publication.removed {
        transaction
            .prepare_cached("UPDATE removals SET applied = 1 WHERE origin = ?1 AND effective <= ?2 AND applied = 0")?
            .execute(params![origin.to_string(), publication.at])?;
    }
    for (bucket, tokens, at) in &publication.tokens {
        transaction
            .prepare_cached(
                "INSERT INTO brake (bucket, tokens, at) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET tokens = excluded.tokens, at = excluded.at",
            )?
            .execute(params![bucket, tokens, at])?;
    }
    Ok(())
}

fn append(transaction: &Transaction<'_>, version: &Version) -> Result<(), LedgerError> {
    let body = serde_json::json!({ "additions": version.additions, "deletions": version.deletions });
    transaction
        .prepare_cached("INSERT INTO journal (serial, previous, at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![version.serial, version.previous, version.at, body.to_string()])?;
    for change in &version.additions {
        transaction
            .prepare_cached(
                "INSERT INTO listings (list, origin, since, until, framing_cost) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until, ended = NULL,
                   framing_cost = excluded.framing_cost",
            )?
            .execute(params![change.list, change.origin, change.since, change.until, change.framing_cost as i64])?;
    }
    for change in &version.deletions {
        transaction
            .prepare_cached("UPDATE listings SET ended = ?3 WHERE list = ?1 AND origin = ?2")?
            .execute(params![change.list, change.origin, version.at])?;
    }
    Ok(())
}

/// How far a purge is: behind this arrival and fact.
type Purged = (i64, i64);

/// Drops what is past its time, having looked at [`PURGED`] facts at most, from where the last look ended; where the next one
/// begins, if there is more. What weighs nothing any more is kept as long again as a clock may be ahead. What a standing listing rests on stays, since the listing is replayed from it, and proof as long
/// as its listing is remembered.
fn purge(
    transaction: &Transaction<'_>,
    now: i64,
    hard_limit: i64,
    after: Purged,
) -> Result<Option<Purged>, LedgerError> {
    let (old, proof) = (now - hard_limit - PRESUMED_OVER - CLOCK_MARGIN, now - PROOF_KEPT);
    transaction.execute("DELETE FROM listings WHERE ended < ?1", [proof])?;
    let mut statement = transaction.prepare_cached(
        "SELECT fact, arrived, origin, origin IS NOT NULL AND EXISTS (SELECT 1 FROM listings WHERE listings.origin = facts.origin)
         FROM facts WHERE (arrived, fact) > (?1, ?2) AND arrived < ?3 ORDER BY arrived, fact LIMIT ?4",
    )?;
    let rows = statement.query_map(params![after.0, after.1, old * 1000, PURGED], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    let seen: Vec<(i64, i64, Option<String>, bool)> = rows.collect::<rusqlite::Result<_>>()?;
    let mut origins: BTreeSet<&str> = BTreeSet::new();
    for (fact, _, origin, _) in seen.iter().filter(|(.., kept)| !kept) {
        transaction.prepare_cached("DELETE FROM facts WHERE fact = ?1")?.execute([fact])?;
        transaction.prepare_cached("DELETE FROM framed WHERE fact = ?1")?.execute([fact])?;
        origins.extend(origin.as_deref());
    }
    for origin in origins {
        transaction
            .prepare_cached("DELETE FROM units WHERE origin = ?1 AND hour < ?2")?
            .execute(params![origin, old.div_euclid(HOUR)])?;
    }
    // Versions come in the order of time, so that the oldest are the first.
    transaction.execute(
        "DELETE FROM journal WHERE serial IN (SELECT serial FROM journal ORDER BY serial LIMIT ?2)
         AND at < ?1 AND serial < (SELECT max(serial) FROM journal)",
        [now - JOURNAL_KEPT, PURGED],
    )?;
    // Exemptions that ended stay: they are few, and a clock that was ahead once must not end one for good.
    transaction.execute("DELETE FROM removals WHERE answered IS NOT NULL AND asked < ?1", [proof])?;
    Ok(seen.last().filter(|_| seen.len() as i64 == PURGED).map(|(fact, arrived, ..)| (*arrived, *fact)))
}
