//! The coded layout against the plain walk: random models, random rows, the same bits.
//!
//! Rows are drawn from what decides: the thresholds themselves and their neighbours, both zeros, the
//! edge of what counts as zero, infinite and tiny numbers, NaN, and categories that are negative,
//! fractional, huge, or just outside a set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ensemble::{
    self, Builder, Child, Compiled, Ensemble, FeatureUse, Leaf, Missing, Node, Objective, Precision, Split,
    TreeParts,
};
use sira_core::predict::{self, Rows, Scratch, reference};
use sira_core::shap;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn of(&mut self, values: &[f64]) -> f64 {
        values[self.roll(values.len())]
    }
}

const ZERO_EDGE: f64 = 1e-35_f32 as f64;

const NUMBERS: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    2.5,
    ZERO_EDGE,
    -ZERO_EDGE,
    1.0000001e-35,
    9.999e-36,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    1e300,
    -3.75,
    100.0,
    0.1,
];

const CATEGORIES: [f64; 18] = [
    0.0,
    -0.0,
    -0.5,
    -1.0,
    -1.5,
    0.99,
    1.0,
    31.0,
    32.0,
    33.7,
    63.0,
    64.0,
    95.999,
    2147483647.0,
    2147483648.0,
    4294967296.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// What a model is made like.
#[derive(Clone, Copy)]
struct Shape {
    features: usize,
    outputs: usize,
    iterations: usize,
    splits: usize,
    /// Trees that only go on to one side, as deep as they have splits.
    chains: bool,
    /// Thresholds from a few values that come back, or all different.
    few_thresholds: bool,
}

/// Every third feature is a category.
fn is_category(feature: usize) -> bool {
    feature % 3 == 2
}

fn split(dice: &mut Dice, feature: usize, shape: Shape) -> Split {
    if is_category(feature) {
        let words = dice.roll(4);
        return Split::Category {
            set: (0..words).map(|_| dice.0 as u32 & dice.roll(1 << 32) as u32).collect(),
            default_left: dice.roll(2) == 0,
        };
    }
    let threshold =
        if shape.few_thresholds { dice.of(&NUMBERS) } else { dice.roll(1_000_000) as f64 / 1000.0 - 500.0 };
    // A trained model has one rule a feature; the layout must bear any mixture.
    let missing = [Missing::None, Missing::Zero, Missing::Nan][dice.roll(3)];
    Split::Numeric { threshold, missing, default_left: dice.roll(2) == 0 }
}

fn tree(dice: &mut Dice, shape: Shape) -> TreeParts {
    let splits = if dice.roll(8) == 0 { 0 } else { dice.roll(shape.splits + 1) };
    let mut nodes: Vec<Node> = Vec::new();
    let mut parents: Vec<Option<(usize, bool)>> = vec![None];
    for at in 0..splits {
        let leaf = if shape.chains { parents.len() - 1 } else { dice.roll(parents.len()) };
        if let Some((parent, left)) = parents[leaf] {
            let link = if left { &mut nodes[parent].left } else { &mut nodes[parent].right };
            *link = Child::Node(at as u32);
        }
        let feature = dice.roll(shape.features);
        nodes.push(Node {
            feature: feature as u32,
            split: split(dice, feature, shape),
            left: Child::Leaf(leaf as u32),
            right: Child::Leaf(parents.len() as u32),
            cover: 0.0,
        });
        parents[leaf] = Some((at, true));
        parents.push(Some((at, false)));
    }
    let leaves: Vec<Leaf> = (0..=splits)
        .map(|_| Leaf { value: f64::from(dice.roll(1 << 20) as f32 / 977.0 - 500.0), cover: 1.0 })
        .collect();
    for at in (0..splits).rev() {
        let cover = |child: Child| match child {
            Child::Node(at) => nodes[at as usize].cover,
            Child::Leaf(_) => 1.0,
        };
        nodes[at].cover = cover(nodes[at].left) + cover(nodes[at].right);
    }
    TreeParts { nodes, leaves }
}

fn model(dice: &mut Dice, shape: Shape) -> Ensemble {
    let names = (0..shape.features).map(|at| format!("f{at}")).collect();
    let uses = vec![FeatureUse::Unused; shape.features];
    let mut builder = Builder::new(names, uses, shape.outputs, Objective::Custom).unwrap();
    if dice.roll(2) == 0 {
        let bases: Vec<f32> = (0..shape.outputs).map(|_| dice.roll(1000) as f32 / 77.0 - 5.0).collect();
        builder.single(&bases).unwrap();
    } else {
        builder.average(dice.roll(2) == 0);
    }
    for _ in 0..shape.outputs * shape.iterations {
        let parts = tree(dice, shape);
        builder.tree(parts).unwrap();
    }
    builder.finish().unwrap()
}

/// Thresholds of the model with the numbers next to them.
fn edges(ensemble: &Ensemble) -> Vec<f64> {
    let mut edges = NUMBERS.to_vec();
    for node in ensemble.trees().iter().flat_map(|tree| tree.nodes()).take(500) {
        if let Split::Numeric { threshold, .. } = node.split {
            edges.extend([threshold, threshold.next_up(), threshold.next_down()]);
        }
    }
    edges
}

fn row(dice: &mut Dice, shape: Shape, edges: &[f64]) -> Vec<f64> {
    let value = |feature: usize| match dice.roll(6) {
        0 => f64::NAN,
        _ if is_category(feature) && dice.roll(2) == 0 => dice.of(&CATEGORIES),
        _ if is_category(feature) => dice.roll(140) as f64,
        1 => dice.roll(1_000_000) as f64 / 1000.0 - 500.0,
        _ => dice.of(edges),
    };
    (0..shape.features).map(value).collect()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Holds all ways of scoring `rows` against the plain walk; answers how many scores were compared.
fn check(ensemble: &Ensemble, rows: &[Vec<f64>], scratch: &mut Scratch) -> usize {
    let bytes = ensemble::compile(ensemble);
    let model = Compiled::open(&bytes).unwrap();
    let (outputs, features) = (model.outputs(), model.feature_count());
    let mut expected = vec![0.0; rows.len() * outputs];
    let mut own = vec![0.0; outputs];
    for (row, expected) in rows.iter().zip(expected.chunks_mut(outputs)) {
        reference::raw(&model, row, expected).unwrap();
        predict::raw_with(&model, row, scratch, &mut own).unwrap();
        assert_eq!(bits(&own), bits(expected), "{row:?}");
    }
    let values: Vec<f64> = rows.iter().flatten().copied().collect();
    let mut batch = vec![0.0; expected.len()];
    predict::raw_batch(&model, &Rows::row_major(&values, features).unwrap(), scratch, &mut batch).unwrap();
    assert_eq!(bits(&batch), bits(&expected), "row by row");
    let columns: Vec<Vec<f64>> =
        (0..features).map(|feature| rows.iter().map(|row| row[feature]).collect()).collect();
    let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    batch.fill(f64::NAN);
    predict::raw_batch(&model, &Rows::columns(&columns).unwrap(), scratch, &mut batch).unwrap();
    assert_eq!(bits(&batch), bits(&expected), "by column");
    expected.len()
}

#[test]
fn small_models_of_every_kind_score_the_same() {
    let mut dice = Dice(0xFA57);
    let mut scratch = Scratch::new();
    let mut compared = 0;
    for round in 0..6_000 {
        let shape = Shape {
            features: 1 + dice.roll(9),
            outputs: [1, 1, 3][round % 3],
            iterations: 1 + dice.roll(12),
            splits: 1 + dice.roll(40),
            chains: dice.roll(5) == 0,
            few_thresholds: dice.roll(3) > 0,
        };
        let ensemble = model(&mut dice, shape);
        let edges = edges(&ensemble);
        // Fewer than a block, whole blocks, and what is left over.
        let count = [1, 7, 8, 63, 64, 65, 130][dice.roll(7)];
        let rows: Vec<Vec<f64>> = (0..count).map(|_| row(&mut dice, shape, &edges)).collect();
        compared += check(&ensemble, &rows, &mut scratch);
    }
    println!("{compared} scores compared");
}

#[test]
fn large_models_score_the_same() {
    let mut dice = Dice(0xB16);
    let mut scratch = Scratch::new();
    let shapes = [
        // Trees at and beyond what goes down as sets; wide blocks and what is left over.
        Shape { features: 6, outputs: 1, iterations: 12, splits: 255, chains: false, few_thresholds: false },
        Shape { features: 6, outputs: 2, iterations: 6, splits: 700, chains: false, few_thresholds: false },
        Shape { features: 40, outputs: 1, iterations: 30, splits: 60, chains: false, few_thresholds: true },
        Shape { features: 3, outputs: 1, iterations: 3, splits: 1000, chains: true, few_thresholds: false },
        // More than 65,536 questions: wide steps, and narrow blocks.
        Shape { features: 2, outputs: 1, iterations: 40, splits: 6000, chains: false, few_thresholds: false },
    ];
    for shape in shapes {
        let ensemble = model(&mut dice, shape);
        let edges = edges(&ensemble);
        let rows: Vec<Vec<f64>> = (0..1_000).map(|_| row(&mut dice, shape, &edges)).collect();
        check(&ensemble, &rows, &mut scratch);
    }
}

#[test]
fn what_the_layout_has_no_room_for_is_scored_plainly() {
    // A few long sets make thousands of classes, and thousands of short sets want an answer for each.
    let mut dice = Dice(0x5E75);
    let names = vec!["a".to_owned()];
    let mut builder = Builder::new(names, vec![FeatureUse::Category], 1, Objective::Custom).unwrap();
    for at in 0..4_000_u32 {
        let words = if at < 12 { 512 } else { 1 };
        let set = (0..words).map(|_| dice.roll(1 << 32) as u32).collect();
        let split = Split::Category { set, default_left: false };
        let node = Node { feature: 0, split, left: Child::Leaf(0), right: Child::Leaf(1), cover: 2.0 };
        let leaves = [1.0, 2.0].map(|value| Leaf { value: value + f64::from(at), cover: 1.0 }).to_vec();
        builder.tree(TreeParts { nodes: vec![node], leaves }).unwrap();
    }
    let ensemble = builder.finish().unwrap();
    let rows: Vec<Vec<f64>> = (0..100).map(|_| vec![dice.roll(17_000) as f64]).collect();
    assert!(!Compiled::open(&ensemble::compile(&ensemble)).unwrap().is_coded());
    check(&ensemble, &rows, &mut Scratch::new());
}

#[test]
fn explanations_of_many_rows_are_those_of_each() {
    let mut dice = Dice(0x5AFE);
    let (mut scratch, mut scores) = (shap::Scratch::new(), Scratch::new());
    let mut worst = 0.0f64;
    for round in 0..120 {
        let shape = Shape {
            features: 1 + dice.roll(24),
            outputs: 1 + round % 2,
            iterations: 1 + dice.roll(4),
            splits: if round % 10 == 0 { 400 } else { 40 },
            chains: false,
            few_thresholds: true,
        };
        let ensemble = model(&mut dice, shape);
        let edges = edges(&ensemble);
        let rows: Vec<Vec<f64>> = (0..1 + dice.roll(80)).map(|_| row(&mut dice, shape, &edges)).collect();
        let values: Vec<f64> = rows.iter().flatten().copied().collect();
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        let width = shape.features + 1;
        let mut many = vec![0.0; rows.len() * shape.outputs * width];
        let view = Rows::row_major(&values, shape.features).unwrap();
        shap::contributions_batch(&model, &view, &mut scratch, &mut many).unwrap();
        let mut one = vec![0.0; shape.outputs * width];
        let mut raw = vec![0.0; shape.outputs];
        for (row, many) in rows.iter().zip(many.chunks(one.len())) {
            shap::contributions_with(&model, row, &mut scratch, &mut one).unwrap();
            predict::raw_with(&model, row, &mut scores, &mut raw).unwrap();
            for ((one, many), raw) in one.chunks(width).zip(many.chunks(width)).zip(&raw) {
                // Leaves are up to 500, so contributions are of that order even where they cancel.
                let scale = raw.abs().max(500.0);
                for (one, many) in one.iter().zip(many) {
                    worst = worst.max((one - many).abs() / scale);
                }
                let apart = (one.iter().sum::<f64>() - raw).abs() / scale;
                match ensemble.precision() {
                    Precision::Double => worst = worst.max(apart),
                    // They add up to what the score is rounded from, addition by addition.
                    Precision::Single => assert!(apart <= 1e-5),
                }
            }
        }
    }
    println!("largest difference {worst:.1e}");
    assert!(worst <= 1e-12);
}
