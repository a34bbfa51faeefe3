//! Whose hand a statement is by: what is done in somebody's name must be done by them.
//!
//! `session_user` says who logged in, and stays so inside functions that others wrote and that run without being asked
//! for: an index function while a table is analysed, by autovacuum even, or a function with its definer's rights.

use crate::error::{Failure, Result};
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};

/// Whether the running statement is the session's own, with neither another's rights nor on behalf of a table.
#[pg_extern(sql = false)]
fn sira_own_hand() -> bool {
    // SAFETY: both read a variable of the backend.
    unsafe { !pg_sys::InSecurityRestrictedOperation() && !pg_sys::InLocalUserIdChange() }
}

/// Refuses what would bear the session's name without being its doing.
pub fn require_own(what: &str) -> Result<()> {
    if sira_own_hand() {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("{what} by whoever logged in, not by a function with another's rights"),
    )
    .hint("Call it directly, or from a function that is SECURITY INVOKER."))
}
