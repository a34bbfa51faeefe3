//! Thousands of sets of predictions measured as scikit-learn measures them, to 1e-9.
//!
//! `tests/oracle/sklearn_metrics.py` makes the cases. Where `SIRA_ORACLE_DIR` does not name what it made, there is
//! nothing to compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use serde_json::Value;
use sira_core::metrics::bootstrap::{self, Bootstrap};
use sira_core::metrics::curve::{self, Point};
use sira_core::metrics::sweep::{self, Costs};
use sira_core::metrics::{
    Binning, DecisionSums, ProbabilitySums, Ranking, RegressionSums, Scores, binary, calibration, gain,
    multiclass, regression,
};
use std::fs;
use std::path::PathBuf;

const WITHIN: f64 = 1e-9;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn weights(case: &Value) -> Option<Vec<f64>> {
    (!case["weights"].is_null()).then(|| floats(&case["weights"]))
}

fn truths(case: &Value) -> Vec<bool> {
    case["labels"].as_array().unwrap().iter().map(|v| v.as_u64() == Some(1)).collect()
}

/// Both said and near, or both unsaid.
fn close(what: &str, ours: Option<f64>, theirs: &Value, case: &Value) {
    let near = match (ours, theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= WITHIN * theirs.abs().max(1.0),
        (ours, theirs) => ours.is_none() && theirs.is_none(),
    };
    assert!(
        near,
        "{what}: {ours:?}, not {theirs}, in {}",
        case.to_string().chars().take(1500).collect::<String>()
    );
}

fn all_close(ours: &Value, theirs: &Value, case: &Value) {
    for (name, theirs) in theirs.as_object().unwrap() {
        close(name, ours[name].as_f64(), theirs, case);
    }
}

fn same_points(what: &str, ours: impl ExactSizeIterator<Item = (f64, f64)>, theirs: &Value, case: &Value) {
    let (x, y) = (theirs[0].as_array().unwrap(), theirs[1].as_array().unwrap());
    assert_eq!(ours.len(), x.len(), "{what} of {case}");
    for (ours, (x, y)) in ours.zip(x.iter().zip(y)) {
        close(what, Some(ours.0), x, case);
        close(what, Some(ours.1), y, case);
    }
}

fn compare_binary(case: &Value) {
    let (scores, labels, weights) = (floats(&case["scores"]), truths(case), weights(case));
    let (weights, threshold) = (weights.as_deref(), case["threshold"].as_f64().unwrap());
    let ours = binary(&scores, &labels, weights, threshold).unwrap();
    let json = serde_json::to_value(&ours).unwrap();
    all_close(&json, &case["expected"], case);
    all_close(&json["confusion"], &case["confusion"], case);

    let ranking = Ranking::of(&scores, &labels, weights).unwrap();
    let cut = gain::at_rows(&ranking, case["cut"].as_f64().unwrap()).unwrap();
    let total = ranking.positive() + ranking.negative();
    close("found", Some(cut.precision * cut.share * total), &case["found"], case);
    close("gain", cut.gain.map(|gain| gain * ranking.positive()).or(Some(0.0)), &case["found"], case);
    let costs: Costs = serde_json::from_value(case["costs"].clone()).unwrap();
    let best = sweep::best(&ranking, Some(&costs)).unwrap().unwrap();
    close("cost", Some(best.cost), &case["cost"], case);
    let there = sweep::at(&ranking, best.threshold, Some(&costs)).unwrap().unwrap();
    assert_eq!(there.cost, best.cost);
    let points = |curve: Vec<Point>| curve.into_iter().map(|point| (point.x, point.y));
    if let Some(theirs) = case.get("roc") {
        same_points("roc", points(curve::roc(&ranking, usize::MAX)), theirs, case);
    }
    if let Some(theirs) = case.get("precision_recall") {
        // scikit-learn stops at the threshold that finds all; ours goes on to the lowest.
        let ours = points(curve::precision_recall(&ranking, usize::MAX)).collect::<Vec<_>>();
        let known = theirs[0].as_array().unwrap().len();
        same_points("precision-recall", ours[..known].iter().copied(), theirs, case);
    }
    for (name, binning) in [("uniform", Binning::Uniform), ("quantile", Binning::Quantile)] {
        if let Some(theirs) = case.get(name) {
            let bins = case["bins"].as_u64().unwrap() as usize;
            let ours = calibration(&scores, &labels, None, bins, binning).unwrap();
            same_points(name, ours.iter().map(|bin| (bin.mean_score, bin.positive_share)), theirs, case);
        }
    }
    compare_states(&scores, &labels, weights, threshold, case);
}

