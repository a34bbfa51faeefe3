//! Intervals of a model's measures that tells several classes apart.

use super::super::multiclass::{averaged_areas, averages, largest};
use super::super::{Weights, log_loss_of, multiclass as measured};
use super::{Bootstrap, Interval, Progress, share};
use crate::Result;

pub(super) const NAMES: [&str; 10] = [
    "log_loss",
    "accuracy",
    "precision_macro",
    "recall_macro",
    "f1_macro",
    "precision_weighted",
    "recall_weighted",
    "f1_weighted",
    "auc_ovr_macro",
    "auc_ovr_weighted",
];

/// What a row adds to sums.
pub(super) struct Row {
    weight: f64,
    label: usize,
    predicted: usize,
    loss: f64,
}

/// The rows from a class's highest probability down, each with whether it is the last of its probability.
pub(super) type Order = Vec<(u32, bool)>;

/// Intervals of the measures of [`measured`], under the same names.
pub fn multiclass(
    probabilities: &[f64],
    k: usize,
    labels: &[u32],
    weights: Option<&[f64]>,
    how: &Bootstrap,
    progress: Progress,
) -> Result<Vec<Interval>> {
    let Prepared { rows, orders, .. } = prepared(probabilities, k, labels, weights)?;
    let strata = how.strata(k, rows.iter().map(|row| row.label))?;
    how.run(NAMES, &strata, progress, |counts| measure(&rows, &orders, counts))
}

/// Rows by their content, and their places among those that were given.
pub(super) struct Prepared {
    pub(super) rows: Vec<Row>,
    pub(super) orders: Vec<Order>,
    pub(super) places: Vec<usize>,
}

/// Refuses what cannot be measured.
pub(super) fn prepared(
    probabilities: &[f64],
    k: usize,
    labels: &[u32],
    weights: Option<&[f64]>,
) -> Result<Prepared> {
    measured(probabilities, k, labels, weights)?;
    let weights = Weights::new(weights, labels.len())?;
    let chances = |row: usize| probabilities.get(row * k..(row + 1) * k).unwrap_or_default();
    let label_of = |row: usize| labels.get(row).copied().unwrap_or_default();
    let mut content: Vec<usize> = (0..labels.len()).collect();
    // By content, so that the order of rows does not decide which ones a seed draws.
    content.sort_unstable_by(|a, b| {
        let pairs = || chances(*a).iter().zip(chances(*b)).map(|(a, b)| a.total_cmp(b));
        let by_chances = || pairs().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal);
        label_of(*a)
            .cmp(&label_of(*b))
            .then_with(|| weights.of(*a).total_cmp(&weights.of(*b)))
            .then_with(by_chances)
    });
    let row = |at: &usize| {
        let label = label_of(*at) as usize;
        let chance = chances(*at).get(label).copied().unwrap_or_default();
        Row { weight: weights.of(*at), label, predicted: largest(chances(*at)), loss: log_loss_of(chance) }
    };
    let rows: Vec<Row> = content.iter().map(row).collect();
    let chance = |at: usize, class: usize| {
        content.get(at).and_then(|row| chances(*row).get(class)).copied().unwrap_or_default()
    };
    let orders: Vec<Order> = (0..k).map(|class| order(rows.len(), |at| chance(at, class))).collect();
    Ok(Prepared { rows, orders, places: content })
}

fn order(rows: usize, score: impl Fn(usize) -> f64) -> Order {
    let mut order: Vec<(f64, u32)> = (0..rows).map(|row| (score(row) + 0.0, row as u32)).collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let next = order.iter().skip(1).map(|row| Some(row.0)).chain([None]);
    order.iter().zip(next).map(|((score, row), next)| (*row, next != Some(*score))).collect()
}

pub(super) fn measure(rows: &[Row], orders: &[Order], counts: &[u32]) -> [f64; 10] {
    let k = orders.len();
    let (mut confusion, mut loss, mut total) = (vec![vec![0.0; k]; k], 0.0, 0.0);
    for (row, count) in rows.iter().zip(counts).filter(|(_, count)| **count > 0) {
        let weight = row.weight * f64::from(*count);
        total += weight;
        loss += weight * row.loss;
        if let Some(cell) = confusion.get_mut(row.label).and_then(|cells| cells.get_mut(row.predicted)) {
            *cell += weight;
        }
    }
    let (each, by_support, correct) = averages(&confusion, k);
    let areas = orders.iter().enumerate().filter_map(|(class, order)| area(rows, order, counts, class));
    let [plain, weighted] = averaged_areas(areas).map(|area| area.unwrap_or(f64::NAN));
    let [macros, weighteds] = [each, by_support]
        .map(|sums| [sums.precision, sums.recall, sums.f1].map(|sum| share(sum, sums.weight)));
    let ([a, b, c], [d, e, f]) = (macros, weighteds);
    [share(loss, total), share(correct, total), a, b, c, d, e, f, plain, weighted]
}

/// The area under the curve of one class against the rest, and the weight of its members.
fn area(rows: &[Row], order: &Order, counts: &[u32], class: usize) -> Option<(f64, f64)> {
    let (mut hits, mut alarms, mut area, mut step) = (0.0, 0.0, 0.0, [0.0; 2]);
    for (row, last) in order {
        if let Some((row, count)) = rows.get(*row as usize).zip(counts.get(*row as usize)) {
            step[usize::from(row.label == class)] += row.weight * f64::from(*count);
        }
        if *last {
            let [negative, positive] = std::mem::take(&mut step);
            area += negative * (hits + positive / 2.0);
            hits += positive;
            alarms += negative;
        }
    }
    (hits > 0.0 && alarms > 0.0).then(|| (area / hits / alarms, hits))
}
