use super::*;
use crate::item::Item;
use crate::normalize::{Trigrams, analysis_text, clean_text, fingerprint_of};
use std::convert::Infallible;
use std::io::BufRead;

const MONTH: Duration = Duration::from_secs(30 * 86_400);
const TEXT: &str = "扫地机用了三个月，越来越吵，客服也不回复";
const NEAR: &str = "扫地机用了五个月，越来越吵，客服也不回复！！";

/// A window with the texts that it needs to verify.
struct Texts {
    window: DuplicateWindow,
    texts: FxHashMap<u128, Trigrams>,
    asked: usize,
}

fn folded(text: &str) -> String {
    analysis_text(&Item {
        text: text.to_owned(),
        ..Item::default()
    })
}

impl Texts {
    fn new(window: Duration) -> Self {
        Self {
            window: DuplicateWindow::new(window),
            texts: FxHashMap::default(),
            asked: 0,
        }
    }

    /// As the index thread does it.
    fn see(&mut self, text: &str, id: u128, at_ms: i64) -> Seen {
        let text = folded(text);
        let own = Trigrams::of(&text);
        let texts = &self.texts;
        self.window.hear(at_ms);
        let asked = &mut self.asked;
        let seen = self.window.see(&fingerprint_of(&text), id, at_ms, |first| {
            *asked += 1;
            Ok::<_, Infallible>(texts.get(&first).is_some_and(|known| known.is_same(&own)))
        });
        let seen = seen.unwrap_or(Seen::First);
        if seen == Seen::First {
            self.texts.insert(id, own);
        }
        seen
    }
}

fn again(first: u128, size: u32, near: bool) -> Seen {
    Seen::Again { first, size, near }
}

#[test]
fn the_first_of_a_text_is_itself_and_later_ones_are_copies() {
    let mut texts = Texts::new(MONTH);
    assert_eq!(texts.see(TEXT, 1, 0), Seen::First);
    assert_eq!(texts.see(TEXT, 2, HOUR_MS), again(1, 2, false));
    assert_eq!(texts.see(NEAR, 3, HOUR_MS), again(1, 3, true));
    assert_eq!(
        texts.see(TEXT, 1, HOUR_MS),
        Seen::First,
        "the same item again is not its own copy"
    );
    assert_eq!(texts.see("闪退", 4, 0), Seen::First);
    assert_eq!(
        texts.see("闪退", 5, 0),
        Seen::First,
        "short texts are never folded together"
    );
}

#[test]
fn a_text_older_than_the_window_is_new_again() {
    let mut texts = Texts::new(Duration::from_secs(86_400));
    texts.see(TEXT, 1, 0);
    assert_eq!(texts.see(NEAR, 2, 26 * HOUR_MS), Seen::First);
    assert_eq!(texts.see(TEXT, 3, 27 * HOUR_MS), again(2, 2, true));
}

#[test]
fn a_deleted_first_leaves_no_group_behind_and_a_deleted_copy_no_longer_counts() {
    let mut texts = Texts::new(MONTH);
    texts.see(TEXT, 1, 0);
    let exact = fingerprint_of(&folded(TEXT)).exact;
    assert_eq!(texts.see(NEAR, 2, 0), again(1, 2, true));
    texts.window.forget_copy(exact, 1);
    assert_eq!(texts.see(TEXT, 3, 0), again(1, 2, false));
    texts.window.forget(exact, 1, None);
    assert_eq!(texts.see(NEAR, 4, 0), Seen::First);
    assert_eq!(texts.see(TEXT, 5, 0), again(4, 2, true));
}

#[test]
fn the_copies_of_a_first_that_was_edited_stay_with_it() {
    let mut texts = Texts::new(MONTH);
    texts.see(TEXT, 1, 0);
    texts.see(TEXT, 2, 0);
    assert_eq!(texts.see(NEAR, 1, 0), Seen::First, "an item is no copy of itself");
    let exact = |text| fingerprint_of(&folded(text)).exact;
    texts.window.forget(exact(TEXT), 1, Some(exact(NEAR)));
    assert_eq!(texts.see(TEXT, 3, 0), again(1, 3, true));
}

/// A text that has nothing to do with those of other numbers.
fn other(number: u32) -> String {
    (0..30)
        .filter_map(|at| char::from_u32(0x4e00 + (number * 7_919 + at * 613) % 20_000))
        .collect()
}

#[test]
fn old_texts_take_no_memory() {
    let mut texts = Texts::new(Duration::from_secs(86_400));
    for number in 0..20_000u32 {
        texts.see(&other(number), u128::from(number), i64::from(number) * HOUR_MS / 20);
    }
    let window = &texts.window;
    assert!(window.groups.len() <= 1_000, "{} groups", window.groups.len());
    assert!(
        window.groups.capacity() < 2_000 && window.by_exact.capacity() < 4_000,
        "room for {} and {}",
        window.groups.capacity(),
        window.by_exact.capacity()
    );
    assert_eq!(
        texts.see(&other(19_999), 1 << 70, 1_000 * HOUR_MS),
        again(19_999, 2, false)
    );
}

