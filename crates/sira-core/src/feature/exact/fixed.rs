//! Sums in 128 bits: a column whose numbers lie close enough together is a column of whole numbers.

use super::parts;

/// The power of two that makes every number of a column whole.
#[derive(Clone, Copy, Debug)]
pub(in crate::feature) struct Scale {
    exponent: i32,
    unit: f64,
}

impl Scale {
    /// The scale of these numbers, if any sum of theirs fits 127 bits. What is not finite does not count.
    pub(in crate::feature) fn of(numbers: impl ExactSizeIterator<Item = f64>) -> Option<Self> {
        let carries = usize::BITS - numbers.len().leading_zeros();
        let (mut lowest, mut highest) = (i32::MAX, i32::MIN);
        for number in numbers.filter(|number| number.is_finite() && *number != 0.0) {
            let (whole, exponent) = parts(number);
            lowest = lowest.min(exponent + whole.trailing_zeros() as i32);
            highest = highest.max(exponent + (u64::BITS - whole.leading_zeros()) as i32);
        }
        if lowest > highest {
            return Some(Self { exponent: 0, unit: 1.0 });
        }
        let bits = i64::from(highest) - i64::from(lowest) + i64::from(carries);
        (bits <= 126).then(|| Self { exponent: lowest, unit: libm::scalbn(1.0, lowest) })
    }

    /// A number of the column in units of the scale; 0 for what is not finite.
    pub(in crate::feature) fn whole(&self, number: f64) -> i128 {
        if !number.is_finite() || number == 0.0 {
            return 0;
        }
        let (whole, exponent) = parts(number);
        let shift = exponent - self.exponent;
        // Where the exponent is below the scale's, the bits below it are 0.
        let size = if shift >= 0 { i128::from(whole) << shift } else { i128::from(whole >> -shift) };
        if number.is_sign_negative() { -size } else { size }
    }

    /// The nearest float8. The conversion rounds; the unit only moves the point, for a sum of float8 that is
    /// subnormal has too few bits to lose one.
    pub(in crate::feature) fn rounded(&self, sum: i128) -> f64 {
        sum as f64 * self.unit
    }
}
