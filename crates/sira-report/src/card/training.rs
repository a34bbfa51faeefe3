//! What the version learned from, and how.

use super::json::{facts, is_known, list, number, shown, string, text};
use crate::page::Section;
use crate::plot::{Line, lines};
use serde_json::Value;
use sira_core::Result;

pub fn data(card: &Value) -> Result<Section> {
    let mut section = Section::new("Training");
    let Some(training) = card.get("training").filter(|training| training.is_object()) else {
        return Ok(section.note(
            "Not recorded: the version was not trained here, or its run may not be read by your role.",
        ));
    };
    section = section.facts(&facts(
        training,
        &[
            ("run_id", "Run"),
            ("experiment_name", "Experiment"),
            ("started_at", "Started"),
            ("finished_at", "Finished"),
            ("started_by", "Started by"),
            ("label", "Label"),
            ("feature_set", "Feature set"),
            ("rows_train", "Rows to train"),
            ("rows_validation", "Rows to validate"),
            ("rows_test", "Rows to test"),
            ("rows_without_label", "Rows without a label"),
            ("rows_in_embargo", "Rows in the embargo"),
            ("time_column", "Time column"),
            ("time_bounds", "Time bounds"),
            ("split", "Split"),
            ("embargo", "Embargo"),
            ("seed", "Seed"),
            ("threads", "Threads"),
            ("library_version", "Library"),
            ("data_digest", "Data (SHA-256)"),
            ("notes", "Notes"),
        ],
    ));
    if let Some(query) = string(training, "query") {
        section = section.code(query);
    }
    let parameters = card.get("parameters").unwrap_or(&Value::Null);
    let rows: Vec<Vec<String>> = parameters
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| vec![name.clone(), shown(value)])
        .collect();
    if !rows.is_empty() {
        section = section.table("Parameters", &["parameter", "value"], &rows);
    }
    learning(section, training)
}

/// The metric of each round, on what was held out.
fn learning(section: Section, training: &Value) -> Result<Section> {
    if !is_known(training, "history") {
        return Ok(section);
    }
    let rounds = list(training, "history");
    let of = |part: &str| -> Vec<(f64, f64)> {
        rounds.iter().filter_map(|round| Some((number(round, "round")?, number(round, part)?))).collect()
    };
    let (train, validation) = (of("train"), of("validation"));
    let metric = rounds.first().and_then(|round| string(round, "metric")).unwrap_or("metric");
    let series: Vec<Line<'_>> = [("training part", &train), ("validation part", &validation)]
        .into_iter()
        .filter(|(_, points)| !points.is_empty())
        .map(|(name, points)| Line { name, points })
        .collect();
    Ok(section.plot(
        &lines("Learning curve", "round", metric, &series)?,
        &format!("{metric} by round; round {} was kept.", text(training, "best_round")),
    ))
}

pub fn features(card: &Value) -> Section {
    let signature = card.get("signature").unwrap_or(&Value::Null);
    let rows: Vec<Vec<String>> = list(signature, "features")
        .iter()
        .map(|feature| {
            let categories = feature.get("categories").map_or_else(String::new, shown);
            vec![text(feature, "name"), text(feature, "kind"), categories]
        })
        .collect();
    let mut section = Section::new("Features");
    if rows.is_empty() {
        return section.note("The version has no signature.");
    }
    section = section.table(
        &format!("{} features, in the model's order", rows.len()),
        &["feature", "kind", "categories"],
        &rows,
    );
    section
        .facts(&facts(signature, &[("classes", "Classes"), ("positive", "The score is the probability of")]))
}
