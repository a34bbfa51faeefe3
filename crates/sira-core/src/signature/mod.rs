//! What a model takes and gives: the contract between a version and whoever asks it.
//!
//! A signature is stored as JSON beside the version. Fields that a later version of this extension
//! adds are skipped by an older one, and fields that it lacks get their defaults, so a dump moves
//! both ways. Features bind by name; the order is the model's.

mod feature;
mod index;
mod number;

pub use feature::{Feature, FeatureKind};
pub use number::number_text;

use crate::calibration::Calibration;
use crate::ensemble::{Ensemble, FeatureUse, Objective};
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

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

impl Task {
    /// The task that an objective is trained for. A loss of the user's own says nothing; then the
    /// number of outputs decides.
    pub fn of(objective: &Objective, outputs: usize) -> Self {
        match objective {
            Objective::Binary { .. } | Objective::CrossEntropy | Objective::Hinge => Self::Binary,
            Objective::Multiclass | Objective::MulticlassOva { .. } => Self::Multiclass,
            Objective::Lambdarank | Objective::RankXendcg => Self::Ranking,
            Objective::Custom if outputs > 1 => Self::Multiclass,
            _ => Self::Regression,
        }
    }

    /// The word in SQL, in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Multiclass => "multiclass",
            Self::Regression => "regression",
            Self::Ranking => "ranking",
            Self::Anomaly => "anomaly",
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Task {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Binary, Self::Multiclass, Self::Regression, Self::Ranking, Self::Anomaly]
            .into_iter()
            .find(|task| task.name() == text)
            .ok_or_else(|| {
                invalid(format!("task \"{text}\" is not known"))
                    .with_hint("Choose one of binary, multiclass, regression, ranking, anomaly.")
            })
    }
}

/// What a model takes and gives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Signature {
    pub task: Task,
    /// In the model's order. Whoever changes it calls [`Signature::new`] again.
    pub features: Vec<Feature>,
    /// Names of the outputs of a multiclass model, in order; of a binary one where its labels were
    /// words: the negative class first. Otherwise empty.
    pub classes: Vec<String>,
    /// The class that the score of a binary model is the probability of, where labels were words.
    pub positive: Option<String>,
    /// What a binary model's score goes through to become its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    #[serde(skip)]
    names: index::Index,
}

/// As stored; see [`Signature`].
#[derive(Deserialize)]
struct Stored {
    task: Task,
    features: Vec<Feature>,
    #[serde(default)]
    classes: Vec<String>,
    #[serde(default)]
    positive: Option<String>,
    #[serde(default)]
    calibration: Option<Calibration>,
}

impl From<Stored> for Signature {
    fn from(stored: Stored) -> Self {
        let signature = Self::new(stored.task, stored.features, stored.classes, stored.positive);
        Self { calibration: stored.calibration, ..signature }
    }
}

impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        (self.task, &self.features, &self.classes, &self.positive, &self.calibration)
            == (other.task, &other.features, &other.classes, &other.positive, &other.calibration)
    }
}

impl Signature {
    pub fn new(task: Task, features: Vec<Feature>, classes: Vec<String>, positive: Option<String>) -> Self {
        let names = index::Index::of(features.iter().map(|feature| feature.name.as_str()));
        Self { task, features, classes, positive, calibration: None, names }
    }

    /// What the artifact itself tells. Features split by set are categories; where the artifact
    /// carries pandas' categories they are text with those codes. Classes of a multiclass model
    /// are numbered.
    pub fn from_ensemble(ensemble: &Ensemble) -> Self {
        let task = Task::of(ensemble.objective(), ensemble.outputs());
        let features = ensemble
            .feature_names()
            .iter()
            .enumerate()
            .map(|(at, name)| {
                feature::from_artifact(name, ensemble.is_categorical(at), ensemble.categories(at))
            })
            .collect();
        let classes = match task {
            Task::Multiclass => (0..ensemble.outputs()).map(|class| class.to_string()).collect(),
            _ => Vec::new(),
        };
        Self::new(task, features, classes, None)
    }

