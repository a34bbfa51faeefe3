//! Suggestions of a tuning study and the folds it judges by.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use serde_json::{Value, json};
use sira_core::split::{dealt, expanding};
use sira_core::tuning::halving::{self, Ended, Rung};
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

/// Rounds bring the loss nearer to what the parameters have in them.
fn halved(seed: u64, entrants: usize, rounds: usize) -> Vec<(Ended, usize)> {
    let ladder = halving::ladder(entrants, rounds);
    let mut ended: Vec<(Ended, usize)> = Vec::new();
    loop {
        let before: Vec<Ended> = ended.iter().map(|(trial, _)| trial.clone()).collect();
        let Some(next) = halving::next(&space(), seed, &ladder, &before) else { return ended };
        let reached = loss(&next.params) + 30.0 / next.rounds as f64;
        let failed = next.params["kind"] == "c";
        let trial = Ended { rung: next.rung, params: next.params, loss: (!failed).then_some(reached) };
        ended.push((trial, next.rounds));
    }
}

#[test]
fn ladders_triple_the_rounds_and_keep_a_third() {
    let of = |entrants, rounds| -> Vec<(usize, usize)> {
        halving::ladder(entrants, rounds)
            .iter()
            .map(|Rung { entrants, rounds }| (*entrants, *rounds))
            .collect()
    };
    assert_eq!(of(27, 1000), [(27, 38), (9, 112), (3, 334), (1, 1000)]);
    assert_eq!(of(10, 90), [(10, 10), (3, 30), (1, 90)]);
    assert_eq!(of(2, 100), [(2, 100)]);
    // No more rungs than there are rounds to tell them apart by.
    assert_eq!(of(100, 5), [(100, 2), (33, 5)]);
    assert_eq!(of(81, 1), [(81, 1)]);
}

#[test]
fn halving_promotes_the_best_of_a_rung_once_it_has_ended() {
    for seed in 0..20 {
        let trials = halved(seed, 27, 270);
        let of = |rung: usize| -> Vec<&Ended> {
            trials.iter().map(|(trial, _)| trial).filter(|trial| trial.rung == rung).collect()
        };
        assert_eq!(of(1).len(), 27);
        assert!(trials.is_sorted_by_key(|(trial, _)| trial.rung));
        for rung in 2..=4 {
            let mut below: Vec<&Ended> =
                of(rung - 1).into_iter().filter(|trial| trial.loss.is_some()).collect();
            below.sort_by(|a, b| a.loss.unwrap().total_cmp(&b.loss.unwrap()));
            let entrants = 27 / 3_usize.pow(rung as u32 - 1);
            assert_eq!(of(rung).len(), entrants.min(below.len()));
            for (entered, best) in of(rung).iter().zip(&below) {
                assert_eq!(entered.params, best.params);
            }
        }
        // The last rung is won by the best of all that came to an end.
        let least =
            of(1).iter().filter(|t| t.loss.is_some()).map(|t| loss(&t.params)).fold(f64::INFINITY, f64::min);
        assert_eq!(loss(&of(4)[0].params), least);
        // A third of the rounds that all of them would have had.
        let spent: usize = trials.iter().map(|(_, rounds)| rounds).sum();
        assert!(spent * 6 <= 27 * 270, "{spent} rounds");
    }
}

#[test]
fn a_rung_of_failures_ends_the_halving() {
    let ladder = halving::ladder(9, 90);
    let mut ended = Vec::new();
    while let Some(next) = halving::next(&space(), 1, &ladder, &ended) {
        assert_eq!(next.rung, 1);
        ended.push(Ended { rung: next.rung, params: next.params, loss: None });
    }
    assert_eq!(ended.len(), 9);
}

#[test]
fn an_interrupted_halving_goes_on_as_if_it_had_not_been() {
    let ladder = halving::ladder(27, 270);
    let whole: Vec<Ended> = halved(5, 27, 270).into_iter().map(|(trial, _)| trial).collect();
    for at in [0, 1, 26, 27, 30, 36, 39] {
        let next = halving::next(&space(), 5, &ladder, &whole[..at]).unwrap();
        assert_eq!((next.rung, &next.params), (whole[at].rung, &whole[at].params));
    }
    assert_eq!(halving::next(&space(), 5, &ladder, &whole), None);
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
