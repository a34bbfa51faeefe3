//! The mathematics of SIRA, free of PostgreSQL, clock, environment and global state.
#![forbid(unsafe_code)]

pub mod ensemble;
pub mod error;
pub mod metrics;
pub mod policy;
pub mod predict;
pub mod registry;
pub mod shap;
pub mod signature;
pub mod split;

pub use error::{Error, ErrorKind, Result};
