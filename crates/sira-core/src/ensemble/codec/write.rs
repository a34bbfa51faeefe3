//! Ensemble → compiled bytes.

use super::checksum::checksum;
use super::coded::Coded;
use super::layout::{
    CodedTree, Column, Fork, Header, Kind, MAGIC, Meta, Node, Place, Point, Section, Span, Start,
};
use super::questions::category_flags;
use crate::ensemble::{Child, Ensemble, Missing, Precision, Split, Tree};
use crate::shap::{baseline, quadrature};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{F64, U32};

const ALIGNMENT: usize = 64;

/// Compiles an ensemble. The same ensemble gives the same bytes, always and everywhere.
pub fn compile(ensemble: &Ensemble) -> Vec<u8> {
    let ControlFlow::Continue(bytes) =
        compile_with(ensemble, &mut || ControlFlow::<Infallible>::Continue(()));
    bytes
}

/// As [`compile`], which takes seconds for the largest models: `checkpoint` is called once a tree or
/// more often, and may break it off.
pub fn compile_with<B>(
    ensemble: &Ensemble,
    checkpoint: &mut dyn FnMut() -> ControlFlow<B>,
) -> ControlFlow<B, Vec<u8>> {
    let precision = ensemble.precision();
    let mut plain = Plain::default();
    for tree in ensemble.trees() {
        checkpoint()?;
        plain.push(tree, precision);
    }
    let coded = Coded::of(ensemble, checkpoint)?;
    let wide = coded.as_ref().is_some_and(|coded| !coded.wide_steps.is_empty());
    let (code, sigmoid, sqrt) = ensemble.objective().encode();
    let mut flags = 0;
    for (flag, set) in [
        (Meta::AVERAGE, ensemble.is_average()),
        (Meta::SQRT, sqrt),
        (Meta::COVERS, ensemble.trees().iter().all(baseline::has_covers)),
        (Meta::CODED, coded.is_some()),
        (Meta::WIDE, wide),
        (Meta::SINGLE, precision == Precision::Single),
    ] {
        flags |= if set { flag } else { 0 };
    }
    let meta = Meta {
        outputs: (ensemble.outputs() as u32).into(),
        features: (ensemble.feature_count() as u32).into(),
        objective: code.into(),
        flags: flags.into(),
        sigmoid: sigmoid.into(),
        questions: (coded.as_ref().map_or(0, |coded| coded.questions.count()) as u32).into(),
        reserved: 0.into(),
    };
    let bases: Vec<F64> = ensemble.bases().iter().copied().map(F64::new).collect();
    let mut baselines = ensemble.bases().to_vec();
    for (number, tree) in ensemble.trees().iter().enumerate() {
        if let Some(sum) = baselines.get_mut(number % ensemble.outputs()) {
            *sum += baseline::expected(tree);
        }
    }
    let baselines: Vec<F64> = baselines.into_iter().map(F64::new).collect();
    let mut sections = vec![
        (Kind::Meta, size_of::<Meta>(), meta.as_bytes()),
        (Kind::Trees, size_of::<Span>(), plain.trees.as_bytes()),
        (Kind::Nodes, size_of::<Node>(), plain.nodes.as_bytes()),
        (Kind::Leaves, 8, plain.leaves.as_bytes()),
        (Kind::Sets, 4, plain.sets.as_bytes()),
        (Kind::NodeCovers, 4, plain.node_covers.as_bytes()),
        (Kind::LeafCovers, 4, plain.leaf_covers.as_bytes()),
        (Kind::Bases, 8, bases.as_bytes()),
        (Kind::Baselines, 8, baselines.as_bytes()),
        (Kind::Points, size_of::<Point>(), plain.points.as_bytes()),
        (Kind::Places, size_of::<Place>(), plain.places.as_bytes()),
    ];
    if let Some(coded) = &coded {
        let questions = &coded.questions;
        sections.extend([
            (Kind::Columns, size_of::<Column>(), questions.columns.as_bytes()),
            (Kind::Thresholds, 8, questions.thresholds.as_bytes()),
            (Kind::Classes, 4, questions.classes.as_bytes()),
            (Kind::ClassAnswers, 8, questions.class_answers.as_bytes()),
            (Kind::CodedTrees, size_of::<CodedTree>(), coded.trees.as_bytes()),
            (Kind::Starts, size_of::<Start>(), coded.starts.as_bytes()),
            (Kind::Steps, 4, coded.steps.as_bytes()),
            (Kind::WideSteps, 8, coded.wide_steps.as_bytes()),
            (Kind::StepLeaves, 4, coded.leaves.as_bytes()),
            (Kind::Forks, size_of::<Fork>(), coded.forks.as_bytes()),
        ]);
    }
    checkpoint()?;
    ControlFlow::Continue(assemble(&sections))
}

/// Header, table and sections, each section at a multiple of [`ALIGNMENT`].
fn assemble(sections: &[(Kind, usize, &[u8])]) -> Vec<u8> {
    let mut at = size_of::<Header>() + sections.len() * size_of::<Section>();
    let mut table = Vec::with_capacity(sections.len());
    for (kind, element, bytes) in sections {
        at = at.next_multiple_of(ALIGNMENT);
        table.push(Section {
            kind: (*kind as u32).into(),
            element_size: (*element as u32).into(),
            offset: (at as u64).into(),
            elements: ((bytes.len() / element) as u64).into(),
        });
        at += bytes.len();
    }
    let mut header = Header {
        magic: MAGIC,
        version: super::CODEC_VERSION.into(),
        sections: (sections.len() as u32).into(),
        length: (at as u64).into(),
        checksum: 0.into(),
    };
    let mut out = Vec::with_capacity(at);
    out.extend_from_slice(header.as_bytes());
    out.extend_from_slice(table.as_bytes());
    for (_, _, bytes) in sections {
        out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
        out.extend_from_slice(bytes);
    }
    header.checksum = checksum(&out).into();
    for (to, from) in out.iter_mut().zip(header.as_bytes()) {
        *to = *from;
    }
    out
}

