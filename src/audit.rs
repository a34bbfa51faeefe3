//! The audit row of a prediction, written by the extension's owner so that nobody else can forge one.
//!
//! The tenant is named explicitly: the owner is not subject to row-level security. What the law may erase
//! (`input_features`, `feature_vector`, `context`) stands beside `features_digest`, which stays.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::prediction::{self, Request};
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::version::{Resolved, Version};
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;
use serde_json::Value;
use std::rc::Rc;
use std::time::Duration;

/// What a prediction is about.
#[derive(Clone, Copy)]
pub struct Entity<'a> {
    pub kind: &'a str,
    pub id: &'a str,
}

/// What a caller gets.
pub struct Answer {
    pub id: Option<Uuid>,
    pub score: Option<f64>,
    pub class: Option<String>,
    pub confidence: Option<f64>,
    pub decision: Option<String>,
    pub reasons: Option<Value>,
    pub model: String,
    pub version: Option<i32>,
    pub variant: Option<String>,
    pub latency: Duration,
}

/// What the audit row keeps beside who asked what.
#[derive(Default)]
pub struct Record {
    pub input: Option<Value>,
    pub vector: Option<Vec<f64>>,
    pub raw: Option<f64>,
    pub score: Option<f64>,
    pub class: Option<String>,
    pub confidence: Option<f64>,
    pub decision: Option<String>,
    pub reasons: Option<Value>,
    pub prediction: Value,
    pub version: Option<Rc<Version>>,
    pub policy_id: Option<Uuid>,
    pub fallback: bool,
}

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_predictions (id, tenant_id, model_id, model_version_id, entity_type, entity_id, \
             input_features, feature_vector, features_digest, prediction, raw_score, score, predicted_class, \
             confidence, decision, explanation, policy_id, request_id, context, as_of, source, fallback, latency_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.jsonb, $8, $9, $10::pg_catalog.jsonb, $11, $12, $13, $14, \
             $15, $16::pg_catalog.jsonb, $17, $18, $19::pg_catalog.jsonb, $20, 'sira', $21, $22)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::FLOAT8ARRAYOID, pg_sys::BYTEAOID, pg_sys::TEXTOID,
                pg_sys::FLOAT8OID, pg_sys::FLOAT8OID, pg_sys::TEXTOID, pg_sys::FLOAT8OID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TIMESTAMPTZOID,
                pg_sys::BOOLOID, pg_sys::INT4OID,
            ],
        )
    };
    static CLAIM: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_prediction_requests \
             (tenant_id, entity_type, entity_id, request_id, model_id, prediction_id) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::UUIDOID,
                pg_sys::UUIDOID,
            ],
        )
    };
    static FIRST_ANSWER: Statement = const {
        Statement::new(
            "SELECT r.model_id, p.id, p.score, p.predicted_class, p.confidence, p.decision, \
             p.explanation::pg_catalog.text, v.version, p.variant, p.latency_us \
             FROM {s}.sira_prediction_requests r \
             LEFT JOIN {s}.sira_predictions p \
             ON p.id {=} r.prediction_id AND p.created_at {=} {s}.sira_uuid_v7_time(r.prediction_id) \
             AND p.tenant_id {=} r.tenant_id \
             LEFT JOIN {s}.sira_model_versions v ON v.id {=} p.model_version_id \
             WHERE r.tenant_id {=} $1 AND r.entity_type {=} $2 AND r.entity_id {=} $3 AND r.request_id {=} $4",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
}

/// Writes the audit row.
pub fn write(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    id: Uuid,
    record: &Record,
    taken: Duration,
) -> Result<()> {
    let digest = record.vector.as_deref().map(features_digest);
    let arguments = Arguments::new()
        .bind(id)
        .bind(resolved.caller.as_str())
        .bind(resolved.model_id)
        .bind(record.version.as_ref().map(|version| version.id))
        .bind(request.entity.kind)
        .bind(request.entity.id)
        .bind(record.input.as_ref().map_or_else(|| "{}".to_owned(), Value::to_string))
        .bind(record.vector.as_deref())
        .bind(digest.as_ref().map(<[u8; 32]>::as_slice))
        .bind(record.prediction.to_string())
        .bind(record.raw)
        .bind(record.score)
        .bind(record.class.as_deref())
        .bind(record.confidence)
        .bind(record.decision.as_deref())
        .bind(record.reasons.as_ref().map(Value::to_string))
        .bind(record.policy_id)
        .bind(request.request_id)
        .bind(request.context.as_deref())
        .bind(request.as_of.and_then(|time| TimestampWithTimeZone::try_from(time).ok()))
        .bind(record.fallback)
        .bind(latency(taken));
    home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
    Ok(())
}

/// Claims a request id for a prediction about to be made; gives the first answer where it is taken.
///
/// Two sessions with one request id meet at the unique key: the second waits for the first to commit.
pub fn claim_request(
    home: Home,
    resolved: &Resolved,
    request: &Request<'_>,
    name: &str,
    id: Uuid,
) -> Result<Option<Answer>> {
    let key = || {
        let entity = request.entity;
        Arguments::new().bind(resolved.caller.as_str()).bind(entity.kind).bind(entity.id).bind(name)
    };
    let claim = key().bind(resolved.model_id).bind(id);
    let claimed = home.as_owner(|| CLAIM.with(|insert| insert.each(home, Mode::Write, claim, |_| Ok(()))))?;
    if claimed == 1 {
        return Ok(None);
    }
    let first = home.as_owner(|| {
        FIRST_ANSWER.with(|find| {
            find.first(home, Mode::Write, key(), |row| {
                Ok((row.need::<Uuid>(1)?, first_answer(row, resolved)))
            })
        })
    })?;
    match first {
        Some((model_id, answer)) if model_id == resolved.model_id => Ok(Some(answer)),
        Some(_) => Err(prediction::request_reused(name)),
        None => Err(Failure::internal("a request id is taken, but its row cannot be seen")),
    }
}

fn first_answer(row: &Row, resolved: &Resolved) -> Answer {
    Answer {
        id: row.get(2),
        score: row.get(3),
        class: row.get(4),
        confidence: row.get(5),
        decision: row.get(6),
        reasons: row.get::<String>(7).and_then(|text| serde_json::from_str(&text).ok()),
        model: resolved.model.clone(),
        version: row.get(8),
        variant: row.get(9),
        latency: Duration::from_micros(row.get::<i32>(10).unwrap_or(0).unsigned_abs().into()),
    }
}

/// SHA-256 of a vector's eight-byte little-endian numbers: it stays when the vector is erased.
pub fn features_digest(vector: &[f64]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for value in vector {
        hasher.update(value.to_le_bytes());
    }
    hasher.finalize().into()
}

/// Microseconds as the column holds them.
pub fn latency(taken: Duration) -> i32 {
    i32::try_from(taken.as_micros()).unwrap_or(i32::MAX)
}
