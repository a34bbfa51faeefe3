//! What must hold of metrics whatever the numbers: no order of rows shows, a weight is as many rows, only order counts
//! to what ranks; and values against the plainest way to compute them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use sira_core::metrics::bootstrap::{self, Bootstrap};
use sira_core::metrics::curve;
use sira_core::metrics::sweep::{self, Costs};
use sira_core::metrics::{
    Binning, Ranking, Scores, binary, calibration, expected_error, gain, multiclass, regression,
};
use sira_core::{Error, ErrorKind};

/// Numbers that look random and are the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() * bound as f64) as usize
    }

    fn order(&mut self, rows: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rows).collect();
        (1..rows).rev().for_each(|last| order.swap(last, self.below(last + 1)));
        order
    }
}

/// Tied scores, labels that follow them, whole weights.
fn sample(dice: &mut Dice, rows: usize) -> (Vec<f64>, Vec<bool>, Vec<f64>) {
    let ties = [4.0, 16.0, 1e6][dice.below(3)];
    let scores: Vec<f64> = (0..rows).map(|_| (dice.next() * ties).round() / ties).collect();
    let labels = scores.iter().map(|score| dice.next() < 0.2 + 0.6 * score).collect();
    (scores, labels, (0..rows).map(|_| dice.below(4) as f64 + 1.0).collect())
}

