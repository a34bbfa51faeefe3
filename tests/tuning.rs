//! Suggestions of a tuning study and the folds it judges by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use serde_json::{Value, json};
use sira_core::split::{dealt, expanding};
use sira_core::tuning::{Method, Space, Tried, suggest};

fn space() -> Space {
    Space::from_json(&json!({
        "leaves": {"low": 4, "high": 256, "log": true, "int": true},
        "rate": {"low": 0.001, "high": 1.0, "log": true},
        "kind": ["a", "b", "c"],
    }))
    .unwrap()
}

/// A loss with one minimum: 32 leaves, a rate of 0.03, kind b.
fn loss(params: &serde_json::Map<String, Value>) -> f64 {
    let at = |name: &str| params[name].as_f64().unwrap().ln();
    (at("leaves") - 32f64.ln()).powi(2)
        + (at("rate") - 0.03f64.ln()).powi(2)
        + if params["kind"] == "b" { 0.0 } else { 1.0 }
}

fn study(method: Method, seed: u64, trials: u64) -> Vec<Tried> {
    let mut tried: Vec<Tried> = Vec::new();
    for number in 1..=trials {
        let params = suggest(&space(), method, seed, number, &tried);
        tried.push(Tried { loss: loss(&params), params });
    }
    tried
}

#[test]
fn suggestions_lie_in_the_space_and_cover_it() {
    let tried = study(Method::Random, 7, 400);
    for trial in &tried {
        let leaves = trial.params["leaves"].as_i64().unwrap();
        assert!((4..=256).contains(&leaves));
        assert!((0.001..=1.0).contains(&trial.params["rate"].as_f64().unwrap()));
    }
    let below = tried.iter().filter(|trial| trial.params["leaves"].as_i64().unwrap() < 32).count();
    assert!((140..260).contains(&below), "{below} of 400 below the middle of a logarithmic range");
    for kind in ["a", "b", "c"] {
        assert!(tried.iter().filter(|trial| trial.params["kind"] == kind).count() > 90);
    }
}

#[test]
fn an_interrupted_study_goes_on_as_if_it_had_not_been() {
    for method in [Method::Random, Method::Tpe] {
        let whole = study(method, 3, 30);
        let next = suggest(&space(), method, 3, 21, &whole[..20]);
        assert_eq!(next, whole[20].params);
        assert_ne!(study(method, 4, 30)[29].params, whole[29].params);
    }
}

#[test]
fn estimators_find_more_than_chance() {
    let best = |method| -> f64 {
        let losses = (0..40)
            .map(|seed| study(method, seed, 40).iter().map(|trial| trial.loss).fold(f64::INFINITY, f64::min));
        losses.sum::<f64>() / 40.0
    };
    let (tpe, random) = (best(Method::Tpe), best(Method::Random));
    println!("mean best loss of 40 trials: tpe {tpe:.4}, random {random:.4}");
    assert!(tpe < random * 0.8, "tpe {tpe}, random {random}");
}

#[test]
fn a_parameter_is_not_tried_twice_while_others_are_left() {
    let space = Space::from_json(&json!({"depth": {"low": 1, "high": 20, "int": true}})).unwrap();
    let mut tried: Vec<Tried> = Vec::new();
    for number in 1..=12 {
        let params = suggest(&space, Method::Tpe, 1, number, &tried);
        assert!(tried.iter().all(|trial| trial.params != params), "trial {number} repeats {params:?}");
        tried.push(Tried { loss: params["depth"].as_f64().unwrap(), params });
    }
}

#[test]
fn bad_spaces_are_refused() {
    for bad in [
        json!({}),
        json!([]),
        json!({"a": []}),
        json!({"a": 3}),
        json!({"a": {"low": 2, "high": 1}}),
        json!({"a": {"low": 0, "high": 1, "log": true}}),
        json!({"a": {"low": 0.5, "high": 3, "int": true}}),
        json!({"a": {"low": 0, "high": 1, "step": 1}}),
    ] {
        assert!(Space::from_json(&bad).is_err(), "{bad}");
    }
}

#[test]
fn folds_expand_and_keep_the_embargo() {
    let times: Vec<i64> = (0..1000).map(|i| (i * 7919 % 997) / 3).collect();
    for (folds, embargo) in [(1, 0), (3, 0), (3, 10), (5, 4)] {
        let cut = expanding(&times, folds, embargo).unwrap();
        assert_eq!(cut.len(), folds);
        let mut judged = 0;
        for (at, fold) in cut.iter().enumerate() {
            let begin = fold.validation.iter().map(|row| times[*row as usize]).min().unwrap();
            let last = fold.train.iter().map(|row| times[*row as usize]).max().unwrap();
            assert!(last < begin && last <= begin - embargo, "fold {at}: {last} before {begin}");
            // Nothing else is left out: every row that far back trains.
            let early =
                times.iter().filter(|time| **time < begin && (embargo == 0 || **time <= begin - embargo));
            assert_eq!(fold.train.len(), early.count());
            judged += fold.validation.len();
        }
        let first = cut[0].validation.iter().map(|row| times[*row as usize]).min().unwrap();
        assert_eq!(judged, times.iter().filter(|time| **time >= first).count());
    }
    assert!(expanding(&[1; 50], 2, 0).is_err());
    assert!(expanding(&times, 3, 1_000).is_err());
    assert!(expanding(&times, 0, 0).is_err());
}

#[test]
fn dealt_folds_part_the_rows() {
    let folds = dealt(103, 4, 9).unwrap();
    let mut all: Vec<u32> = folds.iter().flat_map(|fold| fold.validation.clone()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..103).collect::<Vec<u32>>());
    for fold in &folds {
        assert_eq!(fold.train.len() + fold.validation.len(), 103);
        assert!(fold.train.iter().all(|row| !fold.validation.contains(row)));
    }
    assert_eq!(folds, dealt(103, 4, 9).unwrap());
    assert!(dealt(3, 4, 9).is_err());
    assert!(dealt(10, 1, 9).is_err());
}
