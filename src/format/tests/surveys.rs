//! What the answers of one response become.

use super::traps::one;
use super::*;

#[test]
fn a_changed_answer_is_a_newer_version_and_a_deleted_one_deletes() {
    let event = |action: &str, at: &str, text: &str| {
        format!(
            r#"{{"id":"e","action":"{action}","created_at":"{at}","payload":{{"survey_id":5,"answer_id":77,"respondent_id":"r","ended_at":"2025-11-03 12:30:00",
            "duration":30,"province":"上海","answer":[{{"questions":[{{"id":"q1","type":"textarea","text":"{text}","options":[]}},
            {{"id":"q2","type":"radio","text":"","options":[{{"text":"非常满意","checked":1}},{{"text":"一般","checked":0}}]}}]}}]}}}}"#
        )
    };
    let created = one(
        "auto",
        &event("answer.create", "2025-11-03 12:30:01", "客服踢皮球，三天没人回电"),
    );
    let updated = one(
        "auto",
        &event("answer.update", "2025-11-03 13:30:01", "客服后来回电了，解决了"),
    );
    assert_eq!(
        (created.id.as_str(), created.id == updated.id),
        ("tencent_wj:answer:5:77", true)
    );
    assert!(updated.version > created.version);
    assert_eq!(created.rating.unwrap().overall, Some(5.0));
    assert_eq!(created.survey.unwrap().duration_s, Some(30.0));
    let starred = event("answer.create", "2025-11-03 12:30:01", "").replace(
        r#""type":"radio","text":"""#,
        r#""type":"nps","text":"9","options":[]},{"id":"q3","type":"star","text":"2""#,
    );
    let rating = one("tencent_wj_webhook", &starred).rating.unwrap();
    assert_eq!((rating.nps, rating.overall), (Some(9.0), Some(5.0)));
    let deleted = read(
        "auto",
        r#"{"id":"e","action":"answer.delete","created_at":"2025-11-03 14:30:01","payload":{"survey_id":5,"answer_id":77}}"#,
    );
    match &deleted.changes[..] {
        [Change::Delete { id, version, .. }] => assert_eq!((id, *version > updated.version), (&updated.id, true)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_response_becomes_one_item_a_free_text_with_the_scores_on_the_first() {
    let row = serde_json::json!({
        "序号": "1", "提交答卷时间": "2025/11/3 12:30:00", "所用时间": "85秒", "来源": "微信", "来自IP": "203.0.113.1(上海-上海)",
        "1、您使用的产品是？": "乐筑R7", "2、总体满意度": "非常不满意", "第3题(外观)": "满意", "3、看重什么": "外观┋噪音┋其他〖太吵〗",
        "5、排序": "续航→噪音", "6、您有多大可能推荐给朋友（0-10）": "3", "7、您的建议或不满": "基站有点大", "8、您的手机号（选填）": "13800138000",
        "9、补充说明": "(跳过)",
    });
    let both = items("wjx_text", row.to_string());
    assert_eq!(
        both.iter().map(|item| item.text.as_str()).collect::<Vec<_>>(),
        ["太吵", "基站有点大"]
    );
    let rating = both[0].rating.as_ref().unwrap();
    assert_eq!(
        (rating.overall, rating.nps, rating.raw.as_deref()),
        (Some(1.0), Some(3.0), Some("非常不满意"))
    );
    assert_eq!(rating.dims.get("外观"), Some(&4.0));
    assert_eq!(both[1].rating, None);
    assert_eq!(both[0].subject.product.as_deref(), Some("乐筑R7"));
    assert_eq!(both[0].author.region.as_deref(), Some("上海"));
    assert!(!serde_json::to_string(&both).unwrap().contains("203.0.113"));
    assert!(!serde_json::to_string(&both).unwrap().contains("0138000"));
}

#[test]
fn a_response_of_scores_alone_is_an_item_without_text_and_an_empty_one_is_none() {
    let row = |overall: &str, text: &str| {
        serde_json::json!({"序号": "2", "提交答卷时间": "2025/11/3 12:30:00", "来自IP": "", "2、总体满意度": overall, "7、您的建议或不满": text}).to_string()
    };
    let item = one("wjx_sequence", &row("4", "无"));
    assert_eq!((item.text.as_str(), item.rating.unwrap().overall), ("", Some(4.0)));
    assert_eq!(read("wjx_sequence", row("-3", "(空)")).outcome, RecordOutcome::Skipped);
}

#[test]
fn columns_of_one_question_are_a_matrix_a_choice_or_a_ranking() {
    let dims = |columns: &[(&str, &str)]| {
        let mut row = serde_json::json!({"序号": "1", "提交答卷时间": "2025/11/3 12:30:00", "7、建议": "好的，谢谢"});
        for (name, value) in columns {
            row[*name] = (*value).into();
        }
        one("wjx_sequence", &row.to_string())
            .rating
            .map_or(0, |rating| rating.dims.len())
    };
    assert_eq!(dims(&[("第3题(外观)", "5"), ("第3题(客服)", "4")]), 2);
    assert_eq!(dims(&[("第3题(外观)", "2"), ("第3题(客服)", "1")]), 2);
    assert_eq!(dims(&[("第4题(外观)", "1"), ("第4题(噪音)", "0")]), 0);
    assert_eq!(dims(&[("第5题(甲)", "1"), ("第5题(乙)", "2"), ("第5题(丙)", "3")]), 0);
    assert_eq!(dims(&[("第5题(甲)", "-2"), ("第5题(乙)", "-3")]), 0);
}
