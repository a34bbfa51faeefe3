//! Which library wrote an artifact, and who reads it.

use super::{Ensemble, lightgbm, xgboost};
use crate::{Error, ErrorKind, Result};
use std::ops::ControlFlow;

/// The formats that artifacts come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// The text of `Booster.save_model`.
    LightGbm,
    /// The JSON or UBJSON of `Booster.save_model` or `Booster.save_raw`.
    XGBoost,
}

impl Format {
    /// The format of a name in SQL.
    pub fn parse(name: &str) -> Result<Self> {
        [Self::LightGbm, Self::XGBoost].into_iter().find(|format| format.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::UnsupportedModel, format!("format \"{name}\" is not supported")).with_hint(
                "The formats are lightgbm (the text that Booster.save_model writes) and xgboost (its JSON or UBJSON).",
            )
        })
    }

    /// The format of bytes that were read once before: LightGBM's begin with a word, XGBoost's with a brace.
    pub fn of(artifact: &[u8]) -> Self {
        let first = artifact.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'{') { Self::XGBoost } else { Self::LightGbm }
    }

    /// The word in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "lightgbm",
            Self::XGBoost => "xgboost",
        }
    }
}

/// Reads a model. `checkpoint` is called once a tree and may break it off, which is an error of kind
/// [`ErrorKind::Cancelled`].
pub fn load(
    format: Format,
    artifact: &[u8],
    checkpoint: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Ensemble> {
    match format {
        Format::LightGbm => {
            let text = std::str::from_utf8(artifact).map_err(|error| {
                Error::new(ErrorKind::MalformedModel, "artifact is not text").with_detail(format!("{error}."))
            })?;
            lightgbm::parse_with(text, checkpoint)
        }
        Format::XGBoost => xgboost::parse_with(artifact, checkpoint),
    }
}
