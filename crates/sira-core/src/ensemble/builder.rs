//! The only way to an [`Ensemble`]: every number that a file brings is checked here once.
//!
//! A loader hands over a tree as parallel arrays in whatever order its library keeps them; the
//! builder walks it from the root without recursion, refuses what is not a tree, and renumbers the
//! nodes depth first. Nothing is allocated by a declared count: the arrays exist already.

use super::{Child, Ensemble, FeatureUse, Leaf, Node, Note, Objective, Precision, Split, Tree};
use crate::{Error, ErrorKind, Result};
use std::collections::HashSet;

/// The deepest path that is taken. Scoring needs no bound, explanations keep a few numbers a level;
/// leaf-wise growth reaches some tens, so this only stops trees made to hurt.
pub const MAX_DEPTH: u32 = 1024;

/// Compiled bytes number nodes, leaves and set words with 31 bits over the whole ensemble.
const MAX_TOTAL: usize = i32::MAX as usize;

/// A tree as read: node `i` is `nodes[i]`, its children name nodes and leaves of these arrays.
#[derive(Clone, Debug, Default)]
pub struct TreeParts {
    pub nodes: Vec<Node>,
    pub leaves: Vec<Leaf>,
}

/// Collects trees and hands out the ensemble.
#[derive(Debug)]
pub struct Builder {
    ensemble: Ensemble,
    split_kinds: Vec<FeatureUse>,
    nodes: usize,
    leaves: usize,
    set_words: usize,
}

impl Builder {
    /// Starts an ensemble that takes these features, in this order, and gives `outputs` scores.
    pub fn new(
        feature_names: Vec<String>,
        feature_uses: Vec<FeatureUse>,
        outputs: usize,
        objective: Objective,
    ) -> Result<Self> {
        if feature_names.is_empty() {
            return Err(malformed("model has no features"));
        }
        if feature_uses.len() != feature_names.len() {
            return Err(malformed("model describes another number of features than it names").with_detail(
                format!("{} names, {} descriptions.", feature_names.len(), feature_uses.len()),
            ));
        }
        if outputs == 0 {
            return Err(malformed("model has no outputs"));
        }
        objective.check_outputs(outputs)?;
        let mut seen = HashSet::with_capacity(feature_names.len());
        if let Some(twice) = feature_names.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(malformed(format!("feature \"{}\" is named twice", super::objective::clip(twice))));
        }
        let features = feature_names.len();
        Ok(Self {
            ensemble: Ensemble {
                feature_names,
                feature_uses,
                categories: vec![None; features],
                notes: Vec::new(),
                outputs,
                objective,
                precision: Precision::Double,
                bases: vec![0.0; outputs],
                average: false,
                trees: Vec::new(),
            },
            split_kinds: vec![FeatureUse::Unused; features],
            nodes: 0,
            leaves: 0,
            set_words: 0,
        })
    }

    /// The answer is the mean over iterations.
    pub fn average(&mut self, average: bool) {
        self.ensemble.average = average;
    }

    /// The library computes in single precision, and its sums begin with these numbers, one an output.
    pub fn single(&mut self, bases: &[f32]) -> Result<()> {
        if bases.len() != self.ensemble.outputs {
            return Err(malformed("model has another number of base scores than of outputs")
                .with_detail(format!("{} base scores, {} outputs.", bases.len(), self.ensemble.outputs)));
        }
        if let Some(base) = bases.iter().find(|base| !base.is_finite()) {
            return Err(malformed("base score is not a finite number").with_detail(format!("{base}.")));
        }
        self.ensemble.precision = Precision::Single;
        self.ensemble.bases = bases.iter().copied().map(f64::from).collect();
        Ok(())
    }

    /// The artifact's own categories of a feature, in code order.
    pub fn categories(&mut self, feature: usize, categories: Vec<serde_json::Value>) {
        if let Some(slot) = self.ensemble.categories.get_mut(feature) {
            *slot = Some(categories);
        }
    }

    /// What the artifact leaves open.
    pub fn note(&mut self, note: Note) {
        self.ensemble.notes.push(note);
    }

    /// Adds the next tree.
    pub fn tree(&mut self, parts: TreeParts) -> Result<()> {
        let number = self.ensemble.trees.len();
        let in_tree = |error: Error| {
            let place = match &error.detail {
                Some(detail) => format!("Tree {number}. {detail}"),
                None => format!("Tree {number}."),
            };
            error.with_detail(place)
        };
        self.check_values(&parts).map_err(in_tree)?;
        self.check_covers(&parts).map_err(in_tree)?;
        let tree = number_depth_first(parts).map_err(in_tree)?;
        self.nodes += tree.nodes.len();
        self.leaves += tree.leaves.len();
        if self.nodes.max(self.leaves).max(self.set_words) > MAX_TOTAL {
            return Err(Error::new(ErrorKind::UnsupportedModel, "model is too large"));
        }
        self.ensemble.trees.push(tree);
        Ok(())
    }

    /// Closes the ensemble: there must be whole iterations.
    pub fn finish(mut self) -> Result<Ensemble> {
        let (trees, outputs) = (self.ensemble.trees.len(), self.ensemble.outputs);
        if trees == 0 {
            return Err(malformed("model has no trees"));
        }
        if !trees.is_multiple_of(outputs) {
            return Err(malformed("model has an unfinished iteration")
                .with_detail(format!("{trees} trees, {outputs} trees per iteration.")));
        }
        for (said, split) in self.ensemble.feature_uses.iter_mut().zip(&self.split_kinds) {
            if *split != FeatureUse::Unused {
                *said = *split;
            }
        }
        Ok(self.ensemble)
    }

    fn check_values(&mut self, parts: &TreeParts) -> Result<()> {
        if parts.leaves.len() != parts.nodes.len() + 1 {
            return Err(malformed("tree has a wrong number of leaves").with_detail(format!(
                "{} nodes, {} leaves.",
                parts.nodes.len(),
                parts.leaves.len()
            )));
        }
        if let Some(at) = parts.leaves.iter().position(|leaf| !leaf.value.is_finite()) {
            return Err(malformed("leaf value is not a finite number").with_detail(format!("Leaf {at}.")));
        }
        let is_single = |leaf: &Leaf| f64::from(leaf.value as f32) == leaf.value;
        if self.ensemble.precision == Precision::Single && !parts.leaves.iter().all(is_single) {
            return Err(malformed("leaf value is not a single precision number"));
        }
        for (at, node) in parts.nodes.iter().enumerate() {
            let Some(kind) = self.split_kinds.get_mut(node.feature as usize) else {
                return Err(malformed("split feature is out of range").with_detail(format!(
                    "Node {at} splits feature {} of {}.",
                    node.feature,
                    self.ensemble.feature_names.len()
                )));
            };
            let split = match &node.split {
                Split::Numeric { threshold, .. } if threshold.is_nan() => {
                    return Err(malformed("threshold is not a number").with_detail(format!("Node {at}.")));
                }
                Split::Numeric { .. } => FeatureUse::Numeric,
                Split::Category { set, .. } => {
                    self.set_words += set.len();
                    FeatureUse::Category
                }
            };
            if *kind == FeatureUse::Unused {
                *kind = split;
            } else if *kind != split {
                return Err(malformed("feature is split both by number and by category")
                    .with_detail(format!("Feature {}.", node.feature)));
            }
        }
        Ok(())
    }

    /// Compiled bytes keep a cover in 32 bits: a count, or a single precision number.
    fn check_covers(&self, parts: &TreeParts) -> Result<()> {
        let fits = |cover: f64| match self.ensemble.precision {
            Precision::Double => f64::from(cover as u32) == cover,
            Precision::Single => cover >= 0.0 && cover.is_finite() && f64::from(cover as f32) == cover,
        };
        let nodes = parts.nodes.iter().map(|node| node.cover);
        match nodes.chain(parts.leaves.iter().map(|leaf| leaf.cover)).find(|cover| !fits(*cover)) {
            Some(cover) => Err(malformed(format!("cover {cover} cannot be the number of training rows"))),
            None => Ok(()),
        }
    }
}

