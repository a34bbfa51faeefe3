//! What cannot be trained is refused before LightGBM sees it, with a kind, a detail and a hint.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

#[path = "train/mod.rs"]
mod shared;

use std::ops::ControlFlow;

use serde_json::{Value, json};
use shared::*;
use sira_core::signature::Task;
use sira_core::{Error, ErrorKind};
use sira_train::{Params, Phase, Rows, Table, train};

fn refused(task: Task, json: Value) -> Error {
    let error = Params::from_json(task, 3, &json).and_then(Params::validate).expect_err(&json.to_string());
    assert_eq!(error.kind, ErrorKind::InvalidParameter, "{json}");
    assert!(error.hint.is_some(), "{json}: no hint");
    error
}

#[test]
fn parameters_that_do_not_exist_or_reach_outside_are_unknown() {
    let outside = [
        "nonsense",
        "data",
        "valid",
        "config",
        "input_model",
        "output_model",
        "snapshot_freq",
        "machines",
        "machine_list_filename",
        "forcedsplits_filename",
        "forcedbins_filename",
        "parser_config_file",
        "device_type",
        "device",
        "gpu_platform_id",
        "num_machines",
        "local_listen_port",
        "task",
        "linear_tree",
        "num_threads",
        "seed",
        "verbosity",
        "num_class",
        "categorical_feature",
        "save_binary",
        "tree_learner",
        "label_column",
    ];
    for name in outside {
        let error = refused(Task::Binary, json!({ name: 1 }));
        assert_eq!(error.message, format!("unknown training parameter \"{name}\""));
    }
    let hint = refused(Task::Binary, json!({"nonsense": 1})).hint.unwrap();
    assert!(hint.contains("num_leaves, max_depth, min_data_in_leaf"), "{hint}");
}

#[test]
fn values_of_the_wrong_type_or_range_are_refused() {
    let binary = [
        json!({"num_leaves": 1}),
        json!({"num_leaves": 1e9}),
        json!({"num_leaves": 15.5}),
        json!({"num_leaves": "15"}),
        json!({"num_leaves": null}),
        json!({"num_leaves": "15 machines=10.0.0.1"}),
        json!({"learning_rate": 0}),
        json!({"learning_rate": -0.1}),
        json!({"learning_rate": 1.5}),
        json!({"bagging_fraction": 0.0}),
        json!({"feature_fraction": 1.01}),
        json!({"rounds": 0}),
        json!({"rounds": 10, "n_estimators": 20}),
        json!({"max_bin": 1}),
        json!({"is_unbalance": 1}),
        json!({"objective": "regression"}),
        json!({"objective": "custom"}),
        json!({"metric": "rmse"}),
        json!({"boosting": "gblinear"}),
        json!({"boosting": "dart", "early_stopping_rounds": 10}),
        json!({"boosting": "rf", "bagging_fraction": 1.0}),
        json!({"boosting": "rf", "bagging_freq": 0}),
        json!({"boosting": "goss", "bagging_fraction": 0.5}),
        json!({"boosting": "goss", "top_rate": 0.8, "other_rate": 0.3}),
        json!({"boosting": "goss", "other_rate": 0.0}),
        json!({"is_unbalance": true, "scale_pos_weight": 2}),
        json!([1, 2]),
        json!("num_leaves=15"),
    ];
    for json in binary {
        refused(Task::Binary, json);
    }
    refused(Task::Anomaly, json!({}));
    refused(Task::Regression, json!({"objective": "binary"}));
    refused(Task::Regression, json!({"objective": "quantile", "alpha": 1}));
    refused(Task::Regression, json!({"pos_bagging_fraction": 0.5}));
    let error = refused(Task::Binary, json!({"num_leaves": 1}));
    assert_eq!(error.message, "invalid value for parameter \"num_leaves\"");
    assert_eq!(error.detail.as_deref(), Some("Got 1."));
    assert_eq!(error.hint.as_deref(), Some("\"num_leaves\" takes a whole number from 2 to 4096."));
}

#[test]
fn defaults_are_said() {
    let params = Params::from_json(Task::Binary, 2, &Value::Null).unwrap().validate().unwrap();
    assert_eq!(
        params.to_json(),
        json!({
            "boosting": "gbdt", "early_stopping_min_delta": 0.0, "early_stopping_rounds": 50,
            "learning_rate": 0.1, "max_bin": 255, "metric": "binary_logloss", "min_data_in_leaf": 20,
            "num_iterations": 100, "num_leaves": 31, "objective": "binary"
        })
    );
    let again = Params::from_json(Task::Binary, 2, &params.to_json()).unwrap().validate().unwrap();
    assert_eq!(again.to_json(), params.to_json(), "what a run records can be given again");
}

