//! What a version is compared with: written once when it is made, read whenever its predictions are counted.

use crate::catalog::Home;
use crate::error::{Failure, Result};
use crate::registration::{OwnModel, Registered};
use crate::statement::{Arguments, Mode, Row, Statement};
use crate::training::dataset::Dataset;
use pgrx::datum::Uuid;
use pgrx::pg_sys;
use sira_core::drift::layout::Categories;
use sira_core::drift::{Layout, Sketch, estimate};
use sira_core::ensemble::{codec, lightgbm};
use sira_core::predict;
use sira_core::signature::{Feature, FeatureKind, Signature, Task};
use sira_core::split::Split;
use sira_core::stats::bins::{CutPoints, DEFAULT_BINS};
use sira_core::stats::divergence::EPSILON;
use std::cell::RefCell;

/// Rows of a part that are scored for the baseline of the scores, evenly spread over it: the share of a bin is known to a
/// third of a per cent then, and training does not wait for more.
const SCORED: usize = 100_000;

/// Scores of a validation part below which those of the training part are the baseline, although a model is surer of
/// rows that it learnt from.
const ENOUGH_SCORES: usize = 100;

/// Vectors that are scored together.
const BLOCK: usize = 1_024;

/// A value of a row, and whether it is missing because the model does not know its text.
pub type Cell = (f64, bool);

/// One part of the rows that a version was made from.
pub struct Part<'a> {
    pub name: &'static str,
    pub rows: usize,
    /// The value of a feature, both by position.
    pub cell: &'a dyn Fn(usize, usize) -> Cell,
}

/// Whose baseline it is.
pub struct Owner<'a> {
    pub tenant: &'a str,
    pub model_id: Uuid,
    pub version: Uuid,
    pub signature: &'a Signature,
    /// Answers a vector.
    pub width: usize,
    /// The answers for vectors that lie one after the other.
    pub answer: &'a dyn Fn(&[f64], &mut [f64]) -> Result<()>,
}

/// One subject of a baseline, as predictions are counted by it.
pub struct Subject {
    pub subject: String,
    pub feature: String,
    pub layout: Layout,
    pub shift: f64,
}

thread_local! {
    static INSERT: Statement = const {
        Statement::new(
            "INSERT INTO {s}.sira_baselines (tenant_id, model_id, model_version_id, part, subject, feature_key, kind, \
             cut_points, codes, categories, other_codes, closed, singletons, counts, total_rows, null_count, unseen_count, \
             finite_count, shift, minimum, maximum, mean, deviation, binning, epsilon, created_by) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
             $23, $24, $25, session_user)",
            &[
                pg_sys::TEXTOID, pg_sys::UUIDOID, pg_sys::UUIDOID, pg_sys::TEXTOID, pg_sys::TEXTOID, pg_sys::TEXTOID,
                pg_sys::TEXTOID, pg_sys::FLOAT8ARRAYOID, pg_sys::FLOAT8ARRAYOID, pg_sys::TEXTARRAYOID,
                pg_sys::FLOAT8ARRAYOID, pg_sys::BOOLOID, pg_sys::INT8OID, pg_sys::INT8ARRAYOID, pg_sys::INT8OID,
                pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::INT8OID, pg_sys::FLOAT8OID, pg_sys::FLOAT8OID,
                pg_sys::FLOAT8OID, pg_sys::FLOAT8OID, pg_sys::FLOAT8OID, pg_sys::TEXTOID, pg_sys::FLOAT8OID,
            ],
        )
    };
    static READ: Statement = const {
        Statement::new(
            "SELECT DISTINCT ON (subject, feature_key) subject, feature_key, cut_points, codes, other_codes, closed, \
             singletons, shift FROM {s}.sira_baselines WHERE model_version_id {=} $1 \
             ORDER BY subject, feature_key, part",
            &[pg_sys::UUIDOID],
        )
    };
}

