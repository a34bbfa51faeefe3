//! How well drift is found, measured: planted shifts against quiet days, at three sizes, always the same random numbers.
//!
//! The world has ten inputs (normal, uniform, log-normal, mostly zero, three kinds of categories, one of them with a long
//! tail; each with some values missing), a score that depends on two of them, and labels drawn by the score. A version is
//! trained on 20,000 rows. A day is 1,000, 10,000 or 1,000,000 rows. What "found" and "false" mean: the run detects
//! anything, in the input that was shifted or, for a quiet day, anywhere, inputs, score and quality together.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test may end by panicking.

use sira_core::drift::concept::{self, Before, Tolerance};
use sira_core::drift::rule::{self, Pair};
use sira_core::drift::{Layout, Rule, Sketch};
use sira_core::stats::bins::DEFAULT_BINS;

const INPUTS: usize = 10;
const REFERENCE: usize = 20_000;
const SIZES: [usize; 3] = [1_000, 10_000, 1_000_000];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    /// A position by its share.
    fn pick(&mut self, shares: &[f64]) -> f64 {
        let mut left = self.uniform();
        let last = shares.len() - 1;
        for (at, share) in shares.iter().enumerate() {
            if left < *share || at == last {
                return at as f64;
            }
            left -= share;
        }
        last as f64
    }
}

/// What is planted, and how much.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shift {
    None,
    /// The mean of input 0, in its standard deviations.
    Mean(f64),
    /// The standard deviation of input 0, times.
    Deviation(f64),
    /// This share of the rows of input 5 goes from its first category to its last.
    Mix(f64),
    /// The share of missing values of input 1 grows by.
    Nulls(f64),
    /// This share of the rows of input 5 has a category that nobody knew.
    New(f64),
    /// This share of the labels is turned over.
    Flip(f64),
}

impl Shift {
    fn input(self) -> Option<usize> {
        match self {
            Self::Mean(_) | Self::Deviation(_) => Some(0),
            Self::Nulls(_) => Some(1),
            Self::Mix(_) | Self::New(_) => Some(5),
            Self::None | Self::Flip(_) => None,
        }
    }
}

/// One value; the second says that it is a category that nobody knew.
fn draw(random: &mut Random, input: usize, shift: Shift) -> (f64, bool) {
    let missing = match (shift, input) {
        (Shift::Nulls(grown), 1) => 0.02 + grown,
        _ => 0.02,
    };
    if random.uniform() < missing {
        return (f64::NAN, false);
    }
    let value = match (input, shift) {
        (0, Shift::Mean(by)) => random.normal() + by,
        (0, Shift::Deviation(times)) => random.normal() * times,
        (0 | 1, _) => random.normal(),
        (2, _) => random.uniform(),
        (3, _) => random.normal().exp(),
        (4, _) => {
            if random.uniform() < 0.8 {
                0.0
            } else {
                random.uniform() * 50.0
            }
        }
        (5, Shift::New(share)) if random.uniform() < share => return (f64::NAN, true),
        (5, Shift::Mix(share)) => match random.pick(&[0.5, 0.3, 0.2]) {
            0.0 if random.uniform() < share / 0.5 => 2.0,
            same => same,
        },
        (5, _) => random.pick(&[0.5, 0.3, 0.2]),
        (6, _) => f64::from(u8::from(random.uniform() < 0.03)),
        // Three hundred categories, the k-th of weight about 1/k.
        (7, _) => (300_f64.powf(random.uniform())).floor(),
        _ => random.normal() * 10.0 + 100.0,
    };
    (value, false)
}

struct World {
    layouts: Vec<Layout>,
    reference: Vec<Sketch>,
    score: Layout,
    score_reference: Sketch,
    before: Before,
}

/// The probability that the model gives; it is calibrated.
fn score(random: &mut Random) -> f64 {
    1.0 / (1.0 + (2.0 - 2.0 * random.normal()).exp())
}

fn world(seed: u64) -> World {
    let mut random = Random(seed);
    let (mut layouts, mut reference) = (Vec::new(), Vec::new());
    for input in 0..INPUTS {
        let sample: Vec<f64> = (0..REFERENCE).map(|_| draw(&mut random, input, Shift::None).0).collect();
        let layout = match input {
            5..=7 => Layout::of_categories(&sample, input == 5),
            _ => Layout::of_numbers(&sample, DEFAULT_BINS),
        };
        reference.push(layout.sketch(&sample, 0.0));
        layouts.push(layout);
    }
    let held_out: Vec<f64> = (0..REFERENCE / 4).map(|_| score(&mut random)).collect();
    let labels: Vec<bool> = held_out.iter().map(|p| random.uniform() < *p).collect();
    let measured = sira_core::metrics::binary(&held_out, &labels, None, 0.5).unwrap();
    let before = Before {
        rows: Some(held_out.len() as f64),
        prevalence: Some(measured.prevalence),
        auc: measured.auc,
        accuracy: Some(measured.accuracy),
        threshold: Some(0.5),
        mape: None,
    };
    let layout = Layout::of_numbers(&held_out, DEFAULT_BINS);
    World { score_reference: layout.sketch(&held_out, 0.0), score: layout, layouts, reference, before }
}

impl World {
    fn input(&self, random: &mut Random, input: usize, rows: usize, shift: Shift) -> Pair {
        let layout = &self.layouts[input];
        let mut current = Sketch::empty(layout.bins());
        for _ in 0..rows {
            let (value, unseen) = draw(random, input, shift);
            current.add(layout.bin(value, unseen), value, 0.0);
        }
        Pair::of(layout, &self.reference[input], &current)
    }

