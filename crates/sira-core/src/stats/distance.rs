//! The distance that mass has to travel from one sample to the other: Wasserstein's, of order 1.

use super::{enough, sorted};
use crate::{Error, ErrorKind, Result};

/// Below this the reference's standard deviation does not divide: Evidently's floor.
pub const LEAST_DEVIATION: f64 = 1e-3;

/// ∫ |F − G|, in the unit of the values (scipy's `wasserstein_distance`); NaN is left out.
///
/// # Errors
/// `NotEnoughData` where a sample has no value, `InfiniteValue` where one is infinite: its distance would be too.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> Result<f64> {
    let (reference, current) = (sorted(reference), sorted(current));
    enough(reference.len(), current.len(), 1)?;
    if let Some(value) = reference.iter().chain(&current).find(|value| value.is_infinite()) {
        return Err(Error::new(ErrorKind::InfiniteValue, "a distance to infinity has no measure")
            .with_detail(format!("A value is {value}."))
            .with_hint("Leave such values out, or compare by PSI."));
    }
    let (m, n) = (reference.len() as f64, current.len() as f64);
    let (mut i, mut j) = (0_usize, 0_usize);
    let (mut before, mut distance): (Option<f64>, f64) = (None, 0.0);
    loop {
        let (a, b) = (reference.get(i), current.get(j));
        let value = match (a, b) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(only), None) | (None, Some(only)) => *only,
            (None, None) => return Ok(distance),
        };
        if let Some(before) = before {
            distance += (i as f64 / m - j as f64 / n).abs() * (value - before);
        }
        before = Some(value);
        i += usize::from(a == Some(&value));
        j += usize::from(b == Some(&value));
    }
}

/// The same in standard deviations of the reference, and so free of units: 0.1 is Evidently's border.
///
/// # Errors
/// As [`wasserstein`].
pub fn wasserstein_normalised(reference: &[f64], current: &[f64]) -> Result<f64> {
    let distance = wasserstein(reference, current)?;
    let values = reference.iter().filter(|value| !value.is_nan());
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let deviation = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    Ok(distance / deviation.max(LEAST_DEVIATION))
}
