//! Mail addresses, also as people write them past a filter: `a (at) qq 点 com`.

use super::{Cover, Finding, Kind};
use regex::Regex;
use std::sync::LazyLock;

static MAIL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix) (?P<local> [a-z0-9._%+-]{1,64})
        (?: \s?@\s? | \s?[\(\[（【]\s?(?:at|@)\s?[\)\]）】]\s? | \s?艾特\s? | \sat\s | \# )
        (?: [a-z0-9-]+ (?:\.[a-z0-9-]+)* \. [a-z]{2,12}
          | [a-z0-9-]+ (?: \s?[.。．]\s? | \s?[点點]\s? | \s?[\(\[（【]\s?dot\s?[\)\]）】]\s? | \sdot\s )
            (?: com | cn | net | org | edu | cc ) (?: \s?[.。点]\s?cn )? )
        (?-u:\b)",
    )
    .ok()
});

pub(super) fn find(text: &str, found: &mut Vec<Finding>) {
    let Some(mail) = MAIL.as_ref() else { return };
    for captures in mail.captures_iter(text) {
        let (Some(whole), Some(local)) = (captures.get(0), captures.name("local")) else {
            continue;
        };
        found.push(Finding {
            kind: Kind::Mail,
            from: whole.start(),
            to: whole.end(),
            hide_from: local.start() + 1,
            hide_to: local.end().max(local.start() + 1),
            cover: Cover::Short,
        });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pattern_compiles() {
        assert!(super::MAIL.is_some());
    }
}
