//! Every task trains, beats the trivial predictor, and repeats to the byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "train/mod.rs"]
mod shared;

use serde_json::json;
use shared::*;
use sira_core::signature::Task;
use sira_train::{Params, Rows};

fn rmse(predictions: &[f64], labels: &[f64]) -> f64 {
    let sum: f64 = predictions.iter().zip(labels).map(|(p, y)| (p - y) * (p - y)).sum();
    (sum / labels.len() as f64).sqrt()
}

#[test]
fn binary_beats_the_prior_and_uses_holes_and_categories() {
    let table = binary(4000, 1);
    let (train, validation) = halves(4000);
    let rows = Rows { train: &train, validation: &validation };
    let trained = fit(Task::Binary, 2, json!({"num_leaves": 15}), &table, rows, 42).unwrap();
    let predictions = predict(&trained.text, &table, &validation, 1);
    let labels = || validation.iter().map(|r| table.label[*r as usize]);
    let prior = labels().sum::<f64>() / validation.len() as f64;
    let trivial = log_loss(&vec![prior; validation.len()], labels());
    let ours = log_loss(&predictions, labels());
    assert!(ours < 0.5 * trivial, "log loss {ours} against {trivial}");
    let said = trained.history[trained.best_round - 1].validation.unwrap();
    assert!((ours - said).abs() < 1e-6, "history says {said}, prediction {ours}");
    for useful in ["amount", "share", "with holes", "kind: of"] {
        let importance = trained.importance.iter().find(|i| i.feature == useful).unwrap();
        assert!(importance.split > 0 && importance.gain > 0.0, "{useful} is not used");
    }
    assert!(trained.text.contains("feature_names=amount share with_holes kind__of noise\n"));
    assert!(trained.text.contains("num_cat=1"), "no categorical split");
    assert!(!trained.text.contains("num_threads"));
    assert_eq!(trained.library_version, "lightgbm 4.7.0");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let table = binary(3000, 2);
    let (train, validation) = halves(3000);
    let rows = Rows { train: &train, validation: &validation };
    let bagged = json!({"bagging_fraction": 0.7, "feature_fraction": 0.8, "rounds": 30});
    let run = |seed| fit(Task::Binary, 2, bagged.clone(), &table, rows, seed).unwrap().text;
    assert_eq!(run(42), run(42));
    assert_ne!(run(42), run(43));
    let params = Params::from_json(Task::Binary, 2, &bagged).unwrap().validate().unwrap();
    let two = sira_train::train(&params, 42, 2, &table, rows, &mut go_on).unwrap();
    assert_eq!(run(42), two.text, "the number of threads must not show");
}

#[test]
fn early_stopping_keeps_the_best_round() {
    let table = binary(1500, 3);
    let (train, validation) = halves(1500);
    let rows = Rows { train: &train, validation: &validation };
    let json =
        json!({"rounds": 400, "learning_rate": 0.3, "early_stopping_rounds": 20, "min_data_in_leaf": 5});
    let trained = fit(Task::Binary, 2, json, &table, rows, 42).unwrap();
    let best = trained
        .history
        .iter()
        .min_by(|a, b| a.validation.unwrap().total_cmp(&b.validation.unwrap()))
        .unwrap();
    assert_eq!(trained.best_round, best.round);
    assert_eq!(trained.history.len(), best.round + 20, "stopped twenty rounds later");
    assert_eq!(trained.text.matches("\nTree=").count(), best.round);
}

#[test]
fn early_stopping_follows_a_measure_that_grows() {
    let table = binary(1500, 3);
    let (train, validation) = halves(1500);
    let rows = Rows { train: &train, validation: &validation };
    let json = json!({"metric": "auc", "rounds": 200, "early_stopping_rounds": 20});
    let trained = fit(Task::Binary, 2, json, &table, rows, 42).unwrap();
    let best = trained.history.iter().map(|r| r.validation.unwrap()).fold(0.0, f64::max);
    assert_eq!(trained.history[trained.best_round - 1].validation, Some(best));
    assert!(best > 0.9, "AUC {best}");
}

#[test]
fn without_validation_all_rounds_are_kept() {
    let table = binary(800, 4);
    let train: Vec<u32> = (0..800).collect();
    let rows = Rows { train: &train, validation: &[] };
    let trained = fit(Task::Binary, 2, json!({"rounds": 12}), &table, rows, 42).unwrap();
    assert_eq!((trained.best_round, trained.history.len()), (12, 12));
    assert!(trained.history.iter().all(|r| r.validation.is_none() && r.train.is_some()));
}

