//! Thousands of calibrations as scikit-learn fits them.
//!
//! `tests/oracle/calibration_sklearn.py` makes the cases. Where `SIRA_ORACLE_DIR` does not name what it made, there is
//! nothing to compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

#[path = "calibration/compare.rs"]
mod compare;

use std::fs;
use std::path::PathBuf;

#[test]
fn calibrations_equal_scikit_learn() {
    let Some(folder) = std::env::var_os("SIRA_ORACLE_DIR").map(PathBuf::from) else {
        println!("SIRA_ORACLE_DIR is not set: nothing to compare with");
        return;
    };
    let cases = compare::all(&fs::read_to_string(folder.join("calibration/cases.jsonl")).unwrap());
    assert!(cases >= 2000, "only {cases} sets of scores");
    println!("{cases} sets of scores");
}
