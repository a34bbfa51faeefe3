//! XGBoost's objectives: what they do to a score, and to the base score before that.

use super::super::Objective;
use super::super::objective::clip;
use super::single::ln;
use super::{malformed, unsupported};
use crate::{Error, Result};

/// From the base score as it is stored, in the unit of the answers, to the margin that sums begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Identity,
    Logit,
    Log,
}

/// The objective of a name.
pub(super) fn objective(name: &str, outputs: usize) -> Result<(Objective, Link)> {
    let binary = Objective::Binary { sigmoid: 1.0 };
    let (objective, link) = match name {
        "binary:logistic" => (binary, Link::Logit),
        // Probabilities as labels: LightGBM calls that cross-entropy.
        "reg:logistic" => (Objective::CrossEntropy, Link::Logit),
        // The answer is the margin, so there is no probability and no class in it.
        "binary:logitraw" => (Objective::Custom, Link::Identity),
        "binary:hinge" => (Objective::Hinge, Link::Identity),
        "multi:softprob" | "multi:softmax" => (Objective::Multiclass, Link::Identity),
        "reg:squarederror" | "reg:linear" | "reg:squaredlogerror" => {
            (Objective::Regression { sqrt: false }, Link::Identity)
        }
        "reg:absoluteerror" => (Objective::RegressionL1 { sqrt: false }, Link::Identity),
        "reg:pseudohubererror" => (Objective::Huber, Link::Identity),
        "reg:quantileerror" => (Objective::Quantile { sqrt: false }, Link::Identity),
        "reg:expectileerror" => (Objective::Regression { sqrt: false }, Link::Identity),
        "reg:gamma" => (Objective::Gamma, Link::Log),
        "reg:tweedie" => (Objective::Tweedie, Link::Log),
        "count:poisson" => (Objective::Poisson, Link::Log),
        "survival:cox" | "survival:aft" => (Objective::Survival, Link::Log),
        "rank:pairwise" | "rank:ndcg" | "rank:map" => (Objective::Lambdarank, Link::Identity),
        _ => {
            return Err(unsupported(format!("objective \"{}\" is not known", clip(name)))
                .with_hint("Train with one of XGBoost's objectives."));
        }
    };
    if objective == Objective::Multiclass {
        if outputs < 2 {
            return Err(malformed(format!("objective \"{name}\" takes two classes or more"))
                .with_detail(format!("The model has {outputs}.")));
        }
        return Ok((objective, link));
    }
    if outputs == 1 {
        return Ok((objective, link));
    }
    // A loss of the user's own leaves the name of the default behind, which then says no more than how
    // the library treats each output.
    match (objective, link) {
        (_, Link::Logit) => Ok((Objective::MulticlassOva { sigmoid: 1.0 }, link)),
        (Objective::Regression { .. } | Objective::Custom, Link::Identity) => Ok((Objective::Custom, link)),
        _ => Err(unsupported(format!("objective \"{name}\" takes one output"))
            .with_detail(format!("The model has {outputs}."))
            .with_hint("Train a model for each.")),
    }
}

/// The margins of a base score: one number, or a list of them, one an output.
pub(super) fn margins(text: &str, link: Link, outputs: usize) -> Result<Vec<f32>> {
    let wrong = || -> Error {
        malformed(format!("base score \"{}\" is not a number or a list of numbers", clip(text)))
    };
    let list = text.trim().strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let scores: Vec<f32> = match list {
        None => vec![text.trim().parse().map_err(|_| wrong())?],
        Some(list) => list
            .split(',')
            .map(|word| word.trim().parse::<f32>())
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| wrong())?,
    };
    let mut margins = Vec::with_capacity(scores.len());
    for score in scores {
        margins.push(margin(score, link).ok_or_else(|| {
            malformed(format!("base score {score} cannot be the answer of the model's objective"))
        })?);
    }
    // Before 3.1 there was one for all.
    if let ([margin], 2..) = (margins.as_slice(), outputs) {
        margins = vec![*margin; outputs];
    }
    Ok(margins)
}

fn margin(score: f32, link: Link) -> Option<f32> {
    /// As near to 0 and 1 as XGBoost lets a probability come.
    const EDGE: f32 = 1e-6;
    let margin = match link {
        Link::Identity => score,
        Link::Logit if (0.0..=1.0).contains(&score) => {
            let score = score.clamp(EDGE, 1.0 - EDGE);
            -ln(1.0 / score - 1.0)
        }
        Link::Logit => return None,
        Link::Log => ln(score),
    };
    margin.is_finite().then_some(margin)
}
