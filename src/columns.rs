//! A query's rows as columns of numbers, read as the caller.
//!
//! Each value is kept once, as eight bytes; texts become codes of a dictionary.

use crate::cursor::Cursor;
use crate::error::{Failure, Result};
use crate::feature::prepared::Row;
use crate::features;
use crate::relation::Reader;
use crate::statement::Mode;
use pgrx::{PgSqlErrorCode, PgTupleDesc, pg_sys};
use sira_core::signature::{Feature, FeatureKind};
use std::cell::RefCell;
use std::collections::HashMap;

/// Texts that a column may hold; beyond, it is an identifier rather than a category.
const CATEGORIES: usize = 65_535;

/// Bytes of one such text; a longer one is a document rather than a category.
const CATEGORY_BYTES: usize = 1_024;

/// What has been read so far.
pub struct Extent {
    pub rows: usize,
    pub columns: usize,
    /// Bytes of the dictionaries.
    pub texts: usize,
}

/// One column of the query's result.
pub struct Column {
    pub name: String,
    pub kind: FeatureKind,
    /// Numbers; of a text column the codes of `texts`; NaN for NULL.
    pub values: Vec<f64>,
    /// The texts of a text column in code order.
    pub texts: Vec<String>,
    /// None of an excluded column: its values are not looked at, and its type may be any.
    reader: Option<Reader>,
    type_oid: pg_sys::Oid,
    codes: HashMap<String, u32>,
    bytes: usize,
    feature: Feature,
}

impl Column {
    /// An empty column for values of a type.
    pub fn new(name: String, type_oid: pg_sys::Oid, excluded: bool) -> Result<Self> {
        let reader = match Reader::of(type_oid) {
            _ if excluded => None,
            Ok(reader) => Some(reader),
            Err(failure) => {
                return Err(
                    failure.detail(format!("It is the type of column \"{name}\" of the training query."))
                );
            }
        };
        let kind = reader.map_or(FeatureKind::Numeric, Reader::kind);
        Ok(Self {
            feature: Feature::new(name.clone(), kind),
            name,
            kind,
            values: Vec::new(),
            texts: Vec::new(),
            reader,
            type_oid,
            codes: HashMap::new(),
            bytes: 0,
        })
    }

    /// A column whose values were computed rather than read; texts in the order of their codes.
    pub fn computed(name: String, kind: FeatureKind, values: Vec<f64>, texts: Vec<String>) -> Result<Self> {
        if texts.len() > CATEGORIES {
            return Err(too_many(&name));
        }
        Ok(Self {
            feature: Feature::new(name.clone(), kind),
            name,
            kind,
            values,
            texts,
            reader: None,
            type_oid: pg_sys::InvalidOid,
            codes: HashMap::new(),
            bytes: 0,
        })
    }

    /// After the last row: codes of texts get the order of the texts, so that they do not depend on the rows' order.
    pub fn finish(&mut self) {
        if self.kind == FeatureKind::Text {
            self.sort_texts();
        }
    }

    /// Takes the next row's value.
    ///
    /// # Safety
    /// `datum` must be a value of the column's type.
    pub unsafe fn push(&mut self, datum: pg_sys::Datum) -> Result<()> {
        let value = match self.reader {
            None => f64::NAN,
            // SAFETY: the reader was made for the column's type.
            Some(reader) => match unsafe { reader.number(&self.feature, datum) }? {
                Some(number) => features::canonical(number),
                None => f64::from(self.code(unsafe { reader.text(self.type_oid, datum) })?),
            },
        };
        self.values.push(value);
        Ok(())
    }

