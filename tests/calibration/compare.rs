//! Sets of scores with what scikit-learn makes of them, one a line.

use serde_json::Value;
use sira_core::calibration::{Calibration, Method};

/// Platt's numbers come out of an iteration, ours and SciPy's; an isotonic regression is exact.
const WITHIN: [(Method, &str, f64); 2] =
    [(Method::Platt, "platt", 1e-7), (Method::Isotonic, "isotonic", 1e-12)];

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Compares all of them; gives their number.
pub fn all(lines: &str) -> usize {
    let mut cases = 0;
    for line in lines.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let scores = floats(&case["scores"]);
        let labels: Vec<bool> =
            case["labels"].as_array().unwrap().iter().map(|v| v.as_bool().unwrap()).collect();
        let weights = case["weights"].is_array().then(|| floats(&case["weights"]));
        for (method, name, within) in WITHIN {
            let ours = Calibration::fit(method, &scores, &labels, weights.as_deref()).unwrap();
            ours.check().unwrap();
            for (asked, theirs) in floats(&case["asked"]).into_iter().zip(floats(&case[name])) {
                let answer = ours.apply(asked);
                assert!(
                    (answer - theirs).abs() <= within,
                    "{name} of {asked}: {answer}, not {theirs}, {case}"
                );
            }
        }
        cases += 1;
    }
    cases
}
