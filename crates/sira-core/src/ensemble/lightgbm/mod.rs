//! Reads LightGBM's text models, versions 2 to 4, as strangers' files.
//!
//! LightGBM itself trusts its text: cut or edited ones make it abort, or load a part of the trees
//! without a word. So nothing here takes the text's word for a size. A model is taken whole or not
//! at all: `tree_sizes` must be there and must fit to the byte, the line `end of trees` must follow,
//! what is begun behind it must be ended. Memory grows with the data present, never with a count
//! that the text declares. The answers are those of LightGBM 4: where older versions of the
//! library would have treated a value differently, the newest reading of the text counts.

mod trailer;
mod tree;

use super::objective::clip;
use super::{Builder, Ensemble, FeatureUse, Note, Objective};
use crate::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Reads a whole model text.
pub fn parse(text: &str) -> Result<Ensemble> {
    parse_with(text, &mut || ControlFlow::Continue(()))
}

/// As [`parse`]; `checkpoint` is called once a tree and may break it off, which is an error of kind
/// [`ErrorKind::Cancelled`].
pub fn parse_with(text: &str, checkpoint: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Ensemble> {
    let (header, trees_at) = Header::read(text)?;
    let sizes = header.tree_sizes()?;
    if sizes.is_empty() {
        return Err(match text.get(trees_at..).is_some_and(|rest| rest.starts_with(END_OF_TREES)) {
            true => malformed("model has no trees"),
            false => cut(format!("No line \"{END_OF_TREES}\" after 0 trees.")),
        });
    }
    let mut builder = header.builder(sizes.len())?;
    let features = header.feature_count;
    let mut at = trees_at;
    for (number, size) in sizes.iter().enumerate() {
        if checkpoint().is_break() {
            return Err(Error::new(ErrorKind::Cancelled, "reading a model was cancelled"));
        }
        let part = at
            .checked_add(*size)
            .and_then(|end| text.get(at..end))
            .ok_or_else(|| cut(format!("Tree {number} of {} is not there in full.", sizes.len())))?;
        builder.tree(tree::parse(part, number, features)?)?;
        at += size;
    }
    let rest = text.get(at..).unwrap_or_default();
    let trailer = match rest.split_once('\n') {
        Some((line, trailer)) if line.trim_end_matches('\r') == END_OF_TREES => trailer,
        None if rest == END_OF_TREES => "",
        _ => {
            return Err(cut(format!("No line \"{END_OF_TREES}\" after {} trees.", sizes.len())));
        }
    };
    let trailer = trailer::parse(trailer)?;
    match trailer.category_columns(&header.feature_uses, header.feature_infos()) {
        Ok(columns) => {
            for (feature, categories) in columns.into_iter().zip(trailer.pandas) {
                if let Some(categories) = categories {
                    builder.categories(feature, categories);
                }
            }
        }
        Err(detail) => {
            builder.note(Note::no_words("the artifact does not tell whose words its categories are", detail));
        }
    }
    builder.finish()
}

const END_OF_TREES: &str = "end of trees";

/// The lines before the first tree.
struct Header<'t> {
    values: HashMap<&'t str, &'t str>,
    feature_names: Vec<String>,
    feature_uses: Vec<FeatureUse>,
    feature_count: usize,
    outputs: usize,
    objective: Objective,
}

