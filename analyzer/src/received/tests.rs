//! Lines as MTAs write them, and lines that attack the reading.
use super::*;

#[test]
fn every_pattern_is_built() {
    for dialect in Dialect::ALL {
        dialect.grammar();
    }
}
