//! From a version to the files of a directory that MLflow loads.

use serde_json::{Value, json};
use sira_core::ensemble::{Ensemble, Format};
use sira_core::signature::{FeatureKind, Signature};

/// What is known of the version besides its model.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The model's name, and the version's number.
    pub model: &'a str,
    pub version: i64,
    /// SHA-256 of the artifact, in hex.
    pub digest: &'a str,
    /// The library's version where it is known: a reader should use no older one.
    pub library_version: Option<&'a str>,
    /// When the version was registered, as MLflow writes times: `2026-11-21 22:11:19.071049`.
    pub created: &'a str,
}

/// The text files of the directory, and the path that the artifact itself gets.
pub fn files(
    format: Format,
    artifact: &[u8],
    ensemble: &Ensemble,
    signature: &Signature,
    origin: &Origin<'_>,
) -> (String, Vec<(String, String)>) {
    let is_json = artifact.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        && artifact.iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b'"');
    let data = match (format, is_json) {
        (Format::LightGbm, _) => "model.lgb",
        (Format::XGBoost, true) => "model.json",
        (Format::XGBoost, false) => "model.ubj",
    };
    let library = match origin.library_version {
        Some(version) => format!("{}=={version}", format.name()),
        None => format.name().to_owned(),
    };
    let requirements = ["mlflow", library.as_str(), "pandas", "numpy", "scipy", "scikit-learn"];
    let files = vec![
        ("MLmodel".to_owned(), mlmodel(format, data, ensemble, signature, origin)),
        ("requirements.txt".to_owned(), requirements.map(|line| format!("{line}\n")).concat()),
        (
            "python_env.yaml".to_owned(),
            "build_dependencies:\n- pip\n- setuptools\n- wheel\ndependencies:\n- -r requirements.txt\n"
                .to_owned(),
        ),
        (
            "conda.yaml".to_owned(),
            format!(
                "channels:\n- conda-forge\ndependencies:\n- python\n- pip\n- pip:\n{}name: mlflow-env\n",
                requirements.map(|line| format!("  - {line}\n")).concat()
            ),
        ),
    ];
    (data.to_owned(), files)
}

/// The description. A text in JSON's quotes is one in YAML too, and so is a whole JSON value in one line.
fn mlmodel(
    format: Format,
    data: &str,
    ensemble: &Ensemble,
    signature: &Signature,
    origin: &Origin<'_>,
) -> String {
    let name = format.name();
    let version = origin.library_version.map_or(Value::Null, |version| json!(version));
    let particular = match format {
        Format::LightGbm => format!("    lgb_version: {version}\n    model_class: lightgbm.basic.Booster\n"),
        Format::XGBoost => format!(
            "    xgb_version: {version}\n    model_class: xgboost.core.Booster\n    model_format: {}\n",
            data.rsplit('.').next().unwrap_or_default()
        ),
    };
    let inputs: Vec<Value> = signature
        .features
        .iter()
        .enumerate()
        .map(|(at, feature)| {
            // Codes of categories, dates and times are numbers to the library; only pandas' own categories are in the model.
            let kind = match feature.kind {
                FeatureKind::Boolean => "boolean",
                FeatureKind::Text if ensemble.categories(at).is_some() => "string",
                _ => "double",
            };
            json!({ "type": kind, "name": feature.name, "required": true })
        })
        .collect();
    let outputs = json!([{ "type": "tensor", "tensor-spec": { "dtype": "float64", "shape":
        if ensemble.outputs() > 1 { json!([-1, ensemble.outputs()]) } else { json!([-1]) } } }]);
    let metadata = json!({ "sira": {
        "model": origin.model,
        "version": origin.version,
        "artifact_sha256": origin.digest,
        "signature": signature.to_json().unwrap_or(Value::Null),
    } });
    format!(
        "flavors:\n  {name}:\n    code: null\n    data: {data}\n{particular}  python_function:\n    data: {data}\n    env:\n      \
         conda: conda.yaml\n      virtualenv: python_env.yaml\n    loader_module: mlflow.{name}\nmetadata: {metadata}\n\
         signature:\n  inputs: {}\n  outputs: {}\n  params: null\nutc_time_created: {}\n",
        Value::String(Value::Array(inputs).to_string()),
        Value::String(outputs.to_string()),
        json!(origin.created)
    )
}
