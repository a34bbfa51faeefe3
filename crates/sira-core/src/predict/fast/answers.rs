//! One row's answers: a byte a question, 1 where the row goes right.

use super::{Side, category, missing, questions};
use crate::Result;
use crate::ensemble::codec::layout::{Column, Node};
use crate::ensemble::codec::{CodedView, corrupt};

/// Answers every question of the model.
#[inline(always)]
pub(super) fn answer(coded: &CodedView<'_>, row: &[f64], answers: &mut [u8]) -> Result<()> {
    let outside = || corrupt("A column is out of bounds.");
    if let Some(nobody) = answers.first_mut() {
        *nobody = 0;
    }
    for column in coded.columns {
        let value = *row.get(column.feature.get() as usize).ok_or_else(outside)?;
        let range = questions(column);
        let own = answers.get_mut(range.clone()).ok_or_else(outside)?;
        let flags = column.flags.get();
        if flags & Node::CATEGORY != 0 {
            spread(class_answers(coded, column, value).ok_or_else(outside)?, own);
        } else {
            let thresholds = coded.thresholds.get(range).ok_or_else(outside)?;
            let (value, always) = match missing(flags, value) {
                // NaN counts as zero where it does not count as missing.
                None => (if value.is_nan() { 0.0 } else { value }, 0),
                Some(Side::Left) => (f64::NEG_INFINITY, 0),
                Some(Side::Right) => (f64::INFINITY, 1),
            };
            // Comparing with all thresholds takes vectors and no decisions: less than a search.
            for (answer, threshold) in own.iter_mut().zip(thresholds) {
                *answer = u8::from(value > threshold.get()) | always;
            }
        }
    }
    Ok(())
}

/// The words with the answers of a value's class.
#[inline(always)]
pub(super) fn class_answers<'a>(
    coded: &CodedView<'a>,
    column: &Column,
    value: f64,
) -> Option<&'a [zerocopy::little_endian::U64]> {
    let flags = column.flags.get();
    let classes = column.classes.get() as usize;
    let place = if flags & Node::DEFAULT_LEFT != 0 && value.is_nan() {
        Some(classes)
    } else {
        category(flags, value).filter(|category| *category < classes)
    };
    let class = match place {
        Some(place) => coded.classes.get(column.first_class.get() as usize + place)?.get(),
        None => 0,
    };
    let words = column.words.get() as usize;
    let begin = column.first_word.get() as usize + class as usize * words;
    coded.class_answers.get(begin..begin.checked_add(words)?)
}

/// A byte a bit.
#[inline(always)]
fn spread(words: &[zerocopy::little_endian::U64], answers: &mut [u8]) {
    for (word, answers) in words.iter().zip(answers.chunks_mut(64)) {
        let word = word.get();
        if let Ok(answers) = <&mut [u8; 64]>::try_from(&mut *answers) {
            for (number, eight) in answers.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                *eight = bytes_of(word >> (8 * number) & 0xFF);
            }
        } else {
            for (number, answer) in answers.iter_mut().enumerate() {
                *answer = (word >> number & 1) as u8;
            }
        }
    }
}

/// Eight bits as eight bytes: copies of the bits, each byte keeps its own and moves it down.
#[inline(always)]
fn bytes_of(bits: u64) -> [u8; 8] {
    let own = bits.wrapping_mul(0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
    (own.wrapping_add(0x7F7F_7F7F_7F7F_7F7F) >> 7 & 0x0101_0101_0101_0101).to_le_bytes()
}
