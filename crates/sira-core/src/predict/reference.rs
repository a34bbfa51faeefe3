//! The obvious walk: node by node from the root. Faster layouts are measured against it, and must
//! give the same bits.

use super::{add, begin, check_out, check_row, fast};
use crate::Result;
use crate::ensemble::codec::corrupt;
use crate::ensemble::codec::layout::{Node, Span};
use crate::ensemble::{Compiled, ZERO};
use zerocopy::little_endian::{F64, U32};

/// Raw scores of a row by the plain walk: what [`super::raw`] has to equal.
pub fn raw(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    check_row(model, row)?;
    check_out(out.len(), model.outputs())?;
    sum(model, row, out)
}

pub(super) fn sum(model: &Compiled<'_>, row: &[f64], out: &mut [f64]) -> Result<()> {
    begin(model, out);
    let mut trees = model.trees.iter();
    for _ in 0..model.iterations() {
        for (sum, span) in out.iter_mut().zip(trees.by_ref()) {
            let tree = TreeView::new(model, span)?;
            let value = tree.leaf_value(tree.leaf(row)?)?;
            *sum = if model.single { add::<true>(*sum, value) } else { add::<false>(*sum, value) };
        }
    }
    Ok(())
}

/// Where a branch leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Node(u32),
    Leaf(u32),
}

/// One tree of a compiled ensemble.
#[derive(Clone, Copy)]
pub(crate) struct TreeView<'a> {
    nodes: &'a [Node],
    leaves: &'a [F64],
    sets: &'a [U32],
    node_covers: &'a [U32],
    leaf_covers: &'a [U32],
    /// Covers are single precision numbers.
    single: bool,
}

impl<'a> TreeView<'a> {
    pub fn new(model: &Compiled<'a>, span: &Span) -> Result<Self> {
        let nodes = range(span.first_node, span.nodes);
        let leaves = range(span.first_leaf, span.leaves);
        let view = || {
            Some(Self {
                nodes: model.nodes.get(nodes.clone())?,
                leaves: model.leaves.get(leaves.clone())?,
                sets: model.sets,
                node_covers: model.node_covers.get(nodes.clone())?,
                leaf_covers: model.leaf_covers.get(leaves.clone())?,
                single: model.single,
            })
        };
        view().ok_or_else(|| corrupt("A tree is out of bounds."))
    }

    /// Whether the tree is a constant.
    pub fn is_constant(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The leaf that a row ends in.
    pub fn leaf(&self, row: &[f64]) -> Result<u32> {
        if self.is_constant() {
            return Ok(0);
        }
        let mut at = 0;
        loop {
            let node = self.node(at)?;
            let left = self.goes_left(node, row)?;
            match self.child(at, node, left)? {
                Step::Node(next) => at = next,
                Step::Leaf(leaf) => return Ok(leaf),
            }
        }
    }

    pub fn leaf_value(&self, leaf: u32) -> Result<f64> {
        self.leaves
            .get(leaf as usize)
            .map(|value| value.get())
            .ok_or_else(|| corrupt("A leaf is out of bounds."))
    }

    pub fn node(&self, at: u32) -> Result<&'a Node> {
        self.nodes.get(at as usize).ok_or_else(|| corrupt("A node is out of bounds."))
    }

    /// A child; nodes lie behind their parent, which is what ends every walk.
    fn child(&self, at: u32, node: &Node, left: bool) -> Result<Step> {
        let child = if left { node.left.get() } else { node.right.get() };
        match u32::try_from(child) {
            Ok(next) if next > at => Ok(Step::Node(next)),
            Ok(_) => Err(corrupt("A branch leads back.")),
            Err(_) => Ok(Step::Leaf(!child as u32)),
        }
    }

    /// Training rows that came by a node.
    pub fn node_cover(&self, at: u32) -> Option<f64> {
        self.node_covers.get(at as usize).map(|cover| self.cover(*cover))
    }

    /// A leaf's value, and the training rows that ended in it.
    pub fn leaf_value_and_cover(&self, leaf: u32) -> Option<(f64, f64)> {
        let cover = self.leaf_covers.get(leaf as usize)?;
        Some((self.leaves.get(leaf as usize)?.get(), self.cover(*cover)))
    }

    #[inline(always)]
    fn cover(&self, bits: U32) -> f64 {
        if self.single { f64::from(f32::from_bits(bits.get())) } else { f64::from(bits.get()) }
    }

    pub fn goes_left(&self, node: &Node, row: &[f64]) -> Result<bool> {
        let value = *row
            .get(node.feature.get() as usize)
            .ok_or_else(|| corrupt("A split asks for a feature that the model does not have."))?;
        let flags = node.flags.get();
        if flags & Node::CATEGORY != 0 {
            if value.is_nan() {
                return Ok(flags & Node::DEFAULT_LEFT != 0);
            }
            return self.contains(node.payload.get(), flags, value);
        }
        let default = flags & Node::DEFAULT_LEFT != 0;
        let threshold = f64::from_bits(node.payload.get());
        if value.is_nan() {
            if flags & Node::MISSING_NAN != 0 {
                return Ok(default);
            }
            // NaN counts as zero, and zero may count as missing.
            return Ok(if flags & Node::MISSING_ZERO != 0 { default } else { 0.0 <= threshold });
        }
        if flags & Node::MISSING_ZERO != 0 && value.abs() <= ZERO {
            return Ok(default);
        }
        Ok(value <= threshold)
    }

    /// Whether a category is in a set. Values are truncated, so −0.5 is category 0, but in single
    /// precision it is none.
    fn contains(&self, payload: u64, flags: u32, value: f64) -> Result<bool> {
        let first = (payload & u64::from(u32::MAX)) as usize;
        let length = (payload >> 32) as usize;
        let set = self
            .sets
            .get(first..first + length)
            .ok_or_else(|| corrupt("A category set is out of bounds."))?;
        let Some(category) = fast::category(flags, value) else { return Ok(false) };
        let word = set.get(category / 32);
        Ok(word.is_some_and(|word| word.get() >> (category % 32) & 1 == 1))
    }
}

pub(crate) fn range(first: U32, count: U32) -> std::ops::Range<usize> {
    let first = first.get() as usize;
    first..first + count.get() as usize
}
