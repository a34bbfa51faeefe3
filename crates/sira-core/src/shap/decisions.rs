//! Where rows go right, from what is known about them: answers to the model's questions, or the
//! values themselves.

use super::explain::Decisions;
use crate::Result;
use crate::ensemble::Compiled;
use crate::ensemble::codec::layout::Fork;
use crate::ensemble::codec::{CodedView, corrupt};
use crate::predict::{Rows, TreeView};

/// One row, whose answers are known.
pub(super) struct ByRow<'a, 'b> {
    pub model: &'a Compiled<'b>,
    pub coded: &'a CodedView<'b>,
    pub row: &'a [f64],
    pub answers: &'a [u8],
}

/// Up to 64 rows, whose answers are known.
pub(super) struct ByBlock<'a, 'b> {
    pub model: &'a Compiled<'b>,
    pub coded: &'a CodedView<'b>,
    pub rows: &'a Rows<'a>,
    pub first: usize,
    pub count: usize,
    pub masks: &'a [[u64; 1]],
}

/// One row, asked node by node.
pub(super) struct Plain<'a> {
    pub row: &'a [f64],
}

/// The forks of a tree, node by node; none for trees of many leaves.
fn forks<'b>(model: &Compiled<'_>, coded: &CodedView<'b>, number: usize) -> Option<&'b [Fork]> {
    let span = model.trees.get(number)?;
    if span.leaves.get() as usize > Fork::MOST_LEAVES {
        return None;
    }
    let first = coded.trees.get(number)?.first_fork.get() as usize;
    coded.forks.get(first..first + span.nodes.get() as usize)
}

impl Decisions for ByRow<'_, '_> {
    #[inline(always)]
    fn of_tree(&self, number: usize, tree: &TreeView<'_>, rights: &mut Vec<u64>) -> Result<()> {
        let Some(forks) = forks(self.model, self.coded, number) else {
            return Plain { row: self.row }.of_tree(number, tree, rights);
        };
        rights.resize(forks.len(), 0);
        for (right, fork) in rights.iter_mut().zip(forks) {
            let answer = self.answers.get(fork.question.get() as usize);
            *right = u64::from(*answer.ok_or_else(|| corrupt("A question is out of bounds."))?);
        }
        Ok(())
    }
}

impl Decisions for ByBlock<'_, '_> {
    #[inline(always)]
    fn of_tree(&self, number: usize, tree: &TreeView<'_>, rights: &mut Vec<u64>) -> Result<()> {
        if let Some(forks) = forks(self.model, self.coded, number) {
            rights.resize(forks.len(), 0);
            for (right, fork) in rights.iter_mut().zip(forks) {
                let mask = self.masks.get(fork.question.get() as usize);
                [*right] = *mask.ok_or_else(|| corrupt("A question is out of bounds."))?;
            }
            return Ok(());
        }
        rights.clear();
        rights.resize(tree.node_count(), 0);
        let mut row = Vec::new();
        for bit in 0..self.count {
            self.rows.copy_row(self.first + bit, &mut row);
            for (at, right) in (0..).zip(rights.iter_mut()) {
                *right |= u64::from(!tree.goes_left(tree.node(at)?, &row)?) << bit;
            }
        }
        Ok(())
    }
}

impl Decisions for Plain<'_> {
    #[inline(always)]
    fn of_tree(&self, _: usize, tree: &TreeView<'_>, rights: &mut Vec<u64>) -> Result<()> {
        rights.clear();
        for at in 0..tree.node_count() as u32 {
            rights.push(u64::from(!tree.goes_left(tree.node(at)?, self.row)?));
        }
        Ok(())
    }
}
