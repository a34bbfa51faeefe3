//! Columns in the order of the events, filtered, and what is added up beforehand: made once, shared by all windows.

use std::collections::HashMap;
use std::rc::Rc;

use super::known::Known;
use super::order::Order;
use super::totals::Totals;
use crate::feature::column::{Column, NO_KEY, Numbers, is_null, null};
use crate::feature::history::History;

/// A column and the filter upon it.
type Named = (Option<usize>, Option<usize>);

pub(super) struct Columns<'a> {
    history: &'a History,
    pub(super) order: &'a Order,
    pub(super) known: Option<&'a Known>,
    counts: HashMap<Named, Rc<Counts>>,
    totals: HashMap<Named, Rc<Totals>>,
    keys: HashMap<Named, Rc<Vec<u64>>>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(history: &'a History, order: &'a Order, known: Option<&'a Known>) -> Self {
        let (counts, totals, keys) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { history, order, known, counts, totals, keys }
    }

    pub(super) fn column(&self, at: Option<usize>) -> Option<&'a Column> {
        at.and_then(|at| self.history.columns.get(at))
    }

    pub(super) fn is_late(&self, at: usize) -> bool {
        self.known.is_some_and(|known| known.is_late(at))
    }

    /// The rows that have a value and pass the filter.
    pub(super) fn counts(&mut self, (value, filter): Named) -> Rc<Counts> {
        if let Some(counts) = self.counts.get(&(value, filter)) {
            return Rc::clone(counts);
        }
        let present = match (self.column(value), filter) {
            (None, None) => None,
            (Some(Column::Numbers(numbers)), None) if numbers.iter().all(|number| number.is_some()) => None,
            (column, _) => {
                Some(self.gather(filter, false, |row| column.is_none_or(|column| column.key(row) != NO_KEY)))
            }
        };
        let counts = Rc::new(Counts::new(present, self.order.rows.len(), self.known));
        self.counts.insert((value, filter), Rc::clone(&counts));
        counts
    }

    /// The numbers of a column and their sums.
    pub(super) fn totals(&mut self, (value, filter): Named) -> Rc<Totals> {
        if let Some(totals) = self.totals.get(&(value, filter)) {
            return Rc::clone(totals);
        }
        let counts = self.counts((value, filter));
        let cells = match self.column(value) {
            Some(Column::Numbers(numbers)) => {
                let cells = numbers.cells();
                self.gather(filter, null(), |row| cells[row])
            }
            _ => vec![null(); self.order.rows.len()],
        };
        let totals = Rc::new(Totals::new(cells, counts, self.known));
        self.totals.insert((value, filter), Rc::clone(&totals));
        totals
    }

    /// The keys of a column, none where the filter does not let a row pass.
    pub(super) fn keys(&mut self, (value, filter): Named) -> Rc<Vec<u64>> {
        if let Some(keys) = self.keys.get(&(value, filter)) {
            return Rc::clone(keys);
        }
        let column = self.column(value);
        let keys = self.gather(filter, NO_KEY, |row| column.map_or(0, |column| column.key(row)));
        let keys = Rc::new(keys);
        self.keys.insert((value, filter), Rc::clone(&keys));
        keys
    }

    fn gather<T: Copy>(&self, filter: Option<usize>, out: T, of: impl Fn(usize) -> T) -> Vec<T> {
        let rows = self.order.rows.iter().map(|row| *row as usize);
        match self.column(filter) {
            Some(Column::Numbers(numbers)) => {
                rows.map(|row| if passes(numbers, row) { of(row) } else { out }).collect()
            }
            _ => rows.map(of).collect(),
        }
    }
}

fn passes(filter: &Numbers, row: usize) -> bool {
    filter.get(row).is_some_and(|number| number != 0.0)
}

/// How many rows before each place count, and which.
pub(super) struct Counts {
    /// None where all do.
    before: Option<Vec<u32>>,
    present: Option<Vec<bool>>,
}

impl Counts {
    fn new(present: Option<Vec<bool>>, rows: usize, known: Option<&Known>) -> Self {
        let mut before = None;
        if present.is_some() || known.is_some() {
            let mut counted = 0_u32;
            let counts = |at: usize| {
                present.as_ref().is_none_or(|present| present[at])
                    && known.is_none_or(|known| !known.is_late(at))
            };
            let after = (0..rows).map(|at| {
                counted += u32::from(counts(at));
                counted
            });
            before = Some(std::iter::once(0).chain(after).collect());
        }
        Self { before, present }
    }

    pub(super) fn is_present(&self, at: usize) -> bool {
        self.present.as_ref().is_none_or(|present| present[at])
    }

    pub(super) fn count(&self, from: usize, until: usize, single: &[u32]) -> u32 {
        let stretch = match &self.before {
            None => (until - from) as u32,
            Some(before) => before[until] - before[from],
        };
        stretch + single.iter().filter(|at| self.is_present(**at as usize)).count() as u32
    }
}

/// The cells that are numbers.
pub(super) fn numbers(cells: &[f64]) -> impl ExactSizeIterator<Item = f64> + '_ {
    cells.iter().map(|cell| if is_null(*cell) { f64::NAN } else { *cell })
}
