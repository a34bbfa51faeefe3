//! What jobs need of the library: a worker after the commit, and reports that others can read.

use crate::call;
use crate::catalog::Home;
use crate::error::{Failure, SqlResult};
use crate::worker::{BACKGROUND_JOBS, progress, start};
use pgrx::JsonB;
use pgrx::datum::{TimestampWithTimeZone, Uuid, to_timestamp};
use pgrx::iter::TableIterator;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::time::SystemTime;

/// Has a worker started for a role when the transaction commits.
#[pg_extern(sql = false)]
fn sira_wish_worker(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<bool> {
    let role = call::argument::<pg_sys::Oid>(fcinfo, 0).unwrap_or(pg_sys::InvalidOid);
    let always = call::argument::<bool>(fcinfo, 1).unwrap_or(false);
    // SAFETY: reads shared memory.
    if unsafe { pg_sys::RecoveryInProgress() } {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_READ_ONLY_SQL_TRANSACTION,
            "a standby runs no jobs",
        )
        .hint("Queue and run them on the primary.")
        .into());
    }
    if !always && !BACKGROUND_JOBS.get() {
        return Ok(false);
    }
    start::wish(Home::of_call(fcinfo)?, role);
    Ok(true)
}

/// Lets reports be those of a job until the transaction ends.
#[pg_extern(sql = false)]
fn sira_progress_open(id: Uuid) {
    progress::open(id);
}

/// What the worker of a job has reported last.
#[pg_extern(sql = false)]
fn sira_live_progress(
    id: Uuid,
) -> TableIterator<'static, (name!(progress, JsonB), name!(reported_at, Option<TimestampWithTimeZone>))> {
    let reported = progress::read(id).map(|reported| (JsonB(reported.progress), timestamp(reported.at)));
    TableIterator::new(reported)
}

/// Removes the files of reports whose worker is gone.
#[pg_extern(sql = false)]
fn sira_collect_progress() -> i64 {
    progress::collect()
}

fn timestamp(time: SystemTime) -> Option<TimestampWithTimeZone> {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
    Some(to_timestamp(seconds))
}
