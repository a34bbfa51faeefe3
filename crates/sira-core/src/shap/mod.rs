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
//! z = 0; where the row does not take it either its factor vanishes, and so does what lies below.

pub(crate) mod baseline;
mod decisions;
mod explain;
pub(crate) mod quadrature;
mod walk;

pub use explain::Scratch;

use crate::cpu;
use crate::ensemble::Compiled;
use crate::predict::{self, Rows, check_out, check_row};
use crate::{Error, ErrorKind, Result};
use decisions::{ByBlock, ByRow, Plain};
use explain::{BLOCK, Explain, has_room};
use std::ops::{ControlFlow, Range};

/// Contributions to the raw scores of a row: per output one number a feature and the baseline last.
pub fn contributions(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    contributions_with(model, row, &mut Scratch::new(), out)
}

/// As [`contributions`], and allocates nothing once the scratch has met a model of this size.
pub fn contributions_with(
    model: &Compiled<'_>,
    row: &[f64],
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    check_out(out.len(), model.outputs() * (model.feature_count() + 1))?;
    of_row(model, row, 0..model.outputs(), scratch, &mut || ControlFlow::Continue(()), out)
}

/// Contributions to the raw score of one output, bit for bit those of [`contributions`], in memory by the number of
/// features alone. `checkpoint` is called once a tree or more often and may break it off, which is an error of kind
/// [`ErrorKind::Cancelled`].
pub fn contributions_of(
    model: &Compiled<'_>,
    row: &[f64],
    output: usize,
    scratch: &mut Scratch,
    checkpoint: &mut dyn FnMut() -> ControlFlow<()>,
    out: &mut [f64],
) -> Result<()> {
    if output >= model.outputs() {
        return Err(Error::new(ErrorKind::InvalidParameter, "model does not have the output to explain")
            .with_detail(format!("Output {output} of {}.", model.outputs())));
    }
    check_out(out.len(), model.feature_count() + 1)?;
    of_row(model, row, output..output + 1, scratch, checkpoint, out)
}

fn of_row(
    model: &Compiled<'_>,
    row: &[f64],
    outputs: Range<usize>,
    scratch: &mut Scratch,
    checkpoint: &mut dyn FnMut() -> ControlFlow<()>,
    out: &mut [f64],
) -> Result<()> {
    check_row(model, row)?;
    check_explainable(model)?;
    let mut answers = std::mem::take(&mut scratch.answers);
    let done = match &model.coded {
        Some(coded) => predict::answers(coded, row, &mut answers).and_then(|answers| {
            let decisions = &ByRow { model, coded, row, answers };
            cpu::run(Explain { model, decisions, rows: 1, outputs, scratch, checkpoint, out })
        }),
        None => {
            let decisions = &Plain { row };
            cpu::run(Explain { model, decisions, rows: 1, outputs, scratch, checkpoint, out })
        }
    };
    scratch.answers = answers;
    done
}

/// Contributions of many rows, in their order; each row as [`contributions`] has it, but for the
/// order of additions.
pub fn contributions_batch(
    model: &Compiled<'_>,
    rows: &Rows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    rows.check(model.feature_count())?;
    let width = model.outputs() * (model.feature_count() + 1);
    check_out(out.len(), rows.len() * width)?;
    check_explainable(model)?;
    let mut row = Vec::new();
    let mut first = 0;
    for out in out.chunks_mut(BLOCK * width) {
        let count = out.len() / width;
        match &model.coded {
            Some(coded) if count > 1 && has_room(count, model.feature_count()) => {
                let mut answers = std::mem::take(&mut scratch.answers);
                let done = predict::block_answers(coded, rows, first, &mut answers).and_then(|masks| {
                    let decisions = &ByBlock { model, coded, rows, first, count, masks };
                    let outputs = 0..model.outputs();
                    let checkpoint = &mut || ControlFlow::Continue(());
                    cpu::run(Explain { model, decisions, rows: count, outputs, scratch, checkpoint, out })
                });
                scratch.answers = answers;
                done?;
            }
            _ => {
                for (at, out) in out.chunks_mut(width).enumerate() {
                    rows.copy_row(first + at, &mut row);
                    contributions_with(model, &row, scratch, out)?;
                }
            }
        }
        first += count;
    }
    Ok(())
}

fn check_explainable(model: &Compiled<'_>) -> Result<()> {
    if model.is_explainable() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::UnsupportedModel, "model cannot be explained")
        .with_detail("The artifact does not say how many training rows came by each node.")
        .with_hint("Save the model again with \"leaf_count\" and \"internal_count\" in its trees."))
}
