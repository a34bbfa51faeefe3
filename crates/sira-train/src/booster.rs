//! A LightGBM booster: one round at a time, so that whoever calls can stop in between.

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;

use lightgbm3_sys as ffi;
use sira_core::{Error, ErrorKind, Result};

use crate::dataset::Dataset;
use crate::library::{c_count, check};

/// An owned `BoosterHandle`. LightGBM keeps pointers to the data sets, so they are borrowed for as long.
pub(crate) struct Booster<'data> {
    handle: ffi::BoosterHandle,
    data: PhantomData<&'data Dataset>,
}

impl Drop for Booster<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from a create call that succeeded, and only this value holds it.
        unsafe { ffi::LGBM_BoosterFree(self.handle) };
    }
}

/// What a feature gave to a model.
pub(crate) enum ImportanceKind {
    Splits = 0,
    Gain = 1,
}

impl<'data> Booster<'data> {
    pub(crate) fn new(train: &'data Dataset, parameters: &CStr) -> Result<Self> {
        let mut handle: ffi::BoosterHandle = ptr::null_mut();
        // SAFETY: the data set outlives the booster by its lifetime; the parameters are NUL-terminated.
        let code = unsafe { ffi::LGBM_BoosterCreate(train.handle(), parameters.as_ptr(), &mut handle) };
        check("begin with these parameters and labels", code)?;
        Ok(Self { handle, data: PhantomData })
    }

    pub(crate) fn add_validation(&mut self, validation: &'data Dataset) -> Result<()> {
        // SAFETY: as for the training data.
        check("take the validation part", unsafe {
            ffi::LGBM_BoosterAddValidData(self.handle, validation.handle())
        })
    }

    /// Puts another model's trees before its own.
    pub(crate) fn merge(&mut self, other: &Loaded) -> Result<()> {
        // SAFETY: both handles are alive; the trees are copied.
        check("take the model to start from", unsafe { ffi::LGBM_BoosterMerge(self.handle, other.handle) })
    }

    /// Learns the leaves' values anew; `leaves` says, row by row, where each tree sends it.
    pub(crate) fn refit(&mut self, leaves: &[i32], rows: usize, trees: usize) -> Result<()> {
        if rows.checked_mul(trees) != Some(leaves.len()) {
            return Err(Error::new(ErrorKind::Training, "rows, trees and leaves do not fit together"));
        }
        // SAFETY: there are as many numbers as rows times trees; the library checks both against its own.
        check("refit the leaves", unsafe {
            ffi::LGBM_BoosterRefit(
                self.handle,
                leaves.as_ptr(),
                c_count("rows", rows)?,
                c_count("trees", trees)?,
            )
        })
    }

    /// Boosts one round; `false` when no tree can be split any more, and then none was added.
    pub(crate) fn update(&mut self) -> Result<bool> {
        let mut finished: c_int = 0;
        // SAFETY: handle and data sets are alive; writes one int.
        check("boost a round", unsafe { ffi::LGBM_BoosterUpdateOneIter(self.handle, &mut finished) })?;
        Ok(finished == 0)
    }

    /// The one metric asked for, on the training part (0) or the validation part (1).
    pub(crate) fn evaluate(&self, part: c_int) -> Result<Option<f64>> {
        let mut count: c_int = 0;
        // SAFETY: writes one int.
        check("count its metrics", unsafe { ffi::LGBM_BoosterGetEvalCounts(self.handle, &mut count) })?;
        let mut values = vec![0.0_f64; usize::try_from(count).unwrap_or(0)];
        if values.is_empty() {
            return Ok(None);
        }
        let mut written: c_int = 0;
        // SAFETY: the buffer has room for as many values as the library just said it writes.
        check("evaluate a round", unsafe {
            ffi::LGBM_BoosterGetEval(self.handle, part, &mut written, values.as_mut_ptr())
        })?;
        Ok(values.first().copied().filter(|_| written > 0))
    }

    /// The model's text up to and including a round.
    pub(crate) fn text(&self, rounds: usize) -> Result<String> {
        let mut buffer = vec![0_u8; 1 << 16];
        loop {
            let room = i64::try_from(buffer.len()).unwrap_or(i64::MAX);
            let mut needed: i64 = 0;
            // SAFETY: the buffer has the room stated; when that is too little nothing is written but the size.
            check("write the model", unsafe {
                ffi::LGBM_BoosterSaveModelToString(
                    self.handle,
                    0,
                    c_count("rounds", rounds)?,
                    ImportanceKind::Splits as c_int,
                    room,
                    &mut needed,
                    buffer.as_mut_ptr().cast::<c_char>(),
                )
            })?;
            let size = usize::try_from(needed).unwrap_or(0);
            if size <= buffer.len() {
                // The size counts the closing zero byte.
                buffer.truncate(size.saturating_sub(1));
                return String::from_utf8(buffer).map_err(|_| {
                    Error::new(ErrorKind::Training, "the training library wrote no valid text")
                });
            }
            buffer.resize(size, 0);
        }
    }

    /// One number a feature.
    pub(crate) fn importance(
        &self,
        rounds: usize,
        kind: ImportanceKind,
        features: usize,
    ) -> Result<Vec<f64>> {
        let mut width: c_int = 0;
        // SAFETY: writes one int.
        check("count its features", unsafe { ffi::LGBM_BoosterGetNumFeature(self.handle, &mut width) })?;
        let mut values = vec![0.0_f64; usize::try_from(width).unwrap_or(0).max(features)];
        // SAFETY: LightGBM writes one double a feature, and there is room for all.
        check("weigh the features", unsafe {
            ffi::LGBM_BoosterFeatureImportance(
                self.handle,
                c_count("rounds", rounds)?,
                kind as c_int,
                values.as_mut_ptr(),
            )
        })?;
        values.truncate(features);
        Ok(values)
    }
}

/// A model that was loaded, to be merged into another.
pub(crate) struct Loaded {
    handle: ffi::BoosterHandle,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the handle came from a load that succeeded, and only this value holds it.
        unsafe { ffi::LGBM_BoosterFree(self.handle) };
    }
}

impl Loaded {
    /// Loads a model's text, which must be known to be whole: a cut one takes the process down.
    pub(crate) fn new(text: &CStr) -> Result<Self> {
        let mut handle: ffi::BoosterHandle = ptr::null_mut();
        let mut iterations: c_int = 0;
        // SAFETY: the text is NUL-terminated; writes an int and a handle.
        check("load the model to start from", unsafe {
            ffi::LGBM_BoosterLoadModelFromString(text.as_ptr(), &mut iterations, &mut handle)
        })?;
        Ok(Self { handle })
    }
}
