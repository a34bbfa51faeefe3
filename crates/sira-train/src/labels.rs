//! What is checked of labels, weights and groups before LightGBM sees them, in words that help.
//!
//! LightGBM would refuse some of this with a line on stderr, train a constant on the rest, and take an infinite
//! label without a word.

use sira_core::signature::Task;
use sira_core::{Error, ErrorKind, Result};

use crate::{Table, ValidParams};

/// Labels and weights of one part in LightGBM's own type, in the order of its rows.
pub(crate) struct Part {
    pub rows: Vec<u32>,
    pub labels: Vec<f32>,
    pub weights: Option<Vec<f32>>,
    /// Sizes of consecutive groups, for a ranking.
    pub groups: Option<Vec<i32>>,
}

fn bad_label(task: Task) -> Error {
    let task = match task {
        Task::Binary => "binary",
        Task::Multiclass => "multiclass",
        Task::Regression => "regression",
        Task::Ranking => "ranking",
        Task::Anomaly => "anomaly",
    };
    Error::new(ErrorKind::BadLabel, format!("label does not fit the task \"{task}\""))
}

/// Columns of one length, and rows that exist: what everything after relies on.
pub(crate) fn check_shape(table: &Table, rows: &[&[u32]]) -> Result<()> {
    let len = table.label.len();
    let uneven = table.columns.iter().any(|column| column.values.len() != len)
        || table.weight.as_ref().is_some_and(|weight| weight.len() != len)
        || table.group.as_ref().is_some_and(|group| group.len() != len);
    if uneven {
        return Err(Error::new(ErrorKind::Training, "columns of a training table differ in length")
            .with_detail(format!("The label has {len} values.")));
    }
    if table.columns.is_empty() {
        return Err(Error::new(ErrorKind::NotEnoughData, "no feature to train on").with_hint(
            "The training query must yield at least one column beside label, weight, time and group.",
        ));
    }
    if rows.iter().flat_map(|part| part.iter()).any(|&row| row as usize >= len) {
        return Err(Error::new(ErrorKind::Training, "a split names a row that does not exist")
            .with_detail(format!("There are {len} rows.")));
    }
    Ok(())
}

/// The part to train on, with enough rows and a label that varies.
pub(crate) fn training(table: &Table, rows: &[u32], params: &ValidParams) -> Result<Part> {
    let leaf = params.size("min_data_in_leaf").max(1);
    let needed = leaf.saturating_mul(2);
    if rows.len() < needed {
        return Err(Error::new(ErrorKind::NotEnoughData, "too few rows to train on")
            .with_detail(format!("{} rows; two leaves of {leaf} rows need {needed}.", rows.len()))
            .with_hint("Widen the training query, or lower \"min_data_in_leaf\"."));
    }
    let mut part = part(table, rows, params)?;
    if let Some(class_weight) = params.class_weight() {
        let of_class = class_weight.resolve(&table.classes, &part.labels)?;
        let mut weights = part.weights.take().unwrap_or_else(|| vec![1.0; part.labels.len()]);
        for (weight, label) in weights.iter_mut().zip(&part.labels) {
            *weight *= of_class.get(*label as usize).copied().unwrap_or(1.0);
        }
        part.weights = Some(weights);
    }
    enough_drawn(&part, params, needed)?;
    let mut counted = part
        .labels
        .iter()
        .enumerate()
        .filter(|(i, _)| part.weights.as_ref().and_then(|w| w.get(*i)).is_none_or(|&weight| weight > 0.0))
        .map(|(_, label)| *label);
    let Some(first) = counted.next() else {
        return Err(bad_weight().with_detail("The weight of every training row is 0."));
    };
    if counted.all(|label| label == first) {
        return Err(Error::new(ErrorKind::BadLabel, "label is constant")
            .with_detail(format!("It is {first} in all {} rows of the training part.", rows.len()))
            .with_hint(
                "Widen the training query or move the split, so that the training part holds different labels.",
            ));
    }
    Ok(part)
}

/// A round that draws no rows is an error deep inside LightGBM, and one that draws few splits nothing.
fn enough_drawn(part: &Part, params: &ValidParams, needed: usize) -> Result<()> {
    let (negative, positive) = params.drawn_shares();
    let drawn: f64 = part.labels.iter().map(|label| if *label > 0.0 { positive } else { negative }).sum();
    if negative.min(positive) >= 1.0 || drawn >= needed as f64 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotEnoughData, "too few rows drawn in each round")
        .with_detail(format!("About {drawn:.0} of {} rows; two leaves need {needed}.", part.labels.len()))
        .with_hint("Raise the fraction of rows that a round draws, or lower \"min_data_in_leaf\"."))
}

/// The part to stop by; a measure of order needs both classes there.
pub(crate) fn validation(table: &Table, rows: &[u32], params: &ValidParams) -> Result<Part> {
    let part = part(table, rows, params)?;
    if matches!(params.metric(), "auc" | "average_precision")
        && let Some(first) = part.labels.first()
        && part.labels.iter().all(|label| label == first)
    {
        return Err(Error::new(ErrorKind::BadLabel, "label is constant in the validation part")
            .with_detail(format!(
                "It is {first} in all {} rows, so \"{}\" says nothing.",
                rows.len(),
                params.metric()
            ))
            .with_hint("Enlarge the validation part, or use the metric binary_logloss."));
    }
    Ok(part)
}

