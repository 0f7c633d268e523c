//! Records that no crawler should send and every crawler sends at some time. Each becomes a dead letter, and the next
//! record goes on.

use super::mix::Channel;

/// (channel, dead-letter code that it must get, payload)
pub fn records() -> Vec<(Channel, &'static str, Vec<u8>)> {
    let deep = [b"[".repeat(4_000), b"]".repeat(4_000)].concat();
    vec![
        (
            Channel::App,
            "json_syntax",
            br#"{"id":"appstore:review:1","text":"#.to_vec(),
        ),
        (
            Channel::Weibo,
            "invalid_utf8",
            b"{\"id\":\"weibo:post:2\",\"text\":\"\xB5\xC7\xC2\xBC\xCA\xA7\xB0\xDC\"}".to_vec(),
        ),
        (
            Channel::Weibo,
            "missing_field",
            r#"{"text":"没有编号的一条"}"#.as_bytes().to_vec(),
        ),
        (Channel::Complaint, "json_depth", deep),
        (
            Channel::Xhs,
            "json_syntax",
            b"<html><head><title>502 Bad Gateway</title></head></html>".to_vec(),
        ),
        (
            Channel::Xhs,
            "missing_field",
            br#"{"create_time":1790000000000,"note_id":"68c0","nickname":"*"}"#.to_vec(),
        ),
        (Channel::Jd, "json_syntax", br#"{"id":20681000000,"content":"#.to_vec()),
        (
            Channel::Jd,
            "missing_field",
            br#"{"content":"no id","score":1,"creationTime":"2026-09-01 12:00:00"}"#.to_vec(),
        ),
        (
            Channel::App,
            "wrong_type",
            br#"{"id":"appstore:review:3","text":{"zh":["?"]}}"#.to_vec(),
        ),
    ]
}
