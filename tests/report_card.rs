//! Model cards as pages, and the curves that they are drawn from.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use roxmltree::{Document, ParsingOptions};
use serde_json::{Value, json};
use sira_core::ensemble::{codec, lightgbm};
use sira_core::signature::{Feature, FeatureKind, Signature, Task};
use sira_core::{metrics, shap};
use sira_report::curves::{self, Scored};

/// The sections of a card, in their order.
const SECTIONS: [&str; 11] = [
    "Overview",
    "Metrics",
    "Curves",
    "What it looks at",
    "Training",
    "Features",
    "Decisions",
    "Gates",
    "Approvals and history",
    "Since it answers",
    "Limits",
];

fn headings(html: &str) -> Vec<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(html, options).unwrap();
    for node in document.descendants() {
        assert!(!["script", "img", "link", "iframe", "object"].contains(&node.tag_name().name()), "{html}");
        for attribute in node.attributes() {
            assert!(attribute.name() != "src" && !attribute.name().starts_with("on"), "{html}");
            assert!(attribute.name() != "href" || attribute.value().starts_with('#'), "{html}");
        }
    }
    assert!(!html.contains("url(") && !html.contains("@import"));
    let heads = document.descendants().filter(|node| node.tag_name().name() == "h2");
    heads.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// Numbers that look drawn by lot and are the same everywhere.
