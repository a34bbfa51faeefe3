//! The audit row of a prediction, written by the extension's owner so that nobody else can forge one.
//!
//! The tenant is named explicitly: the owner is not subject to row-level security. What the law may erase
//! (`input_features`, `feature_vector`, `context`) stands beside `features_digest`, which stays.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::jsonb::Jsonb;
use crate::prediction::{self, Request};
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::version::{self, Resolved, Version};
use pgrx::datum::{TimestampWithTimeZone, Uuid};
use pgrx::pg_sys;
use serde_json::Value;
use std::cell::Cell;
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

/// How many audit rows one INSERT writes where there are many: starting it costs as much as several rows do.
const MANY: usize = 25;

/// How often a request id is looked at that others claim and delete meanwhile.
const LOOKS: usize = 100;

const INTO: &str = "INSERT INTO {s}.sira_predictions (id, tenant_id, model_id, model_version_id, entity_type, entity_id, \
    input_features, feature_vector, features_digest, prediction, raw_score, score, predicted_class, confidence, decision, \
    explanation, policy_id, request_id, context, as_of, source, fallback, latency_us) VALUES ";

/// Of the columns above, but for `source`, which is ours.
const TYPES: [pg_sys::Oid; 22] = [
    pg_sys::UUIDOID,
    pg_sys::TEXTOID,
    pg_sys::UUIDOID,
    pg_sys::UUIDOID,
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::JSONBOID,
    pg_sys::FLOAT8ARRAYOID,
    pg_sys::BYTEAOID,
    pg_sys::JSONBOID,
    pg_sys::FLOAT8OID,
    pg_sys::FLOAT8OID,
    pg_sys::TEXTOID,
    pg_sys::FLOAT8OID,
    pg_sys::TEXTOID,
    pg_sys::JSONBOID,
    pg_sys::UUIDOID,
    pg_sys::TEXTOID,
    pg_sys::TEXTOID,
    pg_sys::TIMESTAMPTZOID,
    pg_sys::BOOLOID,
    pg_sys::INT4OID,
];

/// The INSERT of so many rows. Its text lives as long as the session, as the statement does.
fn insert_of(rows: usize) -> Statement {
    let row = |number: usize| {
        let places: Vec<String> = (0..TYPES.len())
            .map(|column| match column {
                18 => format!("${}::pg_catalog.jsonb", number * TYPES.len() + column + 1),
                20 => format!("'sira', ${}", number * TYPES.len() + column + 1),
                _ => format!("${}", number * TYPES.len() + column + 1),
            })
            .collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    Statement::new(
        Box::leak((INTO.to_owned() + &rows.join(", ")).into_boxed_str()),
        Box::leak(TYPES.repeat(rows.len()).into_boxed_slice()),
    )
}

thread_local! {
    static INSERT: Statement = insert_of(1);
    static INSERT_MANY: Statement = insert_of(MANY);
    /// The transaction and the version that were last seen together with our lock on the audit log.
    static HELD: Cell<Option<(u32, u32, Uuid)>> = const { Cell::new(None) };
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
            "SELECT r.model_id, r.prediction_id, p.id, p.score, p.predicted_class, p.confidence, p.decision, \
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
    static CLAIM_ANEW: Statement = const {
        Statement::new(
            "UPDATE {s}.sira_prediction_requests SET model_id = $5, prediction_id = $6, \
             created_at = pg_catalog.transaction_timestamp() \
             WHERE tenant_id {=} $1 AND entity_type {=} $2 AND entity_id {=} $3 AND request_id {=} $4 \
             AND prediction_id {=} $7",
            &[
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::UUIDOID,
                pg_sys::UUIDOID, pg_sys::UUIDOID,
            ],
        )
    };
}

/// One audit row.
pub struct Entry<'a> {
    pub id: Uuid,
    pub request: &'a Request<'a>,
    pub record: &'a Record,
    pub taken: Duration,
}

