//! The API over a RAM index, without a socket.

use super::{Backend, router};
use crate::config::SearchConfig;
use crate::search::IndexView;
use crate::search::testing::{index_with, limits, record};
use crate::segment::Segmenter;
use crate::trend::{KeySeries, SeriesRequest, TrendError};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chrono_tz::{Asia::Shanghai, Tz};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

struct Fake {
    view: Option<IndexView>,
    segmenter: Segmenter,
    limits: SearchConfig,
    observed: Mutex<Vec<(String, u16)>>,
}

impl Backend for Fake {
    fn index(&self) -> Option<IndexView> {
        self.view.clone()
    }
    fn segmenter(&self) -> &Segmenter {
        &self.segmenter
    }
    fn zone(&self) -> Tz {
        Shanghai
    }
    fn search_config(&self) -> &SearchConfig {
        &self.limits
    }
    fn now_ms(&self) -> i64 {
        1_762_000_000_000
    }
    fn intake(&self) -> Option<&crate::source::http::HttpIntake> {
        None
    }
    fn not_ready(&self) -> Vec<&'static str> {
        self.view.is_none().then_some("recovering").into_iter().collect()
    }
    fn status(&self) -> Value {
        json!({"commit": 3})
    }
    fn series(&self, request: &SeriesRequest) -> Option<Result<Vec<KeySeries>, TrendError>> {
        self.view.as_ref()?;
        Some(match request.by.as_slice() {
            [] => Ok(vec![KeySeries {
                key: BTreeMap::new(),
                points: vec![(0, 5)],
            }]),
            _ => Err(TrendError::NoSeries {
                by: request.by.join(","),
            }),
        })
    }
    fn watermark_ms(&self) -> Option<i64> {
        Some(1_762_000_000_000)
    }
    fn alerts(&self, state: Option<&str>, _rule: Option<&str>) -> Option<Result<Vec<Value>, String>> {
        self.view.as_ref()?;
        let all = [
            json!({"id": "a1", "state": "firing"}),
            json!({"id": "a2", "state": "resolved"}),
        ];
        let wanted = all
            .into_iter()
            .filter(|alert| state.is_none_or(|state| alert["state"] == state));
        Some(Ok(wanted.collect()))
    }
    fn alert(&self, id: &str) -> Option<Result<Option<Value>, String>> {
        let all = self.alerts(None, None)?;
        Some(all.map(|all| all.into_iter().find(|alert| alert["id"] == id)))
    }
    fn metrics_text(&self) -> String {
        "# HELP qingting_build_info\n".to_owned()
    }
    fn observe_request(&self, route: &str, code: u16, _duration: Duration) {
        self.observed.lock().push((route.to_owned(), code));
    }
}

fn fake() -> Fake {
    let segmenter = Segmenter::new();
    let mut other = record("jd:review:a/b", "质量不错");
    other.item.subject.brand = Some("甲".to_owned());
    let (searcher, fields) = index_with(&[record("jd:review:1", "快递太慢了"), other], &segmenter);
    Fake {
        view: Some(IndexView {
            searcher,
            fields,
            generation: 3,
        }),
        segmenter,
        limits: limits(),
        observed: Mutex::default(),
    }
}

