//! Statistics of a set's values, kept over time, and how far today's values are from the last that were accepted.
//!
//! Each row freezes its own bins: cut points of its numbers, or its categories, with how many values fell into each. A
//! later run is counted into the bins of the last accepted row, never into its own, which would follow the drift that
//! they should show.

use super::data::Data;
use super::judge;
use crate::catalog::Home;
use crate::error::Result;
use crate::feature::definition::Definition;
use crate::feature::offline::{Content, Values};
use crate::feature::set::Set;
use crate::statement::{Arguments, Mode, Row, Statement};
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys;
use sira_core::feature::quality::statistics;
use sira_core::feature::{Codes, Column};
use sira_core::stats::bins::{CutPoints, DEFAULT_BINS};
use sira_core::stats::divergence::population_stability_index;
use std::collections::HashMap;

/// The quantiles that are kept.
const FRACTIONS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// So many categories are kept by name, the most frequent ones; the others share a bin with what was never seen.
const CATEGORIES: usize = 200;

const STATISTICS_TYPES: &[pg_sys::Oid] = &[
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::INT4OID,
    pg_sys::TEXTOID,
    pg_sys::INT4OID,
    pg_sys::TIMESTAMPTZOID,
    pg_sys::INT8OID,
    pg_sys::INT8OID,
    pg_sys::INT8OID,
    pg_sys::INT8OID,
    pg_sys::INT8OID,
    pg_sys::FLOAT8OID,
    pg_sys::FLOAT8OID,
    pg_sys::FLOAT8OID,
    pg_sys::FLOAT8OID,
    pg_sys::FLOAT8ARRAYOID,
    pg_sys::FLOAT8ARRAYOID,
    pg_sys::FLOAT8ARRAYOID,
    pg_sys::TEXTARRAYOID,
    pg_sys::INT8ARRAYOID,
    pg_sys::BOOLOID,
];

thread_local! {
    static STORE: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_feature_statistics (tenant_id, feature_set, feature_set_version, feature, \
             feature_version, as_of, rows, nulls, nans, infinite, distinct_values, min, max, mean, stddev, fractions, \
             quantiles, cut_points, categories, bin_counts, accepted) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
            STATISTICS_TYPES,
        )
    };
    static ACCEPTED: Statement = const {
        Statement::new(
            "SELECT pg_catalog.to_char(pg_catalog.timezone('UTC', as_of), 'YYYY-MM-DD HH24:MI:SS'), cut_points, categories, bin_counts FROM {s}.sira_feature_statistics \
             WHERE tenant_id {=} $1 AND feature_set {=} $2 AND feature {=} $3 AND accepted AND as_of {<=} $4 \
             ORDER BY as_of DESC, created_at DESC LIMIT 1",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID],
        )
    };
}

/// The bins of a feature's values, frozen.
pub enum Bins {
    Numbers(CutPoints),
    /// The categories; behind them a bin for all others and one for what is missing.
    Texts(Vec<String>),
}

/// What was accepted last.
pub struct Accepted {
    /// In UTC, as people write it.
    pub as_of: String,
    bins: Bins,
    counts: Vec<u64>,
}

impl Bins {
    /// Bins of about equal share, cut from the values themselves.
    fn of(definition: &Definition, values: &Values, rows: usize) -> Self {
        if definition.value_type.is_number() {
            return Self::Numbers(CutPoints::of_reference(&numbers(values, rows), DEFAULT_BINS));
        }
        let groups = judge::groups(values, rows);
        let mut categories: Vec<(usize, &str)> = groups
            .iter()
            .filter_map(|(key, rows)| match key {
                judge::Key::Text(text) => Some((rows.len(), *text)),
                judge::Key::Number(_) => None,
            })
            .collect();
        categories.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        Self::Texts(categories.into_iter().take(CATEGORIES).map(|(_, text)| text.to_owned()).collect())
    }

    fn count(&self, values: &Values, rows: usize) -> Vec<u64> {
        match self {
            Self::Numbers(points) => points.count(&numbers(values, rows)),
            Self::Texts(categories) => {
                let places: HashMap<&str, usize> =
                    categories.iter().enumerate().map(|(place, text)| (text.as_str(), place)).collect();
                let mut counts = vec![0; categories.len() + 2];
                for row in 0..rows {
                    let bin = match values.get(row) {
                        Content::Text(text) => places.get(text).copied().unwrap_or(categories.len()),
                        _ => categories.len() + 1,
                    };
                    if let Some(count) = counts.get_mut(bin) {
                        *count += 1;
                    }
                }
                counts
            }
        }
    }
}

