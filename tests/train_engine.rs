//! What LightGBM trains, our engine reads and scores to the same numbers; whatever parameters are allowed, the
//! process survives them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "train/mod.rs"]
mod shared;

use serde_json::{Value, json};
use shared::*;
use sira_core::ensemble::{codec, lightgbm};
use sira_core::signature::Task;
use sira_core::{ErrorKind, predict as engine};
use sira_train::{Params, Rows, Table, Trained};

/// The engine's answers equal LightGBM's to 1e-12 on these rows.
fn assert_same(trained: &Trained, table: &Table, rows: &[u32], outputs: usize, what: &str) {
    let ensemble = lightgbm::parse(&trained.text).unwrap_or_else(|error| panic!("{what}: {error}"));
    let bytes = codec::compile(&ensemble);
    let model = codec::Compiled::open(&bytes).unwrap();
    let theirs = predict(&trained.text, table, rows, outputs);
    for (row, theirs) in rows.iter().zip(theirs.chunks(outputs)) {
        let values: Vec<f64> = table.columns.iter().map(|c| c.values[*row as usize]).collect();
        for (ours, theirs) in engine::scores(&model, &values).unwrap().iter().zip(theirs) {
            let same = (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0);
            assert!(same || (ours.is_nan() && theirs.is_nan()), "{what}: {ours}, LightGBM {theirs}");
        }
    }
}

fn labelled(task: Task, rows: usize, seed: u64) -> Table {
    let (mut table, score) = table(rows, seed);
    table.label = score
        .iter()
        .map(|s| match task {
            Task::Binary => f64::from(*s > 1.0),
            Task::Multiclass => (s + 2.0).clamp(0.0, 2.0).floor(),
            Task::Ranking => (s + 2.0).clamp(0.0, 4.0).floor(),
            _ => s + 6.0,
        })
        .collect();
    table.group = (task == Task::Ranking).then(|| (0..rows as i64).map(|row| row / 12).collect());
    table
}

#[test]
fn the_engine_scores_what_was_trained() {
    let cases = [
        (Task::Binary, json!({})),
        (Task::Binary, json!({"boosting": "dart"})),
        (Task::Binary, json!({"boosting": "rf"})),
        (Task::Binary, json!({"boosting": "goss", "zero_as_missing": true})),
        (Task::Binary, json!({"scale_pos_weight": 3, "use_missing": false})),
        (Task::Multiclass, json!({})),
        (Task::Multiclass, json!({"objective": "ova"})),
        (Task::Regression, json!({})),
        (Task::Regression, json!({"objective": "l1"})),
        (Task::Regression, json!({"objective": "huber"})),
        (Task::Regression, json!({"objective": "fair"})),
        (Task::Regression, json!({"objective": "quantile"})),
        (Task::Regression, json!({"objective": "mape"})),
        (Task::Regression, json!({"objective": "poisson"})),
        (Task::Regression, json!({"objective": "gamma"})),
        (Task::Regression, json!({"objective": "tweedie"})),
        (Task::Ranking, json!({})),
    ];
    for (task, mut json) in cases {
        json["rounds"] = json!(30);
        let table = labelled(task, 1500, 21);
        let (learn, validation) = halves(1500);
        let rows = Rows { train: &learn, validation: &validation };
        let trained = fit(task, 3, json.clone(), &table, rows, 42).unwrap();
        let outputs = if task == Task::Multiclass { 3 } else { 1 };
        assert_same(&trained, &table, &validation, outputs, &format!("{task:?} {json}"));
    }
}

/// One value of a parameter, with a liking for the edges of its range.
fn any(dice: &mut Dice, low: f64, high: f64, whole: bool) -> Value {
    let value = match dice.next() % 4 {
        0 => low,
        1 => high,
        2 => low + (high - low) * dice.unit().powi(8),
        _ => low + (high - low) * dice.unit(),
    };
    if whole { json!(value.round() as i64) } else { json!(value) }
}

