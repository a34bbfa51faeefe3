//! Tuning: a study tries parameters on folds of the rows that do not judge, and trains the best.
//!
//! What a study is asked, and each trial, is a row, so that a study that was interrupted goes on with the next trial;
//! a suggestion depends on the trials before it alone.

pub mod study;
pub mod trial;
pub mod work;
