//! Snapshots of feature sets: `sira_materialize_snapshots`, `sira_backfill_features`, `sira_latest_snapshot`, and what
//! the pipeline is made of.

use crate::call;
use crate::catalog::Home;
use crate::error::{Failure, Result, SqlResult};
use crate::feature::{definition, snapshots};
use pgrx::JsonB;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::iter::{SetOfIterator, TableIterator};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

fn need<T: FromDatum>(
    fcinfo: pg_sys::FunctionCallInfo,
    position: usize,
    name: &str,
    hint: &str,
) -> Result<T> {
    call::argument(fcinfo, position).ok_or_else(|| call::null_argument(name, hint))
}

fn micros(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<i64> {
    call::argument::<TimestampWithTimeZone>(fcinfo, position).map(TimestampWithTimeZone::into_inner)
}

/// A length of time whose days have 24 hours.
fn length(name: &str, interval: &Interval) -> Result<i64> {
    definition::micros(interval).ok_or_else(|| {
        let (why, detail) = if interval.months() == 0 {
            ("is too long", "A length has at most 292,000 years of days.")
        } else {
            ("has months or years", "They differ in length.")
        };
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("\"{name}\" {why}"))
            .detail(detail)
            .hint("Give days or hours.")
    })
}

/// Rows written: a snapshot of each entity that changed, of all, or of those that are named.
#[pg_extern(sql = false)]
fn sira_materialize_snapshots(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i64> {
    let set: String = need(fcinfo, 0, "set", "SELECT sira_materialize_snapshots('cards');")?;
    let entities: Option<Vec<Option<String>>> = call::argument(fcinfo, 2);
    let full = call::argument(fcinfo, 3).unwrap_or(false);
    let home = Home::of_call(fcinfo)?;
    Ok(snapshots::materialize(home, &set, micros(fcinfo, 1), entities, full)?)
}

/// Rows written: a snapshot of each entity at each moment of a range.
#[pg_extern(sql = false)]
fn sira_backfill_features(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i64> {
    let hint = "SELECT sira_backfill_features('cards', '2026-01-01', '2026-02-01', '1 day');";
    let set: String = need(fcinfo, 0, "set", hint)?;
    let from: TimestampWithTimeZone = need(fcinfo, 1, "from_ts", hint)?;
    let to: TimestampWithTimeZone = need(fcinfo, 2, "to_ts", hint)?;
    let step = length("step", &need::<Interval>(fcinfo, 3, "step", hint)?)?;
    let home = Home::of_call(fcinfo)?;
    Ok(snapshots::backfill(home, &set, from.into_inner(), to.into_inner(), step)?)
}

type Found = (name!(snapshot_ts, TimestampWithTimeZone), name!(set_version, i32), name!(features, JsonB));

/// The newest snapshot of an entity, or no row.
#[pg_extern(sql = false)]
fn sira_latest_snapshot(
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<
    TableIterator<
        'static,
        (name!(snapshot_ts, TimestampWithTimeZone), name!(set_version, i32), name!(features, JsonB)),
    >,
    ErrorReport,
> {
    let hint = "SELECT * FROM sira_latest_snapshot('cards', '42');";
    let set: String = need(fcinfo, 0, "set", hint)?;
    let entity: String = need(fcinfo, 1, "entity_id", hint)?;
    let as_of: TimestampWithTimeZone = need(fcinfo, 2, "as_of", hint)?;
    let max_age = call::argument::<Interval>(fcinfo, 3).map(|age| length("max_age", &age)).transpose()?;
    let found = snapshots::latest::latest(Home::of_call(fcinfo)?, &set, &entity, as_of, max_age)?;
    Ok(TableIterator::new(found.map(|found| -> Found { (found.at, found.version, found.features) })))
}

/// The entities that an incremental run would compute.
#[pg_extern(sql = false)]
fn sira_changed_entities(
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<SetOfIterator<'static, String>, ErrorReport> {
    let set: String = need(fcinfo, 0, "set", "SELECT sira_changed_entities('cards');")?;
    let home = Home::of_call(fcinfo)?;
    Ok(SetOfIterator::new(snapshots::changed(home, &set, micros(fcinfo, 1), micros(fcinfo, 2))?))
}

/// The moment before which nothing can be committed any more.
#[pg_extern(sql = false)]
fn sira_settled_at(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<TimestampWithTimeZone>> {
    let settled = snapshots::settled(Home::of_call(fcinfo)?)?;
    Ok(TimestampWithTimeZone::try_from(settled).ok())
}
