//! A block's answers: a bit a row, set where the row goes right.

use super::answers::class_answers;
use super::{questions, rank_or_default};
use crate::Result;
use crate::ensemble::codec::layout::{Column, Node};
use crate::ensemble::codec::{CodedView, corrupt};
use crate::predict::Rows;

/// Answers every question of the model for the rows from `first` on, at most 64 · W of them.
/// Bits beyond the rows mean nothing.
#[inline(always)]
pub(super) fn answer<const W: usize>(
    coded: &CodedView<'_>,
    rows: &Rows<'_>,
    first: usize,
    masks: &mut [[u64; W]],
) -> Result<()> {
    let outside = || corrupt("A column is out of bounds.");
    let count = (rows.len() - first).min(64 * W);
    let mut values = [[0.0; 64]; W];
    if let Some(nobody) = masks.first_mut() {
        *nobody = [0; W];
    }
    let mut read = None;
    for column in coded.columns {
        let feature = column.feature.get();
        if feature as usize >= rows.features() {
            return Err(outside());
        }
        // The columns of a feature follow each other.
        if read != Some(feature) {
            let values = values.as_flattened_mut().get_mut(..count).unwrap_or_default();
            rows.copy_feature(feature as usize, first, values);
            read = Some(feature);
        }
        let own = masks.get_mut(questions(column)).ok_or_else(outside)?;
        let values = values.as_flattened().get(..count).unwrap_or_default();
        if column.flags.get() & Node::CATEGORY != 0 {
            by_category(coded, column, values, own).ok_or_else(outside)?;
        } else {
            by_number(coded, column, values, own).ok_or_else(outside)?;
        }
    }
    Ok(())
}

/// A row of rank r goes right at questions 0 to r − 1: it is entered at the last of them, and then
/// each question takes over the rows of the next.
#[inline(always)]
fn by_number<const W: usize>(
    coded: &CodedView<'_>,
    column: &Column,
    values: &[f64],
    masks: &mut [[u64; W]],
) -> Option<()> {
    let thresholds = coded.thresholds.get(questions(column))?;
    let flags = column.flags.get();
    masks.fill([0; W]);
    for (word, values) in values.chunks(64).enumerate().take(W) {
        for (bit, value) in values.iter().enumerate() {
            let rank = rank_or_default(flags, thresholds, *value);
            // Rank 0 goes right nowhere: entering no bit costs less than a branch.
            let last = rank.max(1) - 1;
            if let Some(mask) = masks.get_mut(last) {
                mask[word] |= u64::from(rank > 0) << bit;
            }
        }
    }
    let mut above = [0; W];
    for mask in masks.iter_mut().rev() {
        for (own, above) in mask.iter_mut().zip(&mut above) {
            *above |= *own;
            *own = *above;
        }
    }
    Some(())
}

/// Turns 64 rows' answers to 64 questions into 64 questions' answers for 64 rows.
#[inline(always)]
fn by_category<const W: usize>(
    coded: &CodedView<'_>,
    column: &Column,
    values: &[f64],
    masks: &mut [[u64; W]],
) -> Option<()> {
    for (word, values) in values.chunks(64).enumerate().take(W) {
        let mut classes = [&[][..]; 64];
        for (class, value) in classes.iter_mut().zip(values) {
            *class = class_answers(coded, column, *value)?;
        }
        for (number, masks) in masks.chunks_mut(64).enumerate() {
            let mut square = [0; 64];
            for (line, class) in square.iter_mut().zip(&classes) {
                *line = class.get(number).map_or(0, |answers| answers.get());
            }
            transpose(&mut square);
            for (mask, line) in masks.iter_mut().zip(square) {
                mask[word] = line;
            }
        }
    }
    Some(())
}

/// Mirrors a square of bits: bit j of line i becomes bit i of line j. Halves change places, then
/// quarters, and so on.
#[inline(always)]
fn transpose(square: &mut [u64; 64]) {
    let mut width = 32;
    let mut low = u64::from(u32::MAX);
    while width > 0 {
        for pair in square.chunks_exact_mut(2 * width) {
            let (upper, lower) = pair.split_at_mut(width);
            for (a, b) in upper.iter_mut().zip(lower) {
                let swap = (*a >> width ^ *b) & low;
                *a ^= swap << width;
                *b ^= swap;
            }
        }
        width /= 2;
        low ^= low << width;
    }
}

#[cfg(test)]
mod tests {
    use super::transpose;

    #[test]
    fn a_square_is_mirrored() {
        let mut square = [0u64; 64];
        let bit = |i: usize, j: usize| (i * 31 + j * j * 7 + i * j).is_multiple_of(5);
        for (i, line) in square.iter_mut().enumerate() {
            *line = (0..64).map(|j| u64::from(bit(i, j)) << j).sum();
        }
        transpose(&mut square);
        for (i, line) in square.iter().enumerate() {
            assert!((0..64).all(|j| (line >> j & 1 == 1) == bit(j, i)));
        }
    }
}
