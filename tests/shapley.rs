//! Contributions against the definition: every coalition of features, counted out.
//!
//! LightGBM's recorded contributions show that this engine agrees with it; this shows that both
//! mean Shapley values, also where LightGBM has no answer: rows counts that do not add up, and
//! branches that no training row took.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ensemble::{
    self, Builder, Child, Compiled, Ensemble, FeatureUse, Leaf, Missing, Node, Objective, Split, TreeParts,
};
use sira_core::{ErrorKind, predict, shap};
use std::ops::ControlFlow;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Counts {
    /// Every node counts what its branches count.
    Sound,
    /// As estimated on several machines.
    Estimated,
    /// Some branches were taken by no row.
    WithZeros,
}

/// A random tree that splits leaves at random, as leaf-wise growth does.
fn grow(dice: &mut Dice, features: u64, splits: usize, counts: Counts) -> TreeParts {
    let mut nodes: Vec<Node> = Vec::new();
    let mut parents: Vec<Option<(usize, bool)>> = vec![None];
    for at in 0..splits {
        let leaf = dice.roll(parents.len() as u64) as usize;
        if let Some((parent, left)) = parents[leaf] {
            let link = if left { &mut nodes[parent].left } else { &mut nodes[parent].right };
            *link = Child::Node(at as u32);
        }
        let feature = dice.roll(features) as u32;
        let split = if feature == 0 {
            Split::Category { set: vec![dice.roll(1 << 32) as u32], default_left: dice.roll(2) == 0 }
        } else {
            Split::Numeric {
                threshold: dice.roll(9) as f64 - 4.0,
                missing: [Missing::None, Missing::Zero, Missing::Nan][dice.roll(3) as usize],
                default_left: dice.roll(2) == 0,
            }
        };
        let (left, right) = (Child::Leaf(leaf as u32), Child::Leaf(parents.len() as u32));
        nodes.push(Node { feature, split, left, right, cover: 0.0 });
        parents[leaf] = Some((at, true));
        parents.push(Some((at, false)));
    }
    let cover = |dice: &mut Dice| match counts {
        Counts::WithZeros if dice.roll(3) == 0 => 0.0,
        _ => 1.0 + dice.roll(50) as f64,
    };
    let leaves: Vec<Leaf> = (0..=splits)
        .map(|_| Leaf { value: dice.roll(2000) as f64 / 100.0 - 10.0, cover: cover(dice) })
        .collect();
    for at in (0..splits).rev() {
        let of = |child: Child, nodes: &[Node]| match child {
            Child::Node(at) => nodes[at as usize].cover,
            Child::Leaf(at) => leaves[at as usize].cover,
        };
        let sum = of(nodes[at].left, &nodes) + of(nodes[at].right, &nodes);
        nodes[at].cover = if counts == Counts::Estimated { sum + dice.roll(5) as f64 } else { sum };
    }
    TreeParts { nodes, leaves }
}

/// What a tree answers when only the features in `known` are: elsewhere both branches, by share.
fn answer(parts: &TreeParts, leaf_of: &dyn Fn(&Node) -> bool, at: Child, known: u64) -> f64 {
    match at {
        Child::Leaf(leaf) => parts.leaves[leaf as usize].value,
        Child::Node(at) => {
            let node = &parts.nodes[at as usize];
            let go = |child| answer(parts, leaf_of, child, known);
            if known >> node.feature & 1 == 1 {
                return go(if leaf_of(node) { node.left } else { node.right });
            }
            let cover = |child: Child| match child {
                Child::Node(at) => parts.nodes[at as usize].cover,
                Child::Leaf(at) => parts.leaves[at as usize].cover,
            };
            let share = |child| if node.cover > 0.0 { cover(child) / node.cover } else { 0.5 };
            share(node.left) * go(node.left) + share(node.right) * go(node.right)
        }
    }
}

fn goes_left(node: &Node, row: &[f64]) -> bool {
    let value = row[node.feature as usize];
    match &node.split {
        Split::Category { default_left, .. } if value.is_nan() => *default_left,
        Split::Category { set, .. } => (0.0..32.0).contains(&value) && set[0] >> (value as u32) & 1 == 1,
        Split::Numeric { threshold, missing, default_left } => match missing {
            Missing::Nan if value.is_nan() => *default_left,
            Missing::Zero if value.is_nan() || value == 0.0 => *default_left,
            _ => (if value.is_nan() { 0.0 } else { value }) <= *threshold,
        },
    }
}

/// Shapley values by definition, baseline last.
fn by_definition(parts: &TreeParts, row: &[f64]) -> Vec<f64> {
    let n = row.len();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let worth: Vec<f64> = (0..1u64 << n)
        .map(|known| answer(parts, &|node| goes_left(node, row), Child::Node(0), known))
        .collect();
    let mut values: Vec<f64> = (0..n)
        .map(|feature| {
            (0..1usize << n)
                .filter(|known| known >> feature & 1 == 0)
                .map(|known| {
                    let size = known.count_ones() as usize;
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (worth[known | 1 << feature] - worth[known])
                })
                .sum()
        })
        .collect();
    values.push(worth[0]);
    values
}

fn ensemble(features: usize, trees: Vec<TreeParts>) -> Ensemble {
    let names = (0..features).map(|at| format!("f{at}")).collect();
    let uses = vec![FeatureUse::Unused; features];
    let mut builder = Builder::new(names, uses, 1, Objective::Regression { sqrt: false }).unwrap();
    for tree in trees {
        builder.tree(tree).unwrap();
    }
    builder.finish().unwrap()
}

