//! The training itself: trees, then a calibration where one is asked for, then how good it is.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::guc;
use crate::training::ask::Ask;
use crate::training::evaluation::{answers, evaluate};
use crate::training::prepare::Prepared;
use crate::version;
use crate::worker::progress::{self, Place};
use serde_json::{Value, json};
use sira_core::calibration::Calibration;
use sira_core::ensemble::{codec, lightgbm};
use sira_core::policy::DEFAULT_THRESHOLD;
use sira_train::{Progress, Rows, Trained, ValidParams};
use std::ops::ControlFlow;

/// What is asked between chunks of rows and rounds: whether to go on; told
/// to whoever watches the job.
pub fn observe(at: &Progress, place: Option<Place>) -> ControlFlow<()> {
    progress::of_training(at, place);
    // Raises the cancel or timeout as an error, which unwinds and frees what LightGBM holds.
    pgrx::check_for_interrupts!();
    ControlFlow::Continue(())
}

/// Threads that a training may use.
pub fn threads() -> usize {
    usize::try_from(guc::TRAINING_THREADS.get()).unwrap_or(1)
}

/// Trains on some rows of what was prepared, and stops by others.
pub fn trees(
    prepared: &Prepared,
    params: &ValidParams,
    seed: u64,
    rows: Rows<'_>,
    place: Option<Place>,
) -> sira_core::Result<Trained> {
    let start = prepared.champion.as_ref().map(|champion| &champion.start);
    sira_train::train_from(params, seed, threads(), &prepared.data.table, rows, start, &mut |at| {
        observe(at, place)
    })
}

/// A trained model and its metrics on the test part, with those on the validation part beside them.
pub struct Fitted {
    pub trained: Trained,
    pub metrics: Value,
}

/// Trains, calibrates (the signature of `prepared` keeps it) and measures.
pub fn fit(home: Home, ask: &Ask, prepared: &mut Prepared) -> Result<Fitted> {
    let rows = Rows { train: &prepared.parts.train, validation: &prepared.parts.validation };
    let trained = trees(prepared, &prepared.params, ask.seed_bits(), rows, None)?;
    let ensemble = lightgbm::parse(&trained.text)?;
    if let Some(champion) = prepared.champion.as_ref()
        && *ensemble.objective() != champion.start.objective()
    {
        return Err(Failure::new(
            pgrx::PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            format!("version \"{}\" was trained for another objective", champion.reference),
        )
        .hint("Give the version's own \"objective\" in params."));
    }
    let bytes = codec::compile(&ensemble);
    let compiled = codec::Compiled::open(&bytes)?;
    prepared.data.signature.calibration = match ask.calibration {
        None => None,
        Some(method) => {
            let rows = &prepared.parts.validation;
            let scores = answers(&compiled, &prepared.data, rows)?;
            let at = |values: &[f64], row: &u32| values.get(*row as usize).copied().unwrap_or(f64::NAN);
            let labels: Vec<bool> =
                rows.iter().map(|row| at(&prepared.data.table.label, row) != 0.0).collect();
            let weights = prepared.data.table.weight.as_deref();
            let weights: Option<Vec<f64>> =
                weights.map(|weights| rows.iter().map(|row| at(weights, row)).collect());
            Some(Calibration::fit(method, &scores, &labels, weights.as_deref())?)
        }
    };
    let metrics = measure(home, ask, prepared, &compiled)?;
    Ok(Fitted { trained, metrics })
}

fn measure(home: Home, ask: &Ask, prepared: &Prepared, compiled: &codec::Compiled<'_>) -> Result<Value> {
    let policy = version::resolve(home, &ask.model)?.policy(home)?;
    let threshold = policy.and_then(|policy| policy.threshold).unwrap_or(DEFAULT_THRESHOLD);
    let data = &prepared.data;
    let validation = evaluate(compiled, data, &prepared.parts.validation, threshold)?;
    let mut metrics = evaluate(compiled, data, &prepared.parts.test, threshold)?.unwrap_or_else(|| json!({}));
    if let (Value::Object(object), Some(validation)) = (&mut metrics, validation) {
        object.insert("validation".into(), validation);
    }
    Ok(metrics)
}
