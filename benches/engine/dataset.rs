//! The table that the server's rows are measured on: the same rows as the engine's, as a database would hold them.
//!
//! Columns are `id`, the numbers `f0` to `f25` (an empty field is NULL, a missing value), the texts `f26` and `f27`
//! (a letter and the code) and the integers `f28` and `f29` (the code).

use std::hint::black_box;
use std::io::{BufWriter, Write, stdout};
use std::time::Instant;

use serde_json::json;
use sira_core::ensemble::{self, Compiled, lightgbm};
use sira_core::predict::{self, Rows, Scratch};

use crate::clock;
use crate::models::{self, FEATURES, NUMBERS, Outcome, Shape};
use crate::peer::Peer;

/// What no training has seen.
const SEED: u64 = 11;

/// The first letter of a text's categories: `m17`, `k3`.
const TEXTS: [char; 2] = ['m', 'k'];

pub fn csv(rows: usize) -> Outcome<()> {
    let (values, _) = models::rows(rows, SEED);
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    for (at, row) in values.chunks(FEATURES).enumerate() {
        write!(out, "{}", at + 1)?;
        for (feature, value) in row.iter().enumerate() {
            let text = feature.checked_sub(NUMBERS).and_then(|category| TEXTS.get(category));
            match text {
                Some(letter) => write!(out, ",{letter}{value}")?,
                None if value.is_nan() => write!(out, ",")?,
                None => write!(out, ",{value}")?,
            }
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

pub fn raw(shape: Shape, rows: usize) -> Outcome<()> {
    let peer = Peer::new(&models::text(shape)?)?;
    let (values, _) = models::rows(rows, SEED);
    for row in values.chunks(FEATURES) {
        println!("{:?}", peer.one_row(row));
    }
    Ok(())
}

pub fn single(shape: Shape, rows: usize) -> Outcome<()> {
    let peer = Peer::new(&models::text(shape)?)?;
    let (values, _) = models::rows(rows, SEED);
    report(rows, || {
        for row in values.chunks(FEATURES) {
            black_box(peer.one_row(row));
        }
        Ok(())
    })
}

pub fn batch(shape: Shape, rows: usize) -> Outcome<()> {
    let bytes = ensemble::compile(&lightgbm::parse(&models::text(shape)?)?);
    let model = Compiled::open(&bytes)?;
    let (values, _) = models::rows(rows, SEED);
    let mut out = vec![0.0; rows];
    report(rows, || {
        let rows = Rows::row_major(&values, FEATURES)?;
        predict::raw_batch(&model, &rows, &mut Scratch::new(), &mut out)?;
        black_box(&out);
        Ok(())
    })
}

/// Nanoseconds a row by the clock on the wall, as `EXPLAIN ANALYZE` counts, and of processor time.
fn report(rows: usize, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let (wall, processor) = (Instant::now(), clock::now());
    work()?;
    let (wall, processor) = (wall.elapsed().as_nanos(), clock::now() - processor);
    println!("{}", json!({ "wall": wall as f64 / rows as f64, "processor": processor as f64 / rows as f64 }));
    Ok(())
}
