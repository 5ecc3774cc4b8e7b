//! What an operator, or an address's own administrator, may change: nothing of it deletes a fact.
//!
//! A correction is written, with its entry in the audit trail, in one transaction; once acknowledged it is durable (G9).

use std::collections::BTreeSet;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::{HOUR, SAMPLES_LIMIT, UNITS_LIMIT, Unit, past_the_limit};
use firsthand_analyzer::listing::self_service_delay;
use firsthand_analyzer::score::Tier;
use ipnet::IpNet;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::Withdrawal;
use super::embedded::unit;

/// How long a removal by self-service makes the next one wait longer, in seconds (30 days).
const SELF_SERVICE_REMEMBERED: i64 = 30 * 24 * HOUR;

/// The most requests that wait for the operator.
pub const REQUESTS_LIMIT: i64 = 10_000;

/// One correction, as it is asked for and as the audit trail keeps it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "correction", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Correction {
    /// Evidence never came (G5).
    Retract {
        /// Which.
        withdrawal: Withdrawal,
        /// Why.
        reason: String,
    },
    /// A withdrawal was a mistake: what it took counts again, if no other takes it.
    Restore {
        /// Its number.
        withdrawal: i64,
    },
    /// A network is never listed (G6).
    Exempt {
        /// The network.
        network: IpNet,
        /// Why.
        reason: String,
        /// Until this Unix second; for good without it.
        until: Option<i64>,
    },
    /// A network is not exempt any more.
    EndExemption {
        /// The network.
        network: IpNet,
    },
    /// An origin is taken off at once.
    Remove {
        /// Whom.
        origin: Origin,
        /// Why.
        reason: String,
    },
    /// Somebody asks that an origin be taken off.
    AskRemoval {
        /// Whom.
        origin: Origin,
        /// Whether the request came from the origin itself; others wait for the operator (F02).
        proven: bool,
    },
    /// The operator answers a request.
    AnswerRemoval {
        /// Its number.
        removal: i64,
        /// Yes: it takes effect at once.
        granted: bool,
    },
    /// A trap is registered.
    AddTrap {
        /// Its registry id.
        trap: String,
        /// Its domain's id.
        domain: String,
        /// Its tier, by name.
        tier: String,
        /// Whether mail is ever sent from it.
        sends: bool,
        /// Whether abuse reports are meant for it.
        accepts_reports: bool,
    },
    /// A trap that was registered by command is one no more: what it saw weighs nothing.
    RemoveTrap {
        /// Its registry id.
        trap: String,
    },
    /// What waits for the brake goes at once.
    Release {
        /// This list's; every list's without it.
        list: Option<String>,
        /// This origin only.
        origin: Option<Origin>,
    },
}

/// What a correction did.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// The number by which a withdrawal or a request for removal is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// How many samples count no more, or again.
    pub samples: usize,
    /// How many origins are replayed.
    pub origins: usize,
    /// When a removal takes effect, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective: Option<i64>,
    /// Why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Outcome {
    fn refused(why: &str) -> Self {
        Self { refused: Some(why.to_owned()), ..Self::default() }
    }
}

/// Does a correction; with it go the origins to be replayed.
pub(super) fn correct(
    transaction: &Transaction<'_>,
    correction: &Correction,
    who: &str,
    now: i64,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let (outcome, origins) = apply(transaction, correction, now)?;
    if outcome.refused.is_none() {
        let what = serde_json::json!({ "asked": correction, "did": outcome });
        transaction.prepare_cached("INSERT INTO audit (at, who, what) VALUES (?1, ?2, ?3)")?.execute(params![
            now,
            who,
            what.to_string()
        ])?;
    }
    Ok((outcome, origins))
}

