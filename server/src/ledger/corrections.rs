//! What an operator, or an address's own administrator, may change: nothing of it deletes a fact.
//!
//! A correction is written, with its entry in the audit trail, in one transaction; once acknowledged it is durable (G9).

use std::collections::BTreeSet;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::HOUR;
use firsthand_analyzer::listing::self_service_delay;
use firsthand_analyzer::score::Tier;
use ipnet::IpNet;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::Withdrawal;
use super::pauses::{self, Pause};
use super::withdrawals::{self, Step};

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
    /// A feed's samples are put off.
    PauseFeed {
        /// Its name.
        feed: String,
        /// Why.
        reason: String,
    },
    /// A feed's samples are taken again.
    ResumeFeed {
        /// Its name.
        feed: String,
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
    /// Whether the work that it makes is still to be done.
    #[serde(skip)]
    pub unfinished: bool,
    /// Whether it had been asked before and nothing is new.
    #[serde(skip)]
    pub repeated: bool,
}

impl Outcome {
    /// Adds what a step of its work did.
    pub(super) fn heed(&mut self, step: Step) {
        self.samples += step.samples;
        self.origins += step.origins;
        self.unfinished = step.more;
    }

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
    // The trail only grows: what a stranger may ask again and again has no second entry.
    if outcome.refused.is_none() && !outcome.repeated {
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
        Correction::Retract { withdrawal, reason } => {
            let number = withdrawals::begin(transaction, withdrawal, reason, now)?;
            done(Outcome { number: Some(number), unfinished: true, ..Outcome::default() })
        }
        Correction::Restore { withdrawal } => done(if withdrawals::begin_restoring(transaction, *withdrawal)? {
            Outcome { number: Some(*withdrawal), unfinished: true, ..Outcome::default() }
        } else {
            Outcome::refused("no withdrawal in force has this number; `firsthand retract --list` shows them")
        }),
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
        Correction::PauseFeed { feed, reason } => {
            let paused = pauses::set(transaction, feed, Some(Pause { reason: reason.clone(), at: now }))?;
            done(if paused { Outcome::default() } else { Outcome::refused("the feed is paused already") })
        }
        Correction::ResumeFeed { feed } => {
            let resumed = pauses::set(transaction, feed, None)?;
            done(if resumed { Outcome::default() } else { Outcome::refused("no feed of this name is paused") })
        }
        // The publisher's matter; it only goes into the audit trail here.
        Correction::Release { .. } => done(Outcome::default()),
    }
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
        let outcome = Outcome { number: Some(number), effective, repeated: true, ..Outcome::default() };
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
