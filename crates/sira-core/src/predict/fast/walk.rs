//! One row: many trees walked at a time.
//!
//! A step is "load, look up, add", and waits for itself; so several walks go on side by side, of
//! trees that are about equally long, and a group ends when none of its walks moved. Steps lie
//! forward only, which ends walks in damaged bytes too.

use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::builder::MAX_DEPTH;
use crate::ensemble::codec::layout::{Start, Step, WideStep};
use crate::ensemble::codec::{CodedView, Steps, corrupt};
use crate::predict::{add, begin};

/// Walks side by side: enough to hide what the second cache costs, which outweighs spilt registers.
const LANES: usize = 12;

/// Steps of either width with the answers that they look up.
trait Walk: Copy {
    /// How far a walk goes on from a place; 0 on a leaf.
    fn step(self, at: usize) -> Option<usize>;
}

/// Questions of 16 bits: there is an answer for each of them.
#[derive(Clone, Copy)]
struct Narrow<'a>(&'a [Step], &'a [u8; 1 << 16]);

#[derive(Clone, Copy)]
struct Wide<'a>(&'a [WideStep], &'a [u8]);

impl Walk for Narrow<'_> {
    #[inline(always)]
    fn step(self, at: usize) -> Option<usize> {
        let step = self.0.get(at)?.get();
        Some((step >> 16) as usize + usize::from(self.1[(step & 0xFFFF) as usize]))
    }
}

impl Walk for Wide<'_> {
    #[inline(always)]
    fn step(self, at: usize) -> Option<usize> {
        let step = self.0.get(at)?.get();
        Some((step >> 32) as usize + usize::from(*self.1.get((step & 0xFFFF_FFFF) as usize)?))
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
        Steps::Narrow(steps) => {
            let answers = answers.first_chunk().ok_or_else(|| corrupt("Answers are missing."))?;
            walk_all(model, coded, Narrow(steps, answers), values)?;
        }
        Steps::Wide(steps) => walk_all(model, coded, Wide(steps, answers), values)?,
    }
    begin(model, out);
    if model.single {
        add_all::<true>(values, out);
    } else {
        add_all::<false>(values, out);
    }
    Ok(())
}

/// Adds the values of all trees, in their order.
#[inline(always)]
fn add_all<const SINGLE: bool>(values: &[f64], out: &mut [f64]) {
    if let [sum] = out {
        *sum = if SINGLE {
            // Rounding back and forth would have to be waited for.
            f64::from(values.iter().fold(*sum as f32, |sum, value| sum + *value as f32))
        } else {
            values.iter().fold(*sum, |sum, value| sum + value)
        };
        return;
    }
    for iteration in values.chunks_exact(out.len().max(1)) {
        for (sum, value) in out.iter_mut().zip(iteration) {
            *sum = add::<SINGLE>(*sum, *value);
        }
    }
}

/// Walks all trees and notes the values of their leaves.
fn walk_all<W: Walk>(
    model: &Compiled<'_>,
    coded: &CodedView<'_>,
    steps: W,
    values: &mut [f64],
) -> Result<()> {
    let outside = || corrupt("A step is out of bounds.");
    let (groups, rest) = coded.starts.as_chunks::<LANES>();
    let mut note = |start: &Start, at: usize| {
        let leaf = coded.step_leaves.get(at)?;
        *values.get_mut(start.tree.get() as usize)? = model.leaves.get(leaf.get() as usize)?.get();
        Some(())
    };
    for group in groups {
        let at = descend(steps, group.map(|start| start.root.get() as usize)).ok_or_else(outside)?;
        for (start, at) in group.iter().zip(at) {
            note(start, at).ok_or_else(outside)?;
        }
    }
    for start in rest {
        let [at] = descend(steps, [start.root.get() as usize]).ok_or_else(outside)?;
        note(start, at).ok_or_else(outside)?;
    }
    Ok(())
}

/// Goes on until all walks stand on leaves. On a leaf a step leads nowhere, so looking after every
/// other round is enough, and cheaper.
#[inline(always)]
fn descend<W: Walk, const N: usize>(steps: W, mut at: [usize; N]) -> Option<[usize; N]> {
    for _ in 0..=MAX_DEPTH / 2 {
        for at in &mut at {
            *at += steps.step(*at)?;
        }
        let mut moved = 0;
        for at in &mut at {
            let step = steps.step(*at)?;
            *at += step;
            moved |= step;
        }
        if moved == 0 {
            return Some(at);
        }
    }
    None
}
