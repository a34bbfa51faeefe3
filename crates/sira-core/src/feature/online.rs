//! One entity, one moment: a fold over its rows, in any order. Also the plainest statement of what a window means.
//!
//! The caller reads the rows that the window can hold (an index on entity and time finds them); rows outside are
//! left out here again, so more may be given. What time it costs is the number of rows given.

use super::column::{NO_KEY, Value};
use super::exact::Accumulator;
use super::history::History;
use super::sum::{Sum, distinct_key, mean, ratio, seconds};
use super::window::{Aggregate, Measure};
use crate::Result;

/// A moment that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub time: i64,
    /// Up to when the answer may know; without it everything recorded is known.
    pub known: Option<i64>,
}

/// What a window says at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    pub value: Value,
    /// When the newest event happened that the value rests on.
    pub newest: Option<i64>,
    /// Whether any row given lies within the window or before it: an entity without one is not found.
    pub found: bool,
}

/// Answers one measure for the entity that the history is of.
pub fn answer(history: &History, measure: &Measure, moment: Moment) -> Result<Answer> {
    history.check()?;
    measure.check(history)?;
    let Some((first, last)) = measure.window.bounds(moment.time) else {
        return Ok(Answer { value: of_nothing(measure), newest: None, found: false });
    };
    let mut fold = Fold::new(measure);
    for row in (0..history.len()).filter(|row| is_known(history, *row, moment.known)) {
        let time = history.time[row];
        if time <= last && passes(history, measure.filter, row) {
            fold.found = true;
            if time >= first {
                fold.add(history, measure, row, time);
            }
        }
    }
    Ok(Answer { value: fold.value(history, measure, moment.time), newest: fold.newest, found: fold.found })
}

fn of_nothing(measure: &Measure) -> Value {
    match measure.window.aggregate() {
        Aggregate::Count | Aggregate::CountDistinct => Value::Number(0.0),
        _ => Value::Null,
    }
}

fn is_known(history: &History, row: usize, known: Option<i64>) -> bool {
    match (&history.recorded, known) {
        (Some(recorded), Some(known)) => recorded[row] <= known,
        _ => true,
    }
}

pub(super) fn passes(history: &History, filter: Option<usize>, row: usize) -> bool {
    filter.is_none_or(|at| matches!(history.columns[at].get(row), Value::Number(number) if number != 0.0))
}

struct Fold {
    found: bool,
    newest: Option<i64>,
    rows: u32,
    sum: Option<(Sum, Sum)>,
    squares: Option<Accumulator>,
    /// The best time and key so far.
    best: Option<(i64, u64)>,
    keys: Vec<u64>,
}

impl Fold {
    fn new(measure: &Measure) -> Self {
        let aggregate = measure.window.aggregate();
        let sums =
            matches!(aggregate, Aggregate::Sum | Aggregate::Avg | Aggregate::Stddev | Aggregate::Ratio);
        Self {
            found: false,
            newest: None,
            rows: 0,
            sum: sums.then(|| (Sum::new(), Sum::new())),
            squares: (aggregate == Aggregate::Stddev).then(Accumulator::of_squares),
            best: None,
            keys: Vec::new(),
        }
    }

    fn add(&mut self, history: &History, measure: &Measure, row: usize, time: i64) {
        if let (Some((_, below)), Some(at)) = (&mut self.sum, measure.denominator)
            && let Value::Number(number) = history.columns[at].get(row)
        {
            below.put(number, 1);
        }
        let key = measure.value.map_or(0, |at| history.columns[at].key(row));
        if key == NO_KEY {
            return;
        }
        self.rows += 1;
        self.newest = self.newest.max(Some(time));
        if let (Some((sum, _)), Some(at)) = (&mut self.sum, measure.value)
            && let Value::Number(number) = history.columns[at].get(row)
        {
            sum.put(number, 1);
            if let Some(squares) = self.squares.as_mut().filter(|_| number.is_finite()) {
                squares.put_square(number, 1);
            }
        }
        let new = (time, key);
        let better = |old: (i64, u64)| match measure.window.aggregate() {
            Aggregate::Min => key < old.1,
            Aggregate::Max => key > old.1,
            Aggregate::First => new < old,
            _ => new > old,
        };
        if self.best.is_none_or(better) {
            self.best = Some(new);
        }
        if measure.window.aggregate() == Aggregate::CountDistinct {
            self.keys.push(distinct_key(key));
        }
    }

    fn value(&mut self, history: &History, measure: &Measure, moment: i64) -> Value {
        let some = |number: Option<f64>| number.map_or(Value::Null, Value::Number);
        let aggregate = measure.window.aggregate();
        match aggregate {
            Aggregate::Count => Value::Number(f64::from(self.rows)),
            Aggregate::CountDistinct => {
                self.keys.sort_unstable();
                self.keys.dedup();
                Value::Number(self.keys.len() as f64)
            }
            Aggregate::TimeSince => some(self.newest.map(|newest| seconds(newest, moment))),
            Aggregate::Min | Aggregate::Max | Aggregate::First | Aggregate::Last => {
                match (self.best, measure.value.and_then(|at| history.columns.get(at))) {
                    (Some((_, key)), Some(column)) => column.value_of(key),
                    _ => Value::Null,
                }
            }
            Aggregate::Sum | Aggregate::Avg | Aggregate::Stddev | Aggregate::Ratio => {
                let Some((sum, below)) = &self.sum else { return Value::Null };
                some(match aggregate {
                    Aggregate::Ratio => ratio(sum.total(), below.total()),
                    Aggregate::Avg => sum.total().map(|total| mean(total, sum.count())),
                    Aggregate::Stddev => self.squares.as_ref().and_then(|squares| sum.deviation(squares)),
                    _ => sum.total(),
                })
            }
        }
    }
}
