//! Decision policies: from a score to a class and to what is done about it.
//!
//! A policy is a list of bands that together cover the line once. A band is half-open: it holds scores
//! below its `upto`, and the last band, which has none, holds the rest. A score of exactly `upto` thus
//! belongs to the next band, and there is no score without one; NaN, which no model of ours returns,
//! falls into the last.

mod verdict;

pub use verdict::{DEFAULT_THRESHOLD, Verdict, position_of_largest, verdict};

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// What a policy may decide; the words of the field, fixed so that triggers can rely on them.
pub const DECISIONS: [&str; 4] = ["approve", "review", "block_and_review", "decline"];

/// One stretch of scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Band {
    /// Scores below this belong here; `None` on the last band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<f64>,
    /// The class to report, such as `LOW`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// One of [`DECISIONS`].
    pub decision: String,
}

/// Bands in order, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Bands(Vec<Band>);

impl Bands {
    /// Reads `[{"upto": 0.3, "class": "LOW", "decision": "approve"}, …, {"decision": "decline"}]`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPolicy`] where bands are missing, out of order, without an open end or with a
    /// decision that is none of [`DECISIONS`].
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        // Serde would read a band from an array of its fields too.
        let objects = json.as_array().is_some_and(|bands| bands.iter().all(serde_json::Value::is_object));
        let bands = if objects { serde_json::from_value(json.clone()) } else { Err(not_objects()) };
        let bands: Vec<Band> = bands.map_err(|error| {
            invalid("bands are not a list of bands")
                .with_detail(format!("{error}."))
                .with_hint(r#"Write [{"upto": 0.3, "class": "LOW", "decision": "approve"}, {"class": "HIGH", "decision": "decline"}]."#)
        })?;
        let Some((last, rest)) = bands.split_last() else {
            return Err(invalid("a policy needs at least one band")
                .with_hint(r#"Write [{"decision": "review"}] for all."#));
        };
        if last.upto.is_some() {
            return Err(invalid("the last band must have no \"upto\"")
                .with_detail("Scores at or above its bound would have no decision.")
                .with_hint("Add a band without \"upto\" for the rest."));
        }
        let mut floor = f64::NEG_INFINITY;
        for (position, band) in rest.iter().enumerate() {
            match band.upto {
                Some(upto) if upto > floor && upto.is_finite() => floor = upto,
                _ => {
                    return Err(invalid(format!(
                        "band {} has no \"upto\" above the one before",
                        position + 1
                    ))
                    .with_hint("Order bands by \"upto\"; only the last has none."));
                }
            }
        }
        for band in &bands {
            if !DECISIONS.contains(&band.decision.as_str()) {
                return Err(invalid(format!("decision \"{}\" is not known", band.decision))
                    .with_hint(format!("Choose one of {}.", DECISIONS.join(", "))));
            }
        }
        Ok(Self(bands))
    }

    /// The band that holds `score`.
    pub fn band(&self, score: f64) -> Option<&Band> {
        self.0.iter().find(|band| band.upto.is_none_or(|upto| score < upto))
    }
}

fn not_objects() -> serde_json::Error {
    serde::de::Error::custom("Every band is an object")
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidPolicy, message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn bands() -> Bands {
        Bands::from_json(&json!([
            {"upto": 0.3, "class": "LOW", "decision": "approve"},
            {"upto": 0.7, "class": "MEDIUM", "decision": "review"},
            {"class": "HIGH", "decision": "decline"}
        ]))
        .unwrap()
    }

    #[test]
    fn bands_are_half_open() {
        let at = |score: f64| bands().band(score).and_then(|band| band.class.clone()).unwrap();
        assert_eq!(at(f64::NEG_INFINITY), "LOW");
        assert_eq!(at(0.3_f64.next_down()), "LOW");
        assert_eq!(at(0.3), "MEDIUM");
        assert_eq!(at(0.7), "HIGH");
        assert_eq!(at(f64::NAN), "HIGH");
    }

    #[test]
    fn what_does_not_cover_the_line_once_is_refused() {
        for bad in [
            json!([]),
            json!({"upto": 1}),
            json!([{"upto": 0.5, "decision": "approve"}]),
            json!([{"decision": "approve"}, {"decision": "decline"}]),
            json!([{"upto": 0.5, "decision": "approve"}, {"upto": 0.5, "decision": "review"}, {"decision": "decline"}]),
            json!([{"decision": "shrug"}]),
            json!([{"decision": "approve", "until": 3}]),
        ] {
            assert_eq!(Bands::from_json(&bad).unwrap_err().kind, ErrorKind::InvalidPolicy, "{bad}");
        }
    }
}