/// The states of the SQL aggregates, split among three workers.
fn compare_states(scores: &[f64], labels: &[bool], weights: Option<&[f64]>, threshold: f64, case: &Value) {
    let (mut ranked, mut decided, mut probable) =
        (Scores::default(), DecisionSums::default(), ProbabilitySums::default());
    let said = !case["expected"]["brier"].is_null();
    for worker in 0..3 {
        let (mut scored, mut sums, mut chances) =
            (Scores::default(), DecisionSums::default(), ProbabilitySums::default());
        for row in (worker..scores.len()).step_by(3) {
            let weight = weights.map_or(1.0, |weights| weights[row]);
            scored.add(scores[row], labels[row], weight, usize::MAX).unwrap();
            sums.add(scores[row], labels[row], threshold, weight).unwrap();
            let result = chances.add(scores[row], labels[row], weight);
            assert!(result.is_ok() || !said);
        }
        ranked.merge(&Scores::from_bytes(&scored.to_bytes()).unwrap(), usize::MAX).unwrap();
        decided.merge(&DecisionSums::from_bytes(&sums.to_bytes()).unwrap());
        probable.merge(&ProbabilitySums::from_bytes(&chances.to_bytes()).unwrap());
    }
    let expected = &case["expected"];
    let go_on = &mut || Ok(());
    close("auc", ranked.auc(go_on).unwrap(), &expected["auc"], case);
    close(
        "average precision",
        ranked.average_precision(go_on).unwrap(),
        &expected["average_precision"],
        case,
    );
    close("ks", ranked.ks(go_on).unwrap(), &expected["ks"], case);
    let confusion = decided.confusion();
    close("precision", confusion.precision(), &expected["precision"], case);
    close("f1", confusion.f1(), &expected["f1"], case);
    if said {
        close("log loss", probable.log_loss(), &expected["log_loss"], case);
        close("brier", probable.brier(), &expected["brier"], case);
        close("calibration error", probable.calibration_error(), &expected["calibration_error"], case);
    }
}

fn compare_regression(case: &Value) {
    let (predictions, labels) = (floats(&case["predictions"]), floats(&case["labels"]));
    let weights = weights(case);
    let ours = regression(&predictions, &labels, weights.as_deref()).unwrap();
    all_close(&serde_json::to_value(&ours).unwrap(), &case["expected"], case);
    let mut all = RegressionSums::default();
    for worker in 0..3 {
        let mut sums = RegressionSums::default();
        for row in (worker..labels.len()).step_by(3) {
            let weight = weights.as_ref().map_or(1.0, |weights| weights[row]);
            sums.add(predictions[row], labels[row], weight).unwrap();
        }
        all.merge(&RegressionSums::from_bytes(&sums.to_bytes()).unwrap());
    }
    assert_eq!((all.rmse(), all.mae(), all.r2()), (Some(ours.rmse), Some(ours.mae), ours.r2));
    assert_eq!((all.mape(), all.smape()), (ours.mape, Some(ours.smape)));
}

fn compare_multiclass(case: &Value) {
    let labels: Vec<u32> =
        case["labels"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
    let (k, weights) = (case["k"].as_u64().unwrap() as usize, weights(case));
    let ours = multiclass(&floats(&case["probabilities"]), k, &labels, weights.as_deref()).unwrap();
    all_close(&serde_json::to_value(&ours).unwrap(), &case["expected"], case);
    for (ours, theirs) in ours.confusion.iter().zip(case["confusion"].as_array().unwrap()) {
        ours.iter().zip(theirs.as_array().unwrap()).for_each(|(a, b)| close("confusion", Some(*a), b, case));
    }
}

fn compare_bootstrap(case: &Value) {
    let how = Bootstrap {
        resamples: case["resamples"].as_u64().unwrap() as usize,
        level: case["level"].as_f64().unwrap(),
        seed: case["seed"].as_u64().unwrap(),
        stratified: case["stratified"].as_bool().unwrap(),
    };
    let (scores, labels, weights) = (floats(&case["scores"]), truths(case), weights(case));
    let mut asked = 0;
    let mut progress = |done| {
        assert_eq!(done, asked);
        asked += 1;
        Ok(())
    };
    let ours = bootstrap::binary(&scores, &labels, weights.as_deref(), 0.5, &how, &mut progress).unwrap();
    assert_eq!(ours.len(), case["expected"].as_object().unwrap().len());
    for interval in ours {
        let theirs = &case["expected"][interval.metric];
        close(interval.metric, interval.low, &theirs[0], case);
        close(interval.metric, interval.high, &theirs[1], case);
    }
}

#[test]
fn metrics_equal_scikit_learn() {
    let Some(folder) = std::env::var_os("SIRA_ORACLE_DIR").map(PathBuf::from) else {
        println!("SIRA_ORACLE_DIR is not set: nothing to compare with");
        return;
    };
    let cases = fs::read_to_string(folder.join("sklearn/cases.jsonl")).unwrap();
    let mut number = 0;
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        match case["kind"].as_str().unwrap() {
            "binary" => compare_binary(&case),
            "multiclass" => compare_multiclass(&case),
            "regression" => compare_regression(&case),
            "bootstrap" => compare_bootstrap(&case),
            other => panic!("{other}"),
        }
        number += 1;
    }
    assert!(number > 4000, "only {number} sets of predictions");
    println!("{number} sets of predictions");
}
