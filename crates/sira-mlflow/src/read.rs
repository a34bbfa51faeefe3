//! From a directory's description to what SIRA imports.

use crate::yaml::{self, Plain};
use serde_json::{Map, Value, json};
use sira_core::ensemble::{Ensemble, Format};
use sira_core::signature::{Feature, FeatureKind, Signature};
use sira_core::{Error, ErrorKind, Result};

/// What `MLmodel` says that matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    pub format: Format,
    /// The model file's path within the directory.
    pub data: String,
    /// Where the model comes from, for the version's tags.
    pub origin: Value,
    /// The columns of the signature, where it has named ones.
    columns: Option<Vec<(String, String)>>,
    /// What our own export wrote: the artifact's digest, and the signature of the version.
    recorded: Option<(String, Value)>,
}

/// Reads the text of `MLmodel`.
pub fn describe(mlmodel: &str) -> Result<Described> {
    let document = yaml::parse(mlmodel, Plain::Text)?;
    let flavors = document.get("flavors").and_then(Value::as_object);
    let flavors = flavors.ok_or_else(|| unsupported("MLmodel names no flavours".to_owned()))?;
    let (format, flavor, booster, version) = match (flavors.get("lightgbm"), flavors.get("xgboost")) {
        (Some(flavor), _) => (Format::LightGbm, flavor, "lightgbm.basic.Booster", "lgb_version"),
        (None, Some(flavor)) => (Format::XGBoost, flavor, "xgboost.core.Booster", "xgb_version"),
        (None, None) => {
            let names: Vec<&str> = flavors.keys().map(String::as_str).collect();
            return Err(unsupported(format!("its flavours are {}", names.join(", ")))
                .with_hint("Models of the flavours lightgbm and xgboost can be imported."));
        }
    };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(class) = text(flavor, "model_class").filter(|class| class != booster) {
        return Err(unsupported(format!("its model is a pickled {class}")).with_hint(
            "Save the booster inside: mlflow.lightgbm.save_model(model.booster_, …), mlflow.xgboost.save_model(model.get_booster(), …).",
        ));
    }
    let data = text(flavor, "data").ok_or_else(|| unsupported("its flavour names no file".to_owned()))?;
    // The path is followed by the server: it must stay within the directory.
    if data.starts_with('/')
        || data.contains('\\')
        || data.split('/').any(|part| matches!(part, "" | "." | ".."))
    {
        return Err(unsupported(format!("the path \"{data}\" leads out of its directory")));
    }
    let mut origin = Map::new();
    origin.insert("flavor".into(), json!(format.name()));
    for key in ["run_id", "model_id", "model_uuid", "mlflow_version", "utc_time_created"] {
        if let Some(value) = text(&document, key) {
            origin.insert(key.into(), json!(value));
        }
    }
    if let Some(value) = text(flavor, version) {
        origin.insert("library_version".into(), json!(value));
    }
    let inputs = document.get("signature").and_then(|signature| text(signature, "inputs"));
    let columns = inputs.as_deref().map(columns).transpose()?.flatten();
    let recorded = recorded(&document, mlmodel)?;
    Ok(Described { format, data, origin: Value::Object(origin), columns, recorded })
}

/// The digest and the signature that our export wrote, if it did; the latter was JSON.
fn recorded(document: &Value, mlmodel: &str) -> Result<Option<(String, Value)>> {
    let ours = |document: &Value, key: &str| document.get("metadata")?.get("sira")?.get(key).cloned();
    let Some(Value::String(digest)) = ours(document, "artifact_sha256") else { return Ok(None) };
    let signature = ours(&yaml::parse(mlmodel, Plain::Json)?, "signature");
    Ok(signature.map(|signature| (digest, signature)))
}

