//! `sira_evaluate`, `sira_compare_versions` and `sira_threshold_sweep`: how good versions are on the rows of a query.

use crate::call;
use crate::catalog::Home;
use crate::error::{self, Failure};
use crate::evaluation::compare::{self, Compared};
use crate::evaluation::contest::{self, Ask, Contestant};
use crate::evaluation::measure::{self, numbers};
use crate::evaluation::sheet::Roles;
use crate::evaluation::thresholds::{self, Tried};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value;
use sira_core::metrics::bootstrap::{Bootstrap, Interval, MOST_RESAMPLES};

type Measured = (String, Option<f64>, Option<f64>, Option<f64>);

/// An argument that must not be NULL.
fn need(fcinfo: pg_sys::FunctionCallInfo, name: &str, position: usize) -> error::Result<String> {
    call::text_argument(fcinfo, position)
        .ok_or_else(|| call::null_argument(name, "Name a model, a query and its label."))
}

/// How to resample, from three arguments in a row; none where no resamples are asked for.
fn bootstrap(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> error::Result<Option<Bootstrap>> {
    let standard = Bootstrap::default();
    let resamples: i32 = call::argument(fcinfo, position).unwrap_or(0);
    let seed: Option<i64> = call::argument(fcinfo, position + 2);
    match usize::try_from(resamples) {
        // Before the rows are read.
        Ok(many) if many > MOST_RESAMPLES => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("argument \"resamples\" is above {MOST_RESAMPLES}"),
        )
        .detail(format!("It is {many}."))
        .hint("Ask for 1000, or for 10000 where the third digit matters.")),
        Ok(0) => Ok(None),
        Ok(resamples) => Ok(Some(Bootstrap {
            resamples,
            level: call::argument(fcinfo, position + 1).unwrap_or(standard.level),
            seed: seed.map_or(standard.seed, |seed| u64::from_ne_bytes(seed.to_ne_bytes())),
            stratified: false,
        })),
        Err(_) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("{resamples} resamples cannot be drawn"),
        )
        .hint("Ask for 1000, or for 0 to have no intervals.")),
    }
}

/// Evaluates a version on a query's rows. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_evaluate(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (name!(metric, String), name!(value, Option<f64>), name!(low, Option<f64>), name!(high, Option<f64>)),
    >,
    ErrorReport,
> {
    let (model, query, label) =
        (need(fcinfo, "model", 0)?, need(fcinfo, "query", 1)?, need(fcinfo, "label", 2)?);
    let (weight, purpose) = (call::text_argument(fcinfo, 3), call::text_argument(fcinfo, 11));
    let slices: Option<Vec<Option<String>>> = call::argument(fcinfo, 6);
    let slices: Vec<String> = slices.unwrap_or_default().into_iter().flatten().collect();
    let ask = Ask {
        query: &query,
        roles: Roles { label: &label, weight: weight.as_deref(), slices: &slices },
        purpose: allowed(purpose.as_deref())?,
    };
    let home = Home::of_call(fcinfo)?;
    let contestant = Contestant::of(home, &model, call::argument(fcinfo, 4), call::argument(fcinfo, 5))?;
    let how = bootstrap(fcinfo, 7)?;
    let record = call::argument(fcinfo, 10).unwrap_or(true);
    Ok(TableIterator::new(evaluate(home, &ask, contestant, how.as_ref(), record)?))
}

fn evaluate(
    home: Home,
    ask: &Ask<'_>,
    contestant: Contestant,
    how: Option<&Bootstrap>,
    record: bool,
) -> error::Result<Vec<Measured>> {
    let contestants = [contestant];
    let (sheet, outcomes) = contest::contest(ask, &contestants)?;
    let [contestant] = &contestants;
    let Some(outcome) = outcomes.first() else { return Ok(Vec::new()) };
    let weights = sheet.weight.as_deref();
    let slices = contest::slices(&sheet, &outcome.scored, &contestant.terms)?;
    let intervals = match how {
        Some(how) => outcome.scored.intervals(weights, &contestant.terms, how)?,
        None => Vec::new(),
    };
    if record {
        let stored = how.map(|how| measure::stored(&intervals, how)).transpose()?;
        contest::record(home, ask, contestant, &sheet, &outcome.metrics, stored.as_ref(), Some(&slices))?;
    }
    let interval = |name: &str| intervals.iter().find(|interval| interval.metric == name);
    let mut measured: Vec<Measured> = numbers(&outcome.metrics)
        .into_iter()
        .map(|(name, value)| {
            let bound = |side: fn(&Interval) -> Option<f64>| interval(name).and_then(side);
            (name.to_owned(), value, bound(|interval| interval.low), bound(|interval| interval.high))
        })
        .collect();
    for (column, by_value) in &slices {
        for (value, metrics) in by_value.as_object().into_iter().flatten() {
            let Value::Object(metrics) = metrics else { continue };
            measured.extend(
                numbers(metrics)
                    .into_iter()
                    .map(|(name, number)| (format!("{name}[{column}={value}]"), number, None, None)),
            );
        }
    }
    Ok(measured)
}

