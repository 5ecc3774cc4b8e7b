//! What is looked through in small steps between ticks, so that neither start nor a change of policy makes anybody wait.
//!
//! First what the ledger says is published, held against the zone; then, where the last sweep was under other declarations,
//! every origin that has units, replayed.

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::score::List;

use super::{Publisher, list_index};
use crate::ledger::{Ledger, LedgerError};

/// Under which name the ledger keeps the digest of what the last sweep was made under.
pub(super) const SWEPT: &str = "swept";

/// The most published listings that are held against the zone in one step: it costs less than a replay.
const COMPARED: usize = 20_000;

/// How far a sweep is.
pub(super) enum Sweep {
    /// At the published listings, behind this list and origin; whether every origin comes after them.
    Published((String, String), bool),
    /// At the origins, behind this one.
    Origins(String),
    /// Nothing is left.
    Over,
}

impl Sweep {
    pub(super) fn from_start(all_origins: bool) -> Self {
        Self::Published((String::new(), String::new()), all_origins)
    }

    pub(super) fn is_past_the_published(&self) -> bool {
        !matches!(self, Self::Published(..))
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }
}

/// Forgets what every origin was replayed under, before it is replayed under something else: a process that dies in between
/// must not take what it did for what was declared before.
pub(super) fn unsettle(ledger: &Ledger) -> Result<(), LedgerError> {
    ledger.note(SWEPT, String::new())
}

impl Publisher {
    /// Takes the next step; at most `room` origins are to be replayed after it.
    pub(super) fn sweep(&mut self, room: usize) -> Result<(), LedgerError> {
        match std::mem::replace(&mut self.sweep, Sweep::Over) {
            Sweep::Over => {}
            Sweep::Published(after, all_origins) => {
                let page = self.ledger.published_after(&after, COMPARED);
                let page = self.or_again(Sweep::Published(after, all_origins), page)?;
                let Some(last) = page.last() else {
                    self.sweep = if all_origins { Sweep::Origins(String::new()) } else { Sweep::Over };
                    return Ok(());
                };
                self.sweep = Sweep::Published((last.list.clone(), last.origin.clone()), all_origins);
                let zone = self.follower.zone();
                for published in page {
                    let (Some(list), Some(origin)) = (List::parse(&published.list), published.origin()) else {
                        continue;
                    };
                    let end = list_index(&zone, list.name()).and_then(|index| zone.end(index, origin));
                    if end != u64::try_from(published.until).ok() {
                        self.claim(origin, list, published.until);
                        self.queue.look(origin);
                    }
                }
            }
            Sweep::Origins(after) => {
                let page = self.ledger.origins_after(&after, room);
                let page = self.or_again(Sweep::Origins(after), page)?;
                let Some(last) = page.last() else {
                    return self.ledger.note(SWEPT, self.seen.digest.clone());
                };
                self.sweep = Sweep::Origins(last.clone());
                page.iter().filter_map(|text| Origin::parse(text)).for_each(|origin| self.queue.look(origin));
            }
        }
        Ok(())
    }

    /// A step that failed is taken again.
    fn or_again<T>(&mut self, step: Sweep, answer: Result<T, LedgerError>) -> Result<T, LedgerError> {
        if answer.is_err() {
            self.sweep = step;
        }
        answer
    }
}
