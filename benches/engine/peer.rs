//! LightGBM as the peer: its C API on one thread, as fast as it goes.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;

use lightgbm3_sys as ffi;

use crate::models::{FEATURES, Outcome};

const ONE_THREAD: &CStr = c"num_threads=1";

pub struct Peer {
    booster: ffi::BoosterHandle,
    fast: ffi::FastConfigHandle,
}

fn check(code: c_int) -> Outcome<()> {
    if code == 0 { Ok(()) } else { Err("LightGBM refused a call".into()) }
}

impl Peer {
    pub fn new(text: &str) -> Outcome<Self> {
        let text = CString::new(text)?;
        let mut peer = Self { booster: ptr::null_mut(), fast: ptr::null_mut() };
        let mut iterations = 0;
        // SAFETY: NUL-terminated text; both handles are written before they are used and freed once.
        unsafe {
            check(ffi::LGBM_BoosterLoadModelFromString(text.as_ptr(), &mut iterations, &mut peer.booster))?;
            check(ffi::LGBM_BoosterPredictForMatSingleRowFastInit(
                peer.booster,
                ffi::C_API_PREDICT_RAW_SCORE as c_int,
                0,
                -1,
                ffi::C_API_DTYPE_FLOAT64 as c_int,
                FEATURES as i32,
                ONE_THREAD.as_ptr(),
                &mut peer.fast,
            ))?;
        }
        Ok(peer)
    }

    /// The raw score of a row, by the call that LightGBM offers for it.
    pub fn one_row(&self, row: &[f64]) -> f64 {
        let (mut written, mut out) = (0_i64, 0.0_f64);
        // SAFETY: the row has as many values as the handle was made for; one output.
        unsafe {
            ffi::LGBM_BoosterPredictForMatSingleRowFast(
                self.fast,
                row.as_ptr().cast::<c_void>(),
                &mut written,
                &mut out,
            )
        };
        out
    }

    pub fn raw(&self, rows: &[f64], out: &mut [f64]) {
        self.predict(ffi::C_API_PREDICT_RAW_SCORE as c_int, rows, out);
    }

    pub fn contributions(&self, rows: &[f64], out: &mut [f64]) {
        self.predict(ffi::C_API_PREDICT_CONTRIB as c_int, rows, out);
    }

    fn predict(&self, kind: c_int, rows: &[f64], out: &mut [f64]) {
        let mut written = 0_i64;
        // SAFETY: whole rows, and room for what the kind of prediction writes: asserted afterwards by the tests.
        let code = unsafe {
            ffi::LGBM_BoosterPredictForMat(
                self.booster,
                rows.as_ptr().cast::<c_void>(),
                ffi::C_API_DTYPE_FLOAT64 as c_int,
                (rows.len() / FEATURES) as i32,
                FEATURES as i32,
                1,
                kind,
                0,
                -1,
                ONE_THREAD.as_ptr(),
                &mut written,
                out.as_mut_ptr(),
            )
        };
        assert_eq!((code, written as usize), (0, out.len()));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SAFETY: made by this value, freed once.
        unsafe {
            ffi::LGBM_FastConfigFree(self.fast);
            ffi::LGBM_BoosterFree(self.booster);
        }
    }
}
