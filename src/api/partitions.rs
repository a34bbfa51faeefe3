//! What maintenance of partitions cannot ask in SQL.

use pgrx::pg_sys;
use pgrx::prelude::*;

/// Whether the statement stands in a transaction block, whose locks outlive it.
#[pg_extern(sql = false)]
fn sira_in_transaction_block() -> bool {
    // SAFETY: reads a variable of the backend.
    unsafe { pg_sys::IsTransactionBlock() }
}
