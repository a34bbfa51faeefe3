//! The curves of a version's test part, recorded when it is registered.
//!
//! Predictions of a test part are not kept. What a card draws of them is computed here once: from at most [`ROWS`] of the
//! rows, evenly taken, by the engine that will serve, calibration included.

use crate::catalog::Home;
use crate::error::Result;
use crate::registration::{OwnModel, Registered};
use crate::statement::{Arguments, Mode, Statement};
use crate::training::dataset::Dataset;
use pgrx::pg_sys;
use serde_json::{Map, Value, json};
use sira_core::ensemble::{codec, lightgbm};
use sira_core::predict::{self, Rows, Scratch};
use sira_core::split::Split;
use sira_report::curves::{self, Scored};

/// Rows of the test part that the curves are drawn from: more would move no line by a pixel.
const ROWS: usize = 100_000;

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_model_curves (tenant_id, model_id, version_id, curves) \
             VALUES ($1, $2, $3, $4::pg_catalog.jsonb)",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID],
        )
    };
}

/// Records the curves of a version that was trained on `data`, whose parts hold positions of its order.
pub fn record(
    home: Home,
    model: &OwnModel,
    version: &Registered,
    data: &Dataset,
    split: &Split,
    text: &str,
) -> Result<()> {
    let mut found = of_test_part(data, split, text)?;
    found.insert("time_bounds".into(), time_bounds(data, split));
    let curves = Value::Object(found).to_string();
    let arguments =
        Arguments::new().bind(model.tenant.as_str()).bind(model.id).bind(version.id).bind(curves.as_str());
    home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
    Ok(())
}

fn of_test_part(data: &Dataset, split: &Split, text: &str) -> Result<Map<String, Value>> {
    let all = data.rows(&split.test);
    if all.is_empty() {
        return Ok(Map::new());
    }
    let rows: Vec<u32> = evenly(&all, ROWS);
    let bytes = codec::compile(&lightgbm::parse(text)?);
    let model = codec::Compiled::open(&bytes)?;
    let (width, features) = (model.outputs(), data.table.columns.len());
    let mut answers = vec![0.0; rows.len() * width];
    let mut scratch = Scratch::new();
    // In pieces: so many rows as vectors at once would be a second copy of the data, and a cancel must be heard.
    for (rows, answers) in rows.chunks(4096).zip(answers.chunks_mut(4096 * width)) {
        pgrx::check_for_interrupts!();
        let vectors = vectors(data, rows);
        predict::raw_batch(&model, &Rows::row_major(&vectors, features)?, &mut scratch, answers)?;
        answers.chunks_mut(width).for_each(|answer| predict::transform(&model, answer));
    }
    data.signature.calibrate(&mut answers);
    let pick = |values: &[f64]| -> Vec<f64> {
        rows.iter().map(|row| values.get(*row as usize).copied().unwrap_or(f64::NAN)).collect()
    };
    let labels = pick(&data.table.label);
    let weights = data.table.weight.as_deref().map(pick);
    let scored = Scored { answers: &answers, width, labels: &labels, weights: weights.as_deref() };
    let mut found = curves::of(&data.signature, &scored);
    found.insert("rows".into(), json!(rows.len()));
    found.insert("of".into(), json!(all.len()));
    if model.is_explainable() {
        let explained = evenly(&all, curves::sample(bytes.len(), all.len()));
        let names: Vec<&str> = data.signature.features.iter().map(|feature| feature.name.as_str()).collect();
        found.insert("shap".into(), curves::contributions(&model, &names, &vectors(data, &explained))?);
    }
    Ok(found)
}

/// So many of the rows, the same distance apart.
fn evenly(rows: &[u32], most: usize) -> Vec<u32> {
    rows.iter().copied().step_by(rows.len().div_ceil(most.max(1)).max(1)).collect()
}

/// Rows of the table as vectors, one after the other.
fn vectors(data: &Dataset, rows: &[u32]) -> Vec<f64> {
    let value =
        |row: u32, column: &sira_train::Column| column.values.get(row as usize).copied().unwrap_or(f64::NAN);
    rows.iter().flat_map(|row| data.table.columns.iter().map(move |column| value(*row, column))).collect()
}

/// From when to when the rows of each part are, in Unix microseconds; null without a time.
fn time_bounds(data: &Dataset, split: &Split) -> Value {
    let Some(times) = data.times.as_deref() else { return Value::Null };
    let bounds = |part: &[u32]| {
        let of_part = || part.iter().filter_map(|position| times.get(*position as usize).copied());
        match (of_part().min(), of_part().max()) {
            (Some(first), Some(last)) => json!([first, last]),
            _ => Value::Null,
        }
    };
    json!({ "train": bounds(&split.train), "validation": bounds(&split.validation), "test": bounds(&split.test) })
}
