//! Evaluation: a query's rows, scored by one version or two, measured, and written down.
//!
//! Rows are read once, as the caller, and scored on the way: of a row stays what the measures ask for (its scores, what
//! came true, its weight, its slices) and a digest of all its columns. By those digests the rows are put in order before
//! anything is measured, so that the same rows give the same numbers to the last bit however they come, and the digest
//! of the digests says which rows they were: two evaluations with one digest met one test.

pub mod champion;
pub mod compare;
pub mod contest;
pub mod labels;
pub mod measure;
pub mod record;
pub mod sheet;
pub mod thresholds;

mod image;
