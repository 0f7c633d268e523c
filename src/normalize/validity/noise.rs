//! Keyboard noise: what fingers type that mean nothing.

use super::super::fold::is_ideograph;

/// Runs of neighbouring keys, in both directions.
const ROWS: [&str; 8] = [
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1234567890",
    "poiuytrewq",
    "lkjhgfdsa",
    "mnbvcxz",
    "0987654321",
];
/// Abbreviations without a vowel that mean something.
const ABBREVIATIONS: [&str; 22] = [
    "yyds", "xswl", "nsdd", "zqsg", "nb", "thx", "pls", "ssd", "vpn", "mp3", "mp4", "usb", "pdd", "dddd", "hhh",
    "hhhh", "hhhhh", "www", "gps", "tv", "ky", "ctmd",
];
/// What the same fingers give with an input method: `asdasd` → 撒大声地.
const TYPED_WITH_PINYIN: [&str; 12] = [
    "撒大声地",
    "阿斯顿",
    "啊实打实",
    "阿斯蒂芬",
    "撒打算",
    "啊撒旦",
    "阿萨德",
    "大声道",
    "测试测试",
    "测试123",
    "啊手动阀",
    "发生的发",
];
/// A lone character that is an opinion.
const LONE_OPINIONS: &str =
    "好差赞棒烂坑贵香酷牛行可优美垃丑假慢快脏吵破妙强弱帅爽佳良惨晕甜咸辣淡硬软小大爱顶闹呕吐嗯哎唉哇渣惨啥滚";

pub(super) fn is_noise(folded: &str, letters: &[char]) -> bool {
    let ideographs = letters.iter().filter(|c| is_ideograph(**c)).count();
    if ideographs == 0 {
        return latin_noise(letters);
    }
    if letters.len() == 1 {
        return !LONE_OPINIONS.contains(letters[0]);
    }
    letters.len() <= 16 && TYPED_WITH_PINYIN.iter().any(|typed| folded.contains(typed))
}

fn latin_noise(letters: &[char]) -> bool {
    let text: String = letters.iter().collect();
    if !text.is_ascii() {
        // 兼容 jamo, digits of other kinds: no text in any language
        return letters
            .iter()
            .all(|c| matches!(*c as u32, 0x1100..=0x11ff | 0x3130..=0x318f | 0x2460..=0x27bf));
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let distinct = {
        let mut sorted: Vec<u8> = text.bytes().collect();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.len()
    };
    if digits == text.len() {
        // 666 is praise, 100 a mark
        return digits >= 4 && !(distinct == 1 && text.starts_with('6')) && text != "1000";
    }
    if text.len() < 3 || ABBREVIATIONS.contains(&text.as_str()) {
        return false;
    }
    if distinct <= 2 && text.len() >= 5 && !text.starts_with("ha") && !text.starts_with('h') && !text.starts_with("ok")
    {
        return true;
    }
    let walked = ROWS.iter().any(|row| walks(&text, row));
    let vowels = text
        .bytes()
        .filter(|b| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
        .count();
    let consonants = longest_run(&text, |b| {
        b.is_ascii_alphabetic() && !matches!(b, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
    });
    walked || digits == 0 && text.len() >= 3 && (vowels == 0 || consonants >= 6 && text.len() <= 24)
}

/// More than half of the text is typed along a row of keys.
fn walks(text: &str, row: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 4 {
        return false;
    }
    let steps = bytes
        .windows(3)
        .filter(|three| row.as_bytes().windows(3).any(|keys| keys == *three))
        .count();
    let columns = ["1qaz", "2wsx", "3edc", "4rfv", "147258", "258369", "159357"];
    if columns.iter().any(|column| text.contains(column)) {
        return true;
    }
    steps * 2 >= bytes.len() - 2 || steps >= 2 && steps * 3 >= bytes.len() - 2
}

fn longest_run(text: &str, is: impl Fn(u8) -> bool) -> usize {
    let (mut longest, mut run) = (0, 0);
    for b in text.bytes() {
        run = if is(b) { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(text: &str) -> bool {
        is_noise(text, &text.chars().filter(|c| c.is_alphanumeric()).collect::<Vec<_>>())
    }

    #[test]
    fn typing_without_a_word_is_noise_and_short_opinions_are_not() {
        for text in [
            "asdfasdf",
            "qweqweqwe",
            "1qaz2wsx",
            "111111",
            "hjvvccccffw",
            "fggg",
            "撒大声地撒大声地",
            "的",
            "147258369",
        ] {
            assert!(noise(text), "{text}");
        }
        for text in [
            "666",
            "good",
            "yyds",
            "nice app",
            "好",
            "very good",
            "bad",
            "ok",
            "100",
            "垃圾",
            "haha",
            "strength",
        ] {
            assert!(!noise(text), "{text}");
        }
    }
}
