//! `sira_score` and its kin: one row in, a number out, nothing written.

use crate::call::CallState;
use crate::error::SqlResult;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// The probability of the positive class, or the value. Declared for record, jsonb, json, float8[] and text.
#[pg_extern(sql = false)]
fn sira_score(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<f64> {
    let state = CallState::of(fcinfo)?;
    let began = state.tally.begin();
    let (scorer, features) = state.features(fcinfo)?;
    let score = scorer.score(features)?;
    state.tally.end(began, Some(score));
    Ok(score)
}

/// The score before the output transform.
#[pg_extern(sql = false)]
fn sira_raw_score(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<f64> {
    let state = CallState::of(fcinfo)?;
    let began = state.tally.begin();
    let (scorer, features) = state.features(fcinfo)?;
    let score = scorer.raw_score(features)?;
    // Before the output transform it is no probability.
    state.tally.end(began, None);
    Ok(score)
}

/// One probability a class, in class order; a binary model gives the negative class, then the positive.
#[pg_extern(sql = false)]
fn sira_score_classes(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Vec<f64>> {
    let state = CallState::of(fcinfo)?;
    let began = state.tally.begin();
    let (scorer, features) = state.features(fcinfo)?;
    let outputs = scorer.outputs(features)?;
    let task = scorer.version.signature.task;
    // The score of a prediction: the positive class's probability, or the largest.
    state.tally.end(began, outputs.transformed.iter().copied().reduce(f64::max));
    match (task, outputs.transformed.as_slice()) {
        (sira_core::signature::Task::Binary, [positive]) => Ok(vec![1.0 - positive, *positive]),
        _ => Ok(outputs.transformed),
    }
}
