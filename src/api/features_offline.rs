//! `sira_historical_features`, `sira_build_training_set` and `sira_lint_training_set`: a set for many entities, each at
//! its moment.

use crate::call;
use crate::catalog::Home;
use crate::error::{self, Failure};
use crate::feature::offline::{self, Questions, Reading, json, lint};
use crate::feature::plan;
use crate::statement::Mode;
use pgrx::JsonB;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

type Row = (Option<String>, TimestampWithTimeZone, JsonB);

/// A row for each row of the entity query, in its order.
#[pg_extern(sql = false)]
fn sira_historical_features(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (name!(entity_id, Option<String>), name!(as_of, TimestampWithTimeZone), name!(features, JsonB)),
    >,
    ErrorReport,
> {
    let hint = "Name a feature set, and give a query of entity_id and as_of.";
    let need =
        |name: &str, at| call::text_argument(fcinfo, at).ok_or_else(|| call::null_argument(name, hint));
    let (set, entities) = (need("set", 0)?, need("entities", 1)?);
    let as_known: Option<bool> = call::argument(fcinfo, 2);
    let rows = rows(Home::of_call(fcinfo)?, &set, &entities, as_known.unwrap_or(true))?;
    Ok(TableIterator::new(rows))
}

fn rows(
    home: Home,
    reference: &str,
    query: &str,
    as_known: bool,
) -> error::Result<impl Iterator<Item = Row> + 'static> {
    plan::with(home, reference, |plan| {
        let reading = Reading { mode: Mode::Read, as_known };
        let set = plan.set.clone();
        let questions = Questions::read(&set, query, reading.mode, |_| Ok(()), |_| Ok(()))?;
        let columns = offline::compute(home, plan, &questions, reading)?;
        Ok((0..questions.len()).filter_map(move |row| {
            let moment = questions.moments.get(row).copied()?;
            let features = json::object(&set.features, &columns, row);
            Some((questions.entity(row), TimestampWithTimeZone::try_from(moment).ok()?, JsonB(features)))
        }))
    })
}

/// Makes a table of the entity query's columns and the set's features; gives the number of its rows.
#[pg_extern(sql = false)]
fn sira_build_training_set(fcinfo: pg_sys::FunctionCallInfo) -> Result<i64, ErrorReport> {
    let hint = "Name a table to make and a feature set, and give a query of entity_id and as_of.";
    let need =
        |name: &str, at| call::text_argument(fcinfo, at).ok_or_else(|| call::null_argument(name, hint));
    let (target, set, entities) = (need("target", 0)?, need("set", 1)?, need("entities", 2)?);
    let as_known: Option<bool> = call::argument(fcinfo, 3);
    let home = Home::of_call(fcinfo)?;
    offline::table::build(home, &target, &set, &entities, as_known.unwrap_or(true))
        .map_err(|failure: Failure| failure.into())
}

/// A row for each value of a training set that could not be known at its row's moment.
#[pg_extern(sql = false)]
fn sira_lint_training_set(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(row_number, i64),
            name!(entity_id, Option<String>),
            name!(as_of, Option<TimestampWithTimeZone>),
            name!(feature, String),
            name!(found, Option<String>),
            name!(expected, Option<String>),
            name!(finding, String),
        ),
    >,
    ErrorReport,
> {
    let hint = "Name a feature set and a table.";
    let need =
        |name: &str, at| call::text_argument(fcinfo, at).ok_or_else(|| call::null_argument(name, hint));
    let (set, target) = (need("set", 0)?, need("target", 1)?);
    let findings = lint::lint(Home::of_call(fcinfo)?, &set, &target)?;
    Ok(TableIterator::new(findings.into_iter().map(|finding| {
        (
            finding.row,
            finding.entity,
            TimestampWithTimeZone::try_from(finding.moment).ok(),
            finding.feature,
            finding.found,
            finding.expected,
            finding.reason.to_owned(),
        )
    })))
}
