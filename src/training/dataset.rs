//! The columns of a query in their roles: features, label, weight, time, group.

use crate::columns::Column;
use crate::error::{Failure, Result};
use crate::training::label::{self, Labels};
use pgrx::PgSqlErrorCode;
use sha2::{Digest, Sha256};
use sira_core::signature::{Feature, FeatureKind, Signature, Task};
use sira_core::{Error, ErrorKind};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The column of label sources from which weights come where none are named.
const LABEL_SOURCE: &str = "label_source";

/// The roles of columns, as the caller names them.
#[derive(Clone, Copy)]
pub struct Roles<'a> {
    pub label: &'a str,
    pub time: Option<&'a str>,
    pub weight: Option<&'a str>,
    pub group: Option<&'a str>,
    pub exclude: &'a [String],
    pub positive: Option<&'a str>,
}

impl<'a> Roles<'a> {
    /// The columns that are no features, whether or not they are there.
    pub fn named(&self) -> Vec<&'a str> {
        let optional = [self.time, self.weight, self.group];
        [self.label, LABEL_SOURCE].into_iter().chain(optional.into_iter().flatten()).collect()
    }
}

/// Rows ready to be split and trained on.
pub struct Dataset {
    pub table: sira_train::Table,
    pub signature: Signature,
    /// Unix microseconds, in the order of `order`.
    pub times: Option<Vec<i64>>,
    /// Rows in an order that their content decides: by time, then by a hash of everything in them.
    pub order: Vec<u32>,
    /// Rows left out because they have no label yet.
    pub unlabelled: usize,
    /// SHA-256 over names, categories and values in that order.
    pub digest: [u8; 32],
}

impl Dataset {
    pub fn new(task: Task, mut columns: Vec<Column>, roles: &Roles<'_>) -> Result<Self> {
        if columns.first().is_none_or(|column| column.values.is_empty()) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
                "the training query returns no rows",
            )
            .hint("Run the query alone, and widen its WHERE."));
        }
        let labels = label::encode(task, take(&mut columns, roles.label, "label")?, roles.positive)?;
        let time = roles.time.map(|name| take(&mut columns, name, "time column")).transpose()?;
        let group = roles.group.map(|name| take(&mut columns, name, "group column")).transpose()?;
        let weight = match roles.weight {
            Some(name) => Some(weights(take(&mut columns, name, "weight")?)?),
            None => match columns.iter().position(is_label_source) {
                Some(position) => Some(source_weights(&columns.remove(position))?),
                None => None,
            },
        };
        for name in roles.exclude {
            take(&mut columns, name, "excluded column")?;
        }
        if columns.is_empty() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "the training query has no column left for a feature",
            )
            .hint("Select features beside the label."));
        }
        Self::assemble(task, columns, labels, time, group, weight)
    }

    fn assemble(
        task: Task,
        columns: Vec<Column>,
        labels: Labels,
        time: Option<Column>,
        group: Option<Column>,
        weight: Option<Vec<f64>>,
    ) -> Result<Self> {
        let times = time.map(microseconds).transpose()?;
        let features: Vec<Feature> = columns.iter().map(Column::signature).collect();
        let signature = Signature::new(task, features, labels.classes, labels.positive);
        let table = sira_train::Table {
            columns: columns
                .into_iter()
                .map(|column| sira_train::Column {
                    categorical: matches!(column.kind, FeatureKind::Text | FeatureKind::Category),
                    name: column.name,
                    values: column.values,
                })
                .collect(),
            label: labels.values,
            weight,
            group: group.map(|column| column.values.iter().map(|value| *value as i64).collect()),
            classes: signature.classes.clone(),
        };
        let order = content_order(&table, times.as_deref());
        let unlabelled = table.label.len() - order.len();
        let digest = digest(&table, &signature, times.as_deref(), &order);
        let times = times.map(|times| {
            order.iter().map(|row| times.get(*row as usize).copied().unwrap_or_default()).collect()
        });
        Ok(Self { table, signature, times, order, unlabelled, digest })
    }

    /// Rows of the table for positions in the content order.
    pub fn rows(&self, positions: &[u32]) -> Vec<u32> {
        positions.iter().filter_map(|position| self.order.get(*position as usize).copied()).collect()
    }
}