impl<'t> Header<'t> {
    /// The header, and where in the text the first tree begins.
    fn read(text: &'t str) -> Result<(Self, usize)> {
        let mut values = HashMap::new();
        let mut at = 0;
        let mut first = true;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            let Some((line, _)) = rest.split_once('\n') else {
                if first {
                    return Err(not_a_model());
                }
                return Err(cut("The text ends before the first tree."));
            };
            let length = line.len() + 1;
            let line = line.trim_end_matches('\r');
            if first {
                // Every kind of booster, dart and rf included, writes the same first word.
                if line != "tree" {
                    return Err(not_a_model());
                }
                first = false;
            } else if line.starts_with("Tree=") || line == END_OF_TREES {
                break;
            } else if !line.is_empty() {
                let (key, value) = line.split_once('=').unwrap_or((line, ""));
                if values.insert(key, value).is_some() {
                    return Err(malformed(format!("\"{}\" stands twice in the header", clip(key))));
                }
            }
            at += length;
        }
        let value =
            |key: &str| values.get(key).copied().ok_or_else(|| malformed(format!("header lacks \"{key}\"")));
        let version = value("version")?;
        if !matches!(version, "v2" | "v3" | "v4") {
            return Err(Error::new(
                ErrorKind::UnsupportedModel,
                format!("model text has version \"{}\"", clip(version)),
            )
            .with_detail("Versions v2, v3 and v4 are read."));
        }
        let number = |key: &str| {
            let text = value(key)?;
            text.parse::<usize>()
                .ok()
                .filter(|number| *number <= i32::MAX as usize)
                .ok_or_else(|| malformed(format!("\"{key}\" is \"{}\", not a count", clip(text))))
        };
        let classes = number("num_class")?;
        let outputs = match values.contains_key("num_tree_per_iteration") {
            true => number("num_tree_per_iteration")?,
            false => classes,
        };
        if outputs != classes {
            return Err(malformed("number of classes and trees per iteration differ")
                .with_detail(format!("\"num_class\" is {classes}, \"num_tree_per_iteration\" {outputs}.")));
        }
        let feature_count = number("max_feature_idx")? + 1;
        let feature_names: Vec<String> = words(value("feature_names")?).map(str::to_owned).collect();
        let feature_uses: Vec<FeatureUse> = words(value("feature_infos")?).map(feature_use).collect();
        for (key, count) in [("feature_names", feature_names.len()), ("feature_infos", feature_uses.len())] {
            if count != feature_count {
                return Err(malformed(format!("\"{key}\" has a wrong number of entries"))
                    .with_detail(format!("{count} entries, {feature_count} features.")));
            }
        }
        let objective = match values.get("objective") {
            Some(text) => Objective::parse(text, outputs)?,
            None => Objective::Custom,
        };
        Ok((Self { values, feature_names, feature_uses, feature_count, outputs, objective }, at))
    }

    /// Bytes of each tree, as the header declares them.
    fn tree_sizes(&self) -> Result<Vec<usize>> {
        let Some(text) = self.values.get("tree_sizes") else {
            return Err(malformed("header lacks \"tree_sizes\"")
                .with_detail("Without it a cut text cannot be told from a whole one.")
                .with_hint("Save the model again with a LightGBM of version 2.1 or newer."));
        };
        words(text)
            .map(|word| {
                word.parse::<usize>()
                    .map_err(|_| malformed(format!("tree size \"{}\" is not a count", clip(word))))
            })
            .collect()
    }

    /// What the text says of the values of each feature.
    fn feature_infos(&self) -> impl Iterator<Item = &'t str> {
        words(self.values.get("feature_infos").copied().unwrap_or_default())
    }

    fn builder(&self, trees: usize) -> Result<Builder> {
        // Room is made by the number of outputs: trees vouch for it, for they are there.
        if self.outputs > trees {
            return Err(malformed("model has an unfinished iteration")
                .with_detail(format!("{trees} trees, {} trees per iteration.", self.outputs)));
        }
        let mut builder = Builder::new(
            self.feature_names.clone(),
            self.feature_uses.clone(),
            self.outputs,
            self.objective,
        )?;
        builder.average(self.values.contains_key("average_output"));
        Ok(builder)
    }
}

/// `none`, `[lowest:highest]`, or categories joined by colons.
fn feature_use(info: &str) -> FeatureUse {
    match info {
        "none" => FeatureUse::Unused,
        info if info.starts_with('[') => FeatureUse::Numeric,
        _ => FeatureUse::Category,
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::MalformedModel, message)
}

fn cut(detail: impl Into<String>) -> Error {
    malformed("model text is not whole")
        .with_detail(detail)
        .with_hint("Import the text exactly as LightGBM's save_model or model_to_string wrote it.")
}

fn not_a_model() -> Error {
    malformed("text is not a LightGBM model")
        .with_detail("The first line must be \"tree\".")
        .with_hint("Import what LightGBM's save_model or model_to_string wrote.")
}
