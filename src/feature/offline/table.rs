//! A training set as a table: the entity query's columns, and a column for each feature.
//!
//! The query's rows wait in a tuple store, which spills to disk beyond work_mem, until the features are computed; then
//! both go into the new table a thousand rows at a time, the way COPY writes.

use super::questions::{self, Given};
use super::{Content, Questions, Reading, Values};
use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, Kind, ValueType};
use crate::feature::derived::short;
use crate::feature::plan;
use crate::feature::prepared::explained;
use crate::feature::source::quoted;
use crate::statement::{Connection, Mode};
use pgrx::{IntoDatum, PgMemoryContexts, PgRelation, PgSqlErrorCode, pg_sys};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::rc::Rc;

/// Rows that are written together.
const TOGETHER: usize = 1_000;

/// Makes the table and gives the number of its rows.
pub fn build(home: Home, target: &str, reference: &str, query: &str, as_known: bool) -> Result<i64> {
    let target = Target::new(target)?;
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
        create(&target.name, &given, &features)?;
        let types = given.iter().map(|column| column.type_oid);
        let types = types.chain(features.iter().map(|(feature, _)| type_oid(feature.value_type)));
        let oid = target.made(&types.collect::<Vec<_>>())?;
        // SAFETY: the table was just made with these columns, in this order.
        unsafe { write(oid, &waiting, given.len(), &features) }?;
        Ok(questions.len() as i64)
    })
}

/// A table that is to be made: the schema it goes to is settled once, so that what is made is what is written to.
struct Target {
    schema: pg_sys::Oid,
    table: CString,
    /// Qualified and quoted.
    name: String,
}

impl Target {
    /// The place that a name means, as CREATE TABLE would understand it.
    fn new(target: &str) -> Result<Self> {
        let malformed = || {
            Failure::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, format!("\"{target}\" is no name of a table"))
                .hint("Write table, or schema.table.")
        };
        let parts: Option<Vec<String>> = explained(
            |raised| {
                let message = format!("\"{target}\" is no name of a table");
                raised.cause_of(message, "Write table, or schema.table.".to_owned())
            },
            // SAFETY: parse_ident takes a text and a boolean.
            || unsafe {
                Ok(pgrx::direct_function_call(pg_sys::parse_ident, &[target.into_datum(), true.into_datum()]))
            },
        )?;
        let parts = parts.unwrap_or_default();
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [schema, table] => (Some(schema), table),
            _ => return Err(malformed()),
        };
        let text = |part: &str| CString::new(part).map_err(|_| malformed());
        let (schema, table) = (schema.map(|schema| text(schema)).transpose()?, text(table)?);
        // SAFETY: both names outlive the call; the schema's name is a palloc'd C string.
        unsafe {
            let name = schema.as_ref().map_or(std::ptr::null_mut(), |schema| schema.as_ptr().cast_mut());
            let range = pg_sys::makeRangeVar(name, table.as_ptr().cast_mut(), -1);
            let schema = pg_sys::RangeVarGetCreationNamespace(range);
            let schema_name = CStr::from_ptr(pg_sys::get_namespace_name(schema)).to_string_lossy();
            let name = format!("{}.{}", quoted(&schema_name), quoted(&table.to_string_lossy()));
            Ok(Self { schema, table, name })
        }
    }

    /// The table, now that it was made, if it is what was asked for: whoever watches CREATE TABLE by an event trigger
    /// may have changed it.
    fn made(&self, types: &[pg_sys::Oid]) -> Result<pg_sys::Oid> {
        // SAFETY: a catalog look-up; then the relation is opened under the lock that its maker holds already.
        let (oid, ours) = unsafe {
            let oid = pg_sys::get_relname_relid(self.table.as_ptr(), self.schema);
            let ours = oid != pg_sys::InvalidOid && {
                let relation = PgRelation::with_lock(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE);
                let form = relation.rd_rel;
                (*form).relkind as u8 == b'r'
                    && (*form).relowner == pg_sys::GetUserId()
                    && relation
                        .tuple_desc()
                        .iter()
                        .map(|attribute| attribute.atttypid)
                        .eq(types.iter().copied())
            };
            (oid, ours)
        };
        if !ours {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("table {} is not what was made", self.name),
            )
            .hint("An event trigger on CREATE TABLE changed it: exempt training sets from it."));
        }
        Ok(oid)
    }
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
        columns.push(format!("{} pg_catalog.{}", quoted(&feature.name), short(feature.value_type)));
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

fn type_oid(value_type: ValueType) -> pg_sys::Oid {
    match value_type {
        ValueType::Numeric => pg_sys::FLOAT8OID,
        ValueType::Boolean => pg_sys::BOOLOID,
        ValueType::Text => pg_sys::TEXTOID,
        ValueType::Json => pg_sys::JSONBOID,
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
    oid: pg_sys::Oid,
    waiting: &Waiting,
    width: usize,
    features: &[(&Rc<Definition>, &Values)],
) -> Result<()> {
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
