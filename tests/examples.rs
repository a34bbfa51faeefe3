//! Examples made from an ensemble's own splits: rows that tell a model that still answers as it did from one that does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ensemble::{Compiled, Ensemble, codec, lightgbm};
use sira_core::predict;
use sira_core::predict::examples::examples;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// As many as a version keeps.
const KEPT: usize = 16;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn text(name: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models");
    fs::read_to_string(models.join(name)).unwrap()
}

fn raw(model: &Compiled<'_>, row: &[f64]) -> Vec<f64> {
    let mut raw = vec![0.0; model.outputs()];
    predict::raw(model, row, &mut raw).unwrap();
    raw
}

/// The leaves that rows reach, tree by tree.
fn reached(model: &Compiled<'_>, rows: &[Vec<f64>]) -> Vec<HashSet<u32>> {
    let mut reached = vec![HashSet::new(); model.tree_count()];
    let mut leaves = vec![0; model.tree_count()];
    for row in rows {
        predict::leaves(model, row, &mut leaves).unwrap();
        for (all, leaf) in reached.iter_mut().zip(&leaves) {
            all.insert(*leaf);
        }
    }
    reached
}

fn each(mut check: impl FnMut(&str, &Ensemble, &Compiled<'_>)) {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models");
    let mut seen = 0;
    for entry in fs::read_dir(models).unwrap() {
        let path = entry.unwrap().path();
        // Linear trees are refused: there is nothing to make examples from.
        if path.extension().is_some_and(|ending| ending == "txt") && !path.ends_with("linear.txt") {
            let ensemble = lightgbm::parse(&fs::read_to_string(&path).unwrap()).unwrap();
            let bytes = codec::compile(&ensemble);
            check(&path.display().to_string(), &ensemble, &Compiled::open(&bytes).unwrap());
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} models");
}

#[test]
fn the_same_ensemble_gives_the_same_rows_of_finite_scores() {
    each(|name, ensemble, model| {
        let rows = examples(ensemble, KEPT);
        assert_eq!(rows.len(), KEPT, "{name}");
        assert!(rows.iter().all(|row| row.len() == model.feature_count()), "{name}");
        assert!(rows[0].iter().all(|value| value.is_nan()), "{name}: the first row misses everything");
        assert!(rows[1..].iter().flatten().all(|value| value.is_finite()), "{name}");
        for (row, again) in rows.iter().zip(examples(ensemble, KEPT)) {
            assert_eq!(bits(row), bits(&again), "{name}");
            assert!(raw(model, row).iter().all(|score| score.is_finite()), "{name}");
        }
        // More of them begin with the same ones.
        for (row, longer) in rows.iter().zip(examples(ensemble, 2 * KEPT)) {
            assert_eq!(bits(row), bits(&longer), "{name}");
        }
    });
}

#[test]
fn rows_part_at_the_splits() {
    let (mut parted, mut trees) = (0, 0);
    each(|name, ensemble, model| {
        let rows = examples(ensemble, KEPT);
        for (tree, leaves) in ensemble.trees().iter().zip(reached(model, &rows)) {
            let there = tree.nodes().len() + 1;
            assert!(leaves.len() <= there, "{name}");
            if there > 1 {
                trees += 1;
                parted += usize::from(leaves.len() > 1);
            }
        }
    });
    println!("{parted} of {trees} trees send {KEPT} examples to more than one leaf");
    assert!(trees > 50 && parted == trees, "{parted} of {trees} trees tell the examples apart");
}

#[test]
fn every_output_of_many_classes_is_told_apart() {
    for name in ["multiclass.txt", "multiclassova.txt"] {
        let ensemble = lightgbm::parse(&text(name)).unwrap();
        let bytes = codec::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        let scores: Vec<Vec<f64>> = examples(&ensemble, KEPT).iter().map(|row| raw(&model, row)).collect();
        assert!(model.outputs() > 2);
        for output in 0..model.outputs() {
            let distinct: HashSet<u64> = scores.iter().map(|score| score[output].to_bits()).collect();
            assert!(distinct.len() > 3, "{name}: {} scores of output {output}", distinct.len());
        }
    }
}

#[test]
fn rows_and_scores_survive_being_written_and_read() {
    each(|name, ensemble, model| {
        let (bytes, again) = (codec::compile(ensemble), codec::compile(ensemble));
        assert_eq!(bytes, again, "{name}");
        let copy = Compiled::open(&again).unwrap();
        for row in examples(ensemble, KEPT) {
            let written: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
            let read: Vec<f64> =
                written.chunks(8).map(|chunk| f64::from_le_bytes(chunk.try_into().unwrap())).collect();
            assert_eq!(bits(&row), bits(&read), "{name}");
            assert_eq!(bits(&raw(model, &row)), bits(&raw(&copy, &read)), "{name}");
        }
    });
}

/// What examples are for: any leaf that says something else shows in one of them, if one reaches it.
#[test]
fn a_changed_leaf_shows() {
    let text = text("binary.txt");
    let ensemble = lightgbm::parse(&text).unwrap();
    let bytes = codec::compile(&ensemble);
    let model = Compiled::open(&bytes).unwrap();
    let rows = examples(&ensemble, KEPT);
    let first = reached(&model, &rows)[0].clone();
    let line = text.lines().find(|line| line.starts_with("leaf_value=")).unwrap();
    let values: Vec<&str> = line.trim_start_matches("leaf_value=").split(' ').collect();
    assert!(first.len() > 1);
    for leaf in first {
        // The text has the size of each tree in it: another digit, and no more of them.
        let value = values[leaf as usize];
        let digit = value.find(|c: char| ('1'..='8').contains(&c)).unwrap();
        let mut changed = values.clone();
        let other = format!("{}9{}", &value[..digit], &value[digit + 1..]);
        changed[leaf as usize] = &other;
        let other = text.replacen(line, &format!("leaf_value={}", changed.join(" ")), 1);
        let other = codec::compile(&lightgbm::parse(&other).unwrap());
        let other = Compiled::open(&other).unwrap();
        assert!(rows.iter().any(|row| bits(&raw(&model, row)) != bits(&raw(&other, row))), "leaf {leaf}");
    }
}

#[test]
fn an_ensemble_without_splits_has_examples_too() {
    let ensemble = lightgbm::parse(&text("single_leaf.txt")).unwrap();
    assert!(ensemble.trees().iter().all(|tree| tree.nodes().is_empty()));
    let bytes = codec::compile(&ensemble);
    let model = Compiled::open(&bytes).unwrap();
    let rows = examples(&ensemble, KEPT);
    assert_eq!(rows.len(), KEPT);
    let scores: HashSet<Vec<u64>> = rows.iter().map(|row| bits(&raw(&model, row))).collect();
    assert_eq!(scores.len(), 1);
    assert!(examples(&ensemble, 0).is_empty());
}
