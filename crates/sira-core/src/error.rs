//! What can go wrong in the core, named by kind.
//!
//! The core knows nothing of SQLSTATEs; `src/error.rs` of the extension is the one table from
//! [`ErrorKind`] to code. Messages follow PostgreSQL's style: lower case, no full stop, objects in
//! double quotes; the detail carries the numbers, the hint what to do.

use std::fmt;

/// The result of everything in the core that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed, as far as a caller may want to react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An artifact is not a whole, well-formed model.
    MalformedModel,
    /// An artifact is well formed but uses something this engine does not implement.
    UnsupportedModel,
    /// Compiled bytes do not carry the expected magic, version or checksum.
    CorruptArtifact,
    /// A parameter is unknown, of the wrong type or out of range.
    InvalidParameter,
    /// A name that cannot be one, such as a model reference without a model.
    InvalidName,
    /// A feature has a value of a type the model's signature does not take.
    FeatureType,
    /// A feature that the signature does not know, in strict mode.
    UnknownFeature,
    /// A feature array whose length is not the model's.
    FeatureCount,
    /// A number that must be finite is infinite.
    InfiniteValue,
    /// A label that is constant, missing or of the wrong kind for the task.
    BadLabel,
    /// Too little data for what was asked.
    NotEnoughData,
    /// An estimate of the memory needed exceeds what is allowed.
    OutOfBudget,
    /// A state change that the lifecycle does not know.
    InvalidTransition,
    /// A decision policy whose bands do not cover the line once.
    InvalidPolicy,
    /// The training library refused or failed.
    Training,
    /// The caller asked to stop.
    Cancelled,
}

/// An error of the core: a kind, a message, and where they help a detail and a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, hint: None }
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
