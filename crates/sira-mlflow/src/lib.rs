//! MLflow's model directories, in and out.
//!
//! A directory is described by its file `MLmodel` (YAML). Of its flavours two hold trees in a form that is documented by their
//! library: `lightgbm` (the text of `Booster.save_model`) and `xgboost` (its JSON or UBJSON). The scikit-learn wrappers are
//! pickled and are refused: a pickle is a program.

#![forbid(unsafe_code)]

mod read;
mod write;
mod yaml;

pub use read::{Described, describe, recorded_signature, signature};
pub use write::{Origin, files};
