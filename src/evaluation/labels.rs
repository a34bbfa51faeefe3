//! What came true, in the terms of the version that is measured.
//!
//! A label binds by what it says, not by how it is stored: to a version whose classes are false and true a 1 is true,
//! and a boolean says of any two classes whether it is the positive one. A class that the version does not know has no
//! score to be compared with, and is an error rather than a row that goes missing.

use crate::columns::Column;
use crate::error::{Failure, Result};
use sira_core::signature::{FeatureKind, Signature, Task};
use sira_core::{Error, ErrorKind};
use std::collections::HashMap;

/// The labels of rows, coded for one version.
pub enum Truth {
    /// Whether the row is of the positive class.
    Flags(Vec<bool>),
    /// The place of its class among the version's.
    Classes(Vec<u32>),
    Numbers(Vec<f64>),
}

/// Codes the labels of a column, none of which is NULL. `width` is how many answers the model gives a row.
pub fn code(signature: &Signature, width: usize, label: &Column) -> Result<Truth> {
    let classes = Classes::of(signature, width);
    Ok(match signature.task {
        Task::Binary | Task::Anomaly => {
            let coded = classes.code(label)?;
            Truth::Flags(coded.into_iter().map(|class| classes.is_positive(class)).collect())
        }
        Task::Multiclass => Truth::Classes(classes.code(label)?),
        Task::Regression | Task::Ranking => Truth::Numbers(numbers(label)?),
    })
}

/// The classes that a version knows.
pub struct Classes {
    names: Vec<String>,
    /// Of two the one whose probability the score is.
    positive: usize,
    binary: bool,
}

impl Classes {
    pub fn of(signature: &Signature, width: usize) -> Self {
        let binary = signature.task != Task::Multiclass;
        // An imported model may name none: it counts them.
        let names: Vec<String> = match signature.classes.is_empty() {
            true => (0..if binary { 2 } else { width }).map(|class| class.to_string()).collect(),
            false => signature.classes.clone(),
        };
        let named = signature.positive.as_ref().and_then(|name| names.iter().position(|class| class == name));
        Self { names, positive: named.unwrap_or(1), binary }
    }

    /// The place of a class that is called `name`; a boolean is of the positive class or of the other one.
    pub fn place(&self, name: &str, is_boolean: bool) -> Option<usize> {
        let exact = self.names.iter().position(|class| class == name);
        exact.or_else(|| self.names.iter().position(|class| plain(class) == plain(name))).or_else(|| {
            (is_boolean && self.binary)
                .then(|| if name == "true" { self.positive } else { 1 - self.positive })
        })
    }

    /// Whether the class at this place is the positive one.
    pub fn is_positive(&self, place: u32) -> bool {
        place as usize == self.positive
    }

    fn code(&self, label: &Column) -> Result<Vec<u32>> {
        let is_boolean = label.kind == FeatureKind::Boolean;
        let mut known: HashMap<u64, u32> = HashMap::new();
        label
            .values
            .iter()
            .map(|value| {
                if let Some(class) = known.get(&value.to_bits()) {
                    return Ok(*class);
                }
                let name = label.shown(*value);
                let class = self.place(&name, is_boolean).ok_or_else(|| self.unknown(label, &name))? as u32;
                known.insert(value.to_bits(), class);
                Ok(class)
            })
            .collect()
    }

    fn unknown(&self, label: &Column, name: &str) -> Failure {
        let hint = match (self.binary, self.names.get(self.positive)) {
            (true, Some(positive)) => {
                format!("Give one of them, or a boolean that is true for \"{positive}\".")
            }
            _ => "Leave such rows out, or train a version that knows the class.".to_owned(),
        };
        Error::new(
            ErrorKind::BadLabel,
            format!("label \"{}\" has a class that the version does not know", label.name),
        )
        .with_detail(format!("It is \"{name}\"; the version knows {}.", self.listed()))
        .with_hint(hint)
        .into()
    }

    fn listed(&self) -> String {
        const SHOWN: usize = 10;
        let shown: Vec<String> = self.names.iter().take(SHOWN).map(|name| format!("\"{name}\"")).collect();
        let more = if self.names.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    }
}

/// False and true as numbers.
fn plain(name: &str) -> &str {
    match name {
        "false" => "0",
        "true" => "1",
        other => other,
    }
}

fn numbers(label: &Column) -> Result<Vec<f64>> {
    if !matches!(label.kind, FeatureKind::Numeric | FeatureKind::Boolean) {
        return Err(Error::new(ErrorKind::BadLabel, format!("label \"{}\" is not a number", label.name))
            .with_detail(format!("It is a {}.", label.kind.name()))
            .with_hint("The model predicts numbers: select what they were.")
            .into());
    }
    match label.values.iter().find(|value| value.is_infinite()) {
        None => Ok(label.values.clone()),
        Some(value) => {
            Err(Error::new(ErrorKind::InfiniteValue, format!("label \"{}\" is infinite", label.name))
                .with_detail(format!("It holds {value}."))
                .with_hint("Leave such rows out.")
                .into())
        }
    }
}
