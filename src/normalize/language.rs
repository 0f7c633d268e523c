//! Script (`Hans` `Hant` `mixed` `none`) and language (`zh` `yue` `en` `mixed` `other`): by classes of characters, and by
//! whatlang where the letters are Latin.

use super::classes::{CANTONESE, Classes, FOREIGN, IDEOGRAPH, SIMPLIFIED_ONLY, TRADITIONAL_ONLY};

/// Languages that the models were made for. What is in another is indexed and counted, and its labels are a guess.
pub fn is_understood(language: &str) -> bool {
    !matches!(language, "en" | "other")
}

/// Fewer Latin words than this are a name or a slogan: English, for want of anything better.
const FEWEST_LATIN_WORDS: u32 = 4;
/// Fewer letters of another script are an ornament: 「の」.
const FEWEST_FOREIGN_LETTERS: u32 = 3;

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
            | '揾'
            | '乜'
            | '嘢'
            | '咁'
            | '噉'
            | '嗌'
            | '諗'
            | '冧'
            | '咩'
            | '啱'
            | '畀'
            | '嬲'
            | '攰'
            | '嘥'
            | '瞓'
            | '揸'
            | '嚿'
            | '嗮'
    )
}

/// Letters of scripts that Chinese is not written in: kana, Hangul, Cyrillic, Thai, Arabic and others.
pub(super) fn is_foreign_letter(c: char) -> bool {
    matches!(c as u32,
        0x0370..=0x1CFF | 0x3040..=0x30FA | 0x30FC..=0x30FF | 0x3130..=0x318F | 0xA000..=0xA4CF | 0xAC00..=0xD7AF)
        && !matches!(c as u32, 0x0E3F | 0x0669)
}

/// Returns (language, script).
pub fn detect(text: &str) -> (&'static str, &'static str) {
    let classes = Classes::get();
    let mut seen = Seen::default();
    let mut in_word = false;
    for c in text.chars() {
        if c.is_ascii() {
            let letter = c.is_ascii_alphabetic();
            seen.latin_words += u32::from(letter && !in_word);
            in_word = letter;
            continue;
        }
        let class = classes.of(c);
        if class & IDEOGRAPH == 0 {
            seen.foreign += u32::from(class & FOREIGN != 0);
            // é belongs to the word around it
            in_word &= matches!(c as u32, 0xC0..=0x24F | 0x1E00..=0x1EFF);
            continue;
        }
        in_word = false;
        seen.ideographs += 1;
        // most characters are of both scripts
        if class & (SIMPLIFIED_ONLY | TRADITIONAL_ONLY) != 0 {
            let is_simplified = class & SIMPLIFIED_ONLY != 0;
            seen.simplified += u32::from(is_simplified);
            seen.traditional += u32::from(!is_simplified);
        }
        seen.cantonese += u32::from(class & CANTONESE != 0);
    }
    (seen.language(text), seen.script())
}

#[derive(Default)]
struct Seen {
    ideographs: u32,
    latin_words: u32,
    foreign: u32,
    simplified: u32,
    traditional: u32,
    cantonese: u32,
}

impl Seen {
    fn script(&self) -> &'static str {
        let (simplified, traditional) = (self.simplified, self.traditional);
        let minor = simplified.min(traditional);
        match () {
            () if self.ideographs == 0 => "none",
            // a stray character of the other script is a name or a slip
            () if minor * 5 >= simplified + traditional && minor > 0 => "mixed",
            () if traditional > simplified => "Hant",
            () => "Hans",
        }
    }

    fn language(&self, text: &str) -> &'static str {
        // Japanese has an ideograph for every other kana
        let foreign = self.foreign >= FEWEST_FOREIGN_LETTERS
            && self.foreign * 2 >= self.ideographs
            && self.foreign * 2 >= self.latin_words;
        match () {
            () if foreign => "other",
            () if self.ideographs == 0 && self.latin_words == 0 => "zh",
            () if self.ideographs * 8 <= self.latin_words && self.latin_words >= FEWEST_LATIN_WORDS => latin(text),
            () if self.ideographs == 0 => "en",
            () if self.cantonese >= 2 || (self.cantonese == 1 && self.ideographs <= 12) => "yue",
            () if self.latin_words * 2 >= self.ideographs && self.latin_words >= 3 => "mixed",
            () => "zh",
        }
    }
}

/// `en`, or `other` where whatlang is sure of another.
fn latin(text: &str) -> &'static str {
    match whatlang::detect(text) {
        Some(info) if info.lang() != whatlang::Lang::Eng && info.is_reliable() => "other",
        _ => "en",
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

    #[test]
    fn other_languages_are_no_chinese_and_no_english() {
        for text in [
            "配送がとても遅いです。もう買いません。",
            "배송이 너무 느려요",
            "Доставка очень медленная, больше не куплю",
            "การจัดส่งช้ามาก",
            "El envío fue muy lento y el producto llegó completamente roto, no lo recomiendo a nadie",
            "Die Lieferung war sehr langsam und das Produkt ist leider schon nach zwei Tagen kaputt gegangen",
            "Giao hàng rất chậm và sản phẩm bị hỏng, tôi sẽ không mua lại lần nào nữa",
        ] {
            assert_eq!(detect(text).0, "other", "{text}");
        }
        for (text, wanted) in [
            (
                "The delivery was very slow and the product arrived broken, I do not recommend it",
                "en",
            ),
            ("good", "en"),
            ("美の味，好吃", "zh"),
            ("华为Mate 60 Pro拍照很好", "zh"),
            ("呢部機好正，啱晒我用", "yue"),
        ] {
            assert_eq!(detect(text).0, wanted, "{text}");
        }
    }
}
