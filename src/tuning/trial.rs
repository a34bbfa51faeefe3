//! One trial: parameters, trained and judged on each fold.

use crate::error::Result;
use crate::training::ask::Ask;
use crate::training::fit::trees;
use crate::training::prepare::{Prepared, extent, within_memory};
use crate::worker::progress::Place;
use serde_json::{Map, Value};
use sira_core::split::{self, Fold};
use sira_core::{Error, ErrorKind};
use sira_train::{Params, Rows, ValidParams};
use std::time::Instant;

/// What came of a trial.
pub struct Trial {
    pub number: i32,
    /// The rung and the rounds it allows, of a study by halving.
    pub rung: Option<(i32, i32)>,
    pub params: Map<String, Value>,
    /// The metric on each fold, at its best round, and that round.
    pub folds: Vec<f64>,
    pub rounds: Vec<i32>,
    pub value: Option<f64>,
    pub error: Option<String>,
    pub seconds: f64,
}

/// What is tried next.
#[derive(Clone, PartialEq)]
pub struct Next {
    pub params: Map<String, Value>,
    pub rung: Option<(i32, i32)>,
}

/// Rows of the table, fold by fold. The test part is in none.
pub fn folds(prepared: &Prepared, count: usize, seed: u64) -> Result<Vec<Fold>> {
    let split = &prepared.split;
    let mut places: Vec<u32> = split.train.iter().chain(&split.validation).copied().collect();
    places.sort_unstable();
    let rows = prepared.data.rows(&places);
    let folds = match prepared.data.times.as_deref().filter(|_| prepared.by_time) {
        Some(times) => {
            let times: Vec<i64> =
                places.iter().map(|place| times.get(*place as usize).copied().unwrap_or_default()).collect();
            split::expanding(&times, count, prepared.embargo)?
        }
        None => split::dealt(rows.len(), count, seed)?,
    };
    let named = |part: Vec<u32>| part.iter().filter_map(|at| rows.get(*at as usize).copied()).collect();
    Ok(folds
        .into_iter()
        .map(|fold| Fold { train: named(fold.train), validation: named(fold.validation) })
        .collect())
}

/// The parameters of a trial on top of what the study fixes.
pub fn merged(ask: &Ask, params: &Map<String, Value>) -> Value {
    let mut all = ask.params.as_object().cloned().unwrap_or_default();
    all.extend(params.clone());
    Value::Object(all)
}

/// Tries parameters. What the library refuses of them is said in the trial; only a cancel ends the study.
pub fn run(ask: &Ask, prepared: &Prepared, folds: &[Fold], number: i32, next: Next) -> Trial {
    let started = Instant::now();
    let Next { params, rung } = next;
    let mut trial =
        Trial { number, rung, params, folds: vec![], rounds: vec![], value: None, error: None, seconds: 0.0 };
    let tried = valid(ask, prepared, &trial.params).and_then(|params| {
        let params = match rung.and_then(|(_, rounds)| usize::try_from(rounds).ok()) {
            Some(rounds) => params.within(rounds),
            None => params,
        };
        for (fold, at) in folds.iter().zip(1..) {
            let (value, round) = judge(ask, prepared, &params, fold, Place { trial: number, fold: at })?;
            trial.folds.push(value);
            trial.rounds.push(round);
        }
        Ok(())
    });
    match tried {
        Ok(()) => trial.value = Some(trial.folds.iter().sum::<f64>() / trial.folds.len().max(1) as f64),
        Err(error) => trial.error = Some(error.to_string()),
    }
    trial.seconds = started.elapsed().as_secs_f64();
    trial
}

/// The parameters that a trial trains with.
pub fn valid(ask: &Ask, prepared: &Prepared, params: &Map<String, Value>) -> sira_core::Result<ValidParams> {
    let classes = prepared.data.signature.classes.len();
    let params = Params::from_json(prepared.own.task, classes, &merged(ask, params))?.validate()?;
    within_memory(&params, &extent(&prepared.data, 0))
        .map_err(|failure| Error::new(ErrorKind::OutOfBudget, failure.message()))?;
    Ok(params)
}

fn judge(
    ask: &Ask,
    prepared: &Prepared,
    params: &ValidParams,
    fold: &Fold,
    place: Place,
) -> sira_core::Result<(f64, i32)> {
    let rows = Rows { train: &fold.train, validation: &fold.validation };
    let trained = trees(prepared, params, ask.seed_bits(), rows, Some(place))?;
    let best = trained.best_round.checked_sub(1).and_then(|at| trained.history.get(at));
    let value = best.and_then(|round| round.validation).filter(|value| value.is_finite());
    let value =
        value.ok_or_else(|| Error::new(ErrorKind::NotEnoughData, "the metric is no number on a fold"))?;
    Ok((value, i32::try_from(trained.best_round).unwrap_or(i32::MAX)))
}
