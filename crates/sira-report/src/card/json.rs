//! Reading a card's JSON leniently: what is not there, or is of another kind, is not recorded.

use crate::number::short;
use serde_json::Value;

/// What stands where nothing was recorded.
pub const UNKNOWN: &str = "not recorded";

/// A field as people read it.
pub fn text(object: &Value, key: &str) -> String {
    object.get(key).map_or_else(|| UNKNOWN.to_owned(), shown)
}

/// A text, if it is one.
pub fn string<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

pub fn number(object: &Value, key: &str) -> Option<f64> {
    object.get(key).and_then(Value::as_f64)
}

/// The elements of a list; none where it is no list.
pub fn list<'a>(object: &'a Value, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Whether something was recorded under the key.
pub fn is_known(object: &Value, key: &str) -> bool {
    match object.get(key) {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(_) => true,
    }
}

/// Any value as people read it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => UNKNOWN.to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.to_string(),
            None => number.as_f64().map_or_else(|| number.to_string(), short),
        },
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", shown(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Facts with the names that people read, in this order; what was not recorded is left out unless it is `always` told.
pub fn facts(object: &Value, keys: &[(&str, &str)]) -> Vec<(String, String)> {
    keys.iter()
        .filter(|(key, _)| is_known(object, key))
        .map(|(key, name)| ((*name).to_owned(), text(object, key)))
        .collect()
}

/// Points of a curve: lists of at least two numbers.
pub fn points(object: &Value, key: &str) -> Vec<(f64, f64)> {
    list(object, key)
        .iter()
        .filter_map(|point| Some((point.get(0)?.as_f64()?, point.get(1)?.as_f64()?)))
        .collect()
}
