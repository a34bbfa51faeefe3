//! Transactions in text: what `sira_normalize_text` and its kin ask of the core.

use pgrx::prelude::*;
use sira_core::text;

/// The comparable form of a description.
#[pg_extern(sql = false)]
fn sira_normalize_text(description: &str) -> String {
    text::normalise(description)
}

/// The words that say something about it.
#[pg_extern(sql = false)]
fn sira_tokens(description: &str) -> Vec<String> {
    text::tokens(description)
}

/// Whether it comes again by itself.
#[pg_extern(sql = false)]
fn sira_is_subscription(description: &str) -> bool {
    text::is_subscription(description)
}

/// By which way the money moved.
#[pg_extern(sql = false)]
fn sira_channel(description: &str) -> &'static str {
    text::channel(description).name()
}

/// A position in a cycle, as its sine.
#[pg_extern(sql = false)]
fn sira_cycle_sin(position: f64, period: f64) -> f64 {
    text::cycle_sin(position, period)
}

/// And as its cosine: the two together name the position.
#[pg_extern(sql = false)]
fn sira_cycle_cos(position: f64, period: f64) -> f64 {
    text::cycle_cos(position, period)
}
