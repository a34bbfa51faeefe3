//! Drift: baselines from a query, predictions as counts, and what the core says of the difference.

use crate::call;
use crate::catalog::Home;
use crate::cursor::Cursor;
use crate::drift::baseline::{self, Cell, Owner, Part};
use crate::drift::count::{self, Question};
use crate::error::{self, Failure, SqlResult, literal};
use crate::features::Features;
use crate::guc;
use crate::relation::Binding;
use crate::scoring::Scorer;
use crate::statement::Mode;
use crate::version;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{JsonB, PgSqlErrorCode, PgTupleDesc, pg_sys};
use serde_json::{Value, json};
use sira_core::drift::concept::{self, Before, Tolerance};
use sira_core::drift::rule::{self, Finding, Pair};
use sira_core::drift::{Rule, estimate, score};
use sira_core::signature::Task;
use std::collections::HashSet;

/// The baseline of a version from a query. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_set_baseline(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let home = Home::of_call(fcinfo)?;
    let need = |name: &str, position| {
        call::text_argument(fcinfo, position)
            .ok_or_else(|| call::null_argument(name, "Name a model, and a query with its features."))
    };
    let (model, query) = (need("model", 0)?, need("query", 1)?);
    let resolved = version::resolve(home, &model)?;
    if resolved.tenant != resolved.caller {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
            format!("model \"{}\" is shared: its baseline is its owner's to set", resolved.model),
        )
        .into());
    }
    let version = resolved.version(home)?;
    if !baseline::subjects(home, version.id)?.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("version {} of model \"{}\" has a baseline", version.number, resolved.model),
        )
        .detail("A baseline is frozen: what was measured against it would mean something else.")
        .hint("Compare with another period: sira_detect_drift(…, reference => '[2026-01-01,2026-02-01)').")
        .into());
    }
    let scorer = Scorer::of_version(home, &resolved.model, std::rc::Rc::clone(&version), None)?;
    let rows = Rows::read(&query, &version)?;
    let cell = |row: usize, feature: usize| rows.cell(row, feature);
    let part = Part { name: "training", rows: rows.count, cell: &cell };
    let answer = |vectors: &[f64], answers: &mut [f64]| scorer.answer_many(vectors, answers);
    let owner = Owner {
        tenant: &resolved.tenant,
        model_id: resolved.model_id,
        version: version.id,
        signature: &version.signature,
        width: scorer.width(),
        answer: &answer,
    };
    let subjects = baseline::record(home, &owner, &[part])?;
    Ok(i32::try_from(subjects).unwrap_or(i32::MAX))
}

/// A query's rows as vectors.
struct Rows {
    count: usize,
    width: usize,
    vectors: Vec<f64>,
    /// Where a value is missing because the model does not know its text.
    unseen: HashSet<(usize, usize)>,
}

impl Rows {
    fn read(query: &str, version: &version::Version) -> error::Result<Self> {
        let signature = &version.signature;
        let cursor = Cursor::open("the baseline's query", query, &[], &[], Mode::Write)?;
        if cursor.descriptor().is_null() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "the baseline's query returns no columns",
            )
            .hint("Give a SELECT of the model's features."));
        }
        // SAFETY: the cursor keeps its descriptor while it is open; a copy is read.
        let binding =
            unsafe { Binding::of_statement(signature, &PgTupleDesc::from_pg_copy(cursor.descriptor())) }?;
        let limit = usize::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
        let mut rows =
            Self { count: 0, width: signature.features.len(), vectors: Vec::new(), unseen: HashSet::new() };
        let mut features = Features::default();
        cursor.stream(&mut |row| {
            // SAFETY: the binding was made for this query's columns.
            unsafe { binding.read_values(signature, row.values, row.nulls, &mut features) }?;
            rows.vectors.extend_from_slice(&features.vector);
            rows.unseen.extend(features.unseen.iter().map(|(feature, _)| (rows.count, *feature)));
            rows.count += 1;
            if rows.vectors.len() * 8 + rows.unseen.len() * 32 > limit {
                return Err(Failure::new(
                    PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
                    "the baseline's rows need more memory than they may have",
                )
                .detail(format!("After {} rows sira.training_memory is reached.", rows.count))
                .hint("Take a sample of the rows, or have sira.training_memory raised."));
            }
            Ok(())
        })?;
        if rows.count == 0 {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_NO_DATA_FOUND,
                "the baseline's query returns no rows",
            )
            .hint("Run the query alone, and widen its WHERE."));
        }
        Ok(rows)
    }

    fn cell(&self, row: usize, feature: usize) -> Cell {
        let value = self.vectors.get(row * self.width + feature).copied().unwrap_or(f64::NAN);
        (value, value.is_nan() && self.unseen.contains(&(row, feature)))
    }
}

