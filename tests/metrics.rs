//! Metrics equal scikit-learn's (recorded by tests/metrics/record.py), and what it makes up is absent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use serde_json::{Value, json};
use sira_core::ErrorKind;
use sira_core::metrics::{binary, multiclass, regression};

fn recorded(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("metrics/scikit_learn.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn weights(case: &Value) -> Option<Vec<f64>> {
    (!case["weights"].is_null()).then(|| floats(&case["weights"]))
}

fn labels(case: &Value) -> Vec<u32> {
    case["labels"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

/// Every expected figure stands in the JSON of ours, to 1e-9.
fn assert_equal(ours: &Value, expected: &Value, at: usize) {
    for (name, value) in expected.as_object().unwrap() {
        let (ours, theirs) = (ours[name].as_f64().unwrap(), value.as_f64().unwrap());
        assert!(
            (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
            "case {at}: {name} {ours}, not {theirs}"
        );
    }
}

#[test]
fn binary_equals_scikit_learn() {
    for (at, case) in recorded("binary").iter().enumerate() {
        let labels: Vec<bool> =
            case["labels"].as_array().unwrap().iter().map(|v| v.as_bool().unwrap()).collect();
        let threshold = case["threshold"].as_f64().unwrap();
        let ours = binary(&floats(&case["scores"]), &labels, weights(case).as_deref(), threshold).unwrap();
        let ours = serde_json::to_value(&ours).unwrap();
        assert_equal(&ours, &case["expected"], at);
        assert_equal(&ours["confusion"], &case["confusion"], at);
    }
}

#[test]
fn multiclass_equals_scikit_learn() {
    for (at, case) in recorded("multiclass").iter().enumerate() {
        let k = case["k"].as_u64().unwrap() as usize;
        let weights = weights(case);
        let ours = multiclass(&floats(&case["probabilities"]), k, &labels(case), weights.as_deref()).unwrap();
        for (ours, theirs) in ours.confusion.iter().zip(case["confusion"].as_array().unwrap()) {
            ours.iter().zip(floats(theirs)).for_each(|(a, b)| assert!((a - b).abs() < 1e-9, "case {at}"));
        }
        assert_equal(&serde_json::to_value(&ours).unwrap(), &case["expected"], at);
    }
}

#[test]
fn regression_equals_scikit_learn() {
    for (at, case) in recorded("regression").iter().enumerate() {
        let ours =
            regression(&floats(&case["predictions"]), &floats(&case["labels"]), weights(case).as_deref());
        assert_equal(&serde_json::to_value(ours.unwrap()).unwrap(), &case["expected"], at);
    }
}

#[test]
fn what_cannot_be_said_is_null() {
    let one_sided = binary(&[0.25, 0.25], &[false, false], None, 0.5).unwrap();
    assert_eq!(
        serde_json::to_value(&one_sided).unwrap(),
        json!({
            "rows": 2, "prevalence": 0.0, "auc": null, "average_precision": null,
            "log_loss": one_sided.log_loss.unwrap(), "brier": 0.0625, "ks": null,
            "calibration_error": 0.25, "calibration_error_max": 0.25, "threshold": 0.5, "accuracy": 1.0,
            "precision": null, "recall": null, "f1": null, "specificity": 1.0, "fpr": 0.0, "fnr": null,
            "confusion": {"tp": 0, "fp": 0, "tn": 2, "fn": 0}
        })
    );
    let raw = binary(&[-2.0, 3.0], &[false, true], None, 0.0).unwrap();
    assert_eq!((raw.log_loss, raw.brier, raw.auc), (None, None, Some(1.0)));
    // Nothing predicted positive: no precision, but a recall and an F1 of 0.
    let silent = binary(&[0.1, 0.2], &[true, false], None, 0.5).unwrap();
    assert_eq!((silent.precision, silent.recall, silent.f1), (None, Some(0.0), Some(0.0)));
    let constant = regression(&[0.1, 0.2, 0.3], &[0.1, 0.1, 0.1], None).unwrap();
    assert_eq!(constant.r2, None);
    let zero = regression(&[1.0, 3.0], &[0.0, 2.0], None).unwrap();
    assert_eq!((zero.mape, zero.zero_labels), (Some(0.5), 1));
    assert_eq!(regression(&[1.0], &[0.0], None).unwrap().mape, None);
}

#[test]
fn certainty_that_is_wrong_costs_36_and_ties_count_half() {
    let wrong = binary(&[0.0, 1.0], &[true, false], None, 0.5).unwrap();
    assert!((wrong.log_loss.unwrap() - 36.043_653_389_117_15).abs() < 1e-9);
    let tied = binary(&[0.5; 4], &[true, false, true, false], None, 0.5).unwrap();
    assert_eq!((tied.auc, tied.average_precision), (Some(0.5), Some(0.5)));
    // The order of equal rows does not count.
    let other = binary(&[0.5; 4], &[false, false, true, true], None, 0.5).unwrap();
    assert_eq!((other.auc, other.average_precision), (tied.auc, tied.average_precision));
}

#[test]
fn a_weight_is_as_many_rows() {
    let scores = [0.1, 0.4, 0.35, 0.8, 0.4];
    let labels = [false, false, true, true, true];
    let counts = [1_usize, 3, 2, 1, 0];
    let repeat = |at: usize| std::iter::repeat_n(at, counts[at]);
    let rows: Vec<usize> = (0..5).flat_map(repeat).collect();
    let many: Vec<f64> = rows.iter().map(|r| scores[*r]).collect();
    let truth: Vec<bool> = rows.iter().map(|r| labels[*r]).collect();
    let weights: Vec<f64> = counts.iter().map(|c| *c as f64).collect();
    let mut weighted = binary(&scores, &labels, Some(&weights), 0.4).unwrap();
    let repeated = binary(&many, &truth, None, 0.4).unwrap();
    weighted.rows = repeated.rows;
    let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
    assert!(close(weighted.log_loss, repeated.log_loss) && close(weighted.brier, repeated.brier));
    assert!(close(weighted.average_precision, repeated.average_precision));
    assert_eq!(
        (weighted.auc, weighted.confusion, weighted.f1),
        (repeated.auc, repeated.confusion, repeated.f1)
    );
}

#[test]
fn what_does_not_fit_is_an_error() {
    let kind = |result: sira_core::Result<_>| result.map(|_: ()| ()).unwrap_err().kind;
    let two = [false, true];
    assert_eq!(kind(binary(&[], &[], None, 0.5).map(drop)), ErrorKind::NotEnoughData);
    assert_eq!(kind(binary(&[0.1], &two, None, 0.5).map(drop)), ErrorKind::InvalidParameter);
    assert_eq!(kind(binary(&[0.1, f64::NAN], &two, None, 0.5).map(drop)), ErrorKind::InfiniteValue);
    assert_eq!(kind(binary(&[0.1, 0.2], &two, None, f64::NAN).map(drop)), ErrorKind::InfiniteValue);
    for weights in [vec![1.0], vec![1.0, -1.0], vec![f64::NAN, 1.0], vec![0.0, 0.0]] {
        let result = binary(&[0.1, 0.2], &two, Some(&weights), 0.5).map(drop);
        assert_eq!(kind(result), ErrorKind::InvalidParameter, "{weights:?}");
    }
    assert_eq!(kind(multiclass(&[0.5, 0.5], 2, &[2], None).map(drop)), ErrorKind::BadLabel);
    assert_eq!(kind(multiclass(&[0.5], 2, &[1], None).map(drop)), ErrorKind::InvalidParameter);
    assert_eq!(kind(multiclass(&[0.5], 1, &[0], None).map(drop)), ErrorKind::InvalidParameter);
    assert_eq!(kind(regression(&[1.0], &[f64::INFINITY], None).map(drop)), ErrorKind::InfiniteValue);
}
