//! `sira_score` and its kin: one row in, a number out, nothing written.

use crate::call::CallState;
use crate::error::SqlResult;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// The probability of the positive class, or the value. Declared for record, jsonb, json, float8[] and text.
#[pg_extern(sql = false)]
fn sira_score(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<f64> {
    let (scorer, features) = CallState::of(fcinfo)?.features(fcinfo)?;
    Ok(scorer.score(features)?)
}

/// The score before the output transform.
#[pg_extern(sql = false)]
fn sira_raw_score(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<f64> {
    let (scorer, features) = CallState::of(fcinfo)?.features(fcinfo)?;
    Ok(scorer.raw_score(features)?)
}

/// One probability a class, in class order; a binary model gives the negative class, then the positive.
#[pg_extern(sql = false)]
fn sira_score_classes(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Vec<f64>> {
    let (scorer, features) = CallState::of(fcinfo)?.features(fcinfo)?;
    let outputs = scorer.outputs(features)?;
    match (scorer.version.signature.task, outputs.transformed.as_slice()) {
        (sira_core::signature::Task::Binary, [positive]) => Ok(vec![1.0 - positive, *positive]),
        _ => Ok(outputs.transformed),
    }
}
