//! Models that others trained and scored: every raw score to the bit, every leaf, every answer and
//! every contribution to 1e-12.
//!
//! `tests/models` holds one small model of each kind that the loader knows, made by
//! `tests/models/make.py` with the values that LightGBM 4.7 gave for them. Larger ones are read
//! from `../shared/cases/tree_models`, beside the repository, where that exists.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ensemble::{self, Compiled, Ensemble, lightgbm};
use sira_core::{predict, shap};
use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|ending| ending == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

fn table(path: &Path) -> Vec<Vec<f64>> {
    let number = |word: &str| if word.is_empty() { f64::NAN } else { word.trim().parse().unwrap() };
    text(path).lines().map(|line| line.split(',').map(number).collect()).collect()
}

/// What LightGBM said about rows of one model.
struct Recorded {
    rows: Vec<Vec<f64>>,
    raw: Vec<Vec<f64>>,
    pred: Vec<Vec<f64>>,
    leaf: Vec<Vec<f64>>,
    contrib: Vec<Vec<f64>>,
}

impl Recorded {
    fn read(name: impl Fn(&str) -> PathBuf) -> Self {
        let of = |what| table(&name(what));
        Self { rows: of("X"), raw: of("raw"), pred: of("pred"), leaf: of("leaf"), contrib: of("contrib") }
    }

    /// Compares everything; answers the largest differences of answers, contributions and sums.
    fn check(&self, name: &str, model: &Compiled<'_>) -> [f64; 3] {
        let mut worst = [0.0f64; 3];
        let outputs = model.outputs();
        let width = model.feature_count() + 1;
        let mut raw = vec![0.0; outputs];
        let mut leaves = vec![0; model.tree_count()];
        let mut contributions = vec![0.0; outputs * width];
        assert!(!self.rows.is_empty(), "{name}: no rows");
        for part in [&self.raw, &self.pred, &self.leaf, &self.contrib] {
            assert_eq!(part.len(), self.rows.len(), "{name}: recorded rows");
        }
        for (number, row) in self.rows.iter().enumerate() {
            predict::raw(model, row, &mut raw).unwrap();
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&raw), bits(&self.raw[number]), "{name}: raw score of row {number}");

            predict::leaves(model, row, &mut leaves).unwrap();
            let recorded: Vec<u32> = self.leaf[number].iter().map(|leaf| *leaf as u32).collect();
            assert_eq!(leaves, recorded, "{name}: leaves of row {number}");

            shap::contributions(model, row, &mut contributions).unwrap();
            let (mut alone, mut go_on) = (vec![0.0; width], || ControlFlow::Continue(()));
            for (output, all) in contributions.chunks(width).enumerate() {
                let scratch = &mut shap::Scratch::new();
                shap::contributions_of(model, row, output, scratch, &mut go_on, &mut alone).unwrap();
                assert_eq!(bits(&alone), bits(all), "{name}: output {output} of row {number} by itself");
            }
            for (place, (own, said)) in contributions.iter().zip(&self.contrib[number]).enumerate() {
                let difference = difference(*own, *said);
                assert!(difference <= 1e-12, "{name}: contribution {place} of row {number}: {own} {said}");
                worst[1] = worst[1].max(difference);
            }
            assert_eq!(contributions.len(), self.contrib[number].len());
            for (block, raw) in contributions.chunks(width).zip(&raw) {
                let difference = difference(block.iter().sum(), *raw);
                assert!(difference <= 1e-12, "{name}: contributions of row {number} do not add up");
                worst[2] = worst[2].max(difference);
            }

            predict::transform(model, &mut raw);
            for (own, said) in raw.iter().zip(&self.pred[number]) {
                let difference = difference(*own, *said);
                assert!(difference <= 1e-12, "{name}: answer of row {number}: {own} {said}");
                worst[0] = worst[0].max(difference);
            }
            assert_eq!(raw, predict::scores(model, row).unwrap());
        }
        worst
    }
}

/// Absolute below 1, relative above.
fn difference(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs().max(1.0)
}

fn compiled(ensemble: &Ensemble) -> Vec<u8> {
    let bytes = ensemble::compile(ensemble);
    assert_eq!(bytes, ensemble::compile(ensemble), "compiling twice gives the same bytes");
    bytes
}

