//! What a model was trained for, and what that does to its raw score.
//!
//! The names are LightGBM's canonical ones, because that is what its artifacts say; the aliases that
//! its parser takes are taken here too. XGBoost's loader maps its own names to these. Only what changes the answer is kept: a tweedie variance
//! power or a huber delta shaped the trees and is of no use afterwards.

use crate::{Error, ErrorKind, Result};

/// The objective of an ensemble with the parameters that its output transform needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    Binary {
        sigmoid: f64,
    },
    Multiclass,
    MulticlassOva {
        sigmoid: f64,
    },
    CrossEntropy,
    CrossEntropyLambda,
    Regression {
        sqrt: bool,
    },
    RegressionL1 {
        sqrt: bool,
    },
    Huber,
    Fair {
        sqrt: bool,
    },
    Poisson,
    Quantile {
        sqrt: bool,
    },
    Mape {
        sqrt: bool,
    },
    Gamma,
    Tweedie,
    Lambdarank,
    RankXendcg,
    /// Classes without probabilities, as XGBoost's `binary:hinge` has them.
    Hinge,
    /// Relative risks or times of survival, as XGBoost's `survival:cox` and `survival:aft` have them.
    Survival,
    /// The training code brought its own loss: the raw score is all there is.
    Custom,
}

/// The function from raw scores to what `sira_score` answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Transform {
    Identity,
    /// `1 / (1 + exp(-k x))`, each output by itself.
    Sigmoid(f64),
    /// `exp(x_i) / sum exp(x_j)`.
    Softmax,
    Exp,
    /// `ln(1 + exp(x))`.
    Log1pExp,
    /// `sign(x) x²`: undoes training on the square root of the label.
    SignedSquare,
    /// 1 above zero, else 0.
    Step,
}

impl Objective {
    /// Reads the text after `objective=`, such as `multiclassova num_class:3 sigmoid:1`.
    pub fn parse(text: &str, outputs: usize) -> Result<Self> {
        let mut words = text.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or("");
        let mut sqrt = false;
        let mut sigmoid = None;
        let mut classes = None;
        for word in words {
            match word.split_once(':') {
                None if word == "sqrt" => sqrt = true,
                Some(("sigmoid", value)) => sigmoid = Some(value),
                Some(("num_class", value)) => classes = Some(value),
                _ => {}
            }
        }
        let sigmoid = || match sigmoid.map(str::parse::<f64>) {
            Some(Ok(value)) if value > 0.0 && value.is_finite() => Ok(value),
            _ => Err(malformed(text).with_detail("\"sigmoid\" must be a number above 0.")),
        };
        let objective = match name {
            "binary" => Self::Binary { sigmoid: sigmoid()? },
            "multiclass" | "softmax" => Self::Multiclass,
            "multiclassova" | "multiclass_ova" | "ova" | "ovr" => Self::MulticlassOva { sigmoid: sigmoid()? },
            "cross_entropy" | "xentropy" => Self::CrossEntropy,
            "cross_entropy_lambda" | "xentlambda" => Self::CrossEntropyLambda,
            "regression"
            | "regression_l2"
            | "l2"
            | "mean_squared_error"
            | "mse"
            | "l2_root"
            | "root_mean_squared_error"
            | "rmse" => Self::Regression { sqrt },
            "regression_l1" | "l1" | "mean_absolute_error" | "mae" => Self::RegressionL1 { sqrt },
            "huber" => Self::Huber,
            "fair" => Self::Fair { sqrt },
            "poisson" => Self::Poisson,
            "quantile" => Self::Quantile { sqrt },
            "mape" | "mean_absolute_percentage_error" => Self::Mape { sqrt },
            "gamma" => Self::Gamma,
            "tweedie" => Self::Tweedie,
            "lambdarank" => Self::Lambdarank,
            "rank_xendcg" | "xendcg" | "xe_ndcg" | "xe_ndcg_mart" | "xendcg_mart" => Self::RankXendcg,
            "custom" | "none" | "null" | "na" => Self::Custom,
            _ => {
                return Err(Error::new(
                    ErrorKind::UnsupportedModel,
                    format!("objective \"{}\" is not known", clip(name)),
                )
                .with_hint(
                    "Train with one of LightGBM's objectives, or export the model with objective \"custom\".",
                ));
            }
        };
        if objective.is_multiclass() {
            let said = classes.and_then(|value| value.parse::<usize>().ok());
            if said != Some(outputs) {
                return Err(
                    malformed(text).with_detail(format!("The model has {outputs} trees per iteration."))
                );
            }
        }
        objective.check_outputs(outputs)?;
        Ok(objective)
    }