#[test]
fn contributions_are_shapley_values() {
    let features = 7;
    let mut dice = Dice(0xD1CE);
    let mut worst = 0.0f64;
    for round in 0..300 {
        let counts = [Counts::Sound, Counts::Estimated, Counts::WithZeros][round % 3];
        let splits = 1 + dice.roll(25) as usize;
        let parts = grow(&mut dice, features, splits, counts);
        if parts.nodes[0].cover == 0.0 {
            continue;
        }
        let bytes = ensemble::compile(&ensemble(features as usize, vec![parts.clone()]));
        let model = Compiled::open(&bytes).unwrap();
        for _ in 0..4 {
            let value =
                |dice: &mut Dice| if dice.roll(6) == 0 { f64::NAN } else { dice.roll(9) as f64 - 4.0 };
            let row: Vec<f64> = (0..features).map(|_| value(&mut dice)).collect();
            let mut out = vec![0.0; row.len() + 1];
            shap::contributions(&model, &row, &mut out).unwrap();
            for (own, said) in out.iter().zip(by_definition(&parts, &row)) {
                worst = worst.max((own - said).abs());
                assert!((own - said).abs() <= 1e-12, "round {round}: {own} {said}");
            }
            let raw = predict::score(&model, &row).unwrap();
            assert!((out.iter().sum::<f64>() - raw).abs() <= 1e-12);
        }
    }
    println!("largest difference from the definition {worst:.1e}");
}

#[test]
fn long_paths_stay_exact_and_add_up() {
    let features = 200;
    let mut dice = Dice(0xBEEF);
    let mut worst = 0.0f64;
    for _ in 0..10 {
        let trees = (0..3).map(|_| grow(&mut dice, features, 2_000, Counts::Sound)).collect();
        let bytes = ensemble::compile(&ensemble(features as usize, trees));
        let model = Compiled::open(&bytes).unwrap();
        let row: Vec<f64> = (0..features).map(|_| dice.roll(9) as f64 - 4.0).collect();
        let mut out = vec![0.0; row.len() + 1];
        shap::contributions(&model, &row, &mut out).unwrap();
        let raw = predict::score(&model, &row).unwrap();
        worst = worst.max((out.iter().sum::<f64>() - raw).abs());
    }
    println!("largest difference of sums {worst:.1e}");
    assert!(worst <= 1e-12);
}

#[test]
fn without_counts_nothing_is_explained() {
    let mut parts = grow(&mut Dice(3), 4, 5, Counts::Sound);
    parts.nodes.iter_mut().for_each(|node| node.cover = 0.0);
    let bytes = ensemble::compile(&ensemble(4, vec![parts]));
    let model = Compiled::open(&bytes).unwrap();
    let error = shap::contributions(&model, &[0.0; 4], &mut [0.0; 5]).unwrap_err();
    assert_eq!(error.message, "model cannot be explained");
    assert!(predict::score(&model, &[0.0; 4]).is_ok());
}

#[test]
fn explaining_one_output_stops_where_it_is_told_to() {
    let trees: Vec<_> = (0..5).map(|_| grow(&mut Dice(7), 40, 200, Counts::Sound)).collect();
    let bytes = ensemble::compile(&ensemble(40, trees));
    let model = Compiled::open(&bytes).unwrap();
    let (row, mut out, mut scratch) = ([0.5; 40], [0.0; 41], shap::Scratch::new());
    let mut whole = 0;
    let mut count = || {
        whole += 1;
        ControlFlow::Continue(())
    };
    shap::contributions_of(&model, &row, 0, &mut scratch, &mut count, &mut out).unwrap();
    assert!(whole >= 5, "{whole}");
    for stop in 1..=whole {
        let mut calls = 0;
        let mut checkpoint = || {
            calls += 1;
            if calls == stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let broken = shap::contributions_of(&model, &row, 0, &mut scratch, &mut checkpoint, &mut out);
        assert_eq!(broken.unwrap_err().kind, ErrorKind::Cancelled);
        assert_eq!(calls, stop);
    }
    let mut go_on = || ControlFlow::Continue(());
    let error = shap::contributions_of(&model, &row, 1, &mut scratch, &mut go_on, &mut out).unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidParameter);
    assert_eq!(error.detail.as_deref(), Some("Output 1 of 1."));
}

#[test]
fn room_for_an_explanation_is_bounded() {
    let mut bytes = ensemble::compile(&ensemble(4, vec![grow(&mut Dice(3), 4, 5, Counts::Sound)]));
    // The number of features stands four bytes behind where the description, the first section, begins.
    let place = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize + 4;
    assert_eq!(bytes[place..place + 4], 4_u32.to_le_bytes());
    let features = 5_000_000;
    bytes[place..place + 4].copy_from_slice(&(features as u32).to_le_bytes());
    let model = Compiled::attach(&bytes).unwrap();
    let (row, mut out) = (vec![0.0; features], vec![0.0; features + 1]);
    let error = shap::contributions(&model, &row, &mut out).unwrap_err();
    assert_eq!(error.kind, ErrorKind::OutOfBudget);
    assert_eq!(error.message, "the explanation would need more memory than it may have");
    assert!(predict::score(&model, &row).is_ok());
}
