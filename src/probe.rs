//! Rows found by an index, without SQL.
//!
//! Every statement that scores asks which tenant it works for, which model a name means and which version is
//! live. A prepared statement answers each in ten microseconds, and in a fresh connection parsing and planning
//! it take a millisecond: many times what scoring a row takes. These few look-ups go to the index themselves, as
//! PostgreSQL's own look-ups in its catalogs do, with the snapshot of the statement that is running; so they see
//! what the SQL would see. The walls stand as they do for the statements that run as the owner: row-level security
//! does not hold the owner, and the tenant is part of every key.
//!
//! Table, index and columns are found by name. Where one is missing, or an index may not be used (a build that
//! failed, one that older snapshots must not trust), the probe says so and its caller asks in SQL.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::statement::Row;
use pgrx::datum::Uuid;
use pgrx::{FromDatum, IntoDatum, pg_sys};
use std::cell::RefCell;
use std::ffi::CStr;

/// Reading only, as a SELECT does, but given back with the relation: a prediction looks into six relations, and with
/// those that it writes to they would fill the sixteen places that a session has for locks which nobody else need
/// look at. Nothing that was read is used as if the relation were still the same.
const LOCK: pg_sys::LOCKMODE = pg_sys::AccessShareLock as pg_sys::LOCKMODE;

/// A look-up: a table, one of its indexes, the index's leading columns and what is read.
pub struct Probe {
    table: &'static CStr,
    index: &'static CStr,
    keys: &'static [&'static CStr],
    columns: &'static [&'static CStr],
    places: RefCell<Option<Places>>,
}

/// The value of a key column.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    Text(&'a str),
    Uuid(Uuid),
}

/// In which direction of the index.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Forward,
    Backward,
}

/// What a probe says.
pub enum Found<T> {
    Row(T),
    Nothing,
    /// The index cannot be used: ask in SQL.
    Unready,
}

/// A row that a probe found; columns count from nought, in the order of the probe's list.
pub struct Hit<'a> {
    row: Row,
    columns: &'a [i32],
}

/// Where the columns are, for a table and an index that were met before.
struct Places {
    table: pg_sys::Oid,
    index: pg_sys::Oid,
    keys: Vec<i16>,
    columns: Vec<i32>,
}

impl Hit<'_> {
    pub fn get<T: FromDatum>(&self, column: usize) -> Option<T> {
        self.row.get(*self.columns.get(column)?)
    }

    /// A column that the data model declares NOT NULL.
    pub fn need<T: FromDatum>(&self, column: usize) -> Result<T> {
        self.get(column)
            .ok_or_else(|| Failure::internal(format!("column {column} of a row that was found is null")))
    }
}

