//! Ensemble → the layout that is walked fast.
//!
//! Two forms of the same trees, over the same questions. Steps are for one row: siblings stand side
//! by side, so that a walk has no branches to mispredict, only "add the answer". Forks are for
//! hundreds of rows at once, where every node of a tree is visited and none is waited for.

use super::layout::{CodedTree, Fork, Start, Step, WideStep};
use super::questions::Questions;
use crate::ensemble::{Child, Ensemble, Tree};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use zerocopy::little_endian::U32;

/// The coded layout of an ensemble, or nothing where the plain one must do.
pub(super) struct Coded {
    pub questions: Questions,
    pub trees: Vec<CodedTree>,
    /// The trees in the order they are walked in: those of like length together.
    pub starts: Vec<Start>,
    /// Steps are narrow where question and distance take 16 bits each; the other list is empty.
    pub steps: Vec<Step>,
    pub wide_steps: Vec<WideStep>,
    /// By step: the leaf, counted over the ensemble.
    pub leaves: Vec<U32>,
    pub forks: Vec<Fork>,
}

impl Coded {
    pub fn of<B>(
        ensemble: &Ensemble,
        checkpoint: &mut dyn FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, Option<Self>> {
        let Some(questions) = Questions::of(ensemble, checkpoint)? else {
            return ControlFlow::Continue(None);
        };
        let mut coded = Self {
            questions,
            trees: Vec::new(),
            starts: Vec::new(),
            steps: Vec::new(),
            wide_steps: Vec::new(),
            leaves: Vec::new(),
            forks: Vec::new(),
        };
        let mut first_leaf = 0;
        let mut lengths: Vec<(f64, u32)> = Vec::new();
        for tree in ensemble.trees() {
            checkpoint()?;
            lengths.push((usual_length(tree), lengths.len() as u32));
            coded.push(tree, first_leaf);
            first_leaf += tree.leaves().len() as u32;
        }
        lengths.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, tree) in lengths {
            if let Some(coded_tree) = coded.trees.get(tree as usize) {
                coded.starts.push(Start { tree: tree.into(), root: coded_tree.root });
            }
        }
        let half = u64::from(u32::MAX);
        let fits = |half: u64| half <= u64::from(u16::MAX);
        if coded.wide_steps.iter().all(|step| fits(step.get() & half) && fits(step.get() >> 32)) {
            let narrow = |step: WideStep| ((step.get() >> 32) as u32) << 16 | (step.get() & half) as u32;
            coded.steps = coded.wide_steps.drain(..).map(|step| narrow(step).into()).collect();
        }
        ControlFlow::Continue(Some(coded))
    }

    fn push(&mut self, tree: &Tree, first_leaf: u32) {
        let root = self.leaves.len();
        let forks = tree.leaves().len() <= Fork::MOST_LEAVES;
        self.trees
            .push(CodedTree { root: (root as u32).into(), first_fork: (self.forks.len() as u32).into() });
        let numbers: Vec<u32> =
            tree.nodes().iter().map(|node| self.questions.number(node.feature, &node.split)).collect();
        let inner = tree.nodes().len() as u32;
        let place = |child: Child| match child {
            Child::Node(at) => at as u16,
            Child::Leaf(at) => (inner + at) as u16,
        };
        if forks {
            for (node, question) in tree.nodes().iter().zip(&numbers) {
                self.forks.push(Fork {
                    question: (*question).into(),
                    left: place(node.left).into(),
                    right: place(node.right).into(),
                });
            }
        }
        let mut queue = VecDeque::from([if inner > 0 { Child::Node(0) } else { Child::Leaf(0) }]);
        let mut next_free = 1u64;
        let mut own = 0u64;
        while let Some(child) = queue.pop_front() {
            let found = match child {
                Child::Node(at) => tree.nodes().get(at as usize).zip(numbers.get(at as usize)),
                Child::Leaf(_) => None,
            };
            if let Some((node, question)) = found {
                self.wide_steps.push(((next_free - own) << 32 | u64::from(*question)).into());
                self.leaves.push(0.into());
                queue.extend([node.left, node.right]);
                next_free += 2;
            } else {
                let leaf = if let Child::Leaf(leaf) = child { leaf } else { 0 };
                self.wide_steps.push(0.into());
                self.leaves.push((first_leaf + leaf).into());
            }
            own += 1;
        }
    }
}

/// How many steps a row takes on average, by the rows of the training where they are known.
fn usual_length(tree: &Tree) -> f64 {
    match tree.nodes().first() {
        Some(root) if root.cover > 0.0 => {
            let rows: f64 = tree.nodes().iter().map(|node| node.cover).sum();
            rows / root.cover
        }
        _ => f64::from(tree.depth()),
    }
}
