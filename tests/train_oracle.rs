//! LightGBM's own Python package, given the same table and parameters, grows the same trees (tests/train/oracle.py).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "train/mod.rs"]
mod shared;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::*;
use sira_core::signature::Task;
use sira_train::Rows;

fn trees(text: &str) -> &str {
    &text[text.find("\nTree=0\n").unwrap()..text.find("end of trees").unwrap()]
}

#[test]
fn python_grows_the_same_trees() {
    let recorded: Value = serde_json::from_str(include_str!("train/oracle.json")).unwrap();
    assert_eq!(format!("lightgbm {}", recorded["lightgbm"].as_str().unwrap()), sira_train::LIBRARY_VERSION);
    let cases = [
        (
            "binary",
            Task::Binary,
            json!({"num_leaves": 15, "eta": 0.05, "subsample": 0.7, "feature_fraction": 0.8, "reg_lambda": 1.5}),
        ),
        ("weighted", Task::Binary, json!({"metric": "auc", "min_data_in_leaf": 10})),
        ("multiclass", Task::Multiclass, json!({"max_depth": 4})),
        ("regression", Task::Regression, json!({"max_bin": 63})),
        ("absolute", Task::Regression, json!({"objective": "l1"})),
        ("goss", Task::Binary, json!({"boosting": "goss"})),
    ];
    let (mut table, score) = table(2000, 77);
    let train: Vec<u32> = (0..1400).collect();
    let validation: Vec<u32> = (1400..2000).collect();
    for (name, task, mut json) in cases {
        json["rounds"] = json!(120);
        json["early_stopping_rounds"] = json!(20);
        let class = |s: &f64| if *s < -0.5 { 0.0 } else { 1.0 + f64::from(*s >= 1.0) };
        table.label = match task {
            Task::Binary => score.iter().map(|s| f64::from(*s > 1.0)).collect(),
            Task::Multiclass => score.iter().map(class).collect(),
            _ => score.clone(),
        };
        let weigh = |y: &f64| if *y > 0.5 { 3.0 } else { 0.5 };
        table.weight = (name == "weighted").then(|| table.label.iter().map(weigh).collect());
        let rows = Rows { train: &train, validation: &validation };
        let trained = fit(task, 3, json, &table, rows, 42).unwrap();
        let expected = &recorded["cases"][name];
        assert_eq!(trained.best_round as u64, expected["best_round"].as_u64().unwrap(), "{name}");
        let value = trained.history[trained.best_round - 1].validation.unwrap();
        assert!((value - expected["best_value"].as_f64().unwrap()).abs() < 1e-12, "{name}: {value}");
        let outputs = if task == Task::Multiclass { 3 } else { 1 };
        let ours = predict(&trained.text, &table, &validation[..40], outputs);
        for (ours, theirs) in ours.iter().zip(expected["predictions"].as_array().unwrap()) {
            let theirs = theirs.as_f64().unwrap();
            assert!((ours - theirs).abs() <= 1e-10, "{name}: {ours} against {theirs}");
        }
        let digest: String =
            Sha256::digest(trees(&trained.text)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected["trees_sha256"].as_str().unwrap(), "{name}: the trees differ in text");
    }
}