fn dice(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn binary(rows: usize) -> (Signature, Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut dice = dice(7);
    let features = vec![Feature::new("amount", FeatureKind::Numeric)];
    let signature = Signature::new(Task::Binary, features, Vec::new(), None);
    let scores: Vec<f64> = (0..rows).map(|_| (dice() * 200.0).round() / 200.0).collect();
    let labels = scores.iter().map(|score| f64::from(dice() < *score * *score)).collect();
    let weights = scores.iter().map(|_| 0.5 + dice()).collect();
    (signature, scores, labels, weights)
}

#[test]
fn a_card_of_nothing_is_a_page() {
    for card in
        [json!({}), json!(null), json!([1]), json!({"model": 1, "curves": {}, "gates": {}, "metrics": []})]
    {
        assert_eq!(headings(&sira_report::card::html(&card).unwrap()), SECTIONS);
    }
}

#[test]
fn a_whole_card_shows_every_plot() {
    let (signature, scores, labels, weights) = binary(5000);
    let scored = Scored { answers: &scores, width: 1, labels: &labels, weights: Some(&weights) };
    let mut curves = curves::of(&signature, &scored);
    curves.insert("rows".into(), json!(5000));
    curves.insert("of".into(), json!(5000));
    curves.insert(
        "shap".into(),
        json!({"rows": 5, "mean_absolute": [{"feature": "amount", "value": 0.5}],
        "swarm": [{"feature": "amount", "bins": [[-1.0, 3, null], [1.0, 9, 0.7]]}]}),
    );
    let hostile = "<script>alert(1)</script>";
    let card = json!({
        "model": {"name": hostile, "task": "binary", "description": hostile},
        "version": {"number": 3, "status": "production"},
        "metrics": {"auc": 0.93, "confusion": {"tp": 1}, "validation": {"auc": 0.9}},
        "curves": curves,
        "importance": [{"feature": hostile, "gain": 10.0, "split": 3}],
        "training": {"query": hostile, "history": [{"round": 1, "train": 0.5, "validation": 0.6, "metric": "auc"}]},
        "signature": {"features": [{"name": hostile, "kind": "text", "categories": 3}]},
        "transitions": [{"from": "candidate", "to": "validated", "actor": hostile, "digest": "00ff00ff00ff00ff"}],
        "approvals": [{"signer": hostile, "decision": "approve", "comment": hostile}],
        "gates": [{"stage": "validated", "passed": true, "note": null}],
        "evaluations": [{"metrics": {"auc": 0.9}, "intervals": {"auc": [0.89, 0.91]},
                         "slices": {"country": {hostile: {"auc": 0.8}}}}],
        "performance": [{"auc": 0.9, "period_end": "2026-01-01"}, {"auc": 0.91, "period_end": "2025-12-01"}],
        "drift": [{"drift_type": "data", "feature_key": hostile}],
        "limits": ["none known"],
    });
    let html = sira_report::card::html(&card).unwrap();
    assert_eq!(headings(&html), SECTIONS);
    for plot in [
        "ROC curve",
        "Precision-recall curve",
        "Calibration",
        "Scores by class",
        "Importance by gain",
        "Mean |contribution| (SHAP)",
        "SHAP summary",
        "Learning curve",
        "Performance",
    ] {
        assert!(html.contains(&format!("role=\"img\" aria-label=\"{plot}\"")), "{plot}");
    }
    assert!(html.contains("0.89 to 0.91") && !html.contains("<script"));
}

#[test]
fn what_was_measured_and_says_nothing_is_not_called_missing() {
    let card = json!({
        "metrics": {"auc": null, "rows": 9, "validation": {"auc": null}},
        "evaluations": [{"metrics": {"log_loss": null}, "intervals": {"log_loss": [null, null]},
                         "slices": {"country": {"FR": {"ks": null}}}}],
    });
    let html = sira_report::card::html(&card).unwrap();
    for told in [">cannot be said</td>", "ks cannot be said"] {
        assert!(html.contains(told), "{told}: {html}");
    }
    assert!(!html.contains(">not recorded</td>") && !html.contains("said to"), "{html}");
}

fn point(value: &Value, at: usize) -> (f64, f64) {
    (value[at][0].as_f64().unwrap(), value[at][1].as_f64().unwrap())
}

#[test]
fn curves_say_what_the_metrics_say() {
    let (signature, scores, labels, weights) = binary(5000);
    let truth: Vec<bool> = labels.iter().map(|label| *label != 0.0).collect();
    for weights in [None, Some(weights.as_slice())] {
        let measured = serde_json::to_value(metrics::binary(&scores, &truth, weights, 0.5).unwrap()).unwrap();
        let drawn = curves::of(&signature, &Scored { answers: &scores, width: 1, labels: &labels, weights });
        let close = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-4;
        assert!(close(&drawn["roc"][0]["auc"], &measured["auc"]));
        let precision = &drawn["precision_recall"][0];
        let average = measured.get("pr_auc").or(measured.get("average_precision")).unwrap();
        assert!(close(&precision["average_precision"], average), "{precision} {measured}");
        let roc = &drawn["roc"][0]["points"];
        let count = roc.as_array().unwrap().len();
        assert!((100..=200).contains(&count), "{count}");
        assert_eq!((point(roc, 0), point(roc, count - 1)), ((0.0, 0.0), (1.0, 1.0)));
        // The thinned curve has the whole one's area.
        let area: f64 = (1..count)
            .map(|at| {
                let (before, now) = (point(roc, at - 1), point(roc, at));
                (now.0 - before.0) * (now.1 + before.1) / 2.0
            })
            .sum();
        assert!((area - measured["auc"].as_f64().unwrap()).abs() < 1e-3, "{area}");
        let counted: f64 = drawn["scores"]["classes"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|class| class["counts"].as_array().unwrap())
            .map(|count| count.as_f64().unwrap())
            .sum();
        let whole: f64 = weights.map_or(5000.0, |weights| weights.iter().sum());
        assert!((counted / whole - 1.0).abs() < 1e-3);
    }
}

#[test]
fn degenerate_scores_have_curves_too() {
    let (signature, ..) = binary(1);
    for (scores, labels) in [
        (vec![], vec![]),
        (vec![0.5], vec![1.0]),
        (vec![0.5; 9], vec![0.0; 9]),
        (vec![f64::NAN, 0.1], vec![1.0, 0.0]),
    ] {
        let scored = Scored { answers: &scores, width: 1, labels: &labels, weights: None };
        let card = json!({"model": {"task": "binary"}, "curves": curves::of(&signature, &scored)});
        assert_eq!(headings(&sira_report::card::html(&card).unwrap()), SECTIONS);
        let regression = Signature::new(Task::Regression, Vec::new(), Vec::new(), None);
        let card = json!({"model": {"task": "regression"}, "curves": curves::of(&regression, &scored)});
        assert_eq!(headings(&sira_report::card::html(&card).unwrap()), SECTIONS);
    }
}

#[test]
fn many_classes_have_a_curve_each() {
    let signature =
        Signature::new(Task::Multiclass, Vec::new(), (0..12).map(|c| format!("c{c}")).collect(), None);
    let mut dice = dice(3);
    let answers: Vec<f64> = (0..12 * 600).map(|_| dice()).collect();
    let labels: Vec<f64> = (0..600).map(|row| f64::from(row % 12)).collect();
    let scored = Scored { answers: &answers, width: 12, labels: &labels, weights: None };
    let drawn = curves::of(&signature, &scored);
    assert_eq!(drawn["roc"].as_array().unwrap().len(), 8);
    assert_eq!(drawn["roc"][0]["class"], "c0");
}

#[test]
fn contributions_are_counted_and_tell_nobodys_value() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/models/binary.txt"))
        .unwrap();
    let bytes = codec::compile(&lightgbm::parse(&text).unwrap());
    let model = codec::Compiled::open(&bytes).unwrap();
    let names: Vec<String> = (0..model.feature_count()).map(|at| format!("f{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut dice = dice(11);
    let rows: Vec<f64> = (0..300 * names.len()).map(|_| dice() * 4.0 - 2.0).collect();
    let summary = curves::contributions(&model, &names, &rows).unwrap();
    assert_eq!(summary["rows"], 300);
    // The means are those of the contributions one by one.
    let mut wanted = vec![0.0; names.len()];
    let mut out = vec![0.0; names.len() + 1];
    for row in rows.chunks(names.len()) {
        shap::contributions(&model, row, &mut out).unwrap();
        wanted.iter_mut().zip(&out).for_each(|(sum, part)| *sum += part.abs() / 300.0);
    }
    let told = summary["mean_absolute"].as_array().unwrap();
    assert_eq!(told.len(), names.len());
    for one in told {
        let at = names.iter().position(|name| *name == one["feature"]).unwrap();
        assert!((one["value"].as_f64().unwrap() - wanted[at]).abs() <= 1e-4 * wanted[at], "{one}");
    }
    for swarm in summary["swarm"].as_array().unwrap() {
        let bins = swarm["bins"].as_array().unwrap();
        let counted: i64 = bins.iter().map(|bin| bin[1].as_i64().unwrap()).sum();
        assert_eq!(counted, 300);
        assert!(bins.iter().all(|bin| bin[1].as_i64().unwrap() >= 5 || bin[2].is_null()), "{swarm}");
    }
}
