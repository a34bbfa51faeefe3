//! Reads XGBoost's models, JSON and UBJSON of versions 1 to 3, as strangers' files.
//!
//! XGBoost computes in single precision: it rounds a value and goes left below the split, and it rounds
//! every sum. The first is in the thresholds (see [`single`]), the second is the ensemble's
//! [`Precision`](super::Precision). Sums begin with the base score's margin and take the trees in their
//! order, each tree of a dart already multiplied by its weight: that is what `Booster.predict` of version
//! 3.2 does, and its margins come out to the bit. (Older versions take the base score out of a dart's tree
//! and put it back, which may round otherwise.) All trees count, whatever early stopping noted as the best
//! iteration: who wants fewer slices the booster before saving it.
//!
//! Contributions are computed from the same leaf values in double precision and add up to their unrounded
//! sum; covers are the sums of second derivatives.

mod document;
mod json;
mod objective;
mod single;
mod tree;
mod ubjson;

use super::objective::clip;
use super::{Builder, Ensemble, FeatureUse, Note};
use crate::{Error, ErrorKind, Result};
use document::{Booster, Categories, Document, Encoding, Learner, Model};
use serde_json::Value;
use std::ops::ControlFlow;

/// Features that a model may have without naming them, whatever its size.
const MOST_UNNAMED: usize = 1 << 14;

/// Reads a whole model.
pub fn parse(bytes: &[u8]) -> Result<Ensemble> {
    parse_with(bytes, &mut || ControlFlow::Continue(()))
}

