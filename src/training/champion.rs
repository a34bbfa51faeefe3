//! The version that a training starts from, and its view of the rows.
//!
//! Its trees know features by position and texts by the codes of its own dictionary, so the columns are brought into
//! that order and those codes. A text that it has not seen gets a code behind the others where more rounds follow, which
//! may ask for it; for a refit it is missing, as it is in scoring.

use crate::catalog::Home;
use crate::columns::Column;
use crate::error::{Failure, Result};
use crate::version;
use pgrx::PgSqlErrorCode;
use sira_core::signature::{Feature, FeatureKind, Signature};
use sira_train::Start;

/// A whole model of the library that trains here, and what it takes.
pub struct Champion {
    pub start: Start,
    /// The version as `name/3`: what the run records, whatever an alias means later.
    pub reference: String,
    signature: Signature,
}

impl Champion {
    pub fn of(home: Home, reference: &str) -> Result<Self> {
        let resolved = version::resolve(home, reference)?;
        let version = resolved.version(home)?;
        // Its digest is checked as it is read.
        let artifact = version::read_artifact(home, &resolved.tenant, &version.digest)?;
        let reference = format!("{}/{}", resolved.model, version.number);
        let text = std::str::from_utf8(&artifact).ok().filter(|text| text.starts_with("tree\n"));
        let text = text.ok_or_else(|| {
            refused(&reference, "is no model of LightGBM").hint("Start from a version that was trained here.")
        })?;
        Ok(Self { start: Start::parse(text)?, reference, signature: version.signature.clone() })
    }

    pub fn positive(&self) -> Option<&str> {
        self.signature.positive.as_deref()
    }

    /// Brings the feature columns into the model's order and codes; `is_other` says which are no features.
    pub fn arrange(&self, columns: &mut Vec<Column>, is_other: impl Fn(&str) -> bool) -> Result<()> {
        let mut arranged = Vec::with_capacity(columns.len());
        for feature in &self.signature.features {
            let found =
                columns.iter().position(|column| column.name == feature.name && !is_other(&column.name));
            let at = found.ok_or_else(|| {
                refused(&self.reference, &format!("needs feature \"{}\"", feature.name))
                    .hint("Select every feature of the version that the training starts from.")
            })?;
            let mut column = columns.remove(at);
            self.fits(feature, &column)?;
            column.recode(feature);
            arranged.push(column);
        }
        if let Some(column) = columns.iter().find(|column| !is_other(&column.name)) {
            return Err(refused(&self.reference, &format!("does not know feature \"{}\"", column.name))
                .hint(format!("Leave it out: exclude => '{{{}}}'; or train afresh.", column.name)));
        }
        columns.splice(0..0, arranged);
        Ok(())
    }

    fn fits(&self, feature: &Feature, column: &Column) -> Result<()> {
        let fits = match feature.kind {
            FeatureKind::Category => column.kind == FeatureKind::Numeric,
            kind => column.kind == kind,
        };
        if fits {
            return Ok(());
        }
        Err(Failure::new(
            PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
            format!("feature \"{}\" does not have the kind it has in {}", feature.name, self.reference),
        )
        .detail(format!("The query gives {}, the version takes {}.", column.kind.name(), feature.kind.name()))
        .hint("Cast it in the query."))
    }

    /// Whether the labels mean what they meant to the model.
    pub fn fit_for(&self, signature: &Signature) -> Result<()> {
        let (theirs, ours) = (&self.signature.classes, &signature.classes);
        if self.signature.task == signature.task && (theirs.is_empty() || theirs == ours) {
            return Ok(());
        }
        Err(refused(&self.reference, "does not have these classes")
            .detail(format!("It has {}, the query {}.", theirs.join(", "), ours.join(", ")))
            .hint("Bring the labels into its classes, or train afresh."))
    }
}

fn refused(reference: &str, why: &str) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("version \"{reference}\", to start from, {why}"),
    )
}
