//! From what a caller hands over to the model's vector: features bind by name.
//!
//! A NULL, an absent feature and a category that training never saw are missing values, which every model
//! here knows how to route. What cannot mean anything is an error: a text for a number, an infinite date,
//! an array of the wrong length, NULL for the whole. In strict mode (`sira.strict_features`) absent and
//! unknown features are errors too.

use crate::error::{Failure, Result};
use crate::guc;
use pgrx::PgSqlErrorCode;
use pgrx::datum::ToIsoString;
use serde_json::Value;
use sira_core::signature::{Feature, FeatureKind, Signature};
use sira_core::{Error, ErrorKind, calendar};

/// A model's input in its own order, and the texts that the model has no code for.
#[derive(Clone, Debug, Default)]
pub struct Features {
    pub vector: Vec<f64>,
    pub unseen: Vec<(usize, String)>,
}

/// Microseconds from the Unix epoch to PostgreSQL's, 2000-01-01.
pub const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// Days between the same two.
pub const POSTGRES_EPOCH_DAYS: i32 = 10_957;

impl Features {
    pub fn missing(signature: &Signature) -> Self {
        Self { vector: vec![f64::NAN; signature.features.len()], unseen: Vec::new() }
    }

    /// Makes every feature of a signature missing: the room is used again, row by row.
    pub fn clear(&mut self, signature: &Signature) {
        self.unseen.clear();
        self.vector.clear();
        self.vector.resize(signature.features.len(), f64::NAN);
    }

    /// Puts a text in place `index`, coded by the signature's categories.
    ///
    /// Training and rows read a `char(n)` without its padding, but `to_jsonb` keeps it: a text that is no category is
    /// looked up again without the blanks at its end. A category that does end with blanks is found first.
    pub fn set_text(&mut self, index: usize, feature: &Feature, text: &str) {
        let mut code = feature.code(text);
        if code.is_nan() && text.ends_with(' ') {
            code = feature.code(text.trim_end_matches(' '));
        }
        if let Some(place) = self.vector.get_mut(index) {
            *place = code;
        }
        if code.is_nan() {
            self.unseen.push((index, text.to_owned()));
        }
    }

    pub fn set(&mut self, index: usize, value: f64) {
        if let Some(place) = self.vector.get_mut(index) {
            *place = canonical(value);
        }
    }

    /// The features by name, as people read them: categories as text, dates as ISO 8601, missing as null.
    pub fn to_json(&self, signature: &Signature) -> Value {
        let mut object = serde_json::Map::with_capacity(self.vector.len());
        for (index, (feature, &value)) in signature.features.iter().zip(&self.vector).enumerate() {
            object.insert(feature.name.clone(), self.shown(index, feature, value));
        }
        Value::Object(object)
    }

