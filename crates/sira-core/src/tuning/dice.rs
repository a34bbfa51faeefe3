//! Chance that is the same everywhere and for ever: SplitMix64 (Steele, Lea and Flood 2014).

/// The numbers of one trial.
pub(super) struct Dice(u64);

impl Dice {
    /// Trials draw from sequences of their own, so that one may be drawn without those before it.
    pub(super) fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        let start = dice.next();
        Self(start ^ number.wrapping_mul(0xD129_0F53_0DB5_4D4B))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1), a multiple of 2^-53.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A place in a list, each as likely as its weight says.
    pub(super) fn place(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (at, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return at;
            }
        }
        weights.len().saturating_sub(1)
    }

    /// Normally distributed (Box and Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }
}
