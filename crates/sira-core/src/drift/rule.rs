//! Which difference between two histograms is drift.
//!
//! A difference is *detected* when both hold:
//!
//! - **it matters**: the effect is above its threshold. The population stability index of two samples of one distribution
//!   is not 0: it is about (bins − 1)(1/m + 1/n) in the mean (Yurdakul, *Statistical properties of the population
//!   stability index*, 2018: PSI / (1/m + 1/n) goes to χ² with bins − 1 degrees of freedom). That much is added to the threshold, so that it
//!   means the same at a hundred rows as at a million;
//! - **it is no chance**: the p-value of the test on the same counts, adjusted by Benjamini and Hochberg over all tests of
//!   the run, is below [`Rule::significance`]. With nothing to see, a run calls anything with that probability at most.
//!
//! Each difference gets a score in [0, 1]: 0.5 at its threshold, 1 at twice the threshold, 0 where it may be chance.
//!
//! | method | statistic and effect | p-value | threshold |
//! |---|---|---|---|
//! | `psi` | index over all bins, missing values and unseen categories included; effect less the expected noise | χ² of homogeneity, bins with an expected count below 5 joined | 0.2 |
//! | `ks` (numbers) | largest distance of the two distribution functions at the cut points: never above the samples' own, so the p-value errs to the safe side | asymptotic | 0.15 |
//! | `chi_square` (categories) | Pearson's statistic; effect is the total variation: the share of rows that changed place, which KS is for ordered values | χ² | as KS |
//! | `null_share` | what the share of missing values grew or fell by | χ² on 2 × 2 | 0.05 |
//! | `unseen_share` | what the share of unseen categories is above the expected: categories seen once by the reference, of its rows (Good, 1953) | χ² on 2 × 2 | 0.02 |

use super::score::Severity;
use super::{Layout, Sketch};
use crate::stats::{chi_square, divergence, ks, multiple};
use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Rows below which no side is judged: the noise of an index over a dozen bins is above the least threshold there.
pub const LEAST_ROWS: u64 = 100;

/// A cell of a χ² table that expects fewer is joined with others (Cochran, 1954).
const LEAST_EXPECTED: f64 = 5.0;

/// What is tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    pub ks: f64,
    pub psi: f64,
    pub null_share: f64,
    pub unseen_share: f64,
    /// Of adjusted p-values.
    pub significance: f64,
    /// Rows that each side must have.
    pub least_rows: u64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            ks: 0.15,
            psi: 0.2,
            null_share: 0.05,
            unseen_share: 0.02,
            significance: 0.01,
            least_rows: LEAST_ROWS,
        }
    }
}

/// Rows of one side beyond which counts are no longer exact as numbers: 2^53.
const MOST_ROWS: u64 = 1 << 53;

/// One input, or the score, of both sides: counts over the same bins, those of a [`Layout`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    pub categorical: bool,
    /// How many categories the reference saw exactly once.
    #[serde(default)]
    pub singletons: u64,
    pub reference: Vec<u64>,
    pub current: Vec<u64>,
}

impl Pair {
    #[must_use]
    pub fn of(layout: &Layout, reference: &Sketch, current: &Sketch) -> Self {
        let singletons = match layout {
            Layout::Numeric(_) => None,
            Layout::Categorical(categories) => Some(categories.singletons),
        };
        Self {
            categorical: singletons.is_some(),
            singletons: singletons.unwrap_or(0),
            reference: reference.counts.clone(),
            current: current.counts.clone(),
        }
    }

    /// The last bin but one of categories: those that the reference never saw.
    fn unseen_bin(&self) -> Option<usize> {
        if self.categorical { self.reference.len().checked_sub(2) } else { None }
    }

    fn check(&self) -> Result<()> {
        let least = if self.categorical { 3 } else { 2 };
        // Sums and products of sums are taken of them below; no log has as many rows.
        let rows = |counts: &[u64]| counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if [&self.reference, &self.current]
            .into_iter()
            .any(|counts| rows(counts).is_none_or(|rows| rows > MOST_ROWS))
        {
            return Err(Error::new(
                ErrorKind::InvalidParameter,
                "a sketch has more rows than can be counted",
            )
            .with_detail(format!("At most {MOST_ROWS}.")));
        }
        if self.reference.len() == self.current.len() && self.reference.len() >= least {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidParameter, "a sketch does not have the bins of its baseline")
            .with_detail(format!(
                "{} bins in the baseline, {} in the sketch.",
                self.reference.len(),
                self.current.len()
            )))
    }
}

