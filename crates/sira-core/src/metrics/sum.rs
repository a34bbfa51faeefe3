//! Sums that do not depend on the order of their terms, nor on who added which part of them.
//!
//! The method is that of [`crate::feature`]'s accumulator (Neal, "Fast exact summation using small and large
//! superaccumulators", 2015, section 2): every float8 is a whole number times a power of two, kept in limbs of 32
//! bits that pass carries on late. Here the limbs are only those that the terms reach, so that a state of a few
//! sums is small, and two sums can be joined, so that parallel workers arrive at the same bits as one.

use super::bytes::Reader;
use crate::feature::exact::{Whole, parts};

/// Bits of a limb; the other half of its 64 take what has not been carried yet.
const LIMB: i32 = 32;
/// Each term adds less than 2^33 to a limb: carried this often, none overflows.
const UNCARRIED: u32 = 1 << 29;

/// An exact sum of finite numbers or of products of up to three.
#[derive(Clone, Debug, Default)]
pub(super) struct ExactSum {
    limbs: Vec<i64>,
    /// The power of two of the first limb's last bit, in limbs.
    lowest: i32,
    uncarried: u32,
}

impl ExactSum {
    pub(super) fn add(&mut self, number: f64) {
        let (whole, exponent) = parts(number);
        self.put(whole, exponent, number.is_sign_negative());
    }

    /// Adds the product of two numbers without rounding it.
    pub(super) fn add_product(&mut self, a: f64, b: f64) {
        let ((a_whole, a_exponent), (b_whole, b_exponent)) = (parts(a), parts(b));
        let negative = a.is_sign_negative() != b.is_sign_negative();
        self.put_wide(u128::from(a_whole) * u128::from(b_whole), a_exponent + b_exponent, negative);
    }

    /// Adds a weight times the square of a number without rounding it. The weight is not negative.
    pub(super) fn add_square(&mut self, weight: f64, number: f64) {
        let ((scale, shift), (whole, exponent)) = (parts(weight), parts(number));
        let square = u128::from(whole) * u128::from(whole);
        for (half, place) in [(square as u64, 0), ((square >> 64) as u64, 64)] {
            self.put_wide(u128::from(half) * u128::from(scale), 2 * exponent + shift + place, false);
        }
    }

    fn put_wide(&mut self, whole: u128, exponent: i32, negative: bool) {
        self.put(whole as u64, exponent, negative);
        self.put((whole >> 64) as u64, exponent + 64, negative);
    }

    fn put(&mut self, whole: u64, exponent: i32, negative: bool) {
        if whole == 0 {
            return;
        }
        if self.uncarried == UNCARRIED {
            self.carry();
        }
        self.uncarried += 1;
        let placed = u128::from(whole) << exponent.rem_euclid(LIMB);
        for (cell, piece) in self.reach(exponent.div_euclid(LIMB), 3).iter_mut().zip(0..) {
            let digit = i64::from((placed >> (piece * LIMB)) as u32);
            *cell += if negative { -digit } else { digit };
        }
    }

    /// As many limbs from the given one on.
    fn reach(&mut self, first: i32, count: usize) -> &mut [i64] {
        if self.limbs.is_empty() {
            self.lowest = first;
        }
        if first < self.lowest {
            let missing = (self.lowest - first) as usize;
            self.limbs.splice(0..0, std::iter::repeat_n(0, missing));
            self.lowest = first;
        }
        let from = (first - self.lowest) as usize;
        if self.limbs.len() < from + count {
            self.limbs.resize(from + count, 0);
        }
        self.limbs.get_mut(from..from + count).unwrap_or_default()
    }

    /// Passes carries on; what is left over stands, with its sign, in the last limb.
    fn carry(&mut self) {
        let mut carry = 0;
        for limb in &mut self.limbs {
            let total = *limb + carry;
            *limb = total & i64::from(u32::MAX);
            carry = total >> LIMB;
        }
        if carry != 0 {
            self.limbs.push(carry);
        }
        self.uncarried = 1;
    }