    /// Scores and labels of a day: the scores' pair, and whether the quality fell.
    fn answers(&self, random: &mut Random, rows: usize, shift: Shift) -> (Pair, bool) {
        let flipped = if let Shift::Flip(share) = shift { share } else { 0.0 };
        let scores: Vec<f64> = (0..rows).map(|_| score(random)).collect();
        let labels: Vec<bool> =
            scores.iter().map(|p| (random.uniform() < *p) != (random.uniform() < flipped)).collect();
        let judged =
            concept::binary(&scores, &labels, &self.before, Tolerance::default(), &Rule::default()).unwrap();
        let pair = Pair::of(&self.score, &self.score_reference, &self.score.sketch(&scores, 0.0));
        (pair, judged.1.iter().any(|finding| finding.detected))
    }

    fn quiet_day(&self, random: &mut Random, rows: usize) -> (Vec<Pair>, Pair, bool) {
        let inputs = (0..INPUTS).map(|input| self.input(random, input, rows, Shift::None)).collect();
        let (score, fell) = self.answers(random, rows, Shift::None);
        (inputs, score, fell)
    }
}

fn detected(pairs: &[Pair]) -> Vec<usize> {
    let findings = rule::judge(pairs, &Rule::default()).unwrap();
    findings.iter().filter(|finding| finding.detected).map(|finding| finding.pair).collect()
}

#[test]
fn planted_shifts_are_found_and_quiet_days_are_quiet() {
    let planted = [
        Shift::Mean(0.55),
        Shift::Deviation(1.7),
        Shift::Mix(0.25),
        Shift::Nulls(0.10),
        Shift::New(0.05),
        Shift::Flip(0.25),
    ];
    for (rows, quiet_days, days) in [(SIZES[0], 600, 200), (SIZES[1], 150, 60), (SIZES[2], 20, 20)] {
        let mut random = Random(rows as u64);
        let mut false_alarms = 0;
        let mut found = [0; 6];
        let mut world_now = world(1);
        for day in 0..quiet_days {
            // A new version every twentieth day: the reference is drawn by chance too.
            if day % 20 == 0 {
                world_now = world(1_000 + rows as u64 + day as u64);
            }
            let (mut inputs, score, fell) = world_now.quiet_day(&mut random, rows);
            inputs.push(score.clone());
            let quiet = detected(&inputs);
            false_alarms += usize::from(fell || !quiet.is_empty());
            if day >= days {
                continue;
            }
            for (shift, found) in planted.into_iter().zip(&mut found) {
                match shift.input() {
                    Some(input) => {
                        let mut shifted = inputs.clone();
                        shifted[input] = world_now.input(&mut random, input, rows, shift);
                        *found += usize::from(detected(&shifted).contains(&input));
                    }
                    None => *found += usize::from(world_now.answers(&mut random, rows, shift).1),
                }
            }
        }
        println!("{rows} rows: {false_alarms} false alarms in {quiet_days} quiet days");
        assert!(false_alarms as f64 <= 0.02 * quiet_days as f64, "{rows} rows: {false_alarms} false alarms");
        for (shift, found) in planted.iter().zip(found) {
            println!("{rows} rows: {shift:?} found on {found} of {days} days");
            assert!(
                found as f64 >= 0.95 * days as f64,
                "{rows} rows: {shift:?} found on {found} of {days} days"
            );
        }
    }
}

/// Thresholds are what a user tolerates: below them nothing is called, however sure it is. Where the border lies.
#[test]
fn power_by_size() {
    let sizes: [(&str, fn(f64) -> Shift, [f64; 5]); 6] = [
        ("mean, in standard deviations", Shift::Mean, [0.2, 0.35, 0.45, 0.5, 0.6]),
        ("standard deviation, times", Shift::Deviation, [1.2, 1.35, 1.45, 1.5, 1.7]),
        ("category mix, share of rows", Shift::Mix, [0.05, 0.1, 0.15, 0.2, 0.3]),
        ("missing values, share of rows", Shift::Nulls, [0.02, 0.04, 0.06, 0.08, 0.12]),
        ("new category, share of rows", Shift::New, [0.01, 0.02, 0.03, 0.04, 0.06]),
        ("labels turned over, share", Shift::Flip, [0.05, 0.1, 0.15, 0.2, 0.3]),
    ];
    let days = 60;
    for rows in [SIZES[0], SIZES[1]] {
        let mut random = Random(7 + rows as u64);
        let now = world(4_242);
        let (mut inputs, score, _) = now.quiet_day(&mut random, rows);
        inputs.push(score);
        for (what, shift, steps) in sizes {
            let mut power = Vec::new();
            for size in steps {
                let hits = (0..days)
                    .filter(|_| match shift(size).input() {
                        Some(input) => {
                            let mut shifted = inputs.clone();
                            shifted[input] = now.input(&mut random, input, rows, shift(size));
                            detected(&shifted).contains(&input)
                        }
                        None => now.answers(&mut random, rows, shift(size)).1,
                    })
                    .count();
                power.push((size, hits as f64 / f64::from(days)));
            }
            println!("{rows} rows, {what}: {power:?}");
            // More is found of more; the least is tolerated and the most is found.
            assert!(power.first().unwrap().1 < 0.5, "{what}: {power:?}");
            assert!(power.last().unwrap().1 >= 0.95, "{what}: {power:?}");
        }
    }
}