/// Writes audit rows.
///
/// # Errors
/// 42704 where the version was deleted since the statement found it.
pub fn write(home: Home, resolved: &Resolved, entries: &[Entry<'_>]) -> Result<()> {
    let mut left = entries;
    while let Some((many, rest)) = left.split_at_checked(MANY) {
        INSERT_MANY.with(|insert| insert_rows(home, resolved, insert, many))?;
        left = rest;
    }
    for entry in left {
        INSERT.with(|insert| insert_rows(home, resolved, insert, std::slice::from_ref(entry)))?;
    }
    for version in entries.iter().filter_map(|entry| entry.record.version.as_ref()) {
        hold(home, resolved, version)?;
    }
    Ok(())
}

/// Whoever deletes a version locks the audit log first, so an INSERT may have waited for that and then written about
/// a version that is gone. From the INSERT on our own lock keeps deleters waiting until this transaction, or the
/// subtransaction, ends: one look is enough.
fn hold(home: Home, resolved: &Resolved, version: &Version) -> Result<()> {
    // SAFETY: both read a variable of the backend.
    let transaction = unsafe {
        (pg_sys::GetTopTransactionIdIfAny().into_inner(), pg_sys::GetCurrentSubTransactionId(), version.id)
    };
    if HELD.get() == Some(transaction) {
        return Ok(());
    }
    if !version::is_there_now(home, version.id)? {
        return Err(version::gone(&resolved.model));
    }
    HELD.set(Some(transaction));
    Ok(())
}

fn insert_rows(home: Home, resolved: &Resolved, insert: &Statement, entries: &[Entry<'_>]) -> Result<()> {
    // What is bound by its address must live until the INSERT is done.
    let documents = entries.iter().map(|entry| Documents::of(entry.record)).collect::<Result<Vec<_>>>()?;
    let mut arguments = Arguments::new();
    for (entry, documents) in entries.iter().zip(&documents) {
        arguments = bind(arguments, resolved, entry, documents);
    }
    home.as_owner(|| insert.each(home, Mode::Write, arguments, |_| Ok(())))?;
    Ok(())
}

/// The columns of an audit row that are jsonb.
struct Documents {
    input: Jsonb,
    prediction: Jsonb,
    reasons: Option<Jsonb>,
}

impl Documents {
    fn of(record: &Record) -> Result<Self> {
        let nothing = Value::Object(serde_json::Map::new());
        Ok(Self {
            input: jsonb(record.input.as_ref().unwrap_or(&nothing))?,
            prediction: jsonb(&record.prediction)?,
            reasons: record.reasons.as_ref().map(jsonb).transpose()?,
        })
    }
}

fn bind(arguments: Arguments, resolved: &Resolved, entry: &Entry<'_>, documents: &Documents) -> Arguments {
    let Entry { id, request, record, taken } = entry;
    let digest = record.vector.as_deref().map(features_digest);
    arguments
        .bind(*id)
        .bind(resolved.caller.as_str())
        .bind(resolved.model_id)
        .bind(record.version.as_ref().map(|version| version.id))
        .bind(request.entity.kind)
        .bind(request.entity.id)
        .bind_datum(Some(documents.input.datum()))
        .bind(record.vector.as_deref())
        .bind(digest.as_ref().map(<[u8; 32]>::as_slice))
        .bind_datum(Some(documents.prediction.datum()))
        .bind(record.raw)
        .bind(record.score)
        .bind(record.class.as_deref())
        .bind(record.confidence)
        .bind(record.decision.as_deref())
        .bind_datum(documents.reasons.as_ref().map(Jsonb::datum))
        .bind(record.policy_id)
        .bind(request.request_id)
        .bind(request.context.as_deref())
        .bind(request.as_of.get().and_then(|time| TimestampWithTimeZone::try_from(time).ok()))
        .bind(record.fallback)
        .bind(latency(*taken))
}

fn jsonb(value: &Value) -> Result<Jsonb> {
    Jsonb::of(value).ok_or_else(|| Failure::internal("a prediction does not fit into a jsonb"))
}

/// Claims a request id for a prediction about to be made; gives the first answer where it is taken.
///
/// Two sessions with one request id meet at the unique key: the second waits for the first to commit. An id whose
/// prediction went with its month has no answer to give, and is claimed anew: of two sessions that find it so, one
/// changes the row, and the other waits for that and then looks again.
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
    let write = |statement: &Statement, arguments| {
        home.as_owner(|| statement.each(home, Mode::Write, arguments, |_| Ok(())))
    };
    for _ in 0..LOOKS {
        let claim = key().bind(resolved.model_id).bind(id);
        if CLAIM.with(|insert| write(insert, claim))? == 1 {
            return Ok(None);
        }
        let first = home.as_owner(|| {
            FIRST_ANSWER.with(|find| {
                find.first(home, Mode::Write, key(), |row| {
                    Ok((row.need::<Uuid>(1)?, row.need::<Uuid>(2)?, first_answer(row, resolved)))
                })
            })
        })?;
        match first {
            Some((_, gone, answer)) if answer.id.is_none() => {
                let claim = key().bind(resolved.model_id).bind(id).bind(gone);
                if CLAIM_ANEW.with(|update| write(update, claim))? == 1 {
                    return Ok(None);
                }
            }
            Some((model_id, _, answer)) if model_id == resolved.model_id => return Ok(Some(answer)),
            Some(_) => return Err(prediction::request_reused(name)),
            // Retention has deleted it since.
            None => {}
        }
    }
    Err(Failure::internal("a request id is taken, but its row cannot be seen"))
}

fn first_answer(row: &Row, resolved: &Resolved) -> Answer {
    Answer {
        id: row.get(3),
        score: row.get(4),
        class: row.get(5),
        confidence: row.get(6),
        decision: row.get(7),
        reasons: row.get::<String>(8).and_then(|text| serde_json::from_str(&text).ok()),
        model: resolved.model.clone(),
        version: row.get(9),
        variant: row.get(10),
        latency: Duration::from_micros(row.get::<i32>(11).unwrap_or(0).unsigned_abs().into()),
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
