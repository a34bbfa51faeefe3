//! From answers and what came true to the metrics of the task, by name.

use super::labels::Truth;
use crate::error::{Failure, Result};
use serde::Serialize;
use serde_json::{Map, Value};
use sira_core::metrics::bootstrap::{self, Bootstrap, Interval};
use sira_core::metrics::sweep::{self, Costs};
use sira_core::metrics::{self, Binning, Ranking, gain};

/// Bins of the calibration that is stored, and steps of the gains.
const BINS: usize = 10;

/// One version's answers and the truth, row by row.
pub struct Scored {
    /// Answers a row.
    pub width: usize,
    pub answers: Vec<f64>,
    pub truth: Truth,
}

/// What two classes are measured at; nothing to other tasks.
#[derive(Clone, Copy)]
pub struct Terms {
    /// From which score on a row counts as positive.
    pub threshold: f64,
    /// The share of rows that people can look at.
    pub capacity: Option<f64>,
    /// What each outcome costs, where the policy says so.
    pub costs: Option<Costs>,
}

/// Metrics by name, as they are stored.
pub type Metrics = Map<String, Value>;

impl Scored {
    /// The rows at these places.
    pub fn pick(&self, rows: &[u32]) -> Self {
        Self {
            width: self.width,
            answers: rows
                .iter()
                .flat_map(|row| {
                    let at = *row as usize * self.width;
                    self.answers.get(at..at + self.width).unwrap_or_default().iter().copied()
                })
                .collect(),
            truth: match &self.truth {
                Truth::Flags(flags) => Truth::Flags(pick(flags, rows)),
                Truth::Classes(classes) => Truth::Classes(pick(classes, rows)),
                Truth::Numbers(numbers) => Truth::Numbers(pick(numbers, rows)),
            },
        }
    }

    pub fn measure(&self, weights: Option<&[f64]>, terms: &Terms) -> Result<Metrics> {
        match &self.truth {
            Truth::Flags(truth) => self.measure_flags(truth, weights, terms),
            Truth::Classes(truth) => object(&metrics::multiclass(&self.answers, self.width, truth, weights)?),
            Truth::Numbers(truth) => object(&metrics::regression(&self.answers, truth, weights)?),
        }
    }

    fn measure_flags(&self, truth: &[bool], weights: Option<&[f64]>, terms: &Terms) -> Result<Metrics> {
        let mut all = object(&metrics::binary(&self.answers, truth, weights, terms.threshold)?)?;
        let mut put = |name: &str, value: Option<f64>| all.insert(name.to_owned(), Value::from(value));
        if terms.capacity.is_none() && terms.costs.is_none() {
            return Ok(all);
        }
        let ranking = Ranking::of(&self.answers, truth, weights)?;
        if let Some(capacity) = terms.capacity {
            let top = gain::at_share(&ranking, capacity)?;
            put("capacity", Some(capacity));
            put("capacity_threshold", Some(top.threshold));
            put("precision_at_capacity", Some(top.precision));
            put("recall_at_capacity", top.gain);
            put("lift_at_capacity", top.lift);
        }
        if let Some(costs) = &terms.costs {
            let here = sweep::at(&ranking, terms.threshold, Some(costs))?;
            let best = sweep::best(&ranking, Some(costs))?;
            put("cost", here.map(|cut| cut.cost));
            put("best_cost", best.map(|cut| cut.cost));
            put("best_threshold", best.map(|cut| cut.threshold));
        }
        Ok(all)
    }

    /// Calibration and gains of two classes, for who draws them.
    pub fn curves(&self, weights: Option<&[f64]>) -> Result<Metrics> {
        let mut curves = Map::new();
        let Truth::Flags(truth) = &self.truth else { return Ok(curves) };
        if self.answers.iter().all(|answer| (0.0..=1.0).contains(answer)) {
            let bins = metrics::calibration(&self.answers, truth, weights, BINS, Binning::Uniform)?;
            curves.insert("calibration".to_owned(), json(&bins)?);
        }
        let gains = gain::deciles(&Ranking::of(&self.answers, truth, weights)?);
        curves.insert("gains".to_owned(), json(&gains)?);
        Ok(curves)
    }

