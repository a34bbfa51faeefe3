//! A model card as a page: what `sira_model_card` says in JSON, for people.
//!
//! The order follows Mitchell et al., "Model Cards for Model Reporting" (2019): what it is and whom it serves, what it learned
//! from, how good it is and for whom, what it answers by, who let it go live, and what it must not be taken for. A part that
//! was not recorded is said to be missing, with what would record it: silence would read as "nothing to report".

mod explanations;
mod governance;
pub(crate) mod json;
mod overview;
mod quality;
mod training;
mod watching;

use crate::page::Page;
use json::{string, text};
use serde_json::Value;
use sira_core::Result;

/// Renders a card as one HTML page.
pub fn html(card: &Value) -> Result<String> {
    let model = card.get("model").unwrap_or(&Value::Null);
    let version = card.get("version").unwrap_or(&Value::Null);
    let name = string(model, "name").unwrap_or_default();
    let title = format!("{name}, version {}", text(version, "number"));
    let subtitle = format!(
        "Model card · {} · {} · {}",
        text(model, "model_type"),
        text(model, "task"),
        text(version, "status")
    );
    Ok(Page::new(title, subtitle)
        .section(overview::overview(model, version, card))
        .section(quality::metrics(card))
        .section(quality::curves(card)?)
        .section(explanations::explanations(card)?)
        .section(training::data(card)?)
        .section(training::features(card))
        .section(governance::policy(card))
        .section(governance::gates(card))
        .section(governance::history(card))
        .section(watching::watching(card)?)
        .section(overview::limits(card))
        .html())
}
