//! The parts of a drift run at their edges: layouts, sketches, the rule, the score, quality with and without labels.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ErrorKind;
use sira_core::drift::concept::{self, Before, Tolerance};
use sira_core::drift::estimate::{self, CELLS};
use sira_core::drift::rule::{self, Pair};
use sira_core::drift::score::{Severity, of_features, overall};
use sira_core::drift::{Layout, Rule, Sketch};
use sira_core::stats::bins::CutPoints;
use sira_core::stats::population::Moments;

fn pair(layout: &Layout, reference: &[f64], current: &[f64]) -> Pair {
    Pair::of(layout, &layout.sketch(reference, 0.0), &layout.sketch(current, 0.0))
}

fn steps(from: usize, to: usize) -> Vec<f64> {
    (from..to).map(|step| step as f64).collect()
}

#[test]
fn sketches_add_up_to_the_sketch_of_all() {
    let mut values: Vec<f64> = steps(0, 1_000).iter().map(|v| 1e9 + (v * 7.3).sin()).collect();
    values.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    let layout = Layout::of_numbers(&values[..500], 10);
    let whole = layout.sketch(&values, 1e9);
    let mut parts = Sketch::empty(layout.bins());
    for part in values.chunks(77) {
        parts.merge(&layout.sketch(part, 1e9));
    }
    assert_eq!(whole.counts, parts.counts);
    assert_eq!((whole.rows(), whole.missing(), whole.finite), (1_004, 2, 1_000));
    assert_eq!((whole.minimum, whole.maximum), (parts.minimum, parts.maximum));
    let moments = Moments::of(&values);
    // Nothing cancels although the mean is 10⁹ deviations away from 0.
    for sketch in [&whole, &parts] {
        assert!((sketch.mean(1e9).unwrap() - moments.mean).abs() < 1e-6);
        assert!((sketch.deviation().unwrap() / moments.variance().sqrt() - 1.0).abs() < 1e-6);
    }
    assert_eq!(Sketch::empty(4).mean(0.0), None);
    assert_eq!(Sketch::empty(4).deviation(), None);
}

#[test]
fn categories_have_bins_for_others_unseen_and_missing_ones() {
    // 0 a hundred times, 1 ninety-nine times, …, so that the last twenty share a bin.
    let reference: Vec<f64> = (0..70).flat_map(|code| std::iter::repeat_n(code as f64, 100 - code)).collect();
    let closed = Layout::of_categories(&reference, false);
    assert_eq!(closed.bins(), 53);
    assert_eq!([closed.bin(0.0, false), closed.bin(-0.0, false), closed.bin(49.0, false)], [0, 0, 49]);
    assert_eq!(closed.bin(50.0, false), 50, "known, but rare");
    assert_eq!(closed.bin(70.0, false), 51, "never seen");
    assert_eq!(closed.bin(f64::NAN, false), 52);
    let coded = Layout::of_categories(&reference, true);
    assert_eq!(coded.bin(70.0, false), 50, "the dictionary has it, so it is known");
    assert_eq!(coded.bin(f64::NAN, true), 51, "a text that the dictionary lacks");
}

#[test]
fn what_is_constant_or_missing_on_both_sides_is_at_distance_0() {
    let constant = vec![3.0; 500];
    let nothing = vec![f64::NAN; 500];
    for sample in [&constant, &nothing] {
        for layout in [Layout::of_numbers(sample, 10), Layout::of_categories(sample, false)] {
            let findings = rule::judge(&[pair(&layout, sample, sample)], &Rule::default()).unwrap();
            assert!(!findings.is_empty());
            for finding in findings {
                assert_eq!((finding.effect_size, finding.p_value), (Some(0.0), Some(1.0)), "{finding:?}");
                assert!(!finding.detected && finding.score == 0.0);
            }
        }
    }
    // What was constant and is so no more, or is missing now, is found.
    let layout = Layout::of_numbers(&constant, 10);
    for now in [vec![4.0; 500], nothing, vec![f64::INFINITY; 500]] {
        let findings = rule::judge(&[pair(&layout, &constant, &now)], &Rule::default()).unwrap();
        assert!(findings.iter().any(|finding| finding.detected), "{findings:?}");
    }
}

#[test]
fn small_samples_are_not_judged() {
    let layout = Layout::of_numbers(&steps(0, 1_000), 10);
    let findings =
        rule::judge(&[pair(&layout, &steps(0, 1_000), &steps(900, 999))], &Rule::default()).unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!((findings[0].statistic, findings[0].detected), (None, false));
    assert!(findings[0].note.as_ref().unwrap().contains("99 current"));
    let findings = rule::judge(&[pair(&layout, &[], &[])], &Rule::default()).unwrap();
    assert!(findings[0].note.is_some());
}

#[test]
fn sketches_of_other_bins_are_refused() {
    let layout = Layout::Numeric(CutPoints::new(vec![1.0, 2.0]).unwrap());
    let wrong = Pair::of(&layout, &Sketch::empty(4), &Sketch::empty(5));
    assert_eq!(rule::judge(&[wrong], &Rule::default()).unwrap_err().kind, ErrorKind::InvalidParameter);
}

