//! How a file is written: by its name where that is clear, else by how it begins.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One JSON value a line.
    Lines,
    /// One JSON document, or several over many lines; a top-level array is as many records as it has elements.
    Json,
    /// CSV with a header.
    Rows,
    /// XLSX or XLS.
    Workbook,
}

/// `start`: the first bytes of the (decompressed) file.
pub fn of(path: &str, start: &[u8]) -> Layout {
    if super::sheet::is_workbook(start) {
        return Layout::Workbook;
    }
    let lower = path.to_ascii_lowercase();
    let name = without_compression(&lower);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv") => Layout::Rows,
        Some("jsonl" | "ndjson") => Layout::Lines,
        _ => by_beginning(start),
    }
}

pub fn without_compression(name: &str) -> &str {
    ["gz", "zst", "zstd"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending)?.strip_suffix('.'))
        .unwrap_or(name)
}

fn by_beginning(start: &[u8]) -> Layout {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let from = start
        .iter()
        .position(|b| !b.is_ascii_whitespace())
        .unwrap_or(start.len());
    let start = &start[from..];
    let (line, rest) = match start.iter().position(|b| *b == b'\n') {
        Some(end) => (&start[..end], &start[end + 1..]),
        None => (start, &start[start.len()..]),
    };
    match start.first() {
        // an array that is all there is holds the records; on a line among others it is one record
        Some(b'[') if !is_balanced(line) || rest.iter().all(u8::is_ascii_whitespace) => Layout::Json,
        Some(b'{') if !is_balanced(line) && !rest.is_empty() => Layout::Json,
        Some(b'{' | b'[') | None => Layout::Lines,
        // a JSONP shell begins with a name and a bracket
        Some(_) if line.contains(&b'{') => Layout::Lines,
        Some(_) if line.iter().any(|b| matches!(b, b',' | b'\t' | b';')) => Layout::Rows,
        Some(_) => Layout::Lines,
    }
}

/// All brackets that a line opens outside of strings are closed on it.
fn is_balanced(line: &[u8]) -> bool {
    let mut depth = 0i64;
    let mut in_string = false;
    let mut escaped = false;
    for b in line {
        if in_string {
            match b {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match b {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    depth == 0 && !in_string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_layouts_apart() {
        assert_eq!(of("a.csv.gz", b""), Layout::Rows);
        assert_eq!(of("a.jsonl", b"[1]"), Layout::Lines);
        assert_eq!(of("a.json", b"[\n {\"a\":1}"), Layout::Json);
        assert_eq!(of("a.json", b"[{\"a\":1},{\"a\":2}]\n"), Layout::Json);
        assert_eq!(of("a.json", b"{\"a\":1}\n{\"a\":2}\n"), Layout::Lines);
        assert_eq!(of("a.json", b"{\n\"a\":1}\n"), Layout::Json);
        assert_eq!(of("-", b"{\"a\":\"}\"}\n{\"a\":2}\n"), Layout::Lines);
        assert_eq!(of("-", b"id,text\n1,x\n"), Layout::Rows);
        assert_eq!(of("-", b"cb({\"a\":1,\"b\":2});\n"), Layout::Lines);
        assert_eq!(of("-", b""), Layout::Lines);
    }
}
