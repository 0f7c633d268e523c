//! What a search asks for, read from named values: a query string, a JSON body or a command line.

use super::SearchError;
use super::buckets::BucketUnit;
use super::columns::FacetField;
use super::scan::SortOrder;
use super::when::{TIME_FORMS, TimeValue};
use crate::nearest::nearest;
use chrono_tz::Tz;

/// Names of the parameters, in the order of the documentation.
pub const PARAMETERS: [&str; 11] = [
    "q",
    "from",
    "to",
    "limit",
    "cursor",
    "sort",
    "facets",
    "histogram",
    "by",
    "highlight",
    "now",
];
pub const DEFAULT_LIMIT: usize = 20;
pub const MAX_LIMIT: usize = 200;
/// Facet fields of one search.
pub const MAX_FACETS: usize = 16;

#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    pub q: String,
    /// Event time, inclusive, as written.
    pub from: Option<String>,
    /// Event time, exclusive, as written.
    pub to: Option<String>,
    pub limit: usize,
    pub cursor: Option<String>,
    pub sort: SortOrder,
    pub facets: Vec<FacetField>,
    pub histogram: Option<BucketUnit>,
    /// Splits the histogram.
    pub by: Option<FacetField>,
    pub highlight: bool,
    /// What `now` in `from` and `to` means, ms UTC; the clock when absent.
    pub now_ms: Option<i64>,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            q: String::new(),
            from: None,
            to: None,
            limit: DEFAULT_LIMIT,
            cursor: None,
            sort: SortOrder::Relevance,
            facets: Vec::new(),
            histogram: None,
            by: None,
            highlight: false,
            now_ms: None,
        }
    }
}

impl SearchRequest {
    /// Reads (name, value) pairs. Errors: an unknown or repeated name, a value that the parameter cannot have.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SearchError> {
        let mut request = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in pairs {
            check_name(name, &PARAMETERS, &mut seen)?;
            match name {
                "q" => request.q = value.to_owned(),
                "from" => request.from = Some(value.to_owned()),
                "to" => request.to = Some(value.to_owned()),
                "limit" => request.limit = limit(value)?,
                "cursor" => request.cursor = Some(value.to_owned()),
                "sort" => request.sort = choice(name, value, SortOrder::named(value), &SortOrder::NAMES)?,
                "facets" => request.facets = facets(value)?,
                "histogram" => {
                    request.histogram = Some(choice(name, value, BucketUnit::named(value), &BucketUnit::NAMES)?);
                }
                "by" => request.by = Some(facet(name, value)?),
                "highlight" => request.highlight = choice(name, value, switch(value), &["true", "false"])?,
                _ => request.now_ms = Some(now(value)?),
            }
        }
        if request.by.is_some() && request.histogram.is_none() {
            return Err(bad(
                "by",
                "`by` splits a histogram, and there is none",
                "add histogram=day",
            ));
        }
        Ok(request)
    }
}

/// Refuses a name that is not among `known`, or that came before.
pub fn check_name<'a>(name: &'a str, known: &[&str], seen: &mut Vec<&'a str>) -> Result<(), SearchError> {
    if !known.contains(&name) {
        return Err(SearchError::UnknownParameter {
            name: name.to_owned(),
            suggestion: Some(match nearest(name, known.iter().copied()) {
                Some(near) => near.to_owned(),
                None => format!("one of {}", known.join(" ")),
            })
            .filter(|_| !known.is_empty()),
        });
    }
    if seen.contains(&name) {
        return Err(bad(name, &format!("`{name}` is given twice"), "give it once"));
    }
    seen.push(name);
    Ok(())
}

/// A value out of a list of names.
pub fn choice<T>(name: &str, value: &str, found: Option<T>, allowed: &[&str]) -> Result<T, SearchError> {
    found.ok_or_else(|| SearchError::BadParameter {
        parameter: name.to_owned(),
        message: format!("`{name}` must be one of {}, not `{value}`", allowed.join(" ")),
        suggestion: nearest(value, allowed.iter().copied()).map(str::to_owned),
    })
}

/// A facet field by name.
pub fn facet(parameter: &str, name: &str) -> Result<FacetField, SearchError> {
    FacetField::named(name).ok_or_else(|| SearchError::BadParameter {
        parameter: parameter.to_owned(),
        message: format!("`{parameter}` cannot count `{name}`"),
        suggestion: Some(match nearest(name, FacetField::names()) {
            Some(near) => near.to_owned(),
            None => format!("one of {}", FacetField::names().collect::<Vec<_>>().join(" ")),
        }),
    })
}

