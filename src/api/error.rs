//! Errors as the interface writes them.

use crate::search::SearchError;
use crate::source::http::IntakeError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// Character position in the query, from 0.
    at: Option<usize>,
    suggestion: Option<String>,
}

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            at: None,
            suggestion: None,
        }
    }

    pub fn suggesting(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The index is being opened again.
    pub fn recovering() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "recovering",
            "the index is being opened; /readyz says when it is there",
        )
    }

    /// A bug: the cause is in the log, not in the answer.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the request could not be answered; the log says why",
        )
    }

    pub fn timed_out() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "deadline", "the request took too long")
    }

    /// One code of a bounded set.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        if let SearchError::Index(cause) = &error {
            tracing::error!(%cause, "a search could not read the index");
        }
        Self {
            status: StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: error.code(),
            message: error.to_string(),
            at: error.at(),
            suggestion: error.suggestion(),
        }
    }
}

impl From<IntakeError> for ApiError {
    fn from(error: IntakeError) -> Self {
        let status = match error {
            IntakeError::UnknownSource(_) => StatusCode::NOT_FOUND,
            IntakeError::Forbidden => StatusCode::UNAUTHORIZED,
            IntakeError::NotJson(_) => StatusCode::BAD_REQUEST,
            IntakeError::Broker(_) | IntakeError::Secret { .. } | IntakeError::Kafka(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "code": self.code,
            "message": self.message,
            "at": self.at,
            "suggestion": self.suggestion,
        }});
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS || self.status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