/// Takes a column out of the features, by name.
fn take(columns: &mut Vec<Column>, name: &str, role: &str) -> Result<Column> {
    match columns.iter().position(|column| column.name == name) {
        Some(position) => Ok(columns.remove(position)),
        None => {
            let known: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            Err(Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!("{role} \"{name}\" is not a column of the training query"),
            )
            .hint(format!("The columns are {}.", known.join(", "))))
        }
    }
}

fn is_label_source(column: &Column) -> bool {
    column.name == LABEL_SOURCE && column.kind == FeatureKind::Text
}

/// What a label is worth by where it comes from: people more than rules, rules more than imports.
fn source_weights(column: &Column) -> Result<Vec<f64>> {
    let by_code: Vec<f64> = column
        .texts
        .iter()
        .map(|source| match source.as_str() {
            "human" => Ok(3.0),
            "rule" => Ok(1.0),
            "import" => Ok(0.5),
            other => Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("label source \"{other}\" is not known"),
            )
            .hint("Sources are human, rule and import; name a weight column or exclude label_source.")),
        })
        .collect::<Result<_>>()?;
    Ok(column.values.iter().map(|code| by_code.get(*code as usize).copied().unwrap_or(1.0)).collect())
}

/// A column of weights, each of which counts.
pub fn weights(column: Column) -> Result<Vec<f64>> {
    if column.kind != FeatureKind::Numeric {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!("weight \"{}\" is not a number", column.name),
        )
        .hint("Cast it, or name another column."));
    }
    match column.values.iter().find(|value| !(value.is_finite() && **value >= 0.0)) {
        None => Ok(column.values),
        Some(value) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("weight \"{}\" is negative, infinite or null", column.name),
        )
        .detail(match value.is_nan() {
            true => "It holds null.".to_owned(),
            false => format!("It holds {value}."),
        })
        .hint("A weight is a finite number from 0 up: filter such rows out, or coalesce it.")),
    }
}

/// A time column in Unix microseconds.
fn microseconds(column: Column) -> Result<Vec<i64>> {
    let unit = match column.kind {
        FeatureKind::Timestamp => 1e6,
        FeatureKind::Date => 86_400e6,
        _ => {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("time column \"{}\" is not a date or timestamp", column.name),
            )
            .hint("Cast it, or name another column."));
        }
    };
    if column.values.iter().any(|value| value.is_nan()) {
        return Err(Error::new(
            ErrorKind::InvalidParameter,
            format!("time column \"{}\" holds null", column.name),
        )
        .with_hint("A row without a time belongs to no part: filter it out.")
        .into());
    }
    Ok(column.values.iter().map(|value| (value * unit).round() as i64).collect())
}

/// The labelled rows by time and, among equals, by a hash of the row, so that equal data in another
/// physical order trains the same model.
fn content_order(table: &sira_train::Table, times: Option<&[i64]>) -> Vec<u32> {
    let mut keys: Vec<(i64, u64, u32)> = table
        .label
        .iter()
        .enumerate()
        .filter(|(_, label)| !label.is_nan())
        .map(|(row, label)| {
            let mut hasher = DefaultHasher::new();
            label.to_bits().hash(&mut hasher);
            for column in &table.columns {
                column.values.get(row).map(|value| value.to_bits()).hash(&mut hasher);
            }
            if let Some(weights) = &table.weight {
                weights.get(row).map(|value| value.to_bits()).hash(&mut hasher);
            }
            if let Some(groups) = &table.group {
                groups.get(row).hash(&mut hasher);
            }
            let time = times.and_then(|times| times.get(row)).copied().unwrap_or_default();
            (time, hasher.finish(), row as u32)
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, row)| row).collect()
}

fn digest(
    table: &sira_train::Table,
    signature: &Signature,
    times: Option<&[i64]>,
    order: &[u32],
) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(serde_json::to_vec(signature).unwrap_or_default());
    let mut column = |values: &[f64]| {
        for row in order {
            hasher.update(values.get(*row as usize).copied().unwrap_or(f64::NAN).to_le_bytes());
        }
    };
    for feature in &table.columns {
        column(&feature.values);
    }
    column(&table.label);
    if let Some(weights) = &table.weight {
        column(weights);
    }
    for numbers in [table.group.as_deref(), times].into_iter().flatten() {
        for row in order {
            hasher.update(numbers.get(*row as usize).copied().unwrap_or_default().to_le_bytes());
        }
    }
    hasher.finalize().into()
}
