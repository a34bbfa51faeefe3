//! Reports on versions in production: whole pages of whatever is known, and plots that show what they are given.
#![allow(clippy::unwrap_used)]

use roxmltree::{Document, ParsingOptions};
use serde_json::{Value, json};
use sira_report::plot::{Compared, Course, Dated, Threshold, compared_names, compared_numbers, timeline};

/// The sections of a report, in their order.
const SECTIONS: [&str; 9] = [
    "At a glance",
    "Alerts",
    "Features: when it was trained, and now",
    "Scores: then and now",
    "Drift over time",
    "Performance over time",
    "Calls and latency",
    "Cost",
    "How it was measured",
];

fn headings(html: &str) -> Vec<String> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let document = Document::parse_with_options(html, options).unwrap();
    for node in document.descendants() {
        assert!(
            !["script", "img", "link", "iframe", "object", "b"].contains(&node.tag_name().name()),
            "{html}"
        );
        for attribute in node.attributes() {
            assert!(attribute.name() != "src" && !attribute.name().starts_with("on"), "{html}");
            assert!(attribute.name() != "href" || attribute.value().starts_with('#'), "{html}");
        }
    }
    let heads = document.descendants().filter(|node| node.tag_name().name() == "h2");
    heads.map(|node| node.text().unwrap_or_default().to_owned()).collect()
}

/// Rectangles that are drawn, as x, y, width and height.
fn bars(svg: &str) -> Vec<[f64; 4]> {
    let document = Document::parse(svg).unwrap();
    let of = |node: roxmltree::Node<'_, '_>, name: &str| node.attribute(name).unwrap().parse().unwrap();
    let drawn =
        document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "rect")));
    drawn.map(|node| [of(node, "x"), of(node, "y"), of(node, "width"), of(node, "height")]).collect()
}

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let drawn = document.descendants().filter(|node| node.tag_name().name() == "text");
    drawn.map(|node| node.text().unwrap_or_default().trim().to_owned()).collect()
}

fn whole(name: &str) -> Value {
    json!({
        "model": {"name": name, "version": 3, "task": "binary", "status": "production"},
        "from": "2026-03-01 00:00", "until": "2026-03-08 00:00", "predictions": 800, "folded_at": name,
        "metrics": {"auc": 0.9, "accuracy": 0.8, "prevalence": 0.1}, "rule": {"psi": 0.2, "ks": 0.15}, "has_baseline": true,
        "subjects": [
            {"subject": "score", "name": "score", "kind": "numeric", "part": "validation", "cut_points": [0.1, 0.5],
             "reference": [50, 30, 20, 0], "current": [40, 30, 30, 0], "detected": false, "tests": null},
            {"subject": "feature", "name": name, "kind": "numeric", "cut_points": [1, 2], "reference": [50, 50, 0, 0],
             "current": [10, 20, 60, 10], "detected": true, "severity": "high",
             "tests": [{"method": "psi", "statistic": 1.25, "effect_size": 1.25}, {"method": "ks", "effect_size": 0.6, "note": name}]},
            {"subject": "feature", "name": "where", "kind": "categorical", "names": [name, "shop"],
             "reference": [60, 40, 0, 0, 0], "current": [20, 30, 0, 40, 10], "detected": false, "tests": []}],
        "runs": [{"day": 20500.0, "until": "2026-02-15 00:00", "score": 0.1, "severity": "low", "data": 0.2},
                 {"day": 20507.0, "until": name, "score": 0.8, "severity": "critical", "data": 1.0, "reference": name}],
        "performance": [{"day": 20500.0, "until": "x", "rows": 500, "auc": 0.88, "accuracy": 0.8, "estimated": true},
                        {"day": 20500.0, "until": "x", "rows": 400, "auc": 0.7, "accuracy": 0.6, "prevalence": 0.2, "estimated": false},
                        {"day": 20507.0, "until": "x", "rows": 400, "auc": 0.6, "accuracy": 0.5, "prevalence": 0.2, "estimated": false}],
        "alerts": [{"severity": "critical", "type": "drift_detected", "status": "open", "times": 2, "message": name, "seen": "x"}],
        "calls": [{"day": 20506.0, "calls": 10, "rows": 10, "errors": 1, "p50": 1e-5, "p95": 2e-5, "p99": 1e-4},
                  {"day": 20507.0, "calls": 20, "rows": 20, "errors": 0, "p50": 1e-5, "p95": 2e-5, "p99": 2e-4}],
        "counters": {"since": "x", "calls": 30, "rows": 30, "errors": 1, "fallbacks": 0, "p50": 1e-5, "p95": 2e-5, "p99": 1e-4},
        "costs": [{"period": "2026-03-01", "type": "llm_api", "service": name, "units": 9, "unit": null, "currency": "USD", "cost": 1.5}],
        "budgets": [{"of": "this model", "period": "month", "amount": 10, "currency": "USD", "spent": 1.5, "percent": 15, "state": "ok"}]
    })
}