#[test]
fn no_allowed_parameters_bring_the_process_down() {
    let ranges: &[(&str, f64, f64, bool)] = &[
        ("learning_rate", 1e-9, 1.0, false),
        ("num_leaves", 2.0, 4096.0, true),
        ("max_depth", -1.0, 1000.0, true),
        ("min_data_in_leaf", 1.0, 200.0, true),
        ("min_sum_hessian_in_leaf", 0.0, 1e12, false),
        ("lambda_l1", 0.0, 1e12, false),
        ("lambda_l2", 0.0, 1e12, false),
        ("min_gain_to_split", 0.0, 1e12, false),
        ("max_delta_step", 0.0, 1e12, false),
        ("path_smooth", 0.0, 1e12, false),
        ("feature_fraction", 1e-9, 1.0, false),
        ("feature_fraction_bynode", 1e-9, 1.0, false),
        ("bagging_fraction", 1e-9, 1.0, false),
        ("pos_bagging_fraction", 1e-9, 1.0, false),
        ("neg_bagging_fraction", 1e-9, 1.0, false),
        ("bagging_freq", 0.0, 100_000.0, true),
        ("top_rate", 0.0, 1.0, false),
        ("other_rate", 0.0, 1.0, false),
        ("drop_rate", 0.0, 1.0, false),
        ("max_drop", -1.0, 100_000.0, true),
        ("skip_drop", 0.0, 1.0, false),
        ("max_bin", 2.0, 65_535.0, true),
        ("min_data_in_bin", 1.0, 1_000_000.0, true),
        ("bin_construct_sample_cnt", 100.0, 2_000_000.0, true),
        ("min_data_per_group", 1.0, 1e9, true),
        ("max_cat_threshold", 1.0, 65_535.0, true),
        ("cat_l2", 0.0, 1e12, false),
        ("cat_smooth", 0.0, 1e12, false),
        ("max_cat_to_onehot", 1.0, 65_535.0, true),
        ("scale_pos_weight", 1e-9, 1e9, false),
        ("alpha", 1e-9, 1e6, false),
        ("fair_c", 1e-9, 1e6, false),
        ("poisson_max_delta_step", 1e-9, 1e6, false),
        ("tweedie_variance_power", 1.0, 1.999_999, false),
        ("lambdarank_truncation_level", 1.0, 10_000.0, true),
    ];
    let switches = [
        "extra_trees",
        "uniform_drop",
        "xgboost_dart_mode",
        "use_missing",
        "zero_as_missing",
        "enable_bundle",
        "feature_pre_filter",
        "is_unbalance",
        "boost_from_average",
        "lambdarank_norm",
    ];
    let regressions = ["l2", "l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie"];
    let tasks = [Task::Binary, Task::Multiclass, Task::Regression, Task::Ranking];
    let tables = tasks.map(|task| labelled(task, 300, 5));
    let (learn, validation) = halves(300);
    let rows = Rows { train: &learn, validation: &validation };
    let mut dice = Dice(2026);
    let (mut trained, mut unsplit, mut refused) = (0, 0, 0);
    for at in 0..1500 {
        let which = at % 4;
        let mut json = json!({"rounds": 4});
        for _ in 0..1 + dice.next() % 5 {
            let (name, low, high, whole) = ranges[dice.next() as usize % ranges.len()];
            json[name] = any(&mut dice, low, high, whole);
        }
        if dice.unit() < 0.5 {
            json[switches[dice.next() as usize % switches.len()]] = json!(dice.unit() < 0.5);
        }
        json["boosting"] = json!(["gbdt", "gbdt", "dart", "rf", "goss"][dice.next() as usize % 5]);
        if tasks[which] == Task::Regression {
            json["objective"] = json!(regressions[dice.next() as usize % regressions.len()]);
        }
        let params = match Params::from_json(tasks[which], 3, &json).and_then(Params::validate) {
            Ok(params) => params,
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::InvalidParameter, "{json}");
                refused += 1;
                continue;
            }
        };
        match sira_train::train(&params, at as u64, 1, &tables[which], rows, &mut go_on) {
            Ok(model) => {
                trained += 1;
                let outputs = if which == 1 { 3 } else { 1 };
                assert_same(&model, &tables[which], &validation[..20], outputs, &json.to_string());
            }
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::NotEnoughData, "{json}: {error}");
                unsplit += 1;
            }
        }
    }
    println!("{trained} trained, {unsplit} could not split, {refused} refused");
    assert!(trained > 500);
}
