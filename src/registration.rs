//! Making a version: the artifact once by its digest, the version under the model's next number.

use crate::api::hand;
use crate::cache::{self, Digest};
use crate::catalog::{self, Home};
use crate::error::{Failure, Result, literal};
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::Uuid;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::ensemble::{self, Compiled, Format};
use sira_core::predict::examples::examples;
use sira_core::predict::reference;
use sira_core::signature::{Signature, Task};
use std::ops::ControlFlow;

/// How many rows a version is tried on before it may go on.
const EXAMPLES: usize = 16;

/// A model that the caller's tenant owns.
pub struct OwnModel {
    pub tenant: String,
    pub id: Uuid,
    pub task: Task,
}

/// What becomes a version.
pub struct NewVersion<'a> {
    pub artifact: &'a [u8],
    pub format: &'a str,
    pub signature: &'a Signature,
    pub metrics: String,
    pub parameters: String,
    pub training_run: Option<Uuid>,
    pub label: Option<&'a str>,
}

/// A version as it was registered.
pub struct Registered {
    pub id: Uuid,
    pub number: i32,
}

thread_local! {
    static FIND_MODEL: Statement = const {
        Statement::new(
            "SELECT id, task FROM {s}.sira_models WHERE tenant_id {=} $1 AND name {=} $2",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    static LOCK_MODEL: Statement = const {
        Statement::new(
            "SELECT id, task FROM {s}.sira_models WHERE tenant_id {=} $1 AND name {=} $2 FOR NO KEY UPDATE",
            &[pg_sys::TEXTOID, pg_sys::TEXTOID],
        )
    };
    static FIND_LABEL: Statement = const {
        Statement::new(
            "SELECT version FROM {s}.sira_model_versions \
             WHERE tenant_id = $1 AND model_id = $2 AND version_label = $3",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TEXTOID],
        )
    };
    static STORE_ARTIFACT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_model_artifacts (tenant_id, digest, format, size, content, created_by) \
             VALUES ($1, $2, $3, pg_catalog.length($4), $4, session_user) ON CONFLICT (tenant_id, digest) DO NOTHING",
            &[pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::TEXTOID, pg_sys::BYTEAOID],
        )
    };
    static STORE_EXAMPLE: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_model_examples (tenant_id, model_id, model_version_id, place, features, raw_scores) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::INT4OID, pg_sys::FLOAT8ARRAYOID,
                pg_sys::FLOAT8ARRAYOID,
            ],
        )
    };
    static STORE_VERSION: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_model_versions (tenant_id, model_id, version_label, artifact_digest, \
             artifact_s3_key, format, signature, metrics, parameters, training_run_id, created_by) \
             VALUES ($1, $2, $3, $4, 'sira:sha256/' {||} pg_catalog.encode($4, 'hex'), $5, $6::pg_catalog.jsonb, \
             $7::pg_catalog.jsonb, $8::pg_catalog.jsonb, $9, session_user) RETURNING id, version",
            &[
                pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::UUIDOID,
            ],
        )
    };
}

/// Finds a model of the caller's own tenant by its bare name.
pub fn find_model(home: Home, name: &str) -> Result<OwnModel> {
    FIND_MODEL.with(|find| own_model(home, name, find))
}

/// The same with the model's row locked until the transaction ends: numbers have no gaps, and two sessions
/// that register at once wait for each other.
pub fn lock_model(home: Home, name: &str) -> Result<OwnModel> {
    LOCK_MODEL.with(|lock| own_model(home, name, lock))
}

fn own_model(home: Home, name: &str, statement: &Statement) -> Result<OwnModel> {
    let tenant = catalog::require_tenant(home)?;
    let by_name = Arguments::new().bind(tenant.as_str()).bind(name);
    let found = home.as_owner(|| {
        statement.first(home, Mode::Write, by_name, |row| Ok((row.need::<Uuid>(1)?, row.need::<String>(2)?)))
    })?;
    let (id, task) = found.ok_or_else(|| {
        Failure::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("model \"{name}\" does not exist"))
            .hint(format!("SELECT sira_create_model({}, 'fraud_detection');", literal(name)))
    })?;
    let task = task.parse()?;
    Ok(OwnModel { tenant, id, task })
}

