//! What a column looks like: the figures that validation rules speak of and that are kept over time.

use super::column::{Column, NO_KEY};
use super::exact::Accumulator;
use super::sum::{Sum, distinct_key, mean};

/// Statistics of a column. Numbers order as in PostgreSQL, NaN last; texts have no figures beyond the counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    pub rows: usize,
    pub nulls: usize,
    pub nans: usize,
    pub infinite: usize,
    pub distinct: usize,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    /// Of a sample.
    pub stddev: Option<f64>,
    /// In the order of the fractions asked for.
    pub quantiles: Vec<Option<f64>>,
}

/// Describes a column. A quantile lies between the two values next to its place, as near to each as its place is
/// (`percentile_cont`, and numpy's default); a fraction outside 0 to 1 has none.
pub fn statistics(column: &Column, fractions: &[f64]) -> Statistics {
    let mut keys: Vec<u64> = (0..column.len()).map(|row| column.key(row)).collect();
    keys.sort_unstable();
    keys.truncate(keys.partition_point(|key| *key != NO_KEY));
    let different = keys.chunk_by(|a, b| distinct_key(*a) == distinct_key(*b)).count();
    let mut statistics = Statistics {
        rows: column.len(),
        nulls: column.len() - keys.len(),
        nans: 0,
        infinite: 0,
        distinct: different,
        min: None,
        max: None,
        mean: None,
        stddev: None,
        quantiles: vec![None; fractions.len()],
    };
    let Column::Numbers(_) = column else { return statistics };
    let numbers: Vec<f64> = keys.iter().filter_map(|key| column.value_of(*key).number()).collect();
    statistics.nans = numbers.iter().filter(|number| number.is_nan()).count();
    statistics.infinite = numbers.iter().filter(|number| number.is_infinite()).count();
    (statistics.min, statistics.max) = (numbers.first().copied(), numbers.last().copied());
    let (mut sum, mut squares) = (Sum::new(), Accumulator::of_squares());
    for number in &numbers {
        sum.put(*number, 1);
        if number.is_finite() {
            squares.put_square(*number, 1);
        }
    }
    statistics.mean = sum.total().map(|total| mean(total, sum.count()));
    statistics.stddev = sum.deviation(&squares);
    statistics.quantiles = fractions.iter().map(|fraction| quantile(&numbers, *fraction)).collect();
    statistics
}

fn quantile(sorted: &[f64], fraction: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&fraction) {
        return None;
    }
    let place = fraction * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (*sorted.get(place.floor() as usize)?, *sorted.get(place.ceil() as usize)?);
    // Between equal values there is nothing to compute, which infinities could not stand.
    if low == high || place.fract() == 0.0 { Some(low) } else { Some(low + (high - low) * place.fract()) }
}
