//! SQL statements of our own, prepared once a session.
//!
//! pgrx's `Spi` decides by the transaction's state whether a statement runs read-only; scoring must
//! decide itself. A read-only statement sees exactly the caller's snapshot, so that a statement which
//! promotes goes on with the version it began with; a writing one sees what came before it.
//!
//! Many of these statements run with the owner's rights under the caller's search_path, so every name in
//! them is qualified: the extension's schema stands as `{s}` (put in, quoted, when the statement is
//! prepared, and anew where another schema turns up), types and functions begin with `pg_catalog.`, and
//! operators stand in braces, `{=}`. Otherwise a caller's own operator would run as the owner.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::cell::RefCell;
use std::ffi::CString;

/// The operators that statements use.
const OPERATORS: [&str; 4] = ["=", "<>", "<=", "||"];

/// How a statement meets the snapshot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads with the calling statement's snapshot and writes nothing.
    Read,
    /// May write, and sees everything that came before it in this transaction.
    Write,
}

/// A statement and its plan, once it has one.
pub struct Statement {
    sql: &'static str,
    types: &'static [pg_sys::Oid],
    plan: RefCell<Option<Plan>>,
}

/// A prepared plan and the schema that its text names: ALTER SCHEMA … RENAME keeps the id, and the plan's text would
/// name a schema that is gone.
struct Plan {
    schema: pg_sys::Oid,
    name: String,
    plan: pg_sys::SPIPlanPtr,
}

/// The values of one execution.
#[derive(Default)]
pub struct Arguments {
    values: Vec<pg_sys::Datum>,
    nulls: Vec<std::ffi::c_char>,
}

/// One row of a result, valid while its reader runs.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

impl Arguments {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn bind<T: IntoDatum>(self, value: T) -> Self {
        self.bind_datum(value.into_datum())
    }

    #[must_use]
    pub fn bind_datum(mut self, value: Option<pg_sys::Datum>) -> Self {
        self.nulls.push(if value.is_some() { b' ' } else { b'n' } as std::ffi::c_char);
        self.values.push(value.unwrap_or(pg_sys::Datum::from(0)));
        self
    }
}

impl Row {
    /// A row of a result; both must outlive it.
    pub fn new(tuple: pg_sys::HeapTuple, descriptor: pg_sys::TupleDesc) -> Self {
        Self { tuple, descriptor }
    }

    /// The value of column `ordinal`, counted from one; `None` is NULL.
    pub fn get<T: FromDatum>(&self, ordinal: i32) -> Option<T> {
        let mut is_null = false;
        // SAFETY: tuple and descriptor are those of the result being read; PostgreSQL checks the ordinal.
        unsafe {
            let datum = pg_sys::SPI_getbinval(self.tuple, self.descriptor, ordinal, &mut is_null);
            T::from_polymorphic_datum(datum, is_null, pg_sys::SPI_gettypeid(self.descriptor, ordinal))
        }
    }

    /// A column that the data model declares NOT NULL.
    pub fn need<T: FromDatum>(&self, ordinal: i32) -> Result<T> {
        self.get(ordinal)
            .ok_or_else(|| Failure::internal(format!("column {ordinal} of a sira table is null")))
    }
}

impl Statement {
    pub const fn new(sql: &'static str, types: &'static [pg_sys::Oid]) -> Self {
        Self { sql, types, plan: RefCell::new(None) }
    }

    /// Runs the statement and hands every row to `read`; gives the number of rows processed.
    pub fn each(
        &self,
        home: Home,
        mode: Mode,
        mut arguments: Arguments,
        mut read: impl FnMut(&Row) -> Result<()>,
    ) -> Result<u64> {
        // SAFETY: SPI is connected around every use of it and of what it returned; the plan was prepared
        // for exactly these argument types; a PostgreSQL error unwinds and the transaction cleans up.
        unsafe {
            let _connection = Connection::open()?;
            let plan = self.prepared(home)?;
            let status = pg_sys::SPI_execute_plan(
                plan,
                arguments.values.as_mut_ptr(),
                arguments.nulls.as_ptr(),
                mode == Mode::Read,
                0,
            );
            if status < 0 {
                return Err(spi_failure("SPI_execute_plan", status));
            }
            let processed = pg_sys::SPI_processed;
            let table = pg_sys::SPI_tuptable;
            if !table.is_null() {
                let rows = std::slice::from_raw_parts((*table).vals, processed as usize);
                for &tuple in rows {
                    read(&Row { tuple, descriptor: (*table).tupdesc })?;
                }
            }
            Ok(processed)
        }
    }

    /// Runs the statement and reads its first row, if there is one.
    pub fn first<T>(
        &self,
        home: Home,
        mode: Mode,
        arguments: Arguments,
        mut read: impl FnMut(&Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(home, mode, arguments, |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    unsafe fn prepared(&self, home: Home) -> Result<pg_sys::SPIPlanPtr> {
        let name = home.quoted_schema()?;
        if let Some(kept) = self.plan.take() {
            if kept.schema == home.schema && kept.name == name {
                let plan = kept.plan;
                self.plan.replace(Some(kept));
                return Ok(plan);
            }
            unsafe { pg_sys::SPI_freeplan(kept.plan) };
        }
        let mut sql = self.sql.replace("{s}", &name);
        for operator in OPERATORS {
            sql = sql.replace(&format!("{{{operator}}}"), &format!("OPERATOR(pg_catalog.{operator})"));
        }
        let sql =
            CString::new(sql).map_err(|_| Failure::internal("a statement of sira holds a zero byte"))?;
        unsafe {
            // Planned once: these look-ups and inserts are the same for all values, and PostgreSQL would plan the first
            // five executions anew each to find that out.
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                self.types.len() as i32,
                self.types.as_ptr().cast_mut(),
                pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
            );
            if plan.is_null() {
                return Err(spi_failure("SPI_prepare", pg_sys::SPI_result));
            }
            pg_sys::SPI_keepplan(plan);
            self.plan.replace(Some(Plan { schema: home.schema, name, plan }));
            Ok(plan)
        }
    }
}

/// An SPI connection; what SPI returned dies with it.
pub struct Connection(());

impl Connection {
    pub fn open() -> Result<Self> {
        // SAFETY: closed when dropped.
        match unsafe { pg_sys::SPI_connect() } {
            status if status < 0 => Err(spi_failure("SPI_connect", status)),
            _ => Ok(Self(())),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, nested connections are dropped first.
        unsafe { pg_sys::SPI_finish() };
    }
}

fn spi_failure(call: &str, status: i32) -> Failure {
    Failure::internal(format!("{call} failed with status {status}"))
}
