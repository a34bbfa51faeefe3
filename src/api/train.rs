//! `sira_train`: from a query to a candidate version, inside the caller's transaction.

use crate::api::ids;
use crate::call;
use crate::card;
use crate::catalog::Home;
use crate::columns::{self, Extent};
use crate::drift;
use crate::error::{self, Failure};
use crate::evaluation::champion;
use crate::feature::offline::{questions, training};
use crate::guc;
use crate::registration::{self, NewVersion};
use crate::training::dataset::{Dataset, Roles};
use crate::training::evaluation::evaluate;
use crate::training::plan::SplitPlan;
use crate::training::run::Run;
use crate::version;
use crate::worker::progress;
use pgrx::JsonB;
use pgrx::datum::{Interval, Uuid};
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::{Value, json};
use sira_core::ensemble::{codec, lightgbm};
use sira_core::policy::DEFAULT_THRESHOLD;
use sira_core::split::Split;
use sira_core::{Error, ErrorKind};
use sira_train::{Params, Rows, Trained, ValidParams};
use std::ops::ControlFlow;
use std::time::Instant;

/// The seed where the caller gives NULL, as the SQL declaration's default.
const DEFAULT_SEED: i64 = 42;

type Outcome = (Uuid, i32, String, JsonB, i64, i64, i64, f64);

/// What the caller asks, as SQL passes it.
struct Ask<'a> {
    model: &'a str,
    query: &'a str,
    roles: Roles<'a>,
    params: Value,
    split: Value,
    embargo: Interval,
    seed: i64,
    feature_set: Option<&'a str>,
    notes: Option<&'a str>,
}

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
    let text = |position| call::text_argument(fcinfo, position);
    let need = |name: &str, position| {
        text(position).ok_or_else(|| call::null_argument(name, "Name a model, a query and its label."))
    };
    let exclude: Option<Vec<Option<String>>> = call::argument(fcinfo, 5);
    let exclude: Vec<String> = exclude.unwrap_or_default().into_iter().flatten().collect();
    let (model, query, label) = (need("model", 0)?, need("query", 1)?, need("label", 2)?);
    let (weight, group, positive) = (text(4), text(6), text(7));
    let (feature_set, notes) = (text(12), text(13));
    // A set's rows have a time: that of their features.
    let time = text(3).or_else(|| feature_set.as_ref().map(|_| questions::MOMENT.to_owned()));
    let ask = Ask {
        model: &model,
        query: &query,
        roles: Roles {
            label: &label,
            time: time.as_deref(),
            weight: weight.as_deref(),
            group: group.as_deref(),
            exclude: &exclude,
            positive: positive.as_deref(),
        },
        params: call::json_argument(fcinfo, 8)?.unwrap_or_else(|| json!({})),
        split: call::json_argument(fcinfo, 9)?.unwrap_or_else(|| json!({ "method": "time" })),
        embargo: call::argument(fcinfo, 10).unwrap_or_else(|| Interval::from_micros(0)),
        seed: call::argument(fcinfo, 11).unwrap_or(DEFAULT_SEED),
        feature_set: feature_set.as_deref(),
        notes: notes.as_deref(),
    };
    let outcome = train(Home::of_call(fcinfo)?, &ask)?;
    Ok(TableIterator::new(vec![outcome]))
}

fn train(home: Home, ask: &Ask<'_>) -> error::Result<Outcome> {
    let started = Instant::now();
    let plan = SplitPlan::from_json(&ask.split, ask.roles.time.is_some())?;
    let embargo = microseconds(&ask.embargo)?;
    let own = registration::find_model(home, ask.model)?;
    // The classes are not known yet; what is wrong with the parameters is said before the query runs.
    let asked = Params::from_json(own.task, 2, &ask.params)?.validate()?;

    let (columns, feature_set) = read(home, ask, &asked)?;
    // What a set's caller excludes is a feature of the set, and is not among the columns any more.
    let exclude = if feature_set.is_some() { &[] } else { ask.roles.exclude };
    let data = Dataset::new(own.task, columns, &Roles { exclude, ..ask.roles })?;
    let classes = data.signature.classes.len();
    let params = Params::from_json(own.task, classes, &ask.params)?.validate()?;
    let split = plan.split(
        data.order.len(),
        data.times.as_deref(),
        embargo,
        u64::from_ne_bytes(ask.seed.to_ne_bytes()),
    )?;
    let parts = Split {
        train: data.rows(&split.train),
        validation: data.rows(&split.validation),
        test: data.rows(&split.test),
        dropped: split.dropped,
    };
    let threads = guc::TRAINING_THREADS.get();
    let trained = sira_train::train(
        &params,
        u64::from_ne_bytes(ask.seed.to_ne_bytes()),
        usize::try_from(threads).unwrap_or(1),
        &data.table,
        Rows { train: &parts.train, validation: &parts.validation },
        &mut |at| {
            progress::of_training(at);
            // Raises the cancel or timeout as an error, which unwinds and frees what LightGBM holds.
            pgrx::check_for_interrupts!();
            ControlFlow::Continue(())
        },
    )?;
    let metrics = measure(home, ask.model, &data, &parts, &trained)?.to_string();

    let own = registration::lock_model(home, ask.model)?;
    let run_id = Uuid::from_bytes(random_id()?);
    let registered = registration::register(
        home,
        &own,
        &NewVersion {
            artifact: trained.text.as_bytes(),
            format: "lightgbm",
            signature: &data.signature,
            metrics: metrics.clone(),
            parameters: params.to_json().to_string(),
            training_run: Some(run_id),
            label: None,
        },
    )?;
    drift::baseline::of_training(home, &own, &registered, &data, &parts, &trained.text)?;
    card::curves::record(home, &own, &registered, &data, &split, &trained.text)?;
    let rows = [parts.train.len(), parts.validation.len(), parts.test.len()];
    Run {
        query: ask.query,
        label: ask.roles.label,
        params: params.to_json().to_string(),
        split: ask.split.to_string(),
        embargo: ask.embargo,
        options: options(ask, &data, &parts, &trained).to_string(),
        features: data.signature.features.len(),
        rows,
        classes,
        metrics: &metrics,
        history: to_json(&trained.history)?,
        importance: to_json(&trained.importance)?,
        seed: ask.seed,
        threads,
        library_version: &trained.library_version,
        data_digest: data.digest,
        feature_set: feature_set.as_deref(),
        notes: ask.notes,
    }
    .record(home, run_id, &own, &registered)?;
    let [train, validation, test] = rows.map(|rows| rows as i64);
    let metrics = serde_json::from_str(&metrics).unwrap_or(Value::Null);
    if let Value::Object(metrics) = &metrics {
        let (query, label, weight) = (ask.query, ask.roles.label, ask.roles.weight);
        let (model, test) = (ask.model, parts.test.as_slice());
        let data = &data;
        let (own, registered) = (&own, &registered);
        let run =
            champion::Run { id: run_id, model, own, registered, data, test, metrics, query, label, weight };
        champion::evaluate_beside(home, &run)?;
    }
    Ok((
        run_id,
        registered.number,
        "candidate".to_owned(),
        JsonB(metrics),
        train,
        validation,
        test,
        started.elapsed().as_secs_f64(),
    ))
}

