//! One function for each route.

use super::parameters::{self, Pairs, check, value};
use super::{ApiError, Backend, openapi};
use crate::search::{
    BucketUnit, FacetField, SearchContext, SearchError, SearchRequest, SeriesQuery, choice, facet, moment,
};
use crate::source::http::{Credentials, IntakeError};
use crate::trend::{Bucketing, KeySeries, SeriesRequest, TrendError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What every handler gets.
#[derive(Clone)]
pub(super) struct AppState {
    pub backend: Arc<dyn Backend>,
    /// One permit a running search.
    pub searches: Arc<Semaphore>,
}

type Answer = Result<Response, ApiError>;

/// A search that finds no permit waits this long for one.
const PERMIT_WAIT: Duration = Duration::from_millis(250);

pub(super) async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

pub(super) async fn readyz(State(state): State<AppState>) -> Response {
    let reasons = state.backend.not_ready();
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(json!({"ready": reasons.is_empty(), "reasons": reasons}))).into_response()
}

pub(super) async fn metrics(State(state): State<AppState>) -> Answer {
    let text = blocking(state, |backend| Ok(backend.metrics_text())).await?;
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}

pub(super) async fn openapi_json() -> Response {
    Json(openapi::document()).into_response()
}

pub(super) async fn status(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    check(&parameters::of_query_string(query.as_deref())?, &[])?;
    let status = blocking(state, |backend| Ok(backend.status())).await?;
    Ok(Json(status).into_response())
}

pub(super) async fn search_get(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    search(state, parameters::of_query_string(query.as_deref())?).await
}

pub(super) async fn search_post(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    check(&parameters::of_query_string(query.as_deref())?, &[])?;
    let body = body.map_err(unreadable)?;
    search(state, parameters::of_json(&body)?).await
}

fn unreadable(rejection: BytesRejection) -> ApiError {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => "body_too_large",
        _ => "bad_body",
    };
    ApiError::new(rejection.status(), code, "the body cannot be read, or is too large")
}

pub(super) const INTAKE_PARAMETERS: [&str; 1] = ["token"];

/// Answers when the broker has the record, and not before.
pub(super) async fn intake(
    State(state): State<AppState>,
    source: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer {
    let pairs = parameters::of_query_string(query.as_deref())?;
    check(&pairs, &INTAKE_PARAMETERS)?;
    let Path(source) = source.map_err(|_| ApiError::not_found("the name of the source is not UTF-8"))?;
    let body = body.map_err(unreadable)?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // a form of one document: 问卷星 sends `content=…` so
    let form = header(header::CONTENT_TYPE).filter(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let content = form.and_then(|_| {
        let mut fields = url::form_urlencoded::parse(&body);
        fields.find_map(|(name, value)| (name == "content").then(|| value.into_owned()))
    });
    let who = Credentials {
        authorization: header(header::AUTHORIZATION),
        token: value(&pairs, "token"),
    };
    let Some(intake) = state.backend.intake() else {
        return Err(IntakeError::UnknownSource(source).into());
    };
    let record = content.as_deref().map_or(&body[..], str::as_bytes);
    let accepted = intake.accept(&source, record, who).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)).into_response())
}

async fn search(state: AppState, pairs: Pairs) -> Answer {
    let request = SearchRequest::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let response = searching(state, move |context| Ok(context.search(&request)?)).await?;
    Ok(Json(response).into_response())
}

pub(super) async fn item(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    check(&parameters::of_query_string(query.as_deref())?, &[])?;
    let Path(id) = id.map_err(|_| ApiError::not_found("the id is not UTF-8"))?;
    let found = searching(state, move |context| match context.item(&id)? {
        Some(item) => Ok(item),
        None => Err(ApiError::not_found(format!("no item `{id}`"))),
    });
    Ok(Json(found.await?).into_response())
}

pub(super) const TREND_PARAMETERS: [&str; 6] = ["by", "where", "bucket", "from", "to", "series"];

pub(super) async fn trends(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let pairs = parameters::of_query_string(query.as_deref())?;
    check(&pairs, &TREND_PARAMETERS)?;
    let backend = state.backend.clone();
    let request = TrendRequest::read(&pairs, backend.as_ref())?;
    let bucket = request.bucket_name.clone();
    let kept = {
        let request = request.clone();
        blocking(state.clone(), move |backend| request.kept_by(backend)).await?
    };
    let series = match kept {
        Some(series) => series,
        None => searching(state, move |context| request.counted_in(context)).await?,
    };
    Ok(Json(json!({"watermark": backend.watermark_ms(), "bucket": bucket, "series": series})).into_response())
}

#[derive(Clone)]
struct TrendRequest {
    bucket_name: String,
    bucket: Bucketing,
    by: Vec<FacetField>,
    where_query: String,
    from_ms: Option<i64>,
    to_ms: Option<i64>,
    deduplicated: bool,
}

