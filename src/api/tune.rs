//! `sira_tune`: parameters tried on folds, and the best of them trained.

use crate::call;
use crate::catalog::Home;
use crate::error::{self, SqlResult};
use crate::training::ask::Ask;
use crate::tuning::study::{self, Plan, Study};
use crate::tuning::work::Work;
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;

type Row = (
    i32,
    Option<i32>,
    JsonB,
    Option<f64>,
    Vec<f64>,
    Vec<i32>,
    f64,
    String,
    Option<String>,
    bool,
    Uuid,
    Option<Uuid>,
    Option<i32>,
);

/// A whole study in one transaction. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_tune(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(trial, i32),
            name!(rung, Option<i32>),
            name!(parameters, JsonB),
            name!(value, Option<f64>),
            name!(fold_values, Vec<f64>),
            name!(rounds, Vec<i32>),
            name!(elapsed_seconds, f64),
            name!(status, String),
            name!(error_message, Option<String>),
            name!(best, bool),
            name!(study_id, Uuid),
            name!(run_id, Option<Uuid>),
            name!(version, Option<i32>),
        ),
    >,
    ErrorReport,
> {
    let home = Home::of_call(fcinfo)?;
    let id = match call::argument::<Uuid>(fcinfo, 20) {
        Some(id) => id,
        None => create(home, fcinfo)?,
    };
    step(home, id, None)?;
    Ok(TableIterator::new(rows(home, id)?))
}

/// A study to be worked on in steps; gives its id.
#[pg_extern(sql = false)]
fn sira_create_study(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Uuid> {
    Ok(create(Home::of_call(fcinfo)?, fcinfo)?)
}

/// Goes on with a study for so many seconds, at least by one trial or by the final training; whether there is more to do.
#[pg_extern(sql = false)]
fn sira_tuning_step(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<bool> {
    let id = call::argument::<Uuid>(fcinfo, 0)
        .ok_or_else(|| call::null_argument("study_id", "Give what sira_create_study gave."))?;
    let slice = call::argument::<f64>(fcinfo, 1);
    Ok(step(Home::of_call(fcinfo)?, id, Some(slice.unwrap_or(0.0)))?)
}

/// The arguments of `sira_tune` and `sira_create_study`: those of `sira_train` with the space and the budget among them.
fn create(home: Home, fcinfo: pg_sys::FunctionCallInfo) -> error::Result<Uuid> {
    let ask = Ask { start_from: None, ..Ask::of_call(fcinfo, 6)? };
    let space = call::json_argument(fcinfo, 3)?.unwrap_or(Value::Null);
    let method = call::text_argument(fcinfo, 18);
    let plan = Plan {
        space,
        method: method.as_deref().unwrap_or("tpe").parse()?,
        folds: call::argument(fcinfo, 19).unwrap_or(3),
        trials: call::argument(fcinfo, 4).unwrap_or(30),
        seconds: call::argument(fcinfo, 5),
    };
    study::create(home, &ask, &plan)
}

/// One call's share of the work. With a slice the final training is a step of its own, so that all trials are kept
/// should it fail.
fn step(home: Home, id: Uuid, slice: Option<f64>) -> error::Result<bool> {
    let study = Study::claim(home, id)?;
    if study.is_done {
        return Ok(false);
    }
    let mut work = Work::begin(home, &study)?;
    let was_spent = work.is_spent();
    work.go_on(slice)?;
    if slice.is_some() && !was_spent {
        return Ok(true);
    }
    work.finish()?;
    Ok(false)
}

fn rows(home: Home, id: Uuid) -> error::Result<Vec<Row>> {
    let (best, run_id, version) = study::outcome(home, id)?;
    let rows = study::trials(home, id)?.into_iter().map(|trial| {
        (
            trial.number,
            trial.rung.map(|(rung, _)| rung),
            JsonB(Value::Object(trial.params)),
            trial.value,
            trial.folds,
            trial.rounds,
            trial.seconds,
            if trial.error.is_none() { "completed" } else { "failed" }.to_owned(),
            trial.error,
            best == Some(trial.number),
            id,
            run_id.filter(|_| best == Some(trial.number)),
            version.filter(|_| best == Some(trial.number)),
        )
    });
    Ok(rows.collect())
}
