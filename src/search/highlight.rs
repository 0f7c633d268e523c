//! Marks what was found in a stored text, and chooses the part worth showing.
//!
//! tantivy's `SnippetGenerator` panics on overlapping tokens, which any search-mode segmentation has.

use super::Tokenize;

/// Longest fragment, in characters.
pub const FRAGMENT_CHARS: usize = 120;

/// The window of `text` that holds most of the wanted tokens, HTML-escaped, with `<em>` around each; `None` when the
/// text has none of them. A cut end shows as `…`. `wanted` must be sorted.
pub fn fragment(text: &str, wanted: &[&str], tokenizer: &dyn Tokenize, max_chars: usize) -> Option<String> {
    let found = found_ranges(text, wanted, tokenizer);
    if found.is_empty() {
        return None;
    }
    let (from, to) = window(text, &found, max_chars);
    let mut out = String::with_capacity(to - from + 32);
    if from > 0 {
        out.push('…');
    }
    let mut at = from;
    for &(start, end) in found.iter().filter(|(start, end)| *start >= from && *end <= to) {
        escape(&text[at..start], &mut out);
        out.push_str("<em>");
        escape(&text[start..end], &mut out);
        out.push_str("</em>");
        at = end;
    }
    escape(&text[at..to], &mut out);
    if to < text.len() {
        out.push('…');
    }
    Some(out)
}

/// Byte ranges of the wanted tokens, in order, merged where they overlap or touch.
fn found_ranges(text: &str, wanted: &[&str], tokenizer: &dyn Tokenize) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = tokenizer
        .tokens(text)
        .iter()
        .filter(|token| wanted.binary_search(&token.text).is_ok())
        .map(|token| (token.from as usize, token.to as usize))
        .filter(|(from, to)| text.is_char_boundary(*from) && text.is_char_boundary(*to) && from < to)
        .collect();
    ranges.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => merged.push((from, to)),
        }
    }
    merged
}

/// Byte borders of the window with the most marked characters, with the rest of its length as context.
fn window(text: &str, found: &[(usize, usize)], max_chars: usize) -> (usize, usize) {
    let borders: Vec<usize> = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
    let length = borders.len() - 1;
    if length <= max_chars {
        return (0, text.len());
    }
    // Token borders are character borders, so that each is found.
    let char_at = |byte: usize| borders.partition_point(|border| *border < byte);
    let marks: Vec<(usize, usize)> = found.iter().map(|(from, to)| (char_at(*from), char_at(*to))).collect();
    let mut best = (0, marks[0].0, marks[0].1);
    let mut last = 0;
    let mut marked = 0;
    for (first, &(start, end)) in marks.iter().enumerate() {
        if last < first {
            (last, marked) = (first, 0);
        }
        while last < marks.len() && marks[last].1 <= start + max_chars {
            marked += marks[last].1 - marks[last].0;
            last += 1;
        }
        if marked > best.0 {
            best = (marked, start, marks[last - 1].1);
        }
        marked = marked.saturating_sub(end - start);
    }
    let (_, start, end) = best;
    let end = end.min(start + max_chars);
    let context = max_chars - (end - start);
    let from = start.saturating_sub(context / 2);
    let to = (from + max_chars).min(length);
    let from = from.min(to.saturating_sub(max_chars));
    (borders[from], borders[to])
}

fn escape(text: &str, out: &mut String) {
    for found in text.chars() {
        match found {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::testing::PairTokenizer;
    use proptest::prelude::*;

    #[test]
    fn overlapping_tokens_are_marked_once() {
        let marked = fragment("快递太慢，快", &["太", "太慢", "快递", "慢"], &PairTokenizer, 100);
        assert_eq!(marked.as_deref(), Some("<em>快递太慢</em>，快"));
        assert_eq!(fragment("质量", &["快递"], &PairTokenizer, 100), None);
    }

    #[test]
    fn markup_of_the_text_is_escaped() {
        let marked = fragment("<script>a</script>&\"b'", &["a"], &PairTokenizer, 100);
        assert_eq!(
            marked.as_deref(),
            Some("&lt;script&gt;<em>a</em>&lt;/script&gt;&amp;&quot;b&#39;")
        );
    }

    #[test]
    fn the_window_shows_where_most_was_found() {
        let text = format!("快递。{}快递太慢。{}", "好".repeat(200), "差".repeat(200));
        let marked = fragment(&text, &["太慢", "快递"], &PairTokenizer, 40).unwrap();
        assert!(marked.contains("<em>快递太慢</em>"), "{marked}");
        assert!(marked.starts_with('…') && marked.ends_with('…'), "{marked}");
        assert_eq!(marked.replace("<em>", "").replace("</em>", "").chars().count(), 42);
    }

    proptest! {
        #[test]
        fn marking_never_panics_and_keeps_the_text(text in "[快递太慢ab<&，😀]{0,60}", max_chars in 1usize..50) {
            if let Some(marked) = fragment(&text, &["a", "快", "快递", "慢"], &PairTokenizer, max_chars) {
                let plain = marked.replace("<em>", "").replace("</em>", "").replace("&lt;", "<").replace("&amp;", "&");
                prop_assert!(text.contains(plain.trim_matches('…')), "{}", marked);
                prop_assert!(plain.chars().count() <= max_chars + 2);
            }
        }
    }
}