#[test]
fn recorded_cases_are_met() {
    let cases = root().join("../shared/cases/tree_models");
    if !cases.exists() {
        println!("skipped: there is no {}", cases.display());
        return;
    }
    for name in ["dart_bc", "kdd_cat13", "multiclass5", "poisson_cat"] {
        let ensemble = lightgbm::parse(&text(&cases.join(format!("{name}.model.txt.gz")))).unwrap();
        let bytes = compiled(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        for variant in [name.to_owned(), format!("{name}_nan15")] {
            let recorded = Recorded::read(|what| cases.join(format!("{variant}_{what}.csv.gz")));
            let [pred, contrib, sum] = recorded.check(&variant, &model);
            println!(
                "{variant}: {} rows, raw and leaves equal; largest difference of answers {pred:.1e}, contributions {contrib:.1e}, sums {sum:.1e}",
                recorded.rows.len()
            );
        }
    }
}

/// The values of `recorded.json.gz`: null is NaN, infinite numbers are spelt out.
fn rows(json: &serde_json::Value) -> Vec<Vec<f64>> {
    let number = |value: &serde_json::Value| match value {
        serde_json::Value::Null => f64::NAN,
        serde_json::Value::String(text) => text.parse().unwrap(),
        value => value.as_f64().unwrap(),
    };
    let row = |row: &serde_json::Value| row.as_array().unwrap().iter().map(number).collect();
    json.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn every_kind_of_model_is_met() {
    let folder = root().join("tests/models");
    let recorded: serde_json::Value = serde_json::from_str(&text(&folder.join("recorded.json.gz"))).unwrap();
    let models = recorded["models"].as_object().unwrap();
    assert_eq!(models.len(), 25);
    for (name, said) in models {
        let ensemble = lightgbm::parse(&text(&folder.join(format!("{name}.txt")))).unwrap();
        let bytes = compiled(&ensemble);
        let of = |what: &str| rows(&said[what]);
        let recorded = Recorded {
            rows: rows(&recorded["rows"]),
            raw: of("raw"),
            pred: of("pred"),
            leaf: of("leaf"),
            contrib: of("contrib"),
        };
        let [pred, contrib, sum] = recorded.check(name, &Compiled::open(&bytes).unwrap());
        println!(
            "{name} ({}): largest difference of answers {pred:.1e}, contributions {contrib:.1e}, sums {sum:.1e}",
            ensemble.objective().name()
        );
    }
}

#[test]
fn linear_trees_are_refused_by_name() {
    let error = lightgbm::parse(&text(&root().join("tests/models/linear.txt"))).unwrap_err();
    assert_eq!(error.kind, sira_core::ErrorKind::UnsupportedModel);
    assert_eq!(error.message, "linear trees are not supported");
}

/// LightGBM sets values that count as zero to zero before its trees see them, also where a threshold lies
/// among them.
#[test]
fn what_counts_as_zero_is_zero_beside_every_threshold() {
    let text = text(&root().join("tests/models/no_missing.txt"));
    let edge = f64::from(1e-35_f32);
    let line = text.lines().find(|line| line.starts_with("threshold=")).unwrap();
    let (_, others) = line.split_once(' ').unwrap();
    for (threshold, zero_goes_left) in
        [(-edge, false), (-5e-324, false), (0.0, true), (5e-324, true), (edge, true)]
    {
        // The tree keeps its size: spaces do not count, nor do the last digits of another threshold.
        let threshold_line = format!("threshold={threshold:e} {others}");
        let line_now = format!(
            "{:<width$}",
            &threshold_line[..threshold_line.len().min(line.len())],
            width = line.len()
        );
        let edited = text.replacen(line, &line_now, 1);
        let ensemble = lightgbm::parse(&edited).unwrap();
        let root = &ensemble.trees()[0].nodes()[0];
        let feature = root.feature as usize;
        let bytes = compiled(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        let leaf = |value: f64| {
            let mut row = vec![1.0; model.feature_count()];
            row[feature] = value;
            let mut leaves = vec![0; model.tree_count()];
            predict::leaves(&model, &row, &mut leaves).unwrap();
            leaves[0]
        };
        assert_ne!(leaf(-1.0), leaf(1.0));
        for value in [-edge, -1e-36, -5e-324, -0.0, 0.0, 5e-324, 1e-36, edge] {
            assert_eq!(
                leaf(value),
                leaf(if zero_goes_left { -1.0 } else { 1.0 }),
                "{value:e} at {threshold:e}"
            );
        }
        assert_eq!(leaf(edge.next_up()), leaf(1.0));
        assert_eq!(leaf((-edge).next_down()), leaf(-1.0));
    }
}

#[test]
fn a_row_of_another_length_is_refused() {
    let ensemble = lightgbm::parse(&text(&root().join("tests/models/binary.txt"))).unwrap();
    let bytes = compiled(&ensemble);
    let model = Compiled::open(&bytes).unwrap();
    for length in [0, 4, 6] {
        let error = predict::score(&model, &vec![0.0; length]).unwrap_err();
        assert_eq!(error.kind, sira_core::ErrorKind::FeatureCount);
    }
}