    /// Adds all that was added to another sum.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut other = other.clone();
        other.carry();
        self.carry();
        for (cell, limb) in self.reach(other.lowest, other.limbs.len()).iter_mut().zip(&other.limbs) {
            *cell += limb;
        }
        self.uncarried += 1;
    }

    /// The exact sum.
    pub(super) fn whole(&self) -> Whole {
        Whole::carried(&self.limbs, self.lowest * LIMB)
    }

    /// The nearest float8, infinite beyond the largest.
    pub(super) fn value(&self) -> f64 {
        self.whole().rounded()
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let mut carried = self.clone();
        carried.carry();
        bytes.extend(carried.lowest.to_le_bytes());
        bytes.extend((carried.limbs.len() as u32).to_le_bytes());
        bytes.extend(carried.limbs.iter().flat_map(|limb| limb.to_le_bytes()));
    }

    pub(super) fn read(bytes: &mut Reader) -> Option<Self> {
        let lowest = i32::from_le_bytes(bytes.array()?);
        let count = u32::from_le_bytes(bytes.array()?);
        let limbs = (0..count).map(|_| bytes.array().map(i64::from_le_bytes)).collect::<Option<_>>()?;
        Some(Self { limbs, lowest, uncarried: 1 })
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut sum = Self::default();
        numbers.into_iter().for_each(|number| sum.add(number));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(numbers: &[f64]) -> ExactSum {
        numbers.iter().copied().collect()
    }

    #[test]
    fn what_cancels_takes_nothing_with_it() {
        assert_eq!(sum(&[1e300, 1.0, -1e300, 1e-300, -1.0]).value(), 1e-300);
        assert_eq!(sum(&[0.1; 10]).value(), 1.0);
        assert_eq!(sum(&[-0.5, 0.25]).value(), -0.25);
        assert_eq!(sum(&[]).value(), 0.0);
    }

    #[test]
    fn parts_join_to_the_same_sum_by_way_of_bytes() {
        let numbers: Vec<f64> =
            (0..2000).map(|n| libm::sin(f64::from(n)) * libm::scalbn(1.0, n % 300 - 150)).collect();
        let all = sum(&numbers);
        for at in [0, 1, 700, 2000] {
            let (left, right) = numbers.split_at(at);
            let (mut joined, mut bytes) = (sum(left), Vec::new());
            sum(right).write(&mut bytes);
            let mut reader = Reader::new(&bytes);
            let read = ExactSum::read(&mut reader);
            assert!(read.is_some() && reader.is_empty());
            joined.merge(&read.unwrap_or_default());
            assert_eq!(joined.value().to_bits(), all.value().to_bits());
        }
    }

    #[test]
    fn products_are_not_rounded() {
        let (mut squares, mut pairs) = (ExactSum::default(), ExactSum::default());
        let tenth = 0.1_f64;
        squares.add_square(3.0, tenth);
        pairs.add_product(tenth, tenth);
        pairs.add_product(-0.0, 5.0);
        // 0.1 is 3602879701896397 / 2^55, whose square has 104 bits: what rounding loses is left.
        squares.add(-(3.0 * (tenth * tenth)));
        pairs.add(-(tenth * tenth));
        assert!(squares.value() != 0.0 && squares.value().abs() < 1e-17);
        assert_eq!(pairs.value(), tenth.mul_add(tenth, -(tenth * tenth)));
    }

    #[test]
    fn many_carries_do_not_overflow() {
        let mut doubled = sum(&[f64::MAX, 1.5]);
        for _ in 0..70 {
            let same = doubled.clone();
            doubled.merge(&same);
        }
        doubled.merge(&sum(&[-f64::MAX; 1]));
        assert_eq!(doubled.value(), f64::INFINITY);
        let mut small = sum(&[-1.5]);
        for _ in 0..70 {
            let same = small.clone();
            small.merge(&same);
        }
        assert_eq!(small.value(), -1.5 * libm::scalbn(1.0, 70));
    }
}
