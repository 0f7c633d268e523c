//! `GET /openapi.json`, made from the tables that the handlers check requests against.

use super::handlers::{ALERT_PARAMETERS, INTAKE_PARAMETERS, TREND_PARAMETERS};
use crate::search::{FacetField, MAX_LIMIT, PARAMETERS, field_names};
use serde_json::{Map, Value, json};

/// All paths, as routed.
pub(super) const PATHS: [&str; 11] = [
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/api/v1/search",
    "/api/v1/items/{id}",
    "/api/v1/trends",
    "/api/v1/alerts",
    "/api/v1/alerts/{id}",
    "/api/v1/status",
    "/api/v1/intake/{source}",
];

/// The OpenAPI 3.1 description of the API.
pub fn document() -> Value {
    let mut paths = Map::new();
    for path in PATHS {
        paths.insert(path.to_owned(), path_of(path));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "qingting",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Search, counts and alerts over the last commit. All times are milliseconds since 1970 UTC; \
                windows are half-open. Unknown query parameters are errors.",
        },
        "paths": paths,
        "components": {"schemas": schemas()},
    })
}

fn path_of(path: &str) -> Value {
    match path {
        "/healthz" => json!({"get": operation("The process answers.", &[], schema("Health"), &[])}),
        "/readyz" => {
            let ready = operation(
                "Whether the index is open and the counts are rebuilt.",
                &[],
                schema("Ready"),
                &[],
            );
            let mut path = json!({ "get": ready });
            path["get"]["responses"]["503"] = response("Not yet, with the reasons.", "Ready");
            path
        }
        "/metrics" => json!({"get": {
            "summary": "Prometheus metrics.",
            "responses": {"200": {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        }}),
        "/openapi.json" => json!({"get": operation("This description.", &[], json!({"type": "object"}), &[])}),
        "/api/v1/search" => {
            let names: Vec<&str> = PARAMETERS.to_vec();
            let mut post = operation(
                "Search, with the parameters in a JSON object.",
                &[],
                schema("SearchResponse"),
                SEARCH_ERRORS,
            );
            let body: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), value_of(name))).collect();
            post["requestBody"] = json!({"content": {"application/json": {"schema": {
                "type": "object", "properties": body, "additionalProperties": false,
            }}}});
            json!({"get": operation("Search the items.", &names, schema("SearchResponse"), SEARCH_ERRORS), "post": post})
        }
        "/api/v1/items/{id}" => with_id(
            "The analyzed record of an item.",
            "AnalyzedRecord",
            &["400", "404", "429", "503"],
        ),
        "/api/v1/trends" => {
            json!({"get": operation("Counts by key and bucket.", &TREND_PARAMETERS, schema("Trends"), SEARCH_ERRORS)})
        }
        "/api/v1/alerts" => {
            json!({"get": operation("Alerts, newest first.", &ALERT_PARAMETERS, schema("Alerts"), &["400", "503"])})
        }
        "/api/v1/alerts/{id}" => with_id("One alert.", "Alert", &["400", "404", "503"]),
        "/api/v1/intake/{source}" => {
            let mut post = operation(
                "Takes one record of a source with `http = true`; answers when the broker has it.",
                &INTAKE_PARAMETERS,
                json!({"type": "object"}),
                &["400", "401", "404", "413", "503"],
            );
            let accepted = json!({"description": "In the topic.", "content": {"application/json": {"schema": {
                "type": "object",
                "properties": {"topic": {"type": "string"}, "partition": {"type": "integer"}, "offset": {"type": "integer"}},
            }}}});
            if let Some(responses) = post["responses"].as_object_mut() {
                responses.remove("200");
                responses.insert("202".to_owned(), accepted);
            }
            if let Some(parameters) = post["parameters"].as_array_mut() {
                parameters.push(json!({
                    "name": "source", "in": "path", "required": true, "schema": {"type": "string"},
                    "description": "Configured name.",
                }));
            }
            post["requestBody"] = json!({"required": true, "content": {"application/json": {"schema": {}}}});
            json!({ "post": post })
        }
        _ => {
            json!({"get": operation("How things stand: positions, balance, lag.", &[], json!({"type": "object"}), &["400"])})
        }
    }
}

const SEARCH_ERRORS: &[&str] = &["400", "408", "413", "429", "503"];

fn with_id(summary: &str, answer: &str, errors: &[&str]) -> Value {
    let mut get = operation(summary, &[], schema(answer), errors);
    get["parameters"] = json!([{
        "name": "id", "in": "path", "required": true, "schema": {"type": "string"},
        "description": "Percent-encoded.",
    }]);
    json!({ "get": get })
}

fn operation(summary: &str, parameters: &[&str], answer: Value, errors: &[&str]) -> Value {
    let mut responses = Map::new();
    let ok = json!({"description": "OK", "content": {"application/json": {"schema": answer}}});
    responses.insert("200".to_owned(), ok);
    for code in errors {
        responses.insert((*code).to_owned(), response(error_text(code), "Error"));
    }
    let listed: Vec<Value> = parameters
        .iter()
        .map(|name| json!({"name": name, "in": "query", "required": false, "schema": value_of(name)}))
        .collect();
    json!({"summary": summary, "parameters": listed, "responses": responses})
}

fn response(description: &str, name: &str) -> Value {
    json!({"description": description, "content": {"application/json": {"schema": schema(name)}}})
}

