//! The traps of the two presets, with invented records.

use super::*;

fn jd(members: &str) -> String {
    format!(
        r#"{{"id":77,"guid":"g","content":"扫得干净","creationTime":"2025-11-03 12:30:00","score":5,
            "referenceId":"100","productId":200,"nickname":"j***8","afterDays":0{members}}}"#
    )
}

fn xhs(members: &str) -> String {
    format!(
        r#"{{"comment_id":"c1","note_id":"n1","content":"好用[赞R]","create_time":1762146131000,
            "last_modify_ts":1762391525731,"sub_comment_count":"12","like_count":236,"parent_comment_id":"",
            "nickname":"","pictures":""{members}}}"#
    )
}

#[test]
fn jd_list_container_and_jsonp_shell_hold_the_same_reviews() {
    let list = format!("{{\"maxPage\":1,\"comments\":[{},{}]}}", jd(""), jd(""));
    assert_eq!(items("jd_comment", list.clone()).len(), 2);
    let shell = format!("fetchJSON_comment98({list});");
    let outcome = read("auto", shell);
    assert_eq!(outcome.changes.len(), 2);
    assert_eq!(outcome.chosen.unwrap().name(), "jd_comment");
    assert_eq!(
        read("jd_comment", "fetchJSON_comment98({\"comments\":[]});").outcome,
        RecordOutcome::Skipped
    );
}

#[test]
fn jd_in_gbk_is_decoded() {
    let shell = format!("fetchJSON_comment98({{\"comments\":[{}]}});", jd(""));
    let (bytes, ..) = encoding_rs::GBK.encode(&shell);
    for format in ["jd_comment", "auto"] {
        assert_eq!(items(format, bytes.to_vec())[0].text, "扫得干净");
    }
}

#[test]
fn jd_never_descends_by_bare_key() {
    let payload = jd(
        r#","showOrderComment":{"id":9,"content":"<div>别的</div>","score":0,"creationTime":"2020-01-01","referenceId":"9"}"#,
    );
    let items = items("jd_comment", payload);
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!((item.native_id.as_str(), item.text.as_str()), ("77", "扫得干净"));
    assert_eq!(item.rating.as_ref().unwrap().overall, Some(5.0));
    assert_eq!(item.published_at, Some(1_762_144_200_000));
    assert_eq!(
        (item.subject.product_id.as_deref(), item.subject.sku_id.as_deref()),
        (Some("200"), Some("100"))
    );
}

