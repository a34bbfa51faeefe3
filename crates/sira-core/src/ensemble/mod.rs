//! The tree model: what every loader makes and everything else reads.
//!
//! An [`Ensemble`] knows trees, not libraries. It is immutable and can only come out of
//! [`builder::Builder`], so whoever holds one may rely on what the builder checked: child links
//! form trees whose nodes are numbered in depth-first order (a child's number is larger than its
//! parent's), feature and leaf numbers are in range, leaf values are finite, no path is deeper than
//! [`builder::MAX_DEPTH`].

pub mod builder;
pub mod codec;
pub mod format;
pub mod lightgbm;
pub mod objective;
pub mod xgboost;

pub use builder::{Builder, TreeParts};
pub use codec::{CODEC_VERSION, Compiled, compile};
pub use format::{Format, load};
pub use objective::{Objective, Transform};

/// Values up to this count as zero where zero is missing: LightGBM's `kZeroThreshold`, which is the
/// single-precision number nearest to 1e-35.
pub(crate) const ZERO: f64 = 1e-35_f32 as f64;

/// What a split does with a value that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There are no missing values: NaN counts as zero.
    None,
    /// Zero (|x| ≤ 1e-35) and NaN are missing.
    Zero,
    /// NaN is missing.
    Nan,
}

/// The question that a node asks; "yes" goes left.
#[derive(Clone, Debug, PartialEq)]
pub enum Split {
    /// `value <= threshold`, or the default direction where the value is missing.
    Numeric { threshold: f64, missing: Missing, default_left: bool },
    /// Whether the truncated value is a member of the set, a bit per category; negative values and
    /// values beyond the set are not. NaN is missing and goes left where the default says so. What
    /// counts as negative is a matter of [`Precision`].
    Category { set: Vec<u32>, default_left: bool },
}

/// The numbers that the library computes with, hence those that give its answers to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Values as they are; −0.5 is truncated to category 0. Covers are counts.
    #[default]
    Double,
    /// Values are rounded to single precision before a category is looked for, and below zero there
    /// is none. (Rounding before a comparison is in the threshold already.) Sums are rounded after
    /// each addition. Covers are single precision numbers.
    Single,
}

/// Where a branch leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    Node(u32),
    Leaf(u32),
}

/// An inner node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub feature: u32,
    pub split: Split,
    pub left: Child,
    pub right: Child,
    /// Training rows that came by, or what they weighed; 0 where the artifact does not say.
    pub cover: f64,
}

/// A leaf, numbered as the artifact numbers it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leaf {
    pub value: f64,
    /// Training rows that ended here, or what they weighed; 0 where the artifact does not say.
    pub cover: f64,
}

/// One tree; without nodes it is a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) depth: u32,
    pub(crate) path_features: u32,
}

impl Tree {
    /// Inner nodes in depth-first order, the root first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// The most decisions on a way to a leaf.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The most distinct features on a way to a leaf.
    pub fn path_features(&self) -> u32 {
        self.path_features
    }
}

/// How the artifact describes a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureUse {
    /// The training found no use for it: constant, or filtered.
    Unused,
    Numeric,
    Category,
}

/// What an artifact leaves open and whoever imports it should know, in the parts of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub message: String,
    pub detail: String,
    pub hint: String,
}

impl Note {
    /// Words that a feature's codes stand for are missing: only codes are taken then.
    pub(crate) fn no_words(message: &str, detail: String) -> Self {
        Self {
            message: format!("{message}, so codes are taken"),
            detail,
            hint: "Give the words in the order of their codes: signature => '{\"task\": …, \"features\": \
                   [{\"name\": …, \"kind\": \"text\", \"categories\": […]}, …]}'."
                .to_owned(),
        }
    }
}

/// Trees, what they ask for and what their sum means.
#[derive(Clone, Debug, PartialEq)]
pub struct Ensemble {
    pub(crate) feature_names: Vec<String>,
    pub(crate) feature_uses: Vec<FeatureUse>,
    pub(crate) categories: Vec<Option<Vec<serde_json::Value>>>,
    pub(crate) notes: Vec<Note>,
    pub(crate) outputs: usize,
    pub(crate) objective: Objective,
    pub(crate) precision: Precision,
    pub(crate) bases: Vec<f64>,
    pub(crate) average: bool,
    pub(crate) trees: Vec<Tree>,
}

impl Ensemble {
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    pub fn feature_count(&self) -> usize {
        self.feature_names.len()
    }

    pub fn feature_uses(&self) -> &[FeatureUse] {
        &self.feature_uses
    }

    /// Whether the model splits the feature by set membership.
    pub fn is_categorical(&self, feature: usize) -> bool {
        self.feature_uses.get(feature) == Some(&FeatureUse::Category)
    }

    /// The categories of a feature in code order, where the artifact carries them (pandas).
    pub fn categories(&self, feature: usize) -> Option<&[serde_json::Value]> {
        self.categories.get(feature)?.as_deref()
    }

    /// What the artifact leaves open.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Scores per row: 1, or one a class.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    pub fn objective(&self) -> &Objective {
        &self.objective
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// By output: what the sum of the trees begins with.
    pub fn bases(&self) -> &[f64] {
        &self.bases
    }

    /// Whether the answer is the mean over iterations, not the sum (random forests).
    pub fn is_average(&self) -> bool {
        self.average
    }

    /// All trees: iteration by iteration, within one output by output.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    pub fn iterations(&self) -> usize {
        self.trees.len() / self.outputs.max(1)
    }
}
