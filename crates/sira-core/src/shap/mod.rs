//! Exact path-dependent TreeSHAP: what each feature contributed to a raw score.
//!
//! LightGBM's `pred_contrib` answers the same question by extending and unwinding permutation
//! weights, level by level. Here the weight is an integral instead. On the way to a leaf let
//! feature `f` have the fraction `z` of training rows that its splits let pass, and `o` = 1 if this
//! row passes them all, else 0. The Shapley value of `j` at a leaf of value `v` is
//!
//! ```text
//! v (o_j − z_j) ∫₀¹ ∏_{f ≠ j} (z_f + (o_f − z_f) t) dt
//! ```
//!
//! The integrand is a polynomial of degree m − 1 for m features on the path, so Gauss–Legendre
//! quadrature with ⌈m / 2⌉ points is exact, and per point the tree is walked once: products on the
//! way down, sums over leaves on the way up. O(nodes × points) instead of O(leaves × depth²), no
//! subtraction of nearly equal weights, and a memory of a few numbers a level.
//!
//! Contributions and baseline add up to the raw score. A branch that no training row took has
//! z = 0; where the row does not take it either it can contribute nothing and is left out.

pub(crate) mod baseline;
pub(crate) mod quadrature;
mod walk;

use crate::ensemble::Compiled;
use crate::predict::{TreeView, check_out, check_row};
use crate::{Error, ErrorKind, Result};

/// Contributions to the raw scores of a row: per output one number a feature and the baseline last.
pub fn contributions(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    check_row(model, row)?;
    let width = model.feature_count() + 1;
    check_out(out.len(), model.outputs() * width)?;
    if !model.is_explainable() {
        return Err(Error::new(ErrorKind::UnsupportedModel, "model cannot be explained")
            .with_detail("The artifact does not say how many training rows came by each node.")
            .with_hint("Save the model again with \"leaf_count\" and \"internal_count\" in its trees."));
    }
    out.fill(0.0);
    let mut walker = walk::Walker::new(model.feature_count());
    let mut trees = model.trees.iter();
    for _ in 0..model.iterations() {
        for (block, span) in out.chunks_exact_mut(width).zip(trees.by_ref()) {
            let tree = TreeView::new(model, span)?;
            if !tree.is_constant() {
                let (phi, _) = block.split_at_mut(width - 1);
                walker.tree(model, span, &tree, row, phi)?;
            }
        }
    }
    for (block, baseline) in out.chunks_exact_mut(width).zip(model.baselines) {
        if let Some(last) = block.last_mut() {
            *last = baseline.get();
        }
    }
    Ok(())
}
