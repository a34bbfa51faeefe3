//! The rows of an evaluation, read once and scored on the way.

use super::image::{Image, RowDigest};
use crate::columns::Column;
use crate::cursor::Cursor;
use crate::error::{Failure, Result};
use crate::feature::prepared::Row;
use crate::features::Features;
use crate::guc;
use crate::relation::Binding;
use crate::scoring::Scorer;
use crate::statement::Mode;
use crate::training::dataset;
use pgrx::{PgSqlErrorCode, PgTupleDesc};
use sira_core::{Error, ErrorKind};
use std::cell::RefCell;
use std::collections::HashSet;

/// Rows that are scored together: their vectors fit into a core's own cache.
const BLOCK: usize = 1024;

/// Values that a column may have to be evaluated by.
pub const SLICES: usize = 1_000;

/// What errors call the query.
const QUERY: &str = "the evaluation query";

/// The columns that say something of a row beside its features.
#[derive(Clone, Copy)]
pub struct Roles<'a> {
    pub label: &'a str,
    pub weight: Option<&'a str>,
    pub slices: &'a [String],
}

/// Labelled rows in the order of their content.
pub struct Sheet {
    /// Of each version, in the order they were given, its answers row by row.
    pub answers: Vec<Vec<f64>>,
    pub label: Column,
    pub weight: Option<Vec<f64>>,
    pub slices: Vec<Column>,
    /// Rows left out because nobody knows yet what came true.
    pub unlabelled: usize,
    pub digest: RowDigest,
}

/// Reads a query as the caller and scores its labelled rows with each version.
pub fn read(query: &str, roles: &Roles<'_>, versions: &[&Scorer]) -> Result<Sheet> {
    let cursor = Cursor::open(QUERY, query, &[], &[], Mode::Write)?;
    if cursor.descriptor().is_null() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("{QUERY} returns no columns"),
        )
        .hint("Give a SELECT of the model's features and of a label."));
    }
    let reading = {
        // The copy lies in the cursor's memory and must go before it.
        // SAFETY: the cursor keeps its descriptor while it is open.
        let columns = unsafe { PgTupleDesc::from_pg_copy(cursor.descriptor()) };
        RefCell::new(Reading::new(&columns, roles, versions)?)
    };
    cursor.each(|row| reading.borrow_mut().take(row), || reading.borrow().check())?;
    reading.into_inner().finish(roles)
}

/// A role's column and its place in the query.
struct Role {
    place: usize,
    column: Column,
}

impl Role {
    fn named(columns: &PgTupleDesc<'_>, name: &str, role: &str) -> Result<Self> {
        let found = columns.iter().enumerate().find(|(_, column)| column.name() == name);
        let Some((place, attribute)) = found else {
            let known: Vec<&str> = columns.iter().map(|column| column.name()).collect();
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!("{role} \"{name}\" is not a column of {QUERY}"),
            )
            .hint(format!("The columns are {}.", known.join(", "))));
        };
        let column = Column::new(name.to_owned(), attribute.atttypid, false)
            .map_err(|failure| failure.detail(format!("It is the type of {role} \"{name}\".")))?;
        Ok(Self { place, column })
    }

    /// # Safety
    /// The row must be one of the query.
    unsafe fn take(&mut self, row: &Row<'_>) -> Result<()> {
        match row.get(self.place) {
            // SAFETY: the column was made for the attribute's type.
            Some(datum) => unsafe { self.column.push(datum) },
            None => {
                self.column.values.push(f64::NAN);
                Ok(())
            }
        }
    }
}

/// One version while rows are read.
struct Contestant<'a> {
    scorer: &'a Scorer,
    binding: Binding,
    /// Vectors that wait to be scored.
    vectors: Vec<f64>,
    answers: Vec<f64>,
}

impl<'a> Contestant<'a> {
    /// A version that is measured must be given what it looks at: one that misses a column would lose against another,
    /// and nobody would see why.
    fn new(scorer: &'a Scorer, columns: &PgTupleDesc<'_>) -> Result<Self> {
        let signature = &scorer.version.signature;
        let given: HashSet<&str> = columns.iter().map(|column| column.name()).collect();
        let names = signature.features.iter().map(|feature| feature.name.as_str());
        let absent: Vec<&str> = names.filter(|name| !given.contains(name)).take(10).collect();
        if !absent.is_empty() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
                format!("{QUERY} lacks features of model \"{}\"", scorer.model),
            )
            .detail(format!("Version {} takes {} too.", scorer.version.number, absent.join(", ")))
            .hint("Select them under these names; a value that is not known is NULL."));
        }
        let binding = Binding::of_statement(signature, columns)?;
        Ok(Self { scorer, binding, vectors: Vec::new(), answers: Vec::new() })
    }

    fn flush(&mut self, rows: usize) -> Result<()> {
        let before = self.answers.len();
        self.answers.resize(before + rows * self.scorer.width(), 0.0);
        let answers = self.answers.get_mut(before..).unwrap_or_default();
        self.scorer.answer_many(&self.vectors, answers)?;
        self.vectors.clear();
        Ok(())
    }
}

/// What has been read so far.
struct Reading<'a> {
    image: Image,
    label: Role,
    weight: Option<Role>,
    slices: Vec<Role>,
    versions: Vec<Contestant<'a>>,
    features: Features,
    rows: Vec<RowDigest>,
    waiting: usize,
    unlabelled: usize,
}

