//! The checks of policies, and the one table from kinds of failure to SQLSTATEs.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::super::world::{run, sqlstate};
    use crate::error::Failure;
    use pgrx::PgSqlErrorCode;
    use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
    use pgrx::prelude::*;
    use sira_core::policy::DECISIONS;
    use sira_core::{Error, ErrorKind};

    #[pg_test]
    fn every_decision_of_the_vocabulary_passes_and_no_other() {
        for decision in DECISIONS {
            run(&format!("SELECT sira_check_decision('{decision}')"));
        }
        for decision in ["", "Approve", "shrug", "approve "] {
            assert_eq!(sqlstate(&format!("SELECT sira_check_decision('{decision}')")), "22023", "{decision}");
        }
    }

    #[pg_test]
    fn bands_that_do_not_cover_the_line_once_are_refused() {
        for bad in [
            "[]",
            "{}",
            "7",
            r#"[{"upto": 0.5, "decision": "approve"}]"#,
            r#"[{"decision": "approve"}, {"decision": "decline"}]"#,
            r#"[{"upto": 0.5, "decision": "approve"}, {"upto": 0.4, "decision": "review"}, {"decision": "decline"}]"#,
            r#"[{"decision": "shrug"}]"#,
            r#"[{"class": "ALL"}]"#,
        ] {
            assert_eq!(sqlstate(&format!("SELECT sira_check_bands('{bad}')")), "22023", "{bad}");
        }
        run(
            r#"SELECT sira_check_bands('[{"upto": -1e300, "decision": "approve"}, {"decision": "decline"}]')"#,
        );
    }

    #[pg_test]
    fn every_kind_of_failure_has_its_sqlstate() {
        use PgSqlErrorCode as Code;
        for (kind, code) in [
            (ErrorKind::MalformedModel, Code::ERRCODE_INVALID_TEXT_REPRESENTATION),
            (ErrorKind::UnsupportedModel, Code::ERRCODE_FEATURE_NOT_SUPPORTED),
            (ErrorKind::CorruptArtifact, Code::ERRCODE_DATA_CORRUPTED),
            (ErrorKind::InvalidParameter, Code::ERRCODE_INVALID_PARAMETER_VALUE),
            (ErrorKind::InvalidName, Code::ERRCODE_INVALID_NAME),
            (ErrorKind::FeatureType, Code::ERRCODE_DATATYPE_MISMATCH),
            (ErrorKind::UnknownFeature, Code::ERRCODE_UNDEFINED_COLUMN),
            (ErrorKind::FeatureCount, Code::ERRCODE_ARRAY_ELEMENT_ERROR),
            (ErrorKind::InfiniteValue, Code::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
            (ErrorKind::BadLabel, Code::ERRCODE_INVALID_PARAMETER_VALUE),
            (ErrorKind::NotEnoughData, Code::ERRCODE_INVALID_PARAMETER_VALUE),
            (ErrorKind::OutOfBudget, Code::ERRCODE_PROGRAM_LIMIT_EXCEEDED),
            (ErrorKind::InvalidTransition, Code::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
            (ErrorKind::InvalidPolicy, Code::ERRCODE_INVALID_PARAMETER_VALUE),
            (ErrorKind::Training, Code::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
            (ErrorKind::Cancelled, Code::ERRCODE_QUERY_CANCELED),
        ] {
            let error = Error::new(kind, "a message").with_detail("A detail.").with_hint("A hint.");
            let raised = PgTryBuilder::new(|| {
                ErrorReport::from(Failure::from(error.clone())).report(PgLogLevel::ERROR);
                None
            })
            .catch_others(|caught| match caught {
                CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => Some(report),
                CaughtError::RustPanic { .. } => None,
            })
            .execute()
            .unwrap();
            assert_eq!(raised.sql_error_code(), code, "{kind:?}");
            assert_eq!(
                (raised.message(), raised.detail(), raised.hint()),
                ("a message", Some("A detail."), Some("A hint."))
            );
        }
    }
}
