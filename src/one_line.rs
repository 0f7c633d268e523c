//! Messages of one line: what an error quotes (a key, a pattern, a library's report) may go over several.

/// `text` on one line: its lines joined by "; ", runs of white space one space, no control characters (a quoted key may
/// hold some, and a terminal would obey them).
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for part in text.lines() {
        let words = part.split(|c: char| c.is_whitespace() || c.is_control());
        for (at, word) in words.filter(|word| !word.is_empty()).enumerate() {
            if !line.is_empty() {
                line.push_str(if at == 0 { "; " } else { " " });
            }
            line.push_str(word);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn whatever_is_quoted_a_message_stays_on_one_line() {
        assert_eq!(one_line("no such key"), "no such key");
        assert_eq!(
            one_line("parse error:\n    (a\n    ^\r\n\nerror: unclosed"),
            "parse error:; (a; ^; error: unclosed"
        );
        assert_eq!(one_line("keys: a\u{1b}[31mb\rc\u{0}\t\u{2028}d"), "keys: a [31mb c d");
        assert_eq!(one_line(" \n "), "");
    }
}
