//! The engine against LightGBM's C API, and what the server's rows need of the two.
//!
//! Without a command every pair is measured, ours and theirs in turns, with criterion. The commands serve the rows
//! that are measured in a server (`benches/rows`), so that all rows are about the same models and the same data:
//!
//! - `model SHAPE`: LightGBM's text of a measured model, trained once;
//! - `csv ROWS`: the table, for COPY, in the columns that [`dataset`] describes;
//! - `raw SHAPE ROWS`: LightGBM's raw scores of the table's first rows, to the bit, as a reference;
//! - `single SHAPE ROWS`: nanoseconds a row of LightGBM's single-row-fast call on the table's first rows;
//! - `batch SHAPE ROWS`: nanoseconds a row of our batch kernel on the same rows, one call.

mod clock;
mod dataset;
mod models;
mod peer;
mod ratios;

use models::{Outcome, SHAPES, Shape};

fn shape(name: &str) -> Outcome<Shape> {
    SHAPES
        .into_iter()
        .find(|shape| shape.name() == name)
        .ok_or_else(|| format!("there is no model \"{name}\"").into())
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["model", name] => {
            print!("{}", models::text(shape(name)?)?);
            Ok(())
        }
        ["csv", rows] => dataset::csv(rows.parse()?),
        ["raw", name, rows] => dataset::raw(shape(name)?, rows.parse()?),
        ["single", name, rows] => dataset::single(shape(name)?, rows.parse()?),
        ["batch", name, rows] => dataset::batch(shape(name)?, rows.parse()?),
        _ => ratios::measure_all(),
    }
}
