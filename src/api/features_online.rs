//! `sira_get_features` and `sira_feature_vector`: a set for one entity, now or at a past moment.

use crate::call;
use crate::catalog::Home;
use crate::error::{self, Failure};
use crate::feature::online::{self, Request, Value};
use crate::feature::plan::{self, Plan};
use crate::feature::row::{Columns, Content};
use crate::statement::Mode;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{JsonB, PgSqlErrorCode};
use serde_json::Value as Json;

type Row = (String, Option<f64>, Option<String>, String, Option<TimestampWithTimeZone>);

#[pg_extern(sql = false)]
fn sira_get_features(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(feature, String),
            name!(value, Option<f64>),
            name!(value_text, Option<String>),
            name!(status, String),
            name!(sampled_at, Option<TimestampWithTimeZone>),
        ),
    >,
    ErrorReport,
> {
    let rows = computed(fcinfo, |plan, values| {
        plan.set
            .features
            .iter()
            .zip(values)
            .map(|(feature, value)| row(&feature.name, value))
            .collect::<Vec<_>>()
    })?;
    Ok(TableIterator::new(rows))
}

#[pg_extern(sql = false)]
fn sira_feature_vector(fcinfo: pg_sys::FunctionCallInfo) -> error::SqlResult<JsonB> {
    Ok(computed(fcinfo, |plan, values| JsonB(online::to_json(&plan.set.features, &values)))?)
}

/// Computes what the arguments ask for: set, entity_id, as_of, keys, as_known.
fn computed<T>(
    fcinfo: pg_sys::FunctionCallInfo,
    give: impl FnOnce(&Plan, Vec<Value>) -> T,
) -> error::Result<T> {
    let home = Home::of_call(fcinfo)?;
    let set = call::text_argument(fcinfo, 0)
        .ok_or_else(|| call::null_argument("set", "Name a feature set: sira_get_features('cards', …)."))?;
    let entity_id = call::text_argument(fcinfo, 1);
    let as_of = call::argument::<TimestampWithTimeZone>(fcinfo, 2)
        .map(TimestampWithTimeZone::into_inner)
        // SAFETY: reads a variable of the backend.
        .unwrap_or_else(|| unsafe { pg_sys::GetCurrentTransactionStartTimestamp() });
    let keys = call::json_argument(fcinfo, 3)?;
    let columns = match &keys {
        None | Some(Json::Null) => Columns::None,
        Some(Json::Object(object)) => Columns::Json(object),
        Some(_) => {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "keys are not a JSON object",
            )
            .hint(r#"Give the columns of the row at hand: {"terminal_id": 7, "amount": 120}."#));
        }
    };
    let request = Request {
        entity_id: entity_id.as_deref(),
        as_of,
        as_known: call::argument(fcinfo, 4).unwrap_or(true),
        columns,
        new_row: None,
        mode: Mode::Read,
    };
    plan::with(home, &set, |plan| {
        let values = online::compute(home, plan, &request)?;
        Ok(give(plan, values))
    })
}

fn row(name: &str, value: Value) -> Row {
    let (number, text) = match value.content {
        Content::Null => (None, None),
        Content::Number(number) => (Some(number), None),
        Content::Text(text) => (None, Some(text)),
    };
    let sampled_at = value.sampled_at.and_then(|micros| TimestampWithTimeZone::try_from(micros).ok());
    (name.to_owned(), number, text, value.status.name().to_owned(), sampled_at)
}
