//! Values that are the code of another list of the combined zone.
//!
//! Whoever asks `bl.example=127.0.0.2` means `spam`, and takes an entry of any list for it that answers the same. rbldnsd's
//! files most often write 127.0.0.2, so this is told of, and taken all the same.

use super::Read;
use crate::zone::ListSettings;

/// What is to be said of the values of a list, by its name among all `lists` of the zone; nothing if the combined zone does
/// not hold it.
pub fn borrowed(read: &Read, name: &str, lists: &[ListSettings]) -> Vec<String> {
    let in_combined = |list: &&ListSettings| list.combined;
    if !lists.iter().filter(in_combined).any(|list| list.label.as_str() == name) {
        return Vec::new();
    }
    let others = lists.iter().filter(in_combined).filter(|list| list.label.as_str() != name);
    let remarks = others.filter_map(|other| {
        let (code, place) = read.written.iter().find(|(code, _)| *code == other.code)?;
        let other = &other.label;
        Some(format!(
            "{place}: the value {code} is the code of the list {other}, so that in the combined zone this list's entries \
             count as that one's; write another value, or combined = false"
        ))
    });
    remarks.collect()
}
