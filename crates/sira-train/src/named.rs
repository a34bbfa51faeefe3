//! Parameters that speak of features and classes by name: monotone constraints and class weights.
//!
//! LightGBM counts columns; a query's author names them, and adds a column without counting the others again.

use serde_json::Value;
use sira_core::{Error, ErrorKind, Result};

use crate::Column;

/// Features whose score may only rise (1) or only fall (−1) with them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Monotone(Vec<(String, i64)>);

impl Monotone {
    /// `{"amount": 1, "age": -1}`; `null` is none.
    pub(crate) fn from_json(json: &Value) -> Result<Option<Self>> {
        let refuse = || {
            Err(invalid("invalid value for parameter \"monotone_constraints\"")
                .with_detail(format!("Got {json}."))
                .with_hint("Name features, rising with 1 and falling with -1: {\"amount\": 1, \"age\": -1}."))
        };
        let Value::Object(object) = json else {
            return if json.is_null() { Ok(None) } else { refuse() };
        };
        let mut directions = Vec::with_capacity(object.len());
        for (name, value) in object {
            match value.as_f64() {
                Some(direction @ (-1.0 | 0.0 | 1.0)) => directions.push((name.clone(), direction as i64)),
                _ => return refuse(),
            }
        }
        // JSON objects have no order; what is recorded does not depend on how they were written.
        directions.sort();
        Ok(Some(Self(directions)).filter(|monotone| !monotone.0.is_empty()))
    }

    pub(crate) fn to_json(&self) -> Value {
        Value::Object(
            self.0.iter().map(|(name, direction)| (name.clone(), Value::from(*direction))).collect(),
        )
    }

    /// One number a column, in their order.
    pub(crate) fn render(&self, columns: &[Column]) -> Result<String> {
        let mut all = vec![0_i64; columns.len()];
        for (name, direction) in &self.0 {
            let found = columns.iter().zip(&mut all).find(|(column, _)| column.name == *name);
            let Some((column, place)) = found else {
                let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).take(20).collect();
                return Err(Error::new(
                    ErrorKind::UnknownFeature,
                    format!("monotone constraint on \"{name}\", which is no feature"),
                )
                .with_hint(format!("The features are {}.", known.join(", "))));
            };
            if column.categorical && *direction != 0 {
                return Err(invalid(&format!("monotone constraint on \"{name}\", which is a category"))
                    .with_hint("Categories have no order: give the feature as a number."));
            }
            *place = *direction;
        }
        Ok(all.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
    }
}

/// How much the rows of each class count in training.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClassWeight {
    /// Every class as much as the others, as scikit-learn has it: rows / (classes · rows of the class).
    Balanced,
    /// By the class's name; a class that is not named counts once.
    Named(Vec<(String, f64)>),
}

impl ClassWeight {
    /// `{"fraud": 20}` or `"balanced"`; `null` is none.
    pub(crate) fn from_json(json: &Value) -> Result<Option<Self>> {
        let refuse = || {
            Err(invalid("invalid value for parameter \"class_weight\"")
                .with_detail(format!("Got {json}."))
                .with_hint("Give weights above 0 by class, {\"true\": 20}, or \"balanced\"."))
        };
        match json {
            Value::Null => Ok(None),
            Value::String(word) if word == "balanced" => Ok(Some(Self::Balanced)),
            Value::Object(object) => {
                let mut weights = Vec::with_capacity(object.len());
                for (name, value) in object {
                    match value.as_f64() {
                        Some(weight) if weight > 0.0 && weight <= 1e9 => weights.push((name.clone(), weight)),
                        _ => return refuse(),
                    }
                }
                weights.sort_by(|a, b| a.0.cmp(&b.0));
                Ok(Some(Self::Named(weights)))
            }
            _ => refuse(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Balanced => Value::from("balanced"),
            Self::Named(weights) => Value::Object(
                weights.iter().map(|(name, weight)| (name.clone(), Value::from(*weight))).collect(),
            ),
        }
    }

    /// The weight of each class, by code.
    pub(crate) fn resolve(&self, classes: &[String], labels: &[f32]) -> Result<Vec<f32>> {
        match self {
            Self::Balanced => {
                let mut rows = vec![0_usize; classes.len().max(2)];
                for label in labels {
                    if let Some(count) = rows.get_mut(*label as usize) {
                        *count += 1;
                    }
                }
                let there = rows.iter().filter(|count| **count > 0).count();
                let share = |count: usize| labels.len() as f64 / (there * count.max(1)) as f64;
                Ok(rows.into_iter().map(|count| share(count) as f32).collect())
            }
            Self::Named(weights) => {
                let mut of_class = vec![1.0; classes.len()];
                for (name, weight) in weights {
                    let found = classes.iter().zip(&mut of_class).find(|(class, _)| *class == name);
                    let Some((_, place)) = found else {
                        return Err(invalid(&format!(
                            "\"class_weight\" names \"{name}\", which is no class"
                        ))
                        .with_hint(format!("The classes are {}.", classes.join(", "))));
                    };
                    *place = *weight as f32;
                }
                Ok(of_class)
            }
        }
    }
}

fn invalid(message: &str) -> Error {
    Error::new(ErrorKind::InvalidParameter, message)
}
