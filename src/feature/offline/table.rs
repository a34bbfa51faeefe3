//! A training set as a table: the entity query's columns, and a column for each feature.
//!
//! The query's rows wait in a tuple store, which spills to disk beyond work_mem, until the features are computed; then
//! both go into the new table a thousand rows at a time, the way COPY writes.

use super::questions::{self, Given};
use super::{Content, Questions, Reading, Values};
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind, ValueType};
use crate::feature::plan;
use crate::feature::source::quoted;
use crate::statement::{Connection, Mode};
use pgrx::{IntoDatum, PgMemoryContexts, PgSqlErrorCode, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::rc::Rc;

/// Rows that are written together.
const TOGETHER: usize = 1_000;

/// Makes the table and gives the number of its rows.
pub fn build(home: Home, target: &str, reference: &str, query: &str, as_known: bool) -> Result<i64> {
    let name = qualified(target)?;
    plan::with(home, reference, |plan| {
        let set = plan.set.clone();
        let reading = Reading { mode: Mode::Read, as_known };
        let waiting = Waiting::new();
        let mut given = Vec::new();
        let questions = Questions::read(
            &set,
            query,
            reading.mode,
            |cursor| {
                given = questions::given(cursor.descriptor())?;
                // SAFETY: the cursor is open.
                unsafe { waiting.describe(cursor.descriptor()) };
                Ok(())
            },
            |row| {
                // SAFETY: a row of the described query.
                unsafe { waiting.put(row.values, row.nulls) };
                Ok(())
            },
        )?;
        let computed = super::compute(home, plan, &questions, reading)?;
        let features: Vec<(&Rc<Definition>, &Values)> = set
            .features
            .iter()
            .zip(&computed)
            .filter(|(feature, _)| {
                !(matches!(feature.kind, Kind::Request) && given.iter().any(|g| g.name == feature.name))
            })
            .collect();
        create(&name, &given, &features)?;
        // SAFETY: the table was just made with these columns, in this order.
        unsafe { write(&name, &waiting, given.len(), &features) }?;
        Ok(questions.len() as i64)
    })
}

/// A name as a user writes it, with its parts quoted.
fn qualified(target: &str) -> Result<String> {
    // SAFETY: parse_ident takes a text and a boolean.
    let parts: Option<Vec<String>> =
        unsafe { pgrx::direct_function_call(pg_sys::parse_ident, &[target.into_datum(), true.into_datum()]) };
    let parts: Vec<String> = parts.unwrap_or_default().iter().map(|part| quoted(part)).collect();
    if parts.is_empty() || parts.len() > 2 {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_NAME,
            format!("\"{target}\" is no name of a table"),
        )
        .hint("Write table, or schema.table."));
    }
    Ok(parts.join("."))
}

fn create(name: &str, given: &[Given], features: &[(&Rc<Definition>, &Values)]) -> Result<()> {
    let mut columns = Vec::with_capacity(given.len() + features.len());
    for column in given {
        columns.push(format!("{} {}", quoted(&column.name), type_of(column)));
    }
    for (feature, _) in features {
        if given.iter().any(|column| column.name == feature.name) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                format!("column \"{}\" of the entity query has the name of a feature", feature.name),
            )
            .hint("Give it another name with AS, or leave it out."));
        }
        columns.push(format!("{} pg_catalog.{}", quoted(&feature.name), sql_type(feature.value_type)));
    }
    let sql = CString::new(format!("CREATE TABLE {name} ({})", columns.join(", ")))
        .map_err(|_| Failure::internal("a column's name holds a zero byte"))?;
    let _connection = Connection::open()?;
    // SAFETY: SPI is connected.
    let status = unsafe { pg_sys::SPI_execute(sql.as_ptr(), false, 0) };
    if status < 0 {
        return Err(Failure::internal(format!("SPI_execute failed with status {status}")));
    }
    Ok(())
}

fn sql_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Numeric => "float8",
        ValueType::Boolean => "bool",
        ValueType::Text => "text",
        ValueType::Json => "jsonb",
    }
}

