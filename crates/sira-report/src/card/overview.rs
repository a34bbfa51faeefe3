//! What the model is, and what it must not be taken for.

use super::json::{facts, is_known, list, shown, string};
use crate::page::Section;
use serde_json::Value;

pub fn overview(model: &Value, version: &Value, card: &Value) -> Section {
    let mut section = Section::new("Overview");
    section = match string(model, "description") {
        Some(description) => section.text(description),
        None => section.note(
            "Nobody has written down what this model is for. UPDATE sira_models SET description = '…' says it here.",
        ),
    };
    let mut known = facts(
        model,
        &[
            ("name", "Model"),
            ("display_name", "Called"),
            ("model_type", "Type"),
            ("task", "Task"),
            ("entity_type", "About a"),
            ("owner", "Owner"),
            ("enabled", "Enabled"),
            ("created_at", "Created"),
        ],
    );
    known.extend(facts(
        version,
        &[
            ("number", "Version"),
            ("label", "Label"),
            ("status", "State"),
            ("status_reason", "Reason given"),
            ("format", "Format"),
            ("artifact_digest", "Artifact (SHA-256)"),
            ("artifact_bytes", "Artifact, bytes"),
            ("created_at", "Registered"),
            ("created_by", "Registered by"),
            ("promoted_at", "Promoted"),
            ("promoted_by", "Promoted by"),
            ("aliases", "Aliases"),
            ("tags", "Tags"),
        ],
    ));
    section = section.facts(&known);
    if !is_known(card, "curves") {
        section = section.note(
            "The curves of this version were not recorded: it was brought from elsewhere, or registered without a test part.",
        );
    }
    section
}

pub fn limits(card: &Value) -> Section {
    list(card, "limits").iter().fold(Section::new("Limits"), |section, limit| section.text(&shown(limit)))
}