/// Predictions as counts. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_count_predictions(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(segment_value, Option<String>),
            name!(hour, Option<TimestampWithTimeZone>),
            name!(subject, String),
            name!(feature_key, String),
            name!(counts, Vec<i64>),
            name!(finite_count, i64),
            name!(shifted_sum, f64),
            name!(shifted_squares, f64),
            name!(minimum, Option<f64>),
            name!(maximum, Option<f64>),
        ),
    >,
    ErrorReport,
> {
    let home = Home::of_call(fcinfo)?;
    let hint = "SELECT * FROM sira_count_predictions('fraud', now() - interval '1 day', now());";
    let model = call::text_argument(fcinfo, 0).ok_or_else(|| call::null_argument("model", hint))?;
    let moment = |name: &str, position| {
        call::datum_argument(fcinfo, position).ok_or_else(|| call::null_argument(name, hint))
    };
    let segment = call::text_argument(fcinfo, 4);
    let question = Question {
        from: moment("from_ts", 1)?,
        to: moment("to_ts", 2)?,
        by_hour: call::argument(fcinfo, 3).unwrap_or(false),
        segment: segment.as_deref(),
    };
    let resolved = version::resolve(home, &model)?;
    let version = resolved.version(home)?;
    let (subjects, groups) = count::count(home, &version, &question)?;
    if subjects.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("version {} of model \"{}\" has no baseline", version.number, resolved.model),
        )
        .detail("What was trained here has one; what was imported needs rows to be compared with.")
        .hint(format!("SELECT sira_set_baseline({}, 'SELECT …');", literal(&model)))
        .into());
    }
    let mut rows = Vec::new();
    for ((segment, hour), sketches) in groups {
        for (subject, sketch) in subjects.iter().zip(sketches) {
            rows.push((
                segment.clone(),
                hour.and_then(count::moment),
                subject.subject.clone(),
                subject.feature.clone(),
                sketch.counts.iter().map(|count| *count as i64).collect(),
                sketch.finite as i64,
                sketch.shifted_sum,
                sketch.shifted_squares,
                sketch.minimum,
                sketch.maximum,
            ));
        }
    }
    Ok(TableIterator::new(rows))
}

type Judged = (
    i32,
    String,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    f64,
    bool,
    f64,
    &'static str,
    Option<String>,
);

fn judged(finding: Finding) -> Judged {
    (
        i32::try_from(finding.pair + 1).unwrap_or(i32::MAX),
        finding.method.to_owned(),
        finding.statistic,
        finding.p_value,
        finding.adjusted_p_value,
        finding.effect_size,
        finding.threshold,
        finding.detected,
        finding.score,
        rule::severity(&finding).name(),
        finding.note,
    )
}

