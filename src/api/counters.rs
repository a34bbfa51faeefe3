//! The counters as SQL reads them, and the throttles that budgets set.

use crate::catalog::{self, Home};
use crate::counters::budget;
use crate::counters::file::Counters;
use crate::counters::record::{self, Throttle};
use crate::counters::slots::{self, Key, Limit};
use crate::error::{Failure, Result, SqlResult};
use pgrx::datum::{TimestampWithTimeZone, Uuid, to_timestamp};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::latency;
use sira_core::policy::DECISIONS;

/// One slot, as a row.
type Counted = (
    Option<String>,
    Option<Uuid>,
    Option<Uuid>,
    Option<String>,
    i64,
    i64,
    i64,
    i64,
    i64,
    i64,
    f64,
    f64,
    Option<TimestampWithTimeZone>,
    Vec<i64>,
    Vec<i64>,
    Vec<i64>,
    Option<String>,
    i64,
    Option<TimestampWithTimeZone>,
);

/// The counters that the caller may see: those of its tenant; for superusers and the extension's owner all of them.
#[pg_extern(sql = false)]
fn sira_counters(
    fcinfo: pg_sys::FunctionCallInfo,
) -> std::result::Result<
    TableIterator<
        'static,
        (
            name!(tenant_id, Option<String>),
            name!(model_id, Option<Uuid>),
            name!(model_version_id, Option<Uuid>),
            name!(variant, Option<String>),
            name!(calls, i64),
            name!(row_count, i64),
            name!(errors, i64),
            name!(fallbacks, i64),
            name!(cache_hits, i64),
            name!(cache_misses, i64),
            name!(seconds, f64),
            name!(score_sum, f64),
            name!(last_at, Option<TimestampWithTimeZone>),
            name!(decisions, Vec<i64>),
            name!(latencies, Vec<i64>),
            name!(scores, Vec<i64>),
            name!(throttle, Option<String>),
            name!(origin, i64),
            name!(since, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    let home = Home::of_call(fcinfo)?;
    // SAFETY: read variables of the backend and the syscache.
    let sees_all = unsafe { pg_sys::superuser() || pg_sys::GetUserId() == home.owner };
    let tenant = if sees_all { None } else { Some(catalog::require_tenant(home)?) };
    let counters = record::counters().map_err(no_file)?;
    let nobodys = [slots::UNRESOLVED, slots::OVERFLOW]
        .into_iter()
        .filter(|at| {
            sees_all
                && slots::word(counters.slot(*at), slots::ERRORS)
                    + slots::word(counters.slot(*at), slots::CALLS)
                    > 0
        })
        .map(|at| row(&counters, at, Key { variant: nobodys_name(at).to_owned(), ..Key::default() }));
    let owned = slots::owned(&counters)
        .filter(|(_, key)| tenant.as_ref().is_none_or(|tenant| *tenant == key.tenant))
        .map(|(at, key)| row(&counters, at, key));
    Ok(TableIterator::new(nobodys.chain(owned).collect::<Vec<_>>()))
}

fn row(counters: &Counters, at: usize, key: Key) -> Counted {
    let slot = counters.slot(at);
    let word = |at: usize| i64::try_from(slots::word(slot, at)).unwrap_or(i64::MAX);
    let words = |from: usize, count: usize| (from..from + count).map(word).collect();
    let id = |bytes: [u8; 16]| Some(bytes).filter(|bytes| *bytes != [0; 16]).map(Uuid::from_bytes);
    (
        Some(key.tenant).filter(|tenant| !tenant.is_empty()),
        id(key.model),
        id(key.version),
        Some(key.variant).filter(|variant| !variant.is_empty()),
        word(slots::CALLS),
        word(slots::ROWS),
        word(slots::ERRORS),
        word(slots::FALLBACKS),
        word(slots::CACHE_HITS),
        word(slots::CACHE_MISSES),
        slots::word(slot, slots::NANOS) as f64 / 1e9,
        slots::word(slot, slots::SCORE_SUM) as f64 / slots::SCORE_UNIT,
        timestamp(slots::word(slot, slots::LAST)),
        words(slots::DECIDED, DECISIONS.len()),
        words(slots::LATENCIES, latency::BUCKETS),
        words(slots::SCORES, slots::SCORE_BINS),
        Throttle::of_word(slots::word(slot, slots::THROTTLE)).name().map(str::to_owned),
        // As PostgreSQL's whole numbers go.
        counters.origin().cast_signed(),
        timestamp(counters.born()),
    )
}

/// What the slots that are nobody's count.
fn nobodys_name(at: usize) -> &'static str {
    if at == slots::UNRESOLVED { "unresolved" } else { "overflow" }
}