/// Writes the baseline of a version that was just trained, from its own training and validation parts. The statement that
/// trains does not see the version yet, so its model is compiled here.
pub fn of_training(
    home: Home,
    own: &OwnModel,
    registered: &Registered,
    data: &Dataset,
    parts: &Split,
    model: &str,
) -> Result<()> {
    let bytes = codec::compile(&lightgbm::parse(model)?);
    let compiled = codec::Compiled::open(&bytes)?;
    let scratch = RefCell::new(predict::Scratch::new());
    let answer = |vectors: &[f64], answers: &mut [f64]| -> Result<()> {
        let rows = predict::Rows::row_major(vectors, compiled.feature_count())?;
        predict::raw_batch(&compiled, &rows, &mut scratch.borrow_mut(), answers)?;
        answers.chunks_mut(compiled.outputs()).for_each(|answer| predict::transform(&compiled, answer));
        data.signature.calibrate(answers);
        Ok(())
    };
    let owner = Owner {
        tenant: &own.tenant,
        model_id: own.id,
        version: registered.id,
        signature: &data.signature,
        width: compiled.outputs(),
        answer: &answer,
    };
    let value = |rows: &[u32], row: usize, feature: usize| -> Cell {
        let value = rows.get(row).and_then(|row| data.table.columns.get(feature)?.values.get(*row as usize));
        (value.copied().unwrap_or(f64::NAN), false)
    };
    let training = |row: usize, feature: usize| value(&parts.train, row, feature);
    let validation = |row: usize, feature: usize| value(&parts.validation, row, feature);
    record(
        home,
        &owner,
        &[
            Part { name: "training", rows: parts.train.len(), cell: &training },
            Part { name: "validation", rows: parts.validation.len(), cell: &validation },
        ],
    )?;
    Ok(())
}

/// Writes the baseline of a version from the parts of its rows, the training part first; gives the number of subjects.
pub fn record(home: Home, owner: &Owner<'_>, parts: &[Part<'_>]) -> Result<usize> {
    let Some(training) = parts.first() else { return Ok(0) };
    let features = &owner.signature.features;
    for (position, feature) in features.iter().enumerate() {
        let layout = layout_of(feature, &column(training, position));
        let mut shift = None;
        for part in parts.iter().filter(|part| part.rows > 0) {
            let cells = column(part, position);
            let shift = *shift.get_or_insert_with(|| mean(&cells));
            store(home, owner, part.name, "feature", &feature.name, Some(feature), &layout, &cells, shift)?;
        }
    }
    let scores = parts.iter().map(|part| scored(owner, part)).collect::<Result<Vec<_>>>()?;
    let sample = scores.iter().rev().find(|scores| scores.len() >= ENOUGH_SCORES).or(scores.first());
    let sample: Vec<f64> = sample.into_iter().flatten().map(|(score, _)| *score).collect();
    let layout = Layout::of_numbers(&sample, DEFAULT_BINS);
    let shift = mean(&sample.iter().map(|score| (*score, false)).collect::<Vec<_>>());
    for (part, scores) in parts.iter().zip(&scores).filter(|(_, scores)| !scores.is_empty()) {
        store(home, owner, part.name, "score", "score", None, &layout, scores, shift)?;
        if gives_probabilities(owner.signature.task) {
            let grid = Layout::of_cut_points(estimate::grid())?;
            store(home, owner, part.name, "probability", "probability", None, &grid, scores, 0.0)?;
        }
    }
    Ok(features.len() + 1)
}

/// The subjects by which the predictions of a version are counted; none where it has no baseline.
pub fn subjects(home: Home, version: Uuid) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    let by_version = Arguments::new().bind(version);
    home.as_owner(|| {
        READ.with(|read| {
            read.each(home, Mode::Write, by_version, |row| {
                subjects.push(subject(row)?);
                Ok(())
            })
        })
    })?;
    Ok(subjects)
}

fn subject(row: &Row) -> Result<Subject> {
    let cuts: Option<Vec<f64>> = row.get(3);
    let layout = match cuts {
        Some(points) => Layout::Numeric(CutPoints::new(points)?),
        None => Layout::Categorical(Categories {
            frequent: row.get(4).unwrap_or_default(),
            others: row.get(5).unwrap_or_default(),
            closed: row.need(6)?,
            singletons: u64::try_from(row.need::<i64>(7)?).unwrap_or(0),
        }),
    };
    Ok(Subject { subject: row.need(1)?, feature: row.need(2)?, layout, shift: row.need(8)? })
}

/// Whether scores are probabilities: of the positive class, or of the class that was answered.
pub fn gives_probabilities(task: Task) -> bool {
    matches!(task, Task::Binary | Task::Multiclass)
}

