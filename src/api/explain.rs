//! `sira_explain`: which features moved a score, exactly (TreeSHAP).

use crate::call::{self, FeatureReader, Shape};
use crate::catalog::Home;
use crate::error::{self, Failure};
use crate::features::Features;
use crate::scoring::Scorer;
use pgrx::iter::TableIterator;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use pgrx::{PgSqlErrorCode, pg_sys};
use sira_core::policy::position_of_largest;

/// Contributions, largest first; those of all features and the baseline add up to the raw score.
#[pg_extern(sql = false)]
fn sira_explain(
    fcinfo: pg_sys::FunctionCallInfo,
) -> Result<
    TableIterator<
        'static,
        (
            name!(feature, String),
            name!(value, Option<String>),
            name!(contribution, f64),
            name!(baseline, f64),
        ),
    >,
    ErrorReport,
> {
    let rows = explain(fcinfo)?;
    Ok(TableIterator::new(rows))
}

fn explain(fcinfo: pg_sys::FunctionCallInfo) -> error::Result<Vec<(String, Option<String>, f64, f64)>> {
    let home = Home::of_call(fcinfo)?;
    let model = call::text_argument(fcinfo, 0)
        .ok_or_else(|| call::null_argument("model", "Name a model: sira_explain('fraud', …)."))?;
    let scorer = Scorer::new(home, &model)?;
    let signature = &scorer.version.signature;
    let datum = call::datum_argument(fcinfo, 1).ok_or_else(call::null_features)?;
    let mut reader = FeatureReader::new(Shape::declared(fcinfo, 1)?);
    let mut features = Features::default();
    // SAFETY: the argument is of the declared shape.
    unsafe { reader.read(&scorer.version, datum, &mut features) }?;
    let limit = top_k(call::argument(fcinfo, 2), signature.features.len())?;
    let output = output_of(&scorer, &features, call::text_argument(fcinfo, 3))?;
    let (contributions, baseline) = scorer.contributions(&features, output)?;
    Ok(contributions
        .iter()
        .take(limit)
        .filter_map(|part| {
            let feature = signature.features.get(part.feature)?;
            Some((feature.name.clone(), features.text(signature, part.feature), part.amount, baseline))
        })
        .collect())
}

fn top_k(given: Option<i32>, all: usize) -> error::Result<usize> {
    match given {
        None => Ok(all),
        Some(count) => usize::try_from(count).map_err(|_| {
            Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "\"top_k\" is negative")
                .detail(format!("It is {count}."))
                .hint("Give the number of features that you want; NULL is all.")
        }),
    }
}

/// The output to explain: the class that is named, or the most probable one.
fn output_of(scorer: &Scorer, features: &Features, class: Option<String>) -> error::Result<usize> {
    let outputs = scorer.outputs(features)?;
    if outputs.raw.len() == 1 {
        return match class {
            None => Ok(0),
            Some(_) => Err(Failure::new(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                "a class is named for a model with one output",
            )
            .hint("Leave \"class\" out: contributions are to the score.")),
        };
    }
    let Some(class) = class else { return Ok(position_of_largest(&outputs.transformed)) };
    let classes = &scorer.version.signature.classes;
    classes
        .iter()
        .position(|known| *known == class)
        .or_else(|| class.parse().ok().filter(|index| classes.is_empty() && *index < outputs.raw.len()))
        .ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
                format!("class \"{class}\" does not exist"),
            )
            .hint(format!("The classes are {}.", classes.join(", ")))
        })
}
