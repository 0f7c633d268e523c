//! The traps across formats, a test each, with invented records: those of formats that have no published sample too.

use super::*;

pub(super) fn one(format: &str, payload: &str) -> Item {
    let mut items = items(format, payload);
    assert_eq!(items.len(), 1, "{format}: {payload}");
    items.remove(0)
}

/// 2025-11-03T12:30:00+08:00.
const NOON_MS: i64 = 1_762_144_200_000;

#[test]
fn seconds_and_milliseconds_are_told_apart_by_magnitude_and_never_by_the_format() {
    let pdd = |time: &str| {
        one(
            "pdd_review",
            &format!(r#"{{"review_id":1,"comment":"好","time":{time}}}"#),
        )
        .published_at
    };
    for time in [
        "1762144200",
        "1762144200000",
        "\"1762144200\"",
        "\"1762144200000\"",
        "\"1.7621442E+09\"",
    ] {
        assert_eq!(pdd(time), Some(NOON_MS), "{time}");
    }
    for unknown in ["0", "-1", "\"\"", "null", "\"1970-01-01 08:00:00\"", "915148800"] {
        assert_eq!(pdd(unknown), None, "{unknown}");
    }
    let kuaishou = |time: i64| {
        let payload = format!(
            r#"{{"comment_id":"1","video_id":"v","content":"好","create_time":{time},"sub_comment_count":"None","creator_hash":"f"}}"#
        );
        one("auto", &payload).published_at
    };
    assert_eq!(
        (kuaishou(1_762_144_200), kuaishou(NOON_MS)),
        (Some(NOON_MS), Some(NOON_MS))
    );
}

#[test]
fn naive_times_are_shanghai_unless_format_or_source_says_otherwise() {
    let google = r#"{"reviewId":"r","content":"好","score":5,"at":"2025-11-03 12:30:00","thumbsUpCount":0}"#;
    assert_eq!(one("google_play", google).published_at, Some(NOON_MS));
    let mut source = source("google_play");
    source.zone = Some(chrono_tz::UTC);
    let mut out = FormatOutcome::default();
    FORMATS.read(&record(google), &source, &mut out);
    assert_eq!(clean(out)[0].item.published_at, Some(NOON_MS + 8 * 3_600_000));
    let entry = r#"{"form":"f","entry":{"serial_number":1,"field_1":"说好免费上门，结果收了钱","created_at":"2025-11-03T04:30:00.524Z"}}"#;
    assert_eq!(one("jinshuju_entry", entry).published_at, Some(NOON_MS + 524));
    let zendesk = r#"{"id":1,"subject":"s","description":"d","requester_id":2,"via":{"channel":"web"},"created_at":"2025-11-03 04:30:00"}"#;
    assert_eq!(one("zendesk_ticket", zendesk).published_at, Some(NOON_MS));
}

#[test]
fn relative_times_are_resolved_against_the_records_own_collect_time() {
    // collected on 2025-11-06 01:00 in Shanghai, while the record came five minutes later
    let note = |time: &str| {
        let payload = format!(
            r#"{{"note_id":"1","title":"题","desc":"文","publish_time":"{time}","tieba_name":"星澜吧","last_modify_ts":1762362000000,"total_replay_num":128}}"#
        );
        let item = one("mediacrawler_tieba_note", &payload);
        (item.published_at, item.published_precision, item.published_inferred)
    };
    use crate::item::Precision::{Day, Hour, Minute};
    assert_eq!(note("2小时前"), (Some(1_762_354_800_000), Hour, true));
    assert_eq!(note("昨天"), (Some(1_762_272_000_000), Day, true));
    assert_eq!(note("11-5"), (Some(1_762_272_000_000), Day, true));
    assert_eq!(note("2025-11-03 12:30"), (Some(NOON_MS), Minute, false));
    assert_eq!(note("12-31").0, Some(1_735_574_400_000));
}

#[test]
fn a_relative_or_coarse_time_never_enters_an_id() {
    let id = |time: &str, record_time_ms: i64| {
        let payload = format!(
            r#"{{"cus_id":"甲","cus_comment":"双皮奶不错","comment_star":"sml-str50","comment_time":"{time}"}}"#
        );
        let mut record = record(payload);
        record.record_time_ms = record_time_ms;
        clean(read_record("dianping_review", &record))[0].item.id.clone()
    };
    let day_ms = 86_400_000;
    assert_eq!(
        id("昨天 22:10", RECORD_TIME_MS),
        id("昨天 22:10", RECORD_TIME_MS + day_ms)
    );
    assert_eq!(id("3小时前", RECORD_TIME_MS), id("昨天", RECORD_TIME_MS + day_ms));
    assert_eq!(
        id("2025-11-03 06:48", RECORD_TIME_MS),
        id("2025-11-03 06:48", RECORD_TIME_MS + day_ms)
    );
    assert_ne!(
        id("2025-11-03 06:48", RECORD_TIME_MS),
        id("2025-11-03 06:49", RECORD_TIME_MS)
    );
    assert!(id("", RECORD_TIME_MS).starts_with("dianping:review:h:"));
}

#[test]
fn two_runs_on_two_clocks_give_the_same_bytes() {
    // what a record says of its own collect time is all that counts
    let payload = r#"{"note_id":"1","title":"题","desc":"文","publish_time":"昨天 22:10","tieba_name":"吧","last_modify_ts":1762362000000}"#;
    let run = |record_time_ms| {
        let mut record = record(payload);
        record.record_time_ms = record_time_ms;
        serde_json::to_string(&clean(read_record("mediacrawler_tieba_note", &record))[0].item).unwrap()
    };
    assert_eq!(run(RECORD_TIME_MS), run(RECORD_TIME_MS + 1_000_000_000));
}

#[test]
fn counts_are_read_as_shown_and_a_cap_is_approximate() {
    let weibo = |likes: &str| {
        let payload = format!(
            r#"{{"note_id":"1","content":"好用","create_time":1762144200,"liked_count":{likes},"comments_count":"0","shared_count":"None","creator_hash":"f"}}"#
        );
        let item = one("mediacrawler_weibo_note", &payload);
        assert!(!item.engagement.contains_key("share"));
        item.engagement.get("like").map(|count| (count.n, count.approx))
    };
    for (written, read) in [
        ("\"1000000\"", Some((1_000_000, true))),
        ("999999", Some((999_999, false))),
        ("\"1.2亿\"", Some((120_000_000, true))),
        ("\"1.1千\"", Some((1_100, true))),
        ("\"9999+\"", Some((9_999, true))),
        ("\"赞\"", None),
        ("null", None),
        ("\"\"", None),
    ] {
        assert_eq!(weibo(written), read, "{written}");
    }
}

#[test]
fn words_for_nothing_are_nothing_and_a_parent_of_zero_is_none() {
    for parent in ["\"0\"", "0", "\"\"", "null"] {
        let payload = format!(
            r#"{{"comment_id":"7568099990000000001","create_time":1762144200,"aweme_id":"7568012345678901234","content":"好","user_id":"1","parent_comment_id":{parent},"ip_location":"IP属地：湖北"}}"#
        );
        let item = one("mediacrawler_legacy_douyin_comment", &payload);
        assert_eq!((item.parent_id, item.author.region.as_deref()), (None, Some("湖北")));
        assert_eq!(item.id, "douyin:comment:7568099990000000001");
    }
    let root = r#"{"comment_id":"5","note_id":"n","content":"好","create_time":1762144200,"comment_like_count":"1","parent_comment_id":5}"#;
    assert_eq!(one("mediacrawler_weibo_comment", root).root_id, None);
}

#[test]
fn ratings_keep_their_scale_and_what_is_no_rating_becomes_none() {
    let rating = |format: &str, payload: &str| {
        one(format, payload)
            .rating
            .map(|rating| (rating.overall, rating.polarity, rating.scale.unwrap_or_default()))
    };
    let some = |overall: f64, scale: &str| Some((Some(overall), None, scale.to_owned()));
    let qimai = |stars: &str| {
        format!(
            r#"{{"account_id":"a","stars":{stars},"comment_info":"好","nick_name":"某","comment_time":"2025-11-03 12:30:00"}}"#
        )
    };
    assert_eq!(rating("qimai_android", &qimai("\"4\"")), some(4.0, "1-5"));
    assert_eq!(rating("qimai_android", &qimai("\"0\"")), None);
    let yf = |rating: &str| {
        format!(
            r#"{{"userId":"1","restId":"2","rating":"{rating}","rating_env":"0.0","timestamp":"1262275200000","comment":"好"}}"#
        )
    };
    assert_eq!(rating("yf_dianping_ratings", &yf("4.0")), some(4.0, "1-5"));
    assert_eq!(rating("yf_dianping_ratings", &yf("0.0")), None);
    assert_eq!(rating("yf_dianping_ratings", &yf("")), None);
    let pdd = |dsr: &str| {
        format!(
            r#"{{"review_id":1,"comment":"好","time":1762144200,"comprehensive_dsr":{dsr},"desc_score":2,"logistics_score":0}}"#
        )
    };
    let item = one("pdd_review", &pdd("null"));
    assert_eq!(item.rating.as_ref().unwrap().overall, Some(2.0));
    assert_eq!(
        item.rating.unwrap().dims.into_iter().collect::<Vec<_>>(),
        [("description".to_owned(), 2.0)]
    );
    assert_eq!(rating("pdd_review", &pdd("5")).unwrap().0, Some(5.0));
    // the buyer's credit star is no rating of the product
    let mtop =
        r#"{"id":"1","feedback":"好","feedbackDate":"2025-11-03","rateType":"-1","userStar":"6","auctionNumId":"9"}"#;
    assert_eq!(
        rating("taobao_mtop_rate", mtop),
        Some((None, Some(-1), "ternary".to_owned()))
    );
    let tmall = r#"{"id":1,"rateContent":"好","rateDate":"2025-11-03 12:30:00","goldUser":true,"tamllSweetLevel":3,"userVipLevel":4}"#;
    assert_eq!(rating("tmall_rate", tmall), None);
    // the verdict on the handling is no rating either
    let heimao = r#"{"main":{"sn":"17390000003","summary":"坏果","timestamp":"1762144200","status":7,"evaluate_u":{"attitude":"5","process":"4","satisfaction":"5","evalContent":"快"}}}"#;
    assert_eq!(rating("heimao_feed", heimao), None);
}

#[test]
fn a_later_addition_is_a_field_and_an_item_of_its_own() {
    let pdd = r#"{"review_id":9,"comment":"好","time":1762144200,"append":{"comment":"用了几天坏了","pictures":[{"url":"a"}]}}"#;
    let both = items("pdd_review", pdd);
    assert_eq!(
        (both[0].id.as_str(), both[1].id.as_str()),
        ("pdd:review:9", "pdd:append:9")
    );
    assert_eq!(
        (both[0].append[0].text.as_str(), both[1].text.as_str()),
        ("用了几天坏了", "用了几天坏了")
    );
    assert_eq!((both[1].parent_id.as_deref(), both[1].media.images), (Some("9"), 1));
    let export = |later: &str| {
        let row = serde_json::json!({"商品名": "面霜", "商品类型": "美妆", "评论": "好用", "评论日期": "2025-11-03 12:30:00",
            "销量": "1.2万+人付款", "追评": later});
        items("tmall_rate_export", row.to_string())
    };
    assert_eq!(export("").len(), 1);
    assert_eq!(export("过敏了，烂脸")[1].text, "过敏了，烂脸");
    let repr = export("{'commentId': 1, 'commentTime': '2025-11-05 09:00:00', 'content': '过敏了', 'days': 2}");
    assert_eq!(
        (repr[1].text.as_str(), repr[1].published_at),
        ("过敏了", Some(1_762_304_400_000))
    );
    assert_eq!(
        (repr[0].append[0].text.as_str(), repr[0].append[0].at),
        ("过敏了", Some(1_762_304_400_000))
    );
    assert_ne!(repr[0].id, repr[1].id);
}

#[test]
fn ids_beyond_2_53_stay_exact_and_lost_ones_are_refused() {
    let eleme = r#"{"ratings":[{"order_id":3099000000000000011,"rating":5,"rating_text":"","rated_at":"2025-11-03","username":"匿名用户",
        "food_ratings":[{"rate_name":"牛肉面","rating":4,"rating_text":"","food_id":1},{"rate_name":"凉菜","rating":0}],"is_super_vip":1,
        "reply":{"content":"谢谢","created_at":"2025-11-04"},"tags":[""]}]}"#;
    let item = one("auto", eleme);
    assert_eq!(item.id, "eleme:review:3099000000000000011");
    assert_eq!(
        item.rating.unwrap().dims.into_iter().collect::<Vec<_>>(),
        [("牛肉面".to_owned(), 4.0)]
    );
    assert_eq!(
        (item.author.tier.as_deref(), item.reply[0].text.as_str()),
        (Some("eleme:super_vip"), "谢谢")
    );
    // a number of personal data is keyed
    assert_ne!(item.order.unwrap().no.unwrap(), "3099000000000000011");
    assert!(item.tags.is_empty());
    let tab = "{\"id\":\"5228123456789001\\t\",\"bid\":\"Q\",\"正文\":\"好\",\"完整日期\":\"2025-11-03 12:30:00\"}";
    assert_eq!(one("weibo_crawler", tab).native_id, "5228123456789001");
    let lost = r#"{"投诉编号":"1.739E+10","投诉日期":"2025-10-30","投诉对象":"甲","详细说明":"x"}"#;
    assert_eq!(dead("heimao_company", lost).0, DeadLetterCode::UnrecoverableId);
    let joined = r#"{"activity":"1.739E+10","joinid":"1","submittime":"2025-11-03 12:30:00","q1":"说得好，很好"}"#;
    assert_eq!(dead("wjx_push", joined).0, DeadLetterCode::UnrecoverableId);
}

