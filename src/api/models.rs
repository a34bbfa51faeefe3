//! Models that come from elsewhere, and that go elsewhere.

use crate::call;
use crate::catalog::Home;
use crate::error::{Failure, Result, SqlResult};
use crate::registration::{self, NewVersion};
use crate::version;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use serde_json::Value;
use sira_core::ensemble::{self, Format, Note};
use sira_core::signature::Signature;
use std::ops::ControlFlow;

/// Registers a library's model as a candidate version.
#[pg_extern(sql = false)]
fn sira_import_version(fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i32> {
    let need = |name: &str, position| {
        call::text_argument(fcinfo, position)
            .ok_or_else(|| call::null_argument(name, "Name a model, an artifact and its format."))
    };
    let artifact: Vec<u8> = call::argument(fcinfo, 1).ok_or_else(|| {
        call::null_argument("artifact", "Give the text or the bytes that Booster.save_model writes.")
    })?;
    Ok(import(
        Home::of_call(fcinfo)?,
        &need("model", 0)?,
        &artifact,
        &need("format", 2)?,
        call::json_argument(fcinfo, 3)?,
        call::json_argument(fcinfo, 4)?,
        call::text_argument(fcinfo, 5).as_deref(),
    )?)
}

/// The artifact of a version, as it came.
#[pg_extern(sql = false)]
fn sira_export_version(model: &str, fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<Vec<u8>> {
    let home = Home::of_call(fcinfo)?;
    let resolved = version::resolve(home, model)?;
    let version = resolved.version(home)?;
    Ok(version::read_artifact(home, &resolved.tenant, &version.digest)?)
}

/// Compiles and maps a version, so that the first score of this machine need not; gives its bytes.
#[pg_extern(sql = false)]
fn sira_prewarm(model: &str, fcinfo: pg_sys::FunctionCallInfo) -> SqlResult<i64> {
    let home = Home::of_call(fcinfo)?;
    let loaded = version::resolve(home, model)?.version(home)?.load(home)?;
    Ok(i64::try_from(loaded.len()).unwrap_or(i64::MAX))
}

fn import(
    home: Home,
    model: &str,
    artifact: &[u8],
    format: &str,
    signature: Option<Value>,
    metrics: Option<Value>,
    label: Option<&str>,
) -> Result<i32> {
    let format = Format::parse(format)?;
    if format == Format::LightGbm {
        std::str::from_utf8(artifact).map_err(|error| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
                "the artifact is not UTF-8 text",
            )
            .detail(format!("{error}."))
            .hint("Import the text that Booster.save_model writes, not a compressed or pickled file.")
        })?;
    }
    if metrics.as_ref().is_some_and(|metrics| !metrics.is_object()) {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "metrics are not a JSON object",
        )
        .hint(r#"Write them like {"auc": 0.95, "precision": 0.9}."#));
    }
    let ensemble = ensemble::load(format, artifact, &mut || {
        pgrx::check_for_interrupts!();
        ControlFlow::Continue(())
    })?;
    let signature = match signature {
        Some(json) => {
            let signature = Signature::from_json(&json)?;
            signature.check(&ensemble)?;
            signature
        }
        None => {
            ensemble.notes().iter().for_each(tell);
            Signature::from_ensemble(&ensemble)
        }
    };
    let own = registration::lock_model(home, model)?;
    if own.task != signature.task {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("the artifact does not answer the question of model \"{model}\""),
        )
        .detail(format!("The model's task is {}, the artifact's {}.", own.task, signature.task))
        .hint("Create a model with the artifact's task."));
    }
    let registered = registration::register(
        home,
        &own,
        &NewVersion {
            artifact,
            format: format.name(),
            signature: &signature,
            metrics: metrics.map_or_else(|| "{}".to_owned(), |json| json.to_string()),
            parameters: "{}".to_owned(),
            training_run: None,
            label,
        },
    )?;
    Ok(registered.number)
}

/// Says what the artifact leaves open.
fn tell(note: &Note) {
    let failure = Failure::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, note.message.as_str());
    ErrorReport::from(failure.detail(note.detail.as_str()).hint(note.hint.as_str()))
        .report(PgLogLevel::NOTICE);
}
