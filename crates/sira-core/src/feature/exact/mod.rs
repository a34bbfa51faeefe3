//! Sums without an error until they are rounded, once.
//!
//! Every float8 is a whole number times a power of two, so a sum of them is one too. [`fixed`] keeps it in 128
//! bits where a column allows that, which makes a window's sum the difference of two prefixes. [`Accumulator`]
//! keeps it for any numbers at all, in limbs that take additions and removals without passing carries on (Neal,
//! "Fast exact summation using small and large superaccumulators", 2015, section 2). Both round the same exact
//! value to nearest, ties to even, so both give the same bits in any order of the rows.

pub(super) mod fixed;
mod whole;

pub(crate) use whole::Whole;
pub(super) use whole::deviation;

/// Bits of a limb; the other half of its 64 take what has not been carried yet.
const LIMB: u32 = 32;
/// The power of two of the last bit of the smallest float8, and of its square.
const LOWEST: i32 = -1074;

/// A finite number as whole number and power of two.
pub(crate) fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    match ((bits >> 52) & 0x7ff) as i32 {
        0 => (fraction, LOWEST),
        biased => (fraction | 1 << 52, biased - 1075),
    }
}

/// An exact sum of finite numbers, or of their squares.
///
/// A limb is the sum of what the present numbers put there, each below 2^33, so it cannot overflow below 2^30
/// numbers; a history has fewer rows than that.
pub(super) struct Accumulator {
    limbs: Vec<i64>,
    lowest: i32,
    /// The limbs that may differ from 0.
    from: usize,
    until: usize,
}

impl Accumulator {
    pub(super) fn of_values() -> Self {
        Self::new(LOWEST, 1024)
    }

    pub(super) fn of_squares() -> Self {
        Self::new(2 * LOWEST, 2048)
    }

    fn new(lowest: i32, highest: i32) -> Self {
        // 32 bits for the carries of many numbers, and a limb that every addition may touch.
        let limbs = ((highest - lowest) as u32 / LIMB + 3) as usize;
        Self { limbs: vec![0; limbs], lowest, from: limbs, until: 0 }
    }

    pub(super) fn clear(&mut self) {
        if let Some(touched) = self.limbs.get_mut(self.from..self.until) {
            touched.fill(0);
        }
        (self.from, self.until) = (self.limbs.len(), 0);
    }

    /// Adds a finite number, or with `sign` −1 takes one away that was added.
    pub(super) fn put(&mut self, number: f64, sign: i64) {
        let (whole, exponent) = parts(number);
        self.put_whole(whole.into(), exponent, if number.is_sign_negative() { -sign } else { sign });
    }

    /// The same with the square of a number.
    pub(super) fn put_square(&mut self, number: f64, sign: i64) {
        let (whole, exponent) = parts(number);
        self.put_whole(u128::from(whole) * u128::from(whole), 2 * exponent, sign);
    }

    fn put_whole(&mut self, mut whole: u128, exponent: i32, sign: i64) {
        if whole == 0 {
            return;
        }
        let shift = (exponent - self.lowest) as u32;
        let mut at = (shift / LIMB) as usize;
        self.from = self.from.min(at);
        while whole != 0 {
            let piece = u64::from(whole as u32) << (shift % LIMB);
            self.limbs[at] += sign * i64::from(piece as u32);
            self.limbs[at + 1] += sign * (piece >> LIMB) as i64;
            whole >>= LIMB;
            at += 1;
        }
        self.until = self.until.max(at + 1);
    }

    /// The sum, carried out.
    pub(super) fn whole(&self) -> Whole {
        let touched = self.limbs.get(self.from..self.until).unwrap_or_default();
        Whole::carried(touched, self.lowest + (self.from as u32 * LIMB) as i32)
    }
}