#[test]
fn a_report_of_nothing_is_a_page() {
    for report in [
        json!({}),
        json!(null),
        json!([1]),
        json!({"model": 1, "subjects": {}, "runs": 3, "alerts": [2], "costs": [null]}),
    ] {
        assert_eq!(headings(&sira_report::report::html(&report).unwrap()), SECTIONS);
    }
}

#[test]
fn a_whole_report_shows_every_plot_and_no_name_becomes_markup() {
    let hostile = "<img src=x onerror=alert(1)> ]]> -- & 'q' \"q\" \u{202e}";
    let html = sira_report::report::html(&whole(hostile)).unwrap();
    assert_eq!(headings(&html), SECTIONS);
    assert_eq!(html.matches("role=\"img\"").count(), 9, "{html}");
    assert!(!html.contains("<img") && html.contains("&lt;img src=x"));
    for said in [
        "1 of 2 features have drifted",
        "estimate without labels",
        "critical: 0.7",
        "never seen before",
        "to be trained again",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn bars_are_as_high_as_shares() {
    // Six tenths then and three now in the first bin; nothing is missing then, a fifth now.
    let svg =
        compared_numbers("amount", &[1.0], Compared { before: &[60.0, 40.0, 0.0], now: &[30.0, 50.0, 20.0] })
            .unwrap();
    // Filled bars of both, outlines of now, and the key's three.
    let drawn = bars(&svg);
    let heights: Vec<f64> = drawn.iter().take(3).map(|bar| bar[3]).collect();
    assert!((heights[0] / heights[1] - 1.5).abs() < 0.02 && heights[2] <= 1.0, "{heights:?}");
    let now: Vec<f64> = drawn.iter().skip(3).step_by(2).take(3).map(|bar| bar[3]).collect();
    assert!((now[0] / heights[0] - 0.5).abs() < 0.02 && (now[2] / now[1] - 0.4).abs() < 0.02, "{now:?}");
    assert!(texts(&svg).contains(&"missing".to_owned()));
}

#[test]
fn categories_beyond_the_first_share_a_row() {
    let names: Vec<String> = (0..40).map(|at| format!("c{at}")).collect();
    let mut before: Vec<f64> = (0..40).map(|at| 40.0 - f64::from(at)).collect();
    before.extend([3.0, 0.0, 0.0]);
    let mut now = before.clone();
    now[41] = 100.0;
    let svg = compared_names("merchant", &names, Compared { before: &before, now: &now }).unwrap();
    let texts = texts(&svg);
    for said in ["c0", "c14", "all other categories", "never seen before"] {
        assert!(texts.contains(&said.to_owned()), "{said}: {texts:?}");
    }
    assert!(!texts.contains(&"c15".to_owned()) && !texts.contains(&"missing".to_owned()));
}

#[test]
fn counts_that_do_not_fit_their_bins_are_not_drawn() {
    for counts in [&[][..], &[1.0], &[0.0, 0.0, 0.0], &[f64::NAN, f64::INFINITY, -1.0]] {
        let svg = compared_numbers("x", &[1.0], Compared { before: counts, now: counts }).unwrap();
        assert!(texts(&svg).contains(&"no data".to_owned()));
        assert!(
            compared_names("x", &[], Compared { before: counts, now: counts }).unwrap().contains("no data")
        );
    }
    let cuts: Vec<f64> = (0..2000).map(f64::from).collect();
    let counts = vec![1.0; 2002];
    assert!(
        compared_numbers("x", &cuts, Compared { before: &counts, now: &counts }).unwrap().contains("no data")
    );
}

#[test]
fn a_timeline_has_dates_bands_and_thresholds() {
    let dated = |day: f64, value: f64| Dated { day, value, band: Some((value - 0.1, value + 0.1)) };
    let values = [dated(20_530.0, 0.5), dated(20_500.0, 0.8), dated(20_515.0, f64::NAN)];
    let course = Course { name: "AUC <b>", values: &values, estimated: false };
    let threshold = Threshold { name: "least", value: 0.6 };
    let far = Threshold { name: "far", value: 60.0 };
    let svg = timeline("AUC", "AUC", &[course], &[threshold, far], None).unwrap();
    let texts = texts(&svg);
    assert!(texts.contains(&"2026-02-16".to_owned()), "{texts:?}");
    assert!(texts.contains(&"least".to_owned()) && !texts.contains(&"far".to_owned()));
    assert_eq!(svg.matches("<polygon").count(), 1);
    let hours = timeline(
        "AUC",
        "AUC",
        &[Course { values: &[dated(20_500.0, 1.0), dated(20_501.0, 1.0)], ..course }],
        &[],
        None,
    );
    assert!(hours.unwrap().contains("02-16 12:00"));
    for nothing in [&[][..], &[dated(f64::NAN, 1.0)], &[dated(1.0, f64::INFINITY)]] {
        assert!(
            timeline("x", "y", &[Course { values: nothing, ..course }], &[], None)
                .unwrap()
                .contains("no data")
        );
    }
    assert!(timeline("x", "y", &[Course { values: &[dated(1e20, 1.0)], ..course }], &[], None).is_ok());
}
