//! Time-ordered ids: UUID version 7 (RFC 9562, section 5.7) that carry their microsecond exactly.
//!
//! The first 48 bits are the Unix time in milliseconds. The 12 bits of `rand_a` hold the fraction of the
//! millisecond (section 6.2, method 3): microsecond m of 1000 becomes ⌊m · 4096 / 1000⌋, a map that is
//! one to one, so that the id's own time can be read back to the microsecond. A row found by its id then
//! tells its partition. The other 62 bits are random.

/// Microseconds since the Unix epoch that fit the 48 bits of milliseconds.
pub const MAX_MICROS: i64 = (1 << 48) * 1000 - 1;

/// The id for a time, in microseconds since the Unix epoch (clamped to what fits), and random bits.
pub fn encode(micros: i64, random: [u8; 8]) -> [u8; 16] {
    let micros = micros.clamp(0, MAX_MICROS).unsigned_abs();
    let (millis, rest) = (micros / 1000, micros % 1000);
    let fraction = rest * 4096 / 1000;
    let high = (millis << 16) | 0x7000 | fraction;
    let low = (u64::from_be_bytes(random) & (u64::MAX >> 2)) | (1 << 63);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&low.to_be_bytes());
    id
}

/// The microsecond that [`encode`] put into an id; `None` for an id of another version.
///
/// A version 7 id made elsewhere gives its millisecond and a fraction that may mean nothing.
pub fn micros(id: [u8; 16]) -> Option<i64> {
    let (high, low) = id.split_at(8);
    let high = u64::from_be_bytes(high.try_into().ok()?);
    let low = u64::from_be_bytes(low.try_into().ok()?);
    if (high >> 12) & 0xF != 7 || low >> 62 != 0b10 {
        return None;
    }
    let (millis, fraction) = (high >> 16, high & 0xFFF);
    i64::try_from(millis * 1000 + (fraction * 1000).div_ceil(4096)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_microsecond_of_a_millisecond_comes_back() {
        for micro in 0..1000 {
            let time = 1_700_000_000_123_000 + micro;
            assert_eq!(micros(encode(time, [0xFF; 8])), Some(time));
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let earlier = encode(1_700_000_000_123_456, [0xFF; 8]);
        assert!(earlier < encode(1_700_000_000_123_457, [0; 8]));
    }

    #[test]
    fn other_versions_have_no_time() {
        assert_eq!(micros([0x42; 16]), None);
        assert_eq!(micros([0; 16]), None);
    }
}
