//! Whether anything is wrong, and how all of it was found.

use crate::card::json::{is_known, list, number, string, text};
use crate::number::short;
use crate::page::Section;
use serde_json::Value;

pub fn summary(report: &Value) -> Section {
    let model = report.get("model").unwrap_or(&Value::Null);
    let subjects = list(report, "subjects");
    let drifted: Vec<&str> = subjects
        .iter()
        .filter(|subject| subject.get("detected") == Some(&Value::Bool(true)))
        .filter_map(|subject| match string(subject, "subject") {
            Some("score") => Some("the scores"),
            _ => string(subject, "name"),
        })
        .collect();
    let newest = list(report, "runs").last();
    let open =
        list(report, "alerts").iter().filter(|alert| string(alert, "status") != Some("resolved")).count();
    let mut facts = vec![
        ("Model".to_owned(), text(model, "name")),
        ("Version".to_owned(), format!("{} ({})", text(model, "version"), text(model, "status"))),
        ("Predictions of the window".to_owned(), text(report, "predictions")),
        (
            "Drifted in the window".to_owned(),
            match (subjects.is_empty(), drifted.is_empty()) {
                (true, _) => "not known".to_owned(),
                (_, true) => "nothing".to_owned(),
                _ => drifted.join(", "),
            },
        ),
        (
            "Last drift run".to_owned(),
            newest.map_or_else(
                || "none".to_owned(),
                |run| {
                    format!(
                        "{} until {}: {}",
                        number(run, "score").map_or_else(|| "no score".to_owned(), short),
                        text(run, "until"),
                        text(run, "severity")
                    )
                },
            ),
        ),
        (
            "Open alerts".to_owned(),
            if report.get("alerts").is_some_and(Value::is_array) {
                open.to_string()
            } else {
                "not yours to read".to_owned()
            },
        ),
    ];
    if is_known(report, "folded_at") {
        facts.push((
            "Sketches last brought up to date".to_owned(),
            format!("{} (UTC)", text(report, "folded_at")),
        ));
    }
    Section::new("At a glance").facts(&facts)
}

pub fn alerts(report: &Value) -> Section {
    let section = Section::new("Alerts");
    let alerts = list(report, "alerts");
    if alerts.is_empty() {
        return section.note(match report.get("alerts") {
            Some(Value::Array(_)) => "No alert was raised about this model.",
            _ => "Alerts may not be read by your role.",
        });
    }
    let rows: Vec<Vec<String>> = alerts
        .iter()
        .map(|alert| {
            ["severity", "type", "status", "seen", "times", "message", "retrain_due"]
                .iter()
                .map(|key| match *key {
                    // Words, which a narrow column can break.
                    "type" => text(alert, key).replace('_', " "),
                    _ if is_known(alert, key) => text(alert, key),
                    _ => String::new(),
                })
                .collect()
        })
        .collect();
    let columns = ["severity", "type", "status", "last seen", "times", "what", "to be trained again by"];
    section.table("What is not resolved first, then the newest", &columns, &rows)
}

pub fn method(report: &Value) -> Section {
    let rule = report.get("rule").unwrap_or(&Value::Null);
    let setting = |key: &str, usual: f64| short(number(rule, key).unwrap_or(usual));
    Section::new("How it was measured")
        .text(
            "The reference is the version's frozen baseline; what is now are its hourly sketches over the same bins. Numbers \
             are cut into tenths of the reference, categories have a bin each (at most 50); missing values are a bin of \
             their own, and so are categories that the reference never saw. A share of 0 counts as 0.0001 in a PSI.",
        )
        .text(&format!(
            "A feature has drifted where an effect is above its threshold (PSI {}, KS {}) and no chance: p below 0.01 after \
             the correction of Benjamini and Hochberg over all tests of the page, with at least 100 rows a side.",
            setting("psi", 0.2),
            setting("ks", 0.15)
        ))
        .text("Drift score: 0.40 concept + 0.35 data + 0.25 prediction; a part without data gives its weight to the others.")
}
