//! Rows through all trees: which lanes are walked with.
//!
//! One row: the lanes are quadrature points, eight a walk, which is all of them for paths of up to
//! 16 features. Many rows: the lanes are rows, and a walk takes four, two or one points. Answers
//! come from the coded layout where the model has it: a byte, or a word of 64 rows, a question.
//!
//! Outputs are explained one after the other, each by its own trees, in sums that the next one uses again: a model
//! of many classes and many features is small, and sums for all of them at once are not.

use super::walk::{LANES, Lanes, Level, Points, walk};
use crate::cpu::Work;
use crate::ensemble::Compiled;
use crate::ensemble::codec::corrupt;
use crate::ensemble::codec::layout::{Point, Span};
use crate::predict::{TreeView, range};
use crate::{Error, ErrorKind, Result};
use std::ops::{ControlFlow, Range};

/// Rows that are explained together.
pub(super) const BLOCK: usize = 64;

/// Sums that are worked in at most, 256 MiB of them: a row of four million features.
const MOST_SUMS: usize = 1 << 22;

/// Sums and nodes that are kept for the next row at most: asking for more room than these 256 KiB each costs little
/// beside what is done in it.
const KEPT_SUMS: usize = 1 << 12;
const KEPT_NODES: usize = 1 << 15;

/// Memory that explanations work in, kept by whoever explains more than once.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(super) answers: crate::predict::Scratch,
    /// By node: where the lanes go right, a bit a row.
    rights: Vec<u64>,
    ones: Vec<Level<1>>,
    twos: Vec<Level<2>>,
    fours: Vec<Level<4>>,
    /// By group of lanes and feature, for one output.
    phi: Vec<Lanes>,
}

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives back what only an uncommonly large model needs, for those who keep a scratch for as long as they live.
    pub fn trim(&mut self) {
        if self.phi.capacity() > KEPT_SUMS {
            self.phi = Vec::new();
        }
        if self.rights.capacity() > KEPT_NODES {
            self.rights = Vec::new();
        }
    }
}

/// Whether so many rows of so many features can be explained together.
pub(super) fn has_room(rows: usize, features: usize) -> bool {
    groups(rows).checked_mul(features).is_some_and(|sums| sums <= MOST_SUMS)
}

fn groups(rows: usize) -> usize {
    if rows == 1 { 1 } else { rows.div_ceil(LANES) }
}

/// Room for sums by the model's own number of features, which a file says.
fn make_room(phi: &mut Vec<Lanes>, rows: usize, features: usize) -> Result<()> {
    phi.clear();
    let sums = groups(rows).saturating_mul(features);
    if !has_room(rows, features) || phi.try_reserve(sums).is_err() {
        return Err(Error::new(
            ErrorKind::OutOfBudget,
            "the explanation would need more memory than it may have",
        )
        .with_detail(format!(
            "{features} features need {} bytes, {} are allowed.",
            sums.saturating_mul(size_of::<Lanes>()),
            MOST_SUMS * size_of::<Lanes>()
        ))
        .with_hint("Train with fewer features."));
    }
    Ok(())
}

/// Where the rows' decisions come from: by tree, node and row, as a word of up to 64 rows.
pub(super) trait Decisions {
    /// Writes a word a node of a tree.
    fn of_tree(&self, number: usize, tree: &TreeView<'_>, rights: &mut Vec<u64>) -> Result<()>;
}

/// Contributions of one row or of up to 64, to be run with wide instructions.
pub(super) struct Explain<'a, 'b, D> {
    pub model: &'a Compiled<'b>,
    pub decisions: &'a D,
    /// Rows; with one of them the lanes are points.
    pub rows: usize,
    /// Those that are explained.
    pub outputs: Range<usize>,
    pub scratch: &'a mut Scratch,
    /// Called before each walk of a single row, and may break it off.
    pub checkpoint: &'a mut dyn FnMut() -> ControlFlow<()>,
    /// `rows` times the outputs times features and baseline.
    pub out: &'a mut [f64],
}

impl<D: Decisions> Work for Explain<'_, '_, D> {
    type Answer = Result<()>;

