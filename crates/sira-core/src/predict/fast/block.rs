//! Many rows: hundreds of them go down a tree together, as sets of bits.
//!
//! All rows come by the root. A node sends those that answer "right" to one child and the others to
//! the other, whatever they are: two instructions for 64 rows, or for 512 where registers are as
//! wide. Nothing is looked up by row and nothing mispredicted until the leaves are known.

use super::masks;
use super::numbers::{MOST, numbers};
use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::builder::MAX_DEPTH;
use crate::ensemble::codec::layout::Fork;
use crate::ensemble::codec::{CodedView, Steps, corrupt};
use crate::predict::reference::range;
use crate::predict::{Rows, Scratch, add};

/// With fewer rows, one after the other is faster.
pub(in crate::predict) const FEWEST_ROWS: usize = 8;

/// Answers of a block that stay in the second cache of most machines, in bytes.
const MOST_ANSWERS: usize = 1 << 20;

/// Words a question that a block of this model has at most.
#[inline(always)]
pub(super) fn widest(coded: &CodedView<'_>) -> usize {
    MOST_ANSWERS / 8 / coded.questions.max(1)
}

/// Nodes and leaves of a tree together, rounded up so that an index needs no more than a mask.
const SETS: usize = 2 * MOST;

/// The raw scores of the rows from `first` on, at most 64 · W of them; answers how many.
#[inline(always)]
pub(in crate::predict) fn block<const W: usize>(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    rows: &Rows<'_>,
    first: usize,
    scratch: &mut Scratch,
    out: &mut [f64],
) -> Result<usize> {
    let outputs = model.outputs();
    let count = (rows.len() - first).min(64 * W);
    if scratch.masks.len() < coded.questions * W {
        scratch.masks.resize(coded.questions * W, 0);
    }
    if scratch.sums.len() < outputs * 64 * W {
        scratch.sums.resize(outputs * 64 * W, 0.0);
    }
    let (masks, _) = scratch.masks.as_chunks_mut::<W>();
    let masks = masks.get_mut(..coded.questions).unwrap_or_default();
    masks::answer(coded, rows, first, masks)?;
    let (sums, _) = scratch.sums.as_chunks_mut::<64>();
    let (sums, _) = sums.as_chunks_mut::<W>();
    let sums = sums.get_mut(..outputs).unwrap_or_default();
    for (sums, base) in sums.iter_mut().zip(model.bases) {
        sums.as_flattened_mut().fill(base.get());
    }
    if model.single {
        trees::<W, true>(model, coded, masks, count, sums)?;
    } else {
        trees::<W, false>(model, coded, masks, count, sums)?;
    }
    for (output, sums) in sums.iter().enumerate() {
        let places = out.iter_mut().skip(output).step_by(outputs);
        for (place, sum) in places.zip(sums.as_flattened()).take(count) {
            *place = *sum;
        }
    }
    Ok(count)
}

/// Adds the values of all trees, in their order.
#[inline(always)]
fn trees<const W: usize, const SINGLE: bool>(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    masks: &[[u64; W]],
    count: usize,
    sums: &mut [[[f64; 64]; W]],
) -> Result<()> {
    let outside = || corrupt("A tree is out of bounds.");
    let mut sets = [[0; W]; SETS];
    let mut in_leaf = [[0u8; 64]; W];
    let mut values = [0.0; MOST];
    let mut spans = model.trees.iter().zip(coded.trees);
    for _ in 0..model.iterations() {
        for (sums, (span, tree)) in sums.iter_mut().zip(spans.by_ref()) {
            let leaves = model.leaves.get(range(span.first_leaf, span.leaves)).ok_or_else(outside)?;
            if leaves.len() > MOST {
                walk::<W, SINGLE>(model, coded, masks, tree.root.get() as usize, count, sums)
                    .ok_or_else(outside)?;
                continue;
            }
            let forks = coded.forks.get(range(tree.first_fork, span.nodes)).ok_or_else(outside)?;
            split(forks, masks, &mut sets).ok_or_else(outside)?;
            for (to, from) in values.iter_mut().zip(leaves) {
                *to = from.get();
            }
            let leaf_sets = sets.get_mut(forks.len()..).and_then(|sets| sets.first_chunk_mut::<MOST>());
            numbers(leaf_sets.ok_or_else(outside)?, leaves.len(), &mut in_leaf);
            for (sums, in_leaf) in sums.iter_mut().zip(&in_leaf) {
                for (sum, leaf) in sums.iter_mut().zip(in_leaf) {
                    *sum = add::<SINGLE>(*sum, values[usize::from(*leaf)]);
                }
            }
        }
    }
    Ok(())
}

/// Sends the rows down: afterwards each leaf has its set, behind those of the nodes.
#[inline(always)]
fn split<const W: usize>(forks: &[Fork], masks: &[[u64; W]], sets: &mut [[u64; W]; SETS]) -> Option<()> {
    sets[0] = [u64::MAX; W];
    for (at, fork) in forks.iter().enumerate() {
        let right = masks.get(fork.question.get() as usize)?;
        let own = *sets.get(at)?;
        let mut to_left = [0; W];
        let mut to_right = [0; W];
        for word in 0..W {
            to_left[word] = own[word] & !right[word];
            to_right[word] = own[word] & right[word];
        }
        sets[usize::from(fork.left.get()) % SETS] = to_left;
        sets[usize::from(fork.right.get()) % SETS] = to_right;
    }
    Some(())
}

/// A tree of many leaves is walked, row by row.
fn walk<const W: usize, const SINGLE: bool>(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    masks: &[[u64; W]],
    root: usize,
    count: usize,
    sums: &mut [[f64; 64]; W],
) -> Option<()> {
    for (row, sum) in sums.as_flattened_mut().iter_mut().enumerate().take(count) {
        let mut at = root;
        let mut left = MAX_DEPTH + 1;
        loop {
            let (question, distance) = match coded.steps {
                Steps::Narrow(steps) => {
                    let step = steps.get(at)?.get();
                    ((step & 0xFFFF) as usize, (step >> 16) as usize)
                }
                Steps::Wide(steps) => {
                    let step = steps.get(at)?.get();
                    ((step & 0xFFFF_FFFF) as usize, (step >> 32) as usize)
                }
            };
            let answer = masks.get(question)?[row / 64] >> (row % 64) & 1;
            if distance == 0 && answer == 0 {
                break;
            }
            at += distance + answer as usize;
            left = left.checked_sub(1)?;
        }
        let value = model.leaves.get(coded.step_leaves.get(at)?.get() as usize)?.get();
        *sum = add::<SINGLE>(*sum, value);
    }
    Some(())
}
