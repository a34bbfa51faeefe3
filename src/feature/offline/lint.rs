//! Whether a training set holds what could be known at each row's moment, and nothing else.
//!
//! The proof is to compute the set again for the table's rows and compare. A value that differs is explained where it
//! can be: one that appears once later recordings count was not known yet. Numbers may differ by one part in 10⁹: sums
//! made elsewhere depend on the order of rows, and that is no leak.

use super::values::Collected;
use super::{Content, Questions, Reading, Values, questions};
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind};
use crate::feature::row;
use crate::feature::source::Relation;
use crate::feature::{listing, plan};
use crate::statement::Mode;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::cell::RefCell;
use std::rc::Rc;

/// How far two numbers may be apart, relative to the larger, or absolutely below 1.
const TOLERANCE: f64 = 1e-9;

/// A value that could not be known.
pub struct Finding {
    /// Counted from 1, in the order in which the table is read.
    pub row: i64,
    pub entity: Option<String>,
    pub moment: i64,
    pub feature: String,
    pub found: Option<String>,
    pub expected: Option<String>,
    pub reason: &'static str,
}

/// It appears once recordings after the row's moment count.
const LATER: &str = "recorded after the row's moment";
/// It is not what the definition gives at the moment, whatever was recorded when.
const OTHER: &str = "not the value at the row's moment";

/// A feature's column in the table.
struct Held {
    place: usize,
    column: usize,
    type_oid: pg_sys::Oid,
    values: Collected,
}

/// Compares the table's features with the set's, row by row.
pub fn lint(home: Home, reference: &str, target: &str) -> Result<Vec<Finding>> {
    let relation = Relation::named(target)?.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, format!("relation \"{target}\" does not exist"))
            .hint("Name the table that sira_build_training_set made.")
    })?;
    plan::with(home, reference, |plan| {
        let set = plan.set.clone();
        let held: RefCell<Vec<Held>> = RefCell::default();
        let query = format!("SELECT * FROM {}", relation.name);
        let questions = Questions::read(
            &set,
            &query,
            Mode::Read,
            |cursor| {
                *held.borrow_mut() = columns(&set.features, &questions::given(cursor.descriptor())?)?;
                Ok(())
            },
            |row| {
                for held in held.borrow_mut().iter_mut() {
                    let Some(definition) = set.features.get(held.place) else { continue };
                    held.values.push(match row.get(held.column) {
                        None => row::Content::Null,
                        // SAFETY: a non-null value of the column's type.
                        Some(datum) => unsafe { row::of_datum(definition, held.type_oid, datum) }?,
                    });
                }
                Ok(())
            },
        )?;
        let expected = super::compute(home, plan, &questions, Reading { mode: Mode::Read, as_known: true })?;
        let held: Vec<(usize, Values)> =
            held.into_inner().into_iter().map(|held| (held.place, held.values.finish())).collect();
        let mut differing = Vec::new();
        for (place, found) in &held {
            let Some(values) = expected.get(*place) else { continue };
            differing.extend(
                (0..questions.len())
                    .filter(|row| !same(found.get(*row), values.get(*row)))
                    .map(|row| (row, *place, found)),
            );
        }
        if differing.is_empty() {
            return Ok(Vec::new());
        }
        differing.sort_unstable_by_key(|(row, place, _)| (*row, *place));
        let unbounded =
            super::compute(home, plan, &questions, Reading { mode: Mode::Read, as_known: false })?;
        let findings = differing.into_iter().filter_map(|(row, place, found)| {
            let later = unbounded.get(place).is_some_and(|values| same(found.get(row), values.get(row)));
            Some(Finding {
                row: row as i64 + 1,
                entity: questions.entity(row),
                moment: questions.moments.get(row).copied()?,
                feature: set.features.get(place)?.name.clone(),
                found: written(found.get(row)),
                expected: written(expected.get(place)?.get(row)),
                reason: if later { LATER } else { OTHER },
            })
        });
        Ok(findings.collect())
    })
}

/// The columns of the features that are computed; what came with the row has nothing to be compared with.
fn columns(features: &[Rc<Definition>], given: &[questions::Given]) -> Result<Vec<Held>> {
    let (mut held, mut missing) = (Vec::new(), Vec::new());
    for (place, feature) in features.iter().enumerate() {
        if matches!(feature.kind, Kind::Request) {
            continue;
        }
        match given.iter().position(|column| column.name == feature.name) {
            None => missing.push(feature.name.as_str()),
            Some(column) => {
                let type_oid = given.get(column).map_or(pg_sys::InvalidOid, |column| column.type_oid);
                let values = Collected::new(!feature.value_type.is_number());
                held.push(Held { place, column, type_oid, values });
            }
        }
    }
    if held.is_empty() && !missing.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
            "the table has none of the set's features",
        )
        .detail(format!("The set has {}.", listing(&missing)))
        .hint("SELECT sira_build_training_set('table', 'set', 'SELECT …') makes one with all of them."));
    }
    Ok(held)
}

fn same(a: Content<'_>, b: Content<'_>) -> bool {
    match (a, b) {
        (Content::Number(a), Content::Number(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0)
        }
        (a, b) => a == b,
    }
}

fn written(content: Content<'_>) -> Option<String> {
    match content {
        Content::Null => None,
        Content::Number(number) => Some(number.to_string()),
        Content::Text(text) => Some(text.to_owned()),
    }
}
