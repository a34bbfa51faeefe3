//! The registry's naming: how a model is asked for, and the ids of predictions.

pub mod model_ref;
pub mod time_ordered_id;
