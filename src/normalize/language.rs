//! Script (`Hans` `Hant` `mixed` `none`) and language (`zh` `yue` `en` `mixed`) by character classes.

use super::classes::{CANTONESE, Classes, IDEOGRAPH, SIMPLIFIED_ONLY, TRADITIONAL_ONLY};

/// Characters that written Cantonese uses and Mandarin does not.
pub(super) fn is_cantonese(c: char) -> bool {
    matches!(
        c,
        '嘅' | '咗'
            | '唔'
            | '喺'
            | '冇'
            | '嚟'
            | '啲'
            | '佢'
            | '哋'
            | '嗰'
            | '睇'
            | '攞'
            | '搵'
            | '乜'
            | '嘢'
            | '咁'
            | '噉'
            | '嗌'
            | '諗'
            | '冧'
    )
}

/// Returns (language, script).
pub fn detect(text: &str) -> (&'static str, &'static str) {
    let classes = Classes::get();
    let mut ideographs = 0u32;
    let mut latin_words = 0u32;
    let mut simplified = 0u32;
    let mut traditional = 0u32;
    let mut cantonese = 0u32;
    let mut in_word = false;
    for c in text.chars() {
        if c.is_ascii() {
            let letter = c.is_ascii_alphabetic();
            latin_words += u32::from(letter && !in_word);
            in_word = letter;
            continue;
        }
        in_word = false;
        let class = classes.of(c);
        if class & IDEOGRAPH == 0 {
            continue;
        }
        ideographs += 1;
        // most characters are of both scripts
        if class & (SIMPLIFIED_ONLY | TRADITIONAL_ONLY) != 0 {
            let is_simplified = class & SIMPLIFIED_ONLY != 0;
            simplified += u32::from(is_simplified);
            traditional += u32::from(!is_simplified);
        }
        cantonese += u32::from(class & CANTONESE != 0);
    }
    (
        language(ideographs, latin_words, cantonese),
        script(ideographs, simplified, traditional),
    )
}

fn script(ideographs: u32, simplified: u32, traditional: u32) -> &'static str {
    let minor = simplified.min(traditional);
    match () {
        () if ideographs == 0 => "none",
        // a stray character of the other script is a name or a slip
        () if minor * 5 >= simplified + traditional && minor > 0 => "mixed",
        () if traditional > simplified => "Hant",
        () => "Hans",
    }
}

fn language(ideographs: u32, latin_words: u32, cantonese: u32) -> &'static str {
    match () {
        () if ideographs == 0 => {
            if latin_words > 0 {
                "en"
            } else {
                "zh"
            }
        }
        () if cantonese >= 2 || (cantonese == 1 && ideographs <= 12) => "yue",
        () if latin_words * 2 >= ideographs && latin_words >= 3 => "mixed",
        () => "zh",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_scripts_and_languages_apart() {
        assert_eq!(detect("快递太慢了，客服也不回复"), ("zh", "Hans"));
        assert_eq!(detect("物流太慢，客服態度惡劣，要求退款"), ("zh", "Hant"));
        assert_eq!(detect("呢間餐廳啲嘢好難食，以後唔會再嚟"), ("yue", "Hant"));
        assert_eq!(detect("the app keeps crashing"), ("en", "none"));
        assert_eq!(detect("这个 app update 之后 login error crash 不行"), ("mixed", "Hans"));
        assert_eq!(detect("软件打不开 軟體打不開"), ("zh", "mixed"));
        assert_eq!(detect("👎👎"), ("zh", "none"));
    }
}
