//! What is written down with a version for its model card.

pub mod curves;
