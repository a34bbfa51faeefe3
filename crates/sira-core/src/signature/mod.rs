//! What a model takes and gives.

use serde::{Deserialize, Serialize};

/// What kind of question a model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Binary,
    Multiclass,
    Regression,
    Ranking,
    Anomaly,
}
