//! One tree, once down and once up, for all quadrature points at a time.

use super::baseline::fraction;
use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::codec::corrupt;
use crate::ensemble::codec::layout::{Point, Span};
use crate::predict::{Step, TreeView, range};
use std::ops::Range;

/// Factors below this are taken for zero; what lies below them is smaller still.
const NOTHING: f64 = 1e-280;

/// The last decision on a feature, with all earlier ones on the same feature folded in.
#[derive(Clone, Copy)]
struct Edge {
    feature: usize,
    zero: f64,
    one: f64,
    /// The level of the earlier decision on the same feature.
    earlier: Option<usize>,
}

/// A node that is being visited; level `l` of the walk is `frames[l]`.
struct Frame {
    at: u32,
    /// The edge that led here; none for the root.
    edge: Option<Edge>,
    branches_done: u8,
}

/// Buffers of the walk. Rows of `points` numbers, one a level: the product of all factors on the
/// path, the factor of the level's own edge, the sum over the leaves below.
pub(super) struct Walker {
    frames: Vec<Frame>,
    products: Vec<f64>,
    factors: Vec<f64>,
    sums: Vec<f64>,
    last: Vec<Option<usize>>,
}

impl Walker {
    pub fn new(features: usize) -> Self {
        Self {
            frames: Vec::new(),
            products: Vec::new(),
            factors: Vec::new(),
            sums: Vec::new(),
            last: vec![None; features],
        }
    }

    /// Adds a tree's contributions to `phi`, one number a feature.
    pub fn tree(
        &mut self,
        model: &Compiled<'_>,
        span: &Span,
        tree: &TreeView<'_>,
        row: &[f64],
        phi: &mut [f64],
    ) -> Result<()> {
        let points = model
            .points
            .get(range(span.first_point, span.points))
            .ok_or_else(|| corrupt("Quadrature points are out of bounds."))?;
        // A finished walk leaves `last` empty; a failed one ends the walker.
        // Damaged nodes could share children, and a walk of all ways through such a net need not
        // end in a lifetime: a tree has as many branches as it has, and no more are walked. The
        // buffers grow with the walk and are not sized by a number in the bytes.
        let mut branches_left = 2 * tree.node_count();
        self.frames.clear();
        self.grow(0, points.len());
        self.products.get_mut(level(0, points)).unwrap_or_default().fill(1.0);
        self.sums.get_mut(level(0, points)).unwrap_or_default().fill(0.0);
        self.frames.push(Frame { at: 0, edge: None, branches_done: 0 });
        while let Some(frame) = self.frames.last_mut() {
            let left = frame.branches_done == 0;
            if frame.branches_done == 2 {
                let edge = frame.edge;
                self.frames.pop();
                if let Some(edge) = edge {
                    self.close(self.frames.len(), edge, points, phi)?;
                }
                continue;
            }
            frame.branches_done += 1;
            branches_left = branches_left.checked_sub(1).ok_or_else(|| corrupt("Branches meet again."))?;
            let at = frame.at;
            self.branch(tree, at, left, row, points, phi)?;
        }
        Ok(())
    }

