//! `sira_score_query`: a score for every row of a query, by the kernel that scores many rows at once.
//!
//! A function of one row can only score that row; whoever scores a whole table has them all. The query runs as the
//! caller and is one that could be a cursor's; volatile functions in it do what they do. Its columns bind by name as
//! those of a row do. Rows come straight from the executor, a block of vectors is scored, and the answers go into a
//! tuplestore, which spills to disk where there are many.
//! `key` names a column that is handed through as text, for a join with what the rows are about.

use crate::call;
use crate::catalog::Home;
use crate::counters::record::{self, Tally};
use crate::cursor::Cursor;
use crate::error::{Failure, Result, SqlResult};
use crate::features::Features;
use crate::relation::{self, Binding};
use crate::scoring::Scorer;
use crate::statement::Mode;
use crate::version;
use pgrx::prelude::*;
use pgrx::{IntoDatum, PgMemoryContexts, PgTupleDesc};
use pgrx::{PgSqlErrorCode, pg_sys};
use std::time::Instant;

/// Rows that are scored together: their vectors fit into a core's own cache, and however many features a model has,
/// into some megabytes.
const BLOCK: usize = 1024;
const BLOCK_VALUES: usize = 1 << 20;

#[unsafe(no_mangle)]
#[doc(hidden)]
pub extern "C" fn pg_finfo_sira_score_query() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// `sira_score_query(model, query, key)`.
///
/// # Safety
/// Called by PostgreSQL's function manager alone.
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn sira_score_query(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    let done: SqlResult<()> = unsafe { score(fcinfo) }.map_err(Into::into);
    if let Err(report) = done {
        report.report(PgLogLevel::ERROR);
    }
    // SAFETY: fcinfo is the call's; the answer is in its ReturnSetInfo.
    unsafe { pgrx::pg_return_null(fcinfo) }
}

unsafe fn score(fcinfo: pg_sys::FunctionCallInfo) -> Result<()> {
    let home = Home::of_call(fcinfo)?;
    let [model, query, key] = [0, 1, 2].map(|position| call::text_argument(fcinfo, position));
    let model =
        model.ok_or_else(|| call::null_argument("model", "Name a model: sira_score_query('fraud', …)."))?;
    let query =
        query.ok_or_else(|| call::null_argument("query", "Give a SELECT of the model's features."))?;
    let resolved = version::resolve(home, &model)?;
    let scorer = Scorer::of(home, &resolved).inspect_err(|_| record::failed(home, &resolved))?;
    let mut tally = Tally::new(home, &resolved, scorer.is_bounded());
    let signature = &scorer.version.signature;
    // SAFETY: a set-returning function was called in FROM or a target list.
    let mut answers = unsafe { Answers::begin(fcinfo) }?;
    let cursor = Cursor::open("the query to score", &query, &[], &[], Mode::Read)?;
    if cursor.descriptor().is_null() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the query to score returns no columns",
        )
        .hint("Give a SELECT of the model's features."));
    }
    let (binding, key) = {
        // The copy lies in the cursor's memory and must go before it.
        // SAFETY: the cursor keeps its descriptor while it is open.
        let columns = unsafe { PgTupleDesc::from_pg_copy(cursor.descriptor()) };
        refuse_twins(&columns)?;
        let key = key.map(|name| Key::named(&columns, &name)).transpose()?;
        (Binding::of_statement(signature, &columns)?, key)
    };
    let rows = (BLOCK_VALUES / signature.features.len().max(1)).clamp(1, BLOCK);
    let mut features = Features::default();
    let mut block = Block::default();
    cursor.stream(&mut |row| {
        // SAFETY: the binding and the key were made for this query's columns.
        unsafe {
            binding.read_values(signature, row.values, row.nulls, &mut features)?;
            block.keys.push(key.as_ref().and_then(|key| key.text(row.values, row.nulls)));
        }
        block.vectors.extend_from_slice(&features.vector);
        if block.keys.len() == rows { block.flush(&scorer, &mut tally, &mut answers) } else { Ok(()) }
    })?;
    block.flush(&scorer, &mut tally, &mut answers)
}

