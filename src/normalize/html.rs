//! Tags and entities out of a text, single and double escaped.

/// Tags that are markup for sure; `x<y 且 y>z` and `<3` stay.
const TAGS: [&str; 62] = [
    "a",
    "abbr",
    "b",
    "big",
    "blockquote",
    "body",
    "br",
    "button",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "label",
    "li",
    "link",
    "mark",
    "meta",
    "ol",
    "option",
    "p",
    "pre",
    "s",
    "script",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

/// Tags that end a line of text.
const BLOCKS: [&str; 16] = [
    "br",
    "p",
    "div",
    "li",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "table",
    "ul",
    "ol",
    "blockquote",
];

/// A tag longer than this is text with a stray `<`.
const LONGEST_TAG_BYTES: usize = 4096;
/// `&CounterClockwiseContourIntegral;` is the longest name.
const LONGEST_ENTITY_BYTES: usize = 34;

/// One pass over `text`: known tags go (block tags become newlines, an image its `alt` emotion code), entities
/// are decoded through any number of `&amp;` layers. What a pass uncovers (`&lt;br&gt;`) is for the next pass.
pub(super) fn strip(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.as_bytes()[0] == b'<' {
            tag(rest, out)
        } else {
            entity(rest, out)
        };
    }
    out.push_str(rest);
}

/// `rest` starts with `<`. Returns what follows the tag, or follows the `<` where it is none.
fn tag<'a>(rest: &'a str, out: &mut String) -> &'a str {
    if let Some(comment) = rest.strip_prefix("<!--")
        && let Some(end) = comment.find("-->")
    {
        return &comment[end + 3..];
    }
    let name_from = if rest[1..].starts_with('/') { 2 } else { 1 };
    let name_len = rest[name_from..]
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let name = rest[name_from..name_from + name_len].to_ascii_lowercase();
    let behind = rest.as_bytes().get(name_from + name_len).copied();
    let ends_name = matches!(behind, Some(b'>' | b'/' | b' ' | b'\n' | b'\t' | b'\r'));
    let close = bounded(rest, LONGEST_TAG_BYTES).find('>');
    let (true, Some(close)) = (ends_name && TAGS.contains(&name.as_str()), close) else {
        out.push('<');
        return &rest[1..];
    };
    let after = &rest[close + 1..];
    if name_from == 1 && matches!(name.as_str(), "script" | "style") {
        let closing = if name == "script" { "</script" } else { "</style" };
        return match after.find(closing) {
            Some(end) => &after[end..],
            None => after,
        };
    }
    if name == "img" {
        if let Some(code) = emotion_alt(&rest[..close]) {
            out.push_str(code);
        }
    } else if BLOCKS.contains(&name.as_str()) {
        out.push('\n');
    }
    after
}

/// The `[怒]` of `<img alt=[怒] src=…>`.
fn emotion_alt(tag: &str) -> Option<&str> {
    let value = tag.split_once("alt=")?.1.trim_start_matches(['"', '\'']);
    let end = value.find(']')?;
    (value.starts_with('[') && end <= 30).then_some(&value[..=end])
}

/// `rest` starts with `&`. Returns what follows the entity, or follows the `&` where it is none.
fn entity<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let mut body = &rest[1..];
    while let Some(inner) = body.strip_prefix("amp;") {
        body = inner;
    }
    let unescaped = body.len() < rest.len() - 1;
    let known = bounded(body, LONGEST_ENTITY_BYTES).find(';').and_then(|end| {
        let decoded = decode(&body[..end])?;
        Some((decoded, &body[end + 1..]))
    });
    match known {
        Some((Decoded::Char(c), after)) => {
            out.push(c);
            after
        }
        Some((Decoded::Text(text), after)) => {
            out.push_str(&text);
            after
        }
        None if unescaped => {
            out.push('&');
            body
        }
        None => {
            out.push('&');
            &rest[1..]
        }
    }
}

enum Decoded {
    Char(char),
    Text(String),
}

/// `name`, `#39`, `#x27`.
fn decode(name: &str) -> Option<Decoded> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return Some(Decoded::Char(char::from_u32(code).unwrap_or('\u{FFFD}')));
    }
    let common = match name {
        "nbsp" => ' ',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "hellip" => '…',
        "ldquo" => '“',
        "rdquo" => '”',
        "lsquo" => '‘',
        "rsquo" => '’',
        "mdash" => '—',
        "middot" => '·',
        "yen" => '¥',
        _ => return rare(name),
    };
    Some(Decoded::Char(common))
}

fn rare(name: &str) -> Option<Decoded> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let escaped = format!("&{name};");
    let decoded = html_escape::decode_html_entities(&escaped);
    (decoded != escaped).then(|| Decoded::Text(decoded.into_owned()))
}

/// The first `limit` bytes of `text`, cut at a character border.
fn bounded(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(text: &str) -> String {
        let mut out = String::new();
        strip(text, &mut out);
        out
    }

    #[test]
    fn decodes_entities_through_every_layer_of_escaping() {
        assert_eq!(
            stripped("&ldquo;五星服务&rdquo;&amp;hellip;&amp;amp;hellip;"),
            "“五星服务”……"
        );
        assert_eq!(
            stripped("A&amp;B &#39;x&#x27; &unknown; & &amp"),
            "A&B 'x' &unknown; & &amp"
        );
    }

    #[test]
    fn takes_tags_out_and_keeps_the_emotion_code_of_an_image() {
        assert_eq!(
            stripped(
                "<span class=\"url-icon\"><img alt=[怒] src=\"x.png\"></span>太差<br />第二行<a href='/n/x'>@x</a>"
            ),
            "[怒]太差\n第二行@x"
        );
        assert_eq!(stripped("a<script>alert(1)</script>b<!-- c -->d"), "abd");
    }

    #[test]
    fn leaves_what_only_looks_like_a_tag() {
        for text in ["x<y 且 y>z", "<3 爱你", "温度<20 湿度>60", "1<2", "<未闭合", "<b公斤>"] {
            assert_eq!(stripped(text), text);
        }
    }
}
