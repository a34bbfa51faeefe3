//! Features that are queries over `$entity_id` and `$as_of`.

use crate::error::{Failure, Result};
use crate::feature::check::Clause;
use crate::feature::definition::{Definition, Kind};
use crate::feature::pinned::Pinned;
use crate::feature::prepared::{self, Prepared};
use crate::feature::row::{self, Content};
use crate::statement::Mode;
use pgrx::{IntoDatum, PgSqlErrorCode, pg_sys};
use sira_core::template::{self, Bound};
use std::rc::Rc;

/// What a query may ask with.
pub const PLACEHOLDERS: [&str; 2] = ["entity_id", "as_of"];

/// The types of the parameters that stand for them.
pub const TYPES: [pg_sys::Oid; 2] = [pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID];

/// A query feature of a set, with its plan.
pub struct Query {
    pub place: usize,
    pub definition: Rc<Definition>,
    plan: Option<Prepared>,
}

/// The query with parameters for its placeholders.
pub fn bind(query: &str) -> Result<Bound> {
    Ok(template::bind(query, &PLACEHOLDERS, |name| match name {
        "entity_id" => Some("($1::pg_catalog.text)"),
        "as_of" => Some("($2::pg_catalog.timestamptz)"),
        _ => None,
    })?)
}

/// The error for a query that does not settle on one value for an entity.
pub fn several(definition: &Definition, entity: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_CARDINALITY_VIOLATION,
        format!("the query of feature \"{}\" gives more than one row", definition.name),
    )
    .detail(format!("It was asked for entity \"{entity}\"."))
    .hint("Aggregate, or write ORDER BY … LIMIT 1.")
}

impl Query {
    pub fn new(place: usize, definition: Rc<Definition>) -> Self {
        Self { place, definition, plan: None }
    }

    /// The value for an entity at a moment; none where the query gives no row.
    pub fn compute(&mut self, entity: &str, moment: i64, mode: Mode) -> Result<Option<Content>> {
        let Kind::Sql(text) = &self.definition.kind else { return Ok(None) };
        let _pinned = Pinned::under(&self.definition.search_path)?;
        let (definition, plan) = (&self.definition, &mut self.plan);
        prepared::explained(
            |raised| {
                raised.cause_of(
                    format!("the query of feature \"{}\" failed", definition.name),
                    "If what it reads has changed, define the feature and its sets again.".to_owned(),
                )
            },
            || {
                let plan = match plan {
                    Some(plan) if plan.is_valid() => plan,
                    _ => plan.insert(Prepared::of_definition(
                        Clause { feature: &definition.name, part: "query" },
                        &bind(text)?.sql,
                        &TYPES,
                    )?),
                };
                let type_oid = plan.types().first().copied().unwrap_or(pg_sys::InvalidOid);
                let mut rows = 0;
                let mut content = None;
                let arguments = [entity.into_datum(), Some(pg_sys::Datum::from(moment))];
                plan.each(mode, &arguments, 2, |found| {
                    rows += 1;
                    content = Some(match found.get(0) {
                        None => Content::Null,
                        // SAFETY: a non-null value of the plan's only column.
                        Some(datum) => unsafe { row::of_datum(definition, type_oid, datum) }?,
                    });
                    Ok(())
                })?;
                if rows > 1 {
                    return Err(several(definition, entity));
                }
                Ok(content)
            },
        )
    }
}
