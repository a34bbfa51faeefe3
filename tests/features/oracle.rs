//! The obvious answer: every row looked at for every moment, sums by big integers and decimal digits.

use num_bigint::BigInt;
use sira_core::feature::{Aggregate, Events, Measure, Queries, Value};

/// Units of 2^−1074 in a finite number.
fn units(number: f64) -> BigInt {
    let bits = number.to_bits();
    let (biased, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let size = if biased == 0 {
        BigInt::from(fraction)
    } else {
        BigInt::from(fraction | 1 << 52) << (biased as usize - 1)
    };
    if number < 0.0 { -size } else { size }
}

/// The float8 next to a whole number of units, by way of its decimal digits: the standard library reads those with
/// one correct rounding. Zero is positive.
fn nearest(units: &BigInt) -> f64 {
    let digits = units * BigInt::from(5).pow(1074);
    let nearest: f64 = format!("{digits}e-1074").parse().unwrap();
    nearest + 0.0
}

pub fn sum(numbers: &[f64]) -> Option<f64> {
    let has = |f: fn(&f64) -> bool| numbers.iter().any(f);
    let (above, below) = (has(|n| *n == f64::INFINITY), has(|n| *n == f64::NEG_INFINITY));
    match (has(|n| n.is_nan()) || (above && below), above, below) {
        _ if numbers.is_empty() => None,
        (true, ..) => Some(f64::NAN),
        (_, true, _) => Some(f64::INFINITY),
        (_, _, true) => Some(f64::NEG_INFINITY),
        _ => Some(nearest(&numbers.iter().map(|number| units(*number)).sum())),
    }
}

/// Whether a standard deviation is right to three units in the last place: its square is compared in big integers.
pub fn is_deviation(found: Option<f64>, numbers: &[f64]) -> bool {
    let n = BigInt::from(numbers.len());
    if numbers.len() < 2 {
        return found.is_none();
    }
    let Some(found) = found else { return false };
    if numbers.iter().any(|number| !number.is_finite()) {
        return found.is_nan();
    }
    let sum: BigInt = numbers.iter().map(|number| units(*number)).sum();
    let squares: BigInt = numbers.iter().map(|number| units(*number).pow(2)).sum();
    let exact = &n * squares - sum.pow(2);
    let pairs = &n * (&n - 1);
    if found.is_infinite() {
        // A deviation may leave float8 only where the numbers almost do.
        return exact > units(f64::MAX).pow(2) * &pairs;
    }
    let ours = units(found);
    // A subnormal has fewer digits: half a unit either way, on top of what is relative.
    let slack = (&ours >> 51_usize) + 1;
    let low: BigInt = std::cmp::max(&ours - &slack, BigInt::ZERO);
    let high: BigInt = &ours + &slack;
    low.pow(2) * &pairs <= exact && exact <= high.pow(2) * &pairs
}

/// Smaller first, NaN last, as in PostgreSQL; −0 before 0.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Code(a), Value::Code(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => {
            a.is_nan().cmp(&b.is_nan()).then(if a.is_nan() { a.is_nan().cmp(&true) } else { a.total_cmp(b) })
        }
        _ => unreachable!("columns are of one kind"),
    }
}

/// The rows that a window holds, by the inequalities of its definition.
pub fn held(
    events: &Events,
    queries: &Queries,
    at: usize,
    measure: &Measure,
    size: Option<i64>,
) -> Vec<usize> {
    let window = &measure.window;
    let moment = i128::from(queries.time[at]);
    let history = &events.history;
    let upper = moment - i128::from(window.delay());
    let holds = |row: &usize| {
        let time = i128::from(history.time[*row]);
        let known = match (&history.recorded, &queries.known) {
            (Some(recorded), Some(known)) => recorded[*row] <= known[at],
            _ => true,
        };
        let filter = measure.filter.map(|filter| history.columns[filter].get(*row));
        events.entity[*row] == queries.entity[at]
            && known
            && filter.is_none_or(|filter| filter == Value::Number(1.0))
            && time <= upper
            && size.is_none_or(|size| upper - i128::from(size) < time)
            && (window.include_current() || time < moment)
    };
    (0..history.len()).filter(holds).collect()
}

/// The answer, but for a standard deviation, which [`is_deviation`] judges.
pub fn answer(
    events: &Events,
    queries: &Queries,
    at: usize,
    measure: &Measure,
) -> (Value, Option<i64>, Vec<f64>) {
    let history = &events.history;
    let held = held(events, queries, at, measure, measure.window.size());
    let value =
        |row: &usize, at: Option<usize>| at.map_or(Value::Code(0), |at| history.columns[at].get(*row));
    let with: Vec<(i64, Value)> = held
        .iter()
        .map(|row| (history.time[*row], value(row, measure.value)))
        .filter(|(_, value)| *value != Value::Null)
        .collect();
    let newest = with.iter().map(|(time, _)| *time).max();
    let earliest = with.iter().map(|(time, _)| *time).min();
    let numbers: Vec<f64> = with.iter().filter_map(|(_, value)| value.number()).collect();
    let of = |number: Option<f64>| number.map_or(Value::Null, Value::Number);
    let tied =
        |time: Option<i64>| with.iter().filter(move |(at, _)| Some(*at) == time).map(|(_, value)| *value);
    let all = || with.iter().map(|(_, value)| *value);
    let some = |value: Option<Value>| value.unwrap_or(Value::Null);
    let answer = match measure.window.aggregate() {
        Aggregate::Count => Value::Number(with.len() as f64),
        Aggregate::Sum => of(sum(&numbers)),
        Aggregate::Avg => of(sum(&numbers).map(|sum| sum / numbers.len() as f64)),
        Aggregate::Ratio => {
            let below: Vec<f64> =
                held.iter().filter_map(|row| value(row, measure.denominator).number()).collect();
            let below = sum(&below).filter(|below| *below != 0.0);
            of(sum(&numbers).zip(below).map(|(above, below)| above / below))
        }
        Aggregate::Min => some(all().min_by(order)),
        Aggregate::Max => some(all().max_by(order)),
        Aggregate::First => some(tied(earliest).min_by(order)),
        Aggregate::Last => some(tied(newest).max_by(order)),
        Aggregate::TimeSince => {
            of(newest.map(|newest| (i128::from(queries.time[at]) - i128::from(newest)) as f64 / 1_000_000.0))
        }
        Aggregate::CountDistinct => {
            let mut different: Vec<Value> = Vec::new();
            for value in all() {
                let same = |other: &Value| {
                    *other == value
                        || matches!((other, value), (Value::Number(a), Value::Number(b)) if a.is_nan() && b.is_nan())
                };
                if !different.iter().any(same) {
                    different.push(value);
                }
            }
            Value::Number(different.len() as f64)
        }
        Aggregate::Stddev => Value::Null,
    };
    (answer, newest, numbers)
}