#[test]
fn weights_move_the_prediction() {
    let mut table = binary(2000, 5);
    let train: Vec<u32> = (0..2000).collect();
    let rows = Rows { train: &train, validation: &[] };
    let mean = |table: &_| {
        let trained = fit(Task::Binary, 2, json!({"rounds": 20}), table, rows, 42).unwrap();
        predict(&trained.text, table, &train, 1).iter().sum::<f64>() / 2000.0
    };
    let plain = mean(&table);
    table.weight = Some(table.label.iter().map(|y| if *y > 0.5 { 3.0 } else { 0.5 }).collect());
    let weighted = mean(&table);
    assert!(weighted > plain + 0.05, "{plain} and {weighted}");
}

#[test]
fn multiclass_beats_the_prior() {
    let (mut table, score) = table(3000, 6);
    table.label = score
        .iter()
        .map(|s| {
            if *s < -0.5 {
                0.0
            } else if *s < 1.0 {
                1.0
            } else {
                2.0
            }
        })
        .collect();
    let (train, validation) = halves(3000);
    let rows = Rows { train: &train, validation: &validation };
    for objective in ["multiclass", "ova"] {
        let json = json!({"objective": objective, "rounds": 60, "num_leaves": 15});
        let trained = fit(Task::Multiclass, 3, json, &table, rows, 42).unwrap();
        let predictions = predict(&trained.text, &table, &validation, 3);
        let loss: f64 = predictions
            .chunks(3)
            .zip(&validation)
            .map(|(p, r)| -(p[table.label[*r as usize] as usize] / p.iter().sum::<f64>()).ln())
            .sum::<f64>()
            / validation.len() as f64;
        assert!(loss < 0.7 * 3_f64.ln(), "{objective}: {loss}");
        assert!(trained.text.contains("num_tree_per_iteration=3\n"));
    }
}

#[test]
fn every_regression_objective_beats_the_mean() {
    let (mut table, score) = table(3000, 7);
    table.label = score.iter().map(|s| s + 6.0).collect();
    let (train, validation) = halves(3000);
    let labels: Vec<f64> = validation.iter().map(|r| table.label[*r as usize]).collect();
    let mean = train.iter().map(|r| table.label[*r as usize]).sum::<f64>() / train.len() as f64;
    let trivial = rmse(&vec![mean; labels.len()], &labels);
    let rows = Rows { train: &train, validation: &validation };
    let objectives = ["l2", "l1", "huber", "fair", "poisson", "quantile", "mape", "gamma", "tweedie"];
    for objective in objectives {
        let mut json = json!({"objective": objective});
        if objective == "quantile" {
            json["alpha"] = json!(0.5);
        }
        let trained = fit(Task::Regression, 0, json, &table, rows, 42).unwrap();
        let ours = rmse(&predict(&trained.text, &table, &validation, 1), &labels);
        assert!(ours < 0.5 * trivial, "{objective}: {ours} against {trivial}");
    }
}

#[test]
fn a_ranking_orders_within_scattered_groups() {
    let (mut table, score) = table(3000, 8);
    table.label = score.iter().map(|s| (s + 2.0).clamp(0.0, 4.0).floor()).collect();
    table.group = Some((0..3000).map(|row| row % 150).collect());
    let train: Vec<u32> = (0..3000).filter(|r| r % 150 < 100).collect();
    let validation: Vec<u32> = (0..3000).filter(|r| r % 150 >= 100).collect();
    let rows = Rows { train: &train, validation: &validation };
    let trained = fit(Task::Ranking, 0, json!({"rounds": 50}), &table, rows, 42).unwrap();
    let best = &trained.history[trained.best_round - 1];
    assert_eq!(best.metric, "ndcg@10");
    assert!(best.validation.unwrap() > 0.85, "ndcg {:?}", best.validation);
}

#[test]
fn every_boosting_trains() {
    let table = binary(2000, 9);
    let (train, validation) = halves(2000);
    let rows = Rows { train: &train, validation: &validation };
    let labels = || validation.iter().map(|r| table.label[*r as usize]);
    for boosting in ["gbdt", "dart", "rf", "goss"] {
        let trained = fit(Task::Binary, 2, json!({"boosting": boosting}), &table, rows, 42).unwrap();
        let loss = log_loss(&predict(&trained.text, &table, &validation, 1), labels());
        assert!(loss < 0.45, "{boosting}: {loss}");
    }
}
