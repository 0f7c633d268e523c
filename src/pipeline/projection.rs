//! `state.db`: a queryable projection of the state log, in SQLite. It never decides anything: lost, it is made again.

use crate::alert::{AlertRecord, AlertState};
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;

pub struct Projection {
    connection: Connection,
}

impl Projection {
    /// Opens `state.db`, and empties it when it knows more than the log (`next_seq`): the log was restored from a backup.
    pub fn open(directory: &Path, next_seq: u64) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(directory.join("state.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // the log is the durable one
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS alerts (
                id TEXT PRIMARY KEY, rule TEXT NOT NULL, state TEXT NOT NULL, starts_at INTEGER NOT NULL,
                seq INTEGER NOT NULL, json TEXT NOT NULL
            ) STRICT;
            CREATE INDEX IF NOT EXISTS alerts_by_time ON alerts (starts_at DESC);",
        )?;
        let projection = Self { connection };
        if projection.last_seq()?.is_some_and(|last| last >= next_seq) {
            projection.connection.execute("DELETE FROM alerts", [])?;
        }
        Ok(projection)
    }

    fn last_seq(&self) -> Result<Option<u64>, rusqlite::Error> {
        self.connection
            .query_row("SELECT max(seq) FROM alerts", [], |row| row.get(0))
            .optional()
            .map(Option::flatten)
    }

    /// Applies transitions in the order of the log; one that is older than what is known changes nothing.
    pub fn apply(&mut self, transitions: &[(u64, AlertRecord)]) -> Result<(), rusqlite::Error> {
        let transaction = self.connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO alerts (id, rule, state, starts_at, seq, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state, seq = excluded.seq, json = excluded.json
                 WHERE excluded.seq > alerts.seq",
            )?;
            for (seq, alert) in transitions {
                let json = serde_json::to_string(alert)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                statement.execute(params![
                    alert.id,
                    alert.rule,
                    state_name(alert.state),
                    alert.starts_at,
                    *seq as i64,
                    json
                ])?;
            }
        }
        transaction.commit()
    }

    /// Episodes, newest first.
    pub fn alerts(&self, state: Option<&str>, rule: Option<&str>) -> Result<Vec<serde_json::Value>, rusqlite::Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT json FROM alerts WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR rule = ?2)
             ORDER BY starts_at DESC, id LIMIT 1000",
        )?;
        let rows = statement.query_map(params![state, rule], |row| row.get::<_, String>(0))?;
        rows.map(|json| json.map(|json| serde_json::from_str(&json).unwrap_or_default()))
            .collect()
    }

    pub fn alert(&self, id: &str) -> Result<Option<serde_json::Value>, rusqlite::Error> {
        let json: Option<String> = self
            .connection
            .query_row("SELECT json FROM alerts WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        Ok(json.map(|json| serde_json::from_str(&json).unwrap_or_default()))
    }
}

fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
        AlertState::Resolved => "resolved",
        AlertState::Historical => "historical",
    }
}
