//! When a quorum is met, computed from the mail alone: the definition in another hand than the analyzer's.
//!
//! Three traps over three domains, and 2.5 points: a trap weighs 1 (pristine) or 0.7 (seeded), halved every 48 hours
//! since its newest hour, nothing after 72; a domain adds at most 1.5, the foreign feed at most 1.25.

use std::collections::{BTreeMap, BTreeSet};

use crate::mail::{Mail, To};
use crate::traps::{Feed, PARTNER, domain, is_pristine};

const HOUR: i64 = 3600;

/// When the quorum was met first: the start of the hour, and the arrival of the message that met it. All mail must be
/// direct, in time order.
pub(crate) fn first_met(mails: &[Mail]) -> Option<(i64, i64)> {
    let mut newest: BTreeMap<usize, i64> = BTreeMap::new();
    for mail in mails {
        let To::One(Feed::Own | Feed::Partner, trap) = mail.to else { continue };
        let hour = mail.at / HOUR * HOUR;
        newest.insert(trap, hour);
        newest.retain(|_, seen| hour - *seen < 72 * HOUR);
        let mut domains: BTreeMap<String, f64> = BTreeMap::new();
        for (trap, seen) in &newest {
            let tier = if is_pristine(*trap) { 1.0 } else { 0.7 };
            *domains.entry(domain(*trap)).or_default() += tier * 0.5f64.powf((hour - seen) as f64 / (48 * HOUR) as f64);
        }
        let foreign: BTreeSet<String> = PARTNER.map(domain).collect();
        let (mut own_sum, mut foreign_sum) = (0.0, 0.0);
        for (domain, sum) in &domains {
            let sum = sum.min(1.5);
            if foreign.contains(domain) { foreign_sum += sum } else { own_sum += sum }
        }
        if newest.len() >= 3 && domains.len() >= 3 && own_sum + f64::min(foreign_sum, 1.25) >= 2.5 {
            return Some((hour, mail.at));
        }
    }
    None
}