    fn code(&mut self, text: String) -> Result<u32> {
        if let Some(code) = self.codes.get(&text) {
            return Ok(*code);
        }
        if self.texts.len() >= CATEGORIES {
            return Err(too_many(&self.name));
        }
        if text.len() > CATEGORY_BYTES {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                format!("column \"{}\" has a text that is too long for a category", self.name),
            )
            .detail(format!("It has {} bytes, a category at most {CATEGORY_BYTES}.", text.len()))
            .hint(format!("Shorten it in the query, or exclude => '{{{}}}'.", self.name)));
        }
        let code = self.texts.len() as u32;
        // Each text is kept twice while the query is read, with the headers of its containers.
        self.bytes += 2 * text.len() + 96;
        self.texts.push(text.clone());
        self.codes.insert(text, code);
        Ok(code)
    }

    fn sort_texts(&mut self) {
        self.codes = HashMap::new();
        let mut order: Vec<usize> = (0..self.texts.len()).collect();
        order.sort_by(|a, b| self.texts.get(*a).cmp(&self.texts.get(*b)));
        let mut rank = vec![0.0; order.len()];
        for (position, code) in order.iter().enumerate() {
            if let Some(place) = rank.get_mut(*code) {
                *place = position as f64;
            }
        }
        for value in &mut self.values {
            if !value.is_nan() {
                *value = rank.get(*value as usize).copied().unwrap_or(f64::NAN);
            }
        }
        self.texts.sort();
    }

    /// One of its values as people write it: the name of a class, or of a slice.
    pub fn shown(&self, value: f64) -> String {
        match self.kind {
            FeatureKind::Boolean => (value != 0.0).to_string(),
            FeatureKind::Text => self.texts.get(value as usize).cloned().unwrap_or_default(),
            _ => value.to_string(),
        }
    }

    /// Gives the texts the codes of a feature that a model knows; new texts come behind them.
    pub fn recode(&mut self, feature: &Feature) {
        self.feature = feature.clone();
        if feature.kind != FeatureKind::Text {
            self.kind = feature.kind;
            return;
        }
        let mut texts = feature.categories.clone();
        let codes: Vec<f64> = self
            .texts
            .iter()
            .map(|text| match feature.code(text) {
                code if code.is_nan() => {
                    texts.push(text.clone());
                    (texts.len() - 1) as f64
                }
                code => code,
            })
            .collect();
        for value in self.values.iter_mut().filter(|value| !value.is_nan()) {
            *value = codes.get(*value as usize).copied().unwrap_or(f64::NAN);
        }
        self.texts = texts;
    }

    /// The feature that the model's signature gets of this column.
    pub fn signature(&self) -> Feature {
        match self.kind {
            FeatureKind::Text => Feature::text(self.name.clone(), self.texts.clone()),
            kind => Feature::new(self.name.clone(), kind),
        }
    }
}

/// Reads the whole result of `query`. After each batch `check` hears how much there is, and may refuse to go on.
pub fn read(
    query: &str,
    exclude: &[String],
    mut check: impl FnMut(&Extent) -> Result<()>,
) -> Result<Vec<Column>> {
    let cursor = Cursor::open("the training query", query, &[], &[], Mode::Write)?;
    // SAFETY: the cursor is open.
    let columns = RefCell::new(unsafe { describe(cursor.descriptor(), exclude) }?);
    cursor.each(|row| append(&mut columns.borrow_mut(), row), || check(&extent(&columns.borrow())))?;
    let mut columns = columns.into_inner();
    columns.iter_mut().for_each(Column::finish);
    Ok(columns)
}

fn too_many(column: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        format!("column \"{column}\" has more than {CATEGORIES} different texts"),
    )
    .hint(format!("It looks like an identifier: exclude => '{{{column}}}'."))
}

fn extent(columns: &[Column]) -> Extent {
    Extent {
        rows: columns.first().map_or(0, |column| column.values.len()),
        columns: columns.len(),
        texts: columns.iter().map(|column| column.bytes).sum(),
    }
}

/// The columns of an open query; the values of the excluded ones are not looked at.
///
/// # Safety
/// The cursor that the descriptor is of must be open.
pub unsafe fn describe(descriptor: pg_sys::TupleDesc, exclude: &[String]) -> Result<Vec<Column>> {
    if descriptor.is_null() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the training query returns no columns",
        )
        .hint("Give a SELECT of features and a label."));
    }
    // SAFETY: the portal keeps its descriptor while it is open; a copy is read.
    let descriptor = unsafe { PgTupleDesc::from_pg_copy(descriptor) };
    let mut columns: Vec<Column> = Vec::with_capacity(descriptor.len());
    for attribute in descriptor.iter() {
        let name = attribute.name().to_owned();
        if columns.iter().any(|column| column.name == name) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                format!("the training query has two columns named \"{name}\""),
            )
            .hint("Features bind by name: give one of them another with AS."));
        }
        let excluded = exclude.contains(&name);
        columns.push(Column::new(name, attribute.atttypid, excluded)?);
    }
    Ok(columns)
}

/// Takes a row's values.
pub fn append(columns: &mut [Column], row: &Row<'_>) -> Result<()> {
    for (position, column) in columns.iter_mut().enumerate() {
        match row.get(position) {
            None => column.values.push(f64::NAN),
            // SAFETY: the column was made for the attribute's type.
            Some(datum) => unsafe { column.push(datum) }?,
        }
    }
    Ok(())
}