/// Features bind by name, and a name that stands for two columns binds neither.
fn refuse_twins(columns: &PgTupleDesc<'_>) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    match columns.iter().map(|column| column.name()).find(|name| !names.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
            format!("the query to score has two columns named \"{name}\""),
        )
        .hint("Features bind by name: give one of them another with AS.")),
    }
}

/// The column that tells rows apart.
struct Key {
    place: usize,
    type_oid: pg_sys::Oid,
}

impl Key {
    fn named(columns: &PgTupleDesc<'_>, name: &str) -> Result<Self> {
        columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name() == name)
            .map(|(place, column)| Self { place, type_oid: column.atttypid })
            .ok_or_else(|| {
                Failure::new(
                    PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                    format!("the query to score has no column \"{name}\""),
                )
                .hint("Select the column that tells its rows apart, and name it as \"key\".")
            })
    }

    /// # Safety
    /// The values must be those of a row of the query.
    unsafe fn text(&self, values: &[pg_sys::Datum], nulls: &[bool]) -> Option<String> {
        match (values.get(self.place), nulls.get(self.place)) {
            // SAFETY: as promised.
            (Some(datum), Some(false)) => Some(unsafe { relation::output_text(self.type_oid, *datum) }),
            _ => None,
        }
    }
}

/// Rows that wait to be scored.
#[derive(Default)]
struct Block {
    vectors: Vec<f64>,
    keys: Vec<Option<String>>,
    scores: Vec<f64>,
}

impl Block {
    fn flush(&mut self, scorer: &Scorer, tally: &mut Tally, answers: &mut Answers) -> Result<()> {
        let began = Instant::now();
        self.scores.clear();
        self.scores.resize(self.keys.len(), 0.0);
        scorer.score_many(&self.vectors, &mut self.scores)?;
        tally.block(began, &self.scores);
        for (key, score) in self.keys.drain(..).zip(&self.scores) {
            answers.put(key, *score);
        }
        self.vectors.clear();
        Ok(())
    }
}

/// The rows that the function returns.
struct Answers {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    rows: i64,
}

impl Answers {
    unsafe fn begin(fcinfo: pg_sys::FunctionCallInfo) -> Result<Self> {
        // SAFETY: resultinfo is a ReturnSetInfo where the caller takes sets, which is asked first; what is given to it
        // lives in the memory of the query.
        unsafe {
            let info = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let takes_sets = !info.is_null()
                && (*info).type_ == pg_sys::NodeTag::T_ReturnSetInfo
                && (*info).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_Materialize as i32 != 0;
            if !takes_sets {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                    "sira_score_query returns rows, for which there is no place here",
                )
                .hint("SELECT * FROM sira_score_query(…);"));
            }
            let random =
                (*info).allowedModes & pg_sys::SetFunctionReturnMode::SFRM_Materialize_Random as i32 != 0;
            PgMemoryContexts::For((*(*info).econtext).ecxt_per_query_memory).switch_to(|_| {
                let descriptor = pg_sys::CreateTupleDescCopy((*info).expectedDesc);
                let store = pg_sys::tuplestore_begin_heap(random, false, pg_sys::work_mem);
                (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
                (*info).setResult = store;
                (*info).setDesc = descriptor;
                Ok(Self { store, descriptor, rows: 0 })
            })
        }
    }

    fn put(&mut self, key: Option<String>, score: f64) {
        self.rows += 1;
        let mut nulls = [false, key.is_none(), false];
        let mut values = [
            pg_sys::Datum::from(self.rows),
            key.into_datum().unwrap_or(pg_sys::Datum::from(0)),
            pg_sys::Datum::from(score.to_bits()),
        ];
        // SAFETY: the SQL declaration gives the descriptor these three columns; the row is copied.
        unsafe {
            pg_sys::tuplestore_putvalues(
                self.store,
                self.descriptor,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
        }
    }
}
