//! A set computed for many entities, each at its own moment: what training sets are made of.
//!
//! Set-based, never one query a row. Windows over one relation are one scan of it and one sweep of the core for each
//! entity column; stored values are one scan and a merge; queries and derived features are evaluated by PostgreSQL for
//! ten thousand rows at a time. The answers are those that [`super::online`] would give at each moment, to the bit: the
//! same kernels answer, and sums do not depend on the order of rows.
//!
//! What differs is knowledge. Online, everything committed counts; a row of the past was asked about when less was
//! committed. So where a source says when its rows were recorded (`recorded_column`, and `recorded_at` of stored values)
//! only rows count that were recorded up to the row's `known_at`, which is its moment unless the query says otherwise.

mod derived;
pub mod ids;
pub mod json;
pub mod lint;
pub mod query;
pub mod questions;
mod stored;
pub mod table;
pub mod training;
mod values;
mod windows;

pub use questions::Questions;
pub use values::{Collected, Content, Values};

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::Kind;
use crate::feature::plan::Plan;
use crate::guc;
use crate::statement::Mode;
use pgrx::PgSqlErrorCode;

/// Rows that PostgreSQL evaluates at a time.
const BATCH: usize = 10_000;

/// How a computation meets the snapshot and the past.
#[derive(Clone, Copy)]
pub struct Reading {
    pub mode: Mode,
    /// Whether what was recorded after a row's `known_at` is left out.
    pub as_known: bool,
}

/// Computes the set of a plan for all questions: a column for each feature, in the set's order.
pub fn compute(home: Home, plan: &mut Plan, questions: &Questions, reading: Reading) -> Result<Vec<Values>> {
    plan.require_trust(home)?;
    let set = plan.set.clone();
    within_memory(questions.len(), set.features.len())?;
    let mut columns: Vec<Option<Values>> = set.features.iter().map(|_| None).collect();
    let mut put = |place: usize, values: Values| {
        if let Some(slot) = columns.get_mut(place) {
            *slot = Some(values);
        }
    };
    windows::compute(&set, &mut plan.windows, questions, reading, &mut put)?;
    for group in &plan.stored {
        stored::compute(home, &set, group, questions, reading, &mut put)?;
    }
    for feature in &plan.queries {
        put(feature.place, query::compute(&set, &feature.definition, questions, reading.mode)?);
    }
    for (place, feature) in set.features.iter().enumerate() {
        if matches!(feature.kind, Kind::Request) {
            put(place, questions.request(&feature.name).unwrap_or_else(|| Values::nulls(questions.len())));
        }
    }
    for derived in &plan.derived {
        let inputs = derived.inputs.iter().filter_map(|place| columns.get(*place)?.as_ref()).collect();
        let values = derived::compute(&set, derived, inputs, questions.len(), reading.mode)?;
        if let Some(slot) = columns.get_mut(derived.place) {
            *slot = Some(values);
        }
    }
    Ok(columns.into_iter().map(|values| values.unwrap_or_else(|| Values::nulls(questions.len()))).collect())
}

/// Holds what the answers will take against `sira.training_memory`.
pub fn within_memory(rows: usize, features: usize) -> Result<()> {
    let limit = u64::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
    // A number of eight bytes an answer, and about as much for the row itself and for sorting it.
    let needed = rows as u64 * (features as u64 * 8 + 64);
    if needed <= limit {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY,
        "the features would need more memory than they may have",
    )
    .detail(format!(
        "{rows} rows of {features} features take about {} MB, sira.training_memory is {} MB.",
        needed >> 20,
        limit >> 20
    ))
    .hint("Ask for fewer rows at a time, or have sira.training_memory raised."))
}
