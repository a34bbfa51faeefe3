//! What may be tried: ranges and choices by parameter.

use super::dice::Dice;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Choices that one parameter may have.
const MOST_CHOICES: usize = 1_000;

/// The dimensions by name, in the order of the names.
#[derive(Clone, Debug)]
pub struct Space(Vec<(String, Dimension)>);

#[derive(Clone, Debug)]
pub(super) enum Dimension {
    Range(Range),
    Choices(Vec<Value>),
}

/// `{"low": 8, "high": 128, "log": true, "int": true}`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    low: f64,
    high: f64,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    int: bool,
}

impl Space {
    /// Reads `{"num_leaves": {"low": 8, "high": 128, "log": true, "int": true}, "learning_rate": [0.05, 0.1]}`.
    pub fn from_json(json: &Value) -> Result<Self> {
        let object = json.as_object().filter(|object| !object.is_empty()).ok_or_else(|| {
            refused("a tuning space is not a JSON object of parameters", format!("Got {json}."))
        })?;
        let mut dimensions = Vec::with_capacity(object.len());
        for (name, value) in object {
            dimensions.push((name.clone(), Dimension::from_json(name, value)?));
        }
        dimensions.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(Self(dimensions))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The values by which a host can tell whether it would take any: both ends, or all choices.
    pub fn extremes(&self) -> impl Iterator<Item = (&str, Value)> {
        self.0.iter().flat_map(|(name, dimension)| {
            let values = match dimension {
                Dimension::Range(range) => vec![range.value(0.0), range.value(1.0)],
                Dimension::Choices(choices) => choices.clone(),
            };
            values.into_iter().map(move |value| (name.as_str(), value))
        })
    }

    pub(super) fn dimensions(&self) -> &[(String, Dimension)] {
        &self.0
    }

    /// Each parameter by itself, each value as likely as the others.
    pub(super) fn draw(&self, dice: &mut Dice) -> Map<String, Value> {
        let mut params = Map::new();
        for (name, dimension) in &self.0 {
            let value = match dimension {
                Dimension::Range(range) => range.value(dice.unit()),
                Dimension::Choices(choices) => {
                    let place = dice.place(&vec![1.0; choices.len()]);
                    choices.get(place).cloned().unwrap_or_default()
                }
            };
            params.insert(name.clone(), value);
        }
        params
    }
}

impl Dimension {
    fn from_json(name: &str, value: &Value) -> Result<Self> {
        let bad =
            |detail: String| Err(refused(&format!("\"{name}\" does not name a range or choices"), detail));
        match value {
            Value::Array(choices) if choices.is_empty() || choices.len() > MOST_CHOICES => {
                bad(format!("It has {} choices; 1 to {MOST_CHOICES} may be.", choices.len()))
            }
            Value::Array(choices) => Ok(Self::Choices(choices.clone())),
            Value::Object(_) => {
                let range = match Range::deserialize(value) {
                    Ok(range) => range,
                    Err(error) => return bad(format!("Got {value}: {error}.")),
                };
                let Range { low, high, log, int } = range;
                if low >= high || !(high - low).is_finite() {
                    return bad(format!("\"low\" is {low}, \"high\" is {high}."));
                }
                if log && low <= 0.0 {
                    return bad(format!("\"low\" is {low}, and a logarithm needs it above 0."));
                }
                if int && (low.fract() != 0.0 || high.fract() != 0.0 || low.abs().max(high.abs()) > 1e15) {
                    return bad(format!("\"low\" is {low} and \"high\" is {high}: not both are whole."));
                }
                Ok(Self::Range(range))
            }
            other => bad(format!("Got {other}.")),
        }
    }
}

impl Range {
    /// The value at a place from 0 to 1. Of whole numbers each has as much room as the others.
    pub(super) fn value(&self, at: f64) -> Value {
        let half = if self.int { 0.5 } else { 0.0 };
        let (low, high) = (self.scaled(self.low - half), self.scaled(self.high + half));
        let scaled = low + (high - low) * at;
        let value = if self.log { libm::exp(scaled) } else { scaled };
        if self.int {
            return Value::from(value.round().clamp(self.low, self.high) as i64);
        }
        Value::from(value.clamp(self.low, self.high))
    }

    /// The place of a value.
    pub(super) fn place(&self, value: f64) -> f64 {
        let half = if self.int { 0.5 } else { 0.0 };
        let (low, high) = (self.scaled(self.low - half), self.scaled(self.high + half));
        ((self.scaled(value) - low) / (high - low)).clamp(0.0, 1.0)
    }

    fn scaled(&self, value: f64) -> f64 {
        if self.log { libm::log(value) } else { value }
    }
}

fn refused(message: &str, detail: String) -> Error {
    Error::new(ErrorKind::InvalidParameter, message).with_detail(detail).with_hint(
        "Write a range, {\"num_leaves\": {\"low\": 8, \"high\": 128, \"log\": true, \"int\": true}}, or choices, \
         {\"learning_rate\": [0.05, 0.1]}.",
    )
}