fn error_text(code: &str) -> &'static str {
    match code {
        "400" => "The request is wrong; the error says where and what would be right.",
        "401" => "The secret or signature is missing or wrong.",
        "404" => "There is none.",
        "408" => "It took longer than the deadline.",
        "413" => "The body is too large.",
        "429" => "Too many searches run; try again.",
        _ => "The index is being opened.",
    }
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Type and meaning of a query parameter.
fn value_of(name: &str) -> Value {
    let facets: Vec<&str> = FacetField::names().collect();
    let fields: Vec<&str> = field_names().collect();
    match name {
        "q" => json!({"type": "string", "description": format!(
            "Words (all required), \"a phrase\", OR, NOT or -, brackets, field:value, ranges. Fields: {}.", fields.join(" "))}),
        "where" => json!({"type": "string", "description": "A query as in `q`."}),
        "from" => json!({"type": "string", "description":
            "Event time, inclusive: ms, 2025-11-01, 2025-11-01T09:30, now-7d."}),
        "to" => json!({"type": "string", "description": "Event time, exclusive; forms as in `from`."}),
        "limit" => {
            json!({"type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": crate::search::DEFAULT_LIMIT})
        }
        "cursor" => json!({"type": "string", "description": "Of the page before, with the same query and order."}),
        "sort" => json!({"type": "string", "enum": crate::search::SortOrder::NAMES, "default": "relevance"}),
        "facets" => json!({"type": "string", "description": format!(
            "Comma-separated; counts of the {} most frequent values of each. One of: {}.",
            crate::search::FACET_VALUES, facets.join(" "))}),
        "histogram" => json!({"type": "string", "enum": crate::search::BucketUnit::NAMES, "description":
            "Counts by event time, in the configured zone; weeks begin on Monday."}),
        "by" => json!({"type": "string", "description": format!("Splits the counts. One of: {}.", facets.join(" "))}),
        "highlight" => json!({"type": "boolean", "default": false, "description": "HTML fragments with <em>."}),
        "now" => json!({"type": "integer", "description": "What `now` in `from` and `to` means, ms."}),
        "bucket" => json!({"type": "string", "enum": ["hour", "day", "week"], "default": "day"}),
        "series" => json!({"type": "string", "enum": ["deduplicated", "raw"], "default": "deduplicated"}),
        "token" => json!({"type": "string", "description": "The source's secret, where no header can be set."}),
        "state" => json!({"type": "string", "enum": ["pending", "firing", "resolved", "historical"]}),
        _ => json!({"type": "string"}),
    }
}

fn schemas() -> Value {
    let alert = schemars::schema_for!(crate::alert::AlertRecord);
    let record = schemars::schema_for!(crate::item::AnalyzedRecord);
    let count = json!({"type": "integer", "minimum": 0});
    let time = json!({"type": "integer", "description": "ms UTC"});
    json!({
        "Health": {"type": "object", "properties": {"status": {"type": "string"}}},
        "Ready": {"type": "object", "required": ["ready", "reasons"], "properties": {
            "ready": {"type": "boolean"},
            "reasons": {"type": "array", "items": {"enum": ["recovering", "lag", "disk", "kafka"]}},
        }},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": {
            "type": "object", "required": ["code", "message", "at", "suggestion"], "properties": {
                "code": {"type": "string"}, "message": {"type": "string"},
                "at": {"type": ["integer", "null"], "description": "Character in the query, from 0."},
                "suggestion": {"type": ["string", "null"]},
            },
        }}},
        "SearchResponse": {
            "type": "object",
            "required": ["total", "relation", "took_ms", "generation", "hits", "facets", "histogram", "cursor"],
            "properties": {
                "total": count, "relation": {"enum": ["eq", "gte"]}, "took_ms": count,
                "generation": {"type": "integer", "description": "Number of the commit."},
                "hits": {"type": "array", "items": {
                    "type": "object", "required": ["id", "score", "item", "fragments"], "properties": {
                        "id": {"type": "string"}, "score": {"type": "number"}, "item": schema("AnalyzedRecord"),
                        "fragments": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
                    },
                }},
                "facets": {"type": "object", "additionalProperties": {"type": "array", "items": {
                    "type": "object", "properties": {"value": {"type": "string"}, "count": count},
                }}},
                "histogram": {"type": "array", "items": {"type": "object", "properties": {
                    "from": time, "count": count, "by": {"type": "object", "additionalProperties": count},
                }}},
                "cursor": {"type": ["string", "null"]},
            },
        },
        "Trends": {"type": "object", "required": ["watermark", "bucket", "series"], "properties": {
            "watermark": {"type": ["integer", "null"]}, "bucket": {"type": "string"},
            "series": {"type": "array", "items": {"type": "object", "properties": {
                "key": {"type": "object", "additionalProperties": {"type": "string"}},
                "points": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
            }}},
        }},
        "Alerts": {"type": "object", "required": ["alerts"], "properties": {"alerts": {"type": "array", "items": schema("Alert")}}},
        "Alert": embedded(alert.to_value()),
        "AnalyzedRecord": embedded(record.to_value()),
    })
}

/// A schema inside the document: its own definitions stay with it and references find them there.
fn embedded(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
        if fields.contains_key("$defs") {
            // References inside are relative to the schema itself once it has an id of its own.
            let title = fields
                .get("title")
                .and_then(Value::as_str)
                .unwrap_or("record")
                .to_lowercase();
            fields.insert("$id".to_owned(), Value::String(format!("urn:qingting:{title}")));
        }
    }
    schema
}
