//! The rows of one SELECT, through a cursor, in batches.
//!
//! SPI would hand over a whole result at once, and would keep what every row allocated until it is closed. A cursor
//! fetches as many rows as a few megabytes hold, and what reading them allocates (detoasted texts, intermediate
//! numerics) is freed with the batch. Who keeps next to nothing of a row has it straight from the executor.

use crate::error::{Failure, Result};
use crate::feature::prepared::{self, Row};
use crate::statement::{Connection, Mode};
use pgrx::{PgMemoryContexts, PgSqlErrorCode, pg_sys};
use std::ffi::CString;

/// Bytes per fetch that are aimed at: enough to make the fetch's own cost vanish, little beside what is kept of it.
const BATCH_BYTES: usize = 4 << 20;

/// Rows of the first fetch, by which the next ones are sized, and of the largest.
const FIRST_BATCH: usize = 100;
const LARGEST_BATCH: usize = 5_000;

/// An open cursor. An error on the way leaves it to the transaction to close it.
pub struct Cursor {
    portal: pg_sys::Portal,
    batch: PgMemoryContexts,
    _connection: Connection,
}

impl Cursor {
    /// Opens a cursor on one statement that only reads; `what` is what errors call it.
    pub fn open(
        what: &str,
        sql: &str,
        types: &[pg_sys::Oid],
        values: &[Option<pg_sys::Datum>],
        mode: Mode,
    ) -> Result<Self> {
        let sql = CString::new(sql).map_err(|_| {
            Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("{what} holds a zero byte"))
        })?;
        let (mut datums, nulls) = prepared::bound(values);
        let connection = Connection::open()?;
        // SAFETY: SPI is connected; the plan lives as long as the connection, and the portal holds on to it. There are
        // as many values as types.
        let portal = unsafe {
            let options = pg_sys::CURSOR_OPT_NO_SCROLL as i32;
            let plan = pg_sys::SPI_prepare_cursor(
                sql.as_ptr(),
                types.len() as i32,
                types.as_ptr().cast_mut(),
                options,
            );
            if plan.is_null() || !pg_sys::SPI_is_cursor_plan(plan) || !only_reads(plan) {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_INVALID_CURSOR_DEFINITION,
                    format!("{what} is not one SELECT"),
                )
                .hint("Give one SELECT, without a semicolon and without WITH parts that write."));
            }
            pg_sys::SPI_cursor_open(
                std::ptr::null(),
                plan,
                datums.as_mut_ptr(),
                nulls.as_ptr(),
                mode == Mode::Read,
            )
        };
        Ok(Self { portal, batch: PgMemoryContexts::new("sira batch of rows"), _connection: connection })
    }

    /// The columns of the result; NULL for a statement that has none.
    pub fn descriptor(&self) -> pg_sys::TupleDesc {
        // SAFETY: the portal keeps its descriptor while it is open.
        unsafe { (*self.portal).tupDesc }
    }

    /// Closes it unread: whether it can be opened was the question.
    pub fn close(self) {
        // SAFETY: the portal is ours.
        unsafe { pg_sys::SPI_cursor_close(self.portal) };
    }

    /// Hands over every row, and after each batch calls `pause`, which may refuse to go on.
    pub fn each(
        mut self,
        mut read: impl FnMut(&Row<'_>) -> Result<()>,
        mut pause: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut size = FIRST_BATCH;
        // SAFETY: the portal is ours; a fetched table is freed once its rows are read, and both arrays are as long as
        // its descriptor.
        unsafe {
            loop {
                pgrx::check_for_interrupts!();
                pg_sys::SPI_cursor_fetch(self.portal, true, size as std::ffi::c_long);
                let (count, table) = (pg_sys::SPI_processed as usize, pg_sys::SPI_tuptable);
                if count == 0 || table.is_null() {
                    break;
                }
                let descriptor = (*table).tupdesc;
                let width = (*descriptor).natts as usize;
                let (mut values, mut nulls) = (vec![pg_sys::Datum::from(0); width], vec![false; width]);
                let rows = std::slice::from_raw_parts((*table).vals, count);
                let mut bytes = 0;
                self.batch.switch_to(|_| {
                    rows.iter().try_for_each(|&tuple| {
                        bytes += (*tuple).t_len as usize;
                        pg_sys::heap_deform_tuple(tuple, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                        read(&Row { values: &values, nulls: &nulls })
                    })
                })?;
                self.batch.reset();
                size = (BATCH_BYTES / (bytes / count).max(1)).clamp(1, LARGEST_BATCH);
                pg_sys::SPI_freetuptable(table);
                pause()?;
            }
            pg_sys::SPI_cursor_close(self.portal);
        }
        Ok(())
    }
}

/// What the executor hands rows to, one by one, as they lie in its own slot: nothing is copied.
#[repr(C)]
struct Receiver<'a> {
    // First: PostgreSQL knows a receiver by the address of this.
    base: pg_sys::DestReceiver,
    read: &'a mut dyn FnMut(&Row<'_>) -> Result<()>,
    failure: Option<Failure>,
    batch: PgMemoryContexts,
    rows: usize,
}