    /// LightGBM's canonical name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Binary { .. } => "binary",
            Self::Multiclass => "multiclass",
            Self::MulticlassOva { .. } => "multiclassova",
            Self::CrossEntropy => "cross_entropy",
            Self::CrossEntropyLambda => "cross_entropy_lambda",
            Self::Regression { .. } => "regression",
            Self::RegressionL1 { .. } => "regression_l1",
            Self::Huber => "huber",
            Self::Fair { .. } => "fair",
            Self::Poisson => "poisson",
            Self::Quantile { .. } => "quantile",
            Self::Mape { .. } => "mape",
            Self::Gamma => "gamma",
            Self::Tweedie => "tweedie",
            Self::Lambdarank => "lambdarank",
            Self::RankXendcg => "rank_xendcg",
            Self::Hinge => "hinge",
            Self::Survival => "survival",
            Self::Custom => "custom",
        }
    }

    /// Whether there is one output a class.
    pub fn is_multiclass(&self) -> bool {
        matches!(self, Self::Multiclass | Self::MulticlassOva { .. })
    }

    /// What turns raw scores into answers.
    pub fn transform(&self) -> Transform {
        match *self {
            Self::Binary { sigmoid } | Self::MulticlassOva { sigmoid } => Transform::Sigmoid(sigmoid),
            Self::CrossEntropy => Transform::Sigmoid(1.0),
            Self::CrossEntropyLambda => Transform::Log1pExp,
            Self::Multiclass => Transform::Softmax,
            Self::Poisson | Self::Gamma | Self::Tweedie | Self::Survival => Transform::Exp,
            Self::Hinge => Transform::Step,
            Self::Regression { sqrt: true }
            | Self::RegressionL1 { sqrt: true }
            | Self::Fair { sqrt: true }
            | Self::Quantile { sqrt: true }
            | Self::Mape { sqrt: true } => Transform::SignedSquare,
            _ => Transform::Identity,
        }
    }

    /// Only classes and a loss of the user's own make more than one output.
    pub(crate) fn check_outputs(&self, outputs: usize) -> Result<()> {
        if outputs == 1 || self.is_multiclass() || matches!(self, Self::Custom) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::MalformedModel, format!("objective \"{}\" takes one output", self.name()))
            .with_detail(format!("The model has {outputs} trees per iteration.")))
    }

    /// Number, parameter and square-root flag in compiled bytes; numbers never change their meaning.
    pub(crate) fn encode(&self) -> (u32, f64, bool) {
        match *self {
            Self::Binary { sigmoid } => (1, sigmoid, false),
            Self::Multiclass => (2, 0.0, false),
            Self::MulticlassOva { sigmoid } => (3, sigmoid, false),
            Self::CrossEntropy => (4, 0.0, false),
            Self::CrossEntropyLambda => (5, 0.0, false),
            Self::Regression { sqrt } => (6, 0.0, sqrt),
            Self::RegressionL1 { sqrt } => (7, 0.0, sqrt),
            Self::Huber => (8, 0.0, false),
            Self::Fair { sqrt } => (9, 0.0, sqrt),
            Self::Poisson => (10, 0.0, false),
            Self::Quantile { sqrt } => (11, 0.0, sqrt),
            Self::Mape { sqrt } => (12, 0.0, sqrt),
            Self::Gamma => (13, 0.0, false),
            Self::Tweedie => (14, 0.0, false),
            Self::Lambdarank => (15, 0.0, false),
            Self::RankXendcg => (16, 0.0, false),
            Self::Custom => (17, 0.0, false),
            Self::Hinge => (18, 0.0, false),
            Self::Survival => (19, 0.0, false),
        }
    }

    pub(crate) fn decode(code: u32, sigmoid: f64, sqrt: bool) -> Option<Self> {
        Some(match code {
            1 => Self::Binary { sigmoid },
            2 => Self::Multiclass,
            3 => Self::MulticlassOva { sigmoid },
            4 => Self::CrossEntropy,
            5 => Self::CrossEntropyLambda,
            6 => Self::Regression { sqrt },
            7 => Self::RegressionL1 { sqrt },
            8 => Self::Huber,
            9 => Self::Fair { sqrt },
            10 => Self::Poisson,
            11 => Self::Quantile { sqrt },
            12 => Self::Mape { sqrt },
            13 => Self::Gamma,
            14 => Self::Tweedie,
            15 => Self::Lambdarank,
            16 => Self::RankXendcg,
            17 => Self::Custom,
            18 => Self::Hinge,
            19 => Self::Survival,
            _ => return None,
        })
    }
}

fn malformed(text: &str) -> Error {
    Error::new(ErrorKind::MalformedModel, format!("objective \"{}\" is malformed", clip(text)))
}

/// Text of a stranger's file, short enough for a message.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