#[test]
fn an_id_that_names_the_author_is_no_id_of_the_item() {
    let review = |time: &str| {
        let payload = format!(
            r#"{{"account_id":"a1","stars":"1","comment_info":"闪退","nick_name":"某","comment_time":"{time}"}}"#
        );
        one("qimai_android", &payload)
    };
    let (first, second) = (review("2025-11-03 12:30:00"), review("2025-11-04 12:30:00"));
    assert_eq!(first.author.id, second.author.id);
    assert_ne!(first.id, second.id);
    assert!(!first.id.contains("a1"));
}

#[test]
fn a_comment_without_an_id_is_known_by_what_it_says() {
    let payload = r#"{"comment_id":null,"video_id":"v","content":"好","create_time":1762144200000,"sub_comment_count":"1","creator_hash":"f"}"#;
    let item = one("mediacrawler_kuaishou_comment", payload);
    assert!(
        item.native_id.starts_with("h:") && item.native_id.len() == 34,
        "{}",
        item.native_id
    );
    assert_eq!(item.id, format!("kuaishou:comment:{}", item.native_id));
}

#[test]
fn polymorphic_fields_are_read_in_every_form() {
    for append in ["\"\"", "null", "{}", "[]"] {
        let payload = format!(
            r#"{{"id":1,"rateContent":"好","rateDate":"2025-11-03 12:30:00","auctionSku":"","appendComment":{append},"pics":""}}"#
        );
        assert_eq!(one("tmall_rate", &payload).append.len(), 0, "{append}");
    }
    for verdict in ["[]", "{}", "null"] {
        let payload = format!(
            r#"{{"main":{{"sn":"1","summary":"x","timestamp":1762144200,"cost":67.4,"status":4,"evaluate_u":{verdict}}}}}"#
        );
        let complaint = one("heimao_feed", &payload).complaint.unwrap();
        assert_eq!((complaint.handling, complaint.amount.as_deref()), (None, Some("67.4")));
    }
    let entry = r#"{"id":{"label":"1"},"title":{"label":"题"},"content":{"label":"文"},"im:rating":{"label":"1"},"updated":{"label":"2025-11-02T21:12:33-07:00"}}"#;
    for feed in [
        format!(r#"{{"feed":{{"entry":{entry}}}}}"#),
        format!(r#"{{"feed":{{"entry":[{entry}]}}}}"#),
    ] {
        assert_eq!(one("auto", &feed).published_at, Some(1_762_143_153_000));
    }
    for specs in [
        "\"\"",
        "\"[]\"",
        "null",
        "\"broken\"",
        r#""[{\"spec_key\":\"规格\",\"spec_value\":\"20斤\"}]""#,
    ] {
        let payload = format!(r#"{{"review_id":1,"comment":"好","time":1762144200,"specs":{specs}}}"#);
        let sku = one("pdd_review", &payload).subject.sku;
        assert_eq!(sku.as_deref(), specs.contains("20").then_some("20斤"), "{specs}");
    }
    for reply in [r#"{"content":"谢谢"}"#, "\"谢谢\""] {
        let payload =
            format!(r#"{{"rateId":1,"rate":"1","content":"好","date":"2025年11月03日 12:30","reply":{reply}}}"#);
        assert_eq!(one("taobao_feed_rate", &payload).reply[0].text, "谢谢");
    }
}

#[test]
fn containers_of_every_kind_hold_the_same_items() {
    let complaint = r#"{"main":{"sn":"1","summary":"x","timestamp":"1762144200","status":4}}"#;
    for container in [
        complaint.to_owned(),
        format!("[{complaint}]"),
        format!(r#"{{"result":{{"data":{{"lists":[{complaint}]}}}}}}"#),
        format!(r#"{{"result":{{"data":{{"complaints":[{complaint}]}}}}}}"#),
        format!(r#"try{{jQuery1_2({{"result":{{"data":{{"lists":[{complaint}]}}}}}});}}catch(e){{}};"#),
        format!("\u{feff}{complaint}"),
    ] {
        assert_eq!(one("heimao_feed", &container).id, "heimao:complaint:1", "{container}");
        assert_eq!(one("auto", &container).id, "heimao:complaint:1", "{container}");
    }
    for empty in [
        r#"{"result":{"data":{"complaints":null}}}"#,
        r#"{"result":{"data":{"lists":[]}}}"#,
    ] {
        for format in ["heimao_feed", "auto"] {
            assert_eq!(read(format, empty).outcome, RecordOutcome::Skipped, "{format}: {empty}");
        }
    }
}

#[test]
fn a_document_of_a_user_gives_the_posts_what_it_says_of_the_user() {
    let document = r#"{"user":{"id":"9900000001","screen_name":"云帆汽车","ip_location":"IP属地：上海","verified_type":2},
        "weibo":[{"user_id":9900000001,"screen_name":"云帆汽车","id":1,"bid":"Qa","text":"说明","created_at":"2025-11-03T12:30:00","attitudes_count":1000000},
                 {"user_id":9900000001,"id":2,"bid":"Qb","text":"转发微博","created_at":"2019-12-28","retweet":{"user_id":"","id":3,"text":"抱歉，此微博已被作者删除。查看帮助"}}]}"#;
    let posts = items("auto", document);
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[0].author.region.as_deref(), Some("上海"));
    assert_eq!(
        (posts[0].author.kind.as_deref(), posts[0].author.tier.as_deref()),
        (Some("brand"), Some("weibo:2"))
    );
    assert_eq!(posts[0].url.as_deref(), Some("https://weibo.com/9900000001/Qa"));
    assert!(posts[0].engagement["like"].approx);
    assert_eq!(posts[1].published_precision, crate::item::Precision::Day);
    let repost = posts[1].repost.as_ref().unwrap();
    assert!(repost.deleted && repost.author_id.is_none());
    assert!(posts[1].flags.contains("repost_only"));
}

#[test]
fn a_flattened_repost_is_taken_apart() {
    let payload = r#"{"id":"Q1","user_id":"9","content":"转发理由: 检测一周了还没结果 \n原始用户: 云帆汽车\n转发内容: 请以官方通报为准。 原文转发[1000000] 原文评论[3201]",
        "original":false,"publish_time":"2025-11-10 09:01","original_pictures":"无","video_url":"无","up_num":1,"retweet_num":0,"comment_num":0}"#;
    let item = one("auto", payload);
    assert_eq!(
        (item.text.as_str(), item.repost.unwrap().text.as_str()),
        ("检测一周了还没结果", "请以官方通报为准。")
    );
    assert!(item.flags.contains("repost") && !item.flags.contains("repost_only"));
    assert_eq!((item.media.images, item.media.videos), (0, 0));
}

#[test]
fn profiles_of_users_are_no_opinions() {
    let user = r#"{"id":"9900000002","nickname":"出差狗日记","description":"商务 bd@example.com","weibo_num":3,"following":1,"followers":2}"#;
    for format in ["weibospider_kafka_user", "weibospider_kafka", "auto"] {
        assert_eq!(read(format, user).outcome, RecordOutcome::Skipped, "{format}");
    }
}

#[test]
fn mojibake_is_repaired_or_refused_and_never_analyzed() {
    let row = |text: &str| {
        let latin: String = text.bytes().map(char::from).collect();
        serde_json::json!({"投诉标题": latin, "投诉详情": latin, "投诉对象": " 拼多多", "投诉问题": " 不发货,虚假宣传"})
            .to_string()
    };
    let item = one("heimao_detail_2020", &row("拼多多不发货"));
    assert_eq!(item.text, "拼多多不发货");
    assert!(item.flags.contains("mojibake_repaired"));
    let complaint = item.complaint.unwrap();
    assert_eq!(
        (complaint.target.as_deref(), complaint.issue.len()),
        (Some("拼多多"), 2)
    );
    assert!(item.native_id.starts_with("h:"));
    let half = r#"{"投诉标题":"x","投诉详情":"æ‹¼å¤šå","投诉对象":"甲"}"#;
    assert_eq!(dead("heimao_detail_2020", half).0, DeadLetterCode::Encoding);
}

#[test]
fn personal_columns_are_not_kept_and_operators_are_no_customers() {
    let row = serde_json::json!({"工单编号": "2511030001234", "工单标题": "反映擅自变更套餐", "诉求内容": "来电人反映套餐被擅自变更", "诉求类型": "投诉",
        "区交办时间": "2025-11-03 12:30:00", "工单状态": "已办结（不满意）", "求助人员": "王先生", "求助号码": "13800138000", "诉求详细地址": "示例路100弄5号602室"});
    let item = one("hotline_12345_workorder_gbk", &row.to_string());
    assert_eq!(item.author.kind.as_deref(), Some("operator"));
    assert_eq!(item.complaint.as_ref().unwrap().status.as_deref(), Some("closed"));
    let written = serde_json::to_string(&item).unwrap();
    for personal in ["13800138000", "100弄", "王先生"] {
        assert!(!written.contains(personal), "{personal}");
    }
    let comment = r#"{"id":"1","weibo_id":"2","created_at":"Mon Nov 03 12:41:00 +0800 2025","user_screen_name":"悦程出行客服","text":"感谢您的认可","like_count":""}"#;
    assert_eq!(one("auto", comment).author.kind.as_deref(), Some("brand"));
}

#[test]
fn tickets_of_the_service_desks_without_a_sample_are_read() {
    let sobot = r#"{"ticketId":"t1","ticketCode":20251103000001,"ticketTitle":"漏水","ticketContent":"<p>漏水修了三次</p>","ticketLevel":3,"ticketStatus":98,
        "createTime":1762144200000,"updateTime":1762144300000,"ticketTypeName":"售后/维修","customerId":"c1",
        "resultList":[{"fieldId":"f","fieldType":6,"title":"产品型号","value":"17","text":"乐筑R7"}]}"#;
    let item = one("auto", sobot);
    assert_eq!(
        (item.id.as_str(), item.text.as_str()),
        ("sobot:ticket:t1", "漏水修了三次")
    );
    assert_eq!(item.subject.product.as_deref(), Some("乐筑R7"));
    assert_eq!(item.complaint.unwrap().status.as_deref(), Some("withdrawn"));
    assert_eq!(
        (item.published_at, item.updated_at),
        (Some(NOON_MS), Some(NOON_MS + 100_000))
    );
    let udesk = r#"{"code":1000,"contents":[{"id":1,"subject":"漏水","content":"修了三次","priority":"标准","replies":[{"content":"已安排","author":{"user_type":"agent"}}]}],"meta":{"total_pages":1}}"#;
    assert_eq!(one("auto", udesk).reply[0].text, "已安排");
}

#[test]
fn the_platform_of_a_market_is_what_the_source_says() {
    let mut source = source("qimai_android");
    source.platform = Some("xiaomi".to_owned());
    let mut out = FormatOutcome::default();
    let payload =
        r#"{"result":[{"account_id":"a","stars":"5","comment_info":"好","comment_time":"2025-11-03 12:30:00"}]}"#;
    FORMATS.read(&record(payload), &source, &mut out);
    assert!(clean(out)[0].item.id.starts_with("xiaomi:review:h:"));
}
