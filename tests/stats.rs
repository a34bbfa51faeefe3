//! Statistics on the cases that others recorded, at the edges, and detectors against their promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::ErrorKind;
use sira_core::stats::bins::{self, CutPoints};
use sira_core::stats::detect::{Adwin, Change, Cusum, PageHinkley};
use sira_core::stats::ks::{self, Alternative, Method};
use sira_core::stats::{distance, divergence, population};
use std::path::Path;

/// A small generator whose numbers are the same everywhere: SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

fn shared(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases").join(name);
    std::fs::read_to_string(path).ok()
}

#[test]
fn recorded_comparisons_of_scipy() {
    let Some(text) = shared("ks/ks_2samp.json") else { return };
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    for case in cases.as_array().unwrap() {
        let side = |name: &str| -> Vec<f64> {
            case[name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let alternative = match case["alternative"].as_str().unwrap() {
            "two-sided" => Alternative::TwoSided,
            "less" => Alternative::Less,
            _ => Alternative::Greater,
        };
        let method = match case["mode"].as_str().unwrap() {
            "exact" => Method::Exact,
            "asymp" => Method::Asymptotic,
            _ => Method::Auto,
        };
        let ours = ks::test(&side("x1"), &side("x2"), alternative, method).unwrap();
        assert!((ours.statistic - case["statistic"].as_f64().unwrap()).abs() <= 1e-12, "{case}");
        // There scipy recorded its asymptotic answer to a question that was meant to be exact.
        let expected = if case["test"] == "testMiddlingBoth" && method == Method::Exact {
            0.997_573_942_6
        } else {
            case["pvalue"].as_f64().unwrap()
        };
        assert!((ours.p_value - expected).abs() <= 1e-10, "{} {expected} {}", ours.p_value, case["test"]);
    }
}

#[test]
fn recorded_stability_indices() {
    let Some(text) = shared("psi/vectors.csv") else { return };
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|v| v.parse().unwrap_or(f64::NAN)).collect()).collect();
    let column = |name: &str| -> Vec<f64> {
        let at = names.iter().position(|n| *n == name).unwrap();
        rows.iter().map(|row| row[at]).collect()
    };
    let index = |current: &str, reference: &str, points: &[f64]| {
        let cuts = CutPoints::new(points.to_vec()).unwrap();
        divergence::population_stability_index(&cuts.count(&column(reference)), &cuts.count(&column(current)))
            .unwrap()
    };
    assert!((index("feature", "base_feature", &[0.3, 0.5, 0.7]) - 0.018_630_024_627_491_467).abs() <= 1e-12);
    assert!((index("test_b", "base_b", &[0.4, 0.8]) - 0.014_528_279_995_858_708).abs() <= 1e-12);
    let (feature, target) = (column("feature"), column("target"));
    let part = |wanted: f64| -> Vec<f64> {
        feature.iter().zip(&target).filter(|(_, t)| **t == wanted).map(|(f, _)| *f).collect()
    };
    let ours = ks::test(&part(0.0), &part(1.0), Alternative::TwoSided, Method::Auto).unwrap();
    assert!((ours.statistic - 0.055_367_756_612_569_89).abs() <= 1e-12);
}

/// The exact p-value against all orders of two small samples, counted one by one.
#[test]
fn exact_p_values_count_paths() {
    for m in 1..=6_usize {
        for n in 1..=6_usize {
            for alternative in [Alternative::TwoSided, Alternative::Less, Alternative::Greater] {
                let mut statistics = Vec::new();
                for order in 0..1_u32 << (m + n) {
                    if order.count_ones() as usize != m {
                        continue;
                    }
                    let (mut a, mut b) = (Vec::new(), Vec::new());
                    for at in 0..m + n {
                        if order >> at & 1 == 1 { a.push(at as f64) } else { b.push(at as f64) }
                    }
                    statistics.push(ks::test(&a, &b, alternative, Method::Exact).unwrap());
                }
                for seen in &statistics {
                    let as_large =
                        statistics.iter().filter(|other| other.statistic >= seen.statistic - 1e-12).count();
                    let share = as_large as f64 / statistics.len() as f64;
                    assert!((seen.p_value - share).abs() < 1e-12, "{m} {n} {alternative:?}");
                }
            }
        }
    }
}