impl TrendRequest {
    fn read(pairs: &Pairs, backend: &dyn Backend) -> Result<Self, ApiError> {
        let (zone, now_ms) = (backend.zone(), backend.now_ms());
        let at = |name| {
            value(pairs, name)
                .map(|text| moment(name, text, now_ms, zone))
                .transpose()
        };
        let bucket_name = value(pairs, "bucket").unwrap_or("day");
        let bucket = match bucket_name {
            "hour" => Some(Bucketing::Hour),
            "day" => Some(Bucketing::Day),
            "week" => Some(Bucketing::Week),
            _ => None,
        };
        let series = value(pairs, "series").unwrap_or("deduplicated");
        let deduplicated = match series {
            "deduplicated" => Some(true),
            "raw" => Some(false),
            _ => None,
        };
        let names = value(pairs, "by").unwrap_or_default().split(',').map(str::trim);
        let by = names.filter(|name| !name.is_empty()).map(|name| facet("by", name));
        Ok(Self {
            bucket_name: bucket_name.to_owned(),
            bucket: choice("bucket", bucket_name, bucket, &["hour", "day", "week"])?,
            by: by.collect::<Result<_, _>>()?,
            where_query: value(pairs, "where").unwrap_or_default().to_owned(),
            from_ms: at("from")?,
            to_ms: at("to")?,
            deduplicated: choice("series", series, deduplicated, &["deduplicated", "raw"])?,
        })
    }

    /// The series from the trend engine, if it keeps them.
    fn kept_by(&self, backend: &dyn Backend) -> Result<Option<Vec<KeySeries>>, ApiError> {
        if !self.where_query.trim().is_empty() {
            return Ok(None);
        }
        let request = SeriesRequest {
            by: self.by.iter().map(|field| field.name().to_owned()).collect(),
            bucket: self.bucket,
            from_ms: self.from_ms.unwrap_or(i64::MIN),
            to_ms: self.to_ms.unwrap_or(i64::MAX),
            deduplicated: self.deduplicated,
        };
        match backend.series(&request) {
            None => Err(ApiError::recovering()),
            Some(Ok(series)) => Ok(Some(series)),
            Some(Err(TrendError::NoSeries { .. })) => Ok(None),
            Some(Err(error)) => {
                tracing::error!(%error, "a series could not be read");
                Err(ApiError::internal())
            }
        }
    }

    /// The series counted in the index.
    fn counted_in(&self, context: &SearchContext<'_>) -> Result<Vec<KeySeries>, ApiError> {
        if self.by.len() > 1 {
            let message = "`by` of several dimensions is counted only for the keys of a rule";
            let error = ApiError::new(StatusCode::BAD_REQUEST, "no_series", message);
            return Err(error.suggesting("name one dimension, and fix the others in `where`"));
        }
        let by = self.by.first().copied();
        let series = context.series(&SeriesQuery {
            where_query: &self.where_query,
            by,
            bucket: match self.bucket {
                Bucketing::Hour => BucketUnit::Hour,
                Bucketing::Day => BucketUnit::Day,
                Bucketing::Week => BucketUnit::Week,
            },
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            deduplicated: self.deduplicated,
        })?;
        let keyed = series.into_iter().map(|(name, points)| KeySeries {
            key: by
                .zip(name)
                .map(|(field, name)| (field.name().to_owned(), name))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            points,
        });
        Ok(keyed.collect())
    }
}

pub(super) const ALERT_PARAMETERS: [&str; 2] = ["state", "rule"];
const ALERT_STATES: [&str; 4] = ["pending", "firing", "resolved", "historical"];

pub(super) async fn alerts(State(state): State<AppState>, RawQuery(query): RawQuery) -> Answer {
    let pairs = parameters::of_query_string(query.as_deref())?;
    check(&pairs, &ALERT_PARAMETERS)?;
    let wanted = value(&pairs, "state")
        .map(|name| {
            choice(
                "state",
                name,
                ALERT_STATES.contains(&name).then(|| name.to_owned()),
                &ALERT_STATES,
            )
        })
        .transpose()?;
    let rule = value(&pairs, "rule").map(str::to_owned);
    let found = blocking(state, move |backend| {
        stored(backend.alerts(wanted.as_deref(), rule.as_deref()))
    });
    Ok(Json(json!({"alerts": found.await?})).into_response())
}

pub(super) async fn alert(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Answer {
    check(&parameters::of_query_string(query.as_deref())?, &[])?;
    let Path(id) = id.map_err(|_| ApiError::not_found("the id is not UTF-8"))?;
    let found = blocking(state, move |backend| match stored(backend.alert(&id))? {
        Some(alert) => Ok(alert),
        None => Err(ApiError::not_found(format!("no alert `{id}`"))),
    });
    Ok(Json(found.await?).into_response())
}

fn stored<T>(found: Option<Result<T, String>>) -> Result<T, ApiError> {
    match found {
        None => Err(ApiError::recovering()),
        Some(Ok(found)) => Ok(found),
        Some(Err(error)) => {
            tracing::error!(%error, "the alerts could not be read");
            Err(ApiError::internal())
        }
    }
}

/// Runs `work` on a blocking thread while it holds one of the search permits.
async fn searching<T: Send + 'static>(
    state: AppState,
    work: impl FnOnce(&SearchContext<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let waiting = tokio::time::timeout(PERMIT_WAIT, state.searches.clone().acquire_owned());
    let Ok(Ok(permit)) = waiting.await else {
        let running = state.backend.search_config().concurrency;
        return Err(SearchError::Busy { running }.into());
    };
    blocking(state, move |backend| {
        // Held to the end of the work, which goes on even when the client has left.
        let _permit = permit;
        let view = backend.index().ok_or_else(ApiError::recovering)?;
        work(&SearchContext {
            view: &view,
            tokenizer: backend.segmenter(),
            zone: backend.zone(),
            limits: backend.search_config(),
            now_ms: backend.now_ms(),
        })
    })
    .await
}

async fn blocking<T: Send + 'static>(
    state: AppState,
    work: impl FnOnce(&dyn Backend) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let backend = state.backend;
    match tokio::task::spawn_blocking(move || work(backend.as_ref())).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a request panicked");
            Err(ApiError::internal())
        }
    }
}
