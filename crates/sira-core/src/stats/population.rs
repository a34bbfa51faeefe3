//! Has the mean moved, has the spread?
//!
//! Moments suffice ([`Moments`]), so both tests work from sketches as well as from rows.

use super::{Test, enough};
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use statrs::function::beta::checked_beta_reg;

/// Number, mean and sum of squared deviations of a sample; two can be merged (Chan, Golub and LeVeque, 1983).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    pub count: u64,
    pub mean: f64,
    pub squares: f64,
}

impl Moments {
    /// The moments of the values that are finite.
    #[must_use]
    pub fn of(sample: &[f64]) -> Self {
        let mut moments = Self::default();
        for value in sample.iter().filter(|value| value.is_finite()) {
            moments.add(*value);
        }
        moments
    }

    /// One value more (Welford, 1962).
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let difference = value - self.mean;
        self.mean += difference / self.count as f64;
        self.squares += difference * (value - self.mean);
    }

    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0 {
            return self;
        }
        let (here, there) = (self.count as f64, other.count as f64);
        let difference = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + difference * there / count as f64,
            squares: self.squares + other.squares + difference * difference * here * there / count as f64,
        }
    }

    /// The sample's variance, of n − 1.
    #[must_use]
    pub fn variance(&self) -> f64 {
        if self.count < 2 { 0.0 } else { self.squares / (self.count - 1) as f64 }
    }
}

fn finite(reference: Moments, current: Moments) -> Result<()> {
    let holds = |moments: Moments| moments.mean.is_finite() && moments.squares.is_finite();
    if holds(reference) && holds(current) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidParameter, "the values are too large to be compared")
        .with_detail("The sum of their squared deviations is beyond double precision.")
        .with_hint("Compare them in a larger unit, or their logarithms."))
}

/// Welch's test of two means (1947), two-sided; the effect size is Cohen's d with the pooled deviation.
///
/// Two constants that are equal have p-value 1, two that differ 0.
///
/// # Errors
/// `NotEnoughData` below two values on a side; `InvalidParameter` where a sum of squares is no number any more.
pub fn mean(reference: Moments, current: Moments) -> Result<Test> {
    enough(reference.count as usize, current.count as usize, 2)?;
    finite(reference, current)?;
    let (m, n) = (reference.count as f64, current.count as f64);
    let (a, b) = (reference.variance() / m, current.variance() / n);
    let difference = current.mean - reference.mean;
    let pooled = ((reference.squares + current.squares) / (m + n - 2.0)).sqrt();
    if a + b == 0.0 {
        let same = difference == 0.0;
        let statistic = if same { 0.0 } else { f64::INFINITY.copysign(difference) };
        return Ok(Test { statistic, p_value: f64::from(u8::from(same)), effect_size: statistic });
    }
    let statistic = difference / (a + b).sqrt();
    // By shares, for squares of variances overflow where variances do not.
    let (before, after) = (a / (a + b), b / (a + b));
    let freedom = 1.0 / (before * before / (m - 1.0) + after * after / (n - 1.0));
    // P(|T| ≥ t) of Student's distribution.
    let p_value =
        checked_beta_reg(freedom / 2.0, 0.5, freedom / (freedom + statistic * statistic)).unwrap_or(0.0);
    Ok(Test { statistic, p_value, effect_size: difference / pooled })
}

/// The test of two variances by Fisher's F, two-sided; exact for normal values and touchy otherwise. The effect size is
/// the logarithm of the ratio of the deviations, current to reference.
///
/// # Errors
/// `NotEnoughData` below two values on a side; `InvalidParameter` where a sum of squares is no number any more.
pub fn variance(reference: Moments, current: Moments) -> Result<Test> {
    enough(reference.count as usize, current.count as usize, 2)?;
    finite(reference, current)?;
    let (before, after) = (reference.variance(), current.variance());
    if before == 0.0 || after == 0.0 {
        let same = before == after;
        let statistic = if same { 1.0 } else { after / before };
        let effect_size = if same { 0.0 } else { libm::log(statistic) / 2.0 };
        return Ok(Test { statistic, p_value: f64::from(u8::from(same)), effect_size });
    }
    let statistic = after / before;
    let (m, n) = ((current.count - 1) as f64, (reference.count - 1) as f64);
    let upper = checked_beta_reg(n / 2.0, m / 2.0, n / (n + m * statistic)).unwrap_or(0.0);
    let lower = checked_beta_reg(m / 2.0, n / 2.0, m * statistic / (n + m * statistic)).unwrap_or(0.0);
    Ok(Test {
        statistic,
        p_value: (2.0 * upper.min(lower)).min(1.0),
        effect_size: libm::log(statistic) / 2.0,
    })
}
