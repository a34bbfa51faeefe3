//! Derived features for many rows: the expression over arrays of its inputs, ten thousand rows a statement.

use super::{BATCH, Content, Values, values::Collected};
use crate::error::Result;
use crate::feature::check::Clause;
use crate::feature::definition::{Definition, Kind, ValueType};
use crate::feature::derived::{Derived, short};
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::row;
use crate::feature::set::Set;
use crate::feature::source::quoted;
use crate::statement::Mode;
use pgrx::{IntoDatum, pg_sys};
use std::rc::Rc;

/// Evaluates a derived feature over the columns of its inputs.
pub fn compute(
    set: &Set,
    derived: &Derived,
    columns: Vec<&Values>,
    rows: usize,
    mode: Mode,
) -> Result<Values> {
    let definition = &derived.definition;
    let Kind::Derived { expression, .. } = &definition.kind else { return Ok(Values::nulls(rows)) };
    let inputs: Vec<&Rc<Definition>> =
        derived.inputs.iter().filter_map(|place| set.features.get(*place)).collect();
    let mut collected = Collected::new(!definition.value_type.is_number());
    let _pinned = Pinned::under(&definition.search_path)?;
    prepared::explained(
        |raised| {
            raised.cause_of(
                format!("derived feature \"{}\" cannot be computed", definition.name),
                "Write its expression so that it has a value, or NULL, for all inputs.".to_owned(),
            )
        },
        || {
            let (sql, types) = over_many(expression, &inputs);
            let plan = Prepared::of_definition(
                Clause { feature: &definition.name, part: "expression" },
                &sql,
                &types,
            )?;
            let type_oid = plan.types().get(1).copied().unwrap_or(pg_sys::InvalidOid);
            let mut from = 0;
            while from < rows {
                pgrx::check_for_interrupts!();
                let until = (from + BATCH).min(rows);
                let mut arguments = vec![(from as i64..until as i64).collect::<Vec<i64>>().into_datum()];
                for (input, column) in inputs.iter().zip(&columns) {
                    arguments.push(argument(input, column, from, until));
                }
                let mut answers = vec![row::Content::Null; until - from];
                plan.each(mode, &arguments, 0, |found| {
                    let place = found.get(0).map(|datum| datum.value() - from);
                    if let (Some(slot), Some(datum)) =
                        (place.and_then(|at| answers.get_mut(at)), found.get(1))
                    {
                        // SAFETY: a non-null value of the plan's second column.
                        *slot = unsafe { row::of_datum(definition, type_oid, datum) }?;
                    }
                    Ok(())
                })?;
                answers.into_iter().for_each(|content| collected.push(content));
                from = until;
            }
            Ok(())
        },
    )?;
    Ok(collected.finish())
}

/// The expression for each element of arrays: $1 the rows' places, behind them the inputs.
fn over_many(expression: &str, inputs: &[&Rc<Definition>]) -> (String, Vec<pg_sys::Oid>) {
    let mut types = vec![pg_sys::INT8ARRAYOID];
    let (mut arrays, mut names, mut columns) =
        (vec!["pg_catalog.unnest($1)".to_owned()], vec!["place".to_owned()], Vec::new());
    for (position, input) in inputs.iter().enumerate() {
        let is_number = input.value_type.is_number();
        types.push(if is_number { pg_sys::FLOAT8ARRAYOID } else { pg_sys::TEXTARRAYOID });
        arrays.push(format!("pg_catalog.unnest(${})", position + 2));
        names.push(format!("c{position}"));
        let value = match input.value_type {
            ValueType::Boolean => format!("(sira_given.c{position} OPERATOR(pg_catalog.<>) 0)"),
            other => format!("sira_given.c{position}::pg_catalog.{}", short(other)),
        };
        columns.push(format!("{value} AS {}", quoted(&input.name)));
    }
    if columns.is_empty() {
        columns.push("NULL AS nothing".to_owned());
    }
    let sql = format!(
        "SELECT sira_given.place, sira_made.value FROM ROWS FROM ({}) AS sira_given({}), \
         LATERAL (SELECT ({expression}\n) AS value FROM (SELECT {}) AS feature) AS sira_made",
        arrays.join(", "),
        names.join(", "),
        columns.join(", ")
    );
    (sql, types)
}

fn argument(input: &Definition, column: &Values, from: usize, until: usize) -> Option<pg_sys::Datum> {
    let contents = (from..until).map(|row| column.get(row));
    if input.value_type.is_number() {
        let numbers = contents.map(|content| match content {
            Content::Number(number) => Some(number),
            _ => None,
        });
        numbers.collect::<Vec<Option<f64>>>().into_datum()
    } else {
        let texts = contents.map(|content| match content {
            Content::Text(text) => Some(text.to_owned()),
            _ => None,
        });
        texts.collect::<Vec<Option<String>>>().into_datum()
    }
}
