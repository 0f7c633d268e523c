//! Named values of a request, from its query string or its JSON body.

use super::ApiError;
use crate::search::{SearchError, check_name};
use axum::http::StatusCode;
use serde_json::Value;

/// More pairs than any request has names for.
const MAX_PAIRS: usize = 64;
/// Query strings are at most this long; a query in it is percent-encoded, three bytes for one.
const MAX_QUERY_STRING_BYTES: usize = 32 << 10;

pub(super) type Pairs = Vec<(String, String)>;

/// Decodes a query string.
pub(super) fn of_query_string(raw: Option<&str>) -> Result<Pairs, ApiError> {
    let raw = raw.unwrap_or_default();
    if raw.len() > MAX_QUERY_STRING_BYTES {
        let message = format!("the query string is longer than {MAX_QUERY_STRING_BYTES} bytes");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "query_too_long", message).suggesting("send it with POST"));
    }
    let pairs = url::form_urlencoded::parse(raw.as_bytes());
    Ok(pairs
        .take(MAX_PAIRS)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect())
}

/// Reads a JSON object of strings, numbers, booleans and lists of strings.
pub(super) fn of_json(body: &[u8]) -> Result<Pairs, ApiError> {
    let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, "bad_body", message);
    if body.trim_ascii().is_empty() {
        return Ok(Pairs::new());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| bad(format!("the body is not JSON: {error}")))?;
    let Value::Object(fields) = body else {
        return Err(bad("the body must be a JSON object".to_owned()).suggesting("{\"q\":\"…\"}"));
    };
    let mut pairs = Pairs::new();
    for (name, value) in fields.into_iter().take(MAX_PAIRS) {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(switch) => switch.to_string(),
            Value::Array(list) => list
                .iter()
                .map(|entry| {
                    entry
                        .as_str()
                        .ok_or_else(|| bad(format!("`{name}` must be a list of strings")))
                })
                .collect::<Result<Vec<_>, _>>()?
                .join(","),
            Value::Object(_) => return Err(bad(format!("`{name}` must not be an object"))),
        };
        pairs.push((name, text));
    }
    Ok(pairs)
}

/// Refuses names that are not among `known`, and repeated ones.
pub(super) fn check(pairs: &Pairs, known: &[&str]) -> Result<(), SearchError> {
    let mut seen = Vec::new();
    pairs
        .iter()
        .try_for_each(|(name, _)| check_name(name, known, &mut seen))
}

/// The value of a name; an empty one counts as absent.
pub(super) fn value<'a>(pairs: &'a Pairs, wanted: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(name, _)| name == wanted);
    found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}
