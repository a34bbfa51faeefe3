//! The layout that wins: answer all questions of the model first, then look the answers up.
//!
//! One row: each answer a byte ([`answers`]), and several trees walked at a time ([`walk`]), since
//! what a walk costs is waiting for the next step and mispredicting it. Many rows: each answer a
//! word with a bit a row ([`masks`]), and no walk at all ([`block`]): every node splits the set of
//! rows that come by with two instructions.
//!
//! Both give the leaf of each tree exactly, and add the leaves' values in the order of the trees,
//! so they equal [`super::reference`] to the bit.

mod answers;
mod block;
mod masks;
mod numbers;
mod walk;

pub(super) use walk::one_row;

use super::{Rows, Scratch, reference};
use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::codec::layout::{Column, Node};
use zerocopy::little_endian::F64;

/// Below this a value counts as zero where zero is missing: LightGBM's `kZeroThreshold`, which is
/// the single-precision number nearest to 1e-35.
pub(super) const ZERO: f64 = 1e-35_f32 as f64;

/// The raw scores of many rows, in blocks as long as answers that stay in the cache allow.
pub(super) fn batch(
    model: &Compiled<'_>,
    rows: &Rows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    let outputs = model.outputs();
    let widest = block::widest(model);
    let mut first = 0;
    while first < rows.len() {
        let left = rows.len() - first;
        let own = out.get_mut(first * outputs..).unwrap_or_default();
        first += match (&model.coded, left.div_ceil(64).min(widest)) {
            (Some(coded), 8..) if left >= block::FEWEST_ROWS => {
                block::block::<8>(model, coded, rows, first, scratch, own)?;
                8 * 64
            }
            (Some(coded), 4..) if left >= block::FEWEST_ROWS => {
                block::block::<4>(model, coded, rows, first, scratch, own)?;
                4 * 64
            }
            (Some(coded), 2..) if left >= block::FEWEST_ROWS => {
                block::block::<2>(model, coded, rows, first, scratch, own)?;
                2 * 64
            }
            (Some(coded), _) if left >= block::FEWEST_ROWS => {
                block::block::<1>(model, coded, rows, first, scratch, own)?;
                64
            }
            (coded, _) => {
                let mut row = std::mem::take(&mut scratch.row);
                rows.copy_row(first, &mut row);
                let own = own.get_mut(..outputs).unwrap_or_default();
                let done = match coded {
                    Some(coded) => one_row(model, coded, &row, scratch, own),
                    None => reference::sum(model, &row, own),
                };
                scratch.row = row;
                done?;
                1
            }
        };
    }
    Ok(())
}

/// How many thresholds lie below a value: it goes right at these and left at all others. The number
/// of steps depends on the column alone and none of them branches on the value.
#[inline(always)]
fn rank(thresholds: &[F64], value: f64) -> usize {
    let mut base = 0;
    let mut size = thresholds.len();
    while size > 1 {
        let half = size / 2;
        let below = thresholds.get(base + half - 1).is_some_and(|threshold| threshold.get() < value);
        base = std::hint::select_unpredictable(below, base + half, base);
        size -= half;
    }
    base + usize::from(thresholds.get(base).is_some_and(|threshold| threshold.get() < value))
}

/// The rank of a value with the column's rule for missing ones: they lie below or above everything.
#[inline(always)]
fn rank_or_default(flags: u32, thresholds: &[F64], value: f64) -> usize {
    let zero_is_missing = flags & Node::MISSING_ZERO != 0;
    let missing = if zero_is_missing {
        value.is_nan() || value.abs() <= ZERO
    } else {
        flags & Node::MISSING_NAN != 0 && value.is_nan()
    };
    if missing {
        return if flags & Node::DEFAULT_LEFT != 0 { 0 } else { thresholds.len() };
    }
    // NaN counts as zero where it does not count as missing.
    rank(thresholds, if value.is_nan() { 0.0 } else { value })
}

/// The category of a value: truncated, so −0.5 is category 0; none where it is out of range.
#[inline(always)]
fn category(value: f64) -> Option<usize> {
    (value > -1.0 && value < f64::from(i32::MAX) + 1.0).then_some(value as usize)
}

/// The numbers of a column's questions.
#[inline(always)]
fn questions(column: &Column) -> std::ops::Range<usize> {
    let first = column.first_question.get() as usize;
    first..first + column.questions.get() as usize
}