/// The rule on pairs of histograms. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_judge_drift(
    pairs: JsonB,
    rule: JsonB,
) -> Result<
    TableIterator<
        'static,
        (
            name!(pair, i32),
            name!(method, String),
            name!(statistic, Option<f64>),
            name!(p_value, Option<f64>),
            name!(adjusted_p_value, Option<f64>),
            name!(effect_size, Option<f64>),
            name!(threshold, f64),
            name!(detected, bool),
            name!(score, f64),
            name!(severity, &'static str),
            name!(note, Option<String>),
        ),
    >,
    ErrorReport,
> {
    let pairs: Vec<Pair> = from_json(pairs.0, "pairs")?;
    let rule: Rule = from_json(rule.0, "rule")?;
    let findings = rule::judge(&pairs, &rule).map_err(Failure::from)?;
    Ok(TableIterator::new(findings.into_iter().map(judged).collect::<Vec<_>>()))
}

fn from_json<T: serde::de::DeserializeOwned>(json: Value, what: &str) -> error::Result<T> {
    serde_json::from_value(json).map_err(|error| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("argument \"{what}\" is not what it should be"),
        )
        .detail(format!("{error}."))
    })
}

/// The quality of labelled predictions against what it was. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_judge_quality(
    task: &str,
    scores: Vec<Option<f64>>,
    labels: Vec<Option<f64>>,
    before: JsonB,
    accuracy_threshold: f64,
    mape_threshold: f64,
) -> Result<
    TableIterator<
        'static,
        (
            name!(pair, i32),
            name!(method, String),
            name!(statistic, Option<f64>),
            name!(p_value, Option<f64>),
            name!(adjusted_p_value, Option<f64>),
            name!(effect_size, Option<f64>),
            name!(threshold, f64),
            name!(detected, bool),
            name!(score, f64),
            name!(severity, &'static str),
            name!(note, Option<String>),
            name!(metrics, JsonB),
        ),
    >,
    ErrorReport,
> {
    let task: Task = task.parse().map_err(Failure::from)?;
    let before: Before = from_json(before.0, "before")?;
    let tolerance = Tolerance { accuracy: accuracy_threshold, mape: mape_threshold };
    let rule = Rule::default();
    // A prediction without a score or a label says nothing of the quality.
    let (scores, labels): (Vec<f64>, Vec<f64>) = scores
        .into_iter()
        .zip(labels)
        .filter_map(|(score, label)| {
            Some((score.filter(|s| s.is_finite())?, label.filter(|l| l.is_finite())?))
        })
        .unzip();
    let truth = || labels.iter().map(|label| *label != 0.0).collect::<Vec<bool>>();
    let (now, findings) = match task {
        Task::Binary | Task::Anomaly => concept::binary(&scores, &truth(), &before, tolerance, &rule),
        Task::Multiclass => Ok(concept::multiclass(&truth(), &before, tolerance, &rule)),
        Task::Regression => concept::regression(&scores, &labels, &before, tolerance, &rule),
        Task::Ranking => Ok((concept::Now { rows: labels.len(), ..concept::Now::default() }, Vec::new())),
    }
    .map_err(Failure::from)?;
    let now = serde_json::to_value(&now)
        .map_err(|error| Failure::internal(format!("metrics cannot be written: {error}")))?;
    let rows: Vec<_> = findings
        .into_iter()
        .map(judged)
        .map(|f| (f.0, f.1, f.2, f.3, f.4, f.5, f.6, f.7, f.8, f.9, f.10, JsonB(now.clone())))
        .collect();
    Ok(TableIterator::new(rows))
}

/// What quality to expect without labels, from counts of scores over the even grid.
#[pg_extern(sql = false)]
fn sira_expected_quality(counts: Vec<Option<i64>>, threshold: f64) -> Option<JsonB> {
    let counts: Vec<u64> =
        counts.into_iter().map(|count| u64::try_from(count.unwrap_or(0)).unwrap_or(0)).collect();
    let expected = estimate::expected(&counts, threshold)?;
    Some(JsonB(json!({
        "rows": expected.rows,
        "prevalence": expected.prevalence,
        "accuracy": expected.accuracy,
        "auc": expected.auc,
    })))
}

#[pg_extern(sql = false)]
fn sira_calculate_drift_score(
    concept: Option<f64>,
    data: Option<f64>,
    prediction: Option<f64>,
) -> Option<f64> {
    score::overall(concept, data, prediction)
}

#[pg_extern(sql = false)]
fn sira_drift_severity(score: f64) -> &'static str {
    score::Severity::of(score).name()
}
