//! Training with LightGBM: the only crate that links it.
