//! The mathematics of SIRA, free of PostgreSQL, clock, environment and global state.
//!
//! Unsafe code is denied but for `cpu`, which picks the instructions to run with.
#![deny(unsafe_code)]

pub mod calendar;
pub mod calibration;
mod cpu;
pub mod drift;
pub mod ensemble;
pub mod error;
pub mod feature;
pub mod latency;
pub mod metrics;
pub mod policy;
pub mod predict;
pub mod registry;
pub mod shap;
pub mod signature;
pub mod split;
pub mod stats;
pub mod template;
pub mod text;
pub mod tuning;

pub use error::{Error, ErrorKind, Result};
