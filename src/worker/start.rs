//! Starting a worker once the transaction that queued a job has committed.
//!
//! The request is made while the transaction runs and acted upon in its commit callback. There nothing may fail: the
//! transaction is committed, and an error would be a PANIC. So all that could fail is done before, and what is left,
//! `RegisterDynamicBackgroundWorker` without a handle, allocates nothing and answers false where no slot is free. The other
//! way, a worker registered at once that waits for the transaction to end, would take a slot for as long as the transaction
//! runs, and for one that rolls back too. By the time of the callback the rows are visible to everybody, and have reached
//! the synchronous standbys.
//!
//! PREPARE TRANSACTION forgets the request: whoever commits it later is another session. Such a job, like one for which no
//! slot was free, waits for the next worker or for `CALL sira_run_jobs()`.

use super::WORKER;
use crate::cache::folder;
use crate::catalog::Home;
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys;
use std::cell::{Cell, RefCell};

/// A worker to be started, and the subtransaction that asked for it.
struct Wish {
    role: pg_sys::Oid,
    level: pg_sys::SubTransactionId,
    worker: pg_sys::BackgroundWorker,
}

thread_local! {
    static WISHES: RefCell<Vec<Wish>> = const { RefCell::new(Vec::new()) };
    static LISTENS: Cell<bool> = const { Cell::new(false) };
}

/// Asks for a worker that logs in as `role` after the commit; one for each role is enough.
pub fn wish(home: Home, role: pg_sys::Oid) {
    if !LISTENS.replace(true) {
        // SAFETY: both callbacks live as long as the library, which is never unloaded.
        unsafe {
            pg_sys::RegisterXactCallback(Some(at_end), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(at_end_of_part), std::ptr::null_mut());
        }
    }
    // A wish that is still there was made by this subtransaction or by one around it.
    if WISHES.with_borrow(|wishes| wishes.iter().any(|wish| wish.role == role)) {
        return;
    }
    // Where and as whom, in one word; the schema, which is looked up by id as everywhere, beside it.
    let whom = u64::from(folder::database()) << 32 | u64::from(role.to_u32());
    let builder = BackgroundWorkerBuilder::new(WORKER)
        .set_library("sira")
        .set_function("sira_worker_main")
        .set_argument(Some(pg_sys::Datum::from(whom)))
        .set_extra(&home.schema.to_u32().to_string())
        .enable_spi_access();
    let worker = pg_sys::BackgroundWorker::from(&builder);
    // SAFETY: reads a variable of the backend.
    let level = unsafe { pg_sys::GetCurrentSubTransactionId() };
    WISHES.with_borrow_mut(|wishes| wishes.push(Wish { role, level, worker }));
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_end(event: pg_sys::XactEvent::Type, _argument: *mut std::ffi::c_void) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT => {
            for mut wish in WISHES.take() {
                // SAFETY: the worker was filled in completely; no handle is asked for, so that nothing is allocated.
                let started = unsafe {
                    pg_sys::RegisterDynamicBackgroundWorker(&mut wish.worker, std::ptr::null_mut())
                };
                if !started {
                    pgrx::notice!(
                        "no background worker is free: the job stays queued until one is, or until CALL sira_run_jobs()"
                    );
                }
            }
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT | pg_sys::XactEvent::XACT_EVENT_PREPARE => drop(WISHES.take()),
        _ => {}
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_end_of_part(
    event: pg_sys::SubXactEvent::Type,
    part: pg_sys::SubTransactionId,
    around: pg_sys::SubTransactionId,
    _argument: *mut std::ffi::c_void,
) {
    WISHES.with_borrow_mut(|wishes| match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => {
            wishes.iter_mut().filter(|wish| wish.level == part).for_each(|wish| wish.level = around);
        }
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => wishes.retain(|wish| wish.level < part),
        _ => {}
    });
}