fn bad(task: Task, json: Value, table: &Table, kind: ErrorKind) -> Error {
    let n = table.label.len();
    let (learn, validation) = halves(n);
    let error = fit(task, 3, json, table, Rows { train: &learn, validation: &validation }, 42).unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    error
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    let fine = binary(400, 1);
    let with = |row: usize, label: f64| {
        let mut table = fine.clone();
        table.label[row] = label;
        table
    };
    let mut constant = fine.clone();
    constant.label = vec![1.0; 400];
    for (task, json) in
        [(Task::Binary, json!({})), (Task::Regression, json!({})), (Task::Multiclass, json!({}))]
    {
        let error = bad(task, json, &constant, ErrorKind::BadLabel);
        assert_eq!(error.message, "label is constant");
        assert_eq!(error.detail.as_deref(), Some("It is 1 in all 280 rows of the training part."));
    }
    let error = bad(Task::Binary, json!({}), &with(300, f64::NAN), ErrorKind::BadLabel);
    assert_eq!(error.message, "label is missing");
    assert_eq!(error.detail.as_deref(), Some("Row 301 of the training query has none."));
    bad(Task::Binary, json!({}), &with(3, 2.0), ErrorKind::BadLabel);
    bad(Task::Binary, json!({}), &with(3, 0.5), ErrorKind::BadLabel);
    bad(Task::Multiclass, json!({}), &with(3, 3.0), ErrorKind::BadLabel);
    bad(Task::Multiclass, json!({}), &with(3, -1.0), ErrorKind::BadLabel);
    bad(Task::Regression, json!({}), &with(3, f64::INFINITY), ErrorKind::InfiniteValue);
    bad(Task::Regression, json!({}), &with(3, 1e39), ErrorKind::InfiniteValue);
    for objective in ["poisson", "tweedie", "gamma"] {
        bad(Task::Regression, json!({"objective": objective}), &with(3, -1.0), ErrorKind::BadLabel);
    }
    bad(Task::Regression, json!({"objective": "gamma"}), &fine, ErrorKind::BadLabel);
    let mut ranking = with(3, 31.0);
    bad(Task::Ranking, json!({}), &ranking, ErrorKind::InvalidParameter);
    ranking.group = Some((0..400).map(|i| i / 10).collect());
    bad(Task::Ranking, json!({}), &ranking, ErrorKind::BadLabel);

    let mut one_sided = fine.clone();
    one_sided.label[280..].fill(0.0);
    let error = bad(Task::Binary, json!({"metric": "auc"}), &one_sided, ErrorKind::BadLabel);
    assert_eq!(error.message, "label is constant in the validation part");
}

#[test]
fn weights_rows_and_features_that_do_not_fit_are_refused() {
    let fine = binary(400, 1);
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let mut table = fine.clone();
        table.weight = Some(vec![1.0; 400]);
        table.weight.as_mut().unwrap()[9] = weight;
        bad(Task::Binary, json!({}), &table, ErrorKind::InvalidParameter);
    }
    let mut table = fine.clone();
    table.weight = Some(vec![0.0; 400]);
    bad(Task::Binary, json!({}), &table, ErrorKind::InvalidParameter);
    let mut table = fine.clone();
    table.weight = Some(fine.label.clone());
    assert_eq!(bad(Task::Binary, json!({}), &table, ErrorKind::BadLabel).message, "label is constant");

    for value in [f64::INFINITY, f64::NEG_INFINITY, 1e301] {
        for row in [3, 390] {
            let mut table = fine.clone();
            table.columns[1].values[row] = value;
            let error = bad(Task::Binary, json!({}), &table, ErrorKind::InfiniteValue);
            assert_eq!(error.message, "feature \"share\" has an infinite value");
            assert!(error.detail.unwrap().ends_with(&format!("in row {} of the training query.", row + 1)));
        }
    }
    for value in [-1.0, 1.5, 1e7] {
        let mut table = fine.clone();
        table.columns[3].values[3] = value;
        bad(Task::Binary, json!({}), &table, ErrorKind::FeatureType);
    }
    let error = bad(Task::Binary, json!({"min_data_in_leaf": 141}), &fine, ErrorKind::NotEnoughData);
    assert_eq!(error.detail.as_deref(), Some("280 rows; two leaves of 141 rows need 282."));
    let empty = Table {
        columns: fine.columns.iter().map(|c| sira_train::Column { values: vec![], ..c.clone() }).collect(),
        ..Table::default()
    };
    bad(Task::Binary, json!({}), &empty, ErrorKind::NotEnoughData);
    let featureless = Table { columns: vec![], ..fine.clone() };
    bad(Task::Binary, json!({}), &featureless, ErrorKind::NotEnoughData);
    let mut dull = fine.clone();
    dull.columns.iter_mut().for_each(|c| c.values.fill(2.0));
    assert_eq!(
        bad(Task::Binary, json!({}), &dull, ErrorKind::NotEnoughData).message,
        "no feature splits the training rows"
    );
    let mut uneven = fine.clone();
    uneven.columns[0].values.pop();
    bad(Task::Binary, json!({}), &uneven, ErrorKind::Training);
    let params = Params::from_json(Task::Binary, 2, &json!({})).unwrap().validate().unwrap();
    let beyond: Vec<u32> = (0..=400).collect();
    let rows = Rows { train: &beyond, validation: &[] };
    assert_eq!(train(&params, 1, 1, &fine, rows, &mut go_on).unwrap_err().kind, ErrorKind::Training);
}

