//! What the ledger tells: to the publisher, to `why`, and to whoever corrects it.

use std::collections::HashMap;

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::evidence::Unit;
use firsthand_analyzer::listing::{Exemption, Removal};
use firsthand_analyzer::score::{Tier, Trap};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::embedded::{Ledger, LedgerError};
use super::withdrawals::{Standing, counted_without, published_under, standing, taken};
use super::{AuditEntry, Change, Changes, Framed, Kept, KeptExemption, KeptTrap, Request, Withdrawal};

/// What is due of an origin: its listing in a list ends then, or a removal takes effect.
pub type Due = (Option<(String, i64)>, Origin);

/// What the publisher asks.
impl Ledger {
    /// The ledger's epoch, which is new with every new ledger.
    ///
    /// # Errors
    /// When the store says no.
    pub fn epoch(&self) -> Result<String, LedgerError> {
        Ok(self.noted("epoch")?.unwrap_or_default())
    }

    /// The value under a name of `meta`.
    ///
    /// # Errors
    /// When the store says no.
    pub fn noted(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.read(|connection| {
            connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()
        })
    }

    /// When the ledger was last written, as far as facts and versions tell, in Unix seconds; none if there are neither.
    ///
    /// # Errors
    /// When the store says no.
    pub fn newest(&self) -> Result<Option<i64>, LedgerError> {
        self.read(newest)
    }

