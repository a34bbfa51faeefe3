//! What quality to expect while no label is there.
//!
//! Confidence-based: if the probabilities are calibrated, a row with score p is positive with probability p, and every count
//! of a confusion matrix has an expectation (Guerra and others, "Can we trust the estimates?", the CBPE of NannyML,
//! after Chow, 1957). It cannot see that the concept has changed: it says how good the model would be *if only the
//! inputs moved*. So it is an estimate, is marked as one wherever it stands, and never raises concept drift.
//!
//! The scores come as counts over an even grid on [0, 1], which add up from hour to hour; a cell stands for its middle.

use serde::Serialize;

/// Cells of the grid. Rows of one cell count as ties in the AUC: with two hundred cells that costs less than 0.001.
pub const CELLS: usize = 200;

/// What is to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    pub rows: u64,
    /// The expected share of positives.
    pub prevalence: f64,
    pub accuracy: f64,
    /// None where one class is not expected at all.
    pub auc: Option<f64>,
}

/// The inner borders of the grid.
#[must_use]
pub fn grid() -> Vec<f64> {
    (1..CELLS).map(|cell| cell as f64 / CELLS as f64).collect()
}

/// The expectation from counts over [`grid`]'s cells; further counts (missing scores) are left out. `None` without rows.
#[must_use]
pub fn expected(counts: &[u64], threshold: f64) -> Option<Estimate> {
    let cells = counts.iter().take(CELLS).enumerate().map(|(cell, count)| {
        let probability = (cell as f64 + 0.5) / CELLS as f64;
        (probability, *count as f64)
    });
    let (mut positives, mut negatives, mut right, mut ordered) = (0.0, 0.0, 0.0, 0.0);
    for (probability, rows) in cells {
        let (positive, negative) = (rows * probability, rows * (1.0 - probability));
        // Positives above every negative so far, and half of those in the same cell.
        ordered += positive * (negatives + negative / 2.0);
        positives += positive;
        negatives += negative;
        right += if probability >= threshold { positive } else { negative };
    }
    let rows = positives + negatives;
    (rows > 0.0).then(|| Estimate {
        rows: rows.round() as u64,
        prevalence: positives / rows,
        accuracy: right / rows,
        auc: (positives > 0.0 && negatives > 0.0).then(|| ordered / (positives * negatives)),
    })
}
