//! A run as it was recorded, to be done again.

use crate::catalog::{self, Home};
use crate::error::{Failure, Result, literal};
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::training::ask::Ask;
use crate::training::settings::Settings;
use pgrx::datum::{Interval, Uuid};
use pgrx::{JsonB, PgSqlErrorCode, pg_sys};
use serde_json::{Value, json};
use std::ffi::CString;

/// What is known of a run.
pub struct StoredRun {
    pub ask: Ask,
    pub version: Option<i32>,
    pub data_digest: Vec<u8>,
    pub artifact_digest: Vec<u8>,
    pub options: Value,
    started_by: String,
}

thread_local! {
    static FIND: Statement = const {
        Statement::new(
            "SELECT m.name, r.query, r.label, r.params, r.split, r.embargo, r.options, r.seed, r.feature_set, \
             r.data_digest, r.artifact_digest, r.started_by, v.version \
             FROM {s}.sira_training_runs r JOIN {s}.sira_models m ON m.tenant_id {=} r.tenant_id AND m.id {=} r.model_id \
             LEFT JOIN {s}.sira_model_versions v ON v.tenant_id {=} r.tenant_id AND v.id {=} r.model_version_id \
             WHERE r.tenant_id {=} $1 AND r.id {=} $2",
            &[pg_sys::TEXTOID, pg_sys::UUIDOID],
        )
    };
}

impl StoredRun {
    /// The run of the caller's tenant.
    pub fn find(home: Home, id: Uuid) -> Result<Self> {
        let tenant = catalog::require_tenant(home)?;
        let by_id = Arguments::new().bind(tenant.as_str()).bind(id);
        let found = home.as_owner(|| FIND.with(|find| find.first(home, Mode::Write, by_id, read)))?;
        found.ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("training run {id} does not exist"),
            )
            .hint("SELECT id, status, started_at FROM sira_training_runs ORDER BY started_at DESC LIMIT 10;")
        })?
    }

    /// Why it cannot be done again by this build and in this session, as far as its record tells.
    pub fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if self.ask.query.is_empty() || self.data_digest.is_empty() || self.artifact_digest.is_empty() {
            obstacles.push("it does not say by which query it was trained, or what came of it".to_owned());
        }
        let (here, there) = (sira_train::build(), self.options.get("build").and_then(Value::as_str));
        match there {
            Some(there) if there == here => {}
            Some(there) => {
                obstacles.push(format!("it was trained by another build: {there}; this is {here}"))
            }
            None => obstacles.push("it does not say by which build it was trained".to_owned()),
        }
        if let Some(refusal) = self.foreign() {
            obstacles.push(refusal);
        }
        obstacles
    }

    /// Refuses to run what another wrote with the rights of whoever asks.
    pub fn require_own(&self) -> Result<()> {
        match self.foreign() {
            None => Ok(()),
            Some(refusal) => Err(Failure::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, refusal).hint(
                format!("Log in as {}, or read the run's query and train by it.", literal(&self.started_by)),
            )),
        }
    }

    fn foreign(&self) -> Option<String> {
        foreign(&self.started_by).then(|| {
            format!("its query is of role \"{}\" and would run with the rights of another", self.started_by)
        })
    }
}

/// Whether what a role wrote is neither the session's own nor a superuser's.
pub fn foreign(author: &str) -> bool {
    let Ok(author) = CString::new(author) else { return true };
    // SAFETY: a look-up by name that may find nothing; reads a variable of the backend.
    unsafe {
        let author = pg_sys::get_role_oid(author.as_ptr(), true);
        author == pg_sys::InvalidOid
            || (author != pg_sys::GetSessionUserId() && !pg_sys::superuser_arg(author))
    }
}

fn read(row: &Row) -> Result<Result<StoredRun>> {
    let json = |ordinal| row.get::<JsonB>(ordinal).map(|JsonB(json)| json);
    let options = json(7).unwrap_or_else(|| json!({}));
    let ask = Ask {
        model: row.need(1)?,
        query: row.get(2).unwrap_or_default(),
        label: row.get(3).unwrap_or_default(),
        time: None,
        weight: None,
        exclude: Vec::new(),
        group: None,
        positive: None,
        params: json(4).unwrap_or_else(|| json!({})),
        split: json(5).unwrap_or_else(|| json!({ "method": "time" })),
        embargo: row.get(6).unwrap_or_else(|| Interval::from_micros(0)),
        seed: row.get(8).unwrap_or_default(),
        feature_set: row.get(9),
        notes: None,
        calibration: None,
        start_from: None,
        settings: Settings::default(),
    };
    Ok(ask.with_options(&options).map(|ask| StoredRun {
        ask,
        version: row.get(13),
        data_digest: row.get(10).unwrap_or_default(),
        artifact_digest: row.get(11).unwrap_or_default(),
        options,
        started_by: row.get(12).unwrap_or_default(),
    }))
}
