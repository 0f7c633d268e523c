//! The demo's own HTTP client: everything that is told comes out of the API that anybody can ask.

use crate::alert::AlertRecord;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use thiserror::Error;

const ANSWER_WAIT: Duration = Duration::from_secs(20);

#[derive(Debug, Error)]
pub enum ClientError {
    #[error("GET {url}: {cause}")]
    Http { url: String, cause: Box<ureq::Error> },
    #[error("GET {url}: the answer has no {what}")]
    Shape { url: String, what: &'static str },
}

/// Asks one address.
pub struct Client {
    agent: ureq::Agent,
    base: String,
}

/// Items per value of a dimension, most frequent first.
pub type Shares = Vec<(String, u64)>;

/// What a search found.
#[derive(Debug, Default, Deserialize)]
pub struct Found {
    pub total: u64,
    #[serde(default)]
    pub facets: BTreeMap<String, Vec<FacetCount>>,
}

#[derive(Debug, Deserialize)]
pub struct FacetCount {
    pub value: String,
    pub count: u64,
}

impl Client {
    /// `base` is `http://HOST:PORT`.
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WAIT)).build();
        Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_string(),
        }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// A path with its parameters as a URL, escaped.
    pub fn url(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut url = format!("{}{path}", self.base);
        for (index, (name, value)) in parameters.iter().enumerate() {
            let escaped: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            url.push(if index == 0 { '?' } else { '&' });
            url.push_str(&format!("{name}={escaped}"));
        }
        url
    }

    pub fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Result<Value, ClientError> {
        let url = self.url(path, parameters);
        let answer = self
            .agent
            .get(&url)
            .call()
            .and_then(|mut response| response.body_mut().read_json::<Value>());
        answer.map_err(|cause| ClientError::Http {
            url,
            cause: Box::new(cause),
        })
    }

    /// All episodes of rules, in the order in which they began.
    pub fn alerts(&self) -> Result<Vec<AlertRecord>, ClientError> {
        let answer = self.get("/api/v1/alerts", &[])?;
        let mut alerts: Vec<AlertRecord> =
            Deserialize::deserialize(&answer["alerts"]).map_err(|_| ClientError::Shape {
                url: self.url("/api/v1/alerts", &[]),
                what: "\"alerts\"",
            })?;
        alerts.sort_by(|a, b| (a.starts_at, &a.rule, &a.id).cmp(&(b.starts_at, &b.rule, &b.id)));
        Ok(alerts)
    }

    /// Items that match `query`, published in `[from_ms, to_ms)`, with the shares of the `facets` (comma separated).
    pub fn search(&self, query: &str, from_ms: i64, to_ms: i64, facets: &str) -> Result<Found, ClientError> {
        let (from, to) = (from_ms.to_string(), to_ms.to_string());
        let mut parameters = vec![
            ("q", query),
            ("from", from.as_str()),
            ("to", to.as_str()),
            ("limit", "1"),
        ];
        if !facets.is_empty() {
            parameters.push(("facets", facets));
        }
        let answer = self.get("/api/v1/search", &parameters)?;
        Deserialize::deserialize(&answer).map_err(|_| ClientError::Shape {
            url: self.url("/api/v1/search", &parameters),
            what: "\"total\"",
        })
    }

    /// How many items match.
    pub fn count(&self, query: &str, from_ms: i64, to_ms: i64) -> Result<u64, ClientError> {
        Ok(self.search(query, from_ms, to_ms, "")?.total)
    }

    /// The analyzed record of an item.
    pub fn item(&self, id: &str) -> Result<Value, ClientError> {
        let escaped: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        self.get(&format!("/api/v1/items/{escaped}"), &[])
    }
}

impl Found {
    /// Shares of one dimension, most frequent first.
    pub fn shares(&self, dimension: &str) -> Shares {
        let mut shares: Shares = self
            .facets
            .get(dimension)
            .map(|counts| counts.iter().map(|facet| (facet.value.clone(), facet.count)).collect())
            .unwrap_or_default();
        shares.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped() {
        let client = Client::new("http://127.0.0.1:1/");
        assert_eq!(
            client.url("/api/v1/search", &[("q", "登录 a&b"), ("limit", "3")]),
            "http://127.0.0.1:1/api/v1/search?q=%E7%99%BB%E5%BD%95+a%26b&limit=3"
        );
    }
}
