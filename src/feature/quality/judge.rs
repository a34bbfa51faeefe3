//! Which rows breach a rule.

use super::data::Data;
use super::rules::{Check, Form};
use crate::error::Result;
use crate::feature::definition::{Definition, ValueType};
use crate::feature::offline::{Content, Values};
use crate::feature::source;
use pgrx::pg_sys;
use serde_json::Value as Json;
use std::collections::HashMap;

/// What a rule found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// The rows in breach; of a rule about all rows together those that it is about, if any.
    pub rows: Vec<usize>,
    /// Where the rule is about all rows together: the figure, where it is out of bounds.
    pub figure: Option<String>,
    pub detail: Option<String>,
}

/// Judges the rules that need nothing but the values; none for those that need more.
pub fn judge(definition: &Definition, place: usize, data: &Data, check: &Check) -> Result<Option<Verdict>> {
    let Some(values) = data.columns.get(place) else { return Ok(None) };
    let breaches = |broken: &dyn Fn(Content<'_>) -> bool| Verdict {
        rows: (0..data.len()).filter(|row| broken(values.get(*row))).collect(),
        ..Verdict::default()
    };
    let is_null = |content: Content<'_>| content == Content::Null;
    Ok(Some(match check {
        Check::NotNull => breaches(&is_null),
        Check::NullRate(most) => {
            let rows = breaches(&is_null).rows;
            let rate = rows.len() as f64 / data.len().max(1) as f64;
            if rate > *most {
                let detail = Some(format!("{} of {} rows are NULL.", rows.len(), data.len()));
                Verdict { rows, figure: Some(rate.to_string()), detail }
            } else {
                Verdict::default()
            }
        }
        Check::Range { min, max } => breaches(&|content| match content {
            // NaN lies in no range.
            Content::Number(number) => {
                number.is_nan() || min.is_some_and(|min| number < min) || max.is_some_and(|max| number > max)
            }
            _ => false,
        }),
        Check::Type(form) => {
            let mut rows = Vec::new();
            for row in 0..data.len() {
                if !has_form(*form, values.get(row))? {
                    rows.push(row);
                }
            }
            Verdict { rows, ..Verdict::default() }
        }
        Check::Distinct { min, max } => {
            let distinct = groups(values, data.len()).len() as f64;
            let is_out = min.is_some_and(|min| distinct < min) || max.is_some_and(|max| distinct > max);
            Verdict { figure: is_out.then(|| distinct.to_string()), ..Verdict::default() }
        }
        Check::Unique => {
            let repeated = groups(values, data.len()).into_values().filter(|rows| rows.len() > 1);
            let mut rows: Vec<usize> = repeated.flatten().collect();
            rows.sort_unstable();
            Verdict { rows, ..Verdict::default() }
        }
        Check::AcceptedValues(accepted) => breaches(&|content| match content {
            Content::Null => false,
            content => !accepted.iter().any(|value| is_value(definition, content, value)),
        }),
        Check::Distribution(_) | Check::References { .. } | Check::Sql(_) => return Ok(None),
    }))
}

/// The rows of each value; −0 is 0, and one NaN is as another.
pub fn groups(values: &Values, rows: usize) -> HashMap<Key<'_>, Vec<usize>> {
    let mut groups: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for row in 0..rows {
        let key = match values.get(row) {
            Content::Null => continue,
            Content::Number(number) if number.is_nan() => Key::Number(f64::NAN.to_bits()),
            Content::Number(number) => Key::Number((number + 0.0).to_bits()),
            Content::Text(text) => Key::Text(text),
        };
        groups.entry(key).or_default().push(row);
    }
    groups
}

/// A value as a key.
#[derive(PartialEq, Eq, Hash)]
pub enum Key<'a> {
    Number(u64),
    Text(&'a str),
}

fn is_value(definition: &Definition, content: Content<'_>, value: &Json) -> bool {
    match (content, value) {
        (Content::Number(number), Json::Bool(value)) => number == f64::from(*value),
        (Content::Number(number), value) => value.as_f64() == Some(number),
        (Content::Text(text), value) if definition.value_type == ValueType::Json => {
            serde_json::from_str::<Json>(text).is_ok_and(|found| found == *value)
        }
        (Content::Text(text), value) => value.as_str() == Some(text),
        (Content::Null, _) => false,
    }
}

fn has_form(form: Form, content: Content<'_>) -> Result<bool> {
    Ok(match (form, content) {
        (_, Content::Null) => true,
        (Form::Integer, Content::Number(number)) => number.fract() == 0.0,
        (_, Content::Number(number)) => number.is_finite(),
        (Form::Integer, Content::Text(text)) => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        (Form::Uuid, Content::Text(text)) => source::entity(pg_sys::UUIDOID, text)?.is_some(),
        (Form::Boolean, Content::Text(text)) => matches!(text, "true" | "false" | "t" | "f"),
        (_, Content::Text(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
    })
}
