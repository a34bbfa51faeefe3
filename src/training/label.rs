//! The label column: what it says, and the numbers that training takes for it.

use crate::columns::Column;
use crate::error::{Failure, Result};
use pgrx::PgSqlErrorCode;
use sira_core::signature::{FeatureKind, Task};
use sira_core::{Error, ErrorKind};

/// Classes that a multiclass model may have.
const MOST_CLASSES: usize = 1_000;

/// Labels as numbers, NaN where a row has none, and what the numbers stand for.
pub struct Labels {
    pub values: Vec<f64>,
    /// Of a classification the classes in code order; of a binary one the negative class first.
    pub classes: Vec<String>,
    pub positive: Option<String>,
}

/// Codes a label column for a task.
///
/// A binary label has two different values. `positive` names the class whose probability the model gives;
/// unnamed it is true, 1 or, of two texts or other numbers, the rarer one.
pub fn encode(task: Task, column: Column, positive: Option<&str>) -> Result<Labels> {
    if positive.is_some() && task != Task::Binary {
        return Err(invalid("a positive class is named for a task that has none", "Leave \"positive\" out."));
    }
    match task {
        Task::Binary => binary(column, positive),
        Task::Multiclass => multiclass(column),
        Task::Regression | Task::Ranking => number(column),
        Task::Anomaly => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            "models of task anomaly cannot be trained",
        )
        .hint("Create a model with task binary, multiclass, regression or ranking.")),
    }
}

fn binary(column: Column, positive: Option<&str>) -> Result<Labels> {
    let classes = classes_of(&column)?;
    let [(low, low_rows), (high, high_rows)] = classes.as_slice() else {
        return Err(wrong_count(&column, &classes, "two"));
    };
    let (first, second) = (column.shown(*low), column.shown(*high));
    let high_is_positive = match positive {
        Some(name) if name == second => true,
        Some(name) if name == first => false,
        Some(name) => {
            return Err(invalid(
                &format!("the label has no class \"{name}\""),
                &format!("The classes are \"{first}\" and \"{second}\"."),
            ));
        }
        None if (*low, *high) == (0.0, 1.0) && column.kind != FeatureKind::Text => true,
        None => high_rows <= low_rows,
    };
    let mark = if high_is_positive { *high } else { *low };
    let values = column
        .values
        .iter()
        .map(|value| if value.is_nan() { f64::NAN } else { f64::from(*value == mark) })
        .collect();
    let classes = if high_is_positive { vec![first, second] } else { vec![second, first] };
    Ok(Labels { values, positive: classes.last().cloned(), classes })
}

fn multiclass(column: Column) -> Result<Labels> {
    let classes = classes_of(&column)?;
    if classes.len() < 2 {
        return Err(wrong_count(&column, &classes, "at least two"));
    }
    let values = column
        .values
        .iter()
        .map(|value| match value.is_nan() {
            true => f64::NAN,
            // The classes are in ascending order, and every label is one of them.
            false => classes.partition_point(|(class, _)| class < value) as f64,
        })
        .collect();
    let names = classes.iter().map(|(class, _)| column.shown(*class)).collect();
    Ok(Labels { values, classes: names, positive: None })
}

fn number(column: Column) -> Result<Labels> {
    if !matches!(column.kind, FeatureKind::Numeric | FeatureKind::Boolean) {
        return Err(Error::new(ErrorKind::BadLabel, format!("label \"{}\" is not a number", column.name))
            .with_detail(format!("It is a {}.", column.kind.name()))
            .with_hint("Cast it, or create a model with task binary or multiclass.")
            .into());
    }
    if let Some(position) = column.values.iter().position(|value| value.is_infinite()) {
        return Err(Error::new(ErrorKind::InfiniteValue, format!("label \"{}\" is infinite", column.name))
            .with_detail(format!(
                "Of {} rows the first such one is row {}.",
                column.values.len(),
                position + 1
            ))
            .with_hint("Filter such rows out.")
            .into());
    }
    if column.values.iter().all(|value| value.is_nan()) {
        return Err(unlabelled(&column));
    }
    Ok(Labels { values: column.values, classes: Vec::new(), positive: None })
}

/// The different values of a label and how many rows have each, in ascending order.
fn classes_of(column: &Column) -> Result<Vec<(f64, usize)>> {
    let mut sorted: Vec<f64> = column.values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut classes: Vec<(f64, usize)> = Vec::new();
    for value in sorted {
        match classes.last_mut() {
            Some((last, rows)) if *last == value => *rows += 1,
            _ => classes.push((value, 1)),
        }
    }
    if classes.len() > MOST_CLASSES {
        return Err(invalid(
            &format!("label \"{}\" has more than {MOST_CLASSES} classes", column.name),
            "For a quantity create a model with task regression.",
        ));
    }
    Ok(classes)
}

fn unlabelled(column: &Column) -> Failure {
    Error::new(ErrorKind::BadLabel, format!("label \"{}\" is null in every row", column.name))
        .with_detail(format!("The training query returns {} rows.", column.values.len()))
        .with_hint("Widen the training query so that it returns rows with a label, or choose another one.")
        .into()
}

fn wrong_count(column: &Column, classes: &[(f64, usize)], wanted: &str) -> Failure {
    let message = match classes.len() {
        0 => return unlabelled(column),
        1 => format!("label \"{}\" is constant", column.name),
        _ => format!("label \"{}\" does not have {wanted} classes", column.name),
    };
    let named: Vec<String> = classes
        .iter()
        .take(5)
        .map(|(class, rows)| format!("{} in {rows} rows", column.shown(*class)))
        .collect();
    Error::new(ErrorKind::BadLabel, message)
        .with_detail(match classes.len() {
            1 => format!("It has one class: {}.", named.join(", ")),
            count if count > named.len() => format!("It has {count} classes: {}, …", named.join(", ")),
            count => format!("It has {count} classes: {}.", named.join(", ")),
        })
        .with_hint("Widen the training query so that it returns every class, or choose another label.")
        .into()
}

fn invalid(message: &str, hint: &str) -> Failure {
    Failure::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message).hint(hint)
}
