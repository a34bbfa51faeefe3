//! What stands behind the trees: importances, training parameters and the categories that the
//! Python package appends. Only the last two matter here, to know which code a text stands for.

use super::super::FeatureUse;
use super::malformed;
use crate::Result;
use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Trailer {
    /// Categories of each pandas column of categories, in the order of the columns.
    pub pandas: Vec<Vec<Value>>,
    /// Column numbers that the training parameters declare as categories.
    declared: Vec<usize>,
}

pub(super) fn parse(text: &str) -> Result<Trailer> {
    let mut trailer = Trailer::default();
    let mut open = None;
    for line in text.split('\n').map(|line| line.trim_end_matches('\r')) {
        if let Some(end) = open {
            if line == end {
                open = None;
            } else if let Some(columns) = line.strip_prefix("[categorical_feature: ") {
                trailer.declared = columns
                    .trim_end_matches(']')
                    .split(',')
                    .filter_map(|column| column.trim().parse().ok())
                    .collect();
            }
        } else if line == "parameters:" {
            open = Some("end of parameters");
        } else if line == "parser:" {
            open = Some("end of parser");
        } else if let Some(json) = line.strip_prefix("pandas_categorical:") {
            trailer.pandas = categories(json)?;
        }
    }
    match open {
        None => Ok(trailer),
        Some(end) => Err(super::cut(format!("No line \"{end}\"."))),
    }
}

impl Trailer {
    /// Which feature each list of categories belongs to, or nothing where that cannot be told:
    /// the columns that the parameters declare, else those that the text describes as categories.
    pub fn category_columns(&self, uses: &[FeatureUse]) -> Vec<usize> {
        if self.pandas.is_empty() {
            return Vec::new();
        }
        let mut declared = self.declared.clone();
        declared.sort_unstable();
        declared.dedup();
        let described = || -> Vec<usize> {
            uses.iter()
                .enumerate()
                .filter(|(_, kind)| **kind == FeatureUse::Category)
                .map(|(feature, _)| feature)
                .collect()
        };
        [declared, described()]
            .into_iter()
            .find(|columns| columns.len() == self.pandas.len())
            .unwrap_or_default()
    }
}

/// `null`, or a list of lists. `NaN` is not JSON but Python writes it; such a list names nothing.
fn categories(json: &str) -> Result<Vec<Vec<Value>>> {
    let json = json.trim();
    if json.is_empty() || json.contains("NaN") {
        return Ok(Vec::new());
    }
    let lists: Option<Vec<Vec<Value>>> = serde_json::from_str(json)
        .map_err(|error| malformed("pandas categories are not JSON").with_detail(format!("{error}.")))?;
    Ok(lists.unwrap_or_default())
}
