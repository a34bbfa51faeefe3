//! Thousands of random comparisons against SciPy: statistics to 1e-12, p-values to 1e-9.
//!
//! `tests/oracle/scipy_statistics.py` makes the cases. Where `SIRA_ORACLE_DIR` does not name what it made, there is
//! nothing to compare.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use serde_json::Value;
use sira_core::Result;
use sira_core::stats::ks::{Alternative, Method};
use sira_core::stats::population::{self, Moments};
use sira_core::stats::{Test, chi_square, distance, divergence, ks, multiple};
use std::fs;
use std::path::PathBuf;

const STATISTIC: f64 = 1e-12;
const P_VALUE: f64 = 1e-9;

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn counts(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect()
}

/// Relative where numbers are large; what SciPy could not say is not compared.
fn close(what: &str, ours: f64, theirs: &Value, within: f64, case: &Value) {
    let Some(theirs) = theirs.as_f64() else { return };
    assert!(
        (ours - theirs).abs() <= within * theirs.abs().max(1.0),
        "{what}: {ours:e}, not {theirs:e}, in {}",
        case.to_string().chars().take(600).collect::<String>()
    );
}

fn same(what: &str, ours: Result<Test>, theirs: &Value, case: &Value) {
    if theirs.is_null() {
        return;
    }
    let ours = ours.unwrap();
    close(what, ours.statistic, &theirs["statistic"], STATISTIC, case);
    close(&format!("{what}, p-value"), ours.p_value, &theirs["p_value"], P_VALUE, case);
}

fn alternative(name: &str) -> Alternative {
    match name {
        "two-sided" => Alternative::TwoSided,
        "less" => Alternative::Less,
        "greater" => Alternative::Greater,
        other => panic!("{other}"),
    }
}

fn compare_ks(a: &[f64], b: &[f64], case: &Value) {
    for (name, theirs) in case["ks"].as_object().unwrap() {
        let (side, method) = name.split_once('/').unwrap();
        let method = match method {
            "exact" => Method::Exact,
            "asymp" => Method::Asymptotic,
            _ => Method::Auto,
        };
        same(&format!("ks {name}"), ks::test(a, b, alternative(side), method), theirs, case);
    }
}

fn compare(case: &Value) {
    match case["kind"].as_str().unwrap() {
        "sample" => {
            let (a, b) = (floats(&case["reference"]), floats(&case["current"]));
            compare_ks(&a, &b, case);
            close(
                "wasserstein",
                distance::wasserstein(&a, &b).unwrap(),
                &case["wasserstein"],
                STATISTIC,
                case,
            );
            let normalised = distance::wasserstein_normalised(&a, &b).unwrap();
            close("normalised", normalised, &case["wasserstein_normalised"], 1e-10, case);
            let (a, b) = (Moments::of(&a), Moments::of(&b));
            // SciPy sums without care where means are far from 0: its own accuracy is the limit.
            if let Some(theirs) = case.get("mean") {
                let ours = population::mean(a, b).unwrap();
                close("mean", ours.statistic, &theirs["statistic"], 1e-9, case);
                close("mean, p-value", ours.p_value, &theirs["p_value"], P_VALUE, case);
            }
            if let Some(theirs) = case.get("variance") {
                let ours = population::variance(a, b).unwrap();
                close("variance", ours.statistic, &theirs["statistic"], 1e-9, case);
                close("variance, p-value", ours.p_value, &theirs["p_value"], P_VALUE, case);
            }
        }
        "histogram" => {
            let (p, q) = (counts(&case["reference"]), counts(&case["current"]));
            close(
                "psi",
                divergence::population_stability_index(&p, &q).unwrap(),
                &case["psi"],
                STATISTIC,
                case,
            );
            // SciPy's own sum cancels where the sides are close: the square is what is accurate.
            let ours = divergence::jensen_shannon(&p, &q).unwrap();
            let theirs = case["jensen_shannon"].as_f64().unwrap();
            assert!((ours.powi(2) - theirs.powi(2)).abs() <= STATISTIC, "{ours} {theirs} {case}");
            close("hellinger", divergence::hellinger(&p, &q).unwrap(), &case["hellinger"], STATISTIC, case);
            let variation = divergence::total_variation(&p, &q).unwrap();
            close("total variation", variation, &case["total_variation"], STATISTIC, case);
            same("independence", chi_square::independence(&p, &q), &case["independence"], case);
            same("fit", chi_square::fit(&p, &q), &case["fit"], case);
        }
        "large" => {
            let (m, n) = (case["m"].as_u64().unwrap(), case["n"].as_u64().unwrap());
            let shift = case["shift"].as_f64().unwrap();
            let mut a: Vec<f64> = (0..m).map(|i| (i as f64 * 0.618_033_988_749_894_9) % 1.0).collect();
            let mut b: Vec<f64> =
                (0..n).map(|i| (i as f64 * 0.754_877_666_246_692_7) % 1.0 + shift).collect();
            if case["root"].as_bool().unwrap() {
                a.iter_mut().for_each(|value| *value = value.sqrt());
                b.iter_mut().for_each(|value| *value = value.sqrt() * (1.0 + shift));
            }
            compare_ks(&a, &b, case);
        }
        "tail" => {
            let (n, d) = (case["n"].as_f64().unwrap(), case["d"].as_f64().unwrap());
            close("tail", ks::one_sample_tail(n, d), &case["tail"], P_VALUE, case);
        }
        "adjusted" => {
            let ours = multiple::benjamini_hochberg(&floats(&case["p_values"]));
            for (ours, theirs) in ours.iter().zip(floats(&case["adjusted"])) {
                close("adjusted", *ours, &theirs.into(), STATISTIC, case);
            }
        }
        other => panic!("{other}"),
    }
}

#[test]
fn statistics_equal_scipy() {
    let Some(folder) = std::env::var_os("SIRA_ORACLE_DIR").map(PathBuf::from) else {
        println!("SIRA_ORACLE_DIR is not set: nothing to compare with");
        return;
    };
    let cases = fs::read_to_string(folder.join("scipy/cases.jsonl")).unwrap();
    let mut number = 0;
    for line in cases.lines() {
        compare(&serde_json::from_str(line).unwrap());
        number += 1;
    }
    assert!(number > 5000, "only {number} comparisons");
    println!("{number} comparisons");
}
