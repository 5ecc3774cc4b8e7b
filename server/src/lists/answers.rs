//! The answers of a list, each with its number in the table.

use std::collections::HashMap;

use super::VALUES_MAX;
use super::template::Variables;
use crate::zone::{ANSWER_LIMIT, Alteration, Code, Value};

/// The answers that addresses have: sets of values, each with its number.
pub(super) struct Answers {
    values: Vec<Value>,
    /// For each value the answer that is it alone.
    single: Vec<Option<u16>>,
    several: HashMap<Box<[u16]>, u16>,
    pub(super) sets: Vec<Box<[Value]>>,
    pub(super) altered: Alteration,
}

impl Answers {
    pub(super) fn of(templates: &[(Code, Box<[u8]>)], variables: &Variables, address_length: usize) -> Self {
        let mut altered = Alteration::default();
        let value = |(code, template): &(Code, Box<[u8]>)| {
            let (value, alteration) = variables.value(*code, template, address_length);
            altered.cut |= alteration.cut;
            altered.replaced |= alteration.replaced;
            value
        };
        let values: Vec<Value> = templates.iter().map(value).collect();
        Self { single: vec![None; values.len()], values, several: HashMap::new(), sets: Vec::new(), altered }
    }

    /// The number of the answer with the values of these numbers.
    pub(super) fn number(&mut self, ids: &[u16]) -> Result<u16, String> {
        let known = match ids {
            [id] => self.single[usize::from(*id) - 1],
            ids if ids.len() > VALUES_MAX => return Err(format!("more than {VALUES_MAX} values for one address")),
            ids => self.several.get(ids).copied(),
        };
        if let Some(number) = known {
            return Ok(number);
        }
        let number =
            u16::try_from(self.sets.len()).map_err(|_| format!("more than {ANSWER_LIMIT} different answers"))?;
        self.sets.push(ids.iter().map(|id| self.values[usize::from(*id) - 1].clone()).collect());
        match ids {
            [id] => self.single[usize::from(*id) - 1] = Some(number),
            ids => drop(self.several.insert(ids.into(), number)),
        }
        Ok(number)
    }
}
