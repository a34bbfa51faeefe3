//! Watching production: what a version saw, and what it sees.

pub mod baseline;
pub mod count;
