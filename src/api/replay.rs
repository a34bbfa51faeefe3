//! `sira_replay`: a logged prediction, computed again from what was stored.

use crate::audit;
use crate::catalog::{self, Home};
use crate::error::{self, Failure};
use crate::features::Features;
use crate::scoring::Scorer;
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::version;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::policy::position_of_largest;

/// What was logged.
struct Logged {
    tenant: String,
    model: Option<String>,
    version_id: Option<Uuid>,
    policy_id: Option<Uuid>,
    vector: Option<Vec<Option<f64>>>,
    digest: Option<Vec<u8>>,
    raw: Option<f64>,
    score: Option<f64>,
    class: Option<String>,
    decision: Option<String>,
    fallback: bool,
    erased: bool,
    external: bool,
}

const COLUMNS: &str = "SELECT m.tenant_id, m.name, p.model_version_id, p.policy_id, p.feature_vector, \
    p.features_digest, p.raw_score, p.score, p.predicted_class, p.decision, p.fallback, \
    p.erased_at IS NOT NULL, p.source {<>} 'sira' \
    FROM {s}.sira_predictions p LEFT JOIN {s}.sira_models m ON m.id {=} p.model_id \
    WHERE p.tenant_id {=} $1 AND p.id {=} $2 AND ($3 IS NULL OR p.created_at {=} $3)";

thread_local! {
    static FIND: Statement = const {
        Statement::new(COLUMNS, &[pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TIMESTAMPTZOID])
    };
}

/// Compares bit by bit; the note says what could not be compared and why.
#[pg_extern(sql = false)]
fn sira_replay(
    prediction_id: Uuid,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(recorded, Option<f64>),
            name!(recomputed, Option<f64>),
            name!(identical, Option<bool>),
            name!(note, String),
        ),
    >,
    ErrorReport,
> {
    let row = replay(Home::of_call(fcinfo)?, prediction_id)?;
    Ok(TableIterator::new(vec![row]))
}

fn replay(home: Home, id: Uuid) -> error::Result<(Option<f64>, Option<f64>, Option<bool>, String)> {
    let logged = find(home, id)?;
    let without = |note: &str| Ok((logged.score, None, None, note.to_owned()));
    if logged.erased {
        return without("erased: the features were removed, their digest remains");
    }
    if logged.external {
        return without("external: the row was not written by sira_predict");
    }
    if logged.fallback {
        return without("fallback: nothing was scored, the declared decision answered");
    }
    let (Some(vector), Some(version_id), Some(model)) = (&logged.vector, logged.version_id, &logged.model)
    else {
        return without("the features or the version were not recorded");
    };
    let vector: Vec<f64> = vector.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    if logged.digest.as_deref() != Some(audit::features_digest(&vector).as_slice()) {
        return Ok((logged.score, None, Some(false), "the stored features do not have their digest".into()));
    }
    let version = version::load_version(home, &logged.tenant, model, version_id)?;
    let policy = logged.policy_id.map(|id| version::load_policy(home, &logged.tenant, id)).transpose()?;
    let scorer = Scorer::of_version(home, model, version, policy)?;
    let outputs = scorer.outputs(&Features { vector, unseen: Vec::new() })?;
    let verdict = scorer.verdict(&outputs);
    let raw = outputs.raw.get(position_of_largest(&outputs.transformed)).copied();
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    let mut differences = Vec::new();
    if bits(raw) != bits(logged.raw) {
        differences.push("raw score");
    }
    if bits(Some(verdict.score)) != bits(logged.score) {
        differences.push("score");
    }
    if verdict.class != logged.class {
        differences.push("class");
    }
    if verdict.decision != logged.decision {
        differences.push("decision");
    }
    let note = if differences.is_empty() {
        "identical to the last bit: raw score, score, class and decision".to_owned()
    } else {
        format!("different: {}", differences.join(", "))
    };
    Ok((logged.score, Some(verdict.score), Some(differences.is_empty()), note))
}

fn find(home: Home, id: Uuid) -> error::Result<Logged> {
    let tenant = catalog::require_tenant(home)?;
    let created = super::ids::time_of(id);
    let look = |created: Option<TimestampWithTimeZone>| {
        let arguments = Arguments::new().bind(tenant.as_str()).bind(id).bind(created);
        home.as_owner(|| FIND.with(|find| find.first(home, Mode::Read, arguments, read)))
    };
    // The id's own time prunes to one month; an id that came from elsewhere is looked for everywhere.
    let mut found = look(created)?;
    if found.is_none() && created.is_some() {
        found = look(None)?;
    }
    found.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("prediction {id} does not exist"))
            .hint("SELECT id FROM sira_predictions ORDER BY created_at DESC LIMIT 10;")
    })
}

fn read(row: &Row) -> error::Result<Logged> {
    Ok(Logged {
        tenant: row.get(1).unwrap_or_default(),
        model: row.get(2),
        version_id: row.get(3),
        policy_id: row.get(4),
        vector: row.get(5),
        digest: row.get(6),
        raw: row.get(7),
        score: row.get(8),
        class: row.get(9),
        decision: row.get(10),
        fallback: row.need(11)?,
        erased: row.need(12)?,
        external: row.need(13)?,
    })
}