#[test]
fn a_full_window_drops_its_oldest_and_works_on() {
    let mut texts = Texts::new(MONTH);
    texts.window.most_texts = 100;
    for number in 0..1_000 {
        texts.see(
            &other(number),
            u128::from(number) + 10,
            i64::from(number) * HOUR_MS / 10,
        );
    }
    assert!(texts.window.groups.len() <= 100);
    assert_eq!(texts.see(&other(990), 7, 100 * HOUR_MS), again(1_000, 2, false));
    texts.see(TEXT, 1, 200 * HOUR_MS);
    assert_eq!(texts.see(NEAR, 2, 200 * HOUR_MS), again(1, 2, true));
    assert_eq!(
        texts.see(&other(3), 8, 200 * HOUR_MS),
        Seen::First,
        "the oldest are forgotten"
    );
}

#[test]
fn a_group_keeps_what_it_is_given() {
    let first = u128::MAX >> 48;
    let mut group = Group::new(1, first, 1_234_567);
    assert_eq!((group.first(), group.hour(), group.size()), (first, 1_234_567, 1));
    group.resize(98_765_432);
    assert_eq!(
        (group.first(), group.hour(), group.size()),
        (first, 1_234_567, 98_765_432)
    );
    group.resize(u32::MAX);
    assert_eq!((group.hour(), group.size()), (1_234_567, (1 << 27) - 1));
}

/// An edit as people and platforms make them.
fn edited(text: &str, kind: usize, number: usize) -> String {
    let middle = text
        .char_indices()
        .nth(text.chars().count() / 2)
        .map_or(0, |(at, _)| at);
    let (head, tail) = text.split_at(middle);
    match kind {
        0 => format!("{text}👍👍[赞]"),
        1 => text.replace(['，', '。', '！'], " ") + "！！",
        2 => format!(
            "{head}，{}，{tail}",
            ["说真的", "大家注意了", "亲测有效", "本人真实体验"][number % 4]
        ),
        3 if text.contains(|c: char| c.is_ascii_digit()) => {
            text.chars().map(|c| if c.is_ascii_digit() { '7' } else { c }).collect()
        }
        3 => format!("{head}{}元{tail}", 19 + number % 300),
        4 => {
            // Simplified to Traditional for the characters that a table of the tests knows
            let pairs = [
                ('来', '來'),
                ('还', '還'),
                ('这', '這'),
                ('个', '個'),
                ('们', '們'),
                ('么', '麼'),
                ('时', '時'),
                ('说', '說'),
                ('东', '東'),
                ('发', '發'),
            ];
            text.chars()
                .map(|c| pairs.iter().find(|(simple, _)| *simple == c).map_or(c, |(_, old)| *old))
                .collect()
        }
        _ => format!("#好物分享# {text} 转需"),
    }
}

#[test]
fn real_texts_are_known_again_after_realistic_edits_and_others_are_not() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/raw");
    let Ok(entries) = std::fs::read_dir(folder) else {
        println!("skipped: near-duplicates of real texts: shared data missing");
        return;
    };
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut texts = Texts::new(MONTH);
    let mut firsts: Vec<String> = Vec::new();
    let mut folded_away = Vec::new();
    for path in files
        .iter()
        .filter(|path| !path.to_string_lossy().contains("segmented"))
    {
        let Ok(file) = std::fs::File::open(path) else { continue };
        let lines = std::io::BufReader::new(flate2::read::GzDecoder::new(file))
            .lines()
            .map_while(Result::ok);
        for line in lines.step_by(4) {
            let row: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = clean_text(row["text"].as_str().unwrap_or_default());
            if fingerprint_of(&folded(&text)).exact == 0 {
                continue;
            }
            match texts.see(&text, firsts.len() as u128, 0) {
                Seen::First => firsts.push(text),
                Seen::Again { first, near: true, .. } => folded_away.push((text, first)),
                Seen::Again { .. } => {}
            }
        }
    }
    println!("{} comparisons for {} texts", texts.asked, firsts.len());
    let (mut asked, mut found, mut right) = (0usize, 0usize, 0usize);
    for (number, text) in firsts.iter().enumerate().step_by(4) {
        let kind = number / 4 % 6;
        let edited = clean_text(&edited(text, kind, number));
        asked += 1;
        if let Seen::Again { first, .. } = texts.see(&edited, u128::MAX - number as u128, HOUR_MS) {
            found += 1;
            right += usize::from(first == number as u128);
        } else if asked - found < 10 {
            println!(
                "not found, edit {kind}: {}",
                edited.chars().take(60).collect::<String>()
            );
        }
    }
    let (recall, precision) = (right as f64 / asked as f64, right as f64 / found as f64);
    println!(
        "{} texts, {asked} edits: recall {recall:.4}, precision {precision:.4}; {} folded in the data itself",
        firsts.len(),
        folded_away.len()
    );
    for (text, first) in folded_away.iter().step_by(folded_away.len() / 25 + 1) {
        let show = |text: &str| text.chars().take(70).collect::<String>().replace('\n', " ");
        println!("  {}\n  = {}", show(text), show(&firsts[*first as usize]));
    }
    assert!(
        recall >= 0.95 && precision >= 0.99,
        "recall {recall}, precision {precision}"
    );
}
