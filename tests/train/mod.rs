//! What the training tests share: made-up data that anyone can make again, and LightGBM as the predictor.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::ffi::{CString, c_void};
use std::ops::ControlFlow;
use std::ptr;

use lightgbm3_sys as ffi;
use serde_json::Value;
use sira_core::Result;
use sira_core::signature::Task;
use sira_train::{Column, Params, Progress, Rows, Table, Trained, train};

/// SplitMix64: the next number of a sequence that any language writes in four lines.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1), a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Two informative numbers, one with holes, one category of which 3 and 7 matter, and noise.
/// The hidden score is a sum of steps, so that nothing depends on a platform's `exp`.
pub fn table(rows: usize, seed: u64) -> (Table, Vec<f64>) {
    let mut dice = Dice(seed);
    let mut columns: Vec<Vec<f64>> = vec![Vec::new(); 5];
    let mut score = Vec::with_capacity(rows);
    for _ in 0..rows {
        let a = dice.unit() * 10.0 - 5.0;
        let b = dice.unit();
        let hole = dice.unit() < 0.2;
        let category = (dice.unit() * 12.0).floor();
        let noise = dice.unit();
        let hidden = a * 0.3
            + if b > 0.5 { 1.0 } else { -1.0 }
            + if hole { 0.8 } else { 0.0 }
            + if category == 3.0 || category == 7.0 { 1.5 } else { 0.0 }
            + (dice.unit() - 0.5);
        let row = [a, b, if hole { f64::NAN } else { dice.unit() }, category, noise];
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
        score.push(hidden);
    }
    let names = ["amount", "share", "with holes", "kind: of", "noise"];
    let columns = names
        .iter()
        .zip(columns)
        .map(|(name, values)| Column { name: (*name).into(), categorical: *name == "kind: of", values })
        .collect();
    (Table { columns, ..Table::default() }, score)
}

pub fn binary(rows: usize, seed: u64) -> Table {
    let (mut table, score) = table(rows, seed);
    table.label = score.iter().map(|s| f64::from(*s > 1.0)).collect();
    table
}

/// The first seven tenths, and the rest.
pub fn halves(rows: usize) -> (Vec<u32>, Vec<u32>) {
    let cut = (rows * 7 / 10) as u32;
    ((0..cut).collect(), (cut..rows as u32).collect())
}

pub fn go_on(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub fn fit(task: Task, classes: usize, json: Value, table: &Table, rows: Rows, seed: u64) -> Result<Trained> {
    let params = Params::from_json(task, classes, &json)?.validate()?;
    train(&params, seed, 1, table, rows, &mut go_on)
}

/// LightGBM's own predictions from a model's text, row-major with one value an output.
pub fn predict(text: &str, table: &Table, rows: &[u32], outputs: usize) -> Vec<f64> {
    let mut handle: ffi::BoosterHandle = ptr::null_mut();
    let text = CString::new(text).unwrap();
    let mut iterations = 0;
    let matrix: Vec<f64> =
        rows.iter().flat_map(|r| table.columns.iter().map(move |c| c.values[*r as usize])).collect();
    let mut out = vec![0.0; rows.len() * outputs];
    let mut written = 0_i64;
    // SAFETY: whole text from our own training, buffers as long as stated, handle freed once.
    unsafe {
        assert_eq!(ffi::LGBM_BoosterLoadModelFromString(text.as_ptr(), &mut iterations, &mut handle), 0);
        let code = ffi::LGBM_BoosterPredictForMat(
            handle,
            matrix.as_ptr().cast::<c_void>(),
            ffi::C_API_DTYPE_FLOAT64 as i32,
            rows.len() as i32,
            table.columns.len() as i32,
            1,
            ffi::C_API_PREDICT_NORMAL as i32,
            0,
            -1,
            c"num_threads=1".as_ptr(),
            &mut written,
            out.as_mut_ptr(),
        );
        assert_eq!(code, 0);
        ffi::LGBM_BoosterFree(handle);
    }
    assert_eq!(written as usize, out.len());
    out
}

pub fn log_loss(probabilities: &[f64], labels: impl Iterator<Item = f64>) -> f64 {
    let losses: Vec<f64> = probabilities
        .iter()
        .zip(labels)
        .map(|(p, y)| if y > 0.5 { -p.ln() } else { -(1.0 - p).ln() })
        .collect();
    losses.iter().sum::<f64>() / losses.len() as f64
}