fn timestamp(micros: u64) -> Option<TimestampWithTimeZone> {
    (micros > 0).then(|| to_timestamp(micros as f64 / 1e6))
}

fn no_file(error: std::io::Error) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the file of counters cannot be used: {error}"),
    )
    .hint("SELECT * FROM sira_doctor();")
}

/// What keeps counters from being whole and what to type, a row where there is something.
#[pg_extern(sql = false)]
fn sira_counters_problem() -> TableIterator<'static, (name!(problem, String), name!(remedy, String))> {
    TableIterator::new(match record::counters() {
        Err(error) => Some((
            format!("nothing is counted: {error}"),
            "let the server's account write to the folder pgsql_tmp_sira of the data directory".to_owned(),
        )),
        Ok(counters) if slots::is_full(&counters) => Some((
            format!(
                "some versions have no counters of their own: of {} slots a tenant gets no more than it leaves to the others",
                slots::SLOTS
            ),
            "SELECT sira_aggregate_hourly_metrics(); SELECT sira_reset_counters();".to_owned(),
        )),
        Ok(_) => None,
    })
}

/// Lets all counters begin at zero: the file is removed, and made anew by whoever counts next.
#[pg_extern(sql = false)]
fn sira_reset_counters() -> SqlResult<bool> {
    let counters = record::counters().map_err(no_file)?;
    counters.remove().map_err(no_file)?;
    Ok(record::counters().map_err(no_file)?.origin() != counters.origin())
}

/// Lets exactly these throttles hold. A model NULL stands for all of the tenant's.
#[pg_extern(sql = false)]
fn sira_set_throttles(
    tenants: Vec<Option<String>>,
    models: Vec<Option<Uuid>>,
    actions: Vec<Option<String>>,
    shares: Vec<Option<f64>>,
) -> SqlResult<i32> {
    let limits = tenants
        .into_iter()
        .zip(models)
        .zip(actions.iter().zip(shares))
        .map(|((tenant, model), (action, share))| {
            Ok(Limit {
                tenant: tenant.unwrap_or_default(),
                model: model.map_or([0; 16], |model| *model.as_bytes()),
                throttle: budget::declared(action.as_deref(), share)?.word(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    if limits.is_empty() && !Counters::is_there() {
        return Ok(0);
    }
    let counters = record::counters().map_err(no_file)?;
    slots::limit(&counters, &limits).map_err(no_file)?;
    Ok(i32::try_from(limits.len()).unwrap_or(i32::MAX))
}

/// What was counted since: place by place, or all of it where a counter has gone back.
#[pg_extern(sql = false)]
fn sira_counts_since(now: Vec<Option<i64>>, before: Vec<Option<i64>>) -> Vec<i64> {
    let at = |counts: &[Option<i64>], place: usize| counts.get(place).copied().flatten().unwrap_or(0);
    (0..now.len())
        .map(|place| match (at(&now, place), at(&before, place)) {
            (now, before) if now >= before => now - before,
            (now, _) => now,
        })
        .collect()
}

/// A quantile of a histogram of latencies, in seconds.
#[pg_extern(sql = false)]
fn sira_latency_quantile(latencies: Vec<Option<i64>>, q: f64) -> Option<f64> {
    let counts: Vec<u64> = latencies
        .into_iter()
        .map(|count| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
        .collect();
    latency::quantile(&counts, q).map(|nanos| nanos / 1e9)
}

/// The upper bounds of the histogram's buckets in seconds; the last one has none.
#[pg_extern(sql = false)]
fn sira_latency_bounds() -> Vec<f64> {
    (0..latency::BUCKETS).map_while(latency::upper_bound).map(|nanos| nanos as f64 / 1e9).collect()
}
