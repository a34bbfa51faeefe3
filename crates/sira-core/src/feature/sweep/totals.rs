//! Sums of stretches: by prefixes where 128 bits hold every sum of the column, by sliding where not.

use std::ops::Range;
use std::rc::Rc;

use super::columns::{Counts, numbers};
use super::known::Known;
use super::slide::{Bag, Stretch};
use crate::feature::column::is_null;
use crate::feature::exact::Accumulator;
use crate::feature::exact::fixed::Scale;
use crate::feature::sum::{Special, Sum};

/// A column's numbers and what was added up beforehand, without what is late.
pub(super) struct Totals {
    cells: Vec<f64>,
    pub(super) counts: Rc<Counts>,
    /// None where every number is finite.
    special: Option<Vec<Special>>,
    /// None where the numbers lie too far apart.
    prefixes: Option<(Scale, Vec<i128>)>,
    late: Vec<u32>,
}

impl Totals {
    pub(super) fn new(cells: Vec<f64>, counts: Rc<Counts>, known: Option<&Known>) -> Self {
        let is_late = |at: usize| known.is_some_and(|known| known.is_late(at));
        let mut special = None;
        if cells.iter().any(|cell| !is_null(*cell) && !cell.is_finite()) {
            let mut sum = Special::default();
            let after = cells.iter().enumerate().map(|(at, cell)| {
                if !is_null(*cell) && !cell.is_finite() && !is_late(at) {
                    sum.put(*cell, 1);
                }
                sum
            });
            special = Some(std::iter::once(Special::default()).chain(after).collect());
        }
        let prefixes = Scale::of(numbers(&cells)).map(|scale| {
            let mut sum = 0_i128;
            let mut prefixes = Vec::with_capacity(cells.len() + 1);
            prefixes.push(sum);
            for (at, cell) in cells.iter().enumerate() {
                if !is_late(at) {
                    sum += scale.whole(*cell);
                }
                prefixes.push(sum);
            }
            (scale, prefixes)
        });
        let late = (0..cells.len()).filter(|at| is_late(*at)).map(|at| at as u32).collect();
        Self { cells, counts, special, prefixes, late }
    }

    pub(super) fn summing(&self) -> Summing<'_> {
        let sliding = self.prefixes.is_none().then(|| Sliding::new(self, false));
        Summing { totals: self, sliding }
    }

    fn special(&self, from: usize, until: usize, single: &[u32]) -> Option<f64> {
        let special = self.special.as_ref()?;
        let mut sum = special[until].without(&special[from]);
        for at in single {
            let cell = self.cells[*at as usize];
            if !is_null(cell) && !cell.is_finite() {
                sum.put(cell, 1);
            }
        }
        sum.sum()
    }
}

/// Sums of one stretch after another.
pub(super) struct Summing<'a> {
    totals: &'a Totals,
    sliding: Option<Sliding<'a>>,
}

impl Summing<'_> {
    /// The sum and how many numbers it has; NULL of nothing.
    pub(super) fn sum(&mut self, from: usize, until: usize, single: &[u32]) -> (Option<f64>, u32) {
        let totals = self.totals;
        let count = totals.counts.count(from, until, single);
        if count == 0 {
            return (None, 0);
        }
        let (Some((scale, prefixes)), None) = (&totals.prefixes, &mut self.sliding) else {
            let sum =
                self.sliding.as_mut().and_then(|sliding| sliding.at(from, until, single, |s| s.0.total()));
            return (sum, count);
        };
        if let Some(sum) = totals.special(from, until, single) {
            return (Some(sum), count);
        }
        let singles = single.iter().map(|at| scale.whole(totals.cells[*at as usize]));
        let sum = prefixes[until] - prefixes[from] + singles.sum::<i128>();
        (Some(scale.rounded(sum)), count)
    }
}

/// Sums that slide, with squares where asked.
pub(super) struct Sliding<'a> {
    stretch: Stretch,
    totals: &'a Totals,
    sums: (Sum, Option<Accumulator>),
}

impl<'a> Sliding<'a> {
    pub(super) fn new(totals: &'a Totals, squares: bool) -> Self {
        let sums = (Sum::new(), squares.then(Accumulator::of_squares));
        Self { stretch: Stretch::default(), totals, sums }
    }

    /// Reads something of a stretch's sums.
    pub(super) fn at<T>(
        &mut self,
        from: usize,
        until: usize,
        single: &[u32],
        read: impl FnOnce(&(Sum, Option<Accumulator>)) -> T,
    ) -> T {
        let mut bag = Held { totals: self.totals, sums: &mut self.sums };
        self.stretch.slide(&mut bag, from, until);
        single.iter().for_each(|at| bag.put(*at as usize, 1));
        let answer = read(bag.sums);
        single.iter().for_each(|at| bag.put(*at as usize, -1));
        answer
    }
}

struct Held<'a, 'b> {
    totals: &'a Totals,
    sums: &'b mut (Sum, Option<Accumulator>),
}

impl Held<'_, '_> {
    fn put(&mut self, at: usize, sign: i64) {
        let cell = self.totals.cells[at];
        if is_null(cell) {
            return;
        }
        self.sums.0.put(cell, sign);
        if let Some(squares) = self.sums.1.as_mut().filter(|_| cell.is_finite()) {
            squares.put_square(cell, sign);
        }
    }

    fn is_late(&self, at: usize) -> bool {
        !self.totals.late.is_empty() && self.totals.late.binary_search(&(at as u32)).is_ok()
    }
}

impl Bag for Held<'_, '_> {
    fn add(&mut self, at: usize) {
        if !self.is_late(at) {
            self.put(at, 1);
        }
    }

    fn remove(&mut self, at: usize) {
        if !self.is_late(at) {
            self.put(at, -1);
        }
    }

    fn clear(&mut self, _: Range<usize>) {
        self.sums.0.clear();
        self.sums.1.as_mut().into_iter().for_each(Accumulator::clear);
    }
}
