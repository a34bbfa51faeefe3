//! Buckets of durations: every duration is in the one that its bounds say, and quantiles are within the promised error.

use sira_core::latency::{BUCKETS, bucket, quantile, upper_bound};

#[test]
fn every_duration_lies_within_the_bounds_of_its_bucket() {
    let mut nanos = 1_u64;
    while nanos < 40_000_000_000 {
        for near in [nanos - 1, nanos, nanos + 1] {
            let at = bucket(near);
            assert!(at < BUCKETS);
            assert!(upper_bound(at).is_none_or(|upper| near < upper), "{near} in {at}");
            assert!(at == 0 || upper_bound(at - 1).is_some_and(|lower| near >= lower), "{near} in {at}");
        }
        nanos += nanos / 97 + 1;
    }
    assert_eq!(bucket(u64::MAX), BUCKETS - 1);
}

#[test]
fn buckets_are_an_eighth_wide_at_most() {
    for at in 1..BUCKETS - 1 {
        let (Some(lower), Some(upper)) = (upper_bound(at - 1), upper_bound(at)) else { unreachable!() };
        assert!(lower < upper && (upper - lower) * 8 <= lower);
    }
}

#[test]
fn quantiles_are_those_of_the_values_to_a_sixteenth() {
    // Log-uniform between 2 µs and 5 s, by a sequence that fills evenly.
    let mut values: Vec<u64> = (0..20_000_u32)
        .map(|i| {
            let place = (f64::from(i) * 0.618_033_988_749_895).fract();
            (2_000.0 * (2_500_000.0_f64).powf(place)) as u64
        })
        .collect();
    let mut counts = vec![0; BUCKETS];
    values.iter().for_each(|value| counts[bucket(*value)] += 1);
    values.sort_unstable();
    for q in [0.0, 0.01, 0.5, 0.95, 0.99, 0.999, 1.0] {
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let truth = values[rank - 1] as f64;
        let Some(found) = quantile(&counts, q) else { unreachable!() };
        assert!((found - truth).abs() <= truth / 15.9, "{q}: {found} for {truth}");
    }
}

#[test]
fn nothing_counted_has_no_quantile() {
    assert_eq!(quantile(&[0; BUCKETS], 0.5), None);
    assert_eq!(quantile(&[], 0.5), None);
    assert_eq!(quantile(&[1; BUCKETS], f64::NAN), None);
}
