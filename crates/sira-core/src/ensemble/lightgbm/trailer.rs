//! What stands behind the trees: importances, training parameters and the categories that the
//! Python package appends. Only the last two matter here, to know which code a text stands for.

use super::super::FeatureUse;
use super::malformed;
use serde_json::Value;
use std::borrow::Cow;

#[derive(Debug, Default)]
pub(super) struct Trailer {
    /// Categories of each pandas column of categories, in the order of the columns; none where a category is one
    /// that JSON has no word for.
    pub pandas: Vec<Option<Vec<Value>>>,
    /// Column numbers that the training parameters declare as categories.
    declared: Vec<usize>,
}

pub(super) fn parse(text: &str) -> crate::Result<Trailer> {
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
    /// Which feature each list of categories belongs to: the columns that the parameters declare, else those that
    /// the text describes as categories. The error says why that cannot be told.
    ///
    /// Pandas lists ordered categories too, which LightGBM takes for numbers, and its parameters declare columns
    /// that the caller named, which have no list. Lists and columns may so be equal in number and not belong
    /// together: no column may have codes that its list has no word for.
    pub fn category_columns<'t>(
        &self,
        uses: &[FeatureUse],
        infos: impl Iterator<Item = &'t str>,
    ) -> Result<Vec<usize>, String> {
        if self.pandas.is_empty() {
            return Ok(Vec::new());
        }
        let mut declared = self.declared.clone();
        declared.sort_unstable();
        declared.dedup();
        let described: Vec<usize> = uses
            .iter()
            .enumerate()
            .filter(|(_, kind)| **kind == FeatureUse::Category)
            .map(|(feature, _)| feature)
            .collect();
        let lists = self.pandas.len();
        let counts = (declared.len(), described.len());
        let columns =
            [declared, described].into_iter().find(|columns| columns.len() == lists).ok_or_else(|| {
                format!(
                    "There are {lists} lists of words, {} columns are declared as categories, {} are described.",
                    counts.0, counts.1
                )
            })?;
        let highest: Vec<Option<u32>> = infos.map(highest_code).collect();
        for (column, list) in columns.iter().zip(&self.pandas) {
            let code = highest.get(*column).copied().flatten();
            if let (Some(code), Some(list)) = (code, list)
                && code as usize >= list.len()
            {
                return Err(format!("Column {column} has a code {code}, its list {} words.", list.len()));
            }
        }
        Ok(columns)
    }
}

/// The highest of a feature's categories, which are joined by colons.
fn highest_code(info: &str) -> Option<u32> {
    if info.starts_with('[') {
        return None;
    }
    info.split(':').filter_map(|code| code.parse().ok()).max()
}

/// `null`, or a list of lists.
fn categories(json: &str) -> crate::Result<Vec<Option<Vec<Value>>>> {
    let json = without_words(json.trim());
    if json.is_empty() {
        return Ok(Vec::new());
    }
    let lists: Option<Vec<Vec<Value>>> = serde_json::from_str(&json)
        .map_err(|error| malformed("pandas categories are not JSON").with_detail(format!("{error}.")))?;
    let named = |list: Vec<Value>| (!list.contains(&Value::Null)).then_some(list);
    Ok(lists.unwrap_or_default().into_iter().map(named).collect())
}

/// Python writes numbers that JSON does not have: outside of texts they become null.
fn without_words(json: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    if !WORDS.iter().any(|word| json.contains(word)) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut in_text, mut escaped) = (false, false);
    let mut rest = json;
    while let Some(letter) = rest.chars().next() {
        if !in_text && let Some(behind) = WORDS.iter().find_map(|word| rest.strip_prefix(word)) {
            out.push_str("null");
            rest = behind;
            continue;
        }
        in_text ^= letter == '"' && !escaped;
        escaped = in_text && letter == '\\' && !escaped;
        out.push(letter);
        rest = rest.get(letter.len_utf8()..).unwrap_or_default();
    }
    Cow::Owned(out)
}
