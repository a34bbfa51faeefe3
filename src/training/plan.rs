//! How rows are split, as asked in JSON.

use crate::error::{Failure, Result};
use pgrx::PgSqlErrorCode;
use serde::Deserialize;
use serde_json::Value;
use sira_core::calendar;
use sira_core::split::{self, Fractions, Split};

/// `{"method": "time", "train": 0.7, "validation": 0.1, "test": 0.2}`, or with bounds instead of shares
/// `{"method": "time", "validation_from": "2018-05-20", "test_from": "2018-06-01"}`, or
/// `{"method": "random", …}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitPlan {
    method: Method,
    #[serde(default)]
    train: Option<f64>,
    #[serde(default)]
    validation: Option<f64>,
    #[serde(default)]
    test: Option<f64>,
    #[serde(default)]
    validation_from: Option<String>,
    #[serde(default)]
    test_from: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Method {
    Time,
    Random,
}

impl SplitPlan {
    /// Reads a plan; `has_time` says whether the caller names a time column.
    pub fn from_json(json: &Value, has_time: bool) -> Result<Self> {
        let plan: Self = serde_json::from_value(json.clone()).map_err(|error| {
            invalid("the split is not one").detail(format!("{error}.")).hint(
                r#"Write {"method": "time", "train": 0.7, "validation": 0.1, "test": 0.2}, {"method": "time", "validation_from": "…", "test_from": "…"} or {"method": "random", …}."#,
            )
        })?;
        if plan.has_bounds() && (plan.method == Method::Random || plan.has_shares()) {
            return Err(invalid("time bounds stand beside shares or a random split")
                .hint("Give either shares or bounds."));
        }
        if plan.method == Method::Time && !has_time {
            return Err(invalid("a split by time needs a time column").hint(
                r#"Name it: time_column => '…'; or ask for a random split: split => '{"method": "random"}'."#,
            ));
        }
        Ok(plan)
    }

    pub fn is_by_time(&self) -> bool {
        self.method == Method::Time
    }

    /// Splits rows whose times (Unix microseconds; needed for a split by time) are given.
    pub fn split(&self, rows: usize, times: Option<&[i64]>, embargo: i64, seed: u64) -> Result<Split> {
        let shares = Fractions {
            train: self.train.unwrap_or(if self.has_shares() { 0.0 } else { 0.7 }),
            validation: self.validation.unwrap_or(if self.has_shares() { 0.0 } else { 0.1 }),
            test: self.test.unwrap_or(if self.has_shares() { 0.0 } else { 0.2 }),
        };
        match times.filter(|_| self.method == Method::Time) {
            None => Ok(split::random(rows, shares, seed)?),
            Some(times) if self.has_bounds() => Ok(split::by_time_bounds(
                times,
                self.validation_from.as_deref().map(bound).transpose()?,
                self.test_from.as_deref().map(bound).transpose()?,
                embargo,
            )?),
            Some(times) => Ok(split::by_time(times, shares, embargo)?),
        }
    }

    fn has_bounds(&self) -> bool {
        self.validation_from.is_some() || self.test_from.is_some()
    }

    fn has_shares(&self) -> bool {
        self.train.is_some() || self.validation.is_some() || self.test.is_some()
    }
}

/// A bound in Unix microseconds: ISO 8601, in UTC where it names no zone.
fn bound(text: &str) -> Result<i64> {
    calendar::timestamp_micros(text).and_then(|micros| i64::try_from(micros).ok()).ok_or_else(|| {
        invalid(&format!("\"{text}\" is no bound of a split"))
            .hint("Write it as 2018-06-01 or 2018-06-01T12:00:00+02:00.")
    })
}

fn invalid(message: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
