//! The configuration of the demo: the same TOML that a user would write, for five sources of an invented company.

use super::story::Channel;
use std::fmt::Write as _;
use std::path::Path;

/// Who looks after what, in the invented company.
const OWNERS: [(&str, &str); 7] = [
    ("function", "APP研发组"),
    ("performance", "产品性能组"),
    ("quality", "质量管理部"),
    ("after_sales", "售后服务部"),
    ("response", "客户服务中心"),
    ("logistics", "仓储物流部"),
    ("billing", "财务结算组"),
];

/// As a file that `qingting validate` accepts.
pub fn toml(data_dir: &Path, brokers: &str, listen: &str) -> String {
    let mut text = format!(
        "data_dir = {data_dir}\n\n\
         [time]\nzone = \"Asia/Shanghai\"\nclock = \"event\"\n\n\
         [kafka]\nbrokers = {brokers}\ngroup = \"qingting-demo\"\nproperties = {{ \"fetch.wait.max.ms\" = \"10\" }}\n\n\
         [checkpoint]\ninterval = \"{interval}\"\n\n\
         [http]\nlisten = {listen}\n",
        data_dir = quoted(&data_dir.to_string_lossy()),
        brokers = quoted(brokers),
        listen = quoted(listen),
        interval = COMMIT_INTERVAL,
    );
    for channel in Channel::ALL {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n[[source]]\nname = \"{}\"\ntopics = [\"{}\"]\n{}\n",
            source_name(channel),
            channel.topic(),
            source_keys(channel)
        );
    }
    for (aspect, owner) in OWNERS {
        let _ = write!(text, "\n[[owner]]\naspect = \"{aspect}\"\nowner = \"{owner}\"\n");
    }
    text
}

/// Short, so that the hours of the last week follow each other quickly.
const COMMIT_INTERVAL: &str = "50ms";

pub fn source_name(channel: Channel) -> &'static str {
    match channel {
        Channel::App => "app_review",
        Channel::Weibo => "weibo",
        Channel::Xhs => "xhs_comment",
        Channel::Jd => "jd_review",
        Channel::Complaint => "complaint",
    }
}

fn source_keys(channel: Channel) -> &'static str {
    match channel {
        Channel::App => "format = \"item\"\nkind = \"app_review\"\ntouchpoint = \"app_store\"",
        Channel::Weibo => "format = \"item\"\nkind = \"social\"\nplatform = \"weibo\"",
        Channel::Xhs => "format = \"mediacrawler_xhs_comment\"\nkind = \"social\"\nplatform = \"xiaohongshu\"",
        Channel::Jd => "format = \"jd_comment\"\nkind = \"review\"\nplatform = \"jd\"\ntouchpoint = \"order_page\"",
        Channel::Complaint => "format = \"item\"\nkind = \"complaint\"\nplatform = \"heimao\"",
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| {
            if matches!(c, '"' | '\\') {
                vec!['\\', c]
            } else {
                vec![c]
            }
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted(r#"C:\d"q"#), r#""C:\\d\"q""#);
    }

    #[test]
    fn every_channel_is_a_source() {
        let text = toml(Path::new("/tmp/d"), "127.0.0.1:1", "127.0.0.1:0");
        let parsed: toml::Table = text.parse().unwrap();
        assert_eq!(parsed["source"].as_array().unwrap().len(), Channel::ALL.len());
    }
}