fn pick<T: Copy>(values: &[T], order: &[usize]) -> Vec<T> {
    order.iter().map(|row| values[*row]).collect()
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * b.abs().max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

#[test]
fn no_order_of_rows_shows() {
    let mut dice = Dice(1);
    for rows in [1, 2, 7, 40, 300] {
        let (scores, labels, mut weights) = sample(&mut dice, rows);
        weights.iter_mut().for_each(|weight| *weight *= dice.next());
        let order = dice.order(rows);
        let (s, y, w) = (pick(&scores, &order), pick(&labels, &order), pick(&weights, &order));
        let how = Bootstrap { resamples: 20, ..Bootstrap::default() };
        let never = |_: usize| Ok(());
        // To the last bit.
        assert_eq!(
            binary(&scores, &labels, Some(&weights), 0.5).unwrap(),
            binary(&s, &y, Some(&w), 0.5).unwrap()
        );
        assert_eq!(
            bootstrap::binary(&scores, &labels, Some(&weights), 0.5, &how, &mut never.clone()).unwrap(),
            bootstrap::binary(&s, &y, Some(&w), 0.5, &how, &mut never.clone()).unwrap()
        );
        assert_eq!(
            regression(&scores, &weights, Some(&weights)).unwrap(),
            regression(&s, &w, Some(&w)).unwrap()
        );
        assert_eq!(
            bootstrap::regression(&scores, &weights, None, &how, &mut never.clone()).unwrap(),
            bootstrap::regression(&s, &w, None, &how, &mut never.clone()).unwrap()
        );
        let probabilities = |scores: &[f64]| -> Vec<f64> {
            scores.iter().flat_map(|s| [s / 2.0, 0.5 - s / 2.0, 0.5]).collect()
        };
        let classes = |scores: &[f64]| -> Vec<u32> { scores.iter().map(|s| (s * 2.9) as u32).collect() };
        let measured = |s: &[f64], w: &[f64]| multiclass(&probabilities(s), 3, &classes(s), Some(w)).unwrap();
        assert_eq!(measured(&scores, &weights), measured(&s, &w));
        let resampled = |s: &[f64], w: &[f64]| {
            let (p, y) = (probabilities(s), classes(s));
            bootstrap::multiclass(&p, 3, &y, Some(w), &how, &mut never.clone()).unwrap()
        };
        assert_eq!(resampled(&scores, &weights), resampled(&s, &w));
    }
}

#[test]
fn a_weight_is_as_many_rows_everywhere() {
    let mut dice = Dice(2);
    for rows in [1, 3, 20, 100] {
        let (scores, labels, weights) = sample(&mut dice, rows);
        let order: Vec<usize> =
            (0..rows).flat_map(|row| std::iter::repeat_n(row, weights[row] as usize)).collect();
        let (s, y) = (pick(&scores, &order), pick(&labels, &order));
        let weighted = Ranking::of(&scores, &labels, Some(&weights)).unwrap();
        let repeated = Ranking::of(&s, &y, None).unwrap();
        assert_eq!(weighted.steps(), repeated.steps());
        assert_eq!((weighted.auc(), weighted.ks()), (repeated.auc(), repeated.ks()));
        for binning in [Binning::Uniform, Binning::Quantile] {
            let ones = vec![1.0; s.len()];
            let a = calibration(&scores, &labels, Some(&weights), 7, binning).unwrap();
            let b = calibration(&s, &y, Some(&ones), 7, binning).unwrap();
            assert_eq!(a.len(), b.len());
            assert!(near(expected_error(&a), expected_error(&b)));
        }
        let (a, b) = (
            regression(&scores, &weights, Some(&weights)).unwrap(),
            regression(&s, &pick(&weights, &order), None).unwrap(),
        );
        assert!(near(Some(a.rmse), Some(b.rmse)) && near(a.r2, b.r2) && near(Some(a.smape), Some(b.smape)));
    }
}

#[test]
fn only_order_counts_to_what_ranks() {
    let mut dice = Dice(3);
    for _ in 0..30 {
        let (scores, labels, weights) = sample(&mut dice, 60);
        let moved: Vec<f64> = scores.iter().map(|score| (8.0 * score).exp() - 1e3).collect();
        let (a, b) = (
            Ranking::of(&scores, &labels, Some(&weights)).unwrap(),
            Ranking::of(&moved, &labels, Some(&weights)).unwrap(),
        );
        assert_eq!((a.auc(), a.average_precision(), a.ks()), (b.auc(), b.average_precision(), b.ks()));
        // Turned round, it ranks as well as it did badly.
        let turned: Vec<f64> = scores.iter().map(|score| -score).collect();
        let turned = Ranking::of(&turned, &labels, Some(&weights)).unwrap();
        assert!(near(a.auc().map(|auc| 1.0 - auc), turned.auc()) && near(a.ks(), turned.ks()));
    }
}

#[test]
fn every_pair_says_the_same() {
    let mut dice = Dice(4);
    for _ in 0..200 {
        let rows = dice.below(25) + 2;
        let (scores, labels, weights) = sample(&mut dice, rows);
        let (mut won, mut all) = (0.0, 0.0);
        for (p, n) in (0..scores.len()).flat_map(|p| (0..scores.len()).map(move |n| (p, n))) {
            if labels[p] && !labels[n] {
                let pair = weights[p] * weights[n];
                all += pair;
                won +=
                    pair * if scores[p] > scores[n] { 1.0 } else { f64::from(scores[p] == scores[n]) / 2.0 };
            }
        }
        let ours = Ranking::of(&scores, &labels, Some(&weights)).unwrap();
        assert!(near(ours.auc(), (all > 0.0).then(|| won / all)));
        let mut state = Scores::default();
        for row in (0..scores.len()).rev() {
            state.add(scores[row], labels[row], weights[row], usize::MAX).unwrap();
        }
        let go_on = &mut || Ok(());
        assert_eq!(state.auc(go_on).unwrap(), ours.auc());
        assert_eq!(state.average_precision(go_on).unwrap(), ours.average_precision());
        assert_eq!(state.ks(go_on).unwrap(), ours.ks());
    }
}

#[test]
fn cuts_and_costs_are_what_they_say() {
    let scores = [0.9, 0.8, 0.8, 0.8, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1];
    let labels = [true, true, false, false, true, false, false, false, false, false];
    let ranking = Ranking::of(&scores, &labels, None).unwrap();
    // Two rows: the first, and a third of the three at 0.8.
    let two = gain::at_rows(&ranking, 2.0).unwrap();
    assert!(near(Some(two.precision), Some((1.0 + 1.0 / 3.0) / 2.0)) && two.threshold == 0.8);
    assert!(near(two.gain, Some((1.0 + 1.0 / 3.0) / 3.0)) && near(two.lift, two.gain.map(|gain| gain / 0.2)));
    let deciles = gain::deciles(&ranking);
    assert_eq!((deciles.len(), deciles[9].gain, deciles[9].lift), (10, Some(1.0), Some(1.0)));
    assert_eq!(deciles[0], gain::at_share(&ranking, 0.1).unwrap());
    assert_eq!(gain::at_rows(&ranking, 1e9).unwrap(), deciles[9]);
    // A miss costs twenty: all positives are worth finding. A false alarm costs twenty: only the sure one is.
    let costs = |fp: f64, fn_: f64| Costs { fp, fn_, ..Costs::default() };
    let best = |costs: &Costs| sweep::best(&ranking, Some(costs)).unwrap().unwrap();
    assert_eq!(best(&costs(1.0, 20.0)).threshold, 0.3);
    assert_eq!(best(&costs(20.0, 1.0)).threshold, 0.9);
    // Of equal costs the highest threshold: nobody is called where nothing costs anything.
    let free = best(&costs(0.0, 0.0));
    assert!(free.threshold > 0.9 && free.confusion.tp == 0.0 && free.precision.is_none());
    assert_eq!(sweep::sweep(&ranking, None).unwrap().count(), 6);
    for threshold in [0.05, 0.1, 0.25, 0.8, 0.85, 2.0] {
        let there = sweep::at(&ranking, threshold, None).unwrap().unwrap();
        let confusion = binary(&scores, &labels, None, threshold).unwrap().confusion;
        assert_eq!((there.confusion, there.threshold), (confusion, threshold));
    }
    let read: Costs = serde_json::from_str(r#"{"fp": 1, "fn": 20}"#).unwrap();
    assert_eq!(read, costs(1.0, 20.0));
    assert!(serde_json::from_str::<Costs>(r#"{"false_positive": 1}"#).is_err());
}

#[test]
fn a_thinned_curve_keeps_its_ends_and_its_points() {
    let mut dice = Dice(5);
    let (scores, labels, _) = sample(&mut dice, 5000);
    let moved: Vec<f64> = scores.iter().map(|score| score + dice.next()).collect();
    let ranking = Ranking::of(&moved, &labels, None).unwrap();
    for curve in [curve::roc, curve::precision_recall] {
        let (all, few) = (curve(&ranking, usize::MAX), curve(&ranking, 100));
        assert!(all.len() > 4000 && (50..=100).contains(&few.len()), "{} {}", all.len(), few.len());
        assert_eq!((few.first(), few.last()), (all.first(), all.last()));
        assert!(few.iter().all(|point| all.contains(point)));
    }
}

#[test]
fn an_interval_covers_what_it_should() {
    let mut dice = Dice(6);
    let (scores, labels, _) = sample(&mut dice, 2000);
    let whole = binary(&scores, &labels, None, 0.5).unwrap();
    let mut asked = 0;
    let mut count = |_| {
        asked += 1;
        Ok(())
    };
    let all = bootstrap::binary(&scores, &labels, None, 0.5, &Bootstrap::default(), &mut count).unwrap();
    assert_eq!(asked, 1000);
    let accuracy = all.iter().find(|interval| interval.metric == "accuracy").unwrap();
    // Of a share the theory is known: 1.96 standard errors to each side.
    let wide = 1.96 * (whole.accuracy * (1.0 - whole.accuracy) / 2000.0).sqrt();
    assert!((accuracy.low.unwrap() - (whole.accuracy - wide)).abs() < 0.15 * wide);
    assert!((accuracy.high.unwrap() - (whole.accuracy + wide)).abs() < 0.15 * wide);
    // Stratified, the share of positives does not move.
    let fixed = Bootstrap { stratified: true, resamples: 50, ..Bootstrap::default() };
    let all = bootstrap::binary(&scores, &labels, None, 0.5, &fixed, &mut |_| Ok(())).unwrap();
    assert_eq!((all[0].low, all[0].high), (Some(whole.prevalence), Some(whole.prevalence)));
    // What is never defined has no interval, and who asks to stop is heard.
    let none = bootstrap::binary(&[0.1, 0.2], &[false; 2], None, 0.5, &fixed, &mut |_| Ok(())).unwrap();
    assert_eq!(none.iter().find(|i| i.metric == "auc").unwrap().low, None);
    let mut stop = |done| match done {
        3 => Err(Error::new(ErrorKind::Cancelled, "enough")),
        _ => Ok(()),
    };
    let stopped = bootstrap::binary(&scores, &labels, None, 0.5, &fixed, &mut stop);
    assert_eq!(stopped.unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn too_many_rows_to_rank_are_an_error_before_they_are_kept() {
    let mut scores = Scores::default();
    let mut add = |row: u32| scores.add(f64::from(row), row.is_multiple_of(2), 1.0, 4096);
    assert_eq!((0..).find_map(|row| add(row).err()).unwrap().kind, ErrorKind::OutOfBudget);
    assert!(scores.bytes() <= 4096 && scores.bytes() > 2048, "{}", scores.bytes());
    assert!(Scores::from_bytes(&scores.to_bytes()[1..]).is_err());
    let copy = scores.clone();
    assert_eq!(scores.merge(&copy, 4096).unwrap_err().kind, ErrorKind::OutOfBudget);
}

#[test]
fn many_rows_are_sorted_in_parts_and_can_be_given_up() {
    // More of a class than are sorted at once, with ties; 7919 is prime to the number of rows.
    let rows = 3_000_000_u64;
    let score = |row: u64| (row * 7919 % rows / 2) as f64;
    let positive = |row: u64| row * 7919 % rows % 5 < 2;
    let mut state = Scores::default();
    (0..rows).try_for_each(|row| state.add(score(row), positive(row), 1.0, usize::MAX)).unwrap();
    let patience = (0..).find(|patience| {
        let mut asked = 0;
        let mut give_up = || {
            asked += 1;
            if asked > *patience { Err(Error::new(ErrorKind::Cancelled, "enough")) } else { Ok(()) }
        };
        match state.clone().auc(&mut give_up) {
            Ok(area) => area.is_some(),
            Err(error) => {
                assert_eq!(error.kind, ErrorKind::Cancelled);
                false
            }
        }
    });
    // Three times for the order of each class, and twice for each of two passes over a million and a half of steps.
    assert!(patience.is_some_and(|asked| asked >= 10), "{patience:?}");
    let scores: Vec<f64> = (0..rows).map(score).collect();
    let labels: Vec<bool> = (0..rows).map(positive).collect();
    let ranking = Ranking::of(&scores, &labels, None).unwrap();
    assert_eq!(state.auc(&mut || Ok(())).unwrap(), ranking.auc());
    assert_eq!(state.ks(&mut || Ok(())).unwrap(), ranking.ks());
}

#[test]
fn a_state_ranks_to_the_same_bits_as_a_ranking() {
    let mut dice = Dice(11);
    let rows = 5000;
    let scores: Vec<f64> = (0..rows).map(|_| (dice.next() * 40.0).floor()).collect();
    let labels: Vec<bool> = (0..rows).map(|_| dice.next() < 0.3).collect();
    // Thirds: their sums are rounded, and some of the rows weigh 1.
    let weights: Vec<f64> = (0..rows).map(|_| (dice.next() * 9.0).floor() / 3.0).collect();
    let ranking = Ranking::of(&scores, &labels, Some(&weights)).unwrap();
    let mut state = Scores::default();
    for row in 0..rows {
        state.add(scores[row], labels[row], weights[row], usize::MAX).unwrap();
    }
    let go_on = &mut || Ok(());
    assert_eq!(state.auc(go_on).unwrap(), ranking.auc());
    assert_eq!(state.average_precision(go_on).unwrap(), ranking.average_precision());
    assert_eq!(state.ks(go_on).unwrap(), ranking.ks());
}

#[test]
fn weights_whose_products_leave_the_range_are_refused() {
    let mut scores = Scores::default();
    for weight in [-1.0, f64::NAN, f64::INFINITY, 1e-200, 1e200] {
        let refused = scores.add(0.5, true, weight, usize::MAX).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidParameter, "{weight}");
    }
    for weight in [1e-100, 1e100] {
        let mut scores = Scores::default();
        for (score, label) in [(0.1, true), (0.2, false), (0.3, true)] {
            scores.add(score, label, weight, usize::MAX).unwrap();
        }
        assert_eq!(scores.auc(&mut || Ok(())).unwrap(), Some(0.5));
    }
}

/// Not a comparison: prints what resampling costs. `cargo test --release -- --ignored --nocapture speed`.
#[test]
#[ignore = "prints times"]
fn speed() {
    let mut dice = Dice(7);
    let rows = 100_000;
    let (scores, labels, _) = sample(&mut dice, rows);
    let begin = std::time::Instant::now();
    binary(&scores, &labels, None, 0.5).unwrap();
    println!("binary, {rows} rows: {:?}", begin.elapsed());
    let begin = std::time::Instant::now();
    bootstrap::binary(&scores, &labels, None, 0.5, &Bootstrap::default(), &mut |_| Ok(())).unwrap();
    println!("1000 resamples: {:?}", begin.elapsed());
}
