//! Rows of a source becoming the core's history.

use crate::error::Result;
use crate::feature::prepared::Row;
use crate::feature::source::TimeKind;
use crate::relation::Reader;
use pgrx::pg_sys;
use sira_core::feature::{Codes, Column, History, Numbers};
use sira_core::signature::{Feature, FeatureKind};

/// How a column of values is read: numbers, booleans and times as numbers, names as texts.
pub struct ValueColumn {
    type_oid: pg_sys::Oid,
    reader: Reader,
    /// What errors call it.
    feature: Feature,
}

impl ValueColumn {
    pub fn of(type_oid: pg_sys::Oid) -> Result<Self> {
        let reader = Reader::of(type_oid)?;
        // A date is the instant at which it begins, so that dates and timestamps can be told apart by nobody.
        let kind = if reader == Reader::Date { FeatureKind::Timestamp } else { reader.kind() };
        Ok(Self { type_oid, reader, feature: Feature::new("value", kind) })
    }
}

/// Rows read so far.
pub struct Reading<'a> {
    time: TimeKind,
    recorded: Option<TimeKind>,
    columns: &'a [ValueColumn],
    times: Vec<i64>,
    recorded_times: Vec<i64>,
    cells: Vec<Cells>,
}

enum Cells {
    Numbers(Numbers),
    Texts(Vec<Option<String>>),
}

impl<'a> Reading<'a> {
    pub fn new(time: TimeKind, recorded: Option<TimeKind>, columns: &'a [ValueColumn]) -> Self {
        let cells = columns.iter().map(|column| match column.reader {
            Reader::Text => Cells::Texts(Vec::new()),
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
        for (offset, (column, cells)) in self.columns.iter().zip(&mut self.cells).enumerate() {
            let datum = row.get(next + offset);
            // SAFETY: the reader was made for the type of the plan's column.
            unsafe {
                match cells {
                    Cells::Numbers(numbers) => numbers.push(match datum {
                        Some(datum) => column.reader.number(&column.feature, datum)?,
                        None => None,
                    }),
                    Cells::Texts(texts) => {
                        texts.push(datum.map(|datum| column.reader.text(column.type_oid, datum)));
                    }
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