/// Purposes that a caller may give: the others say which function wrote the row.
fn allowed(purpose: Option<&str>) -> error::Result<&str> {
    match purpose.unwrap_or("holdout") {
        purpose @ ("holdout" | "retraining" | "production") => Ok(purpose),
        other => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("purpose \"{other}\" is not one of an evaluation"),
        )
        .hint("Choose one of holdout, retraining, production.")),
    }
}

/// Compares two versions on the same rows. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_compare_versions(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(metric, String),
            name!(value_a, Option<f64>),
            name!(value_b, Option<f64>),
            name!(difference, Option<f64>),
            name!(low, Option<f64>),
            name!(high, Option<f64>),
            name!(better, Option<String>),
            name!(winner, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let (a, b) = (need(fcinfo, "a", 0)?, need(fcinfo, "b", 1)?);
    let (query, label) = (need(fcinfo, "query", 2)?, need(fcinfo, "label", 3)?);
    let weight = call::text_argument(fcinfo, 4);
    let ask = Ask {
        query: &query,
        roles: Roles { label: &label, weight: weight.as_deref(), slices: &[] },
        purpose: "comparison",
    };
    let home = Home::of_call(fcinfo)?;
    let contestant =
        |model: &str| Contestant::of(home, model, call::argument(fcinfo, 5), call::argument(fcinfo, 6));
    let contestants = [contestant(&a)?, contestant(&b)?];
    let how = bootstrap(fcinfo, 7)?;
    let record = call::argument(fcinfo, 10).unwrap_or(true);
    let compared = compare::compare(home, &ask, &contestants, how.as_ref(), record)?;
    Ok(TableIterator::new(compared.into_iter().map(
        |Compared { metric, values: [a, b], difference, interval: [low, high], better, winner }| {
            (metric, a, b, difference, low, high, better, winner)
        },
    )))
}

/// What other thresholds would make of a query's rows. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_threshold_sweep(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(threshold, f64),
            name!(tp, f64),
            name!(fp, f64),
            name!(tn, f64),
            name!(fn_, f64),
            name!(precision, Option<f64>),
            name!(recall, Option<f64>),
            name!(f1, Option<f64>),
            name!(fpr, Option<f64>),
            name!(cost, f64),
            name!(best, bool),
            name!(current, bool),
        ),
    >,
    ErrorReport,
> {
    let (model, query, label) =
        (need(fcinfo, "model", 0)?, need(fcinfo, "query", 1)?, need(fcinfo, "label", 2)?);
    let matrix = call::json_argument(fcinfo, 3)?;
    let weight = call::text_argument(fcinfo, 4);
    let steps: i32 = call::argument(fcinfo, 5).unwrap_or(100);
    let ask = Ask {
        query: &query,
        roles: Roles { label: &label, weight: weight.as_deref(), slices: &[] },
        purpose: "holdout",
    };
    let contestant = Contestant::of(Home::of_call(fcinfo)?, &model, None, None)?;
    let costs = matrix.as_ref().map(contest::costs).transpose()?.or(contestant.terms.costs);
    let tried = thresholds::sweep(&ask, contestant, costs, steps)?;
    Ok(TableIterator::new(tried.into_iter().map(|Tried { cut, best, current }| {
        let counts = cut.confusion;
        (
            cut.threshold,
            counts.tp,
            counts.fp,
            counts.tn,
            counts.fn_,
            cut.precision,
            cut.recall,
            cut.f1,
            cut.fpr,
            cut.cost,
            best,
            current,
        )
    })))
}