/// What one test says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The position of the pair among those that were asked about.
    pub pair: usize,
    pub method: &'static str,
    pub statistic: Option<f64>,
    pub p_value: Option<f64>,
    /// Adjusted over all tests of the run.
    pub adjusted_p_value: Option<f64>,
    pub effect_size: Option<f64>,
    pub threshold: f64,
    pub detected: bool,
    pub score: f64,
    /// Why there is no statistic.
    pub note: Option<String>,
}

/// A test before its p-value has met the others'.
struct Tested {
    method: &'static str,
    statistic: f64,
    p_value: f64,
    effect: f64,
    threshold: f64,
}

/// Compares every pair. In the order given, the tests of one pair one after the other.
///
/// # Errors
/// `InvalidParameter` where a sketch does not have the bins of its layout.
pub fn judge(pairs: &[Pair], rule: &Rule) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        pair.check()?;
        let (m, n) = (pair.reference.iter().sum::<u64>(), pair.current.iter().sum::<u64>());
        if m.min(n) < rule.least_rows.max(1) {
            findings.push(unjudged(at, rule, m, n));
            continue;
        }
        for test in tests(pair, &expected(pair), rule)? {
            findings.push(Finding {
                pair: at,
                method: test.method,
                statistic: Some(test.statistic),
                p_value: Some(test.p_value),
                adjusted_p_value: None,
                effect_size: Some(test.effect),
                threshold: test.threshold,
                detected: false,
                score: 0.0,
                note: None,
            });
        }
    }
    decide(&mut findings, rule);
    Ok(findings)
}

/// Adjusts the p-values of all findings together and decides each.
pub fn decide(findings: &mut [Finding], rule: &Rule) {
    let p_values: Vec<f64> = findings.iter().map(|finding| finding.p_value.unwrap_or(f64::NAN)).collect();
    for (finding, adjusted) in findings.iter_mut().zip(multiple::benjamini_hochberg(&p_values)) {
        finding.adjusted_p_value = (!adjusted.is_nan()).then_some(adjusted);
        let effect = finding.effect_size.unwrap_or(0.0);
        let by_chance = adjusted.is_nan() || adjusted >= rule.significance;
        finding.detected = !by_chance && effect > finding.threshold;
        finding.score = match by_chance {
            true => 0.0,
            false if finding.threshold > 0.0 => (effect / finding.threshold / 2.0).clamp(0.0, 1.0),
            false => f64::from(u8::from(effect > 0.0)),
        };
    }
}

/// How grave one finding is by itself: 1.25 times its threshold is severe (a PSI of 0.25 where 0.2 is tolerated).
#[must_use]
pub fn severity(finding: &Finding) -> Severity {
    match finding.effect_size {
        Some(effect) if finding.detected && effect >= 1.25 * finding.threshold => Severity::High,
        _ if finding.detected => Severity::Medium,
        _ => Severity::Low,
    }
}

fn unjudged(pair: usize, rule: &Rule, m: u64, n: u64) -> Finding {
    Finding {
        pair,
        method: "psi",
        statistic: None,
        p_value: None,
        adjusted_p_value: None,
        effect_size: None,
        threshold: rule.psi,
        detected: false,
        score: 0.0,
        note: Some(format!(
            "{m} reference rows and {n} current ones; {} of each are needed",
            rule.least_rows
        )),
    }
}

/// The reference's counts. Among as many rows again the reference itself would have met new categories: about as many rows
/// as it has categories that it saw once. They are taken from those that share a bin.
fn expected(pair: &Pair) -> Vec<u64> {
    let mut reference = pair.reference.clone();
    let Some(unseen) = pair.unseen_bin() else { return reference };
    let other = unseen.saturating_sub(1);
    let moved = reference.get(other).map_or(0, |rows| pair.singletons.min(*rows));
    if let Some(rows) = reference.get_mut(other) {
        *rows -= moved;
    }
    if let Some(rows) = reference.get_mut(unseen) {
        *rows += moved;
    }
    reference
}

