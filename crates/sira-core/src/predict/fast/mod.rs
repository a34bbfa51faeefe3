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

use super::{Rows, Scratch, reference};
use crate::Result;
use crate::cpu::{self, Work};
use crate::ensemble::codec::CodedView;
use crate::ensemble::codec::layout::{Column, Node};
use crate::ensemble::{Compiled, ZERO};
use zerocopy::little_endian::F64;

/// The raw scores of a row.
pub(super) fn one_row(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    row: &[f64],
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    let mut answers = std::mem::take(&mut scratch.answers);
    let done = answers_into(coded, row, &mut answers)
        .and_then(|answers| walk::walk(model, coded, answers, &mut scratch.values, out));
    scratch.answers = answers;
    done
}

/// One row's answers to all questions of the model, a byte each.
pub(crate) fn answers<'s>(coded: &CodedView<'_>, row: &[f64], scratch: &'s mut Scratch) -> Result<&'s [u8]> {
    answers_into(coded, row, &mut scratch.answers)
}

fn answers_into<'s>(coded: &CodedView<'_>, row: &[f64], answers: &'s mut Vec<u8>) -> Result<&'s [u8]> {
    struct Answer<'a, 'b>(&'a CodedView<'b>, &'a [f64], &'a mut [u8]);
    impl Work for Answer<'_, '_> {
        type Answer = Result<()>;

        #[inline(always)]
        fn run(self) -> Result<()> {
            answers::answer(self.0, self.1, self.2)
        }
    }
    // Whoever indexes with 16 bits finds a byte, and needs no check; untouched pages cost nothing.
    let places = coded.questions.max(1 << 16);
    if answers.len() < places {
        *answers = vec![0; places];
    }
    cpu::run(Answer(coded, row, answers))?;
    Ok(answers)
}

/// The answers of the rows from `first` on, at most 64, a word a question.
pub(crate) fn block_answers<'s>(
    coded: &CodedView<'_>,
    rows: &Rows<'_>,
    first: usize,
    scratch: &'s mut Scratch,
) -> Result<&'s [[u64; 1]]> {
    if scratch.masks.len() < coded.questions {
        scratch.masks.resize(coded.questions, 0);
    }
    let (masks, _) = scratch.masks.as_chunks_mut::<1>();
    let masks = masks.get_mut(..coded.questions).unwrap_or_default();
    masks::answer(coded, rows, first, masks)?;
    Ok(masks)
}

/// The raw scores of many rows, in blocks as long as answers that stay in the cache allow.
pub(super) fn batch(
    model: &Compiled<'_>,
    rows: &Rows<'_>,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<()> {
    let outputs = model.outputs();
    let mut first = 0;
    while first < rows.len() {
        let out = out.get_mut(first * outputs..).unwrap_or_default();
        first += match &model.coded {
            Some(coded) if rows.len() - first >= block::FEWEST_ROWS => {
                cpu::run(Block { model, coded, rows, first, scratch, out })?
            }
            coded => {
                let mut row = std::mem::take(&mut scratch.row);
                rows.copy_row(first, &mut row);
                let out = out.get_mut(..outputs).unwrap_or_default();
                let done = match coded {
                    Some(coded) => one_row(model, coded, &row, scratch, out),
                    None => reference::sum(model, &row, out),
                };
                scratch.row = row;
                done?;
                1
            }
        };
    }
    Ok(())
}

/// As many of the rows from `first` on as go together.
struct Block<'a, 'b> {
    model: &'a Compiled<'b>,
    coded: &'a CodedView<'b>,
    rows: &'a Rows<'a>,
    first: usize,
    scratch: &'a mut Scratch,
    out: &'a mut [f64],
}

impl Work for Block<'_, '_> {
    type Answer = Result<usize>;

    #[inline(always)]
    fn run(self) -> Result<usize> {
        let Self { model, coded, rows, first, scratch, out } = self;
        let words = (rows.len() - first).div_ceil(64).min(block::widest(coded));
        match words {
            8.. => block::block::<8>(model, coded, rows, first, scratch, out),
            4.. => block::block::<4>(model, coded, rows, first, scratch, out),
            2.. => block::block::<2>(model, coded, rows, first, scratch, out),
            _ => block::block::<1>(model, coded, rows, first, scratch, out),
        }
    }
}

/// Thresholds that are compared at once, where there are as many: a few vectors, and no waiting.
const WINDOW: usize = 32;

