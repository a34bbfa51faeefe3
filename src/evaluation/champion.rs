//! A new version beside the one in production, on the new one's own test part.
//!
//! Whether a candidate is better than the champion is asked of one and the same holdout. Right after training there is
//! one: the rows that the run held back. The champion may have learnt from some of them, which can only flatter it.

use super::contest::Contestant;
use super::image::{RowDigest, feed_text};
use super::labels::{Classes, Truth};
use super::measure::{Metrics, Scored, pick};
use super::record::Evaluation;
use crate::catalog::Home;
use crate::error::Result;
use crate::registration::{OwnModel, Registered};
use crate::training::dataset::Dataset;
use crate::version;
use pgrx::datum::Uuid;
use sha2::{Digest, Sha256};
use sira_core::signature::{Feature, FeatureKind, Task};

/// Rows that are scored together.
const BLOCK: usize = 1024;

/// A run that has registered its version.
pub struct Run<'a> {
    pub id: Uuid,
    pub model: &'a str,
    pub own: &'a OwnModel,
    pub registered: &'a Registered,
    pub data: &'a Dataset,
    /// The rows of the test part.
    pub test: &'a [u32],
    /// What the version was measured to be on them.
    pub metrics: &'a Metrics,
    pub query: &'a str,
    pub label: &'a str,
    pub weight: Option<&'a str>,
}

/// Evaluates the champion beside the new version and writes both down, where there is a champion, a test part, and every
/// feature of the champion is a column of the run.
pub fn evaluate_beside(home: Home, run: &Run<'_>) -> Result<()> {
    if run.test.is_empty() || run.own.task == Task::Ranking {
        return Ok(());
    }
    let Some(version) = version::resolve(home, run.model)?.version_id else { return Ok(()) };
    // A champion whose artifact is elsewhere, or that looks at other columns, keeps nobody from training.
    let measured = Contestant::of(home, run.model, None, None)
        .and_then(|champion| Ok((measure(run, &champion)?, champion)));
    let (metrics, champion) = match measured {
        Ok((Ok(metrics), champion)) => (metrics, champion),
        Ok((Err(reason), _)) => {
            pgrx::notice!("the version in production was not evaluated beside the new one: {reason}");
            return Ok(());
        }
        Err(failure) => {
            let reason = failure.message();
            pgrx::notice!("the version in production was not evaluated beside the new one: {reason}");
            return Ok(());
        }
    };
    let mut own = run.metrics.clone();
    own.shift_remove("validation");
    let digest = digest(run);
    let sides = [
        (version, champion.scorer.version.number, &metrics),
        (run.registered.id, run.registered.number, &own),
    ];
    for (version_id, number, metrics) in sides {
        Evaluation {
            model_id: run.own.id,
            version_id,
            version: number,
            task: run.own.task,
            purpose: "test",
            query: run.query,
            label: run.label,
            weight: run.weight,
            threshold: metrics.get("threshold").and_then(serde_json::Value::as_f64),
            rows: run.test.len(),
            digest: &digest,
            metrics,
            intervals: None,
            slices: None,
            run_id: Some(run.id),
        }
        .record(home)?;
    }
    Ok(())
}

/// The champion's metrics, or why it cannot be measured on these rows.
fn measure(run: &Run<'_>, champion: &Contestant) -> Result<std::result::Result<Metrics, String>> {
    let signature = &champion.scorer.version.signature;
    let mut sources = Vec::with_capacity(signature.features.len());
    for feature in &signature.features {
        match Source::of(feature, run.data) {
            Some(source) => sources.push(source),
            None => {
                return Ok(Err(format!("its feature \"{}\" is no such column of this run", feature.name)));
            }
        }
    }
    let width = champion.scorer.width();
    let truth = match truth(run, &Classes::of(signature, width)) {
        Ok(truth) => truth,
        Err(class) => return Ok(Err(format!("it does not know the class \"{class}\""))),
    };
    let mut answers = vec![0.0; run.test.len() * width];
    let mut vectors = Vec::with_capacity(BLOCK * sources.len());
    for (rows, out) in run.test.chunks(BLOCK).zip(answers.chunks_mut(BLOCK * width)) {
        pgrx::check_for_interrupts!();
        vectors.clear();
        vectors.extend(rows.iter().flat_map(|row| sources.iter().map(|source| source.value(*row))));
        champion.scorer.answer_many(&vectors, out)?;
    }
    let weights = run.data.table.weight.as_ref().map(|weights| pick(weights, run.test));
    let scored = Scored { width, answers, truth };
    Ok(Ok(scored.measure(weights.as_deref(), &champion.terms)?))
}

