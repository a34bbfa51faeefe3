//! Rows as callers have them: one after the other, or by column.

use super::check_row_length;
use crate::{Error, ErrorKind, Result};

/// A view of rows, each with one value a feature.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    cells: Cells<'a>,
    count: usize,
    features: usize,
}

#[derive(Clone, Copy, Debug)]
enum Cells<'a> {
    RowMajor(&'a [f64]),
    Columns(&'a [&'a [f64]]),
}

impl<'a> Rows<'a> {
    /// Rows that lie one after the other.
    pub fn row_major(values: &'a [f64], features: usize) -> Result<Self> {
        if features == 0 || !values.len().is_multiple_of(features) {
            return Err(Error::new(ErrorKind::FeatureCount, "values are not whole rows")
                .with_detail(format!("{} values, {features} features.", values.len())));
        }
        Ok(Self { cells: Cells::RowMajor(values), count: values.len() / features, features })
    }

    /// One slice a feature, all of the same length.
    pub fn columns(columns: &'a [&'a [f64]]) -> Result<Self> {
        let count = columns.first().map_or(0, |column| column.len());
        if let Some(other) = columns.iter().position(|column| column.len() != count) {
            return Err(Error::new(ErrorKind::FeatureCount, "columns differ in length").with_detail(
                format!(
                    "Column 0 has {count} values, column {other} has {}.",
                    columns.get(other).map_or(0, |column| column.len())
                ),
            ));
        }
        Ok(Self { cells: Cells::Columns(columns), count, features: columns.len() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Values a row.
    pub fn features(&self) -> usize {
        self.features
    }

    pub(crate) fn check(&self, features: usize) -> Result<()> {
        check_row_length(self.features, features)
    }

    /// Copies a row out.
    pub(crate) fn copy_row(&self, row: usize, out: &mut Vec<f64>) {
        out.clear();
        match self.cells {
            Cells::RowMajor(values) => {
                let begin = row * self.features;
                out.extend_from_slice(values.get(begin..begin + self.features).unwrap_or_default());
            }
            Cells::Columns(columns) => {
                out.extend(columns.iter().map(|column| column.get(row).copied().unwrap_or(f64::NAN)));
            }
        }
    }

    /// Copies a feature of consecutive rows out; the rows must be there.
    pub(crate) fn copy_feature(&self, feature: usize, first: usize, out: &mut [f64]) {
        match self.cells {
            Cells::RowMajor(values) => {
                let values = values.get(first * self.features + feature..).unwrap_or_default();
                for (to, from) in out.iter_mut().zip(values.iter().step_by(self.features.max(1))) {
                    *to = *from;
                }
            }
            Cells::Columns(columns) => {
                let column = columns.get(feature).and_then(|column| column.get(first..)).unwrap_or_default();
                for (to, from) in out.iter_mut().zip(column) {
                    *to = *from;
                }
            }
        }
    }
}
