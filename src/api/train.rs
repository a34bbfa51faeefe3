//! `sira_train`: from a query to a candidate version, inside the caller's transaction.

use crate::catalog::Home;
use crate::error;
use crate::training::ask::Ask;
use crate::training::fit::fit;
use crate::training::prepare::prepare;
use crate::training::run;
use pgrx::JsonB;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::time::Instant;

type Outcome = (Uuid, i32, String, JsonB, i64, i64, i64, f64);

/// Trains on a query's rows and registers a candidate. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_train(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(run_id, Uuid),
            name!(version, i32),
            name!(status, String),
            name!(metrics, JsonB),
            name!(rows_train, i64),
            name!(rows_validation, i64),
            name!(rows_test, i64),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let ask = Ask::of_call(fcinfo, 3)?;
    let outcome = train(Home::of_call(fcinfo)?, &ask)?;
    Ok(TableIterator::new(vec![outcome]))
}

fn train(home: Home, ask: &Ask) -> error::Result<Outcome> {
    let started = Instant::now();
    let mut prepared = prepare(home, ask)?;
    let fitted = fit(home, ask, &mut prepared)?;
    let (run_id, registered) = run::register(home, ask, &prepared, &fitted)?;
    let parts = &prepared.parts;
    let [train, validation, test] =
        [&parts.train, &parts.validation, &parts.test].map(|rows| rows.len() as i64);
    Ok((
        run_id,
        registered.number,
        "candidate".to_owned(),
        JsonB(fitted.metrics),
        train,
        validation,
        test,
        started.elapsed().as_secs_f64(),
    ))
}