fn type_of(column: &Given) -> String {
    // SAFETY: gives a palloc'd C string, qualified where the search path does not find the type.
    unsafe {
        let name = pg_sys::format_type_with_typemod(column.type_oid, column.typmod);
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// The query's rows until they are written.
struct Waiting {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: Cell<pg_sys::TupleDesc>,
    context: pg_sys::MemoryContext,
}

impl Waiting {
    fn new() -> Self {
        // SAFETY: the store belongs to the current context, which outlives the reading of the query.
        unsafe {
            Self {
                store: pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem),
                descriptor: Cell::new(std::ptr::null_mut()),
                context: pg_sys::CurrentMemoryContext,
            }
        }
    }

    unsafe fn describe(&self, descriptor: pg_sys::TupleDesc) {
        // SAFETY: the copy is made where the store lives.
        unsafe {
            let previous = pg_sys::MemoryContextSwitchTo(self.context);
            self.descriptor.set(pg_sys::CreateTupleDescCopy(descriptor));
            pg_sys::MemoryContextSwitchTo(previous);
        }
    }

    unsafe fn put(&self, values: &[pg_sys::Datum], nulls: &[bool]) {
        // SAFETY: as many values as the descriptor has columns; they are copied.
        unsafe {
            pg_sys::tuplestore_putvalues(
                self.store,
                self.descriptor.get(),
                values.as_ptr().cast_mut(),
                nulls.as_ptr().cast_mut(),
            );
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // SAFETY: begun by `new`, ended once. While an error unwinds the transaction does it.
        if !std::thread::panicking() {
            unsafe { pg_sys::tuplestore_end(self.store) };
        }
    }
}

unsafe fn write(
    name: &str,
    waiting: &Waiting,
    width: usize,
    features: &[(&Rc<Definition>, &Values)],
) -> Result<()> {
    let oid = crate::feature::source::Relation::named(name)?
        .ok_or_else(|| Failure::internal("a table that was just made is gone"))?
        .oid;
    let mut batch = PgMemoryContexts::new("sira training set");
    // SAFETY: the relation is locked while it is written; slots are made for its own kind of table, and what they hold
    // lives in `batch` until they are cleared.
    unsafe {
        let relation = pg_sys::table_open(oid, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
        let access = (*relation).rd_tableam;
        let state = pg_sys::GetBulkInsertState();
        let command = pg_sys::GetCurrentCommandId(true);
        let source =
            pg_sys::MakeSingleTupleTableSlot(waiting.descriptor.get(), &raw const pg_sys::TTSOpsMinimalTuple);
        let mut slots: Vec<*mut pg_sys::TupleTableSlot> = Vec::with_capacity(TOGETHER);
        let (mut row, mut filled) = (0, 0);
        loop {
            let more = pg_sys::tuplestore_gettupleslot(waiting.store, true, true, source);
            if filled == TOGETHER || (!more && filled > 0) {
                pgrx::check_for_interrupts!();
                if let Some(insert) = (*access).multi_insert {
                    batch.switch_to(|_| {
                        insert(relation, slots.as_mut_ptr(), filled as i32, command, 0, state)
                    });
                }
                for slot in slots.iter().take(filled) {
                    clear(*slot);
                }
                batch.reset();
                filled = 0;
            }
            if !more {
                break;
            }
            if slots.len() == filled {
                slots.push(pg_sys::table_slot_create(relation, std::ptr::null_mut()));
            }
            let Some(&slot) = slots.get(filled) else { break };
            batch.switch_to(|_| fill(slot, source, width, features, row));
            (row, filled) = (row + 1, filled + 1);
        }
        for slot in slots {
            pg_sys::ExecDropSingleTupleTableSlot(slot);
        }
        pg_sys::ExecDropSingleTupleTableSlot(source);
        pg_sys::FreeBulkInsertState(state);
        if let Some(finish) = (*access).finish_bulk_insert {
            finish(relation, 0);
        }
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CommandCounterIncrement();
    }
    Ok(())
}

unsafe fn clear(slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: every kind of slot can be cleared.
    unsafe {
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
    }
}

/// One row: the query's values, copied, and the features'.
unsafe fn fill(
    slot: *mut pg_sys::TupleTableSlot,
    source: *mut pg_sys::TupleTableSlot,
    width: usize,
    features: &[(&Rc<Definition>, &Values)],
    row: usize,
) {
    // SAFETY: the table has `width` columns of the query and one for each feature, and so have the slot's arrays. What
    // the store lends is good only until its next row.
    unsafe {
        clear(slot);
        if let Some(copy) = (*(*source).tts_ops).copy_heap_tuple {
            let descriptor = (*source).tts_tupleDescriptor;
            pg_sys::heap_deform_tuple(copy(source), descriptor, (*slot).tts_values, (*slot).tts_isnull);
        }
        for (offset, (feature, values)) in features.iter().enumerate() {
            let datum = datum(feature.value_type, values.get(row));
            *(*slot).tts_isnull.add(width + offset) = datum.is_none();
            *(*slot).tts_values.add(width + offset) = datum.unwrap_or(pg_sys::Datum::from(0));
        }
        pg_sys::ExecStoreVirtualTuple(slot);
    }
}

fn datum(value_type: ValueType, content: Content<'_>) -> Option<pg_sys::Datum> {
    match (value_type, content) {
        (_, Content::Null) => None,
        (ValueType::Boolean, Content::Number(number)) => (number != 0.0).into_datum(),
        (_, Content::Number(number)) => number.into_datum(),
        (ValueType::Json, Content::Text(text)) => {
            serde_json::from_str(text).ok().and_then(|json: serde_json::Value| pgrx::JsonB(json).into_datum())
        }
        (_, Content::Text(text)) => text.into_datum(),
    }
}
