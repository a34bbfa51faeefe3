//! Hundreds of random models against XGBoost itself, from JSON and from UBJSON: every margin to the bit, by every
//! way of scoring; every leaf; answers and contributions as near as single precision allows, and contributions to
//! 1e-12 of what they add up to.
//!
//! `tests/oracle/xgboost_models.py` trains the models and writes what XGBoost answers for them; its head says how.
//! Where `SIRA_ORACLE_DIR` does not name what it made, there is nothing to compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ErrorKind;
use sira_core::ensemble::{self, Compiled, Ensemble, Format, Split, xgboost};
use sira_core::predict::{self, Rows, Scratch, reference};
use sira_core::shap;
use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What is computed in double precision.
const EXACT: f64 = 1e-12;
/// XGBoost's own answers: some operations in single precision behind the margin.
const ANSWERS: f64 = 1e-6;
/// XGBoost's own contributions: hundreds of operations in single precision.
const CONTRIBUTIONS: f64 = 1e-4;

/// A model with rows, and what XGBoost answers for them.
struct Case {
    name: String,
    json: Vec<u8>,
    ubjson: Vec<u8>,
    features: usize,
    outputs: usize,
    trees: usize,
    refused: bool,
    /// The answer is a class, not a number an output.
    labelled: bool,
    rows: Vec<f64>,
    margins: Vec<f64>,
    answers: Vec<f64>,
    leaves: Vec<f64>,
    contributions: Vec<f64>,
    beyond: Vec<f64>,
    margins_beyond: Vec<f64>,
}

impl Case {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let (magic, mut rest) = bytes.split_at(8);
        assert_eq!(magic, b"SIRAXGB1", "{}", path.display());
        let mut take = |length: usize| {
            let (taken, behind) = rest.split_at(length);
            rest = behind;
            taken
        };
        let mut count = || u64::from_le_bytes(take(8).try_into().unwrap()) as usize;
        let (json, ubjson, rows, beyond) = (count(), count(), count(), count());
        let (features, outputs, trees, refused, labelled) =
            (count(), count(), count(), count() == 1, count() == 1);
        let (json, ubjson) = (take(json).to_vec(), take(ubjson).to_vec());
        let mut numbers = |count: usize| -> Vec<f64> {
            take(8 * count)
                .chunks_exact(8)
                .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
                .collect()
        };
        let case = Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            json,
            ubjson,
            features,
            outputs,
            trees,
            refused,
            labelled,
            rows: numbers(rows * features),
            margins: numbers(rows * outputs),
            answers: numbers(rows * if labelled { 1 } else { outputs }),
            leaves: numbers(rows * trees),
            contributions: numbers(rows * outputs * (features + 1)),
            beyond: numbers(beyond * features),
            margins_beyond: numbers(beyond * outputs),
        };
        assert!(rest.is_empty(), "{}", case.name);
        case
    }
}

/// What was compared, and how far it was apart.
#[derive(Default)]
struct Tally {
    models: usize,
    refused: usize,
    traits: BTreeMap<&'static str, usize>,
    rows: usize,
    beyond: usize,
    margins: usize,
    leaves: usize,
    contributions: usize,
    /// Contributions that XGBoost's own do not allow to judge, since they miss their sum.
    unjudged: usize,
    answers_apart: f64,
    contributions_apart: f64,
    sums_apart: f64,
}

fn same_bits(own: &[f64], said: &[f64]) -> bool {
    own.len() == said.len() && own.iter().zip(said).all(|(own, said)| own.to_bits() == said.to_bits())
}