/// How many thresholds lie below a value: it goes right at these and left at all others. The number
/// of steps depends on the column alone and none of them branches on the value.
#[inline(always)]
fn rank(thresholds: &[F64], value: f64) -> usize {
    let count = thresholds.len();
    let widest = if count < WINDOW { 1 } else { WINDOW };
    let mut base = 0;
    let mut size = count;
    while size > widest {
        let half = size / 2;
        let Some(threshold) = thresholds.get(base + half - 1) else { break };
        base = std::hint::select_unpredictable(threshold.get() < value, base + half, base);
        size -= half;
    }
    // What lies before `base` is below the value, and what lies `size` behind it is not.
    let start = base.min(count.saturating_sub(WINDOW));
    match thresholds.get(start..).and_then(|rest| rest.first_chunk::<WINDOW>()) {
        Some(window) => {
            let below = |threshold: &F64| u64::from(threshold.get() < value);
            start + window.iter().map(below).sum::<u64>() as usize
        }
        None => base + thresholds.get(base).map_or(0, |threshold| usize::from(threshold.get() < value)),
    }
}

/// Where a missing value goes.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Whether a value is missing by the column's rule, and where it goes then.
#[inline(always)]
fn missing(flags: u32, value: f64) -> Option<Side> {
    let missing = if flags & Node::MISSING_ZERO != 0 {
        value.is_nan() || value.abs() <= ZERO
    } else {
        flags & Node::MISSING_NAN != 0 && value.is_nan()
    };
    missing.then_some(if flags & Node::DEFAULT_LEFT != 0 { Side::Left } else { Side::Right })
}

/// The rank of a value with the column's rule for missing ones: they lie below or above everything.
#[inline(always)]
fn rank_or_default(flags: u32, thresholds: &[F64], value: f64) -> usize {
    match missing(flags, value) {
        Some(Side::Left) => 0,
        Some(Side::Right) => thresholds.len(),
        None => rank(thresholds, if value.is_nan() { 0.0 } else { value }),
    }
}

/// XGBoost takes no number for a category from here on: single precision has no odd ones any more.
const MOST_SINGLE: f32 = 16_777_216.0;

/// The category of a value: truncated, so −0.5 is category 0; none where it is out of range. In single
/// precision the value is rounded first, and nothing below zero is a category.
#[inline(always)]
pub(super) fn category(flags: u32, value: f64) -> Option<usize> {
    if flags & Node::SINGLE != 0 {
        let value = value as f32;
        return (0.0..MOST_SINGLE).contains(&value).then_some(value as usize);
    }
    (value > -1.0 && value < f64::from(i32::MAX) + 1.0).then_some(value as usize)
}

/// The numbers of a column's questions.
#[inline(always)]
fn questions(column: &Column) -> std::ops::Range<usize> {
    let first = column.first_question.get() as usize;
    first..first + column.questions.get() as usize
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test may end by panicking.
mod tests {
    use super::Block;
    use crate::cpu;
    use crate::ensemble::{Compiled, compile, lightgbm};
    use crate::predict::{Rows, Scratch, reference};

    #[test]
    fn every_level_of_instructions_gives_the_same_bits() {
        for text in [
            include_str!("../../../../../tests/models/multiclass.txt"),
            include_str!("../../../../../tests/models/deep.txt"),
        ] {
            let bytes = compile(&lightgbm::parse(text).unwrap());
            let model = Compiled::open(&bytes).unwrap();
            let coded = model.coded.as_ref().unwrap();
            let (features, outputs) = (model.feature_count(), model.outputs());
            let cell =
                |at: usize| if at.is_multiple_of(11) { f64::NAN } else { (at * 37 % 101) as f64 / 9.0 - 3.0 };
            let values: Vec<f64> = (0..512 * features).map(cell).collect();
            let rows = Rows::row_major(&values, features).unwrap();
            let mut expected = vec![0.0; 512 * outputs];
            for (row, expected) in values.chunks(features).zip(expected.chunks_mut(outputs)) {
                reference::raw(&model, row, expected).unwrap();
            }
            for level in 0..3 {
                let (mut scratch, mut out) = (Scratch::new(), vec![0.0; 512 * outputs]);
                let (scratch, out_now) = (&mut scratch, out.as_mut_slice());
                let work = Block { model: &model, coded, rows: &rows, first: 0, scratch, out: out_now };
                let Some(done) = cpu::run_at(level, work) else { continue };
                assert_eq!(done.unwrap(), 512);
                assert!(out.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "level {level}");
            }
        }
    }
}
