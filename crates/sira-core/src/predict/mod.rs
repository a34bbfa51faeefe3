//! Scores: from a row of numbers to raw scores, leaves and answers.
//!
//! Raw scores are sums of leaf values in the order of the trees, which is LightGBM's order, so they
//! equal its scores to the bit. For averaged ensembles the raw score is the sum, as LightGBM has
//! it, and [`transform`] divides. NaN stands for a missing value; infinite values compare as such.

mod reference;
mod transform;

pub(crate) use reference::{Step, TreeView, range};
pub use transform::transform;

use crate::ensemble::Compiled;
use crate::{Error, ErrorKind, Result};

/// Raw scores of a row, one an output.
pub fn raw(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    check_row(model, row)?;
    check_out(out.len(), model.outputs())?;
    out.fill(0.0);
    let mut trees = model.trees.iter();
    for _ in 0..model.iterations() {
        for (sum, span) in out.iter_mut().zip(trees.by_ref()) {
            let tree = TreeView::new(model, span)?;
            *sum += tree.leaf_value(tree.leaf(row)?)?;
        }
    }
    Ok(())
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

pub(crate) fn check_row(model: &Compiled<'_>, row: &[f64]) -> Result<()> {
    if row.len() == model.feature_count() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::FeatureCount, "number of features does not match the model")
        .with_detail(format!("{} values were given, the model takes {}.", row.len(), model.feature_count()))
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
