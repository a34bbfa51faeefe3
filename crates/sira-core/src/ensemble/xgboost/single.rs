//! Single precision: what XGBoost's numbers are in double precision, to the last decision.

/// The threshold `u` for which `x <= u` is XGBoost's decision for every double `x`: it rounds `x` to
/// single precision and goes left below the split. None for a split that no threshold stands for.
///
/// Rounding is monotone, so `u` is the largest double that rounds to a single below the split. That is
/// the middle between the split and the single before it, if a tie goes to the latter (it goes to the
/// one whose last bit is 0), or else the double before the middle.
pub(super) fn threshold(split: f32) -> Option<f64> {
    if split.is_nan() || split == f32::NEG_INFINITY {
        return None;
    }
    let below = split.next_down();
    // Two singles next to each other: their sum has 25 bits.
    let middle = (widened(below) + widened(split)) / 2.0;
    Some(if below.to_bits() & 1 == 0 { middle } else { middle.next_down() })
}

/// What overflows is rounded as if singles went on: infinity stands where the next one would.
fn widened(single: f32) -> f64 {
    const NEXT: f64 = f32::MAX as f64 + (1u128 << 104) as f64;
    if single.is_infinite() { NEXT.copysign(f64::from(single)) } else { f64::from(single) }
}

/// The natural logarithm of a positive number as the C library's `logf` rounds it, which decides about
/// the last bit of a base score. The method and its numbers are those of Szabolcs Nagy's `logf` (Arm's
/// optimized routines, MIT), which glibc and musl took over: z = 2ᵏ·c·(1 + r) with 1/c and ln c from a
/// table of 16, and a polynomial in r, all in double precision.
pub(super) fn ln(x: f32) -> f32 {
    if !(x > 0.0 && x.is_finite()) {
        return if x == 0.0 {
            f32::NEG_INFINITY
        } else if x > 0.0 {
            x
        } else {
            f32::NAN
        };
    }
    let bits =
        if x < f32::MIN_POSITIVE { (x * 8_388_608.0).to_bits().wrapping_sub(23 << 23) } else { x.to_bits() };
    let from_start = bits.wrapping_sub(0x3F33_0000);
    let exponent = (from_start as i32) >> 23;
    let z = f64::from(f32::from_bits(bits.wrapping_sub(from_start & 0xFF80_0000)));
    let (inverse, logarithm) = LOGARITHMS[(from_start >> 19) as usize % 16];
    let r = z * inverse - 1.0;
    let y0 = logarithm + f64::from(exponent) * std::f64::consts::LN_2;
    let r2 = r * r;
    let y = 0.333_456_765_744_066 * r + -0.499_999_748_580_210_3;
    let y = -0.250_893_422_142_371_54 * r2 + y;
    (y * r2 + (y0 + r)) as f32
}

/// 1/c and ln c.
const LOGARITHMS: [(f64, f64); 16] = [
    (1.398_907_162_146_528, -0.335_691_333_328_822_84),
    (1.340_314_189_663_799_8, -0.292_904_056_377_407_4),
    (1.286_432_210_124_115, -0.251_872_658_093_736_9),
    (1.236_715_021_426_989_5, -0.212_458_688_071_172_55),
    (1.190_697_716_671_175_2, -0.174_539_451_837_456_34),
    (1.147_982_102_055_642_9, -0.138_005_707_231_975_8),
    (1.108_225_144_827_215_8, -0.102_759_766_985_451_39),
    (1.071_129_741_305_738_1, -0.068_713_924_470_205_25),
    (1.036_437_278_977_283, -0.035_789_138_739_822_8),
    (1.0, 0.0),
    (0.949_285_979_573_905_7, 0.052_045_177_429_294_96),
    (0.895_104_942_860_900_4, 0.110_814_312_987_879_42),
    (0.847_682_162_035_110_3, 0.165_249_522_369_514_3),
    (0.805_031_485_169_200_1, 0.216_873_890_316_999_77),
    (0.766_467_100_884_310_8, 0.265_963_502_812_139_7),
    (0.731_428_603_316_328, 0.312_755_666_407_355_7),
];

#[cfg(test)]
mod tests {
    use super::{ln, threshold};

    /// Singles of all kinds, many of them next to each other.
    fn singles() -> impl Iterator<Item = f32> {
        let around = [0, 1, 0x7F_FFFF, 0x80_0000, 0x3F7F_FFFF, 0x3F80_0000, 0x4B80_0000, 0x7F7F_FFFF];
        let near = around.into_iter().flat_map(|bits: u32| bits.saturating_sub(3)..bits + 4);
        near.chain((0..0x7F80_0000).step_by(9_973)).map(f32::from_bits)
    }

    #[test]
    fn a_threshold_decides_as_rounding_does() {
        for single in singles().flat_map(|x| [x, -x]).chain([f32::INFINITY]).filter(|x| !x.is_nan()) {
            let Some(threshold) = threshold(single) else {
                assert_eq!(single, f32::NEG_INFINITY);
                continue;
            };
            let (exact, below) = (f64::from(single), f64::from(single.next_down()));
            for x in [
                threshold,
                threshold.next_up(),
                threshold.next_down(),
                exact,
                exact.next_up(),
                exact.next_down(),
                below,
                below.next_up(),
                below.next_down(),
                0.0,
                -0.0,
                1e300,
                -1e300,
                f64::INFINITY,
                f64::NEG_INFINITY,
            ] {
                assert_eq!(x <= threshold, (x as f32) < single, "{x:e} at the split {single:e}");
            }
        }
        assert_eq!((threshold(f32::NAN), threshold(f32::NEG_INFINITY)), (None, None));
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn the_logarithm_is_that_of_the_c_library() {
        for x in singles().filter(|x| *x > 0.0) {
            assert_eq!(ln(x).to_bits(), x.ln().to_bits(), "{x:e}");
        }
    }

    #[test]
    fn where_there_is_no_logarithm_there_is_no_number() {
        assert_eq!(ln(0.0), f32::NEG_INFINITY);
        assert_eq!(ln(f32::INFINITY), f32::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f32::NAN).is_nan());
    }
}
