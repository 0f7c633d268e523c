//! At an hour boundary: what became unusual.

use super::engine::TrendEngine;
use super::error::TrendError;
use super::evidence::Evidence;
use crate::alert::AlertRecord;

impl TrendEngine {
    /// Whether [`Self::evaluate`] would change anything at this boundary (ms UTC, a whole hour of record time). Cheap.
    pub fn wants_evaluation(&self, _boundary_ms: i64) -> bool {
        false
    }

    /// Transitions of episodes at this boundary, on committed state that holds no record later than the boundary.
    /// `newest_record_time_ms` is the newest record time known (the end of the source while catching up): what is
    /// decided on a boundary more than six hours before it is historical.
    pub fn evaluate(
        &mut self,
        _boundary_ms: i64,
        _newest_record_time_ms: i64,
        _evidence: &dyn Evidence,
    ) -> Result<Vec<AlertRecord>, TrendError> {
        Ok(Vec::new())
    }
}
