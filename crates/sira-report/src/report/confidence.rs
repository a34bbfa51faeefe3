//! How sure a measured quality is: 95 per cent intervals from what a row of the history says of it.

use crate::card::json::number;
use serde_json::Value;
use sira_core::drift::concept::auc_error;

/// The normal distribution's quantile of 97.5 per cent.
const Z: f64 = 1.959_963_984_540_054;

/// Of an AUC: 1.96 standard errors by Hanley and McNeil (1982); nothing where the classes are not known.
pub fn of_auc(row: &Value, before: &Value) -> Option<(f64, f64)> {
    let (auc, rows) = (number(row, "auc")?, number(row, "rows")?);
    let share = number(row, "prevalence").or_else(|| number(before, "prevalence"))?;
    let (positives, negatives) = (rows * share, rows * (1.0 - share));
    if !(positives >= 1.0 && negatives >= 1.0) {
        return None;
    }
    let reach = Z * auc_error(auc, positives, negatives);
    Some(((auc - reach).max(0.0), (auc + reach).min(1.0)))
}

/// Of a share of rows: the binomial interval of Wilson, "Probable inference, the law of succession, and statistical
/// inference" (1927), which stays within 0 and 1.
pub fn of_share(row: &Value, key: &str) -> Option<(f64, f64)> {
    let (share, rows) = (number(row, key)?, number(row, "rows")?);
    if !(rows >= 1.0 && (0.0..=1.0).contains(&share)) {
        return None;
    }
    let square = Z * Z / rows;
    let middle = (share + square / 2.0) / (1.0 + square);
    let reach = Z / (1.0 + square) * (share * (1.0 - share) / rows + square / (4.0 * rows)).sqrt();
    Some(((middle - reach).max(0.0), (middle + reach).min(1.0)))
}