/// The plain layout: nodes as they were numbered, leaves as the artifact counts them.
#[derive(Default)]
struct Plain {
    trees: Vec<Span>,
    nodes: Vec<Node>,
    leaves: Vec<F64>,
    sets: Vec<U32>,
    node_covers: Vec<U32>,
    leaf_covers: Vec<U32>,
    points: Vec<Point>,
    places: Vec<Place>,
    /// First point of each order that some tree needs.
    orders: BTreeMap<u32, u32>,
}

impl Plain {
    fn push(&mut self, tree: &Tree, precision: Precision) {
        let order = tree.path_features().div_ceil(2);
        let first_point = match self.orders.get(&order) {
            Some(first) => *first,
            None => {
                let first = self.points.len() as u32;
                self.points.extend(
                    quadrature::gauss_legendre(order as usize)
                        .into_iter()
                        .map(|(at, weight)| Point { at: at.into(), weight: weight.into() }),
                );
                self.orders.insert(order, first);
                first
            }
        };
        self.trees.push(Span {
            first_node: (self.nodes.len() as u32).into(),
            nodes: (tree.nodes().len() as u32).into(),
            first_leaf: (self.leaves.len() as u32).into(),
            leaves: (tree.leaves().len() as u32).into(),
            first_point: first_point.into(),
            points: order.into(),
            depth: tree.depth().into(),
            reserved: 0.into(),
        });
        for node in tree.nodes() {
            let (payload, flags) = match &node.split {
                Split::Numeric { threshold, missing, default_left } => {
                    let missing = match missing {
                        Missing::None => 0,
                        Missing::Zero => Node::MISSING_ZERO,
                        Missing::Nan => Node::MISSING_NAN,
                    };
                    let default = if *default_left { Node::DEFAULT_LEFT } else { 0 };
                    (threshold.to_bits(), missing | default)
                }
                Split::Category { set, default_left } => {
                    let first = self.sets.len() as u64;
                    self.sets.extend(set.iter().map(|word| U32::new(*word)));
                    (first | (set.len() as u64) << 32, category_flags(precision, *default_left))
                }
            };
            self.nodes.push(Node {
                payload: payload.into(),
                feature: node.feature.into(),
                left: encode(node.left).into(),
                right: encode(node.right).into(),
                flags: flags.into(),
            });
            self.node_covers.push(cover(node.cover, precision).into());
        }
        self.place(tree);
        for leaf in tree.leaves() {
            self.leaves.push(leaf.value.into());
            self.leaf_covers.push(cover(leaf.cover, precision).into());
        }
    }
}

impl Plain {
    /// Walks the tree for the places of its nodes, which are numbered as they are met.
    fn place(&mut self, tree: &Tree) {
        // By level: the feature that the node above asked for.
        let mut path: Vec<u32> = Vec::new();
        let mut todo = vec![(Child::Node(0), 0, false)];
        while let Some((child, level, right)) = todo.pop() {
            let Child::Node(at) = child else { continue };
            let Some(node) = tree.nodes().get(at as usize) else { continue };
            path.truncate(level);
            let earlier = path.iter().rposition(|feature| *feature == node.feature);
            self.places.push(Place::new(level as u16, right, earlier.map_or(0, |level| level as u16 + 1)));
            path.push(node.feature);
            todo.push((node.right, level + 1, true));
            todo.push((node.left, level + 1, false));
        }
    }
}

/// A cover in 32 bits, which the builder made sure of.
fn cover(cover: f64, precision: Precision) -> u32 {
    match precision {
        Precision::Double => cover as u32,
        Precision::Single => (cover as f32).to_bits(),
    }
}

/// The builder keeps numbers below 2³¹.
fn encode(child: Child) -> i32 {
    match child {
        Child::Node(number) => number as i32,
        Child::Leaf(number) => !(number as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::ensemble::lightgbm;

    #[test]
    fn loading_and_compiling_stop_where_they_are_told_to() {
        let text = include_str!("../../../../../tests/models/multiclass.txt");
        let mut calls = 0;
        let mut count = || {
            calls += 1;
            ControlFlow::Continue(())
        };
        let ensemble = lightgbm::parse_with(text, &mut count);
        assert_eq!(ensemble.as_ref().map(|ensemble| ensemble.trees().len()), Ok(calls));
        let Ok(ensemble) = ensemble else { return };
        let cancelled = lightgbm::parse_with(text, &mut || ControlFlow::Break(())).map(|_| ());
        assert_eq!(cancelled.map_err(|error| error.kind), Err(ErrorKind::Cancelled));
        let mut whole = 0;
        let bytes = compile_with(&ensemble, &mut || {
            whole += 1;
            ControlFlow::<Infallible>::Continue(())
        });
        assert_eq!(bytes, ControlFlow::Continue(compile(&ensemble)));
        // Both layouts are made tree by tree.
        assert!(whole > 2 * ensemble.trees().len(), "{whole}");
        for stop in 1..=whole {
            let mut calls = 0;
            let broken = compile_with(&ensemble, &mut || {
                calls += 1;
                if calls == stop { ControlFlow::Break(stop) } else { ControlFlow::Continue(()) }
            });
            assert_eq!(broken, ControlFlow::Break(stop));
            assert_eq!(calls, stop);
        }
    }
}