/// Stores the artifact (once) and the version, a candidate; the table numbers it.
pub fn register(home: Home, model: &OwnModel, new: &NewVersion<'_>) -> Result<Registered> {
    use sha2::{Digest as _, Sha256};
    // The author may not approve: nobody becomes it by what another's function does.
    hand::require_own("a version is registered")?;
    let digest: Digest = Sha256::digest(new.artifact).into();
    let signature = serde_json::to_string(new.signature)
        .map_err(|error| Failure::internal(format!("a signature cannot be written: {error}")))?;
    let artifact = Arguments::new()
        .bind(model.tenant.as_str())
        .bind(digest.as_slice())
        .bind(new.format)
        .bind(new.artifact);
    let version = Arguments::new()
        .bind(model.tenant.as_str())
        .bind(model.id)
        .bind(new.label)
        .bind(digest.as_slice())
        .bind(new.format)
        .bind(signature.as_str())
        .bind(new.metrics.as_str())
        .bind(new.parameters.as_str())
        .bind(new.training_run);
    if let Some(label) = new.label {
        refuse_taken_label(home, model, label)?;
    }
    let stored = home.as_owner(|| {
        STORE_ARTIFACT.with(|store| store.each(home, Mode::Write, artifact, |_| Ok(())))?;
        STORE_VERSION.with(|store| {
            store.first(home, Mode::Write, version, |row| Ok((row.need::<Uuid>(1)?, row.need::<i32>(2)?)))
        })
    })?;
    let (id, number) = stored
        .ok_or_else(|| Failure::internal(format!("artifact {} was not registered", cache::hex(&digest))))?;
    store_examples(home, model, id, new)?;
    Ok(Registered { id, number })
}

/// Keeps rows and what the artifact's trees make of them, by the plain walk: the smoke test before a promotion holds
/// the engine that serves to it, on whatever machine and build that is.
fn store_examples(home: Home, model: &OwnModel, version: Uuid, new: &NewVersion<'_>) -> Result<()> {
    let format = Format::parse(new.format)?;
    let ensemble = ensemble::load(format, new.artifact, &mut || {
        pgrx::check_for_interrupts!();
        ControlFlow::Continue(())
    })?;
    let bytes = ensemble::compile(&ensemble);
    let compiled = Compiled::open(&bytes)?;
    for (place, features) in examples(&ensemble, EXAMPLES).into_iter().enumerate() {
        let mut raw = vec![0.0; compiled.outputs()];
        reference::raw(&compiled, &features, &mut raw)?;
        let example = Arguments::new()
            .bind(model.tenant.as_str())
            .bind(model.id)
            .bind(version)
            .bind(i32::try_from(place).unwrap_or(i32::MAX))
            .bind(features)
            .bind(raw);
        home.as_owner(|| STORE_EXAMPLE.with(|store| store.each(home, Mode::Write, example, |_| Ok(()))))?;
    }
    Ok(())
}

/// The unique key would refuse it too, in words about columns; the model is locked, so nobody comes between.
fn refuse_taken_label(home: Home, model: &OwnModel, label: &str) -> Result<()> {
    let by_label = Arguments::new().bind(model.tenant.as_str()).bind(model.id).bind(label);
    let taken = home.as_owner(|| {
        FIND_LABEL.with(|find| find.first(home, Mode::Write, by_label, |row| row.need::<i32>(1)))
    })?;
    match taken {
        None => Ok(()),
        Some(number) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION,
            format!("version label \"{label}\" is taken"),
        )
        .detail(format!("Version {number} of the model bears it."))
        .hint("Choose another label, or leave it out: versions have numbers.")),
    }
}