#[test]
fn jd_later_addition_is_absent_null_or_an_object() {
    for absent in [
        "",
        r#","afterUserComment":null"#,
        r#","afterUserComment":{"created":"","hAfterUserComment":null}"#,
    ] {
        assert_eq!(items("jd_comment", jd(absent)).len(), 1, "{absent}");
    }
    let items = items(
        "jd_comment",
        jd(r#","afterUserComment":{"created":"2025-11-05 20:11:00","hAfterUserComment":{"content":"用坏了"}}"#),
    );
    assert_eq!(
        (items[1].id.as_str(), items[1].text.as_str()),
        ("jd:append:77", "用坏了")
    );
    assert_eq!(items[1].published_at, Some(1_762_344_660_000));
    assert_eq!(items[1].subject, items[0].subject);
}

#[test]
fn jd_score_of_zero_is_not_rated_and_an_unreadable_date_is_unknown() {
    let payload = jd("")
        .replace("\"score\":5", "\"score\":0")
        .replace("2025-11-03 12:30:00", "不详");
    let item = &items("jd_comment", payload)[0];
    assert_eq!(item.rating.as_ref().and_then(|rating| rating.overall), None);
    assert!(item.flags.contains("time_unknown"));
    assert_eq!(item.quality.missing, ["published_at", "rating.overall"]);
}

#[test]
fn jd_default_texts_are_flagged_and_invalid() {
    for text in [
        "此用户未填写评价内容",
        "此用户没有填写评论!",
        "评价方未及时做出评价,系统默认好评!",
    ] {
        let outcome = read("jd_comment", jd("").replace("扫得干净", text));
        let clean = clean(outcome);
        assert_eq!(clean[0].invalid_reason, Some("default_text"), "{text}");
        assert_eq!(flags(&clean[0].item), ["default_text"]);
    }
}

#[test]
fn xhs_comments_of_both_shapes_give_the_same_fields() {
    let current = &items("auto", xhs(r#","creator_hash":"f795c7526b290a6f""#))[0];
    let legacy = &items(
        "auto",
        xhs(r#","user_id":"5f","ip_location":"上海","avatar":"x""#)
            .replace("\"parent_comment_id\":\"\"", "\"parent_comment_id\":0"),
    )[0];
    for item in [current, legacy] {
        assert_eq!(
            (item.id.as_str(), item.parent_id.as_deref()),
            ("xiaohongshu:comment:c1", None)
        );
        assert_eq!(
            (item.author.name.as_deref(), item.thread_id.as_deref()),
            (None, Some("n1"))
        );
        assert_eq!((item.engagement["like"].n, item.engagement["comment"].n), (236, 12));
    }
    assert_ne!(current.author.id, legacy.author.id);
    assert_eq!(legacy.author.region.as_deref(), Some("上海"));
}

#[test]
fn xhs_times_in_seconds_are_seconds() {
    let seconds = &items(
        "mediacrawler_xhs_comment",
        xhs("").replace("1762146131000", "1762146131"),
    )[0];
    assert_eq!(seconds.published_at, Some(1_762_146_131_000));
}

#[test]
fn weibo_comments_of_the_same_crawler_are_not_taken_for_xhs() {
    let payload = xhs(r#","creator_hash":"f","create_date_time":"2025-11-03 12:30:00","comment_like_count":"3""#);
    let item = &items("auto", payload)[0];
    assert_eq!(item.id, "weibo:comment:c1");
}

#[test]
fn csv_rows_of_a_preset_are_all_strings() {
    let row = r#"{"comment_id":"c1","create_time":"1762146131000","note_id":"n1","content":"好用","creator_hash":"f","nickname":"某***人","sub_comment_count":"0","pictures":"a,b","parent_comment_id":"0","last_modify_ts":"1762391525731","like_count":"1.1万"}"#;
    let item = &items("auto", row)[0];
    assert_eq!(
        (item.published_at, item.collected_at),
        (Some(1_762_146_131_000), 1_762_391_525_731)
    );
    assert_eq!(
        (item.media.images, item.parent_id.as_deref(), item.engagement["like"].n),
        (2, None, 11_000)
    );
}

fn compiled(text: &str) -> Result<Preset, MappingError> {
    let mapping = mapping::Mapping {
        name: "a".to_owned(),
        written: text.to_owned(),
    };
    mapping::load(&mapping, &[])
}

#[test]
fn what_a_mapping_says_wrong_is_said_with_its_key() {
    let parse = |text: &str| compiled(text).unwrap_err().to_string();
    let base = "name='a'\nversion=1\nabout='x'\n[detect]\nall=['a']\n[fields]\nnative_id='id'\ntext='t'\n";
    let with = |line: &str| format!("{base}{line}\n");
    assert!(compiled(&with("")).is_ok());
    for (line, wanted) in [
        (
            "'engagement.likes'='x'",
            "line 9: fields.\"engagement.likes\": `likes` is none of like, ",
        ),
        ("'subject.colour'='x'", "did you mean `subject."),
        ("'rating.overall'='x'", "a rating needs `scale`, one of 1-5, "),
        (
            "title='/(/'",
            "line 9: fields.title.from: path `/(/`: `(` is not a regular expression: unclosed group",
        ),
        ("title='a..b'", "line 9: fields.title.from: path `a..b`"),
        (
            "'ext.x'={from='x', type='datetime'}",
            "`datetime` is no field type, want one of id, text, ",
        ),
        ("url={from='x', type='text'}", "only `ext.` fields take a type"),
        (
            "url={from='x', typ='text'}",
            "line 9: unknown field `typ`, expected one of ",
        ),
        ("url=7", "line 9: invalid type: integer `7`, expected a path"),
        ("url={from='x', zone='Mars'}", "zone `Mars` is not known"),
        ("url={from='x', regex='('}", "is not a regular expression"),
        ("url={map={a='b'}}", "want `from`"),
        (
            "[constants]\n'source.kind'='shop'",
            "line 10: constants.\"source.kind\": `shop`, want one of social, ",
        ),
        ("[[skip]]", "line 9: skip[0]: an empty condition holds always"),
        (
            "[[set]]\nwhen={has=['x']}\nconstants={text='x'}",
            "cannot be a constant",
        ),
    ] {
        let message = parse(&with(line));
        assert!(message.contains(wanted), "{line}: {message}");
    }
    assert!(parse("name='a'\nversion=1\nabout='x'\nnope=1\n").starts_with("line 4: unknown field `nope`"));
    assert!(parse("name='A'\nversion=1\n").contains("want a name"));
    assert!(parse("name='a'\nversion=1\n[fields]\ntext='t'").contains("needs the field `native_id`"));
    let many: String = (0..10_000).map(|i| format!("'ext.c{i}'='c{i}'\n")).collect();
    assert!(parse(&with(&many)).contains("10002 fields, want at most 1000"));
}

#[test]
fn mappings_can_say_what_other_formats_need() {
    let preset = compiled(
        r#"
name = "probe"
version = 2
about = "words of the mapping language that the shipped presets do not use yet"
explode = ["weibo[]", "$"]
[detect]
all = ["id"]
[constants]
"source.kind" = "social"
"source.platform" = "probe"
"source.role" = "post"
[[skip]]
lacks = ["im:x"]
equals = { type = ["ad"] }
[[reject]]
when = { has = ["lost"] }
code = "unrecoverable_id"
message = "lost"
[fields]
native_id = "id"
text = ["none", "\"im:content\".label"]
root_id = { from = "root", unless_same = "id" }
"author.id" = "$.user.id"
"author.type" = { from = "^.user.kind", map = { "蓝V" = "brand" }, default = "customer" }
"rating.overall" = { from = "star", scale = "5-50" }
"rating.dims.taste" = { from = "kouwei", map = { "非常好" = "5", "差" = "1" } }
"subject.sku" = { from = "specs|json[].spec_value", join = ";" }
"subject.shop_id" = { from = "href", regex = "/view/(\\d+)" }
"complaint.amount" = "cost"
"complaint.appeal" = { from = "appeal", sep = "," }
"flags.edited" = "edited"
published_at = { from = "at", zone = "UTC" }
business_line = "@topic"
"ext.level" = "level"
[[dims]]
each = "foods[]"
name = "rate_name"
value = "rating"
[repost]
at = "retweet"
id = "id"
text = "text"
"#,
    )
    .unwrap();
    let payload = r#"{"user":{"id":9,"kind":"蓝V"},"weibo":[
        {"id":1,"root":"1","im:content":{"label":"好"},"star":"45","kouwei":"非常好","specs":"[{\"spec_value\":\"20斤\"},{\"spec_value\":\"红\"}]",
         "href":"//x/view/173/","cost":"0.00","appeal":"退款,道歉/解释","edited":"True","at":"2025-11-03 12:30","level":{"a":1},
         "foods":[{"rate_name":"面","rating":4}],"retweet":{"id":5,"text":"原文"}},
        {"id":2,"type":"ad","im:content":{"label":"广告"}},
        {"id":3,"lost":1,"im:content":{"label":"x"}}]}"#;
    let parsed = json::parse(payload).unwrap();
    let record = record("");
    let mut read = Vec::new();
    for (parent, unit) in preset.units(&parsed.node).unwrap() {
        let scope = Scope {
            root: &parsed.node,
            parent,
            unit,
            record: &record,
        };
        let input = Input {
            record: &record,
            zone: chrono_tz::Asia::Shanghai,
        };
        preset.apply(&scope, input, &mut Vec::new(), &mut |result| read.push(result));
    }
    assert_eq!(read.len(), 2);
    assert_eq!(read[1].as_ref().err().unwrap().code, DeadLetterCode::UnrecoverableId);
    let mapped = read.remove(0).ok().unwrap();
    let item = &mapped.item;
    assert_eq!(
        (item.source.format.as_str(), item.root_id.as_deref()),
        ("probe/2", None)
    );
    assert_eq!(
        (mapped.native_author_id.as_deref(), item.author.kind.as_deref()),
        (Some("9"), Some("brand"))
    );
    let rating = item.rating.as_ref().unwrap();
    assert_eq!(
        (
            rating.overall,
            rating.raw.as_deref(),
            rating.dims["taste"],
            rating.dims["面"]
        ),
        (Some(4.5), Some("45"), 5.0, 4.0)
    );
    assert_eq!(
        (item.subject.sku.as_deref(), item.subject.shop_id.as_deref()),
        (Some("20斤;红"), Some("173"))
    );
    let complaint = item.complaint.as_ref().unwrap();
    assert_eq!((complaint.amount.as_deref(), complaint.appeal.len()), (None, 2));
    assert!(item.flags.contains("edited"));
    assert_eq!(item.published_at, Some(1_762_173_000_000));
    assert_eq!(
        (item.business_line.as_deref(), item.ext["level"]["a"].as_i64()),
        (Some("t"), Some(1))
    );
    assert_eq!(item.repost.as_ref().unwrap().text, "原文");
}
