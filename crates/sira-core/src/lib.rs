//! The mathematics of SIRA, free of PostgreSQL, clock, environment and global state.
#![forbid(unsafe_code)]

pub mod error;
pub mod policy;
pub mod registry;
pub mod signature;

pub use error::{Error, ErrorKind, Result};