fn tests(pair: &Pair, reference: &[u64], rule: &Rule) -> Result<Vec<Tested>> {
    let current = pair.current.as_slice();
    let (m, n) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let homogeneity = {
        let (reference, current) = joined(reference, current);
        chi_square::independence(&reference, &current)?
    };
    let used = reference.iter().zip(current).filter(|(a, b)| **a + **b > 0).count();
    let noise = (used.max(1) - 1) as f64 * (1.0 / m + 1.0 / n);
    let psi = divergence::population_stability_index(reference, current)?;
    let mut tests = vec![Tested {
        method: "psi",
        statistic: psi,
        p_value: homogeneity.p_value,
        effect: (psi - noise).max(0.0),
        threshold: rule.psi,
    }];
    match pair.unseen_bin() {
        None => tests.extend(distribution_functions(reference, current, rule)),
        Some(unseen) => {
            tests.push(Tested {
                method: "chi_square",
                statistic: homogeneity.statistic,
                p_value: homogeneity.p_value,
                effect: divergence::total_variation(reference, current)?,
                threshold: rule.ks,
            });
            let grown = shares(reference, current, unseen)?;
            tests.push(Tested { method: "unseen_share", threshold: rule.unseen_share, ..grown });
        }
    }
    let missing = shares(reference, current, reference.len().saturating_sub(1))?;
    tests.push(Tested {
        method: "null_share",
        effect: missing.effect.abs(),
        threshold: rule.null_share,
        ..missing
    });
    Ok(tests)
}

/// Kolmogorov and Smirnov's distance between the cut points, missing values left out; none where a side has no value.
fn distribution_functions(reference: &[u64], current: &[u64], rule: &Rule) -> Option<Tested> {
    let values = |side: &[u64]| side.split_last().map_or(0, |(_, values)| values.iter().sum::<u64>());
    let (m, n) = (values(reference), values(current));
    if m.min(n) < rule.least_rows.max(1) {
        return None;
    }
    let (mut a, mut b, mut distance) = (0_u64, 0_u64, 0.0_f64);
    let bins = reference.len().saturating_sub(1);
    for (p, q) in reference.iter().zip(current).take(bins) {
        a += p;
        b += q;
        distance = distance.max((a as f64 / m as f64 - b as f64 / n as f64).abs());
    }
    let (m, n) = (m as f64, n as f64);
    let p_value =
        if distance == 0.0 { 1.0 } else { ks::one_sample_tail(libm::rint(m * n / (m + n)), distance) };
    Some(Tested { method: "ks", statistic: distance, p_value, effect: distance, threshold: rule.ks })
}

/// What the share of one bin grew by.
fn shares(reference: &[u64], current: &[u64], bin: usize) -> Result<Tested> {
    let split = |side: &[u64]| {
        let inside = side.get(bin).copied().unwrap_or(0);
        [inside, side.iter().sum::<u64>() - inside]
    };
    let (before, after) = (split(reference), split(current));
    let share = |[inside, outside]: [u64; 2]| inside as f64 / (inside + outside) as f64;
    let grown = share(after) - share(before);
    let p_value = chi_square::independence(&before, &after)?.p_value;
    Ok(Tested { method: "", statistic: grown, p_value, effect: grown, threshold: 0.0 })
}

/// The counts with the bins that expect too few rows joined into one.
fn joined(reference: &[u64], current: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let (m, n) = (reference.iter().sum::<u64>() as f64, current.iter().sum::<u64>() as f64);
    let smaller = m.min(n) / (m + n);
    let (mut before, mut after, mut rest) = (Vec::new(), Vec::new(), (0, 0));
    for (p, q) in reference.iter().zip(current) {
        if (p + q) as f64 * smaller < LEAST_EXPECTED {
            rest = (rest.0 + p, rest.1 + q);
        } else {
            before.push(*p);
            after.push(*q);
        }
    }
    before.push(rest.0);
    after.push(rest.1);
    (before, after)
}