/// Rare names that turn up for the first time are no news where the reference was full of such.
#[test]
fn new_names_are_expected_where_names_are_many() {
    // A thousand frequent rows and a thousand names seen once.
    let mut reference = vec![0.0; 1_000];
    reference.extend(steps(1, 1_001));
    let layout = Layout::of_categories(&reference, false);
    let mut usual = vec![0.0; 500];
    usual.extend(steps(5_000, 5_500));
    let unseen = |current: &[f64]| {
        let findings = rule::judge(&[pair(&layout, &reference, current)], &Rule::default()).unwrap();
        findings.into_iter().find(|finding| finding.method == "unseen_share").unwrap()
    };
    assert!(!unseen(&usual).detected);
    usual.extend(steps(6_000, 6_500));
    assert!(unseen(&usual).detected);
}

#[test]
fn scores_weigh_parts_and_hand_on_the_weight_of_missing_ones() {
    assert!((overall(Some(1.0), Some(1.0), Some(1.0)).unwrap() - 1.0).abs() < 1e-12);
    assert!((overall(Some(0.5), Some(0.2), Some(0.8)).unwrap() - 0.47).abs() < 1e-12);
    assert!((overall(None, Some(0.6), Some(0.0)).unwrap() - 0.35).abs() < 1e-12);
    assert_eq!(overall(None, None, Some(2.0)), Some(1.0));
    assert_eq!(overall(None, Some(f64::NAN), None), None);
    assert_eq!(of_features(&[]), None);
    assert_eq!(of_features(&[1.0, 0.0, 0.0, 0.0]), Some(0.625));
    let grades: Vec<&str> = [0.2, 0.21, 0.4, 0.41, 0.7, 0.71].map(|s| Severity::of(s).name()).into();
    assert_eq!(grades, ["low", "medium", "medium", "high", "high", "critical"]);
}

#[test]
fn quality_is_judged_where_labels_suffice() {
    let before = Before {
        rows: Some(2_000.0),
        prevalence: Some(0.5),
        auc: Some(0.95),
        accuracy: Some(0.9),
        threshold: Some(0.5),
        mape: Some(0.1),
    };
    let (tolerance, rule) = (Tolerance::default(), Rule::default());
    let scores: Vec<f64> = (0..400).map(|i| f64::from(i) / 400.0).collect();
    let good: Vec<bool> = (0..400).map(|i| (i >= 200) != (i % 17 == 0)).collect();
    let bad: Vec<bool> = (0..400).map(|i| (i >= 200) != (i % 3 == 0)).collect();
    let judge = |labels: &[bool]| {
        concept::binary(&scores[..labels.len()], labels, &before, tolerance, &rule).unwrap()
    };
    assert!(judge(&good).1.iter().all(|finding| !finding.detected && finding.score == 0.0));
    assert!(judge(&bad).1.iter().all(|finding| finding.detected));
    // One class only: no AUC, and no NaN.
    let (now, findings) = judge(&vec![true; 400]);
    assert_eq!((now.auc, findings[0].statistic), (None, None));
    let (now, findings) = judge(&[]);
    assert_eq!((now.rows, now.accuracy, findings.len()), (0, None, 1));
    assert!(judge(&bad[..99]).1[0].note.is_some());
    assert!(concept::binary(&scores, &good[..3], &before, tolerance, &rule).is_err());

    let truth: Vec<f64> = (1..=300).map(f64::from).collect();
    let off = |by: f64| -> Vec<f64> { truth.iter().map(|v| v * by).collect() };
    let mape = |by| concept::regression(&off(by), &truth, &before, tolerance, &rule).unwrap().1[0].detected;
    assert_eq!([mape(1.11), mape(1.12)], [false, true], "15 per cent of 0.1");
    assert!(!concept::multiclass(&[true; 200], &before, tolerance, &rule).1[0].detected);
    assert!(concept::multiclass(&[false; 200], &before, tolerance, &rule).1[0].detected);
}

/// The estimate without labels against labels drawn by the scores.
#[test]
fn expected_quality_is_that_of_calibrated_scores() {
    let layout = Layout::of_cut_points(estimate::grid()).unwrap();
    let mut state = 1_u64;
    let mut uniform = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let scores: Vec<f64> = (0..200_000).map(|_| uniform().powi(3)).collect();
    let labels: Vec<bool> = scores.iter().map(|p| uniform() < *p).collect();
    let measured = sira_core::metrics::binary(&scores, &labels, None, 0.5).unwrap();
    let expected = estimate::expected(&layout.sketch(&scores, 0.0).counts, 0.5).unwrap();
    assert_eq!(expected.rows, 200_000);
    assert!((expected.auc.unwrap() - measured.auc.unwrap()).abs() < 0.004);
    assert!((expected.accuracy - measured.accuracy).abs() < 0.004);
    assert!((expected.prevalence - measured.prevalence).abs() < 0.004);
    assert_eq!(estimate::expected(&[0; CELLS + 1], 0.5), None);
    assert_eq!(estimate::expected(&layout.sketch(&[f64::NAN], 0.0).counts, 0.5), None);
}
