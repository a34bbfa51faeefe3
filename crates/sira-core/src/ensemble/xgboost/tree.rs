//! One tree: arrays with an entry a node, leaves and what pruning left behind among them.

use super::super::{Child, Leaf, Missing, Node, Split, TreeParts};
use super::document::{Single, Tree};
use super::{count, malformed, single, unsupported};
use crate::Result;

/// Where a leaf's children would be.
const NONE: i32 = -1;
const BY_CATEGORY: u8 = 1;

/// Room for category sets. A set is as long as its highest category, and a number of seven digits could
/// ask for two megabytes: what all sets take is held against the size of the artifact.
pub(super) struct Room {
    /// Words that sets may take together.
    words: usize,
    /// By feature the length of its longest set, and what is left for more; looking up a category takes
    /// memory by the highest one.
    longest: Vec<usize>,
    lengths: usize,
}

impl Room {
    pub fn new(bytes: usize, features: usize) -> Self {
        Self { words: (1 << 18) + 8 * bytes, longest: vec![0; features], lengths: (1 << 15) + bytes / 32 }
    }

    fn take(&mut self, feature: usize, words: usize) -> Result<()> {
        self.try_take(feature, words).ok_or_else(|| {
            unsupported("category sets take too much memory")
                .with_detail(format!("A set of feature {feature} reaches up to category {}.", words * 32 - 1))
                .with_hint("Number the categories from 0 on without gaps.")
        })
    }

    fn try_take(&mut self, feature: usize, words: usize) -> Option<()> {
        let longest = self.longest.get_mut(feature)?;
        self.lengths = self.lengths.checked_sub(words.saturating_sub(*longest))?;
        *longest = words.max(*longest);
        self.words = self.words.checked_sub(words)?;
        Some(())
    }
}

/// The tree that can be reached from the root, and its weight if it is a dart's: XGBoost adds the leaf of such a tree
/// to zero before it is weighted, which makes a negative zero a positive one.
pub(super) fn parts(tree: &Tree, weight: Option<f32>, room: &mut Room) -> Result<TreeParts> {
    if let Some(size) = &tree.tree_param.size_leaf_vector
        && count("size_leaf_vector", size)? > 1
    {
        return Err(unsupported("trees with more than one output are not supported")
            .with_hint("Train with multi_strategy=one_output_per_tree, and a model for each target."));
    }
    let nodes = tree.left_children.len();
    let arrays = [
        ("num_nodes", count("num_nodes", &tree.tree_param.num_nodes)?),
        ("right_children", tree.right_children.len()),
        ("split_indices", tree.split_indices.len()),
        ("split_conditions", tree.split_conditions.len()),
        ("default_left", tree.default_left.len()),
        ("sum_hessian", tree.sum_hessian.len()),
        ("split_type", if tree.split_type.is_empty() { nodes } else { tree.split_type.len() }),
    ];
    if let Some((name, length)) = arrays.into_iter().find(|(_, length)| *length != nodes || nodes == 0) {
        return Err(malformed(format!("\"{name}\" does not fit the tree"))
            .with_detail(format!("{length} entries, {nodes} nodes.")));
    }
    let numbers = reachable(tree)?;
    let covers = covers(tree, &numbers);
    let mut sets = Sets::of(tree)?;
    let mut parts = TreeParts::default();
    for (at, number) in numbers.iter().enumerate() {
        let set = sets.next(at)?;
        let cover = covers.as_ref().and_then(|covers| covers.get(at)).copied().unwrap_or(0.0);
        let condition = entry(&tree.split_conditions, at)?.0;
        match number {
            None => {}
            Some(Child::Leaf(_)) => {
                let value = weight.map_or(condition, |weight| (0.0 + condition) * weight);
                parts.leaves.push(Leaf { value: f64::from(value), cover });
            }
            Some(Child::Node(_)) => {
                let index = entry(&tree.split_indices, at)?;
                let Some(feature) = u32::try_from(index).ok().filter(|at| room.longest.len() > *at as usize)
                else {
                    return Err(malformed("split feature is out of range").with_detail(format!(
                        "Node {at} splits feature {index} of {}.",
                        room.longest.len()
                    )));
                };
                let default_left = entry(&tree.default_left, at)?.0;
                let left = child(&numbers, entry(&tree.left_children, at)?)?;
                let right = child(&numbers, entry(&tree.right_children, at)?)?;
                parts.nodes.push(if tree.split_type.get(at) == Some(&BY_CATEGORY) {
                    let set = set.filter(|set| !set.is_empty()).ok_or_else(|| {
                        malformed("split by category has no categories").with_detail(format!("Node {at}."))
                    })?;
                    let set = bits(set, feature as usize, room)?;
                    // Members go right in XGBoost.
                    let split = Split::Category { set, default_left: !default_left };
                    Node { feature, split, left: right, right: left, cover }
                } else if condition == f32::NEG_INFINITY {
                    // Nothing is below: all that is not missing goes right, as if it were left of infinity.
                    let threshold = f64::INFINITY;
                    let split =
                        Split::Numeric { threshold, missing: Missing::Nan, default_left: !default_left };
                    Node { feature, split, left: right, right: left, cover }
                } else {
                    let threshold = single::threshold(condition).ok_or_else(|| {
                        malformed("threshold is not a number").with_detail(format!("Node {at}."))
                    })?;
                    let split = Split::Numeric { threshold, missing: Missing::Nan, default_left };
                    Node { feature, split, left, right, cover }
                });
            }
        }
    }
    Ok(parts)
}