impl Accepted {
    fn of_row(row: &Row) -> Result<Option<Self>> {
        let bins = match (row.get::<Vec<f64>>(2), row.get::<Vec<String>>(3)) {
            (Some(points), _) => Bins::Numbers(CutPoints::new(points)?),
            (None, Some(categories)) => Bins::Texts(categories),
            (None, None) => return Ok(None),
        };
        let counts: Vec<i64> = row.need(4)?;
        let counts = counts.into_iter().map(|count| u64::try_from(count).unwrap_or(0)).collect();
        Ok(Some(Self { as_of: row.need(1)?, bins, counts }))
    }

    /// The population stability index of values against it; none where either side is empty, or where the feature's
    /// values were of another kind then.
    pub fn distance(&self, definition: &Definition, values: &Values, rows: usize) -> Result<Option<f64>> {
        let same_kind = matches!(self.bins, Bins::Numbers(_)) == definition.value_type.is_number();
        let current = self.bins.count(values, rows);
        let fits = current.len() == self.counts.len() && same_kind;
        if !fits || rows == 0 || self.counts.iter().sum::<u64>() == 0 {
            return Ok(None);
        }
        Ok(Some(population_stability_index(&self.counts, &current)?))
    }
}

/// The last accepted statistics of a feature up to a moment.
pub fn accepted(home: Home, set: &Set, feature: &str, as_of: i64) -> Result<Option<Accepted>> {
    let arguments = Arguments::new()
        .bind(set.tenant.as_str())
        .bind(set.name.as_str())
        .bind(feature)
        .bind(TimestampWithTimeZone::try_from(as_of).ok());
    let found =
        home.as_owner(|| ACCEPTED.with(|last| last.first(home, Mode::Read, arguments, Accepted::of_row)))?;
    Ok(found.flatten())
}

/// Keeps the statistics of a feature's values.
pub fn store(home: Home, set: &Set, place: usize, data: &Data, as_of: i64, is_accepted: bool) -> Result<()> {
    let (Some(definition), Some(values)) = (set.features.get(place), data.columns.get(place)) else {
        return Ok(());
    };
    let figures = statistics(&column(definition, values, data.len()), &FRACTIONS);
    let bins = Bins::of(definition, values, data.len());
    let counts: Vec<i64> = bins
        .count(values, data.len())
        .into_iter()
        .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
        .collect();
    let (points, categories) = match &bins {
        Bins::Numbers(points) => (Some(points.points().to_vec()), None),
        Bins::Texts(categories) => (None, Some(categories.clone())),
    };
    let whole = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let is_number = definition.value_type.is_number();
    let arguments = Arguments::new()
        .bind(set.tenant.as_str())
        .bind(set.name.as_str())
        .bind(set.version)
        .bind(definition.name.as_str())
        .bind(definition.version)
        .bind(TimestampWithTimeZone::try_from(as_of).ok())
        .bind(whole(figures.rows))
        .bind(whole(figures.nulls))
        .bind(is_number.then(|| whole(figures.nans)))
        .bind(is_number.then(|| whole(figures.infinite)))
        .bind(whole(figures.distinct))
        .bind(figures.min)
        .bind(figures.max)
        .bind(figures.mean)
        .bind(figures.stddev)
        .bind(is_number.then(|| FRACTIONS.to_vec()))
        .bind(is_number.then_some(figures.quantiles))
        .bind(points)
        .bind(categories)
        .bind(counts)
        .bind(is_accepted);
    home.as_owner(|| STORE.with(|store| store.each(home, Mode::Write, arguments, |_| Ok(()))))?;
    Ok(())
}

/// Numbers with NaN for what is missing, as bins take them.
fn numbers(values: &Values, rows: usize) -> Vec<f64> {
    let number = |content| if let Content::Number(number) = content { number } else { f64::NAN };
    (0..rows).map(|row| number(values.get(row))).collect()
}

fn column(definition: &Definition, values: &Values, rows: usize) -> Column {
    let contents = (0..rows).map(|row| values.get(row));
    if definition.value_type.is_number() {
        let number = |content| if let Content::Number(number) = content { Some(number) } else { None };
        return Column::Numbers(contents.map(number).collect());
    }
    let mut codes: HashMap<&str, u32> = HashMap::new();
    let mut column = Codes::default();
    for content in contents {
        column.push(match content {
            Content::Text(text) => {
                let next = codes.len() as u32;
                Some(*codes.entry(text).or_insert(next))
            }
            _ => None,
        });
    }
    Column::Codes(column)
}
