//! A model as XGBoost's schema has it, in JSON and UBJSON alike.
//!
//! Only what the answer depends on is kept. A tree's fields are listed in full: one that is in no list may
//! change the meaning of the others, so it is refused and not skipped.

use super::json::{INFINITY, NEGATIVE_INFINITY};
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde::{Deserialize, de};
use std::fmt;

#[derive(Deserialize)]
pub(super) struct Document {
    pub version: Vec<u32>,
    pub learner: Learner,
}

#[derive(Deserialize)]
pub(super) struct Learner {
    pub learner_model_param: ModelParam,
    pub objective: Named,
    pub gradient_booster: Booster,
    #[serde(default)]
    pub feature_names: Vec<String>,
    #[serde(default)]
    pub feature_types: Vec<String>,
}

/// Parameters are texts.
#[derive(Deserialize)]
pub(super) struct ModelParam {
    pub base_score: String,
    pub num_class: String,
    pub num_feature: String,
    pub num_target: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub name: String,
}

/// A gbtree; or a dart, which has one inside, with the weights of its trees in one place or another.
#[derive(Deserialize)]
pub(super) struct Booster {
    pub name: String,
    pub model: Option<Model>,
    pub gbtree: Option<Inner>,
    pub weight_drop: Option<Vec<Single>>,
}

#[derive(Deserialize)]
pub(super) struct Inner {
    pub model: Option<Model>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Model {
    pub trees: Vec<Tree>,
    /// By tree: its output.
    pub tree_info: Vec<u32>,
    pub weight_drop: Option<Vec<Single>>,
    pub cats: Option<Categories>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tree {
    pub id: Option<u32>,
    pub tree_param: TreeParam,
    pub left_children: Vec<i32>,
    pub right_children: Vec<i32>,
    pub split_indices: Vec<i64>,
    /// The value where the node is a leaf.
    pub split_conditions: Vec<Single>,
    pub default_left: Vec<Flag>,
    /// Missing in older trees of several outputs, which are refused for that and not for this.
    #[serde(default)]
    pub sum_hessian: Vec<Single>,
    /// 1 where the split is by category.
    #[serde(default)]
    pub split_type: Vec<u8>,
    #[serde(default)]
    pub categories: Vec<u32>,
    #[serde(default)]
    pub categories_nodes: Vec<u32>,
    #[serde(default)]
    pub categories_segments: Vec<u64>,
    #[serde(default)]
    pub categories_sizes: Vec<u64>,
    #[serde(rename = "parents")]
    _parents: Option<IgnoredAny>,
    #[serde(rename = "loss_changes")]
    _loss_changes: Option<IgnoredAny>,
    #[serde(rename = "base_weights")]
    _base_weights: Option<IgnoredAny>,
    #[serde(rename = "leaf_weights")]
    _leaf_weights: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct TreeParam {
    pub num_nodes: String,
    pub num_deleted: Option<String>,
    pub size_leaf_vector: Option<String>,
}

/// The categories that a data frame had, by feature.
#[derive(Deserialize)]
pub(super) struct Categories {
    #[serde(default)]
    pub enc: Vec<Encoding>,
}

/// Numbers; or, where there are offsets, the bytes of texts, written as signed ones.
#[derive(Deserialize)]
pub(super) struct Encoding {
    pub offsets: Option<Vec<u64>>,
    #[serde(default)]
    pub values: Vec<i64>,
}

/// A truth value, which newer versions write as a number.
#[derive(Clone, Copy)]
pub(super) struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsFlag;
        impl Visitor<'_> for AsFlag {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a truth value")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }
        }
        deserializer.deserialize_any(AsFlag)
    }
}

/// A number in single precision, rounded once; NaN where there is none.
#[derive(Clone, Copy)]
pub(super) struct Single(pub f32);

impl<'de> Deserialize<'de> for Single {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsSingle;
        impl<'de> Visitor<'de> for AsSingle {
            type Value = Single;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_none<E: de::Error>(self) -> Result<Single, E> {
                Ok(Single(f32::NAN))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Single, D::Error> {
                deserializer.deserialize_f32(self)
            }

            fn visit_f32<E: de::Error>(self, number: f32) -> Result<Single, E> {
                Ok(Single(number))
            }

            /// JSON's numbers come this way, but read as single precision: that is what was asked for.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Single, E> {
                Ok(Single(number as f32))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Single, E> {
                Ok(Single(if number == NEGATIVE_INFINITY { f32::NEG_INFINITY } else { number as f32 }))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Single, E> {
                Ok(Single(if number == INFINITY { f32::INFINITY } else { number as f32 }))
            }
        }
        deserializer.deserialize_option(AsSingle)
    }
}
