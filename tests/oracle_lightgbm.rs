//! Thousands of random models against LightGBM itself: every raw score to the bit, by every way of scoring;
//! every leaf; every answer and every contribution to 1e-12.
//!
//! `tests/oracle/lightgbm_models.py` trains the models and writes what LightGBM answers for them;
//! its head says how. Where `SIRA_ORACLE_DIR` does not name what it made, there is nothing to compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ErrorKind;
use sira_core::ensemble::{self, Compiled, Ensemble, Missing, Node, Split, lightgbm};
use sira_core::predict::{self, Rows, Scratch, reference};
use sira_core::shap;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const EXACT: f64 = 1e-12;

/// A model with rows, and what LightGBM answers for them.
struct Case {
    name: String,
    text: String,
    features: usize,
    outputs: usize,
    /// None where the model has to be refused.
    trees: usize,
    rows: Vec<f64>,
    raw: Vec<f64>,
    answers: Vec<f64>,
    leaves: Vec<f64>,
    contributions: Vec<f64>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let (magic, mut rest) = bytes.split_at(8);
        assert_eq!(magic, b"SIRALGB1", "{}", path.display());
        let mut take = |length: usize| {
            let (taken, behind) = rest.split_at(length);
            rest = behind;
            taken
        };
        let mut count = || u64::from_le_bytes(take(8).try_into().unwrap()) as usize;
        let (length, rows, features, outputs, trees) = (count(), count(), count(), count(), count());
        let text = String::from_utf8(take(length).to_vec()).unwrap();
        let mut numbers = |count: usize| -> Vec<f64> {
            take(8 * count)
                .chunks_exact(8)
                .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
                .collect()
        };
        let told = if trees > 0 { rows } else { 0 };
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            text,
            features,
            outputs,
            trees,
            rows: numbers(rows * features),
            raw: numbers(told * outputs),
            answers: numbers(told * outputs),
            leaves: numbers(told * trees),
            contributions: numbers(told * outputs * (features + 1)),
        }
    }
}

/// What was compared, and how far it was apart.
#[derive(Default)]
struct Tally {
    models: usize,
    refused: usize,
    /// How many models show each trait.
    traits: BTreeMap<&'static str, usize>,
    rows: usize,
    scores: usize,
    leaves: usize,
    contributions: usize,
    /// Contributions that LightGBM's own do not allow to judge, since they miss their sum.
    unjudged: usize,
    answers_apart: f64,
    contributions_apart: f64,
    sums_apart: f64,
}

/// Relative; equal infinities and two NaN are no distance apart.
fn apart(a: f64, b: f64) -> f64 {
    if a.to_bits() == b.to_bits() || a == b || (a.is_nan() && b.is_nan()) {
        return 0.0;
    }
    (a - b).abs() / a.abs().max(b.abs())
}

fn same_bits(own: &[f64], said: &[f64]) -> bool {
    own.len() == said.len() && own.iter().zip(said).all(|(own, said)| own.to_bits() == said.to_bits())
}

