//! The row of `sira_training_runs`: everything needed to understand a run, and to do it again.

use crate::catalog::Home;
use crate::error::Result;
use crate::registration::{OwnModel, Registered};
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::{Interval, Uuid};
use pgrx::{IntoDatum, pg_sys};

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
}

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_training_runs (id, tenant_id, model_id, model_version_id, status, query, label, \
             params, split, embargo, options, feature_count, train_size, validation_size, test_size, class_count, \
             metrics, history, feature_importance, artifact_digest, seed, threads, library_version, data_digest, \
             feature_set, notes, started_at, finished_at, started_by) \
             VALUES ($1, $2, $3, $4, 'completed', $5, $6, $7::pg_catalog.jsonb, $8::pg_catalog.jsonb, $9, \
             $10::pg_catalog.jsonb, $11, $12, $13, $14, $15, $16::pg_catalog.jsonb, $17::pg_catalog.jsonb, \
             $18::pg_catalog.jsonb, $19, $20, $21, $22, $23, $24, $25, pg_catalog.statement_timestamp(), \
             pg_catalog.clock_timestamp(), session_user)",
            &[
                pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::INTERVALOID, pg_sys::TEXTOID,
                pg_sys::INT4OID, pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT4OID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::INT8OID,
                pg_sys::INT4OID, pg_sys::TEXTOID, pg_sys::BYTEAOID, pg_sys::TEXTOID, pg_sys::TEXTOID,
            ],
        )
    };
}

impl Run<'_> {
    /// Writes the row of a run that made `version`.
    pub fn record(&self, home: Home, id: Uuid, model: &OwnModel, version: &Registered) -> Result<()> {
        let [train, validation, test] = self.rows.map(|rows| rows as i64);
        let arguments = Arguments::new()
            .bind(id)
            .bind(model.tenant.as_str())
            .bind(model.id)
            .bind(version.id)
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
            .bind(version.digest.as_slice())
            .bind(self.seed)
            .bind(self.threads)
            .bind(self.library_version)
            .bind(self.data_digest.as_slice())
            .bind(self.feature_set)
            .bind(self.notes);
        home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
        Ok(())
    }
}
