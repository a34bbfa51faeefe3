//! Uses everything that a compiled model offers. What it answers is not looked at, panics are.

use sira_core::ensemble::Compiled;
use sira_core::predict::{self, Rows, Scratch, reference};
use sira_core::shap;
use std::ops::ControlFlow;

/// How far a model went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Every way of scoring came to its end.
    pub scored: bool,
    /// All ways of scoring gave the same bits.
    pub agreed: bool,
    /// Every way of explaining came to its end.
    pub explained: bool,
}

/// Numbers of an explanation that are asked for at most: damaged bytes may declare any product.
const MOST_NUMBERS: usize = 1 << 16;
/// Values of rows at most, but for two rows: enough for a whole block of rows and lanes not all taken.
const MOST_VALUES: usize = 1 << 16;

/// Rows whose values reach all kinds of branches.
fn value(at: usize) -> f64 {
    match at % 11 {
        3 => f64::NAN,
        5 => 0.0,
        7 => 1e300,
        8 => -1e300,
        _ => (at % 13) as f64 - 6.5,
    }
}

pub fn exercise(model: &Compiled<'_>) -> Outcome {
    let (features, outputs) = (model.feature_count().min(MOST_NUMBERS), model.outputs().min(10_000));
    let numbers = outputs * (features + 1);
    let rows = (MOST_VALUES / features.max(1)).clamp(2, 73);
    let values: Vec<f64> = (0..rows * features).map(value).collect();
    let mut outcome = Outcome { scored: true, agreed: true, explained: true };
    let (mut scratch, mut shap_scratch) = (Scratch::new(), shap::Scratch::new());
    let same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    let mut plain = vec![0.0; rows * outputs];
    let mut own = vec![0.0; outputs];
    let mut leaves = vec![0; model.tree_count()];
    let mut of_last = vec![0.0; features + 1];
    let mut contributions = vec![0.0; numbers.min(MOST_NUMBERS)];
    for (number, (row, plain)) in
        values.chunks_exact(features.max(1)).zip(plain.chunks_exact_mut(outputs)).enumerate()
    {
        outcome.scored &= reference::raw(model, row, plain).is_ok();
        if number < 5 {
            outcome.scored &= predict::raw_with(model, row, &mut scratch, &mut own).is_ok();
            outcome.agreed &= same(&own, plain);
            predict::transform(model, &mut own);
            outcome.scored &= predict::leaves(model, row, &mut leaves).is_ok();
            let mut go_on = || ControlFlow::Continue(());
            let done =
                shap::contributions_of(model, row, outputs - 1, &mut shap_scratch, &mut go_on, &mut of_last);
            outcome.explained &= done.is_ok();
            if numbers <= MOST_NUMBERS {
                let done = shap::contributions_with(model, row, &mut shap_scratch, &mut contributions);
                outcome.explained &= done.is_ok();
            }
        }
    }
    let Ok(view) = Rows::row_major(&values, features) else { return outcome };
    let mut many = vec![0.0; rows * outputs];
    outcome.scored &= predict::raw_batch(model, &view, &mut scratch, &mut many).is_ok();
    outcome.agreed &= same(&many, &plain);
    if numbers * rows <= MOST_NUMBERS {
        let mut many = vec![0.0; numbers * rows];
        let done = shap::contributions_batch(model, &view, &mut shap_scratch, &mut many);
        outcome.explained &= done.is_ok();
    }
    outcome
}
