//! Training: a query becomes a data set, the data set a model, the model a candidate version.
//!
//! What is recorded makes a run repeatable: rows are put into an order of their own content before they
//! are split or trained on, so that the order in which a scan happens to return them does not matter.

pub mod ask;
pub mod champion;
pub mod dataset;
pub mod evaluation;
pub mod fit;
pub mod label;
pub mod plan;
pub mod prepare;
pub mod run;
pub mod settings;
pub mod stored;
