//! What can go wrong in the trend stage.

/// An error of the trend stage. `code()` is bounded.
#[derive(Debug, thiserror::Error)]
pub enum TrendError {
    #[error("rule `{rule}`: by: `{name}` is not counted, allowed: {allowed}")]
    UnknownDimension {
        rule: String,
        name: String,
        allowed: String,
    },
    #[error("where `{query}`: {message}")]
    Filter { query: String, message: String },
    #[error("more than {limit} different `by` and `where` in the rules")]
    TooManyViews { limit: usize },
    #[error(
        "by: no series of `{by}`, there is one of each closed dimension and of the `by` of each rule without `where`"
    )]
    NoSeries { by: String },
    #[error("reading the index for trends: {0}")]
    Index(#[from] tantivy::TantivyError),
    #[error("reading a column of the index for trends: {0}")]
    Column(#[from] std::io::Error),
    #[error("the stored trend state cannot be read: {0}")]
    State(#[from] serde_json::Error),
}

impl TrendError {
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownDimension { .. } => "unknown_dimension",
            Self::Filter { .. } => "filter",
            Self::TooManyViews { .. } => "too_many_views",
            Self::NoSeries { .. } => "no_series",
            Self::Index(_) => "index",
            Self::Column(_) => "column",
            Self::State(_) => "state",
        }
    }
}
