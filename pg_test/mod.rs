//! Tests inside the backend: what only a function of the extension, or a session that lives on, can see.
//!
//! One file for each file of `src/api`; `world` makes the models that they ask.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bands;
mod explain;
mod ids;
mod models;
mod predict;
mod replay;
mod score;
mod status;
mod train;
mod trigger;
mod world;

/// What `cargo pgrx test` asks for: nothing to set up.
pub fn setup(_options: Vec<&str>) {}

/// The models here are small and need not be good: gates are tested from outside.
pub fn postgresql_conf_options() -> Vec<&'static str> {
    vec!["sira.min_auc = 0", "sira.min_precision = 0", "sira.min_recall = 0", "sira.min_improvement = -1"]
}
