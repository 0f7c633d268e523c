//! Routes, limits and the server itself.

use super::handlers::{self, AppState};
use super::openapi::PATHS;
use super::{ApiError, Backend};
use crate::clock::Stopwatch;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Largest body; a query is at most 8 KiB.
const MAX_BODY_BYTES: usize = 64 << 10;
/// Largest pushed record: a broker takes no more, unless told to.
const MAX_RECORD_BYTES: usize = 1_000_000;
/// Longest request, its body included. The search deadline is shorter.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests that still run this long after the stop signal are cut off.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// All routes over a backend.
pub fn router(backend: Arc<dyn Backend>) -> Router {
    let state = AppState {
        searches: Arc::new(Semaphore::new(backend.search_config().concurrency.max(1))),
        backend,
    };
    let mut router = Router::new();
    for (path, handler) in routes() {
        router = router.route(path, handler);
    }
    router
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(state.clone(), observed))
        .with_state(state)
}

fn routes() -> Vec<(&'static str, MethodRouter<AppState>)> {
    vec![
        ("/healthz", get(handlers::healthz)),
        ("/readyz", get(handlers::readyz)),
        ("/metrics", get(handlers::metrics)),
        ("/openapi.json", get(handlers::openapi_json)),
        ("/api/v1/search", get(handlers::search_get).post(handlers::search_post)),
        ("/api/v1/items/{id}", get(handlers::item)),
        ("/api/v1/trends", get(handlers::trends)),
        ("/api/v1/alerts", get(handlers::alerts)),
        ("/api/v1/alerts/{id}", get(handlers::alert)),
        ("/api/v1/status", get(handlers::status)),
        (
            "/api/v1/intake/{source}",
            post(handlers::intake).layer(DefaultBodyLimit::max(MAX_RECORD_BYTES)),
        ),
    ]
}

/// Serves until `shutdown` is ready, then finishes what runs, for at most some seconds.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut draining = stopped.clone();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // The receiver below lives as long as the server.
        let _ = stop.send(true);
    });
    let cut_off = async move {
        // An error means that the sender is gone, which is the same signal.
        let _ = draining.wait_for(|stopped| *stopped).await;
        tokio::time::sleep(DRAIN_TIMEOUT).await;
    };
    tokio::select! {
        served = server => served,
        () = cut_off => Ok(()),
    }
}

/// Measures, bounds the duration, and sets the headers of every answer.
async fn observed(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| ApiError::timed_out().into_response());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let code = response.status().as_u16();
    state.backend.observe_request(route, code, watch.elapsed());
    response
}

async fn unknown_path(request: Request) -> ApiError {
    let path = request.uri().path();
    let shown: String = path.chars().take(200).collect();
    let error = ApiError::not_found(format!("no such path: {shown}"));
    match crate::nearest::nearest(&shown, PATHS) {
        Some(near) => error.suggesting(near),
        None => error.suggesting("/openapi.json lists all paths"),
    }
}

async fn unknown_method(request: Request) -> ApiError {
    let message = format!("{} is not a method of this path", request.method());
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}
