//! What the model is asked, and what it answers: then and now.

use crate::card::json::{is_known, list, number, string};
use crate::number::short;
use crate::page::Section;
use crate::plot::{Compared, compared_names, compared_numbers};
use serde_json::Value;
use sira_core::Result;

/// Features that are drawn; the table has them all.
const DRAWN: usize = 100;

pub fn features(report: &Value) -> Result<Section> {
    let mut section = Section::new("Features: when it was trained, and now");
    let subjects = of_kind(report, "feature");
    if subjects.is_empty() {
        return Ok(section.note(&missing(report, "features")));
    }
    let drifted = subjects.iter().filter(|subject| is_drifted(subject)).count();
    section = section.text(&format!(
        "{drifted} of {} have drifted; those come first, then the others by how far they moved.",
        plural(subjects.len(), "feature")
    ));
    let rows: Vec<Vec<String>> = subjects.iter().map(|subject| row(subject)).collect();
    section = section.table(
        "Tests by feature",
        &[
            "feature",
            "drifted",
            "severity",
            "PSI",
            "KS or chi-square effect",
            "missing then → now",
            "unseen then → now",
            "remark",
        ],
        &rows,
    );
    for subject in subjects.iter().take(DRAWN) {
        section = section.plot(&drawn(subject)?, &caption(subject));
    }
    if subjects.len() > DRAWN {
        section = section.note(&format!("{} more features are in the table only.", subjects.len() - DRAWN));
    }
    Ok(section)
}

pub fn scores(report: &Value) -> Result<Section> {
    let section = Section::new("Scores: then and now");
    match of_kind(report, "score").first() {
        None => Ok(section.note(&missing(report, "scores"))),
        Some(subject) => {
            let part = string(subject, "part").unwrap_or("training");
            Ok(section
                .text(&format!(
                    "The reference are the answers for the {part} part of the run that made the version."
                ))
                .plot(&drawn(subject)?, &caption(subject)))
        }
    }
}

fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    list(report, "subjects").iter().filter(|subject| string(subject, "subject") == Some(kind)).collect()
}

fn missing(report: &Value, what: &str) -> String {
    match is_known(report, "has_baseline") && report.get("has_baseline") == Some(&Value::Bool(false)) {
        true => "This version has no baseline to compare with: sira_set_baseline freezes one from a query."
            .to_owned(),
        false => format!("No {what} can be compared: nothing is recorded, or your role may not read it."),
    }
}

fn is_drifted(subject: &Value) -> bool {
    subject.get("detected") == Some(&Value::Bool(true))
}

fn counts(subject: &Value, key: &str) -> Vec<f64> {
    list(subject, key).iter().map(|count| count.as_f64().unwrap_or(0.0)).collect()
}

fn drawn(subject: &Value) -> Result<String> {
    let name = string(subject, "name").unwrap_or_default();
    let (before, now) = (counts(subject, "reference"), counts(subject, "current"));
    let counts = Compared { before: &before, now: &now };
    if string(subject, "kind") == Some("categorical") {
        let names: Vec<String> = list(subject, "names").iter().map(crate::card::json::shown).collect();
        return compared_names(name, &names, counts);
    }
    let cuts: Vec<f64> = list(subject, "cut_points").iter().filter_map(Value::as_f64).collect();
    compared_numbers(name, &cuts, counts)
}

fn caption(subject: &Value) -> String {
    let name = string(subject, "name").unwrap_or_default();
    let verdict = match is_drifted(subject) {
        true => format!("drifted ({})", string(subject, "severity").unwrap_or("low")),
        false => "as before".to_owned(),
    };
    let figures: Vec<String> = list(subject, "tests")
        .iter()
        .filter_map(|test| {
            let statistic = number(test, "statistic")?;
            let method = match string(test, "method")? {
                "psi" => "PSI",
                "ks" => "KS",
                "chi_square" => "chi-square",
                _ => return None,
            };
            Some(format!("{method} {}", short(four_places(statistic))))
        })
        .collect();
    let rows = |key: &str| short(counts(subject, key).iter().sum());
    format!(
        "{name}: {verdict}. {}{}Shares of {} rows then and {} now.",
        figures.join(", "),
        if figures.is_empty() { "" } else { ". " },
        rows("reference"),
        rows("current")
    )
}

fn row(subject: &Value) -> Vec<String> {
    let test = |methods: &[&str], key: &str| {
        list(subject, "tests")
            .iter()
            .find(|test| string(test, "method").is_some_and(|method| methods.contains(&method)))
            .and_then(|test| number(test, key))
            .map_or_else(|| "–".to_owned(), |value| short(four_places(value)))
    };
    let drifted = is_drifted(subject);
    vec![
        string(subject, "name").unwrap_or_default().to_owned(),
        if drifted { "yes" } else { "no" }.to_owned(),
        if drifted { string(subject, "severity").unwrap_or_default().to_owned() } else { String::new() },
        test(&["psi"], "statistic"),
        test(&["ks", "chi_square"], "effect_size"),
        shares(subject, 1),
        match string(subject, "kind") {
            Some("categorical") => shares(subject, 2),
            _ => String::new(),
        },
        list(subject, "tests").iter().find_map(|test| string(test, "note")).unwrap_or_default().to_owned(),
    ]
}

/// The share of a bin counted from the last, then and now.
fn shares(subject: &Value, from_last: usize) -> String {
    let share = |key: &str| {
        let counts = counts(subject, key);
        let total: f64 = counts.iter().sum();
        let count = counts.len().checked_sub(from_last).and_then(|at| counts.get(at)).copied();
        count.filter(|_| total > 0.0).map_or_else(
            || "–".to_owned(),
            |count| format!("{} %", short((1e4 * count / total).round() / 100.0)),
        )
    };
    format!("{} → {}", share("reference"), share("current"))
}

/// What is smaller is nothing, here.
fn four_places(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