/// Where a feature of the champion comes from.
enum Source<'a> {
    Number {
        values: &'a [f64],
        scale: f64,
    },
    /// Codes of this run's categories, and what the champion calls them.
    Text {
        values: &'a [f64],
        codes: Vec<f64>,
    },
}

impl<'a> Source<'a> {
    fn of(feature: &Feature, data: &'a Dataset) -> Option<Self> {
        let place = data.signature.index_of(&feature.name)?;
        let (own, values) = (data.signature.features.get(place)?, &data.table.columns.get(place)?.values);
        use FeatureKind::{Boolean, Category, Date, Numeric, Text, Timestamp};
        match (feature.kind, own.kind) {
            (Text, Text) => Some(Self::Text {
                values,
                codes: own.categories.iter().map(|text| feature.code(text)).collect(),
            }),
            (Numeric | Boolean | Category, Numeric | Boolean) | (Date, Date) | (Timestamp, Timestamp) => {
                Some(Self::Number { values, scale: 1.0 })
            }
            (Timestamp, Date) => Some(Self::Number { values, scale: 86_400.0 }),
            _ => None,
        }
    }

    fn value(&self, row: u32) -> f64 {
        let at = |values: &[f64]| values.get(row as usize).copied().unwrap_or(f64::NAN);
        match self {
            Self::Number { values, scale } => at(values) * scale,
            Self::Text { values, codes } => match at(values) {
                code if code.is_nan() => code,
                code => codes.get(code as usize).copied().unwrap_or(f64::NAN),
            },
        }
    }
}

/// The labels as the champion reads them, or the class that it does not know.
fn truth<'a>(run: &Run<'a>, classes: &Classes) -> std::result::Result<Truth, &'a str> {
    let labels = pick(&run.data.table.label, run.test);
    if run.own.task == Task::Regression {
        return Ok(Truth::Numbers(labels));
    }
    let names = &run.data.signature.classes;
    let places: Vec<u32> = names
        .iter()
        .map(|name| classes.place(name, false).map(|place| place as u32).ok_or(name.as_str()))
        .collect::<std::result::Result<_, _>>()?;
    let coded = labels.iter().map(|label| places.get(*label as usize).copied().unwrap_or_default());
    Ok(match run.own.task {
        Task::Multiclass => Truth::Classes(coded.collect()),
        _ => Truth::Flags(coded.map(|place| classes.is_positive(place)).collect()),
    })
}

/// SHA-256 over the content of the test rows, in the order of their own digests: columns by name, categories by text.
fn digest(run: &Run<'_>) -> RowDigest {
    let (table, features) = (&run.data.table, &run.data.signature.features);
    let mut columns: Vec<(&Feature, &[f64])> =
        features.iter().zip(table.columns.iter().map(|column| column.values.as_slice())).collect();
    columns.sort_by(|a, b| a.0.name.cmp(&b.0.name));
    let at = |values: &[f64], row: u32| values.get(row as usize).copied().unwrap_or(f64::NAN);
    let mut rows: Vec<RowDigest> = run
        .test
        .iter()
        .map(|row| {
            let mut hasher = Sha256::new();
            let label = at(&table.label, *row);
            match run.data.signature.classes.get(label as usize) {
                Some(class) => feed_text(class, &mut hasher),
                None => hasher.update(label.to_le_bytes()),
            }
            if let Some(weights) = &table.weight {
                hasher.update(at(weights, *row).to_le_bytes());
            }
            for (feature, values) in &columns {
                let value = at(values, *row);
                match feature.categories.get(value as usize).filter(|_| !value.is_nan()) {
                    Some(text) => feed_text(text, &mut hasher),
                    None => hasher.update(value.to_le_bytes()),
                }
            }
            hasher.finalize().into()
        })
        .collect();
    rows.sort_unstable();
    let mut hasher = Sha256::new();
    feed_text(run.label, &mut hasher);
    feed_text(run.weight.unwrap_or_default(), &mut hasher);
    columns.iter().for_each(|(feature, _)| feed_text(&feature.name, &mut hasher));
    rows.iter().for_each(|row| hasher.update(row));
    hasher.finalize().into()
}
