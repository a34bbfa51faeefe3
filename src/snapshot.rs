//! What a statement can see, as a value that can be compared.
//!
//! The version in production is read once a statement and kept in the function's call state. PL/pgSQL
//! keeps the call state of simple expressions for a whole transaction, so "once a statement" needs a
//! test: two looks with equal [`View`]s see the same rows. For a given `xmin` and `xmax` the set of
//! transactions still running can only shrink, hence its size stands for it; the command counter and
//! the (sub)transaction stand for the session's own writes and their rollback.

use crate::guc;
use pgrx::pg_sys;

// Each of these reads a variable of the backend and none can raise an error, so they are called without the
// guard that pgrx puts around every call: a look costs less than the guards would, and there is one a row.
unsafe extern "C" {
    fn ActiveSnapshotSet() -> bool;
    fn GetActiveSnapshot() -> pg_sys::Snapshot;
    fn GetTopTransactionIdIfAny() -> pg_sys::TransactionId;
    fn GetCurrentSubTransactionId() -> pg_sys::SubTransactionId;
    fn GetUserId() -> pg_sys::Oid;
}

/// Everything that decides what a look-up in the registry answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    xmin: u32,
    xmax: u32,
    running: (u32, i32),
    command: u32,
    transaction: u32,
    subtransaction: u32,
    user: u32,
    /// How often `sira.tenant` had been set.
    tenant: u32,
}

impl View {
    /// The view of the statement that is running.
    pub fn current() -> Self {
        // SAFETY: functions are called within a statement, which has an active snapshot; the fields are
        // plain numbers read at once.
        unsafe {
            let snapshot =
                if ActiveSnapshotSet() { GetActiveSnapshot() } else { pg_sys::GetTransactionSnapshot() };
            Self {
                xmin: xid((*snapshot).xmin),
                xmax: xid((*snapshot).xmax),
                running: ((*snapshot).xcnt, (*snapshot).subxcnt),
                command: (*snapshot).curcid,
                transaction: xid(GetTopTransactionIdIfAny()),
                subtransaction: GetCurrentSubTransactionId(),
                user: GetUserId().to_u32(),
                tenant: guc::tenant_changes(),
            }
        }
    }
}

fn xid(transaction: pg_sys::TransactionId) -> u32 {
    transaction.into_inner()
}
