//! One feature: its name, the kind of value it takes and, for text, its categories.

use super::{index, invalid, number};
use crate::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// What a feature takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    Numeric,
    /// False is 0, true is 1.
    Boolean,
    /// One of the listed categories; the code is its position.
    Text,
    /// An integer that is the code itself.
    Category,
    Date,
    Timestamp,
}

impl FeatureKind {
    /// The word in JSON and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Category => "category",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A feature of a signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Feature {
    pub name: String,
    pub kind: FeatureKind,
    /// Of text only: the code of a text is its position here. Whoever changes it calls
    /// [`Feature::text`] again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    #[serde(skip)]
    codes: index::Index,
    #[serde(skip)]
    numbers: Numbers,
}

/// Whether the categories are numbers, which are found by their value.
#[derive(Clone, Debug, Default)]
enum Numbers {
    /// They are not, not all of them, or two of them are the same number.
    #[default]
    No,
    /// Each is spelt as [`number::spelling`] has it.
    Own,
    /// Others than these spellings are listed.
    Spelt(Vec<String>, index::Index),
}

impl Numbers {
    fn of(categories: &[String]) -> Self {
        let spellings: Option<Vec<Cow<'_, str>>> =
            categories.iter().map(|category| number::spelling(category)).collect();
        let Some(spellings) = spellings.filter(|spellings| !spellings.is_empty()) else { return Self::No };
        if spellings.iter().zip(categories).all(|(spelling, category)| spelling == category) {
            return Self::Own;
        }
        if spellings.iter().collect::<HashSet<_>>().len() < spellings.len() {
            return Self::No;
        }
        let spellings: Vec<String> = spellings.into_iter().map(Cow::into_owned).collect();
        let codes = index::Index::of(spellings.iter().map(String::as_str));
        Self::Spelt(spellings, codes)
    }
}

/// As stored; see [`Feature`].
#[derive(Deserialize)]
struct Stored {
    name: String,
    kind: FeatureKind,
    #[serde(default)]
    categories: Vec<String>,
}

impl From<Stored> for Feature {
    fn from(stored: Stored) -> Self {
        let codes = index::Index::of(stored.categories.iter().map(String::as_str));
        let numbers = Numbers::of(&stored.categories);
        Self { name: stored.name, kind: stored.kind, categories: stored.categories, codes, numbers }
    }
}

impl PartialEq for Feature {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.kind, &self.categories) == (&other.name, other.kind, &other.categories)
    }
}

impl Feature {
    /// A feature of any kind but text.
    pub fn new(name: impl Into<String>, kind: FeatureKind) -> Self {
        let (codes, numbers) = (index::Index::default(), Numbers::No);
        Self { name: name.into(), kind, categories: Vec::new(), codes, numbers }
    }

    /// A text feature with its categories in code order.
    pub fn text(name: impl Into<String>, categories: Vec<String>) -> Self {
        Stored { name: name.into(), kind: FeatureKind::Text, categories }.into()
    }

    /// Whether the model sees codes of categories.
    pub fn is_categorical(&self) -> bool {
        matches!(self.kind, FeatureKind::Text | FeatureKind::Category)
    }

    /// The code of a category; NaN for one that the training did not see, which is a missing value.
    pub fn code(&self, text: &str) -> f64 {
        self.position(text).or_else(|| self.position_by_value(text)).map_or(f64::NAN, |at| at as f64)
    }

    /// Whether all categories are numbers, so that any type of number can name them.
    pub fn has_numbers(&self) -> bool {
        !matches!(self.numbers, Numbers::No)
    }

    fn position(&self, text: &str) -> Option<usize> {
        self.codes.get(text, |at| self.categories.get(at).is_some_and(|category| category == text))
    }

    fn position_by_value(&self, text: &str) -> Option<usize> {
        match &self.numbers {
            Numbers::No => None,
            Numbers::Own => self.position(&number::spelling(text)?),
            Numbers::Spelt(spellings, codes) => {
                let own = number::spelling(text)?;
                codes.get(&own, |at| spellings.get(at).is_some_and(|spelling| *spelling == own))
            }
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.kind != FeatureKind::Text && !self.categories.is_empty() {
            return Err(invalid(format!("feature \"{}\" has categories but is not text", self.name)));
        }
        let mut seen = HashSet::new();
        match self.categories.iter().find(|category| !seen.insert(category.as_str())) {
            Some(twice) => {
                Err(invalid(format!("feature \"{}\" has the category \"{twice}\" twice", self.name)))
            }
            None => Ok(()),
        }
    }
}

/// The feature as an artifact describes it. Pandas replaces a category by its position in the list
/// before LightGBM sees it, so a list of texts makes a text feature. A list of numbers that are
/// their own positions needs no list; other numbers are spelt out, because passing the number
/// itself as a code would silently mean another category.
pub(super) fn from_artifact(name: &str, categorical: bool, categories: Option<&[Value]>) -> Feature {
    let Some(list) = categories else {
        let kind = if categorical { FeatureKind::Category } else { FeatureKind::Numeric };
        return Feature::new(name, kind);
    };
    let own_position = |(at, value): (usize, &Value)| match value {
        Value::Bool(flag) => usize::from(*flag) == at,
        Value::Number(number) => number.as_f64() == Some(at as f64),
        _ => false,
    };
    if list.iter().enumerate().all(own_position) {
        return Feature::new(name, FeatureKind::Category);
    }
    let spell = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let text = number.to_string();
            number::spelling(&text).map_or_else(|| text.clone(), Cow::into_owned)
        }
        other => other.to_string(),
    };
    Feature::text(name, list.iter().map(spell).collect())
}