#[test]
fn nothing_answers_nan() {
    let empty = ks::test(&[], &[1.0], Alternative::TwoSided, Method::Auto).unwrap_err();
    assert_eq!(empty.kind, ErrorKind::NotEnoughData);
    assert!(ks::test(&[f64::NAN], &[1.0], Alternative::TwoSided, Method::Auto).is_err());
    let same = [5.0; 40];
    assert_eq!(ks::test(&same, &same, Alternative::TwoSided, Method::Auto).unwrap().p_value, 1.0);
    let cuts = CutPoints::of_reference(&same, bins::DEFAULT_BINS);
    let counts = cuts.count(&same);
    assert_eq!(divergence::population_stability_index(&counts, &counts).unwrap(), 0.0);
    assert_eq!(divergence::jensen_shannon(&counts, &counts).unwrap(), 0.0);
    assert_eq!(distance::wasserstein(&same, &same).unwrap(), 0.0);
    assert_eq!(distance::wasserstein_normalised(&same, &same).unwrap(), 0.0);
    let moments = population::Moments::of(&same);
    assert_eq!(population::mean(moments, moments).unwrap().p_value, 1.0);
    assert_eq!(population::variance(moments, moments).unwrap().p_value, 1.0);
    let infinite = distance::wasserstein(&[f64::INFINITY], &[1.0]).unwrap_err();
    assert_eq!(infinite.kind, ErrorKind::InfiniteValue);
    let ends =
        ks::test(&[f64::NEG_INFINITY, 0.0], &[0.0, f64::INFINITY], Alternative::TwoSided, Method::Auto);
    assert_eq!(ends.unwrap().statistic, 0.5);
}

/// Each way in which a column can drift away from a reference without a bin of its own.
#[test]
fn drift_that_hides_is_seen() {
    let mut random = Random(3);
    let reference: Vec<f64> = (0..5000).map(|_| random.normal()).collect();
    let cuts = CutPoints::of_reference(&reference, bins::DEFAULT_BINS);
    let index = |current: &[f64]| {
        divergence::population_stability_index(&cuts.count(&reference), &cuts.count(current)).unwrap()
    };
    assert!(index(&reference.iter().rev().copied().collect::<Vec<_>>()) == 0.0);
    let missing: Vec<f64> =
        reference.iter().enumerate().map(|(at, v)| if at % 5 == 0 { f64::NAN } else { *v }).collect();
    assert!(index(&missing) > 0.25);
    let constant = CutPoints::of_reference(&[7.0; 100], 10);
    for other in [6.9, 7.1] {
        let (before, after) = (constant.count(&[7.0; 100]), constant.count(&[other; 100]));
        assert!(divergence::population_stability_index(&before, &after).unwrap() > 1.0, "{other}");
    }
    let flags: Vec<f64> = (0..1000).map(|at| f64::from(u8::from(at % 20 == 0))).collect();
    let flipped: Vec<f64> = flags.iter().map(|v| 1.0 - v).collect();
    let cuts = CutPoints::of_reference(&flags, 10);
    assert!(
        divergence::population_stability_index(&cuts.count(&flags), &cuts.count(&flipped)).unwrap() > 1.0
    );
    // Mostly 0, and the few amounts double.
    let inflated: Vec<f64> =
        (0..5000).map(|at| if at % 20 == 0 { 1.0 + random.uniform() } else { 0.0 }).collect();
    let doubled: Vec<f64> = inflated.iter().map(|v| v * 2.0).collect();
    let cuts = CutPoints::of_reference(&inflated, 10);
    assert_eq!(cuts.points().len(), 9);
    assert!(
        divergence::population_stability_index(&cuts.count(&inflated), &cuts.count(&doubled)).unwrap() > 0.1
    );
    let (before, after) = bins::categories([Some("a"), Some("b"), None], [Some("a"), Some("c"), Some("d")]);
    assert_eq!((before, after), (vec![1, 1, 0, 1], vec![1, 0, 2, 0]));
}

