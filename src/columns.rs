//! A query's rows as columns of numbers, read through a cursor, as the caller, in batches.
//!
//! Each value is kept once, as eight bytes; texts become codes of a dictionary. What else PostgreSQL
//! allocates for a batch (detoasted texts, intermediate numerics) is freed with the batch.

use crate::error::{Failure, Result};
use crate::features;
use crate::relation::Reader;
use crate::statement::Connection;
use pgrx::{PgMemoryContexts, PgTupleDesc};
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::signature::{Feature, FeatureKind};
use std::collections::HashMap;
use std::ffi::{CStr, CString};

/// Bytes per fetch that are aimed at: enough to make the fetch's own cost vanish, little beside the columns.
const BATCH_BYTES: usize = 4 << 20;

/// Rows of the first fetch, by which the next ones are sized, and of the largest.
const FIRST_BATCH: usize = 100;
const LARGEST_BATCH: usize = 5_000;

/// Texts that a column may hold; beyond, it is an identifier rather than a category.
const CATEGORIES: usize = 65_535;

/// Bytes of one such text; a longer one is a document rather than a category.
const CATEGORY_BYTES: usize = 1_024;

/// What has been read so far.
pub struct Extent {
    pub rows: usize,
    pub columns: usize,
    /// Bytes of the dictionaries.
    pub texts: usize,
}

/// One column of the query's result.
pub struct Column {
    pub name: String,
    pub kind: FeatureKind,
    /// Numbers; of a text column the codes of `texts`; NaN for NULL.
    pub values: Vec<f64>,
    /// The texts of a text column in code order.
    pub texts: Vec<String>,
    /// None of an excluded column: its values are not looked at, and its type may be any.
    reader: Option<Reader>,
    type_oid: pg_sys::Oid,
    codes: HashMap<String, u32>,
    bytes: usize,
    feature: Feature,
}

impl Column {
    fn new(name: String, type_oid: pg_sys::Oid, excluded: bool) -> Result<Self> {
        let reader = match Reader::of(type_oid) {
            _ if excluded => None,
            Ok(reader) => Some(reader),
            Err(failure) => {
                return Err(
                    failure.detail(format!("It is the type of column \"{name}\" of the training query."))
                );
            }
        };
        let kind = reader.map_or(FeatureKind::Numeric, Reader::kind);
        Ok(Self {
            feature: Feature::new(name.clone(), kind),
            name,
            kind,
            values: Vec::new(),
            texts: Vec::new(),
            reader,
            type_oid,
            codes: HashMap::new(),
            bytes: 0,
        })
    }

    /// # Safety
    /// `datum` must be a value of the column's type.
    unsafe fn push(&mut self, datum: pg_sys::Datum) -> Result<()> {
        let value = match self.reader {
            None => f64::NAN,
            // SAFETY: the reader was made for the column's type.
            Some(reader) => match unsafe { reader.number(&self.feature, datum) }? {
                Some(number) => features::canonical(number),
                None => f64::from(self.code(unsafe { reader.text(self.type_oid, datum) })?),
            },
        };
        self.values.push(value);
        Ok(())
    }

    fn code(&mut self, text: String) -> Result<u32> {
        if let Some(code) = self.codes.get(&text) {
            return Ok(*code);
        }
        if self.texts.len() >= CATEGORIES {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("column \"{}\" has more than {CATEGORIES} different texts", self.name),
            )
            .hint(format!("It looks like an identifier: exclude => '{{{}}}'.", self.name)));
        }
        if text.len() > CATEGORY_BYTES {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("column \"{}\" has a text that is too long for a category", self.name),
            )
            .detail(format!("It has {} bytes, a category at most {CATEGORY_BYTES}.", text.len()))
            .hint(format!("Shorten it in the query, or exclude => '{{{}}}'.", self.name)));
        }
        let code = self.texts.len() as u32;
        // Each text is kept twice while the query is read, with the headers of its containers.
        self.bytes += 2 * text.len() + 96;
        self.texts.push(text.clone());
        self.codes.insert(text, code);
        Ok(code)
    }

    /// Renumbers the texts in the order of their bytes, so that codes do not depend on the rows' order.
    fn sort_texts(&mut self) {
        self.codes = HashMap::new();
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by(|a, b| self.texts.get(*a).cmp(&self.texts.get(*b)));
        let mut rank = vec![0.0; order.len()];
        for (position, code) in order.iter().enumerate() {
            if let Some(place) = rank.get_mut(*code) {
                *place = position as f64;
            }
        }
        for value in &mut self.values {
            if !value.is_nan() {
                *value = rank.get(*value as usize).copied().unwrap_or(f64::NAN);
            }
        }
        self.texts.sort();
    }

    /// The feature that the model's signature gets of this column.
    pub fn signature(&self) -> Feature {
        match self.kind {
            FeatureKind::Text => Feature::text(self.name.clone(), self.texts.clone()),
            kind => Feature::new(self.name.clone(), kind),
        }
    }
}

