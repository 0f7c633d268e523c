//! The mapping files that ship in the binary; `schemas/formats/INDEX` names them.

macro_rules! presets {
    ($($name:literal),* $(,)?) => {
        /// Name and text of every preset.
        pub const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../schemas/formats/", $name, ".toml")))),*];
    };
}

presets![
    "mediacrawler_xhs_note",
    "mediacrawler_xhs_comment",
    "mediacrawler_douyin_aweme",
    "mediacrawler_douyin_comment",
    "mediacrawler_weibo_note",
    "mediacrawler_weibo_comment",
    "mediacrawler_bilibili_video",
    "mediacrawler_bilibili_comment",
    "mediacrawler_bilibili_dynamic",
    "mediacrawler_kuaishou_video",
    "mediacrawler_kuaishou_comment",
    "mediacrawler_tieba_note",
    "mediacrawler_tieba_comment",
    "mediacrawler_zhihu_content",
    "mediacrawler_zhihu_comment",
    "weibo_crawler",
    "weibo_crawler_comments",
    "weibospider_kafka",
    "weibospider",
    "weibospider_kafka_user",
    "jd_comment",
    "tmall_rate",
    "tmall_rate_export",
    "taobao_feed_rate",
    "taobao_mtop_rate",
    "pdd_review",
    "pdd_merchant_review",
    "meituan_comment",
    "eleme_rating",
    "dianping_review",
    "yf_dianping_ratings",
    "yf_amazon_ratings",
    "appstore_rss",
    "appstore_scraper",
    "google_play",
    "qimai_ios",
    "qimai_android",
    "heimao_feed",
    "heimao_detail",
    "heimao_playwright",
    "heimao_structured",
    "heimao_detail_2020",
    "heimao_company",
    "chezhi_12365auto",
    "hotline_12345_message",
    "hotline_12345_reply",
    "hotline_12345_workorder",
    "generic_complaint_cn",
    "wjx_text",
    "wjx_sequence",
    "wjx_push",
    "tencent_wj_webhook",
    "jinshuju_entry",
    "zendesk_ticket",
    "intercom_conversation",
    "freshdesk_ticket",
    "sobot_ticket",
    "udesk_ticket",
];

/// What `format show item` prints: the canonical format is read by code, not by a mapping.
pub const ITEM: &str = include_str!("../../schemas/formats/item.txt");

#[cfg(test)]
mod tests {
    use super::super::Formats;
    use super::*;

    #[test]
    fn index_names_every_preset_that_ships() {
        let index: Vec<&str> = include_str!("../../schemas/formats/INDEX").lines().collect();
        assert_eq!(index, ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }

    #[test]
    fn every_preset_compiles_under_its_own_name() {
        let formats = Formats::builtin().unwrap();
        for (name, text) in ALL {
            assert_eq!(formats.show(name), Some(*text));
        }
    }
}