/// The signature that was exported with the artifact of this digest: categories of texts, classes and calibration, of which
/// MLflow's columns say nothing. Metadata may be copied beside another model, whose codes mean something else.
pub fn recorded_signature(
    described: &Described,
    digest: &str,
    ensemble: &Ensemble,
) -> Result<Option<Signature>> {
    let Some((_, json)) = described.recorded.as_ref().filter(|(of, json)| of == digest && json.is_object())
    else {
        return Ok(None);
    };
    let signature = Signature::from_json(json)?;
    signature.check(ensemble)?;
    Ok(Some(signature))
}

/// (name, type) of the inputs; none of tensors, which have no names.
fn columns(inputs: &str) -> Result<Option<Vec<(String, String)>>> {
    let malformed = || {
        Error::new(ErrorKind::MalformedModel, "the signature in MLmodel cannot be read")
            .with_detail("\"inputs\" is not a JSON list of columns with a name and a type.")
    };
    let parsed: Value = serde_json::from_str(inputs).map_err(|_| malformed())?;
    let list = parsed.as_array().ok_or_else(malformed)?;
    if list.iter().any(|column| column.get("type").and_then(Value::as_str) == Some("tensor")) {
        return Ok(None);
    }
    let named = list.iter().map(|column| {
        let kind = column.get("type").and_then(Value::as_str)?.to_owned();
        Some((column.get("name").and_then(Value::as_str).map(str::to_owned), kind))
    });
    let named: Option<Vec<(Option<String>, String)>> = named.collect();
    let named = named.ok_or_else(malformed)?;
    Ok(named.into_iter().map(|(name, kind)| Some((name?, kind))).collect())
}

/// The signature of a model with the names and types that MLflow knows.
///
/// MLflow orders columns by its signature and hands them to the library by position, so positions count; where the artifact
/// has names of its own they must be the same ones, as far as the library could write them.
pub fn signature(described: &Described, ensemble: &Ensemble) -> Result<Signature> {
    let own = Signature::from_ensemble(ensemble);
    let Some(columns) = &described.columns else { return Ok(own) };
    if columns.len() != own.features.len() {
        return Err(differ(format!(
            "{} columns in MLmodel, {} features in the model.",
            columns.len(),
            own.features.len()
        )));
    }
    let features = own.features.iter().enumerate().zip(columns).map(|((at, feature), (name, kind))| {
        let generic = [format!("Column_{at}"), format!("f{at}")].contains(&feature.name);
        if !generic && spelt(&feature.name) != spelt(name) {
            return Err(differ(format!(
                "Column {} is \"{name}\" in MLmodel and \"{}\" in the model.",
                at + 1,
                feature.name
            )));
        }
        let coded = feature.is_categorical();
        match kind.as_str() {
            "boolean" if !coded => Ok(Feature::new(name.as_str(), FeatureKind::Boolean)),
            "datetime" | "binary" | "array" | "object" | "map" => {
                Err(differ(format!("Column \"{name}\" is of type {kind}, which no tree model takes.")))
            }
            "string" if feature.kind != FeatureKind::Text => Err(differ(format!(
                "Column \"{name}\" is a string, and the model does not hold its categories."
            ))
            .with_hint("Train with pandas categories, which LightGBM writes into the model.")),
            _ if feature.kind == FeatureKind::Text => {
                Ok(Feature::text(name.as_str(), feature.categories.clone()))
            }
            _ => Ok(Feature::new(name.as_str(), feature.kind)),
        }
    });
    let features = features.collect::<Result<Vec<Feature>>>()?;
    let signature = Signature::new(own.task, features, own.classes, own.positive);
    signature.check(ensemble)?;
    Ok(signature)
}

/// A name without what LightGBM and XGBoost replace in names.
fn spelt(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

fn unsupported(reason: String) -> Error {
    Error::new(ErrorKind::UnsupportedModel, "the MLflow model cannot be imported")
        .with_detail(format!("{reason}."))
}

fn differ(detail: String) -> Error {
    Error::new(ErrorKind::InvalidParameter, "the signature in MLmodel does not fit the model")
        .with_detail(detail)
}