/// The rows to train on: the query's own columns, or a set computed for its rows; then the set and its version too.
fn read(
    home: Home,
    ask: &Ask<'_>,
    params: &ValidParams,
) -> error::Result<(Vec<columns::Column>, Option<String>)> {
    let Some(set) = ask.feature_set else {
        let read = columns::read(ask.query, ask.roles.exclude, |extent| within_memory(params, extent))?;
        return Ok((read, None));
    };
    let read = training::columns(home, set, ask.query, &ask.roles.named(), ask.roles.exclude)?;
    let rows = read.columns.first().map_or(0, |column| column.values.len());
    within_memory(params, &Extent { rows, columns: read.columns.len(), texts: 0 })?;
    if !read.ignored.is_empty() {
        pgrx::notice!(
            "columns that are no features of set \"{set}\" are not trained on: {}",
            read.ignored.join(", ")
        );
    }
    Ok((read.columns, Some(read.reference)))
}

/// Metrics on the test part, with those on the validation part beside them.
fn measure(
    home: Home,
    model: &str,
    data: &Dataset,
    parts: &Split,
    trained: &Trained,
) -> error::Result<Value> {
    let bytes = codec::compile(&lightgbm::parse(&trained.text)?);
    let compiled = codec::Compiled::open(&bytes)?;
    let policy = version::resolve(home, model)?.policy(home)?;
    let threshold = policy.and_then(|policy| policy.threshold).unwrap_or(DEFAULT_THRESHOLD);
    let validation = evaluate(&compiled, data, &parts.validation, threshold)?;
    let mut metrics = evaluate(&compiled, data, &parts.test, threshold)?.unwrap_or_else(|| json!({}));
    if let (Value::Object(object), Some(validation)) = (&mut metrics, validation) {
        object.insert("validation".into(), validation);
    }
    Ok(metrics)
}

/// What a repetition needs beside the columns of the run, and what the run has to say of itself.
fn options(ask: &Ask<'_>, data: &Dataset, parts: &Split, trained: &Trained) -> Value {
    json!({
        "time_column": ask.roles.time,
        "weight": ask.roles.weight,
        "exclude": ask.roles.exclude,
        "group_column": ask.roles.group,
        "positive": data.signature.positive,
        "best_round": trained.best_round,
        "rows_without_label": data.unlabelled,
        "rows_in_embargo": parts.dropped,
    })
}

/// Holds what has been read so far against `sira.training_memory`.
fn within_memory(params: &ValidParams, read: &Extent) -> error::Result<()> {
    let limit = u64::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
    let needed = sira_train::estimate_memory(read.rows, read.columns, params) + read.texts as u64;
    if needed <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::OutOfBudget, "training would need more memory than it may have")
        .with_detail(format!(
            "After {} rows of {} columns the estimate is {} MB, sira.training_memory is {} MB.",
            read.rows,
            read.columns,
            needed >> 20,
            limit >> 20
        ))
        .with_hint("Train on fewer rows or columns, or have sira.training_memory raised.")
        .into())
}

fn microseconds(interval: &Interval) -> error::Result<i64> {
    let (months, days, micros) = (interval.months(), interval.days(), interval.micros());
    let total = i64::from(days) * 86_400_000_000 + micros;
    if months != 0 || total < 0 {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the embargo is negative or has months",
        )
        .hint("Give it in days, hours or minutes: months differ in length."));
    }
    Ok(total)
}

/// The 128 bits of a UUID version 4.
fn random_id() -> error::Result<[u8; 16]> {
    let mut id = ids::random::<16>()?;
    id[6] = (id[6] & 0x0F) | 0x40;
    id[8] = (id[8] & 0x3F) | 0x80;
    Ok(id)
}

fn to_json<T: serde::Serialize>(value: &T) -> error::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Failure::internal(format!("a run's record cannot be written: {error}")))
}
