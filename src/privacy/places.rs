//! Which strings of a JSON document the promise covers: all but ids, addresses of the web, times and positions.

use serde_json::Value;

/// Keys whose values are exempt, in whatever depth.
const EXEMPT_KEYS: [&str; 16] = [
    "id",
    "ref",
    "raw_ref",
    "url",
    "search",
    "position",
    "schema",
    "sha256",
    "model",
    "bytes_b64",
    "group",
    "samples",
    "version",
    "hash",
    "file",
    "format",
];

/// Calls `each` with the path and text of every string that the promise covers.
pub(super) fn covered_strings<'a>(value: &'a Value, path: &mut String, each: &mut impl FnMut(&str, &'a str)) {
    match value {
        Value::String(text) => each(path, text),
        Value::Array(values) => values.iter().for_each(|value| covered_strings(value, path, each)),
        Value::Object(fields) => {
            for (key, value) in fields {
                if is_exempt(key) {
                    continue;
                }
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                covered_strings(value, path, each);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

fn is_exempt(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    EXEMPT_KEYS.contains(&key.as_str())
        || [
            "_id",
            "_ids",
            "id_str",
            "url",
            "urls",
            "uri",
            "_at",
            "_ts",
            "time",
            "timestamp",
            "token",
            "cursor",
        ]
        .iter()
        .any(|ending| key.ends_with(ending))
}

/// The field that holds a person's display name, which must be masked whatever it looks like.
pub(super) fn holds_a_name(path: &str) -> bool {
    path == "author.name" || path.ends_with(".author.name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_urls_and_times_are_left_out_in_any_depth() {
        let value = serde_json::json!({
            "id": "13800138000", "text": "a", "reply": [{"text": "b", "by": "c"}], "media": {"image_url": "x"},
            "author": {"id": "y", "name": "d"}, "published_at": "z", "note_id": "w",
        });
        let mut seen = Vec::new();
        covered_strings(&value, &mut String::new(), &mut |path, text| {
            seen.push(format!("{path}={text}"))
        });
        assert_eq!(
            seen,
            ["text=a", "reply.text=b", "reply.by=c", "author.name=d"]
                .map(str::to_owned)
                .to_vec()
        );
    }
}