    /// Whether the listing of an origin in a list ended after `now` (Unix seconds).
    ///
    /// # Errors
    /// When the store says no.
    pub fn ended_after(&self, list: &str, origin: Origin, now: i64) -> Result<bool, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM listings WHERE list = ?1 AND origin = ?2 AND ended > ?3)",
                )?
                .query_row(params![list, origin.to_string(), now], |row| row.get(0))
        })
    }

    /// The removals of an origin that take effect some time or did, as they are at `now` (Unix seconds): one that did take
    /// effect is in effect whatever the clock says since.
    ///
    /// # Errors
    /// When the store says no.
    pub fn removals(&self, origin: Origin, now: i64) -> Result<Vec<Removal>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT asked, CASE WHEN applied THEN min(effective, ?2) ELSE effective END FROM removals
                 WHERE origin = ?1 AND effective IS NOT NULL",
            )?;
            let rows = statement.query_map(params![origin.to_string(), now], |row| {
                Ok(Removal { asked: row.get(0)?, effective: row.get(1)? })
            })?;
            rows.collect()
        })
    }

    /// What is due at `now` (Unix seconds), at most `limit` of each: the list, end and origin of a published listing that
    /// ends, and the origin of a removal that takes effect.
    ///
    /// # Errors
    /// When the store says no.
    pub fn due(&self, now: i64, limit: usize) -> Result<Vec<Due>, LedgerError> {
        self.read(|connection| {
            let mut due = Vec::new();
            for question in [
                "SELECT list, origin, until FROM listings WHERE ended IS NULL AND until <= ?1 LIMIT ?2",
                "SELECT NULL, origin, 0 FROM removals WHERE applied = 0 AND effective IS NOT NULL AND effective <= ?1 LIMIT ?2",
            ] {
                let mut statement = connection.prepare_cached(question)?;
                let rows = statement.query_map(params![now, limit as i64], |row| {
                    Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?, row.get(2)?))
                })?;
                for row in rows {
                    let (list, origin, until) = row?;
                    due.extend(Origin::parse(&origin).map(|origin| (list.map(|list| (list, until)), origin)));
                }
            }
            Ok(due)
        })
    }

    /// At most `limit` published listings behind `after` (list, origin), in the order of the table.
    ///
    /// # Errors
    /// When the store says no.
    pub fn published_after(&self, after: &(String, String), limit: usize) -> Result<Vec<Change>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT list, origin, since, until, framing_cost FROM listings
                 WHERE (list, origin) > (?1, ?2) AND ended IS NULL ORDER BY list, origin LIMIT ?3",
            )?;
            let rows = statement.query_map(params![after.0, after.1, limit as i64], change)?;
            rows.collect()
        })
    }

    /// At most `limit` origins that have units, behind the text `after`, in the order of their texts.
    ///
    /// # Errors
    /// When the store says no.
    pub fn origins_after(&self, after: &str, limit: usize) -> Result<Vec<String>, LedgerError> {
        self.read(|connection| {
            // One step of the index an origin, however many units it has.
            let mut statement = connection.prepare_cached(
                "WITH RECURSIVE next (origin) AS (
                   SELECT min(origin) FROM units WHERE origin > ?1
                   UNION ALL SELECT (SELECT min(origin) FROM units WHERE origin > next.origin) FROM next
                     WHERE next.origin IS NOT NULL)
                 SELECT origin FROM next WHERE origin IS NOT NULL LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit as i64], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// The origins whose evidence or removals changed since the publisher last settled them.
    ///
    /// # Errors
    /// When the store says no.
    pub fn unsettled(&self) -> Result<Vec<Origin>, LedgerError> {
        self.read(|connection| Ok(read_pending(connection)?.into_keys().collect()))
    }

    /// The newest serial; 0 if there is none.
    ///
    /// # Errors
    /// When the store says no.
    pub fn serial(&self) -> Result<u32, LedgerError> {
        self.read(|connection| {
            connection.query_row("SELECT coalesce(max(serial), 0) FROM journal", [], |row| row.get(0))
        })
    }

    /// What the versions behind `serial` come to: the last serial, and each list's origins with the end of their listing,
    /// or none if they are not listed. Nothing if the journal does not reach back so far, or not as far.
    ///
    /// # Errors
    /// When the store says no, or a version cannot be read.
    pub fn changes_after(&self, serial: u32) -> Result<Option<Changes>, LedgerError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT serial, previous, body FROM journal WHERE serial > ?1 ORDER BY serial")?;
            let mut rows = statement.query([serial])?;
            let mut changes = Changes { serial, ends: HashMap::new() };
            while let Some(row) = rows.next()? {
                if row.get::<_, u32>(1)? != changes.serial {
                    return Ok(None);
                }
                changes.serial = row.get(0)?;
                let body: String = row.get(2)?;
                let wrong =
                    |error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error));
                let mut body: HashMap<String, Vec<Change>> = serde_json::from_str(&body).map_err(wrong)?;
                for (name, listed) in [("additions", true), ("deletions", false)] {
                    for change in body.remove(name).unwrap_or_default() {
                        changes.ends.insert((change.list, change.origin), listed.then_some(change.until));
                    }
                }
            }
            // A ledger that does not know this serial was restored from before it: what came of it must be proven anew.
            let newest: u32 =
                connection.query_row("SELECT coalesce(max(serial), 0) FROM journal", [], |row| row.get(0))?;
            Ok(Some(changes).filter(|_| newest >= serial))
        })
    }

    /// What was left in each of the brake's buckets, and the Unix second at which it was.
    ///
    /// # Errors
    /// When the store says no.
    pub fn tokens(&self) -> Result<HashMap<String, (f64, i64)>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT bucket, tokens, at FROM brake")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
            rows.collect()
        })
    }

    /// The least framing cost of the published listings of a list; none if there are none.
    ///
    /// # Errors
    /// When the store says no.
    pub fn least_framing_cost(&self, list: &str) -> Result<Option<u64>, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT min(framing_cost) FROM listings WHERE list = ?1 AND ended IS NULL")?
                .query_row([list], |row| row.get::<_, Option<i64>>(0))
                .map(|cost| cost.map(i64::unsigned_abs))
        })
    }
}

