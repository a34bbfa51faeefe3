//! States of aggregates between PostgreSQL's calls.

use crate::error::{Failure, Result};
use pgrx::pg_sys;
use pgrx::{FromDatum, Internal, PgMemoryContexts, PgSqlErrorCode};
use std::ptr::NonNull;

/// What PostgreSQL allocates at once, as its `memutils.h` says.
const MAX_ALLOC_SIZE: usize = 0x3fff_ffff;

/// What an aggregate keeps of its rows.
pub trait State: Default + 'static {
    fn merge(&mut self, other: &Self) -> sira_core::Result<()>;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> sira_core::Result<Self>;
}

/// The memory that lives as long as the aggregate's group.
fn group_memory(fcinfo: pg_sys::FunctionCallInfo) -> Result<PgMemoryContexts> {
    let mut context = std::ptr::null_mut();
    // SAFETY: fcinfo is the call's. 0 is what PostgreSQL answers outside an aggregate.
    match unsafe { pg_sys::AggCheckCallContext(fcinfo, &mut context) } {
        0 => Err(Failure::internal("a function of an aggregate was called outside one")),
        _ => Ok(PgMemoryContexts::For(context)),
    }
}

/// An argument; `None` is NULL.
pub fn argument<T: FromDatum>(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<T> {
    // SAFETY: fcinfo is the call's and has as many arguments as it says; SQL declares their types.
    unsafe {
        let count = usize::try_from((*fcinfo).nargs).unwrap_or_default();
        let argument = (*fcinfo).args.as_slice(count).get(position)?;
        T::from_datum(argument.value, argument.isnull)
    }
}

/// The weight that follows the first `position` arguments: 1 where the aggregate is declared without.
pub fn weight(fcinfo: pg_sys::FunctionCallInfo, position: i16) -> Option<f64> {
    // SAFETY: fcinfo is the call's.
    if unsafe { (*fcinfo).nargs } <= position { Some(1.0) } else { argument(fcinfo, position as usize) }
}

fn pointer<S: State>(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<NonNull<S>> {
    // SAFETY: fcinfo is the call's; SQL gives each family's functions nothing but its own states.
    unsafe {
        let count = usize::try_from((*fcinfo).nargs).unwrap_or_default();
        let argument = (*fcinfo).args.as_slice(count).get(position)?;
        if argument.isnull { None } else { NonNull::new(argument.value.cast_mut_ptr()) }
    }
}

/// The state as it is, when a row is none.
pub fn unchanged<S: State>(fcinfo: pg_sys::FunctionCallInfo) -> Option<Internal> {
    pointer::<S>(fcinfo, 0).map(|state| Internal::from(Some(pg_sys::Datum::from(state.as_ptr()))))
}

/// Changes the state, which the first change makes.
pub fn change<S: State>(
    fcinfo: pg_sys::FunctionCallInfo,
    change: impl FnOnce(&mut S) -> sira_core::Result<()>,
) -> Result<Option<Internal>> {
    let state = match pointer::<S>(fcinfo, 0) {
        Some(state) => state.as_ptr(),
        None => group_memory(fcinfo)?.leak_and_drop_on_delete(S::default()),
    };
    // SAFETY: made by this function, in memory that lives as long as the group; nobody else holds it.
    change(unsafe { &mut *state })?;
    Ok(Some(Internal::from(Some(pg_sys::Datum::from(state)))))
}

/// Joins what two workers have kept.
pub fn combine<S: State>(fcinfo: pg_sys::FunctionCallInfo) -> Result<Option<Internal>> {
    let Some(other) = pointer::<S>(fcinfo, 1) else { return Ok(unchanged::<S>(fcinfo)) };
    // SAFETY: the second state is another one than the first, which alone is changed.
    change::<S>(fcinfo, |state| state.merge(unsafe { other.as_ref() }))
}

/// The state as bytes, for the leader.
pub fn write<S: State>(fcinfo: pg_sys::FunctionCallInfo) -> Result<Option<Vec<u8>>> {
    let Some(state) = pointer::<S>(fcinfo, 0) else { return Ok(None) };
    // SAFETY: a state of this family, alive while the aggregate is.
    let bytes = unsafe { state.as_ref() }.to_bytes();
    if bytes.len() > MAX_ALLOC_SIZE - pg_sys::VARHDRSZ {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "a parallel worker has too many rows to hand over",
        )
        .detail(format!("They take {} bytes; one value has at most 1 GB.", bytes.len()))
        .hint("SET max_parallel_workers_per_gather = 0;"));
    }
    Ok(Some(bytes))
}

/// And back. The result lives in the caller's memory: what joins it to another copies it.
pub fn read<S: State>(fcinfo: pg_sys::FunctionCallInfo) -> Result<Option<Internal>> {
    group_memory(fcinfo)?;
    let Some(bytes) = argument::<&[u8]>(fcinfo, 0) else { return Ok(None) };
    let state = PgMemoryContexts::CurrentMemoryContext.leak_and_drop_on_delete(S::from_bytes(bytes)?);
    Ok(Some(Internal::from(Some(pg_sys::Datum::from(state)))))
}

/// What the state says; NULL without rows.
pub fn answer<S: State, A>(
    fcinfo: pg_sys::FunctionCallInfo,
    answer: impl FnOnce(&mut S) -> Option<A>,
) -> Option<A> {
    // SAFETY: a state of this family, alive while the aggregate is; nobody else holds it.
    pointer::<S>(fcinfo, 0).and_then(|mut state| answer(unsafe { state.as_mut() }))
}
