//! MLflow's directories: what is read of them, what is refused, and what is written.
#![allow(clippy::unwrap_used)]

use sira_core::calibration::{Calibration, Method};
use sira_core::ensemble::{self, Ensemble, Format};
use sira_core::signature::{Feature, FeatureKind, Signature, Task};
use sira_mlflow::{Origin, describe, files, recorded_signature, signature};
use std::ops::ControlFlow;

const MLMODEL: &str = "flavors:\n  lightgbm:\n    code: null\n    data: model.lgb\n    lgb_version: 4.7.0\n    \
     model_class: lightgbm.basic.Booster\n  python_function:\n    loader_module: mlflow.lightgbm\nmlflow_version: 3.17.2\n\
     run_id: 0123abcd\n";

fn model(name: &str) -> (Vec<u8>, Ensemble) {
    let path = format!("{}/../../tests/models/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(path).unwrap();
    let format = Format::of(&bytes);
    let ensemble = ensemble::load(format, &bytes, &mut || ControlFlow::Continue(())).unwrap();
    (bytes, ensemble)
}

#[test]
fn a_description_is_read() {
    let described = describe(MLMODEL).unwrap();
    assert_eq!((described.format, described.data.as_str()), (Format::LightGbm, "model.lgb"));
    assert_eq!(described.origin["run_id"], "0123abcd");
    assert_eq!(described.origin["library_version"], "4.7.0");
}

#[test]
fn what_is_no_tree_model_or_no_description_is_refused() {
    let cases = [
        ("", "MLmodel cannot be read"),
        ("flavors: [", "MLmodel cannot be read"),
        ("a: &x [1]\nflavors: *x\n", "MLmodel cannot be read"),
        ("flavors:\n  sklearn:\n    pickled_model: model.pkl\n", "the MLflow model cannot be imported"),
        ("just text", "the MLflow model cannot be imported"),
    ];
    for (text, message) in cases {
        assert_eq!(describe(text).unwrap_err().message, message, "{text}");
    }
    assert!(describe(&"[".repeat(100_000)).is_err());
    let wrapper = MLMODEL.replace("lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier");
    assert!(describe(&wrapper).unwrap_err().detail.unwrap().contains("pickled"));
    for path in ["/etc/passwd", "../model.lgb", "a/../../b", "a//b", "'..\\x'", "."] {
        let text = MLMODEL.replace("data: model.lgb", &format!("data: {path}"));
        assert!(describe(&text).unwrap_err().detail.unwrap().contains("out of its directory"), "{path}");
    }
}

#[test]
fn columns_must_be_those_of_the_model() {
    let (_, ensemble) = model("binary.txt");
    let own = Signature::from_ensemble(&ensemble);
    let with = |columns: &[(String, &str)]| {
        let inputs: Vec<_> =
            columns.iter().map(|(name, kind)| serde_json::json!({ "name": name, "type": kind })).collect();
        let inputs = serde_json::to_string(&inputs).unwrap().replace('\'', "''");
        signature(&describe(&format!("{MLMODEL}signature:\n  inputs: '{inputs}'\n")).unwrap(), &ensemble)
    };
    let same: Vec<(String, &str)> =
        own.features.iter().map(|feature| (feature.name.clone(), "double")).collect();
    assert_eq!(with(&same).unwrap(), own);
    assert!(with(&same[1..]).is_err());
    let mut other = same.clone();
    other[0].0 = "somebody else's".to_owned();
    assert!(with(&other).is_err() || own.features[0].name == "Column_0");
    let mut text = same.clone();
    let numeric = own.features.iter().position(|feature| feature.kind == FeatureKind::Numeric).unwrap();
    text[numeric].1 = "string";
    assert!(with(&text).unwrap_err().detail.unwrap().contains("categories"));
    let mut flag = same;
    flag[numeric].1 = "boolean";
    assert_eq!(with(&flag).unwrap().features[numeric].kind, FeatureKind::Boolean);
}

#[test]
fn what_is_written_is_read_again() {
    for name in
        ["binary.txt", "multiclass.txt", "pandas.txt", "xgboost/3.2.0-stump.json", "xgboost/3.2.0-stump.ubj"]
    {
        let (bytes, ensemble) = model(name);
        let own = Signature::from_ensemble(&ensemble);
        let origin = Origin {
            model: "it's \"fraud\": *x",
            version: 3,
            digest: "00ff",
            library_version: Some("4.7.0"),
            created: "2026-11-21 22:11:19",
        };
        let (data, written) = files(Format::of(&bytes), &bytes, &ensemble, &own, &origin);
        let (_, mlmodel) = written.iter().find(|(path, _)| path == "MLmodel").unwrap();
        let described = describe(mlmodel).unwrap();
        assert_eq!((described.format, &described.data), (Format::of(&bytes), &data), "{name}");
        assert_eq!(signature(&described, &ensemble).unwrap(), own, "{name}");
    }
}

#[test]
fn what_mlflow_does_not_know_comes_back_with_its_own_artifact() {
    let (bytes, ensemble) = model("binary.txt");
    let own = Signature::from_ensemble(&ensemble);
    let categories = ["web", "1", "true", "it's \"pos\": #x", "null", ""].map(str::to_owned).to_vec();
    let features = own
        .features
        .iter()
        .map(|feature| match feature.is_categorical() {
            true => Feature::text(feature.name.clone(), categories.clone()),
            false => feature.clone(),
        })
        .collect();
    let classes = vec!["0".to_owned(), "1".to_owned()];
    let mut whole = Signature::new(Task::Binary, features, classes, Some("1".to_owned()));
    let labels = [false, true, false, true, true, false, true];
    let scores = [0.1, 0.2, 0.3, 0.35, 0.6, 0.7, 0.9];
    whole.calibration = Some(Calibration::fit(Method::Platt, &scores, &labels, None).unwrap());
    let origin = Origin { model: "m", version: 1, digest: "00ff", library_version: None, created: "" };
    let (_, written) = files(Format::LightGbm, &bytes, &ensemble, &whole, &origin);
    let described = describe(&written.first().unwrap().1).unwrap();
    assert_eq!(recorded_signature(&described, "00ff", &ensemble).unwrap(), Some(whole));
    // Copied beside another model it says nothing of that one.
    assert_eq!(recorded_signature(&described, "00fe", &ensemble).unwrap(), None);
    assert_eq!(recorded_signature(&describe(MLMODEL).unwrap(), "00ff", &ensemble).unwrap(), None);
    let (_, other) = model("multiclass.txt");
    assert!(recorded_signature(&described, "00ff", &other).is_err());
}

#[test]
fn names_are_written_whole() {
    let (bytes, ensemble) = model("regression.txt");
    let own = Signature::from_ensemble(&ensemble);
    let hostile = "a\"b': {x}\n#";
    let features: Vec<Feature> = own
        .features
        .iter()
        .enumerate()
        .map(|(at, f)| Feature::new(format!("{hostile}{at}"), f.kind))
        .collect();
    let renamed = Signature::new(Task::Regression, features, Vec::new(), None);
    let origin = Origin { model: hostile, version: 1, digest: "", library_version: None, created: "" };
    let (_, written) = files(Format::LightGbm, &bytes, &ensemble, &renamed, &origin);
    let mlmodel = &written.first().unwrap().1;
    assert!(describe(mlmodel).is_ok(), "{mlmodel}");
}