/// What corrections ask.
impl Ledger {
    /// The traps that were registered by command.
    ///
    /// # Errors
    /// When the store says no.
    pub fn traps(&self) -> Result<Vec<KeptTrap>, LedgerError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare("SELECT trap, domain, tier, sends, accepts_reports FROM traps ORDER BY trap")?;
            let rows = statement.query_map([], |row| {
                let tier: String = row.get(2)?;
                // What was edited into a word that none knows weighs nothing.
                let tier = Tier::ALL.into_iter().find(|known| known.name() == tier).unwrap_or(Tier::Typo);
                let trap = Trap { domain: row.get(1)?, tier, sends: row.get(3)?, accepts_reports: row.get(4)? };
                Ok(KeptTrap { id: row.get(0)?, trap })
            })?;
            rows.collect()
        })
    }

    /// The exemptions that were added by command and have not ended at `now` (Unix seconds).
    ///
    /// # Errors
    /// When the store says no.
    pub fn exemptions(&self, now: i64) -> Result<Vec<KeptExemption>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT network, reason, until FROM exemptions WHERE until IS NULL OR until > ?1 ORDER BY network",
            )?;
            let rows = statement.query_map([now], |row| {
                let network: String = row.get(0)?;
                let (reason, until) = (row.get(1)?, row.get(2)?);
                Ok(network
                    .parse()
                    .ok()
                    .map(|network| KeptExemption { exemption: Exemption { network, reason }, until }))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }

    /// The requests for removal that wait for the operator, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store says no.
    pub fn requests(&self, limit: usize) -> Result<Vec<Request>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT removal, origin, asked FROM removals WHERE answered IS NULL ORDER BY asked LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], |row| {
                let origin: String = row.get(1)?;
                let (number, asked) = (row.get(0)?, row.get(2)?);
                Ok(Origin::parse(&origin).map(|origin| Request { number, origin, asked }))
            })?;
            Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }

    /// The withdrawals in force, oldest first.
    ///
    /// # Errors
    /// When the store says no.
    pub fn withdrawals(&self) -> Result<Vec<Standing>, LedgerError> {
        self.read(standing)
    }

    /// How many facts about an origin count for nothing because they were withdrawn.
    ///
    /// # Errors
    /// When the store says no.
    pub fn withdrawn(&self, origin: Origin) -> Result<u64, LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT count(*) FROM facts WHERE origin = ?1 AND evidence = 'withdrawn'")?
                .query_row([origin.to_string()], count)
        })
    }

    /// Whether any fact has this feed, trap or sample.
    ///
    /// # Errors
    /// When the store says no.
    pub fn knows(&self, withdrawal: &Withdrawal) -> Result<bool, LedgerError> {
        let Withdrawal { feed, trap, sample, .. } = withdrawal;
        self.read(|connection| {
            connection.query_row(
                "SELECT EXISTS (SELECT 1 FROM facts WHERE (?1 IS NULL OR feed = ?1) AND (?2 IS NULL OR trap = ?2)
                 AND (?3 IS NULL OR sample = ?3))",
                params![feed, trap, sample],
                |row| row.get(0),
            )
        })
    }

    /// How many requests for removal wait for the operator, and when the oldest was made, in Unix seconds.
    ///
    /// # Errors
    /// When the store says no.
    pub fn requests_waiting(&self) -> Result<(u64, Option<i64>), LedgerError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT count(*), min(asked) FROM removals WHERE answered IS NULL")?
                .query_row([], |row| Ok((count(row)?, row.get(1)?)))
        })
    }

    /// The audit trail behind an entry, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When the store says no.
    pub fn audit(&self, after: i64, limit: usize) -> Result<Vec<AuditEntry>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare("SELECT entry, at, who, what FROM audit WHERE entry > ?1 ORDER BY entry LIMIT ?2")?;
            let rows = statement.query_map(params![after, limit as i64], |row| {
                let what: String = row.get(3)?;
                let what = serde_json::from_str(&what).unwrap_or(serde_json::Value::String(what));
                Ok(AuditEntry { entry: row.get(0)?, at: row.get(1)?, who: row.get(2)?, what })
            })?;
            rows.collect()
        })
    }

    /// How many samples a withdrawal would take, and the published origins that it would touch.
    ///
    /// # Errors
    /// When the store says no.
    pub fn would_take(&self, withdrawal: &Withdrawal) -> Result<(usize, Vec<Origin>), LedgerError> {
        self.read(|connection| Ok((taken(connection, withdrawal)?, published_under(connection, withdrawal)?)))
    }

    /// The units of an origin, if what a withdrawal takes had never come.
    ///
    /// # Errors
    /// When the store says no.
    pub fn units_without(&self, origin: Origin, withdrawal: &Withdrawal) -> Result<Vec<Unit>, LedgerError> {
        self.read(|connection| counted_without(connection, origin, withdrawal))
    }

    /// The units of one origin after the other, in the order of their texts, for whoever replays all of them.
    ///
    /// # Errors
    /// When the store says no, or `each` does.
    pub fn each_origin<E: From<LedgerError>>(
        &self,
        mut each: impl FnMut(Origin, Vec<Unit>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = String::new();
        loop {
            let page = self.origins_after(&after, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after.clone_from(last);
            for origin in page.iter().filter_map(|text| Origin::parse(text)) {
                each(origin, self.units(origin)?)?;
            }
        }
    }

    /// How many origins have units.
    ///
    /// # Errors
    /// When the store says no.
    pub fn count_origins(&self) -> Result<u64, LedgerError> {
        self.read(|connection| connection.query_row("SELECT count(DISTINCT origin) FROM units", [], count))
    }
}

/// How many origins are read in one go.
const PAGE: usize = 2000;

/// The most facts that are asked for their cause: the newest, since anybody may ask, as often as he likes.
const CAUSES_LIMIT: i64 = 1000;

/// What `why` asks.
impl Ledger {
    /// By how many samples an address or name was framed, if by any.
    ///
    /// # Errors
    /// When the store says no.
    pub fn framed(&self, name: &str) -> Result<Option<Framed>, LedgerError> {
        self.read(|connection| {
            connection
                .query_row("SELECT count(*), min(arrived), max(arrived) FROM framed WHERE name = ?1", [name], |row| {
                    let samples = count(row)?;
                    Ok(if samples == 0 {
                        None
                    } else {
                        Some(Framed { samples, since: row.get(1)?, newest: row.get(2)? })
                    })
                })
                .optional()
                .map(Option::flatten)
        })
    }

    /// The newest facts about an origin, at most `limit`, newest first; what people wanted has no proof and is not shown.
    ///
    /// # Errors
    /// When the store says no.
    pub fn facts(&self, origin: Origin, limit: usize) -> Result<Vec<Kept>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT lower(hex(sample)), arrived, feed, trap, nature, counted, proof FROM facts
                 WHERE origin = ?1 AND trap NOT LIKE 'r%' ORDER BY arrived DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![origin.to_string(), limit as i64], |row| {
                Ok(Kept {
                    sample: row.get(0)?,
                    arrived: row.get(1)?,
                    feed: row.get(2)?,
                    trap: row.get(3)?,
                    nature: row.get(4)?,
                    counted: row.get(5)?,
                    proof: row.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Why an origin reflected, as the verdicts of its facts that count since `since` (Unix seconds) say: each cause's
    /// word, the trap's registry id, and how many samples.
    ///
    /// # Errors
    /// When the store says no.
    pub fn causes(&self, origin: Origin, since: i64) -> Result<Vec<(String, String, u64)>, LedgerError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT json_extract(verdict, '$.reflected_by') AS cause, trap, count(*) FROM
                   (SELECT verdict, trap FROM facts WHERE origin = ?1 AND counted = 1 AND arrived >= ?2
                    ORDER BY arrived DESC LIMIT ?3)
                 WHERE cause IS NOT NULL GROUP BY cause, trap",
            )?;
            let values = params![origin.to_string(), since.saturating_mul(1000), CAUSES_LIMIT];
            let rows = statement
                .query_map(values, |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs())))?;
            rows.collect()
        })
    }

    /// How many facts and units there are.
    ///
    /// # Errors
    /// When the store says no.
    pub fn counts(&self) -> Result<(u64, u64), LedgerError> {
        self.read(|connection| {
            let facts = connection.query_row("SELECT count(*) FROM facts", [], count)?;
            let units = connection.query_row("SELECT count(*) FROM units", [], count)?;
            Ok((facts, units))
        })
    }
}

/// When the ledger was last written, as far as facts and versions tell, in Unix seconds.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row(
        "SELECT max(at) FROM (SELECT max(arrived) / 1000 AS at FROM facts
           UNION ALL SELECT at FROM (SELECT at FROM journal ORDER BY serial DESC LIMIT 1))",
        [],
        |row| row.get(0),
    )
}

/// A row of list, origin, since, until, framing_cost.
pub(super) fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        list: row.get(0)?,
        origin: row.get(1)?,
        since: row.get(2)?,
        until: row.get(3)?,
        framing_cost: usize::try_from(row.get::<_, i64>(4)?).unwrap_or(1),
    })
}

/// A `count(*)` in the first column; SQLite's integers are signed.
pub(super) fn count(row: &Row<'_>) -> rusqlite::Result<u64> {
    row.get(0).map(i64::unsigned_abs)
}

/// The origins that the publisher has not settled.
pub(super) fn read_pending(connection: &Connection) -> rusqlite::Result<HashMap<Origin, i64>> {
    let mut statement = connection.prepare("SELECT origin, generation FROM pending")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let pending: Vec<(String, i64)> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(pending.into_iter().filter_map(|(text, generation)| Some((Origin::parse(&text)?, generation))).collect())
}
