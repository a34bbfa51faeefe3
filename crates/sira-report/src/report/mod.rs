//! A report on a version in production as a page: what `sira_report` says in JSON, for people.
//!
//! First whether anything is wrong, then what (alerts, features, scores), then how it came about (drift and performance over
//! time), then what the service does and costs. A part that was not recorded, or that the reader may not read, is said to be
//! missing, with what would record it.

mod confidence;
mod history;
mod service;
mod subjects;
mod summary;

use crate::card::json::{string, text};
use crate::page::Page;
use serde_json::Value;
use sira_core::Result;

/// Renders a report as one HTML page.
pub fn html(report: &Value) -> Result<String> {
    let model = report.get("model").unwrap_or(&Value::Null);
    let name = string(model, "name").unwrap_or_default();
    let title = format!("{name}, version {} in production", text(model, "version"));
    let subtitle = format!(
        "Report · {} to {} (UTC) · {} · {}",
        text(report, "from"),
        text(report, "until"),
        text(model, "task"),
        text(model, "status")
    );
    Ok(Page::new(title, subtitle)
        .section(summary::summary(report))
        .section(summary::alerts(report))
        .section(subjects::features(report)?)
        .section(subjects::scores(report)?)
        .section(history::drift(report)?)
        .section(history::performance(report)?)
        .section(service::latency(report)?)
        .section(service::cost(report)?)
        .section(summary::method(report))
        .html())
}