fn apply(
    transaction: &Transaction<'_>,
    correction: &Correction,
    now: i64,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let done = |outcome| Ok((outcome, BTreeSet::new()));
    match correction {
        Correction::Retract { withdrawal, reason } => withdraw(transaction, withdrawal, reason, now),
        Correction::Restore { withdrawal } => restore(transaction, *withdrawal),
        Correction::Exempt { network, reason, until } => {
            transaction.execute(
                "INSERT INTO exemptions (network, reason, until, at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET reason = excluded.reason, until = excluded.until, at = excluded.at",
                params![network.trunc().to_string(), reason, until, now],
            )?;
            done(Outcome::default())
        }
        Correction::EndExemption { network } => {
            let gone =
                transaction.execute("DELETE FROM exemptions WHERE network = ?1", [network.trunc().to_string()])?;
            done(if gone == 0 {
                Outcome::refused(
                    "no exemption that was added by command has this network; one of the settings ends there, one that is built in never",
                )
            } else {
                Outcome::default()
            })
        }
        Correction::Remove { origin, .. } => {
            let number = insert_removal(transaction, *origin, now, Some(now), "operator")?;
            let outcome = Outcome { number: Some(number), origins: 1, effective: Some(now), ..Outcome::default() };
            Ok((outcome, BTreeSet::from([*origin])))
        }
        Correction::AskRemoval { origin, proven } => ask_removal(transaction, *origin, *proven, now),
        Correction::AnswerRemoval { removal, granted } => answer_removal(transaction, *removal, *granted, now),
        Correction::AddTrap { trap, domain, tier, sends, accepts_reports } => {
            if Tier::ALL.iter().all(|known| known.name() != tier) {
                return done(Outcome::refused("no tier has this name"));
            }
            transaction.execute(
                "INSERT INTO traps (trap, domain, tier, sends, accepts_reports, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET domain = excluded.domain, tier = excluded.tier, sends = excluded.sends,
                   accepts_reports = excluded.accepts_reports, at = excluded.at",
                params![trap, domain, tier, sends, accepts_reports, now],
            )?;
            done(Outcome::default())
        }
        Correction::RemoveTrap { trap } => {
            let gone = transaction.execute("DELETE FROM traps WHERE trap = ?1", [trap])?;
            done(if gone == 0 {
                Outcome::refused("no trap that was added by command has this address; those of the settings end there")
            } else {
                Outcome::default()
            })
        }
        // The publisher's matter; it only goes into the audit trail here.
        Correction::Release { .. } => done(Outcome::default()),
    }
}

/// What a withdrawal takes, of the facts that count. Its values are the first five parameters.
const TAKEN: &str = "(?1 IS NULL OR feed = ?1) AND (?2 IS NULL OR trap = ?2) AND (?3 IS NULL OR sample = ?3)
    AND (?4 IS NULL OR arrived >= ?4) AND (?5 IS NULL OR arrived < ?5)";

/// Stops the matching facts from counting and counts the units of their origins anew.
fn withdraw(
    transaction: &Transaction<'_>,
    withdrawal: &Withdrawal,
    reason: &str,
    now: i64,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    transaction.execute(
        "INSERT INTO withdrawals (feed, trap, sample, since, until, at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![feed, trap, sample, since, until, now, reason],
    )?;
    let number = transaction.last_insert_rowid();
    let mut statement = transaction.prepare(&format!(
        "UPDATE facts SET counted = 0, evidence = 'withdrawn' WHERE counted = 1 AND {TAKEN} RETURNING origin"
    ))?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let affected: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    recounted(transaction, Some(number), affected)
}

/// Lets count what only one withdrawal took.
fn restore(transaction: &Transaction<'_>, number: i64) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let found = read_withdrawals(transaction)?.into_iter().find(|(known, _)| *known == number);
    let Some((_, Withdrawal { feed, trap, sample, since, until })) = found else {
        return Ok((
            Outcome::refused(
                "no withdrawal in force has this number; `firsthand audit` shows which were made and undone",
            ),
            BTreeSet::new(),
        ));
    };
    transaction.execute("DELETE FROM withdrawals WHERE withdrawal = ?1", [number])?;
    let mut statement = transaction.prepare(&format!(
        "UPDATE facts SET counted = 1, evidence = 'counted' WHERE evidence = 'withdrawn' AND {TAKEN}
         AND NOT EXISTS (SELECT 1 FROM withdrawals AS other WHERE (other.feed IS NULL OR other.feed = facts.feed)
           AND (other.trap IS NULL OR other.trap = facts.trap) AND (other.sample IS NULL OR other.sample = facts.sample)
           AND (other.since IS NULL OR facts.arrived >= other.since) AND (other.until IS NULL OR facts.arrived < other.until))
         RETURNING origin"
    ))?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let affected: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    recounted(transaction, None, affected)
}

fn recounted(
    transaction: &Transaction<'_>,
    number: Option<i64>,
    affected: Vec<String>,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let samples = affected.len();
    let texts: BTreeSet<String> = affected.into_iter().collect();
    let origins: BTreeSet<Origin> = texts.iter().filter_map(|text| Origin::parse(text)).collect();
    for origin in &origins {
        recount(transaction, *origin)?;
    }
    Ok((Outcome { number, samples, origins: origins.len(), ..Outcome::default() }, origins))
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
        "SELECT DISTINCT origin FROM facts WHERE counted = 1 AND {TAKEN}
         AND origin IN (SELECT origin FROM listings WHERE ended IS NULL)"
    ))?;
    let rows = statement.query_map(params![feed, trap, sample, since, until], |row| row.get::<_, String>(0))?;
    let texts: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(texts.iter().filter_map(|text| Origin::parse(text)).collect())
}

