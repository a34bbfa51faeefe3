//! MLflow's model directories: what SQL needs to know of their files.

use crate::cache::{self, Digest};
use crate::error::{Failure, Result, SqlResult};
use pgrx::JsonB;
use pgrx::prelude::*;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sira_core::ensemble::{self, Ensemble, Format};
use sira_core::signature::Signature;
use sira_mlflow::Origin;
use std::ops::ControlFlow;

/// The path of the model file that an `MLmodel` names.
#[pg_extern(sql = false)]
fn sira_mlflow_file(mlmodel: &str) -> SqlResult<String> {
    Ok(sira_mlflow::describe(mlmodel).map_err(Failure::from)?.data)
}

/// What an `MLmodel` and its model file make of a version: format, signature, origin.
#[pg_extern(sql = false)]
fn sira_read_mlflow(mlmodel: &str, data: &[u8]) -> SqlResult<JsonB> {
    Ok(JsonB(read(mlmodel, data)?))
}

fn read(mlmodel: &str, data: &[u8]) -> Result<serde_json::Value> {
    let described = sira_mlflow::describe(mlmodel)?;
    let ensemble = load(described.format, data)?;
    let digest: Digest = Sha256::digest(data).into();
    let recorded = sira_mlflow::recorded_signature(&described, &cache::hex(&digest), &ensemble)?;
    let signature = match recorded {
        Some(signature) => signature,
        None => sira_mlflow::signature(&described, &ensemble)?,
    };
    Ok(json!({
        "format": described.format.name(),
        "signature": signature.to_json()?,
        "origin": described.origin,
    }))
}

/// The text files of a version's directory, by path, and under `data` the path of the artifact.
#[pg_extern(sql = false)]
fn sira_write_mlflow(artifact: &[u8], signature: JsonB, origin: JsonB) -> SqlResult<JsonB> {
    Ok(JsonB(write(artifact, &signature.0, &origin.0)?))
}

fn write(
    artifact: &[u8],
    signature: &serde_json::Value,
    origin: &serde_json::Value,
) -> Result<serde_json::Value> {
    let format = Format::of(artifact);
    let ensemble = load(format, artifact)?;
    let text = |key: &str| origin.get(key).and_then(serde_json::Value::as_str);
    // What trained here was written by the library that is linked.
    let trained = text("trained_here").map(|_| sira_train::LIBRARY_VERSION.trim_start_matches("lightgbm "));
    let origin = Origin {
        model: text("model").unwrap_or_default(),
        version: origin.get("version").and_then(serde_json::Value::as_i64).unwrap_or_default(),
        digest: text("digest").unwrap_or_default(),
        library_version: text("library_version").or(trained),
        created: text("created").unwrap_or_default(),
    };
    let signature = Signature::from_json(signature)?;
    let (data, files) = sira_mlflow::files(format, artifact, &ensemble, &signature, &origin);
    let files: serde_json::Map<String, serde_json::Value> =
        files.into_iter().map(|(path, text)| (path, json!(text))).collect();
    Ok(json!({ "data": data, "files": files }))
}

fn load(format: Format, artifact: &[u8]) -> Result<Ensemble> {
    Ok(ensemble::load(format, artifact, &mut || {
        pgrx::check_for_interrupts!();
        ControlFlow::Continue(())
    })?)
}
