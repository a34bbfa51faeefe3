//! One tree of a LightGBM text: parallel arrays, a line each.

use super::super::objective::clip;
use super::super::{Child, Leaf, Missing, Node, Split, TreeParts, ZERO};
use super::{malformed, words};
use crate::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::str::FromStr;

/// Fields that say nothing about the answer. A field in neither list may change the meaning of the
/// others, as `is_linear` once did, so it is refused and not skipped.
const IGNORED: [&str; 8] = [
    "split_gain",
    "leaf_weight",
    "leaf_parent",
    "internal_value",
    "internal_weight",
    "shrinkage",
    "has_categorical",
    "leaf_depth",
];
const READ: [&str; 13] = [
    "num_leaves",
    "num_cat",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_count",
    "internal_count",
    "cat_boundaries",
    "cat_threshold",
    "is_linear",
];
const LINEAR: [&str; 4] = ["leaf_const", "num_features", "leaf_features", "leaf_coeff"];

const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// Reads the text between two tree boundaries.
pub(super) fn parse(text: &str, number: usize, features: usize) -> Result<TreeParts> {
    Fields::read(text, number).and_then(|fields| fields.tree(features)).map_err(|error| {
        let place = match &error.detail {
            Some(detail) if !detail.starts_with("Tree ") => format!("Tree {number}. {detail}"),
            Some(detail) => detail.clone(),
            None => format!("Tree {number}."),
        };
        error.with_detail(place)
    })
}

struct Fields<'t> {
    values: HashMap<&'t str, &'t str>,
}

impl<'t> Fields<'t> {
    fn read(text: &'t str, number: usize) -> Result<Self> {
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let named = lines.next().and_then(|line| line.strip_prefix("Tree="));
        if named.and_then(|word| word.parse::<usize>().ok()) != Some(number) {
            return Err(malformed("tree sizes do not fit the trees")
                .with_detail(format!("No line \"Tree={number}\" where tree {number} should begin.")));
        }
        let mut values = HashMap::new();
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let Some((key, value)) = line.split_once('=') else {
                return Err(malformed(format!("line \"{}\" has no value", clip(line))));
            };
            if values.insert(key, value).is_some() {
                return Err(malformed(format!("\"{}\" stands twice", clip(key))));
            }
            if !IGNORED.contains(&key) && !READ.contains(&key) && !LINEAR.contains(&key) {
                return Err(Error::new(
                    ErrorKind::UnsupportedModel,
                    format!("tree has a field \"{}\" that is not known", clip(key)),
                ));
            }
        }
        if lines.any(|line| !line.is_empty()) {
            return Err(malformed("tree sizes do not fit the trees")
                .with_detail("Text between the end of a tree and its boundary."));
        }
        Ok(Self { values })
    }

    fn tree(&self, features: usize) -> Result<TreeParts> {
        if self.optional_count("is_linear")?.unwrap_or(0) != 0 || self.values.contains_key(LINEAR[0]) {
            return Err(Error::new(ErrorKind::UnsupportedModel, "linear trees are not supported")
                .with_hint("Train with linear_tree=false."));
        }
        let leaves = self.count("num_leaves")?;
        if leaves == 0 {
            return Err(malformed("tree has no leaves"));
        }
        let inner = leaves - 1;
        let values: Vec<f64> = self.array("leaf_value", leaves)?;
        // A constant tree may carry its fields empty, or no count at all.
        let leaf_covers = self.covers("leaf_count", leaves)?;
        let leaf = |(value, cover)| Leaf { value, cover };
        let leaf_list = values.into_iter().zip(leaf_covers).map(leaf).collect();
        if inner == 0 {
            return Ok(TreeParts { nodes: Vec::new(), leaves: leaf_list });
        }
        let split_features: Vec<u32> = self.array("split_feature", inner)?;
        if let Some(feature) = split_features.iter().find(|feature| **feature as usize >= features) {
            return Err(malformed("split feature is out of range")
                .with_detail(format!("Feature {feature} of {features}.")));
        }
        let thresholds: Vec<f64> = self.array("threshold", inner)?;
        let left: Vec<i32> = self.array("left_child", inner)?;
        let right: Vec<i32> = self.array("right_child", inner)?;
        let covers = self.covers("internal_count", inner)?;
        let kinds: Vec<u8> = match self.values.contains_key("decision_type") {
            true => self.array("decision_type", inner)?,
            false => vec![0; inner],
        };
        let mut sets = self.sets()?;
        let mut nodes = Vec::with_capacity(inner);
        let children = left.into_iter().zip(right);
        let questions = split_features.into_iter().zip(thresholds).zip(kinds);
        for (((feature, threshold), kind), ((left, right), cover)) in questions.zip(children.zip(covers)) {
            let split = if kind & CATEGORICAL == 0 {
                numeric(threshold, kind)?
            } else {
                category(threshold, &mut sets)?
            };
            nodes.push(Node { feature, split, left: child(left), right: child(right), cover });
        }
        Ok(TreeParts { nodes, leaves: leaf_list })
    }

    /// The category sets, a bit per category.
    fn sets(&self) -> Result<Vec<Option<Vec<u32>>>> {
        let count = self.count("num_cat")?;
        if count == 0 {
            return Ok(Vec::new());
        }
        let borders: Vec<usize> = self.array("cat_boundaries", count + 1)?;
        let words: Vec<u32> = self.array("cat_threshold", borders.last().copied().unwrap_or(0))?;
        let mut begin = 0;
        if borders.first() != Some(&0) {
            return Err(malformed("\"cat_boundaries\" does not begin with 0"));
        }
        borders
            .iter()
            .skip(1)
            .map(|end| {
                let set =
                    words.get(begin..*end).ok_or_else(|| malformed("\"cat_boundaries\" is not in order"))?;
                begin = *end;
                Ok(Some(set.to_vec()))
            })
            .collect()
    }

    fn text(&self, key: &str) -> Result<&'t str> {
        self.values.get(key).copied().ok_or_else(|| malformed(format!("tree lacks \"{key}\"")))
    }

    fn count(&self, key: &str) -> Result<usize> {
        let text = self.text(key)?;
        text.parse::<u32>()
            .ok()
            .filter(|count| *count < i32::MAX as u32)
            .map(|count| count as usize)
            .ok_or_else(|| malformed(format!("\"{key}\" is \"{}\", not a count", clip(text))))
    }

    fn optional_count(&self, key: &str) -> Result<Option<usize>> {
        self.values.contains_key(key).then(|| self.count(key)).transpose()
    }

    /// Exactly `count` numbers; the vector grows with what is there.
    fn array<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>> {
        let mut numbers = Vec::new();
        for word in words(self.text(key)?) {
            let Ok(number) = word.parse() else {
                return Err(malformed(format!("\"{key}\" has an entry \"{}\"", clip(word))));
            };
            if numbers.len() == count {
                return Err(malformed(format!("\"{key}\" has more than {count} entries")));
            }
            numbers.push(number);
        }
        if numbers.len() < count {
            return Err(malformed(format!("\"{key}\" has too few entries"))
                .with_detail(format!("{} of {count}.", numbers.len())));
        }
        Ok(numbers)
    }

    /// Row counts: zeros where the text has none, which only explanations miss.
    fn covers(&self, key: &str, count: usize) -> Result<Vec<f64>> {
        match self.values.get(key) {
            Some(text) if !text.is_empty() => {
                Ok(self.array::<u32>(key, count)?.into_iter().map(f64::from).collect())
            }
            _ => Ok(vec![0.0; count]),
        }
    }
}

