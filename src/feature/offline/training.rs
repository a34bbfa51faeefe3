//! A set's values as the columns that a model is trained on.

use super::{Content, Questions, Reading, Values, questions};
use crate::catalog::Home;
use crate::columns::{self, Column};
use crate::error::{Failure, Result};
use crate::feature::definition::{Definition, ValueType};
use crate::feature::plan;
use crate::statement::Mode;
use pgrx::PgSqlErrorCode;
use sira_core::signature::FeatureKind;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What a training reads: the columns that it names beside the features, then the set's features.
pub struct Read {
    pub columns: Vec<Column>,
    /// The set and its version, as `name/3`.
    pub reference: String,
    /// Columns of the query that are neither.
    pub ignored: Vec<String>,
}

/// Runs the entity query and computes the set for its rows. `named` are the query's columns in other roles.
pub fn columns(home: Home, reference: &str, query: &str, named: &[&str], exclude: &[String]) -> Result<Read> {
    plan::with(home, reference, |plan| {
        let set = plan.set.clone();
        let reading = Reading { mode: Mode::Write, as_known: true };
        let others = RefCell::new(Vec::new());
        let mut ignored = Vec::new();
        let questions = Questions::read(
            &set,
            query,
            reading.mode,
            |cursor| {
                let unnamed: Vec<String> = questions::given(cursor.descriptor())?
                    .into_iter()
                    .map(|given| given.name)
                    .filter(|name| !named.contains(&name.as_str()))
                    .collect();
                // SAFETY: the cursor is open.
                *others.borrow_mut() = unsafe { columns::describe(cursor.descriptor(), &unnamed) }?;
                ignored = unnamed;
                Ok(())
            },
            |row| columns::append(&mut others.borrow_mut(), row),
        )?;
        let computed = super::compute(home, plan, &questions, reading)?;
        let mut columns: Vec<Column> = others.into_inner();
        columns.retain(|column| named.contains(&column.name.as_str()));
        columns.iter_mut().for_each(Column::finish);
        for (definition, values) in set.features.iter().zip(&computed) {
            if exclude.contains(&definition.name) {
                continue;
            }
            if columns.iter().any(|column| column.name == definition.name) {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                    format!("feature \"{}\" is also the label, weight, time or group", definition.name),
                )
                .hint("Give that column of the entity query another name with AS."));
            }
            columns.push(column(definition, values)?);
        }
        let used = |name: &String| {
            set.keys.values().any(|key| key == name)
                || set.features.iter().any(|feature| &feature.name == name)
                || exclude.contains(name)
                || [questions::ENTITY, questions::MOMENT, questions::KNOWN].contains(&name.as_str())
                || questions::FEAST.iter().any(|(_, theirs)| name == theirs)
        };
        ignored.retain(|name| !used(name));
        Ok(Read { columns, reference: format!("{}/{}", set.name, set.version), ignored })
    })
}

/// Texts become categories, in the order of their bytes; what is not there is a missing value.
fn column(definition: &Definition, values: &Values) -> Result<Column> {
    let kind = match definition.value_type {
        ValueType::Numeric => FeatureKind::Numeric,
        ValueType::Boolean => FeatureKind::Boolean,
        ValueType::Text => FeatureKind::Text,
        ValueType::Json => {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
                format!("feature \"{}\" is JSON and cannot be trained on", definition.name),
            )
            .hint("Derive a number or a text from it, or exclude it."));
        }
    };
    let mut categories: BTreeMap<&str, f64> = BTreeMap::new();
    for row in 0..values.len() {
        if let Content::Text(text) = values.get(row) {
            categories.entry(text).or_default();
        }
    }
    for (code, place) in categories.values_mut().enumerate() {
        *place = code as f64;
    }
    let cells = (0..values.len()).map(|row| match values.get(row) {
        Content::Null => f64::NAN,
        Content::Number(number) => crate::features::canonical(number),
        Content::Text(text) => categories.get(text).copied().unwrap_or(f64::NAN),
    });
    let cells: Vec<f64> = cells.collect();
    let texts = categories.into_keys().map(ToOwned::to_owned).collect();
    Column::computed(definition.name.clone(), kind, cells, texts)
}
