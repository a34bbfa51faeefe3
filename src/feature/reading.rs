//! Rows of a source becoming the core's history.

use crate::error::Result;
use crate::feature::prepared::Row;
use crate::feature::source::TimeKind;
use crate::relation::Reader;
use pgrx::pg_sys;
use sira_core::feature::{Aggregate, Codes, Column, History, Measure, Numbers};
use sira_core::signature::{Feature, FeatureKind};

/// How a column of values is read: numbers, booleans and times as numbers, names as texts.
pub struct ValueColumn {
    /// The expression that it reads, by its place.
    from: usize,
    type_oid: pg_sys::Oid,
    reader: Reader,
    exact: bool,
    /// What errors call it.
    feature: Feature,
}

/// The columns that the expressions of a group become.
///
/// A float8 does not tell apart all integers and decimals that PostgreSQL does, so where distinct values are counted
/// these are read as they are, beside their floats where something else asks for those.
pub struct ValueColumns {
    columns: Vec<ValueColumn>,
    /// Of each expression the column that tells its values apart.
    exact: Vec<usize>,
}

impl ValueColumns {
    /// Of the types of the expressions, for measures over these.
    pub fn of<'m>(
        types: impl Iterator<Item = pg_sys::Oid>,
        measures: impl Iterator<Item = &'m Measure> + Clone,
    ) -> Result<Self> {
        let (mut columns, mut again) = (Vec::new(), Vec::new());
        for (from, type_oid) in types.enumerate() {
            let reader = Reader::of(type_oid)?;
            // A date is the instant at which it begins, so that dates and timestamps can be told apart by nobody.
            let kind = if reader == Reader::Date { FeatureKind::Timestamp } else { reader.kind() };
            let column =
                |exact| ValueColumn { from, type_oid, reader, exact, feature: Feature::new("value", kind) };
            let rounds = matches!(reader, Reader::Int8 | Reader::Numeric);
            let counted = rounds && measures.clone().any(|m| counts(m) && m.value == Some(from));
            let asked = measures.clone().any(|m| {
                m.denominator == Some(from) || m.filter == Some(from) || (!counts(m) && m.value == Some(from))
            });
            columns.push(column(counted && !asked));
            if counted && asked {
                again.push(column(true));
            }
        }
        let mut exact: Vec<usize> = (0..columns.len()).collect();
        for (column, at) in again.iter().zip(columns.len()..) {
            exact.get_mut(column.from).into_iter().for_each(|place| *place = at);
        }
        columns.extend(again);
        Ok(Self { columns, exact })
    }

    /// A measure over the expressions as one over the columns.
    pub fn measure(&self, measure: &Measure) -> Measure {
        let value = measure.value.map(|from| match self.exact.get(from) {
            Some(exact) if counts(measure) => *exact,
            _ => from,
        });
        Measure { value, ..*measure }
    }
}

fn counts(measure: &Measure) -> bool {
    measure.window.aggregate() == Aggregate::CountDistinct
}

/// Rows read so far.
pub struct Reading<'a> {
    time: TimeKind,
    recorded: Option<TimeKind>,
    columns: &'a ValueColumns,
    times: Vec<i64>,
    recorded_times: Vec<i64>,
    cells: Vec<Cells>,
}

enum Cells {
    Numbers(Numbers),
    Integers(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
}

impl<'a> Reading<'a> {
    pub fn new(time: TimeKind, recorded: Option<TimeKind>, columns: &'a ValueColumns) -> Self {
        let cells = columns.columns.iter().map(|column| match (column.reader, column.exact) {
            (Reader::Text, _) | (Reader::Numeric, true) => Cells::Texts(Vec::new()),
            (Reader::Int8, true) => Cells::Integers(Vec::new()),
            _ => Cells::Numbers(Numbers::default()),
        });
        Self {
            time,
            recorded,
            columns,
            times: Vec::new(),
            recorded_times: Vec::new(),
            cells: cells.collect(),
        }
    }

    /// Takes a row: its time, its recording time where there is one, and its values. A row without a time never
    /// happened; one without a recording time was known at once.
    pub fn push(&mut self, row: &Row<'_>) -> Result<()> {
        self.push_at(row, 1 + usize::from(self.recorded.is_some()))
    }

    /// The same for a row whose values begin at column `next`.
    pub fn push_at(&mut self, row: &Row<'_>, next: usize) -> Result<()> {
        let Some(time) = row.get(0) else { return Ok(()) };
        self.times.push(self.time.micros(time));
        if let Some(recorded) = self.recorded {
            self.recorded_times.push(row.get(1).map_or(i64::MIN, |datum| recorded.last_micros(datum)));
        }
        for (column, cells) in self.columns.columns.iter().zip(&mut self.cells) {
            let datum = row.get(next + column.from);
            // SAFETY: the reader was made for the type of the plan's column.
            unsafe {
                match cells {
                    Cells::Numbers(numbers) => numbers.push(match datum {
                        Some(datum) => column.reader.number(&column.feature, datum)?,
                        None => None,
                    }),
                    Cells::Integers(integers) => integers.push(datum.map(|datum| datum.value() as i64)),
                    Cells::Texts(texts) => texts.push(datum.map(|datum| {
                        let text = column.reader.text(column.type_oid, datum);
                        if column.reader == Reader::Numeric { without_scale(text) } else { text }
                    })),
                }
            }
        }
        Ok(())
    }

    /// The history, and of each column of texts the texts in the order of their codes, which is that of their bytes.
    pub fn finish(self) -> (History, Vec<Vec<String>>) {
        let mut columns = Vec::with_capacity(self.cells.len());
        let mut dictionaries = Vec::with_capacity(self.cells.len());
        for cells in self.cells {
            match cells {
                Cells::Numbers(numbers) => {
                    columns.push(Column::Numbers(numbers));
                    dictionaries.push(Vec::new());
                }
                Cells::Integers(integers) => {
                    let mut known: Vec<i64> = integers.iter().flatten().copied().collect();
                    known.sort_unstable();
                    known.dedup();
                    let code = |integer: i64| known.binary_search(&integer).ok().map(|code| code as u32);
                    columns.push(Column::Codes(
                        integers.into_iter().map(|integer| integer.and_then(code)).collect::<Codes>(),
                    ));
                    dictionaries.push(Vec::new());
                }
                Cells::Texts(texts) => {
                    let mut dictionary: Vec<String> = texts.iter().flatten().cloned().collect();
                    dictionary.sort_unstable();
                    dictionary.dedup();
                    let code = |text: String| dictionary.binary_search(&text).ok().map(|code| code as u32);
                    columns.push(Column::Codes(
                        texts.into_iter().map(|text| text.and_then(code)).collect::<Codes>(),
                    ));
                    dictionaries.push(dictionary);
                }
            }
        }
        let recorded = self.recorded.map(|_| self.recorded_times);
        (History { time: self.times, recorded, columns }, dictionaries)
    }
}

/// A numeric as all that equal it are written: 1.50 and 1.5 are one number.
fn without_scale(mut text: String) -> String {
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}
