//! Scores: from a row of numbers to raw scores, leaves and answers.
//!
//! Raw scores are sums of leaf values in the order of the trees, which is LightGBM's order, so they
//! equal its scores to the bit. For averaged ensembles the raw score is the sum, as LightGBM has
//! it, and [`transform`] divides. XGBoost adds in single precision, and then so does this. NaN stands for a missing value; infinite values compare as such.

pub mod examples;
mod fast;
pub mod reference;
mod rows;
mod scratch;
mod transform;

pub(crate) use fast::{answers, block_answers};
pub(crate) use reference::{TreeView, range};
pub use rows::Rows;
pub use scratch::Scratch;
pub use transform::transform;

use crate::ensemble::Compiled;
use crate::{Error, ErrorKind, Result};

/// Raw scores of a row, one an output. Who scores more than one row keeps a [`Scratch`] and calls
/// [`raw_with`].
pub fn raw(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    raw_with(model, row, &mut Scratch::new(), out)
}

/// As [`raw`], and allocates nothing once the scratch has met a model of this size.
pub fn raw_with(model: &Compiled<'_>, row: &[f64], scratch: &mut Scratch, out: &mut [f64]) -> Result<()> {
    check_row(model, row)?;
    check_out(out.len(), model.outputs())?;
    match &model.coded {
        Some(coded) => fast::one_row(model, coded, row, scratch, out),
        None => reference::sum(model, row, out),
    }
}

/// Raw scores of many rows: `outputs` numbers a row, in the order of the rows. The same numbers as
/// row by row, to the bit.
pub fn raw_batch(
    model: &Compiled<'_>,
    rows: &Rows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    rows.check(model.feature_count())?;
    let outputs = model.outputs();
    check_out(out.len(), rows.len() * outputs)?;
    fast::batch(model, rows, scratch, out)
}

/// The leaf that each tree ends in, numbered as the artifact numbers them.
pub fn leaves(model: &Compiled<'_>, row: &[f64], out: &mut [u32]) -> Result<()> {
    check_row(model, row)?;
    check_out(out.len(), model.tree_count())?;
    for (leaf, span) in out.iter_mut().zip(model.trees) {
        *leaf = TreeView::new(model, span)?.leaf(row)?;
    }
    Ok(())
}

/// The answers of a row, one an output: probabilities of the classes, or the one score.
pub fn scores(model: &Compiled<'_>, row: &[f64]) -> Result<Vec<f64>> {
    let mut out = vec![0.0; model.outputs()];
    raw(model, row, &mut out)?;
    transform(model, &mut out);
    Ok(out)
}

/// The answer of a model that has one output.
pub fn score(model: &Compiled<'_>, row: &[f64]) -> Result<f64> {
    if model.outputs() != 1 {
        return Err(Error::new(ErrorKind::UnsupportedModel, "model has more than one output")
            .with_detail(format!("{} classes.", model.outputs()))
            .with_hint("Ask for the score of each class."));
    }
    let mut out = [0.0];
    raw(model, row, &mut out)?;
    transform(model, &mut out);
    Ok(out[0])
}

/// Adds in the precision of the model. A sum of two singles that is rounded to double first and to single
/// then is rounded as if once: 53 bits are more than twice 24 and two.
#[inline(always)]
fn add<const SINGLE: bool>(sum: f64, value: f64) -> f64 {
    if SINGLE { f64::from((sum + value) as f32) } else { sum + value }
}

/// What the sums begin with.
fn begin(model: &Compiled<'_>, out: &mut [f64]) {
    for (sum, base) in out.iter_mut().zip(model.bases) {
        *sum = base.get();
    }
}

pub(crate) fn check_row(model: &Compiled<'_>, row: &[f64]) -> Result<()> {
    check_row_length(row.len(), model.feature_count())
}

fn check_row_length(given: usize, taken: usize) -> Result<()> {
    if given == taken {
        return Ok(());
    }
    Err(Error::new(ErrorKind::FeatureCount, "number of features does not match the model")
        .with_detail(format!("{given} values were given, the model takes {taken}."))
        .with_hint("Give one value per feature in the model's order, or features by name."))
}

/// A wrong buffer is the caller's mistake, not the row's.
pub(crate) fn check_out(length: usize, needed: usize) -> Result<()> {
    if length == needed {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, "output buffer has a wrong length")
        .with_detail(format!("{length} places, {needed} values.")))
}
