//! What is pushed over HTTP: in the topic when it is answered, in the index soon after.

use super::support::broker::Broker;
use super::support::process::{Deployment, get_json, post, wait_until};
use super::{LIMIT, assert_verified, broker, item, total};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};

const SECRET: &str = "sésame 秘密";

fn signed(index: u32, text: &str) -> Vec<u8> {
    let sign = hex::encode(Sha1::digest(format!("5600001{index}{SECRET}")));
    json!({
        "activity": "5600001", "name": "回访", "timetaken": "85", "submittime": "2025-03-03 12:30:00",
        "index": index.to_string(), "q1": text, "joinid": format!("1018{index}"), "totalvalue": "0", "sign": sign,
    })
    .to_string()
    .into_bytes()
}

#[test]
fn what_is_pushed_is_acknowledged_and_indexed_and_strangers_are_refused() {
    let promise = "what_is_pushed_is_acknowledged_and_indexed_and_strangers_are_refused";
    let Some(broker) = broker(promise) else { return };
    let (form, open, topic) = (
        Broker::fresh_name("form"),
        Broker::fresh_name("open"),
        Broker::fresh_name("own-topic"),
    );
    let secrets = tempfile::tempdir().unwrap();
    let secret_file = secrets.path().join("wjx.secret");
    std::fs::write(&secret_file, format!("{SECRET}\n")).unwrap();
    let deployment = Deployment::new(&format!(
        "[kafka]\nbrokers = {:?}\ngroup = {form:?}\nproperties = {{ \"topic.metadata.refresh.interval.ms\" = \"1000\" }}\n\
         [[source]]\nname = {form:?}\nhttp = true\nformat = \"wjx_push\"\nsecret_file = {secret_file:?}\n\
         [[source]]\nname = {open:?}\nhttp = true\ntopics = [{topic:?}]\nformat = \"item\"\n",
        broker.address
    ));
    let mut running = deployment.start(&[], &[]);
    let http = running.wait_ready(LIMIT).expect("ready");
    let at = |source: &str| format!("{http}/api/v1/intake/{source}");
    let answer =
        |(status, body): (u16, String)| -> (u16, Value) { (status, serde_json::from_str(&body).expect("JSON")) };

    let (status, accepted) = answer(post(&at(&form), &[], &signed(1, "客服踢皮球，三天没人回电！")).unwrap());
    assert_eq!(
        (status, &accepted["topic"]),
        (202, &json!(format!("qingting.intake.{form}")))
    );
    // a form, as 问卷星 posts it where the respondent is sent on
    let encoded: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(
            "content",
            std::str::from_utf8(&signed(2, "送货上门很及时，师傅态度也好！")).unwrap(),
        )
        .finish();
    let form_kind = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(post(&at(&form), &form_kind, encoded.as_bytes()).unwrap().0, 202);
    let token: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let unsigned = String::from_utf8(signed(3, "屏幕一直闪烁，没法用了！"))
        .unwrap()
        .replace("\"sign\"", "\"signed\"");
    let with_token = format!("{}?token={token}", at(&form));
    assert_eq!(post(&with_token, &[], unsigned.as_bytes()).unwrap().0, 202);
    let (status, accepted) = answer(post(&at(&open), &[], item("7", "客服回复很慢").to_string().as_bytes()).unwrap());
    assert_eq!((status, &accepted["topic"]), (202, &json!(topic)));

    let refused = |result: Result<(u16, String), String>| {
        let (status, body) = answer(result.unwrap());
        (status, body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(
        refused(post(&at(&form), &[], unsigned.as_bytes())),
        is(401, "unauthorized")
    );
    let changed = String::from_utf8(signed(4, "x")).unwrap().replace("\"4\"", "\"5\"");
    assert_eq!(
        refused(post(&at(&form), &[], changed.as_bytes())),
        is(401, "unauthorized")
    );
    assert_eq!(refused(post(&at("nobody"), &[], b"{}")), is(404, "not_found"));
    assert_eq!(refused(post(&at(&open), &[], b"{\"text\":")), is(400, "bad_request"));
    assert_eq!(
        refused(post(&at(&open), &[], &vec![b' '; 1 << 20])),
        is(413, "body_too_large")
    );

    wait_until("the pushed items are indexed", LIMIT, || total(&http) == 4);
    let found = get_json(&format!("{http}/api/v1/search?q=%E8%B8%A2%E7%9A%AE%E7%90%83"));
    assert_eq!(found["hits"][0]["item"]["source"]["platform"], "wjx");
    running.stop(LIMIT);
    assert_verified(&deployment);
}

/// The caller keeps what was not accepted, and is told soon enough to send it again.
#[test]
fn what_no_broker_acknowledges_is_refused_with_503() {
    let source = Broker::fresh_name("nobody");
    let deployment = Deployment::new(&format!(
        "[kafka]\nbrokers = \"127.0.0.1:1\"\ngroup = {source:?}\nproperties = {{ \"delivery.timeout.ms\" = \"1500\" }}\n\
         [[source]]\nname = {source:?}\nhttp = true\nformat = \"item\"\n",
    ));
    let mut running = deployment.start(&[], &[]);
    let http = running.wait_ready(LIMIT).expect("the api is up without a broker");
    let url = format!("{http}/api/v1/intake/{source}");
    let (status, body) = post(&url, &[], item("1", "客服回复很慢").to_string().as_bytes()).unwrap();
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["error"]["code"]), (503, &json!("kafka")), "{body}");
    assert!(
        body["error"]["message"]
            .as_str()
            .is_some_and(|message| message.contains("send it again")),
        "{body}"
    );
}
