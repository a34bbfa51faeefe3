//! Calibrations: equal to scikit-learn's, and what must hold of any.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use serde_json::json;
use sira_core::ErrorKind;
use sira_core::calibration::{Calibration, Method};
use sira_core::signature::Signature;

#[path = "calibration/compare.rs"]
mod compare;

#[test]
fn equal_what_scikit_learn_said() {
    assert_eq!(compare::all(include_str!("calibration/scikit_learn.jsonl")), 200);
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let scores = [0.1, 0.2, 0.2, 0.4, 0.5, 0.9];
    let labels = [false, true, false, false, true, true];
    let weights = [1.0, 2.0, 1.0, 2.0, 1.0, 0.0];
    let twice = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(weights).flat_map(|(v, w)| std::iter::repeat_n(*v, w as usize)).collect()
    };
    let labels_twice: Vec<bool> =
        labels.iter().zip(weights).flat_map(|(v, w)| std::iter::repeat_n(*v, w as usize)).collect();
    for method in [Method::Platt, Method::Isotonic] {
        let weighted = Calibration::fit(method, &scores, &labels, Some(&weights)).unwrap();
        let repeated = Calibration::fit(method, &twice(&scores), &labels_twice, None).unwrap();
        for score in [0.0, 0.15, 0.3, 0.45, 0.95] {
            assert!((weighted.apply(score) - repeated.apply(score)).abs() < 1e-12);
        }
    }
}

#[test]
fn order_is_kept_and_answers_are_probabilities() {
    let scores: Vec<f64> = (0..500).map(|i| f64::from(i * 7919 % 1009) / 1009.0).collect();
    let labels: Vec<bool> =
        scores.iter().enumerate().map(|(i, s)| s * 997.0 % 1.0 < *s || i % 50 == 0).collect();
    for method in [Method::Platt, Method::Isotonic] {
        let calibration = Calibration::fit(method, &scores, &labels, None).unwrap();
        let answers: Vec<f64> = (-100..1100).map(|i| calibration.apply(f64::from(i) / 1000.0)).collect();
        assert!(answers.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(answers.windows(2).all(|pair| pair[0] <= pair[1]), "{method:?} changes the order");
        assert!(calibration.apply(f64::NAN).is_nan());
    }
}

#[test]
fn separable_and_constant_scores_stay_finite() {
    for scores in [[0.1, 0.2, 0.8, 0.9], [0.5; 4]] {
        for method in [Method::Platt, Method::Isotonic] {
            let calibration = Calibration::fit(method, &scores, &[false, false, true, true], None).unwrap();
            calibration.check().unwrap();
            assert!((0.0..=1.0).contains(&calibration.apply(0.5)));
        }
    }
}

#[test]
fn what_cannot_be_calibrated_is_refused() {
    let kind = |scores: &[f64], labels: &[bool], weights: Option<&[f64]>| {
        Calibration::fit(Method::Platt, scores, labels, weights).unwrap_err().kind
    };
    assert_eq!(kind(&[0.1, 0.2], &[true, true], None), ErrorKind::BadLabel);
    assert_eq!(kind(&[0.1, 0.2], &[true, false], Some(&[1.0, 0.0])), ErrorKind::BadLabel);
    assert_eq!(kind(&[0.1, f64::NAN], &[true, false], None), ErrorKind::InfiniteValue);
    assert_eq!(kind(&[0.1], &[true, false], None), ErrorKind::InvalidParameter);
    assert_eq!(kind(&[0.1, 0.2], &[true, false], Some(&[1.0, -1.0])), ErrorKind::InvalidParameter);
}

#[test]
fn a_signature_carries_it_to_the_last_bit() {
    let fitted = Calibration::fit(
        Method::Isotonic,
        &[0.123_456_789_012_345_67, 0.3, 0.7, 0.1],
        &[false, true, true, false],
        Some(&[0.3, 0.7, 1.1, 0.9]),
    )
    .unwrap();
    let json = json!({
        "task": "binary", "features": [{"name": "a", "kind": "numeric"}], "calibration": fitted,
    });
    let read = Signature::from_json(&serde_json::from_str(&json.to_string()).unwrap()).unwrap();
    assert_eq!(read.calibration.as_ref(), Some(&fitted));
    let mut scores = [0.2, 0.4];
    read.calibrate(&mut scores);
    assert_eq!(scores.map(f64::to_bits), [0.2, 0.4].map(|s| fitted.apply(s).to_bits()));
    for bad in [
        json!({"method": "isotonic", "x": [0.2, 0.1], "y": [0.0, 1.0]}),
        json!({"method": "isotonic", "x": [0.1, 0.2], "y": [0.5, 0.4]}),
        json!({"method": "isotonic", "x": [0.1], "y": []}),
    ] {
        let calibration: Calibration = serde_json::from_value(bad).unwrap();
        assert_eq!(calibration.check().unwrap_err().kind, ErrorKind::InvalidParameter);
    }
}
