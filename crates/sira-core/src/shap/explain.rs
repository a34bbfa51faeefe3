//! Rows through all trees: which lanes are walked with.
//!
//! One row: the lanes are quadrature points, eight a walk, which is all of them for paths of up to
//! 16 features. Many rows: the lanes are rows, and a walk takes four, two or one points. Answers
//! come from the coded layout where the model has it: a byte, or a word of 64 rows, a question.

use super::walk::{LANES, Lanes, Level, Points, walk};
use crate::Result;
use crate::cpu::Work;
use crate::ensemble::Compiled;
use crate::ensemble::codec::corrupt;
use crate::ensemble::codec::layout::{Point, Span};
use crate::predict::{TreeView, range};

/// Rows that are explained together.
pub(super) const BLOCK: usize = 64;

/// Memory that explanations work in, kept by whoever explains more than once.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(super) answers: crate::predict::Scratch,
    /// By node: where the lanes go right, a bit a row.
    rights: Vec<u64>,
    ones: Vec<Level<1>>,
    twos: Vec<Level<2>>,
    fours: Vec<Level<4>>,
    /// By group of lanes, output and feature.
    phi: Vec<Lanes>,
}

impl Scratch {
    pub fn new() -> Self {
        Self::default()
    }
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
    pub scratch: &'a mut Scratch,
    /// `rows` times `outputs` times features and baseline.
    pub out: &'a mut [f64],
}

impl<D: Decisions> Work for Explain<'_, '_, D> {
    type Answer = Result<()>;

    #[inline(always)]
    fn run(self) -> Result<()> {
        let Self { model, decisions, rows, scratch, out } = self;
        let features = model.feature_count();
        let outputs = model.outputs();
        let groups = if rows == 1 { 1 } else { rows.div_ceil(LANES) };
        let Scratch { rights, ones, twos, fours, phi, .. } = scratch;
        phi.clear();
        phi.resize(groups * outputs * features, Lanes::ZERO);
        for (number, span) in model.trees.iter().enumerate() {
            let tree = TreeView::new(model, span)?;
            if tree.is_constant() {
                continue;
            }
            let outside = || corrupt("A branch is out of bounds.");
            let points = points_of(model, span)?;
            decisions.of_tree(number, &tree, rights)?;
            let places = model.places.get(range(span.first_node, span.nodes)).ok_or_else(outside)?;
            for (group, phi) in phi.chunks_exact_mut(outputs * features).enumerate() {
                let phi = phi.chunks_exact_mut(features).nth(number % outputs).unwrap_or_default();
                if rows == 1 {
                    let go =
                        |node: u32| rights.get(node as usize).map(|word| (*word as u8 & 1).wrapping_neg());
                    for points in points.chunks(LANES) {
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
        write(model, rows, phi, out);
        Ok(())
    }
}

/// Sums the lanes or hands them to their rows; the baseline comes last.
#[inline(always)]
fn write(model: &Compiled<'_>, rows: usize, phi: &[Lanes], out: &mut [f64]) {
    let features = model.feature_count();
    let width = features + 1;
    let by_output = model.outputs() * features;
    for (row, out) in out.chunks_exact_mut(model.outputs() * width).enumerate().take(rows) {
        let group = phi.chunks_exact(by_output).nth(row / LANES).unwrap_or_default();
        let blocks = out.chunks_exact_mut(width).zip(group.chunks_exact(features));
        for ((block, phi), baseline) in blocks.zip(model.baselines) {
            for (to, lanes) in block.iter_mut().zip(phi) {
                *to = if rows == 1 { lanes.0.iter().sum() } else { lanes.0[row % LANES] };
            }
            if let Some(last) = block.last_mut() {
                *last = baseline.get();
            }
        }
    }
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
            let work = Explain { model: &model, decisions, rows: 1, scratch, out: &mut out };
            if cpu::run_at(level, work).is_some_and(|done| done.is_ok()) {
                let bits: Vec<u64> = out.iter().map(|amount| amount.to_bits()).collect();
                assert_eq!(*base.get_or_insert_with(|| bits.clone()), bits, "level {level}");
            }
        }
        assert!(base.is_some());
    }
}
