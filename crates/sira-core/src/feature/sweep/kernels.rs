//! What each aggregate makes of a stretch after another.

use std::collections::VecDeque;
use std::ops::Range;

use super::columns::Columns;
use super::frame::Frame;
use super::slide::{Bag, Stretch};
use super::totals::Sliding;
use crate::feature::column::{Column, NO_KEY, Numbers, Value};
use crate::feature::sum::{distinct_key, mean, ratio, seconds};
use crate::feature::window::{Aggregate, Measure};

/// The answers of a measure at every moment, in the order of the queries.
pub(super) fn answer(columns: &mut Columns, frame: &Frame, measure: &Measure) -> Column {
    let named = (measure.value, measure.filter);
    let aggregate = measure.window.aggregate();
    let mut out = Numbers::nulls(frame.len());
    match aggregate {
        Aggregate::Count => {
            let counts = columns.counts(named);
            frame.visit(|row, from, until, single| {
                out.set(row, Some(f64::from(counts.count(from, until, single))));
            });
        }
        Aggregate::Sum | Aggregate::Avg => {
            let totals = columns.totals(named);
            let mut summing = totals.summing();
            frame.visit(|row, from, until, single| {
                let (sum, count) = summing.sum(from, until, single);
                let mean = |sum: f64| if aggregate == Aggregate::Avg { mean(sum, count) } else { sum };
                out.set(row, sum.map(mean));
            });
        }
        Aggregate::Ratio => {
            let (above, below) =
                (columns.totals(named), columns.totals((measure.denominator, measure.filter)));
            let (mut above, mut below) = (above.summing(), below.summing());
            frame.visit(|row, from, until, single| {
                let below = below.sum(from, until, single).0;
                out.set(row, ratio(above.sum(from, until, single).0, below));
            });
        }
        Aggregate::Stddev => {
            let totals = columns.totals(named);
            let mut sliding = Sliding::new(&totals, true);
            frame.visit(|row, from, until, single| {
                out.set(
                    row,
                    sliding.at(from, until, single, |(sum, squares)| {
                        squares.as_ref().and_then(|squares| sum.deviation(squares))
                    }),
                );
            });
        }
        Aggregate::CountDistinct => distinct(columns, frame, named, &mut out),
        Aggregate::TimeSince => {
            newest_each(columns, frame, measure, |row, newest| {
                out.set(row, newest.map(|newest| seconds(newest, frame.moment(row))));
            });
        }
        Aggregate::Min | Aggregate::Max => return extremes(columns, frame, measure),
        Aggregate::First | Aggregate::Last => return ends(columns, frame, measure),
    }
    Column::Numbers(out)
}

/// Whether any row counts, at every moment.
pub(super) fn found(columns: &mut Columns, frame: &Frame, measure: &Measure) -> Vec<bool> {
    let counts = columns.counts((measure.value, measure.filter));
    let mut out = vec![false; frame.len()];
    frame.visit(|row, from, until, single| out[row] = counts.count(from, until, single) > 0);
    out
}

/// The time of the newest row that counts, at every moment.
pub(super) fn newest(columns: &mut Columns, frame: &Frame, measure: &Measure) -> Vec<Option<i64>> {
    let mut out = vec![None; frame.len()];
    newest_each(columns, frame, measure, |row, newest| out[row] = newest);
    out
}

fn newest_each(
    columns: &mut Columns,
    frame: &Frame,
    measure: &Measure,
    mut put: impl FnMut(usize, Option<i64>),
) {
    let counts = columns.counts((measure.value, measure.filter));
    let times = &columns.order.times;
    let before = last_before(times.len(), |at| counts.is_present(at) && !columns.is_late(at));
    frame.visit(|row, from, until, single| {
        let last = before[until] as usize;
        let last = (last > from).then(|| times[last - 1]);
        let present = single.iter().filter(|at| counts.is_present(**at as usize));
        put(row, present.map(|at| times[*at as usize]).max().max(last));
    });
}

/// One more than the last place before each that counts; 0 where none does.
fn last_before(rows: usize, counts: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut last = 0;
    let after = (0..rows).map(|at| {
        if counts(at) {
            last = at as u32 + 1;
        }
        last
    });
    std::iter::once(0).chain(after).collect()
}

/// The least or greatest key in the stretch, by a queue of the keys that a later one has not beaten.
fn extremes(columns: &mut Columns, frame: &Frame, measure: &Measure) -> Column {
    let keys = columns.keys((measure.value, measure.filter));
    let Some(column) = columns.column(measure.value) else { return Column::Numbers(Numbers::default()) };
    let mut out = column.nulls_like(frame.len());
    // Turned around, the greatest key is the least.
    let turn = if measure.window.aggregate() == Aggregate::Max { u64::MAX } else { 0 };
    let mut queue: VecDeque<(usize, u64)> = VecDeque::new();
    let (mut start, mut end) = (0, 0);
    frame.visit(|row, from, until, single| {
        if until < end || from < start || from > end {
            queue.clear();
            end = from;
        }
        start = from;
        for at in end..until {
            let key = keys[at];
            if key == NO_KEY || columns.is_late(at) {
                continue;
            }
            while queue.back().is_some_and(|(_, last)| *last >= key ^ turn) {
                queue.pop_back();
            }
            queue.push_back((at, key ^ turn));
        }
        end = end.max(until);
        while queue.front().is_some_and(|(at, _)| *at < from) {
            queue.pop_front();
        }
        let single = single.iter().map(|at| keys[*at as usize]).filter(|key| *key != NO_KEY);
        let least = single.map(|key| key ^ turn).chain(queue.front().map(|(_, key)| *key)).min();
        out.set(row, least.map_or(Value::Null, |key| column.value_of(key ^ turn)));
    });
    out
}

