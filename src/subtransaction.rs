//! Work whose failure may be survived.
//!
//! An error that PostgreSQL raised leaves behind what it was in the midst of: snapshots, pinned buffers, levels of SPI.
//! Only the end of a transaction clears that away, so whoever answers a failure instead of raising it must have had the
//! work done in a transaction of its own, as PL/pgSQL does for a block with EXCEPTION. It costs a microsecond or two,
//! and no transaction id unless the work writes.

use crate::error::Result;
use pgrx::pg_sys;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Does the work. Where it fails, all that it did is undone, and what it left open closed, before the failure is returned,
/// and before an error is raised on: a block with EXCEPTION further out would otherwise end this transaction instead of
/// its own.
pub fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: begun and ended in the same frame, whichever way the work ends; the caller's memory context and resource
    // owner are put back, which the end of a subtransaction leaves as those of the enclosing transaction.
    unsafe {
        let (context, owner) = (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner);
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        // What the work returns must outlive the subtransaction.
        pg_sys::MemoryContextSwitchTo(context);
        let outcome = catch_unwind(AssertUnwindSafe(work));
        if matches!(outcome, Ok(Ok(_))) {
            pg_sys::ReleaseCurrentSubTransaction();
        } else {
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
        }
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::CurrentResourceOwner = owner;
        outcome.unwrap_or_else(|error| resume_unwind(error))
    }
}