/// How many facts that count a withdrawal takes.
pub(super) fn taken(connection: &Connection, withdrawal: &Withdrawal) -> rusqlite::Result<usize> {
    let Withdrawal { feed, trap, sample, since, until } = withdrawal;
    let count: i64 = connection.query_row(
        &format!("SELECT count(*) FROM facts WHERE counted = 1 AND {TAKEN}"),
        params![feed, trap, sample, since, until],
        |row| row.get(0),
    )?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The withdrawals that stand, with their numbers.
pub(super) fn read_withdrawals(connection: &Connection) -> rusqlite::Result<Vec<(i64, Withdrawal)>> {
    let mut statement = connection.prepare("SELECT withdrawal, feed, trap, sample, since, until FROM withdrawals")?;
    let rows = statement.query_map([], |row| {
        let withdrawal = Withdrawal {
            feed: row.get(1)?,
            trap: row.get(2)?,
            sample: row.get(3)?,
            since: row.get(4)?,
            until: row.get(5)?,
        };
        Ok((row.get(0)?, withdrawal))
    })?;
    rows.collect()
}

fn insert_removal(
    transaction: &Transaction<'_>,
    origin: Origin,
    asked: i64,
    effective: Option<i64>,
    asker: &str,
) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached(
            "INSERT INTO removals (origin, asked, effective, asker, answered, applied) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            origin.to_string(),
            asked,
            effective,
            asker,
            effective.map(|_| asked),
            effective == Some(asked)
        ])?;
    Ok(transaction.last_insert_rowid())
}

/// By the address itself: after a delay that doubles. By others: the operator decides.
fn ask_removal(
    transaction: &Transaction<'_>,
    origin: Origin,
    proven: bool,
    now: i64,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let text = origin.to_string();
    // Whoever asks again while a request waits gets the same answer, and no second place in the queue.
    let waiting: Option<(i64, Option<i64>)> = transaction
        .query_row(
            "SELECT removal, effective FROM removals WHERE origin = ?1 AND asker = ?3
             AND (answered IS NULL OR effective > ?2) ORDER BY removal DESC LIMIT 1",
            params![text, now, if proven { "itself" } else { "somebody" }],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    if let Some((number, effective)) = waiting {
        let outcome = Outcome { number: Some(number), effective, ..Outcome::default() };
        return Ok((outcome, BTreeSet::new()));
    }
    if !proven {
        let queued: i64 =
            transaction.query_row("SELECT count(*) FROM removals WHERE answered IS NULL", [], |row| row.get(0))?;
        if queued >= REQUESTS_LIMIT {
            return Ok((
                Outcome::refused("too many requests wait for the operator; write to the contact"),
                BTreeSet::new(),
            ));
        }
        let number = insert_removal(transaction, origin, now, None, "somebody")?;
        return Ok((Outcome { number: Some(number), ..Outcome::default() }, BTreeSet::new()));
    }
    let earlier: u32 = transaction.query_row(
        "SELECT count(*) FROM removals WHERE origin = ?1 AND asker = 'itself' AND asked > ?2",
        params![text, now - SELF_SERVICE_REMEMBERED],
        |row| row.get(0),
    )?;
    let effective = now + self_service_delay(earlier);
    let number = insert_removal(transaction, origin, now, Some(effective), "itself")?;
    let outcome = Outcome { number: Some(number), origins: 1, effective: Some(effective), ..Outcome::default() };
    Ok((outcome, BTreeSet::from([origin])))
}

fn answer_removal(
    transaction: &Transaction<'_>,
    removal: i64,
    granted: bool,
    now: i64,
) -> rusqlite::Result<(Outcome, BTreeSet<Origin>)> {
    let origin: Option<String> = transaction
        .query_row(
            "UPDATE removals SET answered = ?2, effective = CASE WHEN ?3 THEN ?2 END, applied = ?3
             WHERE removal = ?1 AND answered IS NULL RETURNING origin",
            params![removal, now, granted],
            |row| row.get(0),
        )
        .optional()?;
    let Some(origin) = origin else {
        return Ok((
            Outcome::refused("no request with this number waits; `firsthand remove --requests` shows them"),
            BTreeSet::new(),
        ));
    };
    let origins: BTreeSet<Origin> = Origin::parse(&origin).filter(|_| granted).into_iter().collect();
    let effective = granted.then_some(now);
    Ok((Outcome { number: Some(removal), origins: origins.len(), effective, ..Outcome::default() }, origins))
}
