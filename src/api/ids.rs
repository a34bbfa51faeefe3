//! Ids and tenants: what the data model's defaults and policies call.

use crate::catalog::{self, Home};
use crate::error::{Failure, Result, SqlResult};
use crate::features::POSTGRES_EPOCH_MICROS;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;
use pgrx::prelude::*;
use sira_core::registry::time_ordered_id;

/// The tenant that the current role works for; NULL where it is listed for none.
#[pg_extern(sql = false)]
fn sira_current_tenant(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<String>> {
    Ok(catalog::current_tenant(Home::of_call(fcinfo)?)?)
}

/// A UUID version 7 of the given time, exact to the microsecond.
#[pg_extern(sql = false)]
fn sira_uuid_v7(at: TimestampWithTimeZone) -> SqlResult<Uuid> {
    Ok(new_id(at.into_inner())?)
}

/// The time of a UUID version 7; NULL for an id of another version.
#[pg_extern(sql = false)]
fn sira_uuid_v7_time(id: Uuid) -> Option<TimestampWithTimeZone> {
    time_of(id)
}

/// The time that an id carries, where it is a version 7.
pub fn time_of(id: Uuid) -> Option<TimestampWithTimeZone> {
    let micros = time_ordered_id::micros(*id.as_bytes())?;
    TimestampWithTimeZone::try_from(micros - POSTGRES_EPOCH_MICROS).ok()
}

/// An id for a time in PostgreSQL's microseconds since 2000.
pub fn new_id(at: i64) -> Result<Uuid> {
    Ok(Uuid::from_bytes(time_ordered_id::encode(at.saturating_add(POSTGRES_EPOCH_MICROS), random()?)))
}

/// Random bytes of the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::internal(format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// An id of the running transaction's time, which is also its row's `created_at`.
pub fn new_prediction_id() -> Result<Uuid> {
    // SAFETY: reads a variable of the backend.
    new_id(unsafe { pg_sys::GetCurrentTransactionStartTimestamp() })
}
