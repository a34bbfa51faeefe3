//! Two versions on the same rows: metric by metric, with an interval for the difference.
//!
//! The interval comes from one set of resampled rows on which both are measured: what a resample does to the one it does
//! to the other, and versions that differ little are told apart with far fewer rows than two intervals side by side
//! would need.

use super::contest::{self, Ask, Contestant, Outcome};
use super::labels::Truth;
use super::measure::{Metrics, higher_is_better, numbers};
use super::sheet::Sheet;
use crate::catalog::Home;
use crate::error::{Failure, Result};
use pgrx::PgSqlErrorCode;
use sira_core::metrics::bootstrap::{Bootstrap, Interval, paired};

/// One metric of both.
pub struct Compared {
    pub metric: String,
    pub values: [Option<f64>; 2],
    /// The second's less the first's.
    pub difference: Option<f64>,
    pub interval: [Option<f64>; 2],
    /// Which one has the better value, however little that may mean.
    pub better: Option<String>,
    /// The same where the interval of the difference leaves 0 out.
    pub winner: Option<String>,
}

/// Measures both on the rows of one query, writes both down under one digest, and compares.
pub fn compare(
    home: Home,
    ask: &Ask<'_>,
    contestants: &[Contestant; 2],
    how: Option<&Bootstrap>,
    record: bool,
) -> Result<Vec<Compared>> {
    let [a, b] = contestants;
    if a.task() != b.task() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "versions of different tasks cannot be compared",
        )
        .detail(format!("{} is of task {}, {} of task {}.", a.reference(), a.task(), b.reference(), b.task()))
        .hint("Compare versions that answer the same question."));
    }
    let (sheet, outcomes) = contest::contest(ask, contestants)?;
    let [first, second] = outcomes.as_slice() else {
        return Err(Failure::internal("a comparison has not measured two versions"));
    };
    let intervals = match how {
        Some(how) => differences(&sheet, contestants, first, second, how)?,
        None => Vec::new(),
    };
    if record {
        for (contestant, outcome) in contestants.iter().zip(&outcomes) {
            contest::record(home, ask, contestant, &sheet, &outcome.metrics, None, None)?;
        }
    }
    let names = [a.reference(), b.reference()];
    Ok(compared(&first.metrics, &second.metrics, &intervals, &names))
}

fn compared(
    a: &Metrics,
    b: &Metrics,
    intervals: &[Interval],
    [first, second]: &[String; 2],
) -> Vec<Compared> {
    let others = numbers(b);
    numbers(a)
        .into_iter()
        .filter_map(|(metric, value)| {
            let higher = higher_is_better(metric)?;
            let other = others.iter().find(|(name, _)| *name == metric).and_then(|(_, value)| *value);
            let difference = value.zip(other).map(|(a, b)| b - a);
            let found = intervals.iter().find(|interval| interval.metric == metric);
            let interval = found.map_or([None, None], |interval| [interval.low, interval.high]);
            let better = difference
                .filter(|difference| *difference != 0.0)
                .map(|difference| if (difference > 0.0) == higher { second.clone() } else { first.clone() });
            let apart = match interval {
                [Some(low), Some(high)] => low > 0.0 || high < 0.0,
                _ => false,
            };
            Some(Compared {
                metric: metric.to_owned(),
                values: [value, other],
                difference,
                interval,
                winner: better.clone().filter(|_| apart),
                better,
            })
        })
        .collect()
}

/// The intervals of the differences.
fn differences(
    sheet: &Sheet,
    [a, b]: &[Contestant; 2],
    first: &Outcome,
    second: &Outcome,
    how: &Bootstrap,
) -> Result<Vec<Interval>> {
    let weights = sheet.weight.as_deref();
    let progress: &mut dyn FnMut(usize) -> sira_core::Result<()> = &mut |_| {
        pgrx::check_for_interrupts!();
        Ok(())
    };
    let (one, other) = (&first.scored, &second.scored);
    Ok(match (&one.truth, &other.truth) {
        (Truth::Flags(one_truth), Truth::Flags(other_truth)) => paired::flags(
            paired::Flags { scores: &one.answers, labels: one_truth, threshold: a.terms.threshold },
            paired::Flags { scores: &other.answers, labels: other_truth, threshold: b.terms.threshold },
            weights,
            how,
            progress,
        )?,
        (Truth::Classes(one_truth), Truth::Classes(other_truth)) => paired::classes(
            paired::Classes { probabilities: &one.answers, k: one.width, labels: one_truth },
            paired::Classes { probabilities: &other.answers, k: other.width, labels: other_truth },
            weights,
            how,
            progress,
        )?,
        (Truth::Numbers(truth), Truth::Numbers(_)) => {
            paired::numbers([&one.answers, &other.answers], truth, weights, how, progress)?
        }
        _ => return Err(Failure::internal("versions of one task have labels of two kinds")),
    })
}