/// Walks from the root, each node and leaf exactly once, and numbers nodes in the order met.
fn number_depth_first(parts: TreeParts) -> Result<Tree> {
    let TreeParts { mut nodes, leaves } = parts;
    let not_a_tree = |what: &str, at: u32| {
        malformed("child links do not form a tree").with_detail(format!("{what} {at}."))
    };
    let mut order: Vec<u32> = Vec::with_capacity(nodes.len());
    let mut numbers: Vec<Option<u32>> = vec![None; nodes.len()];
    let mut leaf_seen = vec![false; leaves.len()];
    let (mut depth, mut path_features) = (0u32, 0u32);
    // The features of the path are kept as a stack beside the walk: `path` holds one entry a level,
    // true where the level brought a feature that the path did not have yet.
    let mut path: Vec<(u32, bool)> = Vec::new();
    let mut on_path: HashSet<u32> = HashSet::new();
    let mut todo = Vec::new();
    if nodes.is_empty() {
        todo.push((Child::Leaf(0), 0u32));
    } else {
        todo.push((Child::Node(0), 0u32));
    }
    while let Some((child, level)) = todo.pop() {
        while path.len() > level as usize {
            if let Some((feature, true)) = path.pop() {
                on_path.remove(&feature);
            }
        }
        depth = depth.max(level);
        match child {
            Child::Leaf(at) => match leaf_seen.get_mut(at as usize) {
                Some(seen) if !*seen => {
                    *seen = true;
                    path_features = path_features.max(on_path.len() as u32);
                }
                _ => return Err(not_a_tree("Leaf", at)),
            },
            Child::Node(at) => {
                let (Some(node), Some(number @ None)) =
                    (nodes.get(at as usize), numbers.get_mut(at as usize))
                else {
                    return Err(not_a_tree("Node", at));
                };
                if level >= MAX_DEPTH {
                    return Err(Error::new(ErrorKind::UnsupportedModel, "tree is too deep")
                        .with_detail(format!("Deeper than {MAX_DEPTH} splits.")));
                }
                *number = Some(order.len() as u32);
                order.push(at);
                path.push((node.feature, on_path.insert(node.feature)));
                todo.push((node.right, level + 1));
                todo.push((node.left, level + 1));
            }
        }
    }
    if let Some(at) = numbers.iter().position(Option::is_none) {
        return Err(not_a_tree("Unreached node", at as u32));
    }
    let renumber = |child: Child| match child {
        Child::Node(at) => Child::Node(numbers.get(at as usize).copied().flatten().unwrap_or_default()),
        leaf => leaf,
    };
    for node in &mut nodes {
        node.left = renumber(node.left);
        node.right = renumber(node.right);
    }
    // Sorting by the new number moves each node once and needs no placeholder values.
    let mut placed: Vec<(u32, Node)> =
        numbers.iter().map(|number| number.unwrap_or_default()).zip(nodes).collect();
    placed.sort_unstable_by_key(|(number, _)| *number);
    let nodes = placed.into_iter().map(|(_, node)| node).collect();
    Ok(Tree { nodes, leaves, depth, path_features })
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedModel, message)
}
