//! From the core's kinds of failure to what a client sees: the one table.
//!
//! Everything below `api` returns [`Failure`]; the exported functions turn it into pgrx's
//! [`ErrorReport`] with `?`, which PostgreSQL raises with SQLSTATE, detail and hint.

use pgrx::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;
use sira_core::{Error, ErrorKind};

/// An error on its way to the client.
#[derive(Debug)]
pub struct Failure {
    code: PgSqlErrorCode,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

/// What functions of the extension return before they meet PostgreSQL.
pub type Result<T> = std::result::Result<T, Failure>;

/// What exported functions return.
pub type SqlResult<T> = std::result::Result<T, ErrorReport>;

impl Failure {
    pub fn new(code: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A broken promise between SIRA's own parts, such as a catalog row without a required column.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message)
    }

    pub fn message(&self) -> &str {
        &self.message
    }
}

/// A text as SQL writes it, for hints that people type.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: code_of(error.kind), message: error.message, detail: error.detail, hint: error.hint }
    }
}

impl From<Failure> for ErrorReport {
    #[track_caller]
    fn from(failure: Failure) -> Self {
        let mut report = Self::new(failure.code, failure.message, "sira");
        if let Some(detail) = failure.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = failure.hint {
            report = report.set_hint(hint);
        }
        report
    }
}

fn code_of(kind: ErrorKind) -> PgSqlErrorCode {
    use PgSqlErrorCode as Code;
    match kind {
        ErrorKind::MalformedModel => Code::ERRCODE_INVALID_TEXT_REPRESENTATION,
        ErrorKind::UnsupportedModel => Code::ERRCODE_FEATURE_NOT_SUPPORTED,
        ErrorKind::CorruptArtifact => Code::ERRCODE_DATA_CORRUPTED,
        ErrorKind::InvalidParameter
        | ErrorKind::BadLabel
        | ErrorKind::NotEnoughData
        | ErrorKind::InvalidPolicy => Code::ERRCODE_INVALID_PARAMETER_VALUE,
        ErrorKind::InvalidName => Code::ERRCODE_INVALID_NAME,
        ErrorKind::FeatureType => Code::ERRCODE_DATATYPE_MISMATCH,
        ErrorKind::UnknownFeature => Code::ERRCODE_UNDEFINED_COLUMN,
        ErrorKind::FeatureCount => Code::ERRCODE_ARRAY_ELEMENT_ERROR,
        ErrorKind::InfiniteValue => Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        ErrorKind::OutOfBudget => Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        ErrorKind::InvalidTransition => Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        ErrorKind::Training => Code::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
        ErrorKind::Cancelled => Code::ERRCODE_QUERY_CANCELED,
    }
}
