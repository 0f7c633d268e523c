//! "Did you mean": the name that a misspelt one most likely stands for.

/// Below this similarity (Jaro-Winkler, 0 to 1) a guess would mislead.
const LEAST_SIMILARITY: f64 = 0.7;

/// The candidate that the misspelt `name` most likely means, if any is near.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&name, &candidate.to_lowercase()), candidate))
        .filter(|(similarity, _)| *similarity >= LEAST_SIMILARITY)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// The same as the middle of a sentence: "; did you mean `time`?", or nothing if no candidate is near.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_has_its_nearest_and_nonsense_has_none() {
        let names = ["listen", "token", "public_url"];
        assert_eq!(nearest("lisen", names), Some("listen"));
        assert_eq!(nearest("TOKEN", names), Some("token"));
        assert_eq!(nearest("xyzzy", names), None);
        assert_eq!(did_you_mean("lisen", names), "; did you mean `listen`?");
        assert_eq!(did_you_mean("xyzzy", names), "");
    }
}
