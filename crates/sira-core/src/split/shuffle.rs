//! A shuffle that is the same everywhere and for ever: it decides what a stored training run was trained on.
//!
//! Written out instead of taken from a library, whose next version may draw in another way.

/// SplitMix64 (Steele, Lea and Flood 2014): a counter with a good finish, and four lines in any language.
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, each as likely as the others (Lemire 2019: the high half of a product, drawn again
    /// where the low half shows that it would favour some).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        loop {
            let product = u128::from(self.next()) * u128::from(bound);
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }
}

/// Fisher and Yates, from the end.
pub(super) fn shuffle(rows: &mut [u32], seed: u64) {
    let mut dice = SplitMix64(seed);
    for last in (1..rows.len()).rev() {
        let other = dice.below(last as u64 + 1) as usize;
        rows.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_the_published_sequence() {
        // The reference implementation's first numbers for seed 1234567.
        let mut dice = SplitMix64(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| dice.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }
}
