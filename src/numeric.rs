//! PostgreSQL's `numeric` by its bytes: as the nearest double, and made from a decimal.
//!
//! To a double the server goes by way of the decimal text and `strtod`, which for thirty numbers costs more than scoring
//! them. Here the decimal digits become one integer `m`, and the value is `m` times or divided by a power of
//! ten. Where both are exact doubles, one multiplication or division rounds once, hence correctly (Clinger,
//! "How to read floating point numbers accurately", 1990, section 3). Otherwise a division of integers gives
//! 64 bits of the quotient and whether anything remains, which is all that rounding to 53 bits asks. What is
//! longer goes by way of Rust's own parser; what no double can hold is left to the caller.
//!
//! The format is that of `src/backend/utils/adt/numeric.c`: digits of base 10,000, the weight of the first, and how
//! many decimals are shown; in a short form where these are small.

/// Powers of ten that are exact doubles.
const EXACT_TENS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The largest power of five that 64 bits hold.
const MOST_FIVES: usize = 27;

const FIVES: [u64; MOST_FIVES + 1] = {
    let mut powers = [1; MOST_FIVES + 1];
    let mut at = 1;
    while at <= MOST_FIVES {
        powers[at] = powers[at - 1] * 5;
        at += 1;
    }
    powers
};

/// Integers up to here are exact doubles.
const EXACT: u64 = 1 << 53;

/// Weights that leave no doubt: at most 4 × 77 digits before the point, or 4 × 70 zeros behind it.
const WEIGHTS: std::ops::RangeInclusive<i32> = -70..=75;

/// The nearest double of a numeric's bytes behind the length; `None` for NaN, infinities and numbers near or
/// beyond the ends of what a double holds.
pub fn nearest(bytes: &[u8]) -> Option<f64> {
    let (head, rest) = bytes.split_first_chunk::<2>()?;
    let head = u16::from_ne_bytes(*head);
    let (negative, weight, digits) = match head & 0xC000 {
        0xC000 => return None,
        // The short form: sign, scale and a weight of seven bits in one word.
        0x8000 => {
            let magnitude = i32::from(head & 0x3F);
            (head & 0x2000 != 0, if head & 0x40 != 0 { magnitude - 64 } else { magnitude }, rest)
        }
        sign => {
            let (weight, rest) = rest.split_first_chunk::<2>()?;
            (sign == 0x4000, i32::from(i16::from_ne_bytes(*weight)), rest)
        }
    };
    let digits = digits.as_chunks::<2>().0;
    let magnitude = if digits.is_empty() {
        0.0
    } else if WEIGHTS.contains(&weight) {
        magnitude(digits, weight)?
    } else {
        return None;
    };
    // Numeric has no negative zero.
    Some(if negative { -magnitude } else { magnitude })
}

/// The digits are of base 10,000, the first counts `10000^weight`.
fn magnitude(digits: &[[u8; 2]], weight: i32) -> Option<f64> {
    let (last, before) = digits.split_last()?;
    let mut integer = 0_u64;
    for digit in before {
        let digit = u64::from(u16::from_ne_bytes(*digit));
        match integer.checked_mul(10_000).and_then(|shifted| shifted.checked_add(digit)) {
            Some(longer) => integer = longer,
            None => return spelt(digits, weight),
        }
    }
    // The last digit's zeros are cut, so that seventeen decimal digits always fit.
    let mut last = u64::from(u16::from_ne_bytes(*last));
    let mut exponent = 4 * (weight + 1 - digits.len() as i32);
    let mut shift = 10_000;
    while last.is_multiple_of(10) && shift > 1 {
        last /= 10;
        shift /= 10;
        exponent += 1;
    }
    match integer.checked_mul(shift).and_then(|shifted| shifted.checked_add(last)) {
        Some(integer) => scaled(integer, exponent).or_else(|| spelt(digits, weight)),
        None => spelt(digits, weight),
    }
}

