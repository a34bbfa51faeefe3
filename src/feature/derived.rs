//! Features that are expressions over other features of their set.
//!
//! The inputs become columns of one row, `SELECT (expression) FROM (SELECT $1::float8 AS a, …) AS feature`, prepared
//! once. Whatever an input lacks is NULL to the expression, whose author writes `coalesce` where that matters.

use crate::error::{Failure, Result, literal};
use crate::feature::check::{self, Clause};
use crate::feature::definition::{Definition, Kind, ValueType};
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::row::{self, Content};
use crate::feature::source::quoted;
use crate::statement::Mode;
use pgrx::{IntoDatum, PgSqlErrorCode, pg_sys};
use std::rc::Rc;

/// A derived feature of a set, with its plan.
pub struct Derived {
    pub definition: Rc<Definition>,
    pub place: usize,
    /// The places of its inputs in the set.
    pub inputs: Vec<usize>,
    plan: Option<Prepared>,
}

/// An input of an expression: its name, and what its values are.
pub type Input<'a> = (&'a str, ValueType);

/// The row that an expression reads, with NULLs for values: enough to analyse it.
pub fn sample_row(inputs: &[Input<'_>]) -> String {
    let columns = inputs
        .iter()
        .map(|(name, value_type)| format!("NULL::pg_catalog.{} AS {}", short(*value_type), quoted(name)));
    row_of(columns.collect())
}

fn row_of(columns: Vec<String>) -> String {
    let columns = if columns.is_empty() { "NULL AS nothing".to_owned() } else { columns.join(", ") };
    format!("(SELECT {columns}) AS feature")
}

/// The type that values have in SQL, in `pg_catalog`.
pub fn short(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Numeric => "float8",
        ValueType::Boolean => "bool",
        ValueType::Text => "text",
        ValueType::Json => "jsonb",
    }
}

/// Analyses an expression over inputs of these types: the type it gives, and which of the inputs it uses.
pub fn analyse(
    feature: &str,
    expression: &str,
    inputs: &[Input<'_>],
    hint: &str,
) -> Result<(&'static str, Vec<String>)> {
    let clause = Clause { feature, part: "expression" };
    let names: Vec<String> = inputs.iter().map(|(name, _)| (*name).to_owned()).collect();
    let analysed = check::expression(clause, expression, &sample_row(inputs), hint)?;
    let value_type = check::value_type(clause, analysed.type_oid)?;
    // The whole row is what no input's number stands for.
    let used = if analysed.columns.contains(&0) {
        names
    } else {
        let places = analysed.columns.iter().filter_map(|column| usize::try_from(column - 1).ok());
        places.filter_map(|place| names.get(place).cloned()).collect()
    };
    Ok((value_type, used))
}

/// The derived features of a set in an order in which each finds its inputs computed.
///
/// # Errors
/// 42704 for an input that is not in the set, 42P19 for a cycle.
pub fn ordered(set: &str, features: &[Rc<Definition>]) -> Result<Vec<Derived>> {
    let place_of = |name: &str| features.iter().position(|feature| feature.name == name);
    let mut waiting = Vec::new();
    for (place, definition) in features.iter().enumerate() {
        let Kind::Derived { inputs, .. } = &definition.kind else { continue };
        let mut places = Vec::with_capacity(inputs.len());
        for input in inputs {
            places.push(place_of(input).ok_or_else(|| absent(set, &definition.name, input))?);
        }
        waiting.push(Derived { definition: definition.clone(), place, inputs: places, plan: None });
    }
    let mut ready: Vec<Derived> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let pending: Vec<usize> = waiting.iter().map(|derived| derived.place).collect();
        let (now, later): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|derived| !derived.inputs.iter().any(|input| pending.contains(input)));
        if now.is_empty() {
            let names: Vec<&str> = later.iter().map(|derived| derived.definition.name.as_str()).collect();
            return Err(cycle(&names));
        }
        ready.extend(now);
        waiting = later;
    }
    Ok(ready)
}

fn absent(set: &str, feature: &str, input: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("derived feature \"{feature}\" uses \"{input}\", which is not in the set"),
    )
    .detail(format!("The set is \"{set}\"."))
    .hint(format!("Add {} to the features of the set.", literal(input)))
}

/// The error for features that need each other.
pub fn cycle(names: &[&str]) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_RECURSION, "derived features form a cycle")
        .detail(format!("Each of these needs another of them: {}.", names.join(", ")))
        .hint("Define one of them without the others.")
}

impl Derived {
    /// The value over the set's values so far.
    pub fn compute(
        &mut self,
        values: &[Content],
        features: &[Rc<Definition>],
        mode: Mode,
    ) -> Result<Content> {
        let Kind::Derived { expression, .. } = &self.definition.kind else { return Ok(Content::Null) };
        let _pinned = Pinned::under(&self.definition.search_path)?;
        let name = self.definition.name.clone();
        let inputs: Vec<(&Rc<Definition>, &Content)> = self
            .inputs
            .iter()
            .filter_map(|place| Some((features.get(*place)?, values.get(*place)?)))
            .collect();
        let plan = &mut self.plan;
        let definition = &self.definition;
        prepared::explained(
            |raised| {
                raised.cause_of(
                    format!("derived feature \"{name}\" cannot be computed"),
                    "Write its expression so that it has a value, or NULL, for all inputs.".to_owned(),
                )
            },
            || {
                let plan = match plan {
                    Some(plan) if plan.is_valid() => plan,
                    _ => plan.insert(prepare(&name, expression, &inputs)?),
                };
                let arguments: Vec<Option<pg_sys::Datum>> =
                    inputs.iter().map(|(input, content)| argument(input, content)).collect();
                let type_oid = plan.types().first().copied().unwrap_or(pg_sys::InvalidOid);
                let mut content = Content::Null;
                plan.each(mode, &arguments, 1, |found| {
                    if let Some(datum) = found.get(0) {
                        // SAFETY: a non-null value of the plan's only column.
                        content = unsafe { row::of_datum(definition, type_oid, datum) }?;
                    }
                    Ok(())
                })?;
                Ok(content)
            },
        )
    }
}

/// The plan of an expression. What is no number travels as text and is cast inside.
fn prepare(feature: &str, expression: &str, inputs: &[(&Rc<Definition>, &Content)]) -> Result<Prepared> {
    let mut types = Vec::with_capacity(inputs.len());
    let mut columns = Vec::with_capacity(inputs.len());
    for (position, (input, _)) in inputs.iter().enumerate() {
        types.push(if input.value_type.is_number() { pg_sys::FLOAT8OID } else { pg_sys::TEXTOID });
        let parameter = position + 1;
        let value = match input.value_type {
            ValueType::Boolean => format!("(${parameter} OPERATOR(pg_catalog.<>) 0)"),
            other => format!("${parameter}::pg_catalog.{}", short(other)),
        };
        columns.push(format!("{value} AS {}", quoted(&input.name)));
    }
    let sql = format!("SELECT ({expression}\n) FROM {}", row_of(columns));
    Prepared::of_definition(Clause { feature, part: "expression" }, &sql, &types)
}

fn argument(input: &Definition, content: &Content) -> Option<pg_sys::Datum> {
    match content {
        Content::Number(number) if input.value_type.is_number() => number.into_datum(),
        Content::Text(text) if !input.value_type.is_number() => text.as_str().into_datum(),
        _ => None,
    }
}
