//! How good a trained model is on rows that it did not learn from.

use crate::error::{Failure, Result};
use crate::training::dataset::Dataset;
use serde_json::Value;
use sira_core::ensemble::codec::Compiled;
use sira_core::signature::Task;
use sira_core::{metrics, predict};

/// What the model answers for rows of the table: as many numbers a row as it has outputs, calibrated where the
/// signature says so.
pub fn answers(model: &Compiled<'_>, data: &Dataset, rows: &[u32]) -> Result<Vec<f64>> {
    let width = model.outputs();
    let mut row = vec![0.0; data.table.columns.len()];
    let mut outputs = Vec::with_capacity(rows.len() * width);
    let mut raw = vec![0.0; width];
    let mut scratch = predict::Scratch::new();
    for (count, index) in rows.iter().enumerate() {
        if count % 4096 == 0 {
            pgrx::check_for_interrupts!();
        }
        for (place, column) in row.iter_mut().zip(&data.table.columns) {
            *place = column.values.get(*index as usize).copied().unwrap_or(f64::NAN);
        }
        predict::raw_with(model, &row, &mut scratch, &mut raw)?;
        predict::transform(model, &mut raw);
        outputs.extend_from_slice(&raw);
    }
    data.signature.calibrate(&mut outputs);
    Ok(outputs)
}

/// The metrics of the task, on the given rows of the table; `None` without rows.
///
/// Rows are scored by SIRA's own engine from the compiled model: what is measured is what will serve.
pub fn evaluate(model: &Compiled<'_>, data: &Dataset, rows: &[u32], threshold: f64) -> Result<Option<Value>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let width = model.outputs();
    let outputs = answers(model, data, rows)?;
    let pick = |values: &[f64]| -> Vec<f64> {
        rows.iter().map(|index| values.get(*index as usize).copied().unwrap_or(f64::NAN)).collect()
    };
    let labels = pick(&data.table.label);
    let weights = data.table.weight.as_deref().map(pick);
    let weights = weights.as_deref();
    let measured = match data.signature.task {
        Task::Binary => {
            let truth: Vec<bool> = labels.iter().map(|label| *label != 0.0).collect();
            serde_json::to_value(metrics::binary(&outputs, &truth, weights, threshold)?)
        }
        Task::Multiclass => {
            let truth: Vec<u32> = labels.iter().map(|label| *label as u32).collect();
            serde_json::to_value(metrics::multiclass(&outputs, width, &truth, weights)?)
        }
        // Its measure (NDCG) stands in the history, round by round.
        Task::Ranking => Ok(serde_json::json!({ "rows": rows.len() })),
        Task::Regression | Task::Anomaly => {
            serde_json::to_value(metrics::regression(&outputs, &labels, weights)?)
        }
    };
    measured.map(Some).map_err(|error| Failure::internal(format!("metrics cannot be written: {error}")))
}
