//! The row of `sira_evaluations`.

use crate::catalog::{self, Home};
use crate::error::Result;
use crate::statement::{Arguments, Mode, Statement};
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use serde_json::{Map, Value};
use sira_core::signature::Task;

/// What an evaluation leaves behind.
pub struct Evaluation<'a> {
    pub model_id: Uuid,
    pub version_id: Uuid,
    pub version: i32,
    pub task: Task,
    pub purpose: &'a str,
    pub query: &'a str,
    pub label: &'a str,
    pub weight: Option<&'a str>,
    pub threshold: Option<f64>,
    pub rows: usize,
    pub digest: &'a [u8; 32],
    pub metrics: &'a Map<String, Value>,
    pub intervals: Option<&'a Map<String, Value>>,
    pub slices: Option<&'a Map<String, Value>>,
    pub run_id: Option<Uuid>,
}

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_evaluations (tenant_id, model_id, model_version_id, version, purpose, query, label, \
             weight, threshold, rows, data_digest, primary_metric, primary_value, metrics, intervals, slices, run_id, \
             evaluated_by) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, p.metric, \
             pg_catalog.jsonb_extract_path_text($13::pg_catalog.jsonb, p.metric)::pg_catalog.float8, \
             $13::pg_catalog.jsonb, $14::pg_catalog.jsonb, $15::pg_catalog.jsonb, $16, session_user \
             FROM {s}.sira_primary_metric($12, $13::pg_catalog.jsonb) AS p",
            &[
                pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::INT4OID, pg_sys::TEXTOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::FLOAT8OID, pg_sys::INT8OID, pg_sys::BYTEAOID,
                pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::UUIDOID,
            ],
        )
    };
}

impl Evaluation<'_> {
    /// Writes the row as the owner, for the caller's tenant: the rows were theirs, the model may be everybody's.
    pub fn record(&self, home: Home) -> Result<()> {
        let tenant = catalog::require_tenant(home)?;
        let json = |map: &Map<String, Value>| Value::Object(map.clone()).to_string();
        let (metrics, intervals, slices) =
            (json(self.metrics), self.intervals.map(json), self.slices.map(json));
        let arguments = Arguments::new()
            .bind(tenant.as_str())
            .bind(self.model_id)
            .bind(self.version_id)
            .bind(self.version)
            .bind(self.purpose)
            .bind(self.query)
            .bind(self.label)
            .bind(self.weight)
            .bind(self.threshold)
            .bind(self.rows as i64)
            .bind(self.digest.as_slice())
            .bind(self.task.name())
            .bind(metrics.as_str())
            .bind(intervals.as_deref())
            .bind(slices.as_deref())
            .bind(self.run_id);
        home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, arguments, |_| Ok(()))))?;
        Ok(())
    }
}
