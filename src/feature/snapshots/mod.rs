//! Snapshots: a set computed for many entities at one moment and kept, so that serving reads a row.
//!
//! The history of an entity and a set is a row for each moment, and the latest moment is served. A run only ever writes
//! rows of its own moment: what is written late about the past cannot hide what is newer.
//!
//! A run that names no entities is incremental. It takes those whose values can have changed since the watermark: rows
//! came into a window, left one, or were recorded ([`entities`]). So the latest snapshots are what computing everybody
//! anew would give, but for values that change by the clock alone (`time_since`, a query that reads the moment) and for
//! late rows of sources that do not say when theirs were recorded. A full run computes everybody. The watermark stays
//! behind whatever may still be committed ([`watermark`]).
//!
//! Rows are written in the order of moment and entity by everybody, so that two writers wait for each other and cannot
//! deadlock; nobody takes a lock that a reader would wait for.

mod entities;
pub mod latest;
mod store;
mod watermark;

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::Kind;
use crate::feature::offline::{self, Questions, Reading};
use crate::feature::plan::{self, Plan};
use crate::feature::set::Set;
use crate::guc;
use crate::statement::Mode;
use pgrx::{PgSqlErrorCode, pg_sys};

pub use watermark::settled;

/// Reads what is committed when each statement begins: a run that waited for another sees what that one wrote.
const READING: Reading = Reading { mode: Mode::Write, as_known: true };

/// The most moments of one backfill.
const MOST_MOMENTS: i64 = 100_000;

/// Writes a snapshot for each entity and gives their number; where none are named, the entities are all in a `full` run,
/// else those that changed.
pub fn materialize(
    home: Home,
    reference: &str,
    as_of: Option<i64>,
    named: Option<Vec<Option<String>>>,
    full: bool,
) -> Result<i64> {
    if full && named.is_some() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "a full run names no entities",
        )
        .hint("Leave out entity_ids, or full."));
    }
    let as_of = moment(as_of)?;
    plan::with(home, reference, |plan| {
        materializable(&plan.set)?;
        let mut writer = Writer::new(home, plan);
        if let Some(named) = named {
            let mut named = entities::as_written(plan, named.into_iter().flatten().collect())?;
            named.sort_unstable();
            named.dedup();
            return writer.write(plan, as_of, named).and_then(|()| writer.finish(plan));
        }
        watermark::serialize(home, &plan.set)?;
        // Before anything is read: what commits after this is for the next run.
        let settled = settled(home)?;
        let as_of = after_waiting(as_of);
        let entities = if full {
            entities::all(home, plan, as_of)?
        } else {
            let since = watermark::read(home, &plan.set)?.filter(|since| *since < as_of);
            entities::changed(home, plan, since, as_of)?
        };
        writer.write(plan, as_of, entities)?;
        let written = writer.finish(plan)?;
        // One snapshot for the whole transaction may be older than what has settled.
        // SAFETY: reads a variable of the backend.
        if unsafe { pg_sys::XactIsoLevel } < pg_sys::XACT_REPEATABLE_READ as i32 {
            watermark::advance(home, &plan.set, settled.min(as_of))?;
        }
        Ok(written)
    })
}

/// Writes a snapshot of every entity that is known at each moment of a range.
pub fn backfill(home: Home, reference: &str, from: i64, to: i64, step: i64) -> Result<i64> {
    let invalid = |message: &str| Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message);
    if step <= 0 {
        return Err(invalid("\"step\" is not positive").hint("Give an interval such as '1 day'."));
    }
    let (from, to) = (moment(Some(from))?, moment(Some(to))?);
    if from > to {
        return Err(
            invalid("the range of a backfill ends before it begins").hint("Exchange from_ts and to_ts.")
        );
    }
    let moments = (to - from) / step + 1;
    if moments > MOST_MOMENTS {
        return Err(invalid("a backfill has too many moments")
            .detail(format!("They are {moments}, at most {MOST_MOMENTS} go at once."))
            .hint("Take a longer step or a shorter range."));
    }
    plan::with(home, reference, |plan| {
        materializable(&plan.set)?;
        watermark::serialize(home, &plan.set)?;
        let mut writer = Writer::new(home, plan);
        for number in 0..moments {
            let at = from + number * step;
            let known = entities::changed(home, plan, None, at)?;
            writer.write(plan, at, known)?;
        }
        writer.finish(plan)
    })
}

