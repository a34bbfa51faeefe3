//! A LightGBM data set, filled in chunks straight from columns.
//!
//! LightGBM wants a sample to choose its bins by, then the rows. Both are gathered through row indices, so the
//! relation exists once as columns and once as LightGBM's bins (mostly a byte a value), never as a matrix.

use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use lightgbm3_sys as ffi;
use sira_core::{Error, ErrorKind, Result};

use crate::library::{SignalsBlocked, c_count, c_string, check};
use crate::{Column, Table};

/// Values gathered between two calls of the observer: 2 MB, some tens of milliseconds of binning.
const CHUNK_VALUES: usize = 1 << 18;

/// What LightGBM takes for zero when it samples; the sample leaves zeros out.
const ZERO: f64 = 1e-35_f32 as f64;

/// LightGBM writes thresholds no further out than this, so what lies beyond would score otherwise than it trained.
const LARGEST: f64 = 1e300;

/// Category codes are positions in a bit set, which an outlying code would blow up.
const LARGEST_CATEGORY: f64 = 1_000_000.0;

/// An owned `DatasetHandle`.
pub(crate) struct Dataset {
    handle: ffi::DatasetHandle,
    rows: usize,
    threads: usize,
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // SAFETY: the handle came from a create call that succeeded, and only this value holds it.
        unsafe { ffi::LGBM_DatasetFree(self.handle) };
    }
}

impl Dataset {
    /// Chooses bins by a sample of the rows and allocates room for all of them.
    pub(crate) fn sampled(
        table: &Table,
        rows: &[u32],
        parameters: &CStr,
        threads: usize,
        poll: &mut dyn FnMut() -> Result<()>,
    ) -> Result<Self> {
        let count = c_count("rows", rows.len())?;
        let columns = c_count("features", table.columns.len())?;
        let sample = sample_positions(count, parameters)?;
        let mut values: Vec<Vec<f64>> = Vec::with_capacity(table.columns.len());
        let mut positions: Vec<Vec<c_int>> = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            poll()?;
            let (v, p) = sample_column(column, rows, &sample)?;
            values.push(v);
            positions.push(p);
        }
        let lengths = values.iter().map(|v| c_count("rows", v.len())).collect::<Result<Vec<c_int>>>()?;
        let mut value_pointers: Vec<*mut f64> = values.iter_mut().map(Vec::as_mut_ptr).collect();
        let mut position_pointers: Vec<*mut c_int> = positions.iter_mut().map(Vec::as_mut_ptr).collect();
        let mut handle: ffi::DatasetHandle = ptr::null_mut();
        let quiet = SignalsBlocked::when(threads);
        // SAFETY: one pointer and one length a column, each pointing at as many values as the length says, all
        // alive until the call returns; LightGBM copies what it keeps.
        let code = unsafe {
            ffi::LGBM_DatasetCreateFromSampledColumn(
                value_pointers.as_mut_ptr(),
                position_pointers.as_mut_ptr(),
                columns,
                lengths.as_ptr(),
                c_count("rows", sample.len())?,
                count,
                i64::from(count),
                parameters.as_ptr(),
                &mut handle,
            )
        };
        drop(quiet);
        check("choose bins for the features", code)?;
        let dataset = Self { handle, rows: rows.len(), threads };
        dataset.set_names(&table.columns)?;
        Ok(dataset)
    }

    /// Room for other rows, binned as this data set is.
    pub(crate) fn aligned(&self, rows: usize) -> Result<Self> {
        let count = c_count("rows", rows)?;
        let mut handle: ffi::DatasetHandle = ptr::null_mut();
        // SAFETY: the reference is alive; LightGBM shares nothing of it by pointer but copies its bins.
        let code = unsafe { ffi::LGBM_DatasetCreateByReference(self.handle, i64::from(count), &mut handle) };
        check("make room for the validation rows", code)?;
        Ok(Self { handle, rows, threads: self.threads })
    }

    /// Pushes all rows, in order, polling between chunks with the number of rows done.
    pub(crate) fn fill(
        &mut self,
        columns: &[Column],
        rows: &[u32],
        poll: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        if rows.len() != self.rows {
            return Err(Error::new(ErrorKind::Training, "data set and rows do not fit together"));
        }
        let width = c_count("features", columns.len())?;
        let height = (CHUNK_VALUES / columns.len().max(1)).max(1);
        let mut buffer = vec![0.0_f64; columns.len() * height.min(rows.len())];
        let mut done = 0;
        for chunk in rows.chunks(height) {
            for (position, column) in columns.iter().enumerate() {
                let cells = buffer.iter_mut().skip(position).step_by(columns.len());
                for (cell, &row) in cells.zip(chunk) {
                    *cell = checked(column, row)?;
                }
            }
            // Only for the call: while the host is asked, signals come through, or it would learn of no cancel.
            let quiet = SignalsBlocked::when(self.threads);
            // SAFETY: the buffer holds at least chunk.len() whole rows of `width` doubles, and the rows
            // done..done + chunk.len() lie within what the data set was made for.
            let code = unsafe {
                ffi::LGBM_DatasetPushRows(
                    self.handle,
                    buffer.as_ptr().cast::<c_void>(),
                    ffi::C_API_DTYPE_FLOAT64 as c_int,
                    c_count("rows", chunk.len())?,
                    width,
                    c_count("rows", done)?,
                )
            };
            drop(quiet);
            check("take the rows", code)?;
            done += chunk.len();
            poll(done)?;
        }
        Ok(())
    }

    pub(crate) fn set_labels(&mut self, labels: &[f32]) -> Result<()> {
        self.set_floats(c"label", labels)
    }

    pub(crate) fn set_weights(&mut self, weights: &[f32]) -> Result<()> {
        self.set_floats(c"weight", weights)
    }

    fn set_floats(&mut self, field: &CStr, values: &[f32]) -> Result<()> {
        let pointer = values.as_ptr().cast::<c_void>();
        self.set_field(field, pointer, values.len(), ffi::C_API_DTYPE_FLOAT32 as c_int)
    }

    /// The sizes of consecutive groups.
    pub(crate) fn set_groups(&mut self, sizes: &[i32]) -> Result<()> {
        let pointer = sizes.as_ptr().cast::<c_void>();
        self.set_field(c"group", pointer, sizes.len(), ffi::C_API_DTYPE_INT32 as c_int)
    }

    /// What the scores begin with: an output's rows one after the other, outputs one after the other.
    pub(crate) fn set_init_scores(&mut self, scores: &[f64]) -> Result<()> {
        let pointer = scores.as_ptr().cast::<c_void>();
        self.set_field(c"init_score", pointer, scores.len(), ffi::C_API_DTYPE_FLOAT64 as c_int)
    }

    fn set_field(&mut self, field: &CStr, values: *const c_void, len: usize, kind: c_int) -> Result<()> {
        let len = c_count("rows", len)?;
        // SAFETY: the pointer spans `len` values of the stated type; LightGBM checks `len` and copies.
        check("take the labels", unsafe {
            ffi::LGBM_DatasetSetField(self.handle, field.as_ptr(), values, len, kind)
        })
    }

    fn set_names(&self, columns: &[Column]) -> Result<()> {
        let names = safe_names(columns.iter().map(|column| column.name.as_str()));
        let names = names.iter().map(|name| c_string(name)).collect::<Result<Vec<_>>>()?;
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        // SAFETY: as many NUL-terminated strings as stated, alive until the call returns; LightGBM copies them.
        check("take the feature names", unsafe {
            ffi::LGBM_DatasetSetFeatureNames(
                self.handle,
                pointers.as_mut_ptr(),
                c_count("features", pointers.len())?,
            )
        })
    }

    pub(crate) fn handle(&self) -> ffi::DatasetHandle {
        self.handle
    }
}

