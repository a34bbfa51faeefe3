//! What `sira_set_policy` asks before it stores a policy.

use crate::call;
use crate::error::{Failure, SqlResult};
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::policy::{Bands, DECISIONS};

/// Raises an error unless the bands cover the line once with known decisions.
#[pg_extern(sql = false)]
fn sira_check_bands(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<()> {
    if let Some(bands) = call::json_argument(fcinfo, 0)? {
        Bands::from_json(&bands).map_err(Failure::from)?;
    }
    Ok(())
}

/// Raises an error unless the decision is a known one.
#[pg_extern(sql = false)]
fn sira_check_decision(decision: &str) -> SqlResult<()> {
    if DECISIONS.contains(&decision) {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("decision \"{decision}\" is not known"),
    )
    .hint(format!("Choose one of {}.", DECISIONS.join(", ")))
    .into())
}
