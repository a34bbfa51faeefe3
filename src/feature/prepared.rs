//! Users' SQL, prepared once a session, run as the caller.
//!
//! Unlike the statements of our own (`statement`), its text is made at run time and its errors are the user's: they
//! keep their SQLSTATE and get a hint that names the feature.

use crate::error::{Failure, Result};
use crate::feature::check::Clause;
use crate::feature::steady::refuse_unsteady;
use crate::statement::{Connection, Mode};
use pgrx::pg_sys::panic::CaughtError;
use pgrx::{PgSqlErrorCode, PgTryBuilder, pg_sys};
use std::ffi::CString;
use std::panic::AssertUnwindSafe;

/// A plan that this session keeps.
pub struct Prepared {
    plan: pg_sys::SPIPlanPtr,
}

/// One row of a result, taken apart.
pub struct Row<'a> {
    pub values: &'a [pg_sys::Datum],
    pub nulls: &'a [bool],
}

impl Row<'_> {
    /// The value of a column, counted from 0; none where it is NULL.
    pub fn get(&self, column: usize) -> Option<pg_sys::Datum> {
        match self.nulls.get(column) {
            Some(false) => self.values.get(column).copied(),
            _ => None,
        }
    }
}

/// Values as SPI takes them.
pub fn bound(values: &[Option<pg_sys::Datum>]) -> (Vec<pg_sys::Datum>, Vec<std::ffi::c_char>) {
    let datum = |value: &Option<pg_sys::Datum>| value.unwrap_or(pg_sys::Datum::from(0));
    let null = |value: &Option<pg_sys::Datum>| if value.is_some() { b' ' } else { b'n' } as std::ffi::c_char;
    (values.iter().map(datum).collect(), values.iter().map(null).collect())
}

impl Prepared {
    pub fn new(sql: &str, types: &[pg_sys::Oid]) -> Result<Self> {
        let sql = CString::new(sql).map_err(|_| Failure::internal("users' SQL holds a zero byte"))?;
        let _connection = Connection::open()?;
        // SAFETY: SPI is connected; a kept plan lives until it is freed.
        unsafe {
            // One plan for all values: what a call costs must not depend on how many there were before.
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                types.len() as i32,
                types.as_ptr().cast_mut(),
                pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
            );
            if plan.is_null() {
                return Err(Failure::internal("SPI_prepare_cursor failed"));
            }
            pg_sys::SPI_keepplan(plan);
            Ok(Self { plan })
        }
    }

    /// The same for the text of a definition, which is looked at again: what it calls may have been replaced since.
    pub fn of_definition(clause: Clause<'_>, sql: &str, types: &[pg_sys::Oid]) -> Result<Self> {
        let prepared = Self::new(sql, types)?;
        // SAFETY: a kept plan of one statement has one source, with one analysed query.
        unsafe {
            let source = pg_sys::list_nth(pg_sys::SPI_plan_get_plan_sources(prepared.plan), 0)
                .cast::<pg_sys::CachedPlanSource>();
            refuse_unsteady(clause, sql, pg_sys::list_nth((*source).query_list, 0).cast())?;
        }
        Ok(prepared)
    }

    /// Whether nothing that the plan reads has changed since it was made.
    pub fn is_valid(&self) -> bool {
        // SAFETY: the plan is kept.
        unsafe { pg_sys::SPI_plan_is_valid(self.plan) }
    }

    /// The types of the result's columns.
    pub fn types(&self) -> Vec<pg_sys::Oid> {
        // SAFETY: a kept plan of one statement has one source, whose description lives as long.
        unsafe {
            let source = pg_sys::list_nth(pg_sys::SPI_plan_get_plan_sources(self.plan), 0)
                .cast::<pg_sys::CachedPlanSource>();
            let descriptor = (*source).resultDesc;
            let width = if descriptor.is_null() { 0 } else { (*descriptor).natts };
            (1..=width).map(|column| pg_sys::SPI_gettypeid(descriptor, column)).collect()
        }
    }

    /// Runs the plan and hands over at most `limit` rows (0 for all).
    pub fn each(
        &self,
        mode: Mode,
        values: &[Option<pg_sys::Datum>],
        limit: usize,
        mut read: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let _connection = Connection::open()?;
        let (mut datums, nulls) = bound(values);
        // SAFETY: the plan takes as many parameters as its maker gave types, and callers pass as many; both arrays
        // for a row are as long as the result's descriptor.
        unsafe {
            let status = pg_sys::SPI_execute_plan(
                self.plan,
                datums.as_mut_ptr(),
                nulls.as_ptr(),
                mode == Mode::Read,
                limit as std::ffi::c_long,
            );
            if status < 0 {
                return Err(Failure::internal(format!("SPI_execute_plan failed with status {status}")));
            }
            let table = pg_sys::SPI_tuptable;
            if table.is_null() {
                return Ok(());
            }
            let descriptor = (*table).tupdesc;
            let width = (*descriptor).natts as usize;
            let (mut values, mut nulls) = (vec![pg_sys::Datum::from(0); width], vec![false; width]);
            let rows = std::slice::from_raw_parts((*table).vals, pg_sys::SPI_processed as usize);
            for &tuple in rows {
                pg_sys::heap_deform_tuple(tuple, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                read(&Row { values: &values, nulls: &nulls })?;
            }
        }
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // SAFETY: kept by `new`, freed once.
        unsafe { pg_sys::SPI_freeplan(self.plan) };
    }
}

/// An error that PostgreSQL raised over users' SQL.
pub struct Raised {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

/// Runs `work`; what PostgreSQL raises in it and is the text's fault becomes what `explain` makes of it.
///
/// The transaction is lost either way: an error is only told in other words, not survived. Whoever means to go on after
/// it calls this inside of `subtransaction::contained`. What is not the text's fault (a cancel, a lack of privilege, a
/// serialization failure) stays as it is.
pub fn explained<T>(explain: impl Fn(Raised) -> Failure, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let explain = AssertUnwindSafe(explain);
    let explain = &explain;
    PgTryBuilder::new(AssertUnwindSafe(work))
        .catch_others(move |error| match &error {
            CaughtError::PostgresError(report) if is_the_texts(report.sql_error_code()) => {
                Err((**explain)(Raised {
                    code: report.sql_error_code(),
                    message: report.message().to_owned(),
                    detail: report.detail().map(ToOwned::to_owned),
                    hint: report.hint().map(ToOwned::to_owned),
                }))
            }
            _ => error.rethrow(),
        })
        .execute()
}

/// Syntax, names and types (class 42 but for privileges) and values (classes 21 and 22).
fn is_the_texts(code: PgSqlErrorCode) -> bool {
    let class = code as i32 & 0xFFF;
    let of = |a: u8, b: u8| (i32::from(a - b'0') & 0x3F) | ((i32::from(b - b'0') & 0x3F) << 6);
    code != PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE
        && [of(b'4', b'2'), of(b'2', b'2'), of(b'2', b'1'), of(b'0', b'A')].contains(&class)
}

impl Raised {
    /// The error as the cause of `failure`.
    pub fn cause_of(&self, message: String, hint: String) -> Failure {
        let mut detail = capitalized(&self.message);
        if let Some(more) = &self.detail {
            detail = format!("{detail} {more}");
        }
        let hint = match &self.hint {
            Some(more) => format!("{more} {hint}"),
            None => hint,
        };
        Failure::new(self.code, message).detail(detail).hint(hint)
    }
}

fn capitalized(message: &str) -> String {
    let mut characters = message.chars();
    match characters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), characters.as_str()),
        None => String::new(),
    }
}