/// The value of the earliest or the newest row; of several at one time the least, or the greatest.
fn ends(columns: &mut Columns, frame: &Frame, measure: &Measure) -> Column {
    let keys = columns.keys((measure.value, measure.filter));
    let Some(column) = columns.column(measure.value) else { return Column::Numbers(Numbers::default()) };
    let mut out = column.nulls_like(frame.len());
    let times = &columns.order.times;
    let ties = Ties::new(columns, &keys);
    let is_first = measure.window.aggregate() == Aggregate::First;
    frame.visit(|row, from, until, single| {
        let stretch = if is_first { ties.first(from, until) } else { ties.last(from, until) };
        let stretch = stretch.map(|(at, key)| (times[at], key));
        let single = single.iter().map(|at| (times[*at as usize], keys[*at as usize]));
        let all = single.filter(|(_, key)| *key != NO_KEY).chain(stretch);
        let end = if is_first { all.min() } else { all.max() };
        out.set(row, end.map_or(Value::Null, |(_, key)| column.value_of(key)));
    });
    out
}

/// Runs of rows of one entity and one time, with the least and the greatest key up to each place of them.
struct Ties {
    least: Vec<u64>,
    greatest: Vec<u64>,
    run_end: Vec<u32>,
    next: Vec<u32>,
    before: Vec<u32>,
}

impl Ties {
    fn new(columns: &Columns, keys: &[u64]) -> Self {
        let order = columns.order;
        let counts = |at: usize| keys[at] != NO_KEY && !columns.is_late(at);
        let mut least = vec![NO_KEY; keys.len()];
        let mut greatest = vec![0; keys.len()];
        let mut run_end = vec![0; keys.len()];
        for entity in 0..order.entities() {
            let mut start = order.range(entity).start;
            for run in order.times[order.range(entity)].chunk_by(|a, b| a == b) {
                let end = start + run.len();
                let (mut low, mut high) = (NO_KEY, 0);
                for at in start..end {
                    if counts(at) {
                        (low, high) = (low.min(keys[at]), high.max(keys[at]));
                    }
                    (least[at], greatest[at], run_end[at]) = (low, high, end as u32);
                }
                start = end;
            }
        }
        let mut next = vec![keys.len() as u32; keys.len() + 1];
        for at in (0..keys.len()).rev() {
            next[at] = if counts(at) { at as u32 } else { next[at + 1] };
        }
        Self { least, greatest, run_end, next, before: last_before(keys.len(), counts) }
    }

    fn first(&self, from: usize, until: usize) -> Option<(usize, u64)> {
        let at = self.next[from] as usize;
        (at < until).then(|| (at, self.least[until.min(self.run_end[at] as usize) - 1]))
    }

    fn last(&self, from: usize, until: usize) -> Option<(usize, u64)> {
        let at = self.before[until] as usize;
        (at > from).then(|| (at - 1, self.greatest[at - 1]))
    }
}

/// How many different keys: a bag counts each.
fn distinct(columns: &mut Columns, frame: &Frame, named: (Option<usize>, Option<usize>), out: &mut Numbers) {
    let keys = columns.keys(named);
    let mut values: Vec<u64> = keys.iter().copied().filter(|key| *key != NO_KEY).map(distinct_key).collect();
    values.sort_unstable();
    values.dedup();
    let number = |key: &u64| values.binary_search(&distinct_key(*key)).map_or(u32::MAX, |at| at as u32);
    let numbers: Vec<u32> = keys.iter().map(number).collect();
    let mut bag = Different { columns, numbers, times: vec![0; values.len()], different: 0 };
    let mut stretch = Stretch::default();
    frame.visit(|row, from, until, single| {
        stretch.slide(&mut bag, from, until);
        single.iter().for_each(|at| bag.put(*at as usize, 1));
        out.set(row, Some(f64::from(bag.different)));
        single.iter().for_each(|at| bag.put(*at as usize, -1));
    });
}

struct Different<'a, 'b> {
    columns: &'a Columns<'b>,
    /// Each row's value, numbered.
    numbers: Vec<u32>,
    /// How often each value is in the stretch.
    times: Vec<u32>,
    different: u32,
}

impl Different<'_, '_> {
    fn put(&mut self, at: usize, sign: i32) {
        let Some(times) = self.times.get_mut(self.numbers[at] as usize) else { return };
        let was = *times > 0;
        *times = times.wrapping_add_signed(sign);
        self.different = self.different + u32::from(*times > 0) - u32::from(was);
    }
}

impl Bag for Different<'_, '_> {
    fn add(&mut self, at: usize) {
        if !self.columns.is_late(at) {
            self.put(at, 1);
        }
    }

    fn remove(&mut self, at: usize) {
        if !self.columns.is_late(at) {
            self.put(at, -1);
        }
    }

    /// One by one: there may be far more values than a stretch has rows.
    fn clear(&mut self, stretch: Range<usize>) {
        stretch.for_each(|at| self.remove(at));
    }
}
