//! Computed values as JSON, as serving writes them.

use super::{Content, Values};
use crate::feature::definition::{Definition, ValueType};
use serde_json::{Map, Value as Json};
use std::rc::Rc;

/// All values of a row as one object.
pub fn object(features: &[Rc<Definition>], columns: &[Values], row: usize) -> Json {
    let pairs = features.iter().zip(columns);
    Json::Object(pairs.map(|(f, values)| (f.name.clone(), value(f, values.get(row)))).collect::<Map<_, _>>())
}

/// A value as its definition types it; what JSON has no number for is a text, as in `to_jsonb(float8)`.
pub fn value(definition: &Definition, content: Content<'_>) -> Json {
    match content {
        Content::Null => Json::Null,
        Content::Number(number) if definition.value_type == ValueType::Boolean => Json::Bool(number != 0.0),
        Content::Number(number) if number.is_nan() => Json::from("NaN"),
        Content::Number(number) if number.is_infinite() => {
            Json::from(if number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Content::Number(number) => Json::from(number),
        Content::Text(text) if definition.value_type == ValueType::Json => {
            serde_json::from_str(text).unwrap_or(Json::Null)
        }
        Content::Text(text) => Json::from(text),
    }
}