impl Tally {
    fn check(&mut self, case: &Case, scratch: &mut Scratch, shap_scratch: &mut shap::Scratch) {
        let name = &case.name;
        if case.trees == 0 {
            let error = lightgbm::parse(&case.text).unwrap_err();
            assert_eq!(error.kind, ErrorKind::UnsupportedModel, "{name}");
            assert_eq!(error.message, "linear trees are not supported", "{name}");
            self.refused += 1;
            return;
        }
        let ensemble = lightgbm::parse(&case.text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        assert_eq!(model.outputs(), case.outputs, "{name}");
        assert_eq!(model.tree_count(), case.trees, "{name}");
        assert_eq!(model.feature_count(), case.features, "{name}");
        let count = case.rows.len() / case.features;
        let outputs = case.outputs;
        let mut own = vec![0.0; outputs];
        let mut leaves = vec![0; case.trees];
        for (number, row) in case.rows.chunks_exact(case.features).enumerate() {
            let said = &case.raw[number * outputs..][..outputs];
            reference::raw(&model, row, &mut own).unwrap();
            assert!(same_bits(&own, said), "{name}: plain walk of row {number}: {own:?} {said:?}, {row:?}");
            predict::raw_with(&model, row, scratch, &mut own).unwrap();
            assert!(same_bits(&own, said), "{name}: row {number}: {own:?} {said:?}, {row:?}");

            predict::transform(&model, &mut own);
            for (own, said) in own.iter().zip(&case.answers[number * outputs..]) {
                let apart = apart(*own, *said);
                assert!(apart <= EXACT, "{name}: answer of row {number}: {own} {said}");
                self.answers_apart = self.answers_apart.max(apart);
            }

            predict::leaves(&model, row, &mut leaves).unwrap();
            let said = &case.leaves[number * case.trees..][..case.trees];
            let equal = leaves.iter().zip(said).all(|(own, said)| f64::from(*own) == *said);
            assert!(equal, "{name}: leaves of row {number}: {leaves:?} {said:?}");
        }
        let rows = Rows::row_major(&case.rows, case.features).unwrap();
        let mut batch = vec![f64::NAN; count * outputs];
        predict::raw_batch(&model, &rows, scratch, &mut batch).unwrap();
        assert!(same_bits(&batch, &case.raw), "{name}: batch");
        self.explain(case, &model, shap_scratch);
        self.note_traits(case, &ensemble);
        self.models += 1;
        self.rows += count;
        self.scores += count * outputs;
        self.leaves += count * case.trees;
    }

    fn note_traits(&mut self, case: &Case, ensemble: &Ensemble) {
        let mut note = |name, shown: bool| *self.traits.entry(name).or_default() += usize::from(shown);
        note(ensemble.objective().name(), true);
        let (trees, text) = (ensemble.trees(), &case.text);
        let node = |test: &dyn Fn(&Node) -> bool| trees.iter().flat_map(|tree| tree.nodes()).any(test);
        let set_words = |most: std::ops::RangeInclusive<usize>| {
            node(&|node| matches!(&node.split, Split::Category { set, .. } if most.contains(&set.len())))
        };
        let missing =
            |rule| node(&|node| matches!(node.split, Split::Numeric { missing, .. } if missing == rule));
        note("average", ensemble.is_average());
        note("version 2", text.contains("\nversion=v2\n"));
        note("version 3", text.contains("\nversion=v3\n"));
        note("version 4", text.contains("\nversion=v4\n"));
        note("sets of up to 32 categories", set_words(1..=1));
        note("sets of up to 1024 categories", set_words(2..=32));
        note("sets of more categories", set_words(33..=usize::MAX));
        note("nothing is missing", missing(Missing::None));
        note("zero is missing", missing(Missing::Zero));
        note("NaN is missing", missing(Missing::Nan));
        note("a tree of one leaf", trees.iter().any(|tree| tree.nodes().is_empty()));
        note("a tree of more than 256 leaves", trees.iter().any(|tree| tree.leaves().len() > 256));
        note("paths of more than 16 features", trees.iter().any(|tree| tree.path_features() > 16));
    }

    /// Contributions one row at a time and all rows at once. They are sums of leaves that may cancel, so
    /// what counts as exact is taken relative to the largest of a row.
    fn explain(&mut self, case: &Case, model: &Compiled<'_>, scratch: &mut shap::Scratch) {
        let name = &case.name;
        let width = case.features + 1;
        let by_row = case.outputs * width;
        let rows = Rows::row_major(&case.rows, case.features).unwrap();
        let mut many = vec![f64::NAN; rows.len() * by_row];
        shap::contributions_batch(model, &rows, scratch, &mut many).unwrap();
        let mut one = vec![f64::NAN; by_row];
        let lines = case.rows.chunks_exact(case.features).zip(case.raw.chunks_exact(case.outputs));
        let amounts = many.chunks_exact(by_row).zip(case.contributions.chunks_exact(by_row));
        for (number, ((row, raw), (many, said))) in lines.zip(amounts).enumerate() {
            shap::contributions_with(model, row, scratch, &mut one).unwrap();
            for own in [&one[..], many] {
                let blocks = own.chunks_exact(width).zip(said.chunks_exact(width)).zip(raw);
                for ((own, said), raw) in blocks {
                    let scale = own.iter().chain(said).fold(raw.abs(), |most, amount| most.max(amount.abs()));
                    let scale = scale.max(1.0);
                    let misses = |amounts: &[f64]| (amounts.iter().sum::<f64>() - raw).abs() / scale;
                    assert!(misses(own) <= EXACT, "{name}: row {number} misses its sum by {:e}", misses(own));
                    self.sums_apart = self.sums_apart.max(misses(own));
                    // A library that misses its own sum by more than rounding cannot tell: its errors
                    // are larger than what of them is left in the sum.
                    let judge = misses(said) <= EXACT / 100.0;
                    if !judge {
                        self.unjudged += width;
                        continue;
                    }
                    self.contributions += width;
                    for (feature, (own, said)) in own.iter().zip(said).enumerate() {
                        let apart = (own - said).abs() / scale;
                        assert!(
                            apart <= EXACT,
                            "{name}: contribution {feature} of row {number}: {own} {said}"
                        );
                        self.contributions_apart = self.contributions_apart.max(apart);
                    }
                }
            }
        }
    }
}

#[test]
fn thousands_of_models_score_as_in_lightgbm() {
    let Some(folder) = std::env::var_os("SIRA_ORACLE_DIR") else {
        println!(
            "skipped: SIRA_ORACLE_DIR does not say where the models are; \"make test STAGES=oracle\" makes them"
        );
        return;
    };
    let folder = PathBuf::from(folder).join("lightgbm");
    let made = fs::read_to_string(folder.join("whole"))
        .unwrap_or_else(|error| panic!("{}: {error}; the models were not made", folder.display()));
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "case"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    assert_eq!(made.trim(), paths.len().to_string(), "{} is not whole", folder.display());
    let mut tally = Tally::default();
    let (mut scratch, mut shap_scratch) = (Scratch::new(), shap::Scratch::new());
    for path in &paths {
        tally.check(&Case::read(path), &mut scratch, &mut shap_scratch);
    }
    let Tally { models, refused, rows, scores, leaves, contributions, unjudged, .. } = tally;
    println!("{models} models and {rows} rows; {refused} linear models refused");
    println!(
        "{scores} raw scores equal to the bit, by the plain walk, one by one and in batches; {leaves} leaves equal"
    );
    println!("answers at most {:.1e} apart", tally.answers_apart);
    println!("{contributions} contributions at most {:.1e} apart", tally.contributions_apart);
    println!("{unjudged} where LightGBM's miss their sum; ours miss it by {:.1e} at most", tally.sums_apart);
    println!("models by what they show: {:?}", tally.traits);
    // A generator that makes only simple models would let all of this pass.
    assert_eq!(tally.traits.len(), 17 + 13);
    assert!(refused > 0 && tally.traits.values().all(|shown| *shown > 0));
}
