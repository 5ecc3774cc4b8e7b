//! What two sets of listings differ in: before a change and after it.

use firsthand_analyzer::address::Origin;
use firsthand_analyzer::listing::Listing;
use firsthand_analyzer::score::List;
use serde::Serialize;

/// What becomes of one listing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// It is there afterwards.
    Comes,
    /// It is there no more.
    Goes,
    /// It ends at another time.
    Changes,
}

impl Becomes {
    /// The word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comes => "comes",
            Self::Goes => "goes",
            Self::Changes => "ends at another time",
        }
    }
}

/// A listing that differs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    /// Whom it lists.
    pub origin: Origin,
    /// In which list.
    pub list: &'static str,
    /// What becomes of it.
    pub becomes: Becomes,
    /// When it ended before, in Unix seconds.
    pub before: Option<i64>,
    /// When it ends afterwards, in Unix seconds.
    pub after: Option<i64>,
}

/// In what the listings of an origin differ.
pub fn differences(origin: Origin, before: &[(List, Listing)], after: &[(List, Listing)]) -> Vec<Difference> {
    let end = |listings: &[(List, Listing)], list: List| {
        listings.iter().find(|(known, _)| *known == list).map(|(_, listing)| listing.until)
    };
    let differs = |list: List| {
        let (before, after) = (end(before, list), end(after, list));
        let becomes = match (before, after) {
            (before, after) if before == after => return None,
            (None, _) => Becomes::Comes,
            (_, None) => Becomes::Goes,
            _ => Becomes::Changes,
        };
        Some(Difference { origin, list: list.name(), becomes, before, after })
    };
    List::ALL.into_iter().filter_map(differs).collect()
}
