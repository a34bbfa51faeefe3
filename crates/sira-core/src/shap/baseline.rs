//! What a tree answers on average over the rows that it was trained on.

use crate::ensemble::{Child, Tree};

/// Whether the artifact tells how many rows came by: without that there is no average.
pub(crate) fn has_covers(tree: &Tree) -> bool {
    tree.nodes().first().is_none_or(|root| root.cover > 0.0)
}

/// The expected value of a tree, with LightGBM's order of additions where its counts add up.
///
/// Counts of models trained on several machines are estimates that need not: then the sum of the
/// leaves weighted as the paths to them are is what contributions add up with.
pub(crate) fn expected(tree: &Tree) -> f64 {
    let Some(root) = tree.nodes().first() else {
        return tree.leaves().first().map_or(0.0, |leaf| leaf.value);
    };
    let consistent = tree
        .nodes()
        .iter()
        .all(|node| node.cover > 0.0 && cover(tree, node.left) + cover(tree, node.right) == node.cover);
    if consistent {
        return tree.leaves().iter().map(|leaf| leaf.cover / root.cover * leaf.value).sum();
    }
    let mut sum = 0.0;
    let mut shares = vec![0.0; tree.nodes().len()];
    if let Some(share) = shares.first_mut() {
        *share = 1.0;
    }
    for (at, node) in tree.nodes().iter().enumerate() {
        let share = shares.get(at).copied().unwrap_or(0.0);
        for child in [node.left, node.right] {
            let share = share * fraction(node.cover, cover(tree, child));
            match child {
                Child::Node(next) => {
                    if let Some(slot) = shares.get_mut(next as usize) {
                        *slot = share;
                    }
                }
                Child::Leaf(leaf) => {
                    sum += share * tree.leaves().get(leaf as usize).map_or(0.0, |leaf| leaf.value);
                }
            }
        }
    }
    sum
}

/// The share of a node's rows that a branch lets pass; halves where no row came by at all.
fn fraction(node: f64, branch: f64) -> f64 {
    if node > 0.0 { branch / node } else { 0.5 }
}

fn cover(tree: &Tree, child: Child) -> f64 {
    match child {
        Child::Node(at) => tree.nodes().get(at as usize).map_or(0.0, |node| node.cover),
        Child::Leaf(at) => tree.leaves().get(at as usize).map_or(0.0, |leaf| leaf.cover),
    }
}
