//! What a training is asked: by a call, by the record of a run, or by a study.

use crate::call;
use crate::error::Result;
use crate::feature::offline::questions;
use crate::training::dataset::Roles;
use crate::training::settings::Settings;
use pgrx::datum::Interval;
use pgrx::pg_sys;
use serde_json::{Value, json};
use sira_core::calibration::Method;

/// The seed where the caller gives NULL, as the SQL declaration's default.
const DEFAULT_SEED: i64 = 42;

/// A training in words: everything that decides what comes of it, but for the rows.
#[derive(Clone)]
pub struct Ask {
    pub model: String,
    pub query: String,
    pub label: String,
    pub time: Option<String>,
    pub weight: Option<String>,
    pub exclude: Vec<String>,
    pub group: Option<String>,
    pub positive: Option<String>,
    pub params: Value,
    pub split: Value,
    pub embargo: Interval,
    pub seed: i64,
    pub feature_set: Option<String>,
    pub notes: Option<String>,
    pub calibration: Option<Method>,
    /// The version whose trees come first.
    pub start_from: Option<String>,
    pub settings: Settings,
}

impl Ask {
    /// Reads the arguments of a call: model, query and label come first, the others from `rest` on, in the order of
    /// `sira_train`.
    pub fn of_call(fcinfo: pg_sys::FunctionCallInfo, rest: usize) -> Result<Self> {
        let text = |position| call::text_argument(fcinfo, position);
        let need = |name: &str, position| {
            text(position).ok_or_else(|| call::null_argument(name, "Name a model, a query and its label."))
        };
        let exclude: Option<Vec<Option<String>>> = call::argument(fcinfo, rest + 2);
        let feature_set = text(rest + 9);
        let calibration = text(rest + 11).map(|method| method.parse()).transpose()?;
        Ok(Self {
            model: need("model", 0)?,
            query: need("query", 1)?,
            label: need("label", 2)?,
            // A set's rows have a time: that of their features.
            time: text(rest).or_else(|| feature_set.as_ref().map(|_| questions::MOMENT.to_owned())),
            weight: text(rest + 1),
            exclude: exclude.unwrap_or_default().into_iter().flatten().collect(),
            group: text(rest + 3),
            positive: text(rest + 4),
            params: call::json_argument(fcinfo, rest + 5)?.unwrap_or_else(|| json!({})),
            split: call::json_argument(fcinfo, rest + 6)?.unwrap_or_else(|| json!({ "method": "time" })),
            embargo: call::argument(fcinfo, rest + 7).unwrap_or_else(|| Interval::from_micros(0)),
            seed: call::argument(fcinfo, rest + 8).unwrap_or(DEFAULT_SEED),
            feature_set,
            notes: text(rest + 10),
            calibration,
            start_from: text(rest + 12),
            settings: Settings::of_session(),
        })
    }

    /// What stands in `options` of a run beside its columns, to be trained again by.
    pub fn options(&self) -> Value {
        json!({
            "time_column": self.time,
            "weight": self.weight,
            "exclude": self.exclude,
            "group_column": self.group,
            "positive": self.positive,
            "calibration": self.calibration.map(Method::name),
            "start_from": self.start_from,
            "settings": self.settings.to_json(),
        })
    }

    /// The roles and the rest from `options`; the other fields are `self`'s.
    pub fn with_options(self, options: &Value) -> Result<Self> {
        let text = |name: &str| options.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let exclude = options.get("exclude").and_then(Value::as_array);
        Ok(Self {
            time: text("time_column"),
            weight: text("weight"),
            exclude: exclude
                .map(|names| names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
                .unwrap_or_default(),
            group: text("group_column"),
            positive: text("positive"),
            calibration: text("calibration").map(|method| method.parse()).transpose()?,
            start_from: text("start_from"),
            settings: options.get("settings").map(Settings::from_json).unwrap_or_default(),
            ..self
        })
    }

    pub fn roles(&self) -> Roles<'_> {
        Roles {
            label: &self.label,
            time: self.time.as_deref(),
            weight: self.weight.as_deref(),
            group: self.group.as_deref(),
            exclude: &self.exclude,
            positive: self.positive.as_deref(),
        }
    }

    /// The seed as the library and the split take it.
    pub fn seed_bits(&self) -> u64 {
        u64::from_ne_bytes(self.seed.to_ne_bytes())
    }
}
