//! `sira_reproduce`: a run trained again, and compared by its digests; and whether that can be expected.

use crate::catalog::Home;
use crate::cursor::Cursor;
use crate::error::{self, Failure, SqlResult};
use crate::feature::plan;
use crate::statement::Mode;
use crate::training::fit::fit;
use crate::training::prepare::prepare;
use crate::training::run;
use crate::training::stored::StoredRun;
use pgrx::PgSqlErrorCode;
use pgrx::datum::Uuid;
use pgrx::iter::TableIterator;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

type Outcome = (Option<Uuid>, Option<i32>, bool, Option<bool>, String);

/// Trains a run again. See the comment on the SQL function.
#[pg_extern(sql = false)]
fn sira_reproduce(
    run_id: Uuid,
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(reproduction_id, Option<Uuid>),
            name!(version, Option<i32>),
            name!(data_identical, bool),
            name!(artifact_identical, Option<bool>),
            name!(note, String),
        ),
    >,
    ErrorReport,
> {
    Ok(TableIterator::new(vec![reproduce(Home::of_call(fcinfo)?, run_id)?]))
}

/// What stands against a reproduction, from the record alone; NULL where nothing does.
#[pg_extern(sql = false)]
fn sira_run_obstacles(run_id: Uuid, fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Option<String>> {
    let obstacles = StoredRun::find(Home::of_call(fcinfo)?, run_id)?.obstacles();
    Ok(Some(obstacles.join("; ")).filter(|obstacles| !obstacles.is_empty()))
}

/// Whether the run's query still gives rows that can be trained on, and with `check_data` the same ones. What is wrong
/// with the query is an error.
#[pg_extern(sql = false)]
fn sira_run_reads_as_before(
    run_id: Uuid,
    check_data: bool,
    fcinfo: pg_sys::FunctionCallInfo,
) -> SqlResult<bool> {
    Ok(reads_as_before(Home::of_call(fcinfo)?, run_id, check_data)?)
}

fn reads_as_before(home: Home, run_id: Uuid, check_data: bool) -> error::Result<bool> {
    let run = StoredRun::find(home, run_id)?;
    run.require_own()?;
    let _settings = run.ask.settings.hold();
    if check_data {
        return Ok(prepare(home, &run.ask)?.data.digest.as_slice() == run.data_digest);
    }
    if let Some(set) = &run.ask.feature_set {
        plan::with(home, set, |_| Ok(()))?;
    }
    Cursor::open("the training query", &run.ask.query, &[], &[], Mode::Write)?.close();
    Ok(true)
}

fn reproduce(home: Home, run_id: Uuid) -> error::Result<Outcome> {
    let mut run = StoredRun::find(home, run_id)?;
    run.require_own()?;
    if run.ask.query.is_empty() || run.artifact_digest.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("training run {run_id} does not say what was trained"),
        )
        .hint("SELECT * FROM sira_reproducible('…');"));
    }
    let mut prepared = {
        let _settings = run.ask.settings.hold();
        prepare(home, &run.ask)?
    };
    let obstacles = run.obstacles();
    if prepared.data.digest.as_slice() != run.data_digest {
        let note = format!(
            "the data changed: the query's {} rows do not have the digest of the run's; nothing was trained",
            prepared.data.table.label.len()
        );
        return Ok((None, run.version, false, None, note));
    }
    run.ask.notes = Some(format!("reproduction of run {run_id}"));
    let fitted = fit(home, &run.ask, &mut prepared)?;
    let digest = Sha256::digest(fitted.trained.text.as_bytes());
    let calibrated = serde_json::to_value(&prepared.data.signature.calibration).unwrap_or(Value::Null);
    let mut differences = Vec::new();
    if digest.as_slice() != run.artifact_digest {
        differences.push("artifact");
    }
    if calibrated != *run.options.get("calibrated").unwrap_or(&json!(null)) {
        differences.push("calibration");
    }
    let id = run::new_id()?;
    run::record(home, &run.ask, &prepared, &fitted, id, None, Some(run_id))?;
    let mut note = match differences.as_slice() {
        [] => "identical: data and artifact have the run's digests".to_owned(),
        differences => format!("different: {}", differences.join(", ")),
    };
    for obstacle in obstacles {
        note.push_str("; ");
        note.push_str(&obstacle);
    }
    Ok((Some(id), run.version, true, Some(differences.is_empty()), note))
}
