//! What happened, to whom and when, and the moments that are asked about. Times are microseconds.

use super::column::Column;
use crate::{Error, ErrorKind, Result};

/// Rows of one entity or of many, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub time: Vec<i64>,
    /// When each row was recorded. Without it every row counts as known at any moment.
    pub recorded: Option<Vec<i64>>,
    pub columns: Vec<Column>,
}

/// Rows of many entities. Entities are numbered from 0 without large gaps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    pub entity: Vec<u32>,
    pub history: History,
}

/// The moments asked about, in any order, as often as one likes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queries {
    pub entity: Vec<u32>,
    pub time: Vec<i64>,
    /// Up to when the answer to each may know. Without it everything recorded is known.
    pub known: Option<Vec<i64>>,
}

impl History {
    pub fn len(&self) -> usize {
        self.time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    pub(super) fn check(&self) -> Result<()> {
        let rows = self.len();
        if rows >= u32::MAX as usize / 4 {
            return Err(Error::new(ErrorKind::OutOfBudget, "too many events for one pass")
                .with_detail(format!("{rows} events; a pass takes {}.", u32::MAX / 4))
                .with_hint("Ask for fewer entities at a time."));
        }
        same_length("recorded times", self.recorded.as_ref().map(Vec::len), rows)?;
        self.columns.iter().try_for_each(|column| same_length("values", Some(column.len()), rows))
    }
}

impl Events {
    pub(super) fn check(&self) -> Result<()> {
        same_length("entities", Some(self.entity.len()), self.history.len())?;
        self.history.check()
    }
}

impl Queries {
    pub fn len(&self) -> usize {
        self.time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.time.is_empty()
    }

    pub(super) fn check(&self) -> Result<()> {
        let rows = self.len();
        if rows >= u32::MAX as usize / 4 {
            return Err(Error::new(ErrorKind::OutOfBudget, "too many moments for one pass")
                .with_detail(format!("{rows} moments; a pass takes {}.", u32::MAX / 4))
                .with_hint("Ask for fewer moments at a time."));
        }
        same_length("entities", Some(self.entity.len()), rows)?;
        same_length("known times", self.known.as_ref().map(Vec::len), rows)
    }
}

fn same_length(what: &str, found: Option<usize>, rows: usize) -> Result<()> {
    match found {
        Some(found) if found != rows => {
            Err(Error::new(ErrorKind::InvalidParameter, format!("times and {what} differ in number"))
                .with_detail(format!("{rows} times, {found} {what}.")))
        }
        _ => Ok(()),
    }
}