/// As [`parse`]; `checkpoint` is called once a tree and may break it off, which is an error of kind
/// [`ErrorKind::Cancelled`].
pub fn parse_with(bytes: &[u8], checkpoint: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Ensemble> {
    let Document { version, mut learner } = read(bytes)?;
    if !matches!(version.first(), Some(1..=3)) {
        return Err(unsupported("model has a version that is not known").with_detail(format!(
            "Version {}.",
            version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
        )));
    }
    let features = features(&learner, bytes.len())?;
    let (model, weights) = model(&mut learner.gradient_booster)?;
    let outputs = outputs(&learner, model.trees.len())?;
    let (objective, link) = objective::objective(&learner.objective.name, outputs)?;
    let margins = objective::margins(&learner.learner_model_param.base_score, link, outputs)?;
    let count = features.names.len();
    let mut builder = Builder::new(features.names, features.uses, outputs, objective)?;
    builder.single(&margins)?;
    let order = in_rounds(&model, outputs)?;
    let mut room = tree::Room::new(bytes.len(), count);
    for at in order {
        if checkpoint().is_break() {
            return Err(Error::new(ErrorKind::Cancelled, "reading a model was cancelled"));
        }
        let weight = weights.as_ref().and_then(|weights| weights.get(at)).copied();
        let Some(tree) = model.trees.get(at) else { continue };
        let parts = tree::parts(tree, weight, &mut room).map_err(|error| {
            let place = match &error.detail {
                Some(detail) => format!("Tree {at}. {detail}"),
                None => format!("Tree {at}."),
            };
            error.with_detail(place)
        })?;
        builder.tree(parts)?;
    }
    if let Some(Categories { enc }) = &model.cats {
        let mut lost = Vec::new();
        for (feature, encoding) in enc.iter().enumerate() {
            match categories(encoding, version.as_slice() >= LETTERS_ARE_BYTES.as_slice())? {
                Words::List(list) => builder.categories(feature, list),
                Words::Lost => lost.push(feature.to_string()),
                Words::None => {}
            }
        }
        if !lost.is_empty() {
            builder.note(Note::no_words(
                "the artifact's words for categories are damaged",
                format!(
                    "XGBoost before 3.4 cuts words with letters beyond ASCII in the wrong places; features {}.",
                    clip(&lost.join(", "))
                ),
            ));
        }
    }
    builder.finish()
}

/// UBJSON's first key has the marker of its length where JSON has a quotation mark.
fn read(bytes: &[u8]) -> Result<Document> {
    let hint = "Import what Booster.save_model wrote to a file that ends with .json or .ubj.";
    match bytes {
        [b'{', b'i' | b'U' | b'I' | b'l' | b'L', ..] => ubjson::from_slice(bytes).map_err(|error| {
            malformed("bytes are not an XGBoost model in UBJSON")
                .with_detail(format!("{error}."))
                .with_hint(hint)
        }),
        _ => json::from_slice(bytes).map_err(|error| {
            malformed("text is not an XGBoost model in JSON").with_detail(format!("{error}.")).with_hint(hint)
        }),
    }
}

struct Features {
    names: Vec<String>,
    uses: Vec<FeatureUse>,
}

/// Names and kinds; features without names are called f0, f1, …, as XGBoost calls them.
fn features(learner: &Learner, bytes: usize) -> Result<Features> {
    let features = count("num_feature", &learner.learner_model_param.num_feature)?;
    for (key, list) in [("feature_names", &learner.feature_names), ("feature_types", &learner.feature_types)]
    {
        if !list.is_empty() && list.len() != features {
            return Err(malformed(format!("\"{key}\" has a wrong number of entries"))
                .with_detail(format!("{} entries, {features} features.", list.len())));
        }
    }
    if learner.feature_names.is_empty() && features > MOST_UNNAMED.max(bytes) {
        return Err(unsupported("model has too many features without names")
            .with_detail(format!("{features} features, at most {}.", MOST_UNNAMED.max(bytes))));
    }
    let names = match learner.feature_names.is_empty() {
        true => (0..features).map(|at| format!("f{at}")).collect(),
        false => learner.feature_names.clone(),
    };
    let kind = |at: usize| match learner.feature_types.get(at).map(String::as_str) {
        Some("c") => FeatureUse::Category,
        _ => FeatureUse::Numeric,
    };
    Ok(Features { uses: (0..features).map(kind).collect(), names })
}

/// Classes, for a tree gives one number; models of several targets have no answer in SQL.
fn outputs(learner: &Learner, trees: usize) -> Result<usize> {
    let param = &learner.learner_model_param;
    let targets = param.num_target.as_deref().map_or(Ok(1), |text| count("num_target", text))?;
    if targets > 1 {
        return Err(unsupported("models with more than one target are not supported")
            .with_detail(format!("{targets} targets."))
            .with_hint("Train a model for each target, or for each quantile."));
    }
    let outputs = count("num_class", &param.num_class)?.max(1);
    if trees == 0 {
        return Err(malformed("model has no trees"));
    }
    if outputs > trees {
        return Err(malformed("model has an unfinished iteration")
            .with_detail(format!("{trees} trees, {outputs} trees per iteration.")));
    }
    Ok(outputs)
}

/// The trees, and for a dart their weights.
fn model(booster: &mut Booster) -> Result<(Model, Option<Vec<f32>>)> {
    if !matches!(booster.name.as_str(), "gbtree" | "dart") {
        return Err(unsupported(format!("booster \"{}\" is not supported", clip(&booster.name)))
            .with_detail("Only trees are.")
            .with_hint("Train with booster=gbtree or booster=dart."));
    }
    let model = booster.model.take().or_else(|| booster.gbtree.take().and_then(|inner| inner.model));
    let mut model = model.ok_or_else(|| malformed("booster has no trees"))?;
    let weights =
        booster.weight_drop.take().or(model.weight_drop.take()).filter(|weights| !weights.is_empty());
    let Some(weights) = weights else { return Ok((model, None)) };
    if weights.len() != model.trees.len() {
        return Err(malformed("\"weight_drop\" has a wrong number of entries").with_detail(format!(
            "{} entries, {} trees.",
            weights.len(),
            model.trees.len()
        )));
    }
    Ok((model, Some(weights.into_iter().map(|weight| weight.0).collect())))
}

/// Positions of the trees, a round after the other: XGBoost grows the parallel trees of an output next to
/// each other, an ensemble takes one tree an output in turn. The order within an output stays, which is
/// all that a sum depends on.
fn in_rounds(model: &Model, outputs: usize) -> Result<Vec<usize>> {
    let trees = model.trees.len();
    if model.tree_info.len() != trees {
        return Err(malformed("\"tree_info\" has a wrong number of entries")
            .with_detail(format!("{} entries, {trees} trees.", model.tree_info.len())));
    }
    if let Some(at) = (0..trees).find(|at| {
        let id = model.trees.get(*at).and_then(|tree| tree.id);
        id.is_some_and(|id| id as usize != *at)
    }) {
        return Err(malformed("trees are not in the order of their ids").with_detail(format!("Tree {at}.")));
    }
    let mut grown = vec![0usize; outputs];
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(trees);
    for (at, output) in model.tree_info.iter().enumerate() {
        let Some(grown) = grown.get_mut(*output as usize) else {
            return Err(malformed("tree is of an output that the model does not have")
                .with_detail(format!("Tree {at} is of output {output} of {outputs}.")));
        };
        order.push((*grown * outputs + *output as usize, at));
        *grown += 1;
    }
    if grown.windows(2).any(|pair| pair.first() != pair.last()) {
        return Err(malformed("model has an unfinished iteration")
            .with_detail(format!("Trees by output: {}.", clip(&format!("{grown:?}")))));
    }
    order.sort_unstable();
    Ok(order.into_iter().map(|(_, at)| at).collect())
}

/// The first version whose Python package measures texts in bytes.
const LETTERS_ARE_BYTES: [u32; 2] = [3, 4];

/// What an artifact says of the categories of a feature.
enum Words {
    None,
    /// In code order.
    List(Vec<Value>),
    Lost,
}

/// The categories of a feature. Texts that were measured in letters are cut
/// in the wrong places and at the end, if there is a letter of more than one byte: such words are lost, and
/// there are only codes.
fn categories(encoding: &Encoding, letters_are_bytes: bool) -> Result<Words> {
    let words = |list: Vec<Value>| if list.is_empty() { Words::None } else { Words::List(list) };
    let Some(offsets) = &encoding.offsets else {
        return Ok(words(encoding.values.iter().copied().map(Value::from).collect()));
    };
    let wrong = || malformed("texts of categories are damaged");
    let mut bytes = Vec::with_capacity(encoding.values.len());
    for byte in &encoding.values {
        let signed = i8::try_from(*byte).map(|byte| byte as u8);
        bytes.push(signed.or(u8::try_from(*byte)).map_err(|_| wrong())?);
    }
    if !bytes.is_ascii() && (!letters_are_bytes || std::str::from_utf8(&bytes).is_err()) {
        return Ok(Words::Lost);
    }
    let mut list = Vec::with_capacity(offsets.len());
    for pair in offsets.windows(2) {
        let &[begin, end] = pair else { continue };
        let text = usize::try_from(begin).ok().zip(usize::try_from(end).ok());
        let text = text.and_then(|(begin, end)| bytes.get(begin..end)).ok_or_else(wrong)?;
        list.push(Value::from(std::str::from_utf8(text).map_err(|_| wrong())?));
    }
    Ok(words(list))
}

/// A number that is written as text.
fn count(key: &str, text: &str) -> Result<usize> {
    text.parse::<u32>()
        .ok()
        .filter(|count| *count <= i32::MAX as u32)
        .map(|count| count as usize)
        .ok_or_else(|| malformed(format!("\"{key}\" is \"{}\", not a count", clip(text))))
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedModel, message)
}

fn unsupported(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::UnsupportedModel, message)
}
