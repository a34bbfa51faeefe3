//! What if the threshold moves?

use super::contest::{self, Ask, Contestant};
use super::labels::Truth;
use crate::error::{Failure, Result};
use pgrx::PgSqlErrorCode;
use sira_core::metrics::Ranking;
use sira_core::metrics::sweep::{self, Costs, Cut};

/// Most thresholds that are shown.
const MOST: usize = 100_000;

/// One threshold and what it makes of the rows.
pub struct Tried {
    pub cut: Cut,
    /// The one that costs least.
    pub best: bool,
    /// The one that holds today.
    pub current: bool,
}

/// Thresholds from the highest down: every score that occurs, or of more than `steps` as many, evenly by the rows that
/// they take; with them the one that costs least of all and the one that holds.
pub fn sweep(ask: &Ask<'_>, contestant: Contestant, costs: Option<Costs>, steps: i32) -> Result<Vec<Tried>> {
    let steps = usize::try_from(steps).ok().filter(|steps| (1..=MOST).contains(steps)).ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("a sweep of {steps} steps cannot be shown"),
        )
        .hint(format!("Ask for 1 to {MOST}."))
    })?;
    let contestants = [contestant];
    let (sheet, outcomes) = contest::contest(ask, &contestants)?;
    let [contestant] = &contestants;
    let Some((scored, Truth::Flags(truth))) =
        outcomes.first().map(|outcome| (&outcome.scored, &outcome.scored.truth))
    else {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("model \"{}\" has no threshold", contestant.scorer.model),
        )
        .detail(format!("It is of task {}.", contestant.task()))
        .hint("A threshold parts two classes: name a model of task binary."));
    };
    let ranking = Ranking::of(&scored.answers, truth, sheet.weight.as_deref())?;
    let best = sweep::best(&ranking, costs.as_ref())?;
    let here = contestant.terms.threshold;
    let current = sweep::at(&ranking, here, costs.as_ref())?;
    let is_best = |cut: &Cut| best.as_ref().is_some_and(|best| best.threshold == cut.threshold);
    let total = ranking.positive() + ranking.negative();
    let mut next = 0.0;
    let mut tried: Vec<Tried> = sweep::sweep(&ranking, costs.as_ref())?
        .filter(|cut| {
            // Beyond the next step of rows, or one that must not be missed.
            let taken = cut.confusion.tp + cut.confusion.fp;
            let due = ranking.steps().len() <= steps || taken >= next;
            if due {
                next = taken + total / steps as f64;
            }
            due || is_best(cut) || cut.threshold == here
        })
        .map(|cut| Tried { best: is_best(&cut), current: cut.threshold == here, cut })
        .collect();
    if let Some(cut) = current.filter(|_| !tried.iter().any(|tried| tried.current)) {
        let place = tried.partition_point(|tried| tried.cut.threshold > cut.threshold);
        tried.insert(place, Tried { best: false, current: true, cut });
    }
    Ok(tried)
}