fn part(table: &Table, rows: &[u32], params: &ValidParams) -> Result<Part> {
    let (rows, groups) = match (params.task(), &table.group) {
        (Task::Ranking, Some(group)) => {
            let (rows, sizes) = by_group(group, rows);
            (rows, Some(sizes))
        }
        (Task::Ranking, None) => {
            return Err(Error::new(ErrorKind::InvalidParameter, "a ranking needs groups")
                .with_hint("Name the column that tells the groups apart with group_column => '...'."));
        }
        _ => (rows.to_vec(), None),
    };
    let labels = labels(table, &rows, params)?;
    let weights = match &table.weight {
        Some(weight) => Some(weights(weight, &rows)?),
        None => None,
    };
    Ok(Part { rows, labels, weights, groups })
}

fn labels(table: &Table, rows: &[u32], params: &ValidParams) -> Result<Vec<f32>> {
    let task = params.task();
    let mut labels = Vec::with_capacity(rows.len());
    let mut sum = 0.0;
    for &row in rows {
        let label = table.label.get(row as usize).copied().unwrap_or(f64::NAN);
        let place = || format!("Label {label} in row {} of the training query.", u64::from(row) + 1);
        if label.is_nan() {
            return Err(Error::new(ErrorKind::BadLabel, "label is missing")
                .with_detail(format!("Row {} of the training query has none.", u64::from(row) + 1))
                .with_hint("Leave such rows out: WHERE the label IS NOT NULL."));
        }
        // LightGBM keeps labels in single precision, where the largest number is 3.4e38.
        let single = label as f32;
        if !single.is_finite() {
            return Err(Error::new(ErrorKind::InfiniteValue, "label is infinite").with_detail(place()));
        }
        let (fits, takes) = accepts(params, label);
        if !fits {
            return Err(bad_label(task).with_detail(place()).with_hint(takes));
        }
        sum += label;
        labels.push(single);
    }
    if matches!(params.objective(), "poisson" | "tweedie") && sum <= 0.0 && !rows.is_empty() {
        return Err(bad_label(task)
            .with_detail("All labels are 0.")
            .with_hint(format!("The objective {} needs labels above 0.", params.objective())));
    }
    Ok(labels)
}

/// Whether a finite label fits task and objective, and what would.
fn accepts(params: &ValidParams, label: f64) -> (bool, String) {
    let whole = label.fract() == 0.0;
    match params.task() {
        Task::Binary => (label == 0.0 || label == 1.0, "A binary label is 0 or 1.".to_owned()),
        Task::Multiclass => {
            let last = params.outputs().saturating_sub(1);
            (whole && label >= 0.0 && label <= last as f64, format!("Class codes run from 0 to {last}."))
        }
        // LightGBM's table of gains ends at 30.
        Task::Ranking => (
            whole && (0.0..=30.0).contains(&label),
            "A grade of relevance is a whole number from 0 to 30.".to_owned(),
        ),
        Task::Regression | Task::Anomaly => match params.objective() {
            objective @ ("poisson" | "tweedie") => {
                (label >= 0.0, format!("The objective {objective} takes labels from 0 up."))
            }
            "gamma" => (label > 0.0, "The objective gamma takes labels above 0.".to_owned()),
            _ => (true, String::new()),
        },
    }
}

fn bad_weight() -> Error {
    Error::new(ErrorKind::InvalidParameter, "weights do not fit")
        .with_hint("A weight is a finite number from 0 up, and not every one is 0.")
}

fn weights(weight: &[f64], rows: &[u32]) -> Result<Vec<f32>> {
    rows.iter()
        .map(|&row| {
            let value = weight.get(row as usize).copied().unwrap_or(f64::NAN);
            let single = value as f32;
            if single.is_finite() && single >= 0.0 {
                Ok(single)
            } else {
                let row = u64::from(row) + 1;
                Err(bad_weight().with_detail(format!("Weight {value} in row {row} of the training query.")))
            }
        })
        .collect()
}

/// Rows brought together by group, groups in the order in which they first appear, and the groups' sizes.
fn by_group(group: &[i64], rows: &[u32]) -> (Vec<u32>, Vec<i32>) {
    let mut number = std::collections::HashMap::new();
    let mut keyed: Vec<(usize, u32)> = rows
        .iter()
        .map(|&row| {
            let id = group.get(row as usize).copied().unwrap_or_default();
            let next = number.len();
            (*number.entry(id).or_insert(next), row)
        })
        .collect();
    keyed.sort_by_key(|(number, _)| *number);
    let sizes = keyed.chunk_by(|a, b| a.0 == b.0).map(|chunk| chunk.len() as i32).collect();
    (keyed.into_iter().map(|(_, row)| row).collect(), sizes)
}