impl Cursor {
    /// Hands over every row as the executor makes it, for whoever keeps little of a row.
    pub fn stream(self, read: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        let base = pg_sys::DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(start),
            rShutdown: Some(finish),
            rDestroy: Some(finish),
            mydest: pg_sys::CommandDest::DestNone,
        };
        let mut receiver = Receiver { base, read, failure: None, batch: self.batch, rows: 0 };
        // SAFETY: the portal is ours and the receiver outlives the call.
        unsafe {
            pg_sys::PortalRunFetch(
                self.portal,
                pg_sys::FetchDirection::FETCH_FORWARD,
                std::ffi::c_long::MAX,
                (&raw mut receiver).cast(),
            );
            match receiver.failure.take() {
                Some(failure) => Err(failure),
                None => {
                    pg_sys::SPI_cursor_close(self.portal);
                    Ok(())
                }
            }
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn receive(
    slot: *mut pg_sys::TupleTableSlot,
    receiver: *mut pg_sys::DestReceiver,
) -> bool {
    // SAFETY: the receiver is the one of `stream`; a slot whose attributes were fetched holds as many values as its
    // descriptor says.
    unsafe {
        let receiver = &mut *receiver.cast::<Receiver<'_>>();
        let width = (*(*slot).tts_tupleDescriptor).natts;
        if i32::from((*slot).tts_nvalid) < width {
            pg_sys::slot_getsomeattrs_int(slot, width);
        }
        let row = Row {
            values: std::slice::from_raw_parts((*slot).tts_values, width as usize),
            nulls: std::slice::from_raw_parts((*slot).tts_isnull, width as usize),
        };
        let read = receiver.batch.switch_to(|_| (receiver.read)(&row));
        receiver.rows += 1;
        if receiver.rows.is_multiple_of(LARGEST_BATCH) {
            receiver.batch.reset();
        }
        match read {
            Ok(()) => true,
            Err(failure) => {
                receiver.failure = Some(failure);
                false
            }
        }
    }
}

unsafe extern "C-unwind" fn start(_: *mut pg_sys::DestReceiver, _: i32, _: pg_sys::TupleDesc) {}

unsafe extern "C-unwind" fn finish(_: *mut pg_sys::DestReceiver) {}

/// Whether the one statement of a plan is a SELECT without parts that write: a DELETE … RETURNING has rows too, but
/// whoever asks means no harm.
unsafe fn only_reads(plan: pg_sys::SPIPlanPtr) -> bool {
    // SAFETY: a cursor plan has exactly one source, whose queries PostgreSQL has analysed.
    unsafe {
        let sources = pg_sys::SPI_plan_get_plan_sources(plan);
        let source = pg_sys::list_nth(sources, 0).cast::<pg_sys::CachedPlanSource>();
        let queries = (*source).query_list;
        !queries.is_null()
            && (0..(*queries).length).all(|position| {
                let query = pg_sys::list_nth(queries, position).cast::<pg_sys::Query>();
                (*query).commandType == pg_sys::CmdType::CMD_SELECT && !(*query).hasModifyingCTE
            })
    }
}