    /// Goes down one branch of the node on top: a leaf is summed at once, a node becomes a frame.
    fn branch(
        &mut self,
        tree: &TreeView<'_>,
        at: u32,
        left: bool,
        row: &[f64],
        points: &[Point],
        phi: &mut [f64],
    ) -> Result<()> {
        let node = tree.node(at)?;
        let next = tree.child(at, node, left)?;
        let taken = tree.goes_left(node, row)? == left;
        let feature = node.feature.get() as usize;
        let share = fraction(tree.cover(Step::Node(at))?, tree.cover(next)?);
        let earlier = *self.last.get(feature).ok_or_else(|| corrupt("A feature is out of bounds."))?;
        let before = earlier.and_then(|level| self.frames.get(level)).and_then(|frame| frame.edge);
        let edge = Edge {
            feature,
            zero: share * before.map_or(1.0, |edge| edge.zero),
            one: if taken { before.map_or(1.0, |edge| edge.one) } else { 0.0 },
            earlier,
        };
        if edge.one == 0.0 && edge.zero < NOTHING {
            return Ok(());
        }
        let below = self.frames.len();
        self.descend(below, &edge, points);
        match next {
            Step::Node(next) => {
                if let Some(last) = self.last.get_mut(feature) {
                    *last = Some(below);
                }
                self.frames.push(Frame { at: next, edge: Some(edge), branches_done: 0 });
                Ok(())
            }
            Step::Leaf(leaf) => {
                let value = tree.leaf_value(leaf)?;
                let range = level(below, points);
                let sums = self.sums.get_mut(range.clone()).unwrap_or_default();
                let products = self.products.get(range).unwrap_or_default();
                for ((sum, product), point) in sums.iter_mut().zip(products).zip(points) {
                    *sum = value * point.weight.get() * product;
                }
                self.close(below, edge, points, phi)
            }
        }
    }

    /// Fills the rows of a new level: own factors, and the product with an earlier factor of the
    /// same feature replaced.
    fn descend(&mut self, below: usize, edge: &Edge, points: &[Point]) {
        self.grow(below, points.len());
        let width = points.len();
        // The root's level has no edge, so `below` is at least 1 and the parent's row lies before.
        let start = below * width;
        for (number, point) in points.iter().enumerate() {
            let factor = edge.zero + (edge.one - edge.zero) * point.at.get();
            let earlier = edge
                .earlier
                .and_then(|level| self.factors.get(level * width + number))
                .copied()
                .unwrap_or(1.0);
            let parent = self.products.get(start - width + number).copied().unwrap_or(0.0);
            if let (Some(own), Some(product), Some(sum)) = (
                self.factors.get_mut(start + number),
                self.products.get_mut(start + number),
                self.sums.get_mut(start + number),
            ) {
                *own = factor;
                *product = parent * (factor / earlier);
                *sum = 0.0;
            }
        }
    }

    /// Books what the leaves below an edge contribute to its feature, takes it from the earlier
    /// edge of the same feature, and hands the sum upwards.
    fn close(&mut self, below: usize, edge: Edge, points: &[Point], phi: &mut [f64]) -> Result<()> {
        let width = points.len();
        let before = edge.earlier.and_then(|level| self.frames.get(level)).and_then(|frame| frame.edge);
        let (upper, lower) = self.sums.split_at_mut_checked(below * width).unwrap_or_default();
        let own = self.factors.get(level(below, points)).unwrap_or_default();
        let mut gain = 0.0;
        for (sum, factor) in lower.iter().zip(own) {
            gain += sum / factor;
        }
        gain *= edge.one - edge.zero;
        if let (Some(before), Some(level_before)) = (before, edge.earlier) {
            let factors = self.factors.get(level(level_before, points)).unwrap_or_default();
            let mut loss = 0.0;
            for (sum, factor) in lower.iter().zip(factors) {
                loss += sum / factor;
            }
            gain -= loss * (before.one - before.zero);
        }
        let phi = phi.get_mut(edge.feature).ok_or_else(|| corrupt("A feature is out of bounds."))?;
        *phi += gain;
        let parent = upper.len().checked_sub(width).and_then(|start| upper.get_mut(start..));
        for (to, sum) in parent.unwrap_or_default().iter_mut().zip(lower.iter()) {
            *to += sum;
        }
        if let Some(last) = self.last.get_mut(edge.feature) {
            *last = edge.earlier;
        }
        Ok(())
    }

    fn grow(&mut self, level: usize, width: usize) {
        let needed = (level + 1) * width;
        if self.sums.len() < needed {
            self.products.resize(needed, 0.0);
            self.factors.resize(needed, 1.0);
            self.sums.resize(needed, 0.0);
        }
    }
}

fn level(level: usize, points: &[Point]) -> Range<usize> {
    level * points.len()..(level + 1) * points.len()
}
