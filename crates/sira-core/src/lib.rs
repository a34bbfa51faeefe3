//! The mathematics of SIRA, free of PostgreSQL, clock, environment and global state.
#![forbid(unsafe_code)]

pub mod error;

pub use error::{Error, ErrorKind, Result};
