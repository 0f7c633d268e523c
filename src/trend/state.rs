//! What the index does not hold: when each feed was heard, which episodes are not over, when keys fired. Goes into the commit's payload as JSON.

use super::coverage::FeedState;
use super::engine::TrendEngine;
use super::episodes::StoredEpisodes;
use super::error::TrendError;
use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct State {
    feeds: Vec<FeedState>,
    episodes: StoredEpisodes,
}

impl TrendEngine {
    /// All that [`Self::rebuild`] cannot find in the index, as JSON.
    pub fn state(&self) -> serde_json::Value {
        let state = State {
            feeds: self.coverage.state(),
            episodes: self.stored_episodes(),
        };
        serde_json::to_value(state).unwrap_or_default()
    }

    /// Takes over the state of the last commit, before or after [`Self::rebuild`]. `null` is the state of a new index.
    pub fn restore(&mut self, state: &serde_json::Value) -> Result<(), TrendError> {
        if state.is_null() {
            return Ok(());
        }
        let state = State::deserialize(state)?;
        self.coverage.restore(&state.feeds);
        self.restore_episodes(state.episodes);
        Ok(())
    }
}