/// Reads the whole result of `query`. After each batch `check` hears how much there is, and may refuse to go on.
pub fn read(
    query: &str,
    exclude: &[String],
    mut check: impl FnMut(&Extent) -> Result<()>,
) -> Result<Vec<Column>> {
    let sql = CString::new(query).map_err(|_| {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "the query holds a zero byte")
    })?;
    let _connection = Connection::open()?;
    let mut batch_context = PgMemoryContexts::new("sira training batch");
    // SAFETY: the portal is ours and closed below; on an error the transaction closes it.
    unsafe {
        let portal = open(&sql)?;
        let mut columns = describe((*portal).tupDesc, exclude)?;
        let mut batch = FIRST_BATCH;
        loop {
            pgrx::check_for_interrupts!();
            pg_sys::SPI_cursor_fetch(portal, true, batch as i64);
            let (count, table) = (pg_sys::SPI_processed as usize, pg_sys::SPI_tuptable);
            if count == 0 || table.is_null() {
                break;
            }
            let rows = std::slice::from_raw_parts((*table).vals, count);
            batch_context.switch_to(|_| append(&mut columns, rows, (*table).tupdesc))?;
            batch_context.reset();
            let bytes: usize = rows.iter().map(|row| (**row).t_len as usize).sum();
            batch = (BATCH_BYTES / (bytes / count).max(1)).clamp(1, LARGEST_BATCH);
            pg_sys::SPI_freetuptable(table);
            check(&Extent {
                rows: columns.first().map_or(0, |column| column.values.len()),
                columns: columns.len(),
                texts: columns.iter().map(|column| column.bytes).sum(),
            })?;
        }
        pg_sys::SPI_cursor_close(portal);
        for column in columns.iter_mut().filter(|column| column.kind == FeatureKind::Text) {
            column.sort_texts();
        }
        Ok(columns)
    }
}

/// Opens a cursor on one statement that only reads. A DELETE … RETURNING has rows too, but whoever trains means no
/// harm to them.
unsafe fn open(sql: &CStr) -> Result<pg_sys::Portal> {
    // SAFETY: SPI is connected; the plan lives as long as the connection, the portal holds on to it.
    unsafe {
        let options = pg_sys::CURSOR_OPT_NO_SCROLL as i32;
        let plan = pg_sys::SPI_prepare_cursor(sql.as_ptr(), 0, std::ptr::null_mut(), options);
        if plan.is_null() || !pg_sys::SPI_is_cursor_plan(plan) || !only_reads(plan) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_CURSOR_DEFINITION,
                "the training query is not one SELECT",
            )
            .hint("Give one SELECT, without a semicolon and without WITH parts that write."));
        }
        Ok(pg_sys::SPI_cursor_open(std::ptr::null(), plan, std::ptr::null_mut(), std::ptr::null(), false))
    }
}

/// Whether the one statement of a plan is a SELECT without parts that write.
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

unsafe fn describe(descriptor: pg_sys::TupleDesc, exclude: &[String]) -> Result<Vec<Column>> {
    if descriptor.is_null() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the training query returns no columns",
        )
        .hint("Give a SELECT of features and a label."));
    }
    // SAFETY: the portal keeps its descriptor while it is open; a copy is read.
    let descriptor = unsafe { PgTupleDesc::from_pg_copy(descriptor) };
    let mut columns: Vec<Column> = Vec::with_capacity(descriptor.len());
    for attribute in descriptor.iter() {
        let name = attribute.name().to_owned();
        if columns.iter().any(|column| column.name == name) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                format!("the training query has two columns named \"{name}\""),
            )
            .hint("Features bind by name: give one of them another with AS."));
        }
        let excluded = exclude.contains(&name);
        columns.push(Column::new(name, attribute.atttypid, excluded)?);
    }
    Ok(columns)
}

unsafe fn append(
    columns: &mut [Column],
    rows: &[pg_sys::HeapTuple],
    descriptor: pg_sys::TupleDesc,
) -> Result<()> {
    let mut values = vec![pg_sys::Datum::from(0); columns.len()];
    let mut nulls = vec![false; columns.len()];
    for &row in rows {
        // SAFETY: both arrays are as long as the descriptor, from which the columns were made.
        unsafe { pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr()) };
        for ((column, datum), null) in columns.iter_mut().zip(&values).zip(&nulls) {
            if *null {
                column.values.push(f64::NAN);
            } else {
                // SAFETY: the column was made for the attribute's type.
                unsafe { column.push(*datum) }?;
            }
        }
    }
    Ok(())
}
