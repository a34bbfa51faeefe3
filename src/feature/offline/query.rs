//! Features that are queries, for many entities in one statement each ten thousand.

use super::{BATCH, Questions, Values, values::Collected};
use crate::error::Result;
use crate::feature::check::Clause;
use crate::feature::definition::{Definition, Kind};
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::query::{PLACEHOLDERS, several};
use crate::feature::row::{self, Content};
use crate::feature::set::Set;
use crate::statement::Mode;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::{IntoDatum, pg_sys};
use sira_core::template;
use std::collections::HashMap;

/// The types of the parameters of [`over_many`].
pub const TYPES: [pg_sys::Oid; 2] = [pg_sys::TEXTARRAYOID, pg_sys::TIMESTAMPTZARRAYOID];

/// Asks the query of a feature for every question.
pub fn compute(set: &Set, definition: &Definition, questions: &Questions, mode: Mode) -> Result<Values> {
    let mut collected = Collected::new(!definition.value_type.is_number());
    let Kind::Sql(query) = &definition.kind else { return Ok(Values::nulls(questions.len())) };
    let Some(ids) = questions.ids_of(set, &definition.entity_type) else {
        return Ok(Values::nulls(questions.len()));
    };
    let _pinned = Pinned::under(&definition.search_path)?;
    prepared::explained(
        |raised| {
            raised.cause_of(
                format!("the query of feature \"{}\" failed", definition.name),
                "If what it reads has changed, define the feature and its sets again.".to_owned(),
            )
        },
        || {
            let plan = Prepared::of_definition(
                Clause { feature: &definition.name, part: "query" },
                &over_many(query)?,
                &TYPES,
            )?;
            let type_oid = plan.types().get(1).copied().unwrap_or(pg_sys::InvalidOid);
            let mut from = 0;
            while from < questions.len() {
                pgrx::check_for_interrupts!();
                let until = (from + BATCH).min(questions.len());
                let entities: Vec<Option<String>> = (from..until).map(|row| ids.text(row)).collect();
                let moments: Vec<Option<TimestampWithTimeZone>> = questions
                    .moments
                    .get(from..until)
                    .unwrap_or_default()
                    .iter()
                    .map(|moment| TimestampWithTimeZone::try_from(*moment).ok())
                    .collect();
                let mut answers: HashMap<i64, Content> = HashMap::with_capacity(until - from);
                plan.each(mode, &[entities.clone().into_datum(), moments.into_datum()], 0, |found| {
                    let Some(place) = found.get(0).map(|datum| datum.value() as i64) else { return Ok(()) };
                    let content = match found.get(1) {
                        None => Content::Null,
                        // SAFETY: a non-null value of the plan's second column.
                        Some(datum) => unsafe { row::of_datum(definition, type_oid, datum) }?,
                    };
                    match answers.insert(place, content) {
                        None => Ok(()),
                        Some(_) => Err(several(
                            definition,
                            entities.get(place as usize - 1).and_then(Option::as_deref).unwrap_or_default(),
                        )),
                    }
                })?;
                for place in 1..=(until - from) as i64 {
                    collected.push(answers.remove(&place).unwrap_or(Content::Null));
                }
                from = until;
            }
            Ok(())
        },
    )?;
    Ok(collected.finish())
}

/// The query for each element of two arrays: $1 the entities, $2 the moments. Of no entity there is nothing to ask, as
/// online.
pub fn over_many(query: &str) -> Result<String> {
    let bound = template::bind(query, &PLACEHOLDERS, |name| match name {
        "entity_id" => Some("(sira_asked.entity_id)"),
        "as_of" => Some("(sira_asked.as_of)"),
        _ => None,
    })?;
    Ok(format!(
        "SELECT sira_asked.place, sira_found.* \
         FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) WITH ORDINALITY \
         AS sira_asked(entity_id, as_of, place), LATERAL ({}\n) AS sira_found \
         WHERE sira_asked.entity_id IS NOT NULL",
        bound.sql
    ))
}
