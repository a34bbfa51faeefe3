//! Entries of functions that do something as the extension's owner in the name of whoever logged in.
//!
//! A `SECURITY DEFINER` function cannot tell who called it: `session_user` is the same inside an index function that a
//! superuser's ANALYZE runs. So such a function is an entry that PostgreSQL calls with its caller's rights: it looks whose
//! hand it is by, and only then calls the function of the same arguments whose name ends in `_by_owner`, which nobody else
//! may execute.

use crate::api::hand;
use crate::catalog::Home;
use crate::error::{Failure, Result, SqlResult};
use pgrx::prelude::*;
use pgrx::{PgMemoryContexts, PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, CString};

/// What the functions behind entries are called after them.
const BEHIND: &str = "_by_owner";

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sira_by_own_hand() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// Any entry.
///
/// # Safety
/// Called by PostgreSQL's function manager alone.
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn sira_by_own_hand(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let answer: SqlResult<pg_sys::Datum> = unsafe { enter(fcinfo) }.map_err(Into::into);
    match answer {
        Ok(answer) => answer,
        Err(report) => {
            report.report(PgLogLevel::ERROR);
            // SAFETY: fcinfo is the call's.
            unsafe { pgrx::pg_return_null(fcinfo) }
        }
    }
}

/// # Safety
/// `fcinfo` must be the call's.
unsafe fn enter(fcinfo: pg_sys::FunctionCallInfo) -> Result<pg_sys::Datum> {
    require_session()?;
    let home = Home::of_call(fcinfo)?;
    // SAFETY: the call's own flinfo; the function that is called takes the same arguments, so its call information has
    // the same size. `palloc0` never answers NULL, and both copies are freed with the call's memory.
    unsafe {
        let behind = find(home, (*(*fcinfo).flinfo).fn_oid)?;
        let flinfo: *mut pg_sys::FmgrInfo =
            PgMemoryContexts::CurrentMemoryContext.palloc0_struct::<pg_sys::FmgrInfo>();
        pg_sys::fmgr_info(behind, flinfo);
        let count = usize::try_from((*fcinfo).nargs).unwrap_or(0);
        let size = size_of::<pg_sys::FunctionCallInfoBaseData>() + count * size_of::<pg_sys::NullableDatum>();
        let call: pg_sys::FunctionCallInfo = pg_sys::palloc0(size).cast();
        (*call).flinfo = flinfo;
        (*call).fncollation = (*fcinfo).fncollation;
        (*call).nargs = (*fcinfo).nargs;
        std::ptr::copy_nonoverlapping((*fcinfo).args.as_ptr(), (*call).args.as_mut_ptr(), count);
        let Some(address) = (*flinfo).fn_addr else {
            return Err(Failure::internal("a function of sira has no code"));
        };
        let answer = home.as_owner(|| pg_sys::ffi::pg_guard_ffi_boundary(|| address(call)));
        (*fcinfo).isnull = (*call).isnull;
        Ok(answer)
    }
}

/// Refuses what would bear the session's name without being its doing, under another role included.
fn require_session() -> Result<()> {
    hand::require_own("jobs are queued, taken up and ended")?;
    // SAFETY: both read a variable of the backend.
    if unsafe { pg_sys::GetUserId() == pg_sys::GetSessionUserId() } {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        "jobs are queued, taken up and ended by whoever logged in, not under another role",
    )
    .hint("RESET ROLE; or log in as that role."))
}

/// The function behind an entry.
///
/// # Safety
/// `entry` must be a function that is being called.
unsafe fn find(home: Home, entry: pg_sys::Oid) -> Result<pg_sys::Oid> {
    let missing = || Failure::internal("the function behind an entry of sira is gone");
    let (mut types, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: the name is NULL or palloc'd; the types are an array of `count`; the tuple is read before its release.
    unsafe {
        pg_sys::get_func_signature(entry, &mut types, &mut count);
        let name = pg_sys::get_func_name(entry);
        if name.is_null() {
            return Err(missing());
        }
        let name = format!("{}{BEHIND}", CStr::from_ptr(name).to_string_lossy());
        let name = CString::new(name).map_err(|_| missing())?;
        let tuple = pg_sys::SearchSysCache3(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            pg_sys::Datum::from(name.as_ptr()),
            pg_sys::Datum::from(pg_sys::buildoidvector(types, count)),
            pg_sys::Datum::from(home.schema),
        );
        if tuple.is_null() {
            return Err(missing());
        }
        let form = pg_sys::GETSTRUCT(tuple) as pg_sys::Form_pg_proc;
        let (behind, owner) = ((*form).oid, (*form).proowner);
        pg_sys::ReleaseSysCache(tuple);
        // Nobody but the extension's owner has put it there.
        if owner == home.owner { Ok(behind) } else { Err(missing()) }
    }
}