impl Probe {
    pub const fn new(
        table: &'static CStr,
        index: &'static CStr,
        keys: &'static [&'static CStr],
        columns: &'static [&'static CStr],
    ) -> Self {
        Self { table, index, keys, columns, places: RefCell::new(None) }
    }

    /// The first row with these keys that the running statement sees.
    pub fn first<T>(
        &self,
        home: Home,
        keys: &[Key<'_>],
        order: Order,
        read: impl FnOnce(&Hit<'_>) -> Result<T>,
    ) -> Result<Found<T>> {
        let mut read = Some(read);
        let mut found = Found::Nothing;
        let ready = self.each(home, keys, order, |hit| {
            if let Some(read) = read.take() {
                found = Found::Row(read(hit)?);
            }
            Ok(false)
        })?;
        Ok(if ready { found } else { Found::Unready })
    }

    /// Hands rows to `read` until it answers false; false if the index cannot be used.
    pub fn each(
        &self,
        home: Home,
        keys: &[Key<'_>],
        order: Order,
        read: impl FnMut(&Hit<'_>) -> Result<bool>,
    ) -> Result<bool> {
        // SAFETY: functions are called within a statement, whose snapshot outlives the scan.
        unsafe { self.scan(home, keys, order, active_snapshot(), read) }
    }

    /// Whether there is a row with these keys at this moment, whatever the running statement sees.
    pub fn is_there_now(&self, home: Home, keys: &[Key<'_>]) -> Result<Found<()>> {
        let mut found = Found::Nothing;
        // SAFETY: the snapshot is registered for as long as the scan lasts.
        let ready = unsafe {
            let now = pg_sys::RegisterSnapshot(pg_sys::GetLatestSnapshot());
            let ready = self.scan(home, keys, Order::Forward, now, |_| {
                found = Found::Row(());
                Ok(false)
            });
            pg_sys::UnregisterSnapshot(now);
            ready?
        };
        Ok(if ready { found } else { Found::Unready })
    }

    /// # Safety
    /// The snapshot must be one that PostgreSQL keeps for as long as this takes.
    unsafe fn scan(
        &self,
        home: Home,
        keys: &[Key<'_>],
        order: Order,
        snapshot: pg_sys::Snapshot,
        mut read: impl FnMut(&Hit<'_>) -> Result<bool>,
    ) -> Result<bool> {
        // SAFETY: relations and scan are closed by their guards in the order they were opened in, or by the
        // transaction where PostgreSQL raises an error; a row is read before the next one is asked for.
        unsafe {
            // Whoever says so distrusts indexes: look-ups scan whole tables then, and an ordered one warns each time.
            if pg_sys::IgnoreSystemIndexes {
                return Ok(false);
            }
            let (table, index) = (relation_id(self.table, home), relation_id(self.index, home));
            if table == pg_sys::InvalidOid || index == pg_sys::InvalidOid {
                return Ok(false);
            }
            let table = Relation::open(table);
            let index = Relation::open_index(index);
            let descriptor = (*table.0).rd_att;
            let kept = self.places.take().filter(|places| self.fits(places, &table, &index));
            let Some(places) = kept.or_else(|| self.place(&table, &index)) else { return Ok(false) };
            let mut scan_keys = [pg_sys::ScanKeyData::default(); 3];
            let given = keys.len().min(scan_keys.len()).min(places.keys.len());
            for (at, (scan_key, key)) in scan_keys.iter_mut().zip(keys).enumerate().take(given) {
                let (equals, argument) = match key {
                    Key::Text(text) => (pg_sys::F_TEXTEQ, text.into_datum()),
                    Key::Uuid(id) => (pg_sys::F_UUID_EQ, id.into_datum()),
                };
                pg_sys::ScanKeyEntryInitialize(
                    scan_key,
                    0,
                    places.keys.get(at).copied().unwrap_or_default(),
                    pg_sys::BTEqualStrategyNumber as u16,
                    pg_sys::InvalidOid,
                    // The index is in the order of its own collation, whatever that is.
                    *(*index.0).rd_indcollation.add(at),
                    equals.into(),
                    argument.unwrap_or(pg_sys::Datum::from(0)),
                );
            }
            let scan = Scan(pg_sys::systable_beginscan_ordered(
                table.0,
                index.0,
                snapshot,
                given as i32,
                scan_keys.as_mut_ptr(),
            ));
            let direction = match order {
                Order::Forward => pg_sys::ScanDirection::ForwardScanDirection,
                Order::Backward => pg_sys::ScanDirection::BackwardScanDirection,
            };
            loop {
                let tuple = pg_sys::systable_getnext_ordered(scan.0, direction);
                if tuple.is_null()
                    || !read(&Hit { row: Row::new(tuple, descriptor), columns: &places.columns })?
                {
                    break;
                }
            }
            drop(scan);
            self.places.replace(Some(places));
            Ok(true)
        }
    }

    /// Whether what was found out about another opening still holds.
    unsafe fn fits(&self, places: &Places, table: &Relation, index: &Relation) -> bool {
        unsafe {
            places.table == (*table.0).rd_id
                && places.index == (*index.0).rd_id
                && usable(table, index)
                && self.keys.iter().zip(&places.keys).all(|(name, at)| table.has(name, i32::from(*at)))
                && self.columns.iter().zip(&places.columns).all(|(name, at)| table.has(name, *at))
        }
    }

    unsafe fn place(&self, table: &Relation, index: &Relation) -> Option<Places> {
        unsafe {
            if !usable(table, index)
                || usize::try_from((*(*index.0).rd_index).indnkeyatts).ok()? < self.keys.len()
            {
                return None;
            }
            let indexed = &(*(*index.0).rd_index).indkey;
            let keys: Vec<i16> = (0..self.keys.len()).map(|at| *indexed.values.as_ptr().add(at)).collect();
            let in_order = self.keys.iter().zip(&keys).all(|(name, at)| table.has(name, i32::from(*at)));
            let columns = self.columns.iter().map(|name| table.column(name)).collect::<Option<_>>()?;
            in_order.then(|| Places { table: (*table.0).rd_id, index: (*index.0).rd_id, keys, columns })
        }
    }
}

/// Whether a table has any row that the running statement sees; `None` where there is no such table.
pub fn has_rows(home: Home, table: &CStr) -> Option<bool> {
    // SAFETY: as in `Probe::each`.
    unsafe {
        let table = relation_id(table, home);
        if table == pg_sys::InvalidOid {
            return None;
        }
        let table = Relation::open(table);
        let scan = pg_sys::systable_beginscan(
            table.0,
            pg_sys::InvalidOid,
            false,
            active_snapshot(),
            0,
            std::ptr::null_mut(),
        );
        let any = !pg_sys::systable_getnext(scan).is_null();
        pg_sys::systable_endscan(scan);
        Some(any)
    }
}

unsafe fn relation_id(name: &CStr, home: Home) -> pg_sys::Oid {
    unsafe { pg_sys::get_relname_relid(name.as_ptr(), home.schema) }
}

unsafe fn active_snapshot() -> pg_sys::Snapshot {
    unsafe {
        if pg_sys::ActiveSnapshotSet() {
            pg_sys::GetActiveSnapshot()
        } else {
            pg_sys::GetTransactionSnapshot()
        }
    }
}

unsafe fn usable(table: &Relation, index: &Relation) -> bool {
    unsafe {
        let form = &*(*index.0).rd_index;
        form.indrelid == (*table.0).rd_id && form.indisvalid && form.indisready && !form.indcheckxmin
    }
}

/// A relation that is open while it is looked at.
struct Relation(pg_sys::Relation);

impl Relation {
    unsafe fn open(id: pg_sys::Oid) -> Self {
        Self(unsafe { pg_sys::table_open(id, LOCK) })
    }

    unsafe fn open_index(id: pg_sys::Oid) -> Self {
        Self(unsafe { pg_sys::index_open(id, LOCK) })
    }

    /// Whether the column at `place`, counted from one, has this name.
    unsafe fn has(&self, name: &CStr, place: i32) -> bool {
        // SAFETY: a place below natts has an attribute, whose name ends with a zero.
        unsafe {
            let descriptor = (*self.0).rd_att;
            if place < 1 || place > (*descriptor).natts {
                return false;
            }
            let attribute = attribute(descriptor, place as usize - 1);
            !attribute.attisdropped && CStr::from_ptr(attribute.attname.data.as_ptr()) == name
        }
    }

    unsafe fn column(&self, name: &CStr) -> Option<i32> {
        unsafe { (1..=(*(*self.0).rd_att).natts).find(|place| self.has(name, *place)) }
    }
}

#[cfg(feature = "pg18")]
unsafe fn attribute<'a>(descriptor: pg_sys::TupleDesc, at: usize) -> &'a pg_sys::FormData_pg_attribute {
    unsafe { &*pg_sys::TupleDescAttr(descriptor, at as i32) }
}

#[cfg(not(feature = "pg18"))]
unsafe fn attribute<'a>(descriptor: pg_sys::TupleDesc, at: usize) -> &'a pg_sys::FormData_pg_attribute {
    unsafe { &*(*descriptor).attrs.as_ptr().add(at) }
}

impl Drop for Relation {
    fn drop(&mut self) {
        // SAFETY: opened by this value.
        unsafe { pg_sys::relation_close(self.0, LOCK) }
    }
}

struct Scan(pg_sys::SysScanDesc);

impl Drop for Scan {
    fn drop(&mut self) {
        // SAFETY: begun once, ended once.
        unsafe { pg_sys::systable_endscan_ordered(self.0) }
    }
}