    #[inline(always)]
    fn run(self) -> Result<()> {
        let Self { model, decisions, rows, outputs, scratch, checkpoint, out } = self;
        let features = model.feature_count();
        let width = features + 1;
        let out_of_row = outputs.len() * width;
        let Scratch { rights, ones, twos, fours, phi, .. } = scratch;
        make_room(phi, rows, features)?;
        for (place, output) in outputs.enumerate() {
            phi.clear();
            phi.resize(groups(rows) * features, Lanes::ZERO);
            // The trees of an output in their order.
            for (number, span) in model.trees.iter().enumerate().skip(output).step_by(model.outputs()) {
                let tree = TreeView::new(model, span)?;
                if tree.is_constant() {
                    continue;
                }
                let outside = || corrupt("A branch is out of bounds.");
                let points = points_of(model, span)?;
                decisions.of_tree(number, &tree, rights)?;
                let places = model.places.get(range(span.first_node, span.nodes)).ok_or_else(outside)?;
                for (group, phi) in phi.chunks_exact_mut(features.max(1)).enumerate() {
                    if rows == 1 {
                        let go = |node: u32| {
                            rights.get(node as usize).map(|word| (*word as u8 & 1).wrapping_neg())
                        };
                        for points in points.chunks(LANES) {
                            if checkpoint().is_break() {
                                return Err(Error::new(ErrorKind::Cancelled, "explaining was cancelled"));
                            }
                            walk(&tree, places, go, &[across(points)], ones, phi).ok_or_else(outside)?;
                        }
                    } else {
                        let go =
                            |node: u32| rights.get(node as usize).map(|word| (word >> (group * LANES)) as u8);
                        let (quads, rest) = points.as_chunks::<4>();
                        for four in quads {
                            walk(&tree, places, go, &four.map(everywhere), fours, phi).ok_or_else(outside)?;
                        }
                        let (pairs, rest) = rest.as_chunks::<2>();
                        for two in pairs {
                            walk(&tree, places, go, &two.map(everywhere), twos, phi).ok_or_else(outside)?;
                        }
                        for one in rest {
                            walk(&tree, places, go, &[everywhere(*one)], ones, phi).ok_or_else(outside)?;
                        }
                    }
                }
            }
            let baseline = model.baselines.get(output).map_or(f64::NAN, |baseline| baseline.get());
            for (row, out) in out.chunks_exact_mut(out_of_row).enumerate().take(rows) {
                if let Some(out) = out.chunks_exact_mut(width).nth(place) {
                    write(rows, row, phi, baseline, out);
                }
            }
        }
        Ok(())
    }
}

/// Sums the lanes or hands them to their row; the baseline comes last.
#[inline(always)]
fn write(rows: usize, row: usize, phi: &[Lanes], baseline: f64, out: &mut [f64]) {
    let Some((last, amounts)) = out.split_last_mut() else { return };
    let group = phi.chunks_exact(amounts.len().max(1)).nth(row / LANES).unwrap_or_default();
    for (to, lanes) in amounts.iter_mut().zip(group) {
        *to = if rows == 1 { lanes.0.iter().sum() } else { lanes.0[row % LANES] };
    }
    *last = baseline;
}

fn points_of<'a>(model: &Compiled<'a>, span: &Span) -> Result<&'a [Point]> {
    model
        .points
        .get(range(span.first_point, span.points))
        .ok_or_else(|| corrupt("Quadrature points are out of bounds."))
}

/// Eight points, a lane each; lanes without a point have no weight.
#[inline(always)]
fn across(points: &[Point]) -> Points {
    let mut lanes = Points { at: Lanes::all(0.5), rest: Lanes::all(0.5), weight: Lanes::ZERO };
    for (lane, point) in points.iter().enumerate().take(LANES) {
        lanes.at.0[lane] = point.at.get();
        lanes.rest.0[lane] = 1.0 - point.at.get();
        lanes.weight.0[lane] = point.weight.get();
    }
    lanes
}

/// One point in all lanes.
#[inline(always)]
fn everywhere(point: Point) -> Points {
    let (at, weight) = (point.at.get(), point.weight.get());
    Points { at: Lanes::all(at), rest: Lanes::all(1.0 - at), weight: Lanes::all(weight) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test may end by panicking.
mod tests {
    use super::{Explain, Scratch};
    use crate::cpu;
    use crate::ensemble::{Compiled, compile, lightgbm};
    use crate::shap::decisions::Plain;
    use std::ops::ControlFlow;

    #[test]
    fn every_level_of_instructions_gives_the_same_bits() {
        let text = include_str!("../../../../tests/models/deep.txt");
        let bytes = compile(&lightgbm::parse(text).unwrap());
        let model = Compiled::open(&bytes).unwrap();
        let row: Vec<f64> = (0..model.feature_count()).map(|at| at as f64 * 1.7 - 2.0).collect();
        let mut base = None;
        for level in 0..3 {
            let mut out = vec![0.0; model.outputs() * (row.len() + 1)];
            let scratch = &mut Scratch::new();
            let decisions = &Plain { row: &row };
            let outputs = 0..model.outputs();
            let checkpoint = &mut || ControlFlow::Continue(());
            let work =
                Explain { model: &model, decisions, rows: 1, outputs, scratch, checkpoint, out: &mut out };
            if cpu::run_at(level, work).is_some_and(|done| done.is_ok()) {
                let bits: Vec<u64> = out.iter().map(|amount| amount.to_bits()).collect();
                assert_eq!(*base.get_or_insert_with(|| bits.clone()), bits, "level {level}");
            }
        }
        assert!(base.is_some());
    }
}