impl Tally {
    fn check(&mut self, case: &Case, scratch: &mut Scratch) {
        let name = &case.name;
        if case.refused {
            for artifact in [&case.json, &case.ubjson] {
                let error = xgboost::parse(artifact).unwrap_err();
                assert_eq!(error.kind, ErrorKind::UnsupportedModel, "{name}: {error}");
                assert!(error.hint.is_some(), "{name}");
            }
            self.refused += 1;
            return;
        }
        let parse = |artifact: &[u8]| {
            ensemble::load(Format::of(artifact), artifact, &mut || ControlFlow::Continue(()))
                .unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let ensemble = parse(&case.json);
        assert!(ensemble == parse(&case.ubjson), "{name}");
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        assert_eq!(
            (model.outputs(), model.tree_count(), model.feature_count()),
            (case.outputs, case.trees, case.features),
            "{name}"
        );
        self.margins(case, &model, &case.rows, &case.margins, scratch);
        self.margins(case, &model, &case.beyond, &case.margins_beyond, scratch);
        self.beyond += case.beyond.len() / case.features;
        self.rows += case.rows.len() / case.features;
        self.answers(case, &model);
        if model.is_explainable() {
            self.explanations(case, &ensemble, &model);
        }
        self.note(&ensemble, &model);
    }

    /// Row by row plainly and fast, and all at once.
    fn margins(
        &mut self,
        case: &Case,
        model: &Compiled<'_>,
        rows: &[f64],
        said: &[f64],
        scratch: &mut Scratch,
    ) {
        let name = &case.name;
        let mut own = vec![0.0; case.outputs];
        for (row, said) in rows.chunks_exact(case.features).zip(said.chunks_exact(case.outputs)) {
            reference::raw(model, row, &mut own).unwrap();
            assert!(same_bits(&own, said), "{name}: {own:?}, XGBoost says {said:?}, of {row:?}");
            predict::raw_with(model, row, scratch, &mut own).unwrap();
            assert!(same_bits(&own, said), "{name}, fast: {own:?}, XGBoost says {said:?}, of {row:?}");
            self.margins += own.len();
        }
        let mut all = vec![0.0; said.len()];
        predict::raw_batch(model, &Rows::row_major(rows, case.features).unwrap(), scratch, &mut all).unwrap();
        assert!(same_bits(&all, said), "{name}, all at once");
    }

    fn answers(&mut self, case: &Case, model: &Compiled<'_>) {
        let name = &case.name;
        let mut leaves = vec![0; case.trees];
        for (at, row) in case.rows.chunks_exact(case.features).enumerate() {
            let own = predict::scores(model, row).unwrap();
            if case.labelled {
                let best = own.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
                assert_eq!(best as f64, case.answers[at], "{name}: {own:?}");
            } else {
                for (own, said) in own.iter().zip(&case.answers[at * case.outputs..]) {
                    // Single precision ends earlier, and XGBoost's sigmoid at exp(-88.7).
                    let scale = said.abs().max(1e-30);
                    let overflown = said.is_infinite() && *own >= f64::from(f32::MAX);
                    let apart = if own == said || overflown { 0.0 } else { (own - said).abs() / scale };
                    // A margin of −100 has one in a hundred thousand of exp's argument in its last bits.
                    let steep = case.margins[at * case.outputs].abs().max(1.0);
                    self.answers_apart = self.answers_apart.max(apart / steep);
                    assert!(apart / steep <= ANSWERS, "{name}: {own}, XGBoost says {said}");
                }
            }
            predict::leaves(model, row, &mut leaves).unwrap();
            let said = &case.leaves[at * case.trees..][..case.trees];
            assert!(leaves.iter().zip(said).all(|(own, said)| f64::from(*own) == *said), "{name}: {row:?}");
            self.leaves += leaves.len();
        }
    }

    fn explanations(&mut self, case: &Case, ensemble: &Ensemble, model: &Compiled<'_>) {
        let name = &case.name;
        let width = case.features + 1;
        let mut own = vec![0.0; case.outputs * width];
        let mut leaves = vec![0; case.trees];
        let said = case.contributions.chunks_exact(own.len());
        for ((row, said), margins) in
            case.rows.chunks_exact(case.features).zip(said).zip(case.margins.chunks_exact(case.outputs))
        {
            shap::contributions(model, row, &mut own).unwrap();
            predict::leaves(model, row, &mut leaves).unwrap();
            for output in 0..case.outputs {
                let own = &own[output * width..][..width];
                let said = &said[output * width..][..width];
                let mut sum = ensemble.bases()[output];
                let mut scale = sum.abs();
                for (tree, leaf) in ensemble.trees().iter().zip(&leaves).skip(output).step_by(case.outputs) {
                    sum += tree.leaves()[*leaf as usize].value;
                    scale += tree.leaves().iter().map(|leaf| leaf.value.abs()).fold(0.0, f64::max);
                }
                let scale = scale.max(1e-300);
                let apart = (own.iter().sum::<f64>() - sum).abs() / scale;
                self.sums_apart = self.sums_apart.max(apart);
                assert!(apart <= EXACT, "{name}: {own:?} should add up to {sum}");
                let rounding = case.trees as f64 * scale * f64::from(f32::EPSILON);
                assert!((sum - margins[output]).abs() <= rounding, "{name}: {sum} and {}", margins[output]);
                if (said.iter().sum::<f64>() - margins[output]).abs() / scale > CONTRIBUTIONS / 10.0 {
                    self.unjudged += said.len();
                    continue;
                }
                // Below single precision there is nothing to compare.
                let scale = scale.max(1e-30);
                for (own, said) in own.iter().zip(said) {
                    let apart = (own - said).abs() / scale;
                    self.contributions_apart = self.contributions_apart.max(apart);
                    assert!(apart <= CONTRIBUTIONS, "{name}: {own}, XGBoost says {said}");
                    self.contributions += 1;
                }
            }
        }
    }

    fn note(&mut self, ensemble: &Ensemble, model: &Compiled<'_>) {
        self.models += 1;
        let splits = || ensemble.trees().iter().flat_map(|tree| tree.nodes()).map(|node| &node.split);
        for (name, shown) in [
            ("by category", splits().any(|split| matches!(split, Split::Category { .. }))),
            (
                "by category, missing to the left",
                splits().any(|split| matches!(split, Split::Category { default_left: true, .. })),
            ),
            ("several outputs", ensemble.outputs() > 1),
            ("a tree without splits", ensemble.trees().iter().any(|tree| tree.nodes().is_empty())),
            ("explainable", model.is_explainable()),
        ] {
            *self.traits.entry(name).or_default() += usize::from(shown);
        }
    }
}

#[test]
fn xgboost_agrees() {
    let Some(folder) =
        std::env::var_os("SIRA_ORACLE_DIR").map(|folder| PathBuf::from(folder).join("xgboost"))
    else {
        println!("SIRA_ORACLE_DIR is not set: nothing is compared with XGBoost");
        return;
    };
    let whole: usize = fs::read_to_string(folder.join("whole")).unwrap().trim().parse().unwrap();
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "case"));
    paths.sort();
    assert_eq!(paths.len(), whole);
    let (mut tally, mut scratch) = (Tally::default(), Scratch::new());
    for path in &paths {
        tally.check(&Case::read(path), &mut scratch);
    }
    println!(
        "XGBoost: {} models ({} refused as they should), {} rows and {} beyond single precision; to the bit {} margins \
         and {} leaves; {} contributions, at most {:.1e} apart, and {} not to be judged (answers {:.1e}, sums {:.1e})",
        tally.models,
        tally.refused,
        tally.rows,
        tally.beyond,
        tally.margins,
        tally.leaves,
        tally.contributions,
        tally.contributions_apart,
        tally.unjudged,
        tally.answers_apart,
        tally.sums_apart,
    );
    println!("{:?}", tally.traits);
    if whole >= 500 {
        assert!(tally.rows >= 5_000 && tally.beyond >= 1_000 && tally.refused > 0);
        assert!(tally.unjudged * 20 <= tally.contributions);
        assert!(tally.traits.values().all(|shown| *shown >= 10));
    }
}