fn numeric(threshold: f64, kind: u8) -> Result<Split> {
    let missing = match kind >> 2 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::Nan,
        _ => return Err(malformed(format!("decision type {kind} is not known"))),
    };
    let threshold = beside_zero(threshold);
    Ok(Split::Numeric { threshold, missing, default_left: kind & DEFAULT_LEFT != 0 })
}

/// LightGBM shows its trees a plain zero for every value that it takes for zero, although it places
/// thresholds at the edges of these values. Beside the edge such a threshold says the same of zero
/// and of all that counts as zero, and of other values what it said before.
fn beside_zero(threshold: f64) -> f64 {
    if (-ZERO..0.0).contains(&threshold) {
        (-ZERO).next_down()
    } else if (0.0..ZERO).contains(&threshold) {
        ZERO
    } else {
        threshold
    }
}

/// The threshold of a split by category is the number of its set. Each set serves one split, as
/// LightGBM writes them; sharing them would let a short text ask for endless copies.
fn category(threshold: f64, sets: &mut [Option<Vec<u32>>]) -> Result<Split> {
    let count = sets.len();
    let set = if threshold >= 0.0 && threshold.fract() == 0.0 {
        // A float too large for the type saturates and finds no set.
        sets.get_mut(threshold as usize).and_then(Option::take)
    } else {
        None
    };
    set.map(|set| Split::Category { set, default_left: false }).ok_or_else(|| {
        malformed("categorical split names a set that is not there, or was used before")
            .with_detail(format!("Set {threshold} of {count}."))
    })
}

/// Nodes count from 0 up, leaves from −1 down.
fn child(number: i32) -> Child {
    match u32::try_from(number) {
        Ok(node) => Child::Node(node),
        Err(_) => Child::Leaf(!number as u32),
    }
}