/// LightGBM's own choice of rows to sample, so that its other front ends choose the same bins.
fn sample_positions(rows: i32, parameters: &CStr) -> Result<Vec<i32>> {
    let mut wanted: c_int = 0;
    // SAFETY: writes one int.
    check("size its sample", unsafe { ffi::LGBM_GetSampleCount(rows, parameters.as_ptr(), &mut wanted) })?;
    let mut sample = vec![0_i32; usize::try_from(wanted).unwrap_or(0)];
    let mut len: i32 = 0;
    // SAFETY: the buffer has room for the number that the library itself just gave for the same arguments.
    check("choose its sample", unsafe {
        ffi::LGBM_SampleIndices(rows, parameters.as_ptr(), sample.as_mut_ptr().cast::<c_void>(), &mut len)
    })?;
    sample.truncate(usize::try_from(len).unwrap_or(0));
    Ok(sample)
}

/// The sampled values of a column that are not zero, and where in the sample they stand.
fn sample_column(column: &Column, rows: &[u32], sample: &[i32]) -> Result<(Vec<f64>, Vec<c_int>)> {
    let mut values = Vec::with_capacity(sample.len());
    let mut positions = Vec::with_capacity(sample.len());
    for (position, &pick) in (0..).zip(sample) {
        let row = usize::try_from(pick).ok().and_then(|pick| rows.get(pick)).copied().unwrap_or_default();
        let value = checked(column, row)?;
        if value.abs() > ZERO || value.is_nan() {
            values.push(value);
            positions.push(position);
        }
    }
    Ok((values, positions))
}

/// A value, when it is one that scores as it trains. Row indices were checked against the table before.
fn checked(column: &Column, row: u32) -> Result<f64> {
    let value = column.values.get(row as usize).copied().unwrap_or(f64::NAN);
    if value.abs() > LARGEST {
        return Err(Error::new(
            ErrorKind::InfiniteValue,
            format!("feature \"{}\" has an infinite value", column.name),
        )
        .with_detail(format!("Value {value:e} in row {} of the training query.", u64::from(row) + 1))
        .with_hint(
            "Turn infinities into NULL in the training query, for example with nullif(x, 'infinity').",
        ));
    }
    if column.categorical
        && !value.is_nan()
        && !((0.0..=LARGEST_CATEGORY).contains(&value) && value.fract() == 0.0)
    {
        return Err(Error::new(
            ErrorKind::FeatureType,
            format!("feature \"{}\" is no category code", column.name),
        )
        .with_detail(format!(
            "Value {value} in row {} of the training query; codes are whole numbers from 0 to {LARGEST_CATEGORY}.",
            u64::from(row) + 1
        ))
        .with_hint("Cast the column to text to have its values numbered."));
    }
    Ok(value)
}

/// Names that LightGBM takes and that its text format keeps apart: no JSON punctuation, no white space, no `=`,
/// each once. The signature of a version carries the names as they are; position ties the two together.
pub(crate) fn safe_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen = HashSet::new();
    names
        .map(|name| {
            let replace = |c: char| c.is_control() || c.is_whitespace() || "\",:[]{}=".contains(c);
            let mut base: String = name.chars().map(|c| if replace(c) { '_' } else { c }).collect();
            if base.is_empty() {
                base.push('_');
            }
            let mut unique = base.clone();
            let mut number = 2_u64;
            while !seen.insert(unique.clone()) {
                unique = format!("{base}_{number}");
                number += 1;
            }
            unique
        })
        .collect()
}
