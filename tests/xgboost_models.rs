//! Recorded models of several versions of XGBoost: what they answer, how they describe themselves, what is refused.
//! `tests/models/xgboost/make.py` records them; `tests/oracle_xgboost.rs` asks the library itself about hundreds more.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use serde_json::{Value, json};
use sira_core::ensemble::{self, Compiled, Ensemble, xgboost};
use sira_core::signature::Signature;
use sira_core::{ErrorKind, predict};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models/xgboost")
}

fn read(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn parse(name: &str) -> Ensemble {
    xgboost::parse(&read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names without their ending.
fn recorded() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ubj"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn margins_are_those_of_every_version() {
    let mut compared = 0;
    for name in recorded().into_iter().filter(|name| !name.contains("refused")) {
        let ensemble = parse(&format!("{name}.json"));
        assert_eq!(ensemble, parse(&format!("{name}.ubj")), "{name}");
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        assert!(model.is_explainable() || name.ends_with("stump"), "{name}");
        let expected: Value = serde_json::from_slice(&read(&format!("{name}.expected"))).unwrap();
        let rows = expected["rows"].as_array().unwrap();
        for (row, margins) in rows.iter().zip(expected["margins"].as_array().unwrap()) {
            let mut own = vec![0.0; model.outputs()];
            predict::raw(&model, &numbers(row), &mut own).unwrap();
            for (own, said) in own.iter().zip(numbers(margins)) {
                // Older versions take the base score out of a dart's tree and put it back.
                let close = (own - said).abs() <= 1e-6 && name.ends_with("dart") && !name.starts_with("3.2");
                assert!(own.to_bits() == said.to_bits() || close, "{name}: {own}, XGBoost says {said}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 3 * 7 * 20, "{compared}");
}

/// XGBoost's own answers: `-0.0` of trees that are added to a base of −0, `0.0` of a dart's, where each tree is first
/// added to zero.
#[test]
fn a_negative_zero_stays_only_where_the_library_keeps_it() {
    for (name, own, negative) in [
        ("3.2.0-dart", "/learner/gradient_booster/gbtree/model/trees", false),
        ("3.2.0-pruned", "/learner/gradient_booster/model/trees", true),
    ] {
        let mut model: Value = serde_json::from_slice(&read(&format!("{name}.json"))).unwrap();
        *model.pointer_mut("/learner/learner_model_param/base_score").unwrap() = json!("[-0E0]");
        for tree in model.pointer_mut(own).unwrap().as_array_mut().unwrap() {
            let leaves: Vec<bool> =
                tree["left_children"].as_array().unwrap().iter().map(|child| *child == -1).collect();
            for (condition, leaf) in tree["split_conditions"].as_array_mut().unwrap().iter_mut().zip(leaves) {
                if leaf {
                    *condition = json!(-0.0);
                }
            }
        }
        let ensemble = xgboost::parse(&serde_json::to_vec(&model).unwrap()).unwrap();
        let bytes = ensemble::compile(&ensemble);
        let model = Compiled::open(&bytes).unwrap();
        let mut own = vec![1.0; model.outputs()];
        predict::raw(&model, &vec![0.5; model.feature_count()], &mut own).unwrap();
        assert_eq!((own[0], own[0].is_sign_negative()), (0.0, negative), "{name}");
    }
}

#[test]
fn a_model_describes_its_features() {
    let features = |name: &str| Signature::from_ensemble(&parse(name)).to_json().unwrap()["features"].clone();
    assert_eq!(
        features("3.2.0-words.ubj"),
        json!([
            {"name": "amount", "kind": "numeric"},
            {"name": "channel", "kind": "text", "categories": ["cafe", "shop", "web", "atm", "night club"]},
            {"name": "code", "kind": "text", "categories": ["3", "7", "11"]},
            {"name": "age", "kind": "numeric"},
        ])
    );
    // Before 3.4 the library counted letters where it meant bytes, and lost some.
    let lost =
        String::from_utf8(read("3.2.0-words.json")).unwrap().replacen("[99,97,102,", "[-61,-87,102,", 1);
    let features_of = |text: &str| {
        let ensemble = xgboost::parse(text.as_bytes()).unwrap();
        Signature::from_ensemble(&ensemble).to_json().unwrap()["features"][1].clone()
    };
    assert_eq!(features_of(&lost), json!({"name": "channel", "kind": "category"}));
    let notes = |text: &str| xgboost::parse(text.as_bytes()).unwrap().notes().to_vec();
    assert_eq!(
        notes(&lost)[0].message,
        "the artifact's words for categories are damaged, so codes are taken"
    );
    let kept = lost.replacen("\"version\":[3,2,0]", "\"version\":[3,4,0]", 1);
    assert_eq!(features_of(&kept)["categories"][0], json!("éfe"));
    assert!(notes(&kept).is_empty());
    // Before 3.1 the categories stayed with the data frame.
    assert_eq!(features("2.1.4-words.json")[1], json!({"name": "channel", "kind": "category"}));
    assert_eq!(
        features("3.2.0-unnamed.json"),
        json!([{"name": "f0", "kind": "numeric"}, {"name": "f1", "kind": "numeric"}])
    );
    let task = |name: &str| Signature::from_ensemble(&parse(name)).task.name();
    assert_eq!(
        [task("3.2.0-words.json"), task("3.2.0-unnamed.json"), task("3.2.0-classes.json")],
        ["binary", "regression", "multiclass"]
    );
}

#[test]
fn what_is_no_sum_of_trees_is_refused() {
    let mut refused = 0;
    for name in recorded().into_iter().filter(|name| name.contains("refused")) {
        for ending in ["json", "ubj"] {
            let error = xgboost::parse(&read(&format!("{name}.{ending}"))).unwrap_err();
            let message = match name.ends_with("linear") {
                true => "booster \"gblinear\" is not supported",
                false => "models with more than one target are not supported",
            };
            assert_eq!(
                (error.kind, error.message.as_str()),
                (ErrorKind::UnsupportedModel, message),
                "{name}: {error}"
            );
            assert!(error.hint.is_some());
            refused += 1;
        }
    }
    assert!(refused >= 4);
}
