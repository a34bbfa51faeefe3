//! `sira_predict` and `sira_predict_batch`: a score, a decision and an audit row, in one transaction.

use crate::audit::{self, Answer, Entity};
use crate::call::{self, FeatureReader, Shape};
use crate::catalog::Home;
use crate::error::{self, Failure};
use crate::feature::serving;
use crate::features::{self, Features};
use crate::prediction::{self, Request};
use crate::relation;
use crate::snapshots;
use crate::version::{self, Resolved, Version};
use pgrx::JsonB;
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::cell::Cell;

type Predicted = (
    Option<Uuid>,
    Option<f64>,
    Option<String>,
    Option<f64>,
    Option<String>,
    Option<JsonB>,
    String,
    Option<i32>,
    Option<String>,
    i32,
);

/// One prediction. Features NULL means the entity's newest snapshot at `as_of`.
#[pg_extern(sql = false)]
fn sira_predict(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(prediction_id, Option<Uuid>),
            name!(score, Option<f64>),
            name!(predicted_class, Option<String>),
            name!(confidence, Option<f64>),
            name!(decision, Option<String>),
            name!(reasons, Option<JsonB>),
            name!(model, String),
            name!(version, Option<i32>),
            name!(variant, Option<String>),
            name!(latency_us, i32),
        ),
    >,
    ErrorReport,
> {
    let home = Home::of_call(fcinfo)?;
    let [model, entity_type, entity_id, request_id] =
        [0, 1, 2, 6].map(|position| call::text_argument(fcinfo, position));
    let request = Request {
        entity: Entity {
            kind: need("entity_type", entity_type.as_deref())?,
            id: need("entity_id", entity_id.as_deref())?,
        },
        as_of: Cell::new(as_of(fcinfo, 4)),
        explain: reasons_wanted(call::argument(fcinfo, 5))?,
        request_id: request_id.as_deref(),
        context: context(fcinfo, 7),
    };
    let features = call::datum_argument(fcinfo, 3);
    let answer = one(home, need("model", model.as_deref())?, &request, features)?;
    Ok(TableIterator::new(vec![row(answer)]))
}

/// Many predictions with one model, a row each, in the order of `entity_ids`.
#[pg_extern(sql = false)]
fn sira_predict_batch(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(prediction_id, Option<Uuid>),
            name!(score, Option<f64>),
            name!(predicted_class, Option<String>),
            name!(confidence, Option<f64>),
            name!(decision, Option<String>),
            name!(reasons, Option<JsonB>),
            name!(model, String),
            name!(version, Option<i32>),
            name!(variant, Option<String>),
            name!(latency_us, i32),
        ),
    >,
    ErrorReport,
> {
    let home = Home::of_call(fcinfo)?;
    let [model, entity_type] = [0, 1].map(|position| call::text_argument(fcinfo, position));
    let (model, entity_type) =
        (need("model", model.as_deref())?, need("entity_type", entity_type.as_deref())?);
    let ids: Vec<Option<String>> = call::argument(fcinfo, 2)
        .ok_or_else(|| call::null_argument("entity_ids", "Give an array of ids."))?;
    // SAFETY: the argument is a jsonb[]; its elements are jsonb.
    let features = call::datum_argument(fcinfo, 3).map(|datum| unsafe { relation::elements(datum) });
    if let Some(features) = features.as_ref().filter(|features| features.len() != ids.len()) {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_ARRAY_ELEMENT_ERROR,
            "entity_ids and features differ in length",
        )
        .detail(format!("There are {} ids and {} features.", ids.len(), features.len()))
        .into());
    }
    let features = features.unwrap_or_default();
    let (as_of, explain) = (as_of(fcinfo, 4), reasons_wanted(call::argument(fcinfo, 5))?);
    let context = context(fcinfo, 6);
    let requests = ids
        .iter()
        .map(|id| {
            Ok(Request {
                entity: Entity { kind: entity_type, id: need("entity_ids", id.as_deref())? },
                as_of: Cell::new(as_of),
                explain,
                request_id: None,
                context: context.clone(),
            })
        })
        .collect::<error::Result<Vec<_>>>()?;
    if requests.is_empty() {
        return Ok(TableIterator::new(Vec::new()));
    }
    let resolved = version::resolve(home, model)?;
    let answers = prediction::predict_all(home, &resolved, &requests, |place, request, version| {
        read(home, &resolved, request, features.get(place).copied().flatten(), version)
    })?;
    Ok(TableIterator::new(answers.into_iter().map(row).collect::<Vec<_>>()))
}

/// Predicts for one entity.
fn one(
    home: Home,
    model: &str,
    request: &Request<'_>,
    features: Option<pg_sys::Datum>,
) -> error::Result<Answer> {
    let resolved = version::resolve(home, model)?;
    prediction::predict(home, &resolved, request, |version| read(home, &resolved, request, features, version))
}

/// An entity's features: `features` is a jsonb, or none: then a model that was trained on a feature set gets that set
/// computed, and any other the entity's newest snapshot.
fn read(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    features: Option<pg_sys::Datum>,
    version: &Version,
) -> error::Result<Features> {
    match (features, serving::pinned(home, &resolved.tenant, version.id)?) {
        (given, Some(set)) => {
            // SAFETY: the SQL declarations make it a jsonb.
            let given = given.map(|json| features::parse_json(&unsafe { call::json_text(json) }));
            let (signature, entity) = (&version.signature, &request.entity);
            serving::features(home, &set, signature, entity, request.as_of.get(), given.transpose()?)
        }
        (Some(json), None) => {
            let mut features = Features::default();
            // SAFETY: the SQL declarations make it a jsonb.
            unsafe { FeatureReader::new(Shape::Jsonb).read(version, json, &mut features) }?;
            Ok(features)
        }
        (None, None) => from_snapshot(home, &version.signature, request),
    }
}

/// The context as it was given: nothing of it is computed with, so nothing is rounded.
fn context(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<String> {
    // SAFETY: the SQL declarations make it a jsonb.
    call::datum_argument(fcinfo, position).map(|datum| unsafe { call::json_text(datum) })
}

fn as_of(fcinfo: pg_sys::FunctionCallInfo, position: usize) -> Option<i64> {
    call::argument::<TimestampWithTimeZone>(fcinfo, position).map(TimestampWithTimeZone::into_inner)
}

fn from_snapshot(
    home: Home,
    signature: &sira_core::signature::Signature,
    request: &Request<'_>,
) -> error::Result<Features> {
    match snapshots::newest(home, &request.entity, request.as_of.get())? {
        Some(json) => features::from_json(signature, &features::parse_json(&json)?),
        None => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
            format!("{} \"{}\" has no feature snapshot", request.entity.kind, request.entity.id),
        )
        .hint("Give the features, or write a row to sira_feature_snapshots.")),
    }
}

fn need<'a>(name: &str, value: Option<&'a str>) -> error::Result<&'a str> {
    value.ok_or_else(|| call::null_argument(name, "Every prediction names its model and its entity."))
}

fn reasons_wanted(explain: Option<i32>) -> error::Result<usize> {
    usize::try_from(explain.unwrap_or(0)).map_err(|_| {
        Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "\"explain\" is negative")
            .detail(format!("It is {}.", explain.unwrap_or(0)))
            .hint("Give the number of reasons that you want; 0 is none.")
    })
}

fn row(answer: Answer) -> Predicted {
    (
        answer.id,
        answer.score,
        answer.class,
        answer.confidence,
        answer.decision,
        answer.reasons.map(JsonB),
        answer.model,
        answer.version,
        answer.variant,
        audit::latency(answer.latency),
    )
}