fn mean_run_length(mut alarm: impl FnMut(&mut Random) -> u64, times: u64) -> f64 {
    let mut random = Random(11);
    (0..times).map(|_| alarm(&mut random)).sum::<u64>() as f64 / times as f64
}

#[test]
fn detectors_keep_their_run_length() {
    for (slack, wanted) in [(0.25, 500.0), (0.5, 500.0), (0.5, 2000.0), (1.0, 1000.0)] {
        let cusum = mean_run_length(
            |random| {
                let mut detector = Cusum::new(10.0, 2.0, slack, wanted).unwrap();
                (1..).find(|_| detector.add(10.0 + 2.0 * random.normal()).is_some()).unwrap()
            },
            400,
        );
        assert!((0.8 * wanted..1.25 * wanted).contains(&cusum), "slack {slack}: {cusum}, not {wanted}");
        // Mean and deviation are learnt, hence wrong at first: alarms may come earlier, but not by much.
        let learnt = mean_run_length(
            |random| {
                let mut detector = PageHinkley::new(slack, wanted).unwrap();
                (1..).find(|_| detector.add(10.0 + 2.0 * random.normal()).is_some()).unwrap()
            },
            400,
        );
        assert!(learnt > 0.5 * wanted, "slack {slack}: {learnt}, not {wanted}");
    }
    let alarms = mean_run_length(
        |random| {
            let mut detector = Adwin::new(10_000.0).unwrap();
            (0..20_000).filter(|_| detector.add(random.normal()).is_some()).count() as u64
        },
        20,
    );
    assert!(alarms <= 2.0, "{alarms} false alarms in 20,000 values");
}

#[test]
fn detectors_find_shifts_of_either_sign() {
    for (shift, change) in [(1.5, Change::Up), (-1.5, Change::Down)] {
        let mut random = Random(5);
        let mut cusum = Cusum::new(0.0, 1.0, 0.5, 10_000.0).unwrap();
        let mut learning = PageHinkley::new(0.5, 10_000.0).unwrap();
        let mut adwin = Adwin::new(10_000.0).unwrap();
        for _ in 0..400 {
            let value = random.normal();
            assert_eq!((cusum.add(value), learning.add(value), adwin.add(value)), (None, None, None));
        }
        let (mut first, mut found) = ([None; 3], [None; 3]);
        for at in 0..200 {
            let value = random.normal() + shift;
            for (slot, answer) in
                [cusum.add(value), learning.add(value), adwin.add(value)].into_iter().enumerate()
            {
                if answer.is_some() && first[slot].is_none() {
                    (first[slot], found[slot]) = (Some(at), answer);
                }
            }
        }
        assert_eq!(found, [Some(change); 3], "{first:?}");
        assert!(first[0] < Some(40) && first[1] < Some(60) && first[2] < Some(120), "{first:?}");
        // The window has forgotten the old mean.
        assert!((adwin.window().mean - shift).abs() < 0.35, "{:?}", adwin.window());
    }
}

#[test]
fn detectors_survive_being_stored() {
    let mut random = Random(9);
    let mut kept = Adwin::new(1000.0).unwrap();
    for _ in 0..500 {
        kept.add(random.uniform());
    }
    let text = serde_json::to_string(&kept).unwrap();
    let mut back: Adwin = serde_json::from_str(&text).unwrap();
    assert_eq!(kept, back);
    for _ in 0..500 {
        let value = random.uniform() + 0.5;
        assert_eq!(kept.add(value), back.add(value));
    }
}
