//! One row: many trees walked at a time.
//!
//! A step is "load, look up, add", and waits for itself; so several walks go on side by side, of
//! trees that are about equally long, and a group ends when none of its walks moved. Steps lie
//! forward only, which ends walks in damaged bytes too.

use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::builder::MAX_DEPTH;
use crate::ensemble::codec::layout::{Step, WideStep};
use crate::ensemble::codec::{CodedView, Steps, corrupt};

/// Walks side by side: more than hide a load's latency run out of registers.
const LANES: usize = 8;

/// A step in either width.
trait Halves: Copy {
    /// The question and the distance to the left child.
    fn halves(self) -> (usize, usize);
}

impl Halves for Step {
    #[inline(always)]
    fn halves(self) -> (usize, usize) {
        let step = self.get();
        ((step & 0xFFFF) as usize, (step >> 16) as usize)
    }
}

impl Halves for WideStep {
    #[inline(always)]
    fn halves(self) -> (usize, usize) {
        let step = self.get();
        ((step & 0xFFFF_FFFF) as usize, (step >> 32) as usize)
    }
}

/// The raw scores of a row whose answers are known.
pub(super) fn walk(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    answers: &[u8],
    values: &mut Vec<f64>,
    out: &mut [f64],
) -> Result<()> {
    if values.len() < coded.trees.len() {
        values.resize(coded.trees.len(), 0.0);
    }
    let values = values.get_mut(..coded.trees.len()).unwrap_or_default();
    match coded.steps {
        Steps::Narrow(steps) => walk_all(model, coded, steps, answers, values)?,
        Steps::Wide(steps) => walk_all(model, coded, steps, answers, values)?,
    }
    out.fill(0.0);
    if let [sum] = out {
        *sum = values.iter().fold(0.0, |sum, value| sum + value);
    } else {
        for iteration in values.chunks_exact(out.len().max(1)) {
            for (sum, value) in out.iter_mut().zip(iteration) {
                *sum += value;
            }
        }
    }
    Ok(())
}

/// Walks all trees and notes the values of their leaves.
fn walk_all<S: Halves>(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    steps: &[S],
    answers: &[u8],
    values: &mut [f64],
) -> Result<()> {
    let outside = || corrupt("A step is out of bounds.");
    let root = |tree: u32| coded.trees.get(tree as usize).map(|tree| tree.root.get() as usize);
    for group in coded.order.chunks(LANES) {
        // A group that is not full walks its first tree more than once.
        let mut trees = [group.first().map_or(0, |tree| tree.get()); LANES];
        for (lane, tree) in trees.iter_mut().zip(group) {
            *lane = tree.get();
        }
        let mut at = [0; LANES];
        for (at, tree) in at.iter_mut().zip(trees) {
            *at = root(tree).ok_or_else(outside)?;
        }
        descend(steps, answers, &mut at).ok_or_else(outside)?;
        for (tree, at) in trees.iter().zip(at) {
            let leaf = coded.step_leaves.get(at).ok_or_else(outside)?;
            let value = model.leaves.get(leaf.get() as usize).ok_or_else(outside)?;
            *values.get_mut(*tree as usize).ok_or_else(outside)? = value.get();
        }
    }
    Ok(())
}

/// Goes on until all walks stand on leaves.
#[inline(always)]
fn descend<S: Halves>(steps: &[S], answers: &[u8], at: &mut [usize; LANES]) -> Option<()> {
    for _ in 0..=MAX_DEPTH {
        let mut moved = 0;
        for at in at.iter_mut() {
            let (question, distance) = steps.get(*at)?.halves();
            let step = distance + usize::from(*answers.get(question)?);
            *at += step;
            moved |= step;
        }
        if moved == 0 {
            return Some(());
        }
    }
    None
}
