//! From what is asked to rows in parts, ready to be trained on.

use crate::catalog::Home;
use crate::columns::{self, Column, Extent};
use crate::error::{Failure, Result};
use crate::feature::offline::training;
use crate::guc;
use crate::registration::{self, OwnModel};
use crate::training::ask::Ask;
use crate::training::champion::Champion;
use crate::training::dataset::{Dataset, Roles};
use crate::training::plan::SplitPlan;
use pgrx::PgSqlErrorCode;
use pgrx::datum::Interval;
use sira_core::split::Split;
use sira_core::{Error, ErrorKind};
use sira_train::{Params, ValidParams};

/// Rows, read once; which of them train, tell when to stop, and judge; and the parameters that hold.
pub struct Prepared {
    pub own: OwnModel,
    pub data: Dataset,
    pub params: ValidParams,
    /// Places in the data's order by part, and the rows of the table that they are.
    pub split: Split,
    pub parts: Split,
    /// The feature set and its version, as `name/3`.
    pub feature_set: Option<String>,
    pub champion: Option<Champion>,
    /// Whether the parts lie one after the other in time.
    pub by_time: bool,
    /// In microseconds.
    pub embargo: i64,
}

/// Checks what can be checked before the query runs, reads its rows, and splits them.
pub fn prepare(home: Home, ask: &Ask) -> Result<Prepared> {
    let plan = SplitPlan::from_json(&ask.split, ask.time.is_some())?;
    let embargo = microseconds(&ask.embargo)?;
    let own = registration::find_model(home, &ask.model)?;
    // The classes are not known yet; what is wrong with the parameters is said before the query runs.
    let asked = Params::from_json(own.task, 2, &ask.params)?.validate()?;
    if ask.start_from.is_none() && asked.names_start() {
        return Err(invalid("\"start_mode\" and \"refit_decay_rate\" need a version to start from")
            .hint("Name it: start_from => 'fraud@champion'."));
    }
    let champion = ask.start_from.as_deref().map(|reference| Champion::of(home, reference)).transpose()?;
    if ask.calibration.is_some() && own.task != sira_core::signature::Task::Binary {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("a model of task \"{}\" cannot be calibrated", own.task),
        )
        .hint("Calibrate binary models: one for each class in question, or leave \"calibration\" out."));
    }

    let (mut columns, feature_set) = read(home, ask, &asked)?;
    // What a set's caller excludes is a feature of the set, and is not among the columns any more.
    let exclude = if feature_set.is_some() { &[] } else { ask.exclude.as_slice() };
    let mut roles = Roles { exclude, ..ask.roles() };
    if let Some(champion) = &champion {
        let named = roles.named();
        champion.arrange(&mut columns, |name| named.contains(&name) || exclude.iter().any(|e| e == name))?;
        roles.positive = roles.positive.or(champion.positive());
    }
    let data = Dataset::new(own.task, columns, &roles)?;
    let params = Params::from_json(own.task, data.signature.classes.len(), &ask.params)?.validate()?;
    let split = plan.split(data.order.len(), data.times.as_deref(), embargo, ask.seed_bits())?;
    let parts = Split {
        train: data.rows(&split.train),
        validation: data.rows(&split.validation),
        test: data.rows(&split.test),
        dropped: split.dropped,
    };
    if let Some(champion) = &champion {
        champion.fit_for(&data.signature)?;
        if params.refits() {
            // Where each tree sends each row is held at once.
            let leaves = parts.train.len().saturating_mul(champion.start.trees()).saturating_mul(4);
            within_memory(&params, &extent(&data, leaves))?;
        }
    }
    if ask.calibration.is_some() && parts.validation.is_empty() {
        return Err(invalid("a calibration needs a validation part")
            .hint("Give \"validation\" a share of the split: what was trained on flatters the score."));
    }
    Ok(Prepared {
        own,
        data,
        params,
        split,
        parts,
        feature_set,
        champion,
        by_time: plan.is_by_time(),
        embargo,
    })
}

/// What is there, and the bytes of what comes beside it.
pub fn extent(data: &Dataset, more: usize) -> Extent {
    Extent { rows: data.table.label.len(), columns: data.table.columns.len(), texts: more }
}

/// The rows to train on: the query's own columns, or a set computed for its rows; then the set and its version too.
fn read(home: Home, ask: &Ask, params: &ValidParams) -> Result<(Vec<Column>, Option<String>)> {
    let Some(set) = ask.feature_set.as_deref() else {
        let read = columns::read(&ask.query, &ask.exclude, |extent| within_memory(params, extent))?;
        return Ok((read, None));
    };
    let read = training::columns(home, set, &ask.query, &ask.roles().named(), &ask.exclude)?;
    let rows = read.columns.first().map_or(0, |column| column.values.len());
    within_memory(params, &Extent { rows, columns: read.columns.len(), texts: 0 })?;
    if !read.ignored.is_empty() {
        pgrx::notice!(
            "columns that are no features of set \"{set}\" are not trained on: {}",
            read.ignored.join(", ")
        );
    }
    Ok((read.columns, Some(read.reference)))
}

/// Holds what has been read so far against `sira.training_memory`.
pub fn within_memory(params: &ValidParams, read: &Extent) -> Result<()> {
    let limit = u64::try_from(guc::TRAINING_MEMORY.get()).unwrap_or(1) << 20;
    let needed = sira_train::estimate_memory(read.rows, read.columns, params) + read.texts as u64;
    if needed <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::OutOfBudget, "training would need more memory than it may have")
        .with_detail(format!(
            "After {} rows of {} columns the estimate is {} MB, sira.training_memory is {} MB.",
            read.rows,
            read.columns,
            needed >> 20,
            limit >> 20
        ))
        .with_hint("Train on fewer rows or columns, or have sira.training_memory raised.")
        .into())
}

/// An embargo in microseconds.
pub fn microseconds(interval: &Interval) -> Result<i64> {
    let (months, days, micros) = (interval.months(), interval.days(), interval.micros());
    let total = i64::from(days) * 86_400_000_000 + micros;
    if months != 0 || total < 0 {
        return Err(invalid("the embargo is negative or has months")
            .hint("Give it in days, hours or minutes: months differ in length."));
    }
    Ok(total)
}

fn invalid(message: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}