async fn send(fake: &Arc<Fake>, request: Request<Body>) -> (StatusCode, Value) {
    let response = router(fake.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn get(fake: &Arc<Fake>, path: &str) -> (StatusCode, Value) {
    send(fake, Request::get(path).body(Body::empty()).unwrap()).await
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn a_search_answers_in_the_pinned_form() {
    let fake = Arc::new(fake());
    let path = format!(
        "/api/v1/search?q={}&highlight=true&facets=brand,platform&histogram=day",
        encoded("快递慢")
    );
    let (status, body) = get(&fake, &path).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(
        (&body["total"], &body["relation"], &body["generation"]),
        (&json!(1), &json!("eq"), &json!(3))
    );
    assert_eq!(body["hits"][0]["id"], "jd:review:1");
    assert_eq!(body["hits"][0]["item"]["text"], "快递太慢了");
    assert_eq!(body["hits"][0]["fragments"]["text"][0], "<em>快递</em>太<em>慢</em>了");
    assert_eq!(body["facets"]["platform"], json!([{"value": "jd", "count": 1}]));
    assert_eq!(body["histogram"][0]["count"], 1);
    assert_eq!(body["cursor"], Value::Null);
    assert!(body["took_ms"].is_u64());
    let post = json!({"q": "快递慢", "limit": 1, "facets": ["brand"], "highlight": true});
    let request = Request::post("/api/v1/search")
        .body(Body::from(post.to_string()))
        .unwrap();
    let (status, posted) = send(&fake, request).await;
    assert_eq!((status, &posted["hits"]), (StatusCode::OK, &body["hits"]));
}

#[tokio::test]
async fn errors_say_where_and_what_would_be_right() {
    let fake = Arc::new(fake());
    for (path, code, suggestion) in [
        ("/api/v1/search?limt=3".to_owned(), "unknown_parameter", json!("limit")),
        (
            format!("/api/v1/search?q={}", encoded("sentimnet:negative")),
            "unknown_field",
            json!("sentiment"),
        ),
        ("/api/v1/search?sort=tme".to_owned(), "bad_parameter", json!("time")),
        ("/api/v1/trends?bucket=year".to_owned(), "bad_parameter", Value::Null),
        ("/api/v1/trends?by=brnd".to_owned(), "bad_parameter", json!("brand")),
        (
            "/api/v1/alerts?state=fireing".to_owned(),
            "bad_parameter",
            json!("firing"),
        ),
        ("/api/v1/status?x=1".to_owned(), "unknown_parameter", Value::Null),
        (
            format!("/api/v1/search?q={}", "%28".repeat(2_000)),
            "query_too_deep",
            Value::Null,
        ),
    ] {
        let (status, body) = get(&fake, &path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(
            (&body["error"]["code"], &body["error"]["suggestion"]),
            (&json!(code), &suggestion),
            "{path}: {body}"
        );
        assert!(body["error"]["message"].is_string());
    }
    let (_, body) = get(&fake, &format!("/api/v1/search?q={}", encoded("快递 (慢"))).await;
    assert_eq!(body["error"]["at"], 3);
    let (status, body) = get(&fake, "/api/v1/serch").await;
    assert_eq!(
        (status, &body["error"]["suggestion"]),
        (StatusCode::NOT_FOUND, &json!("/api/v1/search"))
    );
    let (status, body) = send(&fake, Request::delete("/api/v1/search").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed"))
    );
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let fake = Arc::new(fake());
    for (body, status, code) in [
        ("[1]".to_owned(), 400, "bad_body"),
        ("{".to_owned(), 400, "bad_body"),
        ("[".repeat(10_000), 400, "bad_body"),
        (json!({"q": {"a": 1}}).to_string(), 400, "bad_body"),
        (json!({"query": "a"}).to_string(), 400, "unknown_parameter"),
        ("x".repeat(100_000), 413, "body_too_large"),
    ] {
        let (found, answer) = send(&fake, Request::post("/api/v1/search").body(Body::from(body)).unwrap()).await;
        assert_eq!((found.as_u16(), &answer["error"]["code"]), (status, &json!(code)));
    }
}

#[tokio::test]
async fn items_are_found_by_their_id() {
    let fake = Arc::new(fake());
    let (status, body) = get(&fake, "/api/v1/items/jd:review:1").await;
    assert_eq!((status, &body["id"]), (StatusCode::OK, &json!("jd:review:1")));
    let (status, body) = get(&fake, "/api/v1/items/jd%3Areview%3Aa%2Fb").await;
    assert_eq!((status, &body["text"]), (StatusCode::OK, &json!("质量不错")));
    let (status, body) = get(&fake, "/api/v1/items/gone").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    let (status, _) = get(&fake, "/api/v1/items/%FF%FE").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn trends_come_from_the_engine_or_from_the_index() {
    let fake = Arc::new(fake());
    let (status, body) = get(&fake, "/api/v1/trends").await;
    assert_eq!(
        (status, &body["series"]),
        (StatusCode::OK, &json!([{"key": {}, "points": [[0, 5]]}]))
    );
    assert_eq!(
        (&body["watermark"], &body["bucket"]),
        (&json!(1_762_000_000_000_i64), &json!("day"))
    );
    let day = 1_761_926_400_000_i64;
    let (_, body) = get(&fake, "/api/v1/trends?by=brand&bucket=day").await;
    assert_eq!(body["series"], json!([{"key": {"brand": "甲"}, "points": [[day, 1]]}]));
    let (_, body) = get(&fake, &format!("/api/v1/trends?where={}", encoded("快递"))).await;
    assert_eq!(body["series"], json!([{"key": {}, "points": [[day, 1]]}]));
    let (status, body) = get(&fake, "/api/v1/trends?by=brand,region&where=valid:true").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("no_series"))
    );
}

#[tokio::test]
async fn alerts_are_listed_and_found() {
    let fake = Arc::new(fake());
    assert_eq!(
        get(&fake, "/api/v1/alerts").await.1["alerts"].as_array().map(Vec::len),
        Some(2)
    );
    let (_, firing) = get(&fake, "/api/v1/alerts?state=firing").await;
    assert_eq!(firing, json!({"alerts": [{"id": "a1", "state": "firing"}]}));
    assert_eq!(get(&fake, "/api/v1/alerts/a2").await.1["state"], "resolved");
    assert_eq!(get(&fake, "/api/v1/alerts/a3").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn while_recovering_the_process_lives_and_is_not_ready() {
    let fake = Arc::new(Fake { view: None, ..fake() });
    assert_eq!(get(&fake, "/healthz").await.0, StatusCode::OK);
    let (status, body) = get(&fake, "/readyz").await;
    assert_eq!(
        (status, body),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            json!({"ready": false, "reasons": ["recovering"]})
        )
    );
    for path in [
        "/api/v1/search?q=a",
        "/api/v1/items/a",
        "/api/v1/trends",
        "/api/v1/alerts",
        "/api/v1/alerts/a",
    ] {
        let (status, body) = get(&fake, path).await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("recovering")),
            "{path}"
        );
    }
    assert_eq!(get(&fake, "/api/v1/status").await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_search_too_many_is_refused_and_the_next_one_is_not() {
    let mut fake = fake();
    fake.limits.concurrency = 1;
    let fake = Arc::new(fake);
    let state = super::handlers::AppState {
        backend: fake.clone(),
        searches: Arc::new(tokio::sync::Semaphore::new(1)),
    };
    let held = state.searches.clone().acquire_owned().await.unwrap();
    let query = || axum::extract::RawQuery(Some("q=a".to_owned()));
    let busy = super::handlers::search_get(axum::extract::State(state.clone()), query()).await;
    assert_eq!(busy.unwrap_err().code(), "busy");
    drop(held);
    assert!(
        super::handlers::search_get(axum::extract::State(state), query())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn requests_are_observed_by_route_and_never_by_path() {
    let fake = Arc::new(fake());
    get(&fake, "/api/v1/items/secret").await;
    get(&fake, "/nowhere/secret").await;
    get(&fake, "/metrics").await;
    let expected = [("/api/v1/items/{id}", 404), ("unmatched", 404), ("/metrics", 200)];
    let observed = fake.observed.lock().clone();
    assert_eq!(
        observed
            .iter()
            .map(|(route, code)| (route.as_str(), *code))
            .collect::<Vec<_>>(),
        expected
    );
}

#[tokio::test]
async fn the_description_matches_what_is_routed() {
    let fake = Arc::new(fake());
    let (status, document) = get(&fake, "/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{id}", "a1"));
            let response = router(fake.clone())
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            let code = response.status().as_u16().to_string();
            assert!(
                operation["responses"].get(&code).is_some(),
                "{method} {path} answers {code}"
            );
            let known = operation["parameters"].as_array().cloned().unwrap_or_default();
            for parameter in known.iter().filter(|parameter| parameter["in"] == "query") {
                let name = parameter["name"].as_str().unwrap();
                let (_, body) = get(&fake, &format!("{path}?{name}=%21")).await;
                assert_ne!(body["error"]["code"], "unknown_parameter", "{path} {name}");
            }
        }
    }
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_server_stops_when_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(super::serve(listener, router(Arc::new(fake())), async {
        stopped.await.ok();
    }));
    let body = tokio::task::spawn_blocking(move || {
        ureq::get(format!("http://{address}/healthz"))
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
    });
    assert_eq!(body.await.unwrap(), "{\"status\":\"ok\"}");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(10), server)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
