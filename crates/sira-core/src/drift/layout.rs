//! How the values of one input, or the scores, are laid into bins: decided by the reference, never by what is compared.
//!
//! Numbers: the bins of [`CutPoints`], then missing values. Categories: the most frequent ones have a bin each, then come
//! the other ones that the reference knew, then those that it never saw, then missing values. The last bin is missing
//! values in both.

use super::Sketch;
use crate::Result;
use crate::stats::bins::CutPoints;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Categories with a bin of their own. A bin a category would make an hour's sketch as long as the column has names, and
/// the sampling noise of an index over k bins grows with k.
pub const CATEGORIES: usize = 50;

/// The bins of one input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    Numeric(CutPoints),
    Categorical(Categories),
}

/// Categories by their codes, both lists ascending.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Categories {
    /// Those with a bin of their own.
    pub frequent: Vec<f64>,
    /// Those that share a bin. Empty where every number that is not missing is known to be a known category.
    pub others: Vec<f64>,
    /// Whether a code that stands in neither list is a category that the reference never saw. Not so for texts: their
    /// codes are given to known ones only, and an unknown text is told apart by whoever reads it.
    pub closed: bool,
    /// How many categories the reference saw exactly once.
    pub singletons: u64,
}

impl Layout {
    /// Cut points from the values of a reference.
    #[must_use]
    pub fn of_numbers(reference: &[f64], bins: usize) -> Self {
        Self::Numeric(CutPoints::of_reference(reference, bins))
    }

    /// Cut points that a caller chose.
    ///
    /// # Errors
    /// As [`CutPoints::new`].
    pub fn of_cut_points(points: Vec<f64>) -> Result<Self> {
        CutPoints::new(points).map(Self::Numeric)
    }

    /// The categories of a reference, by code. `coded` says that codes are positions in a dictionary of all that is known,
    /// as those of texts are.
    #[must_use]
    pub fn of_categories(reference: &[f64], coded: bool) -> Self {
        let mut counts: BTreeMap<u64, (f64, u64)> = BTreeMap::new();
        for code in reference.iter().filter(|code| !code.is_nan()) {
            // −0 and 0 are one code.
            counts.entry((code + 0.0).to_bits()).or_insert((*code, 0)).1 += 1;
        }
        let singletons = counts.values().filter(|(_, count)| *count == 1).count() as u64;
        let mut ranked: Vec<(f64, u64)> = counts.into_values().collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.total_cmp(&b.0)));
        let mut others: Vec<f64> = ranked.iter().skip(CATEGORIES).map(|(code, _)| *code).collect();
        let mut frequent: Vec<f64> = ranked.iter().take(CATEGORIES).map(|(code, _)| *code).collect();
        frequent.sort_by(f64::total_cmp);
        others.sort_by(f64::total_cmp);
        if coded {
            others.clear();
        }
        Self::Categorical(Categories { frequent, others, closed: !coded, singletons })
    }

    /// The number of bins.
    #[must_use]
    pub fn bins(&self) -> usize {
        match self {
            Self::Numeric(cuts) => cuts.bins(),
            Self::Categorical(categories) => categories.frequent.len() + 3,
        }
    }

    /// The bin of a value; `unseen` says that it is a missing code that stands for a text nobody knows.
    #[must_use]
    pub fn bin(&self, value: f64, unseen: bool) -> usize {
        match self {
            Self::Numeric(cuts) => cuts.bin(value),
            Self::Categorical(categories) => categories.bin(value, unseen),
        }
    }

    /// The sketch of a sample whose missing codes are missing values; `shift` is where its moments are taken from.
    #[must_use]
    pub fn sketch(&self, sample: &[f64], shift: f64) -> Sketch {
        let mut sketch = Sketch::empty(self.bins());
        for value in sample {
            sketch.add(self.bin(*value, false), *value, shift);
        }
        sketch
    }
}

impl Categories {
    fn bin(&self, value: f64, unseen: bool) -> usize {
        let own = self.frequent.len();
        let holds = |list: &[f64]| list.binary_search_by(|code| code.total_cmp(&(value + 0.0)));
        if unseen {
            own + 1
        } else if value.is_nan() {
            own + 2
        } else if let Ok(at) = holds(&self.frequent) {
            at
        } else if self.closed && holds(&self.others).is_err() {
            own + 1
        } else {
            own
        }
    }
}