/// `integer × 10^exponent`, correctly rounded; `None` where neither way below holds.
fn scaled(integer: u64, exponent: i32) -> Option<f64> {
    let tens = exponent.unsigned_abs() as usize;
    if integer <= EXACT
        && let Some(power) = EXACT_TENS.get(tens)
    {
        return Some(if exponent < 0 { integer as f64 / power } else { integer as f64 * power });
    }
    if exponent == 0 {
        return Some(integer as f64);
    }
    let five = u128::from(*FIVES.get(tens).filter(|_| exponent < 0 && integer > 0)?);
    // integer / 10^tens = (integer × 2^up / 5^tens) × 2^-(up + tens), with `up` so large that the quotient has
    // 63 or 64 bits.
    let up = 63 + (128 - five.leading_zeros()) - (64 - integer.leading_zeros());
    let dividend = u128::from(integer) << up;
    let (quotient, rest) = (dividend / five, dividend % five);
    // What remains lies ten bits below the last that counts: one bit says that the value is above.
    let quotient = quotient as u64 | u64::from(rest != 0);
    let power = 1023 - (u64::from(up) + tens as u64);
    Some(quotient as f64 * f64::from_bits(power << 52))
}

/// By way of the decimal text.
fn spelt(digits: &[[u8; 2]], weight: i32) -> Option<f64> {
    use std::fmt::Write;
    let mut text = String::with_capacity(4 * digits.len() + 8);
    for digit in digits {
        write!(text, "{:04}", u16::from_ne_bytes(*digit)).ok()?;
    }
    write!(text, "e{}", 4 * (weight + 1 - digits.len() as i32)).ok()?;
    text.parse().ok()
}

/// The length of a value of variable length, itself included, as its first four bytes say it.
pub fn varlena_length(length: u32) -> [u8; 4] {
    if cfg!(target_endian = "little") { (length << 2).to_ne_bytes() } else { length.to_ne_bytes() }
}

/// Appends a whole number as `numeric_in` makes it of its text.
pub fn append_whole(bytes: &mut Vec<u8>, whole: i64) {
    let mut rest = whole.unsigned_abs();
    // Least first; nineteen decimal digits are five of base 10,000.
    let (mut digits, mut count) = ([0_u16; 5], 0);
    for digit in &mut digits {
        if rest == 0 {
            break;
        }
        *digit = (rest % 10_000) as u16;
        rest /= 10_000;
        count += 1;
    }
    let zeros = digits.iter().take_while(|digit| **digit == 0).count().min(count);
    let digits = digits.iter().take(count).skip(zeros).rev().copied();
    append(bytes, whole < 0, 0, count.saturating_sub(1) as i32, digits);
}

/// Appends a decimal (`-12.5e-7`) as `numeric_in` makes it; `None` for what is no decimal, or far out.
pub fn append_decimal(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent.abs() > 1000 || whole.is_empty() || whole.len() + fraction.len() > 1000 {
        return None;
    }
    let decimals: Vec<u8> =
        whole.bytes().chain(fraction.bytes()).map(|digit| digit.wrapping_sub(b'0')).collect();
    if decimals.iter().any(|digit| *digit > 9) {
        return None;
    }
    let scale = (fraction.len() as i32 - exponent).max(0);
    // The decimal point stands after so many of the digits; groups of four count from there.
    let point = whole.len() as i32 + exponent;
    let lead = (-point).rem_euclid(4) as usize;
    let mut weight = (point + lead as i32) / 4 - 1;
    let padded: Vec<u8> = std::iter::repeat_n(0, lead).chain(decimals).collect();
    let mut digits: Vec<u16> = padded
        .chunks(4)
        .map(|group| (0..4).fold(0, |digit, at| digit * 10 + u16::from(group.get(at).copied().unwrap_or(0))))
        .collect();
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    weight -= zeros as i32;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    append(bytes, negative, scale as u16, weight, digits.into_iter());
    Some(())
}

/// Appends a numeric of these digits, whose first counts `10000^weight`.
fn append(
    bytes: &mut Vec<u8>,
    negative: bool,
    scale: u16,
    weight: i32,
    digits: impl ExactSizeIterator<Item = u16>,
) {
    // Zero has neither sign nor weight.
    let (negative, weight) = if digits.len() == 0 { (false, 0) } else { (negative, weight) };
    let short = scale <= 63 && (-64..=63).contains(&weight);
    let length = 4 + if short { 2 } else { 4 } + 2 * digits.len();
    bytes.extend(varlena_length(length as u32));
    if short {
        let sign = if negative { 0x2000 } else { 0 };
        let below = if weight < 0 { 0x40 } else { 0 };
        let head: u16 = 0x8000 | sign | scale << 7 | below | (weight & 0x3F) as u16;
        bytes.extend(head.to_ne_bytes());
    } else {
        bytes.extend((if negative { 0x4000 } else { 0 } | scale).to_ne_bytes());
        bytes.extend((weight as i16).to_ne_bytes());
    }
    digits.for_each(|digit| bytes.extend(digit.to_ne_bytes()));
}