impl<'a> Reading<'a> {
    fn new(columns: &PgTupleDesc<'_>, roles: &Roles<'_>, versions: &[&'a Scorer]) -> Result<Self> {
        let mut names = HashSet::new();
        if let Some(twin) = columns.iter().map(|column| column.name()).find(|name| !names.insert(*name)) {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_DUPLICATE_COLUMN,
                format!("{QUERY} has two columns named \"{twin}\""),
            )
            .hint("Features bind by name: give one of them another with AS."));
        }
        Ok(Self {
            image: Image::of(columns),
            label: Role::named(columns, roles.label, "label")?,
            weight: roles.weight.map(|name| Role::named(columns, name, "weight")).transpose()?,
            slices: roles
                .slices
                .iter()
                .map(|name| Role::named(columns, name, "slice"))
                .collect::<Result<_>>()?,
            versions: versions
                .iter()
                .map(|scorer| Contestant::new(scorer, columns))
                .collect::<Result<_>>()?,
            features: Features::default(),
            rows: Vec::new(),
            waiting: 0,
            unlabelled: 0,
        })
    }

    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        // SAFETY: everything here was made for the columns of the query that the row is of.
        unsafe {
            self.label.take(row)?;
            if self.label.column.values.last().is_none_or(|label| label.is_nan()) {
                self.label.column.values.pop();
                self.unlabelled += 1;
                return Ok(());
            }
            for role in self.weight.iter_mut().chain(&mut self.slices) {
                role.take(row)?;
            }
            self.rows.push(self.image.digest(row.values, row.nulls));
            for version in &mut self.versions {
                let signature = &version.scorer.version.signature;
                version.binding.read_values(signature, row.values, row.nulls, &mut self.features)?;
                version.vectors.extend_from_slice(&self.features.vector);
            }
        }
        self.waiting += 1;
        if self.waiting == BLOCK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.waiting);
        self.versions.iter_mut().try_for_each(|version| version.flush(rows))
    }

    /// Holds what is kept of the rows, and what the measures will need for each, against `sira.training_memory`.
    fn check(&self) -> Result<()> {
        if let Some(slice) = self.slices.iter().find(|slice| slice.column.texts.len() > SLICES) {
            return Err(too_many_slices(&slice.column.name));
        }
        let roles = 1 + self.slices.len() + usize::from(self.weight.is_some());
        let answers: usize = self.versions.iter().map(|version| version.scorer.width()).sum();
        // What is put into order is there twice; the measures sort scores with their places.
        let row = size_of::<RowDigest>() + 8 + 2 * 8 * (roles + answers) + 64;
        let needed = (self.rows.len() * row) as u64;
        let limit = u64::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
        if needed <= limit {
            return Ok(());
        }
        Err(Error::new(ErrorKind::OutOfBudget, "the evaluation would need more memory than it may have")
            .with_detail(format!(
                "After {} rows the estimate is {} MB, sira.training_memory is {} MB.",
                self.rows.len(),
                needed >> 20,
                limit >> 20
            ))
            .with_hint("Evaluate a sample of the rows, or have sira.training_memory raised.")
            .into())
    }

    /// Puts the rows in the order of their content.
    fn finish(mut self, roles: &Roles<'_>) -> Result<Sheet> {
        self.flush()?;
        if self.rows.is_empty() {
            return Err(no_rows(roles.label, self.unlabelled));
        }
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        let digest_of = |row: &u32| self.rows.get(*row as usize);
        order.sort_unstable_by(|a, b| digest_of(a).cmp(&digest_of(b)));
        pgrx::check_for_interrupts!();
        let named = [Some(roles.label), roles.weight];
        let digest = self.image.of_all(&named, order.iter().filter_map(digest_of));
        let sorted = |mut role: Role| {
            role.column.values = arrange(&role.column.values, &order, 1);
            role.column.finish();
            role.column
        };
        let weight = self.weight.map(sorted).map(dataset::weights).transpose()?;
        Ok(Sheet {
            answers: self
                .versions
                .iter()
                .map(|version| arrange(&version.answers, &order, version.scorer.width()))
                .collect(),
            label: sorted(self.label),
            weight,
            slices: self.slices.into_iter().map(sorted).collect(),
            unlabelled: self.unlabelled,
            digest,
        })
    }
}

impl Sheet {
    pub fn rows(&self) -> usize {
        self.label.values.len()
    }
}

/// `width` values a row, in another order of rows.
fn arrange(values: &[f64], order: &[u32], width: usize) -> Vec<f64> {
    let mut arranged = Vec::with_capacity(values.len());
    for row in order {
        let at = *row as usize * width;
        arranged.extend_from_slice(values.get(at..at + width).unwrap_or_default());
    }
    arranged
}

fn no_rows(label: &str, unlabelled: usize) -> Failure {
    let failure = |message: String| Failure::new(PgSqlErrorCode::ERRCODE_NO_DATA_FOUND, message);
    match unlabelled {
        0 => failure(format!("{QUERY} returns no rows")).hint("Run the query alone, and widen its WHERE."),
        rows => failure(format!("label \"{label}\" is null in every row"))
            .detail(format!("The evaluation query returns {rows} rows."))
            .hint("Evaluate rows of which it is known what came true."),
    }
}

pub fn too_many_slices(column: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
        format!("column \"{column}\" has too many different values to evaluate by"),
    )
    .detail(format!("At most {SLICES}."))
    .hint("Select ranges or groups of it, such as width_bucket(amount, 0, 1000, 10).")
}
