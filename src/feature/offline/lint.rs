//! Whether a training set holds what could be known at each row's moment, and nothing else.
//!
//! The proof is to compute the set again for the table's rows and compare. A value that differs is explained where it
//! can be: one that appears once later recordings count was not known yet. Numbers may differ by one part in 10⁹: sums
//! made elsewhere depend on the order of rows, and that is no leak.
//!
//! What a table says of itself is no proof. A `known_at` that sets no bound, NULL or infinite, is taken for the row's
//! moment. One that is later than the moment is right where the row was decided on then, such as the time at which the
//! row itself was recorded, and wrong anywhere else; nobody but its author knows. So what was recorded between the two,
//! and changed the value, is named as such. What was recorded at `known_at` itself is the row at hand.

use super::values::Collected;
use super::{Content, Questions, Reading, Values, questions};
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind};
use crate::feature::plan::{self, Plan};
use crate::feature::set::Set;
use crate::feature::source::Relation;
use crate::feature::{listing, row};
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
    /// Of the feature in the set.
    pub place: usize,
    pub feature: String,
    pub found: Option<String>,
    pub expected: Option<String>,
    pub reason: &'static str,
}

/// Reads with the caller's snapshot, up to what was known.
const AS_KNOWN: Reading = Reading { mode: Mode::Read, as_known: true };

/// It appears once recordings after the row's moment count.
const LATER: &str = "recorded after the row's moment";
/// It is what the row's `known_at` lets it be, and not what was known at the moment.
const CLAIMED: &str = "recorded after the row's moment, up to its known_at";
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
        let mut questions = Questions::read(
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
        let held: Vec<(usize, Values)> =
            held.into_inner().into_iter().map(|held| (held.place, held.values.finish())).collect();
        let bounds = questions.known.take().map(|known| bounds(&known, &questions.moments));
        questions.known.clone_from(&bounds);
        let expected = super::compute(home, plan, &questions, AS_KNOWN)?;
        let mut findings = differing(home, plan, &questions, &held, &expected)?;
        if let Some(bounds) = bounds {
            findings.extend(claimed(home, plan, &mut questions, &bounds, &held, &expected)?);
        }
        findings.sort_by_key(|finding| (finding.row, finding.place));
        Ok(findings)
    })
}

/// The table's values that are not what could be known.
fn differing(
    home: Home,
    plan: &mut Plan,
    questions: &Questions,
    held: &[(usize, Values)],
    expected: &[Values],
) -> Result<Vec<Finding>> {
    let mut differing = Vec::new();
    for (place, found) in held {
        let Some(values) = expected.get(*place) else { continue };
        differing.extend(
            (0..questions.len())
                .filter(|row| !same(found.get(*row), values.get(*row)))
                .map(|row| (row, *place, found, values)),
        );
    }
    if differing.is_empty() {
        return Ok(Vec::new());
    }
    let unbounded = super::compute(home, plan, questions, Reading { as_known: false, ..AS_KNOWN })?;
    let findings = differing.into_iter().filter_map(|(row, place, found, expected)| {
        let later = unbounded.get(place).is_some_and(|values| same(found.get(row), values.get(row)));
        finding(&plan.set, questions, (row, place), found, expected, if later { LATER } else { OTHER })
    });
    Ok(findings.collect())
}

/// The table's values that what was recorded between a row's moment and its `known_at` explains.
fn claimed(
    home: Home,
    plan: &mut Plan,
    questions: &mut Questions,
    bounds: &[i64],
    held: &[(usize, Values)],
    expected: &[Values],
) -> Result<Vec<Finding>> {
    let claims: Vec<usize> = (0..questions.len())
        .filter(|row| bounds.get(*row).zip(questions.moments.get(*row)).is_some_and(|(until, at)| until > at))
        .collect();
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    questions.known = Some(bounds.iter().zip(&questions.moments).map(|(until, at)| *until.min(at)).collect());
    let at_moment = super::compute(home, plan, questions, AS_KNOWN)?;
    let before = |(until, at): (&i64, &i64)| if until > at { until - 1 } else { *until };
    questions.known = Some(bounds.iter().zip(&questions.moments).map(before).collect());
    let before = super::compute(home, plan, questions, AS_KNOWN)?;
    let mut findings = Vec::new();
    for (place, found) in held {
        let values = (expected.get(*place), at_moment.get(*place), before.get(*place));
        let (Some(expected), Some(at_moment), Some(before)) = values else { continue };
        let claimed = claims.iter().copied().filter(|row| {
            same(found.get(*row), expected.get(*row))
                && !same(found.get(*row), at_moment.get(*row))
                && !same(before.get(*row), at_moment.get(*row))
        });
        findings.extend(
            claimed.filter_map(|row| finding(&plan.set, questions, (row, *place), found, at_moment, CLAIMED)),
        );
    }
    Ok(findings)
}

fn finding(
    set: &Set,
    questions: &Questions,
    (row, place): (usize, usize),
    found: &Values,
    expected: &Values,
    reason: &'static str,
) -> Option<Finding> {
    Some(Finding {
        row: row as i64 + 1,
        entity: questions.entity(row),
        moment: questions.moments.get(row).copied()?,
        place,
        feature: set.features.get(place)?.name.clone(),
        found: written(found.get(row)),
        expected: written(expected.get(row)),
        reason,
    })
}

/// Up to when each row may know: what sets no bound is held to the row's moment.
fn bounds(known: &[i64], moments: &[i64]) -> Vec<i64> {
    let bound = |(known, moment): (&i64, &i64)| if *known == i64::MAX { *moment } else { *known };
    known.iter().zip(moments).map(bound).collect()
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
