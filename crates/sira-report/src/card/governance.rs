//! What a score leads to, what the version had to show, and who let it through.

use super::json::{facts, is_known, list, shown, text};
use crate::page::Section;
use serde_json::Value;

pub fn policy(card: &Value) -> Section {
    let section = Section::new("Decisions");
    let Some(policy) = card.get("decision_policy").filter(|policy| policy.is_object()) else {
        return section
            .note("No decision policy: scores are given without a decision. sira_set_policy sets one.");
    };
    let section = section.facts(&facts(
        policy,
        &[
            ("version", "Policy"),
            ("created_at", "Since"),
            ("created_by", "Set by"),
            ("threshold", "Threshold"),
            ("fallback", "Where nothing can be scored"),
            ("cost_matrix", "Costs"),
        ],
    ));
    let mut from = "0".to_owned();
    let rows: Vec<Vec<String>> = list(policy, "bands")
        .iter()
        .map(|band| {
            let upto = band.get("upto").map_or_else(|| "1".to_owned(), shown);
            let row = vec![format!("{from} to {upto}"), label(band, "class"), label(band, "decision")];
            from = upto;
            row
        })
        .collect();
    match rows.is_empty() {
        true => section,
        false => {
            section.table("Bands (up to, and without, the upper end)", &["score", "class", "decision"], &rows)
        }
    }
}

/// What a band gives, or nothing: a band need not name both.
fn label(band: &Value, key: &str) -> String {
    band.get(key).map_or_else(String::new, shown)
}

pub fn gates(card: &Value) -> Section {
    let section = Section::new("Gates");
    let gates = list(card, "gates");
    if gates.is_empty() {
        return section.note("No gate stands before this version now, or your role may not see it.");
    }
    let mut columns: Vec<&str> = Vec::new();
    for gate in gates.iter().filter_map(Value::as_object) {
        for name in gate.keys() {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
    }
    let rows: Vec<Vec<String>> = gates
        .iter()
        .map(|gate| columns.iter().map(|name| gate.get(*name).map_or_else(String::new, cell)).collect())
        .collect();
    let heads: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    section.table("What the version must show, stage by stage", &heads, &rows)
}

/// A cell of a table is empty where there is nothing.
fn cell(value: &Value) -> String {
    if value.is_null() { String::new() } else { shown(value) }
}

pub fn history(card: &Value) -> Section {
    let mut section = Section::new("Approvals and history");
    section = match (card.get("approvals"), is_known(card, "approvals")) {
        (_, true) => section.table(
            "Signatures",
            &["when", "stage", "who", "decision", "comment", "covers"],
            &rows(card, "approvals", &["at", "stage", "signer", "decision", "comment", "digest"]),
        ),
        (Some(Value::Array(_)), false) => section.note("Nobody has signed this version."),
        _ => section.note("Signatures may not be read by your role."),
    };
    match is_known(card, "transitions") {
        true => section.table(
            "Steps of this version",
            &["when", "from", "to", "who", "as", "reason", "digest"],
            &rows(card, "transitions", &["at", "from", "to", "actor", "acted_as", "reason", "digest"]),
        ),
        false => section.note("This version has not moved since it was registered, or its history may not be read by your role."),
    }
}

fn rows(card: &Value, key: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let digest = |text: String| text.chars().take(12).collect::<String>();
    list(card, key)
        .iter()
        .map(|row| {
            columns
                .iter()
                .map(|column| match row.get(*column) {
                    None | Some(Value::Null) => String::new(),
                    Some(_) if *column == "digest" => digest(text(row, column)),
                    Some(value) => shown(value),
                })
                .collect()
        })
        .collect()
}