fn layout_of(feature: &Feature, cells: &[Cell]) -> Layout {
    let values: Vec<f64> = cells.iter().map(|(value, _)| *value).collect();
    match feature.kind {
        FeatureKind::Text => Layout::of_categories(&values, true),
        FeatureKind::Category | FeatureKind::Boolean => Layout::of_categories(&values, false),
        _ => Layout::of_numbers(&values, DEFAULT_BINS),
    }
}

fn column(part: &Part<'_>, feature: usize) -> Vec<Cell> {
    (0..part.rows).map(|row| (part.cell)(row, feature)).collect()
}

fn mean(cells: &[Cell]) -> f64 {
    let values: Vec<f64> = cells.iter().map(|(value, _)| *value).collect();
    sira_core::stats::population::Moments::of(&values).mean
}

/// The scores of a part's rows; of a multiclass model that of the most probable class.
fn scored(owner: &Owner<'_>, part: &Part<'_>) -> Result<Vec<Cell>> {
    let width = owner.signature.features.len();
    let step = part.rows.div_ceil(SCORED).max(1);
    let rows: Vec<usize> = (0..part.rows).step_by(step).collect();
    let outputs = owner.width.max(1);
    let mut scores = Vec::with_capacity(rows.len());
    let (mut vectors, mut answers) = (Vec::new(), Vec::new());
    for block in rows.chunks(BLOCK) {
        pgrx::check_for_interrupts!();
        vectors.clear();
        for row in block {
            vectors.extend((0..width).map(|feature| (part.cell)(*row, feature).0));
        }
        answers.clear();
        answers.resize(block.len() * outputs, 0.0);
        (owner.answer)(&vectors, &mut answers)?;
        let best = |answer: &[f64]| answer.iter().copied().reduce(f64::max).unwrap_or(f64::NAN);
        scores.extend(answers.chunks(outputs).map(|answer| (best(answer), false)));
    }
    Ok(scores)
}

fn store(
    home: Home,
    owner: &Owner<'_>,
    part: &str,
    subject: &str,
    key: &str,
    feature: Option<&Feature>,
    layout: &Layout,
    cells: &[Cell],
    shift: f64,
) -> Result<()> {
    let mut sketch = Sketch::empty(layout.bins());
    for (value, unseen) in cells {
        sketch.add(layout.bin(*value, *unseen), *value, shift);
    }
    let unseen = cells.iter().filter(|(_, unseen)| *unseen).count() as i64;
    let (kind, cuts, categories) = match layout {
        Layout::Numeric(cuts) => ("numeric", Some(cuts.points().to_vec()), None),
        Layout::Categorical(categories) => ("categorical", None, Some(categories)),
    };
    let names = categories.map(|categories| {
        let name = |code: &f64| match feature {
            Some(feature) if feature.kind == FeatureKind::Boolean => (*code != 0.0).to_string(),
            Some(feature) => {
                feature.categories.get(*code as usize).cloned().unwrap_or_else(|| code.to_string())
            }
            None => code.to_string(),
        };
        categories.frequent.iter().map(name).collect::<Vec<String>>()
    });
    let binning = match (kind, subject) {
        (_, "probability") => "even grid",
        ("numeric", _) => "equal share",
        _ => "most frequent",
    };
    let counts: Vec<i64> = sketch.counts.iter().map(|count| *count as i64).collect();
    let row = Arguments::new()
        .bind(owner.tenant)
        .bind(owner.model_id)
        .bind(owner.version)
        .bind(part)
        .bind(subject)
        .bind(key)
        .bind(kind)
        .bind(cuts)
        .bind(categories.map(|categories| categories.frequent.clone()))
        .bind(names)
        .bind(categories.map(|categories| categories.others.clone()))
        .bind(categories.is_some_and(|categories| categories.closed))
        .bind(categories.map_or(0, |categories| categories.singletons as i64))
        .bind(counts)
        .bind(cells.len() as i64)
        .bind(sketch.missing() as i64)
        .bind(unseen)
        .bind(sketch.finite as i64)
        .bind(shift)
        .bind(sketch.minimum)
        .bind(sketch.maximum)
        .bind(sketch.mean(shift))
        .bind(sketch.deviation())
        .bind(binning)
        .bind(EPSILON);
    let written = home.as_owner(|| INSERT.with(|insert| insert.each(home, Mode::Write, row, |_| Ok(()))))?;
    match written {
        1 => Ok(()),
        _ => Err(Failure::internal("a baseline was not written")),
    }
}