    /// Reads a stored signature.
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        let malformed = |reason: String| {
            invalid("signature is malformed").with_detail(format!("{reason}.")).with_hint(
                "Give {\"task\": …, \"features\": [{\"name\": …, \"kind\": …}, …]}, or leave the signature out.",
            )
        };
        // Serde takes an array for a struct.
        if !json.is_object() {
            return Err(malformed("It is not a JSON object".to_owned()));
        }
        Self::deserialize(json).map_err(|error| malformed(error.to_string()))
    }

    /// As stored.
    pub fn to_json(&self) -> Result<serde_json::Value> {
        serde_json::to_value(self)
            .map_err(|error| invalid("signature cannot be written").with_detail(format!("{error}.")))
    }

    /// Turns transformed scores into answers, in place: what every way of scoring ends with.
    #[inline]
    pub fn calibrate(&self, scores: &mut [f64]) {
        if let Some(calibration) = &self.calibration {
            scores.iter_mut().for_each(|score| *score = calibration.apply(*score));
        }
    }

    /// The position of a feature in the model's order.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.names.get(name, |at| self.features.get(at).is_some_and(|feature| feature.name == name))
    }

    /// Whether this signature can stand for that model. Names may differ from the artifact's, as
    /// LightGBM takes fewer characters than SQL; number, order and kinds may not.
    pub fn check(&self, ensemble: &Ensemble) -> Result<()> {
        self.check_alone()?;
        if self.features.len() != ensemble.feature_count() {
            return Err(invalid("signature does not have the model's number of features").with_detail(
                format!(
                    "{} in the signature, {} in the model.",
                    self.features.len(),
                    ensemble.feature_count()
                ),
            ));
        }
        for (feature, kind) in self.features.iter().zip(ensemble.feature_uses()) {
            let fits = match kind {
                FeatureUse::Unused => true,
                FeatureUse::Category => feature.is_categorical() || feature.kind == FeatureKind::Boolean,
                FeatureUse::Numeric => feature.kind != FeatureKind::Category,
            };
            if !fits {
                return Err(invalid(format!("feature \"{}\" does not have the model's kind", feature.name))
                    .with_detail(format!(
                        "The signature says {}, the model splits it by {}.",
                        feature.kind.name(),
                        if *kind == FeatureUse::Category { "category" } else { "number" }
                    )));
            }
        }
        let outputs = ensemble.outputs();
        let named = self.classes.len();
        let classes_fit = match self.task {
            Task::Multiclass => outputs > 1 && (named == outputs || named == 0),
            Task::Binary => outputs == 1 && (named == 0 || named == 2),
            _ => outputs == 1 && named == 0,
        };
        if !classes_fit {
            return Err(invalid("signature does not have the model's outputs")
                .with_detail(format!("{named} classes in the signature, {outputs} outputs in the model.")));
        }
        Ok(())
    }

    /// What can be checked without the model: names and categories are distinct.
    fn check_alone(&self) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        for feature in &self.features {
            if feature.name.is_empty() || !seen.insert(feature.name.as_str()) {
                return Err(invalid(format!("feature \"{}\" is named twice or not at all", feature.name)));
            }
            feature.check()?;
        }
        if let Some(calibration) = &self.calibration {
            if self.task != Task::Binary {
                return Err(invalid(format!("a model of task \"{}\" cannot be calibrated", self.task))
                    .with_hint("Leave \"calibration\" out: it is for binary models."));
            }
            calibration.check()?;
        }
        let mut seen = std::collections::HashSet::new();
        if let Some(twice) = self.classes.iter().find(|class| !seen.insert(class.as_str())) {
            return Err(invalid(format!("class \"{twice}\" is named twice")));
        }
        match &self.positive {
            Some(positive) if !self.classes.is_empty() && !self.classes.contains(positive) => {
                Err(invalid(format!("positive class \"{positive}\" is not a class")))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidParameter, message)
}
