//! Splits: what must hold of any times, tried on many, and the choices that a stored run depends on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use std::collections::HashSet;

use sira_core::ErrorKind;
use sira_core::split::{Fractions, Split, by_time, by_time_bounds, random};

const USUAL: Fractions = Fractions { train: 0.7, validation: 0.1, test: 0.2 };

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// No row twice, none lost, and no part reaches into the next, an embargo apart.
fn check_by_time(split: &Split, times: &[i64], embargo: i64) {
    let parts = [&split.train, &split.validation, &split.test];
    let all: Vec<u32> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "a row twice");
    assert_eq!(all.len() + split.dropped, times.len(), "a row lost");
    let filled: Vec<&Vec<u32>> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    for part in &filled {
        let key = |row: &u32| (times[*row as usize], *row);
        assert!(part.windows(2).all(|two| key(&two[0]) < key(&two[1])), "out of order");
    }
    for two in filled.windows(2) {
        let latest = two[0].iter().map(|row| times[*row as usize]).max().unwrap();
        let border = two[1].iter().map(|row| times[*row as usize]).min().unwrap();
        assert!(latest < border, "a moment straddles the border");
        assert!(latest <= border - embargo, "a row within the embargo");
    }
}

#[test]
fn any_times_are_cut_cleanly() {
    let mut state = 1;
    let (mut cut, mut refused) = (0, 0);
    for _ in 0..3000 {
        let n = next(&mut state) % 60;
        let different = 1 + next(&mut state) % 40;
        let times: Vec<i64> = (0..n).map(|_| (next(&mut state) % different) as i64 * 10 - 100).collect();
        let embargo = [0, 0, 5, 30, 200][(next(&mut state) % 5) as usize];
        match by_time(&times, USUAL, embargo) {
            Ok(split) => {
                check_by_time(&split, &times, embargo);
                assert!(!split.train.is_empty() && !split.validation.is_empty() && !split.test.is_empty());
                assert!(embargo > 0 || split.dropped == 0);
                cut += 1;
            }
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::NotEnoughData);
                assert!(error.detail.is_some() && error.hint.is_some());
                let moments = times.iter().collect::<HashSet<_>>().len();
                assert!(moments < 3 || embargo > 0, "{moments} different times can be cut");
                refused += 1;
            }
        }
        let (from, until) = (next(&mut state) as i64 % 400 - 100, next(&mut state) as i64 % 400 - 100);
        if let Ok(split) = by_time_bounds(&times, Some(from), Some(until), embargo) {
            check_by_time(&split, &times, embargo);
            let starts = |part: &[u32], at: i64| part.iter().all(|row| times[*row as usize] >= at);
            assert!(starts(&split.validation, from) && starts(&split.test, until));
        }
    }
    assert!(cut > 1000 && refused > 100, "{cut} cut, {refused} refused");
}

#[test]
fn shares_are_met_where_times_differ() {
    let times: Vec<i64> = (0..1000).rev().collect();
    let split = by_time(&times, USUAL, 0).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (700, 100, 200));
    assert_eq!(split.train[..2], [999, 998], "earliest first");
    let split = by_time(&times, USUAL, 7).unwrap();
    // Of a border at 700, 693 is known in time and 694 is not.
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (694, 94, 200));
    assert_eq!(split.dropped, 12);
    let no_validation = Fractions { train: 0.8, validation: 0.0, test: 0.2 };
    let split = by_time(&times, no_validation, 0).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (800, 0, 200));
    let all = by_time(&times, Fractions { train: 1.0, validation: 0.0, test: 0.0 }, 7).unwrap();
    assert_eq!((all.train.len(), all.dropped), (1000, 0));
}

#[test]
fn bounds_belong_to_the_later_part() {
    let times = [10, 20, 20, 30, 40];
    let split = by_time_bounds(&times, Some(20), Some(40), 0).unwrap();
    assert_eq!((split.train, split.validation, split.test), (vec![0], vec![1, 2, 3], vec![4]));
    let split = by_time_bounds(&times, None, Some(30), 10).unwrap();
    assert_eq!((split.train, split.test, split.dropped), (vec![0, 1, 2], vec![3, 4], 0));
    let split = by_time_bounds(&times, None, Some(30), 11).unwrap();
    assert_eq!((split.train, split.test, split.dropped), (vec![0], vec![3, 4], 2));
    assert_eq!(by_time_bounds(&times, None, None, 5).unwrap().train.len(), 5);
    let extreme = by_time_bounds(&[i64::MIN, i64::MAX], None, Some(i64::MAX), i64::MAX).unwrap();
    assert_eq!((extreme.train, extreme.test), (vec![0], vec![1]));
}

#[test]
fn chance_is_the_same_everywhere() {
    let split = random(1000, USUAL, 42).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (700, 100, 200));
    let rows: HashSet<u32> =
        split.train.iter().chain(&split.validation).chain(&split.test).copied().collect();
    assert_eq!(rows.len(), 1000);
    assert_eq!(split, random(1000, USUAL, 42).unwrap());
    assert_ne!(split.test, random(1000, USUAL, 43).unwrap().test);
    // Recorded: a change here changes what stored runs were trained on.
    let small = random(10, USUAL, 42).unwrap();
    assert_eq!((small.validation, small.test), (vec![2], vec![1, 7]));
}

#[test]
fn what_cannot_be_split_says_why() {
    let kind = |result: sira_core::Result<Split>| result.unwrap_err().kind;
    for (train, validation, test) in
        [(0.0, 0.5, 0.5), (0.7, 0.1, 0.1), (1.2, -0.2, 0.0), (f64::NAN, 0.0, 0.0)]
    {
        let fractions = Fractions { train, validation, test };
        assert_eq!(kind(random(10, fractions, 1)), ErrorKind::InvalidParameter);
        assert_eq!(kind(by_time(&[1, 2, 3], fractions, 0)), ErrorKind::InvalidParameter);
    }
    assert_eq!(kind(random(2, USUAL, 1)), ErrorKind::NotEnoughData);
    assert_eq!(kind(by_time(&[], USUAL, 0)), ErrorKind::NotEnoughData);
    assert_eq!(kind(by_time(&[5, 5, 5], USUAL, 0)), ErrorKind::NotEnoughData);
    assert_eq!(kind(by_time(&[1, 2, 3], USUAL, -1)), ErrorKind::InvalidParameter);
    assert_eq!(kind(by_time_bounds(&[1, 2, 3], Some(3), Some(2), 0)), ErrorKind::InvalidParameter);
    let error = by_time(&[1, 2, 3, 4, 5], USUAL, 10).unwrap_err();
    assert_eq!(error.message, "the training part of the split is empty");
    assert_eq!(error.detail.as_deref(), Some("5 rows, 4 of them dropped by the embargo."));
}