    /// One feature as text, for explanations; `None` where it is missing.
    pub fn text(&self, signature: &Signature, index: usize) -> Option<String> {
        let feature = signature.features.get(index)?;
        match self.shown(index, feature, *self.vector.get(index)?) {
            Value::Null => None,
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    fn shown(&self, index: usize, feature: &Feature, value: f64) -> Value {
        if value.is_nan() {
            let unseen = self.unseen.iter().find(|(place, _)| *place == index);
            return unseen.map_or(Value::Null, |(_, text)| Value::String(text.clone()));
        }
        match feature.kind {
            FeatureKind::Boolean => Value::Bool(value != 0.0),
            FeatureKind::Text if value < 0.0 => Value::Null,
            FeatureKind::Text => {
                feature.categories.get(value as usize).map_or(Value::Null, |text| Value::String(text.clone()))
            }
            FeatureKind::Date => Value::String(date_text(value)),
            FeatureKind::Timestamp => Value::String(timestamp_text(value)),
            FeatureKind::Numeric | FeatureKind::Category => number(value),
        }
    }
}

/// A JSON number without a needless fraction; infinities, which JSON lacks, as the text PostgreSQL uses.
fn number(value: f64) -> Value {
    if value.is_infinite() {
        return Value::String(if value > 0.0 { "Infinity" } else { "-Infinity" }.into());
    }
    if value.fract() == 0.0 && value.abs() < 9.0e15 {
        return Value::from(value as i64);
    }
    Value::from(value)
}

fn date_text(days: f64) -> String {
    let date = pgrx::datum::Date::saturating_from_raw(days as i32 - POSTGRES_EPOCH_DAYS);
    date.to_iso_string()
}

fn timestamp_text(seconds: f64) -> String {
    let micros = ((seconds * 1e6).round() as i64).saturating_sub(POSTGRES_EPOCH_MICROS);
    pgrx::datum::Timestamp::saturating_from_raw(micros).to_iso_string()
}

/// A missing value has one form: a dump writes every NaN as `NaN`, and a replay must find the bits that were logged.
pub fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// What the model wants and what came, for SQLSTATE 42804.
pub fn mismatch(feature: &Feature, got: &str) -> Failure {
    let wanted = match feature.kind {
        FeatureKind::Numeric => "a number",
        FeatureKind::Boolean => "a boolean",
        FeatureKind::Text => "a text",
        FeatureKind::Category => "a category code (an integer)",
        FeatureKind::Date => "a date",
        FeatureKind::Timestamp => "a timestamp",
    };
    Failure::from(
        Error::new(ErrorKind::FeatureType, format!("feature \"{}\" takes {wanted}", feature.name))
            .with_detail(format!("It got {got}."))
            .with_hint("Cast it to the type that the model was trained on."),
    )
}

/// Features from JSON: an object whose keys are feature names.
pub fn from_json(signature: &Signature, json: &Value) -> Result<Features> {
    let Value::Object(object) = json else {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "features are not a JSON object",
        )
        .hint("Write {\"name\": value, …} with the model's feature names."));
    };
    let mut features = Features::missing(signature);
    let mut bound = 0;
    for (name, value) in object {
        match signature.index_of(name).and_then(|index| Some((index, signature.features.get(index)?))) {
            Some((index, feature)) => {
                bound += 1;
                set_json(&mut features, index, feature, value)?;
            }
            None if guc::STRICT_FEATURES.get() => return Err(unknown(name)),
            None => {}
        }
    }
    check_bound(signature, bound, |feature| object.contains_key(&feature.name))?;
    Ok(features)
}

/// Parses JSON text; the error names what is wrong with it.
///
/// What was a `jsonb` is well formed; it may still hold a number that no float8 can, or be nested too deeply.
pub fn parse_json(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| {
        let reason = error.to_string();
        let failure = if reason.starts_with("number out of range") {
            Failure::new(
                PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
                "a number in the JSON is out of range for type double precision",
            )
            .hint("Give numbers below 1.8e308, or null where none is known.")
        } else if reason.starts_with("recursion limit") {
            Failure::new(PgSqlErrorCode::ERRCODE_STATEMENT_TOO_COMPLEX, "the JSON is nested too deeply")
        } else {
            Failure::new(PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION, "features are not valid JSON")
                .hint("Write {\"name\": value, …} with the model's feature names.")
        };
        failure.detail(format!("{reason}."))
    })
}

