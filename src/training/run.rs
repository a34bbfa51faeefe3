//! The row of `sira_training_runs`: everything needed to understand a run, and to do it again.

use crate::api::ids;
use crate::card;
use crate::catalog::Home;
use crate::drift;
use crate::error::Failure;
use crate::error::Result;
use crate::evaluation::champion;
use crate::registration::{self, NewVersion, OwnModel, Registered};
use crate::statement::{Arguments, Mode, Statement};
use crate::training::ask::Ask;
use crate::training::fit::Fitted;
use crate::training::prepare::Prepared;
use pgrx::datum::{Interval, Uuid};
use pgrx::{IntoDatum, pg_sys};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What a finished run leaves behind.
pub struct Run<'a> {
    pub query: &'a str,
    pub label: &'a str,
    pub params: String,
    pub split: String,
    pub embargo: Interval,
    pub options: String,
    pub features: usize,
    pub rows: [usize; 3],
    pub classes: usize,
    pub metrics: &'a str,
    pub history: String,
    pub importance: String,
    pub seed: i64,
    pub threads: i32,
    pub library_version: &'a str,
    pub data_digest: [u8; 32],
    pub feature_set: Option<&'a str>,
    pub notes: Option<&'a str>,
    /// What became of it: a version, or none where a run was only repeated.
    pub version: Option<Uuid>,
    pub artifact_digest: [u8; 32],
    /// The run that this one repeats.
    pub reproduces: Option<Uuid>,
}

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_training_runs (id, tenant_id, model_id, model_version_id, status, query, label, \
             params, split, embargo, options, feature_count, train_size, validation_size, test_size, class_count, \
             metrics, history, feature_importance, artifact_digest, seed, threads, library_version, data_digest, \
             feature_set, notes, reproduces, started_at, finished_at, started_by) \
             VALUES ($1, $2, $3, $4, 'completed', $5, $6, $7::pg_catalog.jsonb, $8::pg_catalog.jsonb, $9, \
             $10::pg_catalog.jsonb, $11, $12, $13, $14, $15, $16::pg_catalog.jsonb, $17::pg_catalog.jsonb, \
             $18::pg_catalog.jsonb, $19, $20, $21, $22, $23, $24, $25, $26, pg_catalog.statement_timestamp(), \
             pg_catalog.clock_timestamp(), session_user)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INTERVALOID, pg_sys::TEXTOID,
                pg_sys::INT4OID, pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT4OID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::INT8OID,
                pg_sys::INT4OID, pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::TEXTOID, pg_sys::TEXTOID,
                pg_sys::UUIDOID,
            ],
        )
    };
}

impl Run<'_> {
    /// Writes the row of a run that came to its end.
    pub fn record(&self, home: Home, id: Uuid, model: &OwnModel) -> Result<()> {
        let [train, validation, test] = self.rows.map(|rows| rows as i64);
        let arguments = Arguments::new()
            .bind(id)
            .bind(model.tenant.as_str())
            .bind(model.id)
            .bind(self.version)
            .bind(self.query)
            .bind(self.label)
            .bind(self.params.as_str())
            .bind(self.split.as_str())
            .bind_datum(self.embargo.into_datum())
            .bind(self.options.as_str())
            .bind(self.features as i32)
            .bind(train)
            .bind(validation)
            .bind(test)
            .bind(self.classes as i32)
            .bind(self.metrics)
            .bind(self.history.as_str())
            .bind(self.importance.as_str())
            .bind(self.artifact_digest.as_slice())
            .bind(self.seed)
            .bind(self.threads)
            .bind(self.library_version)
            .bind(self.data_digest.as_slice())
            .bind(self.feature_set)
            .bind(self.notes)
            .bind(self.reproduces);
        home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
        Ok(())
    }
}

/// Registers what came of a training as a candidate, and records the run that made it.
pub fn register(home: Home, ask: &Ask, prepared: &Prepared, fitted: &Fitted) -> Result<(Uuid, Registered)> {
    let own = registration::lock_model(home, &ask.model)?;
    let run_id = new_id()?;
    let registered = registration::register(
        home,
        &own,
        &NewVersion {
            artifact: fitted.trained.text.as_bytes(),
            format: "lightgbm",
            signature: &prepared.data.signature,
            metrics: fitted.metrics.to_string(),
            parameters: prepared.params.to_json().to_string(),
            training_run: Some(run_id),
            label: None,
        },
    )?;
    let (data, parts) = (&prepared.data, &prepared.parts);
    card::curves::record(home, &own, &registered, data, &prepared.split, &fitted.trained.text)?;
    drift::baseline::of_training(home, &own, &registered, data, parts, &fitted.trained.text)?;
    record(home, ask, prepared, fitted, run_id, Some(registered.id), None)?;
    if let Value::Object(metrics) = &fitted.metrics {
        let run = champion::Run {
            id: run_id,
            model: &ask.model,
            own: &own,
            registered: &registered,
            data,
            test: &parts.test,
            metrics,
            query: &ask.query,
            label: &ask.label,
            weight: ask.weight.as_deref(),
        };
        champion::evaluate_beside(home, &run)?;
    }
    Ok((run_id, registered))
}

/// Records a run: one that made a version, or one that repeated another.
pub fn record(
    home: Home,
    ask: &Ask,
    prepared: &Prepared,
    fitted: &Fitted,
    id: Uuid,
    version: Option<Uuid>,
    reproduces: Option<Uuid>,
) -> Result<()> {
    let (parts, data, trained) = (&prepared.parts, &prepared.data, &fitted.trained);
    Run {
        query: &ask.query,
        label: &ask.label,
        params: prepared.params.to_json().to_string(),
        split: ask.split.to_string(),
        embargo: ask.embargo,
        options: options(ask, prepared, fitted).to_string(),
        features: data.signature.features.len(),
        rows: [parts.train.len(), parts.validation.len(), parts.test.len()],
        classes: data.signature.classes.len(),
        metrics: &fitted.metrics.to_string(),
        history: to_json(&trained.history)?,
        importance: to_json(&trained.importance)?,
        seed: ask.seed,
        threads: crate::guc::TRAINING_THREADS.get(),
        library_version: &trained.library_version,
        data_digest: data.digest,
        feature_set: prepared.feature_set.as_deref(),
        notes: ask.notes.as_deref(),
        version,
        artifact_digest: Sha256::digest(trained.text.as_bytes()).into(),
        reproduces,
    }
    .record(home, id, &prepared.own)
}

/// What a repetition needs beside the columns of the run, and what the run has to say of itself.
fn options(ask: &Ask, prepared: &Prepared, fitted: &Fitted) -> Value {
    let (data, parts) = (&prepared.data, &prepared.parts);
    let mut options = ask.options();
    let more = json!({
        "positive": data.signature.positive,
        "start_from": prepared.champion.as_ref().map(|champion| &champion.reference),
        "build": sira_train::build(),
        "calibrated": data.signature.calibration,
        "best_round": fitted.trained.best_round,
        "rows_without_label": data.unlabelled,
        "rows_in_embargo": parts.dropped,
    });
    if let (Value::Object(all), Value::Object(more)) = (&mut options, more) {
        all.extend(more);
    }
    options
}

/// The id of a run: 128 bits of a UUID version 4.
pub fn new_id() -> Result<Uuid> {
    let mut id = ids::random::<16>()?;
    id[6] = (id[6] & 0x0F) | 0x40;
    id[8] = (id[8] & 0x3F) | 0x80;
    Ok(Uuid::from_bytes(id))
}

fn to_json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Failure::internal(format!("a run's record cannot be written: {error}")))
}