#[test]
fn awkward_but_fair_inputs_train() {
    let mut table = binary(400, 1);
    table.columns[0].name = "amount".into();
    for (column, name) in table.columns.iter_mut().zip(["", "a b", "a\tb", "größe", "a,b"]) {
        column.name = name.into();
    }
    table.columns[4].values.fill(f64::NAN);
    table.columns[1].values[5] = 1e300;
    table.columns[0].values[6] = -0.0;
    let (learn, validation) = halves(400);
    let rows = Rows { train: &learn, validation: &validation };
    let trained = fit(Task::Binary, 2, json!({}), &table, rows, u64::MAX).unwrap();
    assert!(trained.text.contains("feature_names=_ a_b a_b_2 größe a_b_3\n"), "{}", &trained.text[..300]);
    assert_eq!(trained.importance[2].feature, "a\tb");
    assert_eq!(predict(&trained.text, &table, &learn, 1).len(), 280);
}

#[test]
fn an_observer_that_unwinds_is_no_leak_and_no_crash() {
    let table = binary(2000, 1);
    let (learn, validation) = halves(2000);
    let rows = Rows { train: &learn, validation: &validation };
    let params = Params::from_json(Task::Binary, 2, &json!({})).unwrap().validate().unwrap();
    let unwound = std::panic::catch_unwind(|| {
        train(&params, 42, 1, &table, rows, &mut |progress| {
            if progress.phase == Phase::Boosting {
                std::panic::resume_unwind(Box::new("host error"));
            }
            ControlFlow::Continue(())
        })
    });
    assert!(unwound.is_err());
    assert!(fit(Task::Binary, 2, json!({"rounds": 3}), &table, rows, 42).is_ok());
}

#[test]
fn a_class_without_training_rows_is_only_unlikely() {
    let (mut table, score) = table(600, 3);
    table.label = score.iter().map(|s| if *s < 0.0 { 0.0 } else { 2.0 }).collect();
    let (learn, validation) = halves(600);
    let rows = Rows { train: &learn, validation: &validation };
    let trained = fit(Task::Multiclass, 4, json!({"rounds": 10}), &table, rows, 42).unwrap();
    for row in predict(&trained.text, &table, &validation, 4).chunks(4) {
        assert!(row[1] < 1e-6 && row[3] < 1e-6 && (row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
    }
}

/// Whether this thread would take an interrupt.
fn hears_interrupts() -> bool {
    let mut mask = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: asks for the thread's mask, and reads it once it is written.
    unsafe {
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr()), 0);
        libc::sigismember(mask.as_ptr(), libc::SIGINT) == 0
    }
}

#[test]
fn the_host_hears_signals_whenever_it_is_asked_and_after() {
    let table = binary(2000, 1);
    let (learn, validation) = halves(2000);
    let rows = Rows { train: &learn, validation: &validation };
    let params = Params::from_json(Task::Binary, 2, &json!({"rounds": 5})).unwrap().validate().unwrap();
    let mut asked = 0;
    train(&params, 42, 2, &table, rows, &mut |_| {
        asked += 1;
        assert!(hears_interrupts());
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(asked > 10 && hears_interrupts());
}
