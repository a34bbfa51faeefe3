//! Histograms of durations: buckets that grow with what they hold, so that one array serves a microsecond and ten
//! seconds with the same relative error.
//!
//! Each octave of nanoseconds has eight buckets of equal width (the scheme of HdrHistogram with three significant
//! bits): a bucket is at most an eighth wider than its lower bound, so that its middle is wrong by 6.25 % at most.
//! Histograms of the same buckets are merged by adding them, which quantiles are not.

/// Buckets an octave.
const STEPS: u64 = 8;

/// The first octave begins at 2^10 ns = 1.024 µs; the last one ends at 2^34 ns = 17.2 s.
const FIRST: u32 = 10;
const OCTAVES: u32 = 24;

/// Octaves and, before and behind them, one bucket for all that is shorter and one for all that is longer.
pub const BUCKETS: usize = (OCTAVES as usize) * (STEPS as usize) + 2;

/// The bucket of a duration.
pub fn bucket(nanos: u64) -> usize {
    if nanos < 1 << FIRST {
        return 0;
    }
    let octave = nanos.ilog2() - FIRST;
    if octave >= OCTAVES {
        return BUCKETS - 1;
    }
    let step = (nanos >> (octave + FIRST - STEPS.ilog2())) & (STEPS - 1);
    1 + (octave as usize) * (STEPS as usize) + step as usize
}

/// The least duration, in nanoseconds, that a bucket does not hold any more; the last bucket has no bound.
pub fn upper_bound(bucket: usize) -> Option<u64> {
    match bucket {
        0 => Some(1 << FIRST),
        _ if bucket >= BUCKETS - 1 => None,
        _ => {
            let place = bucket as u64 - 1;
            let octave = (place / STEPS) as u32 + FIRST;
            Some((STEPS + place % STEPS + 1) << (octave - STEPS.ilog2()))
        }
    }
}

/// The quantile `q` in nanoseconds, by the middle of the bucket that holds it: `None` where nothing was counted.
pub fn quantile(counts: &[u64], q: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let rank = ((q * total as f64).ceil() as u64).clamp(1, total);
    let mut seen = 0;
    let at = counts.iter().position(|count| {
        seen += count;
        seen >= rank
    })?;
    let lower = if at == 0 { 0 } else { upper_bound(at - 1)? };
    // What is longer than all is said to be as long as the longest that is told apart.
    Some(upper_bound(at).map_or(lower as f64, |upper| (lower as f64 + upper as f64) / 2.0))
}
