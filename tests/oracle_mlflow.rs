//! Boosters that MLflow saved, scored by us; and written back by us, loaded by MLflow. `scripts/stages/25-oracle` makes them.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use sira_core::ensemble::{self, codec};
use sira_core::predict;
use sira_mlflow::{Origin, describe, files, signature};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Imports one directory, compares scores, and writes it back into another.
fn there_and_back(from: &Path, to: &Path) {
    let name = from.file_name().unwrap().to_string_lossy().into_owned();
    let described = describe(&fs::read_to_string(from.join("MLmodel")).unwrap()).unwrap();
    let bytes = fs::read(from.join(&described.data)).unwrap();
    let ensemble = ensemble::load(described.format, &bytes, &mut || ControlFlow::Continue(())).unwrap();
    let own = signature(&described, &ensemble).unwrap();
    let names: Vec<&str> = own.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(names, ["amount", "hour of day", "rate", "is_new"], "{name}");

    let compiled = codec::compile(&ensemble);
    let model = codec::Compiled::open(&compiled).unwrap();
    let asked = fs::read_to_string(from.join("asked.json")).unwrap();
    let parsed: Value = serde_json::from_str(&asked).unwrap();
    let rows = parsed["rows"].as_array().unwrap();
    let mut farthest = 0.0_f64;
    for (row, wanted) in rows.iter().zip(parsed["scores"].as_array().unwrap()) {
        let scores = predict::scores(&model, &numbers(row)).unwrap();
        for (found, wanted) in scores.iter().zip(numbers(wanted)) {
            farthest = farthest.max((found - wanted).abs());
        }
    }
    // XGBoost transforms in single precision by its own exp; LightGBM's differs from the pinned one in the last bits.
    let allowed = if name.starts_with("xgboost") { 3e-7 } else { 1e-15 };
    println!("{name}: {} rows, largest difference {farthest:e}", rows.len());
    assert!(farthest <= allowed, "{name}: {farthest:e}");

    let origin = Origin {
        model: "fraud",
        version: 1,
        digest: "",
        library_version: described.origin["library_version"].as_str(),
        created: "2026-11-21 22:11:19.071049",
    };
    let (data, written) = files(described.format, &bytes, &ensemble, &own, &origin);
    let folder = to.join(&name);
    fs::create_dir_all(&folder).unwrap();
    for (path, text) in written {
        fs::write(folder.join(path), text).unwrap();
    }
    fs::write(folder.join(data), &bytes).unwrap();
    fs::write(folder.join("asked.json"), asked).unwrap();
}

#[test]
fn boosters_come_from_mlflow_and_go_back() {
    let Some(root) = std::env::var_os("SIRA_ORACLE_DIR").map(PathBuf::from) else { return };
    let (from, to) = (root.join("mlflow"), root.join("mlflow-back"));
    let _ = fs::remove_dir_all(&to);
    let mut count = 0;
    for entry in fs::read_dir(from).unwrap() {
        there_and_back(&entry.unwrap().path(), &to);
        count += 1;
    }
    assert_eq!(count, 6);
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let loaded = Command::new(format!("{top}/scripts/oracle"))
        .arg(format!("{top}/tests/oracle/mlflow/load_back.py"))
        .arg(&to)
        .status()
        .unwrap();
    assert!(loaded.success());
}