fn facets(value: &str) -> Result<Vec<FacetField>, SearchError> {
    let mut fields: Vec<FacetField> = Vec::new();
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let field = facet("facets", name)?;
        if !fields.contains(&field) {
            fields.push(field);
        }
    }
    if fields.len() > MAX_FACETS {
        return Err(bad(
            "facets",
            &format!("`facets` names more than {MAX_FACETS} fields"),
            "ask twice",
        ));
    }
    Ok(fields)
}

fn limit(value: &str) -> Result<usize, SearchError> {
    match value.parse() {
        Ok(limit) if limit <= MAX_LIMIT => Ok(limit),
        _ => Err(bad(
            "limit",
            &format!("`limit` must be a number up to {MAX_LIMIT}, not `{value}`"),
            "the cursor of the answer leads to the next page",
        )),
    }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "true" | "1" | "" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

fn now(value: &str) -> Result<i64, SearchError> {
    value.parse().map_err(|_| {
        bad(
            "now",
            &format!("`now` must be milliseconds since 1970, not `{value}`"),
            "1762000000000",
        )
    })
}

fn bad(parameter: &str, message: &str, suggestion: &str) -> SearchError {
    SearchError::BadParameter {
        parameter: parameter.to_owned(),
        message: message.to_owned(),
        suggestion: Some(suggestion.to_owned()),
    }
}

/// A moment of `from` and `to`, ms UTC: a time as in the grammar (its first ms), `now`, `now-7d`, `-12h`.
/// Units: `m` `h` `d` `w`, of 60 s, 60 min, 24 h and 7 d.
pub fn moment(parameter: &str, value: &str, now_ms: i64, zone: Tz) -> Result<i64, SearchError> {
    let relative = match value.strip_prefix("now") {
        Some(offset) => Some(offset),
        None => value.starts_with('-').then_some(value),
    };
    let found = match relative {
        Some("") => Some(now_ms),
        Some(offset) => offset_ms(offset).map(|offset| now_ms.saturating_add(offset)),
        None => TimeValue::parse(value).map(|time| time.start_ms(zone)),
    };
    found.ok_or_else(|| SearchError::BadParameter {
        parameter: parameter.to_owned(),
        message: format!("`{parameter}` is not a time: `{value}`"),
        suggestion: Some(format!("{TIME_FORMS}, or now-7d")),
    })
}

fn offset_ms(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("-", rest) => (-1, rest),
        ("+", rest) => (1, rest),
        _ => return None,
    };
    let unit_at = rest.len().checked_sub(1)?;
    let (number, unit) = rest.split_at_checked(unit_at)?;
    let unit_ms: i64 = match unit {
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    i64::from(number).checked_mul(unit_ms).map(|ms| sign * ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Asia::Shanghai;

    #[test]
    fn a_misspelt_parameter_names_the_nearest() {
        let error = SearchRequest::from_pairs([("q", "快递"), ("limti", "3")]).unwrap_err();
        assert_eq!(
            (error.code(), error.suggestion().as_deref()),
            ("unknown_parameter", Some("limit"))
        );
        for (name, value) in [
            ("limit", "201"),
            ("limit", "-1"),
            ("sort", "newest"),
            ("facets", "brandd"),
            ("histogram", "year"),
            ("highlight", "yes"),
            ("now", "today"),
        ] {
            let error = SearchRequest::from_pairs([(name, value)]).unwrap_err();
            assert_eq!((error.code(), error.status()), ("bad_parameter", 400), "{name}={value}");
        }
        assert!(SearchRequest::from_pairs([("q", "a"), ("q", "b")]).is_err());
        assert!(SearchRequest::from_pairs([("by", "brand")]).is_err());
    }

    #[test]
    fn moments_are_times_or_relative_to_now() {
        let at = |value| moment("from", value, 1_000_000_000_000, Shanghai).unwrap();
        assert_eq!(at("now"), 1_000_000_000_000);
        assert_eq!(at("now-1h"), 1_000_000_000_000 - 3_600_000);
        assert_eq!(at("-2w"), 1_000_000_000_000 - 2 * 604_800_000);
        assert_eq!(at("2025-11-01"), 1_761_926_400_000);
        for broken in ["now7d", "now-", "-d", "-99999999999d", "yesterday", "-1é"] {
            assert!(moment("from", broken, 0, Shanghai).is_err(), "{broken}");
        }
    }
}
