//! Every threshold that tells rows apart, what it makes of them, and which one costs least.

use serde::{Deserialize, Serialize};

use super::decision::Confusion;
use super::ranking::Ranking;
use crate::{Error, ErrorKind, Result};

/// What each outcome of a decision costs; a gain is a negative cost. What is not named costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    pub tp: f64,
    pub fp: f64,
    pub tn: f64,
    #[serde(rename = "fn")]
    pub fn_: f64,
}

impl Costs {
    /// What a row costs on average.
    fn of(&self, confusion: &Confusion) -> f64 {
        let Confusion { tp, fp, tn, fn_ } = confusion;
        (self.tp * tp + self.fp * fp + self.tn * tn + self.fn_ * fn_) / confusion.total()
    }

    fn check(&self) -> Result<()> {
        let all = [self.tp, self.fp, self.tn, self.fn_];
        if all.iter().all(|cost| cost.is_finite()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidParameter, "cost is not a finite number")
            .with_detail(format!("Costs of tp, fp, tn and fn: {all:?}."))
            .with_hint(r#"Write the matrix as {"fp": 1, "fn": 20}."#))
    }
}

/// A threshold and what it makes of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cut {
    /// Positive from here on.
    pub threshold: f64,
    pub confusion: Confusion,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
    pub fpr: Option<f64>,
    /// What a row costs on average.
    pub cost: f64,
}

impl Cut {
    fn new(threshold: f64, hits: f64, alarms: f64, ranking: &Ranking, costs: &Costs) -> Self {
        // Sums in another order may differ in the last bit: no count is negative.
        let left = |all: f64, called: f64| (all - called).max(0.0);
        let confusion = Confusion {
            tp: hits,
            fp: alarms,
            tn: left(ranking.negative(), alarms),
            fn_: left(ranking.positive(), hits),
        };
        Self {
            threshold,
            confusion,
            precision: confusion.precision(),
            recall: confusion.recall(),
            f1: confusion.f1(),
            fpr: confusion.fpr(),
            cost: costs.of(&confusion),
        }
    }
}

/// All thresholds from the highest down: first the one next above every score, at which nothing is positive, then each
/// score that occurs. Without costs a false answer costs 1, so that the cost is the share of errors.
pub fn sweep<'a>(ranking: &'a Ranking, costs: Option<&Costs>) -> Result<impl Iterator<Item = Cut> + 'a> {
    let costs = costs.copied().unwrap_or(Costs { fp: 1.0, fn_: 1.0, ..Costs::default() });
    costs.check()?;
    let nothing = ranking.steps().first().map(|step| (step.score.next_up(), 0.0, 0.0));
    let called = ranking.steps().iter().scan((0.0, 0.0), |(hits, alarms), step| {
        *hits += step.positive;
        *alarms += step.negative;
        Some((step.score, *hits, *alarms))
    });
    let cuts = nothing.into_iter().chain(called);
    Ok(cuts.map(move |(threshold, hits, alarms)| Cut::new(threshold, hits, alarms, ranking, &costs)))
}

/// The threshold of the lowest cost; of several the highest, which acts on the fewest rows.
pub fn best(ranking: &Ranking, costs: Option<&Costs>) -> Result<Option<Cut>> {
    Ok(sweep(ranking, costs)?.reduce(|best, cut| if cut.cost < best.cost { cut } else { best }))
}

/// What one threshold makes of the rows, with its cost.
pub fn at(ranking: &Ranking, threshold: f64, costs: Option<&Costs>) -> Result<Option<Cut>> {
    // The last score from the threshold on decides as the threshold itself does.
    Ok(sweep(ranking, costs)?
        .enumerate()
        .take_while(|(at, cut)| *at == 0 || cut.threshold >= threshold)
        .last()
        .map(|(_, cut)| Cut { threshold, ..cut }))
}