/// The entities of which a value can have changed between two moments, all that are known where there is no first one.
pub fn changed(home: Home, reference: &str, since: Option<i64>, as_of: Option<i64>) -> Result<Vec<String>> {
    let as_of = moment(as_of)?;
    plan::with(home, reference, |plan| {
        materializable(&plan.set)?;
        entities::changed(home, plan, since.filter(|since| *since < as_of), as_of)
    })
}

/// Entities and moments that wait to be computed together.
struct Writer {
    home: Home,
    together: usize,
    waiting: Vec<(i64, String)>,
    written: i64,
}

impl Writer {
    /// As many rows go together as a quarter of `sira.training_memory` holds: their sources' rows need room too.
    fn new(home: Home, plan: &Plan) -> Self {
        let memory = usize::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
        let together = (memory / 4 / (plan.set.features.len() * 8 + 64)).clamp(1_000, 500_000);
        Self { home, together, waiting: Vec::new(), written: 0 }
    }

    /// Takes entities in their order.
    fn write(&mut self, plan: &mut Plan, at: i64, entities: Vec<String>) -> Result<()> {
        for entity in entities {
            self.waiting.push((at, entity));
            if self.waiting.len() >= self.together {
                self.flush(plan)?;
            }
        }
        Ok(())
    }

    fn flush(&mut self, plan: &mut Plan) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let questions = Questions::of_entities(&plan.set, &waiting);
        let columns = offline::compute(self.home, plan, &questions, READING)?;
        self.written += store::store(self.home, &plan.set, &waiting, &columns)?;
        Ok(())
    }

    fn finish(mut self, plan: &mut Plan) -> Result<i64> {
        self.flush(plan)?;
        Ok(self.written)
    }
}

/// The moment of a run: now unless it is given, and never later: a snapshot of the future would be served as it came
/// and would hide what happens until then.
fn moment(given: Option<i64>) -> Result<i64> {
    // SAFETY: reads variables of the backend, and the clock.
    let (transaction, now) =
        unsafe { (pg_sys::GetCurrentTransactionStartTimestamp(), pg_sys::GetCurrentTimestamp()) };
    match given {
        None => Ok(transaction),
        Some(i64::MIN | i64::MAX) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_DATETIME_FIELD_OVERFLOW,
            "the moment of a snapshot is infinite",
        )
        .hint("Give the moment that the snapshots shall describe.")),
        Some(given) if given > now => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the moment of a snapshot lies in the future",
        )
        .detail(format!("By {:.3} seconds.", (given - now) as f64 / 1e6))
        .hint("Leave as_of out for now.")),
        Some(given) => Ok(given),
    }
}

/// The moment of a run that means now and may have waited for another: now, again. Its own beginning may lie before the
/// moment of a snapshot of named entities that did not see what this run sees, and what it writes would be hidden.
///
/// Within a transaction block now stays its beginning, and under one snapshot for the whole transaction nothing newer
/// would be seen.
fn after_waiting(as_of: i64) -> i64 {
    // SAFETY: reads variables of the backend, and the clock.
    unsafe {
        let is_now = as_of == pg_sys::GetCurrentTransactionStartTimestamp();
        let one_snapshot = pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as i32;
        if is_now && !one_snapshot && !pg_sys::IsTransactionBlock() {
            pg_sys::GetCurrentTimestamp()
        } else {
            as_of
        }
    }
}

/// Whether an entity's id is all that the set needs: ids of other entities come with a row that is scored, and no
/// snapshot has one.
fn materializable(set: &Set) -> Result<()> {
    let stranger = set.features.iter().find(|feature| {
        !matches!(feature.kind, Kind::Derived { .. } | Kind::Request)
            && feature.entity_type != set.entity_type
    });
    match stranger {
        None => Ok(()),
        Some(feature) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("feature set \"{}\" has no snapshots", set.name),
        )
        .detail(format!(
            "Its feature \"{}\" is about a {}, and a {} alone does not say which.",
            feature.name, feature.entity_type, set.entity_type
        ))
        .hint(format!(
            "Define a set of the features about a {0}, and materialise that: SELECT sira_define_feature_set(…, '{0}', …);",
            feature.entity_type
        ))),
    }
}
