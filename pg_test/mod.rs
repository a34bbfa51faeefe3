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

/// What `cargo pgrx test` asks for: nothing to set up, no settings.
pub fn setup(_options: Vec<&str>) {}

pub fn postgresql_conf_options() -> Vec<&'static str> {
    vec![]
}