/// An entry of an array whose length was checked.
fn entry<T: Copy>(array: &[T], at: usize) -> Result<T> {
    array.get(at).copied().ok_or_else(|| malformed("node is out of range").with_detail(format!("Node {at}.")))
}

/// The number that a child has among nodes or leaves.
fn child(numbers: &[Option<Child>], at: i32) -> Result<Child> {
    let number = usize::try_from(at).ok().and_then(|at| numbers.get(at)).copied().flatten();
    number.ok_or_else(|| not_a_tree(i64::from(at)))
}

/// Numbers nodes and leaves in the order of the artifact. What cannot be reached from the root was
/// deleted by pruning, and the tree says how many nodes were.
fn reachable(tree: &Tree) -> Result<Vec<Option<Child>>> {
    let mut reached = vec![false; tree.left_children.len()];
    let mut todo = vec![0];
    while let Some(at) = todo.pop() {
        let seen = usize::try_from(at).ok().and_then(|at| reached.get_mut(at));
        let Some(seen @ false) = seen else { return Err(not_a_tree(i64::from(at))) };
        *seen = true;
        let left = entry(&tree.left_children, at as usize)?;
        if left != NONE {
            todo.extend([entry(&tree.right_children, at as usize)?, left]);
        }
    }
    let (mut nodes, mut leaves, mut deleted) = (0, 0, 0);
    let next = |number: &mut u32| {
        *number += 1;
        *number - 1
    };
    let numbers =
        reached.into_iter().zip(&tree.left_children).map(|(reached, left)| match (reached, *left) {
            (false, _) => {
                next(&mut deleted);
                None
            }
            (true, NONE) => Some(Child::Leaf(next(&mut leaves))),
            (true, _) => Some(Child::Node(next(&mut nodes))),
        });
    let numbers = numbers.collect();
    let said = tree.tree_param.num_deleted.as_deref().map_or(Ok(0), |text| count("num_deleted", text))?;
    if said == deleted as usize {
        return Ok(numbers);
    }
    Err(malformed("child links do not form a tree")
        .with_detail(format!("{deleted} nodes are not reached, {said} were deleted.")))
}

fn not_a_tree(at: i64) -> crate::Error {
    malformed("child links do not form a tree").with_detail(format!("Node {at}."))
}

/// Sums of second derivatives stand for the number of rows. Where one of them cannot (a loss of the
/// user's own may have any), the tree does not say how many rows came by.
fn covers(tree: &Tree, numbers: &[Option<Child>]) -> Option<Vec<f64>> {
    let cover = |(sum, number): (&Single, &Option<Child>)| match (number, sum.0) {
        (None, _) => Some(0.0),
        (Some(_), sum) if sum >= 0.0 && sum.is_finite() => Some(f64::from(sum)),
        _ => None,
    };
    tree.sum_hessian.iter().zip(numbers).map(cover).collect()
}

/// The category lists of a tree, one after the other in the order of the nodes.
struct Sets<'t> {
    tree: &'t Tree,
    number: usize,
    begin: usize,
}

impl<'t> Sets<'t> {
    fn of(tree: &'t Tree) -> Result<Self> {
        let total = tree.categories_sizes.iter().try_fold(0u64, |sum, size| sum.checked_add(*size));
        let in_order = tree.categories_nodes.is_sorted_by(|a, b| a < b)
            && tree.categories_nodes.last().is_none_or(|last| (*last as usize) < tree.left_children.len());
        let fits = in_order
            && tree.categories_sizes.len() == tree.categories_nodes.len()
            && tree.categories_segments.len() == tree.categories_nodes.len()
            && total == Some(tree.categories.len() as u64);
        if fits {
            return Ok(Self { tree, number: 0, begin: 0 });
        }
        Err(malformed("category lists do not fit the tree"))
    }

    /// The list of a node, if it has one; nodes are asked for in order.
    fn next(&mut self, node: usize) -> Result<Option<&'t [u32]>> {
        let tree = self.tree;
        if tree.categories_nodes.get(self.number).is_none_or(|next| *next as usize != node) {
            return Ok(None);
        }
        let begin = tree.categories_segments.get(self.number).copied().unwrap_or_default();
        let size = tree.categories_sizes.get(self.number).copied().unwrap_or_default();
        let list = tree.categories.get(self.begin..).and_then(|rest| rest.get(..size as usize));
        match list {
            Some(list) if begin == self.begin as u64 => {
                self.number += 1;
                self.begin += list.len();
                Ok(Some(list))
            }
            _ => Err(malformed("category lists do not fit the tree").with_detail(format!("Node {node}."))),
        }
    }
}

/// A list as a set, a bit per category.
fn bits(list: &[u32], feature: usize, room: &mut Room) -> Result<Vec<u32>> {
    let highest = list.iter().copied().max().unwrap_or(0);
    let words = highest as usize / 32 + 1;
    room.take(feature, words)?;
    let mut set = vec![0; words];
    for category in list {
        if let Some(word) = set.get_mut(*category as usize / 32) {
            *word |= 1 << (category % 32);
        }
    }
    Ok(set)
}
