//! What search needs from the segmenter.

use crate::item::Tokens;
use crate::segment::Segmenter;

/// Cuts text into tokens the way the index did.
pub trait Tokenize {
    /// Tokens of a stored text, as the index has them.
    fn tokens(&self, text: &str) -> Tokens;
    /// Tokens of a query.
    fn query_tokens(&self, text: &str) -> Tokens;
}

impl Tokenize for Segmenter {
    fn tokens(&self, text: &str) -> Tokens {
        Segmenter::tokens(self, text)
    }

    fn query_tokens(&self, text: &str) -> Tokens {
        Segmenter::query_tokens(self, text)
    }
}

#[cfg(test)]
mod tests {
    use crate::item::Tokens;
    use crate::search::Query;
    use crate::search::testing::{limits, record};
    use crate::segment::Segmenter;
    use chrono_tz::Asia::Shanghai;

    fn finds(query: &str, text: &str) -> bool {
        let segmenter = Segmenter::new();
        let filter = Query::parse(query, &limits())
            .unwrap()
            .bind(&segmenter, Shanghai)
            .unwrap();
        filter.matches(&record("1", text), &Tokens::default(), &segmenter.tokens(text), "shop")
    }

    #[test]
    fn a_chinese_word_of_several_tokens_is_no_phrase() {
        assert!(finds("快递慢", "快递太慢了"));
        assert!(
            finds("快递慢", "這家快遞，慢得要命"),
            "Traditional and Simplified are one"
        );
        assert!(finds("快遞", "快递到了"));
        assert!(!finds("快递慢", "快递很快"));
        assert!(finds("\"登录失败\"", "APP登录失败三次"));
        assert!(
            finds("app 登录失败", "ＡＰＰ登录又失败"),
            "half and full width, upper and lower case are one"
        );
        assert!(!finds("\"登录失败\"", "登录又失败"));
        assert!(finds("服务", "售后服务太差"), "sub-words of a long word are found");
        assert!(finds("售后服务", "售后服务太差"));
    }
}
