//! Whole numbers of any length times a power of two: what an accumulator holds when it is read.

use std::cmp::Ordering;

use super::LIMB;

/// `digits` in base 2^32, the lowest first, times 2^`exponent`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    negative: bool,
    digits: Vec<u32>,
    exponent: i32,
}

impl Whole {
    /// Passes the carries on that limbs have put off.
    pub(crate) fn carried(limbs: &[i64], exponent: i32) -> Self {
        let mut digits = Vec::with_capacity(limbs.len() + 2);
        let mut carry = 0_i64;
        for limb in limbs {
            // Neither term reaches 2^63 − 2^32, see the accumulator.
            let total = limb + carry;
            digits.push(total as u32);
            carry = total >> LIMB;
        }
        digits.push(carry as u32);
        digits.push((carry >> LIMB) as u32);
        let negative = carry < 0;
        if negative {
            let mut borrowed = true;
            for digit in &mut digits {
                (*digit, borrowed) = (!*digit).overflowing_add(u32::from(borrowed));
            }
        }
        Self { negative, digits, exponent }.trimmed()
    }

    pub(super) fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        self
    }

    /// The highest 64 bits, the power of two of their last bit, and whether lower bits are set. None for 0.
    fn highest(&self) -> Option<(u64, i32, bool)> {
        let top = self.digits.len().checked_sub(1)?;
        let digit =
            |at: Option<usize>| u128::from(at.and_then(|at| self.digits.get(at)).copied().unwrap_or(0));
        let window = digit(Some(top)) << 64 | digit(top.checked_sub(1)) << 32 | digit(top.checked_sub(2));
        // The top digit is not 0: the window has 65 to 96 bits.
        let shift = 64 - window.leading_zeros();
        let below = self.digits.iter().take(top.saturating_sub(2)).any(|digit| *digit != 0);
        let lost = window & ((1_u128 << shift) - 1) != 0;
        let exponent = self.exponent + (top as u32 * LIMB) as i32 - 64 + shift as i32;
        Some(((window >> shift) as u64, exponent, below || lost))
    }

    /// Rounded to 53 bits, to nearest and ties to even: the bits and the power of two of the last.
    fn nearest(&self) -> (u64, i32) {
        let Some((high, exponent, sticky)) = self.highest() else { return (0, 0) };
        let (kept, rest) = (high >> 11, high & 0x7ff);
        let up = match rest.cmp(&0x400) {
            Ordering::Less => false,
            Ordering::Equal => sticky || kept & 1 == 1,
            Ordering::Greater => true,
        };
        (kept + u64::from(up), exponent + 11)
    }

    /// The nearest float8, infinite beyond the largest. A sum of float8 is never finer than the finest of them,
    /// so it is exact where it is subnormal, and one rounding is all there is.
    pub(crate) fn rounded(&self) -> f64 {
        let (bits, exponent) = self.nearest();
        let size = libm::scalbn(bits as f64, exponent);
        if self.negative { -size } else { size }
    }

    /// The exact product.
    pub(crate) fn product(&self, other: &Self) -> Self {
        let negative = self.negative != other.negative;
        Self { negative, digits: self.times(&other.digits), exponent: self.exponent + other.exponent }
            .trimmed()
    }

    /// The exact difference of two whose exponents are a whole number of limbs apart.
    pub(crate) fn minus(&self, other: &Self) -> Self {
        let lowest = self.exponent.min(other.exponent);
        let offset = |whole: &Self| ((whole.exponent - lowest) as u32 / LIMB) as usize;
        let room = (offset(self) + self.digits.len()).max(offset(other) + other.digits.len());
        let mut limbs = vec![0_i64; room];
        for (whole, sign) in [(self, 1), (other, -1)] {
            let sign = if whole.negative { -sign } else { sign };
            for (limb, digit) in limbs.iter_mut().skip(offset(whole)).zip(&whole.digits) {
                *limb += sign * i64::from(*digit);
            }
        }
        Self::carried(&limbs, lowest)
    }

    fn times(&self, other: &[u32]) -> Vec<u32> {
        let mut product = vec![0_u32; self.digits.len() + other.len() + 1];
        for (at, a) in self.digits.iter().enumerate() {
            let mut carry = 0_u64;
            for (cell, b) in product.iter_mut().skip(at).zip(other.iter().chain(&[0])) {
                let total = u64::from(*a) * u64::from(*b) + u64::from(*cell) + carry;
                *cell = total as u32;
                carry = total >> LIMB;
            }
        }
        product
    }
}

/// The sample's standard deviation of `n` values, from the exact sums of them and of their squares.
///
/// n·Σx² − (Σx)² is computed exactly and rounded once, so what cancels takes nothing with it; division by
/// n (n − 1) and the root round once more each. Powers of two are kept apart: squares may leave float8's range.
pub(in crate::feature) fn deviation(n: u32, sum: &Whole, squares: &Whole) -> f64 {
    let scaled = squares.times(&[n]);
    let square = sum.times(&sum.digits);
    let (mut a, mut b) = ((scaled, squares.exponent), (square, 2 * sum.exponent));
    // Both exponents are a whole number of limbs from −2148: align by limbs.
    if b.0.iter().all(|digit| *digit == 0) {
        b = (Vec::new(), a.1);
    }
    let lowest = a.1.min(b.1);
    for (digits, exponent) in [&mut a, &mut b] {
        let missing = (*exponent - lowest) as u32 / LIMB;
        digits.splice(0..0, std::iter::repeat_n(0, missing as usize));
    }
    let mut borrow = 0_i64;
    let mut digits = a.0;
    digits.resize(digits.len().max(b.0.len()), 0);
    for (at, digit) in digits.iter_mut().enumerate() {
        let total = i64::from(*digit) - i64::from(b.0.get(at).copied().unwrap_or(0)) + borrow;
        *digit = total as u32;
        borrow = total >> LIMB;
    }
    let (bits, exponent) = Whole { negative: false, digits, exponent: lowest }.trimmed().nearest();
    let odd = exponent.rem_euclid(2);
    let numerator = bits as f64 * f64::from(1 + odd);
    let pairs = (u64::from(n) * u64::from(n.saturating_sub(1))) as f64;
    libm::scalbn((numerator / pairs).sqrt(), (exponent - odd) / 2)
}
