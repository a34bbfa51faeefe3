//! What only the library can say of a version that is to go on: whether its artifact still scores as it did, how long
//! that takes, and by which metrics versions are measured.

use crate::cache;
use crate::catalog::Home;
use crate::error::{self, SqlResult};
use crate::statement::{Arguments, Mode, Statement};
use crate::version;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::Value;
use sira_core::ensemble::Compiled;
use sira_core::{metrics, predict};
use std::hint::black_box;
use std::time::Instant;

/// Scores that are timed: the tenth longest of them is the answer.
const TIMED: usize = 200;

thread_local! {
    // As the caller, with what row-level security lets them see.
    static FIND: Statement = const {
        Statement::new(
            "SELECT tenant_id, artifact_digest FROM {s}.sira_model_versions WHERE id {=} $1",
            &[pg_sys::UUIDOID],
        )
    };
    static EXAMPLES: Statement = const {
        Statement::new(
            "SELECT features, raw_scores FROM {s}.sira_model_examples \
             WHERE tenant_id {=} $1 AND model_version_id {=} $2 ORDER BY place",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
}

/// A row and its raw scores.
type Example = (Vec<f64>, Vec<f64>);

type Outcome = (i32, i32, Option<f64>, Option<String>);

/// Scores a version's stored examples with its compiled model. No row for a version that the caller does not see.
#[pg_extern(sql = false)]
fn sira_smoke_test(
    version_id: Uuid,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(examples, i32),
            name!(identical, i32),
            name!(latency_us, Option<f64>),
            name!(problem, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let row = smoke_test(Home::of_call(fcinfo)?, version_id)?;
    Ok(TableIterator::new(row))
}

fn smoke_test(home: Home, id: Uuid) -> error::Result<Option<Outcome>> {
    let by_id = Arguments::new().bind(id);
    let found = FIND.with(|find| {
        find.first(home, Mode::Write, by_id, |row| Ok((row.need::<String>(1)?, row.get::<Vec<u8>>(2))))
    })?;
    let Some((tenant, digest)) = found else { return Ok(None) };
    let mut examples: Vec<Example> = Vec::new();
    let of_version = Arguments::new().bind(tenant.as_str()).bind(id);
    home.as_owner(|| {
        EXAMPLES.with(|read| {
            read.each(home, Mode::Write, of_version, |row| {
                examples.push((row.need(1)?, row.need(2)?));
                Ok(())
            })
        })
    })?;
    let count = i32::try_from(examples.len()).unwrap_or(i32::MAX);
    let Some(digest) = digest.and_then(|digest| cache::Digest::try_from(digest).ok()) else {
        return Ok(Some((count, 0, None, Some("it has no artifact in this database".to_owned()))));
    };
    // What keeps the artifact from scoring is what the test is for: an answer, not an error.
    let loaded = cache::load(home, digest, || version::read_artifact(home, &tenant, &digest));
    Ok(Some(match loaded.and_then(|loaded| try_examples(loaded.compiled(), &examples)) {
        Ok((identical, latency, problem)) => (count, identical, latency, problem),
        Err(failure) => (count, 0, None, Some(failure.message().to_owned())),
    }))
}

/// How many examples give their bits, how long a score takes, and the first that does not.
fn try_examples(
    model: &Compiled<'_>,
    examples: &[Example],
) -> error::Result<(i32, Option<f64>, Option<String>)> {
    let mut scratch = predict::Scratch::new();
    let mut raw = vec![0.0; model.outputs()];
    let (mut identical, mut problem) = (0, None);
    for (place, (features, expected)) in examples.iter().enumerate() {
        predict::raw_with(model, features, &mut scratch, &mut raw)?;
        if raw.iter().map(|score| score.to_bits()).eq(expected.iter().map(|score| score.to_bits())) {
            identical += 1;
        } else if problem.is_none() {
            problem = Some(format!("example {place} gives {raw:?}, not {expected:?}"));
        }
    }
    let mut times = Vec::with_capacity(TIMED);
    for (features, _) in examples.iter().cycle().take(TIMED) {
        let started = Instant::now();
        predict::raw_with(model, black_box(features), &mut scratch, &mut raw)?;
        predict::transform(model, &mut raw);
        black_box(&raw);
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_unstable_by(f64::total_cmp);
    Ok((identical, times.get(times.len() * 19 / 20).copied(), problem))
}

/// The names of the numbers that a version of a task is measured by, from a measurement of two rows: no list that
/// could be forgotten when a metric is added.
#[pg_extern(sql = false)]
fn sira_metric_names(task: &str) -> SqlResult<Vec<String>> {
    Ok(metric_names(task)?)
}

fn metric_names(task: &str) -> error::Result<Vec<String>> {
    let (numbers, classes) = ([0.25, 0.75], [0.75, 0.25, 0.25, 0.75]);
    let measured = match task {
        "binary" => serde_json::to_value(metrics::binary(&numbers, &[false, true], None, 0.5)?),
        "multiclass" => serde_json::to_value(metrics::multiclass(&classes, 2, &[0, 1], None)?),
        "ranking" => Ok(serde_json::json!({ "rows": 2, "ndcg": 1.0 })),
        _ => serde_json::to_value(metrics::regression(&numbers, &[0.0, 1.0], None)?),
    };
    let Ok(Value::Object(measured)) = measured else { return Ok(Vec::new()) };
    let is_one = |value: &Value| value.is_number() || value.is_null();
    Ok(measured.into_iter().filter(|(_, value)| is_one(value)).map(|(name, _)| name).collect())
}