    /// Between which values the metrics lie, had other rows come.
    pub fn intervals(
        &self,
        weights: Option<&[f64]>,
        terms: &Terms,
        how: &Bootstrap,
    ) -> Result<Vec<Interval>> {
        let progress = &mut |_| {
            pgrx::check_for_interrupts!();
            Ok(())
        };
        Ok(match &self.truth {
            Truth::Flags(truth) => {
                bootstrap::binary(&self.answers, truth, weights, terms.threshold, how, progress)?
            }
            Truth::Classes(truth) => {
                bootstrap::multiclass(&self.answers, self.width, truth, weights, how, progress)?
            }
            Truth::Numbers(truth) => bootstrap::regression(&self.answers, truth, weights, how, progress)?,
        })
    }
}

/// The values at these places.
pub fn pick<T: Copy + Default>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.iter().map(|row| values.get(*row as usize).copied().unwrap_or_default()).collect()
}

fn json<T: Serialize>(metrics: &T) -> Result<Value> {
    serde_json::to_value(metrics)
        .map_err(|error| Failure::internal(format!("metrics cannot be written: {error}")))
}

fn object<T: Serialize>(metrics: &T) -> Result<Metrics> {
    match json(metrics)? {
        Value::Object(object) => Ok(object),
        _ => Err(Failure::internal("metrics have no names")),
    }
}

/// Intervals as they are stored, with how they were made.
pub fn stored(intervals: &[Interval], how: &Bootstrap) -> Result<Metrics> {
    let made = [
        ("confidence".to_owned(), Value::from(how.level)),
        ("resamples".to_owned(), Value::from(how.resamples)),
        ("seed".to_owned(), Value::from(i64::from_ne_bytes(how.seed.to_ne_bytes()))),
    ];
    let bounds =
        |interval: &Interval| Ok((interval.metric.to_owned(), json(&[interval.low, interval.high])?));
    made.into_iter().map(Ok).chain(intervals.iter().map(bounds)).collect()
}

/// The metrics that are one number each, `None` where the rows do not tell. The cells of a confusion count by their own
/// names; curves and matrices stay in what is stored.
pub fn numbers(metrics: &Metrics) -> Vec<(&str, Option<f64>)> {
    let mut numbers = Vec::with_capacity(metrics.len());
    for (name, value) in metrics {
        match value {
            Value::Number(number) => numbers.push((name.as_str(), number.as_f64())),
            Value::Null => numbers.push((name.as_str(), None)),
            Value::Object(cells) if name == "confusion" => {
                numbers.extend(cells.iter().map(|(cell, count)| (cell.as_str(), count.as_f64())));
            }
            _ => {}
        }
    }
    numbers
}

/// Whether more of a metric is better; `None` of what is a fact about the rows, or a choice, rather than a merit.
pub fn higher_is_better(metric: &str) -> Option<bool> {
    match metric {
        "auc"
        | "average_precision"
        | "ks"
        | "accuracy"
        | "precision"
        | "recall"
        | "f1"
        | "specificity"
        | "precision_at_capacity"
        | "recall_at_capacity"
        | "lift_at_capacity"
        | "precision_macro"
        | "recall_macro"
        | "f1_macro"
        | "precision_weighted"
        | "recall_weighted"
        | "f1_weighted"
        | "auc_ovr_macro"
        | "auc_ovr_weighted"
        | "r2" => Some(true),
        "log_loss"
        | "brier"
        | "calibration_error"
        | "calibration_error_max"
        | "fpr"
        | "fnr"
        | "cost"
        | "best_cost"
        | "rmse"
        | "mae"
        | "mape"
        | "smape" => Some(false),
        _ => None,
    }
}