fn set_json(features: &mut Features, index: usize, feature: &Feature, value: &Value) -> Result<()> {
    match (feature.kind, value) {
        (_, Value::Null) => {}
        (FeatureKind::Text, Value::String(text)) => features.set_text(index, feature, text),
        (FeatureKind::Text, Value::Bool(_) | Value::Number(_)) => {
            features.set_text(index, feature, &value.to_string());
        }
        (FeatureKind::Date, Value::String(text)) => features.set(index, parse_date(feature, text)?),
        (FeatureKind::Timestamp, Value::String(text)) => features.set(index, parse_timestamp(feature, text)?),
        (FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category, Value::Bool(value)) => {
            features.set(index, f64::from(*value));
        }
        (FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category, Value::Number(value)) => {
            features.set(index, value.as_f64().unwrap_or(f64::NAN));
        }
        (FeatureKind::Numeric | FeatureKind::Boolean | FeatureKind::Category, Value::String(text)) => {
            match text.as_str() {
                // What jsonb makes of the float8 values that JSON has no number for.
                "NaN" => {}
                "Infinity" => features.set(index, f64::INFINITY),
                "-Infinity" => features.set(index, f64::NEG_INFINITY),
                _ => return Err(mismatch(feature, &format!("\"{text}\""))),
            }
        }
        (_, value) => return Err(mismatch(feature, json_type(value))),
    }
    Ok(())
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Features from an array in the model's own order; a NULL element is a missing value.
pub fn from_array(signature: &Signature, array: &[Option<f64>]) -> Result<Features> {
    if array.len() != signature.features.len() {
        let names: Vec<&str> = signature.features.iter().map(|feature| feature.name.as_str()).collect();
        return Err(Error::new(ErrorKind::FeatureCount, "the array does not have the model's length")
            .with_detail(format!("It has {}, the model takes {}.", array.len(), names.len()))
            .with_hint(format!("The order is {}.", names.join(", ")))
            .into());
    }
    let vector = array.iter().map(|value| canonical(value.unwrap_or(f64::NAN))).collect();
    Ok(Features { vector, unseen: Vec::new() })
}

/// Refuses input that has nothing in common with the model, and in strict mode whatever is absent.
pub fn check_bound(signature: &Signature, bound: usize, given: impl Fn(&Feature) -> bool) -> Result<()> {
    if bound == signature.features.len() || (bound > 0 && !guc::STRICT_FEATURES.get()) {
        return Ok(());
    }
    let absent: Vec<&str> = signature
        .features
        .iter()
        .filter(|feature| !given(feature))
        .map(|feature| feature.name.as_str())
        .take(10)
        .collect();
    let message = if bound == 0 { "none of the model's features is given" } else { "features are missing" };
    Err(Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, message)
        .detail(format!("Absent: {}.", absent.join(", ")))
        .hint("Features bind by name; give them the names of the training query's columns."))
}

pub fn unknown(name: &str) -> Failure {
    Error::new(ErrorKind::UnknownFeature, format!("feature \"{name}\" is not one of the model's"))
        .with_hint("Leave it out, or SET sira.strict_features = off to have it ignored.")
        .into()
}

/// Seconds since the Unix epoch, of ISO 8601; a text without a zone is read as UTC, as a `timestamp` column is.
pub fn parse_timestamp(feature: &Feature, text: &str) -> Result<f64> {
    let micros = calendar::timestamp_micros(text).ok_or_else(|| no_time(feature, text))?;
    Ok(micros as f64 / 1e6)
}

/// Days since the Unix epoch, of ISO 8601; of a timestamp's text the date that is written there.
pub fn parse_date(feature: &Feature, text: &str) -> Result<f64> {
    calendar::date_days(text).map(f64::from).ok_or_else(|| no_time(feature, text))
}

/// The error for a text that is no time: session settings such as DateStyle must not change what it means.
fn no_time(feature: &Feature, text: &str) -> Failure {
    if matches!(text, "infinity" | "-infinity") {
        return infinite(feature);
    }
    mismatch(feature, &format!("\"{text}\", which is not ISO 8601"))
        .hint("Write 2018-04-01 or 2018-04-01T12:00:00Z, as to_jsonb does.")
}

/// Seconds since the Unix epoch of PostgreSQL's microseconds since 2000.
pub fn timestamp_seconds(feature: &Feature, micros: i64) -> Result<f64> {
    // PostgreSQL's infinities are the ends of the range, which counted from 1970 would end thirty years too early.
    if micros == i64::MAX || micros == i64::MIN {
        return Err(infinite(feature));
    }
    Ok((i128::from(micros) + i128::from(POSTGRES_EPOCH_MICROS)) as f64 / 1e6)
}

/// Days since 1970-01-01 of PostgreSQL's days since 2000-01-01.
pub fn date_days(feature: &Feature, days: i32) -> Result<f64> {
    if days == i32::MAX || days == i32::MIN {
        return Err(infinite(feature));
    }
    Ok(f64::from(days + POSTGRES_EPOCH_DAYS))
}

fn infinite(feature: &Feature) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
        format!("feature \"{}\" is infinite", feature.name),
    )
    .hint("Give NULL for a time that is not known.")
}
